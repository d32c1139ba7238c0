//! Tells of one event what becomes of it.

use std::collections::BTreeSet;

use super::events::{Event, Scope};
use super::met::{Grade, Line, Met};
use super::reading::{OF_DATABASE, Reading, SPECIFICATIONS};
use super::{EventState, Keeps, Recorded, RecordedBy, Running, Told, TraceState};
use crate::ids::DatabaseName;
use crate::rules::{Evidence, Missing, named};
use crate::snapshot::Fact;

/// One event while it is told.
pub(super) struct Telling<'r, 'c, 'a> {
    reading: &'r Reading<'c, 'a>,
    event: &'static Event,
    pub(super) state: EventState,
    met: Met,
    unseen: Vec<Missing>,
}

impl<'r, 'c, 'a> Telling<'r, 'c, 'a> {
    pub(super) fn new(reading: &'r Reading<'c, 'a>, event: &'static Event) -> Self {
        Self {
            reading,
            event,
            state: EventState {
                event: event.id.to_owned(),
                title: event.title.to_owned(),
                outcome: Recorded::NotSeen,
                because: Vec::new(),
                by: Vec::new(),
                databases_covered: Vec::new(),
                databases_in_part: Vec::new(),
                databases_not_covered: Vec::new(),
                databases_not_seen: Vec::new(),
                holds: None,
                missing: Vec::new(),
                source: event.source.to_owned(),
            },
            met: Met::nothing(),
            unseen: reading.unseen.clone(),
        }
    }

    /// What specifications record.
    pub(super) fn read(&mut self) {
        let server: Vec<&Line<'_>> = self.reading.server.iter().collect();
        self.met = self.reading.met(self.event, &server);
        match self.event.scope {
            Scope::Server => {}
            Scope::Only(name) => self.read_only(name, &server),
            Scope::EveryDatabase => self.read_databases(&server),
        }
        if self.met.grade == Grade::Not {
            self.read_lesser(&server);
        }
        if self.met.grade == Grade::Not && self.event.id == "audit_change" {
            self.read_own_records();
        }
    }

