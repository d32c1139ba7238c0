//! Queries whose rows are written out: VALUES, SELECT … UNION ALL, table variables filled with literals. Of a query over
//! anything else one row is made, which stands for any number of them.

use super::catalog;
use super::expression::{Columns, Expression};
use super::folded::{Budget, Folded, Taint, reasons};
use super::lexer::TokenKind;
use super::query::Clauses;
use super::value::Kind;
use super::words::Keyword;
use std::rc::Rc;

/// The rows of a table, a query or a cursor.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_field_names)] // rows and columns are the field's own words
pub(super) struct Rows {
    /// Names as they are compared; empty where there is none.
    pub(super) columns: Vec<String>,
    #[allow(clippy::struct_field_names)] // there is no other word for them
    pub(super) rows: Vec<Vec<Folded>>,
    /// Why there may be other rows than these.
    pub(super) more: Option<&'static str>,
    /// Why rows may be missing or in another order.
    pub(super) unsure: Option<&'static str>,
    /// Whether the one row stands for any number of rows of a table that is not known.
    pub(super) repeats: bool,
    /// Whether the server's own catalog is all that the table is made of.
    pub(super) is_catalog: bool,
}

/// One of them, or all at once for an aggregate.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) rows: Rc<Rows>,
    pub(super) place: Option<usize>,
}

/// So many rows are followed.
pub(super) const MOST_ROWS: usize = 2000;

impl Rows {
    /// A table of which nothing is known.
    pub(super) fn of_table() -> Self {
        Self {
            rows: vec![Vec::new()],
            repeats: true,
            ..Self::default()
        }
    }

    /// One row without columns: a query without FROM.
    fn of_nothing() -> Self {
        Self {
            rows: vec![Vec::new()],
            ..Self::default()
        }
    }

    /// Whether these are all columns there are.
    fn is_complete(&self) -> bool {
        !self.columns.is_empty() && !self.is_catalog
    }

    pub(super) fn cell(&self, row: usize, column: &str) -> Option<&Folded> {
        let place = self
            .columns
            .iter()
            .position(|name| name.eq_ignore_ascii_case(column))?;
        self.rows.get(row)?.get(place)
    }

    /// All values of the column at this place, from 0.
    pub(super) fn column(&self, place: usize, budget: &mut Budget) -> Option<Folded> {
        let mut cells = self.rows.iter().filter_map(|row| row.get(place));
        let mut all = cells.next()?.clone();
        for cell in cells {
            if !budget.spend(Budget::PER_VALUE) {
                all.open(reasons::BUDGET);
                break;
            }
            all.add_alternative(cell, budget);
        }
        if let Some(reason) = self.more {
            all.open(reason);
        }
        Some(all)
    }

    /// As a value in an expression.
    pub(super) fn into_scalar(self, origin: usize, budget: &mut Budget) -> Folded {
        // A query that finds nothing is NULL.
        let may_be_none = self.repeats || self.unsure == Some(reasons::ROWS);
        match self.column(0, budget) {
            Some(mut value) => {
                if may_be_none {
                    value.or_null(budget);
                }
                value
            }
            None if self.more.is_some() || self.repeats => {
                Folded::from_outside(origin, Taint::DATA, reasons::DATA)
            }
            None => Folded::null(),
        }
    }

    pub(super) fn extend(&mut self, other: Self) {
        if self.columns.is_empty() {
            self.columns = other.columns;
        }
        self.rows.extend(other.rows);
        self.more = self.more.or(other.more);
        self.unsure = self.unsure.or(other.unsure);
        self.repeats |= other.repeats;
        if self.rows.len() > MOST_ROWS {
            self.rows.truncate(MOST_ROWS);
            self.more = self.more.or(Some(reasons::BUDGET));
        }
    }

    /// Each row with each of the others; `None` where they are too many, or a name would mean two columns.
    pub(super) fn times(&self, other: &Self, budget: &mut Budget) -> Option<Self> {
        let count = self.rows.len() * other.rows.len();
        let width = self.columns.len() + other.columns.len();
        let is_ambiguous = other.columns.iter().any(|name| self.columns.contains(name));
        let is_known = !self.repeats && !other.repeats && !is_ambiguous && count <= MOST_ROWS;
        if !is_known || !budget.spend(count * (width + 1) * Budget::PER_VALUE) {
            return None;
        }
        let with_each = |row: &Vec<Folded>| {
            let joined = other
                .rows
                .iter()
                .map(|more| [row.as_slice(), more].concat());
            joined.collect::<Vec<_>>()
        };
        let in_any_order = self.rows.len() > 1 && other.rows.len() > 1;
        let unsure = self.unsure.or(other.unsure);
        Some(Self {
            columns: [self.columns.as_slice(), &other.columns].concat(),
            rows: self.rows.iter().flat_map(with_each).collect(),
            more: self.more.or(other.more),
            unsure: unsure.or(in_any_order.then_some(reasons::ORDER)),
            ..Self::default()
        })
    }

