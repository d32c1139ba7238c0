//! How a collection went: connection, queries, trouble.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ServerError;
use crate::ids::{DatabaseName, InstanceId};

/// How the collection of one target ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Outcome {
    /// Everything that was to be asked was asked; single facts may still be unseen.
    Finished,
    /// The connection or a deadline ended the collection early; what came before stands.
    Interrupted(Trouble),
    /// Nothing was read.
    Unreached(Trouble),
    /// Another target reached the same instance first; its facts stand there.
    SameAs {
        /// That target.
        target: InstanceId,
    },
}

impl Outcome {
    /// The reason for what is missing, for people; empty for `Finished`.
    pub fn why(&self) -> String {
        match self {
            Self::Finished => String::new(),
            Self::Interrupted(trouble) | Self::Unreached(trouble) => trouble.to_string(),
            Self::SameAs { target } => format!("same instance as target {target}"),
        }
    }
}

/// What went wrong, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{stage}: {why}; {remedy}")]
pub struct Trouble {
    /// Where it went wrong.
    pub stage: Stage,
    /// What went wrong.
    pub why: String,
    /// What to do.
    pub remedy: String,
}

/// The steps of a collection, in order.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Stage {
    Recording,
    Credential,
    Resolve,
    Connect,
    Tls,
    Login,
    Session,
    Server,
    Databases,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Recording => "recorded snapshot",
            Self::Credential => "credential",
            Self::Resolve => "name resolution",
            Self::Connect => "connect",
            Self::Tls => "TLS",
            Self::Login => "login",
            Self::Session => "session start",
            Self::Server => "server facts",
            Self::Databases => "database facts",
        })
    }
}

/// Encryption asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Encryption {
    Required,
    Strict,
    LoginOnly,
    Off,
}

/// How the server was reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// `host,port` or `host\instance` as asked for.
    pub endpoint: String,
    /// TLS mode asked for.
    pub encryption: Encryption,
    /// The certificate was accepted without verification, because the inventory said so.
    pub trust_server_certificate: bool,
    /// Authentication used: `sql`, `integrated` or `entra-token`; `offline` where a script collected.
    pub authentication: String,
    /// Login named by the inventory.
    pub user: Option<String>,
}

/// One query as sent, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryRecord {
    /// The query's name.
    pub query: String,
    /// SHA-256 of its text as sent.
    pub sha256: String,
    /// Database it ran in; `None` at server scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// Start, UTC.
    pub started: String,
    /// Of the batch that carried it, in milliseconds.
    pub duration_ms: u32,
    /// Rows received.
    pub rows: u32,
    /// How it ended.
    pub outcome: QueryOutcome,
    /// The error, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ServerError>,
}

/// How a query ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueryOutcome {
    /// The whole result came.
    Answered,
    /// The server refused or failed it, or the answer could not be accepted.
    Failed,
}
