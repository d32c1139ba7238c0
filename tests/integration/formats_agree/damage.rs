//! Files as they are written, and the same with one thing in them that is not so.

use std::collections::BTreeMap;

use calamine::{Data, Reader};
use serde_json::Value;

/// Files by path; what was printed stands under `stdout`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(pub BTreeMap<String, Vec<u8>>);

/// A sheet's cells, row by row.
pub type Sheet = Vec<Vec<String>>;

pub const WORKBOOK: &str = "reports/report.xlsx";

/// What is changed.
pub enum Damage {
    /// In a file, the first line that holds all of these is gone.
    Line(&'static str, &'static [&'static str]),
    /// In a file, the first number behind these, each behind the one before it, is one more.
    Number(&'static str, &'static [&'static str]),
    /// In a file, the first text like this is another.
    Text(&'static str, &'static str, &'static str),
    /// In a JSON file, of the list that this points at, the first that is so is gone.
    Item(&'static str, &'static str, fn(&Value) -> bool),
    /// On a sheet of the workbook, the first row with this cell is gone.
    Row(&'static str, &'static str),
}

impl Files {
    #[track_caller]
    pub fn text(&self, path: &str) -> &str {
        let bytes = self.0.get(path).unwrap_or_else(|| panic!("no {path}"));
        std::str::from_utf8(bytes).unwrap()
    }

    #[track_caller]
    pub fn json(&self, path: &str) -> Value {
        serde_json::from_str(self.text(path)).unwrap()
    }

    /// A file's lines, each a JSON text.
    #[track_caller]
    pub fn json_lines(&self, path: &str) -> Vec<Value> {
        let lines = self.text(path).lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The workbook's sheets, in their order.
    pub fn sheets(&self) -> Vec<(String, Sheet)> {
        let bytes = std::io::Cursor::new(self.0[WORKBOOK].clone());
        let mut book: calamine::Xlsx<_> = Reader::new(bytes).unwrap();
        let sheets = book.worksheets().into_iter();
        let cell = |cell: &Data| cell.to_string();
        let sheets = sheets.map(|(name, range)| {
            let rows = range.rows().map(|row| row.iter().map(cell).collect());
            (name, rows.collect())
        });
        sheets.collect()
    }

    pub fn damaged(&self, damage: &Damage) -> Self {
        let mut files = self.clone();
        let (path, bytes) = match *damage {
            Damage::Line(path, holds) => (path, without_line(self.text(path), holds).into_bytes()),
            Damage::Number(path, behind) => (path, one_more(self.text(path), behind).into_bytes()),
            Damage::Text(path, from, to) => {
                (path, self.text(path).replacen(from, to, 1).into_bytes())
            }
            Damage::Item(path, pointer, is) => {
                let mut whole = self.json(path);
                let list = whole
                    .pointer_mut(pointer)
                    .and_then(Value::as_array_mut)
                    .unwrap();
                let at = list.iter().position(is).unwrap();
                list.remove(at);
                (path, whole.to_string().into_bytes())
            }
            Damage::Row(sheet, holds) => (WORKBOOK, without_row(self.sheets(), sheet, holds)),
        };
        files.0.insert(path.to_owned(), bytes);
        files
    }
}

fn without_line(text: &str, holds: &[&str]) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at = lines
        .iter()
        .position(|line| holds.iter().all(|part| line.contains(part)));
    lines.remove(at.unwrap_or_else(|| panic!("no line with {holds:?}")));
    lines.concat()
}

fn one_more(text: &str, behind: &[&str]) -> String {
    let at = behind.iter().fold(0, |at, part| {
        let found = text[at..]
            .find(part)
            .unwrap_or_else(|| panic!("no {part:?} behind those before it"));
        at + found + part.len()
    });
    let is_digit = |c: char| c.is_ascii_digit();
    let begin = at + text[at..].find(is_digit).unwrap();
    let end = begin + text[begin..].find(|c| !is_digit(c)).unwrap();
    let number: u64 = text[begin..end].parse().unwrap();
    format!("{}{}{}", &text[..begin], number + 1, &text[end..])
}

fn without_row(sheets: Vec<(String, Sheet)>, sheet: &str, holds: &str) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    for (name, mut rows) in sheets {
        if name == sheet {
            let at = rows
                .iter()
                .position(|row| row.iter().any(|cell| cell == holds));
            rows.remove(at.unwrap_or_else(|| panic!("no row with {holds}")));
        }
        let to = book.add_worksheet().set_name(name).unwrap();
        for (row, cells) in (0..).zip(&rows) {
            for (column, cell) in (0..).zip(cells) {
                to.write_string(row, column, cell).unwrap();
            }
        }
    }
    book.save_to_buffer().unwrap()
}
