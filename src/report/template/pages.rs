//! HTML: one page that loads nothing, or, where that would be too much for a browser, one for the estate and one for
//! each instance.

use handlebars::Handlebars;
use schemars::JsonSchema;
use serde::Serialize;

use super::{RenderError, Templates};
use crate::report::Earlier;
use crate::report::assessment::Assessment;
use crate::report::view::{Budget, Gathered, InstanceView, Place, View};
use crate::report::visible;

const PAGE: &str = "report.html.hbs";
const INSTANCE_PAGE: &str = "instance.html.hbs";

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
    earlier: Earlier<'a>,
    templates: &Templates,
) -> Result<Box<dyn Iterator<Item = Result<Page, RenderError>> + 'a>, RenderError> {
    let engine = templates.engine()?;
    let verdicts: usize = assessment.instances.iter().map(|i| i.verdicts.len()).sum();
    if assessment.instances.len() <= MOST_INSTANCES && verdicts <= MOST_VERDICTS {
        let html = engine.render(
            PAGE,
            &View::within(assessment, Budget::of_a_page).after(earlier),
        )?;
        if html.len() <= LONGEST_PAGE {
            let path = "report.html".to_owned();
            return Ok(Box::new(std::iter::once(Ok(Page { path, html }))));
        }
    }
    Ok(Box::new(Pages::new(assessment, earlier, engine)))
}

/// The pages of a split report: those of the instances, and last that of the estate, which is gathered on the way.
struct Pages<'a> {
    as_of: String,
    judged_by: String,
    redacted: bool,
    earlier: Earlier<'a>,
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
    /// Whether principals and hosts stand under pseudonyms.
    redacted: bool,
    /// The instance, with all that is shown of it.
    instance: &'v InstanceView,
}

impl<'a> Pages<'a> {
    fn new(assessment: &'a Assessment, earlier: Earlier<'a>, engine: Handlebars<'static>) -> Self {
        let gathered = Gathered::new(assessment, true, Budget::of_a_page);
        Self {
            as_of: visible(&assessment.as_of),
            judged_by: visible(&assessment.judged_by),
            redacted: assessment.redacted,
            earlier,
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
                    redacted: self.redacted,
                    instance: &instance,
                };
                self.page(path, INSTANCE_PAGE, &of)
            });
            self.gathered.as_mut()?.enter(instance);
            if page.is_some() {
                return page;
            }
        }
        let view = self.gathered.take()?.close().after(self.earlier);
        Some(self.page("report.html", PAGE, &view))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::report::sample;

    fn pages(assessment: &Assessment) -> Vec<Page> {
        let pages = html(assessment, Earlier::default(), &Templates::default()).unwrap();
        pages.map(Result::unwrap).collect()
    }

    fn page() -> String {
        let [page] = pages(&sample::assessment()).try_into().ok().unwrap();
        page.html
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
    }

    /// An estate of so many instances with so many findings each.
    fn estate(instances: usize, findings: usize) -> Assessment {
        let mut assessment = sample::assessment();
        let mut instances_of_sample = assessment.instances.iter();
        let like = instances_of_sample
            .find(|own| own.id.as_str() == "erp-prod")
            .unwrap()
            .clone();
        let finding = like.verdicts.iter().find(|v| v.outcome == "fail").unwrap();
        let numbered = (0..instances).map(|n| {
            let mut own = like.clone();
            own.id = crate::ids::InstanceId::new(format!("srv-{n:04}"));
            own.verdicts = vec![finding.clone(); findings];
            own
        });
        assessment.instances = numbered.collect();
        assessment.close()
    }

    #[test]
    fn a_large_estate_is_split_and_every_page_is_small() {
        for (instances, findings) in [(600, 2), (1, 30_000), (70, 50)] {
            let estate = estate(instances, findings);
            let pages = pages(&estate);
            assert_eq!(pages.len(), instances + 1);
            let (first, own) = pages.split_last().unwrap();
            assert_eq!(first.path, "report.html");
            for page in &pages {
                assert!(
                    page.html.len() < 5_000_000,
                    "{} {}",
                    page.path,
                    page.html.len()
                );
            }
            for page in own {
                assert!(
                    first.html.contains(&format!("href=\"{}\"", page.path)),
                    "{}",
                    page.path
                );
                assert!(page.html.contains("href=\"../report.html\""));
            }
            let shown = own[0].html.matches("class=\"about\"").count();
            let left = own[0].html.split("<p class=\"aside\">and ").nth(1);
            let left = left.map_or(0, |text| text.split(' ').next().unwrap().parse().unwrap());
            assert_eq!(shown + left, findings, "what is not shown is counted");
        }
    }

    #[test]
    fn the_links_of_a_split_report_lead_to_anchors() {
        let estate = estate(70, 1);
        let pages = pages(&estate);
        let (first, own) = pages.split_last().unwrap();
        let mut followed = 0;
        walk(&first.html, |_, tag, _| {
            let Some(href) = attribute(tag, "href") else {
                return;
            };
            let (path, anchor) = href.split_once('#').unwrap_or((href, ""));
            let page = own.iter().find(|page| page.path == path);
            let page = page.map_or(&first.html, |page| &page.html);
            assert!(
                path.is_empty() || own.iter().any(|page| page.path == path),
                "{href}"
            );
            let anchored = anchor.is_empty() || page.contains(&format!(" id=\"{anchor}\""));
            assert!(anchored, "{href}");
            followed += usize::from(!path.is_empty());
        });
        assert!(followed > 70, "{followed}");
    }
}
