//! Drift made ready to be shown: every text harmless, every list bounded, and said by how much.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::attribution::{self, DriftAttribution, DriftPassed};
use super::host::DriftHost;
use crate::drift::{
    Change, Diff, Happened, InstanceDiff, NotComparable, Pairing, Pending, RecordOutcome,
    TextChange, VerdictChange,
};
use crate::ids::DatabaseName;
use crate::report::view::{counted, first_of};
use crate::report::visible;

/// Form of what templates of drift are given.
pub const DRIFT_VIEW_SCHEMA: &str = "mssql-posture/drift-view/v1";

/// Characters that are shown of a value.
const LONGEST_VALUE: usize = 200;
const MOST_FACTS: usize = 6;
const MOST_NEEDS: usize = 3;
const MOST_ROWS: usize = 5;

/// What a form has room for, of each instance.
#[derive(Clone, Copy)]
pub struct Most {
    rows: usize,
    lines: usize,
}

impl Most {
    pub(super) const OF_A_TABLE: Self = Self {
        rows: 40,
        lines: 12,
    };
    pub(super) const OF_A_PAGE: Self = Self {
        rows: 1_000,
        lines: 60,
    };
}

/// What templates of drift are given.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriftView {
    /// `mssql-posture/drift-view/v1`.
    pub schema: &'static str,
    /// The day as of which both sides were judged.
    pub as_of: String,
    /// Program and version.
    pub judged_by: String,
    /// The whole in one sentence.
    pub headline: String,
    /// Changes by severity, worst first.
    pub counts: Vec<DriftCount>,
    /// Whether something was not seen on a side.
    pub incomplete: bool,
    /// What became of the change record.
    pub record: Option<DriftRecord>,
    /// Who made the changes, in one sentence, where events were given.
    pub attribution: Option<String>,
    /// Events of hosts that belong to no instance.
    pub unplaced: Vec<String>,
    /// The targets, by name.
    pub instances: Vec<DriftInstance>,
}

/// What became of the change record.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct DriftRecord {
    pub headline: String,
    /// What was planned, and whether it happened.
    pub planned: Vec<String>,
    pub remarks: Vec<String>,
}

/// How many changes have a severity.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriftCount {
    /// The word.
    pub severity: &'static str,
    /// How many.
    pub count: usize,
}

/// One target.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriftInstance {
    /// Its name.
    pub id: String,
    /// How it stands, in a few words.
    pub state: String,
    /// When the sides were collected.
    pub collected: String,
    /// What is to be known first.
    pub remarks: Vec<String>,
    /// Exposure before and after, if it is another.
    pub exposure: Option<String>,
    /// Whether both sides have it, so that what is not told is the same.
    #[serde(skip)]
    pub compared: bool,
    /// Severity of that.
    pub exposure_severity: Option<&'static str>,
    /// Channels that stand otherwise.
    pub routes: Vec<DriftRoute>,
    /// Verdicts that are not the same.
    pub verdicts: Vec<DriftVerdict>,
    /// How many more there are.
    pub more_verdicts: usize,
    /// Rows that are not the same.
    pub changes: Vec<DriftRow>,
    /// How many more there are.
    pub more_changes: usize,
    /// Rows that came or went with what they belong to.
    pub with_owner: u32,
    /// What a RECONFIGURE or a restart would activate.
    pub pending: Vec<DriftPending>,
    /// Where something could have happened unseen or unrecorded, a sentence each; where events were given.
    pub blind: Vec<String>,
    /// What happened between the two sides and left no drift.
    pub passed: Vec<DriftPassed>,
    /// How many more there are.
    pub more_passed: usize,
    /// What could not be compared, a sentence each.
    pub unseen: Vec<String>,
    /// How many more there are.
    pub more_unseen: usize,
    /// What happened on the host, where events of it are given.
    pub host: Option<DriftHost>,
    /// Whether there is nothing to show.
    pub quiet: bool,
}

/// A channel.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs)] // as in the JSON
pub struct DriftRoute {
    pub severity: &'static str,
    pub title: String,
    pub before: String,
    pub after: String,
}

/// A verdict.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct DriftVerdict {
    pub severity: &'static str,
    pub drift: &'static str,
    pub rule: String,
    pub title: String,
    pub subject: String,
    pub message: String,
}

