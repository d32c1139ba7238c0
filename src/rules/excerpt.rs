//! The line that a finding is about, short enough to be shown and without the secrets in it.

use std::borrow::Cow;
use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tsql::mask_secrets;

/// Most of a line that is shown, in characters.
const LONGEST: usize = 300;
/// How much of it stands before the mark where a line is longer than that.
const LEAD: usize = 120;
/// What is read before and after the excerpt to tell what in it is a secret, in bytes.
const CONTEXT_BEFORE: usize = 256;
const CONTEXT_AFTER: usize = 128;
/// The former where the line itself goes on before the excerpt.
const CONTEXT_IN_LINE: usize = 4096;
/// What stands where a line is cut.
const CUT: &str = "…";
/// What [`mask_secrets`] puts in a secret's place.
const MASK: &str = "***";
/// A secret shorter than this could be any word.
const SHORTEST_SECRET: usize = 4;

/// A line of a module's text with what is to be marked in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Excerpt {
    /// The line without white space at its ends. Secrets are `***`; where more than about 300 characters are cut,
    /// `…` stands.
    pub text: String,
    /// Where the mark begins, from 1, in UTF-16 units of `text`.
    pub column: u32,
    /// How long it is, in UTF-16 units; 0 marks nothing.
    pub length: u32,
}

impl Excerpt {
    /// The line that `span` (bytes of `module`) begins on, with as much of the span as stands on it marked. Secrets
    /// that are masked in `command`, which the line may hold in pieces, are masked in the line too. `None` if the
    /// span is not of this text.
    pub fn of(module: &str, span: &Range<usize>, command: Option<&str>) -> Option<Self> {
        let cut = Cut::around(module, span)?;
        let window = cut.window(module);
        let source = module.get(window.clone())?;
        let masked = masked(source, command);
        let kept = Kept::between(source, &masked)?;
        let shown = |at: usize, side| kept.shown_at(at.checked_sub(window.start)?, side);
        let (start, end) = (
            shown(cut.range.start, Side::Start)?,
            shown(cut.range.end, Side::End)?,
        );
        let marked_to = span.end.clamp(span.start, cut.range.end.max(span.start));
        let (from, to) = (
            shown(span.start, Side::Start)?,
            shown(marked_to, Side::End)?,
        );
        let (from, to) = (from.max(start), to.min(end).max(from.max(start)));
        let part = |range: Range<usize>| masked.get(range);
        let mut text = String::new();
        text.extend(cut.is_cut_before.then_some(CUT));
        text += part(start..from)?;
        let before = text.len();
        text += part(from..to)?;
        let marked_end = text.trim_end().len();
        text += part(to..end)?;
        text.extend(cut.is_cut_after.then_some(CUT));
        text.truncate(text.trim_end().len());
        let before = text.get(..before).unwrap_or(&text);
        let span = text.get(before.len()..marked_end).unwrap_or_default();
        Some(Self {
            column: units(before).saturating_add(1),
            length: units(span),
            text,
        })
    }
}

impl Excerpt {
    /// How many blanks bring the mark to its column in the whole line; `None` where too much of the line is left out.
    pub fn indent(&self, column: u32) -> Option<usize> {
        let indent = usize::try_from(column.checked_sub(self.column)?).ok()?;
        (indent <= LEAD).then_some(indent)
    }
}

fn units(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX)
}

/// The part of a line that is shown.
struct Cut {
    range: Range<usize>,
    is_cut_before: bool,
    is_cut_after: bool,
}

impl Cut {
    fn around(module: &str, span: &Range<usize>) -> Option<Self> {
        let is_end = |c: &char| matches!(c, '\n' | '\r');
        let (before, after) = (module.get(..span.start)?, module.get(span.start..)?);
        let back = || {
            before
                .chars()
                .rev()
                .take_while(|c| !is_end(c))
                .take(LONGEST + 1)
        };
        let on = || after.chars().take_while(|c| !is_end(c)).take(LONGEST + 1);
        let (behind, ahead) = (back().count(), on().count());
        let lead = behind.min(LEAD.max(LONGEST.saturating_sub(ahead)));
        let rest = ahead.min(LONGEST - lead.min(LONGEST));
        let bytes =
            |chars: &mut dyn Iterator<Item = char>| chars.map(char::len_utf8).sum::<usize>();
        let start = span.start - bytes(&mut back().take(lead));
        let end = span.start + bytes(&mut on().take(rest));
        let (lead_text, rest_text) = (module.get(start..span.start)?, module.get(span.start..end)?);
        let is_cut_before = lead < behind;
        let indent = if is_cut_before {
            0
        } else {
            lead_text.len() - lead_text.trim_start().len()
        };
        Some(Self {
            range: start + indent..span.start + rest_text.trim_end().len(),
            is_cut_before,
            is_cut_after: rest < ahead,
        })
    }

