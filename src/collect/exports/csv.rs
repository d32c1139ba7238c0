//! Rows out of comma-separated text in which every text is in quotes, as Export-Csv writes it.
//!
//! Who is audited chooses what the cells hold. Where a writer leaves quotes out (sqlcmd always, SSMS by its settings), a
//! statement that holds separators and line ends is further rows, byte for byte as honest ones would be: no count and no
//! other look at the file tells them apart. Only the header is nobody's to choose but the exporter's. So it must be in
//! quotes, and below it every text; what is not shows that the writer does not quote, and then no row counts.

use super::fields::Fields;
use super::{Problem, Row};

/// Characters that separate cells, in the order in which they are tried.
const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];
/// What Export-Csv writes before its header unless it is told not to.
const TYPE_LINE: &str = "#TYPE ";
/// How NULL is written, without quotes.
const NULL: &str = "NULL";
/// What stands without quotes where texts have them, but for numbers and times.
const WORDS: &[&str] = &["", NULL, "true", "false"];
const CUT: &str = "a quote is not closed: the file is cut off";

/// Why no row of a file counts.
#[derive(Debug, PartialEq, Eq)]
pub struct Unquoted {
    /// Where that shows.
    pub line: usize,
    /// In words.
    pub why: &'static str,
}

#[derive(Default)]
struct Cell {
    text: String,
    is_quoted: bool,
    /// Its last quote is missing, and the file ends.
    is_cut: bool,
    /// It holds a quote that no writer leaves there who doubles them.
    is_odd: bool,
}

impl Cell {
    /// What a writer who quotes every text may leave without quotes.
    fn is_sound(&self) -> bool {
        let text = self.text.trim();
        let is_word = WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
        let is_number = || {
            text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                && text
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b" .:+-TZ".contains(&b))
        };
        !self.is_odd && (self.is_quoted || is_word || is_number())
    }
}

/// One row with the line that it begins on.
struct Record {
    line: usize,
    cells: Vec<Cell>,
}

impl Record {
    fn is_cut(&self) -> bool {
        self.cells.iter().any(|cell| cell.is_cut)
    }

    fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.text.trim().is_empty())
    }
}

struct Records<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
    separator: char,
    line: usize,
}

impl Records<'_> {
    /// What follows a quote, to the one that ends it.
    fn quoted(&mut self, cell: &mut Cell) {
        cell.is_quoted = true;
        loop {
            match self.rest.next() {
                None => {
                    cell.is_cut = true;
                    return;
                }
                Some('"') if self.rest.peek() == Some(&'"') => {
                    self.rest.next();
                    cell.text.push('"');
                }
                Some('"') => return,
                Some(c) => {
                    self.line += usize::from(c == '\n');
                    cell.text.push(c);
                }
            }
        }
    }

    /// One cell, and whether the row ends with it.
    fn cell(&mut self) -> (Cell, bool) {
        let mut cell = Cell::default();
        if self.rest.peek() == Some(&'"') {
            self.rest.next();
            self.quoted(&mut cell);
        }
        loop {
            match self.rest.next() {
                None => return (cell, true),
                Some('\n') => {
                    self.line += 1;
                    return (cell, true);
                }
                Some(c) if c == self.separator => return (cell, false),
                Some('\r') if matches!(self.rest.peek(), Some('\n') | None) => {}
                Some(c) => {
                    cell.is_odd |= cell.is_quoted || c == '"';
                    cell.text.push(c);
                }
            }
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.rest.peek()?;
        let (line, mut cells) = (self.line, Vec::new());
        loop {
            let (cell, is_last) = self.cell();
            cells.push(cell);
            if is_last {
                return Some(Record { line, cells });
            }
        }
    }
}

fn records(text: &str, separator: char, line: usize) -> Records<'_> {
    Records {
        rest: text.chars().peekable(),
        separator,
        line,
    }
}

/// The rows of a file, each with its line, or what is wrong with it. `is_known` says of columns whether their rows are
/// ones that count: of others it does not matter how they are written.
///
/// # Errors
/// Rows that count, and no row of the file can be told from what somebody wrote into a cell.
pub fn rows(
    text: &str,
    is_known: fn(&Fields) -> bool,
    take: &mut dyn FnMut(Row),
) -> Result<(), Unquoted> {
    let (text, first_line) = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with(TYPE_LINE) => (rest, 2),
        _ => (text, 1),
    };
    let header_line = text.lines().next().unwrap_or_default();
    let separator = SEPARATORS
        .into_iter()
        .max_by_key(|s| (header_line.matches(*s).count(), std::cmp::Reverse(*s)))
        .unwrap_or(',');
    let mut all = records(text, separator, first_line);
    let Some(header) = all.next() else {
        return Ok(());
    };
    let names = header.cells.iter().map(|cell| cell.text.trim().to_owned());
    let names: Vec<String> = names.collect();
    let mut columns = Fields::default();
    for name in &names {
        columns.push(name, "0".to_owned());
    }
    if is_known(&columns) {
        is_quoted(&header, records(text, separator, first_line))?;
    }
    if header.is_cut() {
        take(Err(Problem::new(header.line, CUT)));
        return Ok(());
    }
    for record in all.filter(|record| !record.is_blank()) {
        take(row(&names, record));
    }
    Ok(())
}