/// A row.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct DriftRow {
    pub severity: &'static str,
    /// What became of it; of a text also whether it is the code.
    pub what: String,
    pub noun: String,
    pub place: Option<String>,
    pub name: String,
    /// `column: before → after`.
    pub columns: Vec<String>,
    /// What is to be said of its text.
    pub notes: Vec<String>,
    pub lines: Vec<DriftLine>,
    pub more_lines: u32,
    /// Who made it, where events were given.
    pub attribution: Option<DriftAttribution>,
}

/// A line of a textual diff.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct DriftLine {
    /// `added`, `removed` or `same`.
    pub kind: &'static str,
    /// With its sign in front.
    pub text: String,
}

/// A staged option.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct DriftPending {
    pub severity: &'static str,
    pub option: String,
    pub sentence: String,
}

impl DriftView {
    pub(super) fn new(diff: &Diff, most: Most) -> Self {
        let counts = diff.counts();
        let all: usize = counts.iter().map(|(_, count)| count).sum();
        let (of, aside) = compared(diff);
        let incomplete = diff.is_incomplete();
        let unseen = if incomplete {
            "; not everything was seen on both sides"
        } else {
            ""
        };
        let headline = match all {
            0 if of.is_empty() => format!("No instance was compared{aside}."),
            0 if incomplete => {
                format!("{of}: no change in what was seen on both sides{unseen}{aside}.")
            }
            0 => format!("{of}: nothing changed{aside}."),
            _ => format!(
                "{of}: {}{unseen}{aside}.",
                counted(all, "change", "changes")
            ),
        };
        let counts = counts.map(|(severity, count)| DriftCount {
            severity: severity.as_str(),
            count,
        });
        Self {
            schema: DRIFT_VIEW_SCHEMA,
            as_of: visible(&diff.as_of),
            judged_by: visible(&diff.judged_by),
            headline,
            counts: counts.into(),
            incomplete,
            record: diff.record.as_ref().map(|own| record(own, incomplete)),
            attribution: diff.attribution.as_ref().map(attribution::headline),
            unplaced: diff.unplaced.iter().map(|text| visible(text)).collect(),
            instances: diff
                .instances
                .iter()
                .map(|one| instance(one, most))
                .collect(),
        }
    }
}

/// How many targets were compared, and which were not; nothing where there are none.
fn compared(diff: &Diff) -> (String, String) {
    let is_compared = |one: &&InstanceDiff| one.pairing == Pairing::Compared;
    let number = diff.instances.iter().filter(is_compared).count();
    let others = diff.instances.iter().filter(|one| !is_compared(one));
    let others: Vec<String> = others.map(|one| short(&visible(one.id.as_str()))).collect();
    let of = match number {
        0 if !others.is_empty() => String::new(),
        number => counted(number, "instance", "instances"),
    };
    let aside = match others.len() {
        0 => String::new(),
        n => format!("; {n} not compared ({})", first_of(&others, MOST_ROWS)),
    };
    (of, aside)
}

fn record(outcome: &RecordOutcome, incomplete: bool) -> DriftRecord {
    let planned = outcome.planned.iter().map(|one| {
        let said = match one.outcome {
            Happened::Happened => format!(
                "happened ({})",
                counted(one.changes as usize, "change", "changes")
            ),
            Happened::NotHappened => "did NOT happen".to_owned(),
            Happened::NotSeen => "not seen: it may have happened where nobody looked".to_owned(),
        };
        format!("{}: {said}", short(&visible(&one.planned)))
    });
    let [from, until] = outcome.window.each_ref().map(|moment| visible(moment));
    let kept = match outcome.is_broken() {
        true => "NOT kept",
        false if incomplete || !outcome.is_kept() => "not known whether it was kept",
        false => "kept",
    };
    let unplanned = match outcome.unplanned {
        0 => "nothing unplanned changed".to_owned(),
        n => format!(
            "{} not planned",
            counted(n as usize, "change was", "changes were")
        ),
    };
    DriftRecord {
        headline: format!(
            "Change {} ({from} to {until}): {kept}; {unplanned}",
            short(&visible(&outcome.id))
        ),
        planned: planned.collect(),
        remarks: outcome.remarks.iter().map(|text| visible(text)).collect(),
    }
}

