//! What an expression of text type comes to, as far as it can be told. One loop with a stack of its own, so depth
//! costs memory and nothing else. It only looks ahead: the walk goes over the same tokens afterwards.

use super::code::Code;
use super::folded::{Budget, Folded};
use super::lexer::TokenKind;
use super::variables::{Variables, key};
use super::words::{self, Function, Keyword};

/// What an opening parenthesis or CASE opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// The expression itself.
    Root,
    Group,
    /// A parenthesis whose content is no text: OVER (…), a method's arguments.
    Aside,
    /// `(SELECT …`
    Query,
    Call(Function),
    Case,
}

#[derive(Debug)]
struct Level {
    opened: Opened,
    /// Where the text of the current argument, and of the whole level, begins.
    argument_start: usize,
    start: usize,
    /// Where the level was written.
    origin: usize,
    argument: usize,
    operands: usize,
    muted: bool,
    /// Whether an outer level is muted.
    inherits_mute: bool,
}

impl Level {
    fn is_mute(&self) -> bool {
        self.muted || self.inherits_mute
    }
}

/// Reads one expression.
pub(super) struct Expression<'w, 'c> {
    pub(super) code: &'w Code<'c>,
    pub(super) variables: &'w Variables,
    pub(super) budget: &'w mut Budget,
    /// Whether `"…"` is text even where it could be a name: in arguments and in EXEC(…), where no name can stand.
    pub(super) names_are_text: bool,
}

struct State {
    out: Folded,
    /// The base level; the expression ends here.
    root: Level,
    levels: Vec<Level>,
    at: usize,
    expects_operand: bool,
}

impl State {
    fn level(&mut self) -> &mut Level {
        self.levels.last_mut().unwrap_or(&mut self.root)
    }

    fn is_mute(&self) -> bool {
        self.levels.last().unwrap_or(&self.root).is_mute()
    }

    fn is_root(&self) -> bool {
        self.levels.is_empty()
    }

    fn opened(&self) -> Opened {
        self.levels.last().unwrap_or(&self.root).opened
    }

    fn push(&mut self, opened: Opened, muted: bool, origin: usize) {
        let start = self.out.len();
        let level = Level {
            opened,
            argument_start: start,
            start,
            origin,
            argument: 0,
            operands: 0,
            muted,
            inherits_mute: self.is_mute(),
        };
        self.levels.push(level);
        self.expects_operand = true;
    }

    /// Begins another value in the same level.
    fn next_part(&mut self, muted: bool) {
        let start = self.out.len();
        let level = self.level();
        level.argument_start = start;
        level.muted = muted;
        self.expects_operand = true;
    }

    fn hole(&mut self, origin: usize) {
        if !self.is_mute() {
            self.out.push_hole(origin);
        }
    }

    /// An operator other than `+` makes something else of its operands.
    fn cut(&mut self, origin: usize) {
        self.expects_operand = true;
        if self.is_mute() {
            return;
        }
        let start = self.level().argument_start;
        self.out.truncate(start);
        self.out.push_hole(origin);
        self.level().muted = true;
    }
}

/// Whether the argument at this place is part of a call's result.
fn shows(function: Function, argument: usize) -> bool {
    match function {
        Function::Passes(None) => true,
        Function::Passes(Some(place)) | Function::Alters(place) => place == argument,
        Function::Chooses(first) => argument >= first,
        Function::Character(_) | Function::Reverses => argument == 0,
        Function::Opaque => false,
    }
}

impl Expression<'_, '_> {
    /// Appends the value of the expression that begins with the token at `at` to `out`, and gives it with the place
    /// of the token after the expression.
    pub(super) fn append_to(mut self, out: Folded, at: usize) -> (Folded, usize) {
        let start = out.len();
        let mut state = State {
            out,
            root: Level {
                opened: Opened::Root,
                argument_start: start,
                start,
                origin: self.code.origin(at),
                argument: 0,
                operands: 0,
                muted: false,
                inherits_mute: false,
            },
            levels: Vec::new(),
            at,
            expects_operand: true,
        };
        while let Some(kind) = self.code.kind(state.at) {
            let goes_on = match kind {
                TokenKind::Punctuation => self.punctuation(&mut state),
                TokenKind::Word => self.word(&mut state),
                _ => self.operand(&mut state, kind),
            };
            if !goes_on {
                break;
            }
        }
        (state.out, state.at)
    }

