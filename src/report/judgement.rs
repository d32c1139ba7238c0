//! What every report is rendered from.

use std::collections::BTreeMap;

use super::{Assessment, Templates};

/// A judgement and what it rests on.
pub struct Judgement<'a> {
    /// What was concluded.
    pub assessment: &'a Assessment,
    /// The files of the folder that reports may refer to, by path, with the SHA-256 of each: `assessment.json`, and
    /// what stands in `snapshots/`, `inputs/` and `evidence/`. A folder that `assess` wrote has no snapshots.
    pub files: BTreeMap<String, String>,
    /// Templates that stand in for those of this version.
    pub templates: &'a Templates,
}
