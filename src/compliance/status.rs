//! How far an estate meets each control, from verdicts. The rule is one: what was not seen is never met.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalogue::{Assessed, Control, Framework, Scope};
use crate::ids::InstanceId;
use crate::rules::Severity;

/// What one rule concluded on one instance, all its subjects together, worst first: a finding that stands outweighs what
/// was not seen, which outweighs an accepted finding, which outweighs a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judged {
    /// The question does not arise.
    NotApplicable,
    /// Good.
    Passed,
    /// Bad, and accepted by a waiver or an expectation.
    Accepted,
    /// Not seen.
    Unknown,
    /// Bad.
    Failed,
}

impl Judged {
    /// From the word of a verdict's outcome; a word that is not known counts as not seen.
    pub fn of(outcome: &str) -> Self {
        match outcome {
            "pass" => Self::Passed,
            "fail" => Self::Failed,
            "accepted" => Self::Accepted,
            "not_applicable" => Self::NotApplicable,
            _ => Self::Unknown,
        }
    }
}

/// One instance as controls are assessed on it.
#[derive(Clone, Debug)]
pub struct Instance<'a> {
    /// Which.
    pub id: &'a InstanceId,
    /// Its release as frameworks name it (`2019`); `None` where its version was not seen.
    pub release: Option<&'a str>,
    /// Rules with what they concluded; a rule that is absent concluded nothing.
    pub rules: BTreeMap<&'a str, Conclusions>,
}

/// What one rule concluded on one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conclusions(BTreeSet<(Judged, Severity)>);

impl Conclusions {
    /// Enters one; the severity is that of a finding.
    pub fn enter(&mut self, judged: Judged, severity: Severity) {
        self.0.insert((judged, severity));
    }

    /// The worst, where findings lighter than this speak against nothing.
    fn worst(&self, floor: Option<Severity>) -> Judged {
        let counted = self.0.iter().map(|&(judged, severity)| {
            let is_finding = matches!(judged, Judged::Failed | Judged::Accepted);
            let is_light = floor.is_some_and(|floor| severity < floor);
            if is_finding && is_light {
                Judged::Passed
            } else {
                judged
            }
        });
        counted.max().unwrap_or(Judged::Unknown)
    }
}

/// How far a control is met.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every instance in scope was seen and is as the control asks.
    Met,
    /// A finding stands against it.
    NotMet,
    /// Nothing stands against it, but not all of it was seen: on some instance, or since rules see a part of it only.
    PartlySeen,
    /// Nothing of it was seen.
    NotAssessed,
    /// Only a human can say.
    Manual,
    /// Findings stand against it, and each is accepted.
    Accepted,
    /// The question does not arise on any instance in scope.
    NotApplicable,
}

impl Status {
    /// All, in the order of reports.
    pub const ALL: [Self; 7] = [
        Self::NotMet,
        Self::NotAssessed,
        Self::PartlySeen,
        Self::Accepted,
        Self::Manual,
        Self::Met,
        Self::NotApplicable,
    ];

    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not_met",
            Self::PartlySeen => "partly_seen",
            Self::NotAssessed => "not_assessed",
            Self::Manual => "manual",
            Self::Accepted => "accepted",
            Self::NotApplicable => "not_applicable",
        }
    }
}

/// Controls by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Tally {
    pub met: u32,
    pub not_met: u32,
    pub partly_seen: u32,
    pub not_assessed: u32,
    pub manual: u32,
    pub accepted: u32,
    pub not_applicable: u32,
}

impl Tally {
    /// Controls of a status.
    pub fn of(&mut self, status: Status) -> &mut u32 {
        match status {
            Status::Met => &mut self.met,
            Status::NotMet => &mut self.not_met,
            Status::PartlySeen => &mut self.partly_seen,
            Status::NotAssessed => &mut self.not_assessed,
            Status::Manual => &mut self.manual,
            Status::Accepted => &mut self.accepted,
            Status::NotApplicable => &mut self.not_applicable,
        }
    }
}

