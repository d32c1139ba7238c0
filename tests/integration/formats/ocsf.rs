use serde_json::Value;

use super::{count, demo, follow};

#[test]
fn ocsf_has_every_verdict_at_the_time_of_its_collection() {
    let (ran, due) = demo("ocsf");
    let text = ran.read("out/reports/ocsf.jsonl");
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let outcomes = events.iter();
    let outcomes = outcomes.map(|event| event["status_code"].as_str().unwrap().to_owned());
    assert_eq!(count(outcomes), due);
    let passed = events
        .iter()
        .filter(|event| event["compliance"]["status_id"] == 1);
    assert_eq!(passed.count(), due["pass"]);
    for event in &events {
        // 2026-11-16T05:00:00Z and less than a second.
        let time = event["time"].as_u64().unwrap();
        assert_eq!(time / 1000, 1_794_805_200, "{time}");
    }
    let mut uids: Vec<&str> = events
        .iter()
        .map(|event| event["finding_info"]["uid"].as_str().unwrap())
        .collect();
    uids.sort_unstable();
    uids.dedup();
    assert_eq!(uids.len(), events.len());
    follow(&ran, &["reports/ocsf.jsonl"]);
}
