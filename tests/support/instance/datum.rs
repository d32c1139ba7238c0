//! Values inside the simulated instance, and what CAST makes of them.

use std::sync::Arc;

use super::times::Moment;
use crate::support::contract::SqlType;
use crate::support::tds_server::answer::{Message, Type, Value};

/// One value. Flags and all integer types are `Int`; a sql_variant is what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Datum {
    Null,
    Int(i64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    Time(Moment),
    /// The bytes of an assembly file, of which a recording holds only size and hash.
    Content(Content),
}

/// What is recorded of an assembly file's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub assembly_id: i32,
    pub file_id: i32,
    pub size: i64,
    /// `None` where the recording does not have it.
    pub sha2_512: Option<Arc<[u8]>>,
}

impl Content {
    /// Bytes of the recorded size that are this file's in every run.
    pub fn invented(&self, most: usize) -> Vec<u8> {
        let length = usize::try_from(self.size).unwrap_or(0).min(most);
        let mut state = 0x9E37_79B9_u32
            .wrapping_add(self.assembly_id.cast_unsigned().wrapping_mul(2_654_435_761))
            .wrapping_add(self.file_id.cast_unsigned());
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect()
    }
}

impl From<&str> for Datum {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<i32> for Datum {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<bool> for Datum {
    fn from(flag: bool) -> Self {
        Self::Int(flag.into())
    }
}

impl<T> From<Option<T>> for Datum
where
    Datum: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

/// An ERROR of the server.
pub fn error(number: i32, class: u8, text: impl Into<String>) -> Message {
    Message {
        number,
        state: 1,
        class,
        text: text.into(),
    }
}

/// The name of a type in messages.
fn type_name(ty: SqlType) -> &'static str {
    match ty {
        SqlType::Bit => "bit",
        SqlType::TinyInt => "tinyint",
        SqlType::SmallInt => "smallint",
        SqlType::Int => "int",
        SqlType::BigInt => "bigint",
        SqlType::Char(_) => "char",
        SqlType::VarChar(_) => "varchar",
        SqlType::VarCharMax => "varchar(max)",
        SqlType::NVarChar(_) => "nvarchar",
        SqlType::NVarCharMax => "nvarchar(max)",
        SqlType::NText => "ntext",
        SqlType::VarBinary(_) => "varbinary",
        SqlType::VarBinaryMax => "varbinary(max)",
        SqlType::DateTime => "datetime",
        SqlType::DateTime2(_) => "datetime2",
        SqlType::DateTimeOffset(_) => "datetimeoffset",
        SqlType::UniqueIdentifier => "uniqueidentifier",
        SqlType::Variant | SqlType::Unknown => "sql_variant",
    }
}

/// CAST and CONVERT of a value of type `from`.
pub(super) fn cast(
    value: Datum,
    from: SqlType,
    to: SqlType,
    style: Option<i64>,
) -> Result<Datum, Message> {
    const ISO_8601: i64 = 126;
    let not_allowed = || {
        let text = format!(
            "Explicit conversion from data type {} to {} is not allowed.",
            type_name(from),
            type_name(to)
        );
        error(529, 16, text)
    };
    match value {
        Datum::Null => Ok(Datum::Null),
        value if to == SqlType::Variant => Ok(value),
        Datum::Int(number) if to.is_integer() => integer(number, to),
        Datum::Int(number) if is_text(to) => {
            let text = number.to_string();
            if length(to).is_some_and(|most| text.len() > most) {
                return Err(overflow(to));
            }
            Ok(text_of(&text, to))
        }
        Datum::Text(text) if to.is_integer() => {
            let number = text.trim().parse().map_err(|_| {
                let text = format!(
                    "Conversion failed when converting the {} value '{text}' to data type {}.",
                    type_name(from),
                    type_name(to)
                );
                error(245, 16, text)
            })?;
            integer(number, to)
        }
        Datum::Text(text) if is_text(to) => Ok(text_of(&text, to)),
        Datum::Bytes(bytes) if from == SqlType::UniqueIdentifier && is_text(to) => {
            Ok(text_of(&guid_text(&bytes), to))
        }
        Datum::Bytes(bytes) if to.is_binary() => {
            let most = length(to).unwrap_or(usize::MAX).min(bytes.len());
            Ok(Datum::Bytes(bytes[..most].into()))
        }
        Datum::Time(moment) if is_text(to) && style == Some(ISO_8601) => {
            Ok(text_of(&moment.iso_8601(from), to))
        }
        Datum::Int(_) | Datum::Text(_) | Datum::Bytes(_) | Datum::Time(_) | Datum::Content(_) => {
            Err(not_allowed())
        }
    }
}

/// A uniqueidentifier as SQL Server writes it: its first three groups are little-endian.
fn guid_text(bytes: &[u8]) -> String {
    let group = |order: &[usize]| -> String {
        let bytes: Vec<u8> = order.iter().map(|at| bytes[*at]).collect();
        super::recording::hex(&bytes)[2..].to_uppercase()
    };
    let groups: [&[usize]; 5] = [
        &[3, 2, 1, 0],
        &[5, 4],
        &[7, 6],
        &[8, 9],
        &[10, 11, 12, 13, 14, 15],
    ];
    groups.map(group).join("-")
}

/// The bytes of a uniqueidentifier from its text.
pub(super) fn guid_bytes(text: &str) -> Vec<u8> {
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    let plain: Vec<u8> = (0..16)
        .map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).expect("a guid"))
        .collect();
    [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
        .map(|at: usize| plain[at])
        .to_vec()
}

