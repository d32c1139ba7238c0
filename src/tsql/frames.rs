//! Stretches of code that decide whether an assignment replaces a value or only may, and what they change.

use super::folded::Folded;
use super::numbered::Variable;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// A stretch of code that something opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// After IF, WHILE or ELSE, before the statement they govern.
    Awaited,
    /// The one statement that IF, WHILE or ELSE governs.
    Statement,
    /// BEGIN … END.
    Statements,
    /// CASE … END.
    Case,
    /// A SELECT with a source, which assigns nothing where there is no row.
    Rows,
}

#[derive(Debug)]
pub(super) struct Frame {
    pub(super) block: Block,
    pub(super) may_be_skipped: bool,
    /// What the variables first assigned in a frame that may be skipped held before it.
    pub(super) before: BTreeMap<Variable, Folded>,
    /// What variables held before frames inside of this one first assigned them.
    pub(super) before_inner: BTreeMap<Variable, Folded>,
    /// Every variable changed in a frame that may be skipped.
    pub(super) changed: BTreeSet<Variable>,
    /// Of the body of a loop.
    pub(super) repeats: Option<Repeats>,
    /// The loop this is one round of, by its WHILE.
    pub(super) spins: Option<usize>,
    pub(super) is_if: bool,
    /// Of an IF or an ELSE in a loop that is followed round by round: whether this branch is taken, if that is known.
    pub(super) is_taken: Option<bool>,
    /// Of an ELSE: what the other branch left behind.
    pub(super) otherwise: Option<Branch>,
    /// What left the body of a loop, or a TRY, before its end.
    pub(super) escaped: BTreeMap<Variable, Folded>,
}

impl Frame {
    /// What variables held before the frame, of those that were assigned in it.
    pub(super) fn take_before(&mut self) -> BTreeMap<Variable, Folded> {
        let mut before = std::mem::take(&mut self.before);
        before.append(&mut self.before_inner);
        before
    }
}

/// What a loop that may go round any number of times does with variables.
#[derive(Debug)]
pub(super) struct Repeats {
    /// The loop's WHILE.
    pub(super) at: usize,
    /// Every variable that a round reads before it assigns it: what the round before left in it matters.
    pub(super) reads: RefCell<BTreeSet<Variable>>,
}

/// What a branch found and what it left, of each variable that it assigned.
#[derive(Debug, Default)]
pub(super) struct Branch {
    pub(super) is_taken: Option<bool>,
    pub(super) before: BTreeMap<Variable, Folded>,
    pub(super) after: BTreeMap<Variable, Folded>,
}