    /// Says of something put together from all rows what is said of them.
    pub(super) fn qualify(&self, whole: &mut Folded, budget: &mut Budget) {
        if let Some(reason) = self.more.or(self.unsure) {
            whole.open(reason);
        }
        if self.repeats {
            whole.repeat();
            // There may be none.
            whole.or_null(budget);
        }
    }
}

impl Expression<'_, '_> {
    /// The rows of the query whose SELECT is the token at `at`, and the token after it.
    pub(super) fn rows(mut self, at: usize) -> (Rows, usize) {
        let origin = self.code.origin(at);
        let mut all = Rows::default();
        let mut at = at;
        // ORDER BY sorts all of a UNION, TOP keeps rows of one part.
        let first = self.code.after_select(at);
        loop {
            let clauses = Clauses::find(self.code, at);
            if !self.budget.spend((clauses.end - at) * 4) {
                all.more = Some(reasons::BUDGET);
                return (all, clauses.end);
            }
            let source = self.source_of(&clauses);
            let part = self.listed(&clauses, &source);
            all.extend(part);
            if let Some(order) = clauses.order {
                self.sort(&mut all, &source, order);
                if clauses.list == first {
                    self.keep_top(&mut all, &clauses);
                }
            }
            if let Some(xml) = clauses.xml {
                all = self.as_xml(&all, xml, origin);
            }
            match clauses.union {
                Some(next) if self.code.keyword(next) == Some(Keyword::Select) => at = next,
                Some(_) => {
                    all.more = all.more.or(Some(reasons::ROWS));
                    return (all, clauses.end);
                }
                None => return (all, clauses.end),
            }
            if clauses.is_distinct {
                all.unsure = all.unsure.or(Some(reasons::ORDER));
            }
        }
    }

    /// The rows that the query reads.
    pub(super) fn source_of(&mut self, clauses: &Clauses) -> Rows {
        let mut source = match clauses.from {
            None => Rows::of_nothing(),
            Some(from) => {
                let mut source = self.source(from + 1, clauses.after_from);
                source.is_catalog = source.repeats && self.reads_catalog(from, clauses.after_from);
                source
            }
        };
        match clauses.filter {
            Some(_) if source.is_catalog => self.name_meant(&mut source, clauses),
            Some(filter) if !source.repeats => self.keep_meant(&mut source, filter + 1),
            _ => {}
        }
        let chooses = clauses.group.is_some() || clauses.is_distinct || clauses.top.is_some();
        if chooses && source.rows.len() > 1 {
            source.unsure = source.unsure.or(Some(reasons::ORDER));
        }
        source
    }

    /// The select list for each row of the source, or once for an aggregate of all.
    pub(super) fn listed(&mut self, clauses: &Clauses, source: &Rows) -> Rows {
        let mut listed = Rows {
            more: source.more,
            unsure: source.unsure,
            repeats: source.repeats,
            ..Rows::default()
        };
        if clauses.aggregates {
            listed.repeats = false;
            listed.unsure = None;
            let row = self.row(clauses, Columns::All(source), &mut listed.columns);
            listed.rows.push(row);
            return listed;
        }
        for place in 0..source.rows.len() {
            let tokens = clauses.after_list - clauses.list;
            if !self.budget.spend(Budget::PER_VALUE + tokens) {
                listed.more = Some(reasons::BUDGET);
                break;
            }
            listed.columns.clear();
            let row = self.row(clauses, Columns::Row(source, place), &mut listed.columns);
            listed.rows.push(row);
        }
        listed
    }

    fn row(&mut self, clauses: &Clauses, columns: Columns, names: &mut Vec<String>) -> Vec<Folded> {
        let mut row = Vec::new();
        let mut at = clauses.list;
        while at < clauses.after_list {
            if let Some(next) = self.star(at) {
                let (source, place) = match columns {
                    Columns::Row(source, place) if source.is_complete() => (source, place),
                    // Of what follows nobody knows the place.
                    _ => return row,
                };
                names.extend(source.columns.iter().cloned());
                row.extend(source.rows.get(place).into_iter().flatten().cloned());
                at = next;
            } else {
                let (name, expression) = self.leading_alias(at);
                let (value, next) = self.with(columns, expression);
                row.push(value);
                let name = name.unwrap_or_else(|| self.trailing_alias(expression, next));
                names.push(name);
                at = next.max(at + 1);
            }
            while at < clauses.after_list && !self.code.is(at, ",") {
                at = if self.code.is(at, "(") {
                    self.code.after_group(at)
                } else {
                    at + 1
                };
            }
            at += 1;
        }
        row
    }

    /// The value of the expression at `at` where names of columns mean these, and the token after it.
    pub(super) fn with(&mut self, columns: Columns, at: usize) -> (Folded, usize) {
        let inner = Expression {
            code: self.code,
            variables: self.variables,
            budget: self.budget,
            names_are_text: false,
            columns,
            depth: self.depth,
        };
        inner.value_at(at)
    }

