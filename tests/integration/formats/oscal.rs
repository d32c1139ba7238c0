//! The demo as OSCAL assessment results.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{count, demo, follow};

const FILE: &str = "reports/oscal-assessment-results.json";

#[test]
fn oscal_has_every_verdict_and_a_finding_of_what_is_decided_alone() {
    let (ran, due) = demo("oscal");
    let document = ran.json(&format!("out/{FILE}"));
    let result = &document["assessment-results"]["results"][0];
    let all = |name: &str| result[name].as_array().unwrap().iter();
    let prop = |of: &Value, name: &str| {
        let mut props = of["props"].as_array().unwrap().iter();
        let found = props.find(|prop| prop["name"] == name)?;
        Some(found["value"].as_str().unwrap().to_owned())
    };
    assert_eq!(
        count(all("observations").filter_map(|one| prop(one, "outcome"))),
        due
    );

    let assessment = ran.assessment();
    let frameworks = assessment["frameworks"].as_array().unwrap().iter();
    let controls = frameworks.flat_map(|of| of["controls"].as_array().unwrap());
    let mut statuses: BTreeMap<&str, usize> = BTreeMap::new();
    for control in controls {
        *statuses
            .entry(control["status"].as_str().unwrap())
            .or_default() += 1;
    }
    let states = count(all("findings").map(|finding| {
        finding["target"]["status"]["state"]
            .as_str()
            .unwrap()
            .to_owned()
    }));
    let of = |status: &str| statuses.get(status).copied().unwrap_or(0);
    assert_eq!(states.get("satisfied").copied().unwrap_or(0), of("met"));
    assert_eq!(states["not-satisfied"], of("not_met") + of("accepted"));

    // Files that are cited by hash are there, with that hash.
    let sums = ran.read("out/SHA256SUMS");
    let resources = document["assessment-results"]["back-matter"]["resources"]
        .as_array()
        .unwrap();
    let rlinks = resources
        .iter()
        .flat_map(|one| one["rlinks"].as_array().unwrap());
    for rlink in rlinks {
        let path = rlink["href"].as_str().unwrap().strip_prefix("../").unwrap();
        let hash = rlink["hashes"][0]["value"].as_str().unwrap();
        assert!(sums.contains(&format!("{hash}  {path}\n")), "{path}");
    }
    assert!(sums.contains(FILE));
    follow(&ran, &[FILE]);
}
