//! Values with as much of their type as decides what a server does: width of integers, Unicode or not, and whether
//! a text is of a `max` type, since others are cut at 8000 bytes.

use std::sync::Arc;

use crate::support::contract::SqlType;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    /// Number and bytes.
    Int(i64, usize),
    Text {
        text: Arc<str>,
        wide: bool,
        max: bool,
    },
    Bytes(Arc<[u8]>),
    /// 100 nanoseconds since 1970-01-01, UTC.
    Time(i64),
}

/// Bytes of a text or binary type that is not `max`.
const LONGEST: usize = 8000;

impl Value {
    pub fn int(number: i64) -> Self {
        Self::Int(number, 4)
    }

    pub fn text(text: &str, wide: bool, max: bool) -> Self {
        let limit = match (max, wide) {
            (true, _) => usize::MAX,
            (false, true) => LONGEST / 2,
            (false, false) => LONGEST,
        };
        let text = if wide { text.into() } else { narrow(text) };
        Self::Text {
            text: cut(&text, limit),
            wide,
            max,
        }
    }

    /// A constant is of a `max` type only if it is too long for another.
    pub fn literal(text: &str, wide: bool) -> Self {
        let most = if wide { LONGEST / 2 } else { LONGEST };
        Self::text(text, wide, text.encode_utf16().count() > most)
    }

    /// The text of a character type; `None` for NULL and others.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number, _) => Some(*number),
            _ => None,
        }
    }
}

/// What a code page keeps: here that of ASCII, so that no test relies on more.
fn narrow(text: &str) -> Arc<str> {
    if text.is_ascii() {
        return text.into();
    }
    let known = |c: char| if c.is_ascii() { c } else { '?' };
    text.chars().map(known).collect::<String>().into()
}

/// The first so many UTF-16 units.
fn cut(text: &str, units: usize) -> Arc<str> {
    if text.len() <= units {
        return text.into();
    }
    let mut left = units;
    let end = text.char_indices().find(|(_, c)| {
        let fits = c.len_utf16() <= left;
        left = left.saturating_sub(c.len_utf16());
        !fits
    });
    text[..end.map_or(text.len(), |(at, _)| at)].into()
}

/// CONVERT, and what assignment to a variable of the type does.
pub(super) fn convert(value: Value, to: SqlType, style: Option<i64>) -> Result<Value, String> {
    let refused = |value: &Value| Err(format!("CONVERT of {value:?} to {to:?}, style {style:?}"));
    let (wide, length) = match to {
        SqlType::Int => return integer(&value).map_or_else(|| refused(&value), Ok),
        SqlType::DateTime2(digits) => {
            return match value {
                Value::Null => Ok(value),
                Value::Time(units) => Ok(Value::Time(rounded(units, digits))),
                other => refused(&other),
            };
        }
        SqlType::VarBinary(length) => return bytes(value, usize::from(length), style),
        SqlType::VarBinaryMax => return bytes(value, usize::MAX, style),
        SqlType::VarChar(length) => (false, Some(length)),
        SqlType::VarCharMax => (false, None),
        SqlType::NVarChar(length) => (true, Some(length)),
        SqlType::NVarCharMax => (true, None),
        _ => return refused(&value),
    };
    let text: Arc<str> = match &value {
        Value::Null => return Ok(Value::Null),
        Value::Int(number, _) => number.to_string().into(),
        Value::Text { text, .. } => Arc::clone(text),
        Value::Bytes(bytes) if style == Some(2) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02X}"));
            digits.collect::<String>().into()
        }
        Value::Time(units) if style == Some(126) => iso_8601(*units).into(),
        Value::Bytes(_) | Value::Time(_) => return refused(&value),
    };
    let text = match length {
        Some(length) => cut(&text, usize::from(length)),
        None => text,
    };
    Ok(Value::text(&text, wide, length.is_none()))
}

fn integer(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Null => Value::Null,
        Value::Int(number, _) => Value::int(*number),
        Value::Text { text, .. } => Value::int(text.trim().parse().ok()?),
        _ => return None,
    })
}

/// To a binary type: a text as it is in memory or, in style 2, as its digits; an integer with its highest byte first.
fn bytes(value: Value, length: usize, style: Option<i64>) -> Result<Value, String> {
    let mut bytes: Vec<u8> = match value {
        Value::Null => return Ok(Value::Null),
        Value::Bytes(bytes) => bytes.to_vec(),
        Value::Int(number, width) => number.to_be_bytes()[8 - width..].to_vec(),
        Value::Text { text, .. } if style == Some(2) => (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(text.get(at..at + 2).unwrap_or("?"), 16))
            .collect::<Result<_, _>>()
            .map_err(|e| format!("{text:?} is not hexadecimal: {e}"))?,
        Value::Text { text, wide, .. } if style.is_none() => {
            if wide {
                text.encode_utf16().flat_map(u16::to_le_bytes).collect()
            } else {
                text.bytes().collect()
            }
        }
        other => return Err(format!("CONVERT of {other:?} to binary, style {style:?}")),
    };
    bytes.truncate(length);
    Ok(Value::Bytes(bytes.into()))
}

/// A time with so many digits of its second.
fn rounded(units: i64, digits: u8) -> i64 {
    let step = 10_i64.pow(7_u32.saturating_sub(u32::from(digits)));
    (units + step / 2).div_euclid(step) * step
}

/// Style 126, of a time whose seconds have three digits.
fn iso_8601(units: i64) -> String {
    let moment = jiff::Timestamp::from_microsecond(units / 10).expect("a time of this century");
    format!("{moment:.3}").trim_end_matches('Z').to_owned()
}
