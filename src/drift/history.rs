//! Assessments of one estate side by side, in the order of the days as of which they were judged: what opened, what was
//! closed, and what nobody could see. Something is closed only where somebody looked and did not find it.

mod read;
mod seal;
mod track;
mod trend;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use read::{Assessed, AssessedError, Controls};
use read::{AssessedInstance, AssessedVerdict};
pub use seal::{Seal, Signature};
pub use track::{Standing, Tracked, TrackedState};
pub use trend::{TREND_SCHEMA, Trend, TrendBundle, TrendError};

use crate::ids::InstanceId;
use crate::rules::{Severity, WaiverState};

/// The first field of what `history --format json` prints.
pub const HISTORY_SCHEMA: &str = "mssql-posture/history/v1";

/// The rules that a run judged by, as `evidence/run.json` names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleSetUsed {
    /// Program version.
    pub version: String,
    /// SHA-256 over the rules' sources.
    pub sha256: String,
}

/// A bundle as it was given.
#[derive(Clone)]
pub struct Given {
    /// How it was named.
    pub path: String,
    /// What vouches for it.
    pub seal: Seal,
    /// SHA-256 of its `assessment.json`; of one that does not count empty.
    pub sha256: String,
    /// When the folder was finished, as its manifest says; empty where there is none.
    pub finished: String,
    /// The rules that it says it was judged by.
    pub rule_set: Option<RuleSetUsed>,
    /// What was concluded; `None` of one that does not count.
    pub assessed: Option<Assessed>,
}

/// Why bundles are no history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// One was given twice.
    #[error("{first} and {second} are the same bundle: give it once")]
    Twice {
        /// As named first.
        first: String,
        /// As named then.
        second: String,
    },
    /// Names in it are not those of the estate.
    #[error(
        "{path} is a redacted copy: its pseudonyms are of that copy alone, so nothing in it can be followed; give what it was made from"
    )]
    Redacted {
        /// As named.
        path: String,
    },
}

/// One estate over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// `mssql-posture/history/v1`.
    pub schema: String,
    /// Those that count in their order, then those that do not. Every list of points below has one for each that counts.
    pub bundles: Vec<HistoryBundle>,
    /// The estate.
    pub fleet: Vec<Point>,
    /// Every instance that any of them has, by name.
    pub instances: Vec<InstanceSeries>,
    /// Controls by status, by framework.
    pub frameworks: Vec<FrameworkSeries>,
    /// Every finding that any of them has: by state (open, accepted, not seen, closed), worst first, oldest first.
    pub findings: Vec<Tracked>,
}

/// One bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryBundle {
    /// How it is told from the others: its day, with the time where two are of one day; empty of one that does not count.
    pub label: String,
    /// How it was named.
    pub path: String,
    /// What vouches for it.
    pub seal: Seal,
    /// The day as of which was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// First start and last end of its collections, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected: Option<[String; 2]>,
    /// Program and version that judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_by: Option<String>,
    /// The rules that it was judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_set: Option<RuleSetUsed>,
    /// In what it was not judged as the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<String>,
    /// Rules without a verdict in the one before: they open findings by themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new_rules: Vec<String>,
    /// Rules of the one before without a verdict in this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped_rules: Vec<String>,
    /// Waivers by how they stand.
    pub waivers: WaiverCounts,
}

/// Waivers by how they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct WaiverCounts {
    pub in_force: u32,
    pub not_yet: u32,
    pub expired: u32,
    pub unused: u32,
}

/// Findings by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Counts {
    pub critical: u32,
    pub high: u32,
    pub medium: u32,
    pub low: u32,
    pub info: u32,
}

impl Counts {
    /// Counts one more.
    fn add(&mut self, severity: Severity) {
        *match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Info => &mut self.info,
        } += 1;
    }

    /// All of them.
    pub fn total(&self) -> u32 {
        self.critical + self.high + self.medium + self.low + self.info
    }
}

/// What became of findings since the bundle before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moves {
    /// Were not there, and are.
    pub opened: u32,
    /// Are there, and no rule asked before.
    pub opened_by_new_rules: u32,
    /// Are there, and nobody could see before whether they were.
    pub not_seen_before: u32,
    /// Were there, and are not.
    pub closed: u32,
    /// Were there, and are.
    pub still_open: u32,
    /// Were there, and nobody could see whether they are.
    pub not_seen: u32,
}

