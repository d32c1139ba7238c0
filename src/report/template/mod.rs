//! The reports that handlebars lays out. Templates escape every value: they have no way to print one
//! raw, which a test holds them to.

mod compose;
mod drift;
mod junit;
mod markdown;
mod pages;

use std::collections::{BTreeMap, BTreeSet};

use handlebars::{Context, Handlebars, Helper, HelperResult, Output, RenderContext};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use compose::{composed, named_part, verbatim};
pub use drift::{drift_html, drift_markdown};
pub use junit::junit;
pub use markdown::{escape_markdown, markdown, summary};
pub use pages::{InstancePage, Page, html};

/// The templates of this version, by the name of their file. What has two dots in its name is a document;
/// everything else is a part of documents, called by the first word of its name.
const TEMPLATES: &[(&str, &str)] = &[
    (
        "answer.hbs",
        include_str!("../../../report-templates/answer.hbs"),
    ),
    ("bar.hbs", include_str!("../../../report-templates/bar.hbs")),
    (
        "calls.hbs",
        include_str!("../../../report-templates/calls.hbs"),
    ),
    (
        "drift.html.hbs",
        include_str!("../../../report-templates/drift.html.hbs"),
    ),
    (
        "drift.md.hbs",
        include_str!("../../../report-templates/drift.md.hbs"),
    ),
    (
        "evidence.hbs",
        include_str!("../../../report-templates/evidence.hbs"),
    ),
    (
        "filter.hbs",
        include_str!("../../../report-templates/filter.hbs"),
    ),
    (
        "findings.hbs",
        include_str!("../../../report-templates/findings.hbs"),
    ),
    (
        "foot.hbs",
        include_str!("../../../report-templates/foot.hbs"),
    ),
    (
        "gauge.hbs",
        include_str!("../../../report-templates/gauge.hbs"),
    ),
    (
        "group.hbs",
        include_str!("../../../report-templates/group.hbs"),
    ),
    (
        "head.hbs",
        include_str!("../../../report-templates/head.hbs"),
    ),
    (
        "instance.hbs",
        include_str!("../../../report-templates/instance.hbs"),
    ),
    (
        "instance.html.hbs",
        include_str!("../../../report-templates/instance.html.hbs"),
    ),
    (
        "report.html.hbs",
        include_str!("../../../report-templates/report.html.hbs"),
    ),
    (
        "junit.xml.hbs",
        include_str!("../../../report-templates/junit.xml.hbs"),
    ),
    (
        "report.md.hbs",
        include_str!("../../../report-templates/report.md.hbs"),
    ),
    (
        "summary.md.hbs",
        include_str!("../../../report-templates/summary.md.hbs"),
    ),
    (
        "script.js",
        include_str!("../../../report-templates/script.js"),
    ),
    (
        "style.css",
        include_str!("../../../report-templates/style.css"),
    ),
    (
        "subject.hbs",
        include_str!("../../../report-templates/subject.hbs"),
    ),
    ("way.hbs", include_str!("../../../report-templates/way.hbs")),
    (
        "history.html.hbs",
        include_str!("../../../report-templates/history.html.hbs"),
    ),
    (
        "history.md.hbs",
        include_str!("../../../report-templates/history.md.hbs"),
    ),
    (
        "sigma.yml.hbs",
        include_str!("../../../report-templates/sigma.yml.hbs"),
    ),
    (
        "playbook.md.hbs",
        include_str!("../../../report-templates/playbook.md.hbs"),
    ),
    (
        "earlier.hbs",
        include_str!("../../../report-templates/earlier.hbs"),
    ),
    (
        "spark.hbs",
        include_str!("../../../report-templates/spark.hbs"),
    ),
];

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
    /// Nothing would be made from a file of that name.
    #[error(
        "{name}: no template of that name is used: documents are {documents}; parts have one dot in their name and end in .hbs, .css or .js"
    )]
    Name {
        /// The file.
        name: String,
        /// The documents.
        documents: String,
    },
}

impl Templates {
    /// None: those of this version alone.
    pub const SHIPPED: &'static Self = &Self(BTreeMap::new());

