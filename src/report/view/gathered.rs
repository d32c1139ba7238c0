//! Gathers the view of an estate while its instances are prepared one by one, so that a report of many pages never
//! holds more than one instance's findings.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::AnswerView;
use super::control::{FrameworkView, WaiverView};
use super::finding::{self, Budget, Sent};
use super::heat::HeatView;
use super::instance::{ExposureView, InstanceView};
use super::listing::Listing;
use super::noticed::MatrixView;
use super::top::Top;
use super::{
    AnswerCount, AnswerRow, Link, Settle, VIEW_SCHEMA, View, collected, completeness, counts,
    estate_unknown, headline, hop, method, scope, synthetic,
};
use crate::ids::{Criticality, file_name};
use crate::report::assessment::Assessment;
use crate::report::visible;
use crate::rules::Severity;
use crate::score;

/// So many instances are named beside what would settle an unknown.
const MOST_PLACES: usize = 10;
/// So many rules are read at once.
const MOST_RULES: usize = 6;
/// So many answers are shown with what they rest on.
const MOST_ANSWERS: usize = 50;
/// So many waivers are shown.
const MOST_WAIVERS: usize = 1000;

/// Where an instance stands in a report.
#[derive(Clone, Debug)]
pub struct Place {
    /// Among the assessment's instances.
    at: usize,
    /// Its anchor on its page.
    anchor: String,
    /// Where a link from the first page leads.
    href: String,
    /// The path of its own page beside the first, if it has one.
    pub page: Option<String>,
}

/// What is known so far.
pub struct Gathered<'a> {
    assessment: &'a Assessment,
    split: bool,
    budget: fn() -> Budget,
    places: Vec<Place>,
    instances: Vec<InstanceView>,
    bad: usize,
    listing: Listing,
    settle: BTreeMap<String, Settling>,
    top: Top,
    answers: Vec<(bool, AnswerRow)>,
}

#[derive(Default)]
struct Settling {
    instances: Vec<Link>,
    more: usize,
    rules: BTreeSet<String>,
    points: u32,
}

impl<'a> Gathered<'a> {
    /// Nothing yet. `split` gives each instance a page of its own; the budget is that of one instance.
    pub fn new(assessment: &'a Assessment, split: bool, budget: fn() -> Budget) -> Self {
        let numbered = assessment.instances.iter().enumerate();
        let places = numbered.map(|(at, instance)| {
            let anchor = format!("instance-{}", at + 1);
            let page = format!("instances/{}.html", file_name(instance.id.as_str()));
            let page = (split && instance.same_as.is_none()).then_some(page);
            Place {
                at,
                href: page.clone().unwrap_or_else(|| format!("#{anchor}")),
                anchor,
                page,
            }
        });
        Self {
            assessment,
            split,
            budget,
            places: places.collect(),
            instances: Vec::new(),
            bad: 0,
            listing: Listing::default(),
            settle: BTreeMap::new(),
            top: Top::default(),
            answers: Vec::new(),
        }
    }

    /// The instances to look at first come first; those that carry no verdicts last.
    pub fn order(&self) -> Vec<Place> {
        let ranking = self.assessment.fleet.ranking.iter().enumerate();
        let ranks: BTreeMap<_, _> = ranking.map(|(n, ranked)| (&ranked.instance, n)).collect();
        let rank = |place: &Place| {
            let instance = self.assessment.instances.get(place.at);
            let rank = instance.and_then(|own| ranks.get(&own.id).copied());
            rank.unwrap_or(usize::MAX)
        };
        let mut order = self.places.clone();
        order.sort_by_key(rank);
        order
    }

    /// One instance, ready to show.
    pub fn prepare(&self, place: &Place) -> InstanceView {
        let instance = &self.assessment.instances[place.at];
        let other = instance.same_as.as_ref();
        let other = other.and_then(|id| self.assessment.instances.iter().position(|i| i.id == *id));
        let other = other.and_then(|at| self.places.get(at));
        let other = other.map(|place| place.href.clone());
        InstanceView::new(
            instance,
            place.anchor.clone(),
            place.href.clone(),
            other,
            (self.budget)(),
        )
    }

    /// Enters an instance. Of one that has a page of its own, what that page shows is let go.
    pub fn enter(&mut self, mut instance: InstanceView) {
        let is_serious = instance
            .findings
            .iter()
            .any(|g| g.severity >= Severity::High);
        self.bad += usize::from(instance.same_as.is_none() && is_serious);
        self.listing.enter(&instance);
        self.top.enter(&instance);
        self.enter_gaps(&instance);
        if let Some(answer) = instance.answer.take() {
            let is_critical = instance.criticality == Some(Criticality::Critical.as_str());
            let row = AnswerRow {
                instance: Link {
                    id: instance.id.clone(),
                    href: instance.href.clone(),
                },
                answer,
            };
            self.answers.push((is_critical, row));
        }
        if self.split {
            instance.let_go();
        }
        self.instances.push(instance);
    }

