//! Names that a query reads from the server's own catalog, as far as its WHERE tells which they are: equal to a constant,
//! or like one.

use super::expression::{Columns, Expression};
use super::folded::{Folded, Taint, reasons};
use super::procedures;
use super::query::Clauses;
use super::rows::Rows;
use super::value::{Kind, Value};
use super::words::Keyword;

/// Columns that hold an object's name.
const COLUMNS: &[&str] = &["name", "routine_name", "specific_name"];

/// Where the server's own procedures are listed.
const LISTS: &[&str] = &[
    "all_objects",
    "extended_procedures",
    "objects",
    "sysobjects",
    "system_objects",
];

/// A pattern that fits more of them singles out none.
const FEW: usize = 4;

/// No name is longer, in characters.
const LONGEST_NAME: usize = 128;

impl Expression<'_, '_> {
    /// Gives the row that stands for those of the catalog the name that the WHERE lets through.
    pub(super) fn name_meant(&mut self, source: &mut Rows, clauses: &Clauses) {
        let (Some(from), Some(filter)) = (clauses.from, clauses.filter) else {
            return;
        };
        if self.joins(from, clauses.after_from) {
            // Whose name it is would have to be told.
            return;
        }
        let lists_procedures =
            (from..clauses.after_from).any(|at| LISTS.contains(&self.plain_name(at).as_str()));
        for at in self.conjuncts(filter + 1, clauses.end) {
            let Some((column, mut value)) = self.name_in(at, lists_procedures) else {
                continue;
            };
            // A catalog's names are sysname.
            value = value.map(|value| value.of(Kind::National));
            source.columns = vec![column];
            source.rows = vec![vec![value]];
            if !source.rows.iter().flatten().any(Folded::has_more) {
                return;
            }
        }
    }

    fn joins(&self, from: usize, end: usize) -> bool {
        (from..end).any(|at| self.code.is_word(at, &["join", "apply"]) || self.code.is(at, ","))
    }

    /// Where the conditions begin that must all hold for the whole one at `at`.
    fn conjuncts(&mut self, mut at: usize, end: usize) -> Vec<usize> {
        let mut begins = vec![at];
        let mut depth = 0_usize;
        if !self.budget.spend(end.saturating_sub(at)) {
            return Vec::new();
        }
        while at < end {
            match self.code.keyword(at) {
                Some(Keyword::Case) => depth += 1,
                Some(Keyword::End) => depth = depth.saturating_sub(1),
                _ if self.code.is(at, "(") => depth += 1,
                _ if self.code.is(at, ")") => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                Some(Keyword::Clause) => break,
                Some(_) if self.code.is_word(at, &["or"]) => return Vec::new(),
                Some(_) if self.code.is_word(at, &["and"]) => begins.push(at + 1),
                _ => {}
            }
            at += 1;
        }
        begins
    }

    /// The column and the names that it holds where the condition at `at` does, if that compares one with a constant.
    fn name_in(&mut self, at: usize, lists_procedures: bool) -> Option<(String, Folded)> {
        let column = |this: &Self, at: usize| {
            let name = this.code.name(at)?;
            let own = this.plain_name(name.last);
            let collate = this.code.keyword(name.next) == Some(Keyword::Collate);
            let next = name.next + if collate { 2 } else { 0 };
            COLUMNS.contains(&own.as_str()).then_some((own, next))
        };
        let Some((name, operator)) = column(self, at) else {
            // `'constant' = name`
            let (value, operator) = self.with(Columns::Condition, at);
            let (name, next) =
                column(self, operator + 1).filter(|_| self.code.is(operator, "="))?;
            return (self.ends_comparison(next) && is_exact(&value)).then_some((name, value));
        };
        let value = if self.code.is(operator, "=") {
            self.compared(operator + 1)?
        } else if self.code.is_word(operator, &["in"]) && self.code.is(operator + 1, "(") {
            self.one_of(operator + 2)?
        } else if lists_procedures && self.code.is_word(operator, &["like"]) {
            let pattern = self.compared(operator + 1)?;
            self.own_procedures(pattern.only()?)?
        } else {
            return None;
        };
        Some((name, value))
    }

