//! The estate in numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::assessment::{Instance, VerdictEntry};
use crate::graph::Path;
use crate::ids::InstanceId;
use crate::rules::Severity;
use crate::score::rank;

/// The estate in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fleet {
    /// Targets.
    pub targets: u32,
    /// Distinct instances.
    pub instances: u32,
    /// Of them read to the end with every fact that a rule needs.
    pub complete: u32,
    /// Targets that were not reached or not finished.
    pub unreached: u32,
    /// Verdicts by outcome.
    pub verdicts: Tally,
    /// Findings by severity.
    pub findings: BySeverity,
    /// Largest `low` and largest `high` of all instances.
    pub exposure: [u32; 2],
    /// Instances to look at first: by exposure, weighted by criticality; equal ones in the order of the inventory.
    pub ranking: Vec<Ranked>,
    /// Chains that lead over linked servers from one instance to another, the most open and shortest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<Path>,
}

/// An instance's place in the estate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ranked {
    /// Which.
    pub instance: InstanceId,
    /// What the order goes by: low and high exposure, times the weight of its criticality.
    pub rank: u32,
}

/// Verdicts by outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Tally {
    pub fail: u32,
    pub unknown: u32,
    pub pass: u32,
    pub not_applicable: u32,
    pub accepted: u32,
}

/// Findings by severity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct BySeverity {
    pub critical: u32,
    pub high: u32,
    pub medium: u32,
    pub low: u32,
    pub info: u32,
}

impl Fleet {
    /// Counts one instance.
    pub fn count(&mut self, instance: &Instance) {
        self.targets += 1;
        if instance.same_as.is_some() {
            return;
        }
        self.instances += 1;
        self.unreached += u32::from(!instance.coverage.finished);
        let unknown = instance.verdicts.iter().any(|v| v.outcome == "unknown");
        self.complete += u32::from(instance.coverage.is_complete() && !unknown);
        self.exposure[0] = self.exposure[0].max(instance.exposure.low);
        self.exposure[1] = self.exposure[1].max(instance.exposure.high);
        let (low, high) = (instance.exposure.low, instance.exposure.high);
        self.ranking.push(Ranked {
            instance: instance.id.clone(),
            rank: rank(instance.criticality, low, high),
        });
        for verdict in &instance.verdicts {
            self.count_verdict(verdict);
        }
    }

    /// Counts one verdict.
    pub fn count_verdict(&mut self, verdict: &VerdictEntry) {
        *match verdict.outcome.as_str() {
            "fail" => &mut self.verdicts.fail,
            "unknown" => &mut self.verdicts.unknown,
            "pass" => &mut self.verdicts.pass,
            "accepted" => &mut self.verdicts.accepted,
            _ => &mut self.verdicts.not_applicable,
        } += 1;
        if verdict.outcome == "fail" {
            *match verdict.severity {
                Severity::Critical => &mut self.findings.critical,
                Severity::High => &mut self.findings.high,
                Severity::Medium => &mut self.findings.medium,
                Severity::Low => &mut self.findings.low,
                Severity::Info => &mut self.findings.info,
            } += 1;
        }
    }
}
