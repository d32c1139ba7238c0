//! Gathers a rule's conclusions, one call per subject, and folds the good ones.

use std::collections::BTreeMap;

use super::verdict::{Evidence, Finding, Missing, Outcome, Population, Subject, Verdict};
use super::{Case, Rule, Severity};
use crate::ids::DatabaseName;
use crate::snapshot::{Fact, Observed};

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

    /// Says what the rule declares and the snapshot has not settled, at the instance and in each database, and which
    /// listed databases it holds nothing of where the rule reads databases. Returns whether all was seen.
    pub fn all_is_seen(&mut self, case: &Case<'_>) -> bool {
        let snapshot = case.snapshot;
        let everywhere = self.rule.facts.iter();
        let everywhere = everywhere.flat_map(|fact| fact.unsettled(snapshot));
        let mut by_place: BTreeMap<Option<DatabaseName>, Vec<Missing>> = BTreeMap::new();
        for state in everywhere {
            let missing = by_place.entry(state.database.clone()).or_default();
            missing.push(Missing::from(&state));
        }
        if self
            .rule
            .facts
            .iter()
            .any(|fact| Fact::OF_DATABASE.contains(fact))
        {
            for row in case.databases_without_facts() {
                let needs = vec!["the facts of this database, which the snapshot lacks".to_owned()];
                let missing = by_place
                    .entry(Some(DatabaseName::new(&row.name)))
                    .or_default();
                missing.push(Missing {
                    fact: "databases".to_owned(),
                    database: None,
                    needs,
                });
            }
        }
        let all = by_place.is_empty();
        for (database, missing) in by_place {
            let subject = database.map_or_else(Subject::instance, |name| Subject::database(&name));
            self.unknown(subject, missing);
        }
        all
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
