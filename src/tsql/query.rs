//! Where the clauses of a query are, and what it reads rows from.

use super::code::Code;
use super::expression::{Columns, DEEPEST_QUERY, Expression};
use super::folded::{Budget, Folded, reasons};
use super::rows::{MOST_ROWS, Rows};
use super::value::{Kind, Value};
use super::words::Keyword;

/// Places of tokens.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clauses {
    /// Where the select list begins, and the token after it.
    pub(super) list: usize,
    pub(super) after_list: usize,
    pub(super) from: Option<usize>,
    pub(super) after_from: usize,
    pub(super) filter: Option<usize>,
    pub(super) group: Option<usize>,
    /// The first key.
    pub(super) order: Option<usize>,
    /// XML
    pub(super) xml: Option<usize>,
    /// What follows UNION or the like.
    pub(super) union: Option<usize>,
    pub(super) is_distinct: bool,
    /// TOP
    pub(super) top: Option<usize>,
    pub(super) aggregates: bool,
    /// The token after the query, or after this part of a UNION.
    pub(super) end: usize,
}

const AGGREGATES: &[&str] = &[
    "string_agg",
    "min",
    "max",
    "sum",
    "count",
    "avg",
    "count_big",
];

/// A row has no more columns.
const MOST_CELLS: usize = 1024;

impl Clauses {
    /// Of the query whose SELECT is at `select`.
    pub(super) fn find(code: &Code, select: usize) -> Self {
        let list = code.after_select(select);
        let mut before = select + 1..list;
        let mut clauses = Self {
            list,
            is_distinct: code.is_word(select + 1, &["distinct"]),
            top: before.find(|at| code.keyword(*at) == Some(Keyword::Top)),
            ..Self::default()
        };
        let mut at = list;
        let mut depth = 0_usize;
        let mut cases = 0_usize;
        let mut first_clause = None;
        let mut after_from = None;
        while at < code.len() {
            let keyword = code.keyword(at);
            match keyword {
                Some(Keyword::Case) => cases += 1,
                Some(Keyword::End) if cases > 0 => cases -= 1,
                Some(Keyword::Else | Keyword::When | Keyword::Then) if cases > 0 => {}
                Some(keyword) if keyword.begins_statement() => {
                    let function = keyword == Keyword::Update && code.is(at + 1, "(");
                    if !function {
                        break;
                    }
                }
                _ if code.is(at, "(") => depth += 1,
                _ if code.is(at, ")") && depth == 0 => break,
                _ if code.is(at, ")") => depth -= 1,
                _ if code.is(at, ";") => break,
                _ if depth > 0 => {}
                Some(Keyword::End | Keyword::Else | Keyword::Select) => break,
                Some(Keyword::From | Keyword::Into | Keyword::Clause) => {
                    first_clause = first_clause.or(Some(at));
                    if keyword == Some(Keyword::From) {
                        clauses.from = clauses.from.or(Some(at));
                    } else if clauses.from.is_some() && !code.is_word(at, &["with"]) {
                        after_from = after_from.or(Some(at));
                    }
                    if clauses.clause(code, at) {
                        break;
                    }
                }
                None if first_clause.is_none() && code.is(at + 1, "(") => {
                    clauses.aggregates |= code.is_word(at, AGGREGATES);
                }
                _ => {}
            }
            at += 1;
        }
        clauses.end = at;
        clauses.after_list = first_clause.unwrap_or(at);
        clauses.after_from = after_from.unwrap_or(at);
        clauses
    }

    /// Notes a clause; true where it ends this part of the query.
    fn clause(&mut self, code: &Code, at: usize) -> bool {
        let place = [
            ("where", &mut self.filter, at),
            ("group", &mut self.group, at),
            ("order", &mut self.order, at + 2),
        ];
        for (word, clause, at_clause) in place {
            if code.is_word(at, &[word]) {
                *clause = Some(at_clause);
            }
        }
        if code.is_word(at, &["for"]) {
            self.xml = Some(at + 1);
        }
        let is_union = code.is_word(at, &["union", "except", "intersect"]);
        if is_union {
            let all = code.is_word(at, &["union"]) && code.is_word(at + 1, &["all"]);
            self.is_distinct |= !all;
            self.union = Some(at + 1 + usize::from(all));
        }
        is_union
    }
}

impl Expression<'_, '_> {
    /// The rows of what FROM names at `at`; a clause or the query's end follows at `end`.
    pub(super) fn source(&mut self, at: usize, end: usize) -> Rows {
        let (Some(mut rows), mut next) = self.named(at, end) else {
            return Rows::of_table();
        };
        while next < end && !self.code.is_word(next, &["with"]) {
            let joined = match self.crossed(next) {
                Some(at) if self.code.is_word(next + 1, &["apply"]) => self.applied(&rows, at, end),
                Some(at) => self.multiplied(&rows, at, end),
                // A join: its rows are others.
                None => None,
            };
            let Some(joined) = joined else {
                return Rows::of_table();
            };
            (rows, next) = joined;
        }
        rows
    }

