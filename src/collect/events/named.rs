//! What tells one record from every other: exports overlap, and nothing that is not there twice may be taken for one.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// A record's whole content, as its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordName([u8; 32]);

impl RecordName {
    /// Of a row and the text that lies apart from it.
    pub fn of(row: &impl Serialize, statement: Option<&str>) -> Self {
        // Only maps whose keys are no texts fail, and then the text alone names the record.
        let row = serde_json::to_vec(row).unwrap_or_default();
        let mut hash = Sha256::new();
        hash.update((row.len() as u64).to_le_bytes());
        hash.update(&row);
        hash.update([u8::from(statement.is_some())]);
        hash.update(statement.unwrap_or_default());
        Self(hash.finalize().into())
    }
}
