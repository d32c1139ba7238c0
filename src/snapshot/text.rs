//! Module text, kept apart from the facts: byte for byte, one module a line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ModuleTextFile, SnapshotError};

/// One line of the module-text file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleLine {
    /// Database; `None` for a server trigger.
    pub database: Option<String>,
    /// Object or trigger id; 0 for what is no object.
    pub object_id: i32,
    /// Which text it is, where it is not the object's only one: the number of a numbered procedure, a job step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// SHA-256 of `definition`.
    pub sha256: String,
    /// The text as the server gave it.
    pub definition: String,
}

/// SHA-256 as lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}"); // writing to a String cannot fail
            hex
        })
}

/// Texts by their hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleTexts(BTreeMap<String, String>);

impl ModuleTexts {
    /// Reads the lines of a module-text file and checks them against the hash that the snapshot names.
    ///
    /// # Errors
    /// Another file's hash, or a line that is not a module or does not match its own hash.
    pub fn from_jsonl(text: &str, expected_sha256: &str) -> Result<Self, SnapshotError> {
        let found = sha256_hex(text.as_bytes());
        if found != expected_sha256 {
            return Err(SnapshotError::Text {
                expected: expected_sha256.to_owned(),
                found,
            });
        }
        let mut texts = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let fault = |why: String| SnapshotError::TextLine {
                line: index + 1,
                why,
            };
            let line: ModuleLine = serde_json::from_str(line).map_err(|e| fault(e.to_string()))?;
            if sha256_hex(line.definition.as_bytes()) != line.sha256 {
                return Err(fault("the text does not have the hash it names".to_owned()));
            }
            texts.insert(line.sha256, line.definition);
        }
        Ok(Self(texts))
    }

    /// From lines in memory.
    pub fn from_lines(lines: impl IntoIterator<Item = ModuleLine>) -> Self {
        Self(
            lines
                .into_iter()
                .map(|line| (line.sha256, line.definition))
                .collect(),
        )
    }

    /// The text with this hash.
    pub fn get(&self, sha256: &str) -> Option<&str> {
        self.0.get(sha256).map(String::as_str)
    }
}

/// Writes the module-text file: sorted, one JSON object a line, LF.
///
/// # Errors
/// Never for the lines of a collection; a serialisation failure is passed on.
pub fn render_module_lines(
    mut lines: Vec<ModuleLine>,
) -> serde_json::Result<(Vec<u8>, ModuleTextFile)> {
    lines.sort();
    let mut bytes = Vec::new();
    for line in &lines {
        serde_json::to_writer(&mut bytes, line)?;
        bytes.push(b'\n');
    }
    let file = file_of(&bytes, lines.len());
    Ok((bytes, file))
}

fn file_of(bytes: &[u8], lines: usize) -> ModuleTextFile {
    ModuleTextFile {
        sha256: sha256_hex(bytes),
        modules: u32::try_from(lines).unwrap_or(u32::MAX),
        observations: None,
    }
}

/// A module-text file with some of the lines of another, byte for byte.
///
/// # Errors
/// A line that is not a module.
pub fn keep_module_lines(
    text: &str,
    keep: impl Fn(&ModuleLine) -> bool,
) -> Result<(Vec<u8>, ModuleTextFile), SnapshotError> {
    let mut bytes = Vec::new();
    let mut lines = 0;
    for (index, json) in text.lines().enumerate() {
        let fault = |error: serde_json::Error| SnapshotError::TextLine {
            line: index + 1,
            why: error.to_string(),
        };
        let line: ModuleLine = serde_json::from_str(json).map_err(fault)?;
        if keep(&line) {
            bytes.extend(json.as_bytes());
            bytes.push(b'\n');
            lines += 1;
        }
    }
    let file = file_of(&bytes, lines);
    Ok((bytes, file))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn line(text: &str) -> ModuleLine {
        ModuleLine {
            database: Some("erp".into()),
            object_id: 1,
            part: None,
            sha256: sha256_hex(text.as_bytes()),
            definition: text.into(),
        }
    }

    #[test]
    fn kept_lines_are_a_file_of_their_own() {
        let (bytes, whole) = render_module_lines(vec![line("EXEC a"), line("EXEC b")]).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (all, same) = keep_module_lines(&text, |_| true).unwrap();
        assert_eq!((all.as_slice(), &same), (text.as_bytes(), &whole));
        let (one, file) = keep_module_lines(&text, |line| line.definition == "EXEC b").unwrap();
        assert_eq!(file.modules, 1);
        let one = String::from_utf8(one).unwrap();
        let texts = ModuleTexts::from_jsonl(&one, &file.sha256).unwrap();
        assert_eq!(texts.get(&sha256_hex(b"EXEC b")), Some("EXEC b"));
        assert_eq!(texts.get(&sha256_hex(b"EXEC a")), None);
        let (none, file) = keep_module_lines(&text, |_| false).unwrap();
        assert_eq!((none.len(), file.sha256), (0, sha256_hex(b"")));
    }

    #[test]
    fn a_changed_byte_is_refused() {
        let (bytes, file) = render_module_lines(vec![line("EXEC p\n-- \u{202e}")]).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let texts = ModuleTexts::from_jsonl(&text, &file.sha256).unwrap();
        assert_eq!(
            texts.get(&sha256_hex("EXEC p\n-- \u{202e}".as_bytes())),
            Some("EXEC p\n-- \u{202e}")
        );
        let changed = text.replace("EXEC", "exec");
        assert!(ModuleTexts::from_jsonl(&changed, &file.sha256).is_err());
        let rehashed = sha256_hex(changed.as_bytes());
        assert!(matches!(
            ModuleTexts::from_jsonl(&changed, &rehashed),
            Err(SnapshotError::TextLine { line: 1, .. })
        ));
    }
}