/// Whether a file is of a writer who quotes every text.
fn is_quoted(header: &Record, all: Records<'_>) -> Result<(), Unquoted> {
    if !header.cells.iter().all(|cell| cell.is_quoted) {
        let (line, why) = (header.line, "the names of its columns are not in quotes");
        return Err(Unquoted { line, why });
    }
    for record in all {
        if !record.cells.iter().all(Cell::is_sound) {
            let (line, why) = (
                record.line,
                "a text is not in quotes, or a quote in it is not doubled",
            );
            return Err(Unquoted { line, why });
        }
    }
    Ok(())
}

fn row(names: &[String], record: Record) -> Row {
    if record.is_cut() {
        return Err(Problem::new(record.line, CUT));
    }
    if record.cells.len() != names.len() {
        let (is, due) = (record.cells.len(), names.len());
        return Err(Problem::new(
            record.line,
            format!("{is} cells under {due} columns: the file is cut off"),
        ));
    }
    let mut fields = Fields::default();
    for (name, cell) in names.iter().zip(record.cells) {
        // In quotes it is a name that somebody has.
        if cell.is_quoted || cell.text != NULL {
            fields.push(name, cell.text);
        }
    }
    Ok((record.line, fields))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn try_read(text: &str) -> Result<Vec<Row>, Unquoted> {
        let mut all = Vec::new();
        rows(text, |columns| columns.get(&["=a"]).is_some(), &mut |row| {
            all.push(row);
        })?;
        Ok(all)
    }

    fn read(text: &str) -> Vec<Row> {
        try_read(text).unwrap()
    }

    fn value(row: &Row, name: &str) -> Option<String> {
        row.as_ref().unwrap().1.get(&[name]).map(str::to_owned)
    }

    #[test]
    fn quoted_cells_keep_lines_quotes_and_separators() {
        let all = read("\"A\",\"b\"\r\n\"x\r\ny\",\"1,\"\"2\"\"\"\r\n\"z\",\r\n");
        assert_eq!(value(&all[0], "a").as_deref(), Some("x\r\ny"));
        assert_eq!(value(&all[0], "b").as_deref(), Some("1,\"2\""));
        assert_eq!(all[1].as_ref().unwrap().0, 4, "lines inside cells count");
        assert_eq!(value(&all[1], "b"), None);
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn the_separator_is_the_headers() {
        for separator in SEPARATORS {
            let text = "\"a\",\"b\"\n1,NULL\n".replace(',', &separator.to_string());
            let all = read(&text);
            assert_eq!(
                (value(&all[0], "a").as_deref(), value(&all[0], "b")),
                (Some("1"), None)
            );
        }
        let typed = read("#TYPE Selected.System.Data.DataRow\n\"a\",\"b\"\n\"1\",\"2\"\n");
        assert_eq!(typed[0].as_ref().unwrap().0, 3);
    }

    #[test]
    fn numbers_and_times_need_no_quotes_and_a_name_in_quotes_is_one() {
        let all =
            read("\"a\",\"b\",\"c\"\n-1,2026-09-01T08:00:00.12+02:00,True\n0,\"NULL\",false\n");
        let stamp = Some("2026-09-01T08:00:00.12+02:00");
        assert_eq!(value(&all[0], "b").as_deref(), stamp);
        assert_eq!(value(&all[1], "b").as_deref(), Some("NULL"));
    }

    #[test]
    fn where_a_cell_could_be_a_row_no_row_counts() {
        for (text, line) in [
            ("a,b\n1,2\n", 1),
            ("a,b\n-,-\n1,2\n\n(1 rows affected)\n", 1),
            ("\"a\",b\n\"1\",\"2\"\n", 1),
            ("a,b\n1,\"2,3\"\n", 1),
            ("\"a\",\"b\"\n\"1\",\"2\"\nCR,\"2\"\n", 3),
            ("\"a\",\"b\"\n\"1\",\"SELECT \"x\", 1\"\n", 2),
            ("\"a\",\"b\"\n\"1\",\"2\"\n\"1\"x,\"2\"\n", 3),
            ("\"a\",\"b\"\n\"1\",2\"\n", 2),
        ] {
            assert_eq!(
                try_read(text).map_err(|e| e.line).err(),
                Some(line),
                "{text}"
            );
        }
        assert!(
            try_read("c,b\n1,2\n").is_ok(),
            "rows that count for nothing"
        );
    }

    #[test]
    fn broken_rows_are_problems_with_their_line_and_the_rest_is_read() {
        let all = read("\"a\",\"b\"\n1,2\n3\n4,5,6\n7,8\n");
        let lines: Vec<_> = all
            .iter()
            .map(|r| r.as_ref().map_or_else(|p| p.line, |r| r.0))
            .collect();
        let good: Vec<_> = all.iter().map(Result::is_ok).collect();
        assert_eq!(lines, [2, 3, 4, 5]);
        assert_eq!(good, [true, false, false, true]);
        let open = read("\"a\",\"b\"\n1,2\n3,\"4\n5,6\n");
        assert!(open[0].is_ok());
        assert_eq!(open[1].as_ref().unwrap_err().line, 3);
        assert_eq!(open.len(), 2);
    }
}
