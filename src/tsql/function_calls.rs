//! Calls of functions: `schema.name(…)` in an expression or a FROM. Which of them are modules only the call graph knows;
//! a column list looks the same and leads nowhere.

use super::code::{Code, Name};
use super::header;
use super::object::{Argument, CallSite};
use super::taint::Taint;
use super::walk::Walk;

/// An argument of which nothing else is known.
fn argument(taint: Taint) -> Argument {
    Argument {
        name: None,
        value: "…".to_owned(),
        is_known: false,
        is_open: true,
        is_tainted: taint.is_tainted(),
        tainted_by: taint,
        is_output: false,
        as_code: None,
    }
}

/// So far arguments are looked through.
pub(super) const MOST_TOKENS: usize = 64;

/// Calls of functions as the code alone tells them.
impl Code<'_> {
    /// The qualified name that ends before the token at `next`.
    fn name_before(&self, next: usize) -> Option<Name> {
        let qualified = |at: usize| at >= 2 && self.is(at - 1, ".") && self.is_part(at);
        let last = next.checked_sub(1)?;
        if !qualified(last) {
            return None;
        }
        let mut first = last - 2;
        if qualified(first) {
            first -= 2;
        }
        self.is_part(first).then_some(Name { first, last, next })
    }

    /// Whether a function is called at the parenthesis and a variable may be passed to it: of whose it is more would
    /// have to be known.
    pub(super) fn passes_variable(&self, open: usize) -> bool {
        if self.name_before(open).is_none() {
            return false;
        }
        let mut depth = 0_usize;
        for at in (open + 1..self.len()).take(MOST_TOKENS) {
            if self.is_variable(at) {
                return true;
            }
            depth += usize::from(self.is(at, "("));
            if self.is(at, ")") {
                if depth == 0 {
                    return false;
                }
                depth -= 1;
            }
        }
        false
    }
}

impl Walk<'_, '_> {
    /// Notes every name of two or three parts that an opening parenthesis follows, a module's own aside.
    pub(super) fn function_calls(&mut self) {
        let mut next = 0;
        while let Some(open) = self.code.next_opening_or_creation(next) {
            next = header::after(self.code, open);
            if self.code.is(open, "(") {
                self.function_call(open);
            }
        }
    }

    /// Notes the name that stands before the parenthesis, if it has two parts or three.
    pub(super) fn function_call(&mut self, open: usize) {
        let Some(name) = self.code.name_before(open) else {
            return;
        };
        let start = self.code.origin(name.first);
        self.found.calls.push(CallSite {
            callee: self.code.parts(name),
            is_function: true,
            how: self.how(&self.code.range(name.last)),
            is_dynamic: self.is_dynamic(),
            is_elsewhere: self.found.is_elsewhere,
            line: 0,
            column: 0,
            span: start..0,
            arguments: self.passed_to_function(open + 1),
        });
    }

    /// What is passed from the token at `at` on, as far as whose it is: columns, and variables as they are in the end.
    fn passed_to_function(&self, mut at: usize) -> Vec<Argument> {
        let end = (at + MOST_TOKENS).min(self.code.len());
        let mut passed = Vec::new();
        let mut taint = Taint::CLEAN;
        let mut depth = 0_usize;
        let mut is_empty = true;
        while at < end {
            let closes = self.code.is(at, ")") && depth == 0;
            if closes || self.code.is(at, ",") && depth == 0 {
                if !is_empty {
                    passed.push(argument(taint));
                }
                if closes {
                    return passed;
                }
                (taint, is_empty) = (Taint::CLEAN, true);
                at += 1;
                continue;
            }
            is_empty = false;
            taint = taint.and(self.taint_of_token(at));
            depth += usize::from(self.code.is(at, "("));
            depth = depth.saturating_sub(usize::from(self.code.is(at, ")")));
            at += 1;
        }
        // Too much to look through: any of the rest.
        passed.push(argument(taint.and(Taint::UNKNOWN)));
        passed
    }

    fn taint_of_token(&self, at: usize) -> Taint {
        if self.code.is_variable(at) {
            let value = self.variables.get(self.variables.at(at));
            return value.map_or(Taint::UNKNOWN, |value| value.taint);
        }
        let is_column = self.code.is_part(at)
            && self.code.keyword(at).is_none()
            && !self.code.is(at + 1, "(")
            && !self.code.is(at + 1, ".");
        match is_column {
            true if self.code.is_hole(at) => self.code.source().taint(),
            true if !self.code.is_word(at, &["default"]) => Taint::DATA,
            _ => Taint::CLEAN,
        }
    }
}
