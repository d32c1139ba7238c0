//! Statements that fill tables with rows that are written out, and cursors that read them back.

use super::folded::{Budget, Folded, Taint, reasons};
use super::functions::{Call, Function};
use super::query::Clauses;
use super::rows::{MOST_ROWS, Rows};
use super::types::DataType;
use super::value::Value;
use super::variables::Table;
use super::walk::Walk;
use super::words::Keyword;

/// How many tokens a statement's words may stand before what it is about.
const NEAR: usize = 12;

/// An OUTPUT clause is no longer, in tokens.
const LONGEST_OUTPUT: usize = 128;

impl Walk<'_, '_> {
    /// `@t TABLE (…)`, whose parenthesis is at `open`; the token after it.
    pub(super) fn declare_table(&mut self, variable: usize, open: usize) -> usize {
        let table = self.table_definition(open);
        self.variables
            .declare_table(self.code.text(variable), table);
        self.code.after_group(open)
    }

    /// The columns in the parenthesis at `open`.
    fn table_definition(&self, open: usize) -> Table {
        let mut table = Table::default();
        let end = self.code.after_group(open).saturating_sub(1);
        let mut at = open + 1;
        while at < end {
            let constraint = [
                "constraint",
                "primary",
                "unique",
                "check",
                "foreign",
                "index",
            ];
            let is_column = !self.code.is_word(at, &constraint);
            if is_column {
                table.rows.columns.push(self.code.part(at).0.to_lowercase());
                table.types.push(DataType::read(self.code, at + 1).0);
            }
            while at < end && !self.code.is(at, ",") {
                if self.code.is_word(at, &["identity"]) {
                    table.identity = table.types.len().checked_sub(1);
                    table.numbering = self.numbering(at + 1);
                }
                table.is_keyed |= self
                    .code
                    .is_word(at, &["primary", "unique", "clustered", "index"]);
                at = if self.code.is(at, "(") {
                    self.code.after_group(at)
                } else {
                    at + 1
                };
            }
            at += 1;
        }
        table
    }

    /// `(seed, step)` of an IDENTITY, at `open`.
    fn numbering(&self, open: usize) -> Option<(i64, i64)> {
        if !self.code.is(open, "(") {
            return None;
        }
        let close = self.code.after_group(open);
        let written = |range: std::ops::Range<usize>| {
            let marks: String = range.map(|at| self.code.text(at)).collect();
            marks.parse().ok()
        };
        let comma = (open..close).find(|at| self.code.is(*at, ","))?;
        Some((written(open + 1..comma)?, written(comma + 1..close - 1)?))
    }

    /// A statement that may change a table whose rows are followed.
    pub(super) fn change_table(&mut self, at: usize) {
        const CHANGING: &[&str] = &["update", "delete", "merge", "truncate", "drop"];
        if at < self.seen {
            return;
        }
        if self.code.is_word(at, &["insert"]) {
            return self.insert(at);
        }
        if self.code.is_word(at, &["create"]) {
            let named = self
                .code
                .name(at + 2)
                .filter(|_| self.code.is_word(at + 1, &["table"]));
            if let Some(name) = named.filter(|name| self.is_temporary(name.last)) {
                let table = self.table_definition(name.next);
                self.variables
                    .declare_table(self.code.part(name.last).0, table);
            }
            return;
        }
        if self.code.is_word(at, &["open"]) {
            let name = self.code.part(at + 1).0.to_owned();
            return self.rewind(&name);
        }
        if self.code.is_word(at, CHANGING) {
            self.change_rows(at);
        }
    }

    fn is_temporary(&self, at: usize) -> bool {
        self.code.is_variable(at) || self.code.part(at).0.starts_with('#')
    }

