use super::{Tally, demo, follow};

#[test]
fn the_summary_counts_every_verdict_and_names_every_instance() {
    let (ran, due) = demo("summary");
    let text = ran.read("out/reports/summary.md");
    let line = |begins: &str| {
        let mut lines = text.lines();
        let line = lines.find_map(|line| line.strip_prefix(begins)).unwrap();
        let cells = line.trim_end_matches(" |").split(" | ");
        cells.map(str::to_owned).collect::<Vec<_>>()
    };
    let outcomes = line("| Verdicts | ").into_iter();
    let outcomes = outcomes.map(|outcome| outcome.replace(' ', "_"));
    let counts = line("| of all rules | ").into_iter();
    let counts: Tally = outcomes
        .zip(counts.map(|count| count.parse().unwrap()))
        .collect();
    assert_eq!(counts, due);
    for instance in ran.assessment()["instances"].as_array().unwrap() {
        let id = instance["id"].as_str().unwrap();
        assert!(text.contains(&format!("\n| {id} | ")), "{id}");
    }
    follow(&ran, &["reports/summary.md"]);
}
