//! What an expression comes to, as far as it can be told. One loop with a stack of its own, so depth costs memory and
//! nothing else. It only looks ahead: the walk goes over the same tokens afterwards.

use super::code::{Code, Name};
use super::conditions::is_comparison;
use super::folded::{Budget, Folded, Taint, reasons};
use super::functions::{self, Function, Side};
use super::lexer::TokenKind;
use super::operators::{Operand, Operator};
use super::rows::Rows;
use super::types::DataType;
use super::value::{Kind, Value};
use super::variables::Variables;
use super::words::Keyword;

/// What an opening parenthesis or CASE opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opened {
    /// The expression itself.
    Root,
    Group,
    /// A parenthesis whose content is no value: OVER (…), WITHIN GROUP (…).
    Aside,
    Call(Function),
    /// `….value(…)`, by the token of its name.
    Method(usize),
    Case,
}

#[derive(Debug)]
struct Level {
    opened: Opened,
    /// Where the level was written.
    origin: usize,
    arguments: Vec<Folded>,
    operand: Operand,
    /// CAST's and CONVERT's.
    data_type: DataType,
    /// Of a CASE.
    has_else: bool,
    muted: bool,
    /// Whether an outer level is muted.
    inherits_mute: bool,
}

impl Level {
    fn new(opened: Opened, muted: bool, inherits_mute: bool, origin: usize) -> Self {
        Self {
            opened,
            origin,
            arguments: Vec::new(),
            operand: Operand::default(),
            data_type: DataType::default(),
            has_else: false,
            muted,
            inherits_mute,
        }
    }

    fn is_mute(&self) -> bool {
        self.muted || self.inherits_mute
    }
}

