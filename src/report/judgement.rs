//! What every report is rendered from.

use std::collections::BTreeMap;

use super::{Assessment, Server};
use crate::compliance::Checklist;
use crate::ids::InstanceId;

/// A judgement and what it rests on.
pub struct Judgement<'a> {
    /// What was concluded.
    pub assessment: &'a Assessment,
    /// The files of the folder that reports may refer to, by path, with the SHA-256 of each: `assessment.json`, and
    /// what stands in `snapshots/`, `inputs/` and `evidence/`. A folder that `assess` wrote has no snapshots.
    pub files: BTreeMap<String, String>,
    /// Controls on single instances and databases, for the frameworks that want them so.
    pub checklists: &'a [Checklist],
    /// Each instance as others name it; absent where no snapshot of it was given.
    pub servers: &'a BTreeMap<InstanceId, Server>,
}

#[cfg(test)]
impl<'a> Judgement<'a> {
    /// Of an assessment alone.
    pub fn sample(assessment: &'a Assessment) -> Self {
        static NONE: BTreeMap<InstanceId, Server> = BTreeMap::new();
        let files = BTreeMap::from([("assessment.json".to_owned(), "0f".repeat(32))]);
        Self {
            assessment,
            files,
            checklists: &[],
            servers: &NONE,
        }
    }
}
