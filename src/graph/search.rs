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

/// What a member of sysadmin reaches besides by that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Besides<'r> {
    /// Nothing.
    Nothing,
    /// This.
    Way(&'r Way),
    /// The cheapest way leads through itself; another may not.
    ByItself,
}

/// Everybody who reaches a goal.
#[derive(Debug)]
pub struct Reach {
    /// The goal.
    pub goal: Node,
    ways: HashMap<Node, Way>,
    /// Of members of sysadmin: what they reach besides by that.
    besides: HashMap<Node, Way>,
}

/// Whether a step is nothing but being an administrator by design.
fn is_by_design(edge: &Edge, to: Node) -> bool {
    to == Node::Sysadmin && edge.step == Step::Member
}

impl Reach {
    /// Searches backwards from a goal. Nothing goes through what is blocked.
    pub fn new(graph: &Graph<'_>, goal: Node, blocked: Option<Node>) -> Self {
        Self::by(graph, goal, blocked, |_| true)
    }

    /// The same by some kinds of steps alone.
    pub fn by(
        graph: &Graph<'_>,
        goal: Node,
        blocked: Option<Node>,
        takes: impl Fn(Step) -> bool,
    ) -> Self {
        let mut ways: HashMap<Node, Way> = HashMap::new();
        let mut besides: HashMap<Node, Way> = HashMap::new();
        let administrators = graph.administrators();
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
            for edge in graph.into(node).into_iter().filter(|e| takes(e.step)) {
                let total = cost.saturating_add(cost_of(edge.step));
                let from = edge.from;
                if administrators.contains(&from) && !is_by_design(&edge, node) {
                    let known = besides.get(&from).map(|way| way.cost);
                    if known.is_none_or(|known| known > total) {
                        let next = Some((edge.clone(), node));
                        besides.insert(from, Way { cost: total, next });
                    }
                }
                let known = ways.get(&from).map(|way| way.cost);
                if known.is_some_and(|known| known <= total) {
                    continue;
                }
                let next = Some((edge, node));
                ways.insert(from, Way { cost: total, next });
                open.push(Reverse((total, from)));
            }
        }
        Self {
            goal,
            ways,
            besides,
        }
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

    /// How a member of sysadmin would get there without being one: `None` if not, or if only by way of itself, which a
    /// search that blocks it settles.
    pub fn besides(&self, administrator: Node) -> Besides<'_> {
        let Some(way) = self.besides.get(&administrator) else {
            return Besides::Nothing;
        };
        let next = way.next.as_ref().map_or(self.goal, |(_, next)| *next);
        let chain = self.chain(next);
        let by_itself = next == administrator || chain.iter().any(|(_, n)| *n == administrator);
        if by_itself {
            Besides::ByItself
        } else {
            Besides::Way(way)
        }
    }

    /// Every place that reaches the goal.
    pub fn places(&self) -> impl Iterator<Item = (&Node, &Way)> {
        self.ways.iter()
    }
}
