//! FOR XML: rows put together as one text.

use super::expression::Expression;
use super::folded::{Folded, Taint, reasons};
use super::rows::Rows;
use super::value::{Kind, Value};

impl Expression<'_, '_> {
    /// FOR XML, whose XML is at `at`, as one value.
    pub(super) fn as_xml(&mut self, rows: &Rows, at: usize, origin: usize) -> Rows {
        let mut xml = Rows {
            columns: vec![String::new()],
            ..Rows::default()
        };
        if !self.code.is_word(at + 1, &["path"]) {
            xml.rows.push(vec![Folded::from_outside(
                origin,
                Taint::DATA,
                reasons::FUNCTION,
            )]);
            return xml;
        }
        let element = if self.code.is(at + 2, "(") {
            self.code.part(at + 3).0.to_owned()
        } else {
            "row".to_owned()
        };
        let tail = at + 2..(at + 16).min(self.code.len());
        let has_root = tail.clone().any(|at| self.code.is_word(at, &["root"]));
        let is_type = tail.into_iter().any(|at| self.code.is_word(at, &["type"]));
        let mut whole = Folded::from(Value::of_kind(Kind::National));
        for row in &rows.rows {
            self.add_element(&mut whole, &element, origin, |this, whole| {
                this.add_cells(whole, &rows.columns, row, origin);
            });
        }
        if has_root {
            whole.open(reasons::FUNCTION);
        }
        if rows.rows.is_empty() {
            whole = Folded::null();
        }
        if is_type {
            whole = whole.map(|value| value.of(Kind::Xml));
        }
        rows.qualify(&mut whole, self.budget);
        xml.rows.push(vec![whole]);
        xml
    }

    /// `<name>`, what `content` adds, `</name>`; without tags where there is no name.
    fn add_element(
        &mut self,
        whole: &mut Folded,
        name: &str,
        origin: usize,
        content: impl FnOnce(&mut Self, &mut Folded),
    ) {
        let tag = |text: String| Folded::from(Value::made(&text, Kind::National, origin));
        if name.is_empty() {
            return content(self, whole);
        }
        whole.append(&tag(format!("<{name}>")), origin, self.budget);
        content(self, whole);
        whole.append(&tag(format!("</{name}>")), origin, self.budget);
    }

    /// The columns of one row as XML.
    fn add_cells(&mut self, whole: &mut Folded, columns: &[String], row: &[Folded], origin: usize) {
        for (place, cell) in row.iter().enumerate() {
            let Some(cell) = cell.clone().without_null() else {
                continue;
            };
            let name = columns.get(place).map_or("", String::as_str);
            if name == "data()" && whole.len() > 0 {
                let blank = Value::made(" ", Kind::National, origin);
                whole.append(&blank.into(), origin, self.budget);
            }
            let bare = matches!(name, "*" | "text()" | "node()" | "data()");
            let name = if bare { "" } else { name };
            self.add_element(whole, name, origin, |this, whole| {
                whole.append(&cell.map(escaped), origin, this.budget);
            });
        }
    }
}

fn escaped(value: &Value) -> Value {
    let special = value.text().contains(['<', '>', '&', '\r']);
    match value.kind {
        Kind::Xml => value.clone(),
        _ if special => value.map(false, super::decode::to_xml).to_text(true, None),
        _ => value.to_text(true, None),
    }
}
