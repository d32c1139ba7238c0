//! What vouches for a bundle, as whoever opened it found out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What vouches for a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Seal {
    /// Every file is there with its hash.
    Intact {
        /// Who signed it.
        signature: Signature,
    },
    /// Something is not as it was, or it is not signed by a key that was given: it is no evidence and counts for nothing.
    Altered {
        /// What is off.
        what: String,
    },
    /// An assessment without hashes: nothing vouches for it.
    Loose,
}

/// Who signed a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Signature {
    /// Nobody.
    None,
    /// This key, it says; no key was given to check it with.
    Unchecked {
        /// The key's number.
        key: String,
    },
    /// This key.
    By {
        /// The key's number.
        key: String,
    },
}

impl Seal {
    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Intact { signature } => match signature {
                Signature::None => "intact, unsigned".to_owned(),
                Signature::Unchecked { key } => {
                    format!("intact, signed, it says, by key {key}: not checked")
                }
                Signature::By { key } => format!("intact, signed by key {key}"),
            },
            Self::Altered { what } => format!("NOT AS IT WAS, so it does not count: {what}"),
            Self::Loose => "no bundle: nothing vouches for this file".to_owned(),
        }
    }

    /// Whether nothing is off.
    pub fn counts(&self) -> bool {
        !matches!(self, Self::Altered { .. })
    }
}
