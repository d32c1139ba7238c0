//! Text that code builds: what is known of it, where each piece of it was written, and where it has holes.

use super::lexer::{HOLE, line_continuation};
use std::ops::Range;

const HOLE_TEXT: &str = "\u{FFFC}";

/// How many bytes may be copied or walked again while one text is judged: linear in it, so that variables that
/// double at each step and code that executes a long value again and again end.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    const PER_BYTE: usize = 8;
    /// What the handling of a value costs besides its bytes.
    pub(super) const PER_VALUE: usize = 64;
    /// Small modules may execute the same value many times.
    const AT_LEAST: usize = 1 << 20;

    pub(super) fn for_text(text: &str) -> Self {
        Self {
            left: text
                .len()
                .saturating_mul(Self::PER_BYTE)
                .saturating_add(Self::AT_LEAST),
        }
    }

    /// For one of many texts: beyond what its length allows it may take no more than `shared`.
    pub(super) fn sharing(length: usize, shared: usize) -> Self {
        Self {
            left: length
                .saturating_mul(Self::PER_BYTE)
                .saturating_add(Self::AT_LEAST.min(shared)),
        }
    }

    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Takes `bytes`; false, and nothing more to take ever, when there are not as many left.
    pub(super) fn spend(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

/// Whether a parameter of the module, or data it reads, is in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Taint {
    #[default]
    Clean,
    /// It cannot be told: what a procedure put into it, or what nobody assigned.
    Unknown,
    Tainted,
}

/// Text from `start` on was written at `origin`, a byte offset in the outermost source: that of the literal, or
/// of the operand that is a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    start: usize,
    origin: usize,
}

/// A value of text type. It may stand for several: alternatives follow each other, each from its own offset.
#[derive(Debug, Clone, Default)]
pub(super) struct Folded {
    value: String,
    pieces: Vec<Piece>,
    /// Where the alternatives after the first begin.
    alternatives: Vec<usize>,
    /// Whether the value may be something that is not spelt out here.
    open: bool,
    /// Why it is open: what made it so first.
    reason: Option<&'static str>,
    taint: Taint,
}

/// As much of a value is shown, in bytes.
const LONGEST_SHOWN: usize = 4096;

impl Folded {
    /// A value of which nothing is known.
    pub(super) fn unknown(origin: usize) -> Self {
        Self::from_outside(origin, Taint::Unknown, "a value from elsewhere")
    }

    /// A value of which nothing is known but where it comes from.
    pub(super) fn from_outside(origin: usize, taint: Taint, reason: &'static str) -> Self {
        let mut value = Self::default();
        value.taint = taint;
        value.reason = Some(reason);
        value.push_hole(origin);
        value
    }

