//! What a declared type means for the text made of its values.

use super::code::Code;
use super::lexer::TokenKind;

/// Families of types, as far as text made of them differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Base {
    /// char, nchar: filled up with blanks.
    Fixed {
        national: bool,
    },
    /// varchar, nvarchar, text, ntext, sysname.
    Varying {
        national: bool,
    },
    /// Whole numbers.
    Integer,
    /// Other numbers, dates and times, uniqueidentifier: their text cannot begin code.
    Numeric,
    /// binary, varbinary, image, rowversion.
    Binary,
    Xml,
    /// Anything else: `sql_variant`, user-defined types, tables, cursors.
    #[default]
    Other,
}

/// A type as it is written where something is declared or cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct DataType {
    pub(super) base: Base,
    pub(super) length: Length,
}

/// In characters or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Length {
    /// 1 where something is declared, 30 in a conversion.
    #[default]
    Unstated,
    Max,
    Is(usize),
}

const fn fixed(national: bool) -> Base {
    Base::Fixed { national }
}

const fn varying(national: bool) -> Base {
    Base::Varying { national }
}

const TYPES: &[(&str, Base)] = &[
    ("varchar", varying(false)),
    ("nvarchar", varying(true)),
    ("char", fixed(false)),
    ("nchar", fixed(true)),
    ("character", fixed(false)),
    ("sysname", varying(true)),
    ("text", varying(false)),
    ("ntext", varying(true)),
    ("int", Base::Integer),
    ("integer", Base::Integer),
    ("bigint", Base::Integer),
    ("smallint", Base::Integer),
    ("tinyint", Base::Integer),
    ("bit", Base::Integer),
    ("decimal", Base::Numeric),
    ("dec", Base::Numeric),
    ("numeric", Base::Numeric),
    ("float", Base::Numeric),
    ("real", Base::Numeric),
    ("double", Base::Numeric),
    ("money", Base::Numeric),
    ("smallmoney", Base::Numeric),
    ("date", Base::Numeric),
    ("time", Base::Numeric),
    ("datetime", Base::Numeric),
    ("datetime2", Base::Numeric),
    ("smalldatetime", Base::Numeric),
    ("datetimeoffset", Base::Numeric),
    ("uniqueidentifier", Base::Numeric),
    ("binary", Base::Binary),
    ("varbinary", Base::Binary),
    ("image", Base::Binary),
    ("rowversion", Base::Binary),
    ("timestamp", Base::Binary),
    ("xml", Base::Xml),
];

impl DataType {
    /// The type written at `at`, and the token after it and its length.
    pub(super) fn read(code: &Code, at: usize) -> (Self, usize) {
        let is_name = matches!(
            code.kind(at),
            Some(TokenKind::Word | TokenKind::BracketedName | TokenKind::QuotedName)
        );
        let Some(name) = code.name(at).filter(|_| is_name) else {
            return (Self::default(), at);
        };
        let mut word = name.last;
        let mut next = name.next;
        let national = code.is_word(word, &["national"]);
        if national {
            word = next;
            next += 1;
        }
        let (own, _) = code.part(word);
        let trimmed = own.trim_end();
        let row = TYPES
            .iter()
            .find(|(row, _)| row.eq_ignore_ascii_case(trimmed));
        let mut base = row.map_or(Base::Other, |(_, base)| *base);
        if code.is_word(next, &["varying"]) && base != Base::Other {
            base = varying(false);
            next += 1;
        }
        if code.is_word(next, &["precision"]) {
            next += 1;
        }
        base = match base {
            Base::Fixed { .. } if national => fixed(true),
            Base::Varying { .. } if national => varying(true),
            base => base,
        };
        if code.is(next, "(") {
            let stated = code.text(next + 1).parse();
            let length = stated.map_or(Length::Max, Length::Is);
            return (Self { base, length }, code.after_group(next));
        }
        let is = |name: &str| own.eq_ignore_ascii_case(name);
        let length = if is("sysname") {
            Length::Is(128)
        } else if ["text", "ntext", "image"].into_iter().any(is) {
            Length::Max
        } else {
            Length::Unstated
        };
        (Self { base, length }, next)
    }

    /// How many characters or bytes a value has at most, where it was `declared` so or, else, converted.
    pub(super) fn longest(self, declared: bool) -> usize {
        match self.length {
            Length::Is(length) => length,
            Length::Max => usize::MAX,
            Length::Unstated if declared => 1,
            Length::Unstated => 30,
        }
    }
}
