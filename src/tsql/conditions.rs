//! Conditions that can be told: comparisons of known values, joined by AND.

use super::expression::{Columns, Expression};
use super::folded::{Budget, Folded, reasons};
use super::rows::Rows;
use super::value::Value;
use super::words::Keyword;
use std::cmp::Ordering;

impl Expression<'_, '_> {
    /// Keeps the rows that the WHERE whose condition is at `at` holds for; those it cannot be told of may be missing.
    pub(super) fn keep_meant(&mut self, source: &mut Rows, at: usize) {
        let holds: Vec<Option<bool>> = (0..source.rows.len())
            .map(|place| self.holds(at, source, place))
            .collect();
        if holds.is_empty() || holds.contains(&None) {
            source.unsure = source.unsure.or(Some(reasons::ROWS));
        }
        let mut holds = holds.into_iter();
        source.rows.retain(|_| holds.next() != Some(Some(false)));
        if source.rows.len() < 2 && source.unsure == Some(reasons::ORDER) {
            // One row is in any order.
            source.unsure = None;
        }
    }

    /// Whether the condition at `at` holds for a row, where that can be told.
    pub(super) fn holds(&mut self, mut at: usize, rows: &Rows, place: usize) -> Option<bool> {
        const PER_COMPARISON: usize = 4;
        let mut holds = true;
        loop {
            if !self.budget.spend(Budget::PER_VALUE * PER_COMPARISON) {
                return None;
            }
            let (left, operator) = self.with(Columns::Side(rows, place), at);
            let marks =
                (operator..operator + 2).take_while(|at| is_comparison(self.code.text(*at)));
            let marks: String = marks.map(|at| self.code.text(at)).collect();
            let (right, next) = self.with(Columns::Side(rows, place), operator + marks.len());
            holds &= compare(&left, &marks, &right)?;
            if !self.code.is_word(next, &["and"]) {
                return self.ends_condition(next).then_some(holds);
            }
            at = next + 1;
        }
    }

    pub(super) fn ends_condition(&self, at: usize) -> bool {
        let ends = |keyword: Keyword| keyword.ends_list() || keyword == Keyword::Clause;
        let marks = [")", ";"].iter().any(|mark| self.code.is(at, mark));
        at >= self.code.len() || marks || self.code.keyword(at).is_some_and(ends)
    }
}

pub(super) fn is_comparison(mark: &str) -> bool {
    matches!(mark, "=" | "<" | ">" | "!")
}

/// Whether the comparison holds.
pub(super) fn compare(left: &Folded, operator: &str, right: &Folded) -> Option<bool> {
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
