//! The search: backwards from a place, to everybody who reaches it, by the cheapest chain.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::build::Graph;
use super::index::ANYBODY;
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
    ways: Ways,
    /// Of members of sysadmin: what they reach besides by that.
    besides: HashMap<Node, Way>,
    /// Who reaches sysadmin, where the ways through it were searched before.
    through_sysadmin: Option<Rc<Self>>,
}

/// Ways by where they begin. The table that is looked into at every step holds no more than places, so that most of it
/// stays in the processor's cache.
#[derive(Debug, Default)]
struct Ways {
    places: FxHashMap<Node, u32>,
    ways: Vec<Way>,
}

impl Ways {
    fn get(&self, from: Node) -> Option<&Way> {
        self.ways.get(*self.places.get(&from)? as usize)
    }

    fn insert(&mut self, from: Node, way: Way) {
        let next = u32::try_from(self.ways.len()).unwrap_or(u32::MAX);
        let at = *self.places.entry(from).or_insert(next) as usize;
        match self.ways.get_mut(at) {
            Some(known) => *known = way,
            None => self.ways.push(way),
        }
    }

    fn iter(&self) -> impl Iterator<Item = (Node, &Way)> {
        let places = self.places.iter();
        places.filter_map(|(node, at)| Some((*node, self.ways.get(*at as usize)?)))
    }
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

    /// The same by some steps alone.
    pub fn by(
        graph: &Graph<'_>,
        goal: Node,
        blocked: Option<Node>,
        takes: impl Fn(&Edge) -> bool,
    ) -> Self {
        Self::search(graph, goal, blocked, None, takes)
    }

    /// The same as [`Self::new`], the ways to sysadmin being known: only what is nearer without it is searched for.
    pub fn beyond(graph: &Graph<'_>, goal: Node, sysadmin: &Rc<Self>) -> Self {
        Self::search(graph, goal, None, Some(Rc::clone(sysadmin)), |_| true)
    }

    fn search(
        graph: &Graph<'_>,
        goal: Node,
        blocked: Option<Node>,
        through_sysadmin: Option<Rc<Self>>,
        takes: impl Fn(&Edge) -> bool,
    ) -> Self {
        let administrators = graph.administrators();
        let mut reach = Self {
            goal,
            ways: Ways::default(),
            besides: HashMap::new(),
            through_sysadmin,
        };
        let there = Way {
            cost: 0,
            next: None,
        };
        reach.ways.insert(goal, there);
        let mut open = BinaryHeap::from([Reverse((0, goal))]);
        while let Some(Reverse((cost, node))) = open.pop() {
            let is_stale = reach.ways.get(node).is_none_or(|way| way.cost != cost);
            let is_known = node == Node::Sysadmin && reach.through_sysadmin.is_some();
            if is_stale || is_known || Some(node) == blocked {
                continue;
            }
            let edges = graph.leading_to(node).into_iter();
            for edge in edges.filter(|edge| takes(edge)) {
                let total = cost.saturating_add(cost_of(edge.step));
                let from = edge.from;
                if administrators.contains(&from) && !is_by_design(&edge, node) {
                    reach.beside(from, total, &edge, node);
                }
                if reach.is_nearer(from, total) {
                    let next = Some((edge, node));
                    reach.ways.insert(from, Way { cost: total, next });
                    open.push(Reverse((total, from)));
                }
            }
        }
        reach
    }

    fn beside(&mut self, from: Node, total: u32, edge: &Edge, node: Node) {
        let known = self.besides.get(&from).map(|way| way.cost);
        if known.is_none_or(|known| known > total) {
            let next = Some((edge.clone(), node));
            self.besides.insert(from, Way { cost: total, next });
        }
    }

    /// Whether a way of so much is nearer than what is known, through sysadmin too.
    fn is_nearer(&self, from: Node, total: u32) -> bool {
        let own = self.ways.get(from).map(|way| way.cost);
        let through = self.through(from).map(|way| way.cost.saturating_add(1));
        // sysadmin's own step is found like any other.
        let through = through.filter(|_| from != Node::Sysadmin);
        own.is_none_or(|own| own > total) && through.is_none_or(|through| through > total)
    }

    fn through(&self, node: Node) -> Option<&Way> {
        self.through_sysadmin.as_ref()?.way(node)
    }

    /// How a place leads to the goal; `None` if it does not. Where the way leads through sysadmin and that was searched
    /// before, the cost is that to sysadmin: see [`Self::cost`].
    pub fn way(&self, node: Node) -> Option<&Way> {
        self.ways.get(node).or_else(|| self.through(node))
    }

    /// Steps from a place to the goal, those that wait at a thousand each.
    pub fn cost(&self, node: Node) -> Option<u32> {
        let own = self.ways.get(node).map(|way| way.cost);
        own.or_else(|| Some(self.through(node)?.cost.saturating_add(1)))
    }

    /// The steps from a place to the goal, each with where it leads.
    pub fn chain(&self, from: Node) -> Vec<(&Edge, Node)> {
        let mut steps = Vec::new();
        let mut at = from;
        if self.ways.get(from).is_none() && self.through(from).is_some() {
            let sysadmin = self.through_sysadmin.as_ref();
            steps = sysadmin.map(|reach| reach.chain(from)).unwrap_or_default();
            at = Node::Sysadmin;
        }
        while let Some((edge, node)) = self.ways.get(at).and_then(|way| way.next.as_ref()) {
            steps.push((edge, *node));
            at = *node;
        }
        steps
    }

    /// How a member of sysadmin would get there without being one: `None` if not, or if only by way of itself, which a
    /// search that blocks it settles.
    pub fn besides(&self, administrator: Node) -> Besides<'_> {
        let sysadmin = self.through_sysadmin.as_deref();
        let through = sysadmin.and_then(|reach| reach.besides.get(&administrator));
        let own = self.besides.get(&administrator);
        let (way, of) = match (own, through, sysadmin) {
            (Some(own), Some(through), _) if own.cost <= through.cost.saturating_add(1) => {
                (own, self)
            }
            (_, Some(through), Some(reach)) => (through, reach),
            (Some(own), ..) => (own, self),
            (None, ..) => return Besides::Nothing,
        };
        let next = way.next.as_ref().map_or(self.goal, |(_, next)| *next);
        let chain = of.chain(next);
        let by_itself = next == administrator || chain.iter().any(|(_, n)| *n == administrator);
        if by_itself {
            Besides::ByItself
        } else {
            Besides::Way(way)
        }
    }

    /// As whom everybody reaches the goal, those aside who are excepted by name; `None` if not everybody does. Where
    /// nobody is excepted from the nearest way, that is `public`.
    pub fn everybody(&self) -> Option<Node> {
        let anybody = Node::login(ANYBODY);
        self.way(anybody)?;
        let chain = self.chain(anybody);
        let first = chain.first().map(|(edge, to)| (edge.step, *to));
        Some(match first {
            Some((Step::EveryLogin, public)) => public,
            _ => anybody,
        })
    }

    /// Every place that reaches the goal, with its cost.
    pub fn places(&self) -> Vec<(u32, Node)> {
        let own = self.ways.iter().map(|(node, way)| (way.cost, node));
        let mut places: Vec<(u32, Node)> = own.collect();
        if let Some(sysadmin) = &self.through_sysadmin {
            let others = sysadmin.ways.iter();
            let others = others.filter(|(node, _)| self.ways.get(*node).is_none());
            places.extend(others.map(|(node, way)| (way.cost.saturating_add(1), node)));
        }
        places
    }
}
