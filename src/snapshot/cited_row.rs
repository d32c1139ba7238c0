//! A row of a fact, cited by what was concluded from it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A row as the snapshot file has it, kept as its text: an estate cites millions, and as trees they would take ten times the
/// room.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CitedRow(Box<str>);

impl CitedRow {
    /// Cites a row. Rows are plain structs: serialising them cannot fail.
    pub fn of(row: &impl Serialize) -> Self {
        Self::from(serde_json::to_value(row).unwrap_or(Value::Null))
    }

    /// Whether it is the absence of a row that is cited.
    pub fn is_absent(&self) -> bool {
        &*self.0 == "null"
    }

    /// The row; null for an absence.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or(Value::Null)
    }
}

impl From<Value> for CitedRow {
    fn from(row: Value) -> Self {
        Self(row.to_string().into())
    }
}

impl Serialize for CitedRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CitedRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

impl JsonSchema for CitedRow {
    fn schema_name() -> Cow<'static, str> {
        Value::schema_name()
    }

    fn inline_schema() -> bool {
        Value::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Value::json_schema(generator)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_written_and_read_as_what_it_is() {
        let row = json!({"name": "a\"\u{202e}]", "id": 1, "sub": [null, {"z": 2, "a": true}]});
        let cited = CitedRow::from(row.clone());
        assert_eq!(serde_json::to_value(&cited).unwrap(), row);
        let text = serde_json::to_string_pretty(&cited).unwrap();
        assert_eq!(text, serde_json::to_string_pretty(&row).unwrap());
        assert_eq!(serde_json::from_str::<CitedRow>(&text).unwrap(), cited);
        assert!(!cited.is_absent());
        assert!(CitedRow::of(&()).is_absent());
        assert_eq!(CitedRow::of(&row), cited);
    }
}
