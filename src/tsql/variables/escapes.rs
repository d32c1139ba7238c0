//! Values that leave a block before its end: by BREAK and CONTINUE, or with an error, to its handler.

use super::{Variables, join};
use crate::tsql::folded::{Budget, Folded};
use crate::tsql::frames::Block;
use crate::tsql::numbered::Variable;
use std::collections::BTreeMap;

impl Variables {
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
