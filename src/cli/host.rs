//! A file of events for `diff --host-events`: read whole, and handed out by instance.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context, bail};

use crate::ids::InstanceId;
use crate::snapshot::{
    EVENTS_SCHEMA, Event, EventSource, EventsLine, EventsTarget, HostEvent, Outcome, Snapshot,
    SourceState,
};

/// Events by target, whose name is in lower case: Windows does not tell names apart by case.
#[derive(Default)]
pub(super) struct HostEvents {
    targets: BTreeMap<String, OfTarget>,
    taken: BTreeSet<String>,
}

/// Events of one target.
#[derive(Clone, Default)]
pub(super) struct OfTarget {
    /// Of its traces and audits.
    pub events: Vec<Event>,
    /// Of its Windows.
    pub host: Vec<HostEvent>,
    /// What is unseen, in words.
    pub unseen: Vec<String>,
}

impl HostEvents {
    /// Reads a file that `changes --format jsonl` wrote.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let place = || path.display().to_string();
        let file = File::open(path).with_context(|| format!("cannot read {}", place()))?;
        let mut all = Self::default();
        for (line, number) in BufReader::new(file).lines().zip(1_u64..) {
            let at = || format!("{}:{number}", place());
            let line: EventsLine = serde_json::from_str(&line.with_context(at)?)
                .with_context(|| format!("{}: no line of {EVENTS_SCHEMA}", at()))?;
            let is_first = number == 1;
            match line {
                EventsLine::Header(header) if is_first && header.schema == EVENTS_SCHEMA => {}
                EventsLine::Target(target) if !is_first => all.add(&target),
                EventsLine::Event(event) if !is_first => {
                    all.own(event.target.as_str()).events.push(*event);
                }
                EventsLine::Host(event) if !is_first => {
                    all.own(event.target.as_str()).host.push(*event);
                }
                _ => bail!(
                    "{}: the first line, and no other, must be a header of {EVENTS_SCHEMA}",
                    at()
                ),
            }
        }
        if all.targets.is_empty() {
            bail!("{}: it holds no target", place());
        }
        Ok(all)
    }

    fn own(&mut self, target: &str) -> &mut OfTarget {
        self.targets.entry(target.to_lowercase()).or_default()
    }

    fn add(&mut self, target: &EventsTarget) {
        let own = self.own(target.target.as_str());
        if !matches!(target.outcome, Outcome::Finished | Outcome::SameAs { .. }) {
            own.unseen.push(target.outcome.why());
        }
        // What an export lacks is told of the audits and the trace in it as well: once is enough.
        let is_export = |source: &SourceState| matches!(source.source, EventSource::Export { .. });
        let has_exports = target.sources.iter().any(is_export);
        let unseen = target
            .sources
            .iter()
            .filter(|source| !source.seen.is_settled());
        for source in unseen.filter(|source| is_export(source) == has_exports) {
            let needs = source.seen.needs().join("; ");
            own.unseen.push(format!(
                "{}: {} ({needs})",
                source.source,
                source.seen.state()
            ));
        }
    }

    /// Everything that stands under one of an instance's names, and what stands under its machine's and names no instance;
    /// none if there is nothing.
    pub fn of(&mut self, names: &Names) -> Option<OfTarget> {
        let mut found: Option<OfTarget> = None;
        for name in &names.own {
            if let Some(own) = self.targets.get(name) {
                self.taken.insert(name.clone());
                let all = found.get_or_insert_default();
                all.events.extend_from_slice(&own.events);
                all.host.extend_from_slice(&own.host);
                all.unseen.extend_from_slice(&own.unseen);
            }
        }
        for name in names.machine.difference(&names.own) {
            let Some(own) = self.targets.get(name) else {
                continue;
            };
            let mut host = own
                .host
                .iter()
                .filter(|event| event.instance().is_none())
                .cloned()
                .peekable();
            if host.peek().is_some() {
                self.taken.insert(name.clone());
                found.get_or_insert_default().host.extend(host);
            }
        }
        found
    }

    /// Targets that nobody asked for.
    pub fn left(&self) -> impl Iterator<Item = &str> {
        let all = self
            .targets
            .keys()
            .filter(|name| !self.taken.contains(*name));
        all.map(String::as_str)
    }
}

/// Names under which events of an instance can stand, in lower case.
#[derive(Default)]
pub(super) struct Names {
    /// Its own.
    own: BTreeSet<String>,
    /// Its machine's: not every event says of which instance it is.
    machine: BTreeSet<String>,
}

impl Names {
    /// Of a target of this name.
    pub fn of(target: &InstanceId) -> Self {
        Self {
            own: BTreeSet::from([target.as_str().to_lowercase()]),
            machine: BTreeSet::new(),
        }
    }

    /// Those that a snapshot of it knows as well.
    pub fn add(&mut self, snapshot: &Snapshot) {
        let Some(identity) = snapshot.server.server_identity.known() else {
            return;
        };
        self.own
            .extend(identity.server_name.as_deref().map(str::to_lowercase));
        let Some(machine) = identity.machine_name.as_deref().map(str::to_lowercase) else {
            return;
        };
        match identity.instance_name.as_deref().map(str::to_lowercase) {
            Some(instance) => self.own.insert(format!("{machine}\\{instance}")),
            None => self.own.insert(machine.clone()),
        };
        self.machine.insert(machine);
    }
}
