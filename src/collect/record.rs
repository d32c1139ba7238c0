//! Writes down every query that was sent, when, and how it ended.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::query::Query;
use super::session::{Answer, Broken};
use crate::ids::DatabaseName;
use crate::snapshot::{DatabaseRow, QueryOutcome, QueryRecord, ServerError, sha256_hex};

/// The records of one stretch of work, in order of sending.
#[derive(Default)]
pub struct Recorder {
    records: Vec<QueryRecord>,
}

/// The moment a batch was sent.
pub struct Start {
    moment: Timestamp,
    clock: Instant,
}

/// Milliseconds, always three: texts of one form sort as their moments do.
pub fn utc(moment: Timestamp) -> String {
    format!("{moment:.3}")
}

/// This moment.
pub fn now() -> String {
    utc(Timestamp::now())
}

impl Start {
    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }
}

impl Recorder {
    /// Notes the moment before sending.
    #[allow(clippy::unused_self)] // so that nothing but a recorder reads the clock
    pub fn start(&self) -> Start {
        Start {
            moment: Timestamp::now(),
            clock: Instant::now(),
        }
    }

    /// Every query of a batch, however the batch ended: after an error none of its answers counts.
    pub fn batch(
        &mut self,
        start: &Start,
        database: Option<&DatabaseRow>,
        queries: &[&'static Query],
        result: &Result<Answer, Broken>,
    ) {
        let (outcome, duration) = match result {
            Ok(answer) => (
                answer.error.clone().map_or(Ok(answer), Err),
                answer.duration,
            ),
            Err(broken) => (Err(ServerError::local(broken.to_string())), start.elapsed()),
        };
        for query in queries {
            let rows = outcome.clone().map(|answer| answer.rows(query.name));
            self.push(start, database, query, rows, duration);
        }
    }

    fn push(
        &mut self,
        start: &Start,
        database: Option<&DatabaseRow>,
        query: &Query,
        rows: Result<usize, ServerError>,
        duration: Duration,
    ) {
        self.records.push(QueryRecord {
            query: query.name.to_owned(),
            sha256: sha256_hex(query.text.as_bytes()),
            database: database.map(|row| DatabaseName::new(row.name.clone())),
            started: utc(start.moment),
            duration_ms: u32::try_from(duration.as_millis()).unwrap_or(u32::MAX),
            rows: rows
                .as_ref()
                .map_or(0, |rows| u32::try_from(*rows).unwrap_or(u32::MAX)),
            outcome: match rows {
                Ok(_) => QueryOutcome::Answered,
                Err(_) => QueryOutcome::Failed,
            },
            error: rows.err(),
        });
    }

    /// The records, in order.
    pub fn into_records(self) -> Vec<QueryRecord> {
        self.records
    }
}
