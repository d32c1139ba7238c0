//! One connection to one server. The driver reports only the first error of a batch, at its end, and
//! after a cancelled or broken request it can answer a question with the answer to the one before.
//! So: every result set names its query; a batch with an error counts for nothing; a connection on
//! which anything timed out, broke or answered out of turn is closed and never used again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use tiberius::{Client, QueryItem};
use tokio_util::compat::Compat;

use super::place;
use super::query::{PROBE_SETTING, Query, SESSION_SETTINGS, use_database};
use super::spool::Spool;
use super::value::{self, RowSet, Value};
use super::watch::Watched;
use crate::snapshot::{ServerError, ServerIdentity, SessionIdentity};

/// Prefix of a result's first column: what follows is the query's name.
const TAG: &str = "q_";
const CONTEXT: &str = "context";
/// Most bytes that are taken from one target besides code. No catalog is that large; a server that sends without
/// end must not fill our memory.
pub const LARGEST_TARGET: usize = 1 << 30;
/// Most of these from one batch: one database must not use up what all others need.
const LARGEST_BATCH: usize = LARGEST_TARGET / 2;
/// Most bytes of code, which goes to disk.
const LARGEST_CODE: usize = 8 << 30;
/// The same where it goes to memory.
const LARGEST_CODE_IN_MEMORY: usize = 256 << 20;
/// What a row takes besides its values.
const ROW_SIZE: usize = 64;

/// A logged-in connection, until something goes wrong on it.
pub struct Session {
    client: Option<Box<Client<Compat<Watched>>>>,
    /// The server's number of the session, `@@SPID`.
    pub id: i32,
    /// The address that it was opened to.
    pub peer: Option<SocketAddr>,
    intake: Arc<Intake>,
}

/// What came from one target so far, over all its sessions.
pub struct Intake {
    /// Bytes besides code.
    received: AtomicUsize,
    /// Bytes of code.
    code: AtomicUsize,
    largest_code: usize,
    /// Where code goes.
    pub spool: Arc<Spool>,
}

/// What came of one batch, given back unless the batch counts.
struct Meter<'a> {
    intake: &'a Intake,
    received: usize,
    code: usize,
    counts: bool,
}

impl Intake {
    /// Nothing yet.
    pub fn new(spool: Spool) -> Self {
        Self {
            received: AtomicUsize::new(0),
            code: AtomicUsize::new(0),
            largest_code: LARGEST_CODE,
            spool: Arc::new(spool),
        }
    }

    /// Nothing yet, of a target whose code goes to memory.
    pub fn in_memory() -> Self {
        Self {
            largest_code: LARGEST_CODE_IN_MEMORY,
            ..Self::new(Spool::in_memory())
        }
    }

    fn meter(&self) -> Meter<'_> {
        Meter {
            intake: self,
            received: 0,
            code: 0,
            counts: false,
        }
    }
}

impl Meter<'_> {
    /// Counts a value; whether it is still bearable.
    fn takes(&mut self, column: &str, size: usize) -> bool {
        let (counter, own, most) = if value::CODE.contains(&column) {
            (&self.intake.code, &mut self.code, self.intake.largest_code)
        } else {
            (&self.intake.received, &mut self.received, LARGEST_TARGET)
        };
        *own += size;
        let all = counter.fetch_add(size, Ordering::Relaxed);
        all <= most && self.received <= LARGEST_BATCH
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        if !self.counts {
            self.intake
                .received
                .fetch_sub(self.received, Ordering::Relaxed);
            self.intake.code.fetch_sub(self.code, Ordering::Relaxed);
        }
    }
}

/// What a batch brought.
#[derive(Debug, Default)]
pub struct Answer {
    /// One result per query that was answered, in order of arrival.
    pub sets: Vec<(&'static str, RowSet)>,
    /// The batch's first error, if it had one: then no set may be believed.
    pub error: Option<ServerError>,
    /// Time from sending to the last byte.
    pub duration: Duration,
}

/// The connection can no longer be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Broken {
    /// Nothing came within the time a query may take.
    #[error("no complete answer within {0} seconds")]
    Timeout(u64),
    /// The connection ended.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// More than any catalog holds.
    #[error("it sent more than {} MiB in all, or {} MiB of code", LARGEST_TARGET >> 20, LARGEST_CODE >> 20)]
    Flood,
    /// An answer to something else, or not of TDS form.
    #[error("the server's answer does not belong to the question: {0}")]
    OutOfTurn(String),
}

