//! Where something could have happened unseen: by what files of events say of their sources, and by what both snapshots
//! say of audits, specifications and the trace. Never by what a text says.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::entry::{Blind, BlindSpot};
use super::wanted::{Sides, Wanted};
use crate::ids::{DatabaseName, InstanceId, named};
use crate::rules::telemetry::{EventState, Recorded, Running, Telemetry};
use crate::snapshot::{
    AuditSpecification, EventSource, EventsFile, EventsHeader, EventsTarget, Observed, Outcome,
    Snapshot, SourceState, TargetEvents,
};

/// What files hold of one target, each with what was asked for.
pub type Parts<'e> = Vec<(&'e EventsHeader, &'e TargetEvents)>;

/// What files hold of a target, or of the target that is the same instance.
pub fn parts<'e>(files: &'e [EventsFile], target: &InstanceId) -> Parts<'e> {
    let of = |file: &'e EventsFile, target: &InstanceId| {
        file.targets.iter().find(|own| own.target.target == *target)
    };
    let found = files.iter().filter_map(|file| {
        let own = of(file, target)?;
        let own = match &own.target.outcome {
            Outcome::SameAs { target } => of(file, target).unwrap_or(own),
            _ => own,
        };
        Some((&file.header, own))
    });
    found.collect()
}

/// The time between the two collections.
#[derive(Clone, Copy, Debug)]
pub struct Between {
    /// When BEFORE began to look.
    pub from: Timestamp,
    /// When AFTER was done.
    pub until: Timestamp,
}

impl Between {
    /// `None` where a snapshot does not say when it was made.
    pub fn of(sides: Sides<'_>) -> Option<Self> {
        Some(Self {
            from: sides.before.started.parse().ok()?,
            until: sides.after.ended.parse().ok()?,
        })
    }
}

/// Where the files are blind.
pub fn of_files(parts: &Parts<'_>, between: Between, sides: Sides<'_>) -> BTreeSet<BlindSpot> {
    let mut spots = BTreeSet::new();
    if parts.is_empty() {
        let why = "no file of events has this target";
        spots.insert(BlindSpot::new(Blind::NoEvents, why));
        return spots;
    }
    for (header, own) in parts {
        match &own.target.outcome {
            Outcome::Finished => {}
            Outcome::SameAs { target } => {
                let why = format!("its events stand under {target}, which the file does not have");
                spots.insert(BlindSpot::new(Blind::NoEvents, why));
            }
            other => {
                spots.insert(BlindSpot::new(Blind::TargetNotRead, other.why()));
            }
        }
        spots.extend(elsewhere(&own.target, sides));
        if own.target.sources.is_empty() {
            let why = "no source of events was read";
            spots.insert(BlindSpot::new(Blind::TargetNotRead, why));
        }
        let taken: usize = own.events.len();
        let is_bounded = taken >= usize::try_from(header.max_events).unwrap_or(usize::MAX);
        for source in &own.target.sources {
            spots.extend(of_source(source, is_bounded, between));
            spots.extend(missing(source, own));
        }
    }
    spots.extend(not_covered(parts, between));
    spots
}

/// Whether the file's server has another name than either snapshot's, by `@@SERVERNAME` or by its machine and instance,
/// which audits write.
fn elsewhere(target: &EventsTarget, sides: Sides<'_>) -> Option<BlindSpot> {
    let of_events = target.server_name.as_deref()?;
    let mut names = BTreeSet::new();
    for own in [sides.before, sides.after] {
        let Some(own) = own.server.server_identity.known() else {
            continue;
        };
        names.extend(own.server_name.clone());
        names.extend(
            own.machine_name
                .as_ref()
                .map(|machine| match own.instance_name.as_deref() {
                    Some(instance) => format!("{machine}\\{instance}"),
                    None => machine.clone(),
                }),
        );
    }
    let is_known = !names.is_empty();
    let is_own = names.iter().any(|own| own.eq_ignore_ascii_case(of_events));
    (is_known && !is_own).then(|| {
        let names: Vec<String> = names.iter().map(|own| named(own)).collect();
        let why = format!(
            "its events are of server {}, and the snapshots are of {}: nothing is attributed by them",
            named(of_events),
            names.join(", ")
        );
        BlindSpot::new(Blind::OtherServer, why)
    })
}

