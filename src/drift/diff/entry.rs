//! What a comparison found: the form that is written as JSON and that every renderer reads.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::host::HostTimeline;
use super::record::{Folded, RecordOutcome};
use crate::drift::attribution::{AttributionSummary, ChangeAttribution, InstanceAttribution};
use crate::ids::{DatabaseName, InstanceId};
use crate::rules::{Severity, Subject};

/// The first field of the JSON.
pub const DIFF_SCHEMA: &str = "mssql-posture/diff/v1";

/// What changed in an estate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diff {
    /// `mssql-posture/diff/v1`.
    pub schema: String,
    /// The day as of which both sides were judged, YYYY-MM-DD.
    pub as_of: String,
    /// Program and version that judged and compared both sides.
    pub judged_by: String,
    /// What became of the change record, where one is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordOutcome>,
    /// Who made the changes, where events were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<AttributionSummary>,
    /// Events of hosts that belong to no instance, in words: what they tell stands nowhere else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unplaced: Vec<String>,
    /// One entry a target, by name.
    pub instances: Vec<InstanceDiff>,
}

/// How the two sides of a target were brought together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// Both sides have it.
    Compared,
    /// Only AFTER has it: there is nothing to compare it with.
    OnlyAfter,
    /// Only BEFORE has it: what became of it is not known.
    OnlyBefore,
    /// Another target is the same instance; its changes stand there.
    SameAs,
    /// AFTER was not asked for it, by `--only` or `--exclude`.
    NotSelected,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceDiff {
    /// The target's name.
    pub id: InstanceId,
    /// How its sides were brought together.
    pub pairing: Pairing,
    /// The other target, where that is the same instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<InstanceId>,
    /// When BEFORE and AFTER were collected, UTC; empty for a side that is not there.
    pub collected: [String; 2],
    /// When the collection of AFTER began; for a change record's window, never written.
    #[serde(skip)]
    pub after_began: String,
    /// What is to be known before the changes are read: another server name, a restart, an upgrade.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Exposure before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<ExposureChange>,
    /// Channels that stand otherwise than before.
    pub routes: Vec<RouteChange>,
    /// Verdicts that are not the same, the worst first.
    pub verdicts: Vec<VerdictChange>,
    /// Rows of facts that are not the same, the worst first.
    pub changes: Vec<Change>,
    /// Rows of no more than low severity that came or went with the database, module or job that they belong to. Of code,
    /// principals, memberships and permissions that came with a database the first are told, and the rest is counted here.
    pub came_with_their_owner: u32,
    /// What of them is held to a change record; never written.
    #[serde(skip)]
    pub folded: Folded,
    /// Options of AFTER that are configured and not yet running.
    pub pending: Vec<Pending>,
    /// Facts that were not seen whole on both sides.
    pub not_comparable: Vec<NotComparable>,
    /// What happened on the host, where events of it are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostTimeline>,
    /// Who made the changes, where events were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<InstanceAttribution>,
}

/// Exposure of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Points {
    /// With every unseen fact at its best.
    pub low: u32,
    /// With every unseen fact at its worst.
    pub high: u32,
}

/// Exposure before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExposureChange {
    /// See [`Points`].
    pub before: Points,
    /// See [`Points`].
    pub after: Points,
    /// High if more is seen to be open than before.
    pub severity: Severity,
}

/// A channel that stands otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouteChange {
    /// The channel's word.
    pub channel: String,
    /// Its title.
    pub title: String,
    /// Before and after, each in one sentence.
    pub before: String,
    /// See `before`.
    pub after: String,
    /// High if it is open and was not, or to more.
    pub severity: Severity,
}

/// What became of a verdict.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum VerdictDrift {
    /// A finding that was not there when it was looked for before.
    New,
    /// A finding that is worse than it was.
    Worse,
    /// A finding that was accepted and no longer is.
    NoLongerAccepted,
    /// A finding now; before it was not seen well enough to say.
    NewlySeen,
    /// It was seen before, and is not any more.
    NewlyUnseen,
    /// A finding that is milder than it was.
    Better,
    /// A finding that somebody accepts now.
    Accepted,
    /// Seen to be no finding; before it was not seen well enough to say.
    NewlySettled,
    /// A finding that is not there any more, and was looked for.
    Resolved,
}