/// What stood as of one bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Low and high; of the estate the largest of each.
    pub exposure: [u32; 2],
    /// Findings that stand.
    pub findings: Counts,
    /// Findings that somebody accepts.
    pub accepted: u32,
    /// Verdicts that could not be reached, which are not clean.
    pub unknown: u32,
    /// What became of findings. Of the first bundle, and of an instance's first, everything is there for the first time.
    pub moves: Moves,
    /// Instances in scope.
    pub instances: u32,
    /// Of them collected to the end.
    pub reached: u32,
    /// Databases listed.
    pub databases: u32,
    /// Of them read whole.
    pub databases_read: u32,
}

/// One instance over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceSeries {
    /// Its name.
    pub id: InstanceId,
    /// One for each bundle that counts.
    pub points: Vec<InstancePoint>,
}

/// An instance as of one bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum InstancePoint {
    /// Collected to the end.
    Reached(Box<Point>),
    /// Not reached, or not to the end; what is there is of what was seen.
    NotReached(Box<Point>),
    /// It is another target's instance, which carries its verdicts.
    SameAs {
        /// That target.
        target: InstanceId,
    },
    /// The bundle does not have it.
    Absent,
}

impl InstancePoint {
    /// What stood.
    pub fn point(&self) -> Option<&Point> {
        match self {
            Self::Reached(point) | Self::NotReached(point) => Some(point),
            Self::SameAs { .. } | Self::Absent => None,
        }
    }
}

/// A framework over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrameworkSeries {
    /// Its id.
    pub id: String,
    /// Its name, as the last bundle that has it says.
    pub name: String,
    /// One for each bundle that counts; `null` where it does not have the framework.
    pub points: Vec<Option<FrameworkPoint>>,
}

/// A framework as of one bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrameworkPoint {
    /// Its version: another one has other controls.
    pub version: String,
    /// Controls by status.
    pub controls: Controls,
}

impl History {
    /// Bundles in their order.
    ///
    /// # Errors
    /// See [`HistoryError`].
    pub fn new(given: Vec<Given>) -> Result<Self, HistoryError> {
        Self::in_order(given, &mut Vec::new())
    }

    /// The same, with the hashes of those that count in their order.
    fn in_order(given: Vec<Given>, hashes: &mut Vec<String>) -> Result<Self, HistoryError> {
        refuse(&given)?;
        let (mut counting, others): (Vec<Given>, Vec<Given>) =
            given.into_iter().partition(|own| own.assessed.is_some());
        counting.sort_by_cached_key(order);
        hashes.extend(counting.iter().map(|own| own.sha256.clone()));
        let labels = labels(&counting);
        let kept: Vec<&Assessed> = counting
            .iter()
            .filter_map(|own| own.assessed.as_ref())
            .collect();
        let findings = track::track(&kept);
        let ids: BTreeSet<&InstanceId> = kept.iter().flat_map(|own| own.ids()).collect();
        let mut by_instance: BTreeMap<&InstanceId, Vec<&Tracked>> = BTreeMap::new();
        for own in &findings {
            if let Some(id) = &own.instance {
                by_instance.entry(id).or_default().push(own);
            }
        }
        let instances = ids.into_iter().map(|id| {
            let own = by_instance.get(id).map_or(&[][..], Vec::as_slice);
            series(id, &kept, own)
        });
        let instances: Vec<InstanceSeries> = instances.collect();
        let mut bundles: Vec<HistoryBundle> = Vec::new();
        for (at, (own, label)) in counting.iter().zip(labels).enumerate() {
            let before = at.checked_sub(1).and_then(|before| counting.get(before));
            bundles.push(bundle(own, label, before));
        }
        bundles.extend(others.iter().map(|own| bundle(own, String::new(), None)));
        Ok(Self {
            schema: HISTORY_SCHEMA.to_owned(),
            bundles,
            fleet: fleet(&kept, &findings),
            instances,
            frameworks: frameworks(&kept),
            findings,
        })
    }

