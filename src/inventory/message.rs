//! Errors that point at their place: `path:line:column`, the line with a caret, and what would be right.

use std::fmt;
use std::ops::Range;

use super::written::LITERAL;

/// Everything that is wrong with an inventory, in order of place.
#[derive(Debug, thiserror::Error)]
pub struct InventoryErrors(Vec<Located>);

#[derive(Debug)]
struct Located {
    place: String,
    order: usize,
    message: String,
    excerpt: String,
    help: String,
}

impl fmt::Display for InventoryErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{}: {}\n{}", error.place, error.message, error.excerpt)?;
            if !error.help.is_empty() {
                write!(f, "\n  help: {}", error.help)?;
            }
        }
        Ok(())
    }
}

/// Gathers errors over one source text.
pub(super) struct Errors<'a> {
    path: &'a str,
    source: &'a str,
    found: Vec<Located>,
}

impl<'a> Errors<'a> {
    pub fn new(path: &'a str, source: &'a str) -> Self {
        Self {
            path,
            source,
            found: Vec::new(),
        }
    }

    /// Adds an error at a span of the source.
    pub fn push(
        &mut self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let suspicious = |text: &str| {
            let lower = text.to_lowercase();
            SUSPICIOUS.iter().any(|word| lower.contains(word))
        };
        self.locate(span, message.into(), help.into(), suspicious);
    }

    /// Adds an error with the line it is on, of which what may be a secret is hidden.
    fn locate(
        &mut self,
        span: &Range<usize>,
        message: String,
        help: String,
        hides: impl Fn(&str) -> bool,
    ) {
        let (line, column) = self.position(span.start);
        let text = self.source.lines().nth(line - 1).unwrap_or_default();
        let shown = if hides(text) {
            mask(text)
        } else {
            text.to_owned()
        };
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let indent: String = text
            .chars()
            .take(column - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        self.found.push(Located {
            place: format!("{}:{line}:{column}", self.path),
            order: span.start,
            message,
            excerpt: format!("{margin} |\n{number} | {shown}\n{margin} | {indent}^"),
            help,
        });
    }

    /// Line and column from 1; columns count characters.
    fn position(&self, byte: usize) -> (usize, usize) {
        let before = self
            .source
            .get(..byte.min(self.source.len()))
            .unwrap_or(self.source);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }

    /// The line a span begins in, for messages that name another place.
    pub fn line(&self, span: &Range<usize>) -> usize {
        self.position(span.start).0
    }

    /// `path:line:column` of a span's beginning.
    pub fn place(&self, span: &Range<usize>) -> String {
        let (line, column) = self.position(span.start);
        format!("{}:{line}:{column}", self.path)
    }

    /// Turns the TOML reader's own error into one of ours.
    pub fn push_toml(&mut self, error: &toml::de::Error) {
        let message = error.message();
        let (message, help) = if message.contains(LITERAL) {
            (
                LITERAL.to_owned(),
                "name where it is: { env = \"VAR\" }, { file = \"PATH\" }, { command = [\"PROGRAM\"] } or { prompt = true }"
                    .to_owned(),
            )
        } else if let Some(rest) = message.strip_prefix("unknown field `") {
            unknown_key(rest)
        } else if message.starts_with("invalid type") || message.starts_with("invalid value") {
            // The reader repeats the value that it found; it may be anything, so it is not shown.
            let expected = message.split("expected ").nth(1).unwrap_or("another type");
            (
                "the value has the wrong type".to_owned(),
                format!("expected {expected}"),
            )
        } else {
            (message.to_owned(), String::new())
        };
        // What the reader stumbles over may be a password without its quotes.
        self.locate(&error.span().unwrap_or(0..0), message, help, |_| true);
    }

    /// Everything that was found, if anything was.
    pub fn finish(self) -> Result<(), InventoryErrors> {
        if self.found.is_empty() {
            Ok(())
        } else {
            Err(self.into_error())
        }
    }

    /// What was found, when something surely was.
    pub fn into_error(mut self) -> InventoryErrors {
        self.found
            .sort_by(|a, b| (a.order, &a.message).cmp(&(b.order, &b.message)));
        // A fault in [defaults] is met once for each target.
        self.found
            .dedup_by(|a, b| (a.order, &a.message) == (b.order, &b.message));
        InventoryErrors(self.found)
    }
}

/// `name`, expected one of `a`, `b`` → message and help.
fn unknown_key(rest: &str) -> (String, String) {
    let mut parts = rest.split('`');
    let key = parts.next().unwrap_or_default();
    let known: Vec<&str> = parts.skip(1).step_by(2).collect();
    let help = match nearest(key, known.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("known here: {}", known.join(", ")),
    };
    (format!("unknown key {key}"), help)
}

/// The known word that is close enough to be meant.
pub(super) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let scored = known.map(|k| {
        (
            strsim::damerau_levenshtein(&word.to_lowercase(), &k.to_lowercase()),
            k,
        )
    });
    scored
        .filter(|(distance, k)| *distance <= 2.max(k.len() / 3))
        .min()
        .map(|(_, k)| k)
}

/// Words on a line that may hold a secret.
const SUSPICIOUS: &[&str] = &[
    "auth", "pass", "pwd", "pw", "secret", "token", "key", "cred", "env", "user",
];

/// Hides what a line says, but for the key it says it of: an error must not repeat a secret.
fn mask(line: &str) -> String {
    let trimmed = line.trim_start();
    if trimmed.starts_with('[') && !trimmed.contains('=') {
        return line.to_owned();
    }
    match line.split_once('=') {
        Some((key, _)) => format!("{key}= ***"),
        None => "***".to_owned(),
    }
}
