//! The demo's ways to a command as a graph for BloodHound.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{demo, follow};

const FILE: &str = "reports/opengraph.json";

#[test]
fn the_graph_has_every_way_that_the_assessment_tells_and_no_edge_leads_nowhere() {
    let (ran, _) = demo("opengraph");
    let file = ran.json(&format!("out/{FILE}"));
    let all = |name: &str| file["graph"][name].as_array().unwrap();
    let ids: BTreeSet<&str> = all("nodes")
        .iter()
        .map(|node| node["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), all("nodes").len(), "an id stands twice");
    let mut met = BTreeSet::new();
    for edge in all("edges") {
        for end in ["start", "end"] {
            let id = edge[end]["value"].as_str().unwrap();
            assert!(ids.contains(id), "{edge}");
            met.insert(id);
        }
    }
    assert_eq!(met, ids, "a node stands alone");

    // Each channel that somebody reaches is a node of its instance.
    let assessment = ran.assessment();
    let mut reached = BTreeSet::new();
    for instance in assessment["instances"].as_array().unwrap() {
        let routes = instance["routes"].as_array().unwrap().iter();
        let routes = routes.filter(|route| !route["paths"].as_array().unwrap().is_empty());
        reached.extend(routes.map(|route| (text(&instance["id"]), text(&route["channel"]))));
    }
    let told: BTreeSet<(String, String)> = all("nodes")
        .iter()
        .filter(|node| node["kinds"][0] == "MSSQLPosture_Command")
        .map(|node| {
            let id = node["id"].as_str().unwrap();
            let channel = id.split(':').nth(2).unwrap().split('@').next().unwrap();
            (text(&node["properties"]["instance"]), channel.to_owned())
        })
        .collect();
    assert!(!reached.is_empty());
    assert!(told.is_superset(&reached), "{reached:?}, but {told:?}");
    follow(&ran, &[FILE]);
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
