//! Exposure: how far an instance is open to operating-system command execution, from 0 to 100. An
//! interval: `low` counts only what was seen to be bad, `high` adds everything that was not seen at
//! its worst. Each point names the verdict it comes from. What was not seen counts in `high` alone, by
//! the rules that needed it; the findings that say so (family SIGHT) add nothing of their own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::RuleId;
use crate::rules::{Outcome, Severity, Verdict};

const MOST: u32 = 100;

/// The family of rules whose findings say what was not seen.
const SIGHT: &str = "SIGHT";

/// An instance's exposure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// Points that what was seen adds up to, at most 100.
    pub low: u32,
    /// The same with every unseen fact at its worst.
    pub high: u32,
    /// Where the points come from, most first.
    pub breakdown: Vec<Points>,
}

/// One rule's share of an exposure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Points {
    /// The rule.
    pub rule: RuleId,
    /// Its slug.
    pub rule_slug: String,
    /// Points that are certain.
    pub low: u32,
    /// Points at the worst.
    pub high: u32,
}

/// Points of a rule, by the worst severity among its findings.
pub fn weight(severity: Severity) -> u32 {
    match severity {
        Severity::Critical => 40,
        Severity::High => 25,
        Severity::Medium => 12,
        Severity::Low => 4,
        Severity::Info => 0,
    }
}

/// How the points come about, for people.
pub const EXPLANATION: &str = "\
Exposure is an interval of whole numbers from 0 to 100.

Each rule adds points once per instance, by the worst severity among its findings there:
critical 40, high 25, medium 12, low 4, info 0. The sum is capped at 100.

low   counts findings only: what was seen to be bad, with everything unseen at its best.
high  adds, for each rule with an unknown verdict, the points of the rule's own severity where its
      findings do not already add that much: the worst that may hide in what was not seen.

Findings that say only that something was not seen (family SIGHT) add nothing: what was not seen
is already in high, through the rules that needed it.

An instance that could not be read at all has 0 to 100. A wide interval means: look again with
more rights, not: probably fine. The breakdown names the rule behind every point.";

/// The exposure that follows from one instance's verdicts.
pub fn exposure(verdicts: &[Verdict]) -> Exposure {
    let mut rules: BTreeMap<&str, Points> = BTreeMap::new();
    for verdict in verdicts {
        if verdict.rule.family() == SIGHT {
            continue;
        }
        let (low, high) = match &verdict.outcome {
            Outcome::Fail(finding) => (weight(finding.severity), weight(finding.severity)),
            Outcome::Unknown(_) => (0, weight(verdict.rule.severity)),
            Outcome::Pass | Outcome::NotApplicable(_) => continue,
        };
        let points = rules.entry(verdict.rule.id).or_insert_with(|| Points {
            rule: RuleId::new(verdict.rule.id),
            rule_slug: verdict.rule.slug.to_owned(),
            low: 0,
            high: 0,
        });
        points.low = points.low.max(low);
        points.high = points.high.max(high);
    }
    let mut breakdown: Vec<Points> = rules.into_values().filter(|p| p.high > 0).collect();
    breakdown.sort_by(|a, b| (b.high, b.low, &a.rule).cmp(&(a.high, a.low, &b.rule)));
    let sum = |points: fn(&Points) -> u32| breakdown.iter().map(points).sum::<u32>().min(MOST);
    Exposure {
        low: sum(|p| p.low),
        high: sum(|p| p.high),
        breakdown,
    }
}

/// The exposure of an instance of which nothing was seen.
pub fn unseen() -> Exposure {
    Exposure {
        low: 0,
        high: MOST,
        breakdown: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::rules::{self, Finding, Rule, Subject};

    fn verdict(rule: &'static Rule, outcome: Outcome) -> Verdict {
        Verdict {
            rule,
            subject: Subject::instance(),
            outcome,
            population: None,
            evidence: Vec::new(),
        }
    }

    fn fail(severity: Severity) -> Outcome {
        Outcome::Fail(Finding {
            message: String::new(),
            severity,
            evidence: Vec::new(),
        })
    }

    #[test]
    fn a_rule_counts_once_by_its_worst_and_what_is_unknown_counts_at_the_worst() {
        let rule = rules::ALL[0];
        let found = exposure(&[
            verdict(rule, fail(Severity::Low)),
            verdict(rule, fail(Severity::Medium)),
            verdict(rule, Outcome::Unknown(Vec::new())),
            verdict(rules::ALL[1], Outcome::Pass),
        ]);
        assert_eq!((found.low, found.high), (12, weight(rule.severity)));
        assert_eq!(found.breakdown.len(), 1);
    }

    #[test]
    fn what_was_not_seen_is_not_counted_twice_and_never_as_certain() {
        let sight = Rule::find("SIGHT-001").unwrap();
        let unseen = [
            verdict(sight, fail(Severity::Medium)),
            verdict(sight, Outcome::Unknown(Vec::new())),
        ];
        let found = exposure(&unseen);
        assert_eq!((found.low, found.high), (0, 0));
        assert!(found.breakdown.is_empty());
    }

    #[test]
    fn the_sum_ends_at_a_hundred_and_the_heaviest_rule_comes_first() {
        let all = rules::ALL.iter();
        let verdicts: Vec<Verdict> = all.map(|r| verdict(r, fail(r.severity))).collect();
        let found = exposure(&verdicts);
        assert_eq!((found.low, found.high), (100, 100));
        assert!(found.breakdown.is_sorted_by(|a, b| a.high >= b.high));
    }
}
