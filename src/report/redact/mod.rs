//! An assessment for others' eyes: principals and hosts under pseudonyms, the same name under the same one wherever it
//! stands, inside sentences, statements, code and rows too. Whatever is not proven to be ours is replaced: a word that
//! somebody's login happens to be called is lost rather than a name shown.

mod names;

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex_lite::Regex;
use serde_json::Value;

use super::Assessment;

pub use names::Names;
use names::SHORTEST_WORD;

/// Fields of an assessment that hold our own words, numbers or dates, or the name of a database: they stay.
const KEPT: &[&str] = &[
    "as_of",
    "assessed",
    "auth_scheme",
    "authentication",
    "channel",
    "collected",
    "controls",
    "created",
    "criticality",
    "database",
    "databases_excluded",
    "date",
    "edition",
    "encryption",
    "expires",
    "fact",
    "holds",
    "how",
    "judged_by",
    "kind",
    "line",
    "net_transport",
    "on",
    "option",
    "outcome",
    "platform",
    "power",
    "product_version",
    "query",
    "rule",
    "rule_slug",
    "schema",
    "scope",
    "severity",
    "sha256",
    "sink",
    "source",
    "stage",
    "started",
    "state",
    "status",
    "synthetic",
    "title",
    "type",
    "word",
];
/// Fields of frameworks that hold something of the estate; all others are the framework's own.
const OF_THE_ESTATE: &[&str] = &[
    "by",
    "comment",
    "evidence",
    "failing",
    "targets",
    "unassigned",
];

/// Why an assessment cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// There are more names than can be looked for.
    #[error("the names cannot be looked for: {0}")]
    Names(#[from] aho_corasick::BuildError),
    /// A name stands where one of our own words was due.
    #[error("what is left is no assessment: {0}")]
    Form(#[from] serde_json::Error),
}

/// The assessment under pseudonyms. Verdicts and counts are the same.
///
/// # Errors
/// See [`RedactError`].
pub fn redacted(assessment: &Assessment, names: &Names) -> Result<Assessment, RedactError> {
    let written = names.written();
    let forms: Vec<&str> = written.keys().map(String::as_str).collect();
    let redactor = Redactor {
        finder: AhoCorasick::new(&forms)?,
        pseudonyms: written.values().copied().collect(),
        lengths: forms.iter().map(|form| form.chars().count()).collect(),
    };
    let mut value = serde_json::to_value(assessment)?;
    redactor.walk(&mut value);
    let mut redacted: Assessment = serde_json::from_value(value)?;
    redacted.redacted = true;
    Ok(redacted)
}

/// SIDs of accounts as people write them.
static SIDS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)S-1-5-21(-\d+)+").ok());

struct Redactor<'a> {
    finder: AhoCorasick,
    pseudonyms: Vec<&'a str>,
    /// Of the names, in characters.
    lengths: Vec<usize>,
}

impl Redactor<'_> {
    fn walk(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                let before = fields.get("text").cloned();
                for (name, value) in fields.iter_mut() {
                    match name.as_str() {
                        "frameworks" => self.walk_frameworks(value, false),
                        name if KEPT.contains(&name) || name.ends_with("_desc") => {}
                        _ => self.walk(value),
                    }
                }
                // A line of code whose mark would stand elsewhere marks nothing.
                if fields.contains_key("column")
                    && fields.contains_key("length")
                    && fields.get("text") != before.as_ref()
                {
                    fields.insert("column".to_owned(), 1.into());
                    fields.insert("length".to_owned(), 0.into());
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item)),
            Value::String(text) => *text = self.text(text),
            _ => {}
        }
    }

    fn walk_frameworks(&self, value: &mut Value, is_ours: bool) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields.iter_mut() {
                    let is_ours = is_ours || OF_THE_ESTATE.contains(&name.as_str());
                    self.walk_frameworks(value, is_ours);
                }
            }
            Value::Array(items) => {
                let each = items.iter_mut();
                each.for_each(|item| self.walk_frameworks(item, is_ours));
            }
            Value::String(text) if is_ours => *text = self.text(text),
            _ => {}
        }
    }

    /// The text with every name replaced: the leftmost first, of those that begin at one place the longest.
    fn text(&self, text: &str) -> String {
        let folded = Folded::of(text);
        let mut found: Vec<(usize, usize, usize)> = Vec::new();
        for hit in self.finder.find_overlapping_iter(&folded.text) {
            let (start, end) = (folded.start(hit.start()), folded.end(hit.end()));
            let term = hit.pattern().as_usize();
            let length = self.lengths.get(term).copied().unwrap_or_default();
            if stands_alone(text, start, end, length) {
                found.push((start, end, term));
            }
        }
        found.sort_unstable_by_key(|&(start, end, _)| (start, std::cmp::Reverse(end)));
        let mut shown = String::with_capacity(text.len());
        let mut at = 0;
        for (start, end, term) in found {
            if start >= at {
                shown += text.get(at..start).unwrap_or_default();
                shown += self.pseudonyms.get(term).copied().unwrap_or("***");
                at = end;
            }
        }
        shown += text.get(at..).unwrap_or_default();
        match &*SIDS {
            Some(sids) if sids.is_match(&shown) => {
                sids.replace_all(&shown, "S-1-5-21-…").into_owned()
            }
            _ => shown,
        }
    }
}

