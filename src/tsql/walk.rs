//! Statement recognition: one walk over a batch's tokens that knows which words begin what, and steps over the
//! rest. It finds calls (in `execute`), follows what variables hold, and walks text that is executed.

use super::code::Code;
use super::expression::{Columns, Expression};
use super::folded::Folded;
use super::found::Found;
use super::lexer::TokenKind;
use super::loops::{Loops, Round};
use super::reach;
use super::rows::{Row, Rows};
use super::variables::{Block, Variables};
use super::words::Keyword;
use std::collections::BTreeMap;

/// Text executed by text executed by …: as deep as this it is walked.
pub(super) const DEEPEST: usize = 8;

/// So many rounds a batch with loops or jumps is walked again; what still changes then is open.
const ROUNDS: usize = 3;

/// In this round all that loops carry is open, and it is the last.
const LAST_ROUND: usize = 7;

/// What walking over a token once more costs.
const PER_TOKEN: usize = 4;

/// Where something stands in the outermost source, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: usize,
    /// 0 where it is the end of the token that begins at `start`.
    pub(super) end: usize,
}

impl Place {
    pub(super) fn of_token(start: usize) -> Self {
        Self { start, end: 0 }
    }
}

/// Whether the walk is in an UPDATE, whose SET may assign variables from rows, or in the like list of RECEIVE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Update {
    None,
    BeforeSet,
    InSet,
}

/// The walk over one batch.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // each is asked for by itself
pub(super) struct Walk<'w, 'c> {
    pub(super) code: &'w Code<'c>,
    pub(super) found: &'w mut Found,
    pub(super) variables: Variables,
    /// How many executed texts this one is inside of.
    pub(super) depth: usize,
    /// Whether the batch has holes, which has been reported.
    pub(super) has_holes: bool,
    /// Whether somebody takes what the batch leaves in its variables.
    pub(super) is_read_back: bool,
    parentheses: usize,
    update: Update,
    /// The token up to which something has looked ahead; nothing looks ahead from before it again.
    pub(super) seen: usize,
    /// The same for sources of rows from elsewhere and for functions.
    pub(super) seen_source: usize,
    /// Whether control may come from anywhere.
    pub(super) jumps: bool,
    /// Whether loops with BREAK or CONTINUE are followed round by round.
    pub(super) follows_breaks: bool,
    /// Whether one turned out to be none that can be, in this walk.
    pub(super) loses_rounds: bool,
    /// The row that names of columns belong to while a query's list is assigned.
    pub(super) row: Option<Row>,
    /// The SELECT seen last.
    pub(super) last_select: usize,
    pub(super) loops: Loops,
    /// Where the walk goes on, if not at the next token.
    pub(super) jump: Option<usize>,
    /// Whether this is not the first round.
    pub(super) begun: bool,
    /// What an UPDATE or a DELETE puts into the table behind the INTO of its OUTPUT, until the walk comes to that.
    pub(super) output: Option<(usize, Rows)>,
    /// What executed text gives back in variables, by their tokens, until the walk comes to them.
    pub(super) given_back: BTreeMap<usize, Folded>,
}

impl<'w, 'c> Walk<'w, 'c> {
    pub(super) fn new(
        code: &'w Code<'c>,
        found: &'w mut Found,
        depth: usize,
        has_holes: bool,
    ) -> Self {
        Self {
            code,
            found,
            variables: Variables::default(),
            depth,
            has_holes,
            is_read_back: false,
            parentheses: 0,
            update: Update::None,
            seen: 0,
            seen_source: 0,
            jumps: false,
            follows_breaks: true,
            loses_rounds: false,
            row: None,
            last_select: 0,
            loops: Loops::default(),
            jump: None,
            begun: false,
            output: None,
            given_back: BTreeMap::new(),
        }
    }

    /// Walks the batch; again, with what loops carry into their next round, until that stays the same, and once more
    /// with every value kept where control jumps.
    pub(super) fn run(&mut self) {
        self.rounds();
        self.keep_given_back();
        self.function_calls();
    }

    fn rounds(&mut self) {
        // Of the outermost text the first look has told.
        let is_looked_at = self.depth == 0 || self.found.walks_all || self.is_read_back;
        if !is_looked_at && !reach::may_act(self.code, self.has_holes) {
            return self.headers();
        }
        self.variables.number_tokens(self.code);
        if let Some(name) = self.code.bare_call() {
            self.call(name);
        }
        self.pass();
        for round in 1..=LAST_ROUND {
            let jumps = self.jumps && !self.variables.keeps_all;
            self.variables.keeps_all |= jumps;
            let loses_rounds = std::mem::take(&mut self.loses_rounds);
            if !self.variables.begin_again(loses_rounds) && !jumps {
                return;
            }
            let cost = self.code.len() * PER_TOKEN;
            let is_last = round == LAST_ROUND || !self.found.budget.spend(cost);
            if is_last {
                self.variables.open_loops();
            } else if round >= ROUNDS {
                self.variables.open_moving();
            }
            self.parentheses = 0;
            self.update = Update::None;
            self.given_back.clear();
            self.seen = 0;
            self.loops = Loops::default();
            self.seen_source = 0;
            self.begun = true;
            self.pass();
            if is_last {
                return;
            }
        }
    }

