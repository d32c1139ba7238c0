//! What an auditor asks of a listing before relying on it: where it came from, by which question, as whom, when, how
//! many rows, and what is not in it. One file a target, made from its snapshot alone, so that it can be made again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::assessment::{MissingFact, is_read_whole};
use super::provenance::{self, Reported};
use crate::ids::{DatabaseName, InstanceId};
use crate::snapshot::{
    AnyFact, Connection, DatabaseFacts, Fact, Held, Observed, Offline, Outcome, QueryOutcome,
    QueryRecord, ServerError, ServerIdentity, ServerTls, SessionIdentity, Snapshot, TokenRow,
    sha256_hex,
};

/// The first field of every evidence file of this version.
pub const EVIDENCE_SCHEMA: &str = "mssql-posture/evidence/v1";

/// How one target's snapshot came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetEvidence {
    /// `mssql-posture/evidence/v1`.
    pub schema: String,
    /// The target's name in the inventory.
    pub target: InstanceId,
    /// Set for recordings that no real server made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<String>,
    /// Program and version that collected.
    pub collector: String,
    /// Program and version that wrote this file.
    pub written_by: String,
    /// The file that holds the results.
    pub snapshot: FileHash,
    /// The file that holds module text.
    pub module_text: FileHash,
    /// `connection`: asked over TDS; `script`: a DBA ran the collector script.
    pub method: String,
    /// Which script, and who ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<Offline>,
    /// How the collection ended.
    pub outcome: Outcome,
    /// Its first and last moment, UTC.
    pub collected: [String; 2],
    /// Whose clock that is, and that of every query below: `client`, or `server` where a script collected.
    pub clock: String,
    /// The server.
    pub source: Source,
    /// Who asked.
    pub login: Login,
    /// How it was asked.
    pub asking: Asking,
    /// What is there and what is not.
    pub completeness: Completeness,
    /// The statements that were sent, by hash.
    pub statements: Vec<Statement>,
    /// Every query as it was sent, in order.
    pub queries: Vec<Query>,
}

/// A file of the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileHash {
    /// Its path in the folder.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// The system that answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// How it was reached.
    pub connection: Connection,
    /// What it says it is.
    pub identity: Observed<ServerIdentity>,
    /// The same in short, with its start, its role and its clock against the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<Reported>,
    /// The certificate that it showed.
    pub tls: Observed<ServerTls>,
}

/// The login that asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Login {
    /// Who it is and which rights it holds.
    pub session: Observed<SessionIdentity>,
    /// The principals that it is: itself, its roles, its groups.
    pub principals: Observed<Vec<TokenRow>>,
}

/// How the statements were sent. It does not differ from query to query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asking {
    /// Sent once at the start of each session.
    pub session_settings: String,
    /// Sent before a database's queries, with its name, `]` doubled.
    pub database_switch: String,
    /// Of every statement: none has any.
    pub parameters: Vec<String>,
    /// Whether a result may be cut.
    pub limits: Vec<String>,
}

/// How much of it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Completeness {
    /// Facts of the instance and of each database in scope, by state.
    pub facts: States,
    /// Those that are neither known nor unsupported, and what would settle each.
    pub unsettled: Vec<MissingFact>,
    /// Databases.
    pub databases: Databases,
}

/// Facts by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct States {
    /// Seen whole.
    pub known: u32,
    /// What was seen is true, but more may be there.
    pub partial: u32,
    /// Refused.
    pub denied: u32,
    /// Asked for, and something broke.
    pub failed: u32,
    /// Not asked for.
    pub not_collected: u32,
    /// This server has no such fact.
    pub unsupported: u32,
}

/// Databases of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Databases {
    /// In `sys.databases`, as far as visible.
    pub listed: u32,
    /// Of them not excluded.
    pub in_scope: u32,
    /// Of those read whole.
    pub read: u32,
    /// Left out by the inventory.
    pub excluded: Vec<DatabaseName>,
    /// In scope and not read whole: why stands under `unsettled`.
    pub not_read_whole: Vec<DatabaseName>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Statement {
    /// SHA-256 of its text as sent.
    pub sha256: String,
    /// The query's name.
    pub query: String,
    /// The file that holds its text; absent where another version sent it, whose text this one does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `session`, `server`, `master`, `msdb`, `context` or `database`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Why it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The right that shows all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// What its WHERE leaves out, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrowing: Option<String>,
}

/// One query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(clippy::struct_field_names)] // `query`, as in the snapshot's records
pub struct Query {
    /// Its number in the order of sending, from 1: with the target it names this piece of evidence.
    pub id: u32,
    /// Its name.
    pub query: String,
    /// SHA-256 of its text: see `statements`.
    pub sha256: String,
    /// Database it ran in; absent at server scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// When the batch that carried it was sent, UTC.
    pub started: String,
    /// When its answer was there, UTC.
    pub ended: String,
    /// Between which moments of the server's clock that was, as far as the skew is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_server_clock: Option<[String; 2]>,
    /// Rows received.
    pub rows: u32,
    /// How it ended.
    pub outcome: QueryOutcome,
    /// The server's error, as it gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ServerError>,
    /// What the snapshot holds of it; absent where it was asked again and the other answer counts, and of `context`,
    /// which only proves in which database the others ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<QueryResult>,
}

