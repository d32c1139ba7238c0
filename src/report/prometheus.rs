//! The estate's numbers for Prometheus' textfile collector: gauges alone, without times of their own, so that what was
//! measured is told from when it was read.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use super::assessment::{Assessment, Instance, VerdictEntry};
use super::visible;
use crate::compliance::Status;
use crate::graph::State;
use crate::rules::Severity;

/// Every outcome, so that a series does not end when its last verdict goes.
const OUTCOMES: [&str; 5] = ["accepted", "fail", "not_applicable", "pass", "unknown"];
const STATES: [State; 4] = [State::Armable, State::Closed, State::Open, State::Waiting];

/// The text format, metric by metric.
pub fn prometheus(assessment: &Assessment) -> String {
    let mut metrics = Metrics::default();
    info(&mut metrics, assessment);
    // Another name of an instance carries nothing of its own.
    let instances = assessment
        .instances
        .iter()
        .filter(|own| own.same_as.is_none());
    let instances: Vec<&Instance> = instances.collect();
    verdicts(&mut metrics, assessment, &instances);
    exposure(&mut metrics, &instances);
    coverage(&mut metrics, &instances);
    controls(&mut metrics, assessment);
    metrics.0
}

/// What has been written so far.
#[derive(Default)]
struct Metrics(String);

impl Metrics {
    /// Begins a gauge.
    fn gauge(&mut self, name: &'static str, help: &str) -> Gauge<'_> {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge"); // writing to a String cannot fail
        Gauge {
            text: &mut self.0,
            name,
        }
    }
}

struct Gauge<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Gauge<'_> {
    fn set<const N: usize>(&mut self, labels: [(&str, &str); N], value: impl std::fmt::Display) {
        let labels = labels.map(|(label, value)| format!("{label}=\"{}\"", escaped(value)));
        let labels = labels.join(",");
        let labels = if N > 0 {
            format!("{{{labels}}}")
        } else {
            labels
        };
        let _ = writeln!(self.text, "{}{labels} {value}", self.name); // writing to a String cannot fail
    }
}

fn escaped(value: &str) -> String {
    let value = visible(value);
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

fn info(metrics: &mut Metrics, assessment: &Assessment) {
    let version = assessment.judged_by.trim_start_matches("mssql-posture ");
    let labels = [("version", version), ("as_of", &assessment.as_of)];
    let mut gauge = metrics.gauge(
        "mssql_posture_info",
        "Version that judged, and the day as of which.",
    );
    gauge.set(labels, 1);
    let fleet = &assessment.fleet;
    let mut gauge = metrics.gauge(
        "mssql_posture_instances",
        "Instances in scope, by how they were read.",
    );
    let rest = fleet.instances - fleet.complete;
    gauge.set([("read", "whole")], fleet.complete);
    gauge.set([("read", "partly_or_not")], rest);
}

/// The estate's own verdicts stand under a target without a name.
const ESTATE: &str = "";

fn verdicts(metrics: &mut Metrics, assessment: &Assessment, instances: &[&Instance]) {
    let own = instances.iter();
    let own = own.map(|own| (own.id.as_str(), own.verdicts.as_slice()));
    let estate = (ESTATE, assessment.estate.as_slice());
    let places: Vec<(&str, &[VerdictEntry])> = own.chain([estate]).collect();

    let mut gauge = metrics.gauge(
        "mssql_posture_findings",
        "Findings that stand, by severity; an empty target is the estate as a whole.",
    );
    for (target, verdicts) in &places {
        let stand = verdicts.iter().filter(|one| one.outcome == "fail");
        let counts = count(stand.map(|one| one.severity.as_str()));
        for severity in Severity::ALL.map(Severity::as_str) {
            let labels = [("target", *target), ("severity", severity)];
            gauge.set(labels, counts.get(severity).unwrap_or(&0));
        }
    }
    let mut gauge = metrics.gauge(
        "mssql_posture_verdicts",
        "Verdicts by outcome; a pass is one for each rule and scope.",
    );
    for (target, verdicts) in &places {
        let counts = count(verdicts.iter().map(|one| one.outcome.as_str()));
        for outcome in OUTCOMES {
            let labels = [("target", *target), ("outcome", outcome)];
            gauge.set(labels, counts.get(outcome).unwrap_or(&0));
        }
    }
}

fn count<'a>(words: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, u32> {
    words.fold(BTreeMap::new(), |mut counts, word| {
        *counts.entry(word).or_default() += 1;
        counts
    })
}

fn exposure(metrics: &mut Metrics, instances: &[&Instance]) {
    let mut gauge = metrics.gauge(
        "mssql_posture_exposure",
        "Exposure from 0 to 100: what was not seen at its best (low) and at its worst (high).",
    );
    for own in instances {
        let bounds = [("high", own.exposure.high), ("low", own.exposure.low)];
        for (bound, points) in bounds {
            gauge.set([("target", own.id.as_str()), ("bound", bound)], points);
        }
    }
    let mut gauge = metrics.gauge(
        "mssql_posture_routes",
        "Ways to run operating-system commands, by state; none where nothing is known of them.",
    );
    for own in instances.iter().filter(|own| !own.routes.is_empty()) {
        for state in STATES {
            let routes = own.routes.iter().filter(|route| route.state == state);
            gauge.set(
                [("target", own.id.as_str()), ("state", state.as_str())],
                routes.count(),
            );
        }
    }
}

