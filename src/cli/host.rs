//! Events of hosts for `diff`, handed out by instance.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::attribution::{Read, events};
use crate::ids::InstanceId;
use crate::snapshot::{
    Event, EventSource, EventsFile, EventsTarget, HostEvent, Outcome, Snapshot, SourceState,
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
    /// Those of a file of them, or else those among the events that changes are attributed by; none where there are none.
    pub fn of(file: Option<&Path>, witnesses: Option<&Read>) -> anyhow::Result<Option<Self>> {
        if let Some(path) = file {
            return Ok(Some(Self::new(&[events(path)?])));
        }
        let files = witnesses.map_or(&[][..], Read::files);
        let mut targets = files.iter().flat_map(|file| &file.targets);
        let has_hosts = targets.any(|target| !target.host.is_empty());
        Ok(has_hosts.then(|| Self::new(files)))
    }

    fn new(files: &[EventsFile]) -> Self {
        let mut all = Self::default();
        for target in files.iter().flat_map(|file| &file.targets) {
            all.add(&target.target);
            let own = all.own(target.target.target.as_str());
            own.events.extend_from_slice(&target.events);
            own.host.extend_from_slice(&target.host);
        }
        all
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
    pub fn named(&mut self, names: &Names) -> Option<OfTarget> {
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
