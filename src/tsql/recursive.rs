//! Common tables that are made of themselves: followed round by round, as long as every row is known.

use super::folded::reasons;
use super::query::Clauses;
use super::rows::Rows;
use super::value::Value;
use super::walk::Walk;
use super::words::Keyword;

/// So many rounds are followed: texts that are decoded are no longer, in characters.
const MOST_ROUNDS: usize = 1000;

/// One query takes no more than this part of the budget, so that one that only counts leaves enough for the rest.
const SHARE: usize = 4;

/// What reading a token of the query once more costs.
const PER_TOKEN: usize = 4;

impl Walk<'_, '_> {
    /// The rows of the common table `name`, whose first SELECT is at `select`, and the token after its query.
    pub(super) fn common_rows(
        &mut self,
        name: &str,
        columns: &[String],
        select: usize,
    ) -> (Rows, usize) {
        let recursive = self.recursive_part(name, select);
        let known = recursive.and_then(|part| self.recursive_rows(name, columns, select, part));
        if recursive.is_some() {
            // What it was in the last round, or in another query, it is no longer.
            self.variables.drop_table(name);
        }
        if let (Some(rows), Some(part)) = (known, recursive) {
            return (rows, Clauses::find(self.code, part).end);
        }
        let (mut rows, next) = self.expression(false).rows(select);
        if !columns.is_empty() {
            rows.columns = columns.to_vec();
        }
        (rows, next)
    }

    /// The part of a UNION ALL that reads the table which it is a part of.
    fn recursive_part(&mut self, name: &str, select: usize) -> Option<usize> {
        let mut part = select;
        loop {
            let clauses = Clauses::find(self.code, part);
            if !self.found.budget.spend(clauses.end - part) {
                return None;
            }
            let is_name = |at: usize| self.code.part(at).0.eq_ignore_ascii_case(name);
            if clauses
                .from
                .is_some_and(|from| (from..clauses.after_from).any(is_name))
            {
                return Some(part);
            }
            part = clauses.union?;
            if self.code.keyword(part) != Some(Keyword::Select) {
                return None;
            }
        }
    }

    /// All rows, where each round's are exactly known, and one has none.
    fn recursive_rows(
        &mut self,
        name: &str,
        columns: &[String],
        select: usize,
        recursive: usize,
    ) -> Option<Rows> {
        let mut all = Rows::default();
        let mut part = select;
        while part != recursive {
            let clauses = Clauses::find(self.code, part);
            all.extend(self.part_of_union(&clauses)?);
            part = clauses.union?;
        }
        if !columns.is_empty() {
            all.columns = columns.to_vec();
        }
        let clauses = Clauses::find(self.code, recursive);
        let mut in_order = all.rows.len() == 1;
        let mut last = all.clone();
        let floor = self.found.budget.left() / SHARE * (SHARE - 1);
        for _ in 0..MOST_ROUNDS {
            last.columns.clone_from(&all.columns);
            self.variables.keep_rows(name, last);
            last = self
                .part_of_union(&clauses)
                .filter(|_| clauses.union.is_none())?;
            if last.rows.is_empty() {
                all.unsure = (!in_order).then_some(reasons::ORDER);
                return Some(all);
            }
            in_order &= last.rows.len() == 1;
            all.extend(last.clone());
            if all.more.is_some() || self.found.budget.left() < floor {
                return None;
            }
        }
        None
    }

    /// The rows of a part of a UNION ALL, where each is exactly known.
    fn part_of_union(&mut self, clauses: &Clauses) -> Option<Rows> {
        let chooses = clauses.is_distinct || clauses.aggregates || clauses.group.is_some();
        let cost = (clauses.end - clauses.list) * PER_TOKEN;
        if chooses || clauses.top.is_some() || !self.found.budget.spend(cost) {
            return None;
        }
        let mut expression = self.expression(false);
        let source = expression.source_of(clauses);
        let rows = expression.listed(clauses, &source);
        let is_sure = rows.more.is_none() && rows.unsure.is_none() && !rows.repeats;
        let mut cells = rows.rows.iter().flatten();
        let is_known = cells.all(|cell| cell.only().is_some_and(Value::is_exact));
        (is_sure && is_known).then_some(rows)
    }
}
