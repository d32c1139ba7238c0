//! What happened on a host, made ready to be shown.

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::{Explanation, HostEntry, HostTimeline};
use crate::report::events::host_words;
use crate::report::visible;

/// What happened on a host.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriftHost {
    /// What is to be known first.
    pub note: String,
    /// Events, by time; the worst where not all have room.
    pub rows: Vec<DriftHostRow>,
    /// How many more there are.
    pub more: usize,
    /// What was not seen.
    pub unseen: Vec<String>,
}

/// One event of a host.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct DriftHostRow {
    pub severity: &'static str,
    /// UTC, to the second.
    pub time: String,
    pub machine: String,
    pub user: String,
    /// What happened.
    pub what: String,
    /// What explains it, in a few words.
    pub standing: &'static str,
    /// Why it has its severity.
    pub why: String,
    /// Events near in time, those that explain it first.
    pub near: Vec<String>,
}

impl DriftHost {
    /// With at most so many rows.
    pub(super) fn new(host: &HostTimeline, most: usize) -> Self {
        let mut chosen: Vec<(usize, &HostEntry)> = host.entries.iter().enumerate().collect();
        if chosen.len() > most {
            chosen.sort_by_key(|(place, entry)| (std::cmp::Reverse(entry.severity), *place));
            chosen.truncate(most);
            chosen.sort_by_key(|(place, _)| *place);
        }
        let minutes = host.window_minutes;
        Self {
            note: format!(
                "Events of the server within {minutes} minutes before or after stand beside each event of the host. Clocks of machines \
                 differ, and times of a trace are an hour off where daylight saving time changed since: what stands near need \
                 not belong together, and what belongs together can stand further apart."
            ),
            more: host.entries.len() - chosen.len(),
            rows: chosen.into_iter().map(|(_, entry)| row(entry)).collect(),
            unseen: host.unseen.iter().map(|text| visible(text)).collect(),
        }
    }
}

fn row(entry: &HostEntry) -> DriftHostRow {
    let or_unknown = |text: &Option<String>| visible(text.as_deref().unwrap_or("?"));
    let mut near: Vec<String> = entry.explanations.iter().map(near).collect();
    if entry.further > 0 {
        near.push(format!("and {} more near in time", entry.further));
    }
    DriftHostRow {
        severity: entry.severity.as_str(),
        time: second(&entry.event.moment),
        machine: or_unknown(&entry.event.machine),
        user: or_unknown(&entry.event.user),
        what: host_words(&entry.event),
        standing: entry.standing.words(),
        why: visible(&entry.why),
        near,
    }
}

fn near(one: &Explanation) -> String {
    let distance = match one.seconds_before {
        0 => "at the same second".to_owned(),
        n if n > 0 => format!("{} before", span(n)),
        n => format!("{} after", span(-n)),
    };
    let from = if one.from.is_empty() {
        String::new()
    } else {
        format!(" from {}", visible(&one.from))
    };
    let change = one.change.as_ref().map_or_else(String::new, |change| {
        format!("; in the snapshots: {}", visible(change))
    });
    let ran = one.ran.as_ref().map_or_else(String::new, |change| {
        format!(
            "; it executed what changed, in the snapshots: {}",
            visible(change)
        )
    });
    let near = if one.explains {
        ""
    } else {
        " (near in time only)"
    };
    let (what, who) = (visible(&one.what), visible(&one.who));
    format!(
        "{} ({distance}): {what}, by {who}{from}{change}{ran}{near}",
        second(&one.moment)
    )
}

fn span(seconds: i64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

fn second(moment: &str) -> String {
    visible(moment.get(..19).unwrap_or(moment)).replace('T', " ")
}
