//! The search: backwards from a place, to everybody who reaches it, by the cheapest chain.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::build::Graph;
use super::node::Node;
use super::step::{Edge, Step};

/// What a step costs: one, or many where it waits for somebody.
const WAITING: u32 = 1000;

fn cost_of(step: Step) -> u32 {
    if step.waits() { WAITING } else { 1 }
}

/// How a place leads on to the goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Steps to the goal, those that wait at a thousand each.
    pub cost: u32,
    /// The first step, and where it leads; `None` at the goal itself.
    pub next: Option<(Edge, Node)>,
}

impl Way {
    /// Whether some step waits for somebody.
    pub fn waits(&self) -> bool {
        self.cost >= WAITING
    }
}

/// Everybody who reaches a goal.
#[derive(Debug)]
pub struct Reach {
    /// The goal.
    pub goal: Node,
    ways: HashMap<Node, Way>,
}

impl Reach {
    /// Searches backwards from a goal. Nothing goes through what is blocked.
    pub fn new(graph: &Graph<'_>, goal: Node, blocked: Option<Node>) -> Self {
        let mut ways: HashMap<Node, Way> = HashMap::new();
        let mut open = BinaryHeap::new();
        ways.insert(
            goal,
            Way {
                cost: 0,
                next: None,
            },
        );
        open.push(Reverse((0, goal)));
        while let Some(Reverse((cost, node))) = open.pop() {
            if ways.get(&node).is_none_or(|way| way.cost != cost) || Some(node) == blocked {
                continue;
            }
            for edge in graph.into(node) {
                let total = cost.saturating_add(cost_of(edge.step));
                let from = edge.from;
                let known = ways.get(&from).map(|way| way.cost);
                if known.is_some_and(|known| known <= total) {
                    continue;
                }
                let next = Some((edge, node));
                ways.insert(from, Way { cost: total, next });
                open.push(Reverse((total, from)));
            }
        }
        Self { goal, ways }
    }

    /// How a place leads to the goal; `None` if it does not.
    pub fn way(&self, node: Node) -> Option<&Way> {
        self.ways.get(&node)
    }

    /// The steps from a place to the goal, each with where it leads.
    pub fn chain(&self, from: Node) -> Vec<(&Edge, Node)> {
        let mut steps = Vec::new();
        let mut at = from;
        while let Some((edge, node)) = self.ways.get(&at).and_then(|way| way.next.as_ref()) {
            steps.push((edge, *node));
            at = *node;
        }
        steps
    }

    /// Whether the chain from a place goes through another.
    pub fn goes_through(&self, from: Node, other: Node) -> bool {
        let chain = self.chain(from);
        chain.iter().any(|(_, node)| *node == other)
    }

    /// Every place that reaches the goal.
    pub fn places(&self) -> impl Iterator<Item = (&Node, &Way)> {
        self.ways.iter()
    }
}
