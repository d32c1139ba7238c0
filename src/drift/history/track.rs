//! One finding through all bundles: the same instance, rule and subject.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Moves;
use super::read::{Assessed, AssessedInstance, AssessedMissing, AssessedVerdict};
use crate::drift::unseen::{FactAt, Unseen};
use crate::ids::InstanceId;
use crate::inventory::days_between;
use crate::rules::{Severity, Subject};

/// A finding as of one bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Standing {
    /// It stands.
    Open,
    /// It stands, and somebody accepts it.
    Accepted,
    /// The rule looked at all of it and did not find it.
    Gone,
    /// Nobody could see whether it stands.
    NotSeen {
        /// Why.
        why: String,
    },
    /// No rule asked: the rule has no verdict in the bundle.
    NotAsked,
}

impl Standing {
    fn is_there(&self) -> bool {
        matches!(self, Self::Open | Self::Accepted)
    }

    fn is_settled(&self) -> bool {
        self.is_there() || *self == Self::Gone
    }
}

/// A finding as of the last bundle.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TrackedState {
    /// It stands.
    Open,
    /// It stands, and somebody accepts it.
    Accepted,
    /// It stood, and nobody could see whether it does.
    NotSeen,
    /// It stood, and does not.
    Closed,
}

/// A finding through all bundles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tracked {
    /// Where; absent where it is about the estate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// The rule's id.
    pub rule: String,
    /// The rule's slug.
    pub rule_slug: String,
    /// The rule's title.
    pub title: String,
    /// What it is about.
    pub subject: Subject,
    /// As it was last seen.
    pub severity: Severity,
    /// As it was last seen.
    pub message: String,
    /// As of the last bundle.
    pub state: TrackedState,
    /// The day of the first bundle that has it.
    pub first_seen: String,
    /// It was there before the first bundle, or nobody could see whether it was: it may be older than `age_days`.
    pub may_be_older: bool,
    /// The day of the last bundle that has it.
    pub last_seen: String,
    /// The day of the bundle that saw it gone, where it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
    /// Days from `first_seen` to the last bundle, or to `closed`.
    pub age_days: i64,
    /// How often it came back after it was gone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reopened: u32,
    /// It came with a rule that nobody had asked before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rule_is_new: bool,
    /// One for each bundle that counts.
    pub standings: Vec<Standing>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_zero(count: &u32) -> bool {
    *count == 0
}

type Key<'a> = (Option<&'a InstanceId>, &'a str, &'a Subject);

/// A bundle, with its verdicts where they are found quickly.
struct Indexed<'a> {
    assessed: &'a Assessed,
    instances: BTreeMap<&'a InstanceId, &'a AssessedInstance>,
    rules: BTreeSet<String>,
    there: BTreeMap<Key<'a>, &'a AssessedVerdict>,
    unknown: BTreeMap<(Option<&'a InstanceId>, &'a str), Vec<Unseen<'a>>>,
    /// Rules with a verdict, by instance.
    asked: BTreeSet<(&'a InstanceId, &'a str)>,
}