fn of_source(source: &SourceState, is_bounded: bool, between: Between) -> Option<BlindSpot> {
    let name = match &source.source {
        EventSource::Audit { name } => format!("audit {}", named(name)),
        other => other.to_string(),
    };
    let needs = source.seen.needs().join("; ");
    let spot = |kind, said: &str| Some(BlindSpot::new(kind, format!("{name}: {said}{needs}")));
    match &source.seen {
        Observed::Known { .. } if matches!(source.source, EventSource::Export { .. }) => {
            let why = "it was read to its end, and does not say what was not exported";
            Some(BlindSpot::new(Blind::Exported, format!("{name}: {why}")))
        }
        Observed::Known { .. } => None,
        Observed::Unsupported { why, .. } => {
            let why = why.as_deref().unwrap_or("there is none");
            let kind = match source.source {
                EventSource::DefaultTrace => Blind::TraceOff,
                _ => Blind::SourceFailed,
            };
            Some(BlindSpot::new(kind, format!("{name}: {why}")))
        }
        Observed::Denied { .. } => spot(Blind::Denied, "not permitted; it takes "),
        Observed::Failed { .. } | Observed::NotCollected { .. } => spot(Blind::SourceFailed, ""),
        Observed::Partial { .. } if is_bounded => spot(Blind::Bounded, ""),
        Observed::Partial { value, .. } => {
            let first = value.first.as_deref().map(str::parse::<Timestamp>);
            match first {
                Some(Ok(first)) if first <= between.from => spot(Blind::SourcePartial, ""),
                _ => spot(Blind::Retention, "it does not reach back to BEFORE; "),
            }
        }
    }
}

/// Whether the file holds other than what it says. Whoever takes events out of it would have changes look better.
fn missing(source: &SourceState, own: &TargetEvents) -> Option<BlindSpot> {
    let (Observed::Known { value } | Observed::Partial { value, .. }) = &source.seen else {
        return None;
    };
    // What a file holds is counted by the audits and the trace in it.
    let is_counted = !matches!(
        source.source,
        EventSource::Audits | EventSource::Export { .. }
    );
    if !is_counted {
        return None;
    }
    let held = own
        .events
        .iter()
        .filter(|event| event.source == source.source);
    let held = held.count();
    let said = usize::try_from(value.events).unwrap_or(usize::MAX);
    (held != said).then(|| {
        let why = format!(
            "the file says {said} events of {}, and holds {held}: nothing is attributed by it",
            source.source
        );
        BlindSpot::new(Blind::EventsMissing, why)
    })
}

/// Whether the files' times leave something out.
fn not_covered(parts: &Parts<'_>, between: Between) -> Option<BlindSpot> {
    let mut windows: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (header, own) in parts {
        let since: Timestamp = header.since.parse().ok()?;
        let newest = own
            .events
            .iter()
            .filter_map(|event| event.moment.parse().ok());
        // Without an end the file has all up to a moment that it does not say: its newest event is no later.
        let until = header.until.as_deref().map_or_else(
            || newest.max().unwrap_or(since),
            |until| until.parse().unwrap_or(since),
        );
        windows.push((since, until));
    }
    windows.sort();
    let mut covered = between.from;
    for (since, until) in windows {
        if since > covered {
            break;
        }
        covered = covered.max(until);
    }
    (covered < between.until).then(|| {
        let of = |moment: Timestamp| moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        let why = format!(
            "the events are not of all the time from {} to {}: what was from {} on is not there (give `changes` --since and --until)",
            of(between.from),
            of(between.until),
            of(covered)
        );
        BlindSpot::new(Blind::Window, why)
    })
}

const SIDES: [&str; 2] = ["BEFORE", "AFTER"];

/// Where the instance itself is blind, for any change: audits that do not run, specifications that are off.
pub fn of_recorders(sides: Sides<'_>, telemetry: [Option<&Telemetry>; 2]) -> BTreeSet<BlindSpot> {
    let mut spots = BTreeSet::new();
    for (side, (own, snapshot)) in SIDES
        .iter()
        .zip(telemetry.into_iter().zip([sides.before, sides.after]))
    {
        let mut add = |kind, why: String| {
            spots.insert(BlindSpot::new(kind, format!("{side}: {why}")));
        };
        let Some(own) = own else {
            add(
                Blind::RecordingNotSeen,
                "what is recorded was not judged".to_owned(),
            );
            continue;
        };
        if own.audits.is_empty() && snapshot.server.server_audits.is_settled() {
            add(Blind::NoAudit, "there is no audit".to_owned());
        }
        for audit in &own.audits {
            let name = named(&audit.name);
            match audit.state {
                Running::Running => {}
                Running::NotRunning => {
                    add(Blind::AuditStopped, format!("audit {name} does not run"));
                }
                Running::NotSeen => {
                    let why = format!("whether audit {name} runs was not seen");
                    add(Blind::RecordingNotSeen, why);
                }
            }
            if let Some(predicate) = &audit.predicate {
                let why = format!(
                    "audit {name} drops what does not match {}",
                    named(predicate)
                );
                add(Blind::Predicate, why);
            }
        }
        match own.default_trace.state {
            Running::Running => {}
            Running::NotRunning => add(Blind::TraceOff, own.default_trace.why.clone()),
            // Told of the events that it alone would hold.
            Running::NotSeen if is_trace_configured(snapshot) => {}
            Running::NotSeen => add(Blind::RecordingNotSeen, own.default_trace.why.clone()),
        }
        for (place, row) in specifications(snapshot) {
            if row.is_state_enabled == Some(false) {
                let place = place.map(|own| format!(" of {}", named(own.as_str())));
                let why = format!(
                    "specification {}{} is off",
                    named(&row.name),
                    place.unwrap_or_default()
                );
                add(Blind::SpecificationOff, why);
            }
        }
    }
    spots.extend(switched(sides));
    spots
}

