//! What a run says, line by line: who ran it, and for each place the queries that were asked there and what came.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::ImportError;
use super::columns::{self, kinds, text, unhex};
use crate::collect::query::{self, Query};
use crate::collect::value::RowSet;
use crate::snapshot::ServerError;

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
    pub skipped: Vec<i32>,
    pub ended: Timestamp,
}

/// The lines of a run and the place in them.
struct Lines<'t> {
    lines: std::iter::Peekable<std::str::SplitTerminator<'t, char>>,
}

fn wrong(what: impl Into<String>) -> ImportError {
    ImportError::malformed(what)
}

/// Reads a run.
///
/// # Errors
/// It is not of the form that the script prints.
pub fn read(content: &str) -> Result<Answers, ImportError> {
    if !content.ends_with(';') {
        return Err(wrong("the last line does not end"));
    }
    let mut lines = Lines {
        lines: content.split_terminator(';').peekable(),
    };
    let opening = opening(lines.next().unwrap_or_default())?;
    let server = Section {
        id: 0,
        database: String::new(),
        asked: Vec::new(),
    };
    let (mut sections, mut skipped) = (vec![server], Vec::new());
    let (mut asked, mut failed, mut seen) = (0, 0, BTreeSet::new());
    while let Some(line) = lines.next() {
        let fields: Vec<&str> = line.split(',').collect();
        match fields.as_slice() {
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
                    .and_then(|bytes| text(&bytes))
                    .ok_or_else(|| wrong("a database has no name"))?,
                asked: Vec::new(),
            }),
            ["skip", id] => skipped.push(fresh(id, &mut seen)?),
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
    id.ok_or_else(|| wrong("a database has no id of its own"))
}

fn opening(line: &str) -> Result<Opening, ImportError> {
    let fields: Vec<&str> = line.split(',').collect();
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
        while let Some(cells) = self.lines.next_if(|line| line.starts_with("r,")) {
            let cells = cells.split(',').skip(1);
            let values = columns.iter().zip(&kinds).zip(cells.clone());
            let values =
                values.map(|((column, kind), digits)| columns::value(column, *kind, digits));
            let values: Option<Vec<_>> = values.collect();
            let whole = kinds.len() == columns.len() && cells.count() == columns.len();
            let values = values.filter(|_| whole);
            rows.push(values.ok_or_else(|| wrong(format!("a row of {name} has other values")))?);
        }
        let end = self.lines.next().unwrap_or_default();
        let fields: Vec<&str> = end.split(',').collect();
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

fn server_error(error: &str, message: &str) -> Result<ServerError, ImportError> {
    let text = unhex(message).and_then(|bytes| text(&bytes));
    match (number(error), text) {
        (Some(number), Some(text)) => Ok(ServerError::new(number, text)),
        _ => Err(wrong("an error has no number or no text")),
    }
}
