//! OPENJSON of a document that is known.

use super::code::Code;
use super::expression::{Columns, Expression};
use super::folded::Folded;
use super::json::Json;
use super::lexer::TokenKind;
use super::rows::{MOST_ROWS, Rows};
use super::types::{Base, DataType};
use super::value::{Kind, Value};

/// What taking a byte of a document apart costs.
const PER_BYTE: usize = 8;

/// A column that WITH names.
struct Column {
    name: String,
    data_type: DataType,
    /// Where in an element it is; `None` where that is not told as it is understood.
    path: Option<String>,
}

impl Expression<'_, '_> {
    /// The rows of OPENJSON, whose first argument is at `at`, and the token after it and its WITH.
    pub(super) fn open_json(&mut self, at: usize) -> (Option<Rows>, usize) {
        let close = self.code.after_group(at - 1);
        if !self.code.is_word(close, &["with"]) || !self.code.is(close + 1, "(") {
            return (self.opened(at, close, None), close);
        }
        let after = self.code.after_group(close + 1);
        let columns = columns(self.code, close + 2, after);
        (self.opened(at, close, Some(&columns)), after)
    }

    fn opened(&mut self, at: usize, close: usize, columns: Option<&[Column]>) -> Option<Rows> {
        let (document, mut next) = self.with(self.columns, at);
        let mut path = Folded::from(Value::made("$", Kind::Text, 0));
        if self.code.is(next, ",") {
            (path, next) = self.with(Columns::None, next + 1);
        }
        let path = path.only().filter(|path| path.is_exact())?;
        let document = document.only().filter(|document| document.is_exact())?;
        if next + 1 != close || !self.budget.spend(document.len() * PER_BYTE) {
            return None;
        }
        let json = Json::read(document)?;
        let json = json.at(path.text())?;
        match columns {
            Some(columns) => self.elements(document, json, columns),
            None => self.members(document, json),
        }
    }

    /// A row for each member: its name or place, and its text.
    fn members(&mut self, document: &Value, json: &Json) -> Option<Rows> {
        let mut rows = Rows {
            columns: vec!["key".to_owned(), "value".to_owned()],
            ..Rows::default()
        };
        for (name, member) in json.members()? {
            let value = self.scalar(document, member)?;
            let name = Value::decoded(&name, Kind::National, document.origin(0));
            rows.rows.push(vec![name.into(), value.into()]);
        }
        (rows.rows.len() <= MOST_ROWS).then_some(rows)
    }

    /// A row for each element of an array, or for the one object.
    fn elements(&mut self, document: &Value, json: &Json, columns: &[Column]) -> Option<Rows> {
        let elements = match json {
            Json::Array(elements) => elements.iter().collect(),
            json => vec![json],
        };
        let mut rows = Rows {
            columns: columns.iter().map(|column| column.name.clone()).collect(),
            ..Rows::default()
        };
        for element in elements.into_iter().take(MOST_ROWS + 1) {
            let mut row = Vec::new();
            for column in columns {
                let found = element.at(column.path.as_deref()?)?;
                let value = self.scalar(document, found)?;
                let origin = document.origin(0);
                row.push(Folded::from(value).converted(column.data_type, origin, true));
            }
            rows.rows.push(row);
        }
        (rows.rows.len() <= MOST_ROWS).then_some(rows)
    }

    /// The text of a member, which is looked for in the document.
    fn scalar(&mut self, document: &Value, json: &Json) -> Option<Value> {
        let value = json.scalar(document)?;
        self.budget.spend(document.len()).then_some(value)
    }
}

/// `name type 'path', …`
fn columns(code: &Code, mut at: usize, end: usize) -> Vec<Column> {
    let mut columns = Vec::new();
    while at + 1 < end {
        let name = code.part(at).0.to_owned();
        let (data_type, next) = DataType::read(code, at + 1);
        let ends = |at: usize| code.is(at, ",") || at + 1 == end;
        let is_path = code.kind(next) == Some(TokenKind::String) && ends(next + 1);
        let path = match data_type.base {
            // Its text is base64.
            Base::Binary => None,
            _ if ends(next) => Some(format!("$.\"{name}\"")),
            _ if is_path => Some(code.source().literal(code.range(next)).0.text().to_owned()),
            _ => None,
        };
        at = next;
        while at + 1 < end && !code.is(at, ",") {
            at += 1;
        }
        at += 1;
        columns.push(Column {
            name: name.to_lowercase(),
            data_type,
            path,
        });
    }
    columns
}