    fn read_only(&mut self, name: &'static str, server: &[&Line<'_>]) {
        if self.met.grade == Grade::Whole {
            return;
        }
        let mut databases = self.reading.databases.iter();
        if let Some((_, lines)) = databases.find(|(facts, _)| facts.name.as_str() == name) {
            let own: Vec<&Line<'_>> = server.iter().copied().chain(lines).collect();
            let own = self.reading.met(self.event, &own);
            if own.grade > self.met.grade {
                self.met = own;
            }
        }
        let snapshot = self.reading.case.snapshot;
        if self
            .event
            .actions
            .is_some_and(|actions| !actions.procedures.is_empty())
        {
            let unsettled = Fact::SystemExtendedProcedures.unsettled(snapshot);
            self.unseen.extend(unsettled.iter().map(Missing::from));
        }
        let mut excluded = snapshot.databases.iter().filter(|facts| facts.excluded);
        if excluded.any(|facts| facts.name.as_str() == name) {
            let missing = Missing::new(
                "database_audit_specifications",
                Some(&DatabaseName::new(name)),
                "the inventory excludes this database",
            );
            self.unseen.push(missing);
            return;
        }
        let unsettled = OF_DATABASE.iter();
        let unsettled = unsettled.flat_map(|fact| fact.unsettled_only_in(name, snapshot));
        self.unseen
            .extend(unsettled.map(|state| Missing::from(&state)));
    }

    fn read_databases(&mut self, server: &[&Line<'_>]) {
        if self.met.grade > Grade::InPart {
            return;
        }
        let unsettled = OF_DATABASE.iter();
        let unsettled = unsettled.flat_map(|fact| fact.unsettled(self.reading.case.snapshot));
        let unseen: BTreeSet<DatabaseName> = unsettled.filter_map(|state| state.database).collect();
        let mut entered = Met::nothing();
        for (facts, lines) in &self.reading.databases {
            let mut own = Met::nothing();
            if !lines.is_empty() {
                let lines: Vec<&Line<'_>> = server.iter().copied().chain(lines).collect();
                own = self.reading.met(self.event, &lines);
            }
            if own.grade > self.met.grade {
                let told = match own.grade {
                    Grade::Whole | Grade::Narrowed => &mut self.state.databases_covered,
                    Grade::InPart | Grade::Not => &mut self.state.databases_in_part,
                };
                told.push(facts.name.clone());
                entered.by.extend(own.by);
                entered.faults.extend(own.faults);
                entered.keeps = entered.keeps.min(own.keeps);
                Evidence::extend(&mut entered.evidence, own.evidence);
            } else if !unseen.contains(&facts.name) {
                self.state.databases_not_covered.push(facts.name.clone());
                if !lines.is_empty() {
                    self.met.faults.extend(own.faults);
                }
            }
        }
        self.state.databases_not_seen = unseen.into_iter().collect();
        if !self.state.databases_covered.is_empty() || !self.state.databases_in_part.is_empty() {
            entered.grade = Grade::InPart;
            self.met = entered;
        }
    }

    fn read_lesser(&mut self, server: &[&Line<'_>]) {
        for (group, what) in self.event.lesser {
            let lines = server.iter().filter(|line| line.by.action == *group);
            for line in lines.filter(|line| line.grade > Grade::Not) {
                self.met.grade = Grade::InPart;
                self.met.enter(line);
                self.met.faults.insert(format!("{group} records {what}"));
            }
        }
    }

    /// Switching an audit on or off is always recorded in that audit.
    fn read_own_records(&mut self) {
        let audits = self
            .reading
            .case
            .snapshot
            .server
            .server_audits
            .seen()
            .iter();
        for audit in audits {
            if self.reading.audit(audit).state == Running::Running {
                self.met.grade = Grade::InPart;
                let name = named(&audit.name);
                let fault = format!(
                    "audit {name} records that it is itself switched on or off, and no more"
                );
                self.met.faults.insert(fault);
                self.met
                    .evidence
                    .push(Evidence::row("server_audits", None, audit));
            }
        }
    }

    pub(super) fn conclude(&mut self, trace: &TraceState) {
        let is_unseen = !self.unseen.is_empty() || !self.reading.unclear.is_empty();
        let no_database = self.event.scope == Scope::EveryDatabase
            && self.state.databases_not_covered.is_empty()
            && !self.state.databases_not_seen.is_empty();
        self.state.outcome = match (self.met.grade, self.met.keeps) {
            (Grade::Whole, Keeps::TooShort) => Recorded::KeptTooShort,
            (Grade::Whole, Keeps::UntilFull) => Recorded::UntilFull,
            (Grade::Whole, Keeps::DaysNotKnown) => Recorded::KeptDaysNotKnown,
            (Grade::Whole, _) => Recorded::Recorded,
            _ if is_unseen => Recorded::NotSeen,
            (Grade::Narrowed, _) => Recorded::Narrowed,
            (Grade::InPart, _) => Recorded::InPart,
            (Grade::Not, _) if no_database => Recorded::NotSeen,
            (Grade::Not, _) => match (self.event.trace, trace.state) {
                (Some(_), Running::Running) => Recorded::DefaultTraceOnly,
                (Some(_), Running::NotSeen) => Recorded::TraceNotSeen,
                _ => Recorded::NotRecorded,
            },
        };
        self.state.by = self.met.by.iter().cloned().collect();
        self.state.because = self.because(trace);
        self.state.holds = match self.state.outcome {
            Recorded::DefaultTraceOnly => self.event.trace.map(str::to_owned),
            Recorded::NotRecorded | Recorded::TraceNotSeen => None,
            _ => (!self.met.by.is_empty()).then(|| self.event.holds.to_owned()),
        };
        if self.state.outcome == Recorded::NotSeen {
            self.state.missing = self.missing(no_database);
        }
    }

    fn missing(&self, no_database: bool) -> Vec<Missing> {
        let mut missing = self.unseen.clone();
        missing.extend(self.reading.unclear.iter().cloned());
        let case = self.reading.case;
        if no_database {
            let unsettled = OF_DATABASE
                .iter()
                .flat_map(|fact| fact.unsettled(case.snapshot));
            missing.extend(unsettled.map(|state| Missing::from(&state)));
        }
        missing.sort();
        missing.dedup();
        missing
    }

    fn because(&self, trace: &TraceState) -> Vec<String> {
        let names = |all: &[DatabaseName]| {
            let all = all.iter().map(|name| named(name.as_str()));
            all.collect::<Vec<_>>().join(", ")
        };
        let state = &self.state;
        let mut said: Vec<String> = state.by.iter().map(sentence).collect();
        if !state.databases_covered.is_empty() {
            let covered = names(&state.databases_covered);
            said.push(format!(
                "database specifications cover {covered}; databases made later are not covered"
            ));
        }
        if !state.databases_in_part.is_empty() {
            let in_part = names(&state.databases_in_part);
            said.push(format!(
                "database specifications record some of it in {in_part}"
            ));
        }
        let is_of_databases =
            !state.databases_covered.is_empty() || !state.databases_in_part.is_empty();
        if is_of_databases && !state.databases_not_covered.is_empty() {
            let others = names(&state.databases_not_covered);
            said.push(format!("not covered: {others}"));
        }
        if !self.met.evidence.is_empty() || state.outcome != Recorded::Recorded {
            said.extend(self.met.faults.iter().cloned());
        }
        if !state.databases_not_seen.is_empty() {
            said.push(format!("not seen: {}", names(&state.databases_not_seen)));
        }
        if state.outcome.is_whole() {
            said.extend(self.kept());
        }
        match (state.outcome, self.event.trace) {
            (Recorded::DefaultTraceOnly, Some(holds)) => {
                said.push(format!("the default trace holds {holds}"));
                said.push(trace.why.clone());
            }
            (Recorded::TraceNotSeen, Some(holds)) => {
                said.push(format!(
                    "no audit records it; the default trace would hold {holds}"
                ));
                said.push(trace.why.clone());
            }
            (Recorded::NotRecorded, None) => {
                said.push("the default trace holds nothing of it".to_owned());
            }
            (Recorded::NotRecorded, Some(_)) => said.push(trace.why.clone()),
            _ => {}
        }
        said
    }

    /// How long the audits keep it.
    fn kept(&self) -> Vec<String> {
        let audits = self
            .reading
            .case
            .snapshot
            .server
            .server_audits
            .seen()
            .iter();
        let own = audits.filter(|audit| self.met.by.iter().any(|by| by.audit == audit.name));
        own.filter_map(|audit| Some((audit, self.reading.kept.get(&audit.audit_id)?)))
            .map(|(audit, kept)| format!("audit {}: {}", named(&audit.name), kept.why))
            .collect()
    }

    pub(super) fn close(self) -> Told {
        let mut evidence = self.met.evidence;
        let server = &self.reading.case.snapshot.server;
        let rows = server.server_audit_specifications.seen().iter();
        Evidence::extend(
            &mut evidence,
            rows.map(|row| Evidence::row(SPECIFICATIONS, None, row)),
        );
        if evidence.is_empty() {
            evidence.push(Evidence::absence(SPECIFICATIONS));
        }
        Told {
            event: self.event,
            state: self.state,
            evidence,
            unclear: self.reading.unclear.clone(),
        }
    }
}

fn sentence(by: &RecordedBy) -> String {
    let level = match &by.database {
        Some(database) => format!(
            "database specification {} of {}",
            named(&by.specification),
            named(database.as_str())
        ),
        None => format!("server specification {}", named(&by.specification)),
    };
    format!(
        "{} by audit {}, {level}",
        named(&by.action),
        named(&by.audit)
    )
}
