//! Functions that need no server.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::value::Value;

/// Most bytes that HASHBYTES takes before 2016.
const HASHED_BEFORE_13: usize = 8000;
/// Longest name that QUOTENAME quotes.
const LONGEST_NAME: usize = 128;

/// The value of a call; `None` if it is none of these functions.
pub(super) fn call(name: &str, arguments: &[Value], version: u16) -> Option<Result<Value, String>> {
    Some(match (name, arguments) {
        ("ISNULL", [Value::Null, other]) => Ok(other.clone()),
        ("ISNULL", [value, _]) => Ok(value.clone()),
        (_, [Value::Null, ..] | [_, Value::Null, ..]) if KNOWN.contains(&name) => Ok(Value::Null),
        ("DATALENGTH", [value]) => length(value),
        (
            "SUBSTRING",
            [
                Value::Text { text, wide, max },
                Value::Int(start, _),
                Value::Int(length, _),
            ],
        ) => Ok(Value::text(&substring(text, *start, *length), *wide, *max)),
        ("REPLACE", [value @ Value::Text { text, max, .. }, from, to]) => {
            match (from.as_text(), to.as_text()) {
                (Some(from), Some(to)) => {
                    let wide = [value, &arguments[1], &arguments[2]]
                        .iter()
                        .any(|v| matches!(v, Value::Text { wide: true, .. }));
                    Ok(Value::text(&text.replace(from, to), wide, *max))
                }
                _ => Err("REPLACE of what is no text".to_owned()),
            }
        }
        ("QUOTENAME", [Value::Text { text, .. }]) => Ok(quoted(text)),
        ("PARSENAME", [Value::Text { text, .. }, Value::Int(part, _)]) => Ok(part_of(text, *part)),
        ("HASHBYTES", [algorithm, Value::Bytes(bytes)])
            if algorithm.as_text() == Some("SHA2_256") =>
        {
            if version < 13 && bytes.len() > HASHED_BEFORE_13 {
                Err("String or binary data would be truncated.".to_owned())
            } else {
                Ok(Value::Bytes(Arc::from(Sha256::digest(bytes).as_slice())))
            }
        }
        ("SYSUTCDATETIME", []) => Ok(Value::Time(now())),
        ("DATEDIFF", [Value::Time(from), Value::Time(to)]) => {
            let millisecond = |units: &i64| units.div_euclid(10_000);
            Ok(Value::int(millisecond(to) - millisecond(from)))
        }
        _ => return None,
    })
}

/// Functions that give NULL for NULL.
const KNOWN: &[&str] = &[
    "DATALENGTH",
    "SUBSTRING",
    "REPLACE",
    "QUOTENAME",
    "PARSENAME",
    "HASHBYTES",
    "DATEDIFF",
];

fn now() -> i64 {
    let micros = jiff::Timestamp::now().as_microsecond();
    micros * 10
}

fn length(value: &Value) -> Result<Value, String> {
    let bytes = match value {
        Value::Text { text, wide, .. } if *wide => text.encode_utf16().count() * 2,
        Value::Text { text, .. } => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Int(_, width) => *width,
        other => return Err(format!("DATALENGTH of {other:?}")),
    };
    Ok(Value::Int(i64::try_from(bytes).unwrap_or(i64::MAX), 8))
}

/// From the first unit, which is 1; beyond the end there is nothing.
fn substring(text: &str, start: i64, length: i64) -> String {
    let start = usize::try_from(start - 1).expect("a start from 1");
    let length = usize::try_from(length).expect("a length");
    if text.is_ascii() {
        let end = (start + length).min(text.len());
        return text.get(start.min(end)..end).unwrap_or_default().to_owned();
    }
    let units: Vec<u16> = text.encode_utf16().skip(start).take(length).collect();
    String::from_utf16_lossy(&units)
}

fn quoted(name: &str) -> Value {
    if name.encode_utf16().count() > LONGEST_NAME {
        return Value::Null;
    }
    Value::text(&format!("[{}]", name.replace(']', "]]")), true, false)
}

/// Counted from the right, at most four.
fn part_of(name: &str, part: i64) -> Value {
    let parts: Vec<&str> = name.rsplit('.').collect();
    let at = usize::try_from(part - 1).unwrap_or(usize::MAX);
    match parts.get(at) {
        Some(found) if parts.len() <= 4 => Value::text(found, true, false),
        _ => Value::Null,
    }
}
