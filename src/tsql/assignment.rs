//! Statements that give variables values: DECLARE, SET, SELECT, and what assigns from rows.

use super::folded::Folded;
use super::lexer::TokenKind;
use super::types::DataType;
use super::variables::{Block, key};
use super::walk::Walk;
use super::words::Keyword;

impl Walk<'_, '_> {
    fn assign(&mut self, variable: usize, value: Folded) {
        let name = key(self.code.text(variable));
        let origin = self.code.origin(variable);
        self.variables
            .assign(name, value, origin, &mut self.found.budget);
    }

    /// From here on the variable holds what nobody knows.
    pub(super) fn forget(&mut self, variable: usize) {
        let origin = self.code.origin(variable);
        self.assign(variable, Folded::unknown(origin));
    }

    /// `INTO @a, @b`
    pub(super) fn forget_list(&mut self, mut at: usize) {
        while self.code.is_variable(at) {
            self.forget(at);
            at += 1 + usize::from(self.code.is(at + 1, ","));
        }
    }

    /// `SET @x = a, @y = b` of an UPDATE: whatever a row holds, if there is a row.
    pub(super) fn assign_from_rows(&mut self, variable: usize) {
        if !self.code.is(variable + 1, "=") {
            return self.forget(variable);
        }
        let origin = self.code.origin(variable);
        let (mut value, next) = self.fold(Folded::default(), variable + 2, false);
        value.open();
        self.variables.enter(Block::Rows, true);
        self.assign(variable, value);
        self.variables.leave(origin, &mut self.found.budget);
        self.seen = self.seen.max(next);
    }

    pub(super) fn set(&mut self, at: usize) {
        if self.code.is_variable(at + 1) && at >= self.seen {
            self.seen = self.assignment(at + 1);
        }
    }

    /// `@x = …` or `@x += …`, and the token after it.
    fn assignment(&mut self, variable: usize) -> usize {
        let operator = variable + 1;
        if self.code.is(operator, "=") {
            let value = operator + 1;
            let same = self.code.is_variable(value)
                && key(self.code.text(value)) == key(self.code.text(variable));
            if same && self.code.is(value + 1, "+") {
                return self.append(variable, value + 2);
            }
            let (value, next) = self.fold(Folded::default(), value, false);
            self.assign(variable, value);
            return next;
        }
        if self.code.is(operator, "+") && self.code.is(operator + 1, "=") {
            return self.append(variable, operator + 2);
        }
        self.forget(variable);
        operator
    }

    /// Appends in place, so that a text put together from many pieces is not copied for each. Where the appending
    /// may not happen, holes set it off.
    fn append(&mut self, variable: usize, at: usize) -> usize {
        let name = key(self.code.text(variable));
        let origin = self.code.origin(variable);
        let (mut value, uncertain) = self.variables.take(&name, origin);
        let alternatives = value.has_alternatives();
        if uncertain || alternatives {
            value.push_hole(origin);
        }
        let (mut value, next) = self.fold(value, at, false);
        if uncertain {
            value.push_hole(origin);
        }
        self.variables.put_back(name, value);
        next
    }

    /// `SELECT @x = …, @y = …`, with or without a source of rows.
    pub(super) fn select(&mut self, at: usize) {
        let mut variable = self.code.after_select(at);
        if at < self.seen || !self.code.is_variable(variable) || !self.assigns(variable) {
            return;
        }
        let origin = self.code.origin(at);
        self.variables.enter(Block::Rows, self.has_rows(variable));
        loop {
            let next = self.assignment(variable);
            self.seen = self.seen.max(next);
            variable = next + 1;
            if !self.code.is(next, ",") || !self.code.is_variable(variable) {
                break;
            }
        }
        self.variables.leave(origin, &mut self.found.budget);
    }

    fn assigns(&self, variable: usize) -> bool {
        self.code.is(variable + 1, "=")
            || (self.code.kind(variable + 1) == Some(TokenKind::Punctuation)
                && self.code.is(variable + 2, "="))
    }

    /// Whether the select list that begins at `at` is followed by FROM or WHERE.
    fn has_rows(&self, mut at: usize) -> bool {
        let mut depth = 0_usize;
        let mut cases = 0_usize;
        while at < self.code.len() {
            match self.code.keyword(at) {
                Some(Keyword::Case) => cases += 1,
                Some(Keyword::End) if cases > 0 => cases -= 1,
                Some(Keyword::From | Keyword::Clause) if depth == 0 => return true,
                Some(Keyword::Else) if cases > 0 => {}
                Some(Keyword::Select) if depth > 0 => {}
                Some(Keyword::End | Keyword::Else | Keyword::Select) => return false,
                Some(keyword) if keyword.begins_statement() => return false,
                None if self.code.is(at, "(") => depth += 1,
                None if self.code.is(at, ")") => depth = depth.saturating_sub(1),
                None if self.code.is(at, ";") => return false,
                _ => {}
            }
            at += 1;
        }
        false
    }

    pub(super) fn declare(&mut self, at: usize) {
        let mut at = at + 1;
        while self.code.is_variable(at) {
            let variable = at;
            let origin = self.code.origin(at);
            at = self.after_type(at + 1);
            if self.code.is(at, "=") {
                let (value, next) = self.fold(Folded::default(), at + 1, false);
                self.assign(variable, value);
                at = next;
            } else if self.code.is_word(variable + 1, &["cursor"]) {
                self.assign(variable, Folded::unknown(origin));
            } else {
                let after_as = variable + 1 + usize::from(self.code.is_word(variable + 1, &["as"]));
                let (data_type, _) = DataType::read(self.code, after_as);
                let name = key(self.code.text(variable));
                self.variables.declare_typed(name, data_type);
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
