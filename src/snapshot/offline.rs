//! Where a snapshot comes from that was collected by a script.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `authentication` of a [`Connection`](super::Connection) that never was: a script collected.
pub const OFFLINE: &str = "offline";

/// Which script collected, and who ran it, as the output says. The output's hashes show accidents and clumsy edits;
/// they do not prove that nobody wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Offline {
    /// SHA-256 of the script, as `script collector` writes it into its first line.
    pub script_sha256: String,
    /// `ORIGINAL_LOGIN()` of who ran it.
    pub login: Option<String>,
    /// `HOST_NAME()`: the computer that it was run from, as that says.
    pub host: Option<String>,
    /// `APP_NAME()`: the program that it was run with, as that says.
    pub application: Option<String>,
    /// Records in the output.
    pub records: u32,
    /// The last hash of their chain, which stands for all of them.
    pub seal: String,
}
