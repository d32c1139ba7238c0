//! Loops that can be followed round by round: their conditions are known, and they decode text or read rows that are
//! written out.

use super::conditions::{compare, is_comparison};
use super::expression::Columns;
use super::folded::Folded;
use super::variables::Leaves;
use super::walk::Walk;
use super::words::Keyword;
use std::collections::BTreeMap;

/// What is known of a WHILE.
#[derive(Debug, Clone, Copy, Default)]
struct Loop {
    /// Tokens in its body; 0 where it is not followed.
    body: usize,
    /// So many tokens have been walked of it.
    walked: usize,
    /// The token after its body, once a round has ended.
    end: Option<usize>,
}

/// The loops of one batch, by their WHILE.
#[derive(Debug, Default)]
pub(super) struct Loops(BTreeMap<usize, Loop>);

/// What walking a token once more costs of the budget, in bytes.
const TOKEN_COST: usize = 8;

/// As many tokens of one loop are walked, round after round.
const MOST_TOKENS: usize = 1 << 15;

/// A body that decodes has no more tokens.
const LONGEST_BODY: usize = 1 << 11;

/// What the walk does at a WHILE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// Another round is certain.
    Next,
    /// The loop is over; the walk goes on there.
    Over(usize),
    /// It cannot be told, or takes too long.
    Unknown,
}

/// Words without which no text is decoded and no row is read.
const DECODING: &[&str] = &[
    "ascii",
    "char",
    "charindex",
    "choose",
    "convert",
    "fetch",
    "left",
    "nchar",
    "replace",
    "right",
    "stuff",
    "substring",
    "unicode",
];

/// Words that leave a loop's body, or come into it, another way.
const LEAVING: &[&str] = &["goto", "return"];

/// The same; they can be followed in loops that are in no other one.
const LEAVING_ROUNDS: &[&str] = &["break", "continue"];

impl Walk<'_, '_> {
    /// Whether the loop whose WHILE is at `at` goes round once more.
    pub(super) fn round(&mut self, at: usize) -> Round {
        if !self.loops.0.contains_key(&at) {
            let body = self.followed_body(at);
            self.loops.0.insert(
                at,
                Loop {
                    body,
                    ..Loop::default()
                },
            );
        }
        let known = self.loops.0.get(&at).copied().unwrap_or_default();
        if known.body == 0 || self.variables.keeps_all {
            return Round::Unknown;
        }
        let goes_on = self.condition_holds(at + 1).and_then(|(holds, end)| {
            let body = self.code.keyword(end);
            matches!(body, Some(Keyword::Begin | Keyword::Set)).then_some(holds)
        });
        let may_go_on =
            known.walked < MOST_TOKENS && self.found.budget.spend(known.body * TOKEN_COST);
        match (goes_on, known.end) {
            (Some(false), Some(end)) => {
                self.loops.0.remove(&at);
                Round::Over(end)
            }
            (Some(true), _) if may_go_on => {
                if let Some(known) = self.loops.0.get_mut(&at) {
                    known.walked += known.body;
                }
                Round::Next
            }
            _ => {
                if let Some(known) = self.loops.0.get_mut(&at) {
                    known.body = 0;
                }
                Round::Unknown
            }
        }
    }

    /// A round of the loop whose WHILE is at `again` has ended before the token at `end`: it is looked at again.
    pub(super) fn end_round(&mut self, again: usize, end: usize) {
        if let Some(known) = self.loops.0.get_mut(&again) {
            known.end = Some(end);
        }
        self.jump = Some(again);
        // What the round has looked ahead to is looked at again.
        self.seen = self.seen.min(again);
        self.seen_source = self.seen_source.min(again);
    }