    fn origin(&self, state: &State) -> usize {
        self.code.origin(state.at)
    }

    fn punctuation(&mut self, state: &mut State) -> bool {
        let origin = self.origin(state);
        let mark = self.code.text(state.at);
        state.at += 1;
        match mark {
            ";" => {
                state.at -= 1;
                return false;
            }
            "(" if state.expects_operand => state.push(Opened::Group, false, origin),
            "(" => state.push(Opened::Aside, true, origin),
            ")" | "," if state.is_root() => {
                state.at -= 1;
                return false;
            }
            ")" => self.close(state),
            "," => Self::comma(state, origin),
            "+" => state.expects_operand = true,
            "." if !state.expects_operand => self.member(state, origin),
            "." => {}
            _ => state.cut(origin),
        }
        true
    }

    fn comma(state: &mut State, origin: usize) {
        let level = state.level();
        level.argument += 1;
        let (opened, argument) = (level.opened, level.argument);
        match opened {
            Opened::Call(function) => {
                let shown = shows(function, argument);
                state.next_part(!shown);
                if shown && matches!(function, Function::Chooses(_)) {
                    state.hole(origin);
                }
            }
            Opened::Aside => state.expects_operand = true,
            Opened::Query if state.level().muted => state.expects_operand = true,
            _ => {
                state.next_part(false);
                state.hole(origin);
            }
        }
    }

    /// `.name`, or `.method(…)`, whose result is something else.
    fn member(&mut self, state: &mut State, origin: usize) {
        let name = self.code.name(state.at);
        let Some(name) = name else {
            return;
        };
        state.at = name.next;
        if self.code.is(state.at, "(") {
            state.at += 1;
            if !state.is_mute() {
                state.out.push_hole(origin);
            }
            state.push(Opened::Aside, true, origin);
        }
    }

    fn close(&mut self, state: &mut State) {
        let Some(level) = state.levels.pop() else {
            return;
        };
        let origin = level.origin;
        state.expects_operand = false;
        state.level().operands += 1;
        if level.inherits_mute {
            return;
        }
        let length = state.out.len() - level.start;
        match level.opened {
            Opened::Call(Function::Opaque | Function::Chooses(_)) | Opened::Query => {
                state.hole(origin);
            }
            Opened::Call(Function::Alters(_)) => state.out.open(),
            Opened::Call(Function::Character(wide)) => {
                let code = number(state.out.tail(level.start));
                let code = code.filter(|_| level.operands == 1);
                state.out.truncate(level.start);
                match code.and_then(char::from_u32) {
                    Some(character) if wide || character.is_ascii() => {
                        state.out.push(character.encode_utf8(&mut [0; 4]), origin);
                    }
                    _ => state.out.push_hole(origin),
                }
            }
            Opened::Call(Function::Reverses) if self.budget.spend(length) => {
                state.out.reverse_tail(level.start);
            }
            Opened::Call(Function::Reverses) => {
                state.out.truncate(level.start);
                state.out.push_hole(origin);
            }
            _ => {}
        }
    }

    /// A word: an operator, the end of the expression, or a name.
    fn word(&mut self, state: &mut State) -> bool {
        let Some(keyword) = self.code.keyword(state.at) else {
            return self.name(state);
        };
        let origin = self.origin(state);
        if keyword.begins_statement() && !self.is_function_of_trigger(state.at, keyword) {
            return false;
        }
        match keyword {
            Keyword::Case if state.expects_operand => state.push(Opened::Case, true, origin),
            Keyword::When | Keyword::Then | Keyword::Else | Keyword::End => {
                if state.opened() != Opened::Case {
                    return false;
                }
                self.case(state, keyword, origin);
            }
            Keyword::Select => return Self::select(state, origin),
            Keyword::Collate | Keyword::Within | Keyword::Over if !state.expects_operand => {
                state.at += usize::from(keyword != Keyword::Over);
            }
            Keyword::As if matches!(state.opened(), Opened::Call(_)) => state.level().muted = true,
            Keyword::Operator => state.cut(origin),
            Keyword::Null if state.expects_operand => state.expects_operand = false,
            Keyword::Top if state.opened() == Opened::Query => self.skip_count(state),
            _ if state.is_root() => return false,
            Keyword::From | Keyword::Clause | Keyword::Into if state.opened() == Opened::Query => {
                state.level().muted = true;
            }
            _ => {}
        }
        state.at += 1;
        true
    }