/// What a snapshot holds of a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueryResult {
    /// Where in the snapshot file: a JSON pointer.
    pub pointer: String,
    /// `known`, `partial`, `denied`, `failed`, `not_collected` or `unsupported`.
    pub state: String,
    /// Rows held there.
    pub rows: u32,
    /// SHA-256 of the JSON there, without white space, its fields in the order of the file.
    pub sha256: String,
}

/// What is known of a statement besides what was recorded of it.
#[derive(Clone, Copy, Debug)]
pub struct StatementText {
    /// See [`Statement`].
    pub scope: &'static str,
    /// See [`Statement`].
    pub purpose: &'static str,
    /// See [`Statement`].
    pub permission: &'static str,
    /// See [`Statement`].
    pub narrowing: &'static str,
}

/// What an evidence file is made of besides the snapshot.
pub struct EvidenceBasis<'a> {
    /// The snapshot file, as it stands in the folder.
    pub snapshot: FileHash,
    /// The path of the module-text file.
    pub module_text: String,
    /// Databases that the inventory leaves out.
    pub excluded: &'a [String],
    /// The settings of every session.
    pub session_settings: &'a str,
    /// The switch to a database.
    pub database_switch: String,
    /// What is known of the statement with this name and hash.
    pub statement: &'a dyn Fn(&str, &str) -> Option<StatementText>,
}

/// The folder of statements, each named by its hash.
pub const STATEMENTS: &str = "evidence/queries/";

/// Where a statement's text stands in the folder.
pub fn statement_path(sha256: &str) -> String {
    format!("{STATEMENTS}{sha256}.sql")
}

impl TargetEvidence {
    /// The evidence of a snapshot.
    pub fn of(snapshot: &Snapshot, basis: EvidenceBasis<'_>) -> Self {
        let reported = Reported::of(snapshot);
        let by_script = snapshot.offline.is_some();
        Self {
            schema: EVIDENCE_SCHEMA.to_owned(),
            target: snapshot.target.clone(),
            synthetic: snapshot.synthetic.clone(),
            collector: snapshot.collector.clone(),
            written_by: concat!("mssql-posture ", env!("CARGO_PKG_VERSION")).to_owned(),
            module_text: FileHash {
                path: basis.module_text,
                sha256: snapshot.module_text.sha256.clone(),
            },
            method: if by_script { "script" } else { "connection" }.to_owned(),
            offline: snapshot.offline.clone(),
            outcome: snapshot.outcome.clone(),
            collected: [snapshot.started.clone(), snapshot.ended.clone()],
            clock: if by_script { "server" } else { "client" }.to_owned(),
            asking: Asking {
                session_settings: basis.session_settings.to_owned(),
                database_switch: basis.database_switch,
                parameters: Vec::new(),
                limits: LIMITS.map(str::to_owned).to_vec(),
            },
            completeness: Completeness::of(snapshot, basis.excluded),
            statements: statements(&snapshot.queries, basis.statement),
            queries: queries(snapshot, reported.as_ref()),
            source: Source {
                connection: snapshot.connection.clone(),
                identity: snapshot.server.server_identity.clone(),
                reported,
                tls: snapshot.server.server_tls.clone(),
            },
            login: Login {
                session: snapshot.server.session.clone(),
                principals: snapshot.server.login_token.clone(),
            },
            snapshot: basis.snapshot,
        }
    }
}

const LIMITS: [&str; 4] = [
    "rows: none; SET ROWCOUNT 0",
    "length of a text: none; SET TEXTSIZE -1",
    "a batch that is larger than is borne, or takes longer than the target's limit, fails whole: no answer is cut",
    "the text of a server's error: 500 characters, then …",
];

impl Completeness {
    fn of(snapshot: &Snapshot, excluded: &[String]) -> Self {
        let mut whole = Self {
            facts: States::default(),
            unsettled: Vec::new(),
            databases: Databases::default(),
        };
        whole.count(&snapshot.server.all(), None);
        let identity = snapshot.server.server_identity.known();
        let is_excluded = |facts: &DatabaseFacts| {
            let own = facts.name.as_str();
            let is_named = |name: &String| identity.is_some_and(|i| i.is_same_name(name, own));
            facts.excluded || excluded.iter().any(is_named)
        };
        for facts in &snapshot.databases {
            if is_excluded(facts) {
                whole.databases.excluded.push(facts.name.clone());
                continue;
            }
            whole.count(&facts.all(), Some(&facts.name));
            whole.databases.in_scope += 1;
            if is_read_whole(facts) {
                whole.databases.read += 1;
            } else {
                whole.databases.not_read_whole.push(facts.name.clone());
            }
        }
        for row in snapshot.databases_without_facts() {
            let name = DatabaseName::new(row.name.clone());
            whole.databases.in_scope += 1;
            whole.databases.not_read_whole.push(name);
        }
        let listed = snapshot.server.databases.seen().len();
        whole.databases.listed = count(listed.max(snapshot.databases.len()));
        whole
    }

