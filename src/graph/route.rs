//! Routes: for each channel its state, who reaches it, and by which chain of steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::channel::Channel;
use super::wording::Place;
use crate::ids::{DatabaseName, InstanceId};
use crate::snapshot::CitedRow;

/// How far a way to a command is open. Ordered from closed to open.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody gets there.
    Closed,
    /// Somebody gets there when an administrator or a service does something first.
    Waiting,
    /// Whoever gets there switches it on first, and may.
    Armable,
    /// Open now.
    Open,
}

impl State {
    /// The word in machine output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Waiting => "waiting",
            Self::Armable => "armable",
            Self::Open => "open",
        }
    }
}

/// One way to run an operating-system command on an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// The channel.
    pub channel: Channel,
    /// What it is now, for whoever gets furthest, administrators among them.
    pub state: State,
    /// Why it is closed, or what arms it; one sentence.
    pub why: String,
    /// Where it is said that the channel exists, or does not, on this platform.
    pub source: String,
    /// As whom the command runs.
    pub runs_as: RunsAs,
    /// Who gets there.
    pub reached_by: ReachedBy,
    /// Rows that say how the channel stands.
    pub evidence: Vec<Citation>,
    /// The shortest chain of each principal that is not an administrator by design, the most open and shortest first; as
    /// many as are kept.
    pub paths: Vec<Path>,
}

/// The account that a command runs as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunsAs {
    /// The account, if it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// `worker`, `linux`, `virtual`, `network`, `local_user`, `proxy`, `domain`, `administrative` or `unknown`.
    pub power: String,
}

/// Who reaches a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReachedBy {
    /// Principals that can log in and are in sysadmin: administrators by design.
    pub administrators: u32,
    /// Others that can log in and get there, by how far it is open to them.
    pub open: u32,
    /// See `open`.
    pub armable: u32,
    /// See `open`.
    pub waiting: u32,
    /// Whether everybody who can log in is among them, those aside who are excepted by name: by a DENY, or by a mapping
    /// of their own.
    pub everyone: bool,
    /// Windows and Entra groups among them whose size the inventory does not give.
    pub groups_of_unknown_size: Vec<String>,
}

/// How one principal gets to a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Path {
    /// Who.
    pub principal: Place,
    /// How far it is open.
    pub state: State,
    /// The steps, the last one being the command.
    pub steps: Vec<PathStep>,
    /// The steps by which the same principal switches the channel on, where it is off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arming: Vec<PathStep>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PathStep {
    /// The kind of step: see `explain steps`.
    pub kind: String,
    /// Where it begins.
    pub from: Place,
    /// Where it leads.
    pub to: Place,
    /// The step in one sentence.
    pub sentence: String,
    /// Whether it waits for somebody.
    pub waits: bool,
    /// The rows that it rests on.
    pub evidence: Vec<Citation>,
}

/// A row of a fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Citation {
    /// The instance it was asked of, where a chain leads over several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// The query's name.
    pub fact: String,
    /// Database it ran in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// The row, as in the snapshot.
    pub row: CitedRow,
}