/// What somebody answered to a control. It stands beside the status and never makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attested {
    /// For which instances, as the inventory selects them; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// `met`, `not_met` or `not_applicable`.
    pub answer: String,
    /// Who answered.
    pub by: String,
    /// When, YYYY-MM-DD.
    pub on: String,
    /// Until when it holds, YYYY-MM-DD.
    pub expires: String,
    /// Whether that has passed on the day as of which is judged.
    pub is_expired: bool,
    /// The file that shows it, and its SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// SHA-256 of that file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A framework on this estate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrameworkStatus {
    /// Its id.
    pub id: String,
    /// Its title.
    pub name: String,
    /// Who publishes it.
    pub publisher: String,
    /// Its edition.
    pub version: String,
    /// When that was published, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Where ids and severities come from.
    pub source: String,
    /// What was checked of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Releases that it is about; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
    /// Instances in scope.
    pub population: u32,
    /// Instances that could be in scope: their version was not seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unassigned: Vec<InstanceId>,
    /// Controls by status.
    pub tally: Tally,
    /// Its controls, in its own order.
    pub controls: Vec<ControlStatus>,
}

/// A control on this estate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlStatus {
    /// The framework's own id.
    pub id: String,
    /// What it asks for, in our words.
    pub title: String,
    /// What it is about.
    pub scope: Scope,
    /// Who can say whether it is met.
    pub assessed: Assessed,
    /// How far it is met.
    pub status: Status,
    /// The framework's own severity, as it prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Other ids of the same control.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// What a human must look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_at: Option<String>,
    /// The rules on whose verdicts it rests, by id.
    pub verdicts: Vec<String>,
    /// Instances in scope.
    pub population: u32,
    /// Of them seen and judged: failed, passed or accepted.
    pub tested: u32,
    /// Of them with a finding that stands.
    pub failed: u32,
    /// Of them with findings that are all accepted.
    pub accepted: u32,
    /// Of them not seen well enough.
    pub unknown: u32,
    /// Of them where the question does not arise.
    pub not_applicable: u32,
    /// Those that failed, in the order of the inventory; the first 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<InstanceId>,
    /// What humans answered, as the inventory records it: shown apart, never counted as tested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<Attested>,
}

/// So many failing instances are named; all are counted.
const MOST_NAMED: usize = 100;

