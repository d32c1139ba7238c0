//! What happened between the two collections and left no drift: a channel was run, an option was switched on and off
//! again, something was made and dropped, an audit was switched.

use std::collections::{BTreeMap, BTreeSet};

use super::Attributing;
use super::deed::Class;
use super::entry::{Attributed, OutcomeCount, Passed};
use super::hold::{Said, identity};
use super::join::{Witnessed, made_and_ended};
use super::thing::Thing;
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

/// Where an event is, and what a ticket would have to be for.
type Place = (usize, Option<Thing>);

/// What left no drift: what somebody has to answer for before all else, and of that the worst first. How many are left out,
/// by outcome.
pub fn passed(
    by: &Attributing<'_>,
    used: &BTreeSet<usize>,
    reaching: &Reaching,
) -> (Vec<Passed>, Vec<OutcomeCount>) {
    let kinds = kinds(by, used, reaching);
    let told = kinds.into_iter();
    let mut told: Vec<Passed> = told
        .filter_map(|(kind, places)| one(by, kind, &places))
        .collect();
    // Whoever can make many events must not push others out of sight.
    let order = |own: &Passed| {
        let is_open = own.outcome == Attributed::Undecided;
        (own.outcome.is_finding(), is_open, own.severity)
    };
    told.sort_by_key(|own| std::cmp::Reverse(order(own)));
    let left = told.split_off(MOST.min(told.len()));
    let left: Vec<Attributed> = left.into_iter().map(|own| own.outcome).collect();
    (told, OutcomeCount::of(&left))
}

fn kinds(
    by: &Attributing<'_>,
    used: &BTreeSet<usize>,
    reaching: &Reaching,
) -> BTreeMap<Kind, Vec<Place>> {
    let mut kinds: BTreeMap<Kind, Vec<Place>> = BTreeMap::new();
    let mut enter = |at: usize, what: String, severity, is_run, thing: Option<Thing>| {
        let own = by.index.all.get(at);
        let kind = Kind {
            severity: std::cmp::Reverse(severity),
            what,
            who: own.and_then(|own| identity(own.event)).map(str::to_owned),
            is_run,
        };
        let places = kinds.entry(kind).or_default();
        if places.last().is_none_or(|(last, _)| *last != at) {
            places.push((at, thing));
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
            let own = by.index.all.get(at);
            let thing = own.and_then(|own| {
                let deed = own.deeds.iter().find(|deed| deed.class == class)?;
                Thing::of_deed(own.event, deed)
            });
            enter(at, what, severity, false, thing);
        }
    }
    for (at, own) in by.index.all.iter().enumerate() {
        if used.contains(&at) || gone.contains(&at) {
            continue;
        }
        for happened in happened(own, reaching) {
            let Happened {
                what,
                severity,
                is_run,
                thing,
            } = happened;
            enter(at, what, severity, is_run, thing);
        }
    }
    kinds
}

/// Something that an event is worth a word for.
struct Happened {
    what: String,
    severity: Severity,
    is_run: bool,
    thing: Option<Thing>,
}

/// What an event is worth a word for.
fn happened(own: &Witnessed<'_>, reaching: &Reaching) -> Vec<Happened> {
    let event = own.event;
    if event.succeeded == Some(false) {
        return Vec::new();
    }
    let mut told = Vec::new();
    let mut tell = |what, severity, is_run, thing| {
        told.push(Happened {
            what,
            severity,
            is_run,
            thing,
        });
    };
    for deed in &own.deeds {
        let thing = Thing::of_deed(event, deed);
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
                tell(what, Severity::Medium, false, thing);
            }
            Class::Audit | Class::ServerSpecification | Class::DatabaseSpecification => {
                let what = format!("audit or specification {name} switched or changed");
                tell(what, Severity::High, false, thing);
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
    for (sink, severity) in uses {
        let what = format!("{did} {}", sink.as_str());
        tell(what, *severity, !is_definition, Thing::of_event(event));
    }
    if event.action.id == "EX"
        && let Some(object) = event.on.object.as_deref()
    {
        let key = (event.on.database.clone(), Sides::key(object));
        if let Some(ways) = reaching.get(&key) {
            let what = format!("ran {}, which reaches {ways}", named(object));
            tell(what, Severity::High, true, Thing::of_event(event));
        }
    }
    told
}

fn one(by: &Attributing<'_>, kind: Kind, places: &[Place]) -> Option<Passed> {
    let events = places.iter();
    let events = events.filter_map(|(at, thing)| Some((by.index.all.get(*at)?, thing)));
    let events: Vec<(&Witnessed<'_>, &Option<Thing>)> = events.collect();
    let (last, _) = events.last()?;
    let mut said = Said {
        outcome: Attributed::Attributed,
        ticket: None,
        because: None,
    };
    let mut remarks = BTreeSet::new();
    if let Some(holding) = &by.holding {
        let held = events.iter().map(|(own, thing)| {
            remarks.extend(holding.remarks(own.event, &own.moment));
            holding.of(own.event, &own.moment, thing.as_slice())
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
fn over(events: &[(&Witnessed<'_>, &Option<Thing>)], most: u32) -> Option<String> {
    let mut hours: BTreeMap<String, u32> = BTreeMap::new();
    for (own, _) in events {
        let (first, _) = own.moment.ends();
        let hour = first.strftime("%Y-%m-%d %H:00 UTC").to_string();
        *hours.entry(hour).or_default() += 1;
    }
    let (hour, count) = hours.into_iter().max_by_key(|(_, count)| *count)?;
    (count > most).then(|| format!("{count} times in the hour from {hour}, and {most} are usual"))
}
