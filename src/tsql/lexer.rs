//! Text to tokens. Lossless: the tokens follow each other without a gap and cover every byte, whatever the
//! text. White space, comments and numbers are what SQL Server's own lexer takes them for, as far as
//! Microsoft's published grammar tells.

use super::holes::{FIRST_BYTE, NUMBER_HOLE, WRITTEN, doubled};
use memchr::{memchr, memchr2};

/// What a token is. An unterminated comment, string or name reaches to the end of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Blanks, control characters, line ends, and Unicode's spaces.
    WhiteSpace,
    /// `-- …` up to its line end.
    LineComment,
    /// `/* … */`, which nests.
    BlockComment,
    /// A keyword or a bare name, `#temp` and `$action` included.
    Word,
    /// `[…]`
    BracketedName,
    /// `"…"` as a name.
    QuotedName,
    /// `'…'`, `N'…'`, and `"…"` as a string.
    String,
    /// `@name`, `@@name`, and a lone `@`, which is a name too.
    Variable,
    /// `1`, `.5`, `1e5`
    Number,
    /// `0x…`
    Binary,
    /// `$1.50`
    Money,
    /// One of [`holes`](super::holes) for text, by itself; one for a number is a number.
    Hole,
    /// One character of anything else.
    Punctuation,
}

/// A piece of the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// The longest text whose offsets a token can hold; a module's definition cannot come near it.
pub(super) const LONGEST: usize = u32::MAX as usize;

