//! The reports that handlebars lays out. Templates escape every value: they have no way to print one
//! raw, which a test holds them to.

use std::collections::{BTreeMap, BTreeSet};

use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::assessment::Assessment;
use super::view::{CodeView, Gathered, InstanceView, Place, View};
use super::visible;

/// The templates of this version, by the name of their file. What ends in `.html.hbs` or `.md.hbs` is a document;
/// everything else is a part of documents, called by the first word of its name.
const TEMPLATES: &[(&str, &str)] = &[
    (
        "answer.hbs",
        include_str!("../../report-templates/answer.hbs"),
    ),
    ("bar.hbs", include_str!("../../report-templates/bar.hbs")),
    (
        "calls.hbs",
        include_str!("../../report-templates/calls.hbs"),
    ),
    (
        "evidence.hbs",
        include_str!("../../report-templates/evidence.hbs"),
    ),
    (
        "filter.hbs",
        include_str!("../../report-templates/filter.hbs"),
    ),
    (
        "findings.hbs",
        include_str!("../../report-templates/findings.hbs"),
    ),
    ("foot.hbs", include_str!("../../report-templates/foot.hbs")),
    (
        "gauge.hbs",
        include_str!("../../report-templates/gauge.hbs"),
    ),
    ("head.hbs", include_str!("../../report-templates/head.hbs")),
    (
        "instance.hbs",
        include_str!("../../report-templates/instance.hbs"),
    ),
    (
        "instance.html.hbs",
        include_str!("../../report-templates/instance.html.hbs"),
    ),
    (
        "report.html.hbs",
        include_str!("../../report-templates/report.html.hbs"),
    ),
    (
        "report.md.hbs",
        include_str!("../../report-templates/report.md.hbs"),
    ),
    (
        "script.js",
        include_str!("../../report-templates/script.js"),
    ),
    (
        "style.css",
        include_str!("../../report-templates/style.css"),
    ),
    (
        "subject.hbs",
        include_str!("../../report-templates/subject.hbs"),
    ),
    ("way.hbs", include_str!("../../report-templates/way.hbs")),
];

const PAGE: &str = "report.html.hbs";
const INSTANCE_PAGE: &str = "instance.html.hbs";
const MARKDOWN: &str = "report.md.hbs";

/// Templates that stand in for those of this version, by the name of their file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Templates(BTreeMap<String, String>);

/// What is wrong with a template of one's own.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It is no template.
    #[error("{name}:{line}: {why}")]
    Syntax {
        /// The file.
        name: String,
        /// Line from 1; 0 where it is not known.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// It prints a value as it is.
    #[error(
        "{name}:{line}: a value is printed as it is; names from servers would be obeyed by a browser, so write {{{{name}}}}"
    )]
    Raw {
        /// The file.
        name: String,
        /// Line from 1.
        line: usize,
    },
    /// A document or part of that name is made from nothing.
    #[error("{name}: a template's name ends in .hbs, .css or .js")]
    Name {
        /// The file.
        name: String,
    },
    /// It asks for what the view does not have.
    #[error("{0}")]
    Render(#[from] RenderError),
}

impl Templates {
    /// Templates by the name of their file.
    ///
    /// # Errors
    /// See [`TemplateError`]; whether the view has what they ask for is seen when they are rendered.
    pub fn new(files: BTreeMap<String, String>) -> Result<Self, TemplateError> {
        for (name, text) in &files {
            let known = [".hbs", ".css", ".js"]
                .iter()
                .any(|end| name.ends_with(end));
            if !known {
                return Err(TemplateError::Name { name: name.clone() });
            }
            let raw = text.lines().zip(1..).find(|(line, _)| prints_raw(line));
            if let Some((_, line)) = raw {
                let name = name.clone();
                return Err(TemplateError::Raw { name, line });
            }
            if let Err(error) = handlebars::Template::compile(text) {
                return Err(TemplateError::Syntax {
                    name: name.clone(),
                    line: error.pos().map_or(0, |(line, _)| line),
                    why: error.reason().to_string(),
                });
            }
        }
        Ok(Self(files))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn text<'t>(&'t self, name: &str) -> &'t str {
        let shipped = || TEMPLATES.iter().find(|(own, _)| *own == name);
        let own = self.0.get(name).map(String::as_str);
        own.or_else(|| shipped().map(|(_, text)| *text))
            .unwrap_or_default()
    }

    /// What renders documents: every template under its file's name, every part under its own too.
    fn engine(&self) -> Result<Handlebars<'static>, RenderError> {
        let mut engine = Handlebars::new();
        engine.set_strict_mode(true);
        let names = TEMPLATES.iter().map(|(name, _)| *name);
        let names: BTreeSet<&str> = names.chain(self.0.keys().map(String::as_str)).collect();
        for name in names {
            let is_document = name.matches('.').count() > 1;
            let part = name.split('.').next().unwrap_or_default();
            let called = if is_document { name } else { part };
            let text = self.text(name);
            engine
                .register_template_string(called, text)
                .map_err(handlebars::RenderError::from)?;
        }
        engine.register_helper("csp_hash", Box::new(csp_hash));
        engine.register_helper("fenced", Box::new(fenced));
        Ok(engine)
    }
}

