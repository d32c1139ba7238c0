//! What happened between the two collections and left no drift: a channel was run, an option was switched on and off
//! again, something was made and dropped, an audit was switched.

use std::collections::{BTreeMap, BTreeSet};

use super::Attributing;
use super::deed::Class;
use super::entry::{Attributed, Passed};
use super::hold::{Said, identity};
use super::join::{Witnessed, made_and_ended};
use super::told::{features, told};
use super::wanted::Sides;
use crate::drift::diff::{Change, ChangeKind};
use crate::ids::named;
use crate::rules::Severity;
use crate::tsql::{Sink, name_parts};

/// What is told of one instance.
const MOST: usize = 200;

/// Ways that are worth a word where a statement takes them.
const TOLD: &[(Sink, Severity)] = &[
    (Sink::XpCmdshell, Severity::High),
    (Sink::CreateAssembly, Severity::High),
    (Sink::OleAutomation, Severity::High),
    (Sink::SpConfigureEnable, Severity::High),
    (Sink::ExternalScript, Severity::Medium),
    (Sink::AgentJob, Severity::High),
    (Sink::RegistryWrite, Severity::High),
    (Sink::ExtendedProcAdd, Severity::High),
    (Sink::StartupProc, Severity::High),
    (Sink::RestEndpoint, Severity::Medium),
];

/// Modules that reach a way now, by database and name, and which ways those are.
pub type Reaching = BTreeMap<(Option<String>, String), String>;

/// The modules among the changes that reach a way after.
pub fn reaching(changes: &[Change]) -> Reaching {
    let own = changes
        .iter()
        .filter(|change| change.kind != ChangeKind::Removed);
    let own = own.filter_map(|change| {
        let text = change.text.as_ref()?;
        if text.sinks_gained.is_empty() {
            return None;
        }
        let name = name_parts(&change.name).pop()?;
        let database = change.database.as_ref().map(|own| own.as_str().to_owned());
        Some(((database, Sides::key(&name)), text.sinks_gained.join(", ")))
    });
    own.collect()
}

/// One thing that happened, by whom.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    severity: std::cmp::Reverse<Severity>,
    what: String,
    who: Option<String>,
    /// Held to the threshold.
    is_run: bool,
}

/// What left no drift, the worst first.
pub fn passed(by: &Attributing<'_>, used: &BTreeSet<usize>, reaching: &Reaching) -> Vec<Passed> {
    let mut kinds: BTreeMap<Kind, Vec<usize>> = BTreeMap::new();
    let mut enter = |at: usize, what: String, severity, is_run| {
        let own = by.index.all.get(at);
        let kind = Kind {
            severity: std::cmp::Reverse(severity),
            what,
            who: own.and_then(|own| identity(own.event)).map(str::to_owned),
            is_run,
        };
        let places = kinds.entry(kind).or_default();
        if places.last() != Some(&at) {
            places.push(at);
        }
    };
    let mut gone = BTreeSet::new();
    for (class, name, places) in made_and_ended(&by.index, used, by.sides) {
        let severity = match class {
            Class::Database | Class::Schema | Class::Schedule => Severity::Low,
            _ => Severity::Medium,
        };
        let events = places.iter().filter_map(|at| by.index.all.get(*at));
        let sinks: BTreeSet<Sink> = events.flat_map(|own| features(own.event)).collect();
        let sinks: Vec<&str> = sinks.iter().map(|own| own.as_str()).collect();
        let (which, severity) = if sinks.is_empty() {
            (String::new(), severity)
        } else {
            (format!(", which used {}", sinks.join(", ")), Severity::High)
        };
        for at in places {
            gone.insert(at);
            let what = format!("{} made and ended in between{which}", named(&name));
            enter(at, what, severity, false);
        }
    }
    for (at, own) in by.index.all.iter().enumerate() {
        if used.contains(&at) || gone.contains(&at) {
            continue;
        }
        for (what, severity, is_run) in happened(own, reaching) {
            enter(at, what, severity, is_run);
        }
    }
    let told = kinds.into_iter().take(MOST);
    told.filter_map(|(kind, places)| one(by, kind, &places))
        .collect()
}

