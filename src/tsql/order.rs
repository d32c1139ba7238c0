//! ORDER BY and TOP: rows by the values of their keys, where these are known.

use super::expression::{Columns, Expression};
use super::folded::{Folded, reasons};
use super::query::Clauses;
use super::rows::Rows;
use super::value::{Kind, Value};
use std::cmp::Ordering;

impl Expression<'_, '_> {
    /// ORDER BY, whose first key is at `at`: by the keys' values where they are known.
    pub(super) fn sort(&mut self, rows: &mut Rows, source: &Rows, mut at: usize) {
        if rows.rows.len() < 2 {
            return;
        }
        let aligned = rows.rows.len() == source.rows.len();
        let mut keys: Vec<Vec<Key>> = rows.rows.iter().map(|_| Vec::new()).collect();
        let mut directions = Vec::new();
        loop {
            let mut next = at;
            for (place, keys) in keys.iter_mut().enumerate() {
                let ordinal = self.code.text(at).parse::<usize>().ok();
                let name = self.code.name(at).map(|name| self.plain_name(name.last));
                let own = name.and_then(|name| rows.cell(place, &name).cloned());
                let columns = if aligned {
                    Columns::Row(source, place)
                } else {
                    Columns::None
                };
                let (value, end) = self.with(columns, at);
                next = end;
                let value = match ordinal.and_then(|n| rows.rows.get(place)?.get(n.checked_sub(1)?))
                {
                    Some(cell) => cell.clone(),
                    None => own.unwrap_or(value),
                };
                let Some(key) = Key::of(&value) else {
                    rows.unsure = rows.unsure.or(Some(reasons::ORDER));
                    return;
                };
                keys.push(key);
            }
            let descending = self.code.is_word(next, &["desc"]);
            directions.push(descending);
            next += usize::from(descending || self.code.is_word(next, &["asc"]));
            if !self.code.is(next, ",") {
                break;
            }
            at = next + 1;
        }
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by(|a, b| {
            let (a, b) = (keys.get(*a), keys.get(*b));
            let pairs = a
                .into_iter()
                .flatten()
                .zip(b.into_iter().flatten())
                .zip(&directions);
            pairs.fold(Ordering::Equal, |order, ((a, b), descending)| {
                order.then(if *descending { b.cmp(a) } else { a.cmp(b) })
            })
        });
        // What is sorted by what is known is in that order whatever it was in before.
        if rows.unsure == Some(reasons::ORDER) {
            rows.unsure = None;
        }
        rows.rows = order
            .iter()
            .filter_map(|place| rows.rows.get(*place).cloned())
            .collect();
    }

    /// Of rows whose order is known, those that TOP keeps.
    pub(super) fn keep_top(&mut self, rows: &mut Rows, clauses: &Clauses) {
        let is_known = rows.more.is_none() && rows.unsure.is_none() && !rows.repeats;
        let top = clauses.top.filter(|_| is_known);
        let Some(top) = top else {
            return;
        };
        let parenthesis = usize::from(self.code.is(top + 1, "("));
        let (number, next) = self.with(Columns::None, top + 1 + parenthesis);
        let number = number.only().and_then(Value::as_integer);
        let ends = next + parenthesis == clauses.list;
        if let Some(number) = number.filter(|_| ends) {
            rows.rows.truncate(usize::try_from(number).unwrap_or(0));
        }
    }
}

/// What rows are sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Null,
    Number(i64),
    Text(String),
}

impl Key {
    /// Of text only letters and digits, whose order all collations agree on.
    fn of(value: &Folded) -> Option<Self> {
        let value = value.only()?;
        if value.is_null() {
            return Some(Self::Null);
        }
        if let Some(number) = value.as_integer().filter(|_| value.kind == Kind::Integer) {
            return Some(Self::Number(number));
        }
        let plain = value.kind.is_text() && value.text().bytes().all(|b| b.is_ascii_alphanumeric());
        plain.then(|| Self::Text(value.text().to_ascii_lowercase()))
    }
}
