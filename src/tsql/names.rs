//! When two names are the same name to SQL Server, and what synonyms stand for.

use std::collections::HashMap;
use std::sync::Arc;

/// A name as it is compared: without case (Unicode's simple folding), without trailing blanks, and with full-width
/// letters as their plain ones, which all but width-sensitive collations hold equal.
pub(super) fn folded(name: &str) -> String {
    name.trim_end_matches(' ').chars().map(fold).collect()
}

fn fold(character: char) -> char {
    match character {
        '\u{212A}' => 'k',
        '\u{17F}' => 's',
        '\u{FF01}'..='\u{FF5E}' => {
            let plain = u32::from(character) - 0xFF01 + 0x21;
            char::from_u32(plain).map_or(character, |c| c.to_ascii_lowercase())
        }
        _ => {
            let mut lower = character.to_lowercase();
            match (lower.next(), lower.next()) {
                (Some(one), None) => one,
                _ => character,
            }
        }
    }
}

/// Synonyms by their own names, with what they stand for. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Synonyms(Arc<HashMap<String, Vec<Synonym>>>);

#[derive(Debug, Clone)]
struct Synonym {
    schema: Option<String>,
    target: Vec<String>,
}

impl Synonyms {
    /// Adds the synonym of this name for `target`. Both are in parts without delimiters, the own name last; a schema
    /// that is left out fits any.
    pub fn insert(&mut self, name: &[String], target: &[String]) {
        let Some((own, qualification)) = name.split_last() else {
            return;
        };
        let synonym = Synonym {
            schema: qualification.last().and_then(|schema| schema_of(schema)),
            target: target.to_vec(),
        };
        let rows = Arc::make_mut(&mut self.0);
        rows.entry(folded(own)).or_default().push(synonym);
    }

    /// What a name stands for, if it is a synonym's; the last that was added counts.
    pub fn get(&self, name: &[String]) -> Option<&[String]> {
        let (own, qualification) = name.split_last()?;
        if self.0.is_empty()
            || qualification.len() > 1 && qualification.iter().rev().skip(2).any(|s| !s.is_empty())
        {
            return None;
        }
        let schema = qualification.last().and_then(|schema| schema_of(schema));
        let fits = |row: &&Synonym| match (&row.schema, &schema) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        let rows = self.0.get(&folded(own))?;
        let row = rows.iter().rev().find(fits);
        row.map(|row| row.target.as_slice())
    }
}

fn schema_of(part: &str) -> Option<String> {
    (!part.is_empty()).then(|| folded(part))
}