fn instance(diff: &InstanceDiff, most: Most) -> DriftInstance {
    let exposure = diff.exposure.as_ref();
    let own = diff.attribution.as_ref();
    let gaps = unseen(&diff.not_comparable);
    let range = |p: crate::drift::Points| {
        if p.low == p.high {
            p.low.to_string()
        } else {
            format!("{}–{}", p.low, p.high)
        }
    };
    let routes = diff.routes.iter().map(|route| DriftRoute {
        severity: route.severity.as_str(),
        title: visible(&route.title),
        before: visible(&route.before),
        after: visible(&route.after),
    });
    DriftInstance {
        id: visible(diff.id.as_str()),
        state: state(diff),
        collected: collected(diff),
        remarks: diff.remarks.iter().map(|text| visible(text)).collect(),
        compared: diff.pairing == Pairing::Compared,
        exposure: exposure.map(|e| format!("{} → {}", range(e.before), range(e.after))),
        exposure_severity: exposure.map(|e| e.severity.as_str()),
        routes: routes.collect(),
        verdicts: diff.verdicts.iter().take(most.rows).map(verdict).collect(),
        more_verdicts: diff.verdicts.len().saturating_sub(most.rows),
        changes: diff
            .changes
            .iter()
            .take(most.rows)
            .map(|change| row(change, most))
            .collect(),
        more_changes: diff.changes.len().saturating_sub(most.rows),
        with_owner: diff.came_with_their_owner,
        pending: diff.pending.iter().map(pending).collect(),
        blind: own.map_or_else(Vec::new, |own| {
            attribution::blind(&own.blind_spots, most.rows)
        }),
        passed: own.map_or_else(Vec::new, |own| attribution::passed(own, most.rows)),
        more_passed: own.map_or(0, |own| attribution::more_passed(own, most.rows)),
        more_unseen: gaps.len().saturating_sub(most.rows),
        unseen: gaps.into_iter().take(most.rows).collect(),
        host: diff
            .host
            .as_ref()
            .map(|host| DriftHost::new(host, most.rows)),
        quiet: diff.host.is_none()
            && diff.severities().next().is_none()
            && diff.pending.is_empty()
            && diff.not_comparable.is_empty()
            && diff.attribution.is_none(),
    }
}

impl DriftInstance {
    /// Exposure before and after, in a cell.
    pub(super) fn shown_exposure(&self) -> String {
        let same = if self.compared { "the same" } else { "–" };
        self.exposure.clone().unwrap_or_else(|| same.to_owned())
    }
}

fn state(diff: &InstanceDiff) -> String {
    match diff.pairing {
        Pairing::Compared => {
            let changes = counted(diff.severities().count(), "change", "changes");
            if diff.is_incomplete() {
                format!("{changes}, not all seen")
            } else {
                changes
            }
        }
        Pairing::NotSelected => "left out of AFTER by --only or --exclude".to_owned(),
        Pairing::OnlyAfter => "new here: nothing to compare it with".to_owned(),
        Pairing::OnlyBefore => "not in AFTER: what became of it is not known".to_owned(),
        Pairing::SameAs => {
            let other = diff.same_as.as_ref().map(|id| visible(id.as_str()));
            format!("the same instance as {}", other.unwrap_or_default())
        }
    }
}

fn collected(diff: &InstanceDiff) -> String {
    let side = |at: usize| match diff.collected[at].as_str() {
        "" => "–".to_owned(),
        when => visible(when),
    };
    format!("{} and {}", side(0), side(1))
}

fn verdict(change: &VerdictChange) -> DriftVerdict {
    let subject = &change.subject;
    let parts = [
        subject.database.as_ref().map(DatabaseName::as_str),
        subject.name.as_deref(),
    ];
    let named: Vec<String> = parts.into_iter().flatten().map(visible).collect();
    DriftVerdict {
        severity: change.severity.as_str(),
        drift: change.drift.words(),
        rule: visible(&change.rule),
        title: visible(&change.title),
        subject: if named.is_empty() {
            visible(&subject.kind)
        } else {
            named.join(" ")
        },
        message: visible(&change.message),
    }
}

