//! EXEC in its forms, calls without it, and the execution of text.

use super::code::{Code, Name};
use super::folded::{Folded, Source};
use super::lexer::TokenKind;
use super::variables::key;
use super::walk::{DEEPEST, Walk};
use super::words::{self, Executed, Keyword};
use super::{How, Sink};
use std::ops::Range;

impl Walk<'_, '_> {
    /// How a call spelt in these bytes of this batch comes about.
    fn how(&self, range: &Range<usize>) -> How {
        match self.depth {
            0 => How::Direct,
            _ if self.code.source().is_one_piece(range) => How::DynamicLiteral,
            _ => How::DynamicConcat,
        }
    }

    /// Text is executed at `at` that could not be read. Of a batch with holes that is known already.
    fn unresolved(&mut self, at: usize) {
        if !self.has_holes {
            let how = self.how(&self.code.range(at));
            self.report_unresolved(at, how);
        }
    }

    fn report_unresolved(&mut self, at: usize, how: How) {
        let origin = self.code.origin(at);
        self.found.report(origin, Sink::DynamicUnresolved, how);
    }

    /// A procedure's name may begin a batch without EXEC.
    pub(super) fn bare_call(&mut self) {
        let code = self.code;
        let first = (0..code.len()).find(|at| !code.is(*at, ";"));
        let first = first.filter(|at| code.keyword(*at).is_none());
        if let Some(name) = first.and_then(|at| code.name(at)) {
            self.call(name);
        }
    }

    /// In text that is known in part, a hole may be all that is missing before a name that has an argument after it.
    pub(super) fn call_behind_hole(&mut self, at: usize) {
        if self.code.is_hole(at + 1) {
            return;
        }
        let Some(name) = self.code.name(at + 1) else {
            return;
        };
        let argument = matches!(
            self.code.kind(name.next),
            Some(TokenKind::String | TokenKind::Variable)
        );
        if argument {
            self.channel(name);
        }
    }

    /// EXEC and what follows it, unless it is the permission or the clause of that name.
    pub(super) fn execute(&mut self, at: usize) {
        let mut called = at + 1;
        let permission = matches!(
            self.code.keyword(called),
            Some(Keyword::As | Keyword::From | Keyword::PermissionTail)
        );
        if permission {
            return;
        }
        if self.code.is(called, "(") {
            return self.execute_text(at, called + 1);
        }
        if self.code.is_variable(called) && self.code.is(called + 1, "=") {
            self.forget(called);
            called += 2;
        }
        match self.code.kind(called) {
            Some(TokenKind::Variable) => self.call_by_variable(called),
            Some(TokenKind::String) => self.call(Name {
                first: called,
                last: called,
                next: called + 1,
            }),
            _ => {
                if let Some(name) = self.code.name(called) {
                    self.call(name);
                }
            }
        }
    }

    /// A call by a name in the code.
    fn call(&mut self, name: Name) {
        self.channel(name);
        let (part, _) = self.code.part(name.last);
        if let Some(executed) = words::executed(part) {
            self.execute_argument(name.first, name.next, executed);
        }
    }

    /// Reports the name if it is a channel's.
    fn channel(&mut self, name: Name) {
        let (part, start) = self.code.part(name.last);
        if let Some(channel) = words::channel(part) {
            let how = self.how(&(start..start + part.len()));
            let origin = match self.depth {
                0 => self.code.origin(name.first),
                _ => self.code.source().origin(start),
            };
            self.found.report(origin, channel, how);
        }
    }

    /// `EXEC @name`: the procedure is the variable's value.
    fn call_by_variable(&mut self, variable: usize) {
        let value = self.variables.get(&key(self.code.text(variable)));
        let value = value.filter(|value| self.found.budget.spend(value.len()));
        let Some(value) = value.cloned() else {
            if !self.has_holes {
                self.report_unresolved(variable, How::ViaVariableProcName);
            }
            return;
        };
        let mut read = !value.is_open();
        let mut executed = None;
        for batch in value.batches() {
            let source = Source::executed(&value, batch);
            let named = Code::lex(source, self.found.quoted_identifier);
            let Some(name) = named.name(0) else {
                continue;
            };
            let (part, _) = named.part(name.last);
            if let Some(channel) = words::channel(part) {
                let origin = self.code.origin(variable);
                self.found.report(origin, channel, How::ViaVariableProcName);
            }
            executed = executed.or(words::executed(part));
            let qualified = name.last > 0 && named.is(name.last - 1, ".");
            let own_name_is_known =
                !value.has_alternatives() && qualified && !named.is_hole(name.last);
            read |= own_name_is_known;
        }
        if !read && !self.has_holes {
            self.report_unresolved(variable, How::ViaVariableProcName);
        }
        if let Some(executed) = executed {
            self.execute_argument(variable, variable + 1, executed);
        }
    }

    /// A procedure, called at `called`, executes one of its arguments, which begin at `at`.
    fn execute_argument(&mut self, called: usize, at: usize, executed: Executed) {
        let numbered = self.code.is(at, ";") && self.code.kind(at + 1) == Some(TokenKind::Number);
        let mut at = if numbered { at + 2 } else { at };
        let mut chosen = None;
        for position in 0.. {
            let named = self.code.is_variable(at) && self.code.is(at + 1, "=");
            let value = if named { at + 2 } else { at };
            let by_name = named && self.code.is_any(at, executed.names);
            if by_name || (position == executed.position && chosen.is_none()) {
                chosen = Some(value);
            }
            if by_name {
                break;
            }
            at = self.code.after_argument(value);
            if !self.code.is(at, ",") {
                break;
            }
            at += 1;
        }
        if let Some(value) = chosen {
            self.execute_text(called, value);
        }
    }

    /// Walks the text that the expression at `value` comes to; it is executed by what stands at `called`.
    fn execute_text(&mut self, called: usize, value: usize) {
        let (text, _) = self.fold(Folded::default(), value, true);
        if text.is_open() {
            self.unresolved(called);
        }
        if text.len() == 0 {
            return;
        }
        if self.depth >= DEEPEST || !self.found.budget.spend(text.len()) {
            return self.unresolved(called);
        }
        let has_holes = self.has_holes || text.is_open();
        for batch in text.batches() {
            let source = Source::executed(&text, batch);
            let code = Code::lex(source, self.found.quoted_identifier);
            Walk::new(&code, self.found, self.depth + 1, has_holes).run();
        }
    }
}