/// Whether a line of a template prints a value without escaping it.
fn prints_raw(line: &str) -> bool {
    let without_space: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    ["{{{", "{{~{", "{{&", "{{~&"]
        .iter()
        .any(|raw| without_space.contains(raw))
}

/// A template does not fit the view.
#[derive(Debug, thiserror::Error)]
#[error("the report could not be rendered: {0}")]
pub struct RenderError(#[from] handlebars::RenderError);

/// A page of a report.
pub struct Page {
    /// Beside the first page, which is `report.html`, with `/` between its parts.
    pub path: String,
    /// HTML.
    pub html: String,
}

/// So many instances stand on one page,
const MOST_INSTANCES: usize = 60;
/// with so many verdicts,
const MOST_VERDICTS: usize = 20_000;
/// if the page has no more bytes than this.
const LONGEST_PAGE: usize = 4_500_000;

/// An assessment as HTML that loads nothing: one page, or, where that would be too much for a browser, one for the
/// estate and one for each instance. The pages come one at a time.
///
/// # Errors
/// See [`RenderError`].
pub fn html<'a>(
    assessment: &'a Assessment,
    templates: &Templates,
) -> Result<Box<dyn Iterator<Item = Result<Page, RenderError>> + 'a>, RenderError> {
    let engine = templates.engine()?;
    let verdicts: usize = assessment.instances.iter().map(|i| i.verdicts.len()).sum();
    if assessment.instances.len() <= MOST_INSTANCES && verdicts <= MOST_VERDICTS {
        let html = engine.render(PAGE, &View::new(assessment))?;
        if html.len() <= LONGEST_PAGE {
            let path = "report.html".to_owned();
            return Ok(Box::new(std::iter::once(Ok(Page { path, html }))));
        }
    }
    Ok(Box::new(Pages::new(assessment, engine)))
}

/// The pages of a split report: those of the instances, and last that of the estate, which is gathered on the way.
struct Pages<'a> {
    as_of: String,
    judged_by: String,
    engine: Handlebars<'static>,
    places: std::vec::IntoIter<Place>,
    gathered: Option<Gathered<'a>>,
}

/// What the page of an instance is made from.
#[derive(Serialize, JsonSchema)]
pub struct InstancePage<'v> {
    /// The day as of which was judged.
    as_of: &'v str,
    /// Program and version that judged.
    judged_by: &'v str,
    /// The instance, with all that is shown of it.
    instance: &'v InstanceView,
}

impl<'a> Pages<'a> {
    fn new(assessment: &'a Assessment, engine: Handlebars<'static>) -> Self {
        let gathered = Gathered::new(assessment, true);
        Self {
            as_of: visible(&assessment.as_of),
            judged_by: visible(&assessment.judged_by),
            engine,
            places: gathered.order().into_iter(),
            gathered: Some(gathered),
        }
    }