    /// Each row with each of those named at `at`, and the token after them.
    fn multiplied(&mut self, rows: &Rows, at: usize, end: usize) -> Option<(Rows, usize)> {
        let (other, next) = self.named(at, end);
        Some((rows.times(&other?, self.budget)?, next))
    }

    /// Each row with those that what is named at `at` makes of it.
    fn applied(&mut self, rows: &Rows, at: usize, end: usize) -> Option<(Rows, usize)> {
        if rows.repeats || rows.rows.is_empty() {
            return None;
        }
        let is_outer = self.code.is_word(at - 2, &["outer"]);
        let mut all = Rows::default();
        let mut next = at;
        for (place, row) in rows.rows.iter().enumerate() {
            let mut inner = self.inner();
            inner.columns = Columns::Row(rows, place);
            let (other, after) = inner.named(at, end);
            let one = Rows {
                columns: rows.columns.clone(),
                rows: vec![row.clone()],
                ..Rows::default()
            };
            let other = other.filter(|_| self.budget.spend((after - at) * 4))?;
            if is_outer && other.rows.is_empty() {
                // The row stays, with NULL for the others.
                return None;
            }
            all.extend(one.times(&other, self.budget)?);
            next = after;
        }
        let in_any_order =
            (rows.rows.len() > 1 && all.rows.len() > rows.rows.len()).then_some(reasons::ORDER);
        all.more = all.more.or(rows.more);
        all.unsure = all.unsure.or(rows.unsure).or(in_any_order);
        Some((all, next))
    }

    /// What is joined without a condition at `at`.
    fn crossed(&self, at: usize) -> Option<usize> {
        let is_cross = self.code.is_word(at, &["cross"]);
        if is_cross && self.code.is_word(at + 1, &["join", "apply"]) {
            return Some(at + 2);
        }
        if self.code.is_word(at, &["outer"]) && self.code.is_word(at + 1, &["apply"]) {
            return Some(at + 2);
        }
        self.code.is(at, ",").then_some(at + 1)
    }

    /// Rows under their alias, and the token after it.
    fn named(&mut self, at: usize, end: usize) -> (Option<Rows>, usize) {
        let (rows, next) = self.derived(at);
        let Some(mut rows) = rows else {
            return (None, next);
        };
        let alias = next + usize::from(self.code.keyword(next) == Some(Keyword::As));
        let mut next = next;
        let joins = self.code.is_word(alias, &["cross", "outer"]);
        if alias < end
            && !joins
            && self.code.keyword(alias).is_none()
            && self.code.name(alias).is_some()
        {
            next = alias + 1;
            if self.code.is(next, "(") {
                rows.columns = self.names(next + 1);
                next = self.code.after_group(next);
            }
        }
        (Some(rows), next)
    }

    /// Whether all that FROM names is in the schemas of the server's own.
    pub(super) fn reads_catalog(&self, from: usize, end: usize) -> bool {
        const OWN: &[&str] = &["sys", "information_schema"];
        let mut depth = 0_usize;
        let mut named = (from..end).filter(|at| {
            depth += usize::from(self.code.is(*at, "("));
            depth = depth.saturating_sub(usize::from(self.code.is(*at, ")")));
            let joins = self.code.is_word(*at, &["join", "apply"]) || self.code.is(*at, ",");
            *at == from || joins && depth == 0
        });
        named.all(|at| {
            let Some(name) = self.code.name(at + 1) else {
                return false;
            };
            let schema = name.last.checked_sub(2).filter(|at| *at >= name.first);
            let own = self.code.part(name.last).0.to_ascii_lowercase();
            match schema {
                Some(schema) if OWN.contains(&self.plain_name(schema).as_str()) => true,
                // The old names, in any database.
                _ => matches!(own.as_str(), "sysprocesses" | "sysdatabases" | "sysobjects"),
            }
        })
    }

    /// `a, b, …`
    pub(super) fn names(&self, mut at: usize) -> Vec<String> {
        let mut names = Vec::new();
        while self.code.kind(at).is_some() && !self.code.is(at, ")") {
            if !self.code.is(at, ",") {
                names.push(self.code.part(at).0.to_lowercase());
            }
            at += 1;
        }
        names
    }

    /// Rows that are written out, or kept under a name, and the token after them.
    fn derived(&mut self, at: usize) -> (Option<Rows>, usize) {
        if self.code.is(at, "(") {
            if self.depth >= DEEPEST_QUERY {
                return (None, at);
            }
            if self.code.is_word(at + 1, &["values"]) {
                let (rows, next) = self.inner().values(at + 2);
                return (Some(rows), next + usize::from(self.code.is(next, ")")));
            }
            if self.code.keyword(at + 1) == Some(Keyword::Select) {
                let (rows, next) = self.inner().rows(at + 1);
                return (Some(rows), next + usize::from(self.code.is(next, ")")));
            }
            return (None, at);
        }
        if self.code.is_variable(at) {
            if self.code.is(at + 1, ".") {
                let receiver = self.variables.get(self.variables.at(at)).cloned();
                let rows = receiver.and_then(|receiver| self.nodes(&receiver, at + 2));
                return (rows, self.code.after_group(at + 3));
            }
            return (self.table(at), at + 1);
        }
        let Some(name) = self.code.name(at) else {
            return (None, at);
        };
        if self.code.is(name.next, "(") {
            let next = self.code.after_group(name.next);
            if let Some(receiver) = self.receiver(name) {
                return (self.nodes(&receiver, name.last), next);
            }
            if self.code.is_any(name.last, &["string_split"]) {
                return (self.split(name.next + 1), next);
            }
            if self.code.is_any(name.last, &["generate_series"]) {
                return (Some(self.series(name.next + 1)), next);
            }
            if self.code.is_any(name.last, &["openjson"]) {
                return self.open_json(name.next + 1);
            }
            return (None, next);
        }
        (self.table(name.last), name.next)
    }

