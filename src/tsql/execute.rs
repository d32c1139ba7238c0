//! EXEC in its forms, calls without it, and the execution of text.

use super::arguments::Command;
use super::call::{Called, Given, begins_statement};
use super::code::{Code, Name};
use super::folded::{Folded, Source, reasons};
use super::lexer::TokenKind;
use super::object::Observation;
use super::plain;
use super::procedures::{self, Does};
use super::variables::{Tables, Variables};
use super::walk::{DEEPEST, Place, Walk};
use super::words::Keyword;
use super::{How, Sink};
use std::collections::BTreeMap;
use std::ops::Range;

/// Why text that is executed was not read.
const TOO_DEEP: &str = "text executed by text is read eight deep and no deeper";
const TOO_MUCH: &str = "the text is too long, or executed too often, to be followed";

/// Words that begin a statement without being reserved: no procedure's name where a batch begins with them.
const STATEMENTS_NOT_RESERVED: &[&str] =
    &["add", "disable", "enable", "get", "move", "send", "throw"];

/// Calls that are told by the code alone.
impl Code<'_> {
    /// A procedure's name may begin a batch without EXEC.
    pub(super) fn bare_call(&self) -> Option<Name> {
        let first = (0..self.len()).find(|at| !self.is(*at, ";"))?;
        if self.keyword(first).is_some() {
            return None;
        }
        let name = self.name(first)?;
        let (own, _) = self.part(name.last);
        let is_call = match self.kind(name.next) {
            Some(TokenKind::Punctuation) => self.is(name.next, ";") || self.is(name.next, "-"),
            _ => !self.is_word(name.first, STATEMENTS_NOT_RESERVED),
        };
        let is_label = self.is(name.next, ":");
        (is_call || procedures::procedure(own).is_some() && !is_label).then_some(name)
    }

    /// In text that is known in part, a hole may be all that is missing before a name that has an argument after it.
    pub(super) fn call_behind_hole(&self, at: usize) -> Option<Name> {
        if self.is_hole(at + 1) {
            return None;
        }
        let name = self.name(at + 1)?;
        let argument = matches!(
            self.kind(name.next),
            Some(TokenKind::String | TokenKind::Variable)
        );
        let (own, _) = self.part(name.last);
        let is_sink = procedures::procedure(own).is_some_and(|row| {
            matches!(row.does, Does::Is(_) | Does::RunsScript | Does::SetsOption)
        });
        (argument && is_sink).then_some(name)
    }

    /// Whether the EXECUTE at `at` is the permission or the clause of that name.
    pub(super) fn is_permission(&self, at: usize) -> bool {
        matches!(
            self.keyword(at + 1),
            Some(Keyword::As | Keyword::From | Keyword::PermissionTail)
        )
    }
}

impl Walk<'_, '_> {
    /// How a call spelt in these bytes of this batch comes about.
    pub(super) fn how(&self, range: &Range<usize>) -> How {
        match self.depth {
            0 => How::Direct,
            _ if self.code.source().is_one_piece(range) => How::DynamicLiteral,
            _ => How::DynamicConcat,
        }
    }

    /// Where the token at `at` stands in the outermost source.
    pub(super) fn place(&self, at: usize) -> Place {
        Place::of_token(self.code.origin(at))
    }

    /// The word at `at` as what something is reached by.
    pub(super) fn called_at(&self, at: usize) -> (Place, How) {
        self.called_by(&[at])
    }

    /// The words of a statement as what something is reached by: one that is put together is enough.
    pub(super) fn called_by(&self, words: &[usize]) -> (Place, How) {
        let hows = words.iter().map(|at| self.how(&self.code.range(*at)));
        let how = hows.max().unwrap_or(How::Direct);
        (self.place(words.first().copied().unwrap_or(0)), how)
    }

    pub(super) fn report(&mut self, place: Place, sink: Sink, how: How, command: Command) {
        let seen = self.observation(place, sink, how, command);
        self.found.sinks.push(seen);
    }

