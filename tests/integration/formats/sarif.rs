use serde_json::Value;

use super::{count, demo, follow};
use crate::support::cli::Cli;

fn outcome(result: &Value) -> String {
    let is_accepted = !result["suppressions"].as_array().unwrap().is_empty();
    let outcome = match (result["kind"].as_str().unwrap(), is_accepted) {
        ("fail", true) => "accepted",
        ("fail", false) => "fail",
        ("open", _) => "unknown",
        ("notApplicable", _) => "not_applicable",
        (kind, _) => kind,
    };
    assert_eq!(result["properties"]["outcome"], outcome);
    outcome.to_owned()
}

#[test]
fn sarif_has_every_verdict_and_points_at_the_inventory() {
    let (ran, due) = demo("sarif");
    let log = ran.json("out/reports/results.sarif");
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(count(results.iter().map(outcome)), due);

    let inventory = include_str!("../../../inventory/demo.toml");
    let lines: Vec<&str> = inventory.lines().collect();
    let named = results
        .iter()
        .filter(|one| one["properties"]["instance"].is_string());
    for result in named {
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(
            place["artifactLocation"]["uri"], "demo.toml",
            "of an absolute path the name"
        );
        let line = usize::try_from(place["region"]["startLine"].as_u64().unwrap()).unwrap();
        let name = result["properties"]["instance"].as_str().unwrap();
        assert_eq!(lines[line - 1], format!("name = \"{name}\""));
    }
    let mut fingerprints: Vec<String> = results
        .iter()
        .map(|one| one["partialFingerprints"]["verdict/v1"].to_string())
        .collect();
    fingerprints.sort();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), results.len());
    assert!(run["taxonomies"].as_array().unwrap().len() > 5);
    follow(&ran, &["reports/results.sarif"]);
}

#[test]
fn without_an_inventory_results_point_at_what_was_recorded() {
    let recordings = concat!(env!("CARGO_MANIFEST_DIR"), "/inventory/recordings");
    let assess = ["assess", recordings, "--format", "sarif", "-o", "out"];
    let ran = Cli::new(&assess).arg("--as-of").arg("2026-11-17").run();
    let log = ran.json("out/reports/results.sarif");
    for result in log["runs"][0]["results"].as_array().unwrap() {
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "assessment.json");
    }
}
