//! Would anyone notice: events by instances, and of one instance why.

use schemars::JsonSchema;
use serde::Serialize;

use super::Link;
use super::heat::Cell;
use super::instance::InstanceView;
use super::wording::{counted, quoted};
use crate::report::assessment::Instance;
use crate::report::visible;
use crate::rules::telemetry::{AuditState, EVENTS, EventState, Recorded, Running, Telemetry};

/// So many instances are drawn; each instance has its own on its page.
const MOST_COLUMNS: usize = 20;

/// The words of an outcome, and its style.
pub const fn event_word(outcome: Recorded) -> (&'static str, &'static str) {
    match outcome {
        Recorded::NotRecorded => ("not recorded", "critical"),
        Recorded::TraceNotSeen => ("no audit, trace not seen", "high"),
        Recorded::DefaultTraceOnly => ("default trace only", "high"),
        Recorded::InPart => ("in part", "medium"),
        Recorded::Narrowed => ("narrowed, not proven", "medium"),
        Recorded::KeptTooShort => ("recorded, kept too short", "medium"),
        Recorded::UntilFull => ("recorded, until its files are full", "medium"),
        Recorded::KeptDaysNotKnown => ("recorded, days not known", "low"),
        Recorded::Recorded => ("recorded", "whole"),
        Recorded::NotSeen => ("not seen", "unknown"),
        Recorded::NotApplicable => ("cannot happen", "quiet"),
    }
}

fn cell(outcome: Recorded) -> Cell {
    let (word, class) = event_word(outcome);
    Cell::new(word.to_owned(), class)
}

/// Every event of an instance.
pub fn noticed(instance: &Instance) -> Vec<Cell> {
    let own = instance.telemetry.iter().flat_map(|own| &own.events);
    own.map(|event| cell(event.outcome)).collect()
}

/// Events by instances.
#[derive(Serialize, JsonSchema)]
pub struct MatrixView {
    /// What it comes to, in a sentence; `None` where no instance was read.
    pub sentence: Option<String>,
    /// The instances to look at first.
    pub instances: Vec<Link>,
    /// One per event.
    pub rows: Vec<EventRow>,
    /// How many instances are not drawn.
    pub more: usize,
}

/// One event on every instance.
#[derive(Serialize, JsonSchema)]
pub struct EventRow {
    /// The event.
    pub title: &'static str,
    /// On how many of all instances where it can happen an audit records it whole.
    pub recorded: String,
    /// One per instance that is drawn.
    pub cells: Vec<Cell>,
}

impl MatrixView {
    /// The first instances, in the order of the report.
    pub fn new(instances: &[InstanceView]) -> Self {
        let judged = instances.iter().filter(|own| own.same_as.is_none());
        let judged: Vec<&InstanceView> = judged.collect();
        let drawn = judged.iter().take(MOST_COLUMNS);
        let drawn: Vec<&InstanceView> = drawn.copied().collect();
        let rows = EVENTS.iter().enumerate().map(|(at, event)| EventRow {
            title: event.title,
            recorded: recorded(&judged, at),
            cells: drawn
                .iter()
                .map(|own| own.noticed.get(at).cloned())
                .map(|own| own.unwrap_or_else(|| cell(Recorded::NotSeen)))
                .collect(),
        });
        Self {
            sentence: sentence(&judged),
            rows: rows.collect(),
            instances: drawn.iter().map(|own| link(own)).collect(),
            more: judged.len().saturating_sub(MOST_COLUMNS),
        }
    }
}

fn link(own: &InstanceView) -> Link {
    Link {
        id: own.id.clone(),
        href: own.href.clone(),
    }
}

/// `3 of 8`, and on how many it was not seen.
fn recorded(judged: &[&InstanceView], at: usize) -> String {
    let outcomes: Vec<Option<&Cell>> = judged.iter().map(|own| own.noticed.get(at)).collect();
    let cannot = cell(Recorded::NotApplicable);
    let can = outcomes.iter().filter(|own| **own != Some(&cannot)).count();
    let whole = outcomes
        .iter()
        .flatten()
        .filter(|own| is_whole(own))
        .count();
    let unseen = outcomes
        .iter()
        .filter(|own| own.is_none_or(|own| own.class == "unknown"))
        .count();
    match unseen {
        0 => format!("{whole} of {can}"),
        _ => format!("{whole} of {can}, {unseen} not seen"),
    }
}

