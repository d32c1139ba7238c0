//! How much module text is kept of what was collected, and the observations that stand in for the rest.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write};

use anyhow::Context;

use super::args::Definitions;
use super::judge;
use crate::collect::{Collected, ModuleText};
use crate::ids::DatabaseName;
use crate::rules::{self, Analysis, Case, Observations};
use crate::snapshot::{ModuleTexts, Snapshot, keep_module_lines, sha256_hex};

/// One instance as it stands in a folder.
pub struct Files {
    /// Its facts; they name the other two files by hash.
    pub snapshot: Snapshot,
    /// The module-text file.
    pub module_text: Text,
    /// The observations file, where module text was left out.
    pub observations: Option<Vec<u8>>,
}

/// A module-text file.
pub enum Text {
    /// In memory.
    Bytes(Vec<u8>),
    /// As it was collected.
    Spooled(ModuleText),
}

impl Text {
    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn write_to(&self, to: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => to.write_all(bytes),
            Self::Spooled(text) => text.write_to(to),
        }
    }

    fn into_bytes(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Spooled(text) => text.bytes(),
        }
    }
}

impl From<Collected> for Files {
    fn from(collected: Collected) -> Self {
        Self {
            snapshot: collected.snapshot,
            module_text: Text::Spooled(collected.module_text),
            observations: None,
        }
    }
}

impl Files {
    /// The same with as much module text as is to be kept. What the modules do is written down before any of it goes,
    /// unless that was done before. Databases that are `excluded` are left unread.
    ///
    /// # Errors
    /// The files do not belong together.
    pub fn keeping(
        mut self,
        definitions: Definitions,
        excluded: &[String],
    ) -> anyhow::Result<Self> {
        if definitions == Definitions::All {
            return Ok(self);
        }
        let mut scope = Cow::Borrowed(&self.snapshot);
        if !excluded.is_empty() {
            judge::exclude(scope.to_mut(), excluded);
        }
        let named = &self.snapshot.module_text;
        let bytes = self.module_text.into_bytes()?;
        let text = std::str::from_utf8(&bytes).context("module text is not UTF-8")?;
        let texts = ModuleTexts::from_jsonl(text, &named.sha256)?;
        let before = self.observations.zip(named.observations.as_ref());
        let (observations, observed) = if let Some((bytes, hash)) = before {
            let text = std::str::from_utf8(&bytes).context("observations are not UTF-8")?;
            (Observations::from_json(text, hash)?, bytes)
        } else {
            let mut observations = Analysis::new(&scope, &texts).into_observations();
            observations.note_normal(&texts);
            let bytes = observations.render()?;
            (observations, bytes)
        };
        let flagged = match definitions {
            Definitions::Flagged => {
                let case = Case::new(&scope, &texts, None);
                rules::flagged(&case.with_observations(Some(&observations)))
            }
            _ => BTreeSet::new(),
        };
        let (kept, mut file) = keep_module_lines(text, |line| {
            let database = line.database.as_deref().map(DatabaseName::new);
            flagged.contains(&(database, line.object_id))
        })?;
        file.observations = Some(sha256_hex(&observed));
        self.snapshot.module_text = file;
        Ok(Self {
            snapshot: self.snapshot,
            module_text: Text::Bytes(kept),
            observations: Some(observed),
        })
    }
}
