//! What was not seen, as the worst that it could hold.

use super::index::PUBLIC_SERVER;
use super::node::Node;
use super::step::{Edge, Step};

/// A place that everybody is taken to reach, since something was not seen that could lead there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption {
    /// The place.
    pub node: Node,
    /// Which gap it comes from, by its place in the list of gaps.
    pub gap: usize,
}

impl Assumption {
    /// The step that is assumed.
    pub fn edge(&self) -> Edge {
        Edge::new(Node::login(PUBLIC_SERVER), Step::Unseen, [])
    }
}