    /// Text or a procedure is executed that could not be read.
    pub(super) fn unresolved(
        &mut self,
        place: Place,
        how: How,
        value: &Folded,
        reason: &'static str,
    ) {
        let seen = self.observation(place, Sink::DynamicUnresolved, how, Command::of(value));
        self.found.sinks.push(Observation {
            reason: Some(reason),
            ..seen
        });
    }

    /// EXEC and what follows it, unless it is the permission or the clause of that name.
    pub(super) fn execute(&mut self, at: usize) {
        let mut called = at + 1;
        if self.code.is_permission(at) {
            return;
        }
        if self.code.is(called, "(") {
            return self.execute_group(at, called);
        }
        if self.code.is_variable(called) && self.code.is(called + 1, "=") {
            self.forget(called);
            called += 2;
        }
        if self.code.is_remote_source(called) {
            return self.call_at_source(called);
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

    /// `EXEC (…)`, here or AT a linked server.
    fn execute_group(&mut self, at: usize, open: usize) {
        let (place, how) = self.called_at(at);
        // What is joined here is no expression: NULL counts as empty, whatever is set.
        let null_is_empty = std::mem::replace(&mut self.variables.null_is_empty, true);
        let (text, _) = self.fold(Folded::default(), open + 1, true);
        self.variables.null_is_empty = null_is_empty;
        let close = self.code.after_group(open);
        if self.code.is_word(close, &["at"]) {
            let mut command = Command::of(&text);
            // Values for the text's parameter markers.
            let mut next = self.code.after_argument(open + 1);
            while self.code.is(next, ",") && next < close {
                let (value, _) = self.fold(Folded::default(), next + 1, true);
                command.weigh(&value);
                next = self.code.after_argument(next + 1);
            }
            self.report(place, Sink::LinkedExec, how, command);
            return self.elsewhere(|walk| walk.execute_value(place, how, &text, &[]));
        }
        self.execute_value(place, how, &text, &[]);
    }

    /// What is walked meanwhile is executed at another server.
    pub(super) fn elsewhere(&mut self, walk: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.found.is_elsewhere, true);
        walk(self);
        self.found.is_elsewhere = before;
    }

    /// `{call name(…)}` and `{? = call name(…)}`.
    pub(super) fn escape_call(&mut self, brace: usize) {
        let mut at = brace + 1;
        if self.code.is(at + 1, "=") {
            at += 2;
        }
        if !self.code.is_word(at, &["call"]) {
            return;
        }
        let Some(name) = self.code.name(at + 1) else {
            return;
        };
        let first = name.next + usize::from(self.code.is(name.next, "("));
        let arguments = self.arguments(first);
        let called = self.called(name);
        self.invoke(called, &arguments);
    }

    /// Walks a text that is executed by what stands at `place`, with what its parameters hold.
    pub(super) fn execute_value(&mut self, place: Place, how: How, text: &Folded, given: &[Given]) {
        let is_open = text.is_open();
        if is_open && !self.has_holes {
            self.unresolved(place, how, text, text.reason());
        }
        if text.len() == 0 {
            return;
        }
        let too_deep = self.depth >= DEEPEST;
        if too_deep || !self.found.budget.spend(text.len()) {
            let reason = if too_deep { TOO_DEEP } else { TOO_MUCH };
            if !self.has_holes {
                self.unresolved(place, how, text, reason);
            }
            return;
        }
        self.walk_here(text, is_open, given);
    }

    /// Walks each of the values that a text may have, with the temporary tables there are, and keeps what it gives back
    /// in them and in its parameters.
    fn walk_here(&mut self, text: &Folded, is_open: bool, given: &[Given]) {
        let mut tables = self.variables.temporary_tables(&mut self.found.budget);
        let before = tables.clone();
        let mut back: BTreeMap<usize, Folded> = BTreeMap::new();
        let gives_back = given.iter().any(|given| given.back.is_some());
        let mut plain = None;
        for batch in text.batches() {
            let sees_tables = !before.is_empty() && text.slice(batch).contains('#');
            let shared = if sees_tables {
                tables.clone()
            } else {
                Tables::new()
            };
            let is_read_back = gives_back || sees_tables;
            let of = (text, batch, plain);
            let Some(left) = self.walk_batch(of, is_open, given, (is_read_back, shared)) else {
                plain = Some(text.slice(batch));
                continue;
            };
            if sees_tables {
                tables = left.temporary_tables(&mut self.found.budget);
            }
            for (variable, given) in given.iter().filter_map(|g| Some((g.back?, g))) {
                let Some(value) = left.get_named(&given.name) else {
                    continue;
                };
                match back.get_mut(&variable) {
                    Some(known) => known.add_alternative(value, &mut self.found.budget),
                    None => _ = back.insert(variable, value.clone()),
                }
            }
        }
        if is_open {
            for value in back.values_mut() {
                value.taint = value.taint.and(text.taint);
                value.open(reasons::ELSEWHERE);
            }
        }
        self.given_back.extend(back);
        let is_certain = !text.has_alternatives() && !is_open;
        self.variables.take_back(tables, &before, is_certain);
    }

    /// Walks one of the values that a text may have, with the temporary tables that it sees; what it leaves in its
    /// variables, unless it was passed over, since it does nothing and none of its variables is read back. `plain` is
    /// another one that was.
    fn walk_batch(
        &mut self,
        (text, batch, plain): (&Folded, usize, Option<&str>),
        is_open: bool,
        given: &[Given],
        (is_read_back, tables): (bool, Tables),
    ) -> Option<Variables> {
        let source = Source::executed(text, batch);
        let has_holes = self.has_holes || is_open;
        let quoted_identifier = self.found.quoted_identifier;
        let may_pass_over = !self.found.walks_all && !is_read_back;
        if may_pass_over && plain::is_plain(source, plain, quoted_identifier, has_holes) {
            return None;
        }
        let code = Code::lex(source, quoted_identifier);
        let mut walk = Walk::new(&code, self.found, self.depth + 1, has_holes);
        walk.is_read_back = is_read_back;
        walk.variables.begin_with_tables(tables);
        for given in given {
            if walk.found.budget.spend(given.value.len()) {
                let value = given.value.clone();
                walk.variables
                    .begin_with(&given.name, given.data_type, value);
            }
        }
        walk.run();
        Some(walk.variables)
    }

    /// Walks each of the values that a text may have where nothing of it comes back.
    pub(super) fn walk_apart(&mut self, text: &Folded) {
        let is_open = text.is_open();
        let mut plain = None;
        for batch in text.batches() {
            let tables = (false, Tables::new());
            if self
                .walk_batch((text, batch, plain), is_open, &[], tables)
                .is_none()
            {
                plain = Some(text.slice(batch));
            }
        }
    }

    /// Walks a text that is executed somewhere else, if it is T-SQL there.
    pub(super) fn execute_elsewhere(&mut self, text: &Folded) {
        let source = Source::executed(text, 0);
        let begin = Code::beginning(source, self.found.quoted_identifier);
        let reads_as_code = begins_statement(&begin) || begin.name(0).is_some();
        if !reads_as_code {
            return;
        }
        if self.depth >= DEEPEST || !self.found.budget.spend(text.len()) {
            let note = "a text that is executed elsewhere was not read: it is too deep or too much";
            return self.found.note(begin.origin(0), note.to_owned());
        }
        self.elsewhere(|walk| walk.walk_apart(text));
    }

    /// Whether the code is text that is executed.
    pub(super) fn is_dynamic(&self) -> bool {
        self.depth > 0
    }

    /// A sink, but for its line and column.
    pub(super) fn observation(
        &self,
        place: Place,
        sink: Sink,
        how: How,
        command: Command,
    ) -> Observation {
        Observation {
            sink,
            how,
            is_dynamic: self.is_dynamic(),
            line: 0,
            column: 0,
            span: place.start..place.end,
            option: None,
            command: command.text,
            command_tainted: command.taint.is_tainted(),
            tainted_by: command.taint,
            reason: None,
            via: Vec::new(),
        }
    }
}

/// A call's beginning, for what is no procedure's name in the code.
impl Called {
    pub(super) fn new(place: Place, how: How, parts: Vec<String>) -> Self {
        Self {
            place,
            how,
            parts,
            hidden: None,
        }
    }
}
