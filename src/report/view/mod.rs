//! The prepared view: everything that the reports for people show, as strings ready to show, sorted
//! and counted, and made harmless by [`visible`](super::visible). Renderers only lay it out; each
//! escapes for its own format.

mod finding;
mod gap;
mod instance;
mod wording;

use std::collections::BTreeMap;

use serde::Serialize;

pub use finding::{FindingGroup, FindingView};
pub use instance::InstanceView;
pub use wording::{counted, first_of};

use super::assessment::{Assessment, Fleet, Instance};
use super::visible;
use crate::rules::Severity;
use instance::{Count, span};

/// An assessment, ready to show.
#[derive(Serialize)]
pub struct View {
    pub as_of: String,
    pub judged_by: String,
    /// First to last moment of all collections.
    pub collected: String,
    /// What matters most, in sentences.
    pub headline: Vec<String>,
    /// Says that recordings are synthetic, and which.
    pub synthetic: Option<String>,
    /// Findings of all instances by severity, worst first.
    pub counts: Vec<Count>,
    pub unknown: u32,
    pub accepted: u32,
    /// Targets in words: how many instances, how much of them was read.
    pub scope: String,
    /// Largest low and high exposure of all instances.
    pub exposure: String,
    pub instances: Vec<InstanceView>,
    /// What would settle the unknowns, most instances first.
    pub settle: Vec<Settle>,
}

/// One way to see more, and where it would help.
#[derive(Serialize)]
pub struct Settle {
    pub need: String,
    pub instances: Vec<Link>,
    /// Rules that are unknown for want of it.
    pub rules: String,
    /// Most points that hang on it on one instance.
    pub points: u32,
}

/// An instance to refer to.
#[derive(Serialize)]
pub struct Link {
    pub id: String,
    pub anchor: String,
}

impl View {
    /// Prepares an assessment.
    pub fn new(assessment: &Assessment) -> Self {
        let numbered = assessment.instances.iter().zip(1..);
        let anchors: BTreeMap<_, _> =
            numbered.map(|(instance, n)| (&instance.id, format!("instance-{n}"))).collect();
        let instances: Vec<_> =
            assessment.instances.iter().map(|i| InstanceView::new(i, &anchors)).collect();
        let fleet = &assessment.fleet;
        Self {
            as_of: visible(&assessment.as_of),
            judged_by: visible(&assessment.judged_by),
            collected: collected(&assessment.instances),
            headline: headline(fleet, &instances),
            synthetic: synthetic(&assessment.instances),
            counts: counts(fleet),
            unknown: fleet.verdicts.unknown,
            accepted: fleet.verdicts.accepted,
            scope: scope(fleet, &instances),
            exposure: wording::interval(fleet.exposure[0], fleet.exposure[1]),
            settle: settle(&instances),
            instances,
        }
    }

    /// Findings at a severity or over it, of all instances: worst first, then in order of instance,
    /// rule and subject.
    pub fn findings_at_or_over(
        &self,
        severity: Severity,
    ) -> Vec<(&InstanceView, &FindingGroup, &FindingView)> {
        let groups = self.instances.iter().flat_map(|i| i.findings.iter().map(move |g| (i, g)));
        let mut groups: Vec<_> = groups.filter(|(_, group)| group.severity >= severity).collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.severity));
        let findings = groups.into_iter().flat_map(|(i, g)| g.findings.iter().map(move |f| (i, g, f)));
        findings.collect()
    }
}

fn counts(fleet: &Fleet) -> Vec<Count> {
    let found = &fleet.findings;
    let numbers = [found.critical, found.high, found.medium, found.low, found.info];
    let words = Severity::ALL.iter().map(|s| s.as_str());
    words.zip(numbers).map(|(severity, count)| Count { severity, count }).collect()
}

/// Timestamps are UTC in one form, so that their order is that of their text.
fn collected(instances: &[Instance]) -> String {
    let moments = || instances.iter().flat_map(|i| &i.collected).filter(|m| !m.is_empty());
    match (moments().min(), moments().max()) {
        (Some(first), Some(last)) => span(first, last),
        _ => "never".to_owned(),
    }
}

fn headline(fleet: &Fleet, instances: &[InstanceView]) -> Vec<String> {
    let judged = || instances.iter().filter(|i| i.same_as.is_none());
    let serious = |i: &&InstanceView| i.findings.iter().any(|g| g.severity >= Severity::High);
    let bad = judged().filter(serious).count();
    let total = counted(fleet.instances as usize, "instance", "instances");
    let findings = match bad {
        0 => format!("No finding at high or critical on {total}."),
        _ => format!("Findings at high or critical on {bad} of {total}."),
    };
    let incomplete = fleet.instances.saturating_sub(fleet.complete);
    let sight = match incomplete {
        0 => "Everything that the rules need was seen.".to_owned(),
        n => format!("{n} of {total} could not be read whole: what was not seen is unknown, not clean."),
    };
    vec![findings, sight]
}

fn synthetic(instances: &[Instance]) -> Option<String> {
    let made: Vec<_> = instances
        .iter()
        .filter(|i| i.synthetic.is_some())
        .map(|i| wording::quoted(i.id.as_str()))
        .collect();
    if made.is_empty() {
        return None;
    }
    let which = if made.len() == instances.len() {
        "all instances".to_owned()
    } else {
        made.join(", ")
    };
    Some(format!("Synthetic recordings, made by no real server: {which}."))
}

fn scope(fleet: &Fleet, instances: &[InstanceView]) -> String {
    let mut states: Vec<(&str, usize)> = Vec::new();
    for word in ["read", "partly read", "not read", "not reached"] {
        states.push((word, instances.iter().filter(|i| i.state.word == word).count()));
    }
    let states = states.into_iter().filter(|(_, n)| *n > 0).map(|(word, n)| format!("{n} {word}"));
    let mut parts: Vec<String> = states.collect();
    let twice = fleet.targets.saturating_sub(fleet.instances);
    if twice > 0 {
        parts.push(format!("{twice} the same as another"));
    }
    let targets = counted(fleet.targets as usize, "target", "targets");
    format!("{targets}: {}", parts.join(", "))
}

fn settle(instances: &[InstanceView]) -> Vec<Settle> {
    let mut by_need: BTreeMap<String, Vec<(&InstanceView, &gap::Gap)>> = BTreeMap::new();
    for instance in instances {
        for gap in &instance.gaps {
            by_need.entry(gap.needs.join("; ")).or_default().push((instance, gap));
        }
    }
    let settle = by_need.into_iter().map(|(need, places)| {
        let mut rules: Vec<_> = places.iter().flat_map(|(_, gap)| gap.rules.clone()).collect();
        rules.sort();
        rules.dedup();
        Settle {
            need,
            rules: rules.join(", "),
            points: places.iter().map(|(_, gap)| gap.points).max().unwrap_or_default(),
            instances: places
                .iter()
                .map(|(i, _)| Link { id: i.id.clone(), anchor: i.anchor.clone() })
                .collect(),
        }
    });
    let mut settle: Vec<_> = settle.collect();
    settle.sort_by(|a, b| {
        (b.instances.len(), b.points, &a.need).cmp(&(a.instances.len(), a.points, &b.need))
    });
    settle
}
