//! One instance's collected facts: what was seen, what was not and why, and every query that was
//! sent. Judgement reads nothing else.

mod cited_row;
mod events;
mod events_file;
mod facts;
mod hiding;
mod host;
mod observed;
mod offline;
mod preflight;
mod record;
mod rows;
mod text;

pub use cited_row::CitedRow;
pub use events::{
    EVENTS_SCHEMA, Event, EventAction, EventLine, EventOrigin, EventSource, EventStatement,
    EventSubject, EventWho, EventsHeader, EventsLine, EventsTarget, SourceEvents, SourceState,
    TargetLine,
};
pub use events_file::{EventsFile, EventsFileError, TargetEvents};
pub use facts::{Answered, AnyFact, DatabaseFacts, Fact, FactState, Held, Seen, ServerFacts};
pub use hiding::{PUBLIC_LOGIN, PUBLIC_USER};
pub use host::{HostEvent, HostEventKind, HostLine, HostModule, HostParent, HostProcess, program};
pub use observed::{Observed, ServerError, short};
pub use offline::{OFFLINE, Offline};
pub use preflight::{
    Denial, EntryState, Estimate, Preflight, PreflightDatabase, PreflightGap, PreflightLogin,
    PreflightRight, RightState, SightState,
};
pub use record::{Connection, Encryption, Outcome, QueryOutcome, QueryRecord, Stage, Trouble};
pub use rows::*;
pub use text::{ModuleLine, ModuleTexts, keep_module_lines, render_module_lines, sha256_hex};

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::InstanceId;

/// The first field of every snapshot file of this version.
pub const SCHEMA: &str = "mssql-posture/snapshot/v1";

/// All facts of one instance but module text (see [`ModuleTexts`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// `mssql-posture/snapshot/v1`.
    pub schema: String,
    /// Program and version that collected.
    pub collector: String,
    /// Set in recordings that no real server made: says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<String>,
    /// The target's name in the inventory.
    pub target: InstanceId,
    /// How the collection ended.
    pub outcome: Outcome,
    /// How the server was reached.
    pub connection: Connection,
    /// Set where a script collected instead of a connection: which, and who ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<Offline>,
    /// First and last moment of the collection, UTC.
    pub started: String,
    /// See `started`.
    pub ended: String,
    /// Facts of the instance.
    pub server: ServerFacts,
    /// Facts of each database of `sys.databases`, by id.
    pub databases: Vec<DatabaseFacts>,
    /// The module-text file that belongs to this snapshot.
    pub module_text: ModuleTextFile,
    /// Every query that was sent or should have been, in order of sending.
    pub queries: Vec<QueryRecord>,
}

/// Names the module-text file and proves that it belongs here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModuleTextFile {
    /// SHA-256 of the file's bytes, lower-case hex.
    pub sha256: String,
    /// Lines in it.
    pub modules: u32,
    /// SHA-256 of the observations file that stands in for module text which was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observations: Option<String>,
}

impl DatabaseFacts {
    /// The object with this id, if it was seen. Lists are sorted by it where a collector wrote them.
    pub fn object(&self, object_id: i32) -> Option<&Object> {
        let objects = self.objects.seen();
        match objects.binary_search_by_key(&object_id, |o| o.object_id) {
            Ok(at) => objects.get(at),
            Err(_) => objects.iter().find(|o| o.object_id == object_id),
        }
    }

    /// `schema.name` of an object or trigger id, or `object 123` when no visible row carries it.
    pub fn object_name(&self, object_id: i32) -> String {
        if let Some(object) = self.object(object_id) {
            return self.qualify(object.schema_id, &object.name);
        }
        match self
            .triggers
            .seen()
            .iter()
            .find(|t| t.object_id == object_id)
        {
            Some(trigger) => trigger.name.clone(),
            None => format!("object {object_id}"),
        }
    }

    /// `schema.name`, with `schema 7` where the schema is not visible.
    pub fn qualify(&self, schema_id: i32, name: &str) -> String {
        match self
            .schemas
            .seen()
            .iter()
            .find(|s| s.schema_id == schema_id)
        {
            Some(schema) => format!("{}.{name}", schema.name),
            None => format!("schema {schema_id}.{name}"),
        }
    }
}