/// The rows that names of columns belong to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Columns<'r> {
    None,
    /// There are none, and the expression is one side of a comparison.
    Condition,
    Row(&'r Rows, usize),
    /// The same, and the expression is one side of a comparison.
    Side(&'r Rows, usize),
    /// All rows at once: the list has an aggregate.
    All(&'r Rows),
}

/// Parentheses in parentheses are read as deep as this.
const DEEPEST_LEVEL: usize = 1 << 12;

/// A function has no more arguments, a CASE no more branches.
const MOST_ARGUMENTS: usize = 1 << 10;

/// Queries in queries are read as deep as this.
pub(super) const DEEPEST_QUERY: usize = 12;

/// Reads one expression.
#[derive(Debug)]
pub(super) struct Expression<'w, 'c> {
    pub(super) code: &'w Code<'c>,
    pub(super) variables: &'w Variables,
    pub(super) budget: &'w mut Budget,
    /// Whether `"…"` is text even where it could be a name: in arguments and in EXEC(…), where no name can stand.
    pub(super) names_are_text: bool,
    pub(super) columns: Columns<'w>,
    /// How many queries this one is inside of.
    pub(super) depth: usize,
}

/// The expression as far as it has been read.
#[derive(Debug)]
struct State {
    /// The base level; the expression ends here.
    root: Level,
    levels: Vec<Level>,
    at: usize,
    expects_operand: bool,
    /// Whether there is too much of it to go on.
    gives_up: bool,
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
        self.gives_up |= self.levels.len() >= DEEPEST_LEVEL;
        let level = Level::new(opened, muted, self.is_mute(), origin);
        self.levels.push(level);
        self.expects_operand = true;
    }
}

impl Expression<'_, '_> {
    /// The value of the expression that begins with the token at `at`, and the place of the token after it.
    pub(super) fn value_at(self, at: usize) -> (Folded, usize) {
        self.read(None, at)
    }

    /// The same, appended to `out`.
    pub(super) fn append_to(self, out: Folded, at: usize) -> (Folded, usize) {
        self.read(Some(out).filter(|out| !out.is_blank()), at)
    }

    fn read(mut self, out: Option<Folded>, at: usize) -> (Folded, usize) {
        let origin = self.code.origin(at);
        let mut state = State {
            root: Level::new(Opened::Root, false, false, origin),
            levels: Vec::new(),
            at,
            expects_operand: true,
            gives_up: false,
        };
        if let Some(out) = out {
            state.root.operand.set(out);
            state
                .root
                .operand
                .operator(Operator::Plus, origin, self.budget);
        }
        while let Some(kind) = self.code.kind(state.at) {
            let goes_on = match kind {
                TokenKind::Punctuation => self.punctuation(&mut state),
                TokenKind::Word => self.word(&mut state),
                _ => self.operand(&mut state, kind),
            };
            if !goes_on || state.gives_up {
                break;
            }
        }
        let at = state.at;
        while let Some(level) = state.levels.pop() {
            // Never closed: what was read is all there is.
            let mut parts = level.arguments;
            let mut operand = level.operand;
            parts.extend(operand.take(level.origin, self.budget));
            for mut part in parts {
                part.open(reasons::EXPRESSION);
                state.level().operand.add(part, origin, self.budget);
            }
        }
        let value = state.root.operand.take(origin, self.budget);
        (value.unwrap_or_default(), at)
    }

    fn origin(&self, state: &State) -> usize {
        self.code.origin(state.at)
    }

    /// A value has been read.
    fn value(&mut self, state: &mut State, value: Folded) {
        let origin = self.origin(state);
        state.expects_operand = false;
        if !state.is_mute() {
            state.level().operand.add(value, origin, self.budget);
        }
    }

    /// Whether a comparison ends the expression.
    fn ends_side(&self, state: &State) -> bool {
        matches!(self.columns, Columns::Condition | Columns::Side(..)) && state.is_root()
    }

    fn punctuation(&mut self, state: &mut State) -> bool {
        let origin = self.origin(state);
        let mark = self.code.text(state.at);
        if is_comparison(mark) && self.ends_side(state) {
            return false;
        }
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
            "," => self.comma(state),
            "." if !state.expects_operand => self.member(state, origin),
            "." => {}
            _ => self.operator(state, mark, origin),
        }
        true
    }

    fn operator(&mut self, state: &mut State, mark: &str, origin: usize) {
        let unary = state.expects_operand;
        // `||` is how newer servers spell `+` of texts.
        let joins = mark == "|" && self.code.is(state.at, "|");
        state.at += usize::from(joins);
        let mark = if joins { "+" } else { mark };
        if unary && mark == "*" {
            // COUNT(*)
            return self.value(state, Folded::number(Kind::Integer, origin, Taint::DATA));
        }
        state.expects_operand = true;
        if state.is_mute() {
            return;
        }
        let budget = &mut *self.budget;
        let operand = &mut state.level().operand;
        match Operator::of(mark) {
            Some(operator) if unary => operand.sign(operator),
            Some(operator) => operand.operator(operator, origin, budget),
            None if matches!(mark, "~") => operand.complement(),
            // A comparison, whose result is no text.
            None => operand.operator(Operator::Other, origin, budget),
        }
    }

    /// Ends the current argument and begins the next.
    fn comma(&mut self, state: &mut State) {
        self.end_argument(state);
        let level = state.level();
        if let Opened::Call(function) = level.opened {
            level.muted = function.mutes(level.arguments.len());
        }
        state.expects_operand = true;
    }

    fn end_argument(&mut self, state: &mut State) {
        let level = state.level();
        if level.inherits_mute || level.opened == Opened::Aside {
            return;
        }
        let origin = level.origin;
        let value = level.operand.take(origin, self.budget);
        // What is mute keeps its place.
        level.arguments.push(value.unwrap_or_default());
        state.gives_up |= state.level().arguments.len() > MOST_ARGUMENTS;
    }

    /// `.name`, or `.method(…)`, whose result is something else.
    fn member(&mut self, state: &mut State, origin: usize) {
        let Some(name) = self.code.name(state.at) else {
            return;
        };
        state.at = name.next;
        if self.code.is(state.at, "(") {
            state.at += 1;
            state.push(Opened::Method(name.last), false, origin);
        }
    }

    fn close(&mut self, state: &mut State) {
        self.end_argument(state);
        self.close_level(state);
    }

    fn close_level(&mut self, state: &mut State) {
        let Some(level) = state.levels.pop() else {
            return;
        };
        state.expects_operand = false;
        if level.inherits_mute {
            return;
        }
        match level.opened {
            Opened::Aside => {}
            Opened::Call(function) => {
                let call = functions::Call {
                    function,
                    arguments: level.arguments,
                    data_type: level.data_type,
                    origin: level.origin,
                };
                let value = call.result(self.budget);
                self.value(state, value);
            }
            Opened::Method(name) => {
                let receiver = state.level().operand.take_last().unwrap_or_default();
                let (name, _) = self.code.part(name);
                let value = self.method(name, &receiver, &level.arguments, level.origin);
                state.level().operand.set(value);
            }
            Opened::Root | Opened::Group | Opened::Case => {
                let mut parts = level.arguments.into_iter();
                let mut value = parts.next().unwrap_or_default();
                for part in parts {
                    value.add_alternative(&part, self.budget);
                }
                self.value(state, value);
            }
        }
    }

    /// A word: an operator, the end of the expression, or a name.
    fn word(&mut self, state: &mut State) -> bool {
        let Some(keyword) = self.code.keyword(state.at) else {
            return self.name(state);
        };
        let origin = self.origin(state);
        let is_function = keyword.begins_statement() && self.code.is(state.at + 1, "(");
        if keyword == Keyword::Update && is_function {
            // UPDATE(column) in a trigger.
        } else if keyword.begins_statement() {
            return false;
        }
        match keyword {
            Keyword::Case if state.expects_operand => state.push(Opened::Case, true, origin),
            Keyword::When | Keyword::Then | Keyword::Else | Keyword::End => {
                if state.opened() != Opened::Case {
                    return false;
                }
                self.case(state, keyword);
            }
            Keyword::Select if state.opened() == Opened::Group && state.expects_operand => {
                self.query(state);
                return true;
            }
            Keyword::Select => return false,
            Keyword::Collate | Keyword::Within | Keyword::Over if !state.expects_operand => {
                state.at += usize::from(keyword != Keyword::Over);
            }
            Keyword::As if matches!(state.opened(), Opened::Call(_)) => {
                let (data_type, next) = DataType::read(self.code, state.at + 1);
                state.level().data_type = data_type;
                state.at = next.max(state.at + 1);
                return true;
            }
            Keyword::Operator if self.ends_side(state) => return false,
            Keyword::Operator => self.operator(state, "", origin),
            Keyword::Null if state.expects_operand => {
                let null = self.nullable(Folded::null());
                self.value(state, null);
            }
            Keyword::From if matches!(state.opened(), Opened::Call(Function::Trim(_))) => {
                if let Opened::Call(Function::Trim(side)) = state.opened() {
                    state.level().opened = Opened::Call(Function::TrimOf(side));
                }
                self.comma(state);
            }
            _ if state.is_root() => return false,
            _ => {}
        }
        state.at += 1;
        true
    }

    fn case(&mut self, state: &mut State, keyword: Keyword) {
        if !state.level().muted {
            self.end_argument(state);
        }
        state.expects_operand = true;
        let level = state.level();
        level.muted = keyword == Keyword::When;
        level.has_else |= keyword == Keyword::Else;
        if keyword == Keyword::End {
            if !level.has_else {
                level.arguments.push(Folded::null());
            }
            self.close_level(state);
        }
    }

    /// `(SELECT …)`: its value, up to the parenthesis that closes it.
    fn query(&mut self, state: &mut State) {
        let origin = self.origin(state);
        let mute = state.is_mute() || self.depth >= DEEPEST_QUERY;
        let end = if mute {
            let end = self.code.after_query(state.at);
            if !self.budget.spend(end - state.at) {
                state.at = self.code.len();
                return;
            }
            self.value(
                state,
                Folded::from_outside(origin, Taint::DATA, reasons::DATA),
            );
            end
        } else {
            let (rows, end) = self.inner().rows(state.at);
            let value = rows.into_scalar(origin, self.budget);
            self.value(state, value);
            end
        };
        state.at = end.max(state.at + 1);
    }

    /// Reads a part of the same code.
    pub(super) fn inner(&mut self) -> Expression<'_, '_> {
        Expression {
            code: self.code,
            variables: self.variables,
            budget: self.budget,
            names_are_text: self.names_are_text,
            columns: self.columns,
            depth: self.depth + 1,
        }
    }

    /// A column, a function, or another word that ends the expression.
    fn name(&mut self, state: &mut State) -> bool {
        if state.is_root() && !state.expects_operand {
            return false;
        }
        let Some(name) = self.code.name(state.at) else {
            state.at += 1;
            return true;
        };
        let origin = self.origin(state);
        state.at = name.next.max(state.at + 1);
        if self.code.is(state.at, "(") {
            self.begin_call(state, name, origin);
            return true;
        }
        if state.is_mute() {
            state.expects_operand = false;
            return true;
        }
        let value = match functions::without_parentheses(self.code.part(name.last).0) {
            Some(function) if name.first == name.last => {
                functions::Call::of_nothing(function, origin).result(self.budget)
            }
            _ => self.column(name, origin),
        };
        self.value(state, value);
        true
    }

    fn begin_call(&mut self, state: &mut State, name: Name, origin: usize) {
        state.at += 1;
        let own = name.first == name.last;
        let function = functions::function(self.code.part(name.last).0, own);
        if self.code.is_any(name.last, &["error_message"])
            && !state.is_mute()
            && let Some(value) = self.raised_before(name.first)
        {
            self.value(state, value);
            state.at = self.code.after_group(state.at - 1);
            return;
        }
        if let Some(receiver) = self.receiver(name) {
            self.value(state, receiver);
            return state.push(Opened::Method(name.last), false, origin);
        }
        if function == Function::StringAgg && !state.is_mute() && self.depth < DEEPEST_QUERY {
            let (value, next) = self.inner().aggregated(state.at, origin);
            self.value(state, value);
            state.at = next;
            return;
        }
        state.push(Opened::Call(function), function.mutes(0), origin);
        match function {
            Function::Convert => {
                let (data_type, next) = DataType::read(self.code, state.at);
                state.level().data_type = data_type;
                state.at = next + usize::from(self.code.is(next, ","));
            }
            Function::Trim(_) => {
                let sides = [
                    ("leading", Side::Left),
                    ("trailing", Side::Right),
                    ("both", Side::Both),
                ];
                let side = sides
                    .iter()
                    .find(|(word, _)| self.code.is_word(state.at, &[word]));
                if let Some((_, side)) = side {
                    state.level().opened = Opened::Call(Function::Trim(*side));
                    state.at += 1;
                }
            }
            _ => {}
        }
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
        if state.is_mute() {
            state.expects_operand = false;
            return true;
        }
        let text = self.code.text(token);
        let value = match kind {
            TokenKind::String | TokenKind::QuotedName => self.literal(token),
            TokenKind::Variable => self.variable(token, origin),
            TokenKind::Binary => Folded::from(Value::of_digits(text, origin)),
            TokenKind::Number => self.number(text, origin),
            TokenKind::Hole => {
                let taint = self.code.source().taint();
                Folded::from_outside(origin, taint, reasons::TEXT)
            }
            _ => Folded::from(Value::made(text, Kind::Numeric, origin)),
        };
        self.value(state, value);
        true
    }

    /// Where NULL counts as empty text it may be that.
    fn nullable(&mut self, mut value: Folded) -> Folded {
        if self.variables.null_is_empty && value.values().iter().any(|value| value.is_null()) {
            value.add_alternative(&Folded::default(), self.budget);
        }
        value
    }

    fn literal(&self, token: usize) -> Folded {
        let (value, taint) = self.code.source().literal(self.code.range(token));
        let mut folded = Folded::from(value);
        folded.taint = taint;
        folded
    }

    fn number(&self, text: &str, origin: usize) -> Folded {
        if let Ok(number) = text.parse() {
            return Folded::from(Value::integer(number, origin));
        }
        if super::holes::has_holes(text) {
            return Folded::number(Kind::Integer, origin, self.code.source().taint());
        }
        Folded::from(Value::made(text, Kind::Numeric, origin))
    }

    fn variable(&mut self, token: usize, origin: usize) -> Folded {
        let text = self.code.text(token);
        let known = self.variables.get(self.variables.at(token));
        if let Some(name) = text.strip_prefix("@@").filter(|_| known.is_none()) {
            let function = functions::global(name);
            return functions::Call::of_nothing(function, origin).result(self.budget);
        }
        match known {
            Some(value) if self.budget.spend(Budget::PER_VALUE) => self.nullable(value.clone()),
            Some(value) => value.clone().into_hole(origin, reasons::BUDGET),
            None => Folded::unknown(origin),
        }
    }
}
