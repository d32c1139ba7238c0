//! The prepared view: everything that the reports for people show, as strings ready to show, sorted
//! and counted, and made harmless by [`visible`](super::visible). Renderers only lay it out; each
//! escapes for its own format.

mod answer;
mod call;
mod completeness;
mod control;
mod finding;
mod gap;
mod gathered;
mod heat;
mod instance;
mod listing;
mod noticed;
mod top;
mod way;
mod wording;

use schemars::JsonSchema;
use serde::Serialize;

pub use call::CodeView;
pub use control::{FrameworkView, WaiverView};
pub use finding::{Budget, FindingGroup, FindingView};
pub use gathered::{Gathered, Place};
pub use instance::InstanceView;
pub use noticed::event_word;
pub use way::WayView;
pub use wording::{counted, first_of, first_of_all, quoted, subject, version_name};

use super::assessment::{Assessment, Instance};
use super::fleet::Fleet;
use super::judgement::Earlier;
use super::paths::chain_place;
use super::{DriftGlance, TrendView, visible};
use crate::graph::Path;
use crate::rules::Severity;
use answer::AnswerView;
use completeness::completeness;
use heat::HeatView;
use instance::{Count, ExposureView, span};
use listing::ListedRule;
use noticed::MatrixView;
use top::TopRoute;

/// The form of the view that templates are given.
pub const VIEW_SCHEMA: &str = "mssql-posture/view/v1";

/// An assessment, ready to show: every text is harmless in a terminal, and a template escapes for its own format.
#[derive(Serialize, JsonSchema)]
pub struct View {
    /// The form of the view: `mssql-posture/view/v1`.
    pub schema: &'static str,
    /// The day as of which was judged.
    pub as_of: String,
    /// Program and version that judged.
    pub judged_by: String,
    /// First to last moment of all collections.
    pub collected: String,
    /// What matters most, in sentences.
    pub headline: Vec<String>,
    /// Says that recordings are synthetic, and which.
    pub synthetic: Option<String>,
    /// Whether principals and hosts stand under pseudonyms.
    pub redacted: bool,
    /// Findings of all instances by severity, worst first.
    pub counts: Vec<Count>,
    /// Verdicts that are unknown.
    pub unknown: u32,
    /// Findings that are accepted.
    pub accepted: u32,
    /// Targets in words: how many instances, how much of them was read.
    pub scope: String,
    /// Largest low and high exposure of all instances.
    pub exposure: ExposureView,
    /// Earlier audits and this one, where some were given.
    pub trend: Option<TrendView>,
    /// What changed since a baseline, where one was given.
    pub drift: Option<DriftGlance>,
    /// The answers to AN0511 of the critical instances; of all, if the inventory calls none critical.
    pub answers: Vec<AnswerRow>,
    /// Whose answers these are.
    pub answers_of: &'static str,
    /// How many instances are not answered for here.
    pub more_answers: usize,
    /// How many instances have which answer.
    pub answer_counts: Vec<AnswerCount>,
    /// Instances by channels.
    pub heat: HeatView,
    /// Events that AN0511 needs, by instances: whether they would be noticed.
    pub noticed: MatrixView,
    /// The routes to hear of first.
    pub top: Vec<TopRoute>,
    /// The instances to look at first come first. On the page of a split report they hold no findings.
    pub instances: Vec<InstanceView>,
    /// Whether each instance has a page of its own.
    pub split: bool,
    /// All findings, gathered under their rule.
    pub listing: Vec<ListedRule>,
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
    /// How many waivers are not shown.
    pub more_waivers: usize,
    /// Compliance frameworks.
    pub frameworks: Vec<FrameworkView>,
    /// The words of a control's status, in the order of every framework's counts.
    pub statuses: Vec<&'static str>,
    /// What was in scope and what was reached, in sentences.
    pub completeness: Vec<String>,
    /// How to read the numbers, by paragraph.
    pub method: Vec<String>,
    /// How exposure is made, with its line breaks.
    pub exposure_method: &'static str,
}

/// One way to see more, and where it would help.
#[derive(Serialize, JsonSchema)]
pub struct Settle {
    /// A right to grant, or a trouble to mend.
    pub need: String,
    /// Where, the first of them.
    pub instances: Vec<Link>,
    /// How many more there are.
    pub more: usize,
    /// Rules that are unknown for want of it.
    pub rules: Vec<String>,
    /// How many these are.
    pub rule_count: usize,
    /// Whether they are too many to read at once.
    pub folded: bool,
    /// Most points that hang on it on one instance.
    pub points: u32,
}

/// A place to go to.
#[derive(Clone, Serialize, JsonSchema)]
pub struct Link {
    /// The instance's name.
    pub id: String,
    /// Where it stands.
    pub href: String,
}

/// An instance and its answer.
#[derive(Serialize, JsonSchema)]
pub struct AnswerRow {
    /// Which.
    pub instance: Link,
    /// Whether running commands is disabled, tightly governed, monitored or none of these.
    pub answer: AnswerView,
}

/// How many instances have an answer.
#[derive(Serialize, JsonSchema)]
pub struct AnswerCount {
    /// The answer.
    pub word: &'static str,
    /// For style.
    pub class: &'static str,
    /// Instances that have it.
    pub count: usize,
}

impl View {
    /// Prepares an assessment, all of it.
    pub fn new(assessment: &Assessment) -> Self {
        Self::within(assessment, Budget::whole)
    }

    /// Prepares an assessment in one, each instance within a budget.
    pub fn within(assessment: &Assessment, budget: fn() -> Budget) -> Self {
        let mut gathered = Gathered::new(assessment, false, budget);
        for place in gathered.order() {
            let instance = gathered.prepare(&place);
            gathered.enter(instance);
        }
        gathered.close()
    }

    /// The same with what was there before.
    #[must_use]
    pub fn after(mut self, earlier: Earlier<'_>) -> Self {
        self.trend = earlier.trend.and_then(TrendView::new);
        self.drift = earlier.drift.map(DriftGlance::new);
        self
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

/// What a rule about the estate could not tell.
#[derive(Serialize, JsonSchema)]
pub struct EstateUnknown {
    /// Which.
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

/// `bad` instances have a finding at high or critical.
fn headline(fleet: &Fleet, bad: usize) -> Vec<String> {
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
        0 => "Everything in scope that the rules need was seen.".to_owned(),
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
        assert_eq!(alias.same_as.unwrap().href.as_deref(), Some("#instance-2"));
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
