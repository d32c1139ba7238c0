//! Would anyone notice? For each event that AN0511 needs: whether an audit of this instance records it, which one and
//! for how long; or the default trace alone; or nothing. Nothing here is said that does not follow from what was seen.

mod events;
mod kept;
mod met;
mod proposal;
mod reading;
mod telling;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use events::{EVENTS, Event, Scope};

use super::{Case, Evidence, Missing, Severity};
use crate::ids::DatabaseName;
use reading::Reading;

/// The form of a telemetry matrix.
pub const SCHEMA: &str = "mssql-posture/telemetry/v1";

/// What would be recorded on an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Telemetry {
    /// `mssql-posture/telemetry/v1`.
    pub schema: String,
    /// Days for which the inventory wants records kept; absent if it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_days: Option<u32>,
    /// Server audits, as far as visible.
    pub audits: Vec<AuditState>,
    /// The default trace.
    pub default_trace: TraceState,
    /// Every event, in the order of the matrix.
    pub events: Vec<EventState>,
    /// T-SQL that would record what is missing, for a person to read and run; nothing is sent to a server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<Proposal>,
}

/// A server audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditState {
    /// Its name.
    pub name: String,
    /// `running`, `not_running` or `not_seen`: configured on, and started now.
    pub state: Running,
    /// FILE, SECURITY LOG, APPLICATION LOG, URL …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_desc: Option<String>,
    /// What happens when records cannot be written: CONTINUE, SHUTDOWN or FAIL_OPERATION.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure_desc: Option<String>,
    /// Milliseconds for which records may wait, and be lost with the server; 0: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_delay: Option<i32>,
    /// Its WHERE, which drops what does not match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<String>,
    /// How long it keeps records.
    pub kept: Kept,
}

/// How long an audit keeps records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    /// Against the days that the inventory asks for.
    #[serde(rename = "state")]
    pub keeps: Keeps,
    /// Files × size, besides the file in use; absent where there is no such limit or it was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub megabytes: Option<u64>,
    /// Days; absent where they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// What that rests on.
    pub why: String,
}

/// Whether records are kept as long as they must be. From worst to best.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Keeps {
    /// Less than the inventory asks for.
    TooShort,
    /// No record is deleted, and when its files are full none is made any more.
    UntilFull,
    /// The inventory asks, and it does not follow from what was seen.
    DaysNotKnown,
    /// The inventory does not ask.
    NotRequired,
    /// As long as the inventory asks for.
    Enough,
}

/// Whether something runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Running {
    Running,
    NotRunning,
    NotSeen,
}

/// The default trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceState {
    /// Whether it runs.
    pub state: Running,
    /// What it keeps, in words.
    pub why: String,
}

/// What becomes of an event. From worst to best, then what is no answer.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    /// Nothing records it.
    NotRecorded,
    /// No audit records it. The default trace would hold something of it, and whether that runs was not seen.
    TraceNotSeen,
    /// Only the default trace holds something of it.
    DefaultTraceOnly,
    /// Some of it, or in some databases.
    InPart,
    /// By an audit with a predicate: not proven.
    Narrowed,
    /// Whole, and not kept as long as the inventory asks for.
    KeptTooShort,
    /// Whole, until the audit's files are full: then recording ends.
    UntilFull,
    /// Whole; whether as long as the inventory asks for does not follow from what was seen.
    KeptDaysNotKnown,
    /// Whole.
    Recorded,
    /// Not seen well enough to say.
    NotSeen,
    /// It cannot happen here.
    NotApplicable,
}

impl Recorded {
    /// All, in their order.
    pub const ALL: [Self; 11] = [
        Self::NotRecorded,
        Self::TraceNotSeen,
        Self::DefaultTraceOnly,
        Self::InPart,
        Self::Narrowed,
        Self::KeptTooShort,
        Self::UntilFull,
        Self::KeptDaysNotKnown,
        Self::Recorded,
        Self::NotSeen,
        Self::NotApplicable,
    ];

    /// Whether an audit records it whole, however long.
    pub fn is_whole(self) -> bool {
        matches!(
            self,
            Self::Recorded | Self::KeptTooShort | Self::UntilFull | Self::KeptDaysNotKnown
        )
    }
}

/// One event on an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventState {
    /// Which: `procedure_change`, `option_change` …
    pub event: String,
    /// For people.
    pub title: String,
    /// What becomes of it.
    pub outcome: Recorded,
    /// Why, a sentence each.
    pub because: Vec<String>,
    /// What records it, or some of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<RecordedBy>,
    /// Databases whose own specification records all of it, or all that its audit's predicate lets through, where no server
    /// specification does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases_covered: Vec<DatabaseName>,
    /// Databases whose own specification records some of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases_in_part: Vec<DatabaseName>,
    /// The others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases_not_covered: Vec<DatabaseName>,
    /// Those whose specifications were not seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases_not_seen: Vec<DatabaseName>,
    /// What a record holds, of what records it best; absent where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<String>,
    /// What is missing, for `not_seen`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// Who says what records such an event.
    pub source: String,
}

/// What records an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct RecordedBy {
    /// The audit.
    pub audit: String,
    /// The specification that names the group or action.
    pub specification: String,
    /// The specification's database; absent of a server specification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// The action group, or the action.
    pub action: String,
}

/// T-SQL that would record what is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    /// What it is for, and what it costs.
    pub sentence: String,
    /// The statements.
    pub statement: String,
}

/// An event with what the rule needs besides.
pub(super) struct Told {
    pub event: &'static Event,
    pub state: EventState,
    pub evidence: Vec<Evidence>,
    /// Values that were not shown and would decide.
    pub unclear: Vec<Missing>,
}

impl Told {
    /// How bad it is: what an audit records in part is better than nothing. That the default trace holds something lightens
    /// nothing: whether it runs is not seen without a right that no auditor needs.
    pub fn severity(&self) -> Severity {
        match self.state.outcome {
            Recorded::InPart => Severity::Low,
            _ => self.event.severity,
        }
    }
}

impl Telemetry {
    /// What would be recorded on the instance of a case.
    pub fn of(case: &Case<'_>) -> Self {
        let reading = Reading::new(case);
        let told: Vec<EventState> = reading.tell().into_iter().map(|told| told.state).collect();
        let proposals = proposal::proposals(&reading, &told);
        Self {
            schema: SCHEMA.to_owned(),
            required_days: case.audit_needs().retention_days.filter(|days| *days > 0),
            audits: reading.audits(),
            default_trace: reading.trace(),
            events: told,
            proposals,
        }
    }

    /// How many events an audit records whole, and how many can happen here.
    pub fn counts(&self) -> (usize, usize) {
        let of = |is: &dyn Fn(Recorded) -> bool| {
            let outcomes = self.events.iter().map(|event| event.outcome);
            outcomes.filter(|outcome| is(*outcome)).count()
        };
        (
            of(&Recorded::is_whole),
            of(&|outcome| outcome != Recorded::NotApplicable),
        )
    }
}

/// The same for the rule.
pub(super) fn tell(case: &Case<'_>) -> (Vec<Told>, Vec<AuditState>) {
    let reading = Reading::new(case);
    (reading.tell(), reading.audits())
}
