//! Markdown for pull requests and wikis.

use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason,
};

use super::{RenderError, Templates};
use crate::report::Earlier;
use crate::report::assessment::Assessment;
use crate::report::summary::SummaryView;
use crate::report::view::{CodeView, View};

const MARKDOWN: &str = "report.md.hbs";
const SUMMARY: &str = "summary.md.hbs";

/// An assessment as Markdown (GitHub's dialect), shorter than the page: without rows.
///
/// # Errors
/// See [`RenderError`].
pub fn markdown(
    assessment: &Assessment,
    earlier: Earlier<'_>,
    templates: &Templates,
) -> Result<String, RenderError> {
    let mut engine = templates.engine()?;
    engine.register_escape_fn(escape_markdown);
    Ok(engine.render(MARKDOWN, &View::new(assessment).after(earlier))?)
}

/// The first page of an assessment as Markdown, for the summary of a pipeline's step: never over 1 MiB.
///
/// # Errors
/// See [`RenderError`].
pub fn summary(assessment: &Assessment, templates: &Templates) -> Result<String, RenderError> {
    let mut engine = templates.engine()?;
    engine.register_escape_fn(escape_markdown);
    Ok(engine.render(SUMMARY, &SummaryView::new(assessment))?)
}

/// Indent of code in the Markdown: that of the list item it belongs to.
const INDENT: &str = "      ";

/// A line of code as a fenced block. The fence is longer than any run of backticks in the line, so that nothing in
/// it can end the block.
pub(super) fn fenced(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let missing = || RenderErrorReason::ParamNotFoundForIndex("fenced", 0);
    let code = helper.param(0).ok_or_else(missing)?.value().clone();
    let CodeView {
        before,
        marked,
        after,
    } = serde_json::from_value(code).map_err(RenderErrorReason::SerdeError)?;
    let line = before + &marked + &after;
    let longest = line.split(|c| c != '`').map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or_default().max(2) + 1);
    out.write(&format!(
        "{INDENT}{fence}sql\n{INDENT}{line}\n{INDENT}{fence}"
    ))?;
    Ok(())
}

/// Values with a space between them as one span of code. Its fence is longer than any run of backticks in them, so that
/// nothing in them can end it. Not for a cell of a table, which `|` ends in code too.
pub(super) fn code(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let texts = helper.params().iter().map(|own| own.value().as_str());
    let texts: Option<Vec<&str>> = texts.collect();
    let missing = || RenderErrorReason::ParamNotFoundForName("code", "a text".to_owned());
    out.write(&code_span(&texts.ok_or_else(missing)?.join(" ")))?;
    Ok(())
}

fn code_span(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or_default() + 1);
    // A space at both ends is taken off by the renderer, so that a backtick there is no part of the fence.
    let is_padded = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    let pad = if is_padded { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A text of one line so that Markdown shows it as it is: no emphasis, code, link, HTML, table cell,
/// mention or bare address comes of it. Escapes only where something would, so that the source stays
/// readable. The template never begins a line with a value.
pub fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut previous = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '|' => escaped.push_str("&#124;"),
            // As code: an escaped @ still makes an address in some renderers. One run, one span.
            '@' => escaped.push_str(match (previous, next) {
                ('@', '@') => "@",
                ('@', _) => "@`",
                (_, '@') => "`@",
                _ => "`@`",
            }),
            _ => {
                if is_active(previous, c, next) {
                    escaped.push('\\');
                }
                escaped.push(c);
            }
        }
        previous = c;
    }
    escaped
}