fn is_text(ty: SqlType) -> bool {
    ty.is_wide_text() || ty.is_narrow_text() || ty == SqlType::NText
}

/// Characters or bytes that the type holds; `None` is a `max` type.
fn length(ty: SqlType) -> Option<usize> {
    match ty {
        SqlType::Char(n) | SqlType::VarChar(n) | SqlType::NVarChar(n) | SqlType::VarBinary(n) => {
            Some(n.into())
        }
        _ => None,
    }
}

fn overflow(to: SqlType) -> Message {
    let text = format!(
        "Arithmetic overflow error converting expression to data type {}.",
        type_name(to)
    );
    error(8115, 16, text)
}

fn integer(number: i64, to: SqlType) -> Result<Datum, Message> {
    let fits = match to {
        SqlType::Bit => return Ok(Datum::from(number != 0)),
        SqlType::TinyInt => u8::try_from(number).is_ok(),
        SqlType::SmallInt => i16::try_from(number).is_ok(),
        SqlType::Int => i32::try_from(number).is_ok(),
        _ => true,
    };
    if fits {
        return Ok(Datum::Int(number));
    }
    if to == SqlType::Int {
        return Err(overflow(to));
    }
    let text = format!(
        "Arithmetic overflow error for data type {}, value = {number}.",
        type_name(to)
    );
    Err(error(220, 16, text))
}

/// The text as a type holds it: cut off at its length in UTF-16 units, and padded for `char`.
pub(super) fn text_of(text: &str, to: SqlType) -> Datum {
    let most = length(to).unwrap_or(usize::MAX);
    let units = text.encode_utf16().count();
    if let SqlType::Char(_) = to
        && units < most
    {
        return Datum::Text(format!("{text}{}", " ".repeat(most - units)).into());
    }
    if units <= most {
        return Datum::Text(text.into());
    }
    let cut: Vec<u16> = text.encode_utf16().take(most).collect();
    Datum::Text(String::from_utf16_lossy(&cut).into())
}

/// The type as it goes over the wire.
pub(super) fn wire_type(ty: SqlType) -> Type {
    match ty {
        SqlType::Bit => Type::Bit,
        SqlType::TinyInt => Type::TinyInt,
        SqlType::SmallInt => Type::SmallInt,
        SqlType::Int => Type::Int,
        SqlType::BigInt => Type::BigInt,
        SqlType::Char(n) => Type::Char(n),
        SqlType::VarChar(n) => Type::VarChar(n),
        SqlType::VarCharMax => Type::VarCharMax,
        SqlType::NVarChar(n) => Type::NVarChar(n),
        // The rules let no query return ntext.
        SqlType::NVarCharMax | SqlType::NText => Type::NVarCharMax,
        SqlType::VarBinary(n) => Type::VarBinary(n),
        SqlType::VarBinaryMax => Type::VarBinaryMax,
        SqlType::DateTime => Type::DateTime,
        SqlType::DateTime2(scale) => Type::DateTime2(scale),
        SqlType::DateTimeOffset(scale) => Type::DateTimeOffset(scale),
        SqlType::UniqueIdentifier => Type::UniqueIdentifier,
        SqlType::Variant | SqlType::Unknown => Type::Variant,
    }
}

/// The value as it goes over the wire in a column of this type.
pub(super) fn wire_value(value: Datum, ty: SqlType) -> Value {
    match (value, ty) {
        (Datum::Null, _) => Value::Null,
        (value, SqlType::Variant) => match value {
            Datum::Text(text) => {
                let units = u16::try_from(text.encode_utf16().count()).unwrap_or(4000);
                let base = Type::NVarChar(units.clamp(1, 4000));
                Value::Variant(
                    Box::new(base),
                    Box::new(Value::Text(text.as_ref().to_owned())),
                )
            }
            value => {
                let inner = wire_value(value, SqlType::Int);
                Value::Variant(Box::new(Type::Int), Box::new(inner))
            }
        },
        (Datum::Int(number), SqlType::Bit) => Value::Bit(number != 0),
        (Datum::Int(number), _) => Value::Int(number),
        (Datum::Text(text), _) => Value::Text(text.as_ref().to_owned()),
        (Datum::Bytes(bytes), SqlType::UniqueIdentifier) => {
            Value::Guid(bytes.as_ref().try_into().unwrap_or_default())
        }
        (Datum::Bytes(bytes), _) => Value::Bytes(bytes.to_vec()),
        (Datum::Time(moment), SqlType::DateTime) => moment.as_datetime(),
        (Datum::Time(moment), _) => Value::Instant {
            units: moment.units,
            offset_minutes: 0,
        },
        // `evaluate` gives the bytes themselves where they are asked for.
        (Datum::Content(_), _) => Value::Null,
    }
}