    fn enter_gaps(&mut self, instance: &InstanceView) {
        for gap in &instance.gaps {
            let settling = self.settle.entry(gap.needs.join("; ")).or_default();
            settling.rules.extend(gap.rules.iter().cloned());
            settling.points = settling.points.max(gap.points);
            if settling.instances.len() < MOST_PLACES {
                settling.instances.push(Link {
                    id: instance.id.clone(),
                    href: instance.href.clone(),
                });
            } else {
                settling.more += 1;
            }
        }
    }

    /// The estate.
    pub fn close(self) -> View {
        let assessment = self.assessment;
        let fleet = &assessment.fleet;
        let instances = self.instances;
        let numbered = assessment.frameworks.iter().zip(1..);
        let frameworks: Vec<_> = numbered
            .map(|(framework, n)| FrameworkView::new(framework, n))
            .collect();
        let [low, high] = fleet.exposure;
        let answer_counts = answer_counts(&self.answers);
        let (answers_of, answers) = critical(self.answers);
        let mut waivers: Vec<_> = assessment.waivers.iter().collect();
        waivers.sort_by_key(|waiver| (waiver.days_left, &waiver.id));
        let estate = finding::groups(
            &assessment.estate,
            "fail",
            "estate",
            &Sent::default(),
            &mut (self.budget)(),
        );
        View {
            schema: VIEW_SCHEMA,
            as_of: visible(&assessment.as_of),
            judged_by: visible(&assessment.judged_by),
            collected: collected(&assessment.instances),
            headline: headline(fleet, self.bad),
            synthetic: synthetic(&assessment.instances),
            redacted: assessment.redacted,
            counts: counts(fleet),
            unknown: fleet.verdicts.unknown,
            accepted: fleet.verdicts.accepted,
            scope: scope(fleet, &instances, assessment.not_selected.len()),
            exposure: ExposureView::between(low, high),
            trend: None,
            drift: None,
            answer_counts,
            answers_of,
            more_answers: answers.len().saturating_sub(MOST_ANSWERS),
            answers: answers.into_iter().take(MOST_ANSWERS).collect(),
            heat: HeatView::new(&instances),
            noticed: MatrixView::new(&instances),
            top: self.top.close(),
            split: self.split,
            listing: self.listing.close(),
            settle: settle(self.settle),
            hops: fleet.paths.iter().map(hop).collect(),
            estate,
            estate_unknown: estate_unknown(assessment),
            more_waivers: waivers.len().saturating_sub(MOST_WAIVERS),
            waivers: waivers
                .into_iter()
                .take(MOST_WAIVERS)
                .map(WaiverView::new)
                .collect(),
            statuses: frameworks
                .first()
                .map(|framework| framework.counts.iter().map(|c| c.status).collect())
                .unwrap_or_default(),
            frameworks,
            completeness: completeness(assessment, &instances),
            method: method(),
            exposure_method: score::EXPLANATION,
            instances,
        }
    }
}

/// Those of critical instances; all, where none is called critical.
fn critical(answers: Vec<(bool, AnswerRow)>) -> (&'static str, Vec<AnswerRow>) {
    let any = answers.iter().any(|(is_critical, _)| *is_critical);
    let of = if any {
        "critical instances"
    } else {
        "all instances, since the inventory calls none critical"
    };
    let chosen = answers
        .into_iter()
        .filter(|(is_critical, _)| *is_critical || !any);
    (of, chosen.map(|(_, row)| row).collect())
}

fn answer_counts(answers: &[(bool, AnswerRow)]) -> Vec<AnswerCount> {
    AnswerView::WORDS
        .into_iter()
        .map(|(word, class)| AnswerCount {
            word,
            class,
            count: answers
                .iter()
                .filter(|(_, row)| row.answer.word == word)
                .count(),
        })
        .filter(|counted| counted.count > 0)
        .collect()
}

fn settle(settling: BTreeMap<String, Settling>) -> Vec<Settle> {
    let settle = settling.into_iter().map(|(need, settling)| Settle {
        need,
        instances: settling.instances,
        more: settling.more,
        rule_count: settling.rules.len(),
        folded: settling.rules.len() > MOST_RULES,
        rules: settling.rules.into_iter().collect(),
        points: settling.points,
    });
    let mut settle: Vec<_> = settle.collect();
    let instances = |one: &Settle| one.instances.len() + one.more;
    settle
        .sort_by(|a, b| (instances(b), b.points, &a.need).cmp(&(instances(a), a.points, &b.need)));
    settle
}
