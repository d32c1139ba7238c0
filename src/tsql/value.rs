//! One value that code builds: its text, where each piece of it was written, and what kind of value it is.

use super::decode;
use super::holes::{self, HOLE, NUMBER_HOLE};
use super::lexer::{Lexer, Token, TokenKind};
use smallvec::SmallVec;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::iter;
use std::ops::Range;

/// What a value is, as far as operators and conversions tell values apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Kind {
    Null,
    /// The text is hexadecimal digits, two for a byte.
    Binary,
    /// varchar
    #[default]
    Text,
    /// nvarchar
    National,
    Xml,
    /// An element of XML, at which paths begin: a row of nodes().
    Node,
    /// A column's, or a function's of which nothing is known.
    Other,
    /// The text is a whole number's, or a hole for one.
    Integer,
    /// The text is another number's, a date's or the like.
    Numeric,
}

impl Kind {
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::National)
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Numeric)
    }
}

/// Text from `start` on was written at `origin`, a byte offset in the outermost source: that of the literal, or
/// of the operand that is a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    start: usize,
    origin: usize,
    /// Whether the text is not spelt like this there, but made of what is.
    made: bool,
}

/// A text and its pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Value {
    text: String,
    /// Of a literal one.
    pieces: SmallVec<[Piece; 1]>,
    pub(super) kind: Kind,
    /// Of a number that is not known: which text's length it is.
    pub(super) measure: Option<Measure>,
}

/// The length of a text that is not known, and some more or less: by it a text is cut at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measure {
    /// Of the text.
    fingerprint: u64,
    pub(super) more: i64,
}

impl Measure {
    pub(super) fn of(text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self {
            fingerprint: hasher.finish(),
            more: 0,
        }
    }

    /// How much more than the length of this text it is, if it is this text's.
    pub(super) fn beyond(self, text: &str) -> Option<i64> {
        (Self::of(text).fingerprint == self.fingerprint).then_some(self.more)
    }

    pub(super) fn plus(self, more: i64) -> Option<Self> {
        let more = self.more.checked_add(more)?;
        Some(Self { more, ..self })
    }
}

impl Value {
    pub(super) const EMPTY: Self = Self {
        text: String::new(),
        pieces: SmallVec::new_const(),
        kind: Kind::Text,
        measure: None,
    };

    pub(super) fn null() -> Self {
        Self::of_kind(Kind::Null)
    }

    pub(super) fn of_kind(kind: Kind) -> Self {
        Self {
            kind,
            ..Self::default()
        }
    }

    pub(super) fn hole(hole: char, kind: Kind, origin: usize) -> Self {
        let mut value = Self::of_kind(kind);
        value.push(hole.encode_utf8(&mut [0; 4]), origin);
        value
    }

    /// A number of which nothing else is known.
    pub(super) fn number(kind: Kind, origin: usize) -> Self {
        Self::hole(NUMBER_HOLE, kind, origin)
    }

    /// The length of a text that is not known, or some more or less than it.
    pub(super) fn measuring(measure: Option<Measure>, origin: usize) -> Self {
        Self {
            measure,
            ..Self::number(Kind::Integer, origin)
        }
    }

    pub(super) fn integer(number: i64, origin: usize) -> Self {
        Self::made(&number.to_string(), Kind::Integer, origin)
    }

    /// `0x…`, which a backslash may continue on the next line.
    pub(super) fn of_digits(text: &str, origin: usize) -> Self {
        let digits = text.get(2..).unwrap_or_default();
        let digits: String = digits.chars().filter(char::is_ascii_hexdigit).collect();
        let padding = if digits.len() % 2 == 1 { "0" } else { "" };
        Self::made(&format!("{padding}{digits}"), Kind::Binary, origin)
    }

    /// Text that is decoded from what is written at `origin`: no character in it is a hole.
    pub(super) fn decoded(text: &str, kind: Kind, origin: usize) -> Self {
        Self::made(&holes::map_holes(text, |_| holes::WRITTEN), kind, origin)
    }

