//! Statements that give variables values: DECLARE, SET, SELECT, and what assigns from rows.

use super::folded::{Budget, Folded, reasons};
use super::lexer::TokenKind;
use super::operators::{Operator, combine};
use super::query::Clauses;
use super::rows::{Row, Rows};
use super::types::DataType;
use super::variables::Block;
use super::walk::Walk;
use super::words::Keyword;
use std::rc::Rc;

impl Walk<'_, '_> {
    pub(super) fn assign(&mut self, variable: usize, value: Folded) {
        let origin = self.code.origin(variable);
        let variable = self.variables.at(variable);
        self.variables
            .assign(variable, value, origin, &mut self.found.budget);
    }

    /// From here on the variable holds what nobody knows.
    pub(super) fn forget(&mut self, variable: usize) {
        let origin = self.code.origin(variable);
        self.assign(variable, Folded::unknown(origin));
    }

    /// `SET @x = a, @y = b` of an UPDATE: whatever a row holds, if there is a row.
    pub(super) fn assign_from_rows(&mut self, variable: usize) {
        if !self.code.is(variable + 1, "=") {
            return self.forget(variable);
        }
        let origin = self.code.origin(variable);
        let (mut value, next) = self.value_at(variable + 2, false);
        value.open(reasons::ROWS);
        self.variables.enter(Block::Rows, true);
        self.assign(variable, value);
        self.variables.leave(origin, &mut self.found.budget);
        self.seen = self.seen.max(next);
    }

    pub(super) fn set(&mut self, at: usize) {
        if self.code.is_variable(at + 1) && at >= self.seen {
            if self.code.is_word(at + 3, &["cursor"]) {
                return self.declare_cursor(at + 1, at + 3);
            }
            self.seen = self.assignment(at + 1);
        } else {
            self.note_setting(at);
        }
    }

    /// `SET CONCAT_NULL_YIELDS_NULL OFF`, alone or among others.
    fn note_setting(&mut self, set: usize) {
        let mut at = set + 1;
        let mut concerns_null = false;
        while self.code.is(at + 1, ",") {
            concerns_null |= self.code.is_word(at, &["concat_null_yields_null"]);
            at += 2;
        }
        concerns_null |= self
            .code
            .is_word(at, &["concat_null_yields_null", "ansi_defaults"]);
        self.variables.null_is_empty |= concerns_null && self.code.is_word(at + 1, &["off"]);
    }

    /// `@x = …` or `@x += …`, and the token after it.
    fn assignment(&mut self, variable: usize) -> usize {
        let operator = variable + 1;
        if self.code.is(operator, "=") {
            let value = operator + 1;
            let same = self.code.is_variable(value) && self.is_same_variable(value, variable);
            if same && self.code.is(value + 1, "+") && !self.mentions(value + 2, variable) {
                return self.append(variable, value + 2);
            }
            return self.assign_expression(variable, value, None);
        }
        let joins = self.code.is(operator, "|") && self.code.is(operator + 1, "|");
        if joins && self.code.is(operator + 2, "=") {
            return self.assign_expression(variable, operator + 3, Some(Operator::Plus));
        }
        let compound = Operator::of(self.code.text(operator));
        match compound.filter(|_| self.code.is(operator + 1, "=")) {
            Some(Operator::Plus) if !self.mentions(operator + 2, variable) => {
                self.append(variable, operator + 2)
            }
            Some(compound) => self.assign_expression(variable, operator + 2, Some(compound)),
            None => {
                self.forget(variable);
                operator
            }
        }
    }

    fn is_same_variable(&self, a: usize, b: usize) -> bool {
        self.variables.at(a) == self.variables.at(b)
    }

