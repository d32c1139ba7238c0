//! A recorded instance: its snapshot and its module texts, as `collect` writes them.

use std::path::Path;

use mssql_posture::snapshot::{ModuleLine, Observed, Snapshot, sha256_hex};
use sha2::{Digest, Sha512};

use super::datum::Content;

/// Largest assembly file whose hash a collector makes itself (2012 and 2014).
const HASHED_BY_CLIENT: usize = 16 << 20;

/// What an instance is simulated from. Both parts may be changed before it is served.
#[derive(Clone, Debug)]
pub struct Recording {
    pub snapshot: Snapshot,
    pub modules: Vec<ModuleLine>,
}

impl Recording {
    /// Reads `NAME.snapshot.json` and, if it is there, `NAME.modules.jsonl` beside it.
    pub fn load(snapshot: &Path) -> Self {
        let text = std::fs::read_to_string(snapshot).expect("a snapshot file");
        let name = snapshot
            .file_name()
            .and_then(|n| n.to_str())
            .expect("a file name");
        let stem = name
            .strip_suffix(".snapshot.json")
            .expect("a name ending in .snapshot.json");
        let modules =
            std::fs::read_to_string(snapshot.with_file_name(format!("{stem}.modules.jsonl")));
        Self {
            snapshot: Snapshot::from_json(&text).expect("a snapshot"),
            modules: modules
                .unwrap_or_default()
                .lines()
                .map(|line| serde_json::from_str(line).expect("a module line"))
                .collect(),
        }
    }

    /// Gives every assembly file bytes of its recorded size, and the snapshot their hash. For servers
    /// that cannot hash (2012 and 2014), of which a client reads the bytes themselves; on others the
    /// recorded hash is served as it is, and this is not needed.
    pub fn invent_assembly_contents(&mut self) {
        for database in &mut self.snapshot.databases {
            for file in database.assembly_files.seen_mut() {
                let size: i64 = file.size.as_deref().unwrap_or("0").parse().expect("a size");
                let content = Content {
                    assembly_id: file.assembly_id,
                    file_id: file.file_id,
                    size,
                    sha2_512: None,
                };
                if size <= i64::try_from(HASHED_BY_CLIENT).expect("a small number") {
                    let value = hex(&Sha512::digest(content.invented(HASHED_BY_CLIENT)));
                    file.sha2_512 = Observed::Known { value };
                }
            }
        }
    }

    /// The line and the fact of a module text, to be put into a snapshot.
    pub fn module_line(database: Option<&str>, object_id: i32, definition: &str) -> ModuleLine {
        ModuleLine {
            database: database.map(str::to_owned),
            object_id,
            part: None,
            sha256: sha256_hex(definition.as_bytes()),
            definition: definition.to_owned(),
        }
    }
}

/// `0x…` in lower case, as snapshots have it.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::from("0x"), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of `0x…`.
pub(super) fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.strip_prefix("0x").expect("0x before binary");
    assert!(digits.len().is_multiple_of(2), "half a byte in {hex}");
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits"))
        .collect()
}
