//! The reports that stand in the folder: which format makes which files.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;

use super::args::Format;
use super::checklists;
use crate::report::{self, Judgement, PathsReport, Templates};

/// What one format makes.
pub struct Report {
    /// By which it is asked for.
    pub format: Format,
    /// Whether templates lay it out, which may be one's own.
    pub has_templates: bool,
    /// Where its files stand: their paths, or folders that hold nothing else (those end in `/`).
    pub places: &'static [&'static str],
    /// Its files, one at a time in memory; the same judgement gives the same bytes.
    pub render: for<'a> fn(&'a Judgement<'_>) -> anyhow::Result<Files<'a>>,
}

/// Files as they are made.
pub type Files<'a> = Box<dyn Iterator<Item = anyhow::Result<File>> + 'a>;

/// A file of a report.
pub struct File {
    /// In the folder, with `/` between its parts.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl Report {
    /// Whether a file of the folder is one of this format's.
    pub fn owns(&self, path: &str) -> bool {
        let mut places = self.places.iter();
        places.any(|place| path == *place || (place.ends_with('/') && path.starts_with(place)))
    }
}

/// Every format that makes files.
pub const REPORTS: &[Report] = &[
    Report {
        format: Format::Html,
        has_templates: true,
        places: &["reports/report.html", "reports/instances/"],
        render: pages,
    },
    Report {
        format: Format::Md,
        has_templates: true,
        places: &["reports/report.md"],
        render: |judged| {
            one(
                "reports/report.md",
                report::markdown(judged.assessment, judged.earlier, judged.templates)?,
            )
        },
    },
    Report {
        format: Format::Csv,
        has_templates: false,
        places: &["reports/verdicts.csv"],
        render: |judged| {
            one(
                "reports/verdicts.csv",
                report::verdicts_csv(judged.assessment)?,
            )
        },
    },
    Report {
        format: Format::Jsonl,
        has_templates: false,
        places: &["reports/verdicts.jsonl"],
        render: |judged| {
            one(
                "reports/verdicts.jsonl",
                report::verdict_lines(judged.assessment)?,
            )
        },
    },
    Report {
        format: Format::Xlsx,
        has_templates: false,
        places: &["reports/report.xlsx"],
        render: |judged| one("reports/report.xlsx", report::xlsx(judged)?),
    },
    Report {
        format: Format::Cklb,
        has_templates: false,
        places: &[checklists::FOLDER],
        render: |judged| Ok(checklists::files(judged)),
    },
    Report {
        format: Format::Oscal,
        has_templates: false,
        places: &["reports/oscal-assessment-results.json"],
        render: |judged| {
            one(
                "reports/oscal-assessment-results.json",
                report::oscal(judged)?,
            )
        },
    },
    Report {
        format: Format::Opengraph,
        has_templates: false,
        places: &["reports/opengraph.json"],
        render: |judged| {
            one(
                "reports/opengraph.json",
                PathsReport::of(judged).opengraph()?,
            )
        },
    },
    Report {
        format: Format::Junit,
        has_templates: true,
        places: &["reports/junit.xml"],
        render: |judged| {
            one(
                "reports/junit.xml",
                report::junit(judged.assessment, judged.templates)?,
            )
        },
    },
    Report {
        format: Format::Sarif,
        has_templates: false,
        places: &["reports/results.sarif"],
        render: |judged| one("reports/results.sarif", report::verdicts_sarif(judged)?),
    },
    Report {
        format: Format::Ocsf,
        has_templates: false,
        places: &["reports/ocsf.jsonl"],
        render: |judged| one("reports/ocsf.jsonl", report::ocsf(judged)?),
    },
    Report {
        format: Format::Prom,
        has_templates: false,
        places: &["reports/metrics.prom"],
        render: |judged| {
            one(
                "reports/metrics.prom",
                report::prometheus(judged.assessment),
            )
        },
    },
    Report {
        format: Format::Summary,
        has_templates: true,
        places: &["reports/summary.md"],
        render: |judged| {
            one(
                "reports/summary.md",
                report::summary(judged.assessment, judged.templates)?,
            )
        },
    },
];

fn pages<'a>(judged: &'a Judgement<'_>) -> anyhow::Result<Files<'a>> {
    let pages = report::html(judged.assessment, judged.earlier, judged.templates)?;
    Ok(Box::new(pages.map(|page| {
        let report::Page { path, html } = page?;
        let path = format!("reports/{path}");
        let bytes = html.into_bytes();
        Ok(File { path, bytes })
    })))
}

// A table of functions that can fail, of which this one cannot.
#[allow(clippy::unnecessary_wraps)]
fn one<'a>(path: &str, content: impl Into<Vec<u8>>) -> anyhow::Result<Files<'a>> {
    let (path, bytes) = (path.to_owned(), content.into());
    Ok(Box::new(std::iter::once(Ok(File { path, bytes }))))
}

/// Whether a file of the folder is one that reports may refer to by its hash: it is there before them.
pub fn is_basis(path: &str) -> bool {
    const BEFORE: [&str; 4] = ["snapshots/", "inputs/", "evidence/", "assessment.json"];
    BEFORE.iter().any(|start| path.starts_with(start))
}

/// The templates of a folder. A file that is none is an error: one that is misspelt would be passed over.
pub fn templates(folder: &Path) -> anyhow::Result<Templates> {
    let place = || folder.display().to_string();
    let entries = std::fs::read_dir(folder).with_context(place)?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let entry = entry.with_context(place)?;
        let path = entry.path();
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), text);
    }
    Templates::new(files).with_context(place)
}
