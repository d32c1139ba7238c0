//! Gathers a rule's conclusions, one call per subject, and folds the good ones.

use super::verdict::{Evidence, Finding, Missing, Outcome, Population, Subject, Verdict};
use super::{Rule, Severity};
use crate::ids::DatabaseName;
use crate::snapshot::Observed;

/// A rule's conclusions while it runs.
pub struct Judgement {
    rule: &'static Rule,
    open: Vec<Verdict>,
    population: Population,
    evidence: Vec<Evidence>,
    reasons: Vec<String>,
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

    /// Whether something bad was found so far.
    pub fn has_findings(&self) -> bool {
        let mut open = self.open.iter();
        open.any(|verdict| matches!(verdict.outcome, Outcome::Fail(_)))
    }

    /// The question does not arise for a subject.
    pub fn not_applicable(&mut self, reason: impl Into<String>) {
        self.population.subjects += 1;
        self.population.not_applicable += 1;
        self.reasons.push(reason.into());
    }

    /// A subject was not seen well enough.
    pub fn unknown(&mut self, subject: Subject, missing: Vec<Missing>) {
        self.push(subject, Outcome::Unknown(missing));
    }

    /// If a fact is not settled, says so for this subject. Returns whether more may be hidden.
    pub fn unless_settled<T>(
        &mut self,
        subject: Subject,
        fact: &str,
        database: Option<&DatabaseName>,
        observed: &Observed<T>,
    ) -> bool {
        if observed.is_settled() {
            return false;
        }
        let missing = Missing {
            fact: fact.to_owned(),
            database: database.cloned(),
            needs: observed.needs(),
        };
        self.unknown(subject, vec![missing]);
        true
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
    pub fn finish(mut self) -> Vec<Verdict> {
        self.open.sort_by(|a, b| {
            (a.outcome.as_str(), &a.subject).cmp(&(b.outcome.as_str(), &b.subject))
        });
        let folded = if self.population.passed > 0 {
            Some(Outcome::Pass)
        } else if self.open.is_empty() {
            self.reasons.sort();
            self.reasons.dedup();
            let reason = match self.reasons.as_slice() {
                [] => "there is nothing of this kind".to_owned(),
                reasons => reasons.join("; "),
            };
            Some(Outcome::NotApplicable(reason))
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
}