fn is_whole(own: &Cell) -> bool {
    own.text.starts_with("recorded")
}

/// How many instances record all, some and none of the events.
fn sentence(judged: &[&InstanceView]) -> Option<String> {
    let read: Vec<&[Cell]> = judged.iter().map(|own| own.noticed.as_slice()).collect();
    if read.iter().all(|own| own.is_empty()) {
        return None;
    }
    let [mut all, mut some, mut none, mut unseen] = [0_usize; 4];
    for own in read {
        let can = own.iter().filter(|own| own.class != "quiet");
        let can: Vec<&Cell> = can.collect();
        let whole = can.iter().filter(|own| is_whole(own)).count();
        if can.is_empty() || can.iter().any(|own| own.class == "unknown") {
            unseen += 1;
        } else if whole == can.len() {
            all += 1;
        } else if whole > 0 {
            some += 1;
        } else {
            none += 1;
        }
    }
    let parts = [
        ("all events recorded by an audit on", all),
        ("some on", some),
        ("none on", none),
        ("not seen whole on", unseen),
    ];
    let parts = parts.into_iter().filter(|(_, count)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(words, count)| format!("{words} {count}"))
        .collect();
    Some(format!(
        "Would anyone notice ({}): {}.",
        counted(EVENTS.len(), "event", "events"),
        parts.join(", ")
    ))
}

/// What would be noticed on one instance.
#[derive(Serialize, JsonSchema)]
pub struct NoticedView {
    /// `14 of 23 events recorded by an audit`.
    pub summary: String,
    /// What the inventory asks for, in words.
    pub required: String,
    /// The server audits, a sentence each.
    pub audits: Vec<String>,
    /// What the default trace keeps.
    pub trace: String,
    /// Every event.
    pub events: Vec<EventView>,
    /// T-SQL that would record what is missing.
    pub proposals: Vec<ProposalView>,
}

/// One event of one instance.
#[derive(Serialize, JsonSchema)]
pub struct EventView {
    /// The event.
    pub title: String,
    /// What becomes of it, in words.
    pub word: &'static str,
    /// For style.
    pub class: &'static str,
    /// Why, a sentence each: the first of them, and how many more the JSON has.
    pub because: Vec<String>,
    /// What a record holds.
    pub holds: Option<String>,
}

/// T-SQL for a person to read and run.
#[derive(Serialize, JsonSchema)]
pub struct ProposalView {
    /// What it is for.
    pub sentence: String,
    /// The statements, with their line breaks.
    pub statement: String,
}

/// So many reasons are told of an event.
const MOST_REASONS: usize = 5;

impl NoticedView {
    /// What an assessment has of an instance.
    pub fn new(own: &Telemetry) -> Self {
        let (whole, can) = own.counts();
        let required = match own.required_days {
            Some(days) => format!("the inventory wants records kept for {days} days"),
            None => "the inventory does not say how long records must be kept".to_owned(),
        };
        let proposals = own.proposals.iter().map(|proposal| ProposalView {
            sentence: visible(&proposal.sentence),
            statement: proposal
                .statement
                .lines()
                .map(visible)
                .collect::<Vec<_>>()
                .join("\n"),
        });
        Self {
            summary: format!("{whole} of {can} events recorded by an audit"),
            required,
            audits: own.audits.iter().map(audit).collect(),
            trace: visible(&own.default_trace.why),
            events: own.events.iter().map(EventView::new).collect(),
            proposals: proposals.collect(),
        }
    }
}

