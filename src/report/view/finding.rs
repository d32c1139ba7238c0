//! Findings, gathered under their rule, and the rules that found nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::call::{CallView, calls};
use super::wording;
use crate::ids::DatabaseName;
use crate::report::assessment::VerdictEntry;
use crate::report::visible::{visible, visible_json};
use crate::rules::{Evidence, Severity, Subject};
use crate::snapshot::QueryRecord;

/// All findings of one rule on one instance that have the same severity.
#[derive(Serialize, JsonSchema)]
pub struct FindingGroup {
    #[serde(skip)]
    pub severity: Severity,
    /// `critical`, `high`, `medium`, `low` or `info`.
    #[serde(rename = "severity")]
    pub severity_word: &'static str,
    /// Unique on its page.
    pub anchor: String,
    /// The rule's id.
    pub rule: String,
    /// The rule's slug.
    pub slug: String,
    /// The rule's title.
    pub title: String,
    /// Controls that the rule speaks to.
    pub controls: String,
    /// Findings.
    pub count: usize,
    /// More than one.
    pub many: bool,
    /// Those that are shown.
    pub findings: Vec<FindingView>,
    /// How many are not: the page would be too large for a browser.
    pub more: usize,
}

/// One finding.
#[derive(Serialize, JsonSchema)]
pub struct FindingView {
    /// What it is about.
    pub subject: SubjectView,
    /// What was found, in a sentence.
    pub message: String,
    /// The waiver that accepts it.
    pub waiver: Option<String>,
    /// Places in a module's text, with what is done there.
    pub calls: Vec<CallView>,
    /// How many more places there are.
    pub more_calls: usize,
    /// What it rests on.
    pub evidence: Vec<EvidenceView>,
    /// Whether its evidence is left to assessment.json: the page would be too large for a browser.
    pub evidence_left_out: bool,
}

/// What a finding is about.
#[derive(Serialize, JsonSchema)]
pub struct SubjectView {
    /// What kind of thing.
    pub kind: String,
    /// Its name.
    pub name: Option<String>,
    /// The database it is in.
    pub database: Option<String>,
    /// All of it in words.
    pub text: String,
}

/// What a finding rests on.
#[derive(Serialize, JsonSchema)]
pub struct EvidenceView {
    /// The query's name.
    pub fact: String,
    /// The database it ran in.
    pub database: Option<String>,
    /// Where in a module's text.
    pub places: Vec<String>,
    /// SHA-256 of that text.
    pub text_sha256: Option<String>,
    /// The query as it was sent, where that was recorded.
    pub query: Option<QueryView>,
    /// The row as JSON over several lines; `None` where the absence of a row is the evidence.
    pub row: Option<String>,
}

/// A query as it was sent.
#[derive(Serialize, JsonSchema)]
pub struct QueryView {
    /// SHA-256 of its text.
    pub sha256: String,
    /// When it was sent, UTC.
    pub started: String,
    /// Rows that came back.
    pub rows: u32,
}

/// The queries that were sent to an instance.
#[derive(Default)]
pub struct Sent<'a>(BTreeMap<(&'a str, Option<&'a DatabaseName>), &'a QueryRecord>);

impl<'a> Sent<'a> {
    /// By name and database.
    pub fn of(records: &'a [QueryRecord]) -> Self {
        let keyed = records
            .iter()
            .map(|record| ((record.query.as_str(), record.database.as_ref()), record));
        Self(keyed.collect())
    }

    fn find(&self, evidence: &Evidence) -> Option<QueryView> {
        let key = (evidence.fact.as_str(), evidence.database.as_ref());
        self.0.get(&key).map(|record| QueryView {
            sha256: visible(&record.sha256),
            started: visible(&record.started),
            rows: record.rows,
        })
    }
}

/// How much of an instance's findings is shown, in bytes of text: what a browser opens without trouble. First evidence
/// is left to the assessment, then findings.
pub struct Budget {
    evidence: usize,
    findings: usize,
}

impl Budget {
    /// As much as a page may have.
    pub fn of_a_page() -> Self {
        Self {
            evidence: 2_000_000,
            findings: 1_000_000,
        }
    }

    /// Everything.
    pub fn whole() -> Self {
        Self {
            evidence: usize::MAX,
            findings: usize::MAX,
        }
    }
}

/// What a finding takes besides its texts.
const OF_A_FINDING: usize = 200;
/// What a piece of evidence takes besides its row.
const OF_EVIDENCE: usize = 300;
/// So many characters of a row are shown.
const LONGEST_ROW: usize = 4_000;

fn take(from: &mut usize, bytes: usize) -> bool {
    let fits = *from >= bytes;
    *from = from.saturating_sub(bytes);
    fits
}

