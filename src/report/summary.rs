//! The first page for the summary of a pipeline's step: as long for ten thousand instances as for a hundred, since
//! GitHub refuses a summary of more than 1 MiB. What is left out is counted.

use serde::Serialize;

use super::assessment::Assessment;
use super::view::{FindingGroup, FindingView, FrameworkView, InstanceView, View, counted};
use crate::rules::Severity;

const MOST_FINDINGS: usize = 50;
const MOST_INSTANCES: usize = 50;
const MOST_UNSEEN: usize = 20;
const MOST_FRAMEWORKS: usize = 40;
/// Most characters of a name, and of a sentence.
const NAME: usize = 160;
const SENTENCE: usize = 400;

/// What the template lays out.
#[derive(Serialize)]
pub struct SummaryView {
    headline: Vec<String>,
    synthetic: Option<String>,
    redacted: bool,
    scope: String,
    exposure: String,
    as_of: String,
    collected: String,
    counts: Vec<SeverityCount>,
    verdicts: Vec<OutcomeCount>,
    findings: Vec<Finding>,
    more_findings: usize,
    /// What would show what was not seen, a sentence each.
    unseen: Vec<String>,
    instances: Vec<Row>,
    more_instances: usize,
    frameworks: Vec<String>,
}

#[derive(Serialize)]
struct SeverityCount {
    severity: &'static str,
    count: u32,
}

#[derive(Serialize)]
struct OutcomeCount {
    outcome: &'static str,
    count: u32,
}

#[derive(Serialize)]
struct Finding {
    severity: &'static str,
    place: String,
    rule: String,
    message: String,
}

/// A line of the table of instances.
#[derive(Serialize)]
struct Row {
    id: String,
    exposure: String,
    command_execution: &'static str,
    counts: Vec<String>,
    unknown: String,
    state: String,
}

impl SummaryView {
    /// The first page of an assessment.
    pub fn new(assessment: &Assessment) -> Self {
        let view = View::new(assessment);
        let due = &assessment.fleet.verdicts;
        let verdicts = [
            ("fail", due.fail),
            ("unknown", due.unknown),
            ("accepted", due.accepted),
            ("not applicable", due.not_applicable),
            ("pass", due.pass),
        ];
        let counts = view.counts.iter().map(|own| SeverityCount {
            severity: own.severity,
            count: own.count,
        });
        let (findings, more_findings) = findings(&view);
        let instances = view.instances.iter().take(MOST_INSTANCES);
        let frameworks = view.frameworks.iter().filter(|own| own.in_scope);
        Self {
            headline: view.headline.iter().map(|own| cut(own, SENTENCE)).collect(),
            synthetic: view.synthetic.as_deref().map(|own| cut(own, SENTENCE)),
            redacted: view.redacted,
            scope: cut(&view.scope, SENTENCE),
            exposure: view.exposure.text.clone(),
            as_of: cut(&view.as_of, NAME),
            collected: cut(&view.collected, NAME),
            counts: counts.collect(),
            verdicts: verdicts
                .map(|(outcome, count)| OutcomeCount { outcome, count })
                .into(),
            findings,
            more_findings,
            unseen: unseen(&view),
            instances: instances.map(Row::new).collect(),
            more_instances: view.instances.len().saturating_sub(MOST_INSTANCES),
            frameworks: frameworks.take(MOST_FRAMEWORKS).map(framework).collect(),
        }
    }
}

/// The worst of the estate and of the instances, those of the estate first, and how many more there are.
fn findings(view: &View) -> (Vec<Finding>, usize) {
    let of_estate = view.estate.iter();
    let of_estate = of_estate.filter(|group| group.severity >= Severity::High);
    let of_estate = of_estate.flat_map(|group| {
        let own = group.findings.iter();
        own.map(move |own| Finding::new("the estate", group, own))
    });
    let of_instances = view.findings_at_or_over(Severity::High);
    let mut found: Vec<Finding> = of_estate.collect();
    let all = found.len() + of_instances.len();
    let rest = MOST_FINDINGS.saturating_sub(found.len());
    let worst = of_instances.into_iter().take(rest);
    found.extend(worst.map(|(instance, group, own)| Finding::new(&instance.id, group, own)));
    found.truncate(MOST_FINDINGS);
    let more = all - found.len();
    (found, more)
}

impl Finding {
    fn new(place: &str, group: &FindingGroup, own: &FindingView) -> Self {
        Self {
            severity: group.severity_word,
            place: cut(place, NAME),
            rule: cut(&group.rule, NAME),
            message: cut(&own.message, SENTENCE),
        }
    }
}

