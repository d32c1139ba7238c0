//! The reports that handlebars lays out. Templates escape every value: they have no way to print one
//! raw, which a test holds them to.

use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason,
};

use super::assessment::Assessment;
use super::junit::JunitView;
use super::view::{CodeView, View};

const HTML: &str = include_str!("../../report-templates/report.html.hbs");
const JUNIT: &str = include_str!("../../report-templates/junit.xml.hbs");
const MARKDOWN: &str = include_str!("../../report-templates/report.md.hbs");

/// A template does not fit the view: a fault of the program, never of the data.
#[derive(Debug, thiserror::Error)]
#[error("the report could not be rendered: {0}")]
pub struct RenderError(#[from] handlebars::RenderError);

/// An assessment as one HTML page that loads nothing and runs nothing.
///
/// # Errors
/// See [`RenderError`].
pub fn html(assessment: &Assessment) -> Result<String, RenderError> {
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    Ok(templates.render_template(HTML, &View::new(assessment))?)
}

/// An assessment as Markdown (GitHub's dialect), shorter than the page: without rows.
///
/// # Errors
/// See [`RenderError`].
pub fn markdown(assessment: &Assessment) -> Result<String, RenderError> {
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    templates.register_escape_fn(escape_markdown);
    templates.register_helper("fenced", Box::new(fenced));
    Ok(templates.render_template(MARKDOWN, &View::new(assessment))?)
}

/// An assessment as JUnit's XML, for pipelines.
///
/// # Errors
/// See [`RenderError`].
pub fn junit(assessment: &Assessment) -> Result<String, RenderError> {
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    Ok(templates.render_template(JUNIT, &JunitView::new(assessment))?)
}

/// Indent of code in the Markdown: that of the list item it belongs to.
const INDENT: &str = "      ";

/// A line of code as a fenced block. The fence is longer than any run of backticks in the line, so that nothing in
/// it can end the block.
fn fenced(
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

/// A text of one line so that Markdown shows it as it is: no emphasis, code, link, HTML, table cell,
/// mention or bare address comes of it. Escapes only where something would, so that the source stays
/// readable. The template never begins a line with a value.
pub(super) fn escape_markdown(text: &str) -> String {
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

    use super::super::sample;
    use super::*;

    use proptest::prelude::*;

    use super::super::visible;

    fn page() -> String {
        html(&sample::assessment()).unwrap()
    }

    #[test]
    fn templates_have_no_way_to_print_a_value_raw() {
        for template in [HTML, MARKDOWN, JUNIT] {
            assert!(!template.contains("{{{") && !template.contains("{{&"));
        }
    }

    #[test]
    fn markdown_of_the_sample() {
        insta::assert_snapshot!(markdown(&sample::assessment()).unwrap());
    }

    #[test]
    fn markdown_has_the_template_s_structure_and_no_other() {
        let text = without_code(&markdown(&sample::assessment()).unwrap());
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
        let text = markdown(&sample::assessment()).unwrap();
        let line = "😀 ```<b>|\\u{202e} EXEC xp_cmdshell @c -- </pre><script>alert(3)</script>";
        assert!(
            text.contains(&format!("{INDENT}````sql\n{INDENT}{line}\n{INDENT}````\n")),
            "{text}"
        );
        assert!(!without_code(&text).contains("alert(3)"));
    }

    #[test]
    fn code_is_marked_in_the_page() {
        let page = page();
        let code = "😀 &#x60;&#x60;&#x60;&lt;b&gt;|\\u{202e} EXEC <mark dir=\"ltr\">xp_cmdshell</mark> @c -- \
                    &lt;/pre&gt;&lt;script&gt;alert(3)&lt;/script&gt;</pre>";
        assert!(
            page.contains(code),
            "{}",
            page.lines().find(|l| l.contains("<mark dir")).unwrap()
        );
        for said in [
            "Line 40: <span class=\"name\">dynamic_unresolved</span> by a call of another module",
            "dbo.run → &quot;dbo.&lt;script&gt;",
            "a parameter or data flows into what is run",
            "it is passed to a module that executes what it is given",
        ] {
            assert!(page.contains(said), "{said}");
        }
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

    /// Every tag of a page with the open elements around it, and the text before it.
    fn walk(page: &str, mut see: impl FnMut(&[String], &str, &str)) {
        let style = page.find("</style>").unwrap();
        let mut open: Vec<String> = Vec::new();
        for (at, tag) in page.match_indices('<').map(|(at, _)| (at, &page[at + 1..])) {
            let (tag, after) = tag.split_once('>').unwrap();
            let text = after.split('<').next().unwrap();
            let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap();
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(open.pop().as_deref(), Some(closed), "at byte {at}");
            } else if !["!doctype", "meta", "rect", "line"].contains(&name) {
                open.push(name.to_owned());
            }
            assert!(at < style || !text.contains('>'), "{text}");
            see(&open, tag, text);
        }
        assert!(open.is_empty(), "{open:?} left open");
    }

    fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        rest.split('"').next()
    }

    #[test]
    fn the_page_is_well_formed_and_its_links_meet() {
        let (mut ids, mut references) = (Vec::new(), Vec::new());
        let page = page();
        walk(&page, |_, tag, _| {
            ids.extend(attribute(tag, "id").map(str::to_owned));
            references
                .extend(attribute(tag, "href").map(|h| h.strip_prefix('#').unwrap().to_owned()));
            references.extend(attribute(tag, "aria-labelledby").map(str::to_owned));
            assert!(
                !tag.starts_with("th ") && tag != "th" || attribute(tag, "scope").is_some(),
                "{tag}"
            );
        });
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "{ids:?}");
        for reference in &references {
            assert!(ids.contains(reference), "{reference} leads nowhere");
        }
    }

    #[test]
    fn the_page_loads_nothing_and_runs_nothing() {
        let page = page();
        assert!(page.starts_with("<!doctype html>\n"));
        assert!(page.contains(r#"content="default-src 'none'; style-src 'unsafe-inline'""#));
        for loading in [
            "url(", "@import", " src=", "srcset", "<link", "<img", "<script", "<iframe", "<form",
        ] {
            assert!(!page.contains(loading), "{loading}");
        }
        walk(&page, |_, tag, _| {
            assert!(
                !tag.contains(" on") && !tag.contains("http:") && !tag.contains("https:"),
                "{tag}"
            );
        });
    }

    #[test]
    fn the_page_has_landmarks_and_headings_in_order() {
        let (mut landmarks, mut level) = (Vec::new(), 0);
        walk(&page(), |open, tag, _| {
            let name = tag.split(' ').next().unwrap();
            let is_landmark = ["header", "nav", "main", "footer"].contains(&name);
            if is_landmark && !open.iter().any(|o| o == "article") {
                landmarks.push(name.to_owned());
            }
            if let Some(next) = name.strip_prefix('h').and_then(|n| n.parse::<u32>().ok()) {
                assert!(next <= level + 1, "h{next} after h{level}");
                level = next;
            }
        });
        assert_eq!(landmarks, ["header", "nav", "main", "footer"]);
    }

    #[test]
    fn server_text_is_isolated_and_harmless_in_the_page() {
        let page = page();
        assert!(page.lines().all(|line| visible(line) == line));
        let mut seen = 0;
        walk(&page, |open, _, text| {
            for hostile in [
                "nimda",
                "alert(1)",
                "calc&#x27;",
                "x😀",
                "(64-bit)&lt;/b",
                "Login failed",
            ] {
                if text.contains(hostile) {
                    seen += 1;
                    assert!(open.iter().any(|o| o == "bdi" || o == "pre"), "{text}");
                }
            }
        });
        assert!(seen >= 10, "{seen}");
        assert!(page.contains(r"CORP\\u{202e}nimda\u{200f}"));
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(
            page.contains(r"\u001b[31m"),
            "in the row, as JSON writes it"
        );
    }

    #[test]
    fn the_page_says_what_an_auditor_must_not_miss() {
        let page = page();
        for said in [
            "2 of 5 instances could not be read whole: what was not seen is unknown, not clean.",
            "Synthetic recordings, made by no real server: lab.",
            "not encrypted, certificate not verified",
            "Nothing was seen, so nothing can be said.",
            "line 12, column 3; line 40, column 17; line 41, column 1",
            "Accepted by waiver",
            "CONNECT ANY DATABASE, or a user in Payroll",
        ] {
            assert!(page.contains(said), "{said}");
        }
    }

    #[test]
    fn an_empty_estate_renders() {
        let empty = Assessment::new("2026-09-30".to_owned());
        walk(&html(&empty).unwrap(), |_, _, _| {});
        assert!(markdown(&empty).unwrap().contains("Scope: 0 targets"));
    }
}
