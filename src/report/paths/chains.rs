//! Ways that share a chain, told once: most lead to sysadmin, and from there to every channel.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::{InstancePaths, Lead, PathsReport};
use crate::graph::{Channel, Path, PathStep, Place, State};
use crate::ids::{InstanceId, named};

/// One principal's chain up to the channel, with all that it opens.
#[derive(Debug)]
pub struct Chain<'r> {
    /// Whose snapshot it was found in.
    pub instance: &'r InstancePaths,
    /// Who.
    pub principal: &'r Place,
    /// How far the widest is open.
    pub state: State,
    /// The widest way: the most open, then the first in the order of channels.
    pub path: &'r Path,
    /// Titles of what it leads to, the widest first.
    pub leads: Vec<String>,
}

impl Chain<'_> {
    /// Steps, those that switch the channel on among them.
    pub fn steps(&self) -> usize {
        self.path.steps.len() + self.path.arming.len()
    }
}

/// What makes two ways one chain: all of it but the last step of a way to a command.
#[derive(PartialEq, Eq, Hash)]
struct Key<'r> {
    instance: usize,
    principal: &'r Place,
    steps: Vec<(&'r str, &'r Place)>,
    /// Places are not folded.
    to: Option<&'r Place>,
}

/// Every chain, the most open and shortest first, then by how much they open, then as the instances stand.
pub fn chains(report: &PathsReport) -> Vec<Chain<'_>> {
    let mut found: Vec<Chain<'_>> = Vec::new();
    let mut places: HashMap<Key<'_>, usize> = HashMap::new();
    for (at, instance) in report.instances.iter().enumerate() {
        for (lead, path) in instance.ways() {
            let place = *places.entry(key(at, lead, path)).or_insert(found.len());
            match found.get_mut(place) {
                Some(chain) => join(chain, lead, path),
                None => found.push(Chain {
                    instance,
                    principal: &path.principal,
                    state: path.state,
                    path,
                    leads: vec![title(lead)],
                }),
            }
        }
    }
    found.sort_by_key(|c| (Reverse(c.state), c.steps(), Reverse(c.leads.len())));
    found
}

fn key<'r>(instance: usize, lead: Lead<'r>, path: &'r Path) -> Key<'r> {
    let (last, to) = match lead {
        Lead::Command(_) => (path.steps.len().saturating_sub(1), None),
        Lead::Place(to) => (path.steps.len(), Some(to)),
    };
    let steps = path.steps.get(..last).unwrap_or_default().iter();
    Key {
        instance,
        principal: &path.principal,
        steps: steps.map(|step| (step.kind.as_str(), &step.to)).collect(),
        to,
    }
}

fn join<'r>(chain: &mut Chain<'r>, lead: Lead<'r>, path: &'r Path) {
    if path.state > chain.state {
        chain.state = path.state;
        chain.path = path;
        chain.leads.insert(0, title(lead));
    } else {
        chain.leads.push(title(lead));
    }
}

/// What a way leads to.
pub(super) fn title(lead: Lead<'_>) -> String {
    match lead {
        Lead::Command(route) => channel(route.channel),
        Lead::Place(to) => on(to.instance.as_ref().map(InstanceId::as_str), &to.shown()),
    }
}

/// A channel's title; it is ours, so it needs no quotes.
fn channel(channel: Channel) -> String {
    channel.title().to_owned()
}

/// A step's sentence, with the instance it begins on where a chain leads over several.
pub fn sentence(step: &PathStep) -> String {
    let instance = step.from.instance.as_ref().map(InstanceId::as_str);
    on(instance, &step.sentence)
}

/// A place, with its instance where a chain leads over several.
pub fn place(place: &Place) -> String {
    on(
        place.instance.as_ref().map(InstanceId::as_str),
        &place.shown(),
    )
}

fn on(instance: Option<&str>, text: &str) -> String {
    match instance {
        Some(instance) => format!("{}: {text}", named(instance)),
        None => text.to_owned(),
    }
}

/// `[queries/database_principals, queries/database_permissions in CRM]`: the facts of a step, each the query that gave
/// it. Empty where the step rests on none of its own.
pub fn citation(step: &PathStep) -> String {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for fact in &step.evidence {
        let database = fact.database.as_ref();
        let within = database.map(|db| format!(" in {}", named(db.as_str())));
        let instance = fact.instance.as_ref();
        let of = instance.map(|id| format!(" of {}", named(id.as_str())));
        let place = within.unwrap_or_default() + &of.unwrap_or_default();
        match groups.iter_mut().find(|(known, _)| *known == place) {
            Some((_, facts)) if facts.contains(&fact.fact.as_str()) => {}
            Some((_, facts)) => facts.push(&fact.fact),
            None => groups.push((place, vec![&fact.fact])),
        }
    }
    let group = |(place, facts): (String, Vec<&str>)| {
        let facts: Vec<String> = facts.iter().map(|f| format!("queries/{f}")).collect();
        facts.join(", ") + &place
    };
    let groups: Vec<String> = groups.into_iter().map(group).collect();
    if groups.is_empty() {
        return String::new();
    }
    format!("[{}]", groups.join(", "))
}