/// The tokens of a text no longer than [`LONGEST`].
pub(super) struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// A place before `at` or there that is in the middle of no token.
    boundary: usize,
    quoted_identifier: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, quoted_identifier: bool) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            boundary: 0,
            quoted_identifier,
        }
    }

    /// The tokens from the one that begins at `at` on.
    pub(super) fn from(text: &'a str, at: usize, quoted_identifier: bool) -> Self {
        Self {
            at,
            boundary: at,
            ..Self::new(text, quoted_identifier)
        }
    }

    /// The next token that may hold anything, a comment, a string or a delimited name, or that is no ASCII; others are
    /// passed over, which is faster. A string's N is left out.
    pub(super) fn next_opening(&mut self) -> Option<Token> {
        self.next_of(OPENING)
    }

    /// The same, and `(`, `{` and what may continue a constant on the next line.
    pub(super) fn next_opening_or_mark(&mut self) -> Option<Token> {
        self.next_of(OPENING | STOP)
    }

    #[inline]
    fn next_of(&mut self, class: u8) -> Option<Token> {
        loop {
            let rest = self.rest(self.at);
            let opens = |byte: &u8| CLASSES[usize::from(*byte)] & class != 0;
            self.at += rest.iter().position(opens)?;
            let passed = match (self.byte(self.at)?, self.byte(self.at + 1)) {
                (b'-', Some(b'-')) => self.number_with_sign(),
                (b'/', Some(b'*')) => None,
                (b'-' | b'/', _) => Some(self.at + 1),
                _ => None,
            };
            let Some(end) = passed else {
                break;
            };
            self.at = end;
        }
        let token = self.next()?;
        // One for a number may stand in the middle of a word.
        if token.kind != TokenKind::Number {
            self.boundary = token.end as usize;
        }
        Some(token)
    }

    /// The end of the number that the hyphen here is a part of, if it is: `1e--1` is a number, a sign and a number.
    fn number_with_sign(&mut self) -> Option<usize> {
        let last = self.at.checked_sub(1).and_then(|last| self.byte(last));
        if !matches!(last, Some(b'e' | b'E')) {
            return None;
        }
        let mut tokens = Self::from(self.text, self.boundary, self.quoted_identifier);
        let token = tokens.find(|token| token.end as usize > self.at)?;
        let end = token.end as usize;
        ((token.start as usize) < self.at).then(|| {
            self.boundary = end;
            end
        })
    }

    /// The next token that is no white space; about half of all tokens are.
    #[inline]
    pub(super) fn next_but_white_space(&mut self) -> Option<Token> {
        // Mostly it is one blank or none.
        self.at += usize::from(self.byte(self.at) == Some(b' '));
        if self
            .byte(self.at)
            .is_some_and(|byte| byte <= b' ' || !byte.is_ascii())
        {
            self.at = self.white_space(self.at);
        }
        self.next()
    }

    /// Whether `"…"` is a name from here on.
    pub(super) fn set_quoted_identifier(&mut self, on: bool) {
        self.quoted_identifier = on;
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn character(&self, at: usize) -> Option<char> {
        self.text.get(at..)?.chars().next()
    }

    /// The bytes from `at` on.
    fn rest(&self, at: usize) -> &'a [u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    /// The end of the run of bytes of a class from `at` on.
    fn run(&self, at: usize, class: u8) -> usize {
        let rest = self.rest(at);
        let belongs = |byte: &u8| CLASSES[usize::from(*byte)] & class != 0;
        let end = rest.iter().position(|byte| !belongs(byte));
        at + end.unwrap_or(rest.len())
    }

    /// The end of the run of characters from `at` on for which `belongs` holds; bytes outside ASCII are decoded.
    fn run_of_characters(&self, at: usize, class: u8, wide: impl Fn(char) -> bool) -> usize {
        let mut at = self.run(at, class);
        while self.byte(at).is_some_and(|byte| !byte.is_ascii()) {
            match self.character(at) {
                Some(character) if wide(character) => {
                    at = self.run(at + character.len_utf8(), class);
                }
                _ => return at,
            }
        }
        at
    }

    /// The end of the white space that begins at `at`.
    pub(super) fn white_space(&self, at: usize) -> usize {
        self.run_of_characters(at, SPACE, is_wide_space)
    }

    fn word(&self, mut at: usize) -> usize {
        // Eight bytes at a time: where a word ends cannot be foreseen, and a wrong guess costs more than the bytes.
        while let Some(eight) = self.rest(at).first_chunk::<8>() {
            let others = !most_word_bytes(u64::from_le_bytes(*eight)) & HIGH_BITS;
            if others == 0 {
                at += 8;
                continue;
            }
            at += others.trailing_zeros() as usize / 8;
            let ends = |byte: u8| byte.is_ascii() && !is_word_byte(byte);
            if self.byte(at).is_some_and(ends) {
                return at;
            }
            break;
        }
        self.rest_of_word(at)
    }

    /// The end of a word that goes on with something rare, or near the end of the text.
    #[inline(never)] // or else all words would pay for it
    fn rest_of_word(&self, at: usize) -> usize {
        self.run_of_characters(at, WORD, |character| {
            !is_wide_space(character) && !is_alone(character)
        })
    }

    /// From after the opening delimiter to after the closing one; a doubled closing one does not close.
    fn delimited(&self, mut at: usize, close: u8) -> usize {
        loop {
            match memchr(close, self.rest(at)) {
                None => return self.bytes.len(),
                Some(before) if self.byte(at + before + 1) != Some(close) => {
                    return at + before + 1;
                }
                Some(before) => at += before + 2,
            }
        }
    }

    fn line_comment(&self, at: usize) -> usize {
        let rest = self.rest(at);
        at + memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())
    }

    fn block_comment(&self, mut at: usize) -> usize {
        let mut depth = 1_usize;
        while let Some(before) = memchr2(b'*', b'/', self.rest(at)) {
            at += before;
            match (self.byte(at), self.byte(at + 1)) {
                (Some(b'*'), Some(b'/')) if depth == 1 => return at + 2,
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    at += 2;
                }
                (Some(b'/'), Some(b'*')) => {
                    depth += 1;
                    at += 2;
                }
                _ => at += 1,
            }
        }
        self.bytes.len()
    }

    /// Digits, a fraction, and an exponent whose digits may be missing: `1EXEC` is `1E` and `XEC`.
    fn number(&self, at: usize) -> usize {
        let digits = |at| self.run(at, DIGIT);
        let mut end = digits(at);
        if self.byte(end) == Some(b'.') {
            end = digits(end + 1);
        }
        if matches!(self.byte(end), Some(b'e' | b'E')) {
            end += 1;
            if matches!(self.byte(end), Some(b'+' | b'-')) {
                end += 1;
            }
            end = digits(end);
        }
        end
    }

    /// Hexadecimal digits, which a backslash at the end of a line continues on the next.
    fn binary(&self, mut at: usize) -> usize {
        loop {
            at = self.run(at, HEX_DIGIT);
            match self.bytes.get(at..).map_or(0, line_continuation) {
                0 => return at,
                length => at += length,
            }
        }
    }

    fn money_or_word(&self, at: usize, sign: char) -> (TokenKind, usize) {
        let next = at + sign.len_utf8();
        if is_money_sign(sign) && self.byte(next).is_some_and(|byte| byte.is_ascii_digit()) {
            return (TokenKind::Money, self.number(next));
        }
        match self.word(next) {
            end if sign == '$' && end == next => (TokenKind::Punctuation, end),
            end => (TokenKind::Word, end),
        }
    }

    fn double_quoted(&self, at: usize) -> (TokenKind, usize) {
        let kind = if self.quoted_identifier {
            TokenKind::QuotedName
        } else {
            TokenKind::String
        };
        (kind, self.delimited(at, b'"'))
    }

    /// The kind and the end of the token that begins at `at` with `first`.
    #[inline]
    fn token(&self, at: usize, first: u8) -> (TokenKind, usize) {
        // Most tokens.
        let class = CLASSES[usize::from(first)];
        if class & WORD_START != 0 {
            return (TokenKind::Word, self.word(at + 1));
        }
        if class & MARK != 0 {
            return (TokenKind::Punctuation, at + 1);
        }
        self.other_token(at, first)
    }

    /// The same of a token that is no plain word.
    fn other_token(&self, at: usize, first: u8) -> (TokenKind, usize) {
        let second = self.byte(at + 1);
        match first {
            0..=b' ' => (TokenKind::WhiteSpace, self.white_space(at + 1)),
            b'-' if second == Some(b'-') => (TokenKind::LineComment, self.line_comment(at + 2)),
            b'/' if second == Some(b'*') => (TokenKind::BlockComment, self.block_comment(at + 2)),
            b'\'' => (TokenKind::String, self.delimited(at + 1, b'\'')),
            b'"' => self.double_quoted(at + 1),
            b'[' => (TokenKind::BracketedName, self.delimited(at + 1, b']')),
            b'N' | b'n' if second == Some(b'\'') => {
                (TokenKind::String, self.delimited(at + 2, b'\''))
            }
            b'N' | b'n' if second == Some(b'"') && !self.quoted_identifier => {
                self.double_quoted(at + 2)
            }
            b'0' if matches!(second, Some(b'x' | b'X')) => (TokenKind::Binary, self.binary(at + 2)),
            b'0'..=b'9' => (TokenKind::Number, self.number(at)),
            b'.' if second.is_some_and(|byte| byte.is_ascii_digit()) => {
                (TokenKind::Number, self.number(at))
            }
            b'@' => (TokenKind::Variable, self.word(at + 1)),
            b'$' => self.money_or_word(at, '$'),
            _ if is_word_byte(first) => (TokenKind::Word, self.word(at + 1)),
            _ if first.is_ascii() => (TokenKind::Punctuation, at + 1),
            _ => match self.character(at) {
                Some(character) if is_wide_space(character) => {
                    (TokenKind::WhiteSpace, self.white_space(at))
                }
                Some(NUMBER_HOLE) => (TokenKind::Number, at + NUMBER_HOLE.len_utf8()),
                Some(hole) if is_alone(hole) => (TokenKind::Hole, at + hole.len_utf8()),
                Some(character) => self.money_or_word(at, character),
                None => (TokenKind::Punctuation, at + 1),
            },
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    #[inline]
    fn next(&mut self) -> Option<Token> {
        let start = self.at;
        let (kind, end) = self.token(start, self.byte(start)?);
        self.at = end;
        Some(Token {
            kind,
            start: u32::try_from(start).ok()?,
            end: u32::try_from(end).ok()?,
        })
    }
}

/// The length of a backslash and line end at the beginning of `bytes`, which continue a constant on the next
/// line and are no part of it; 0 where there is none.
pub(super) fn line_continuation(bytes: &[u8]) -> usize {
    match bytes {
        [b'\\', b'\r', b'\n', ..] => 3,
        [b'\\', b'\n' | b'\r', ..] => 2,
        _ => 0,
    }
}

/// A hole for text, or what stands for one.
fn is_alone(character: char) -> bool {
    character == WRITTEN || doubled(character).is_some()
}

/// The highest bit of each of eight bytes.
const HIGH_BITS: u64 = each(0x80);

/// Eight times the same byte.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The highest bit of those of eight bytes that are letters, digits or `_` is set: of [`WORD`] only `#`, `$` and `@` are
/// left out, which seldom stand inside of a word.
const fn most_word_bytes(bytes: u64) -> u64 {
    let low = bytes & !HIGH_BITS;
    let in_lower_case = low | each(0x20);
    let from_a = in_lower_case + each(0x80 - b'a');
    let after_z = in_lower_case + each(0x7F - b'z');
    let from_0 = low + each(0x80 - b'0');
    let after_9 = low + each(0x7F - b'9');
    let is_line = HIGH_BITS - (low ^ each(b'_'));
    (from_a & !after_z | from_0 & !after_9 | is_line) & !bytes
}

/// What ASCII bytes can be part of.
const WORD: u8 = 1;
const SPACE: u8 = 2;
const DIGIT: u8 = 4;
const HEX_DIGIT: u8 = 8;
/// What begins tokens that can hold anything, and holes.
const OPENING: u8 = 16;
/// What begins words and nothing else: an N may begin a string.
const WORD_START: u8 = 32;
/// What is a token by itself, whatever follows.
const MARK: u8 = 64;

/// What stands before arguments or calls, and a backslash.
const STOP: u8 = 128;

/// The classes of each byte; of those outside ASCII only the one that holes begin with has any.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        let mut class = 0;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@' | b'#' | b'$') {
            class |= WORD;
        }
        if (byte.is_ascii_alphabetic() && !matches!(byte, b'N' | b'n'))
            || matches!(byte, b'_' | b'#')
        {
            class |= WORD_START;
        }
        if byte <= b' ' {
            class |= SPACE;
        }
        if byte.is_ascii_digit() {
            class |= DIGIT;
        }
        if byte.is_ascii_hexdigit() {
            class |= HEX_DIGIT;
        }
        if matches!(byte, b'\'' | b'"' | b'[' | b'-' | b'/') {
            class |= OPENING;
        }
        if class == 0 && byte != b'.' {
            class |= MARK;
        }
        if matches!(byte, b'(' | b'{' | b'\\') {
            class |= STOP;
        }
        classes[byte as usize] = class;
        byte += 1;
    }
    classes[FIRST_BYTE as usize] = OPENING;
    classes
};