fn is_active(previous: char, c: char, next: char) -> bool {
    match c {
        '\\' | '`' | '*' | '_' | '[' | ']' | '{' | '}' | '~' | '$' | '#' | '^' => true,
        // https://…, :name: and www.…, but neither "a: b" nor "15.0".
        ':' => !next.is_whitespace(),
        '.' => {
            let joins = previous.is_alphanumeric() && next.is_alphanumeric();
            joins && (previous.is_alphabetic() || next.is_alphabetic())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::report::sample;

    fn marked_down(assessment: &Assessment) -> String {
        markdown(assessment, Earlier::default(), &Templates::default()).unwrap()
    }

    #[test]
    fn markdown_of_the_sample() {
        insta::assert_snapshot!(marked_down(&sample::assessment()));
    }

    #[test]
    fn markdown_has_the_template_s_structure_and_no_other() {
        let text = without_code(&marked_down(&sample::assessment()));
        let mut columns = None;
        for line in text.lines() {
            let known = [
                "# ", "## ", "### ", "- ", "  - ", "    - ", "1. ", "  1. ", "| ",
            ]
            .iter()
            .any(|p| line.starts_with(p));
            let sentence = line.chars().next().is_none_or(char::is_alphabetic);
            assert!(known || sentence, "{line}");
            let cells = line.matches('|').count();
            assert!(cells == 0 || columns.is_none_or(|c| c == cells), "{line}");
            columns = (cells > 0).then_some(cells);
        }
        let unescaped = text.replace("\\]", "");
        for obeyed in ["<", ">", "](", "www.", "me@", "http:", "\u{202e}", "\u{1b}"] {
            assert!(!unescaped.contains(obeyed), "{obeyed}");
        }
    }

    /// Leaves fenced blocks out as a renderer would see them.
    fn without_code(markdown: &str) -> String {
        let mut kept = Vec::new();
        let mut fence: Option<String> = None;
        for line in markdown.lines() {
            let inner = line.trim_start();
            let ticks: String = inner.chars().take_while(|c| *c == '`').collect();
            match &fence {
                Some(open) if ticks.len() >= open.len() && inner.len() == ticks.len() => {
                    fence = None;
                }
                Some(_) => assert!(line.starts_with(INDENT), "{line}"),
                None if ticks.len() >= 3 => {
                    assert!(
                        line.starts_with(INDENT) && inner == format!("{ticks}sql"),
                        "{line}"
                    );
                    fence = Some(ticks);
                }
                None => kept.push(line),
            }
        }
        assert!(fence.is_none(), "a block is left open");
        kept.join("\n")
    }

    #[test]
    fn code_is_shown_as_it_is_and_cannot_leave_its_block() {
        let text = marked_down(&sample::assessment());
        let line = "😀 ```<b>|\\u{202e} EXEC xp_cmdshell @c -- </pre><script>alert(3)</script>";
        assert!(
            text.contains(&format!("{INDENT}````sql\n{INDENT}{line}\n{INDENT}````\n")),
            "{text}"
        );
        assert!(!without_code(&text).contains("alert(3)"));
    }

    /// Reads Markdown as a renderer does; `None` if anything in it would be obeyed.
    fn read_back(markdown: &str) -> Option<String> {
        let entities = [
            ("&amp;", '&'),
            ("&lt;", '<'),
            ("&gt;", '>'),
            ("&#124;", '|'),
        ];
        let mut text = String::new();
        let mut rest = markdown;
        while let Some(c) = rest.chars().next() {
            if let Some((entity, shown)) = entities.iter().find(|(e, _)| rest.starts_with(e)) {
                text.push(*shown);
                rest = &rest[entity.len()..];
            } else if let Some(escaped) = rest.strip_prefix('\\') {
                let shown = escaped.chars().next().filter(char::is_ascii_punctuation)?;
                text.push(shown);
                rest = &escaped[1..];
            } else if let Some(code) = rest.strip_prefix('`') {
                let (code, after) = code.split_once('`')?;
                if code.is_empty() || code.chars().any(|c| c != '@') || after.starts_with('`') {
                    return None;
                }
                text.push_str(code);
                rest = after;
            } else if "&<>|@*_[]{}~$#^".contains(c) {
                return None;
            } else {
                text.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        Some(text)
    }

    #[test]
    fn a_span_of_code_ends_where_its_value_does() {
        for (text, due) in [
            ("collect --only a_1", "`collect --only a_1`"),
            ("a`; touch pwned #", "``a`; touch pwned #``"),
            ("``a` b", "``` ``a` b ```"),
            ("a`", "`` a` ``"),
        ] {
            assert_eq!(code_span(text), due);
        }
    }

    proptest! {
        #[test]
        fn markdown_shows_every_text_as_it_is(text in r"[\\`*_\[\]{}()<>&|@~$#^.:!a-z0-9 é]{0,30}") {
            prop_assert_eq!(read_back(&escape_markdown(&text)), Some(text));
        }

        #[test]
        fn markdown_links_no_bare_address(host in "[a-z]{1,5}", scheme in "(http|https|ftp|mailto)") {
            for text in [format!("{scheme}://{host}"), format!("www.{host}.com"), format!("{host}@{host}.com")] {
                let escaped = escape_markdown(&text);
                let plain = escaped.replace("\\.", "").replace("\\:", "");
                prop_assert!(!plain.contains([':', '.']), "{}", escaped);
                prop_assert!(!escaped.contains('@') || escaped.contains("`@`"));
            }
        }
    }

    #[test]
    fn an_empty_estate_is_marked_down() {
        let empty = Assessment::new("2026-09-30".to_owned());
        assert!(marked_down(&empty).contains("Scope: 0 targets"));
    }
}
