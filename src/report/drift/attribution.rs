//! Who made the changes, made ready to be shown.

use schemars::JsonSchema;
use serde::Serialize;

use super::view::short;
use crate::drift::{
    Attributed, AttributionSummary, BlindSpot, Change, ChangeAttribution, InstanceAttribution,
    Passed, ToldEvent,
};
use crate::ids::named;
use crate::report::view::counted;
use crate::report::visible;

/// Blind spots that are told of one change.
const MOST_REASONS: usize = 4;
/// Events that are told of one change.
const MOST_EVENTS: usize = 3;

/// Who made one change.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriftAttribution {
    /// Whether it is known, and was approved: `approved`, `unattributable` …
    pub outcome: &'static str,
    /// Whether somebody has to look: neither approved nor merely attributed.
    pub open: bool,
    /// The ticket that covers it.
    pub ticket: Option<String>,
    /// The events that made it: when, who, from where, what.
    pub events: Vec<String>,
    /// How many more there are.
    pub more_events: usize,
    /// What the outcome rests on or lacks, and what a reviewer wants to know.
    pub why: Vec<String>,
    /// The last event's statement.
    pub statement: Option<String>,
}

/// Something that happened and left no drift.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs)] // as in the JSON
pub struct DriftPassed {
    pub severity: &'static str,
    pub what: String,
    pub outcome: &'static str,
    /// When, who, from where; of the last.
    pub last: String,
    /// How often, and what a reviewer wants to know.
    pub why: Vec<String>,
}

/// The whole attribution in one sentence.
pub fn headline(summary: &AttributionSummary) -> String {
    let outcomes = summary.outcomes.iter();
    let counts = outcomes.map(|own| format!("{} {}", own.changes, own.outcome.words()));
    let counts: Vec<String> = counts.collect();
    let counts = if counts.is_empty() {
        "no change to attribute".to_owned()
    } else {
        counts.join(", ")
    };
    let held = if summary.held_to_register {
        "held to the register"
    } else {
        "no register given"
    };
    format!("Attribution: {counts} ({held}).")
}

/// One change's.
pub fn of_change(change: &Change) -> Option<DriftAttribution> {
    let own = change.attribution.as_ref()?;
    let shown = own.events.len().saturating_sub(MOST_EVENTS);
    let last = own.events.last();
    Some(DriftAttribution {
        outcome: own.outcome.words(),
        open: !matches!(own.outcome, Attributed::Approved | Attributed::Attributed),
        ticket: own.ticket.as_deref().map(|ticket| short(&visible(ticket))),
        events: own.events.iter().skip(shown).map(event).collect(),
        more_events: shown + own.more_events as usize,
        why: why(own),
        statement: last
            .and_then(|own| own.statement.as_deref())
            .map(|text| short(&visible(text))),
    })
}

fn why(own: &ChangeAttribution) -> Vec<String> {
    let mut why: Vec<String> = own
        .because
        .iter()
        .map(|text| short(&visible(text)))
        .collect();
    why.extend(blind(&own.blind_spots, MOST_REASONS));
    let more = |label: &str, texts: &[String]| {
        let texts = texts
            .iter()
            .map(|text| format!("{label}{}", short(&visible(text))));
        texts.collect::<Vec<_>>()
    };
    why.extend(more("fits in part: ", &own.near));
    why.extend(more("catalog (weaker evidence): ", &own.catalog));
    why.extend(more("", &own.remarks));
    why
}

/// Blind spots, a sentence each.
pub fn blind(spots: &[BlindSpot], most: usize) -> Vec<String> {
    let mut told: Vec<String> = spots
        .iter()
        .take(most)
        .map(|own| {
            let unseen = if own.kind.is_unseen() {
                "not seen: "
            } else {
                ""
            };
            format!("{unseen}{}", short(&visible(&own.why)))
        })
        .collect();
    let left = spots.len().saturating_sub(most);
    if left > 0 {
        told.push(format!("and {} more", counted(left, "reason", "reasons")));
    }
    told
}

/// What happened and left no drift.
pub fn passed(own: &InstanceAttribution, most: usize) -> Vec<DriftPassed> {
    let told = own.passed.iter().take(most);
    told.map(|own| DriftPassed {
        severity: own.severity.as_str(),
        what: short(&visible(&own.what)),
        outcome: own.outcome.words(),
        last: event(&own.last),
        why: passed_why(own),
    })
    .collect()
}

/// How much more happened than is told.
pub fn more_passed(own: &InstanceAttribution, most: usize) -> usize {
    let left = own.passed.len().saturating_sub(most);
    let more = own.more_passed.iter().map(|own| own.changes as usize);
    left + more.sum::<usize>()
}

fn passed_why(own: &Passed) -> Vec<String> {
    let mut why = Vec::new();
    if own.count > 1 {
        why.push(format!("{} times, this was the last", own.count));
    }
    why.extend(
        own.ticket
            .iter()
            .map(|own| format!("ticket {}", short(&visible(own)))),
    );
    why.extend(own.remarks.iter().map(|own| short(&visible(own))));
    why
}

/// When, who, from where, what.
fn event(own: &ToldEvent) -> String {
    let when = match &own.until {
        None => second(&own.moment),
        Some(until) => format!(
            "{} to {} (cannot be told)",
            second(&own.moment),
            second(until)
        ),
    };
    let name = |text: &Option<String>| text.as_deref().map(named);
    let who = match (name(&own.who.session_login), name(&own.who.login)) {
        (Some(session), Some(login)) if session != login => format!("{session} as {login}"),
        (Some(one), _) | (None, Some(one)) => one,
        (None, None) => "somebody who is not recorded".to_owned(),
    };
    let from = [&own.from.host, &own.from.client_ip, &own.from.application];
    let from: Vec<String> = from.into_iter().filter_map(name).collect();
    let from = if from.is_empty() {
        String::new()
    } else {
        format!(" from {}", from.join(", "))
    };
    let uses = if own.features.is_empty() {
        String::new()
    } else {
        format!(", uses {}", own.features.join(", "))
    };
    let cut = if own.statement_cut {
        ", statement not whole"
    } else {
        ""
    };
    let text = format!(
        "{when} UTC {who}{from}: {} ({}){uses}{cut}",
        own.action, own.source
    );
    visible(&text)
}

/// A moment to the second.
fn second(moment: &str) -> String {
    moment.get(..19).unwrap_or(moment).replace('T', " ")
}
