//! What was concluded of both sides, by the same program with the same inputs: exposure, routes, verdicts.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{ExposureChange, Points, RouteChange, VerdictChange, VerdictDrift};
use crate::drift::unseen::{FactAt, Unseen};
use crate::graph::{Route, State};
use crate::ids::DatabaseName;
use crate::rules::{Missing, Severity, Subject};
use crate::score::Exposure;

/// What was concluded of one side.
pub struct Judged<'a> {
    /// Its exposure.
    pub exposure: &'a Exposure,
    /// Every channel.
    pub routes: &'a [Route],
    /// The verdicts.
    pub verdicts: Vec<JudgedVerdict<'a>>,
    /// What of it they do not speak for.
    pub sight: Sight<'a>,
}

/// What of a side nobody looked at.
#[derive(Default)]
pub struct Sight<'a> {
    /// Databases that were left out: no verdict is about anything in them.
    pub excluded: &'a [DatabaseName],
    /// Facts that are not settled, by query and database.
    pub unsettled: BTreeSet<(&'a str, Option<&'a DatabaseName>)>,
}

/// One verdict.
#[derive(Clone, Copy)]
#[allow(missing_docs)] // as in the assessment
pub struct JudgedVerdict<'a> {
    pub rule: &'a str,
    pub rule_slug: &'a str,
    pub title: &'a str,
    pub subject: &'a Subject,
    pub outcome: &'a str,
    pub severity: Severity,
    pub message: &'a str,
    pub missing: &'a [Missing],
}

/// Exposure before and after, if it is another.
pub(super) fn exposure(before: &Exposure, after: &Exposure) -> ExposureChange {
    let points = |of: &Exposure| Points {
        low: of.low,
        high: of.high,
    };
    ExposureChange {
        before: points(before),
        after: points(after),
        severity: match after.low > before.low {
            true => Severity::High,
            // More may be open than before, which nobody saw.
            false if after.high > before.high => Severity::Low,
            false => Severity::Info,
        },
    }
}

/// Channels that stand otherwise.
pub(super) fn routes(before: &[Route], after: &[Route]) -> Vec<RouteChange> {
    let changed = after.iter().filter_map(|route| {
        let was = before.iter().find(|was| was.channel == route.channel)?;
        let (old, new) = (standing(was), standing(route));
        (old != new).then(|| RouteChange {
            channel: route.channel.as_str().to_owned(),
            title: route.channel.title().to_owned(),
            severity: severity(was, route),
            before: old,
            after: new,
        })
    });
    changed.collect()
}

fn standing(route: &Route) -> String {
    let by = &route.reached_by;
    let account = route
        .runs_as
        .account
        .as_deref()
        .unwrap_or("an account that was not seen");
    let everyone = if by.everyone {
        ", everybody who can log in among them"
    } else {
        ""
    };
    let groups = match by.groups_of_unknown_size.len() {
        0 => String::new(),
        n => format!(", {n} groups of unknown size"),
    };
    format!(
        "{}; as {account}; {} administrators, others: {} open, {} armable, {} waiting{everyone}{groups}",
        route.state.as_str(),
        by.administrators,
        by.open,
        by.armable,
        by.waiting
    )
}

fn severity(was: &Route, is: &Route) -> Severity {
    let (old, new) = (&was.reached_by, &is.reached_by);
    if (is.state == State::Open && was.state != State::Open)
        || new.open > old.open
        || (new.everyone && !old.everyone)
    {
        return Severity::High;
    }
    let reached = new.armable > old.armable
        || new.administrators > old.administrators
        || new.groups_of_unknown_size.len() > old.groups_of_unknown_size.len();
    let more = is.state > was.state || reached || was.runs_as != is.runs_as;
    if more {
        Severity::Medium
    } else {
        Severity::Info
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Good,
    Accepted,
    Bad,
    Unknown,
}

fn class(outcome: &str) -> Class {
    match outcome {
        "fail" => Class::Bad,
        "accepted" => Class::Accepted,
        "pass" | "not_applicable" => Class::Good,
        // A word that this version does not know is nothing that was seen.
        _ => Class::Unknown,
    }
}

type Key<'a> = (&'a str, &'a Subject);

/// The verdicts of a side, and of each rule where it could not be settled.
struct Verdicts<'a> {
    all: BTreeMap<Key<'a>, &'a JudgedVerdict<'a>>,
    unknown: BTreeMap<&'a str, Vec<Unseen<'a>>>,
    rules: BTreeSet<&'a str>,
    excluded: &'a [DatabaseName],
}