    /// The constant at `at` that a comparison ends with.
    fn compared(&mut self, at: usize) -> Option<Folded> {
        let (value, next) = self.with(Columns::Condition, at);
        (self.ends_comparison(next) && is_exact(&value)).then_some(value)
    }

    /// `'a', 'b')`
    fn one_of(&mut self, at: usize) -> Option<Folded> {
        let (mut all, mut next) = self.with(Columns::Condition, at);
        while self.code.is(next, ",") {
            let (value, after) = self.with(Columns::Condition, next + 1);
            all.add_alternative(&value, self.budget);
            next = after.max(next + 1);
        }
        let ends = self.code.is(next, ")") && self.ends_comparison(next + 1);
        (ends && is_exact(&all)).then_some(all)
    }

    fn ends_comparison(&self, at: usize) -> bool {
        self.code.is_word(at, &["and"]) || self.ends_condition(at)
    }

    /// The server's procedures that fit a pattern, where they are few; there may be others that do.
    fn own_procedures(&mut self, pattern: &Value) -> Option<Folded> {
        let marks: Vec<char> = pattern.text().chars().collect();
        let cost = marks.len() * procedures::names().count();
        if marks.len() > LONGEST_NAME || !self.budget.spend(cost) {
            return None;
        }
        let fitting: Vec<&str> = procedures::names()
            .filter(|name| is_like(name, &marks))
            .collect();
        let origin = pattern.origin(0);
        let value = |name: &str| Folded::from(Value::made(name, Kind::National, origin));
        let mut all = value(fitting.first().filter(|_| fitting.len() <= FEW)?);
        for name in fitting.iter().skip(1) {
            all.add_alternative(&value(name), self.budget);
        }
        all.taint = Taint::DATA;
        all.open(reasons::DATA);
        Some(all)
    }
}

/// Whether all letters of what a name is equal to are known; of those of ASCII alone all collations think alike.
fn is_exact(value: &Folded) -> bool {
    let is_exact = |value: &Value| {
        let text = value.text();
        value.kind.is_text() && value.is_exact() && text.is_ascii() && !text.ends_with(' ')
    };
    !value.has_more() && !value.loose && value.values().iter().all(|value| is_exact(value))
}

/// Whether a name, in lower case, fits a pattern of LIKE.
fn is_like(name: &str, pattern: &[char]) -> bool {
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut mark) = (0, 0);
    let mut again = None;
    while let Some(character) = name.get(at) {
        if pattern.get(mark) == Some(&'%') {
            mark += 1;
            again = Some((at, mark));
        } else if let Some(next) = fits(*character, pattern, mark) {
            (at, mark) = (at + 1, next);
        } else if let Some((from, after)) = again {
            (at, mark) = (from + 1, after);
            again = Some((at, mark));
        } else {
            return false;
        }
    }
    pattern.iter().skip(mark).all(|mark| *mark == '%')
}

/// What follows the mark of a pattern at `at`, if a character fits it.
fn fits(character: char, pattern: &[char], at: usize) -> Option<usize> {
    let rest = pattern.get(at..)?;
    let [mark, set @ ..] = rest else {
        return None;
    };
    if *mark != '[' {
        let same = *mark == '_' || mark.to_ascii_lowercase() == character;
        return same.then_some(at + 1);
    }
    let end = set.iter().position(|mark| *mark == ']')?;
    let set = set.get(..end)?;
    let (is_without, set) = match set {
        ['^', set @ ..] => (true, set),
        set => (false, set),
    };
    let is_in = set.contains(&character)
        || set.contains(&character.to_ascii_uppercase())
        || set.windows(3).any(
            |range| matches!(range, [first, '-', last] if (*first..=*last).contains(&character)),
        );
    (is_in != is_without).then_some(at + 1 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn names_fit_patterns() {
        for (pattern, fits) in [
            ("xp_cmdshell", true),
            ("XP[_]CMD%", true),
            ("xp_cmdshel_", true),
            ("%cmd%ll", true),
            ("[a-z]p[^a]cmdshell%", true),
            ("%", true),
            ("xp_cmdshell_", false),
            ("xp_cmdshel", false),
            ("[^x]%", false),
            ("xp[", false),
            ("", false),
        ] {
            let marks: Vec<char> = pattern.chars().collect();
            assert_eq!(is_like("xp_cmdshell", &marks), fits, "{pattern}");
        }
    }
}
