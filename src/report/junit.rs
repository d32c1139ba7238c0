//! Verdicts as test results for pipelines: a suite for each target and one for the estate, a case for each verdict. A
//! finding is a failure. What is unknown was not evaluated and is skipped, or is an error where the collection itself
//! failed; neither passes. An accepted finding is skipped and stands among its suite's properties with its waiver.
//!
//! The form is that of Ant's strict schema: every suite has properties, output and errors, in that order.

use serde::Serialize;

use super::assessment::{Assessment, Coverage, Instance, VerdictEntry};
use super::visible;
use crate::rules::Missing;

/// The whole of it, as the template wants it.
#[derive(Serialize)]
pub struct JunitView {
    suites: Vec<Suite>,
}

#[derive(Serialize)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

#[derive(Serialize)]
struct Suite {
    name: String,
    /// UTC; the form has no place for the zone.
    timestamp: String,
    host: String,
    counts: Counts,
    properties: Vec<Property>,
    cases: Vec<TestCase>,
    /// What ended the collection early.
    trouble: String,
}

#[derive(Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
struct TestCase {
    name: String,
    severity: &'static str,
    failure: Option<String>,
    error: Option<String>,
    skipped: Option<String>,
}

/// The suite of what is said of no single instance.
const ESTATE: &str = "the estate as a whole";

impl JunitView {
    /// Every verdict of an assessment, in its order.
    pub fn new(assessment: &Assessment) -> Self {
        let as_of = &assessment.as_of;
        let mut suites: Vec<Suite> = Vec::new();
        for instance in &assessment.instances {
            suites.push(Suite::of(instance, as_of));
        }
        if !assessment.estate.is_empty() {
            let mut estate = Suite::new(ESTATE, &assessment.estate, |_| false);
            estate.timestamp = moment("", as_of);
            suites.push(estate);
        }
        Self { suites }
    }
}

impl Suite {
    fn of(instance: &Instance, as_of: &str) -> Self {
        let coverage = &instance.coverage;
        let is_failure = |missing: &[Missing]| failed(coverage, missing);
        let mut suite = Self::new(instance.id.as_str(), &instance.verdicts, is_failure);
        suite.timestamp = moment(&instance.collected[1], as_of);
        if !instance.target.is_empty() {
            suite.host = shown(&instance.target);
        }
        let exposure = &instance.exposure;
        let exposure = format!("{} to {}", exposure.low, exposure.high);
        let facts = [
            ("exposure", Some(exposure)),
            ("product version", instance.product_version.clone()),
            (
                "same instance as",
                instance.same_as.as_ref().map(ToString::to_string),
            ),
            ("synthetic", instance.synthetic.clone()),
        ];
        let facts = facts.into_iter().filter_map(|(name, value)| {
            let value = shown(&value?);
            Some(Property { name, value })
        });
        suite.properties.splice(0..0, facts);
        let trouble = coverage.trouble.as_ref();
        suite.trouble = trouble.map_or_else(String::new, |trouble| shown(&trouble.to_string()));
        suite
    }

    fn new(name: &str, verdicts: &[VerdictEntry], is_failure: impl Fn(&[Missing]) -> bool) -> Self {
        let cases = verdicts.iter();
        let cases: Vec<_> = cases.map(|one| TestCase::new(one, &is_failure)).collect();
        let count = |which: fn(&TestCase) -> bool| cases.iter().filter(|case| which(case)).count();
        let accepted = verdicts.iter().zip(&cases).filter_map(|(verdict, case)| {
            let waiver = verdict.waiver.as_deref()?;
            let value = format!("{} by {}", case.name, shown(waiver));
            let name = "accepted";
            Some(Property { name, value })
        });
        Self {
            name: shown(name),
            timestamp: String::new(),
            host: shown(name),
            counts: Counts {
                tests: cases.len(),
                failures: count(|case| case.failure.is_some()),
                errors: count(|case| case.error.is_some()),
                skipped: count(|case| case.skipped.is_some()),
            },
            properties: accepted.collect(),
            cases,
            trouble: String::new(),
        }
    }
}

/// Whether what is missing is so because the collection ended early or a query failed, not for want of a right.
fn failed(coverage: &Coverage, missing: &[Missing]) -> bool {
    let by_query = |one: &Missing| {
        let mut states = coverage.missing.iter();
        states.any(|state| {
            state.state == "failed" && state.fact == one.fact && state.database == one.database
        })
    };
    !coverage.finished || missing.iter().any(by_query)
}

/// `2026-09-30T02:00:09` of a UTC timestamp; the day's beginning where there is none.
fn moment(timestamp: &str, as_of: &str) -> String {
    let seconds = timestamp.get(..19);
    seconds.map_or_else(|| format!("{as_of}T00:00:00"), str::to_owned)
}