    /// `INSERT INTO @t (a, b) VALUES …` or `… SELECT …`
    fn insert(&mut self, at: usize) {
        let target = at + 1 + usize::from(self.code.keyword(at + 1) == Some(Keyword::Into));
        let target = if self.code.is_variable(target) {
            Some((target, target + 1))
        } else {
            self.code.name(target).map(|name| (name.last, name.next))
        };
        let Some((name, mut next)) = target.filter(|(name, _)| self.is_temporary(*name)) else {
            return;
        };
        let mut columns = Vec::new();
        if self.code.is(next, "(") && self.code.keyword(next + 1) != Some(Keyword::Select) {
            columns = self.expression(false).names(next + 1);
            next = self.code.after_group(next);
        }
        next = self.after_output(next);
        let name = self.code.part(name).0.to_owned();
        let Some(mut rows) = self.written_rows(next) else {
            return self.add_unknown_rows(&name, &columns);
        };
        let is_empty = self
            .variables
            .table(&name)
            .is_some_and(|rows| rows.rows.is_empty());
        if rows.repeats && !is_empty {
            rows.unsure = Some(reasons::ROWS);
            rows.repeats = false;
        }
        self.add_rows(&name, &columns, rows);
    }

    /// The rows of VALUES, of a query or of an EXEC at `at`.
    fn written_rows(&mut self, at: usize) -> Option<Rows> {
        if self.code.is_word(at, &["values"]) {
            return Some(self.expression(false).values(at + 1).0);
        }
        let is_query = self.code.keyword(at) == Some(Keyword::Select);
        if is_query {
            return Some(self.expression(false).rows(at).0);
        }
        self.returned_rows(at)
    }

    /// What follows the OUTPUT clause at `at`, if there is one.
    fn after_output(&self, at: usize) -> usize {
        if !self.code.is_word(at, &["output"]) {
            return at;
        }
        let mut after = at;
        while after < at + LONGEST_OUTPUT
            && !self.code.is_word(after, &["into", "values", "select"])
        {
            after = if self.code.is(after, "(") {
                self.code.after_group(after)
            } else {
                after + 1
            };
        }
        if self.code.keyword(after) == Some(Keyword::Into) {
            return self.after_target(after);
        }
        after
    }

    /// What follows the table and its columns that the INTO at `into` names.
    fn after_target(&self, into: usize) -> usize {
        let target = into + 1;
        let next = self.code.name(target).map_or(target + 1, |name| name.next);
        let lists = self.code.is(next, "(");
        if lists && self.code.keyword(next + 1) != Some(Keyword::Select) {
            return self.code.after_group(next);
        }
        next
    }

    /// What the OUTPUT clause of an INSERT puts into the table behind the INTO at `into`: its list for each row that is
    /// written out.
    fn output_rows(&mut self, into: usize) -> Option<Rows> {
        if let Some((_, rows)) = self.output.take_if(|(own, _)| *own == into) {
            return Some(rows);
        }
        let near = into.saturating_sub(LONGEST_OUTPUT)..into;
        let output = near.rev().find(|at| self.code.is_word(*at, &["output"]))?;
        let columns = self.inserted_columns(output)?;
        let next = self.after_target(into);
        let mut rows = self.written_rows(next).filter(|rows| !rows.repeats)?;
        rows.columns = columns;
        let list = Clauses {
            list: output + 1,
            after_list: into,
            ..Clauses::default()
        };
        Some(self.expression(false).listed(&list, &rows))
    }

    /// The columns that an INSERT fills, whose OUTPUT is at `output`.
    fn inserted_columns(&mut self, output: usize) -> Option<Vec<String>> {
        let last = output.checked_sub(1)?;
        let mut near = (output.saturating_sub(LONGEST_OUTPUT)..last).rev();
        let (target, columns) = if self.code.is(last, ")") {
            let open = near.find(|at| self.code.is(*at, "("))?;
            (open, self.expression(false).names(open + 1))
        } else {
            let table = self.variables.table(self.code.part(last).0)?;
            (last, table.columns.clone())
        };
        let before = target.saturating_sub(NEAR)..target;
        let mut before = before.rev().take_while(|at| !self.code.is(*at, ")"));
        let inserts = before.any(|at| self.code.is_word(at, &["insert"]));
        inserts.then_some(columns)
    }

