//! The message of an error that code raises itself, as its handler reads it.

use super::expression::{Columns, DEEPEST_QUERY, Expression};
use super::folded::Folded;
use super::functions::{Call, Function};
use super::types::DataType;
use super::words::Keyword;

/// So many tokens before ERROR_MESSAGE an error is looked for.
const FAR: usize = 128;

/// What looking at one of them costs of the budget, in bytes.
const PER_TOKEN: usize = 16;

/// RAISERROR takes three arguments and twenty more.
const MOST_ARGUMENTS: usize = 23;

impl Expression<'_, '_> {
    /// The message that THROW or RAISERROR gives the error whose handler the token at `at` is in.
    pub(super) fn raised_before(&mut self, at: usize) -> Option<Folded> {
        let near = || at.saturating_sub(FAR)..at;
        if self.depth >= DEEPEST_QUERY || !self.budget.spend(FAR * PER_TOKEN) {
            return None;
        }
        let is_begin = |at: usize| self.code.keyword(at) == Some(Keyword::Begin);
        let handler = |at: &usize| is_begin(at - 1) && self.code.is_word(*at, &["catch"]);
        let handler = near().skip(1).rev().find(handler)?;
        let raises = |at: &usize| *at < handler && self.code.is_word(*at, &["throw", "raiserror"]);
        let raise = near().rev().find(raises)?;
        if self.code.is_word(raise, &["throw"]) {
            let after_number = self.code.after_argument(raise + 1);
            let has_message = self.code.is(after_number, ",");
            return has_message.then(|| self.inner().with(Columns::None, after_number + 1).0);
        }
        self.code
            .is(raise + 1, "(")
            .then(|| self.formatted(raise + 2))
    }

    /// The message of RAISERROR, whose first argument is at `at`, with what stands behind severity and state put in.
    fn formatted(&mut self, at: usize) -> Folded {
        let origin = self.code.origin(at);
        let mut arguments = Vec::new();
        let mut next = at;
        loop {
            let (value, end) = self.inner().with(Columns::None, next);
            arguments.push(value);
            next = end + 1;
            if !self.code.is(end, ",") || arguments.len() > MOST_ARGUMENTS {
                break;
            }
        }
        let has_level = arguments.len() > 2;
        arguments.drain(1..if has_level { 3 } else { arguments.len() });
        let call = Call {
            function: Function::Format,
            arguments,
            data_type: DataType::default(),
            origin,
        };
        call.result(self.budget)
    }
}
