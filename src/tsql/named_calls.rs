//! Calls of procedures and functions by name, each read by itself: the batch around it matters only for the values of
//! the variables it is passed.

use super::code::Code;
use super::found::Found;
use super::function_calls::MOST_TOKENS;
use super::lexer::TokenKind;
use super::procedures;
use super::walk::Walk;
use super::words::Keyword;
use std::ops::Range;

/// A call, by the part of the batch that is looked at for it.
#[derive(Debug)]
pub(super) enum NamedCall<'a> {
    /// From EXECUTE on.
    Procedure(Code<'a>),
    /// From a name on, and the parenthesis after it.
    Function(Code<'a>, usize),
}

impl<'a> NamedCall<'a> {
    /// The call that begins with the EXECUTE at `start`; `None` where it is none by name, or where more than the values
    /// of variables may be passed.
    pub(super) fn of_procedure(source: &'a str, start: usize, found: &Found) -> Option<Self> {
        // A token more, which is asked for after a semicolon; a text that is executed need not be looked at.
        let ends = |code: &Code, at: usize| match at {
            0 => false,
            1 => code.is(at, "("),
            _ => ends_call(code, at - 1),
        };
        let code = Code::part_from((source, start), found.quoted_identifier, ends);
        let is_plain = calls_by_name(&code, found) && !code.passes_more(code.called_and_passed(0));
        is_plain.then_some(Self::Procedure(code))
    }

    /// The call whose name begins at `start` and has so many tokens before the parenthesis; or less than a call.
    pub(super) fn of_function(source: &'a str, start: usize, open: usize, found: &Found) -> Self {
        let mut depth = 0_usize;
        let ends = |code: &Code, at: usize| {
            depth += usize::from(at >= open && code.is(at, "("));
            depth = depth.saturating_sub(usize::from(code.is(at, ")")));
            at > open && (depth == 0 || at > open + MOST_TOKENS)
        };
        let code = Code::part_from((source, start), found.quoted_identifier, ends);
        Self::Function(code, open)
    }

    pub(super) fn code(&self) -> &Code<'a> {
        let (Self::Procedure(code) | Self::Function(code, _)) = self;
        code
    }

    /// Finds what the call comes to.
    pub(super) fn walk(&self, walk: &mut Walk<'_, 'a>) {
        match self {
            Self::Procedure(_) => walk.execute(0),
            Self::Function(_, open) => walk.function_call(*open),
        }
    }

    /// The variables whose values are passed, by their tokens.
    pub(super) fn variables(&self) -> Vec<usize> {
        match self {
            Self::Procedure(code) => values(code),
            Self::Function(code, open) if code.passes_variable(*open) => {
                let passed = open + 1..code.part_len();
                passed.filter(|at| code.is_variable(*at)).collect()
            }
            Self::Function(..) => Vec::new(),
        }
    }
}

/// Whether a call's arguments have ended at the token at `at`. `p;2` is a name.
fn ends_call(code: &Code, at: usize) -> bool {
    code.is(at, ";") && code.kind(at + 1) != Some(TokenKind::Number)
        || code.keyword(at).is_some_and(Keyword::ends_list)
}

impl Code<'_> {
    /// What the EXECUTE calls, by its token.
    fn called(&self, execute: usize) -> usize {
        let gives_back = self.is_variable(execute + 1) && self.is(execute + 2, "=");
        execute + if gives_back { 3 } else { 1 }
    }

    /// What the EXECUTE calls and passes, by tokens; nothing of a permission.
    pub(super) fn called_and_passed(&self, execute: usize) -> Range<usize> {
        if self.is_permission(execute) {
            return 0..0;
        }
        let called = self.called(execute);
        let end = (called..self.part_len()).find(|at| ends_call(self, *at));
        called..end.unwrap_or(self.part_len())
    }

    /// Whether more may stand there than plain arguments: a method, whose own argument names a variable in a string, or
    /// a statement that does not begin with a reserved word.
    pub(super) fn passes_more(&self, mut called_and_passed: Range<usize>) -> bool {
        let is_plain = |keyword| keyword == Keyword::Null || keyword == Keyword::Clause;
        called_and_passed.any(|at| {
            let is_method = at >= 2 && self.is(at, "(") && self.is(at - 2, ".");
            is_method || !self.keyword(at).is_none_or(is_plain)
        })
    }
}

/// The variables in a procedure's arguments that are no names of its parameters.
fn values(code: &Code) -> Vec<usize> {
    let after_name = code.name(code.called(0)).map(|name| name.next);
    let mut values = Vec::new();
    let mut grouped = false;
    for at in code.called_and_passed(0) {
        grouped |= code.is(at, "(");
        let begins = after_name == Some(at) || !grouped && code.is(at - 1, ",");
        if code.is_variable(at) && !(begins && code.is(at + 1, "=")) {
            values.push(at);
        }
    }
    values
}

/// Whether the EXECUTE that the code begins with calls a procedure by its name, but none of the server's that acts; or
/// nothing.
fn calls_by_name(code: &Code, found: &Found) -> bool {
    let called = code.called(0);
    if code.is(called, "(")
        || matches!(
            code.kind(called),
            Some(TokenKind::String | TokenKind::Variable)
        )
    {
        return false;
    }
    code.name(called).is_none_or(|name| {
        let parts = code.parts(name);
        let acts = |own: &String| procedures::procedure(own).is_some();
        !parts.last().is_some_and(acts) && found.synonyms.get(&parts).is_none()
    })
}