    pub(super) fn add_rows(&mut self, name: &str, columns: &[String], rows: Rows) {
        let certain = self.variables.is_certain();
        if self.variables.table(name).is_none() {
            // A variable of a table type is empty before; what is passed in such a one is read-only.
            let is_variable = name.starts_with('@');
            let unknown = Rows {
                columns: columns.to_vec(),
                more: (!is_variable).then_some(reasons::DATA),
                ..Rows::default()
            };
            self.variables.keep_rows(name, unknown);
        }
        let origin = self.code.origin(0);
        let Some(table) = self.variables.table_mut(name) else {
            return;
        };
        if table.rows.rows.len() >= MOST_ROWS {
            table.rows.more = table.rows.more.or(Some(reasons::BUDGET));
            return;
        }
        if !certain && !rows.repeats {
            table.rows.unsure = table.rows.unsure.or(Some(reasons::ROWS));
        }
        if table.is_keyed {
            table.rows.unsure = table.rows.unsure.or(Some(reasons::ORDER));
        }
        let places = table.places(columns);
        let mut added = Rows {
            columns: table.rows.columns.clone(),
            more: rows.more,
            unsure: rows.unsure,
            repeats: rows.repeats,
            ..Rows::default()
        };
        let (seed, step) = table.numbering.unwrap_or((1, 1));
        for row in rows.rows {
            let before = i64::try_from(table.rows.rows.len() + added.rows.len()).unwrap_or(0);
            let number = seed.saturating_add(step.saturating_mul(before));
            let cells = places.iter().enumerate().map(|(place, from)| {
                match from.map(|from| row.get(from)) {
                    None if table.identity == Some(place) => Value::integer(number, origin).into(),
                    None => Folded::null(),
                    Some(Some(cell)) => table.typed(place, cell.clone(), origin),
                    // The query has columns that are not known.
                    Some(None) => Folded::from_outside(origin, Taint::DATA, reasons::DATA),
                }
            });
            added.rows.push(cells.collect());
        }
        table.rows.extend(added);
    }

    /// `SELECT … INTO #t`, or `… INTO @a, @b` of a FETCH or an OUTPUT clause.
    pub(super) fn into(&mut self, at: usize) {
        let target = at + 1;
        let is_table = self.variables.table(self.code.part(target).0).is_some();
        if self.code.is_variable(target) && !is_table {
            return self.fetch(at);
        }
        let before = at.saturating_sub(1);
        if !self.is_temporary(target) || self.code.is_word(before, &["insert", "merge"]) {
            return;
        }
        let select = std::mem::replace(&mut self.last_select, at);
        let selects = select < at
            && self.code.keyword(select) == Some(Keyword::Select)
            && Clauses::find(self.code, select).after_list == at;
        let name = self.code.part(target).0.to_owned();
        if selects {
            let (mut rows, _) = self.expression(false).rows(select);
            if !self.variables.is_certain() && !rows.repeats {
                rows.unsure = rows.unsure.or(Some(reasons::ROWS));
            }
            self.variables.keep_rows(&name, rows);
        } else if is_table {
            // OUTPUT … INTO
            let mut columns = Vec::new();
            if self.code.is(target + 1, "(") {
                columns = self.expression(false).names(target + 2);
            }
            let kept = self
                .variables
                .table(&name)
                .map_or(0, |rows| rows.rows.len());
            let known = (kept < MOST_ROWS).then(|| self.output_rows(at));
            match known.flatten() {
                Some(rows) => self.add_rows(&name, &columns, rows),
                None => self.add_unknown_rows(&name, &columns),
            }
        }
    }

    /// `WITH name (a, b) AS (SELECT …), …`
    pub(super) fn common_tables(&mut self, with: usize) {
        let mut at = with + 1;
        while at > self.seen && self.code.name(at).is_some_and(|name| name.last == at) {
            let name = self.code.part(at).0.to_owned();
            at += 1;
            let mut columns = Vec::new();
            if self.code.is(at, "(") {
                columns = self.expression(false).names(at + 1);
                at = self.code.after_group(at);
            }
            let is_query = self.code.keyword(at) == Some(Keyword::As)
                && self.code.is(at + 1, "(")
                && self.code.keyword(at + 2) == Some(Keyword::Select);
            if !is_query {
                return;
            }
            let (rows, next) = self.common_rows(&name, &columns, at + 2);
            self.variables.keep_rows(&name, rows);
            at = next + 1;
            if !self.code.is(at, ",") {
                return;
            }
            at += 1;
        }
    }