/// Whether what stands there is a name of its own and no part of a longer word.
fn stands_alone(text: &str, start: usize, end: usize, length: usize) -> bool {
    let before = text.get(..start).and_then(|text| text.chars().next_back());
    let after = text.get(end..).and_then(|text| text.chars().next());
    let inner = text.get(start..end).unwrap_or_default();
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let joins_before = is_word(before) && is_word(inner.chars().next());
    let joins_after = is_word(after) && is_word(inner.chars().next_back());
    if joins_before || joins_after {
        return false;
    }
    let quotes = |c: Option<char>| c.is_none_or(|c| "[]'\"«»".contains(c));
    length >= SHORTEST_WORD || (quotes(before) && quotes(after))
}

/// A text in lower case, with the place in the original of each of its bytes.
struct Folded {
    text: String,
    places: Vec<usize>,
    length: usize,
}

impl Folded {
    fn of(text: &str) -> Self {
        let mut folded = Self {
            text: String::with_capacity(text.len()),
            places: Vec::with_capacity(text.len()),
            length: text.len(),
        };
        for (at, c) in text.char_indices() {
            folded.text.extend(c.to_lowercase());
            folded.places.resize(folded.text.len(), at);
        }
        folded
    }

    fn start(&self, at: usize) -> usize {
        self.places.get(at).copied().unwrap_or(self.length)
    }

    /// The end of the character that the byte before belongs to.
    fn end(&self, at: usize) -> usize {
        let last = at.checked_sub(1).and_then(|last| self.places.get(last));
        let mut after = self.places.get(at..).unwrap_or_default().iter();
        let next = after.find(|place| Some(*place) != last);
        next.copied().unwrap_or(self.length)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::report::sample;

    fn names() -> Names {
        let mut names = Names::default();
        for name in [
            "CORP\\alice.h",
            "app",
            "x",
            "O'Brien",
            "DOM\\DBA Team",
            "İlker",
            "zoe@corp.example",
        ] {
            names.add_principal(name);
        }
        names.add_hosts("tcp:sql01.corp.example,1433\\ERP");
        names.add_hosts("10.1.2.3");
        names.add_sid("0x010500000000000515000000A065CF7E784B9B5F");
        names.add_sid("0x01");
        names
    }

    fn shown(text: &str) -> String {
        let names = names();
        let written = names.written();
        let forms: Vec<&str> = written.keys().map(String::as_str).collect();
        let redactor = Redactor {
            finder: AhoCorasick::new(&forms).unwrap(),
            pseudonyms: written.values().copied().collect(),
            lengths: forms.iter().map(|form| form.chars().count()).collect(),
        };
        redactor.text(text)
    }

    #[test]
    fn a_name_is_replaced_wherever_it_stands_alone() {
        for (text, due) in [
            (
                "corp\\ALICE.H may, application may not",
                "domain-1\\principal-1 may, application may not",
            ),
            (
                "app may; [app]; 'app'; app_log",
                "principal-2 may; [principal-2]; 'principal-2'; app_log",
            ),
            ("an x, [x]", "an x, [principal-3]"),
            ("x", "principal-3"),
            ("N'O''Brien'", "N'principal-4'"),
            (
                "\"DOM\\\\DBA Team\" is in",
                "\"domain-2\\principal-5\" is in",
            ),
            ("iLKER and İLKER", "iLKER and principal-6"),
            ("zoe@CORP.example", "principal-7@domain-1.domain-3"),
            (
                "at sql01.corp.example,1433 and SQL01, not sql012",
                "at host-1.domain-1.domain-3,1433 and host-1, not sql012",
            ),
            ("10.1.2.3 is not 10.1.2.34", "host-3 is not 10.1.2.34"),
            (
                "sid 0x010500000000000515000000a065cf7e784b9b5f",
                "sid sid-1",
            ),
            ("S-1-5-21-1-2-3-500", "S-1-5-21-…"),
            ("sa in public of dbo: 0x01", "sa in public of dbo: 0x01"),
        ] {
            assert_eq!(shown(text), due, "{text}");
        }
    }

    #[test]
    fn names_that_every_server_has_stay() {
        let mut names = Names::default();
        for name in [
            "sa",
            "dbo",
            "NT SERVICE\\MSSQLSERVER",
            "BUILTIN\\Administrators",
            "##MS_x##",
            "db_owner",
        ] {
            names.add_principal(name);
        }
        assert_eq!(names.terms, BTreeMap::new());
    }

    #[test]
    fn a_fixed_role_is_no_name_and_a_share_has_a_host() {
        let mut names = Names::default();
        let rows = json!({"value": [
            {"name": "ops", "is_fixed_role": false, "sid": null},
            {"name": "loader", "is_fixed_role": true},
        ]});
        names.walk("server_principals", None, &rows);
        names.walk(
            "server_file_audits",
            None,
            &json!({"log_file_path": "\\\\vault7\\audit\\"}),
        );
        let known: Vec<&str> = names.terms.keys().map(String::as_str).collect();
        assert_eq!(known, ["ops", "vault7"]);
    }

    #[test]
    fn verdicts_stay_and_hostile_names_go() {
        let assessment = sample::assessment();
        let mut names = Names::default();
        names.add_principal(sample::HOSTILE_LOGIN);
        names.add_instance("erp-prod");
        let redacted = redacted(&assessment, &names).unwrap();
        assert!(redacted.redacted);
        assert_eq!(redacted.fleet.verdicts, assessment.fleet.verdicts);
        assert_eq!(redacted.fleet.exposure, assessment.fleet.exposure);
        let text = serde_json::to_string(&redacted).unwrap();
        for gone in ["erp-prod", "nimda", "CORP\\\\"] {
            assert!(!text.contains(gone), "{gone}");
        }
        assert!(text.contains("web-edge"), "what nobody named stays");
    }
}