/// Every finding of any bundle.
pub(super) fn track(kept: &[&Assessed]) -> Vec<Tracked> {
    let indexed: Vec<Indexed<'_>> = kept.iter().map(|own| Indexed::new(own)).collect();
    let keys: BTreeSet<Key<'_>> = indexed
        .iter()
        .flat_map(|own| own.there.keys())
        .copied()
        .collect();
    let mut tracked: Vec<Tracked> = keys
        .into_iter()
        .filter_map(|key| followed(key, &indexed))
        .collect();
    tracked.sort_by(|a, b| {
        let key = |own: &Tracked| {
            (
                own.state,
                std::cmp::Reverse(own.severity),
                own.first_seen.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    tracked
}

impl<'a> Indexed<'a> {
    fn new(assessed: &'a Assessed) -> Self {
        let mut own = Self {
            assessed,
            instances: assessed
                .instances
                .iter()
                .map(|own| (&own.id, own))
                .collect(),
            rules: assessed.rules(),
            there: BTreeMap::new(),
            unknown: BTreeMap::new(),
            asked: BTreeSet::new(),
        };
        for instance in assessed.instances.iter().filter(|i| i.same_as.is_none()) {
            let unsettled = instance.coverage.missing.iter().map(AssessedMissing::at);
            let unsettled = unsettled.collect();
            for verdict in &instance.verdicts {
                own.asked.insert((&instance.id, &verdict.rule));
                own.enter(Some(&instance.id), verdict, &unsettled);
            }
        }
        for verdict in &assessed.estate {
            own.enter(None, verdict, &BTreeSet::new());
        }
        own
    }

    fn enter(
        &mut self,
        instance: Option<&'a InstanceId>,
        verdict: &'a AssessedVerdict,
        unsettled: &BTreeSet<FactAt<'a>>,
    ) {
        match verdict.outcome.as_str() {
            "fail" | "accepted" => {
                let key = (instance, verdict.rule.as_str(), &verdict.subject);
                let own = self.there.entry(key).or_insert(verdict);
                // Of two about one subject the one that stands, and the worse, tells.
                let weight = |v: &AssessedVerdict| (v.outcome == "fail", v.severity);
                if weight(verdict) > weight(own) {
                    *own = verdict;
                }
            }
            "unknown" => {
                let own = self.unknown.entry((instance, verdict.rule.as_str()));
                let missing = verdict.missing.iter().map(AssessedMissing::at);
                let unseen = Unseen::new(&verdict.subject, missing, unsettled);
                own.or_default().push(unseen);
            }
            _ => {}
        }
    }

    fn standing(&self, key: Key<'_>) -> Standing {
        match self.there.get(&key).map(|verdict| verdict.outcome.as_str()) {
            Some("fail") => return Standing::Open,
            Some(_) => return Standing::Accepted,
            None => {}
        }
        let (instance, rule, subject) = key;
        let not_seen = |why: &str| Standing::NotSeen {
            why: why.to_owned(),
        };
        if let Some(id) = instance {
            let found = self.instances.get(id).copied();
            if let Some(standing) = found.map_or_else(|| Some(self.absent(id)), unreached) {
                return standing;
            }
            if !self.asked.contains(&(id, rule)) {
                return if self.rules.contains(rule) {
                    not_seen("the rule has no verdict on this instance")
                } else {
                    Standing::NotAsked
                };
            }
            let excluded = found.map_or(&[][..], |own| &own.coverage.databases_excluded);
            if subject
                .database
                .as_ref()
                .is_some_and(|own| excluded.contains(own))
            {
                return not_seen("its database was left out by the inventory");
            }
        }
        let unknown = self.unknown.get(&(instance, rule));
        let mut unknown = unknown.into_iter().flatten();
        if unknown.any(|unseen| unseen.may_hide(subject)) {
            return not_seen("the rule's verdict is unknown there");
        }
        Standing::Gone
    }

    fn absent(&self, id: &InstanceId) -> Standing {
        let why = if self.assessed.not_selected.contains(id) {
            "the instance was left out of this audit"
        } else {
            "the instance is not in this bundle"
        };
        Standing::NotSeen {
            why: why.to_owned(),
        }
    }
}

fn unreached(instance: &AssessedInstance) -> Option<Standing> {
    let why = match (&instance.same_as, &instance.coverage) {
        (Some(other), _) => format!("judged under the name {other}"),
        (None, coverage) if !coverage.finished => match &coverage.trouble {
            Some(trouble) => format!("the instance was not seen to the end: {}", trouble.why),
            None => "the instance was not seen to the end".to_owned(),
        },
        _ => return None,
    };
    Some(Standing::NotSeen { why })
}

fn followed(key: Key<'_>, indexed: &[Indexed<'_>]) -> Option<Tracked> {
    let standings: Vec<Standing> = indexed.iter().map(|own| own.standing(key)).collect();
    let first = standings.iter().position(Standing::is_there)?;
    let last = standings.iter().rposition(Standing::is_there)?;
    let day = |at: usize| {
        indexed
            .get(at)
            .map(|own| own.assessed.as_of.clone())
            .unwrap_or_default()
    };
    let verdict = indexed.get(last)?.there.get(&key)?;
    let settled = standings.iter().rposition(Standing::is_settled)?;
    let end = standings.last()?;
    let state = match end {
        Standing::Open => TrackedState::Open,
        Standing::Accepted => TrackedState::Accepted,
        _ if standings.get(settled) == Some(&Standing::Gone) => TrackedState::Closed,
        _ => TrackedState::NotSeen,
    };
    let closed = (state == TrackedState::Closed).then(|| {
        let after = standings.iter().enumerate().skip(last);
        let gone = after
            .filter(|(_, own)| **own == Standing::Gone)
            .map(|(at, _)| at);
        gone.min().map(day).unwrap_or_default()
    });
    let until = closed
        .clone()
        .unwrap_or_else(|| day(indexed.len().saturating_sub(1)));
    let before = standings.get(..first).unwrap_or_default();
    let (instance, _, subject) = key;
    Some(Tracked {
        instance: instance.cloned(),
        rule: verdict.rule.clone(),
        rule_slug: verdict.rule_slug.clone(),
        title: verdict.title.clone(),
        subject: subject.clone(),
        severity: verdict.severity,
        message: verdict.message.clone(),
        state,
        age_days: days_between(&day(first), &until).unwrap_or_default(),
        first_seen: day(first),
        may_be_older: !before.contains(&Standing::Gone),
        last_seen: day(last),
        closed,
        reopened: reopened(&standings),
        rule_is_new: before.last() == Some(&Standing::NotAsked),
        standings,
    })
}

fn reopened(standings: &[Standing]) -> u32 {
    let mut settled = standings.iter().filter(|own| own.is_settled()).peekable();
    let mut was_there = false;
    let mut count = 0;
    while let Some(own) = settled.next() {
        was_there |= own.is_there();
        let returns = settled.peek().is_some_and(|next| next.is_there());
        count += u32::from(was_there && *own == Standing::Gone && returns);
    }
    count
}

/// What became of a finding from one bundle to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Opened,
    OpenedByNewRule,
    NotSeenBefore,
    Closed,
    StillOpen,
    NotSeen,
}

impl Tracked {
    /// What became of it between a bundle and the one before.
    pub(super) fn step(&self, at: usize) -> Option<Step> {
        let (now, before) = (self.standings.get(at)?, self.standings.get(..at)?);
        let settled = before.iter().rev().find(|own| own.is_settled());
        let was_there = settled.is_some_and(Standing::is_there);
        Some(match now {
            Standing::Open | Standing::Accepted if was_there => Step::StillOpen,
            Standing::Open | Standing::Accepted => match (settled, before.last()) {
                (Some(_), _) => Step::Opened,
                (None, Some(Standing::NotAsked)) => Step::OpenedByNewRule,
                (None, _) => Step::NotSeenBefore,
            },
            Standing::Gone if was_there => Step::Closed,
            Standing::NotSeen { .. } | Standing::NotAsked if was_there => Step::NotSeen,
            _ => return None,
        })
    }

    /// Counts it.
    pub(super) fn count(&self, at: usize, moves: &mut Moves) {
        let Some(step) = self.step(at) else { return };
        *match step {
            Step::Opened => &mut moves.opened,
            Step::OpenedByNewRule => &mut moves.opened_by_new_rules,
            Step::NotSeenBefore => &mut moves.not_seen_before,
            Step::Closed => &mut moves.closed,
            Step::StillOpen => &mut moves.still_open,
            Step::NotSeen => &mut moves.not_seen,
        } += 1;
    }
}