impl VerdictDrift {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Worse => "worse",
            Self::NoLongerAccepted => "no longer accepted",
            Self::NewlySeen => "newly seen",
            Self::NewlyUnseen => "newly unseen",
            Self::Better => "better",
            Self::Accepted => "accepted now",
            Self::NewlySettled => "newly settled",
            Self::Resolved => "resolved",
        }
    }
}

/// A verdict that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictChange {
    /// The rule's id.
    pub rule: String,
    /// The rule's slug.
    pub rule_slug: String,
    /// The rule's title.
    pub title: String,
    /// What it is about.
    pub subject: Subject,
    /// What became of it.
    pub drift: VerdictDrift,
    /// Outcome before; absent where no verdict named the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Outcome after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Of the finding, where there is one after; info for what got better or unseen.
    pub severity: Severity,
    /// The verdict's message of the side that says most.
    pub message: String,
}

/// What became of a row.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was not there.
    Added,
    /// It is there and was not seen before, when not all was seen: it is new, or newly seen.
    NewOrNewlySeen,
    /// It is another.
    Changed,
    /// It is not there any more.
    Removed,
    /// It was there and is not seen after, when not all was seen.
    NotSeenAfter,
}

impl ChangeKind {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::NewOrNewlySeen => "new or newly seen",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::NotSeenAfter => "not seen after",
        }
    }
}

/// One row that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The fact, which is its query's name.
    pub fact: String,
    /// What a row of it is called.
    pub noun: String,
    /// Database; absent at server scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// What names the row, in words; ids stand as the names they have.
    pub name: String,
    /// What became of it.
    pub kind: ChangeKind,
    /// How much it matters.
    pub severity: Severity,
    /// Whether the change record has it; absent where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<bool>,
    /// The columns that differ; of a row that came or went, those that hold something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnChange>,
    /// The text of a module, step or condition that changed, came or went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextChange>,
    /// Who made it, where events were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<ChangeAttribution>,
    /// The columns that name the row, with their values in words; for attribution, never written.
    #[serde(skip)]
    pub identity: BTreeMap<&'static str, String>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnChange {
    /// Its name.
    pub column: String,
    /// Its value before; absent where there was no row.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub before: Option<Value>,
    /// Its value after; absent where there is no row.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub after: Option<Value>,
}

/// A value that is there, `null` among them: what is absent is a row that is not there.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// What became of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TextChange {
    /// `cosmetic`: white space, comments or the case of reserved words alone; `code`; `unknown`: a text was left out, or
    /// cannot be read, so that nobody can tell. Absent of a row that went, and of one that came with a text that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Why the class is not known, or why there are no lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Sinks that it reaches by its own code and did not before, as `scan` names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sinks_gained: Vec<String>,
    /// Sinks that it reached by its own code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sinks_lost: Vec<String>,
    /// Lines with `-`, `+` or a blank in front, secrets masked, long lines cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// Lines of the comparison that were left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lines_left_out: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// An option that will run with another value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pending {
    /// The option.
    pub option: String,
    /// Running now.
    pub in_use: i32,
    /// Configured.
    pub value: i32,
    /// What activates it: `RECONFIGURE` or `restart`.
    pub by: String,
    /// Whether it was so before; absent where that was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<bool>,
    /// How much its running value will matter.
    pub severity: Severity,
}

/// Facts that cannot be compared, or not whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct NotComparable {
    /// Database; absent at server scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// How they were seen before, and after.
    pub states: [String; 2],
    /// What would settle it, of both sides.
    pub needs: Vec<String>,
    /// The facts.
    pub facts: Vec<String>,
    /// Rows by name, where single rows of a fact cannot be compared; the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<String>,
    /// How many rows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub row_count: u32,
    /// Whether it leaves the comparison incomplete. A fact that the server has none of, one that takes more than the
    /// least-privileged login, and a database that both inventories leave out do not.
    pub incomplete: bool,
}

