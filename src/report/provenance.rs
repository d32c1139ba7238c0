//! Where an instance's facts come from: the server as it reports itself, whose eyes saw it, and the queries on which
//! what is concluded rests.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::assessment::VerdictEntry;
use crate::graph::{Citation, Path, Route};
use crate::ids::{DatabaseName, InstanceId};
use crate::snapshot::{Fact, QueryOutcome, QueryRecord, Snapshot};

/// The database that is made anew when an instance starts.
const TEMPDB: i32 = 2;

/// The server and the auditing session as the server reports them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reported {
    /// `@@SERVERNAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// Computer or virtual network name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_name: Option<String>,
    /// Absent for the default instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_name: Option<String>,
    /// The node that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical_name: Option<String>,
    /// Start of the instance, UTC: the server's local time by its offset while it was read, so that across a change
    /// of daylight saving it is an hour off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// Its role in each availability group: `PRIMARY`, `SECONDARY`, `RESOLVING`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub availability_roles: Vec<String>,
    /// Login that authenticated: `ORIGINAL_LOGIN()`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// How it did: `SQL`, `NTLM`, `KERBEROS` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_scheme: Option<String>,
    /// Transport of its connection: `TCP`, `Shared memory` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net_transport: Option<String>,
    /// Its clock against the collecting computer's; absent where the server was not asked, or a script collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
}

/// The server's clock against the client's: it was read somewhere between sending and the last byte of the answer, so
/// the difference is an interval. Positive where the server's is ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Clock {
    /// What the server's clock said, UTC.
    pub server: String,
    /// At least so many milliseconds ahead.
    pub skew_least_ms: i64,
    /// At most so many.
    pub skew_most_ms: i64,
}

impl Reported {
    /// What a snapshot holds of it; nothing if the server was not reached.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let identity = snapshot.server.server_identity.known()?;
        let session = snapshot.server.session.known();
        let offset = session.and_then(|session| session.utc_offset_minutes);
        let mut databases = snapshot.server.databases.seen().iter();
        let tempdb = databases.find(|row| row.database_id == TEMPDB);
        let made = tempdb.and_then(|row| row.create_date.as_deref());
        let replicas = snapshot.server.availability_replicas.seen().iter();
        let own = replicas.filter(|replica| replica.is_local);
        Some(Self {
            server_name: identity.server_name.clone(),
            machine_name: identity.machine_name.clone(),
            instance_name: identity.instance_name.clone(),
            physical_name: identity.physical_name.clone(),
            started: made.zip(offset).and_then(|(made, by)| as_utc(made, by)),
            availability_roles: own
                .filter_map(|replica| replica.role_desc.clone())
                .collect(),
            login: session.and_then(|session| session.original_login.clone()),
            auth_scheme: session.and_then(|session| session.auth_scheme.clone()),
            net_transport: session.and_then(|session| session.net_transport.clone()),
            clock: None,
        })
    }
}

/// The server's local time as UTC; `None` if it is no time.
fn as_utc(local: &str, offset_minutes: i32) -> Option<String> {
    let local: DateTime = local.parse().ok()?;
    let by = SignedDuration::from_mins(offset_minutes.into());
    let utc = jiff::tz::Offset::UTC.to_timestamp(local).ok()?;
    let utc: Timestamp = utc.checked_sub(by).ok()?;
    Some(format!("{utc:.3}"))
}

/// Queries that are cited, by the name of the query and the database.
pub type Cited = BTreeSet<(String, Option<DatabaseName>)>;

/// The queries that verdicts and routes of one instance cite.
pub fn cited(verdicts: &[VerdictEntry], routes: &[Route]) -> Cited {
    let rows = verdicts.iter().flat_map(|verdict| &verdict.evidence);
    let mut cited: Cited = rows
        .map(|row| (row.fact.clone(), row.database.clone()))
        .collect();
    for route in routes {
        let of_paths = route.paths.iter().flat_map(of_path);
        cited.extend(route.evidence.iter().chain(of_paths).map(query_of));
    }
    cited
}