impl Session {
    /// Takes over a logged-in client.
    pub fn new(
        client: Client<Compat<Watched>>,
        peer: Option<SocketAddr>,
        intake: Arc<Intake>,
    ) -> Self {
        Self {
            client: Some(Box::new(client)),
            id: 0,
            peer,
            intake,
        }
    }

    /// Whether it can still be used.
    pub fn is_open(&self) -> bool {
        self.client.is_some()
    }

    /// Sets the session up and asks who answered.
    ///
    /// # Errors
    /// The connection broke; the session is closed.
    pub async fn hello(
        &mut self,
        queries: &[&'static Query],
        limit: Duration,
    ) -> Result<Answer, Broken> {
        self.ask(Some(SESSION_SETTINGS), queries, None, limit).await
    }

    /// Asks at server scope.
    ///
    /// # Errors
    /// The connection broke; the session is closed.
    pub async fn ask_server(
        &mut self,
        queries: &[&'static Query],
        limit: Duration,
    ) -> Result<Answer, Broken> {
        self.ask(None, queries, None, limit).await
    }

    /// Asks inside a database: switches to it, and proves before and after that the answers are its.
    ///
    /// # Errors
    /// The connection broke, or the proof failed; the session is closed.
    pub async fn ask_database(
        &mut self,
        database: &DatabaseKey<'_>,
        queries: &[&'static Query],
        limit: Duration,
    ) -> Result<Answer, Broken> {
        let switch = use_database(database.name);
        self.ask_inside(&switch, database, queries, limit).await
    }

    /// The same for one row of each answer at most, which is enough to know whether it is given. The session keeps
    /// that limit: nothing else may be asked on it afterwards.
    ///
    /// # Errors
    /// As for [`Session::ask_database`].
    pub async fn probe_database(
        &mut self,
        database: &DatabaseKey<'_>,
        queries: &[&'static Query],
        limit: Duration,
    ) -> Result<Answer, Broken> {
        let switch = format!("{PROBE_SETTING};\n{}", use_database(database.name));
        self.ask_inside(&switch, database, queries, limit).await
    }

    async fn ask_inside(
        &mut self,
        switch: &str,
        database: &DatabaseKey<'_>,
        queries: &[&'static Query],
        limit: Duration,
    ) -> Result<Answer, Broken> {
        let mut answer = self
            .ask(Some(switch), queries, database.context, limit)
            .await?;
        let contexts: Vec<Context> = answer
            .sets
            .iter()
            .filter(|(name, _)| *name == CONTEXT)
            .flat_map(|(_, set)| set.clone().decode().unwrap_or_default())
            .collect();
        let here = |c: &Context| {
            c.database_id == database.id
                && c.database_name == database.name
                && c.session_id == self.id
        };
        if answer.error.is_some() {
            answer.sets.clear();
            return Ok(answer);
        }
        if contexts.len() == 2 && contexts.iter().all(here) {
            return Ok(answer);
        }
        self.client = None;
        Err(Broken::OutOfTurn(format!(
            "it could not be proven to come from database id {}",
            database.id
        )))
    }

    /// Asks one query at server scope whose text was completed (see `events::fill`).
    ///
    /// # Errors
    /// The connection broke; the session is closed.
    pub async fn ask_filled(
        &mut self,
        query: &'static Query,
        text: &str,
        limit: Duration,
    ) -> Result<Answer, Broken> {
        self.send(&format!("{text};"), &[query], limit).await
    }

    async fn ask(
        &mut self,
        first: Option<&str>,
        queries: &[&'static Query],
        around: Option<&'static Query>,
        limit: Duration,
    ) -> Result<Answer, Broken> {
        let asked: Vec<&'static Query> = around
            .into_iter()
            .chain(queries.iter().copied())
            .chain(around)
            .collect();
        let statements: Vec<&str> = first
            .into_iter()
            .chain(asked.iter().map(|q| q.text))
            .collect();
        let batch = statements.join(";\n") + ";";
        self.send(&batch, &asked, limit).await
    }

    async fn send(
        &mut self,
        batch: &str,
        asked: &[&'static Query],
        limit: Duration,
    ) -> Result<Answer, Broken> {
        let Some(mut client) = self.client.take() else {
            return Err(Broken::Lost("closed after an earlier fault".to_owned()));
        };
        let start = Instant::now();
        let read = tokio::time::timeout(limit, read(&mut client, batch, asked, &self.intake));
        let mut answer = match read.await {
            Ok(answer) => answer?,
            Err(_) => return Err(Broken::Timeout(limit.as_secs())),
        };
        answer.duration = start.elapsed();
        self.client = Some(client);
        Ok(answer)
    }
}

/// A database to ask in, as `sys.databases` gave it.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseKey<'a> {
    /// Id.
    pub id: i32,
    /// Name.
    pub name: &'a str,
    /// The query that proves where answers come from.
    pub context: Option<&'static Query>,
}

#[derive(serde::Deserialize)]
struct Context {
    database_id: i32,
    database_name: String,
    session_id: i32,
}

async fn read(
    client: &mut Client<Compat<Watched>>,
    batch: &str,
    asked: &[&'static Query],
    intake: &Intake,
) -> Result<Answer, Broken> {
    let mut answer = Answer::default();
    let mut meter = intake.meter();
    let mut stream = match client.simple_query(batch).await {
        Ok(stream) => stream,
        Err(error) => {
            answer.error = Some(server_error(error)?);
            return Ok(answer);
        }
    };
    let mut expected = asked.iter();
    loop {
        match stream.try_next().await {
            Ok(Some(QueryItem::Metadata(metadata))) => {
                let mut columns = metadata.columns().iter().map(|c| c.name().to_owned());
                let tag = columns.next().unwrap_or_default();
                // Sets come in the order of asking; one may be missing where its statement failed.
                let query = expected
                    .find(|q| tag.strip_prefix(TAG) == Some(q.name))
                    .ok_or_else(|| Broken::OutOfTurn(format!("a result named {tag:?} came")))?;
                let columns: Vec<String> = columns.collect();
                if !query.returns(&columns) {
                    let why = format!("{} came with other columns than it asks for", query.name);
                    return Err(Broken::OutOfTurn(why));
                }
                let rows = Vec::new();
                answer.sets.push((query.name, RowSet { columns, rows }));
            }
            Ok(Some(QueryItem::Row(row))) => {
                let Some((name, set)) = answer.sets.last_mut() else {
                    return Err(Broken::OutOfTurn(
                        "a row came before its columns".to_owned(),
                    ));
                };
                let mut values = Vec::with_capacity(set.columns.len());
                if !meter.takes("", ROW_SIZE) {
                    return Err(Broken::Flood);
                }
                for (data, column) in row.into_iter().skip(1).zip(&set.columns) {
                    if !meter.takes(column, value::size(&data)) {
                        return Err(Broken::Flood);
                    }
                    let value = Value::arriving(column, data, &intake.spool);
                    values.push(value.map_err(|e| Broken::OutOfTurn(format!("{name}: {e}")))?);
                }
                set.rows.push(values);
            }
            Ok(None) => break,
            Err(error) => {
                answer.error = Some(server_error(error)?);
                break;
            }
        }
    }
    if answer.error.is_none() && answer.sets.len() != asked.len() {
        return Err(Broken::OutOfTurn(format!(
            "{} of {} results came, and no error",
            answer.sets.len(),
            asked.len()
        )));
    }
    meter.counts = answer.error.is_none();
    Ok(answer)
}

/// A server's message leaves the connection usable unless it is fatal (class 20 and up).
fn server_error(error: tiberius::error::Error) -> Result<ServerError, Broken> {
    match error {
        tiberius::error::Error::Server(token) if token.class() < 20 => {
            Ok(ServerError::new(token.code(), token.message()))
        }
        tiberius::error::Error::Server(token) => Err(Broken::Lost(format!(
            "fatal error {}: {}",
            token.code(),
            token.message()
        ))),
        other => Err(Broken::Lost(other.to_string())),
    }
}

impl Answer {
    /// Rows that came for a query.
    pub fn rows(&self, name: &str) -> usize {
        let set = self.sets.iter().find(|(n, _)| *n == name);
        set.map_or(0, |(_, set)| set.rows.len())
    }

    /// Takes the set of a query out, if it came.
    pub fn take(&mut self, name: &str) -> Option<RowSet> {
        let index = self.sets.iter().position(|(n, _)| *n == name)?;
        Some(self.sets.remove(index).1)
    }

    /// What a greeting's answer says of server and session.
    ///
    /// # Errors
    /// The server refused, or answered in another form.
    pub fn identity(&self) -> Result<(ServerIdentity, SessionIdentity), ServerError> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok((self.single("server_identity")?, self.single("session")?)),
        }
    }

    fn single<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, ServerError> {
        let set = self
            .sets
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, set)| set.clone());
        place::one(name, set.unwrap_or_default())
    }
}