impl<'a> Verdicts<'a> {
    fn of((judged, sight): Told<'a>) -> Self {
        let mut unknown: BTreeMap<&str, Vec<Unseen<'a>>> = BTreeMap::new();
        for verdict in judged.iter().filter(|v| class(v.outcome) == Class::Unknown) {
            let missing = verdict.missing.iter();
            let missing = missing.map(|own| -> FactAt<'a> { (&own.fact, own.database.as_ref()) });
            let unseen = Unseen::new(verdict.subject, missing, &sight.unsettled);
            unknown.entry(verdict.rule).or_default().push(unseen);
        }
        Self {
            // The worst of a rule on one subject stands for it.
            all: judged
                .iter()
                .rev()
                .map(|v| ((v.rule, v.subject), v))
                .collect(),
            unknown,
            rules: judged.iter().map(|v| v.rule).collect(),
            excluded: sight.excluded,
        }
    }

    /// How a rule stands on a subject. Where no verdict names it, the rule passed it, unless it could not see all.
    fn class(&self, (rule, subject): Key<'a>) -> Class {
        if let Some(verdict) = self.all.get(&(rule, subject)) {
            return class(verdict.outcome);
        }
        let is_excluded = |own: &DatabaseName| self.excluded.contains(own);
        if subject.database.as_ref().is_some_and(is_excluded) {
            return Class::Unknown;
        }
        let mut unknown = self.unknown.get(rule).into_iter().flatten();
        if unknown.any(|own| own.may_hide(subject)) || !self.rules.contains(rule) {
            return Class::Unknown;
        }
        Class::Good
    }
}

/// The verdicts of a side, and what they do not speak for.
type Told<'a> = (&'a [JudgedVerdict<'a>], &'a Sight<'a>);

/// Verdicts that are not what they were, the worst first.
pub(super) fn verdicts(before: Told<'_>, after: Told<'_>) -> Vec<VerdictChange> {
    let (old, new) = (Verdicts::of(before), Verdicts::of(after));
    let keys: BTreeSet<Key<'_>> = old.all.keys().chain(new.all.keys()).copied().collect();
    let mut changes: Vec<VerdictChange> = keys
        .into_iter()
        .filter_map(|key| change(key, &old, &new))
        .collect();
    changes.sort_by(|one, other| {
        let key = |v: &VerdictChange| (std::cmp::Reverse(v.severity), v.drift);
        (key(one), &one.rule, &one.subject).cmp(&(key(other), &other.rule, &other.subject))
    });
    changes
}

fn change<'a>(key: Key<'a>, old: &Verdicts<'a>, new: &Verdicts<'a>) -> Option<VerdictChange> {
    let (was, is) = (old.all.get(&key), new.all.get(&key));
    let of = |v: Option<&&JudgedVerdict<'_>>| v.map_or(Severity::Info, |v| v.severity);
    let drift = match (old.class(key), new.class(key)) {
        (Class::Good, Class::Bad) => VerdictDrift::New,
        (Class::Bad, Class::Bad) if of(is) > of(was) => VerdictDrift::Worse,
        (Class::Bad, Class::Bad) if of(is) < of(was) => VerdictDrift::Better,
        (Class::Good | Class::Bad, Class::Accepted) => VerdictDrift::Accepted,
        (Class::Accepted, Class::Bad) => VerdictDrift::NoLongerAccepted,
        (Class::Unknown, Class::Bad | Class::Accepted) => VerdictDrift::NewlySeen,
        (Class::Unknown, Class::Good) => VerdictDrift::NewlySettled,
        (Class::Good | Class::Bad | Class::Accepted, Class::Unknown) => VerdictDrift::NewlyUnseen,
        (Class::Bad | Class::Accepted, Class::Good) => VerdictDrift::Resolved,
        (Class::Good, Class::Good)
        | (Class::Bad, Class::Bad)
        | (Class::Accepted, Class::Accepted)
        | (Class::Unknown, Class::Unknown) => return None,
    };
    let told = is.or(was)?;
    let is_finding = is.is_some_and(|v| class(v.outcome) == Class::Bad);
    let is_worse = !matches!(drift, VerdictDrift::Better | VerdictDrift::Accepted);
    Some(VerdictChange {
        rule: told.rule.to_owned(),
        rule_slug: told.rule_slug.to_owned(),
        title: told.title.to_owned(),
        subject: told.subject.clone(),
        drift,
        before: was.map(|v| v.outcome.to_owned()),
        after: is.map(|v| v.outcome.to_owned()),
        severity: if is_finding && is_worse {
            told.severity
        } else {
            Severity::Info
        },
        message: told.message.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict<'a>(
        subject: &'a Subject,
        outcome: &'a str,
        severity: Severity,
    ) -> JudgedVerdict<'a> {
        JudgedVerdict {
            rule: "SURF-001",
            rule_slug: "xp-cmdshell-enabled",
            title: "",
            subject,
            outcome,
            severity,
            message: outcome,
            missing: &[],
        }
    }

    fn all(before: &[JudgedVerdict<'_>], after: &[JudgedVerdict<'_>]) -> Vec<VerdictChange> {
        let sight = Sight::default();
        verdicts((before, &sight), (after, &sight))
    }

    /// `-` is no verdict on the subject; the rule passed others.
    fn drift(
        before: &str,
        after: &str,
        severities: (Severity, Severity),
    ) -> Option<(VerdictDrift, Severity)> {
        let (own, instance) = (Subject::option("x"), Subject::option("other"));
        let side = |outcome, severity| {
            let passed = verdict(&instance, "pass", Severity::Low);
            if outcome == "-" {
                vec![passed]
            } else {
                vec![passed, verdict(&own, outcome, severity)]
            }
        };
        let (old, new) = (side(before, severities.0), side(after, severities.1));
        let found = all(&old, &new);
        assert!(found.len() <= 1);
        found.first().map(|v| (v.drift, v.severity))
    }

    #[test]
    fn each_pair_of_outcomes_has_its_word() {
        use Severity::{High, Info, Medium};
        let same = (High, High);
        for (before, after, due) in [
            ("-", "fail", Some((VerdictDrift::New, High))),
            ("fail", "fail", None),
            ("fail", "-", Some((VerdictDrift::Resolved, Info))),
            ("fail", "unknown", Some((VerdictDrift::NewlyUnseen, Info))),
            ("-", "unknown", Some((VerdictDrift::NewlyUnseen, Info))),
            ("unknown", "fail", Some((VerdictDrift::NewlySeen, High))),
            ("unknown", "-", Some((VerdictDrift::NewlySettled, Info))),
            ("unknown", "unknown", None),
            ("fail", "accepted", Some((VerdictDrift::Accepted, Info))),
            (
                "accepted",
                "fail",
                Some((VerdictDrift::NoLongerAccepted, High)),
            ),
            ("accepted", "-", Some((VerdictDrift::Resolved, Info))),
            (
                "fail",
                "a word of another version",
                Some((VerdictDrift::NewlyUnseen, Info)),
            ),
        ] {
            assert_eq!(drift(before, after, same), due, "{before} {after}");
        }
        assert_eq!(
            drift("fail", "fail", (Medium, High)),
            Some((VerdictDrift::Worse, High))
        );
        assert_eq!(
            drift("fail", "fail", (High, Medium)),
            Some((VerdictDrift::Better, Info))
        );
    }

    #[test]
    fn a_finding_that_the_rule_could_not_look_for_is_not_resolved() {
        let (own, instance) = (Subject::option("x"), Subject::instance());
        let old = [verdict(&own, "fail", Severity::High)];
        let new = [verdict(&instance, "unknown", Severity::High)];
        let found = all(&old, &new);
        assert!(
            found.iter().all(|v| v.drift == VerdictDrift::NewlyUnseen),
            "{found:?}"
        );
        let found = all(&old, &[]);
        assert!(
            found.iter().all(|v| v.drift == VerdictDrift::NewlyUnseen),
            "no verdict of the rule at all"
        );
    }

    #[test]
    fn a_finding_in_a_database_that_a_side_left_out_is_neither_new_nor_resolved() {
        let (vault, other) = (DatabaseName::new("Vault"), DatabaseName::new("Other"));
        let (own, passed) = (
            Subject::within("module", &vault, "dbo.p"),
            Subject::instance(),
        );
        let pass = verdict(&passed, "pass", Severity::Low);
        let with = [pass, verdict(&own, "fail", Severity::High)];
        let without = [pass];
        let drift = |excluded: &[DatabaseName], came: bool| {
            let (less, all) = (
                Sight {
                    excluded,
                    ..Sight::default()
                },
                Sight::default(),
            );
            let (less, all) = ((&without[..], &less), (&with[..], &all));
            let found = if came {
                verdicts(less, all)
            } else {
                verdicts(all, less)
            };
            found.iter().map(|v| v.drift).collect::<Vec<_>>()
        };
        let excluded = [vault.clone()];
        assert_eq!(drift(&excluded, false), [VerdictDrift::NewlyUnseen]);
        assert_eq!(drift(&excluded, true), [VerdictDrift::NewlySeen]);
        assert_eq!(
            drift(std::slice::from_ref(&other), false),
            [VerdictDrift::Resolved]
        );
        assert_eq!(drift(&[], true), [VerdictDrift::New]);
    }

    #[test]
    fn what_is_unknown_of_one_thing_for_a_list_not_seen_whole_is_unknown_of_the_others() {
        let vault = DatabaseName::new("Vault");
        let (own, hidden) = (
            Subject::within("module", &vault, "dbo.p"),
            Subject::within("module", &vault, "dbo.hidden"),
        );
        let passed = Subject::instance();
        let pass = verdict(&passed, "pass", Severity::Low);
        let missing = [Missing::new("modules", Some(&vault), "a right")];
        let unknown = JudgedVerdict {
            missing: &missing,
            ..verdict(&hidden, "unknown", Severity::High)
        };
        let old = [pass, verdict(&own, "fail", Severity::High)];
        let new = [pass, unknown];
        let drift = |unsettled: &[FactAt<'_>]| {
            let sight = Sight {
                unsettled: unsettled.iter().copied().collect(),
                ..Sight::default()
            };
            let found = verdicts((&old, &Sight::default()), (&new, &sight));
            let of_own = found.iter().find(|v| v.subject == own);
            of_own.map(|v| v.drift)
        };
        let lists = ("modules", Some(&vault));
        assert_eq!(drift(&[lists]), Some(VerdictDrift::NewlyUnseen));
        assert_eq!(
            drift(&[]),
            Some(VerdictDrift::Resolved),
            "its text alone is hidden"
        );
        let others = ("objects", Some(&vault));
        assert_eq!(drift(&[others]), Some(VerdictDrift::Resolved));
    }
}