impl Diff {
    /// Of instances in any order.
    pub fn new(as_of: String, mut instances: Vec<InstanceDiff>) -> Self {
        instances.sort_by(|one, other| one.id.cmp(&other.id));
        Self {
            schema: DIFF_SCHEMA.to_owned(),
            as_of,
            judged_by: concat!("mssql-posture ", env!("CARGO_PKG_VERSION")).to_owned(),
            record: None,
            attribution: None,
            unplaced: Vec::new(),
            instances,
        }
    }

    /// Whether something was not seen on a side.
    pub fn is_incomplete(&self) -> bool {
        self.record
            .as_ref()
            .is_some_and(RecordOutcome::is_incomplete)
            || !self.unplaced.is_empty()
            || self.instances.iter().any(InstanceDiff::is_incomplete)
    }

    /// Whether there is a change at or over a severity.
    pub fn has_changes(&self, at_or_over: Severity) -> bool {
        let mut all = self.instances.iter().flat_map(InstanceDiff::severities);
        all.any(|severity| severity >= at_or_over)
    }

    /// Whether something at or over this happened on a host.
    pub fn has_host_events(&self, at_or_over: Severity) -> bool {
        let hosts = self.instances.iter().filter_map(|one| one.host.as_ref());
        let mut entries = hosts.flat_map(|host| &host.entries);
        entries.any(|entry| entry.severity >= at_or_over)
    }

    /// Whether something at or over this happened and left no drift.
    pub fn has_passed(&self, at_or_over: Severity) -> bool {
        let own = self
            .instances
            .iter()
            .filter_map(|one| one.attribution.as_ref());
        let mut passed = own.flat_map(|own| &own.passed);
        passed.any(|own| own.severity >= at_or_over)
    }

    /// How many changes there are of each severity, worst first.
    pub fn counts(&self) -> [(Severity, usize); 5] {
        Severity::ALL.map(|severity| {
            let all = self.instances.iter().flat_map(InstanceDiff::severities);
            (severity, all.filter(|one| *one == severity).count())
        })
    }
}

impl InstanceDiff {
    /// A target of which nothing was compared yet.
    pub fn new(id: InstanceId, pairing: Pairing, collected: [String; 2]) -> Self {
        Self {
            id,
            pairing,
            same_as: None,
            collected,
            after_began: String::new(),
            remarks: Vec::new(),
            exposure: None,
            routes: Vec::new(),
            verdicts: Vec::new(),
            changes: Vec::new(),
            came_with_their_owner: 0,
            folded: Folded::default(),
            pending: Vec::new(),
            not_comparable: Vec::new(),
            host: None,
            attribution: None,
        }
    }

    /// Whether something of it was not seen on a side.
    pub fn is_incomplete(&self) -> bool {
        if self.host.as_ref().is_some_and(|host| host.incomplete) {
            return true;
        }
        match self.pairing {
            Pairing::Compared => {
                self.not_comparable.iter().any(|unseen| unseen.incomplete)
                    || self.changes.iter().any(Change::is_incomplete)
                    || self
                        .verdicts
                        .iter()
                        .any(|v| v.drift == VerdictDrift::NewlyUnseen)
                    || self.is_attribution_incomplete()
            }
            Pairing::OnlyAfter | Pairing::OnlyBefore => true,
            Pairing::SameAs | Pairing::NotSelected => false,
        }
    }

    /// Of everything that changed.
    pub fn severities(&self) -> impl Iterator<Item = Severity> {
        let exposure = self.exposure.iter().map(|e| e.severity);
        let routes = self.routes.iter().map(|r| r.severity);
        let verdicts = self.verdicts.iter().map(|v| v.severity);
        let changes = self.changes.iter().map(|c| c.severity);
        // What was staged before is no change.
        let pending = self.pending.iter().filter(|p| p.before != Some(true));
        let pending = pending.map(|p| p.severity);
        exposure
            .chain(routes)
            .chain(verdicts)
            .chain(changes)
            .chain(pending)
    }
}

impl Change {
    fn is_incomplete(&self) -> bool {
        self.kind == ChangeKind::NotSeenAfter
            || self
                .text
                .as_ref()
                .is_some_and(|text| text.class.as_deref() == Some("unknown"))
    }
}
