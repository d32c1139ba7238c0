//! What a run says, line by line: who ran it, and for each place the queries that were asked there and what came.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::ImportError;
use super::columns::{self, Kind, kinds, text, unhex};
use crate::collect::query::{self, Query};
use crate::collect::session::LARGEST_TARGET;
use crate::collect::target::MOST_DATABASES;
use crate::collect::value::{CODE, RowSet, Value};
use crate::snapshot::ServerError;

/// What an answer takes besides its rows and columns, with the record that is made of it.
const ANSWER_SIZE: usize = 512;
/// What a row takes besides its values.
const ROW_SIZE: usize = 64;
/// Fields of the opening line; no other line but a row has as many.
const MOST_FIELDS: usize = 11;
/// UTF-16 units in a name (`sysname`).
const LONGEST_NAME: usize = 128;

/// Who ran the script, where and when.
#[derive(Debug)]
pub struct Opening {
    /// Major version, as the script chose its queries by.
    pub version: u16,
    pub session_id: i32,
    pub started: Timestamp,
    pub server: Option<String>,
    pub login: Option<String>,
    pub host: Option<String>,
    pub application: Option<String>,
}

/// One query and what came of it.
#[derive(Debug)]
pub struct Asked {
    pub query: &'static Query,
    pub started: Timestamp,
    pub duration_ms: u32,
    pub result: Result<RowSet, ServerError>,
}

/// The server as such, or one database.
#[derive(Debug)]
pub struct Section {
    /// 0 is the server.
    pub id: i32,
    pub database: String,
    /// In order of asking.
    pub asked: Vec<Asked>,
}

/// A whole run.
#[derive(Debug)]
pub struct Answers {
    pub opening: Opening,
    /// The server first.
    pub sections: Vec<Section>,
    /// Databases that were not entered.
    pub skipped: BTreeSet<i32>,
    pub ended: Timestamp,
}

/// The lines of a run and the place in them.
struct Lines<'t> {
    lines: std::iter::Peekable<std::str::SplitTerminator<'t, char>>,
    /// Bytes that the answers may still take.
    left: usize,
}

fn wrong(what: impl Into<String>) -> ImportError {
    ImportError::malformed(what)
}

/// Reads a run.
///
/// # Errors
/// It is not of the form that the script prints.
pub fn read(content: &str) -> Result<Answers, ImportError> {
    read_within(content, LARGEST_TARGET)
}

fn read_within(content: &str, left: usize) -> Result<Answers, ImportError> {
    if !content.ends_with(';') {
        return Err(wrong("the last line does not end"));
    }
    let mut lines = Lines {
        lines: content.split_terminator(';').peekable(),
        left,
    };
    let opening = opening(lines.next().unwrap_or_default())?;
    let server = Section {
        id: 0,
        database: String::new(),
        asked: Vec::new(),
    };
    let (mut sections, mut skipped) = (vec![server], BTreeSet::new());
    let (mut asked, mut failed, mut seen) = (0, 0, BTreeSet::new());
    while let Some(line) = lines.next() {
        match fields(line)?.as_slice() {
            ["ask", id, name, started] => {
                let section = sections.last_mut();
                let section = section.filter(|s| number(id) == Some(s.id));
                let section = section.ok_or_else(|| wrong(format!("{name} is asked elsewhere")))?;
                let answer = lines.answer(opening.version, name, started)?;
                asked += 1;
                failed += u32::from(answer.result.is_err());
                section.asked.push(answer);
            }
            ["in", id, name] => sections.push(Section {
                id: fresh(id, &mut seen)?,
                database: unhex(name)
                    .filter(|bytes| bytes.len() <= 2 * LONGEST_NAME)
                    .and_then(|bytes| text(&bytes))
                    .ok_or_else(|| wrong("a database has no name"))?,
                asked: Vec::new(),
            }),
            ["skip", id] => {
                skipped.insert(fresh(id, &mut seen)?);
            }
            ["close", counted, refused, entered, ended] => {
                let counts = [counted, refused, entered].map(|field| number::<u32>(field));
                let databases = u32::try_from(sections.len() - 1).ok();
                if counts != [Some(asked), Some(failed), databases] || lines.next().is_some() {
                    return Err(wrong("the closing record counts something else"));
                }
                return Ok(Answers {
                    opening,
                    sections,
                    skipped,
                    ended: moment(ended)?,
                });
            }
            _ => return Err(wrong("a line of an unknown kind stands in them")),
        }
    }
    Err(wrong("the last line is not the closing one"))
}