/// What an event is worth a word for.
fn happened(own: &Witnessed<'_>, reaching: &Reaching) -> Vec<(String, Severity, bool)> {
    let event = own.event;
    if event.succeeded == Some(false) {
        return Vec::new();
    }
    let mut told = Vec::new();
    for deed in &own.deeds {
        let name = deed
            .name
            .as_deref()
            .map_or_else(|| "one that is not named".to_owned(), named);
        match deed.class {
            Class::Option => {
                let value = deed
                    .value
                    .as_deref()
                    .unwrap_or("a value that is not recorded");
                let what = format!("option {name} set to {value}");
                told.push((what, Severity::Medium, false));
            }
            Class::Audit | Class::ServerSpecification | Class::DatabaseSpecification => {
                let what = format!("audit or specification {name} switched or changed");
                told.push((what, Severity::High, false));
            }
            _ => {}
        }
    }
    let uses = features(event);
    let uses = TOLD.iter().filter(|(sink, _)| uses.contains(sink));
    let is_definition = matches!(event.action.id.as_str(), "CR" | "AL" | "DR");
    let did = if is_definition {
        "changed code that uses"
    } else {
        "used"
    };
    told.extend(uses.map(|(sink, severity)| {
        (
            format!("{did} {}", sink.as_str()),
            *severity,
            !is_definition,
        )
    }));
    if event.action.id == "EX"
        && let Some(object) = event.on.object.as_deref()
    {
        let key = (event.on.database.clone(), Sides::key(object));
        if let Some(ways) = reaching.get(&key) {
            let what = format!("ran {}, which reaches {ways}", named(object));
            told.push((what, Severity::High, true));
        }
    }
    told
}

fn one(by: &Attributing<'_>, kind: Kind, places: &[usize]) -> Option<Passed> {
    let events: Vec<&Witnessed<'_>> = places
        .iter()
        .filter_map(|at| by.index.all.get(*at))
        .collect();
    let last = events.last()?;
    let mut said = Said {
        outcome: Attributed::Attributed,
        ticket: None,
        because: None,
    };
    let mut remarks = BTreeSet::new();
    if let Some(holding) = &by.holding {
        let held = events.iter().map(|own| {
            let event = own.event;
            remarks.extend(holding.remarks(event, &own.moment));
            let parts = [&event.on.database, &event.on.schema, &event.on.object];
            let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
            holding.of(event, &own.moment, &parts.join("."))
        });
        if let Some(worst) = held.max_by_key(|own| own.outcome) {
            said = worst;
        }
        if let Some(most) = holding.threshold().filter(|_| kind.is_run) {
            remarks.extend(over(&events, most));
        }
    }
    remarks.extend(said.because);
    Some(Passed {
        what: kind.what,
        severity: kind.severity.0,
        outcome: said.outcome,
        ticket: said.ticket,
        count: u32::try_from(events.len()).unwrap_or(u32::MAX),
        last: told(last.event, &last.moment),
        remarks: remarks.into_iter().collect(),
    })
}

/// The hour with the most executions, where those are more than is usual.
fn over(events: &[&Witnessed<'_>], most: u32) -> Option<String> {
    let mut hours: BTreeMap<String, u32> = BTreeMap::new();
    for own in events {
        let (first, _) = own.moment.ends();
        let hour = first.strftime("%Y-%m-%d %H:00 UTC").to_string();
        *hours.entry(hour).or_default() += 1;
    }
    let (hour, count) = hours.into_iter().max_by_key(|(_, count)| *count)?;
    (count > most).then(|| format!("{count} times in the hour from {hour}, and {most} are usual"))
}
