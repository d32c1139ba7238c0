//! Types and values as they stand in COLMETADATA, ROW and NBCROW (MS-TDS 2.2.5.4 to 2.2.5.6).

use super::Collation;
use super::answer::{Column, Type, Value};
use super::bytes::put_utf16;

/// Type numbers of MS-TDS 2.2.5.4.
mod id {
    pub const GUID: u8 = 0x24;
    pub const INTN: u8 = 0x26;
    pub const DATETIME2: u8 = 0x2A;
    pub const DATETIMEOFFSET: u8 = 0x2B;
    pub const INT1: u8 = 0x30;
    pub const BIT: u8 = 0x32;
    pub const INT2: u8 = 0x34;
    pub const INT4: u8 = 0x38;
    pub const DATETIME: u8 = 0x3D;
    pub const FLT8: u8 = 0x3E;
    pub const VARIANT: u8 = 0x62;
    pub const BITN: u8 = 0x68;
    pub const FLTN: u8 = 0x6D;
    pub const DATETIMEN: u8 = 0x6F;
    pub const INT8: u8 = 0x7F;
    pub const BIGVARBINARY: u8 = 0xA5;
    pub const BIGVARCHAR: u8 = 0xA7;
    pub const BIGCHAR: u8 = 0xAF;
    pub const NVARCHAR: u8 = 0xE7;
}

const ROW: u8 = 0xD1;
const NBCROW: u8 = 0xD2;

/// The longest value of a type that is not `max`, in bytes.
const LONGEST: u16 = 8000;
/// The length that marks a `max` type in its description and a NULL in a row.
const NO_LENGTH: u16 = 0xFFFF;
/// The longest `sql_variant` with its own type and properties.
const LONGEST_VARIANT: u32 = 8009;
/// Size of a chunk of a `max` value; even, yet no multiple of a packet's room.
const CHUNK: usize = 40_000;

/// How a type's value is announced and measured.
enum Shape {
    /// A fixed width in bytes: the type without and with room for NULL.
    Fixed {
        plain: u8,
        nullable: u8,
        width: u8,
    },
    /// A point in time with its number of fractional digits.
    Scaled {
        id: u8,
        scale: u8,
    },
    /// A length in bytes before each value; `None` is a `max` type.
    Sized {
        id: u8,
        longest: Option<u16>,
        collated: bool,
    },
    Variant,
}

fn shape(ty: &Type) -> Result<Shape, String> {
    let fixed = |plain, nullable, width| Shape::Fixed {
        plain,
        nullable,
        width,
    };
    let sized = |id, longest, collated| Shape::Sized {
        id,
        longest,
        collated,
    };
    let shape = match *ty {
        Type::Bit => fixed(id::BIT, id::BITN, 1),
        Type::TinyInt => fixed(id::INT1, id::INTN, 1),
        Type::SmallInt => fixed(id::INT2, id::INTN, 2),
        Type::Int => fixed(id::INT4, id::INTN, 4),
        Type::BigInt => fixed(id::INT8, id::INTN, 8),
        Type::Float => fixed(id::FLT8, id::FLTN, 8),
        Type::DateTime => fixed(id::DATETIME, id::DATETIMEN, 8),
        // uniqueidentifier has one number for both.
        Type::UniqueIdentifier => fixed(id::GUID, id::GUID, 16),
        Type::DateTime2(scale) | Type::DateTimeOffset(scale) if scale > 7 => {
            return Err(format!("{scale} fractional digits"));
        }
        Type::DateTime2(scale) => Shape::Scaled {
            id: id::DATETIME2,
            scale,
        },
        Type::DateTimeOffset(scale) => Shape::Scaled {
            id: id::DATETIMEOFFSET,
            scale,
        },
        Type::Char(length) => sized(id::BIGCHAR, Some(length), true),
        Type::VarChar(length) => sized(id::BIGVARCHAR, Some(length), true),
        Type::VarCharMax => sized(id::BIGVARCHAR, None, true),
        Type::NVarChar(units) => sized(id::NVARCHAR, Some(units.saturating_mul(2)), true),
        Type::NVarCharMax => sized(id::NVARCHAR, None, true),
        Type::VarBinary(length) => sized(id::BIGVARBINARY, Some(length), false),
        Type::VarBinaryMax => sized(id::BIGVARBINARY, None, false),
        Type::Variant => Shape::Variant,
    };
    match shape {
        Shape::Sized {
            longest: Some(longest),
            ..
        } if longest > LONGEST => Err(format!("{ty:?} is longer than {LONGEST} bytes")),
        shape => Ok(shape),
    }
}