/// The id of a database that was not met before.
fn fresh(id: &str, seen: &mut BTreeSet<i32>) -> Result<i32, ImportError> {
    let id = number(id).filter(|id| *id > 0 && seen.insert(*id));
    let id = id.ok_or_else(|| wrong("a database has no id of its own"))?;
    if seen.len() > MOST_DATABASES {
        return Err(too_many_databases());
    }
    Ok(id)
}

fn too_many_databases() -> ImportError {
    wrong(format!(
        "they name more than the {MOST_DATABASES} databases that an instance can hold"
    ))
}

/// The fields of a line that is no row.
fn fields(line: &str) -> Result<Vec<&str>, ImportError> {
    let fields: Vec<&str> = line.splitn(MOST_FIELDS + 1, ',').collect();
    if fields.len() > MOST_FIELDS {
        return Err(wrong(format!(
            "a line has more than {MOST_FIELDS} fields and is no row"
        )));
    }
    Ok(fields)
}

fn opening(line: &str) -> Result<Opening, ImportError> {
    let fields = fields(line)?;
    let ["open", _, _, _, version, session, started, names @ ..] = fields.as_slice() else {
        return Err(wrong("the first line is not the opening one"));
    };
    let names: Vec<Option<String>> = names
        .iter()
        .map(|field| name(field))
        .collect::<Result<_, _>>()?;
    let (Some(version), Some(session_id), Ok([server, login, host, application])) =
        (number(version), number(session), <[_; 4]>::try_from(names))
    else {
        return Err(wrong("the opening line has other fields"));
    };
    Ok(Opening {
        version,
        session_id,
        started: moment(started)?,
        server,
        login,
        host,
        application,
    })
}

/// A name that may be NULL.
fn name(field: &str) -> Result<Option<String>, ImportError> {
    let read = |digits: &str| text(&unhex(digits)?);
    match field {
        "-" => Ok(None),
        digits => read(digits)
            .map(Some)
            .ok_or_else(|| wrong("a name is no text")),
    }
}

fn number<T: std::str::FromStr>(field: &str) -> Option<T> {
    field.parse().ok()
}

fn moment(field: &str) -> Result<Timestamp, ImportError> {
    field.parse().map_err(|_| wrong("a time is not a time"))
}

