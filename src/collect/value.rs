//! From a driver's row to a typed row: one deserialiser for all queries, so that a new query is a
//! `.sql` file and a struct and no decoding code.

use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use sha2::{Digest, Sha512};
use tiberius::ColumnData;

use super::spool::{self, Kept, Spool};

/// Columns with these aliases hold code, which goes into the spool as it arrives.
pub const CODE: &[&str] = &["definition", "command", "expression", "statement"];

/// A column with this alias holds bytes that are hashed as they arrive and not kept (assembly files
/// of servers that cannot hash them).
pub const TO_HASH: &str = "to_hash";

/// One value of a row. Bytes are already hex: nothing after this room handles raw binary.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// Any integer type, and bit.
    Int(i64),
    /// Any text type, and binary as `0x…` in lower case.
    Text(String),
    /// A text that went into the spool.
    Kept(Box<Kept>),
    /// What stands in a snapshot in place of what the server sent (see `place`).
    Made(Box<serde_json::Value>),
}

/// A value that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum ValueError {
    /// A column whose type no query of ours may return.
    #[error("column {0} has a type that this query does not return")]
    UnexpectedType(String),
    /// The scratch file takes no more.
    #[error("module text cannot be kept: {0}")]
    Spool(#[from] std::io::Error),
}

impl Value {
    /// The same as [`Self::from_column`], but that a [`CODE`] column's text goes into the spool.
    ///
    /// # Errors
    /// See [`ValueError`].
    pub fn arriving(
        column: &str,
        data: ColumnData<'static>,
        spool: &Spool,
    ) -> Result<Self, ValueError> {
        match data {
            ColumnData::String(Some(text)) if CODE.contains(&column) => {
                Ok(Self::Kept(Box::new(spool.keep(&text)?)))
            }
            data => Self::from_column(column, data),
        }
    }

    /// Takes a driver's value. SHA2-512 replaces the bytes of a [`TO_HASH`] column.
    ///
    /// # Errors
    /// A type that no query of ours returns.
    pub fn from_column(column: &str, data: ColumnData<'static>) -> Result<Self, ValueError> {
        let int = |number: Option<i64>| number.map_or(Self::Null, Self::Int);
        Ok(match data {
            ColumnData::U8(n) => int(n.map(i64::from)),
            ColumnData::I16(n) => int(n.map(i64::from)),
            ColumnData::I32(n) => int(n.map(i64::from)),
            ColumnData::I64(n) => int(n),
            ColumnData::Bit(b) => int(b.map(i64::from)),
            // char(n) codes come padded with spaces.
            ColumnData::String(Some(code)) if column == "type" => {
                Self::Text(code.trim_end().to_owned())
            }
            ColumnData::String(text) => text.map_or(Self::Null, |t| Self::Text(t.into_owned())),
            ColumnData::Binary(None) => Self::Null,
            ColumnData::Binary(Some(bytes)) if column == TO_HASH => {
                Self::Text(hex(&Sha512::digest(&bytes)))
            }
            ColumnData::Binary(Some(bytes)) => Self::Text(hex(&bytes)),
            _ => return Err(ValueError::UnexpectedType(column.to_owned())),
        })
    }
}

/// Bytes that a driver's value takes, about.
pub fn size(data: &ColumnData<'_>) -> usize {
    let content = match data {
        ColumnData::String(Some(text)) => text.len(),
        ColumnData::Binary(Some(bytes)) => bytes.len(),
        _ => 0,
    };
    size_of::<Value>() + content
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", spool::hex(bytes))
}

/// The rows of one result set, with the columns the server named.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowSet {
    /// Column names after the tag.
    pub columns: Vec<String>,
    /// Values in the order of `columns`.
    pub rows: Vec<Vec<Value>>,
}

impl RowSet {
    /// Decodes every row; column names are the struct's fields.
    ///
    /// # Errors
    /// A column is missing or new, or a value does not fit.
    pub fn decode<T: DeserializeOwned>(self) -> Result<Vec<T>, DecodeError> {
        let columns = self.columns;
        self.rows
            .into_iter()
            .map(|row| {
                let cells = columns.iter().map(String::as_str).zip(row);
                T::deserialize(de::value::MapDeserializer::new(cells))
            })
            .collect()
    }
}

/// A row that is not of the declared form.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer does not have the declared form: {0}")]
pub struct DecodeError(String);

impl de::Error for DecodeError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl IntoDeserializer<'_, DecodeError> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> de::Deserializer<'de> for Value {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Int(number) => visitor.visit_i64(number),
            Self::Text(text) => visitor.visit_string(text),
            Self::Kept(_) => Err(de::Error::custom("a text for a value")),
            Self::Made(value) => value
                .deserialize_any(visitor)
                .map_err(<DecodeError as de::Error>::custom),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Self::Int(0) => visitor.visit_bool(false),
            Self::Int(1) => visitor.visit_bool(true),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Self::Null => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::snapshot::{Configuration, RoleMember};

    fn set(columns: &[&str], row: Vec<Value>) -> RowSet {
        RowSet {
            columns: columns.iter().map(|&c| c.to_owned()).collect(),
            rows: vec![row],
        }
    }

    const CONFIGURATION: [&str; 6] = [
        "configuration_id",
        "name",
        "value",
        "value_in_use",
        "is_dynamic",
        "is_advanced",
    ];

    #[test]
    fn a_row_becomes_its_struct() {
        let row = vec![
            Value::Int(16390),
            Value::Text("xp_cmdshell".into()),
            Value::Int(1),
            Value::Null,
            Value::Int(1),
            Value::Int(0),
        ];
        let rows: Vec<Configuration> = set(&CONFIGURATION, row).decode().unwrap();
        assert_eq!(rows[0].value, Some(1));
        assert_eq!(rows[0].value_in_use, None);
        assert!(rows[0].is_dynamic && !rows[0].is_advanced);
    }

    #[test]
    fn a_missing_an_extra_and_a_misfit_column_are_errors() {
        let missing = set(&["role_principal_id"], vec![Value::Int(3)]);
        assert!(missing.decode::<RoleMember>().is_err());
        let extra = set(
            &["role_principal_id", "member_principal_id", "x"],
            vec![Value::Int(3); 3],
        );
        assert!(extra.decode::<RoleMember>().is_err());
        let null = set(
            &["role_principal_id", "member_principal_id"],
            vec![Value::Int(3), Value::Null],
        );
        assert!(null.decode::<RoleMember>().is_err());
        let large = set(
            &["role_principal_id", "member_principal_id"],
            vec![Value::Int(3), Value::Int(1 << 40)],
        );
        assert!(large.decode::<RoleMember>().is_err());
    }

    #[test]
    fn binary_is_hex_and_content_is_hashed() {
        let bytes = || ColumnData::Binary(Some(vec![1_u8, 0xab].into()));
        assert_eq!(
            Value::from_column("sid", bytes()).unwrap(),
            Value::Text("0x01ab".into())
        );
        let hashed = Value::from_column(TO_HASH, bytes()).unwrap();
        assert!(matches!(hashed, Value::Text(t) if t.len() == 130));
        assert!(Value::from_column("x", ColumnData::F64(Some(1.0))).is_err());
    }
}