    /// BREAK or CONTINUE.
    pub(super) fn leave_round(&mut self, at: usize) {
        let origin = self.code.origin(at);
        let budget = &mut self.found.budget;
        if !self.variables.is_in_followed_loop() {
            self.jumps |= !self.variables.leave_round(origin, budget);
            return;
        }
        let known = match self.variables.leave_followed_round(origin, budget) {
            Leaves::Never => return,
            Leaves::Surely(again) => self.loops.0.get(&again).map(|known| (again, known.end)),
            Leaves::Perhaps => None,
        };
        match known {
            Some((again, Some(end))) if self.code.is_word(at, &["break"]) => {
                self.loops.0.remove(&again);
                self.jump = Some(end);
            }
            Some((again, Some(end))) => self.end_round(again, end),
            // Nobody knows which rounds there are; or what stands after it in the first one has not been come to.
            _ => {
                self.follows_breaks = false;
                self.loses_rounds = true;
            }
        }
    }

    /// Whether the branch of the IF at `at` is taken in this round of a loop that is followed, if that can be told.
    pub(super) fn is_taken(&mut self, at: usize) -> Option<bool> {
        if !self.variables.is_in_followed_loop() {
            return None;
        }
        let (holds, end) = self.condition_holds(at + 1)?;
        let begins = |keyword: Keyword| keyword.begins_statement() || keyword == Keyword::Select;
        self.code.keyword(end).is_some_and(begins).then_some(holds)
    }

    /// How many tokens a loop has, if its body can be followed: a block, or a SET that ends with a semicolon.
    fn followed_body(&mut self, at: usize) -> usize {
        let code = self.code;
        let mut blocks = 0_usize;
        let mut decodes = false;
        let mut is_set = false;
        let follows_breaks = self.follows_breaks && !self.variables.is_in_loop();
        for token in at + 1..code.len() {
            match code.keyword(token) {
                Some(Keyword::Begin) if self.opens_block(token) => blocks += 1,
                Some(Keyword::Case) if blocks > 0 => blocks += 1,
                Some(Keyword::Case | Keyword::End) if is_set => return 0,
                Some(Keyword::End) if !code.is_word(token + 1, &["conversation"]) => {
                    blocks = blocks.saturating_sub(1);
                    if blocks == 0 {
                        return if decodes { token - at } else { 0 };
                    }
                }
                Some(Keyword::Set) if blocks == 0 && !is_set => is_set = true,
                Some(keyword) if blocks == 0 && keyword.begins_statement() => return 0,
                _ if is_set && code.is(token, ";") => {
                    return if decodes { token - at } else { 0 };
                }
                _ if code.is_word(token, LEAVING) => return 0,
                _ if !follows_breaks && code.is_word(token, LEAVING_ROUNDS) => return 0,
                _ => decodes |= code.is_word(token, DECODING) || self.reads_kept_rows(token),
            }
            if token - at > LONGEST_BODY || !self.found.budget.spend(1) {
                return 0;
            }
        }
        0
    }

    /// FROM of a table whose rows may be followed.
    fn reads_kept_rows(&self, at: usize) -> bool {
        let is_kept = || self.code.is_variable(at + 1) || self.code.text(at + 1).starts_with('#');
        self.code.keyword(at) == Some(Keyword::From) && is_kept()
    }

    /// Whether comparisons joined by AND hold, and the token after them; `None` where that cannot be told.
    fn condition_holds(&mut self, at: usize) -> Option<(bool, usize)> {
        let is_last = |keyword: Keyword| keyword.begins_statement() || keyword == Keyword::Select;
        let after = self.code.keyword(self.code.after_group(at));
        let grouped = self.code.is(at, "(") && after.is_some_and(is_last);
        let mut at = at + usize::from(grouped);
        let mut holds = true;
        loop {
            let (left, operator) = self.side(at);
            let marks =
                (operator..operator + 2).take_while(|at| is_comparison(self.code.text(*at)));
            let marks: String = marks.map(|at| self.code.text(at)).collect();
            let (right, next) = self.side(operator + marks.len());
            holds &= compare(&left, &marks, &right)?;
            if self.code.is_word(next, &["and"]) {
                at = next + 1;
                continue;
            }
            let end = next + usize::from(grouped && self.code.is(next, ")"));
            return Some((holds, end));
        }
    }

    /// One side of a comparison, and the token after it.
    fn side(&mut self, at: usize) -> (Folded, usize) {
        let mut expression = self.expression(false);
        expression.columns = Columns::Condition;
        expression.append_to(Folded::default(), at)
    }
}
