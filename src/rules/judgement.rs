//! Gathers a rule's conclusions, one call per subject, and folds the good ones.

use std::collections::BTreeSet;

use super::verdict::{Evidence, Finding, Missing, Outcome, Population, Subject, Verdict};
use super::{Rule, Severity};
use crate::snapshot::Snapshot;

/// A rule's conclusions while it runs.
pub struct Judgement {
    rule: &'static Rule,
    open: Vec<Verdict>,
    population: Population,
    evidence: Vec<Evidence>,
    reasons: Vec<String>,
    answered: bool,
    told: BTreeSet<Missing>,
}

impl Judgement {
    /// No conclusion yet.
    pub fn new(rule: &'static Rule) -> Self {
        Self {
            rule,
            open: Vec::new(),
            population: Population::default(),
            evidence: Vec::new(),
            reasons: Vec::new(),
            answered: false,
            told: BTreeSet::new(),
        }
    }

    /// A subject is bad, at the rule's severity.
    pub fn fail(&mut self, subject: Subject, message: impl Into<String>, evidence: Vec<Evidence>) {
        self.fail_at(self.rule.severity, subject, message, evidence);
    }

    /// A subject is bad, at a severity of its own.
    pub fn fail_at(
        &mut self,
        severity: Severity,
        subject: Subject,
        message: impl Into<String>,
        evidence: Vec<Evidence>,
    ) {
        let finding = Finding {
            message: message.into(),
            severity,
            evidence,
        };
        self.push(subject, Outcome::Fail(finding));
    }

    /// A subject is good.
    pub fn pass(&mut self) {
        self.population.subjects += 1;
        self.population.passed += 1;
    }

    /// A subject is good, and these rows show it.
    pub fn pass_with(&mut self, evidence: Vec<Evidence>) {
        self.pass();
        self.evidence.extend(evidence);
    }

    /// The instance is good, unless something about it was said already.
    pub fn pass_unless_open(&mut self) {
        if self.open.is_empty() {
            self.pass();
        }
    }

    /// The question does not arise for a subject.
    pub fn not_applicable(&mut self, reason: impl Into<String>) {
        self.population.subjects += 1;
        self.population.not_applicable += 1;
        self.reasons.push(reason.into());
    }

    /// The question does not arise on this instance at all: what was not seen would not raise it.
    pub fn does_not_arise(&mut self, reason: impl Into<String>) {
        self.not_applicable(reason);
        self.is_answered();
    }

    /// The question is one, and what was found answers it: what was not seen could add nothing. (That something passed
    /// is no such answer.)
    pub fn is_answered(&mut self) {
        self.answered = true;
    }

    /// The rule says of these facts by a finding of its own that they are missing.
    pub fn tells(&mut self, missing: impl IntoIterator<Item = Missing>) {
        self.told.extend(missing);
    }

    /// The question does not arise where nothing was judged.
    pub fn nothing_there(&mut self, reason: &str) {
        if self.population == Population::default() {
            self.not_applicable(reason);
        }
    }

    /// A subject was not seen well enough.
    pub fn unknown(&mut self, subject: Subject, missing: Vec<Missing>) {
        self.push(subject, Outcome::Unknown(missing));
    }

    fn push(&mut self, subject: Subject, outcome: Outcome) {
        self.population.subjects += 1;
        self.open.push(Verdict {
            rule: self.rule,
            subject,
            outcome,
            population: None,
            evidence: Vec::new(),
        });
    }

    /// The verdicts: one per bad or unseen subject, then one for all that passed, or one that says
    /// why nothing was there to judge. An empty population is never a pass.
    ///
    /// Here alone stands what keeps the unseen from counting as clean. While a fact that the rule
    /// declares is not settled, nothing passes, and one verdict names every such fact that the rule
    /// has not named itself, with the right that would show it.
    pub fn finish(mut self, snapshot: &Snapshot) -> Vec<Verdict> {
        let unsettled = self.rule.unsettled(snapshot);
        let passes = self.population.passed > 0;
        let all = unsettled.iter().map(Missing::from);
        let untold: Vec<Missing> = all.filter(|missing| !self.has_told(missing)).collect();
        if !untold.is_empty() && (passes || !self.answered) {
            self.unknown(place_of(&untold), untold);
        }
        self.open.sort_by(|a, b| {
            (a.outcome.as_str(), &a.subject).cmp(&(b.outcome.as_str(), &b.subject))
        });
        let folded = if passes && unsettled.is_empty() {
            Some(Outcome::Pass)
        } else if self.open.is_empty() {
            Some(Outcome::NotApplicable(self.reason()))
        } else {
            None
        };
        if let Some(outcome) = folded {
            let population = Some(self.population);
            self.open.push(Verdict {
                rule: self.rule,
                subject: Subject::instance(),
                outcome,
                population,
                evidence: self.evidence,
            });
        }
        self.open
    }

    /// Whether the rule has named this itself, perhaps among more, as what keeps it from judging a subject.
    fn has_told(&self, missing: &Missing) -> bool {
        let named = self.open.iter().any(|verdict| match &verdict.outcome {
            Outcome::Unknown(all) => all.iter().any(|one| one.covers(missing)),
            _ => false,
        });
        named || self.told.contains(missing)
    }

    fn reason(&mut self) -> String {
        self.reasons.sort();
        self.reasons.dedup();
        match self.reasons.as_slice() {
            [] => "there is nothing of this kind".to_owned(),
            reasons => reasons.join("; "),
        }
    }
}

/// The one database in which all of it is missing, or else the instance.
fn place_of(missing: &[Missing]) -> Subject {
    let mut places = missing.iter().map(|missing| missing.database.as_ref());
    let first = places.next().flatten();
    match first.filter(|first| places.all(|place| place == Some(*first))) {
        Some(database) => Subject::database(database),
        None => Subject::instance(),
    }
}