    /// Those that count, in the order of the points.
    pub fn counting(&self) -> impl Iterator<Item = &HistoryBundle> {
        self.bundles.iter().filter(|own| own.seal.counts())
    }

    /// Whether a bundle is not as it was.
    pub fn has_altered(&self) -> bool {
        self.bundles.iter().any(|own| !own.seal.counts())
    }

    /// Whether the last bundle leaves open what became of something that stood before.
    pub fn is_incomplete(&self) -> bool {
        let open = |own: &Tracked| own.state == TrackedState::NotSeen;
        self.findings.iter().any(open)
    }
}

fn refuse(given: &[Given]) -> Result<(), HistoryError> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for own in given {
        let Some(assessed) = &own.assessed else {
            continue;
        };
        if assessed.redacted {
            let path = own.path.clone();
            return Err(HistoryError::Redacted { path });
        }
        if let Some(first) = seen.insert(&own.sha256, &own.path) {
            return Err(HistoryError::Twice {
                first: first.to_owned(),
                second: own.path.clone(),
            });
        }
    }
    Ok(())
}

/// The day comes first; of one day, what was collected later comes later.
fn order(own: &Given) -> (String, String, String, String) {
    let assessed = own.assessed.as_ref();
    let as_of = assessed.map(|own| own.as_of.clone()).unwrap_or_default();
    let ended = assessed.and_then(Assessed::collected);
    let ended = ended.map(|[_, end]| end).unwrap_or_default();
    (as_of, ended, own.finished.clone(), own.path.clone())
}

/// Their days; of one day, with the time, and with a number where that does not tell them apart either.
fn labels(counting: &[Given]) -> Vec<String> {
    let days: Vec<&str> = counting
        .iter()
        .filter_map(|own| own.assessed.as_ref())
        .map(|own| own.as_of.as_str())
        .collect();
    let timed = |own: &Given, day: &str| {
        let ended = own.assessed.as_ref().and_then(Assessed::collected);
        let time = ended.and_then(|[_, end]| end.get(11..16).map(str::to_owned));
        time.map_or_else(|| day.to_owned(), |time| format!("{day} {time}Z"))
    };
    let with_time: Vec<String> = counting
        .iter()
        .zip(&days)
        .map(|(own, day)| {
            let is_alone = days.iter().filter(|other| other == &day).count() == 1;
            if is_alone {
                (*day).to_owned()
            } else {
                timed(own, day)
            }
        })
        .collect();
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    with_time
        .iter()
        .map(|label| {
            let same = with_time.iter().filter(|other| *other == label).count();
            let number = numbers.entry(label).or_default();
            *number += 1;
            match same {
                1 => label.clone(),
                _ => format!("{label} #{number}"),
            }
        })
        .collect()
}

fn bundle(own: &Given, label: String, before: Option<&Given>) -> HistoryBundle {
    let assessed = own.assessed.as_ref();
    let rules = |own: &Given| {
        let assessed = own.assessed.as_ref();
        assessed.map(Assessed::rules).unwrap_or_default()
    };
    let (now, then) = (rules(own), before.map(rules));
    let beyond = |these: &BTreeSet<String>, those: &BTreeSet<String>| {
        these.difference(those).cloned().collect::<Vec<_>>()
    };
    HistoryBundle {
        label,
        path: own.path.clone(),
        seal: own.seal.clone(),
        as_of: assessed.map(|own| own.as_of.clone()),
        collected: assessed.and_then(Assessed::collected),
        judged_by: assessed.map(|own| own.judged_by.clone()),
        rule_set: own.rule_set.clone(),
        differs: before
            .map(|before| differs(own, before))
            .unwrap_or_default(),
        new_rules: then
            .as_ref()
            .map_or_else(Vec::new, |then| beyond(&now, then)),
        dropped_rules: then
            .as_ref()
            .map_or_else(Vec::new, |then| beyond(then, &now)),
        waivers: waivers(assessed),
    }
}