/// A rule that found nothing bad on some subjects, or had nothing to judge.
#[derive(Serialize, JsonSchema)]
pub struct Folded {
    /// The rule's id.
    pub rule: String,
    /// What it looks for.
    pub title: String,
    /// What came of it.
    pub message: String,
}

/// The findings with one outcome, worst first, then by rule and subject.
pub fn groups(
    verdicts: &[VerdictEntry],
    outcome: &str,
    anchor: &str,
    sent: &Sent<'_>,
    budget: &mut Budget,
) -> Vec<FindingGroup> {
    let mut by_rule: BTreeMap<_, Vec<&VerdictEntry>> = BTreeMap::new();
    for verdict in verdicts.iter().filter(|v| v.outcome == outcome) {
        let place = (std::cmp::Reverse(verdict.severity), verdict.rule.as_str());
        by_rule.entry(place).or_default().push(verdict);
    }
    let word = if outcome == "fail" { "" } else { outcome };
    let groups = by_rule.into_values();
    let groups =
        groups.filter_map(|verdicts| group(verdicts, &format!("{anchor}{word}"), sent, budget));
    groups.collect()
}

fn group(
    mut verdicts: Vec<&VerdictEntry>,
    anchor: &str,
    sent: &Sent<'_>,
    budget: &mut Budget,
) -> Option<FindingGroup> {
    verdicts.sort_by_key(|v| (&v.subject, &v.message));
    let first = verdicts.first()?;
    let mut controls = first.controls.clone();
    controls.sort();
    let mut findings = Vec::new();
    for verdict in &verdicts {
        if !take(&mut budget.findings, verdict.message.len() + OF_A_FINDING) {
            break;
        }
        findings.push(FindingView::new(verdict, sent, budget));
    }
    Some(FindingGroup {
        severity: first.severity,
        severity_word: first.severity.as_str(),
        anchor: format!("{anchor}-{}-{}", first.rule, first.severity.as_str()),
        rule: visible(&first.rule),
        slug: visible(&first.rule_slug),
        title: visible(&first.title),
        controls: visible(&controls.join(", ")),
        count: verdicts.len(),
        many: verdicts.len() > 1,
        more: verdicts.len() - findings.len(),
        findings,
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
    fn new(verdict: &VerdictEntry, sent: &Sent<'_>, budget: &mut Budget) -> Self {
        let (calls, more_calls) = calls(&verdict.evidence);
        let all = evidence(&verdict.evidence, sent);
        let row = |one: &EvidenceView| one.row.as_ref().map_or(0, String::len) + OF_EVIDENCE;
        let fits = take(&mut budget.evidence, all.iter().map(row).sum());
        Self {
            subject: SubjectView::new(&verdict.subject),
            message: visible(&verdict.message),
            waiver: verdict.waiver.as_deref().map(visible),
            evidence_left_out: !fits,
            calls: if fits { calls } else { Vec::new() },
            more_calls: if fits { more_calls } else { 0 },
            evidence: if fits { all } else { Vec::new() },
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
fn evidence(all: &[Evidence], sent: &Sent<'_>) -> Vec<EvidenceView> {
    let same = |a: &Evidence, b: &Evidence| {
        let text = |e: &Evidence| e.place.as_ref().map(|p| p.sha256.clone());
        (&a.fact, &a.database, &a.row, text(a)) == (&b.fact, &b.database, &b.row, text(b))
    };
    all.chunk_by(same)
        .filter_map(|same| EvidenceView::new(same, sent))
        .collect()
}

impl EvidenceView {
    fn new(same: &[Evidence], sent: &Sent<'_>) -> Option<Self> {
        let evidence = same.first()?;
        let places = same.iter().filter_map(|e| e.place.as_ref());
        Some(Self {
            fact: visible(&evidence.fact),
            database: evidence.database.as_ref().map(|d| visible(d.as_str())),
            places: places.map(wording::place).collect(),
            text_sha256: evidence.place.as_ref().map(|p| visible(&p.sha256)),
            query: sent.find(evidence),
            row: (!evidence.row.is_absent()).then(|| row(&evidence.row.value())),
        })
    }
}

/// A row over several lines, cut where it is long.
fn row(row: &serde_json::Value) -> String {
    // `{:#}` of a JSON value is its pretty form and cannot fail.
    let shown = visible_json(&format!("{row:#}"));
    match shown.char_indices().nth(LONGEST_ROW) {
        Some((cut, _)) => format!(
            "{}… (cut here; the whole row stands in assessment.json)",
            shown.get(..cut).unwrap_or_default()
        ),
        None => shown,
    }
}