    /// `*` or `t.*`, and the token after it.
    fn star(&self, at: usize) -> Option<usize> {
        if self.code.is(at, "*") {
            return Some(at + 1);
        }
        (self.code.is(at + 1, ".") && self.code.is(at + 2, "*")).then_some(at + 3)
    }

    /// `name = expression`, and where the expression begins.
    fn leading_alias(&self, at: usize) -> (Option<String>, usize) {
        if self.code.is(at + 1, "=") {
            return (Some(self.plain_name(at)), at + 2);
        }
        (None, at)
    }

    fn trailing_alias(&self, expression: usize, next: usize) -> String {
        let alias = match self.code.keyword(next) {
            Some(Keyword::As) => Some(next + 1),
            None if !self.code.is(next, ",") => Some(next),
            _ => None,
        };
        let is_name = |at: &usize| {
            matches!(
                self.code.kind(*at),
                Some(
                    TokenKind::Word
                        | TokenKind::BracketedName
                        | TokenKind::QuotedName
                        | TokenKind::String
                )
            ) && self.code.keyword(*at).is_none()
        };
        if let Some(alias) = alias.filter(is_name) {
            return self.plain_name(alias);
        }
        // A column keeps its name.
        match self.code.name(expression) {
            Some(name) if name.next == next => self.plain_name(name.last),
            _ => String::new(),
        }
    }

    pub(super) fn plain_name(&self, at: usize) -> String {
        self.code.part(at).0.to_lowercase()
    }

    /// What a name of a column stands for.
    pub(super) fn column(&mut self, name: super::code::Name, origin: usize) -> Folded {
        let own = self.code.part(name.last).0;
        let known = self.cell(own);
        let is_catalog = match self.columns {
            Columns::Row(rows, _) | Columns::Side(rows, _) | Columns::All(rows) => rows.is_catalog,
            Columns::None | Columns::Condition => false,
        };
        if is_catalog && catalog::is_number(own) {
            return Folded::number(Kind::Numeric, origin, Taint::DATA);
        }
        known.unwrap_or_else(|| Folded::from_outside(origin, Taint::DATA, reasons::DATA))
    }

    /// The column of this name in the rows at hand.
    pub(super) fn cell(&mut self, column: &str) -> Option<Folded> {
        match self.columns {
            Columns::None | Columns::Condition => None,
            Columns::Row(rows, place) | Columns::Side(rows, place) => {
                rows.cell(place, column).cloned()
            }
            Columns::All(rows) => {
                let place = rows
                    .columns
                    .iter()
                    .position(|name| name.eq_ignore_ascii_case(column))?;
                rows.column(place, self.budget)
            }
        }
    }

    /// STRING_AGG, whose first argument begins at `at`: the texts of all rows, and the token after the call.
    pub(super) fn aggregated(&mut self, at: usize, origin: usize) -> (Folded, usize) {
        let none = Rows::of_table();
        let source = match self.columns {
            Columns::All(rows) | Columns::Row(rows, _) | Columns::Side(rows, _) => rows,
            Columns::None | Columns::Condition => &none,
        };
        let mut keyed = Rows {
            more: source.more,
            unsure: source.unsure,
            repeats: source.repeats,
            ..Rows::default()
        };
        let mut next = at;
        for place in 0..source.rows.len() {
            if !self.budget.spend(Budget::PER_VALUE) {
                keyed.more = Some(reasons::BUDGET);
                break;
            }
            let (value, end) = self.with(Columns::Row(source, place), at);
            keyed.rows.push(vec![value]);
            next = end;
        }
        if source.rows.is_empty() {
            next = self.code.after_argument(at);
        }
        let (by, end) = if self.code.is(next, ",") {
            self.with(Columns::None, next + 1)
        } else {
            (Folded::default(), next)
        };
        next = end + usize::from(self.code.is(end, ")"));
        if self.code.keyword(next) == Some(Keyword::Within) && self.code.is(next + 2, "(") {
            self.sort(&mut keyed, source, next + 5);
            next = self.code.after_group(next + 2);
        }
        (self.glued(&keyed, &by, origin), next)
    }

    /// The first column of all rows, one after the other.
    fn glued(&mut self, rows: &Rows, by: &Folded, origin: usize) -> Folded {
        let mut whole: Option<Folded> = None;
        for row in &rows.rows {
            let Some(value) = row.first().cloned().and_then(Folded::without_null) else {
                continue;
            };
            match &mut whole {
                Some(whole) => {
                    whole.append(by, origin, self.budget);
                    whole.append(&value, origin, self.budget);
                }
                None => whole = Some(value),
            }
        }
        let mut whole = whole.unwrap_or_else(Folded::null);
        if rows.repeats
            && by
                .values()
                .iter()
                .any(|by| by.text().contains(char::is_alphanumeric))
        {
            let again = whole.clone();
            whole.append(by, origin, self.budget);
            whole.append(&again, origin, self.budget);
        }
        rows.qualify(&mut whole, self.budget);
        whole
    }
}