    fn page(&self, path: &str, template: &str, of: &impl Serialize) -> Result<Page, RenderError> {
        let html = self.engine.render(template, of)?;
        let path = path.to_owned();
        Ok(Page { path, html })
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Page, RenderError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(place) = self.places.next() {
            let instance = self.gathered.as_ref()?.prepare(&place);
            let page = place.page.as_deref().map(|path| {
                let of = InstancePage {
                    as_of: &self.as_of,
                    judged_by: &self.judged_by,
                    instance: &instance,
                };
                self.page(path, INSTANCE_PAGE, &of)
            });
            self.gathered.as_mut()?.enter(instance);
            if page.is_some() {
                return page;
            }
        }
        let view = self.gathered.take()?.close();
        Some(self.page("report.html", PAGE, &view))
    }
}

/// An assessment as Markdown (GitHub's dialect), shorter than the page: without rows.
///
/// # Errors
/// See [`RenderError`].
pub fn markdown(assessment: &Assessment, templates: &Templates) -> Result<String, RenderError> {
    let mut engine = templates.engine()?;
    engine.register_escape_fn(escape_markdown);
    Ok(engine.render(MARKDOWN, &View::new(assessment))?)
}

/// What a page's policy calls a script that it may run: the hash of the template of that name, which has no values.
fn csp_hash(
    helper: &Helper<'_>,
    engine: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let name = helper.param(0).and_then(|name| name.value().as_str());
    let name = name.ok_or(RenderErrorReason::ParamNotFoundForIndex("csp_hash", 0))?;
    let script = engine.render(name, &())?;
    let hash = data_encoding::BASE64.encode(&Sha256::digest(script.as_bytes()));
    out.write(&format!("sha256-{hash}"))?;
    Ok(())
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
fn escape_markdown(text: &str) -> String {
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

    fn pages(assessment: &Assessment) -> Vec<Page> {
        let pages = html(assessment, &Templates::default()).unwrap();
        pages.map(Result::unwrap).collect()
    }

    fn page() -> String {
        let [page] = pages(&sample::assessment()).try_into().ok().unwrap();
        page.html
    }

    fn marked_down(assessment: &Assessment) -> String {
        markdown(assessment, &Templates::default()).unwrap()
    }

    #[test]
    fn templates_have_no_way_to_print_a_value_raw() {
        for (name, template) in TEMPLATES {
            assert!(!template.lines().any(prints_raw), "{name}");
        }
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

    const VOID: [&str; 7] = ["!doctype", "meta", "rect", "line", "path", "input", "br"];

    /// Every tag of a page with the open elements around it, and the text before it.
    fn walk(page: &str, mut see: impl FnMut(&[String], &str, &str)) {
        let script = Templates::default().text("script.js").to_owned();
        let page = page.replacen(&script, "", 1);
        let style = page.find("</style>").unwrap();
        let mut open: Vec<String> = Vec::new();
        for (at, tag) in page.match_indices('<').map(|(at, _)| (at, &page[at + 1..])) {
            let (tag, after) = tag.split_once('>').unwrap();
            let text = after.split('<').next().unwrap();
            let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap();
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(open.pop().as_deref(), Some(closed), "at byte {at}");
            } else if !VOID.contains(&name) {
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
    fn the_page_loads_nothing_and_runs_its_own_script_alone() {
        let page = page();
        assert!(page.starts_with("<!doctype html>\n"));
        let script = Templates::default().text("script.js").to_owned();
        let hash = data_encoding::BASE64.encode(&Sha256::digest(script.as_bytes()));
        let policy = format!(
            "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; \
             base-uri 'none'; form-action 'none'\""
        );
        assert!(page.contains(&policy), "{policy}");
        assert_eq!(page.matches("<script").count(), 1);
        assert!(page.contains(&format!("<script>{script}</script>")));
        for loading in [
            "url(", "@import", " src=", "srcset", "<link", "<img", "<iframe", "<form",
        ] {
            assert!(!page.contains(loading), "{loading}");
        }
        walk(&page, |_, tag, _| {
            assert!(
                !tag.contains(" on") && !tag.contains("http:") && !tag.contains("https:"),
                "{tag}"
            );
        });
        for calling in [
            "fetch",
            "XMLHttp",
            "innerHTML",
            "eval",
            "document.write",
            "import(",
        ] {
            assert!(!script.contains(calling), "{calling}");
        }
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
        walk(&pages(&empty)[0].html, |_, _, _| {});
        assert!(marked_down(&empty).contains("Scope: 0 targets"));
    }
}