/// `TYPE_INFO`.
pub(super) fn put_type(
    out: &mut Vec<u8>,
    column: &Column,
    collation: Collation,
) -> Result<(), String> {
    match shape(&column.ty)? {
        Shape::Fixed {
            plain, nullable, ..
        } if !column.nullable && plain != nullable => out.push(plain),
        Shape::Fixed {
            nullable, width, ..
        } => out.extend([nullable, width]),
        Shape::Scaled { id, scale } => out.extend([id, scale]),
        Shape::Sized {
            id,
            longest,
            collated,
        } => {
            out.push(id);
            out.extend(longest.unwrap_or(NO_LENGTH).to_le_bytes());
            if collated {
                out.extend(collation);
            }
        }
        Shape::Variant => {
            out.push(id::VARIANT);
            out.extend(LONGEST_VARIANT.to_le_bytes());
        }
    }
    Ok(())
}

/// ROW: each value, NULL or not.
pub(super) fn put_row(
    out: &mut Vec<u8>,
    columns: &[Column],
    row: &[Value],
    collation: Collation,
) -> Result<(), String> {
    out.push(ROW);
    put_values(out, columns, row, collation, |_| true)
}

/// NBCROW: a bitmap of the NULLs, then the other values.
pub(super) fn put_nbc_row(
    out: &mut Vec<u8>,
    columns: &[Column],
    row: &[Value],
    collation: Collation,
) -> Result<(), String> {
    out.push(NBCROW);
    out.extend(row.chunks(8).map(|eight| {
        eight.iter().enumerate().fold(0, |bits, (at, value)| {
            bits | u8::from(*value == Value::Null) << at
        })
    }));
    put_values(out, columns, row, collation, |value| *value != Value::Null)
}

fn put_values(
    out: &mut Vec<u8>,
    columns: &[Column],
    row: &[Value],
    collation: Collation,
    stands: impl Fn(&Value) -> bool,
) -> Result<(), String> {
    if columns.len() != row.len() {
        return Err(format!(
            "{} values for {} columns",
            row.len(),
            columns.len()
        ));
    }
    for (column, value) in columns.iter().zip(row) {
        if *value == Value::Null && !column.nullable {
            return Err(format!(
                "NULL in column {}, which is not nullable",
                column.name
            ));
        }
        if stands(value) {
            put_value(out, column, value, collation)
                .map_err(|e| format!("column {}: {e}", column.name))?;
        }
    }
    Ok(())
}

fn put_value(
    out: &mut Vec<u8>,
    column: &Column,
    value: &Value,
    collation: Collation,
) -> Result<(), String> {
    let shape = shape(&column.ty)?;
    if *value == Value::Null {
        put_null(out, &shape);
        return Ok(());
    }
    if let Shape::Variant = shape {
        return put_variant(out, value, collation);
    }
    let bytes = bytes_of(&column.ty, value, collation)?;
    match shape {
        Shape::Fixed {
            plain, nullable, ..
        } if !column.nullable && plain != nullable => {}
        Shape::Fixed { .. } | Shape::Scaled { .. } => {
            out.push(u8::try_from(bytes.len()).map_err(|e| e.to_string())?);
        }
        Shape::Sized {
            longest: Some(longest),
            ..
        } => {
            let length = u16::try_from(bytes.len())
                .ok()
                .filter(|length| *length <= longest);
            let length =
                length.ok_or_else(|| format!("{} bytes in {:?}", bytes.len(), column.ty))?;
            out.extend(length.to_le_bytes());
        }
        Shape::Sized { longest: None, .. } => {
            put_chunked(out, &bytes);
            return Ok(());
        }
        Shape::Variant => {}
    }
    out.extend(bytes);
    Ok(())
}

fn put_null(out: &mut Vec<u8>, shape: &Shape) {
    match shape {
        Shape::Fixed { .. } | Shape::Scaled { .. } => out.push(0),
        Shape::Sized {
            longest: Some(_), ..
        } => out.extend(NO_LENGTH.to_le_bytes()),
        Shape::Sized { longest: None, .. } => out.extend(u64::MAX.to_le_bytes()),
        Shape::Variant => out.extend(0_u32.to_le_bytes()),
    }
}

/// A value of a `max` type: the whole length, chunks with their lengths, and an empty chunk.
fn put_chunked(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() + bytes.len() / CHUNK * 4 + 16);
    out.extend((bytes.len() as u64).to_le_bytes());
    for chunk in bytes.chunks(CHUNK) {
        let length = u32::try_from(chunk.len()).expect("a chunk is small");
        out.extend(length.to_le_bytes());
        out.extend_from_slice(chunk);
    }
    out.extend(0_u32.to_le_bytes());
}