impl<'t> Lines<'t> {
    fn next(&mut self) -> Option<&'t str> {
        self.lines.next()
    }

    /// Counts what an answer takes.
    fn takes(&mut self, size: usize) -> Result<(), ImportError> {
        let left = self.left.checked_sub(size);
        self.left = left.ok_or_else(|| {
            let most = LARGEST_TARGET >> 20;
            wrong(format!(
                "they hold answers of more than {most} MiB besides code"
            ))
        })?;
        Ok(())
    }

    /// The rows and the end of one query.
    fn answer(&mut self, version: u16, name: &str, started: &str) -> Result<Asked, ImportError> {
        let query = query::all()
            .iter()
            .find(|q| q.name == name && q.versions.contains(&version))
            .ok_or_else(|| wrong("a query is asked that this version does not have"))?;
        let started = moment(started)?;
        let columns: Vec<String> = query.columns.split(", ").map(str::to_owned).collect();
        let kinds = kinds(query);
        let mut rows = Vec::new();
        self.takes(
            ANSWER_SIZE
                + columns
                    .iter()
                    .map(|c| size_of::<String>() + c.len())
                    .sum::<usize>(),
        )?;
        while let Some(line) = self.lines.next_if(|line| line.starts_with("r,")) {
            if name == "databases" && rows.len() == MOST_DATABASES {
                return Err(too_many_databases());
            }
            let values = row(&columns, &kinds, line);
            let values =
                values.ok_or_else(|| wrong(format!("a row of {name} has other values")))?;
            self.takes(ROW_SIZE + size(&columns, &values))?;
            rows.push(values);
        }
        let end = self.lines.next().unwrap_or_default();
        let fields = fields(end)?;
        let (duration, result) = match fields.as_slice() {
            ["end", duration] => (duration, Ok(RowSet { columns, rows })),
            ["err", duration, error, message] if rows.is_empty() => {
                (duration, Err(server_error(error, message)?))
            }
            _ => return Err(wrong(format!("the answer to {name} has no end"))),
        };
        // A clock that was set back meanwhile counts as no time.
        let duration: i64 = number(duration).ok_or_else(|| wrong("a duration is not a number"))?;
        Ok(Asked {
            query,
            started,
            duration_ms: u32::try_from(duration.max(0)).unwrap_or(u32::MAX),
            result,
        })
    }
}

/// The values of a row, no more and no fewer than there are columns.
fn row(columns: &[String], kinds: &[Kind], line: &str) -> Option<Vec<Value>> {
    let mut cells = line.split(',').skip(1);
    let mut values = Vec::with_capacity(columns.len());
    for (column, kind) in columns.iter().zip(kinds) {
        values.push(columns::value(column, *kind, cells.next()?)?);
    }
    let whole = kinds.len() == columns.len() && cells.next().is_none();
    whole.then_some(values)
}

/// Bytes that values take. Code counts as nothing: it is no larger than the file.
fn size(columns: &[String], values: &[Value]) -> usize {
    let content = |(column, value): (&String, &Value)| match value {
        Value::Text(text) if !CODE.contains(&column.as_str()) => text.len(),
        _ => 0,
    };
    size_of_val(values) + columns.iter().zip(values).map(content).sum::<usize>()
}

fn server_error(error: &str, message: &str) -> Result<ServerError, ImportError> {
    let text = unhex(message).and_then(|bytes| text(&bytes));
    match (number(error), text) {
        (Some(number), Some(text)) => Ok(ServerError::new(number, text)),
        _ => Err(wrong("an error has no number or no text")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TIME: &str = "2026-01-01T00:00:00Z";

    fn run(answers: &str, asked: u32) -> String {
        format!("open,1,1,00,16,58,{TIME},-,-,-,-;{answers}close,{asked},0,0,{TIME};")
    }

    #[test]
    fn answers_are_read_within_a_budget() {
        let query = query::all().iter().find(|q| q.name == "databases").unwrap();
        let count = query.columns.split(", ").count();
        let row = format!("r{};", ",-".repeat(count));
        let answer = format!("ask,0,databases,{TIME};{}end,0;", row.repeat(100));
        let values = 100 * (ROW_SIZE + count * size_of::<Value>());
        // Names of columns among it.
        let one = values + 2 * ANSWER_SIZE + count * 2 * size_of::<String>();
        assert!(read_within(&run(&answer, 1), one).is_ok());
        for (content, left) in [
            (run(&answer, 1), values),
            (run(&answer.repeat(2), 2), one),
            (
                run(&format!("ask,0,databases,{TIME};end,0;").repeat(200), 200),
                200 * ANSWER_SIZE,
            ),
        ] {
            let error = read_within(&content, left).unwrap_err().to_string();
            assert!(error.contains("answers of more than 1024 MiB"), "{error}");
            assert!(read(&content).is_ok());
        }
    }
}
