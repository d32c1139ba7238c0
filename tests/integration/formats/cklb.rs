//! The demo's STIG checklists: one of each instance of SQL Server 2022 and of each of its databases.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{demo, follow};

fn word<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap()
}

#[test]
fn checklists_say_of_each_control_what_the_assessment_counts() {
    let (ran, _) = demo("cklb");
    let assessment = ran.assessment();
    let files = ran.files("out/reports/stig");
    let mut counted: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut of_databases = 0;
    for name in &files {
        let file = ran.json(&format!("out/reports/stig/{name}"));
        let stig = &file["stigs"][0];
        let is_of_instance = name.ends_with(".instance.cklb");
        of_databases += usize::from(!is_of_instance);
        let rules = stig["rules"].as_array().unwrap();
        assert_eq!(rules.len(), if is_of_instance { 80 } else { 22 });
        for rule in rules.iter().filter(|_| is_of_instance) {
            let key = (
                word(rule, "group_id").to_owned(),
                word(rule, "status").to_owned(),
            );
            *counted.entry(key).or_default() += 1;
        }
        if !is_of_instance {
            let clean = rules
                .iter()
                .filter(|rule| rule["status"] == "not_a_finding");
            assert_eq!(
                clean.count(),
                0,
                "no rule sees a database's item whole: {name}"
            );
        }
    }
    let frameworks = assessment["frameworks"].as_array().unwrap();
    let stig = frameworks
        .iter()
        .find(|of| of["id"] == "stig-2022-instance")
        .unwrap();
    let instances = files.len() - of_databases;
    assert_eq!(stig["population"], instances);
    assert!(
        instances > 0 && of_databases >= 4 * instances,
        "each has four databases at least"
    );
    for control in stig["controls"].as_array().unwrap() {
        let is = |status: &str| {
            let key = (word(control, "id").to_owned(), status.to_owned());
            counted.get(&key).copied().unwrap_or(0)
        };
        let number = |field: &str| control[field].as_u64().unwrap();
        let id = &control["id"];
        match word(control, "assessed") {
            "manual" => assert_eq!(is("not_reviewed"), instances as u64, "{id}"),
            assessed => {
                assert_eq!(is("open"), number("failed") + number("accepted"), "{id}");
                let clean = number("tested") - number("failed") - number("accepted");
                let due = if assessed == "rule" { clean } else { 0 };
                assert_eq!(is("not_a_finding"), due, "{id}");
            }
        }
    }
    assert!(counted.keys().any(|(_, status)| status == "open"));
    assert!(counted.keys().any(|(_, status)| status == "not_a_finding"));
    follow(&ran, &["files of reports/stig/"]);
}
