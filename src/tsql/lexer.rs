//! Text to tokens. Lossless: the tokens follow each other without a gap and cover every byte, whatever the
//! text. White space, comments and numbers are what SQL Server's own lexer takes them for, as far as
//! Microsoft's published grammar tells.

use super::holes::{NUMBER_HOLE, WRITTEN, doubled};

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
    quoted_identifier: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, quoted_identifier: bool) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            quoted_identifier,
        }
    }

    /// The tokens from the one that begins at `at` on.
    pub(super) fn from(text: &'a str, at: usize, quoted_identifier: bool) -> Self {
        Self {
            at,
            ..Self::new(text, quoted_identifier)
        }
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

    /// The end of the run of bytes from `at` on for which `belongs` holds.
    fn run(&self, at: usize, belongs: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest
            .iter()
            .position(|byte| !belongs(*byte))
            .unwrap_or(rest.len())
    }

    /// The end of the run of characters from `at` on for which `belongs` holds; bytes outside ASCII are decoded.
    fn run_of_characters(
        &self,
        mut at: usize,
        ascii: impl Fn(u8) -> bool,
        wide: impl Fn(char) -> bool,
    ) -> usize {
        loop {
            at = self.run(at, &ascii);
            match self.character(at) {
                Some(character) if !character.is_ascii() && wide(character) => {
                    at += character.len_utf8();
                }
                _ => return at,
            }
        }
    }

    fn white_space(&self, at: usize) -> usize {
        self.run_of_characters(at, |byte| byte <= b' ', is_wide_space)
    }

    fn word(&self, at: usize) -> usize {
        self.run_of_characters(at, is_word_byte, |character| {
            !is_wide_space(character) && !is_alone(character)
        })
    }

    /// From after the opening delimiter to after the closing one; a doubled closing one does not close.
    fn delimited(&self, mut at: usize, close: u8) -> usize {
        loop {
            at = self.run(at, |byte| byte != close);
            if at >= self.bytes.len() {
                return at;
            }
            if self.byte(at + 1) != Some(close) {
                return at + 1;
            }
            at += 2;
        }
    }

    fn block_comment(&self, mut at: usize) -> usize {
        let mut depth = 1_usize;
        loop {
            at = self.run(at, |byte| byte != b'*' && byte != b'/');
            match (self.byte(at), self.byte(at + 1)) {
                (None, _) => return at,
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
    }

    /// Digits, a fraction, and an exponent whose digits may be missing: `1EXEC` is `1E` and `XEC`.
    fn number(&self, at: usize) -> usize {
        let digits = |at| self.run(at, |byte| byte.is_ascii_digit());
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
            at = self.run(at, |byte| byte.is_ascii_hexdigit());
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
    fn token(&self, at: usize, first: u8) -> (TokenKind, usize) {
        let second = self.byte(at + 1);
        match first {
            0..=b' ' => (TokenKind::WhiteSpace, self.white_space(at + 1)),
            b'-' if second == Some(b'-') => {
                let end = self.run(at + 2, |byte| byte != b'\n' && byte != b'\r');
                (TokenKind::LineComment, end)
            }
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
            _ => match self.character(at) {
                Some(character) if is_wide_space(character) => {
                    (TokenKind::WhiteSpace, self.white_space(at))
                }
                Some(NUMBER_HOLE) => (TokenKind::Number, at + NUMBER_HOLE.len_utf8()),
                Some(hole) if is_alone(hole) => (TokenKind::Hole, at + hole.len_utf8()),
                Some(character) if !character.is_ascii() => self.money_or_word(at, character),
                _ => (TokenKind::Punctuation, at + 1),
            },
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

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

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@' | b'#' | b'$')
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
