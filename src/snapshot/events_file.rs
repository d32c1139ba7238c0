//! A file of events as `changes` writes it, read back.

use std::io::{self, BufRead};

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::ids::InstanceId;

use super::{EVENTS_SCHEMA, Event, EventsHeader, EventsTarget, HostEvent};

/// A file of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsFile {
    /// What was asked for.
    pub header: EventsHeader,
    /// Each target with its events, in the order of the file.
    pub targets: Vec<TargetEvents>,
}

/// What a file holds of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetEvents {
    /// What was seen.
    pub target: EventsTarget,
    /// Its events.
    pub events: Vec<Event>,
    /// What its Windows recorded.
    pub host: Vec<HostEvent>,
}

/// What is wrong with a file of events.
#[derive(Debug, thiserror::Error)]
pub enum EventsFileError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line is none of such a file.
    #[error("line {line}: {what}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}

#[derive(Deserialize)]
struct Kind {
    line: String,
}

impl EventsFile {
    /// Reads a file of events.
    ///
    /// # Errors
    /// See [`EventsFileError`].
    pub fn read(from: impl BufRead) -> Result<Self, EventsFileError> {
        let mut lines = from.lines().enumerate();
        let (_, first) = lines
            .next()
            .ok_or_else(|| wrong(1, "the file is empty: `changes --format jsonl` writes them"))?;
        let header: EventsHeader = parsed(1, &first?)?;
        if header.schema != EVENTS_SCHEMA {
            let what = format!(
                "schema {:?}, and this version reads {EVENTS_SCHEMA:?}",
                header.schema
            );
            return Err(wrong(1, what));
        }
        for moment in header.until.iter().chain([&header.since]) {
            if moment.parse::<Timestamp>().is_err() {
                return Err(wrong(1, format!("{moment:?} is no moment")));
            }
        }
        let mut targets: Vec<TargetEvents> = Vec::new();
        for (at, text) in lines {
            let (number, text) = (at + 1, text?);
            let kind: Kind = parsed(number, &text)?;
            if kind.line == "target" {
                let target: EventsTarget = parsed(number, &text)?;
                if targets.iter().any(|own| own.target.target == target.target) {
                    let what = format!("target {} stands above already", target.target);
                    return Err(wrong(number, what));
                }
                targets.push(TargetEvents {
                    target,
                    events: Vec::new(),
                    host: Vec::new(),
                });
                continue;
            }
            let own = targets.last_mut();
            if kind.line == "host" {
                let event: HostEvent = parsed(number, &text)?;
                place(number, own, &event.target, &event.moment)?
                    .host
                    .push(event);
            } else {
                let event: Event = parsed(number, &text)?;
                place(number, own, &event.target, &event.moment)?
                    .events
                    .push(event);
            }
        }
        Ok(Self { header, targets })
    }
}

/// Where an event of this target and moment goes.
fn place<'t>(
    line: usize,
    own: Option<&'t mut TargetEvents>,
    target: &InstanceId,
    moment: &str,
) -> Result<&'t mut TargetEvents, EventsFileError> {
    // An event of no moment could be of any.
    if moment.parse::<Timestamp>().is_err() {
        return Err(wrong(line, format!("{moment:?} is no moment")));
    }
    let own = own.filter(|own| own.target.target == *target);
    let why = || format!("an event of {target}, which is not the target before it");
    own.ok_or_else(|| wrong(line, why()))
}

fn wrong(line: usize, what: impl Into<String>) -> EventsFileError {
    let what = what.into();
    EventsFileError::Line { line, what }
}

fn parsed<T: DeserializeOwned>(line: usize, text: &str) -> Result<T, EventsFileError> {
    serde_json::from_str(text).map_err(|error| wrong(line, error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const HEADER: &str = r#"{"schema":"mssql-posture/events/v1","collector":"c","since":"2026-09-01T00:00:00.0000000Z","until":null,"max_events":9}"#;
    const TARGET: &str = r#"{"line":"target","target":"a","outcome":{"state":"finished"},"server_name":null,"utc_offset_minutes":0,"sources":[]}"#;

    #[test]
    fn what_is_no_file_of_events_is_refused_with_its_line() {
        let read = |text: &str| EventsFile::read(text.as_bytes());
        let whole = format!("{HEADER}\n{TARGET}\n");
        assert_eq!(read(&whole).unwrap().targets.len(), 1);
        let event = r#"{"line":"event","target":"b"}"#;
        for (text, due) in [
            (String::new(), "line 1: the file is empty"),
            (whole.replace("events/v1", "events/v2"), "line 1: schema"),
            (
                whole.replace("2026-09-01T", "soon "),
                "line 1: \"soon 00:00:00.0000000Z\" is no moment",
            ),
            (
                whole.replace("null,\"max", "\"later\",\"max"),
                "line 1: \"later\" is no moment",
            ),
            (format!("{HEADER}\n{{}}\n"), "line 2: missing field"),
            (format!("{whole}{event}\n"), "line 3: missing field"),
            (format!("{whole}not json\n"), "line 3:"),
            (format!("{whole}{TARGET}\n"), "line 3: target a stands"),
            (TARGET.to_owned(), "line 1:"),
        ] {
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(due), "{error}");
        }
    }
}
