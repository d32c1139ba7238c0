//! Where code comes from, and where its bytes were written.

use super::folded::{Folded, Taint};
use super::holes;
use super::lexer::line_continuation;
use super::value::{Kind, Value};
use std::ops::Range;

/// Code that is walked: the source itself, or a part of text that it executes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    Outermost(&'a str),
    Executed {
        text: &'a Value,
        /// Whose holes stand in it.
        taint: Taint,
    },
}

impl<'a> Source<'a> {
    /// One of the values a text may have, executed as one batch.
    pub(super) fn executed(text: &'a Folded, batch: usize) -> Self {
        Self::Executed {
            text: text.value(batch),
            taint: text.taint,
        }
    }

    pub(super) fn code(&self) -> &'a str {
        match self {
            Self::Outermost(code) => code,
            Self::Executed { text, .. } => text.text(),
        }
    }

    /// The byte offset in the outermost source of what stands at `offset`.
    pub(super) fn origin(&self, offset: usize) -> usize {
        match self {
            Self::Outermost(_) => offset,
            Self::Executed { text, .. } => text.origin(offset),
        }
    }

    /// The value of the string literal (or name taken for one) at `range`, and whose holes are in it.
    pub(super) fn literal(&self, range: Range<usize>) -> (Value, Taint) {
        let code = self.code().get(range.clone()).unwrap_or_default();
        let national = matches!(code.as_bytes().first(), Some(b'N' | b'n'));
        let mut value = Value::of_kind(if national { Kind::National } else { Kind::Text });
        self.push_literal(&mut value, range);
        if value.is_exact() {
            return (value, Taint::CLEAN);
        }
        if let Self::Outermost(_) = self {
            return (value.map_holes(|_| holes::WRITTEN), Taint::CLEAN);
        }
        // Outside the literal its delimiter is doubled no longer.
        let quote = code.trim_start_matches(['N', 'n']).chars().next();
        let set = quote.map_or(0, holes::delimiter);
        let value = value.map_holes(|hole| match holes::doubled(hole) {
            Some(has) => holes::hole(has & !set),
            None => hole,
        });
        (value, self.taint())
    }

    /// Whose holes stand in the code.
    pub(super) fn taint(&self) -> Taint {
        match self {
            Self::Outermost(_) => Taint::UNKNOWN,
            Self::Executed { taint, .. } => *taint,
        }
    }

    fn push_literal(&self, out: &mut Value, range: Range<usize>) {
        let bytes = self.code().as_bytes();
        let literal = range.start;
        let prefixed = matches!(bytes.get(literal), Some(b'N' | b'n'));
        let opening = literal + usize::from(prefixed);
        let Some(quote) = bytes.get(opening).copied() else {
            return;
        };
        let quote = if quote == b'[' { b']' } else { quote };
        let mut from = opening + 1;
        let mut at = from;
        while at < range.end {
            let special = |byte: &u8| *byte == quote || *byte == b'\\';
            let rest = bytes.get(at..range.end).unwrap_or_default();
            at += rest.iter().position(special).unwrap_or(rest.len());
            let rest = bytes.get(at..range.end).unwrap_or_default();
            let skipped = match rest {
                [] => break,
                [b'\\', ..] if quote != b']' => line_continuation(rest),
                [first, second, ..] if first == second && *first == quote => 1,
                [first, ..] if *first == quote => break,
                _ => 0,
            };
            match skipped {
                0 => at += 1,
                1 => {
                    self.push_code(out, from..at + 1, literal);
                    at += 2;
                    from = at;
                }
                _ => {
                    self.push_code(out, from..at, literal);
                    at += skipped;
                    from = at;
                }
            }
        }
        self.push_code(out, from..at, literal);
    }

    /// Appends code as it stands; in the outermost source it belongs to the token at `token`.
    pub(super) fn push_code(&self, out: &mut Value, range: Range<usize>, token: usize) {
        match self {
            Self::Outermost(code) => out.push(code.get(range).unwrap_or_default(), token),
            Self::Executed { text, .. } => out.push_part(text, range),
        }
    }

    /// Whether the code in `range` is whole in one literal of the outermost source, or in the source itself.
    pub(super) fn is_one_piece(&self, range: &Range<usize>) -> bool {
        match self {
            Self::Outermost(_) => true,
            Self::Executed { text, .. } => text.is_one_piece(range),
        }
    }

    /// What stands between a name's delimiters, and where that begins. Doubled delimiters are left as they are.
    pub(super) fn name(&self, range: Range<usize>) -> (&'a str, usize) {
        let code = self.code().get(range.clone()).unwrap_or_default();
        let prefix = usize::from(code.starts_with("N'") || code.starts_with("n'"));
        let body = code.get(prefix..).unwrap_or_default();
        let close = match body.as_bytes().first() {
            Some(b'[') => ']',
            Some(b'"') => '"',
            Some(b'\'') => '\'',
            _ => return (code, range.start),
        };
        let inner = body.get(1..).unwrap_or_default();
        let inner = inner.strip_suffix(close).unwrap_or(inner);
        (inner, range.start + prefix + 1)
    }
}