    /// Whether the expression at `at` reads the variable.
    fn mentions(&self, mut at: usize, variable: usize) -> bool {
        let mut depth = 0_usize;
        while self.code.kind(at).is_some() && !self.code.is(at, ";") {
            match self.code.keyword(at) {
                Some(keyword) if keyword.begins_statement() => return false,
                Some(Keyword::From) if depth == 0 => return false,
                _ if self.code.is(at, "(") => depth += 1,
                _ if self.code.is(at, ")") => depth = depth.saturating_sub(1),
                _ if self.code.is(at, ",") && depth == 0 => return false,
                _ if self.code.is_variable(at) && self.is_same_variable(at, variable) => {
                    return true;
                }
                _ => {}
            }
            at += 1;
        }
        false
    }

    /// Assigns the expression at `at`, or the variable's value combined with it.
    fn assign_expression(&mut self, variable: usize, at: usize, by: Option<Operator>) -> usize {
        let (mut value, next) = self.value_at(at, false);
        let origin = self.code.origin(variable);
        if let Some(operator) = by {
            let before = self.variables.get(self.variables.at(variable)).cloned();
            let before = before.unwrap_or_else(|| Folded::unknown(origin));
            value = combine(before, operator, &value, origin, &mut self.found.budget);
        }
        if self.row.as_ref().is_some_and(|row| row.rows.repeats) && self.mentions(at, variable) {
            // Once more, with what the first row left.
            self.assign(variable, value.clone());
            let (again, _) = self.value_at(at, false);
            value.add_alternative(&again, &mut self.found.budget);
            value.repeat();
        }
        self.assign(variable, value);
        next
    }

    /// Appends in place, so that a text put together from many pieces is not copied for each. What is appended again
    /// and again, in a loop or for each row, is looked at by itself.
    fn append(&mut self, variable: usize, at: usize) -> usize {
        let origin = self.code.origin(variable);
        let variable = self.variables.at(variable);
        let repeats = self.row.as_ref().is_some_and(|row| row.rows.repeats);
        if !repeats && !self.variables.is_in_loop() {
            let value = self.variables.take(variable, origin);
            let (value, next) = self.fold(value, at, false);
            self.variables
                .put_back(variable, value, origin, &mut self.found.budget);
            return next;
        }
        let (mut piece, next) = self.value_at(at, false);
        if repeats {
            piece.repeat();
        }
        let mut value = self.variables.take(variable, origin);
        value.append(&piece, origin, &mut self.found.budget);
        value.saturate(&piece);
        self.variables
            .put_back(variable, value, origin, &mut self.found.budget);
        next
    }

    /// `SELECT @x = …, @y = …`, with or without a source of rows.
    pub(super) fn select(&mut self, at: usize) {
        self.last_select = at;
        let variable = self.code.after_select(at);
        if at < self.seen || !self.code.is_variable(variable) || !self.assigns(variable) {
            return;
        }
        let clauses = Clauses::find(self.code, at);
        let origin = self.code.origin(at);
        if !self.found.budget.spend(clauses.end - at) {
            return self.forget_assigned(variable);
        }
        let Some(_) = clauses.from else {
            self.variables.enter(Block::Rows, clauses.filter.is_some());
            self.assign_list(variable);
            return self.variables.leave(origin, &mut self.found.budget);
        };
        let mut source = self.expression(false).source_of(&clauses);
        if let Some(order) = clauses.order {
            let unsorted = source.clone();
            self.expression(false).sort(&mut source, &unsorted, order);
            self.expression(false).keep_top(&mut source, &clauses);
        }
        let assigned = self.assigned(&clauses);
        if clauses.aggregates {
            self.row = Some(Row {
                rows: Rc::new(source),
                place: None,
            });
            self.variables.enter(Block::Rows, clauses.group.is_some());
            self.assign_list(variable);
            self.variables.leave(origin, &mut self.found.budget);
            self.row = None;
            return;
        }
        self.assign_each(&assigned, &Rc::new(source), origin);
    }

    /// The variables of a list of assignments.
    fn assigned(&self, clauses: &Clauses) -> Vec<usize> {
        let mut assigned = Vec::new();
        let mut at = clauses.list;
        while at < clauses.after_list {
            if self.code.is_variable(at) {
                assigned.push(at);
            }
            while at < clauses.after_list && !self.code.is(at, ",") {
                let group = self.code.is(at, "(");
                at = if group {
                    self.code.after_group(at)
                } else {
                    at + 1
                };
            }
            at += 1;
        }
        assigned
    }