fn row(change: &Change, most: Most) -> DriftRow {
    let none = TextChange::default();
    let text = change.text.as_ref().unwrap_or(&none);
    let class = match text.class.as_deref() {
        Some("unknown") => ", code or looks: unknown".to_owned(),
        Some(class) => format!(", {}", visible(class)),
        None => String::new(),
    };
    let unplanned = if change.planned == Some(false) {
        ", UNPLANNED"
    } else {
        ""
    };
    let mut notes = Vec::new();
    if !text.sinks_gained.is_empty() {
        notes.push(format!(
            "reaches now: {}",
            visible(&text.sinks_gained.join(", "))
        ));
    }
    if !text.sinks_lost.is_empty() {
        notes.push(format!(
            "reaches no longer: {}",
            visible(&text.sinks_lost.join(", "))
        ));
    }
    notes.extend(text.note.as_ref().map(|note| visible(note)));
    let columns = change.columns.iter().map(|column| {
        let name = visible(&column.column);
        match (&column.before, &column.after) {
            (Some(was), Some(is)) => format!("{name}: {} → {}", value(was), value(is)),
            (one, other) => format!(
                "{name}: {}",
                value(one.as_ref().or(other.as_ref()).unwrap_or(&Value::Null))
            ),
        }
    });
    let more = text.lines.len().saturating_sub(most.lines);
    DriftRow {
        severity: change.severity.as_str(),
        what: format!("{}{class}{unplanned}", change.kind.words()),
        noun: visible(&change.noun),
        place: change.database.as_ref().map(|db| visible(db.as_str())),
        name: short(&visible(&change.name)),
        columns: columns.collect(),
        notes,
        lines: text
            .lines
            .iter()
            .take(most.lines)
            .map(|text| line(text))
            .collect(),
        more_lines: text
            .lines_left_out
            .saturating_add(u32::try_from(more).unwrap_or(u32::MAX)),
        attribution: attribution::of_change(change),
    }
}

fn line(text: &str) -> DriftLine {
    let kind = match text.chars().next() {
        Some('+') => "added",
        Some('-') => "removed",
        _ => "same",
    };
    // A tab moves text in a terminal; as blanks it is only wide.
    DriftLine {
        kind,
        text: visible(&text.replace('\t', "    ")),
    }
}

fn value(value: &Value) -> String {
    short(&match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => visible(text),
        // What stands for no row, and an id that names nothing that was seen.
        Value::Object(of) if of.len() == 1 && (of.contains_key("is") || of.contains_key("id")) => {
            let of = of.values().next();
            match of.and_then(Value::as_str) {
                Some(special) => visible(special),
                None => of.map_or_else(String::new, |id| format!("#{}", visible(&id.to_string()))),
            }
        }
        other => visible(&other.to_string()),
    })
}

pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn pending(option: &Pending) -> DriftPending {
    let was = match option.before {
        Some(true) => ", as before",
        Some(false) => ", which is new",
        None => "",
    };
    DriftPending {
        severity: option.severity.as_str(),
        option: visible(&option.option),
        sentence: format!(
            "runs with {}, and {} at the next {}{was}",
            option.in_use,
            option.value,
            visible(&option.by)
        ),
    }
}

/// A sentence for each reason, what leaves the comparison incomplete first. Databases of which the same is to be said are
/// named together.
fn unseen(all: &[NotComparable]) -> Vec<String> {
    let mut reasons: Vec<(&NotComparable, Vec<String>)> = Vec::new();
    let mut places: BTreeMap<_, usize> = BTreeMap::new();
    for one in all {
        let place = one.database.iter().map(|db| visible(db.as_str()));
        let reason = (
            !one.incomplete,
            one.database.is_some(),
            &one.facts,
            &one.states,
            &one.needs,
            &one.rows,
        );
        let at = *places.entry(reason).or_insert(reasons.len());
        match reasons.get_mut(at) {
            Some((_, databases)) => databases.extend(place),
            None => reasons.push((one, place.collect())),
        }
    }
    let sentences = places.values().filter_map(|at| reasons.get(*at));
    sentences
        .map(|(one, databases)| sentence(one, databases))
        .collect()
}

fn sentence(unseen: &NotComparable, databases: &[String]) -> String {
    let list = |texts: &[String], most| {
        let shown: Vec<String> = texts.iter().map(|text| short(&visible(text))).collect();
        first_of(&shown, most)
    };
    let place = match databases {
        [] => String::new(),
        some => format!(" in {}", first_of(some, MOST_ROWS)),
    };
    let rows = match unseen.row_count {
        0 => String::new(),
        n => format!(
            ": {} ({})",
            counted(n as usize, "row", "rows"),
            list(&unseen.rows, MOST_ROWS)
        ),
    };
    let needs = match unseen.needs.as_slice() {
        [] => String::new(),
        needs => format!("; it would take: {}", list(needs, MOST_NEEDS)),
    };
    let [was, is] = unseen
        .states
        .each_ref()
        .map(|state| visible(&state.replace('_', " ")));
    let aside = if unseen.incomplete {
        ""
    } else {
        " (not counted as incomplete)"
    };
    format!(
        "{}{place}{rows}: {was} before, {is} after{needs}{aside}",
        list(&unseen.facts, MOST_FACTS)
    )
}