    fn count(&mut self, facts: &[(&'static str, &dyn AnyFact)], database: Option<&DatabaseName>) {
        for (name, fact) in facts {
            let state = fact.state();
            *match state {
                "known" => &mut self.facts.known,
                "partial" => &mut self.facts.partial,
                "denied" => &mut self.facts.denied,
                "failed" => &mut self.facts.failed,
                "unsupported" => &mut self.facts.unsupported,
                _ => &mut self.facts.not_collected,
            } += 1;
            if !matches!(state, "known" | "unsupported") {
                self.unsettled.push(MissingFact {
                    fact: (*name).to_owned(),
                    database: database.cloned(),
                    state: state.to_owned(),
                    needs: fact.needs(),
                });
            }
        }
    }
}

impl std::ops::AddAssign for States {
    fn add_assign(&mut self, more: Self) {
        self.known += more.known;
        self.partial += more.partial;
        self.denied += more.denied;
        self.failed += more.failed;
        self.not_collected += more.not_collected;
        self.unsupported += more.unsupported;
    }
}

fn statements(
    records: &[QueryRecord],
    known: &dyn Fn(&str, &str) -> Option<StatementText>,
) -> Vec<Statement> {
    let mut statements = BTreeMap::new();
    for record in records {
        let key = (record.sha256.as_str(), record.query.as_str());
        statements.entry(key).or_insert_with(|| {
            let text = known(&record.query, &record.sha256);
            let said = |part: fn(StatementText) -> &'static str| text.map(part).map(str::to_owned);
            Statement {
                sha256: record.sha256.clone(),
                query: record.query.clone(),
                text: text.map(|_| statement_path(&record.sha256)),
                scope: said(|text| text.scope),
                purpose: said(|text| text.purpose),
                permission: said(|text| text.permission),
                narrowing: said(|text| text.narrowing),
            }
        });
    }
    statements.into_values().collect()
}

fn queries(snapshot: &Snapshot, reported: Option<&Reported>) -> Vec<Query> {
    let counting = provenance::counting(&snapshot.queries);
    let places = snapshot.databases.iter().enumerate();
    let places: BTreeMap<&str, usize> = places.map(|(at, d)| (d.name.as_str(), at)).collect();
    let clock = reported.and_then(|reported| reported.clock.as_ref());
    let each = snapshot.queries.iter().enumerate();
    each.map(|(at, record)| {
        let key = (record.query.as_str(), record.database.as_ref());
        let counts = counting.get(&key) == Some(&at);
        let started: Option<Timestamp> = record.started.parse().ok();
        let took = SignedDuration::from_millis(record.duration_ms.into());
        let ended = started.and_then(|started| started.checked_add(took).ok());
        let text = |moment: Timestamp| format!("{moment:.3}");
        let by_server_clock = clock
            .zip(started)
            .zip(ended)
            .and_then(|((clock, from), to)| {
                let from = from.checked_add(SignedDuration::from_millis(clock.skew_least_ms));
                let to = to.checked_add(SignedDuration::from_millis(clock.skew_most_ms));
                Some([text(from.ok()?), text(to.ok()?)])
            });
        Query {
            id: count(at + 1),
            query: record.query.clone(),
            sha256: record.sha256.clone(),
            database: record.database.clone(),
            started: record.started.clone(),
            ended: ended.map(text).unwrap_or_default(),
            by_server_clock,
            rows: record.rows,
            outcome: record.outcome,
            error: record.error.clone(),
            result: if counts {
                result(snapshot, record, &places)
            } else {
                None
            },
        }
    })
    .collect()
}

fn result(
    snapshot: &Snapshot,
    record: &QueryRecord,
    places: &BTreeMap<&str, usize>,
) -> Option<QueryResult> {
    let name = record.query.as_str();
    let of_instance = Fact::named(name).is_some_and(|fact| Fact::OF_SERVER.contains(&fact));
    let (pointer, held) = if of_instance {
        (format!("/server/{name}"), snapshot.server.held(name)?)
    } else {
        let at = *places.get(record.database.as_ref()?.as_str())?;
        let held = snapshot.databases.get(at)?.held(name)?;
        (format!("/databases/{at}/{name}"), held)
    };
    let Held { state, rows, json } = held;
    Some(QueryResult {
        pointer,
        state: state.to_owned(),
        rows: count(rows),
        sha256: sha256_hex(&json),
    })
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