fn is_trace_configured(snapshot: &Snapshot) -> bool {
    let mut options = snapshot.server.configurations.seen().iter();
    let own = options.find(|own| own.name == "default trace enabled");
    own.is_some_and(|own| own.value_in_use.is_some())
}

fn specifications(
    snapshot: &Snapshot,
) -> impl Iterator<Item = (Option<&DatabaseName>, &AuditSpecification)> {
    let server = snapshot.server.server_audit_specifications.seen().iter();
    let databases = snapshot.databases.iter().filter(|own| !own.excluded);
    let of_databases = databases.flat_map(|own| {
        let rows = own.database_audit_specifications.seen().iter();
        rows.map(move |row| (Some(&own.name), row))
    });
    server.map(|row| (None, row)).chain(of_databases)
}

/// Audits whose state is of another moment than before: between the two they stood still, however shortly.
fn switched(sides: Sides<'_>) -> Vec<BlindSpot> {
    let since = |snapshot: &Snapshot, name: &str| {
        let mut audits = snapshot.server.server_audits.seen().iter();
        let id = audits.find(|own| own.name == name)?.audit_id;
        let mut status = snapshot.server.audit_status.seen().iter();
        status.find(|own| own.audit_id == id)?.status_time.clone()
    };
    let audits = sides.after.server.server_audits.seen().iter();
    let switched = audits.filter_map(|audit| {
        let was = since(sides.before, &audit.name)?;
        let is = since(sides.after, &audit.name)?;
        (was != is).then(|| {
            let why = format!(
                "audit {} was stopped or started between the two collections: its state is of {is}, and was of {was}",
                named(&audit.name)
            );
            BlindSpot::new(Blind::AuditSwitched, why)
        })
    });
    switched.collect()
}

/// Whether such a change would be recorded, by both sides.
pub fn of_recording(wanted: &Wanted, telemetry: [Option<&Telemetry>; 2]) -> BTreeSet<BlindSpot> {
    let mut spots = BTreeSet::new();
    let Some(event) = wanted.event else {
        return spots;
    };
    for (side, own) in SIDES.iter().zip(telemetry) {
        let mut states = own.into_iter().flat_map(|own| &own.events);
        let Some(state) = states.find(|own| own.event == event) else {
            continue;
        };
        let Some(kind) = kind(state, wanted) else {
            continue;
        };
        let because = state.because.join("; ");
        let because = if because.is_empty() {
            String::new()
        } else {
            format!(": {because}")
        };
        let said = match kind {
            Blind::NotRecorded => "nothing records it",
            Blind::Predicate => "an audit with a predicate records it, or not",
            Blind::InPart if state.outcome == Recorded::DefaultTraceOnly => {
                "only the default trace holds something of it"
            }
            Blind::InPart if state.outcome == Recorded::TraceNotSeen => {
                "no audit records it, and whether the default trace does was not seen"
            }
            Blind::InPart if state.outcome == Recorded::UntilFull => {
                "it is recorded until the audit's files are full"
            }
            Blind::InPart => "it is recorded in part",

            _ => "whether it is recorded was not seen",
        };
        let why = format!("{side}: {}: {said}{because}", state.title);
        spots.insert(BlindSpot::new(kind, why));
    }
    spots
}

fn kind(state: &EventState, wanted: &Wanted) -> Option<Blind> {
    let is_covered = || {
        let own = wanted.database.as_deref();
        let mut covered = state.databases_covered.iter();
        own.is_some_and(|own| covered.any(|name| name.as_str() == own))
    };
    Some(match state.outcome {
        Recorded::NotRecorded => Blind::NotRecorded,
        Recorded::InPart if is_covered() => return None,
        // At most so much is recorded, whatever else could be seen: somebody has to answer for it.
        Recorded::TraceNotSeen
        | Recorded::DefaultTraceOnly
        | Recorded::InPart
        | Recorded::UntilFull => Blind::InPart,
        Recorded::Narrowed => Blind::Predicate,
        Recorded::NotSeen => Blind::RecordingNotSeen,
        Recorded::KeptTooShort
        | Recorded::KeptDaysNotKnown
        | Recorded::Recorded
        | Recorded::NotApplicable => return None,
    })
}