fn coverage(metrics: &mut Metrics, instances: &[&Instance]) {
    let mut gauge = metrics.gauge(
        "mssql_posture_collected_timestamp_seconds",
        "When the collection ended; none where nothing was collected.",
    );
    for own in instances {
        if let Ok(end) = own.collected[1].parse::<Timestamp>() {
            gauge.set([("target", own.id.as_str())], end.as_second());
        }
    }
    let mut gauge = metrics.gauge(
        "mssql_posture_collection_finished",
        "Whether everything that was to be asked was asked.",
    );
    for own in instances {
        let finished = u8::from(own.coverage.finished);
        gauge.set([("target", own.id.as_str())], finished);
    }
    let mut gauge = metrics.gauge(
        "mssql_posture_facts_not_seen",
        "Facts that rules need and that were not seen whole.",
    );
    for own in instances {
        gauge.set([("target", own.id.as_str())], own.coverage.missing.len());
    }
    let mut gauge = metrics.gauge(
        "mssql_posture_databases",
        "Databases: known, of them read whole, and left out by the inventory; none where no list of them was seen.",
    );
    for own in instances.iter().filter(|own| own.product_version.is_some()) {
        let coverage = &own.coverage;
        let excluded = u32::try_from(coverage.databases_excluded.len()).unwrap_or(u32::MAX);
        let counts = [
            ("excluded", excluded),
            ("known", coverage.databases),
            ("read", coverage.databases_read),
        ];
        for (which, databases) in counts {
            gauge.set([("target", own.id.as_str()), ("state", which)], databases);
        }
    }
}

fn controls(metrics: &mut Metrics, assessment: &Assessment) {
    let mut gauge = metrics.gauge(
        "mssql_posture_controls",
        "Controls of a framework, by how far the estate meets them.",
    );
    for framework in &assessment.frameworks {
        let mut tally = framework.tally;
        for status in Status::ALL {
            let labels = [
                ("framework", framework.id.as_str()),
                ("status", status.as_str()),
            ];
            gauge.set(labels, *tally.of(status));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use super::super::sample;
    use super::*;

    fn lines() -> Vec<String> {
        let text = prometheus(&sample::with_estate());
        text.lines().map(str::to_owned).collect()
    }

    fn sum(metric: &str, label: &str) -> u32 {
        let lines = lines();
        let own = lines
            .iter()
            .filter(|line| line.starts_with(&format!("{metric}{{")) && line.contains(label));
        own.map(|line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap())
            .sum()
    }

    #[test]
    fn counts_are_those_of_the_assessment() {
        let assessment = sample::with_estate();
        let (due, found) = (&assessment.fleet.verdicts, &assessment.fleet.findings);
        for (outcome, due) in [
            ("pass", due.pass),
            ("fail", due.fail),
            ("accepted", due.accepted),
            ("not_applicable", due.not_applicable),
            ("unknown", due.unknown),
        ] {
            let label = format!("outcome=\"{outcome}\"");
            assert_eq!(sum("mssql_posture_verdicts", &label), due, "{outcome}");
        }
        for (severity, due) in [
            ("critical", found.critical),
            ("high", found.high),
            ("medium", found.medium),
            ("low", found.low),
            ("info", found.info),
        ] {
            let label = format!("severity=\"{severity}\"");
            assert_eq!(sum("mssql_posture_findings", &label), due, "{severity}");
        }
    }

    #[test]
    fn every_route_has_a_state() {
        let assessment = sample::with_estate();
        let own = assessment.instances.iter().map(|own| own.routes.len());
        let due = u32::try_from(own.sum::<usize>()).unwrap();
        assert!(due > 0);
        assert_eq!(sum("mssql_posture_routes", "state="), due);
    }

    #[test]
    fn series_are_distinct_and_of_metrics_that_are_described_once() {
        let lines = lines();
        let distinct: BTreeSet<&String> = lines.iter().collect();
        assert_eq!(distinct.len(), lines.len());
        let mut described = "";
        for line in &lines {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                described = rest.strip_suffix(" gauge").unwrap();
            } else if !line.starts_with("# HELP ") {
                let name = line.split(['{', ' ']).next().unwrap();
                assert_eq!(name, described);
            }
        }
    }

    #[test]
    fn nothing_is_said_of_what_was_not_seen() {
        let lines = lines();
        let of_unreached = |metric: &str| {
            let begins = format!("{metric}{{target=\"dmz-01\"");
            lines
                .iter()
                .filter(|line| line.starts_with(&begins))
                .count()
        };
        assert_eq!(of_unreached("mssql_posture_databases"), 0);
        assert_eq!(of_unreached("mssql_posture_routes"), 0);
        let finished = "mssql_posture_collection_finished{target=\"dmz-01\"} 0".to_owned();
        assert!(lines.contains(&finished));
        let exposed = "mssql_posture_exposure{target=\"dmz-01\",bound=\"high\"} 100".to_owned();
        assert!(lines.contains(&exposed));
        assert!(!lines.iter().any(|line| line.contains("erp-listener")));
    }

    #[test]
    fn a_hostile_target_is_one_label() {
        let mut assessment = sample::assessment();
        let hostile = "a\\b\"} 1\nx{c=\"\u{202e}\0";
        assessment.instances[0].id = crate::ids::InstanceId::new(hostile);
        let text = prometheus(&assessment);
        let label = r#"{target="a\\b\"} 1\\nx{c=\"\\u{202e}\\u{0}","#;
        assert!(text.contains(label), "{text}");
        assert!(text.lines().all(|line| visible(line) == line));
    }
}