fn unseen(view: &View) -> Vec<String> {
    let mut unseen: Vec<String> = view
        .settle
        .iter()
        .take(MOST_UNSEEN)
        .map(|settle| {
            let count = counted(
                settle.instances.len() + settle.more,
                "instance",
                "instances",
            );
            let rules = counted(settle.rules.len(), "rule", "rules");
            let need = cut(&settle.need, SENTENCE);
            format!(
                "{need}: would settle {rules} on {count}, up to {} points",
                settle.points
            )
        })
        .collect();
    let more = view.settle.len().saturating_sub(MOST_UNSEEN);
    if more > 0 {
        unseen.push(format!("and {more} more"));
    }
    let of_estate = view.estate_unknown.len();
    if of_estate > 0 {
        let count = counted(of_estate, "verdict", "verdicts");
        unseen.push(format!("{count} about the estate as a whole unknown"));
    }
    unseen
}

impl Row {
    fn new(instance: &InstanceView) -> Self {
        let none = "–".to_owned();
        let state = match &instance.same_as {
            Some(other) => format!("same as {}", cut(&other.id, NAME)),
            None => instance.state.word.to_owned(),
        };
        let is_silent = instance.same_as.is_some();
        let counts = instance.counts.iter().map(|own| {
            if is_silent || instance.nothing_seen {
                none.clone()
            } else {
                own.count.to_string()
            }
        });
        Self {
            id: cut(&instance.id, NAME),
            exposure: if is_silent {
                none.clone()
            } else {
                instance.exposure.text.clone()
            },
            command_execution: instance.command_execution.unwrap_or("–"),
            counts: counts.collect(),
            unknown: if is_silent {
                none.clone()
            } else {
                instance.unknown.to_string()
            },
            state,
        }
    }
}

/// `CIS Microsoft SQL Server 2022 Benchmark 1.1.0: 13 not met, 9 partly seen`.
fn framework(framework: &FrameworkView) -> String {
    let counts = framework.counts.iter().filter(|own| own.count > 0);
    let counts = counts.map(|own| format!("{} {}", own.count, own.status));
    let counts: Vec<String> = counts.collect();
    let name = cut(&framework.name, NAME);
    format!(
        "{name} ({}): {}",
        cut(&framework.id, NAME),
        counts.join(", ")
    )
}

/// The beginning of a text.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::{sample, summary};
    use super::*;
    use crate::ids::InstanceId;
    use crate::report::Templates;

    /// What GitHub takes of one step.
    const LIMIT: usize = 1024 * 1024;

    #[test]
    fn summary_of_the_sample() {
        insta::assert_snapshot!(summary(&sample::with_estate(), Templates::SHIPPED).unwrap());
    }

    #[test]
    fn counts_are_those_of_the_assessment() {
        let assessment = sample::with_estate();
        let due = &assessment.fleet.verdicts;
        let line = format!(
            "| of all rules | {} | {} | {} | {} | {} |",
            due.fail, due.unknown, due.accepted, due.not_applicable, due.pass
        );
        assert!(
            summary(&assessment, Templates::SHIPPED)
                .unwrap()
                .contains(&line),
            "{line}"
        );
    }

    #[test]
    fn five_thousand_instances_with_the_longest_names_fit_and_the_rest_is_counted() {
        let mut assessment = sample::with_estate();
        let own = assessment.instances.clone();
        assessment.instances.clear();
        for n in 0..5000 {
            let mut instance = own[n % 4].clone();
            instance.id = InstanceId::new(format!("{n}{}", "|".repeat(124)));
            instance.routes.clear();
            instance.fix_first.clear();
            instance.exposure.breakdown.clear();
            for verdict in &mut instance.verdicts {
                verdict.evidence.clear();
                verdict.message = "|\u{202e}<".repeat(150);
            }
            for missing in &mut instance.coverage.missing {
                missing.needs = vec![format!("{n}{}", "|".repeat(450))];
            }
            assessment.instances.push(instance);
        }
        let assessment = assessment.close();
        let text = summary(&assessment, Templates::SHIPPED).unwrap();
        assert!(text.len() < LIMIT, "{}", text.len());
        assert!(
            text.len() > LIMIT / 20,
            "it is the worst case: {}",
            text.len()
        );
        assert!(text.contains("And 4950 more, which come after these."));
        let serious = assessment.fleet.findings.critical + assessment.fleet.findings.high;
        let more = format!("- and {} more\n", serious as usize - MOST_FINDINGS);
        assert!(text.contains(&more), "{more}");
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("a😀b", 2), "a😀…");
        assert_eq!(cut("a😀b", 3), "a😀b");
    }

    #[test]
    fn an_empty_estate_has_a_summary() {
        let text = summary(
            &Assessment::new("2026-09-30".to_owned()),
            Templates::SHIPPED,
        )
        .unwrap();
        assert!(text.contains("No instance was judged."));
        assert!(text.contains("| of all rules | 0 | 0 | 0 | 0 | 0 |"));
    }
}