    /// All that a walk finds in code that does nothing worth telling.
    fn headers(&mut self) {
        // Nothing reads what parameters hold.
        self.begun = true;
        let mut at = 0;
        while at < self.code.len() {
            at = match self.code.keyword(at) {
                Some(Keyword::Create | Keyword::Alter) => self.create(at),
                _ => at + 1,
            };
        }
    }

    fn pass(&mut self) {
        let mut at = 0;
        while at < self.code.len() {
            let mut next = at + 1;
            match self.code.kind(at) {
                Some(TokenKind::Punctuation) => self.punctuation(at),
                Some(TokenKind::Variable) => self.variable(at),
                Some(TokenKind::Word) => match self.code.keyword(at) {
                    Some(Keyword::Create | Keyword::Alter) => {
                        self.begin_statement(at);
                        self.change_table(at);
                        next = self.create(at);
                    }
                    Some(keyword) => self.keyword(at, keyword),
                    None => self.remote_source(at),
                },
                Some(TokenKind::Hole) if self.has_holes => {
                    if let Some(name) = self.code.call_behind_hole(at) {
                        self.call(name);
                    }
                }
                _ => {}
            }
            if self.jump.is_some() {
                next = self.jump.take().unwrap_or(next);
            }
            at = next;
        }
        let end = self.code.origin(self.code.len().saturating_sub(1));
        self.leave_while(|_| true, end);
    }

    fn punctuation(&mut self, at: usize) {
        match self.code.mark(at) {
            b'(' => {
                self.parentheses += 1;
                self.function(at);
            }
            b'{' => self.escape_call(at),
            b')' => self.parentheses = self.parentheses.saturating_sub(1),
            b';' => {
                self.parentheses = 0;
                self.update = Update::None;
                self.semicolon(at);
            }
            _ => {}
        }
    }

    /// Closes what a semicolon ends: branches and loops without a block.
    fn semicolon(&mut self, at: usize) {
        let origin = self.code.origin(at);
        while let Some(Block::Statement | Block::Awaited) = self.variables.innermost() {
            let again = self.variables.ends_round();
            self.variables.leave(origin, &mut self.found.budget);
            if let Some(again) = again {
                return self.end_round(again, at + 1);
            }
        }
    }

    /// `@x OUTPUT`, the second and later assignments of an UPDATE, and those of RECEIVE.
    fn variable(&mut self, at: usize) {
        if self.code.is_word(at + 1, &["output", "out"]) {
            self.output(at);
        } else if self.update == Update::InSet && self.code.is(at + 1, "=") && at >= self.seen {
            self.assign_from_rows(at);
        }
    }

    fn keyword(&mut self, at: usize, keyword: Keyword) {
        match keyword {
            Keyword::Set if self.update == Update::BeforeSet => {
                self.update = Update::InSet;
                if self.code.is_variable(at + 1) {
                    self.assign_from_rows(at + 1);
                }
            }
            Keyword::If | Keyword::While => self.condition(at, keyword),
            Keyword::Else if self.variables.innermost() != Some(Block::Case) => {
                let origin = self.code.origin(at);
                self.variables.enter_else(origin, &mut self.found.budget);
            }
            Keyword::Begin => self.begin(at),
            Keyword::Case => self.variables.enter(Block::Case, false),
            Keyword::End => self.end(at),
            Keyword::Receive => self.update = Update::InSet,
            Keyword::Into => self.into(at),
            Keyword::Clause if self.code.is_word(at, &["with"]) && self.parentheses == 0 => {
                self.common_tables(at);
            }
            Keyword::As if self.update == Update::BeforeSet => self.update = Update::None,
            Keyword::From | Keyword::Clause if self.update == Update::InSet => {
                self.update = Update::None;
            }
            Keyword::Update if self.code.is(at + 1, "(") => {}
            _ => self.statement(at, keyword),
        }
    }

    /// A word that begins a statement, if it does.
    fn statement(&mut self, at: usize, keyword: Keyword) {
        if keyword.begins_statement() || keyword == Keyword::Select {
            self.begin_statement(at);
        }
        match keyword {
            Keyword::Execute => self.execute(at),
            Keyword::Set => self.set(at),
            Keyword::Select => self.select(at),
            Keyword::Declare => self.declare(at),
            Keyword::Goto => self.jumps = true,
            Keyword::Update if !self.code.is_word(at + 1, &["statistics"]) => {
                self.update = Update::BeforeSet;
                self.change_table(at);
            }
            Keyword::Statement if self.code.is_word(at, &["break", "continue"]) => {
                self.leave_round(at);
            }
            Keyword::Statement => self.change_table(at),
            Keyword::Bulk => self.bulk(at),
            Keyword::Dbcc => self.dbcc(at),
            Keyword::Grant => self.grant(at),
            _ => {}
        }
    }