    /// Templates by the name of their file.
    ///
    /// # Errors
    /// See [`TemplateError`]; whether the view has what they ask for is seen when they are rendered.
    pub fn new(files: BTreeMap<String, String>) -> Result<Self, TemplateError> {
        for (name, text) in &files {
            let is_part = [".hbs", ".css", ".js"]
                .iter()
                .any(|end| name.ends_with(end));
            let is_known = TEMPLATES.iter().any(|(own, _)| own == name);
            if !is_known && (!is_part || is_document(name)) {
                let documents = TEMPLATES.iter().map(|(own, _)| *own);
                let documents: Vec<_> = documents.filter(|own| is_document(own)).collect();
                return Err(TemplateError::Name {
                    name: name.clone(),
                    documents: documents.join(", "),
                });
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

    /// The names of those that are not this version's word for word.
    pub fn own(&self) -> Vec<&str> {
        let files = self.0.iter();
        let own = files.filter(|(name, text)| Self::SHIPPED.text(name) != text.as_str());
        own.map(|(name, _)| name.as_str()).collect()
    }

    fn text<'t>(&'t self, name: &str) -> &'t str {
        let shipped = || TEMPLATES.iter().find(|(own, _)| *own == name);
        let own = self.0.get(name).map(String::as_str);
        own.or_else(|| shipped().map(|(_, text)| *text))
            .unwrap_or_default()
    }

    /// The text of a part by the name that it is called by.
    fn part<'t>(&'t self, part: &str) -> Option<&'t str> {
        let shipped = TEMPLATES.iter().map(|(name, _)| *name);
        let mut names = shipped.chain(self.0.keys().map(String::as_str));
        let name = names.find(|name| !is_document(name) && name.split('.').next() == Some(part));
        name.map(|name| self.text(name))
    }

    /// A document of a page that is not about one assessment.
    pub(super) fn page(&self, name: &str, view: &impl Serialize) -> Result<String, RenderError> {
        Ok(self.engine()?.render(name, view)?)
    }

    /// The same of one that is Markdown.
    pub(super) fn markdown(
        &self,
        name: &str,
        view: &impl Serialize,
    ) -> Result<String, RenderError> {
        let mut engine = self.engine()?;
        engine.register_escape_fn(escape_markdown);
        Ok(engine.render(name, view)?)
    }

    /// The same of one that is YAML, with every value between single quotes.
    pub(super) fn yaml(&self, name: &str, view: &impl Serialize) -> Result<String, RenderError> {
        let mut engine = self.engine()?;
        engine.register_escape_fn(|value| value.replace('\'', "''"));
        Ok(engine.render(name, view)?)
    }

    /// What renders documents: every template under its file's name, every part under its own too.
    fn engine(&self) -> Result<Handlebars<'static>, RenderError> {
        let mut engine = Handlebars::new();
        engine.set_strict_mode(true);
        let names = TEMPLATES.iter().map(|(name, _)| *name);
        let names: BTreeSet<&str> = names.chain(self.0.keys().map(String::as_str)).collect();
        for name in names {
            let part = name.split('.').next().unwrap_or_default();
            let (called, text) = if is_document(name) {
                (name, composed(self.text(name), &|part| self.part(part)))
            } else {
                (part, self.text(name).to_owned())
            };
            engine
                .register_template_string(called, text)
                .map_err(handlebars::RenderError::from)?;
        }
        engine.register_helper("verbatim", Box::new(verbatim));
        engine.register_helper("csp_hash", Box::new(csp_hash));
        engine.register_helper("code", Box::new(markdown::code));
        engine.register_helper("fenced", Box::new(markdown::fenced));
        engine.register_helper("fenced_lines", Box::new(drift::fenced_lines));
        Ok(engine)
    }
}

fn is_document(name: &str) -> bool {
    name.matches('.').count() > 1
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

/// What a page's policy calls a script that it may run: the hash of the template of that name, which has no values.
fn csp_hash(
    helper: &Helper<'_>,
    engine: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let script = named_part(helper, engine)?;
    let hash = data_encoding::BASE64.encode(&Sha256::digest(script.as_bytes()));
    out.write(&format!("sha256-{hash}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::sample;
    use super::*;
    use crate::report::Earlier;

    #[test]
    fn templates_have_no_way_to_print_a_value_raw() {
        for (name, template) in TEMPLATES {
            assert!(!template.lines().any(prints_raw), "{name}");
        }
    }

    fn own(files: &[(&str, &str)]) -> Result<Templates, TemplateError> {
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Templates::new(files.collect())
    }

    #[test]
    fn templates_of_ones_own_stand_in_for_ours() {
        let own = own(&[
            ("foot.hbs", "<footer>{{> imprint}}</footer>"),
            ("imprint.hbs", "ACME, as of {{as_of}}"),
        ]);
        let templates = own.unwrap();
        let assessment = sample::assessment();
        let mut pages = html(&assessment, Earlier::default(), &templates).unwrap();
        let page = pages.next().unwrap().unwrap().html;
        assert!(page.contains("<footer>ACME, as of 2026-09-30</footer>"));
        assert!(page.contains("<h1>SQL Server posture</h1>"));
    }

    #[test]
    fn what_a_template_must_not_do_is_said_with_its_line() {
        for (name, text, due) in [
            (
                "foot.hbs",
                "a\n{{{as_of}}}",
                "foot.hbs:2: a value is printed as it is",
            ),
            (
                "foot.hbs",
                "{{ & as_of}}",
                "foot.hbs:1: a value is printed as it is",
            ),
            ("foot.hbs", "a\n{{#if x}}", "foot.hbs:"),
            (
                "raport.html.hbs",
                "",
                "no template of that name is used: documents are drift.html.hbs, ",
            ),
            ("logo.png", "", "no template of that name is used"),
        ] {
            let error = own(&[(name, text)]).unwrap_err().to_string();
            assert!(error.contains(due), "{error}");
        }
        let unknown = own(&[("foot.hbs", "{{nothing_of_that_name}}")]).unwrap();
        let assessment = sample::assessment();
        let error = html(&assessment, Earlier::default(), &unknown)
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("nothing_of_that_name"), "{error}");
    }
}