    /// The excerpt with what stands around it.
    fn window(&self, module: &str) -> Range<usize> {
        let context = if self.is_cut_before {
            CONTEXT_IN_LINE
        } else {
            CONTEXT_BEFORE
        };
        let from = self.range.start.saturating_sub(context);
        let to = self
            .range
            .end
            .saturating_add(CONTEXT_AFTER)
            .min(module.len());
        let boundary = |at: &usize| module.is_char_boundary(*at);
        let from = (from..=self.range.start)
            .find(boundary)
            .unwrap_or(self.range.start);
        let to = (self.range.end..=to)
            .rev()
            .find(boundary)
            .unwrap_or(self.range.end);
        from..to
    }
}

/// The source without its secrets, and without those that show in a command only when it is put together.
fn masked<'a>(source: &'a str, command: Option<&str>) -> Cow<'a, str> {
    let mut shown = mask_secrets(source);
    let Some(command) = command else {
        return shown;
    };
    let masked = mask_secrets(command);
    let Some(kept) = Kept::between(command, &masked) else {
        return shown;
    };
    for secret in kept.gaps().filter_map(|gap| command.get(gap)) {
        if secret.chars().count() >= SHORTEST_SECRET && shown.contains(secret) {
            shown = Cow::Owned(shown.replace(secret, MASK));
        }
    }
    shown
}

/// Which side of a secret a place inside it is taken for.
#[derive(Clone, Copy)]
enum Side {
    Start,
    End,
}

/// The pieces that a text and its masked form have in common, in order.
struct Kept(Vec<Piece>);

struct Piece {
    source: usize,
    shown: usize,
    length: usize,
}

impl Kept {
    /// `None` if the one is not the other with secrets masked.
    fn between(source: &str, masked: &str) -> Option<Self> {
        let pieces: Vec<&str> = masked.split(MASK).collect();
        let mut kept: Vec<Piece> = Vec::with_capacity(pieces.len());
        let (mut from, mut shown) = (0, 0);
        for (index, piece) in pieces.iter().enumerate() {
            let rest = source.get(from..)?;
            let at = if index == 0 {
                rest.starts_with(piece).then_some(0)
            } else if index + 1 == pieces.len() {
                rest.ends_with(piece).then(|| rest.len() - piece.len())
            } else {
                rest.find(piece)
            };
            let source = from + at?;
            let length = piece.len();
            kept.push(Piece {
                source,
                shown,
                length,
            });
            from = source + length;
            shown += length + MASK.len();
        }
        let whole = kept
            .last()
            .is_some_and(|last| last.source + last.length == source.len());
        whole.then_some(Self(kept))
    }

    /// Where a byte of the source stands in the masked text.
    fn shown_at(&self, at: usize, side: Side) -> Option<usize> {
        let next = self.0.partition_point(|piece| piece.source <= at);
        let piece = self.0.get(next.checked_sub(1)?)?;
        let inside = at - piece.source;
        match (side, self.0.get(next)) {
            _ if inside <= piece.length => Some(piece.shown + inside),
            (Side::End, Some(next)) => Some(next.shown),
            _ => Some(piece.shown + piece.length),
        }
    }