    /// The rows kept under the name at `at`.
    pub(super) fn table(&mut self, at: usize) -> Option<Rows> {
        const PER_CELL: usize = 16;
        let name = self.code.part(at).0;
        let table = self.variables.table(name)?;
        // A procedure may have filled it, or a later statement of a loop.
        let by_others = name.starts_with('#') || self.variables.is_in_loop();
        if table.rows.is_empty() && by_others {
            return None;
        }
        let cells = table.rows.len() * (table.columns.len() + 1);
        self.budget.spend(cells * PER_CELL).then(|| table.clone())
    }

    /// `(a, b), (c, d), …`
    pub(super) fn values(mut self, mut at: usize) -> (Rows, usize) {
        let mut rows = Rows::default();
        while self.code.is(at, "(") {
            let mut row = Vec::new();
            at += 1;
            loop {
                let (value, next) = self.with(self.columns, at);
                row.push(value);
                at = next;
                if !self.code.is(at, ",") || row.len() > MOST_CELLS {
                    break;
                }
                at += 1;
            }
            if !self.code.is(at, ")") {
                rows.more = Some(reasons::EXPRESSION);
                break;
            }
            at += 1;
            rows.rows.push(row);
            if rows.rows.len() > MOST_ROWS || !self.budget.spend(Budget::PER_VALUE) {
                rows.more = Some(reasons::BUDGET);
                break;
            }
            if !self.code.is(at, ",") {
                break;
            }
            at += 1;
        }
        (rows, at)
    }

    /// GENERATE_SERIES: the numbers, or one that stands for all.
    fn series(&mut self, at: usize) -> Rows {
        let origin = self.code.origin(at);
        let (first, next) = self.with(Columns::None, at);
        let (last, next) = self.with(Columns::None, next + 1);
        let step = if self.code.is(next, ",") {
            self.with(Columns::None, next + 1).0
        } else {
            Folded::default()
        };
        let mut rows = Rows {
            columns: vec!["value".to_owned()],
            ..Rows::default()
        };
        if let Some(numbers) = self.counted(&first, &last, &step) {
            let numbers = numbers.into_iter();
            let number = |number| vec![Folded::from(Value::integer(number, origin))];
            rows.rows = numbers.map(number).collect();
        } else {
            let taint = first.taint.and(last.taint).and(step.taint);
            rows.rows = vec![vec![Folded::number(Kind::Integer, origin, taint)]];
            rows.repeats = true;
        }
        rows
    }

    /// The numbers from the first to the last, where they are known and not too many.
    fn counted(&mut self, first: &Folded, last: &Folded, step: &Folded) -> Option<Vec<i64>> {
        let (first, last) = (first.only()?.as_integer()?, last.only()?.as_integer()?);
        let step = match step.only()?.as_integer() {
            Some(step) => step,
            None if !step.is_blank() => return None,
            None if first > last => -1,
            None => 1,
        };
        let steps = last.checked_sub(first)?.checked_div(step)?;
        let count = usize::try_from(steps.checked_add(1)?).unwrap_or(0);
        if count > MOST_ROWS || !self.budget.spend(count * Budget::PER_VALUE) {
            return None;
        }
        let numbers = (0..).map_while(|place: i64| first.checked_add(step.checked_mul(place)?));
        Some(numbers.take(count).collect())
    }

    /// STRING_SPLIT of text that is known.
    fn split(&mut self, at: usize) -> Option<Rows> {
        let (text, next) = self.with(self.columns, at);
        let (by, _) = self.with(Columns::None, next + 1);
        let (text, by) = (text.only()?, by.only()?);
        if !text.is_exact() || by.len() == 0 || !self.budget.spend(text.len()) {
            return None;
        }
        let mut rows = Rows {
            columns: vec!["value".to_owned(), "ordinal".to_owned()],
            ..Rows::default()
        };
        let mut from = 0;
        let ends = text
            .text()
            .match_indices(by.text())
            .map(|(end, found)| (end, found.len()));
        for (number, (end, length)) in (1..).zip(ends.chain([(text.len(), 0)])) {
            let ordinal = Value::integer(number, text.origin(0));
            let mut piece = text.part(from..end);
            piece.kind = Kind::National;
            rows.rows.push(vec![piece.into(), Folded::from(ordinal)]);
            from = end + length;
        }
        (rows.rows.len() <= MOST_ROWS).then_some(rows)
    }
}
