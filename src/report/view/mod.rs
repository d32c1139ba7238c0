//! The prepared view: everything that the reports for people show, as strings ready to show, sorted
//! and counted, and made harmless by [`visible`](super::visible). Renderers only lay it out; each
//! escapes for its own format.

mod call;
mod control;
mod finding;
mod gap;
mod instance;
mod way;
mod wording;

use std::collections::BTreeMap;

use serde::Serialize;

pub use call::CodeView;
pub use control::{FrameworkView, WaiverView};
pub use finding::{FindingGroup, FindingView};
pub use instance::InstanceView;
pub use way::WayView;
pub use wording::{counted, first_of, quoted, subject, version_name};

use super::assessment::{Assessment, Fleet, Instance};
use super::paths::chain_place;
use super::visible;
use crate::graph::Path;
use crate::rules::Severity;
use crate::score;
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
    /// The instances to look at first come first.
    pub instances: Vec<InstanceView>,
    /// What would settle the unknowns, most instances first.
    pub settle: Vec<Settle>,
    /// The chains that lead from one instance to another.
    pub hops: Vec<WayView>,
    /// Findings about the estate as a whole.
    pub estate: Vec<FindingGroup>,
    /// What could not be told about it.
    pub estate_unknown: Vec<EstateUnknown>,
    /// The inventory's waivers, those that end first before the others.
    pub waivers: Vec<WaiverView>,
    /// Compliance frameworks.
    pub frameworks: Vec<FrameworkView>,
    /// The words of a control's status, in the order of every framework's counts.
    pub statuses: Vec<&'static str>,
    /// How to read the numbers, by paragraph.
    pub method: Vec<String>,
    /// How exposure is made, with its line breaks.
    pub exposure_method: &'static str,
}

/// One way to see more, and where it would help.
#[derive(Serialize)]
pub struct Settle {
    pub need: String,
    pub instances: Vec<Link>,
    /// Rules that are unknown for want of it.
    pub rules: Vec<String>,
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
        let anchors: BTreeMap<_, _> = numbered
            .map(|(instance, n)| (&instance.id, anchor(n)))
            .collect();
        let numbered = assessment.instances.iter().zip(1..);
        let mut instances: Vec<_> = numbered
            .map(|(instance, n)| InstanceView::new(instance, anchor(n), &anchors))
            .collect();
        let places = places(&assessment.fleet);
        instances.sort_by_key(|i| places.get(&i.id).copied().unwrap_or(usize::MAX));
        let fleet = &assessment.fleet;
        let numbered = assessment.frameworks.iter().zip(1..);
        let frameworks: Vec<_> = numbered
            .map(|(framework, n)| FrameworkView::new(framework, n))
            .collect();
        Self {
            as_of: visible(&assessment.as_of),
            judged_by: visible(&assessment.judged_by),
            collected: collected(&assessment.instances),
            headline: headline(fleet, &instances),
            synthetic: synthetic(&assessment.instances),
            counts: counts(fleet),
            unknown: fleet.verdicts.unknown,
            accepted: fleet.verdicts.accepted,
            scope: scope(fleet, &instances, assessment.not_selected.len()),
            exposure: wording::interval(fleet.exposure[0], fleet.exposure[1]),
            settle: settle(&instances),
            hops: fleet.paths.iter().map(hop).collect(),
            estate: finding::groups(&assessment.estate, "fail"),
            estate_unknown: estate_unknown(assessment),
            waivers: waivers(assessment),
            statuses: frameworks
                .first()
                .map(|framework| framework.counts.iter().map(|c| c.status).collect())
                .unwrap_or_default(),
            frameworks,
            method: method(),
            exposure_method: score::EXPLANATION,
            instances,
        }
    }

    /// Findings at a severity or over it, of all instances: worst first, then in order of instance,
    /// rule and subject.
    pub fn findings_at_or_over(
        &self,
        severity: Severity,
    ) -> Vec<(&InstanceView, &FindingGroup, &FindingView)> {
        let groups = self
            .instances
            .iter()
            .flat_map(|i| i.findings.iter().map(move |g| (i, g)));
        let mut groups: Vec<_> = groups
            .filter(|(_, group)| group.severity >= severity)
            .collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.severity));
        let findings = groups
            .into_iter()
            .flat_map(|(i, g)| g.findings.iter().map(move |f| (i, g, f)));
        findings.collect()
    }
}

