//! An assessment for others' eyes: principals and hosts under pseudonyms, the same name under the same one wherever it
//! stands, inside sentences, statements, code and rows too. Whatever is not proven to be ours is replaced: a word that
//! somebody's login happens to be called is lost rather than a name shown.

mod address;
mod certificate;
mod names;
mod well_known;

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex_lite::Regex;
use serde_json::Value;

use super::Assessment;

pub use names::Names;

/// What a redacted copy says of itself, wherever people read it; templates have the same sentence.
pub const PSEUDONYMS: &str = "Redacted copy: principals and hosts stand under pseudonyms, the same name under the same one. \
                              It is for reading; what is signed off is the audit that it was made from.";

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
    "databases_covered",
    "databases_excluded",
    "databases_in_part",
    "databases_not_covered",
    "databases_not_seen",
    "date",
    "edition",
    "encryption",
    "event",
    "expires",
    "fact",
    "holds",
    "how",
    "judged_by",
    "kind",
    "line",
    "max_file_size",
    "max_size",
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
    "size",
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
    let redactor = Redactor::new(names)?;
    let mut value = serde_json::to_value(assessment)?;
    redactor.walk(&mut value);
    let mut redacted: Assessment = serde_json::from_value(value)?;
    redacted.redacted = true;
    Ok(redacted)
}

/// SIDs of accounts and services, known or not: a part that each has, all of it as people and as catalogs write it, and
/// what is shown instead. 21 is a domain or a computer, 80 a service, by a hash of its name; 12-1 is Entra.
const SID_FORMS: [(&str, &str, &str); 3] = [
    ("-1-5-", r"(?i)\bS-1-5-(21|80)(-\d+)+", "S-1-5-${1}-…"),
    ("-1-12-1-", r"(?i)\bS-1-12-1(-\d+)+", "S-1-12-1-…"),
    (
        "0000000000",
        r"(?i)\b0x01[0-9a-f]{2}0{10}(05(15|50)|0c01)0{6}[0-9a-f]*",
        "0x01…",
    ),
];
static SIDS: LazyLock<Vec<(&str, Regex, &str)>> = LazyLock::new(|| {
    let forms = SID_FORMS.into_iter();
    let compiled =
        forms.filter_map(|(part, form, shown)| Some((part, Regex::new(form).ok()?, shown)));
    compiled.collect()
});

/// Shorter names could be any word, as numbers could be any number: they are replaced only where marks tell them apart.
const SHORTEST_WORD: usize = 3;

struct Redactor<'a> {
    finder: AhoCorasick,
    terms: Vec<Term<'a>>,
}

/// A name as it is written somewhere.
struct Term<'a> {
    pseudonym: &'a str,
    /// Whether it is a word long enough to be told without marks.
    is_plain: bool,
}

impl<'a> Redactor<'a> {
    fn new(names: &'a Names) -> Result<Self, aho_corasick::BuildError> {
        let written = names.written();
        let terms = written.iter().map(|(form, &pseudonym)| Term {
            pseudonym,
            is_plain: form.chars().count() >= SHORTEST_WORD && !is_number(form),
        });
        Ok(Self {
            finder: AhoCorasick::new(written.keys())?,
            terms: terms.collect(),
        })
    }

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
        let mut found: Vec<(usize, usize, &str)> = Vec::new();
        for hit in self.finder.find_overlapping_iter(&folded.text) {
            let (start, end) = (folded.start(hit.start()), folded.end(hit.end()));
            let Some(term) = self.terms.get(hit.pattern().as_usize()) else {
                continue;
            };
            let seen = Seen::new(text, start, end);
            if seen.stands_alone() && (term.is_plain || seen.is_marked()) {
                found.push((start, end, term.pseudonym));
            }
        }
        found.sort_unstable_by_key(|&(start, end, _)| (start, std::cmp::Reverse(end)));
        let mut shown = String::with_capacity(text.len());
        let mut at = 0;
        for (start, end, pseudonym) in found {
            if start >= at {
                shown += text.get(at..start).unwrap_or_default();
                shown += pseudonym;
                at = end;
            }
        }
        shown += text.get(at..).unwrap_or_default();
        for (part, form, instead) in &*SIDS {
            if shown.contains(part) {
                shown = form.replace_all(&shown, *instead).into_owned();
            }
        }
        shown
    }
}

fn is_number(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit())
}

/// What stands somewhere in a text.
struct Seen<'t> {
    before: &'t str,
    inner: &'t str,
    after: &'t str,
}

impl<'t> Seen<'t> {
    fn new(text: &'t str, start: usize, end: usize) -> Self {
        let part = |range: Option<&'t str>| range.unwrap_or_default();
        Self {
            before: part(text.get(..start)),
            inner: part(text.get(start..end)),
            after: part(text.get(end..)),
        }
    }

    /// Whether it is no part of a longer word.
    fn stands_alone(&self) -> bool {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let joins_before = self.before.ends_with(is_word) && self.inner.starts_with(is_word);
        let joins_after = self.after.starts_with(is_word) && self.inner.ends_with(is_word);
        !joins_before && !joins_after
    }

    /// Whether it is told apart from words and numbers: alone or in quotes, a part of an account, a path or a service's
    /// name, or as whom a module runs at the end of its name.
    fn is_marked(&self) -> bool {
        let (last, next) = (self.before.chars().next_back(), self.after.chars().next());
        let quotes = |c: Option<char>| c.is_none_or(|c| "[]'\"«»".contains(c));
        let mut is_marked = quotes(last) && quotes(next);
        is_marked |= last == Some('\\') || next == Some('\\');
        if !is_number(self.inner) {
            is_marked |= last == Some('$') || (last == Some('(') && next == Some(')'));
        }
        let (_, runs_as) = self.before.rsplit_once(" as ").unwrap_or(("", "?"));
        is_marked |= next.is_none() && (runs_as.is_empty() || runs_as.ends_with('.'));
        is_marked
    }
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
            folded.text.extend(c.to_lowercase()); // as names are
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
mod tests;
