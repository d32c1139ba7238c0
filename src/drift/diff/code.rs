//! Texts: whether a change is of the code or of its looks, which lines it is, and what the code reaches now.

use std::collections::BTreeSet;

use similar::{ChangeTag, TextDiff};

use super::entry::TextChange;
use super::rows::TextState;
use crate::rules::{Severity, base_severity};
use crate::snapshot::ModuleTexts;
use crate::tsql::{
    Sink, is_same_code, is_same_step, mask_secrets, observe_job_step, observe_module,
};

/// Lines that are shown of one text.
const MOST_LINES: usize = 60;
/// Characters that are shown of a line.
const LONGEST_LINE: usize = 240;
/// Lines around a change.
const CONTEXT: usize = 2;
/// Longer texts are compared, and their lines are not shown: what a hostile text costs is bounded.
const LONGEST_SHOWN: usize = 1 << 20;
/// So many lines on both sides together, those that are the same at both ends aside.
const MOST_COMPARED: usize = 4_000;

/// What a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A module, with QUOTED_IDENTIFIER as it was created under.
    Module(bool),
    /// A T-SQL step of a job.
    JobStep,
    /// Anything else: a batch file, PowerShell, an expression. Every byte counts.
    Other,
}

impl Language {
    fn is_same_code(self, old: &str, new: &str) -> bool {
        match self {
            Self::Module(quoted) => is_same_code(old, new, quoted),
            Self::JobStep => is_same_step(old, new),
            Self::Other => old == new,
        }
    }

    fn sinks(self, text: &str) -> BTreeSet<Sink> {
        match self {
            Self::Module(quoted) => observe_module(text, quoted)
                .sinks
                .iter()
                .map(|s| s.sink)
                .collect(),
            Self::JobStep => {
                let objects = observe_job_step(text, &crate::tsql::Synonyms::default());
                objects
                    .iter()
                    .flat_map(|object| &object.sinks)
                    .map(|s| s.sink)
                    .collect()
            }
            Self::Other => BTreeSet::new(),
        }
    }
}

/// How many texts' lines are still to be shown. Which are is a matter of order, and that is the same in every run.
pub struct Budget {
    pub(super) texts: usize,
}

/// A text of a side: what its row says, and where the texts are.
pub struct Text<'a> {
    pub(super) state: TextState,
    pub(super) texts: &'a ModuleTexts,
    pub(super) language: Language,
}

impl Text<'_> {
    fn get(&self) -> Option<&str> {
        match &self.state {
            TextState::Hash(hash) => self.texts.get(hash),
            _ => None,
        }
    }
}

/// What became of a text, and how much that matters; `None` where it is the same, or is not there on either side.
pub fn compare(
    before: &Text<'_>,
    after: &Text<'_>,
    budget: &mut Budget,
) -> Option<(TextChange, Severity)> {
    if before.state == after.state || matches!(before.state, TextState::Hidden(..)) {
        return None;
    }
    let mut change = TextChange::default();
    if let TextState::Hidden(state, needs) = &after.state {
        let why = format!(
            "its text was seen before and is {state} now: {}",
            needs.join(", ")
        );
        (change.class, change.note) = (Some("unknown".to_owned()), Some(why));
        return Some((change, Severity::Medium));
    }
    let is_there = |text: &Text<'_>| text.state == TextState::None || text.get().is_some();
    if !is_there(before) || !is_there(after) {
        let why = "its hash is another, and a text was left out of what is compared".to_owned();
        (change.class, change.note) = (Some("unknown".to_owned()), Some(why));
        return Some((change, Severity::Low));
    }
    let (old, new) = (
        before.get().unwrap_or_default(),
        after.get().unwrap_or_default(),
    );
    let is_cosmetic = before.language == after.language && before.language.is_same_code(old, new);
    change.class = Some(if is_cosmetic { "cosmetic" } else { "code" }.to_owned());
    if is_cosmetic {
        return Some((change, Severity::Info));
    }
    let (had, has) = (before.language.sinks(old), after.language.sinks(new));
    let severity = reached(&mut change, &had, &has).max(Some(Severity::Low));
    show(&mut change, old, new, budget);
    severity.map(|severity| (change, severity))
}