impl ServerIdentity {
    /// The first number of the product version.
    pub fn major_version(&self) -> Option<u16> {
        self.product_version.split('.').next()?.parse().ok()
    }

    /// Azure SQL Managed Instance.
    pub fn is_managed_instance(&self) -> bool {
        const MANAGED_INSTANCE: i32 = 8;
        self.engine_edition == Some(MANAGED_INSTANCE)
    }

    /// The version whose catalog it has. A managed instance says 12 and has the views of the newest.
    pub fn catalog_version(&self) -> Option<u16> {
        const NEWEST_KNOWN_THERE: u16 = 16;
        if self.is_managed_instance() {
            return Some(NEWEST_KNOWN_THERE);
        }
        self.major_version()
    }
}

impl SessionIdentity {
    /// Without what is of one session and one moment: what all sessions of a login have in common.
    #[must_use]
    pub fn standing(&self) -> Self {
        Self {
            session_id: 0,
            utc_now: None,
            ..self.clone()
        }
    }
}

impl Snapshot {
    /// A snapshot of a target of which nothing was seen.
    pub fn unseen(target: InstanceId, outcome: Outcome, connection: Connection, at: &str) -> Self {
        let why = outcome.why();
        Self {
            schema: SCHEMA.to_owned(),
            collector: concat!("mssql-posture ", env!("CARGO_PKG_VERSION")).to_owned(),
            synthetic: None,
            target,
            outcome,
            connection,
            offline: None,
            started: at.to_owned(),
            ended: at.to_owned(),
            server: ServerFacts::unseen(&why),
            databases: Vec::new(),
            module_text: ModuleTextFile::default(),
            queries: Vec::new(),
        }
    }

    /// Major version: 11 = 2012 … 17 = 2025; `None` if the identity was not seen.
    pub fn major_version(&self) -> Option<u16> {
        self.server.server_identity.known()?.major_version()
    }

    /// Databases that the server lists and the snapshot says nothing of.
    pub fn databases_without_facts(&self) -> impl Iterator<Item = &DatabaseRow> {
        let held: BTreeSet<i32> = self.databases.iter().map(|d| d.database_id).collect();
        let rows = self.server.databases.seen().iter();
        rows.filter(move |row| !held.contains(&row.database_id))
    }

    /// The bytes of a snapshot file.
    ///
    /// # Errors
    /// Never for strings and integers; a serialisation failure is passed on.
    pub fn render(&self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes a snapshot file.
    ///
    /// # Errors
    /// `to` cannot be written.
    pub fn write_to(&self, to: &mut dyn std::io::Write) -> std::io::Result<()> {
        serde_json::to_writer_pretty(&mut *to, self)?;
        to.write_all(b"\n")
    }

    /// Reads a snapshot file.
    ///
    /// # Errors
    /// The JSON does not have the form of this version's schema.
    pub fn from_json(text: &str) -> Result<Self, SnapshotError> {
        let head: Head = serde_json::from_str(text).map_err(SnapshotError::Json)?;
        if head.schema != SCHEMA {
            return Err(SnapshotError::Schema { found: head.schema });
        }
        serde_json::from_str(text).map_err(SnapshotError::Json)
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    schema: String,
}

/// Why a snapshot could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Not the JSON of this schema.
    #[error("not a snapshot of this version's form: {0}")]
    Json(serde_json::Error),
    /// Another file or another version.
    #[error("the first field must be \"schema\": \"{SCHEMA}\", found \"{found}\"")]
    Schema {
        /// What stood there.
        found: String,
    },
    /// The module-text file is not the one the snapshot names.
    #[error(
        "module text does not belong to this snapshot: it has SHA-256 {found}, the snapshot names {expected}"
    )]
    Text {
        /// Hash in the snapshot.
        expected: String,
        /// Hash of the file.
        found: String,
    },
    /// A line of the module-text file is damaged.
    #[error("module text line {line}: {why}")]
    TextLine {
        /// From 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
}
