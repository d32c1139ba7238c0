//! Rows that executed text returns, for INSERT … EXEC: those of queries that are known.

use super::code::Code;
use super::expression::{Columns, Expression};
use super::folded::{Folded, Source};
use super::names::folded;
use super::rows::Rows;
use super::variables::Variables;
use super::walk::Walk;
use super::words::Keyword;

/// What reading a byte of the text costs.
const PER_BYTE: usize = 4;

impl Walk<'_, '_> {
    /// The rows that the EXEC at `at` returns.
    pub(super) fn returned_rows(&mut self, at: usize) -> Option<Rows> {
        if self.code.keyword(at) != Some(Keyword::Execute) {
            return None;
        }
        let text = if self.code.is(at + 1, "(") {
            let elsewhere = self.code.after_group(at + 1);
            if self.code.is_word(elsewhere, &["at"]) {
                return None;
            }
            at + 2
        } else {
            let name = self.code.name(at + 1)?;
            let is_executor = folded(self.code.part(name.last).0) == "sp_executesql";
            let is_named = self.code.is_variable(name.next) && self.code.is(name.next + 1, "=");
            is_executor.then_some(name.next + if is_named { 2 } else { 0 })?
        };
        let (text, _) = self.fold(Folded::default(), text, true);
        self.queried(&text)
    }

    /// The rows of a text that is nothing but queries.
    fn queried(&mut self, text: &Folded) -> Option<Rows> {
        text.only().filter(|text| text.is_exact())?;
        if !self.found.budget.spend(text.len() * PER_BYTE) {
            return None;
        }
        let code = Code::lex(Source::executed(text, 0), self.found.quoted_identifier);
        // It sees none of the variables that are here.
        let mut variables = Variables::default();
        variables.number_tokens(&code);
        let mut all: Option<Rows> = None;
        let mut at = 0;
        while at < code.len() {
            if code.is(at, ";") {
                at += 1;
                continue;
            }
            let query = Expression {
                code: &code,
                variables: &variables,
                budget: &mut self.found.budget,
                names_are_text: false,
                columns: Columns::None,
                depth: 0,
            };
            if !returns_rows(&code, at) {
                return None;
            }
            let (rows, next) = query.rows(at);
            if (at..next).any(|at| code.keyword(at) == Some(Keyword::Into)) {
                return None;
            }
            match &mut all {
                Some(all) => all.extend(rows),
                None => all = Some(rows),
            }
            at = next.max(at + 1);
        }
        all
    }
}

/// Whether a query begins at `at`, and assigns nothing.
fn returns_rows(code: &Code, at: usize) -> bool {
    let first = code.after_select(at);
    code.keyword(at) == Some(Keyword::Select) && !code.is_variable(first)
}
