//! Loops that can be followed round by round: their conditions are known, and they decode text or read rows that are
//! written out.

use super::expression::Columns;
use super::folded::Folded;
use super::value::Value;
use super::walk::Walk;
use super::words::Keyword;
use std::cmp::Ordering;
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

/// As many tokens of one loop are walked, round after round.
const MOST_TOKENS: usize = 1 << 15;

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
const LEAVING: &[&str] = &["break", "continue", "goto", "return"];

impl Walk<'_, '_> {
    /// Whether the loop whose WHILE is at `at` goes round once more.
    pub(super) fn round(&mut self, at: usize) -> Round {
        const COST: usize = 8;
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
        let goes_on = self.condition_holds(at + 1);
        let may_go_on = known.walked < MOST_TOKENS && self.found.budget.spend(known.body * COST);
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

    /// A round of the loop has ended before the token at `end`.
    pub(super) fn end_round(&mut self, at: usize, end: usize) {
        if let Some(known) = self.loops.0.get_mut(&at) {
            known.end = Some(end);
        }
    }

    /// How many tokens a loop has, if its body is a block that can be followed.
    fn followed_body(&mut self, at: usize) -> usize {
        let code = self.code;
        let mut blocks = 0_usize;
        let mut decodes = false;
        for token in at + 1..code.len() {
            match code.keyword(token) {
                Some(Keyword::Begin) if self.opens_block(token) => blocks += 1,
                Some(Keyword::Case) if blocks > 0 => blocks += 1,
                Some(Keyword::End) if !code.is_word(token + 1, &["conversation"]) => {
                    blocks = blocks.saturating_sub(1);
                    if blocks == 0 {
                        let length = token - at;
                        let affordable = decodes && self.found.budget.spend(length);
                        return if affordable { length } else { 0 };
                    }
                }
                Some(keyword) if blocks == 0 && keyword.begins_statement() => return 0,
                _ if code.is_word(token, LEAVING) => return 0,
                _ => decodes |= code.is_word(token, DECODING),
            }
            if token - at > MOST_TOKENS {
                return 0;
            }
        }
        0
    }

    /// Whether comparisons joined by AND hold; `None` where that cannot be told, or where more follows than BEGIN.
    fn condition_holds(&mut self, at: usize) -> Option<bool> {
        let grouped = self.code.is(at, "(")
            && self.code.keyword(self.code.after_group(at)) == Some(Keyword::Begin);
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
            return (self.code.keyword(end) == Some(Keyword::Begin)).then_some(holds);
        }
    }

    /// One side of a comparison, and the token after it.
    fn side(&mut self, at: usize) -> (Folded, usize) {
        let mut expression = self.expression(false);
        expression.columns = Columns::Condition;
        expression.append_to(Folded::default(), at)
    }
}

pub(super) fn is_comparison(mark: &str) -> bool {
    matches!(mark, "=" | "<" | ">" | "!")
}

fn compare(left: &Folded, operator: &str, right: &Folded) -> Option<bool> {
    let (left, right) = (left.only()?, right.only()?);
    let order = order(left, right)?;
    let numbers = left.kind.is_number() || right.kind.is_number();
    if !numbers && !matches!(operator, "=" | "<>" | "!=") {
        // A collation decides.
        return None;
    }
    Some(match operator {
        "=" => order == Ordering::Equal,
        "<>" | "!=" => order != Ordering::Equal,
        "<" => order == Ordering::Less,
        "<=" | "!>" => order != Ordering::Greater,
        ">" => order == Ordering::Greater,
        ">=" | "!<" => order != Ordering::Less,
        _ => return None,
    })
}

/// Of numbers, and of texts as far as they are equal or not.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    if left.kind.is_number() || right.kind.is_number() {
        return Some(left.as_integer()?.cmp(&right.as_integer()?));
    }
    let is_text = |value: &Value| value.kind.is_text() && value.is_exact();
    let plain = |value: &Value| value.text().trim_end_matches(' ').to_lowercase();
    (is_text(left) && is_text(right)).then(|| plain(left).cmp(&plain(right)))
}
