//! What is passed in a call, and what of it flows into a sink.

use super::folded::{Folded, Taint};
use super::lexer::TokenKind;
use super::names::folded;
use super::procedures::{Parameter, Procedure, Takes};
use super::value::{Kind, Value};
use super::walk::Walk;
use super::words::Keyword;

/// What is passed for one parameter.
#[derive(Debug)]
pub(super) struct Passed {
    /// As written, with `@`.
    pub(super) name: Option<String>,
    pub(super) value: Folded,
    pub(super) is_output: bool,
    /// The variable that is passed, by its token.
    pub(super) variable: Option<usize>,
    /// DEFAULT, which passes nothing.
    is_default: bool,
}

/// Everything that is passed in one call.
#[derive(Debug, Default)]
pub(super) struct Arguments(pub(super) Vec<Passed>);

/// What flows into a sink.
#[derive(Debug, Default)]
pub(super) struct Command {
    pub(super) text: Option<String>,
    pub(super) taint: Taint,
}

/// As much of a command that is put together from several arguments is kept, in bytes.
const LONGEST_COMMAND: usize = 4096;

impl Command {
    /// Nothing flows in.
    pub(super) fn none() -> Self {
        Self {
            text: None,
            taint: Taint::CLEAN,
        }
    }

    pub(super) fn of(value: &Folded) -> Self {
        let mut command = Self::none();
        command.add(value);
        command
    }

    /// One more value that flows in and is shown.
    pub(super) fn add(&mut self, value: &Folded) {
        self.weigh(value);
        let shown = shown(value);
        match &mut self.text {
            Some(text) if text.len() + shown.len() < LONGEST_COMMAND => {
                text.push(' ');
                text.push_str(&shown);
            }
            Some(_) => {}
            None => self.text = Some(shown),
        }
    }

    /// What is shown of it, whatever flows in.
    pub(super) fn show(&mut self, text: String) {
        self.text = Some(text);
    }

    /// One more value that flows in.
    pub(super) fn weigh(&mut self, value: &Folded) {
        self.taint = self.taint.and(value.taint);
    }
}

impl Arguments {
    /// The argument for a parameter: by its name, or by its place.
    fn get(&self, parameter: Parameter, names_do_not_count: bool) -> Option<&Passed> {
        let is_named = |passed: &&Passed| {
            let name = passed.name.as_deref();
            name.is_some_and(|name| folded(name) == parameter.name)
        };
        let by_name = self.0.iter().find(is_named);
        let at_place = self.0.get(parameter.place);
        let by_place = at_place.filter(|passed| names_do_not_count || passed.name.is_none());
        by_name.or(by_place).filter(|passed| !passed.is_default)
    }

    /// The argument for the parameter of this name.
    pub(super) fn of(&self, procedure: &Procedure, name: &str) -> Option<&Folded> {
        let Takes::These(parameters) = procedure.takes else {
            return None;
        };
        let parameter = parameters.iter().find(|p| p.name == name)?;
        let passed = self.get(*parameter, procedure.names_do_not_count)?;
        Some(&passed.value)
    }

    /// All that a procedure takes, each argument once, in the table's order.
    pub(super) fn taken(&self, procedure: &Procedure) -> Vec<&Folded> {
        let Takes::These(parameters) = procedure.takes else {
            let from = match procedure.takes {
                Takes::From(from) => from,
                _ => self.0.len(),
            };
            let given = self.0.iter().skip(from).filter(|p| !p.is_output);
            return given.map(|passed| &passed.value).collect();
        };
        let mut taken: Vec<&Folded> = Vec::new();
        for parameter in parameters {
            let passed = self.get(*parameter, procedure.names_do_not_count);
            let value = passed.map(|passed| &passed.value);
            let value = value.filter(|value| !taken.iter().any(|t| std::ptr::eq(*t, *value)));
            taken.extend(value);
        }
        taken
    }

    /// What a procedure takes, as the command of a sink.
    pub(super) fn command(&self, procedure: &Procedure) -> Command {
        let mut command = Command::none();
        for value in self.taken(procedure) {
            command.add(value);
        }
        command
    }

    /// Everything, as the command of a sink.
    pub(super) fn all(&self) -> Command {
        let mut command = Command::none();
        for passed in &self.0 {
            command.add(&passed.value);
        }
        command
    }
}

impl Walk<'_, '_> {
    /// The arguments of a call, which begin at `at`.
    pub(super) fn arguments(&mut self, at: usize) -> Arguments {
        let numbered = self.code.is(at, ";") && self.code.kind(at + 1) == Some(TokenKind::Number);
        let mut at = if numbered { at + 2 } else { at };
        // Not the server's syntax, but people write it.
        let grouped = self.code.is(at, "(")
            && matches!(
                self.code.kind(at + 1),
                Some(TokenKind::String | TokenKind::Variable)
            );
        at += usize::from(grouped);
        let mut arguments = Arguments::default();
        if self.code.is_word(at, &["output", "out"]) || !self.begins_argument(at) {
            return arguments;
        }
        loop {
            let named = self.code.is_variable(at) && self.code.is(at + 1, "=");
            let value = if named { at + 2 } else { at };
            let next = self.code.after_argument(value);
            arguments.0.push(Passed {
                name: named.then(|| self.code.text(at).to_owned()),
                value: self.argument(value, next),
                is_output: next > value + 1 && self.code.is_word(next - 1, &["output", "out"]),
                variable: self.code.is_variable(value).then_some(value),
                is_default: next == value + 1 && self.code.is_word(value, &["default"]),
            });
            if !self.code.is(next, ",") {
                return arguments;
            }
            at = next + 1;
        }
    }

    fn begins_argument(&self, at: usize) -> bool {
        match self.code.kind(at) {
            None => false,
            Some(TokenKind::Punctuation) => self.code.is(at, "-") || self.code.is(at, "+"),
            Some(TokenKind::Word) => match self.code.keyword(at) {
                None => true,
                Some(keyword) => keyword == Keyword::Null,
            },
            Some(_) => true,
        }
    }

    /// The value of an argument from `at` to before `next`. A bare name stands for its own text.
    pub(super) fn argument(&mut self, at: usize, next: usize) -> Folded {
        let alone = next <= at + 1 || self.code.keyword(at + 1).is_some();
        match self.code.kind(at) {
            Some(TokenKind::Word) if alone && self.code.keyword(at).is_none() => {
                let range = self.code.range(at);
                let token = range.start;
                let mut text = Value::default();
                self.code.source().push_code(&mut text, range, token);
                Folded::from(text)
            }
            Some(TokenKind::BracketedName) if alone => {
                let (text, taint) = self.code.source().literal(self.code.range(at));
                let mut value = Folded::from(text);
                value.taint = taint;
                value
            }
            _ => self.value_at(at, true).0,
        }
    }
}

/// A value as it is shown: bytes are no text.
pub(super) fn shown(value: &Folded) -> String {
    let first = value.values().iter().find(|value| value.len() > 0);
    match first
        .filter(|value| value.is_exact())
        .map(|value| value.kind)
    {
        Some(Kind::Binary) => format!("0x{}", value.shown()),
        _ => value.shown(),
    }
}