    /// `name CURSOR … FOR SELECT …`, whose CURSOR or a word before it is at `at`.
    pub(super) fn declare_cursor(&mut self, name: usize, at: usize) {
        let is_cursor = (at..at + 3).any(|at| self.code.is_word(at, &["cursor"]));
        let select = (at..at + NEAR).find(|at| self.code.keyword(*at) == Some(Keyword::Select));
        let Some(select) = select.filter(|_| is_cursor) else {
            return;
        };
        let (rows, _) = self.expression(false).rows(select);
        let name = self.code.part(name).0.to_owned();
        self.variables.keep_rows(&name, rows);
        self.rewind(&name);
    }

    /// The next FETCH reads a cursor's first row, if that is sure to be so.
    fn rewind(&mut self, name: &str) {
        let certain = self.variables.is_certain();
        if let Some(table) = self.variables.table_mut(name) {
            let rows = &table.rows;
            let known = rows.more.is_none() && rows.unsure.is_none() && !rows.repeats;
            table.next = (certain && known).then_some(0);
        }
    }

    /// What is left of the rows for the FETCH whose INTO is at `into`: the one it reads, or none; `None` where that is
    /// not known.
    fn fetched(&mut self, into: usize) -> Option<Rows> {
        let cursor = into.checked_sub(1)?;
        let mut word = cursor.checked_sub(1)?;
        if self.code.keyword(word) == Some(Keyword::From) {
            word = word.checked_sub(1)?;
        }
        if self.code.is_word(word, &["next"]) {
            word = word.checked_sub(1)?;
        }
        let is_next = self.code.is_word(word, &["fetch"]);
        let certain = self.variables.is_certain() && is_next;
        let table = self.variables.table_mut(self.code.part(cursor).0)?;
        let place = table.next?;
        table.next = certain.then_some(place + 1);
        certain.then(|| Rows {
            rows: table.rows.rows.get(place).cloned().into_iter().collect(),
            ..Rows::default()
        })
    }

    /// `FETCH NEXT FROM c INTO @a, @b`: the next row, or what any row holds.
    fn fetch(&mut self, into: usize) {
        let origin = self.code.origin(into);
        let known = self.fetched(into);
        let found = known.as_ref().map(|rows| !rows.rows.is_empty());
        self.variables.note_fetch(found, origin);
        if found == Some(false) {
            return;
        }
        let cursor = into.checked_sub(1);
        let rows = known.or_else(|| self.expression(false).table(cursor?));
        let mut at = into + 1;
        for place in 0.. {
            if !self.code.is_variable(at) {
                return;
            }
            let origin = self.code.origin(at);
            let budget = &mut self.found.budget;
            let value = rows.as_ref().and_then(|rows| rows.column(place, budget));
            let value =
                value.unwrap_or_else(|| Folded::from_outside(origin, Taint::DATA, reasons::DATA));
            self.assign(at, value);
            at += 1;
            if !self.code.is(at, ",") {
                return;
            }
            at += 1;
        }
    }

    /// `@x OUTPUT`: a procedure gives the variable a value; of executed text and of xp_sprintf it is known which.
    pub(super) fn output(&mut self, variable: usize) {
        if let Some(value) = self.given_back.remove(&variable) {
            return self.assign(variable, value);
        }
        let called = variable.checked_sub(1).map(|at| self.code.part(at).0);
        let is_format = called.is_some_and(|name| name.eq_ignore_ascii_case("xp_sprintf"));
        if !is_format || !self.code.is(variable + 2, ",") {
            return self.forget(variable);
        }
        let mut arguments = Vec::new();
        let mut at = variable + 2;
        while self.code.is(at, ",") && self.found.budget.spend(Budget::PER_VALUE) {
            let (value, next) = self.fold(Folded::default(), at + 1, true);
            arguments.push(value);
            at = next;
        }
        let call = Call {
            function: Function::Format,
            arguments,
            data_type: DataType::default(),
            origin: self.code.origin(variable),
        };
        let value = call.result(&mut self.found.budget);
        self.assign(variable, value);
    }
}
