//! Values that leave a block before its end, by BREAK and CONTINUE or with an error, and branches that are known to be
//! taken or not.

use super::{Variables, join};
use crate::tsql::folded::{Budget, Folded};
use crate::tsql::frames::{Block, Branch, Frame};
use crate::tsql::numbered::Variable;
use std::collections::BTreeMap;

/// Whether BREAK or CONTINUE is come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Leaves {
    Never,
    /// In a round of the loop with this WHILE.
    Surely(usize),
    Perhaps,
}

impl Variables {
    /// Whether every loop around is followed round by round, and there is one.
    pub(in super::super) fn is_in_followed_loop(&self) -> bool {
        !self.is_in_loop() && self.followed > 0
    }

    /// BREAK or CONTINUE in a loop that is followed round by round. Where it is come to, what is inside of the loop is
    /// closed, and the loop.
    pub(in super::super) fn leave_followed_round(
        &mut self,
        origin: usize,
        budget: &mut Budget,
    ) -> Leaves {
        let around = self.frames.iter().rev();
        let inside = around.take_while(|frame| frame.spins.is_none());
        let is_sure = |frame: &Frame| !frame.may_be_skipped || frame.is_taken == Some(true);
        if inside.clone().any(|frame| frame.is_taken == Some(false)) {
            return Leaves::Never;
        }
        if !inside.clone().all(is_sure) {
            return Leaves::Perhaps;
        }
        for _ in 0..inside.count() {
            self.leave(origin, budget);
        }
        let again = self.ends_round();
        self.leave(origin, budget);
        again.map_or(Leaves::Perhaps, Leaves::Surely)
    }

    /// Closes a branch of which it is known whether it is taken.
    pub(super) fn settle_taken(
        &mut self,
        is_taken: bool,
        before: BTreeMap<Variable, Folded>,
        (is_if, otherwise): (bool, Option<Branch>),
    ) {
        let mut branch = Branch {
            is_taken: Some(is_taken),
            ..Branch::default()
        };
        for (variable, before) in before {
            if is_if && let Some(now) = self.values.get(variable) {
                branch.after.insert(variable, now.clone());
                branch.before.insert(variable, before.clone());
            }
            if !is_taken {
                self.values.insert(variable, before);
            }
        }
        let otherwise = otherwise.filter(|_| !is_taken);
        for (variable, after) in otherwise.into_iter().flat_map(|branch| branch.after) {
            self.values.insert(variable, after);
        }
        if is_if {
            self.left.push(branch);
        } else {
            self.left.clear();
        }
    }

    /// BREAK or CONTINUE: what variables hold here is what they may hold after the loop, and in its next round. Tells
    /// whether all of it could be noted.
    pub(in super::super) fn leave_round(&mut self, origin: usize, budget: &mut Budget) -> bool {
        if self.keeps_all {
            return true;
        }
        let around = self.frames.iter().rev();
        let depth = around.take_while(|frame| frame.repeats.is_none()).count();
        let Some(body) = self.frames.len().checked_sub(depth + 1) else {
            return true; // in no loop, or in one of which every round is followed
        };
        if !budget.spend(depth) {
            return false;
        }
        let inside = self.frames.get(body..).unwrap_or_default();
        let changed = inside.iter().flat_map(|frame| &frame.changed);
        let changed: Vec<Variable> = changed.copied().collect();
        for variable in changed {
            let Some(value) = self.values.get(variable).cloned() else {
                continue;
            };
            if !budget.spend(Budget::PER_VALUE) {
                return false;
            }
            if let Some(frame) = self.frames.get_mut(body) {
                add(&mut frame.escaped, variable, value, origin, budget);
            }
        }
        true
    }

    /// BEGIN TRY.
    pub(in super::super) fn enter_try(&mut self) {
        if self.innermost() == Some(Block::Awaited) {
            self.becomes(Block::Statements);
        } else {
            self.enter(Block::Statements, true);
        }
        self.tries.push(self.frames.len().saturating_sub(1));
    }

    /// Notes a value that is replaced: if it was assigned inside of a TRY, an error may have come before.
    pub(super) fn note_replaced(
        &mut self,
        variable: Variable,
        value: &Folded,
        origin: usize,
        budget: &mut Budget,
    ) {
        let Some(handled) = self.tries.last().copied() else {
            return;
        };
        let frames = self.skippable.iter().rev();
        let mut inside = frames.take_while(|at| **at >= handled);
        let is_own = inside.any(|at| {
            let frame = self.frames.get(*at);
            frame.is_some_and(|frame| frame.before.contains_key(&variable))
        });
        if is_own && let Some(frame) = self.frames.get_mut(handled) {
            add(&mut frame.escaped, variable, value.clone(), origin, budget);
        }
    }

    /// BEGIN CATCH: variables may hold whatever they held inside of the TRY before it.
    pub(in super::super) fn enter_catch(&mut self, origin: usize, budget: &mut Budget) {
        let replaced = std::mem::take(&mut self.replaced);
        self.enter(Block::Statements, true);
        for (variable, value) in replaced {
            let mut joined = self.values.get(variable).cloned().unwrap_or_default();
            joined.add_alternative(&value, budget);
            self.assign(variable, joined, origin, budget);
        }
    }

    /// What left the loop that ends is what variables may hold now.
    pub(super) fn settle_loop(
        &mut self,
        escaped: &BTreeMap<Variable, Folded>,
        origin: usize,
        budget: &mut Budget,
    ) {
        for (variable, value) in escaped {
            let now = self.values.remove(*variable);
            let now = now.unwrap_or_else(|| Folded::unknown(origin));
            let joined = join(now, value, origin, budget);
            self.values.insert(*variable, joined);
        }
    }

    /// What the TRY that ends replaced is its handler's, and that of the TRY around it.
    pub(super) fn settle_try(
        &mut self,
        escaped: BTreeMap<Variable, Folded>,
        origin: usize,
        budget: &mut Budget,
    ) {
        if let Some(outer) = self.tries.last().copied()
            && let Some(frame) = self.frames.get_mut(outer)
        {
            for (variable, value) in &escaped {
                add(&mut frame.escaped, *variable, value.clone(), origin, budget);
            }
        }
        self.replaced = escaped;
    }
}

fn add(
    values: &mut BTreeMap<Variable, Folded>,
    variable: Variable,
    value: Folded,
    origin: usize,
    budget: &mut Budget,
) {
    let joined = match values.remove(&variable) {
        Some(known) if known.covers(&value) => known,
        Some(known) => join(known, &value, origin, budget),
        None => value,
    };
    values.insert(variable, joined);
}
