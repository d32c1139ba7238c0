//! What kind of value each column of a query holds. The script prints bytes alone; a connection's driver is told
//! the types by the server, and here they follow from the query's own text. A test holds them against the types of
//! the catalog for every query and version.

use tiberius::ColumnData;

use crate::collect::query::Query;
use crate::collect::value::Value;

/// The kind of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Integers and flags of any width.
    Integer,
    /// UTF-16.
    Text,
    /// Bytes.
    Binary,
}

/// Columns that hold bytes wherever they are read without a CAST; other such columns hold integers.
const BINARY: &[&str] = &[
    "sid",
    "owner_sid",
    "user_sid",
    "hash",
    "thumbprint",
    "appdomain_address",
];

/// The kinds of a query's columns, in order, without the tag.
pub fn kinds(query: &Query) -> Vec<Kind> {
    let text = query.text.strip_prefix("SELECT").unwrap_or(query.text);
    items(text).into_iter().skip(1).map(kind).collect()
}

/// The expressions of a SELECT list.
fn items(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut depth, mut quoted, mut start) = (0_usize, false, 0);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                items.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            '\n' if depth == 0
                && text
                    .get(at..)
                    .is_some_and(|rest| rest.starts_with("\nFROM")) =>
            {
                items.push(text.get(start..at).unwrap_or_default());
                return items;
            }
            _ => {}
        }
    }
    items.push(text.get(start..).unwrap_or_default());
    items
}

fn kind(item: &str) -> Kind {
    let item = item.trim();
    let upper = item.to_ascii_uppercase();
    // The alias follows the last parenthesis, if there is one.
    let expression = match (upper.rfind(')'), upper.rfind(" AS ")) {
        (Some(close), _) => upper.get(..=close),
        (None, Some(alias)) => upper.get(..alias),
        (None, None) => Some(upper.as_str()),
    }
    .unwrap_or_default()
    .trim();
    if let Some(cast) = expression.strip_prefix("CAST(") {
        return of_type(cast.rsplit(" AS ").next().unwrap_or_default());
    }
    if let Some(convert) = expression.strip_prefix("CONVERT(") {
        return of_type(convert);
    }
    if expression.starts_with("HASHBYTES(") || expression.starts_with("SUBSTRING(") {
        return Kind::Binary;
    }
    let column = expression.rsplit('.').next().unwrap_or_default();
    let column = column.trim_matches(['[', ']']).to_ascii_lowercase();
    if BINARY.contains(&column.as_str()) {
        Kind::Binary
    } else {
        Kind::Integer
    }
}

fn of_type(name: &str) -> Kind {
    if name.starts_with("NVARCHAR") || name.starts_with("NCHAR") {
        Kind::Text
    } else if name.starts_with("VARBINARY") || name.starts_with("BINARY") {
        Kind::Binary
    } else {
        Kind::Integer
    }
}

/// A value from the digits of its bytes: the driver's own form first, so that it means the same from here on.
/// `None` for digits that are not of this kind.
pub(super) fn value(column: &str, kind: Kind, digits: &str) -> Option<Value> {
    let bytes = match digits {
        "-" => None,
        digits => Some(unhex(digits)?),
    };
    let data: ColumnData<'static> = match (kind, bytes) {
        (Kind::Text, None) => ColumnData::String(None),
        (Kind::Text, Some(bytes)) => ColumnData::String(Some(text(&bytes)?.into())),
        (Kind::Binary, bytes) => ColumnData::Binary(bytes.map(Into::into)),
        (Kind::Integer, None) => ColumnData::I64(None),
        (Kind::Integer, Some(bytes)) => ColumnData::I64(Some(integer(&bytes)?)),
    };
    Value::from_column(column, data).ok()
}

/// tinyint and bit have no sign; the others are two's complement, highest byte first.
fn integer(bytes: &[u8]) -> Option<i64> {
    Some(match *bytes {
        [a] => i64::from(a),
        [a, b] => i64::from(i16::from_be_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_be_bytes([a, b, c, d])),
        _ => i64::from_be_bytes(bytes.try_into().ok()?),
    })
}

/// UTF-16LE; lone surrogates become U+FFFD, as they do on a connection.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let units = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    Some(
        char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
    )
}

/// The bytes of upper-case hexadecimal digits, which is how CONVERT writes them.
pub(super) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'A'..=b'F' => Some(c - b'A' + 10),
        _ => None,
    };
    let digits = digits.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| Some((digit(pair[0])? << 4) | digit(pair[1])?))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn digits_become_the_value_that_a_driver_would_give() {
        let read = |kind, digits| value("x", kind, digits);
        assert_eq!(read(Kind::Integer, "-"), Some(Value::Null));
        assert_eq!(read(Kind::Integer, "FF"), Some(Value::Int(255)));
        assert_eq!(read(Kind::Integer, "FFFE"), Some(Value::Int(-2)));
        assert_eq!(read(Kind::Integer, "0000003F"), Some(Value::Int(63)));
        assert_eq!(
            read(Kind::Integer, "8000000000000000"),
            Some(Value::Int(i64::MIN))
        );
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        assert_eq!(read(Kind::Text, "-"), Some(Value::Null));
        assert_eq!(read(Kind::Text, ""), text(""));
        assert_eq!(read(Kind::Text, "61000D000A002700"), text("a\r\n'"));
        assert_eq!(read(Kind::Text, "610000D86200"), text("a\u{fffd}b"));
        assert_eq!(value("type", Kind::Text, "500020002000"), text("P"));
        assert_eq!(read(Kind::Binary, "01AB"), text("0x01ab"));
        assert_eq!(read(Kind::Binary, ""), text("0x"));
        for (kind, wrong) in [
            (Kind::Integer, ""),
            (Kind::Integer, "000001"),
            (Kind::Text, "61"),
            (Kind::Binary, "ab"),
            (Kind::Binary, "ABC"),
            (Kind::Binary, "--"),
        ] {
            assert_eq!(read(kind, wrong), None, "{kind:?} {wrong:?}");
        }
    }
}
