//! Newtypes for the names that cross room borders, so that a database name can never be passed
//! where an instance name is meant.

mod criticality;
mod file_name;
mod named;
mod release;

pub use criticality::Criticality;
pub use file_name::file_name;
pub use named::named;
pub use release::release;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is; nothing is trimmed or folded.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(text.as_ref().into())
            }

            /// The text as given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// A target's name in the inventory: unique there, and the instance's name everywhere after.
    InstanceId
}

text_id! {
    /// A database's name as `sys.databases` gives it. Server metadata, therefore hostile.
    DatabaseName
}

text_id! {
    /// A rule's stable identifier, such as `SURF-001`.
    RuleId
}

text_id! {
    /// A control of a compliance framework, such as `V-271302`.
    ControlId
}

/// A principal's id within its scope (`sys.server_principals` or one database's `sys.database_principals`).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct PrincipalId(pub i32);

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