    /// Whether some of the text that would be executed as code cannot be read.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Why the value is open, as can be said to a reader.
    pub(super) fn reason(&self) -> Option<&'static str> {
        self.reason.filter(|_| self.open)
    }

    /// Whether a parameter of the module, or data it reads, is in the value; `None` where that cannot be told.
    pub(super) fn taint(&self) -> Option<bool> {
        match self.taint {
            Taint::Clean => Some(false),
            Taint::Unknown => None,
            Taint::Tainted => Some(true),
        }
    }

    /// The first of the values this may have, holes as `…`, cut after a few KB.
    pub(super) fn shown(&self) -> String {
        let first = self.batches().next().unwrap_or(0..0);
        let mut shown = String::new();
        for character in self.slice(first).chars() {
            if shown.len() >= LONGEST_SHOWN {
                shown.push('…');
                break;
            }
            shown.push(if character == HOLE { '…' } else { character });
        }
        shown
    }

    pub(super) fn open(&mut self) {
        self.open = true;
    }

    /// Whether both spell the same values.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.value == other.value
            && self.alternatives == other.alternatives
            && self.open == other.open
    }

    pub(super) fn len(&self) -> usize {
        self.value.len()
    }

    /// The text from `start` on.
    pub(super) fn tail(&self, start: usize) -> &str {
        self.value.get(start..).unwrap_or_default()
    }

    pub(super) fn slice(&self, range: Range<usize>) -> &str {
        self.value.get(range).unwrap_or_default()
    }

    /// Each alternative's range.
    pub(super) fn batches(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let ends = self.alternatives.iter().copied().chain([self.len()]);
        let starts = [0].into_iter().chain(self.alternatives.iter().copied());
        starts.zip(ends).map(|(start, end)| start..end)
    }

    pub(super) fn has_alternatives(&self) -> bool {
        !self.alternatives.is_empty()
    }

    fn piece_at(&self, offset: usize) -> usize {
        let after = self.pieces.partition_point(|piece| piece.start <= offset);
        after.saturating_sub(1)
    }

    /// Where the character at `offset` was written.
    pub(super) fn origin(&self, offset: usize) -> usize {
        let piece = self.pieces.get(self.piece_at(offset));
        piece.map_or(0, |piece| piece.origin)
    }

    /// Whether the text in `range` was written in one piece.
    pub(super) fn is_one_piece(&self, range: &Range<usize>) -> bool {
        self.piece_at(range.start) == self.piece_at(range.end.saturating_sub(1))
    }

    pub(super) fn push(&mut self, text: &str, origin: usize) {
        if text.is_empty() {
            return;
        }
        if self.pieces.last().is_none_or(|last| last.origin != origin) {
            let start = self.len();
            self.pieces.push(Piece { start, origin });
        }
        self.value.push_str(text);
    }

    /// Appends text that is not known.
    pub(super) fn push_hole(&mut self, origin: usize) {
        self.open = true;
        if !self.value.ends_with(HOLE) {
            self.push(HOLE_TEXT, origin);
        }
    }

    /// Appends the part of `other` in `range`, each piece with its own origin.
    fn push_part(&mut self, other: &Self, range: Range<usize>) {
        let mut at = range.start;
        let mut piece = other.piece_at(at);
        while at < range.end {
            let next = other.pieces.get(piece + 1);
            let end = next.map_or(range.end, |next| next.start.min(range.end));
            let origin = other.pieces.get(piece).map_or(0, |piece| piece.origin);
            self.push(other.slice(at..end), origin);
            at = end;
            piece += 1;
        }
    }

    /// Appends a value. Alternatives are not multiplied out: where there are some already, what follows them is
    /// set off by a hole, and the whole is open.
    pub(super) fn append(&mut self, other: &Self) {
        if other.value.is_empty() && !other.has_alternatives() {
            return;
        }
        let origin = other.origin(0);
        let alone = self.value.is_empty() && !self.has_alternatives();
        if self.has_alternatives() {
            self.push_hole(origin);
        }
        if other.has_alternatives() && !alone {
            self.open = true;
        }
        let base = self.len();
        let begins = other.alternatives.iter().map(|start| base + start);
        self.alternatives.extend(begins);
        self.push_part(other, 0..other.len());
        self.open |= other.open;
        self.reason = self.reason.or(other.reason);
        self.taint = self.taint.max(other.taint);
    }

    /// Makes `other` one more value this may have.
    pub(super) fn add_alternative(&mut self, other: &Self) {
        self.open |= other.open;
        self.reason = self.reason.or(other.reason);
        self.taint = self.taint.max(other.taint);
        if self.value == other.value && self.alternatives == other.alternatives {
            return;
        }
        let base = self.len();
        self.alternatives.push(base);
        let begins = other.alternatives.iter().map(|start| base + start);
        self.alternatives.extend(begins);
        self.push_part(other, 0..other.len());
    }

    /// Drops everything from `length` on.
    pub(super) fn truncate(&mut self, length: usize) {
        self.value.truncate(length);
        while self.pieces.last().is_some_and(|last| last.start >= length) {
            self.pieces.pop();
        }
        while self.alternatives.last().is_some_and(|last| *last > length) {
            self.alternatives.pop();
        }
    }

    /// Turns the text from `start` on backwards; it is one piece afterwards.
    pub(super) fn reverse_tail(&mut self, start: usize) {
        let reversed: String = self.tail(start).chars().rev().collect();
        let origin = self.origin(start);
        self.truncate(start);
        self.push(&reversed, origin);
    }
}

/// Code that is walked: the source itself, or a part of text that it executes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    Outermost(&'a str),
    Executed {
        text: &'a Folded,
        base: usize,
        code: &'a str,
    },
}

impl<'a> Source<'a> {
    /// The part of a value that is executed as one batch.
    pub(super) fn executed(text: &'a Folded, batch: Range<usize>) -> Self {
        Self::Executed {
            text,
            base: batch.start,
            code: text.slice(batch),
        }
    }

    pub(super) fn code(&self) -> &'a str {
        match self {
            Self::Outermost(code) | Self::Executed { code, .. } => code,
        }
    }

    /// The byte offset in the outermost source of what stands at `offset`.
    pub(super) fn origin(&self, offset: usize) -> usize {
        match self {
            Self::Outermost(_) => offset,
            Self::Executed { text, base, .. } => text.origin(base + offset),
        }
    }

    /// Appends to `out` the value of the string literal (or name taken for one) at `range`.
    pub(super) fn push_literal(&self, out: &mut Folded, range: Range<usize>) {
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
    pub(super) fn push_code(&self, out: &mut Folded, range: Range<usize>, token: usize) {
        match self {
            Self::Outermost(code) => out.push(code.get(range).unwrap_or_default(), token),
            Self::Executed { text, base, .. } => {
                out.push_part(text, base + range.start..base + range.end);
            }
        }
    }

    /// Whether the code in `range` is whole in one literal of the outermost source, or in the source itself.
    pub(super) fn is_one_piece(&self, range: &Range<usize>) -> bool {
        match self {
            Self::Outermost(_) => true,
            Self::Executed { text, base, .. } => {
                text.is_one_piece(&(base + range.start..base + range.end))
            }
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