fn waivers(assessment: &Assessment) -> Vec<WaiverView> {
    let mut waivers: Vec<_> = assessment.waivers.iter().collect();
    waivers.sort_by_key(|waiver| (waiver.days_left, &waiver.id));
    waivers.into_iter().map(WaiverView::new).collect()
}

/// The place of each instance in the ranking, by its name as it is shown; of one that carries no verdicts there is none.
fn places(fleet: &Fleet) -> BTreeMap<String, usize> {
    let ranking = fleet.ranking.iter().enumerate();
    ranking
        .map(|(place, ranked)| (visible(ranked.instance.as_str()), place))
        .collect()
}

/// A chain over several instances.
fn hop(path: &Path) -> WayView {
    let end = path.steps.last().map(|step| chain_place(&step.to));
    WayView::new(path, &end.into_iter().collect::<Vec<_>>())
}

/// What a reader must know besides what `explain score` says.
pub fn method() -> Vec<String> {
    let unknown = "Unknown is a result: a rule whose facts were not seen whole is neither passed nor failed. A rule \
        passes only on what was seen whole.";
    let ways = "Ways are found by searching backwards from each channel through what the catalogs say of principals, \
        roles, permissions with their DENYs, ownership, code and settings. Each step cites the rows that it rests on; \
        `explain steps` gives the rule of each kind of step, its source, and what is left out.";
    vec![unknown.to_owned(), ways.to_owned()]
}

fn anchor(number: u32) -> String {
    format!("instance-{number}")
}

/// What a rule about the estate could not tell.
#[derive(Serialize)]
pub struct EstateUnknown {
    pub rule: String,
    /// What it is about, and what is missing.
    pub text: String,
}

fn estate_unknown(assessment: &Assessment) -> Vec<EstateUnknown> {
    let unknown = assessment.estate.iter().filter(|v| v.outcome == "unknown");
    unknown
        .map(|verdict| {
            let missing = verdict.missing.iter();
            let missing = missing.map(|one| format!("{}: {}", one.fact, one.needs.join(", ")));
            let about = verdict.subject.name.as_deref().unwrap_or_default();
            let missing = missing.collect::<Vec<_>>().join("; ");
            EstateUnknown {
                rule: visible(&verdict.rule),
                text: visible(&format!(
                    "{} {about}: not seen: {missing}",
                    verdict.subject.kind
                )),
            }
        })
        .collect()
}

fn counts(fleet: &Fleet) -> Vec<Count> {
    let found = &fleet.findings;
    let numbers = [
        found.critical,
        found.high,
        found.medium,
        found.low,
        found.info,
    ];
    let words = Severity::ALL.iter().map(|s| s.as_str());
    words
        .zip(numbers)
        .map(|(severity, count)| Count { severity, count })
        .collect()
}

/// Timestamps are UTC, with or without a fraction: without their Z, their order is that of their text.
fn collected(instances: &[Instance]) -> String {
    let moments = || {
        instances
            .iter()
            .flat_map(|i| &i.collected)
            .filter(|m| !m.is_empty())
    };
    let order = |moment: &&String| moment.trim_end_matches('Z').to_owned();
    match (moments().min_by_key(order), moments().max_by_key(order)) {
        (Some(first), Some(last)) => span(first, last),
        _ => "never".to_owned(),
    }
}