impl TestCase {
    fn new(verdict: &VerdictEntry, is_failure: impl Fn(&[Missing]) -> bool) -> Self {
        let subject = &verdict.subject;
        let database = subject.database.as_ref().map(AsRef::as_ref);
        let about: Vec<&str> = [database, subject.name.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        let about = match about.as_slice() {
            [] => String::new(),
            names => format!(": {} {}", subject.kind, names.join(" ")),
        };
        let mut case = Self {
            name: shown(&format!("{} {}{about}", verdict.rule, verdict.rule_slug)),
            severity: verdict.severity.as_str(),
            failure: None,
            error: None,
            skipped: None,
        };
        let message = shown(&verdict.message);
        let waiver = || shown(verdict.waiver.as_deref().unwrap_or_default());
        match verdict.outcome.as_str() {
            "pass" => {}
            "fail" => case.failure = Some(message),
            "accepted" => case.skipped = Some(format!("accepted by {}: {message}", waiver())),
            "not_applicable" => case.skipped = Some(format!("not applicable: {message}")),
            _ if is_failure(&verdict.missing) => {
                case.error = Some(format!("collection failed: {message}"));
            }
            _ => case.skipped = Some(format!("not evaluated: {message}")),
        }
        case
    }
}

/// What XML 1.0 can hold.
fn shown(text: &str) -> String {
    visible(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::{junit, sample};
    use super::*;
    use crate::report::Templates;

    fn suites() -> Vec<Suite> {
        JunitView::new(&sample::with_estate()).suites
    }

    fn messages(which: fn(&TestCase) -> &Option<String>) -> Vec<String> {
        let suites = suites();
        let cases = suites.iter().flat_map(|suite| &suite.cases);
        cases.filter_map(|case| which(case).clone()).collect()
    }

    #[test]
    fn every_verdict_is_a_case_and_only_a_pass_passes() {
        let assessment = sample::with_estate();
        let due = &assessment.fleet.verdicts;
        let (failures, errors) = (messages(|c| &c.failure), messages(|c| &c.error));
        let skipped = messages(|c| &c.skipped);
        let began = |with: &str| skipped.iter().filter(|m| m.starts_with(with)).count();
        assert_eq!(failures.len(), due.fail as usize);
        assert_eq!(began("accepted by"), due.accepted as usize);
        assert_eq!(began("not applicable: "), due.not_applicable as usize);
        let unknown = errors.len() + began("not evaluated: ");
        assert_eq!(unknown, due.unknown as usize);
        let all: usize = suites().iter().map(|suite| suite.counts.tests).sum();
        assert_eq!(
            all - failures.len() - errors.len() - skipped.len(),
            due.pass as usize
        );
    }

    #[test]
    fn a_collection_that_failed_is_an_error_and_a_missing_right_is_skipped() {
        let mut assessment = sample::assessment();
        let by_name = |own: &&mut Instance| own.id.as_str() == "hr";
        let hr = assessment.instances.iter_mut().find(by_name).unwrap();
        let unknown = hr.verdicts.iter_mut().find(|v| v.outcome == "unknown");
        let missing = &mut unknown.unwrap().missing[0];
        missing.fact = "startup_procedures".to_owned();
        missing.database = None;
        let suites = JunitView::new(&assessment).suites;
        let of = |name: &str| suites.iter().find(|suite| suite.name == name).unwrap();
        assert_eq!(of("hr").counts.errors, 1, "its query failed");
        let late = |case: &&TestCase| {
            let skipped = case.skipped.as_deref();
            skipped.is_some_and(|message| message.starts_with("not evaluated: "))
        };
        assert_eq!(of("hr").cases.iter().filter(late).count(), 3);
        assert_eq!(of("dmz-01").counts.errors, 1);
        assert!(of("dmz-01").trouble.contains("Login failed"));
    }

    #[test]
    fn an_accepted_finding_stands_among_the_properties() {
        let suites = suites();
        let mut properties = suites.iter().flat_map(|suite| &suite.properties);
        let accepted = properties.find(|property| property.name == "accepted");
        assert!(accepted.unwrap().value.ends_with(" by CHG-1042"));
    }

    #[test]
    fn names_are_nothing_but_text() {
        let xml = junit(&sample::with_estate(), Templates::SHIPPED).unwrap();
        let allowed = |c: char| c == '\n' || (c >= ' ' && !('\u{fffe}'..='\u{ffff}').contains(&c));
        assert!(xml.chars().all(allowed));
        assert!(xml.lines().all(|line| visible(line) == line));
        for obeyed in ["<script", "<!--", "<b>", "]]>"] {
            assert!(!xml.contains(obeyed), "{obeyed}");
        }
        let tags = ["testcase", "failure", "error", "skipped", "property"];
        for line in xml.lines().map(str::trim_start) {
            let quotes = line.matches('"').count();
            assert_eq!(quotes % 2, 0, "{line}");
            if let Some(tag) = tags
                .iter()
                .find(|tag| line.starts_with(&format!("<{tag} ")))
            {
                assert!(
                    line.ends_with('>') && line.matches('<').count() == 1,
                    "{tag}"
                );
            }
        }
        assert_eq!(shown("a\0b\u{fffe}\u{ffff}"), "a\\u{0}b\u{fffd}\u{fffd}");
    }

    #[test]
    fn suites_have_what_the_strict_schema_asks_for() {
        for suite in suites() {
            assert_eq!(suite.timestamp.len(), "2026-09-30T02:00:09".len());
            assert!(!suite.name.is_empty() && !suite.host.is_empty());
        }
        let xml = junit(
            &Assessment::new("2026-09-30".to_owned()),
            Templates::SHIPPED,
        )
        .unwrap();
        assert!(xml.ends_with("<testsuites>\n</testsuites>\n"));
    }
}
