//! Rows out of JSON: an array of objects, an object a line, or objects after one another; and what SSMS and sqlcmd make of
//! FOR JSON, which is one text cut into lines.

use serde_json::Value;

use super::fields::Fields;
use super::{Problem, Row};

/// The column that FOR JSON has where nobody names it.
const FOR_JSON: &str = "JSON_F52E2B61";

/// Whether a text is JSON rather than comma-separated.
pub fn is_json(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with(['[', '{']) || text.starts_with(FOR_JSON)
}

/// The rows of a file, each with its line, or what is wrong with it.
pub fn rows(text: &str, take: &mut dyn FnMut(Row)) {
    if text.trim_start().starts_with(FOR_JSON) {
        return whole(&put_together(text), 1, take);
    }
    let is_by_line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .is_some_and(|line| line.starts_with('{') && serde_json::from_str::<Value>(line).is_ok());
    if !is_by_line {
        return whole(text, 1, take);
    }
    for (at, line) in text
        .lines()
        .enumerate()
        .filter(|(_, l)| !l.trim().is_empty())
    {
        match serde_json::from_str::<Value>(line) {
            Ok(value) => take(row(at + 1, &value)),
            Err(error) => take(Err(Problem::new(at + 1, without_place(&error)))),
        }
    }
}

/// One text again: without the header, its dashes, the line ends that cut it, and the count of rows. Inside of JSON's
/// strings no line ends, so that what is left out is nobody's.
fn put_together(text: &str) -> String {
    let lines = text.lines().skip(1);
    let lines = lines.filter(|line| !line.trim().is_empty());
    let lines = lines.skip_while(|line| line.trim_end().bytes().all(|b| b == b'-'));
    lines.take_while(|line| !is_count(line)).collect()
}

fn is_count(line: &str) -> bool {
    let inner = line
        .trim()
        .strip_prefix('(')
        .and_then(|l| l.strip_suffix(')'));
    let first = inner.and_then(|inner| inner.split_whitespace().next());
    first.is_some_and(|number| number.parse::<u64>().is_ok())
}

fn row(line: usize, value: &Value) -> Row {
    if value.is_object() {
        Ok((line, Fields::of_json(value)))
    } else {
        Err(Problem::new(line, "a value that is no object"))
    }
}

/// Objects after one another, or in arrays. Each is found by its braces and read alone, so that one mistake costs one row.
fn whole(text: &str, first_line: usize, take: &mut dyn FnMut(Row)) {
    let (mut line, mut arrays, mut at) = (first_line, 0_i64, 0);
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\n' => line += 1,
            b'[' => arrays += 1,
            b']' => arrays -= 1,
            b' ' | b'\t' | b'\r' | b',' => {}
            b'{' => {
                let rest = text.get(at..).unwrap_or_default();
                let Some(length) = object(rest.as_bytes()) else {
                    let why = "an object is not closed: the file is cut off or damaged, and the rest is not read";
                    return take(Err(Problem::new(line, why)));
                };
                let object = rest.get(..length).unwrap_or_default();
                take(match serde_json::from_str::<Value>(object) {
                    Ok(value) => row(line, &value),
                    Err(error) => {
                        let place = line + error.line().saturating_sub(1);
                        Err(Problem::new(place, without_place(&error)))
                    }
                });
                line += object.matches('\n').count();
                at += length;
                continue;
            }
            _ => {
                take(Err(Problem::new(line, "something that is no object")));
                let rest = bytes.get(at..).unwrap_or_default();
                at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                continue;
            }
        }
        at += 1;
    }
    if arrays != 0 {
        take(Err(Problem::new(
            line,
            "the array is not closed: the file is cut off",
        )));
    }
}

/// Bytes of the object that begins here.
fn object(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' if !in_text => depth += 1,
            b'}' if !in_text => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The reader's words without its own line, which is within one row.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Lines and the value of `a`, or lines alone of what is wrong.
    fn read(text: &str) -> Vec<(usize, Option<String>)> {
        assert!(is_json(text), "{text}");
        let mut all = Vec::new();
        rows(text, &mut |row| {
            all.push(match row {
                Ok((line, fields)) => (line, fields.get(&["a"]).map(str::to_owned)),
                Err(problem) => (problem.line, None),
            });
        });
        all
    }

    fn good(line: usize, value: &str) -> (usize, Option<String>) {
        (line, Some(value.to_owned()))
    }

    #[test]
    fn arrays_lines_and_objects_after_one_another() {
        assert_eq!(
            read("[{\"a\":1},\n {\"a\":\"}{\\\"\"}]"),
            [good(1, "1"), good(2, "}{\"")]
        );
        assert_eq!(
            read("{\"a\":1}\n\n{\"a\":2}\n"),
            [good(1, "1"), good(3, "2")]
        );
        assert_eq!(
            read("{\n\"a\":1\n}\n{\n\"a\":2\n}"),
            [good(1, "1"), good(4, "2")]
        );
        assert_eq!(read("[]"), []);
    }

    #[test]
    fn for_json_is_put_together_again() {
        let text = "JSON_F52E2B61-18A1-11d1-B105-00805F49916B\r\n-----\r\n[{\"a\":\"x-\r\n-y\"},{\"a\":\"2\"}]\r\n\r\n(2 rows affected)\r\n";
        assert_eq!(read(text), [good(1, "x--y"), good(1, "2")]);
    }

    #[test]
    fn mistakes_cost_their_row_and_what_is_cut_off_is_said() {
        assert_eq!(
            read("{\"a\":1}\n{\"a\":\n{\"a\":3}"),
            [good(1, "1"), (2, None), good(3, "3")]
        );
        assert_eq!(
            read("[{\"a\":1},\n{\"a\":tru},{\"a\":3}]"),
            [good(1, "1"), (2, None), good(2, "3")]
        );
        assert_eq!(read("[{\"a\":1},\n{\"a\":"), [good(1, "1"), (2, None)]);
        assert_eq!(read("[{\"a\":1}"), [good(1, "1"), (1, None)]);
        assert_eq!(read("[1]"), [(1, None), (1, None)]);
        let deep = format!("[{}1{}]", "{\"a\":".repeat(200), "}".repeat(200));
        assert_eq!(read(&deep), [(1, None)], "deeper than anybody writes");
    }
}
