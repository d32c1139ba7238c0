//! When two names are the same name to SQL Server, and what synonyms stand for.

use std::collections::HashMap;
use std::sync::Arc;

/// A name as it is compared: without case (Unicode's simple folding), without trailing blanks, and with full-width
/// letters as their plain ones, which all but width-sensitive collations hold equal.
pub(super) fn folded(name: &str) -> String {
    let name = name.trim_end_matches(' ');
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    name.chars().map(fold).collect()
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
pub struct Synonyms(Arc<HashMap<String, Namesakes>>);

/// The synonyms of one name in several schemas.
#[derive(Debug, Clone, Default)]
struct Namesakes {
    targets: HashMap<Option<String>, Arc<[String]>>,
    last: Option<Arc<[String]>>,
}

impl Synonyms {
    /// Adds the synonym of this name for `target`. Both are in parts without delimiters, the own name last; a schema
    /// that is left out fits any.
    pub fn insert(&mut self, name: &[String], target: &[String]) {
        let Some((own, qualification)) = name.split_last() else {
            return;
        };
        let target: Arc<[String]> = target.into();
        let namesakes = Arc::make_mut(&mut self.0).entry(folded(own)).or_default();
        namesakes.last = Some(Arc::clone(&target));
        namesakes.targets.insert(schema(qualification), target);
    }

    /// What a name stands for, if it is a synonym's; of several that fit the last that was added.
    pub fn get(&self, name: &[String]) -> Option<&[String]> {
        if self.0.is_empty() {
            return None;
        }
        let (own, qualification) = name.split_last()?;
        let namesakes = self.0.get(&folded(own))?;
        let schema = schema(qualification);
        let target = match schema {
            None => namesakes.last.as_ref(),
            Some(_) => namesakes
                .targets
                .get(&schema)
                .or_else(|| namesakes.targets.get(&None)),
        };
        target.map(|target| &**target)
    }
}

fn schema(qualification: &[String]) -> Option<String> {
    let schema = qualification.last().filter(|schema| !schema.is_empty());
    schema.map(|schema| folded(schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn synonyms_are_found_by_name_and_schema() {
        let mut synonyms = Synonyms::default();
        synonyms.insert(&name("dbo.S"), &name("a"));
        synonyms.insert(&name("x.s"), &name("b"));
        synonyms.insert(&name("t"), &name("c.d"));
        let got = |text: &str| synonyms.get(&name(text)).map(|target| target.join("."));
        assert_eq!(got("DBO.s").as_deref(), Some("a"));
        assert_eq!(got("db.x.s ").as_deref(), Some("b"));
        assert_eq!(
            got("s").as_deref(),
            Some("b"),
            "the last counts without a schema"
        );
        assert_eq!(got("db..s").as_deref(), Some("b"));
        assert_eq!(got("y.s"), None);
        assert_eq!(got("any.T").as_deref(), Some("c.d"));
        assert_eq!(got("u"), None);
    }

    #[test]
    fn names_are_folded_letter_by_letter() {
        for (one, other) in [
            ("ABC", "abc"),
            ("\u{C4}", "\u{E4}"),
            ("\u{FF38}", "x"),
            ("a  ", "A"),
            ("\u{17F}", "s"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        assert_ne!(folded(" a"), folded("a"));
        assert_eq!(
            folded("\u{130}"),
            "\u{130}",
            "what folds to two letters stays"
        );
    }
}
