//! What a preflight found at one target: can it be collected, as whom, and what would stay unseen.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Connection, Observed, ServerIdentity, ServerTls, Trouble};
use crate::ids::{DatabaseName, InstanceId};

/// What a preflight found at one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Preflight {
    /// The target's name in the inventory.
    pub target: InstanceId,
    /// How it is connected to.
    pub connection: Connection,
    /// In one word.
    pub sight: SightState,
    /// What ended the look at it early; absent if it came to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// What answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerIdentity>,
    /// As whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<PreflightLogin>,
    /// The server's TLS and certificate, seen by a connection of its own.
    pub tls: Observed<ServerTls>,
    /// The rights that an auditor needs on this version, in the order in which `script login` grants them.
    pub rights: Vec<PreflightRight>,
    /// Rights that `script login` leaves out on purpose, and what stays unseen without them.
    pub beyond: Vec<PreflightRight>,
    /// The databases that the server lists, by id.
    pub databases: Vec<PreflightDatabase>,
    /// DENY rows that hide something from this login, in order of place.
    pub denials: Vec<Denial>,
    /// What else keeps facts from being seen whole.
    pub gaps: Vec<PreflightGap>,
    /// How long a collection should take; absent where it cannot be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// The T-SQL that grants what is missing, for a DBA of that server; absent if nothing is to be granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// How much of a target can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SightState {
    /// Everything that an audit needs.
    Full,
    /// Something would stay unseen, or could not be found out.
    Limited,
    /// No session.
    Unreached,
}

/// The login that the session is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PreflightLogin {
    /// Login that authenticated.
    pub original_login: Option<String>,
    /// Login in effect.
    pub login: Option<String>,
    /// SQL, NTLM, KERBEROS …
    pub auth_scheme: Option<String>,
    /// TCP, Named pipe, Shared memory.
    pub net_transport: Option<String>,
    /// Member of sysadmin: more than an auditor should be.
    pub is_sysadmin: Option<bool>,
}

/// A right, and whether the session holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PreflightRight {
    /// The permission; in databases with its place.
    pub right: String,
    /// Whether it is held.
    pub state: RightState,
    /// Why it is not needed or not known, or how its lack showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Queries that need it.
    pub shows: Vec<&'static str>,
}

/// Whether a right is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RightState {
    /// Held, or exercised with success.
    Held,
    /// Not held, and nothing needs it: a wider right is held, or every database is open all the same.
    NotNeeded,
    /// Not held.
    Missing,
    /// Not to be found out.
    Unknown,
}

/// A database of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PreflightDatabase {
    /// Id.
    pub database_id: i32,
    /// Name. Server metadata, therefore hostile.
    pub name: DatabaseName,
    /// Whether a collection enters it.
    pub state: EntryState,
    /// Why it is not entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// AUTO_CLOSE is on: whoever enters it opens it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub auto_close: bool,
}

/// Whether a collection enters a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// Entered, and answered from inside.
    Entered,
    /// Left out by the inventory: no gap.
    Excluded,
    /// Not entered by anybody, or not as it is now: offline, SINGLE_USER, a replica that is not readable …
    Closed,
    /// This login may not enter (error 916).
    NoAccess,
    /// It could not be found out.
    Unknown,
}

/// A DENY that hides something from the session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Denial {
    /// Database; absent at server scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// The permission denied.
    pub permission: String,
    /// Class of the securable, as in `sys.server_permissions` or `sys.database_permissions`.
    pub class: i32,
    /// Its id.
    pub major_id: i32,
    /// Whom it is denied to.
    pub principal_id: i32,
    /// That principal's name, where the session knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
}

/// Something that is not seen whole, for another reason than a right of the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct PreflightGap {
    /// Database; absent at server scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// What would settle it, or the error.
    pub need: String,
    /// Facts that it concerns.
    pub facts: Vec<&'static str>,
}

/// How long a collection should take, from what the preflight's own requests took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Estimate {
    /// Requests of a collection without faults, over all sessions.
    pub requests: u32,
    /// The fastest request of the preflight, in milliseconds.
    pub round_trip_ms: u32,
    /// Least time, in milliseconds: every further request as fast as that, shared out over the sessions.
    pub least_ms: u32,
    /// Most time, in milliseconds: every query in a database as slow as the preflight's own, one after the other.
    /// Module text comes on top; how much there is, a preflight does not ask.
    pub most_ms: u32,
    /// The target's own limit, in milliseconds (`timeouts.target_seconds`).
    pub limit_ms: u32,
}

impl Preflight {
    /// A target of which nothing is known yet.
    pub fn unseen(target: InstanceId, connection: Connection) -> Self {
        Self {
            target,
            connection,
            sight: SightState::Unreached,
            trouble: None,
            server: None,
            login: None,
            tls: Observed::NotCollected {
                why: "not reached".to_owned(),
            },
            rights: Vec::new(),
            beyond: Vec::new(),
            databases: Vec::new(),
            denials: Vec::new(),
            gaps: Vec::new(),
            estimate: None,
            fix: None,
        }
    }

    /// Concludes from all else how much can be seen. What could not be found out is not seen.
    pub fn conclude(&mut self) {
        let settled = |right: &PreflightRight| {
            matches!(right.state, RightState::Held | RightState::NotNeeded)
        };
        let open = |database: &PreflightDatabase| {
            matches!(database.state, EntryState::Entered | EntryState::Excluded)
        };
        let whole = self.trouble.is_none()
            && self.denials.is_empty()
            && self.gaps.is_empty()
            && self.rights.iter().all(settled)
            && self.databases.iter().all(open);
        self.sight = match (&self.server, whole) {
            (None, _) => SightState::Unreached,
            (Some(_), true) => SightState::Full,
            (Some(_), false) => SightState::Limited,
        };
    }
}
