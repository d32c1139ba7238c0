//! What history needs of an `assessment.json`. Bundles are kept for years: fields that it does not need may come and go.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::drift::unseen::FactAt;
use crate::ids::{DatabaseName, InstanceId};
use crate::rules::{Severity, Subject, WaiverState};

const SCHEMA: &str = "mssql-posture/assessment/v1";

/// Why a file is no assessment.
#[derive(Debug, thiserror::Error)]
pub enum AssessedError {
    /// Not the JSON of an assessment.
    #[error("it is no assessment of a form that this version reads: {0}")]
    Json(#[from] serde_json::Error),
    /// Another file, or another version's.
    #[error("the first field must be \"schema\": \"{SCHEMA}\", found {0:?}")]
    Schema(String),
    /// Its day is none, so it has no place in the order.
    #[error("as_of {0:?} is no date")]
    Day(String),
}

/// What was concluded.
#[derive(Clone, Debug, Deserialize)]
pub struct Assessed {
    schema: String,
    pub(super) as_of: String,
    #[serde(default)]
    pub(super) judged_by: String,
    #[serde(default)]
    pub(super) redacted: bool,
    #[serde(default)]
    pub(super) not_selected: Vec<InstanceId>,
    pub(super) instances: Vec<AssessedInstance>,
    #[serde(default)]
    pub(super) estate: Vec<AssessedVerdict>,
    #[serde(default)]
    pub(super) waivers: Vec<AssessedWaiver>,
    #[serde(default)]
    pub(super) frameworks: Vec<AssessedFramework>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct AssessedInstance {
    pub(super) id: InstanceId,
    #[serde(default)]
    pub(super) same_as: Option<InstanceId>,
    pub(super) collected: [String; 2],
    pub(super) exposure: AssessedExposure,
    pub(super) coverage: AssessedCoverage,
    pub(super) verdicts: Vec<AssessedVerdict>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct AssessedExposure {
    pub(super) low: u32,
    pub(super) high: u32,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct AssessedCoverage {
    pub(super) finished: bool,
    #[serde(default)]
    pub(super) trouble: Option<AssessedTrouble>,
    pub(super) databases: u32,
    pub(super) databases_read: u32,
    #[serde(default)]
    pub(super) databases_excluded: Vec<DatabaseName>,
    #[serde(default)]
    pub(super) missing: Vec<AssessedMissing>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct AssessedTrouble {
    pub(super) why: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct AssessedVerdict {
    pub(super) rule: String,
    pub(super) rule_slug: String,
    pub(super) title: String,
    pub(super) subject: Subject,
    pub(super) outcome: String,
    pub(super) severity: Severity,
    pub(super) message: String,
    #[serde(default)]
    pub(super) missing: Vec<AssessedMissing>,
}

/// A fact that was not seen, or not whole.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct AssessedMissing {
    pub(super) fact: String,
    #[serde(default)]
    pub(super) database: Option<DatabaseName>,
}

impl AssessedMissing {
    pub(super) fn at(&self) -> FactAt<'_> {
        (&self.fact, self.database.as_ref())
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct AssessedWaiver {
    pub(super) state: WaiverState,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct AssessedFramework {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) version: String,
    pub(super) tally: Controls,
}

/// Controls of a framework by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Controls {
    pub met: u32,
    pub not_met: u32,
    pub partly_seen: u32,
    pub not_assessed: u32,
    pub manual: u32,
    pub accepted: u32,
    pub not_applicable: u32,
}

impl Assessed {
    /// Reads an `assessment.json`.
    ///
    /// # Errors
    /// See [`AssessedError`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, AssessedError> {
        let read: Self = serde_json::from_slice(bytes)?;
        if read.schema != SCHEMA {
            return Err(AssessedError::Schema(read.schema));
        }
        if !crate::inventory::is_date(&read.as_of) {
            return Err(AssessedError::Day(read.as_of));
        }
        Ok(read)
    }

    pub(super) fn instance(&self, id: &InstanceId) -> Option<&AssessedInstance> {
        self.instances.iter().find(|own| own.id == *id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &InstanceId> {
        self.instances.iter().map(|own| &own.id)
    }

    /// First start and last end of the collections.
    pub(super) fn collected(&self) -> Option<[String; 2]> {
        let times = |at: usize| {
            let own = self.instances.iter();
            let own = own.filter_map(move |own| own.collected.get(at));
            own.filter(|time| !time.is_empty()).cloned()
        };
        Some([times(0).min()?, times(1).max()?])
    }

    /// Every rule with a verdict anywhere.
    pub(super) fn rules(&self) -> BTreeSet<String> {
        let on_instances = self.instances.iter().flat_map(|own| &own.verdicts);
        let all = on_instances.chain(&self.estate);
        all.map(|verdict| verdict.rule.clone()).collect()
    }
}
