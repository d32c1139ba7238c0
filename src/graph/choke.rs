//! Choke points: changes, and how many ways each of them ends.

use std::collections::{BTreeMap, HashMap};

use super::build::Graph;
use super::change::Change;
use super::channel::Channel;
use super::code::Code;
use super::index::ANYBODY;
use super::node::Node;
use super::search::Reach;
use crate::snapshot::Snapshot;

/// A change, and the ways that lead through what it takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choke {
    /// The change.
    pub change: Change,
    /// Ways of principals that are not administrators by design to channels: each principal once a channel, by its
    /// shortest.
    pub ways: u32,
    /// The same that wait for somebody.
    pub waiting: u32,
}

impl Graph<'_> {
    /// Every change that ends a way, those that end most first, and of equal ones those that can be taken back.
    pub fn chokes(&self) -> Vec<Choke> {
        let mut found: BTreeMap<Change, (u32, u32)> = BTreeMap::new();
        for channel in Channel::ALL {
            let reach = self.to_goal(Node::Command(channel));
            self.count_chokes(&reach, &mut found);
        }
        let mut chokes: Vec<Choke> = found
            .into_iter()
            .map(|(change, (ways, waiting))| Choke {
                change,
                ways,
                waiting,
            })
            .collect();
        chokes.sort_by(|a, b| {
            let rank = |c: &Choke| {
                let (ways, waiting) = (std::cmp::Reverse(c.ways), std::cmp::Reverse(c.waiting));
                (ways, waiting, !c.change.is_reversible())
            };
            (rank(a), &a.change).cmp(&(rank(b), &b.change))
        });
        chokes
    }

    /// Adds up, from the furthest inwards, how many come through each step of the shortest ways.
    fn count_chokes(&self, reach: &Reach, found: &mut BTreeMap<Change, (u32, u32)>) {
        let mut through: HashMap<Node, (u32, u32)> = HashMap::new();
        for entry in self.entries().iter().filter(|e| !e.is_administrator) {
            if let Some(way) = reach.way(entry.node) {
                let own = if way.waits() { (0, 1) } else { (1, 0) };
                through.insert(entry.node, own);
            }
        }
        // Nobody, and yet everybody who is still to come: its way is closed too.
        through.insert(Node::login(ANYBODY), (0, 0));
        let mut places = reach.places();
        places.sort_by_key(|place| std::cmp::Reverse(*place));
        for (_, node) in places {
            let Some((ways, waiting)) = through.get(&node).copied() else {
                continue;
            };
            let Some((edge, next)) = reach.way(node).and_then(|way| way.next.as_ref()) else {
                continue;
            };
            let sum = through.entry(*next).or_default();
            *sum = (sum.0 + ways, sum.1 + waiting);
            for change in self.changes(edge, *next) {
                let counted = found.entry(change).or_default();
                *counted = (counted.0 + ways, counted.1 + waiting);
            }
        }
    }

    /// The same graph of the snapshot as it would be after changes.
    pub fn after<'s>(&self, snapshot: &'s Snapshot) -> Graph<'s> {
        let code: Code = self.code.as_ref().clone();
        Graph::new(snapshot, code, &self.groups)
    }
}