impl EventView {
    fn new(own: &EventState) -> Self {
        let (word, class) = event_word(own.outcome);
        let missing = own.missing.iter().map(|missing| {
            let place = missing
                .database
                .as_ref()
                .map(|name| format!(" in {}", quoted(name.as_str())));
            let place = place.unwrap_or_default();
            visible(&format!(
                "{}{place} not seen: {}",
                missing.fact,
                missing.needs.join("; ")
            ))
        });
        let because = own.because.iter().map(|said| visible(said));
        let mut because: Vec<String> = because.chain(missing).collect();
        // What was not seen of a server stands in what could not be seen; told again for every event it fills pages.
        let more = because.len().saturating_sub(MOST_REASONS);
        if more > 0 {
            because.truncate(MOST_REASONS);
            because.push(format!("and {more} more, in assessment.json"));
        }
        Self {
            title: visible(&own.title),
            word,
            class,
            because,
            holds: own.holds.as_deref().map(visible),
        }
    }
}

/// An audit in one sentence: whether it runs, where to, what it may lose, what it drops, how long it keeps.
fn audit(own: &AuditState) -> String {
    let state = match own.state {
        Running::Running => "runs",
        Running::NotRunning => "does not run",
        Running::NotSeen => "was not seen whether it runs",
    };
    let target = own
        .target_desc
        .as_deref()
        .unwrap_or("a target that was not shown");
    let failure = match own.on_failure_desc.as_deref() {
        Some("CONTINUE") => "when it cannot write, work goes on unrecorded",
        Some("SHUTDOWN") => "when it cannot write, the server stops",
        Some("FAIL_OPERATION") => "when it cannot write, what it would record fails",
        _ => "what happens when it cannot write was not shown",
    };
    let delay = match own.queue_delay {
        Some(0) => "records are written at once".to_owned(),
        Some(delay) => format!("records of up to {delay} ms are lost with the server"),
        None => "its queue delay was not shown".to_owned(),
    };
    let predicate = own.predicate.as_deref();
    let predicate = predicate.map(|text| format!("; drops what does not match {}", quoted(text)));
    visible(&format!(
        "audit {} {state}, to {target}; {failure}; {delay}{}; {}",
        quoted(&own.name),
        predicate.unwrap_or_default(),
        own.kept.why
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use super::*;
    use crate::report::sample;
    use crate::report::view::View;

    #[test]
    fn every_outcome_has_words_of_its_own() {
        let words: BTreeSet<_> = Recorded::ALL.map(|one| event_word(one).0).into();
        assert_eq!(words.len(), Recorded::ALL.len());
        for outcome in Recorded::ALL {
            assert_eq!(is_whole(&cell(outcome)), outcome.is_whole(), "{outcome:?}");
        }
    }

    #[test]
    fn the_matrix_has_every_event_of_every_judged_instance() {
        let view = View::new(&sample::assessment());
        let judged = view
            .instances
            .iter()
            .filter(|own| own.same_as.is_none())
            .count();
        assert_eq!(view.noticed.instances.len(), judged);
        assert_eq!(view.noticed.rows.len(), EVENTS.len());
        for row in &view.noticed.rows {
            assert_eq!(row.cells.len(), judged, "{}", row.title);
        }
        let unreached = view
            .noticed
            .instances
            .iter()
            .position(|own| own.id == "dmz-01")
            .unwrap();
        let unseen = view
            .noticed
            .rows
            .iter()
            .map(|row| row.cells[unreached].text.as_str());
        assert!(unseen.into_iter().all(|text| text == "not seen"));
        assert_eq!(
            view.noticed.sentence.as_deref(),
            Some(
                "Would anyone notice (23 events): all events recorded by an audit on 1, some on 1, not seen whole on 3."
            )
        );
    }

    #[test]
    fn more_instances_than_columns_are_counted() {
        let mut assessment = sample::assessment();
        let one = assessment.instances[0].clone();
        for n in 0..30 {
            let mut more = one.clone();
            more.id = crate::ids::InstanceId::new(format!("more-{n}"));
            assessment.instances.push(more);
        }
        let view = View::new(&assessment.close());
        assert_eq!(view.noticed.instances.len(), MOST_COLUMNS);
        assert_eq!(view.noticed.more, 15);
        assert_eq!(view.noticed.rows[0].recorded, "31 of 35, 3 not seen");
    }
}