/// In what two were not judged alike.
fn differs(own: &Given, before: &Given) -> Vec<String> {
    let mut differs = Vec::new();
    let (Some(now), Some(then)) = (&own.assessed, &before.assessed) else {
        return differs;
    };
    if now.judged_by != then.judged_by {
        differs.push(format!(
            "judged by {}, the one before by {}",
            now.judged_by, then.judged_by
        ));
    }
    match (&own.rule_set, &before.rule_set) {
        (Some(now), Some(then)) if now.sha256 != then.sha256 => {
            differs.push("another rule set than the one before".to_owned());
        }
        (None, _) | (_, None) if now.judged_by == then.judged_by => {
            differs.push(
                "it is not recorded in both whether the rules were the same, only that the version was"
                    .to_owned(),
            );
        }
        _ => {}
    }
    for framework in &now.frameworks {
        let mut others = then.frameworks.iter();
        let other = others.find(|other| other.id == framework.id);
        if let Some(other) = other.filter(|other| other.version != framework.version) {
            differs.push(format!(
                "{} is of version {}, in the one before of {}",
                framework.id, framework.version, other.version
            ));
        }
    }
    differs
}

fn waivers(assessed: Option<&Assessed>) -> WaiverCounts {
    let mut counts = WaiverCounts::default();
    for waiver in assessed.map_or(&[][..], |own| &own.waivers) {
        *match waiver.state {
            WaiverState::InForce => &mut counts.in_force,
            WaiverState::NotYet => &mut counts.not_yet,
            WaiverState::Expired => &mut counts.expired,
            WaiverState::Unused => &mut counts.unused,
        } += 1;
    }
    counts
}

fn series(id: &InstanceId, kept: &[&Assessed], findings: &[&Tracked]) -> InstanceSeries {
    let points = kept.iter().enumerate().map(|(at, assessed)| {
        let Some(instance) = assessed.instance(id) else {
            return InstancePoint::Absent;
        };
        if let Some(target) = &instance.same_as {
            let target = target.clone();
            return InstancePoint::SameAs { target };
        }
        let mut point = Point::default();
        enter(&mut point, instance);
        for own in findings {
            own.count(at, &mut point.moves);
        }
        if instance.coverage.finished {
            InstancePoint::Reached(Box::new(point))
        } else {
            InstancePoint::NotReached(Box::new(point))
        }
    });
    InstanceSeries {
        points: points.collect(),
        id: id.clone(),
    }
}

fn fleet(kept: &[&Assessed], findings: &[Tracked]) -> Vec<Point> {
    let points = kept.iter().enumerate().map(|(at, assessed)| {
        let mut point = Point::default();
        let judged = assessed.instances.iter();
        for instance in judged.filter(|own| own.same_as.is_none()) {
            enter(&mut point, instance);
        }
        for verdict in &assessed.estate {
            count(&mut point, verdict);
        }
        for own in findings {
            own.count(at, &mut point.moves);
        }
        point
    });
    points.collect()
}

fn enter(point: &mut Point, instance: &AssessedInstance) {
    let coverage = &instance.coverage;
    point.exposure[0] = point.exposure[0].max(instance.exposure.low);
    point.exposure[1] = point.exposure[1].max(instance.exposure.high);
    point.instances += 1;
    point.reached += u32::from(coverage.finished);
    point.databases += coverage.databases;
    point.databases_read += coverage.databases_read;
    for verdict in &instance.verdicts {
        count(point, verdict);
    }
}

fn count(point: &mut Point, verdict: &AssessedVerdict) {
    match verdict.outcome.as_str() {
        "fail" => point.findings.add(verdict.severity),
        "accepted" => point.accepted += 1,
        "unknown" => point.unknown += 1,
        _ => {}
    }
}

fn frameworks(kept: &[&Assessed]) -> Vec<FrameworkSeries> {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for framework in kept.iter().flat_map(|own| &own.frameworks) {
        names.insert(&framework.id, &framework.name);
    }
    let series = names.into_iter().map(|(id, name)| {
        let points = kept.iter().map(|assessed| {
            let mut own = assessed.frameworks.iter();
            own.find(|own| own.id == id).map(|own| FrameworkPoint {
                version: own.version.clone(),
                controls: own.tally,
            })
        });
        FrameworkSeries {
            id: id.to_owned(),
            name: name.to_owned(),
            points: points.collect(),
        }
    });
    series.collect()
}

#[cfg(test)]
mod tests;
