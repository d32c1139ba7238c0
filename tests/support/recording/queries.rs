//! The record of what was sent, as the collector writes it down.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use mssql_posture::collect::{self, Query, Scope};
use mssql_posture::ids::DatabaseName;
use mssql_posture::snapshot::{
    Observed, QueryOutcome, QueryRecord, ServerError, Snapshot, sha256_hex,
};
use serde::Serialize;
use serde_json::Value;

/// Errors of refused queries, by database and query.
pub type Errors = BTreeMap<(Option<String>, String), ServerError>;

fn of(scope: Scope, version: u16) -> impl Iterator<Item = &'static Query> {
    let queries = collect::queries().iter();
    queries.filter(move |q| q.scope == scope && q.versions.contains(&version))
}

/// The queries of one database.
pub fn of_database(version: u16) -> impl Iterator<Item = &'static Query> {
    of(Scope::Database, version)
}

/// The queries that this database is asked for the instance as a whole.
pub fn read_in(database: &str) -> impl Iterator<Item = &'static Query> {
    let scope = match database {
        "master" => Some(Scope::Master),
        "msdb" => Some(Scope::Msdb),
        _ => None,
    };
    collect::queries()
        .iter()
        .filter(move |q| Some(q.scope) == scope)
}

/// What a query needs, in words.
pub fn permission(name: &str) -> &'static str {
    let mut queries = collect::queries().iter();
    queries.find(|q| q.name == name).unwrap().permission
}

/// From the start to the moment when the server read its clock.
const FIRST_ANSWER: SignedDuration = SignedDuration::from_millis(20);
/// How far its clock is ahead.
const SERVER_AHEAD: SignedDuration = SignedDuration::from_millis(340);

/// Writes the records of a whole collection: session, server, then each database that was asked.
pub fn record(snapshot: &mut Snapshot, version: u16, errors: &Errors) {
    let mut clock: Timestamp = snapshot.started.parse().unwrap();
    if let Observed::Known { value } = &mut snapshot.server.session {
        let answered = clock + FIRST_ANSWER + SERVER_AHEAD;
        value.utc_now = Some(format!("{answered:.7}").replace('Z', ""));
    }
    let mut records = Vec::new();
    let mut batch =
        |queries: Vec<&'static Query>, database: Option<&DatabaseName>, facts: Value, ms: i64| {
            clock += SignedDuration::from_millis(11);
            for query in queries {
                let Some(rows) = answer(&facts[query.name]) else {
                    continue;
                };
                let key = (database.map(ToString::to_string), query.name.to_owned());
                // Denied without an error: not even asked.
                if rows.is_none() && !errors.contains_key(&key) {
                    continue;
                }
                records.push(QueryRecord {
                    query: query.name.to_owned(),
                    sha256: sha256_hex(query.text.as_bytes()),
                    database: database.cloned(),
                    started: clock.to_string(),
                    duration_ms: u32::try_from(ms).unwrap(),
                    rows: rows.unwrap_or_default(),
                    outcome: if rows.is_some() {
                        QueryOutcome::Answered
                    } else {
                        QueryOutcome::Failed
                    },
                    error: errors.get(&key).cloned(),
                });
            }
            clock += SignedDuration::from_millis(ms);
        };
    let server = value(&snapshot.server);
    batch(
        of(Scope::Session, version).collect(),
        None,
        server.clone(),
        23,
    );
    batch(
        of(Scope::Server, version).collect(),
        None,
        server.clone(),
        64,
    );
    for facts in &snapshot.databases {
        let mut queries: Vec<_> = of_database(version).collect();
        let mut shown = value(facts);
        for query in read_in(facts.name.as_str()) {
            queries.push(query);
            shown[query.name] = server[query.name].clone();
        }
        batch(queries, Some(&facts.name), shown, 41);
    }
    snapshot.ended = clock.to_string();
    snapshot.queries = records;
}

fn value(facts: &impl Serialize) -> Value {
    serde_json::to_value(facts).unwrap()
}

/// Rows received if the query was answered, `Some(None)` if it was refused, `None` if never sent.
#[allow(clippy::option_option)] // three states, spelt out above
fn answer(fact: &Value) -> Option<Option<u32>> {
    match fact["state"].as_str() {
        Some("known" | "partial") => {
            let rows = fact["value"].as_array().map_or(1, Vec::len);
            Some(Some(u32::try_from(rows).unwrap()))
        }
        Some("denied" | "failed") => Some(None),
        _ => None,
    }
}
