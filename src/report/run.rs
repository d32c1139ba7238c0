//! What one run of the program was: which program, where, by whom, on what, and what it reached.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::evidence::{Databases, FileHash, States, TargetEvidence};
use crate::ids::InstanceId;
use crate::snapshot::Outcome;

/// The first field of every run record of this version.
pub const RUN_SCHEMA: &str = "mssql-posture/run/v1";

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// `mssql-posture/run/v1`.
    pub schema: String,
    /// Names this run and no other: a UUID.
    pub run_id: String,
    /// The command: `audit`, `collect` or `import`.
    pub command: String,
    /// The program.
    pub tool: Tool,
    /// Who ran it, as the operating system says; nobody has proven it.
    pub operator: Option<String>,
    /// The computer that it ran on, as that calls itself.
    pub host: Option<String>,
    /// The operating system there.
    pub os: String,
    /// The inventory file; absent for one server without an inventory, and for what a script printed.
    pub inventory: Option<FileHash>,
    /// The rules that judge.
    pub rule_set: RuleSet,
    /// The statements that may be sent: SHA-256 over the hash of each, in their order.
    pub statements_sha256: String,
    /// First and last moment of the collection by this computer's clock, UTC.
    pub collected: [String; 2],
    /// Compliance frameworks that controls are assessed by.
    pub frameworks: Vec<FrameworkVersion>,
    /// What was in scope, and what was reached.
    pub completeness: RunCompleteness,
}

/// The program that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The commit that it was built from, where whoever built it said so.
    pub commit: Option<String>,
    /// SHA-256 of the running binary; absent where it could not be read.
    pub binary_sha256: Option<String>,
}

/// The rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// The program's version, which is that of its rules.
    pub version: String,
    /// How many there are.
    pub rules: u32,
    /// SHA-256 over the id and the source text of each, in their order.
    pub sha256: String,
    /// Rules of one's own.
    pub own_rules: u32,
}

/// A framework.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameworkVersion {
    /// Its id.
    pub id: String,
    /// Its edition.
    pub version: String,
}

/// What was in scope, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunCompleteness {
    /// Targets that were to be read.
    pub in_scope: u32,
    /// Of them read to the end.
    pub finished: u32,
    /// Read in part.
    pub interrupted: u32,
    /// Not reached.
    pub unreached: u32,
    /// The same instance as another target.
    pub same_as: u32,
    /// Facts of all of them, by state.
    pub facts: States,
    /// Each target, by name.
    pub targets: Vec<RunTarget>,
    /// Targets of the inventory that were left out by `--only` or `--exclude`.
    pub not_selected: Vec<InstanceId>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunTarget {
    /// Its name.
    pub target: InstanceId,
    /// How its collection ended, and why where that was early.
    pub outcome: Outcome,
    /// Its facts by state; the evidence file names those that are not settled.
    pub facts: States,
    /// Its databases.
    pub databases: Databases,
    /// Its evidence file.
    pub evidence: FileHash,
}

impl RunTarget {
    /// A target, from its evidence and the file that holds it.
    pub fn of(evidence: &TargetEvidence, file: FileHash) -> Self {
        Self {
            target: evidence.target.clone(),
            outcome: evidence.outcome.clone(),
            facts: evidence.completeness.facts,
            databases: evidence.completeness.databases.clone(),
            evidence: file,
        }
    }
}

impl RunCompleteness {
    /// Of these targets.
    pub fn of(mut targets: Vec<RunTarget>, not_selected: Vec<InstanceId>) -> Self {
        targets.sort_by(|a, b| a.target.cmp(&b.target));
        let mut whole = Self {
            not_selected,
            ..Self::default()
        };
        for target in &targets {
            whole.in_scope += 1;
            whole.facts += target.facts;
            *match &target.outcome {
                Outcome::Finished => &mut whole.finished,
                Outcome::Interrupted(_) => &mut whole.interrupted,
                Outcome::Unreached(_) => &mut whole.unreached,
                Outcome::SameAs { .. } => &mut whole.same_as,
            } += 1;
        }
        whole.targets = targets;
        whole
    }
}
