//! Whether a batch may give a variable a value, by what stands beside the variable alone.

use super::code::Code;
use super::lexer::TokenKind;
use super::variables::key;
use super::words::Keyword;
use std::collections::BTreeSet;
use std::ops::Range;

impl Code<'_> {
    /// Whether anything from `start` on, in bytes, may give one of the variables a value. In `arguments`, which are in
    /// order, an equals sign only follows a parameter's name.
    pub(super) fn may_write(
        &self,
        variables: &BTreeSet<String>,
        start: usize,
        arguments: &[Range<usize>],
    ) -> bool {
        let lists = self.assigns_in_lists();
        let mut arguments = arguments.iter().peekable();
        let mut declares = false;
        for at in 0..self.len() {
            let place = self.range(at).start;
            if let Some(keyword) = self.keyword(at) {
                let goes_on = declares && !keyword.begins_statement();
                declares = keyword == Keyword::Declare || goes_on;
            } else if self.is(at, ";") {
                declares = false;
            }
            if place < start || !self.is_variable(at) || !variables.contains(&key(self.text(at))) {
                continue;
            }
            while arguments.next_if(|range| range.end <= place).is_some() {}
            let is_passed = arguments.peek().is_some_and(|range| range.contains(&place));
            let is_listed = lists && self.follows_comma(at);
            let is_written =
                declares || is_listed || self.follows_writer(at) || self.is_assigned(at);
            if self.is_given_back(at) || !is_passed && is_written {
                return true;
            }
        }
        false
    }

    /// Whether any query assigns variables.
    fn assigns_in_lists(&self) -> bool {
        let assigns = |at: usize| {
            self.keyword(at) == Some(Keyword::Select) && self.is_variable(self.after_select(at))
        };
        (0..self.len()).any(assigns)
    }

    fn follows_comma(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|before| self.is(before, ","))
    }

    /// After SET, or in a list after INTO.
    fn follows_writer(&self, mut at: usize) -> bool {
        while at >= 2 && self.follows_comma(at) && self.is_variable(at - 2) {
            at -= 2;
        }
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
