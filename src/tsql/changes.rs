//! Statements that change rows which are followed: UPDATE, DELETE, MERGE, TRUNCATE and DROP of table variables and
//! temporary tables.

use super::expression::Columns;
use super::folded::{Folded, Taint, reasons};
use super::query::Clauses;
use super::rows::Rows;
use super::walk::Walk;
use super::words::Keyword;

/// So far a statement's clauses are looked for.
const FAR: usize = 256;

/// A column that is set: its place, where its new value stands, and whether that replaces the old one.
#[derive(Debug, Clone, Copy)]
struct Set {
    column: usize,
    value: usize,
    replaces: bool,
}

impl Walk<'_, '_> {
    /// UPDATE, DELETE, MERGE, TRUNCATE or DROP at `at`.
    pub(super) fn change_rows(&mut self, at: usize) {
        self.output = None;
        if !self.variables.follows_tables() {
            return;
        }
        let Some(target) = self.target(at) else {
            return;
        };
        let Some(name) = self.followed_table(target) else {
            return;
        };
        match self.code.text(at).to_ascii_lowercase().as_str() {
            "update" => self.update_rows(&name, target),
            "delete" => self.delete_rows(&name, at, target),
            "merge" => self.add_unknown_rows(&name, &[]),
            _ if !self.variables.is_certain() => self.lose_rows(&name),
            "drop" => self.variables.drop_table(&name),
            _ => self.keep_only(&name, |_| Some(false)),
        }
    }

    /// The token of what the statement is about.
    fn target(&self, at: usize) -> Option<usize> {
        let mut target = at + 1;
        if self.code.keyword(target) == Some(Keyword::Top) {
            target = self.code.after_group(target + 1);
            target += usize::from(self.code.is_word(target, &["percent"]));
        }
        while self
            .code
            .is_word(target, &["from", "into", "table", "if", "exists"])
        {
            target += 1;
        }
        let name = self.code.name(target).map(|name| name.last);
        name.or(self.code.is_variable(target).then_some(target))
    }

    /// The name of the table whose rows are followed and which the token names, itself or by an alias.
    fn followed_table(&self, target: usize) -> Option<String> {
        let own = self.code.part(target).0;
        if self.variables.table(own).is_some() {
            return Some(own.to_owned());
        }
        let is_table = |at: &usize| {
            let first = self.code.text(*at).as_bytes().first();
            matches!(first, Some(b'#' | b'@' | b'[' | b'"'))
        };
        let alias_of = |at: &usize| {
            let alias = at + 1 + usize::from(self.code.keyword(at + 1) == Some(Keyword::As));
            let is_alias = self.code.part(alias).0.eq_ignore_ascii_case(own);
            is_alias && self.variables.table(self.code.part(*at).0).is_some()
        };
        let mut tables = self.statement_after(target).filter(is_table);
        let at = tables.find(alias_of)?;
        Some(self.code.part(at).0.to_owned())
    }

    /// The tokens after this one that belong to the statement.
    fn statement_after(&self, at: usize) -> impl Iterator<Item = usize> {
        let goes_on = |at: &usize| {
            let begins = |k: Keyword| k.begins_statement() && k != Keyword::Set;
            *at < self.code.len()
                && self.code.mark(*at) != b';'
                && !self.code.keyword(*at).is_some_and(begins)
        };
        (at + 1..at + FAR).take_while(goes_on)
    }

    /// The first of these words of the statement outside of parentheses.
    fn clause(&self, at: usize, word: &str) -> Option<usize> {
        let mut depth = 0_usize;
        self.statement_after(at).find(|at| {
            depth += usize::from(self.code.is(*at, "("));
            depth = depth.saturating_sub(usize::from(self.code.is(*at, ")")));
            depth == 0 && self.code.is_word(*at, &[word])
        })
    }

    /// Rows may be missing.
    fn lose_rows(&mut self, name: &str) {
        if let Some(table) = self.variables.table_mut(name) {
            table.rows.unsure = table.rows.unsure.or(Some(reasons::ROWS));
        }
    }

    /// Keeps rows of a table by whether they stay; `None`: nobody knows.
    fn keep_only(&mut self, name: &str, stays: impl Fn(usize) -> Option<bool>) {
        let Some(table) = self.variables.table_mut(name) else {
            return;
        };
        let mut place = 0;
        let mut unsure = false;
        table.rows.rows.retain(|_| {
            let stays = stays(place);
            place += 1;
            unsure |= stays.is_none();
            stays != Some(false)
        });
        if unsure || table.rows.repeats {
            table.rows.unsure = table.rows.unsure.or(Some(reasons::ROWS));
        }
    }

    fn delete_rows(&mut self, name: &str, at: usize, target: usize) {
        let limited = self.code.keyword(at + 1) == Some(Keyword::Top);
        if limited || !self.variables.is_certain() {
            return self.lose_rows(name);
        }
        let meant = self.meant_rows(name, target);
        if let Some(rows) = self.variables.table(name).cloned() {
            self.note_output(target, "deleted", rows, &meant);
        }
        self.keep_only(name, |place| {
            let meant = meant.get(place).copied().flatten();
            meant.map(|meant| !meant)
        });
    }