    /// Text that is made of what is written at `origin`.
    pub(super) fn made(text: &str, kind: Kind, origin: usize) -> Self {
        let mut value = Self::of_kind(kind);
        value.put(text, origin, true, false);
        value
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether all of the text is known.
    pub(super) fn is_exact(&self) -> bool {
        !holes::has_holes(&self.text)
    }

    /// Whether the text is digits and holes for numbers.
    pub(super) fn is_numeric(&self) -> bool {
        let numeric =
            |c: char| c == NUMBER_HOLE || c.is_ascii_digit() || matches!(c, '-' | '.' | ' ');
        !self.text.is_empty() && self.text.chars().all(numeric)
    }

    /// The whole number that the value is, or is converted to where one is needed.
    pub(super) fn as_integer(&self) -> Option<i64> {
        match self.kind {
            Kind::Null => None,
            Kind::Binary => {
                let digits = self.text.len().saturating_sub(16);
                let low = self.text.get(digits..)?;
                let number = u64::from_str_radix(low, 16).ok()?;
                // The bytes are those of a signed number.
                Some(if low.len() <= 8 {
                    i64::from(u32::try_from(number).ok()?.cast_signed())
                } else {
                    number.cast_signed()
                })
            }
            _ => self.text.trim_matches(' ').parse().ok(),
        }
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

    /// Whether the text in `range` was written in one piece as it stands.
    pub(super) fn is_one_piece(&self, range: &Range<usize>) -> bool {
        let first = self.piece_at(range.start);
        first == self.piece_at(range.end.saturating_sub(1))
            && self.pieces.get(first).is_none_or(|piece| !piece.made)
    }

    fn put(&mut self, text: &str, origin: usize, made: bool, apart: bool) {
        if text.is_empty() {
            return;
        }
        let goes_on = |last: &Piece| !apart && last.origin == origin && last.made == made;
        if !self.pieces.last().is_some_and(goes_on) {
            let start = self.len();
            self.pieces.push(Piece {
                start,
                origin,
                made,
            });
        }
        self.text.push_str(text);
    }

    pub(super) fn push(&mut self, text: &str, origin: usize) {
        self.put(text, origin, false, false);
    }

    /// Appends text that is not known.
    pub(super) fn push_hole(&mut self, origin: usize) {
        if !self.text.ends_with(HOLE) {
            self.push(HOLE.encode_utf8(&mut [0; 4]), origin);
        }
    }

    /// Appends the part of `other` in `range`, each piece with its own origin, `apart` from what is there or going
    /// on with it.
    fn put_part(&mut self, other: &Self, range: Range<usize>, mut apart: bool) {
        let mut at = range.start;
        let mut index = other.piece_at(at);
        while at < range.end {
            let next = other.pieces.get(index + 1);
            let end = next.map_or(range.end, |next| next.start.min(range.end));
            if let (Some(piece), Some(text)) = (other.pieces.get(index), other.text.get(at..end)) {
                self.put(text, piece.origin, piece.made, apart);
            }
            apart = true;
            at = end.max(at + 1);
            index += 1;
        }
    }

    /// Appends the part of `other` in `range`, as text that was next to what is there already.
    pub(super) fn push_part(&mut self, other: &Self, range: Range<usize>) {
        self.put_part(other, range, false);
    }

    /// A copy that has room for another text after it.
    pub(super) fn copied_before(&self, other: &Self) -> Self {
        let mut text = String::with_capacity(self.len() + other.len());
        text.push_str(&self.text);
        let mut pieces = SmallVec::with_capacity(self.pieces.len() + other.pieces.len());
        pieces.extend_from_slice(&self.pieces);
        Self {
            text,
            pieces,
            ..*self
        }
    }

    /// Appends another text, which was not next to what is there.
    pub(super) fn append(&mut self, other: &Self) {
        self.put_part(other, 0..other.len(), true);
    }

    /// Appends a part of another text, which was not next to what is there.
    pub(super) fn append_part(&mut self, other: &Self, range: Range<usize>) {
        self.put_part(other, range, true);
    }

    /// The part in `range` as a value of the same kind.
    pub(super) fn part(&self, range: Range<usize>) -> Self {
        let mut part = Self::of_kind(self.kind);
        part.put_part(self, range, true);
        part
    }

    /// The same pieces with their text changed.
    pub(super) fn map(&self, made: bool, change: impl Fn(&str) -> String) -> Self {
        let mut mapped = Self::of_kind(self.kind);
        for (index, piece) in self.pieces.iter().enumerate() {
            let next = self.pieces.get(index + 1);
            let end = next.map_or(self.len(), |next| next.start);
            let text = change(self.text.get(piece.start..end).unwrap_or_default());
            mapped.put(&text, piece.origin, piece.made || made, true);
        }
        mapped
    }

    /// The same text with other holes.
    pub(super) fn map_holes(&self, becomes: impl Fn(char) -> char) -> Self {
        if self.is_exact() {
            return self.clone();
        }
        self.map(false, |text| holes::map_holes(text, &becomes))
    }

    /// The text of XML without its entities.
    pub(super) fn without_entities(&self) -> Self {
        let mut plain = Self::of_kind(self.kind);
        let mut from = 0;
        while let Some(at) = self.text.get(from..).and_then(|rest| rest.find('&')) {
            let at = from + at;
            plain.append_part(self, from..at);
            let entity = self.text.get(at..).unwrap_or_default();
            let end = entity.find(';').map_or(1, |end| end + 1);
            let entity = entity.get(..end).unwrap_or_default();
            match decode::entity_character(entity) {
                Some(character) => {
                    let text = character.to_string();
                    plain.append(&Self::decoded(&text, self.kind, self.origin(at)));
                }
                None => plain.append_part(self, at..at + end),
            }
            from = at + end;
        }
        plain.append_part(self, from..self.len());
        plain
    }

    /// What is still known after something that cannot be followed was done to the text: its pieces, with holes
    /// about them.
    pub(super) fn blurred(&self, origin: usize) -> Self {
        let mut blurred = Self::of_kind(Kind::Text);
        blurred.push_hole(origin);
        blurred.append(&self.map_holes(|_| HOLE));
        blurred.push_hole(origin);
        blurred
    }

    /// The same text as another kind of value.
    pub(super) fn of(&self, kind: Kind) -> Self {
        Self {
            kind,
            ..self.clone()
        }
    }

    /// Whether the text, put between others or repeated, changes the meaning of none: whatever it opens it closes.
    pub(super) fn stands_alone(&self) -> bool {
        let mut last = None;
        let closed = Lexer::new(&self.text, true).all(|token| {
            let text = self.text.get(token.start as usize..token.end as usize);
            last = Some(token.kind);
            is_closed(token.kind, text.unwrap_or_default())
        });
        closed && last != Some(TokenKind::LineComment)
    }

    /// Whether the text ends with three times this one, each time written at the same places.
    pub(super) fn repeats_thrice(&self, piece: &Self) -> bool {
        let length = piece.len();
        let Some(start) = self.len().checked_sub(length * 3).filter(|_| length > 0) else {
            return false;
        };
        (0..3).all(|times| {
            let from = start + times * length;
            self.text.get(from..from + length) == Some(piece.text())
                && self.origin(from) == piece.origin(0)
        })
    }

    /// Backwards.
    pub(super) fn reversed(&self) -> Self {
        let mut reversed = Self::of_kind(self.kind);
        let mut end = self.len();
        for piece in self.pieces.iter().rev() {
            let text = self.text.get(piece.start..end).unwrap_or_default();
            let text: String = text.chars().rev().collect();
            reversed.put(&text, piece.origin, true, true);
            end = piece.start;
        }
        reversed
    }

    /// Whether every hole stands where its text can be no code.
    pub(super) fn holes_are_contained(&self) -> bool {
        if self.is_exact() {
            return true;
        }
        let mut lexer = Lexer::new(&self.text, true);
        let mut openings = iter::from_fn(|| lexer.next_opening());
        openings.all(|token| self.is_contained_in(token))
    }

    /// Whether every hole in the token can be no code.
    fn is_contained_in(&self, token: Token) -> bool {
        let range = token.start as usize..token.end as usize;
        let text = self.text.get(range).unwrap_or_default();
        let needs = match token.kind {
            TokenKind::String => holes::QUOTES,
            TokenKind::BracketedName => holes::BRACKETS,
            TokenKind::QuotedName => holes::DOUBLE_QUOTES,
            _ => 0,
        };
        let contained =
            |c: char| holes::doubled(c).is_none_or(|has| needs != 0 && has & needs != 0);
        !text.as_bytes().contains(&holes::FIRST_BYTE) || text.chars().all(contained)
    }
}

/// Whether a token that begins like this kind ends by itself.
pub(super) fn is_closed(kind: TokenKind, text: &str) -> bool {
    // A lone delimiter does not close what it opens.
    let ends_with =
        |delimiter| text.trim_start_matches(['N', 'n']).len() > 1 && text.ends_with(delimiter);
    match kind {
        TokenKind::BlockComment => text.ends_with("*/"),
        TokenKind::String => ends_with('\'') || ends_with('"'),
        TokenKind::BracketedName => ends_with(']'),
        TokenKind::QuotedName => ends_with('"'),
        _ => true,
    }
}