    fn leave_while(&mut self, closes: impl Fn(Block) -> bool, origin: usize) {
        self.variables
            .leave_while(closes, origin, &mut self.found.budget);
    }

    /// A word that begins a statement, unless it stands in parentheses: there it is a query's or a constraint's.
    fn begin_statement(&mut self, at: usize) {
        if self.parentheses > 0 {
            return;
        }
        self.update = Update::None;
        if self.variables.innermost() == Some(Block::Awaited) {
            self.variables.becomes(Block::Statement);
        } else {
            self.end_statement(at);
        }
        self.variables.forget_branches();
    }

    fn end_statement(&mut self, at: usize) {
        if self.variables.innermost() == Some(Block::Statement) {
            let origin = self.code.origin(at);
            self.leave_while(|block| block == Block::Statement, origin);
        }
    }

    fn condition(&mut self, at: usize, keyword: Keyword) {
        let dropped = at.checked_sub(2);
        if dropped.is_some_and(|drop| self.code.is_word(drop, &["drop"])) {
            return;
        }
        self.begin_statement(at);
        if keyword == Keyword::While {
            match self.round(at) {
                Round::Next => self.variables.enter_round(at),
                Round::Over(end) => self.jump = Some(end),
                Round::Unknown => {
                    let origin = self.code.origin(at);
                    self.variables
                        .enter_loop(at, origin, &mut self.found.budget);
                }
            }
        } else {
            let is_taken = self.is_taken(at);
            self.variables.enter_if(is_taken);
        }
    }

    /// Whether the BEGIN at `at` opens a block.
    pub(super) fn opens_block(&self, at: usize) -> bool {
        const NO_BLOCK: &[&str] = &[
            "tran",
            "transaction",
            "distributed",
            "dialog",
            "conversation",
        ];
        !self.code.is_word(at + 1, NO_BLOCK)
    }

    fn begin(&mut self, at: usize) {
        if !self.opens_block(at) {
            return self.begin_statement(at);
        }
        let is_try = self.code.is_word(at + 1, &["try"]);
        if self.variables.innermost() == Some(Block::Awaited) {
            if is_try {
                self.variables.enter_try();
            }
            return self.variables.becomes(Block::Statements);
        }
        self.begin_statement(at);
        if is_try {
            self.variables.enter_try();
        } else if self.code.is_word(at + 1, &["catch"]) {
            let origin = self.code.origin(at);
            self.variables.enter_catch(origin, &mut self.found.budget);
        } else {
            self.variables.enter(Block::Statements, false);
        }
    }

    fn end(&mut self, at: usize) {
        if self.code.is_word(at + 1, &["conversation"]) {
            return self.begin_statement(at);
        }
        let origin = self.code.origin(at);
        self.leave_while(
            |block| matches!(block, Block::Statement | Block::Awaited),
            origin,
        );
        self.variables.forget_branches();
        if let Some(again) = self.variables.ends_round() {
            self.end_round(again, at + 1);
        }
        self.variables.leave(origin, &mut self.found.budget);
    }

    /// The value of the expression at `at`, and the token after it.
    pub(super) fn value_at(&mut self, at: usize, names_are_text: bool) -> (Folded, usize) {
        self.read(names_are_text, |expression| expression.value_at(at))
    }

    /// The same, appended to `out`.
    pub(super) fn fold(&mut self, out: Folded, at: usize, names_are_text: bool) -> (Folded, usize) {
        self.read(names_are_text, |expression| expression.append_to(out, at))
    }

    /// Reads an expression where names of columns mean those of the row at hand.
    fn read<T>(&mut self, names_are_text: bool, read: impl FnOnce(Expression<'_, 'c>) -> T) -> T {
        let row = self.row.take();
        let mut expression = self.expression(names_are_text);
        if let Some(row) = &row {
            expression.columns = match row.place {
                Some(place) => Columns::Row(&row.rows, place),
                None => Columns::All(&row.rows),
            };
        }
        let value = read(expression);
        self.row = row;
        value
    }

    /// Reads expressions of this batch.
    pub(super) fn expression(&mut self, names_are_text: bool) -> Expression<'_, 'c> {
        Expression {
            code: self.code,
            variables: &self.variables,
            budget: &mut self.found.budget,
            names_are_text,
            columns: Columns::None,
            depth: 0,
        }
    }
}