    /// Of each row whether the statement's WHERE holds for it, where that can be told.
    fn meant_rows(&mut self, name: &str, target: usize) -> Vec<Option<bool>> {
        let Some(rows) = self.variables.table(name).cloned() else {
            return Vec::new();
        };
        let filter = self.clause(target, "where");
        // Rows of another table decide.
        let joins = self.clause(target, "from").is_some();
        let mut expression = self.expression(false);
        let meant = (0..rows.rows.len()).map(|place| match filter {
            _ if rows.repeats || joins => None,
            None => Some(true),
            Some(filter) => expression.holds(filter + 1, &rows, place),
        });
        meant.collect()
    }

    fn update_rows(&mut self, name: &str, target: usize) {
        let Some(set) = self.clause(target, "set") else {
            return;
        };
        let Some(rows) = self.variables.table(name).cloned() else {
            return;
        };
        let sets = self.sets(set + 1, &rows);
        let certain = self.variables.is_certain();
        let meant = self.meant_rows(name, target);
        let mut changed = rows.rows.clone();
        for (place, row) in changed.iter_mut().enumerate() {
            let meant = meant.get(place).copied().flatten();
            if meant == Some(false) {
                continue;
            }
            for set in &sets {
                let mut expression = self.expression(false);
                let (value, _) = expression.with(Columns::Row(&rows, place), set.value);
                let Some(cell) = row.get_mut(set.column) else {
                    continue;
                };
                if certain && meant == Some(true) && set.replaces {
                    *cell = value;
                } else {
                    cell.add_alternative(&value, &mut self.found.budget);
                }
                if !set.replaces {
                    cell.open(reasons::ROWS);
                }
            }
        }
        if certain {
            let after = Rows {
                rows: changed.clone(),
                ..rows.clone()
            };
            self.note_output(target, "deleted", rows, &meant);
            self.note_output(target, "inserted", after, &meant);
        }
        if let Some(table) = self.variables.table_mut(name) {
            table.rows.rows = changed;
        }
    }

    /// Notes what the OUTPUT of the statement puts into another table, if it is of these rows alone: of those that are
    /// meant, where that can be told of each.
    fn note_output(&mut self, target: usize, of: &str, mut rows: Rows, meant: &[Option<bool>]) {
        const BOTH: &[&str] = &["deleted", "inserted"];
        let (Some(output), Some(into)) =
            (self.clause(target, "output"), self.clause(target, "into"))
        else {
            return;
        };
        let mut prefixes = (output..into).filter(|at| self.code.is_any(*at, BOTH));
        let are_these = prefixes.all(|at| self.code.is_word(at, &[of]));
        if !are_these || meant.contains(&None) {
            return;
        }
        let mut meant = meant.iter();
        rows.rows.retain(|_| meant.next() == Some(&Some(true)));
        let list = Clauses {
            list: output + 1,
            after_list: into,
            ..Clauses::default()
        };
        let rows = self.expression(false).listed(&list, &rows);
        self.output = Some((into, rows));
    }

    /// The columns that are set from the token at `at` on.
    fn sets(&mut self, mut at: usize, rows: &Rows) -> Vec<Set> {
        let mut sets = Vec::new();
        loop {
            // `@x = column = value`
            let both = self.code.is_variable(at) && self.code.is(at + 1, "=");
            at += if both { 2 } else { 0 };
            let Some(name) = self.code.name(at) else {
                return sets;
            };
            let replaces = self.code.is(name.next, "=");
            let value = name.next + if replaces { 1 } else { 2 };
            if !self.code.is(value - 1, "=") {
                return sets;
            }
            let own = self.code.part(name.last).0;
            let column = rows
                .columns
                .iter()
                .position(|c| c.eq_ignore_ascii_case(own));
            sets.extend(column.map(|column| Set {
                column,
                value,
                replaces,
            }));
            let (_, next) = self.fold(Folded::default(), value, false);
            if !self.code.is(next, ",") {
                return sets;
            }
            at = next + 1;
        }
    }

    /// Rows that a procedure returns, or that another statement puts into a table.
    pub(super) fn add_unknown_rows(&mut self, name: &str, columns: &[String]) {
        let origin = self.code.origin(0);
        let table = self.variables.table(name);
        let known = table.map_or(0, |rows| rows.columns.len());
        let is_empty = table.is_some_and(|rows| rows.rows.is_empty());
        let cell = || Folded::from_outside(origin, Taint::DATA, reasons::DATA);
        let width = if columns.is_empty() {
            known
        } else {
            columns.len()
        };
        let rows = Rows {
            rows: vec![(0..width).map(|_| cell()).collect()],
            unsure: (!is_empty).then_some(reasons::ROWS),
            repeats: is_empty,
            ..Rows::default()
        };
        self.add_rows(name, columns, rows);
    }
}
