//! The demo in every form of lines: they agree, and nothing in them is obeyed by what reads them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::cli::Cli;

/// How many verdicts have which outcome.
type Tally = BTreeMap<String, usize>;

fn count(outcomes: impl Iterator<Item = String>) -> Tally {
    outcomes.fold(Tally::new(), |mut tally, outcome| {
        *tally.entry(outcome).or_default() += 1;
        tally
    })
}

fn outcome(verdict: &Value) -> String {
    verdict["outcome"].as_str().unwrap().to_owned()
}

#[test]
fn every_form_has_every_verdict_and_no_name_is_a_formula() {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/inventory/demo.toml");
    let audit = ["audit", demo, "-o", "out", "--format", "json,csv,jsonl"];
    let ran = Cli::new(&audit).run().code(3);
    let assessment = ran.assessment();
    let of_instances = assessment["instances"].as_array().unwrap().iter();
    let of_instances = of_instances.flat_map(|own| own["verdicts"].as_array().unwrap());
    let of_estate = assessment["estate"].as_array().unwrap();
    let due = count(of_estate.iter().chain(of_instances).map(outcome));
    assert_eq!(due.len(), 5, "the demo has every outcome: {due:?}");

    let lines = ran.read("out/reports/verdicts.jsonl");
    let lines = lines
        .lines()
        .map(|line| outcome(&serde_json::from_str(line).unwrap()));
    assert_eq!(count(lines), due);

    let text = ran.read("out/reports/verdicts.csv");
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    assert_eq!(count(rows.iter().map(|row| row[5].to_owned())), due);
    let fields = rows.iter().flatten();
    for field in fields {
        assert!(
            !field.trim_start().starts_with(['=', '+', '-', '@']),
            "{field}"
        );
        assert!(!field.contains(|c: char| c.is_control()), "{field:?}");
    }
    assert!(
        text.contains("dbo.=cmd|'/C calc'!A0"),
        "the name is there, behind its schema"
    );
}
