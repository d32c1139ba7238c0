//! What became of attribution: the form that is written as JSON and that every renderer reads.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::Severity;
use crate::snapshot::{EventOrigin, EventSource, EventWho};

/// Who made a change, and whether they should have. From best to worst.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Attributed {
    /// A ticket covers all events that made it: object, identity, moment; and the host is a usual one.
    Approved,
    /// It is known who made it; no register was given to hold it to.
    Attributed,
    /// A ticket covers it, and it came from a host that is none of the usual.
    UnusualHost,
    /// A ticket may cover it: its moment or its host cannot be told well enough.
    Undecided,
    /// A ticket is for this object and identity, and for another time.
    OutsideWindow,
    /// It is known who made it, and no ticket is for it.
    Unapproved,
    /// No event that was given made it.
    Unattributable,
}

impl Attributed {
    /// All, from best to worst.
    pub const ALL: [Self; 7] = [
        Self::Approved,
        Self::Attributed,
        Self::UnusualHost,
        Self::Undecided,
        Self::OutsideWindow,
        Self::Unapproved,
        Self::Unattributable,
    ];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Attributed => "attributed",
            Self::UnusualHost => "unusual host",
            Self::Undecided => "undecided",
            Self::OutsideWindow => "outside window",
            Self::Unapproved => "unapproved",
            Self::Unattributable => "unattributable",
        }
    }

    /// Whether somebody has to answer for it: known not to be approved as it was made.
    pub(super) fn is_finding(self) -> bool {
        matches!(
            self,
            Self::UnusualHost | Self::OutsideWindow | Self::Unapproved
        )
    }
}

/// The whole estate's attribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttributionSummary {
    /// Whether a register was given that changes were held to.
    pub held_to_register: bool,
    /// How many changes came out how, from best to worst; those that none has are left out.
    pub outcomes: Vec<OutcomeCount>,
}

/// How many changes, or events without a change, came out so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutcomeCount {
    /// Which.
    pub outcome: Attributed,
    /// How many.
    pub changes: u32,
}

impl OutcomeCount {
    /// How many of each there are.
    pub(super) fn of(all: &[Attributed]) -> Vec<Self> {
        let counts = Attributed::ALL.into_iter().filter_map(|outcome| {
            let changes = all.iter().filter(|own| **own == outcome).count();
            let changes = u32::try_from(changes).unwrap_or(u32::MAX);
            (changes > 0).then_some(Self { outcome, changes })
        });
        counts.collect()
    }
}

/// One instance's attribution: what holds of all its changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceAttribution {
    /// Where something could have happened unseen or unrecorded between the two collections: findings of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blind_spots: Vec<BlindSpot>,
    /// What happened between the two collections and left no drift: what somebody has to answer for first, and of that the
    /// worst.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<Passed>,
    /// How much more of it there is than is told, by outcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_passed: Vec<OutcomeCount>,
}

/// Who made one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeAttribution {
    /// Whether it is known, and was approved.
    pub outcome: Attributed,
    /// The ticket that covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The events that made it, in order: the last few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<ToldEvent>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_events: u32,
    /// What the outcome rests on, or what it lacks, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// Why nobody can tell: what is blind, for `unattributable`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blind_spots: Vec<BlindSpot>,
    /// Events that fit in part, which is not enough, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<String>,
    /// What the catalog itself says of when and by whom: weaker evidence than an event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catalog: Vec<String>,
    /// What else a reviewer wants to know: an unusual hour, an identity that is none of the usual.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// An event as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToldEvent {
    /// When, UTC. Where that cannot be told for sure, the first moment that it can have been.
    pub moment: String,
    /// The last moment that it can have been; absent where there is one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Where it was recorded.
    pub source: EventSource,
    /// What was done, in the server's words where it has some.
    pub action: String,
    /// Who: the login that connected is `session_login`, and `login` the one it ran as.
    pub who: EventWho,
    /// From where.
    pub from: EventOrigin,
    /// Ways to the operating system that the statement uses or plants, as `scan` names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// The statement, with recognised secrets masked, cut where it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// Whether the record does not hold the whole statement, so that `features` may lack some.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub statement_cut: bool,
}

impl ToldEvent {
    /// The login that connected, as far as the record says.
    pub fn identity(&self) -> Option<&str> {
        let who = &self.who;
        who.session_login.as_deref().or(who.login.as_deref())
    }
}

/// What makes an instance blind.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Blind {
    /// No file of events has the target.
    NoEvents,
    /// The target's events were not all read.
    TargetNotRead,
    /// The file does not hold as many events as it says.
    EventsMissing,
    /// The events are of less time than lies between the two collections.
    Window,
    /// The right to read a source is missing.
    Denied,
    /// A source could not be read.
    SourceFailed,
    /// There were more records than were taken.
    Bounded,
    /// A source does not reach back to BEFORE.
    Retention,
    /// A source was seen in part.
    SourcePartial,
    /// A file was exported by somebody: what they left out does not show.
    Exported,
    /// The events are of another server.
    OtherServer,
    /// There is no audit.
    NoAudit,
    /// An audit is off.
    AuditStopped,
    /// An audit was stopped or started between the two collections.
    AuditSwitched,
    /// A specification is off.
    SpecificationOff,
    /// An audit drops what does not match its predicate.
    Predicate,
    /// The default trace does not run.
    TraceOff,
    /// Nothing records such an event here.
    NotRecorded,
    /// Only some of it is recorded, or in some databases.
    InPart,
    /// Whether it is recorded was not seen.
    RecordingNotSeen,
    /// Neither audits nor the default trace are known to record what makes such a change.
    NoSuchRecord,
    /// It would be recorded, all was seen, and no event is it.
    NothingFits,
    /// An event fits in part.
    FitsInPart,
    /// The catalog says that it was changed after the last event.
    ChangedLater,
    /// When an event happened cannot be told well enough.
    Moment,
}

impl Blind {
    /// Whether something may have happened that a better collection of the same events would hold, so that what is known is
    /// not all: an approved event may not be the last. What was exported is taken at its word.
    pub(super) fn is_gap(self) -> bool {
        (self.is_unseen()
            && !matches!(self, Self::Exported | Self::RecordingNotSeen | Self::Moment))
            || self == Self::AuditSwitched
    }

    /// Whether we did not see it: another collection could show it. Else the server itself is blind.
    pub fn is_unseen(self) -> bool {
        matches!(
            self,
            Self::NoEvents
                | Self::TargetNotRead
                | Self::EventsMissing
                | Self::Window
                | Self::Denied
                | Self::SourceFailed
                | Self::Bounded
                | Self::Retention
                | Self::SourcePartial
                | Self::Exported
                | Self::OtherServer
                | Self::RecordingNotSeen
                | Self::Moment
        )
    }
}

/// Somewhere nobody looks.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct BlindSpot {
    /// Which kind.
    pub kind: Blind,
    /// What it is, in a sentence.
    pub why: String,
}

impl BlindSpot {
    pub(super) fn new(kind: Blind, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { kind, why }
    }
}

/// Something that happened between the two collections and left no drift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Passed {
    /// What, in words.
    pub what: String,
    /// How much it matters.
    pub severity: Severity,
    /// Who did it, and whether they should have: held to the register as changes are.
    pub outcome: Attributed,
    /// The ticket that covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// How often.
    pub count: u32,
    /// The last of its events.
    pub last: ToldEvent,
    /// What else a reviewer wants to know: an unusual hour, more often than is usual.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}
