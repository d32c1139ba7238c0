//! OPENROWSET, OPENQUERY and OPENDATASOURCE.

use super::Sink;
use super::arguments::Command;
use super::call::Called;
use super::code::Code;
use super::folded::{Folded, Source};
use super::walk::Walk;
use super::words::Keyword;

/// Where rows come from other than a table.
const REMOTE: &[&str] = &["openrowset", "openquery", "opendatasource"];

impl Code<'_> {
    /// Whether a source of rows from elsewhere begins here.
    pub(super) fn is_remote_source(&self, at: usize) -> bool {
        let long = matches!(self.range(at).len(), 9 | 10 | 14);
        long && self.is(at + 1, "(") && self.is_word(at, REMOTE)
    }
}

impl Walk<'_, '_> {
    /// Reports the source at `at`, if there is one, and reads what it executes.
    pub(super) fn remote_source(&mut self, at: usize) {
        if at < self.seen_source || !self.code.is_remote_source(at) {
            return;
        }
        let (place, how) = self.called_at(at);
        self.seen_source = self.code.after_group(at + 1);
        if self.code.is_word(at, &["openquery"]) {
            let query = self.code.after_argument(at + 2) + 1;
            let (text, _) = self.fold(Folded::default(), query, true);
            self.report(place, Sink::LinkedExec, how, Command::of(&text));
            if self.only_selects(&text) {
                let note = "OPENQUERY sends a text that only selects";
                self.found.note(place.start, note.to_owned());
            }
            return self.execute_elsewhere(&text);
        }
        if self.code.is_word(at + 2, &["bulk"]) {
            let (file, _) = self.fold(Folded::default(), at + 3, true);
            return self.report(place, Sink::BulkFile, how, Command::of(&file));
        }
        let arguments = self.provider_arguments(at + 2);
        let mut command = Command::none();
        for value in &arguments {
            command.weigh(value);
        }
        // The query is last; before it stands who connects to what, which is not for showing.
        let query = arguments.last().filter(|_| arguments.len() > 2);
        if let Some(query) = query {
            command.show(query.shown());
        }
        self.report(place, Sink::AdhocRemote, how, command);
        if let Some(query) = query {
            self.execute_elsewhere(query);
        }
    }

    /// The arguments of a provider: `'provider', 'server';'user';'password', 'query'`.
    fn provider_arguments(&mut self, mut at: usize) -> Vec<Folded> {
        const MOST: usize = 8;
        let mut arguments = Vec::new();
        while arguments.len() < MOST {
            let (value, next) = self.fold(Folded::default(), at, true);
            arguments.push(value);
            if !self.code.is(next, ",") && !self.code.is(next, ";") {
                break;
            }
            at = next + 1;
        }
        arguments
    }

    fn only_selects(&self, text: &Folded) -> bool {
        let mut batches = text.batches();
        !text.is_open()
            && batches.all(|batch| {
                let source = Source::executed(text, batch);
                let code = Code::lex(source, self.found.quoted_identifier);
                let begins = code.keyword(0) == Some(Keyword::Select) || code.is_word(0, &["with"]);
                let acts = |at| {
                    let keyword = code.keyword(at);
                    keyword.is_some_and(Keyword::begins_statement) || keyword == Some(Keyword::Into)
                };
                begins && !(0..code.len()).any(acts)
            })
    }

    /// `EXEC OPENDATASOURCE(…).database.schema.procedure …`
    pub(super) fn call_at_source(&mut self, at: usize) {
        let dot = self.code.after_group(at + 1);
        let name = self.code.name(dot + 1).filter(|_| self.code.is(dot, "."));
        let Some(name) = name else {
            return;
        };
        let arguments = self.arguments(name.next);
        let Called {
            place,
            how,
            mut parts,
            ..
        } = self.called(name);
        parts.insert(0, "…".to_owned());
        while parts.len() < 4 {
            parts.insert(1, String::new());
        }
        self.invoke(Called::new(place, how, parts), &arguments);
    }
}