/// The text of a row that came, or of one that went.
pub fn of_one_side(
    text: &Text<'_>,
    came: bool,
    budget: &mut Budget,
) -> Option<(TextChange, Option<Severity>)> {
    let mut change = TextChange::default();
    let Some(own) = text.get() else {
        let (why, severity) = match &text.state {
            TextState::Hidden(state, needs) if came => {
                let why = format!("its text is {state}: {}", needs.join(", "));
                (why, Severity::Medium)
            }
            TextState::Hash(_) if came => {
                let why = "its text was left out of what is compared".to_owned();
                (why, Severity::Low)
            }
            _ => return None,
        };
        (change.class, change.note) = (Some("unknown".to_owned()), Some(why));
        return Some((change, Some(severity)));
    };
    let sinks = text.language.sinks(own);
    let (had, has) = if came {
        (BTreeSet::new(), sinks)
    } else {
        (sinks, BTreeSet::new())
    };
    let severity = reached(&mut change, &had, &has);
    if came {
        show(&mut change, "", own, budget);
    }
    Some((change, severity))
}

fn reached(
    change: &mut TextChange,
    had: &BTreeSet<Sink>,
    has: &BTreeSet<Sink>,
) -> Option<Severity> {
    let words = |sinks: Vec<&Sink>| sinks.iter().map(|sink| sink.as_str().to_owned()).collect();
    change.sinks_gained = words(has.difference(had).collect());
    change.sinks_lost = words(had.difference(has).collect());
    has.difference(had).map(|sink| base_severity(*sink)).max()
}