    /// `UPDATE(column)` in a trigger is a function.
    fn is_function_of_trigger(&self, at: usize, keyword: Keyword) -> bool {
        keyword == Keyword::Update && self.code.is(at + 1, "(")
    }

    fn case(&mut self, state: &mut State, keyword: Keyword, origin: usize) {
        match keyword {
            Keyword::When => state.next_part(true),
            Keyword::End => {
                self.close(state);
                state.hole(origin);
            }
            _ => {
                state.next_part(false);
                state.hole(origin);
            }
        }
    }

    fn select(state: &mut State, origin: usize) -> bool {
        match state.opened() {
            Opened::Group if state.expects_operand => state.level().opened = Opened::Query,
            Opened::Query => {}
            _ => return false,
        }
        state.next_part(false);
        state.hole(origin);
        state.at += 1;
        true
    }

    /// `TOP 1` or `TOP (1)`.
    fn skip_count(&mut self, state: &mut State) {
        if self.code.is(state.at + 1, "(") {
            state.at += 1;
            state.push(Opened::Aside, true, self.code.origin(state.at));
        } else {
            state.at += 1;
        }
    }

    /// A column, a function, or another word that ends the expression.
    fn name(&mut self, state: &mut State) -> bool {
        if state.is_root() && !state.expects_operand {
            return false;
        }
        let origin = self.origin(state);
        let Some(name) = self.code.name(state.at) else {
            state.at += 1;
            return true;
        };
        state.at = name.next.max(state.at + 1);
        if !self.code.is(state.at, "(") {
            state.hole(origin);
            state.level().operands += 1;
            state.expects_operand = false;
            return true;
        }
        state.at += 1;
        let function = words::function(self.code.part(name.last).0);
        state.push(Opened::Call(function), !shows(function, 0), origin);
        true
    }

    /// A literal, a variable or a delimited name.
    fn operand(&mut self, state: &mut State, kind: TokenKind) -> bool {
        let quoted = kind == TokenKind::QuotedName && !self.names_are_text;
        if kind == TokenKind::BracketedName || quoted {
            return self.name(state);
        }
        if state.is_root() && !state.expects_operand {
            return false;
        }
        let origin = self.origin(state);
        let token = state.at;
        state.at += 1;
        state.expects_operand = false;
        state.level().operands += 1;
        if state.is_mute() {
            return true;
        }
        match kind {
            TokenKind::String | TokenKind::QuotedName => {
                self.code.push_literal(&mut state.out, token);
            }
            TokenKind::Variable => self.variable(state, token, origin),
            TokenKind::Hole => state.out.push_hole(origin),
            TokenKind::Binary
                if !matches!(state.opened(), Opened::Call(Function::Character(_))) =>
            {
                state.out.push_hole(origin);
            }
            _ => state.out.push(self.code.text(token), origin),
        }
        true
    }

    fn variable(&mut self, state: &mut State, token: usize, origin: usize) {
        let value = self.variables.get(&key(self.code.text(token)));
        match value {
            Some(value) if self.budget.spend(value.len()) => state.out.append(value),
            _ => state.out.push_hole(origin),
        }
    }
}

/// The number that a CHAR or NCHAR was given, decimal or hexadecimal.
fn number(text: &str) -> Option<u32> {
    match text.get(..2) {
        Some("0x" | "0X") => u32::from_str_radix(text.get(2..)?, 16).ok(),
        _ => text.parse().ok(),
    }
}
