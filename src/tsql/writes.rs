//! Which variables a batch may give a value, by what stands beside them alone.

use super::code::Code;
use super::lexer::TokenKind;
use super::variables::{FETCH_STATUS, key};
use super::words::Keyword;
use std::collections::HashSet;

impl Code<'_> {
    /// The variables that anything from `start` on, in bytes, may give a value, as they are compared.
    pub(super) fn written_variables(&self, start: usize) -> HashSet<String> {
        let mut written = HashSet::from([FETCH_STATUS.to_owned()]);
        // What stands in a list, which matters where any list assigns.
        let mut listed = HashSet::new();
        let (mut assigns_lists, mut declares) = (false, false);
        let mut passed = 0..0;
        // The last variable after SET, or in a list after INTO.
        let mut last = None;
        for at in self.first_from(start)..self.len() {
            if let Some(keyword) = self.keyword(at) {
                let goes_on = declares && !keyword.begins_statement();
                declares = keyword == Keyword::Declare || goes_on;
                if keyword == Keyword::Select {
                    assigns_lists |= self.is_variable(self.after_select(at));
                } else if keyword == Keyword::Execute {
                    let call = self.called_and_passed(at);
                    // In plain arguments an equals sign only follows a parameter's name.
                    passed = if self.passes_more(call.clone()) {
                        0..0
                    } else {
                        call
                    };
                }
            } else if self.is(at, ";") {
                declares = false;
            }
            if !self.is_variable(at) {
                continue;
            }
            let is_next = self.follows_comma(at) && at.checked_sub(2) == last;
            if is_next && last.is_some() || self.follows_writer(at) {
                last = Some(at);
            }
            let is_written = declares || last == Some(at) || self.is_assigned(at);
            if self.is_given_back(at) || is_written && !passed.contains(&at) {
                written.insert(key(self.text(at)));
            } else if self.follows_comma(at) && !passed.contains(&at) {
                listed.insert(key(self.text(at)));
            }
        }
        if assigns_lists {
            written.extend(listed);
        }
        written
    }

    /// The first token that begins at `start` or after it.
    fn first_from(&self, start: usize) -> usize {
        let first = (0..self.len()).find(|at| self.range(*at).start >= start);
        first.unwrap_or(self.len())
    }

    fn follows_comma(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|before| self.is(before, ","))
    }

    fn follows_writer(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.keyword(before));
        matches!(before, Some(Keyword::Set | Keyword::Into))
    }

    /// `@x = …`, `@x += …`, `@x.modify(…)`
    fn is_assigned(&self, at: usize) -> bool {
        let is_operator = self.kind(at + 1) == Some(TokenKind::Punctuation);
        self.is(at + 1, "=") || self.is(at + 1, ".") || is_operator && self.is(at + 2, "=")
    }

    fn is_given_back(&self, at: usize) -> bool {
        self.is_word(at + 1, &["output", "out"])
    }
}
