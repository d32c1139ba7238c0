//! Drift on the first page of an audit: what the page of drift begins with.

use schemars::JsonSchema;
use serde::Serialize;

use super::table::{closing, is_compared, worst};
use super::view::{DriftView, Most};
use crate::drift::Diff;

/// What changed since a baseline, in short.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriftGlance {
    /// The whole in sentences.
    pub sentence: String,
    /// The targets with something to tell, by name.
    pub instances: Vec<DriftLine>,
    /// How many more of them there are.
    pub more: usize,
}

/// One target.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriftLine {
    /// Its name.
    pub id: String,
    /// Exposure before and after.
    pub exposure: String,
    /// How it stands, in a few words.
    pub state: String,
    /// Severity of the worst change; a dash where there is none.
    pub worst: &'static str,
}

/// So many targets are told.
const MOST_TOLD: usize = 50;

impl DriftGlance {
    /// Prepares it.
    pub fn new(diff: &Diff) -> Self {
        let view = DriftView::new(diff, Most::OF_A_TABLE);
        let both = view.instances.iter().zip(&diff.instances);
        let telling = both.filter(|(one, diff)| !one.quiet || diff.is_incomplete());
        let instances: Vec<_> = telling.map(|(one, _)| one).collect();
        let told = instances.iter().take(MOST_TOLD).map(|one| DriftLine {
            id: one.id.clone(),
            exposure: one.shown_exposure(),
            state: one.state.clone(),
            worst: if is_compared(one) { worst(one) } else { "–" },
        });
        Self {
            sentence: closing(&view),
            instances: told.collect(),
            more: instances.len().saturating_sub(MOST_TOLD),
        }
    }
}
