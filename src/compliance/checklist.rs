//! Controls on one instance, or on one database of it, by the same logic as on the estate: a population of one.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::{Framework, Scope};
use super::status::{Conclusions, Instance, Judged, Status, assess};
use crate::ids::{DatabaseName, InstanceId};
use crate::rules::{Population, Severity};

/// A framework's controls on one instance, or on one database of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checklist {
    /// The framework's id.
    pub framework: String,
    /// On which instance.
    pub instance: InstanceId,
    /// On which of its databases; none: on the instance itself.
    pub database: Option<DatabaseName>,
    /// How far each control is met, in the framework's order.
    pub statuses: Vec<Status>,
}

/// What one verdict says.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// The rule's id.
    pub rule: &'a str,
    /// The database of its subject.
    pub database: Option<&'a DatabaseName>,
    /// What was concluded.
    pub judged: Judged,
    /// Of the finding.
    pub severity: Severity,
    /// Of a verdict that speaks for several subjects.
    pub population: Option<Population>,
}

/// Whether a framework is about databases, all of it.
pub fn is_of_databases(framework: &Framework) -> bool {
    let mut controls = framework.controls.iter();
    controls.all(|control| control.scope == Scope::Database)
}

/// How far each control of a framework is met on one instance; `None` where the framework is not about its release, or
/// the release was not seen.
pub fn on_one(
    framework: &Framework,
    instance: &Instance<'_>,
    naming: &BTreeMap<String, BTreeSet<&str>>,
) -> Option<Vec<Status>> {
    let one = std::slice::from_ref(instance);
    let assessed = assess(framework, one, naming, &BTreeMap::new());
    let is_about = assessed.population == 1;
    let statuses = assessed.controls.into_iter().map(|control| control.status);
    is_about.then(|| statuses.collect())
}

/// What rules concluded on one database. What a folded verdict says holds for each database only where it is all that its
/// rule says, and is said of every subject alike; a finding that lies in no database, and all else that cannot be told
/// of this one, is not seen.
pub fn in_database<'a>(
    said: &[Said<'a>],
    database: &DatabaseName,
) -> BTreeMap<&'a str, Conclusions> {
    let mut by_rule: BTreeMap<&str, Vec<&Said<'a>>> = BTreeMap::new();
    for one in said {
        by_rule.entry(one.rule).or_default().push(one);
    }
    let concluded = by_rule.into_iter().map(|(rule, said)| {
        let mut concluded = Conclusions::default();
        let is_alone = said.len() == 1;
        for one in &said {
            if let Some(judged) = of_database(one, database, is_alone) {
                concluded.enter(judged, one.severity);
            }
        }
        // A rule of which nothing was entered says only of others.
        (rule, concluded)
    });
    concluded.collect()
}

/// What a verdict says of a database; `None` where it says nothing.
fn of_database(said: &Said<'_>, database: &DatabaseName, is_alone: bool) -> Option<Judged> {
    match (said.database, said.population) {
        (Some(own), _) if own == database => Some(said.judged),
        (Some(_), _) => None,
        (None, None) => Some(Judged::Unknown),
        (None, Some(_)) if !is_alone => None,
        (None, Some(of)) => {
            let are_alike = match said.judged {
                Judged::Passed => of.passed == of.subjects,
                Judged::NotApplicable => of.not_applicable == of.subjects,
                _ => false,
            };
            Some(if are_alike {
                said.judged
            } else {
                Judged::Unknown
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Judged::{Accepted, Failed, NotApplicable, Passed, Unknown};

    fn one(judged: Judged, database: Option<&DatabaseName>) -> Said<'_> {
        Said {
            rule: "A",
            database,
            judged,
            severity: Severity::High,
            population: None,
        }
    }

    fn folded<'a>(judged: Judged, passed: u32, not_applicable: u32, subjects: u32) -> Said<'a> {
        let of = Population {
            subjects,
            passed,
            not_applicable,
        };
        Said {
            population: Some(of),
            ..one(judged, None)
        }
    }

    fn conclusions(judged: &[Judged]) -> Conclusions {
        let mut conclusions = Conclusions::default();
        for judged in judged {
            conclusions.enter(*judged, Severity::High);
        }
        conclusions
    }

    #[test]
    fn a_folded_pass_speaks_for_a_database_only_where_nothing_else_is_said() {
        let (own, other) = (DatabaseName::new("Sales"), DatabaseName::new("HR"));
        let cases: &[(&[Said<'_>], &[Judged])] = &[
            (&[folded(Passed, 4, 0, 4)], &[Passed]),
            (&[folded(NotApplicable, 0, 2, 2)], &[NotApplicable]),
            (&[folded(Passed, 3, 1, 4)], &[Unknown]),
            (&[folded(Passed, 3, 0, 4), one(Failed, Some(&other))], &[]),
            (&[folded(Passed, 3, 0, 4), one(Unknown, Some(&other))], &[]),
            (&[folded(Passed, 3, 0, 4), one(Accepted, Some(&other))], &[]),
            (
                &[folded(Passed, 3, 0, 4), one(Failed, Some(&own))],
                &[Failed],
            ),
            (
                &[one(Accepted, Some(&own)), one(Failed, Some(&other))],
                &[Accepted],
            ),
            (
                &[one(Unknown, Some(&own)), one(Failed, Some(&own))],
                &[Unknown, Failed],
            ),
            (&[one(Failed, None)], &[Unknown]),
            (&[one(Unknown, None)], &[Unknown]),
            (
                &[one(Accepted, Some(&own)), one(Unknown, None)],
                &[Accepted, Unknown],
            ),
            (&[one(Failed, Some(&other))], &[]),
        ];
        for (said, expected) in cases {
            let concluded = in_database(said, &own);
            assert_eq!(concluded["A"], conclusions(expected), "{said:?}");
        }
        assert!(in_database(&[], &own).is_empty());
    }
}
