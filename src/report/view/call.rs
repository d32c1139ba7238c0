//! What a module's code does at a place, with the line as the analyst would read it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wording;
use crate::report::visible;
use crate::rules::{Evidence, Excerpt, Place};

/// So many places are shown with their code; all of them are listed with the evidence.
const MOST_SHOWN: usize = 10;
/// Longest command that is shown, in characters; the whole of it stands in assessment.json.
const LONGEST_COMMAND: usize = 500;

/// A place where a module does what its finding says.
#[derive(Serialize, JsonSchema)]
pub struct CallView {
    /// `line 12, column 3`.
    pub place: String,
    pub line: u32,
    pub sink: String,
    /// How the text comes to it, in words.
    pub how: String,
    /// What is run, or what of the text is known.
    pub command: Option<String>,
    /// What the command is called: `command` or `text`.
    pub command_word: &'static str,
    /// Whether it hangs on a caller or data, in words.
    pub taint: &'static str,
    /// `dbo.a → dbo.b`.
    pub chain: Option<String>,
    pub reason: Option<String>,
    pub code: Option<CodeView>,
}

/// A line in three parts, of which the middle one is to be marked.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct CodeView {
    pub before: String,
    pub marked: String,
    pub after: String,
}

/// The first places in a finding's evidence at which the analyser saw something, and how many more there are.
pub fn calls(evidence: &[Evidence]) -> (Vec<CallView>, usize) {
    let places = || evidence.iter().filter_map(|e| e.place.as_ref());
    let seen = || places().filter_map(CallView::new);
    let more = seen().count().saturating_sub(MOST_SHOWN);
    (seen().take(MOST_SHOWN).collect(), more)
}

impl CallView {
    /// `None` of a place where nothing was seen but the place itself.
    fn new(place: &Place) -> Option<Self> {
        let sink = place.sink.as_deref()?;
        let via: Vec<String> = place.via.iter().map(|name| wording::quoted(name)).collect();
        Some(Self {
            place: wording::place(place),
            line: place.line,
            sink: visible(sink),
            how: wording::how(place.how.as_deref().unwrap_or_default()),
            command: place.command.as_deref().map(shown_command),
            command_word: if sink == "dynamic_unresolved" {
                "text"
            } else {
                "command"
            },
            taint: wording::taint(place.command_tainted),
            chain: (!via.is_empty()).then(|| via.join(" → ")),
            reason: place.reason.as_deref().map(visible),
            code: place.excerpt.as_ref().map(CodeView::new),
        })
    }
}

fn shown_command(command: &str) -> String {
    if command.chars().all(|c| c == '…' || c.is_whitespace()) {
        return "not known".to_owned();
    }
    match command.char_indices().nth(LONGEST_COMMAND) {
        Some((cut, _)) => format!("{}…", visible(command.get(..cut).unwrap_or_default())),
        None => visible(command),
    }
}

impl CodeView {
    fn new(excerpt: &Excerpt) -> Self {
        let from = excerpt.column.saturating_sub(1);
        let (before, rest) = split(&excerpt.text, from);
        let (marked, after) = split(rest, excerpt.length);
        let shown = |text: &str| visible(&text.replace('\t', " "));
        Self {
            before: shown(before),
            marked: shown(marked),
            after: shown(after),
        }
    }
}

/// A text before and after so many UTF-16 units.
fn split(text: &str, units: u32) -> (&str, &str) {
    let mut left = units;
    let mut at = 0;
    for c in text.chars() {
        let own = u32::try_from(c.len_utf16()).unwrap_or(u32::MAX);
        if left < own {
            break;
        }
        left -= own;
        at += c.len_utf8();
    }
    text.split_at_checked(at).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str, column: u32, length: u32) -> [String; 3] {
        let text = text.to_owned();
        let view = CodeView::new(&Excerpt {
            text,
            column,
            length,
        });
        [view.before, view.marked, view.after]
    }

    #[test]
    fn columns_are_in_utf_16_units_and_controls_show() {
        assert_eq!(
            code("😀\u{202e} EXEC\txp_cmdshell 'x'", 10, 11),
            ["😀\\u{202e} EXEC ", "xp_cmdshell", " 'x'"]
        );
        assert_eq!(code("x", 9, 9), ["x", "", ""]);
        // A column inside a character: nothing is lost.
        assert_eq!(code("😀!", 2, 1), ["", "", "😀!"]);
    }

    #[test]
    fn a_long_command_is_cut() {
        let shown = shown_command(&"\u{1b}".repeat(LONGEST_COMMAND + 1));
        assert_eq!(shown.matches("\\u{1b}").count(), LONGEST_COMMAND);
        assert!(shown.ends_with('…'));
        assert_eq!(shown_command("… …"), "not known");
    }
}