/// The queries that chains over several instances cite, by instance.
pub fn cited_by_chains(paths: &[Path]) -> BTreeMap<InstanceId, Cited> {
    let mut cited: BTreeMap<InstanceId, Cited> = BTreeMap::new();
    for citation in paths.iter().flat_map(of_path) {
        if let Some(instance) = &citation.instance {
            let of_instance = cited.entry(instance.clone()).or_default();
            of_instance.insert(query_of(citation));
        }
    }
    cited
}

fn of_path(path: &Path) -> impl Iterator<Item = &Citation> {
    let steps = path.steps.iter().chain(&path.arming);
    steps.flat_map(|step| &step.evidence)
}

fn query_of(citation: &Citation) -> (String, Option<DatabaseName>) {
    let asked_in = || Fact::named(&citation.fact).and_then(Fact::asked_in);
    let database = citation.database.clone();
    (
        citation.fact.clone(),
        database.or_else(|| asked_in().map(DatabaseName::new)),
    )
}

/// The record of each query that is cited, by query and database. Of a query that was asked several times it is the one
/// whose answer the snapshot holds: what a session is greeted with from the first that was answered, all else from the
/// last.
pub fn records(all: &[QueryRecord], cited: &Cited) -> Vec<QueryRecord> {
    let mut found: BTreeMap<(&str, Option<&DatabaseName>), &QueryRecord> = BTreeMap::new();
    for record in all {
        let key = (record.query.as_str(), record.database.as_ref());
        let is_kept = found.get(&key).is_some_and(|before| {
            let answered = before.outcome == QueryOutcome::Answered;
            answered && (is_greeting(&record.query) || record.outcome == QueryOutcome::Failed)
        });
        if !is_kept && cited.contains(&(record.query.clone(), record.database.clone())) {
            found.insert(key, record);
        }
    }
    found.into_values().cloned().collect()
}

fn is_greeting(query: &str) -> bool {
    query == Fact::ServerIdentity.name() || query == Fact::Session.name()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::snapshot::ServerError;

    fn record(query: &str, database: Option<&str>, started: u32, answered: bool) -> QueryRecord {
        QueryRecord {
            query: query.to_owned(),
            sha256: "00".to_owned(),
            database: database.map(DatabaseName::new),
            started: format!("2026-09-30T02:00:0{started}.000Z"),
            duration_ms: 1,
            rows: 0,
            outcome: if answered {
                QueryOutcome::Answered
            } else {
                QueryOutcome::Failed
            },
            error: (!answered).then(|| ServerError::new(1222, "Lock request time out")),
        }
    }

    #[test]
    fn a_query_that_was_asked_again_has_the_record_of_the_answer_that_counts() {
        let all = [
            record("session", None, 0, false),
            record("session", None, 1, true),
            record("databases", None, 2, true),
            record("databases", None, 3, true),
            record("session", None, 4, true),
            record("objects", Some("Sales"), 5, true),
            record("objects", Some("Sales"), 6, false),
            record("objects", Some("Shop"), 7, true),
            record("modules", Some("Sales"), 8, false),
        ];
        let query =
            |name: &str, database: Option<&str>| (name.to_owned(), database.map(DatabaseName::new));
        let cited = Cited::from([
            query("session", None),
            query("databases", None),
            query("objects", Some("Sales")),
            query("modules", Some("Sales")),
            query("jobs", Some("msdb")),
        ]);
        let found = records(&all, &cited);
        let told: Vec<_> = found
            .iter()
            .map(|r| (r.query.as_str(), &r.started[18..19]))
            .collect();
        let due = [
            ("databases", "3"),
            ("modules", "8"),
            ("objects", "5"),
            ("session", "1"),
        ];
        assert_eq!(told, due);
    }

    #[test]
    fn local_time_becomes_utc_by_its_offset() {
        let at = |offset| as_utc("2026-01-31T23:30:00.123", offset);
        assert_eq!(at(-210).unwrap(), "2026-02-01T03:00:00.123Z");
        assert_eq!(at(60).unwrap(), "2026-01-31T22:30:00.123Z");
        assert_eq!(as_utc("yesterday", 0), None);
    }
}
