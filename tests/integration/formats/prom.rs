use super::{Tally, demo, follow};

#[test]
fn prometheus_has_the_counts_of_the_assessment() {
    let (ran, due) = demo("prom");
    let text = ran.read("out/reports/metrics.prom");
    let mut counts = Tally::new();
    for line in text.lines() {
        let Some(labels) = line.strip_prefix("mssql_posture_verdicts{") else {
            continue;
        };
        let (labels, value) = labels.rsplit_once("} ").unwrap();
        let outcome = labels.rsplit_once("outcome=\"").unwrap().1;
        let outcome = outcome.trim_end_matches('"').to_owned();
        *counts.entry(outcome).or_default() += value.parse::<usize>().unwrap();
    }
    assert_eq!(counts, due);
    let collected = "mssql_posture_collected_timestamp_seconds{target=\"finance-2019\"} 1794805200";
    assert!(text.lines().any(|line| line == collected), "{text}");
    let assessment = ran.assessment();
    for framework in assessment["frameworks"].as_array().unwrap() {
        let (id, met) = (
            framework["id"].as_str().unwrap(),
            &framework["tally"]["met"],
        );
        let line = format!("mssql_posture_controls{{framework=\"{id}\",status=\"met\"}} {met}");
        assert!(text.lines().any(|own| own == line), "{line}");
    }
    follow(&ran, &["reports/metrics.prom"]);
}