    /// Assigns the list for each row in turn.
    fn assign_each(&mut self, assigned: &[usize], source: &Rc<Rows>, origin: usize) {
        let Some(first) = assigned.first().copied() else {
            return;
        };
        let unsure = source.more.or(source.unsure);
        let accumulates = assigned.iter().any(|variable| self.accumulates(*variable));
        let is_certain = !source.repeats && (unsure.is_none() || accumulates);
        let mut unsure_of = source.more.or(unsure.filter(|_| accumulates));
        for place in 0..source.rows.len() {
            if !self.found.budget.spend(Budget::PER_VALUE) {
                unsure_of = Some(reasons::BUDGET);
                break;
            }
            self.row = Some(Row {
                rows: Rc::clone(source),
                place: Some(place),
            });
            self.variables.enter(Block::Rows, !is_certain);
            self.assign_list(first);
            self.variables.leave(origin, &mut self.found.budget);
        }
        self.row = None;
        self.seen = self.seen.max(first + 1);
        if let Some(reason) = unsure_of {
            for variable in assigned {
                self.open_assigned(*variable, reason);
            }
        }
    }

    fn assign_list(&mut self, mut variable: usize) {
        loop {
            let next = self.assignment(variable);
            self.seen = self.seen.max(next);
            variable = next + 1;
            if !self.code.is(next, ",") || !self.code.is_variable(variable) {
                return;
            }
        }
    }

    /// Whether a variable is assigned something of itself.
    fn accumulates(&self, variable: usize) -> bool {
        !self.code.is(variable + 1, "=") || self.mentions(variable + 2, variable)
    }

    /// Says of a variable that it may hold something else.
    fn open_assigned(&mut self, variable: usize, reason: &'static str) {
        let known = self.variables.get(self.variables.at(variable));
        if let Some(mut value) = known.cloned() {
            value.open(reason);
            self.assign(variable, value);
        }
    }

    fn forget_assigned(&mut self, variable: usize) {
        self.forget(variable);
        self.seen = self.seen.max(variable + 1);
    }

    fn assigns(&self, variable: usize) -> bool {
        self.code.is(variable + 1, "=")
            || (self.code.kind(variable + 1) == Some(TokenKind::Punctuation)
                && self.code.is(variable + 2, "="))
    }

    pub(super) fn declare(&mut self, at: usize) {
        if !self.code.is_variable(at + 1) {
            return self.declare_cursor(at + 1, at + 2);
        }
        let mut at = at + 1;
        while self.code.is_variable(at) {
            let variable = at;
            let after_as = at + 1 + usize::from(self.code.is_word(at + 1, &["as"]));
            if self.code.is_word(after_as, &["table"]) {
                at = self.declare_table(variable, after_as + 1);
                at += usize::from(self.code.is(at, ","));
                continue;
            }
            let (data_type, _) = DataType::read(self.code, after_as);
            at = self.after_type(at + 1);
            let declared = self.variables.at(variable);
            self.variables.declare_typed(declared, data_type);
            if self.code.is(at, "=") {
                let (value, next) = self.value_at(at + 1, false);
                self.assign(variable, value);
                at = next;
            }
            at += usize::from(self.code.is(at, ","));
        }
        self.seen = self.seen.max(at);
    }

    /// The token after a declared variable's type: its value, the next variable, or another statement.
    fn after_type(&self, mut at: usize) -> usize {
        while at < self.code.len() {
            if self.code.is(at, "(") {
                at = self.code.after_group(at);
                continue;
            }
            let ends = [",", "=", ";", ")"]
                .iter()
                .any(|mark| self.code.is(at, mark));
            if ends || self.code.keyword(at).is_some_and(Keyword::ends_list) {
                return at;
            }
            at += 1;
        }
        at
    }
}
