//! Calls of functions: `schema.name(…)` in an expression or a FROM. Which of them are modules only the call graph knows;
//! a column list looks the same and leads nowhere.

use super::code::Name;
use super::object::CallSite;
use super::walk::Walk;

impl Walk<'_, '_> {
    /// Notes every name of two or three parts that an opening parenthesis follows.
    pub(super) fn function_calls(&mut self) {
        for open in 3..self.code.len() {
            if self.code.is(open, "(")
                && let Some(name) = self.name_before(open)
            {
                let start = self.code.origin(name.first);
                self.found.calls.push(CallSite {
                    callee: self.code.parts(name),
                    is_function: true,
                    how: self.how(&self.code.range(name.last)),
                    line: 0,
                    column: 0,
                    span: start..0,
                    arguments: Vec::new(),
                });
            }
        }
    }

    /// The qualified name that ends before the token at `next`.
    fn name_before(&self, next: usize) -> Option<Name> {
        let qualified = |at: usize| at >= 2 && self.code.is(at - 1, ".") && self.code.is_part(at);
        let last = next - 1;
        if !qualified(last) {
            return None;
        }
        let mut first = last - 2;
        if qualified(first) {
            first -= 2;
        }
        self.code
            .is_part(first)
            .then_some(Name { first, last, next })
    }
}