/// Assesses a framework. `naming` says which rules name a control, by `framework:control`; `attested` what humans
/// answered to it.
pub fn assess(
    framework: &Framework,
    instances: &[Instance<'_>],
    naming: &BTreeMap<String, BTreeSet<&str>>,
    attested: &BTreeMap<String, Vec<Attested>>,
) -> FrameworkStatus {
    let is_about = |instance: &&Instance<'_>| is_about(&framework.products, instance.release);
    let in_scope: Vec<&Instance<'_>> = instances.iter().filter(is_about).collect();
    let unseen = instances.iter().filter(|i| i.release.is_none());
    let unassigned = unseen.map(|i| i.id.clone());
    let mut tally = Tally::default();
    let mut controls = Vec::new();
    for control in &framework.controls {
        let key = format!("{}:{}", framework.id, control.id);
        let mut rules: BTreeSet<&str> = control.rules.iter().map(String::as_str).collect();
        rules.extend(naming.get(&key).into_iter().flatten());
        let mut status = of_control(control, &in_scope, &rules);
        status.attestations = attested.get(&key).cloned().unwrap_or_default();
        *tally.of(status.status) += 1;
        controls.push(status);
    }
    FrameworkStatus {
        id: framework.id.clone(),
        name: framework.name.clone(),
        publisher: framework.publisher.clone(),
        version: framework.version.clone(),
        date: framework.date.clone(),
        source: framework.source.clone(),
        note: framework.note.clone(),
        products: framework.products.clone(),
        population: count(in_scope.len()),
        unassigned: if framework.products.is_empty() {
            Vec::new()
        } else {
            unassigned.collect()
        },
        tally,
        controls,
    }
}

fn is_about(products: &[String], release: Option<&str>) -> bool {
    let named = |release| products.iter().any(|product| product == release);
    products.is_empty() || release.is_some_and(named)
}

impl FrameworkStatus {
    /// Whether an instance of this release is in its scope.
    pub fn is_about(&self, release: Option<&str>) -> bool {
        is_about(&self.products, release)
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn of_control(
    control: &Control,
    in_scope: &[&Instance<'_>],
    rules: &BTreeSet<&str>,
) -> ControlStatus {
    let judged: Vec<(&InstanceId, Judged)> = in_scope
        .iter()
        .map(|instance| (instance.id, on_instance(instance, control, rules)))
        .collect();
    let number = |of: Judged| count(judged.iter().filter(|(_, is)| *is == of).count());
    let (failed, accepted) = (number(Judged::Failed), number(Judged::Accepted));
    let (unknown, passed) = (number(Judged::Unknown), number(Judged::Passed));
    let status = if control.assessed == Assessed::Manual || rules.is_empty() {
        Status::Manual
    } else if failed > 0 {
        Status::NotMet
    } else if unknown > 0 || judged.is_empty() {
        match passed + accepted {
            0 => Status::NotAssessed,
            _ => Status::PartlySeen,
        }
    } else if accepted > 0 {
        Status::Accepted
    } else if control.assessed == Assessed::Partly {
        // The part that rules do not see may well apply.
        match passed {
            0 => Status::NotAssessed,
            _ => Status::PartlySeen,
        }
    } else if passed == 0 {
        Status::NotApplicable
    } else {
        Status::Met
    };
    let is_manual = status == Status::Manual;
    let own = |n: u32| if is_manual { 0 } else { n };
    let failing = judged
        .iter()
        .filter(|(_, is)| !is_manual && *is == Judged::Failed);
    ControlStatus {
        id: control.id.clone(),
        title: control.title.clone(),
        scope: control.scope,
        assessed: control.assessed,
        status,
        severity: control.severity.clone(),
        references: control.references.clone(),
        look_at: control.look_at.clone(),
        verdicts: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        population: count(judged.len()),
        tested: own(failed + accepted + passed),
        failed: own(failed),
        accepted: own(accepted),
        unknown: own(unknown),
        not_applicable: own(number(Judged::NotApplicable)),
        failing: failing
            .take(MOST_NAMED)
            .map(|(id, _)| (*id).clone())
            .collect(),
        attestations: Vec::new(),
    }
}

/// The worst that any of the rules concluded. Where one concluded nothing the instance was not seen.
fn on_instance(instance: &Instance<'_>, control: &Control, rules: &BTreeSet<&str>) -> Judged {
    let concluded = rules.iter().map(|rule| {
        let floor = control.counts_from.get(*rule).copied();
        let known = instance.rules.get(rule);
        known.map_or(Judged::Unknown, |known| known.worst(floor))
    });
    concluded.max().unwrap_or(Judged::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framework(assessed: Assessed) -> Framework {
        Framework {
            id: "f".to_owned(),
            name: "F".to_owned(),
            publisher: "P".to_owned(),
            version: "1".to_owned(),
            date: None,
            source: "S".to_owned(),
            products: vec!["2019".to_owned()],
            note: None,
            controls: vec![Control {
                id: "1".to_owned(),
                title: "T".to_owned(),
                scope: Scope::Instance,
                assessed,
                severity: None,
                references: Vec::new(),
                look_at: None,
                rules: Vec::new(),
                counts_from: BTreeMap::new(),
            }],
        }
    }

    fn concluded(judged: Judged) -> Conclusions {
        let mut conclusions = Conclusions::default();
        conclusions.enter(judged, Severity::High);
        conclusions
    }

    /// The status of a control that rests on rules A and B, on instances of 2019 with these conclusions.
    fn status(assessed: Assessed, instances: &[[Option<Judged>; 2]]) -> ControlStatus {
        let ids: Vec<InstanceId> = (0..instances.len())
            .map(|n| InstanceId::new(format!("i{n}")))
            .collect();
        let instances: Vec<Instance<'_>> = instances
            .iter()
            .zip(&ids)
            .map(|(judged, id)| Instance {
                id,
                release: Some("2019"),
                rules: ["A", "B"]
                    .into_iter()
                    .zip(*judged)
                    .filter_map(|(rule, judged)| Some((rule, concluded(judged?))))
                    .collect(),
            })
            .collect();
        let naming = BTreeMap::from([("f:1".to_owned(), BTreeSet::from(["A", "B"]))]);
        let mut status = assess(&framework(assessed), &instances, &naming, &BTreeMap::new());
        status.controls.remove(0)
    }

    use Judged::{Accepted, Failed, NotApplicable, Passed, Unknown};

    #[test]
    fn what_was_not_seen_is_never_met() {
        let both = |a, b| [Some(a), Some(b)];
        let cases: &[(&[[Option<Judged>; 2]], Status)] = &[
            (&[both(Passed, Passed)], Status::Met),
            (&[both(Passed, NotApplicable)], Status::Met),
            (&[both(Passed, Unknown)], Status::NotAssessed),
            (&[both(Unknown, Unknown)], Status::NotAssessed),
            (&[[Some(Passed), None]], Status::NotAssessed),
            (&[[None, None]], Status::NotAssessed),
            (&[], Status::NotAssessed),
            (
                &[both(Passed, Passed), both(Passed, Unknown)],
                Status::PartlySeen,
            ),
            (
                &[both(Accepted, Passed), both(Unknown, Passed)],
                Status::PartlySeen,
            ),
            (
                &[both(Passed, Passed), both(Unknown, Failed)],
                Status::NotMet,
            ),
            (&[both(Failed, Accepted)], Status::NotMet),
            (
                &[both(Passed, Accepted), both(Passed, Passed)],
                Status::Accepted,
            ),
            (&[both(NotApplicable, NotApplicable)], Status::NotApplicable),
        ];
        for (instances, expected) in cases {
            assert_eq!(
                status(Assessed::Rule, instances).status,
                *expected,
                "{instances:?}"
            );
        }
    }

    #[test]
    fn a_control_that_rules_see_in_part_is_unmet_or_partly_seen() {
        let both = |a, b| [Some(a), Some(b)];
        assert_eq!(
            status(Assessed::Partly, &[both(Passed, Passed)]).status,
            Status::PartlySeen
        );
        assert_eq!(
            status(Assessed::Partly, &[both(Passed, Failed)]).status,
            Status::NotMet
        );
        assert_eq!(
            status(Assessed::Partly, &[both(NotApplicable, NotApplicable)]).status,
            Status::NotAssessed
        );
        let manual = status(Assessed::Manual, &[both(Passed, Failed)]);
        assert_eq!(
            (manual.status, manual.tested, manual.failed),
            (Status::Manual, 0, 0)
        );
    }

    #[test]
    fn counts_are_of_instances() {
        let both = |a, b| [Some(a), Some(b)];
        let counted = status(
            Assessed::Rule,
            &[
                both(Passed, Passed),
                both(Failed, Unknown),
                both(Accepted, Passed),
                both(Unknown, Passed),
                both(NotApplicable, NotApplicable),
            ],
        );
        assert_eq!(counted.population, 5);
        assert_eq!(
            (counted.tested, counted.failed, counted.accepted),
            (3, 1, 1)
        );
        assert_eq!((counted.unknown, counted.not_applicable), (1, 1));
        assert_eq!(counted.failing, [InstanceId::new("i1")]);
    }

    #[test]
    fn other_releases_are_out_of_scope_and_unseen_versions_are_said() {
        let ids = [InstanceId::new("old"), InstanceId::new("dark")];
        let passed = BTreeMap::from([("A", concluded(Passed))]);
        let instances = [
            Instance {
                id: &ids[0],
                release: Some("2016"),
                rules: passed.clone(),
            },
            Instance {
                id: &ids[1],
                release: None,
                rules: BTreeMap::new(),
            },
        ];
        let naming = BTreeMap::from([("f:1".to_owned(), BTreeSet::from(["A"]))]);
        let status = assess(
            &framework(Assessed::Rule),
            &instances,
            &naming,
            &BTreeMap::new(),
        );
        assert_eq!(status.population, 0);
        assert_eq!(status.unassigned, [ids[1].clone()]);
        assert_eq!(status.controls[0].status, Status::NotAssessed);
        assert_eq!(status.tally.not_assessed, 1);
    }
}
