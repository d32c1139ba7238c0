//! Rows out of comma-separated text, as Export-Csv, SSMS and sqlcmd write it. Stricter than the readers of the field: a
//! quote that is never closed, or a row with another number of cells than the header, is a problem with a line, since a
//! lenient reader makes one row of many and says nothing.

use super::fields::Fields;
use super::{Problem, Row};

/// Characters that separate cells, in the order in which they are tried.
const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];
/// What Export-Csv writes before its header unless it is told not to.
const TYPE_LINE: &str = "#TYPE ";
/// How sqlcmd and SSMS write NULL.
const NULL: &str = "NULL";
/// Characters to which sqlcmd cuts a cell that is not told otherwise.
const SQLCMD_WIDTH: usize = 256;
const STATEMENT: &str = "statement";

/// One row with the line that it begins on; `fault` is what is wrong with its quotes.
struct Record {
    line: usize,
    cells: Vec<String>,
    fault: Option<&'static str>,
}

struct Records<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
    separator: char,
    line: usize,
}

impl Records<'_> {
    fn quoted(&mut self, cell: &mut String) -> Option<&'static str> {
        loop {
            match self.rest.next() {
                None => {
                    return Some(
                        "a quote is not closed: the file is cut off, or was written without quoting",
                    );
                }
                Some('"') if self.rest.peek() == Some(&'"') => {
                    self.rest.next();
                    cell.push('"');
                }
                Some('"') => return None,
                Some(c) => {
                    self.line += usize::from(c == '\n');
                    cell.push(c);
                }
            }
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.rest.peek()?;
        let (line, mut cells, mut fault) = (self.line, Vec::new(), None);
        loop {
            let mut cell = String::new();
            if self.rest.peek() == Some(&'"') {
                self.rest.next();
                fault = self.quoted(&mut cell).or(fault);
            }
            let ended = loop {
                match self.rest.next() {
                    None => break true,
                    Some('\n') => {
                        self.line += 1;
                        break true;
                    }
                    Some(c) if c == self.separator => break false,
                    Some('\r') if self.rest.peek() == Some(&'\n') => {}
                    Some(c) => cell.push(c),
                }
            };
            cells.push(cell);
            if ended {
                return Some(Record { line, cells, fault });
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

/// The rows of a file, each with its line, or what is wrong with it.
pub fn rows(text: &str, take: &mut dyn FnMut(Row)) {
    let (text, first_line) = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with(TYPE_LINE) => (rest, 2),
        _ => (text, 1),
    };
    let header_line = text.lines().next().unwrap_or_default();
    let separator = SEPARATORS
        .into_iter()
        .max_by_key(|s| (header_line.matches(*s).count(), std::cmp::Reverse(*s)))
        .unwrap_or(',');
    let mut records = records(text, separator, first_line);
    let Some(header) = records.next() else {
        return;
    };
    let names: Vec<String> = header.cells.iter().map(|n| n.trim().to_owned()).collect();
    if let Some(why) = header.fault {
        return take(Err(Problem::new(header.line, why)));
    }
    let (mut taken, mut by_sqlcmd) = (0_usize, false);
    for record in records {
        if is_blank(&record) {
            continue;
        }
        if taken == 0 && !by_sqlcmd && is_rule(&record.cells) {
            by_sqlcmd = true;
            continue;
        }
        if let Some(counted) = footer(&record.cells, names.len()) {
            if counted != taken {
                let why = format!(
                    "it says {counted} rows and has {taken}: some are missing or were merged"
                );
                take(Err(Problem::new(record.line, why)));
            }
            continue;
        }
        taken += 1;
        take(row(&names, record, by_sqlcmd));
    }
}

fn row(names: &[String], record: Record, by_sqlcmd: bool) -> Row {
    if let Some(why) = record.fault {
        return Err(Problem::new(record.line, why));
    }
    if record.cells.len() != names.len() {
        let (is, due) = (record.cells.len(), names.len());
        return Err(Problem::new(
            record.line,
            format!(
                "{is} cells under {due} columns: the file is cut off, or was written without quoting"
            ),
        ));
    }
    let mut fields = Fields::default();
    for (name, cell) in names.iter().zip(record.cells) {
        let is_statement =
            name.eq_ignore_ascii_case(STATEMENT) || name.eq_ignore_ascii_case("TextData");
        if by_sqlcmd && is_statement && cell.chars().count() == SQLCMD_WIDTH {
            return Err(Problem::new(
                record.line,
                "a statement of exactly 256 characters, to which sqlcmd cuts it: run it with -y 0, or export as JSON",
            ));
        }
        // sqlcmd pads cells unless it is told not to.
        let cell = if by_sqlcmd {
            cell.trim_end().to_owned()
        } else {
            cell
        };
        if cell != NULL {
            fields.push(name, cell);
        }
    }
    Ok((record.line, fields))
}

fn is_blank(record: &Record) -> bool {
    record.cells.iter().all(|cell| cell.trim().is_empty())
}

/// The line of dashes under sqlcmd's header.
fn is_rule(cells: &[String]) -> bool {
    let is_dashes = |cell: &String| {
        let cell = cell.trim();
        !cell.is_empty() && cell.bytes().all(|b| b == b'-')
    };
    cells.iter().all(is_dashes)
}

/// How many rows sqlcmd says that it wrote: `(12 rows affected)`.
fn footer(cells: &[String], columns: usize) -> Option<usize> {
    let [only] = cells else {
        return None;
    };
    if columns < 2 {
        return None;
    }
    let inner = only.trim().strip_prefix('(')?.strip_suffix(')')?;
    inner.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Row> {
        let mut all = Vec::new();
        rows(text, &mut |row| all.push(row));
        all
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
            let text = "a,b\n1,NULL\n".replace(',', &separator.to_string());
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
    fn what_sqlcmd_prints_is_read_and_counted() {
        let all = read("a,statement\n-,---------\n1 ,SELECT 1   \n\n(1 rows affected)\n");
        assert_eq!(all.len(), 1);
        assert_eq!(value(&all[0], "statement").as_deref(), Some("SELECT 1"));
        let all = read("a,b\n-,-\n1,2\n(2 rows affected)\n");
        let problem = all[1].as_ref().unwrap_err();
        assert_eq!(problem.line, 4);
        assert!(
            problem.why.contains("says 2 rows and has 1"),
            "{}",
            problem.why
        );
        let cut = format!("a,statement\n-,-\n1,{}\n", "x".repeat(256));
        assert!(read(&cut)[0].as_ref().unwrap_err().why.contains("-y 0"));
    }

    #[test]
    fn broken_rows_are_problems_with_their_line_and_the_rest_is_read() {
        let all = read("a,b\n1,2\n3\n4,5,6\n7,8\n");
        let lines: Vec<_> = all
            .iter()
            .map(|r| r.as_ref().map_or_else(|p| p.line, |r| r.0))
            .collect();
        let good: Vec<_> = all.iter().map(Result::is_ok).collect();
        assert_eq!(lines, [2, 3, 4, 5]);
        assert_eq!(good, [true, false, false, true]);
        let open = read("a,b\n1,2\n3,\"4\n5,6\n");
        assert!(open[0].is_ok());
        assert_eq!(open[1].as_ref().unwrap_err().line, 3);
        assert_eq!(open.len(), 2);
    }
}
