//! Findings, gathered under their rule, and the rules that found nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::call::{CallView, calls};
use super::wording;
use crate::report::assessment::VerdictEntry;
use crate::report::visible::{visible, visible_json};
use crate::rules::{Evidence, Severity, Subject};

/// All findings of one rule on one instance that have the same severity.
#[derive(Serialize)]
pub struct FindingGroup {
    #[serde(skip)]
    pub severity: Severity,
    #[serde(rename = "severity")]
    pub severity_word: &'static str,
    pub rule: String,
    pub slug: String,
    pub title: String,
    pub controls: String,
    pub count: usize,
    /// More than one.
    pub many: bool,
    pub findings: Vec<FindingView>,
}

/// One finding.
#[derive(Serialize)]
pub struct FindingView {
    pub subject: SubjectView,
    pub message: String,
    pub waiver: Option<String>,
    /// Places in a module's text, with what is done there.
    pub calls: Vec<CallView>,
    /// How many more places there are.
    pub more_calls: usize,
    pub evidence: Vec<EvidenceView>,
}

/// What a finding is about.
#[derive(Serialize)]
pub struct SubjectView {
    pub kind: String,
    pub name: Option<String>,
    pub database: Option<String>,
    /// All of it in words.
    pub text: String,
}

/// What a finding rests on.
#[derive(Serialize)]
pub struct EvidenceView {
    pub fact: String,
    pub database: Option<String>,
    /// Where in a module's text.
    pub places: Vec<String>,
    pub text_sha256: Option<String>,
    /// The row as JSON over several lines; `None` where the absence of a row is the evidence.
    pub row: Option<String>,
}

/// A rule that found nothing bad on some subjects, or had nothing to judge.
#[derive(Serialize)]
pub struct Folded {
    pub rule: String,
    pub title: String,
    pub message: String,
}

/// The findings with one outcome, worst first, then by rule and subject.
pub fn groups(verdicts: &[VerdictEntry], outcome: &str) -> Vec<FindingGroup> {
    let mut by_rule: BTreeMap<_, Vec<&VerdictEntry>> = BTreeMap::new();
    for verdict in verdicts.iter().filter(|v| v.outcome == outcome) {
        let place = (std::cmp::Reverse(verdict.severity), verdict.rule.as_str());
        by_rule.entry(place).or_default().push(verdict);
    }
    by_rule.into_values().filter_map(group).collect()
}

fn group(mut verdicts: Vec<&VerdictEntry>) -> Option<FindingGroup> {
    verdicts.sort_by_key(|v| (&v.subject, &v.message));
    let first = verdicts.first()?;
    let mut controls = first.controls.clone();
    controls.sort();
    Some(FindingGroup {
        severity: first.severity,
        severity_word: first.severity.as_str(),
        rule: visible(&first.rule),
        slug: visible(&first.rule_slug),
        title: visible(&first.title),
        controls: visible(&controls.join(", ")),
        count: verdicts.len(),
        many: verdicts.len() > 1,
        findings: verdicts.iter().map(|v| FindingView::new(v)).collect(),
    })
}

/// The folded verdicts with one outcome, by rule.
pub fn folded(verdicts: &[VerdictEntry], outcome: &str) -> Vec<Folded> {
    let mut entries: Vec<_> = verdicts.iter().filter(|v| v.outcome == outcome).collect();
    entries.sort_by_key(|v| (&v.rule, &v.subject));
    let folded = entries.into_iter().map(|v| Folded {
        rule: visible(&v.rule),
        title: visible(&v.title),
        message: visible(&v.message),
    });
    folded.collect()
}

impl FindingView {
    fn new(verdict: &VerdictEntry) -> Self {
        let (calls, more_calls) = calls(&verdict.evidence);
        Self {
            subject: SubjectView::new(&verdict.subject),
            message: visible(&verdict.message),
            waiver: verdict.waiver.as_deref().map(visible),
            calls,
            more_calls,
            evidence: evidence(&verdict.evidence),
        }
    }
}

impl SubjectView {
    fn new(subject: &Subject) -> Self {
        Self {
            kind: wording::spaced(&subject.kind),
            name: subject.name.as_deref().map(visible),
            database: subject.database.as_ref().map(|d| visible(d.as_str())),
            text: wording::subject(subject),
        }
    }
}

/// One entry per row: a module that calls something in ten places is shown once, with ten places.
fn evidence(all: &[Evidence]) -> Vec<EvidenceView> {
    let same = |a: &Evidence, b: &Evidence| {
        let text = |e: &Evidence| e.place.as_ref().map(|p| p.sha256.clone());
        (&a.fact, &a.database, &a.row, text(a)) == (&b.fact, &b.database, &b.row, text(b))
    };
    all.chunk_by(same).filter_map(EvidenceView::new).collect()
}

impl EvidenceView {
    fn new(same: &[Evidence]) -> Option<Self> {
        let evidence = same.first()?;
        let places = same.iter().filter_map(|e| e.place.as_ref());
        Some(Self {
            fact: visible(&evidence.fact),
            database: evidence.database.as_ref().map(|d| visible(d.as_str())),
            places: places.map(wording::place).collect(),
            text_sha256: evidence.place.as_ref().map(|p| visible(&p.sha256)),
            // `{:#}` of a JSON value is its pretty form and cannot fail.
            row: (!evidence.row.is_null()).then(|| visible_json(&format!("{:#}", evidence.row))),
        })
    }
}
