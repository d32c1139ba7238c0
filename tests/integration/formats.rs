//! The demo in every format for programs: they agree, and nothing in them is obeyed by what reads them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::cli::{Cli, Ran};

mod cklb;
mod junit;
mod ocsf;
mod opengraph;
mod oscal;
mod prom;
mod sarif;
mod summary;
mod xlsx;

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

/// The demo audited with a format, and how many verdicts of which outcome its assessment has.
fn demo(format: &str) -> (Ran, Tally) {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/inventory/demo.toml");
    let audit = ["audit", demo, "-o", "out", "--format", format];
    let ran = Cli::new(&audit).run().code(3);
    let assessment = ran.assessment();
    let of_instances = assessment["instances"].as_array().unwrap().iter();
    let of_instances = of_instances.flat_map(|own| own["verdicts"].as_array().unwrap());
    let of_estate = assessment["estate"].as_array().unwrap();
    let due = count(of_estate.iter().chain(of_instances).map(outcome));
    assert_eq!(due.len(), 5, "the demo has every outcome: {due:?}");
    (ran, due)
}

/// Fails unless `verify` renders these files again and finds the same bytes.
#[track_caller]
fn follow(ran: &Ran, files: &[&str]) {
    let out = ran.path("out");
    let verified = Cli::new(&["verify", out.to_str().unwrap()]).run().code(0);
    for file in files {
        assert!(verified.stdout.contains(file), "{}", verified.stdout);
    }
    assert!(verified.stdout.contains("follow to the byte"));
}

#[test]
fn every_form_of_lines_has_every_verdict_and_no_name_is_a_formula() {
    let (ran, due) = demo("json,csv,jsonl");
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
