//! Events of hosts for `diff`, handed out by instance.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::attribution::{Read, events};
use crate::ids::InstanceId;
use crate::report;
use crate::snapshot::{
    Event, EventSource, EventsFile, EventsTarget, HostEvent, Outcome, Snapshot, SourceState,
};

/// Events by target, whose name is in lower case: Windows does not tell names apart by case.
#[derive(Default)]
pub(super) struct HostEvents {
    targets: BTreeMap<String, OfTarget>,
    /// Targets that an instance has for its own.
    asked: BTreeSet<String>,
    /// Events of hosts that an instance took, by target and place.
    taken: BTreeSet<(String, usize)>,
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
    /// Offset from UTC of the server whose trace is among its events.
    pub utc_offset_minutes: Option<i32>,
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
            own.utc_offset_minutes = own.utc_offset_minutes.or(target.target.utc_offset_minutes);
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

    /// What stands under an instance's names and is not another's; of what stands under its machine's alone, the events of
    /// the host that are not another's.
    pub fn named(&mut self, names: &Names) -> OfTarget {
        let mut found = OfTarget::default();
        for name in names.own.union(&names.machine) {
            let Some(own) = self.targets.get(name) else {
                continue;
            };
            let is_own = names.own.contains(name);
            if is_own {
                self.asked.insert(name.clone());
                found.events.extend_from_slice(&own.events);
                found.unseen.extend_from_slice(&own.unseen);
                found.utc_offset_minutes = found.utc_offset_minutes.or(own.utc_offset_minutes);
            }
            for (place, event) in own.host.iter().enumerate() {
                if names.has(event.instance().as_deref(), is_own) {
                    self.taken.insert((name.clone(), place));
                    found.host.push(event.clone());
                }
            }
        }
        found
    }

    /// Events of hosts that no instance took, in words, and targets without such events that nobody asked for.
    pub fn left(&self) -> (Vec<String>, Vec<&str>) {
        let mut events: BTreeMap<(&str, Option<String>), u32> = BTreeMap::new();
        for (name, own) in &self.targets {
            for (place, event) in own.host.iter().enumerate() {
                if !self.taken.contains(&(name.clone(), place)) {
                    *events.entry((name, event.instance())).or_default() += 1;
                }
            }
        }
        let words = events.into_iter().map(|((name, instance), count)| {
            let names = instance.map_or_else(String::new, |own| {
                format!(" and the instance {}", report::visible(&own))
            });
            format!(
                "{count} events of a host belong to no instance that was compared: they name {}{names}",
                report::visible(name)
            )
        });
        let others = self.targets.iter().filter(|(name, own)| {
            own.host.is_empty() && !own.events.is_empty() && !self.asked.contains(*name)
        });
        (
            words.collect(),
            others.map(|(name, _)| name.as_str()).collect(),
        )
    }
}

/// Names under which events of an instance can stand, in lower case.
#[derive(Default)]
pub(super) struct Names {
    /// Its own.
    own: BTreeSet<String>,
    /// Its machine's: not every event says of which instance it is.
    machine: BTreeSet<String>,
    /// The instance's own, as its snapshots have it; none where no snapshot says.
    instances: BTreeSet<String>,
}

impl Names {
    /// Of a target of this name.
    pub fn of(target: &InstanceId) -> Self {
        Self {
            own: BTreeSet::from([target.as_str().to_lowercase()]),
            machine: BTreeSet::new(),
            instances: BTreeSet::new(),
        }
    }

    /// Whether an event that names this instance, or none, is its own. Who named the target when exporting can have meant
    /// its machine, which others are on as well.
    fn has(&self, instance: Option<&str>, is_own: bool) -> bool {
        match instance {
            None => true,
            Some(_) if self.instances.is_empty() => is_own,
            Some(instance) => self.instances.contains(&instance.to_lowercase()),
        }
    }

    /// Those that a snapshot of it knows as well.
    pub fn add(&mut self, snapshot: &Snapshot) {
        let Some(identity) = snapshot.server.server_identity.known() else {
            return;
        };
        self.own
            .extend(identity.server_name.as_deref().map(str::to_lowercase));
        let instance = identity.instance_name.as_deref();
        let instance = instance.unwrap_or(HostEvent::DEFAULT_INSTANCE);
        self.instances.insert(instance.to_lowercase());
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