fn show(change: &mut TextChange, old: &str, new: &str, budget: &mut Budget) {
    if budget.texts == 0 {
        change.note = Some("its lines are left out: those of many others are shown".to_owned());
        return;
    }
    if old.len().max(new.len()) > LONGEST_SHOWN {
        change.note = Some("it is too long for its lines to be shown".to_owned());
        return;
    }
    budget.texts -= 1;
    let (old, new) = (mask_secrets(old), mask_secrets(new));
    if old == new {
        change.note = Some("what differs is a secret, which is not shown".to_owned());
        return;
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same_start = old
        .iter()
        .zip(&new)
        .take_while(|(one, other)| one == other)
        .count();
    let least = old.len().min(new.len()) - same_start;
    let ends = old.iter().rev().zip(new.iter().rev()).take(least);
    let same_end = ends.take_while(|(one, other)| one == other).count();
    let from = same_start.saturating_sub(CONTEXT);
    let inner = |lines: &[&str]| lines.len() - same_start - same_end;
    let to = |lines: &[&str]| (lines.len() - same_end + CONTEXT).min(lines.len());
    let is_bounded = inner(&old) + inner(&new) <= MOST_COMPARED;
    let (old, new) = (&old[from..to(&old)], &new[from..to(&new)]);
    let lines = if is_bounded {
        compared(old, new)
    } else {
        side_by_side(old, new)
    };
    if lines.is_empty() {
        change.note = Some("only line ends differ, in what is code: in a string, say".to_owned());
    }
    change.lines_left_out =
        u32::try_from(lines.len().saturating_sub(MOST_LINES)).unwrap_or(u32::MAX);
    change.lines = lines
        .into_iter()
        .take(MOST_LINES)
        .map(|(sign, line)| format!("{sign}{}", cut(line)))
        .collect();
}

fn compared<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(char, &'t str)> {
    let diff = TextDiff::from_slices(old, new);
    let groups = diff.grouped_ops(CONTEXT);
    let changes = groups.iter().flatten().flat_map(|op| diff.iter_changes(op));
    let lines = changes.map(|change| {
        let sign = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        (sign, change.value())
    });
    lines.collect()
}

/// Without looking for what the two have in common, which takes their product.
fn side_by_side<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(char, &'t str)> {
    let half = MOST_LINES / 2;
    let gone = old.iter().take(half).map(|line| ('-', *line));
    let rest = old.iter().skip(half).map(|line| ('-', *line));
    gone.chain(new.iter().map(|line| ('+', *line)))
        .chain(rest)
        .collect()
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::snapshot::{ModuleLine, sha256_hex};

    fn compared(old: &str, new: &str, language: Language) -> Option<(TextChange, Severity)> {
        let line = |text: &str| ModuleLine {
            database: None,
            object_id: 1,
            part: None,
            sha256: sha256_hex(text.as_bytes()),
            definition: text.to_owned(),
        };
        let texts = ModuleTexts::from_lines([line(old), line(new)]);
        let text = |text: &str| Text {
            state: TextState::Hash(sha256_hex(text.as_bytes())),
            texts: &texts,
            language,
        };
        compare(&text(old), &text(new), &mut Budget { texts: 1 })
    }

    const MODULE: Language = Language::Module(true);

    #[test]
    fn looks_are_told_apart_from_code() {
        let (change, severity) = compared(
            "CREATE PROC p AS\nSELECT 1",
            "create proc p as -- one\n  SELECT 1",
            MODULE,
        )
        .unwrap();
        assert_eq!(
            (change.class.as_deref(), severity),
            (Some("cosmetic"), Severity::Info)
        );
        assert!(change.lines.is_empty());
        let (change, severity) = compared(
            "CREATE PROC p AS\nSELECT 1",
            "CREATE PROC p AS\nSELECT 2",
            MODULE,
        )
        .unwrap();
        assert_eq!(
            (change.class.as_deref(), severity),
            (Some("code"), Severity::Low)
        );
        assert_eq!(
            change.lines,
            [" CREATE PROC p AS", "-SELECT 1", "+SELECT 2"]
        );
        assert!(compared("SELECT 1", "SELECT 1", MODULE).is_none());
    }

    #[test]
    fn what_it_reaches_now_decides() {
        let (change, severity) = compared(
            "CREATE PROC p AS SELECT 1",
            "CREATE PROC p AS EXEC xp_cmdshell 'dir'",
            MODULE,
        )
        .unwrap();
        assert_eq!(
            (change.sinks_gained, severity),
            (vec!["xp_cmdshell".to_owned()], Severity::High)
        );
        let (change, severity) = compared(
            "CREATE PROC p AS EXEC xp_cmdshell 'dir'",
            "CREATE PROC p AS SELECT 1",
            MODULE,
        )
        .unwrap();
        assert_eq!(
            (change.sinks_lost, severity),
            (vec!["xp_cmdshell".to_owned()], Severity::Low)
        );
    }

    #[test]
    fn a_comment_of_a_step_is_code_where_agent_fills_it() {
        let class = |old, new, language| compared(old, new, language).unwrap().0.class.unwrap();
        assert_eq!(
            class("SELECT 1", "SELECT 1 -- x", Language::JobStep),
            "cosmetic"
        );
        assert_eq!(
            class("SELECT 1", "SELECT 1 -- $(A-MSG)", Language::JobStep),
            "code"
        );
        assert_eq!(class("dir", "dir  ", Language::Other), "code");
    }

    #[test]
    fn secrets_are_masked_and_a_changed_secret_is_said() {
        let (change, _) = compared(
            "CREATE PROC p AS\nCREATE LOGIN a WITH PASSWORD = 'hunter2'",
            "CREATE PROC p AS\nCREATE LOGIN b WITH PASSWORD = 'hunter3'",
            MODULE,
        )
        .unwrap();
        assert!(
            change.lines.iter().any(|line| line.contains("***")),
            "{:?}",
            change.lines
        );
        assert!(!change.lines.join("").contains("hunter"));
        let (change, _) = compared(
            "CREATE LOGIN a WITH PASSWORD = 'hunter2'",
            "CREATE LOGIN a WITH PASSWORD = 'hunter3'",
            MODULE,
        )
        .unwrap();
        assert!(change.lines.is_empty() && change.note.unwrap().contains("secret"));
    }

    #[test]
    fn long_texts_are_cut_and_say_so() {
        let text = |word: &str| {
            (0..9_000)
                .map(|at| format!("SELECT {at}, '{word}'\n"))
                .collect::<Vec<_>>()
                .concat()
        };
        let (change, _) = compared(&text("a"), &text("b"), MODULE).unwrap();
        assert_eq!(change.lines.len(), MOST_LINES);
        assert_eq!(change.lines_left_out as usize, 18_000 - MOST_LINES);
        assert!(change.lines[0].starts_with('-') && change.lines[MOST_LINES - 1].starts_with('+'));
        let (change, _) = compared(
            "SELECT 1",
            &format!("SELECT '{}'", "x".repeat(5_000)),
            MODULE,
        )
        .unwrap();
        assert!(
            change
                .lines
                .iter()
                .all(|line| line.chars().count() <= LONGEST_LINE + 2)
        );
    }

    #[test]
    fn what_was_left_out_is_not_called_cosmetic() {
        let texts = ModuleTexts::default();
        let text = |hash: &str| Text {
            state: TextState::Hash(hash.to_owned()),
            texts: &texts,
            language: MODULE,
        };
        let (change, _) = compare(&text("a"), &text("b"), &mut Budget { texts: 1 }).unwrap();
        assert_eq!(change.class.as_deref(), Some("unknown"));
        assert!(compare(&text("a"), &text("a"), &mut Budget { texts: 1 }).is_none());
    }
}