fn headline(fleet: &Fleet, instances: &[InstanceView]) -> Vec<String> {
    let judged = || instances.iter().filter(|i| i.same_as.is_none());
    let serious = |i: &&InstanceView| i.findings.iter().any(|g| g.severity >= Severity::High);
    let bad = judged().filter(serious).count();
    if fleet.instances == 0 {
        return vec!["No instance was judged.".to_owned()];
    }
    let total = counted(fleet.instances as usize, "instance", "instances");
    let findings = match bad {
        0 => format!("No finding at high or critical on {total}."),
        _ => format!("Findings at high or critical on {bad} of {total}."),
    };
    let incomplete = fleet.instances.saturating_sub(fleet.complete);
    let sight = match incomplete {
        0 => "Everything that the rules need was seen.".to_owned(),
        n => format!(
            "{n} of {total} could not be read whole: what was not seen is unknown, not clean."
        ),
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
    Some(format!(
        "Synthetic recordings, made by no real server: {which}."
    ))
}

fn scope(fleet: &Fleet, instances: &[InstanceView], not_selected: usize) -> String {
    let in_state = |word: &str| instances.iter().filter(|i| i.state.word == word).count();
    let mut parts: Vec<String> = ["read", "partly read", "not read", "not reached"]
        .into_iter()
        .filter(|word| in_state(word) > 0)
        .map(|word| format!("{} {word}", in_state(word)))
        .collect();
    let twice = fleet.targets.saturating_sub(fleet.instances);
    if twice > 0 {
        parts.push(format!("{twice} the same as another"));
    }
    if not_selected > 0 {
        parts.push(format!(
            "{not_selected} more in the inventory were not selected"
        ));
    }
    let targets = counted(fleet.targets as usize, "target", "targets");
    if parts.is_empty() {
        return targets;
    }
    format!("{targets}: {}", parts.join(", "))
}

fn settle(instances: &[InstanceView]) -> Vec<Settle> {
    let mut by_need: BTreeMap<String, Vec<(&InstanceView, &gap::Gap)>> = BTreeMap::new();
    for instance in instances {
        for gap in &instance.gaps {
            by_need
                .entry(gap.needs.join("; "))
                .or_default()
                .push((instance, gap));
        }
    }
    let settle = by_need.into_iter().map(|(need, places)| {
        let mut rules: Vec<_> = places
            .iter()
            .flat_map(|(_, gap)| gap.rules.clone())
            .collect();
        rules.sort();
        rules.dedup();
        Settle {
            need,
            rules,
            points: places
                .iter()
                .map(|(_, gap)| gap.points)
                .max()
                .unwrap_or_default(),
            instances: places
                .iter()
                .map(|(i, _)| Link {
                    id: i.id.clone(),
                    anchor: i.anchor.clone(),
                })
                .collect(),
        }
    });
    let mut settle: Vec<_> = settle.collect();
    settle.sort_by(|a, b| {
        (b.instances.len(), b.points, &a.need).cmp(&(a.instances.len(), a.points, &b.need))
    });
    settle
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::sample;
    use super::*;
    use crate::ids::Criticality;

    fn view() -> View {
        View::new(&sample::assessment())
    }

    fn instance(id: &str) -> InstanceView {
        view().instances.into_iter().find(|i| i.id == id).unwrap()
    }

    #[test]
    fn states_say_how_much_was_read() {
        let states: Vec<_> = view().instances.iter().map(|i| i.state.word).collect();
        assert_eq!(
            states,
            [
                "read",
                "not reached",
                "partly read",
                "read",
                "read",
                "same as"
            ]
        );
        assert_eq!(
            view().scope,
            "6 targets: 3 read, 1 partly read, 1 not reached, 1 the same as another"
        );
    }

    #[test]
    fn instances_to_look_at_first_come_first() {
        let mut assessment = sample::assessment();
        for instance in &mut assessment.instances {
            let is_hr = instance.id.as_str() == "hr";
            instance.criticality = is_hr.then_some(Criticality::Critical);
        }
        let view = View::new(&assessment.close());
        let ids: Vec<&str> = view.instances.iter().map(|i| i.id.as_str()).collect();
        // 2 × (87 + 92), 4 × (12 + 54), 2 × (0 + 100)
        assert_eq!(ids[..3], ["erp-prod", "hr", "dmz-01"]);
        assert_eq!(ids.last(), Some(&"erp-listener"), "carries no verdicts");
    }

    #[test]
    fn a_reached_server_of_which_nothing_was_read_is_not_called_unreached() {
        let mut assessment = sample::assessment();
        let unreached = &mut assessment.instances[3];
        unreached.coverage.trouble.as_mut().unwrap().stage = crate::snapshot::Stage::Session;
        let view = View::new(&assessment);
        let dmz = view.instances.iter().find(|i| i.id == "dmz-01");
        assert_eq!(dmz.unwrap().state.word, "not read");
    }

    #[test]
    fn an_unknown_verdict_alone_makes_an_instance_partly_read() {
        let mut assessment = sample::assessment();
        assessment.instances[0].verdicts[0].outcome = "unknown".to_owned();
        let first = assessment.instances[0].id.as_str();
        let view = View::new(&assessment);
        let own = view.instances.iter().find(|i| i.id == first);
        assert_eq!(own.unwrap().state.word, "partly read");
    }

    #[test]
    fn findings_stand_worst_first_then_by_rule_and_subject() {
        let findings = view();
        let findings = findings.findings_at_or_over(Severity::Info);
        let order: Vec<_> = findings
            .iter()
            .map(|(i, group, _)| (group.severity_word, i.id.as_str(), group.rule.as_str()))
            .collect();
        assert_eq!(
            order,
            [
                ("critical", "erp-prod", "CODE-002"),
                ("critical", "erp-prod", "CODE-002"),
                ("high", "erp-prod", "CODE-002"),
                ("high", "erp-prod", "PRIV-001"),
                ("high", "erp-prod", "SURF-001"),
                ("medium", "erp-prod", "CLR-002"),
                ("medium", "hr", "SIGHT-001"),
                ("low", "erp-prod", "SURF-002"),
            ]
        );
    }

    #[test]
    fn gaps_stand_under_what_would_settle_them_with_most_at_stake_first() {
        let gaps = instance("hr").gaps;
        let order: Vec<_> = gaps
            .iter()
            .map(|g| (g.needs.join("; "), g.points, g.rules.join(" ")))
            .collect();
        assert_eq!(
            order,
            [
                (
                    "CONNECT ANY DATABASE, or a user in Payroll".to_owned(),
                    32,
                    "CLR-002 CODE-002".to_owned()
                ),
                ("VIEW ANY DEFINITION".to_owned(), 10, "CODE-002".to_owned()),
                (
                    "the text of an encrypted module".to_owned(),
                    0,
                    "CODE-002".to_owned()
                ),
                (
                    "error 1222: Lock request time out period exceeded.".to_owned(),
                    0,
                    String::new()
                ),
            ]
        );
        let places: Vec<_> = gaps[1]
            .places
            .iter()
            .map(|p| (p.place.as_str(), p.brief.as_str()))
            .collect();
        assert_eq!(
            places,
            [
                ("instance", "server permissions"),
                ("master, msdb", "modules")
            ]
        );
        assert_eq!(gaps[2].subjects, ["module dbo.sealed in database msdb"]);
    }

    #[test]
    fn an_unreached_instance_has_one_gap_on_which_everything_hangs() {
        let gaps = instance("dmz-01").gaps;
        assert_eq!(gaps.len(), 1);
        assert_eq!(gaps[0].points, 100);
        assert_eq!(gaps[0].places[0].facts.len(), 4);
    }

    #[test]
    fn another_name_of_an_instance_adds_no_gaps_and_points_to_it() {
        let alias = instance("erp-listener");
        assert!(alias.gaps.is_empty());
        assert_eq!(alias.same_as.unwrap().anchor.as_deref(), Some("instance-2"));
    }

    #[test]
    fn calls_in_one_module_are_one_piece_of_evidence_with_their_places() {
        let findings = instance("erp-prod").findings;
        let evidence = &findings[0].findings[0].evidence;
        assert_eq!(evidence.len(), 1);
        assert_eq!(
            evidence[0].places,
            [
                "line 12, column 3",
                "line 40, column 17",
                "line 41, column 1"
            ]
        );
    }

    #[test]
    fn the_order_of_verdicts_and_missing_facts_does_not_matter() {
        let mut turned = sample::assessment();
        for instance in &mut turned.instances {
            instance.verdicts.reverse();
            instance.coverage.missing.reverse();
        }
        let json = |view: &View| serde_json::to_string(view).unwrap();
        assert_eq!(json(&View::new(&turned)), json(&view()));
    }

    #[test]
    fn headline_does_not_call_the_unseen_clean() {
        let headline = view().headline.join(" ");
        assert!(headline.starts_with("Findings at high or critical on 1 of 5 instances."));
        assert!(headline.contains("2 of 5 instances could not be read whole"));
    }

    #[test]
    fn targets_of_one_name_keep_apart_anchors() {
        let mut assessment = sample::assessment();
        assessment.instances[0].id = crate::ids::InstanceId::new("lab");
        let view = View::new(&assessment);
        assert_ne!(view.instances[0].anchor, view.instances[5].anchor);
    }
}