/// Whether a byte is a part of words, outside ASCII aside.
pub(super) fn is_word_byte(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & WORD != 0
}

/// Where the word or the variable begins that ends at `end`, as far as the bytes before tell; `None` where it may be the
/// end of a number, or begin with a character outside ASCII.
pub(super) fn word_start(bytes: &[u8], end: usize) -> Option<usize> {
    let before = bytes.get(..end)?;
    let start = before.iter().rposition(|byte| !is_word_byte(*byte));
    let (before, word) = before.split_at(start.map_or(0, |last| last + 1));
    let is_number = match before {
        [.., digit, b'.'] if digit.is_ascii_digit() => true,
        [.., last] => !last.is_ascii(),
        [] => false,
    };
    let begins = |first: &u8| first.is_ascii_alphabetic() || matches!(first, b'_' | b'#' | b'@');
    (!is_number && word.first().is_some_and(begins)).then_some(before.len())
}

fn is_wide_space(character: char) -> bool {
    matches!(
        character,
        '\u{85}' | '\u{A0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200B}' | '\u{2028}' | '\u{2029}' | '\u{202F}' | '\u{205F}' | '\u{3000}'
    )
}

fn is_money_sign(character: char) -> bool {
    matches!(
        character,
        '$' | '\u{A3}'..='\u{A5}' | '\u{9F2}' | '\u{9F3}' | '\u{E3F}' | '\u{20A0}'..='\u{20AF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_are_told_apart_as_one_is() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut eight = *b"a Z\x80\xff_9[";
                eight[place] = byte;
                let among = most_word_bytes(u64::from_le_bytes(eight)) >> (place * 8 + 7) & 1;
                let alone = CLASSES[usize::from(byte)] & WORD != 0 && !b"#$@".contains(&byte);
                assert_eq!(among == 1, alone, "{byte:#x} at {place}");
            }
        }
    }
}
