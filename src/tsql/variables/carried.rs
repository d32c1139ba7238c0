//! Values that loops carry from one round into the next.

use super::{Variables, join};
use crate::tsql::folded::{Budget, Folded, reasons};
use crate::tsql::frames::{Block, Frame, Repeats};
use crate::tsql::numbered::Variable;
use std::cell::RefCell;
use std::collections::BTreeMap;

impl Variables {
    /// Notes the read of a variable with every loop around it whose round has not assigned it before.
    pub(super) fn note_read(&self, variable: Variable) {
        /// Loops and branches in each other are looked through as far as this.
        const DEEPEST: usize = 32;
        if self.loops == 0 {
            return;
        }
        let frames = self.skippable.iter().rev();
        let frames = frames.filter_map(|at| self.frames.get(*at));
        for frame in frames.take(DEEPEST) {
            if frame.before.contains_key(&variable) {
                return;
            }
            if let Some(repeats) = &frame.repeats {
                repeats.reads.borrow_mut().insert(variable);
            }
        }
        if self.skippable.len() > DEEPEST {
            self.lost_track.set(true);
        }
    }

    /// Enters the condition of the loop whose WHILE is the token at `at`. Where the walk has been here before, the
    /// variables may also hold what the end of the loop's body left in them.
    pub(in super::super) fn enter_loop(&mut self, at: usize, origin: usize, budget: &mut Budget) {
        for (variable, carried) in self.carried.remove(&at).unwrap_or_default() {
            let now = self.values.remove(variable);
            let now = now.unwrap_or_else(|| Folded::unknown(origin));
            let mut joined = join(now, &carried, origin, budget);
            joined.widen_numbers();
            self.values.insert(variable, joined);
            let carries = self.carried.entry(at).or_default();
            carries.insert(variable, carried);
        }
        self.enter(Block::Awaited, true);
        if let Some(frame) = self.frames.last_mut() {
            frame.repeats = Some(Repeats {
                at,
                reads: RefCell::default(),
            });
            self.loops += 1;
        }
    }

    /// Notes what the loop whose body ends carries into its next round: what a round reads before it assigns it, as far
    /// as this one did not begin with it.
    pub(super) fn carry(
        &mut self,
        frame: &Frame,
        before: &BTreeMap<Variable, Folded>,
        budget: &mut Budget,
    ) {
        let Some(repeats) = &frame.repeats else {
            return;
        };
        let reads = repeats.reads.borrow();
        let carries = self.carried.entry(repeats.at).or_default();
        for variable in frame.changed.iter().copied() {
            if !budget.spend(Budget::PER_VALUE) {
                return;
            }
            let lost_track = self.lost_track.get();
            let is_read = reads.contains(&variable) || lost_track;
            let Some(value) = self.values.get(variable).filter(|_| is_read) else {
                continue;
            };
            let began_with = before.get(&variable).filter(|_| !lost_track);
            if began_with.is_some_and(|began_with| began_with.covers(value)) {
                continue;
            }
            let last = carries.get(&variable);
            if last.is_some_and(|last| last.is_same(value)) || !budget.spend(value.len()) {
                continue;
            }
            if last.is_none_or(|last| !last.has_more()) {
                self.moved.insert((repeats.at, variable));
            }
            carries.insert(variable, value.clone());
        }
    }

    /// Forgets all values but what loops carry, for another walk, and tells whether one is needed: whether it is said so,
    /// or a loop carries something that the last walk did not begin with.
    pub(in super::super) fn begin_again(&mut self, is_needed: bool) -> bool {
        self.moving = std::mem::take(&mut self.moved);
        let moved = is_needed || !self.moving.is_empty();
        if moved && !self.keeps_all {
            self.values.clear();
            for (variable, value) in &self.given {
                self.values.insert(*variable, value.clone());
            }
            self.tables.clone_from(&self.given_tables);
        }
        moved
    }

    /// What loops carry and went on changing may be something else still.
    pub(in super::super) fn open_moving(&mut self) {
        for (at, variable) in &self.moving {
            let carried = self.carried.get_mut(at);
            if let Some(carried) = carried.and_then(|carried| carried.get_mut(variable)) {
                carried.open(reasons::LOOP);
            }
        }
    }

    /// All that loops carry may be something else still.
    pub(in super::super) fn open_loops(&mut self) {
        let carried = self.carried.values_mut().flat_map(BTreeMap::values_mut);
        carried.for_each(|carried| carried.open(reasons::LOOP));
    }
}