/// A `sql_variant`: whole length, base type, the base type's properties, and the bare value.
fn put_variant(out: &mut Vec<u8>, value: &Value, collation: Collation) -> Result<(), String> {
    let Value::Variant(base, value) = value else {
        return Err(format!("{value:?} without its base type in a sql_variant"));
    };
    let mut inner = Vec::new();
    let properties = match shape(base)? {
        Shape::Fixed { plain, .. } => {
            inner.push(plain);
            Vec::new()
        }
        Shape::Scaled { id, scale } => {
            inner.push(id);
            vec![scale]
        }
        Shape::Sized {
            id,
            longest: Some(longest),
            collated,
        } => {
            inner.push(id);
            let mut properties = if collated {
                collation.to_vec()
            } else {
                Vec::new()
            };
            properties.extend(longest.to_le_bytes());
            properties
        }
        Shape::Sized { longest: None, .. } | Shape::Variant => {
            return Err(format!("{base:?} in a sql_variant"));
        }
    };
    inner.push(u8::try_from(properties.len()).map_err(|e| e.to_string())?);
    inner.extend(properties);
    inner.extend(bytes_of(base, value, collation)?);
    let length = u32::try_from(inner.len())
        .ok()
        .filter(|length| *length <= LONGEST_VARIANT);
    let length = length.ok_or_else(|| format!("a sql_variant of {} bytes", inner.len()))?;
    out.extend(length.to_le_bytes());
    out.extend(inner);
    Ok(())
}

/// The bytes of a value that is not NULL, without any length.
fn bytes_of(ty: &Type, value: &Value, collation: Collation) -> Result<Vec<u8>, String> {
    let does_not_fit = || format!("{value:.60?} in {ty:?}");
    let bytes = match (ty, value) {
        (Type::Bit, Value::Bit(bit)) => vec![u8::from(*bit)],
        (Type::TinyInt, Value::Int(n)) => vec![u8::try_from(*n).map_err(|_| does_not_fit())?],
        (Type::SmallInt, Value::Int(n)) => {
            let n = i16::try_from(*n).map_err(|_| does_not_fit())?;
            n.to_le_bytes().to_vec()
        }
        (Type::Int, Value::Int(n)) => {
            let n = i32::try_from(*n).map_err(|_| does_not_fit())?;
            n.to_le_bytes().to_vec()
        }
        (Type::BigInt, Value::Int(n)) => n.to_le_bytes().to_vec(),
        (Type::Float, Value::Float(x)) => x.to_le_bytes().to_vec(),
        (Type::DateTime, Value::DateTime { days, ticks }) => {
            [days.to_le_bytes(), ticks.to_le_bytes()].concat()
        }
        (Type::DateTime2(scale), Value::Instant { units, .. }) => moment(*scale, *units)?,
        (
            Type::DateTimeOffset(scale),
            Value::Instant {
                units,
                offset_minutes,
            },
        ) => {
            let mut bytes = moment(*scale, *units)?;
            bytes.extend(offset_minutes.to_le_bytes());
            bytes
        }
        (Type::UniqueIdentifier, Value::Guid(bytes)) => bytes.to_vec(),
        (Type::Char(_) | Type::VarChar(_) | Type::VarCharMax, Value::Text(text)) => {
            narrow(text, collation)
        }
        (Type::NVarChar(_) | Type::NVarCharMax, Value::Text(text)) => {
            let mut bytes = Vec::with_capacity(text.len() * 2);
            put_utf16(&mut bytes, text);
            bytes
        }
        (Type::NVarChar(_) | Type::NVarCharMax, Value::Utf16(units)) => {
            units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
        }
        (
            Type::VarBinary(_)
            | Type::VarBinaryMax
            | Type::Char(_)
            | Type::VarChar(_)
            | Type::VarCharMax,
            Value::Bytes(bytes),
        ) => bytes.clone(),
        _ => return Err(does_not_fit()),
    };
    Ok(bytes)
}

/// Time since midnight in units of the scale (3 to 5 bytes), then days since 0001-01-01 (3 bytes).
fn moment(scale: u8, units: i64) -> Result<Vec<u8>, String> {
    const UNITS_PER_DAY: i64 = 864_000_000_000;
    let days = u32::try_from(units.div_euclid(UNITS_PER_DAY)).map_err(|e| e.to_string())?;
    let time = units.rem_euclid(UNITS_PER_DAY) / 10_i64.pow(u32::from(7 - scale));
    let width = match scale {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    };
    let mut bytes = time.to_le_bytes()[..width].to_vec();
    bytes.extend_from_slice(&days.to_le_bytes()[..3]);
    Ok(bytes)
}

/// Text of a `varchar`: UTF-8 under a `_UTF8` collation, Windows-1252 under any other.
/// A test that wants another code page sends `Value::Bytes`.
fn narrow(text: &str, collation: Collation) -> Vec<u8> {
    const UTF8: u32 = 1 << 26;
    let [a, b, c, d, _sort] = collation;
    if u32::from_le_bytes([a, b, c, d]) & UTF8 != 0 {
        return text.as_bytes().to_vec();
    }
    text.chars().map(windows_1252).collect()
}

/// Code points of the bytes 0x80 to 0x9F; the five unused ones stand for themselves.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

fn windows_1252(c: char) -> u8 {
    let high = (0x80..)
        .zip(WINDOWS_1252)
        .find(|(_, special)| *special == c);
    match u8::try_from(u32::from(c)) {
        Ok(byte @ (0..=0x7F | 0xA0..)) => byte,
        _ => high.map_or(b'?', |(byte, _)| byte),
    }
}
