//! Events of the time asked for, as servers recorded them: what `changes` writes, and what changes are attributed by.
//! A file of them is JSON Lines: an [`EventsHeader`], then for each target an [`EventsTarget`], its [`Event`]s and its
//! [`HostEvent`]s.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HostEvent, Observed, Outcome};
use crate::ids::InstanceId;

/// The first field of every file of events of this version.
pub const EVENTS_SCHEMA: &str = "mssql-posture/events/v1";

/// One line of a file of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EventsLine {
    /// The first line.
    Header(EventsHeader),
    /// What was seen of one target; its events follow.
    Target(EventsTarget),
    /// One event of the target before it.
    Event(Box<Event>),
    /// One event of the Windows under the target before it.
    Host(Box<HostEvent>),
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsHeader {
    /// `mssql-posture/events/v1`.
    pub schema: String,
    /// Program and version that collected.
    pub collector: String,
    /// First moment asked for, UTC. Of the default trace an hour more is asked for at both ends, since its times can be
    /// an hour off (see [`EventsTarget::utc_offset_minutes`]). Of exported files without a moment asked for: their first
    /// record.
    pub since: String,
    /// The moment before which events were asked for, UTC; none: all there are.
    pub until: Option<String>,
    /// Most records that were taken from one target. A long audited statement takes several.
    pub max_events: u32,
}

/// Says of a line that it is a target's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetLine {
    /// The only value.
    Target,
}

/// Says of a line that it is an event's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventLine {
    /// The only value.
    Event,
}

/// What was seen of one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsTarget {
    /// `target`.
    pub line: TargetLine,
    /// The target's name in the inventory.
    pub target: InstanceId,
    /// How the work on it ended.
    pub outcome: Outcome,
    /// `@@SERVERNAME`. Of exported files the one server that their records name (`server_instance_name`, of a trace
    /// `ServerName`), whatever target they were given to; none where no record names one.
    pub server_name: Option<String>,
    /// The offset from UTC, in minutes, that the server had when it was asked. Times of the default trace are
    /// converted by it. Where daylight saving time changed since they were recorded they are an hour off, and the hour
    /// that such a change repeats cannot be told from the one before: an offset of today does not say which it was.
    pub utc_offset_minutes: Option<i32>,
    /// Each place where events could be, and how far it was seen. Empty where the target was not reached.
    pub sources: Vec<SourceState>,
}

impl EventsTarget {
    /// Whether everything that was asked for was seen.
    pub fn is_whole(&self) -> bool {
        match &self.outcome {
            Outcome::Finished => self.sources.iter().all(|s| s.seen.is_settled()),
            Outcome::SameAs { .. } => true,
            Outcome::Interrupted(_) | Outcome::Unreached(_) => false,
        }
    }
}

/// Where events come from.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum EventSource {
    /// The trace that every instance runs unless it was switched off.
    DefaultTrace,
    /// The list of audits, without which none is known.
    Audits,
    /// One server audit.
    Audit {
        /// Its name.
        name: String,
    },
    /// A file that somebody exported: `known` says that it was read to its end, not that it holds all there was.
    Export {
        /// The file's name.
        file: String,
    },
}

impl std::fmt::Display for EventSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DefaultTrace => f.write_str("default trace"),
            Self::Audits => f.write_str("list of audits"),
            Self::Audit { name } => write!(f, "audit {name}"),
            Self::Export { file } => write!(f, "export {file}"),
        }
    }
}

/// How far one source was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceState {
    /// Which.
    pub source: EventSource,
    /// `known`: all events of the time asked for; of exported files, all that they hold. `partial`: some are unseen, and `needs` says which and why. `denied`:
    /// nothing was sent, since the login lacks the right. `unsupported`: there is nothing to read.
    pub seen: Observed<SourceEvents>,
}

/// What came from a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceEvents {
    /// Events; of the list of audits, the audits; of an export, the records of the time asked for.
    pub events: u32,
    /// The first of them, UTC.
    pub first: Option<String>,
}

/// One recorded event. Every text in it is the server's, and often the client's: hostile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// `event`.
    pub line: EventLine,
    /// The target that it happened on.
    pub target: InstanceId,
    /// When, UTC, always with seven digits of the second. Of the default trace: see
    /// [`EventsTarget::utc_offset_minutes`] for what it cannot know.
    pub moment: String,
    /// The same as the server gave it: local time in the default trace, UTC in audits.
    pub recorded: String,
    /// Where it was recorded.
    pub source: EventSource,
    /// What was done.
    pub action: EventAction,
    /// In an audit, whether the permission check passed, which is not whether the statement worked; in the trace,
    /// what its `Success` column says.
    pub succeeded: Option<bool>,
    /// By whom.
    pub who: EventWho,
    /// From where, as the client said: only an address can be trusted.
    pub from: EventOrigin,
    /// To what.
    pub on: EventSubject,
    /// The server's number of the session.
    pub session_id: Option<i32>,
    /// Message number of an error-log event of the trace.
    pub error: Option<i32>,
    /// The statement or message.
    pub statement: Option<EventStatement>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventAction {
    /// The number of a trace event class (`46`), or an audit's `action_id` (`CR`).
    pub id: String,
    /// Its name; of an audit as the server itself names it. None where that cannot be told for sure.
    pub name: Option<String>,
    /// `EventSubClass` of a trace event.
    pub subclass: Option<i32>,
    /// What the subclass means.
    pub subclass_name: Option<String>,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventWho {
    /// The login that it ran as, after EXECUTE AS.
    pub login: Option<String>,
    /// The login that connected.
    pub session_login: Option<String>,
    /// The user in the database.
    pub database_user: Option<String>,
}

/// Where it came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventOrigin {
    /// Name of the client's machine, as the client gave it. Audits have it from 2019 on.
    pub host: Option<String>,
    /// Name of the program, as the client gave it. Audits have it from 2017 on.
    pub application: Option<String>,
    /// The client's address, as the server saw it; audits only, from 2017 on.
    pub client_ip: Option<String>,
}

/// What it was done to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventSubject {
    /// Database.
    pub database: Option<String>,
    /// Schema; the trace does not say.
    pub schema: Option<String>,
    /// The object's owner; the trace only.
    pub owner: Option<String>,
    /// Object, principal, option or whatever else it was.
    pub object: Option<String>,
    /// Its id.
    pub object_id: Option<i32>,
    /// Its kind as recorded: two letters in an audit (`P`), their number in the trace (`8272`).
    pub kind: Option<String>,
    /// What the server calls that kind; audits only.
    pub kind_name: Option<String>,
    /// The login that was changed, or that got or lost something.
    pub login: Option<String>,
    /// The same of a database user.
    pub user: Option<String>,
    /// The role that got or lost a member; the trace only.
    pub role: Option<String>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventStatement {
    /// The text, with `***` for every recognised secret; `[…]` where a piece of it is missing, and at its end where
    /// it is too long to be kept.
    pub text: String,
    /// SHA-256 of the text before anything was masked or cut; none where a piece is missing.
    pub sha256: Option<String>,
    /// An audit writes a long statement in several records: those that are missing, as `2` or `2-5`. The last may be
    /// followed by others that were not seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The text is longer than what is kept of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}