    /// What is masked, in bytes of the source.
    fn gaps(&self) -> impl Iterator<Item = Range<usize>> {
        self.0.windows(2).filter_map(|pair| match pair {
            [one, next] => Some(one.source + one.length..next.source),
            _ => None,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The excerpt at the first `needle`, the mark in `«»`.
    fn shown(module: &str, needle: &str, command: Option<&str>) -> String {
        let start = module.find(needle).unwrap();
        let excerpt = Excerpt::of(module, &(start..start + needle.len()), command).unwrap();
        marked(&excerpt)
    }

    fn marked(excerpt: &Excerpt) -> String {
        let text: Vec<u16> = excerpt.text.encode_utf16().collect();
        let from = excerpt.column as usize - 1;
        let to = from + excerpt.length as usize;
        let part = |units: &[u16]| String::from_utf16(units).unwrap();
        format!(
            "{}«{}»{}",
            part(&text[..from]),
            part(&text[from..to]),
            part(&text[to..])
        )
    }

    #[test]
    fn the_line_stands_without_its_indent_and_line_end() {
        for end in ["\n", "\r\n", "\r"] {
            let module = format!("CREATE PROC p AS{end}\t  EXEC 😀.xp_cmdshell 'dir'  {end}RETURN");
            assert_eq!(
                shown(&module, "xp_cmdshell", None),
                "EXEC 😀.«xp_cmdshell» 'dir'"
            );
        }
    }

    #[test]
    fn a_literal_over_several_lines_is_marked_to_the_end_of_the_first() {
        let module = "EXEC ('BEGIN \n EXEC xp_cmdshell ''dir''\nEND')";
        assert_eq!(
            shown(module, "'BEGIN \n EXEC xp_cmdshell ''dir''\nEND'", None),
            "EXEC («'BEGIN»"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let module = format!(
            "{}EXEC xp_cmdshell 'x'{}",
            "SELECT 1; ".repeat(90),
            "; SELECT 2".repeat(90)
        );
        let line = shown(&module, "xp_cmdshell", None);
        assert!(line.starts_with('…') && line.ends_with('…'), "{line}");
        assert!(line.contains("EXEC «xp_cmdshell» 'x'"), "{line}");
        assert_eq!(
            line.chars().filter(|c| !"«»…".contains(*c)).count(),
            LONGEST
        );
        let module = format!("{}EXEC xp_cmdshell 'x'", " ".repeat(10_000));
        assert!(shown(&module, "xp_cmdshell", None).ends_with("EXEC «xp_cmdshell» 'x'"));
    }

    #[test]
    fn secrets_are_masked_in_the_line_and_the_mark_stays_in_its_place() {
        for (module, needle, line) in [
            (
                "OPEN SYMMETRIC KEY k DECRYPTION BY PASSWORD = 'hunter2'; EXEC xp_cmdshell @c",
                "xp_cmdshell",
                "OPEN SYMMETRIC KEY k DECRYPTION BY PASSWORD = '***'; EXEC «xp_cmdshell» @c",
            ),
            (
                "EXEC xp_cmdshell 'sqlcmd -S s -P hunter2 -Q x'",
                "xp_cmdshell",
                "EXEC «xp_cmdshell» 'sqlcmd -S s -P *** -Q x'",
            ),
            (
                "EXEC ('xp_cmdshell ''sqlcmd -P hunter2''')",
                "'xp_cmdshell ''sqlcmd -P hunter2'''",
                "EXEC («'xp_cmdshell ''sqlcmd -P ***'''»)",
            ),
            (
                "SELECT '***'; EXEC xp_cmdshell '***'",
                "xp_cmdshell",
                "SELECT '***'; EXEC «xp_cmdshell» '***'",
            ),
            (
                "CREATE LOGIN a WITH PASSWORD =\n'hunter2' EXEC xp_cmdshell @c",
                "xp_cmdshell",
                "'***' EXEC «xp_cmdshell» @c",
            ),
        ] {
            assert_eq!(shown(module, needle, None), line, "{module}");
        }
    }

    #[test]
    fn a_secret_that_only_the_whole_command_shows_is_masked_in_the_line() {
        let module = "EXEC ('xp_cmdshell ''sqlcmd -P ' + 'hunter2''')";
        let line = shown(
            module,
            "'xp_cmdshell ''sqlcmd -P '",
            Some("sqlcmd -P hunter2"),
        );
        assert_eq!(line, "EXEC («'xp_cmdshell ''sqlcmd -P '» + '***''')");
    }

    #[test]
    fn a_cut_through_a_secret_shows_nothing_of_it() {
        for length in (0..60).chain(500..700) {
            let module = format!(
                "PASSWORD = '{}' EXEC xp_cmdshell @c",
                "hunter2".repeat(length)
            );
            let line = shown(&module, "xp_cmdshell", None);
            // Secrets that begin before what is read around the line are beyond what can be told.
            let in_sight = length * "hunter2".len() < CONTEXT_IN_LINE;
            assert!(!in_sight || !line.contains("hunter"), "{length}: {line}");
            let module = format!("EXEC xp_cmdshell 'sqlcmd -P {}'", "hunter2".repeat(length));
            let line = shown(&module, "xp_cmdshell", None);
            assert!(!line.contains("hunter"), "{length}: {line}");
        }
    }

    #[test]
    fn a_span_of_another_text_has_no_line() {
        assert_eq!(Excerpt::of("é", &(1..2), None), None);
        assert_eq!(Excerpt::of("x", &(7..9), None), None);
        let whole = Excerpt::of("SELECT 1", &(0..0), None).unwrap();
        assert_eq!(marked(&whole), "«»SELECT 1");
    }

    proptest! {
        #[test]
        fn every_mark_is_inside_its_excerpt(
            text in r"[ a-zé😀'=\n\r*;-]{0,40}( pwd='[a-z]{1,9}'|\*\*\*| sqlcmd -P x)?[ a-z*'\n]{0,40}",
            start in 0_usize..90, length in 0_usize..40,
        ) {
            if let Some(excerpt) = Excerpt::of(&text, &(start..start + length), None) {
                marked(&excerpt);
                prop_assert!(!excerpt.text.contains(['\n', '\r']));
                prop_assert!(excerpt.text.chars().count() <= LONGEST + 2);
            }
        }
    }
}
