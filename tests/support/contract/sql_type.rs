//! SQL Server's data types, as far as catalogs and casts use them.

/// A type with its length: characters for `nvarchar` and `char`, bytes for `varbinary`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlType {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Char(u16),
    VarChar(u16),
    VarCharMax,
    NVarChar(u16),
    NVarCharMax,
    /// The old form of `nvarchar(max)`: no query may return it.
    NText,
    VarBinary(u16),
    VarBinaryMax,
    DateTime,
    DateTime2(u8),
    DateTimeOffset(u8),
    UniqueIdentifier,
    Variant,
    /// A column whose type is not certain: nothing may read it.
    Unknown,
}

/// Types without a length.
const PLAIN: &[(&str, SqlType)] = &[
    ("bit", SqlType::Bit),
    ("tinyint", SqlType::TinyInt),
    ("smallint", SqlType::SmallInt),
    ("int", SqlType::Int),
    ("bigint", SqlType::BigInt),
    ("sysname", SqlType::NVarChar(128)),
    ("datetime", SqlType::DateTime),
    ("datetime2", SqlType::DateTime2(7)),
    ("uniqueidentifier", SqlType::UniqueIdentifier),
    ("ntext", SqlType::NText),
    ("sql_variant", SqlType::Variant),
    ("unknown", SqlType::Unknown),
];

impl SqlType {
    /// The type of a name and what stands in parentheses behind it.
    pub fn new(name: &str, length: Option<&str>) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let Some(length) = length else {
            let plain = PLAIN.iter().find(|(plain, _)| *plain == name);
            return plain.map(|(_, ty)| *ty);
        };
        if length.eq_ignore_ascii_case("max") {
            return match name.as_str() {
                "varchar" => Some(Self::VarCharMax),
                "nvarchar" => Some(Self::NVarCharMax),
                "varbinary" => Some(Self::VarBinaryMax),
                _ => None,
            };
        }
        let number: u16 = length.parse().ok()?;
        let within = |most| (1..=most).contains(&number);
        let digits = u8::try_from(number).ok().filter(|digits| *digits <= 7);
        match name.as_str() {
            "char" if within(8000) => Some(Self::Char(number)),
            "varchar" if within(8000) => Some(Self::VarChar(number)),
            "nvarchar" if within(4000) => Some(Self::NVarChar(number)),
            "varbinary" if within(8000) => Some(Self::VarBinary(number)),
            "datetime2" => digits.map(Self::DateTime2),
            "datetimeoffset" => digits.map(Self::DateTimeOffset),
            _ => None,
        }
    }

    /// The same from one word, such as `nvarchar(128)`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('(') {
            Some((name, length)) => Self::new(name, Some(length.strip_suffix(')')?)),
            None => Self::new(text, None),
        }
    }

    /// A number, truth value included.
    pub fn is_integer(self) -> bool {
        matches!(
            self,
            Self::Bit | Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt
        )
    }

    /// Text in some code page, which a client has to guess.
    pub fn is_narrow_text(self) -> bool {
        matches!(self, Self::Char(_) | Self::VarChar(_) | Self::VarCharMax)
    }

    /// Text in UTF-16.
    pub fn is_wide_text(self) -> bool {
        matches!(self, Self::NVarChar(_) | Self::NVarCharMax)
    }

    pub fn is_binary(self) -> bool {
        matches!(self, Self::VarBinary(_) | Self::VarBinaryMax)
    }

    /// A point in time.
    pub fn is_time(self) -> bool {
        matches!(
            self,
            Self::DateTime | Self::DateTime2(_) | Self::DateTimeOffset(_)
        )
    }
}
