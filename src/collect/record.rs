//! Writes down every query that was sent, when, and how it ended.

use jiff::Timestamp;

use super::place;
use super::query::{self, Query};
use super::session::Answer;
use crate::ids::DatabaseName;
use crate::snapshot::{DatabaseRow, QueryOutcome, QueryRecord, sha256_hex};

/// The records of one stretch of work, in order of sending.
#[derive(Default)]
pub struct Recorder {
    records: Vec<QueryRecord>,
}

/// The moment a batch was sent.
pub struct Start(Timestamp);

impl Recorder {
    /// Notes the moment before sending.
    #[allow(clippy::unused_self)] // so that nothing but a recorder reads the clock
    pub fn start(&self) -> Start {
        Start(Timestamp::now())
    }

    /// Every query of a batch that was answered whole.
    pub fn answered(&mut self, start: &Start, database: Option<&DatabaseRow>, answer: &Answer) {
        for (name, set) in &answer.sets {
            if let Some(query) = query::all().iter().find(|q| q.name == *name) {
                self.push(start, database, query, &Ok(set.rows.len()), answer.duration);
            }
        }
    }

    /// A query that was sent alone.
    pub fn single(
        &mut self,
        start: &Start,
        database: Option<&DatabaseRow>,
        query: &Query,
        result: &place::Result,
        duration: std::time::Duration,
    ) {
        let rows = result
            .as_ref()
            .map(|set| set.rows.len())
            .map_err(Clone::clone);
        self.push(start, database, query, &rows, duration);
    }

    fn push(
        &mut self,
        start: &Start,
        database: Option<&DatabaseRow>,
        query: &Query,
        rows: &std::result::Result<usize, crate::snapshot::ServerError>,
        duration: std::time::Duration,
    ) {
        self.records.push(QueryRecord {
            query: query.name.to_owned(),
            sha256: sha256_hex(query.text.as_bytes()),
            database: database.map(|row| DatabaseName::new(row.name.clone())),
            started: start.0.to_string(),
            duration_ms: u32::try_from(duration.as_millis()).unwrap_or(u32::MAX),
            rows: rows
                .as_ref()
                .map_or(0, |rows| u32::try_from(*rows).unwrap_or(u32::MAX)),
            outcome: if rows.is_ok() {
                QueryOutcome::Answered
            } else {
                QueryOutcome::Failed
            },
            error: rows.as_ref().err().cloned(),
        });
    }

    /// The records, in order.
    pub fn into_records(self) -> Vec<QueryRecord> {
        self.records
    }
}
