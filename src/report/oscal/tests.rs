#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::compliance::{self, Status};
use crate::report::sample;
use crate::rules::{WaiverEntry, WaiverState};

/// The sample with a shipped framework, its controls in turn of every status and resting on rules of the sample.
fn assessment() -> Assessment {
    let mut assessment = sample::with_estate();
    for framework in compliance::shipped() {
        let rules = BTreeSet::from(["SURF-001", "CODE-001", "CODE-002", "SIGHT-001"]);
        let key = |id: &str| format!("{}:{id}", framework.id);
        let naming = framework
            .controls
            .iter()
            .map(|own| (key(&own.id), rules.clone()));
        let naming = naming.collect();
        let mut status = compliance::assess(framework, &[], &naming, &BTreeMap::new());
        status.products.clear();
        let turns = Status::ALL.iter().cycle();
        for (control, turn) in status.controls.iter_mut().zip(turns) {
            control.status = *turn;
        }
        assessment.frameworks.push(status);
    }
    assessment
}

fn judged(assessment: &Assessment) -> Judgement<'_> {
    let mut judged = Judgement::of(assessment);
    for path in [
        ASSESSMENT,
        PLAN,
        "snapshots/erp-prod.snapshot.json",
        "evidence/a b.pdf",
    ] {
        judged.files.insert(path.to_owned(), "0f".repeat(32));
    }
    let snapshot = "snapshots/erp-prod.snapshot.json".to_owned();
    judged
        .snapshots
        .insert(crate::ids::InstanceId::new("erp-prod"), snapshot);
    judged
}

fn document(assessment: &Assessment) -> Value {
    let bytes = oscal(&judged(assessment)).unwrap();
    serde_json::from_slice::<Value>(&bytes).unwrap()["assessment-results"].take()
}

/// A waiver that is in force.
fn waiver(id: &str, expires: &str) -> WaiverEntry {
    WaiverEntry {
        id: id.to_owned(),
        rule: "CODE-001".to_owned(),
        subject: None,
        database: None,
        targets: None,
        owner: "ERP team".to_owned(),
        approver: sample::HOSTILE_LOGIN.to_owned(),
        reason: sample::HOSTILE_ASSEMBLY.to_owned(),
        ticket: "RISK-1".to_owned(),
        created: "2026-09-01".to_owned(),
        expires: expires.to_owned(),
        days_left: 100,
        hash: None,
        accepts: Some(1),
        state: WaiverState::InForce,
    }
}

fn list<'v>(document: &'v Value, name: &str) -> &'v Vec<Value> {
    document["results"][0][name].as_array().unwrap()
}

/// Every object's own id, and every reference to one.
fn ids<'v>(value: &'v Value, own: &mut Vec<&'v str>, others: &mut Vec<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| ids(item, own, others)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str() {
                    Some(id) if name == "uuid" => own.push(id),
                    Some(id) if name.ends_with("-uuid") => others.push(id),
                    Some(href) if name == "href" => others.extend(href.strip_prefix('#')),
                    _ => ids(field, own, others),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn every_reference_leads_to_something_and_no_id_stands_twice() {
    let assessment = assessment();
    let document = document(&assessment);
    let (mut own, mut others) = (Vec::new(), Vec::new());
    ids(&document, &mut own, &mut others);
    let distinct: BTreeSet<&str> = own.iter().copied().collect();
    assert_eq!(distinct.len(), own.len());
    assert!(others.len() > own.len());
    let dangling: Vec<_> = others.iter().filter(|id| !distinct.contains(*id)).collect();
    assert!(dangling.is_empty(), "{dangling:?}");
}

#[test]
fn every_verdict_is_an_observation_and_no_list_or_text_is_empty() {
    let assessment = assessment();
    let document = document(&assessment);
    let observations = list(&document, "observations");
    let due = crate::report::lines::all(&assessment);
    let due: Vec<&str> = due.map(|(_, verdict)| verdict.outcome.as_str()).collect();
    let told = observations.iter().map(|one| {
        let mut props = one["props"].as_array().unwrap().iter();
        props.find(|prop| prop["name"] == "outcome").unwrap()["value"]
            .as_str()
            .unwrap()
    });
    assert_eq!(told.collect::<Vec<_>>(), due);
    no_emptiness(&document);
}

fn no_emptiness(value: &Value) {
    match value {
        Value::Array(items) => {
            assert!(!items.is_empty());
            items.iter().for_each(no_emptiness);
        }
        Value::Object(fields) => fields.values().for_each(no_emptiness),
        Value::String(text) => {
            assert!(!text.is_empty());
            assert_eq!(text.trim(), text);
            assert_eq!(crate::report::visible(text), *text);
        }
        Value::Null => panic!("nothing is null"),
        _ => {}
    }
}

#[test]
fn a_control_that_is_not_decided_has_no_finding() {
    let assessment = assessment();
    let document = document(&assessment);
    let findings = list(&document, "findings");
    let results = judged(&assessment);
    let results = Results::new(&results);
    let decided = |wanted: &[Status]| {
        let controls = results.controls();
        controls
            .filter(|(_, own)| wanted.contains(&own.status))
            .count()
    };
    let state = |state: &str| {
        let of = |finding: &&Value| finding["target"]["status"]["state"] == state;
        findings.iter().filter(of).count()
    };
    assert_eq!(state("satisfied"), decided(&[Status::Met]));
    assert_eq!(
        state("not-satisfied"),
        decided(&[Status::NotMet, Status::Accepted])
    );
    assert_eq!(state("satisfied") + state("not-satisfied"), findings.len());
    for finding in findings {
        let is_met = finding["target"]["status"]["state"] == "satisfied";
        assert_eq!(finding["related-risks"].is_array(), !is_met, "{finding}");
        assert!(finding["related-observations"].is_array());
    }
}

#[test]
fn what_is_accepted_is_a_deviation_and_ends_with_its_waiver() {
    let mut assessment = assessment();
    let waiver = waiver("CHG-1042", "2027-01-31");
    assessment.waivers.push(waiver);
    let document = document(&assessment);
    let risks = list(&document, "risks");
    let found = |risk: &&Value| risk["status"] == "deviation-approved";
    let accepted: Vec<&Value> = risks.iter().filter(found).collect();
    assert_eq!(accepted.len(), 2, "one of an instance, one of the estate");
    let deadlines = accepted
        .iter()
        .filter(|risk| risk["deadline"] == "2027-01-31T23:59:59Z");
    assert_eq!(deadlines.count(), 1);
    let open = risks.iter().filter(|risk| risk["status"] == "open");
    assert!(open.clone().count() > 3);
    assert!(open.clone().all(|risk| risk["deadline"].is_null()));
    let observed = |risk: &Value| risk["related-observations"].as_array().unwrap().len();
    let grouped: usize = risks.iter().map(observed).sum();
    let verdicts = &assessment.fleet.verdicts;
    assert_eq!(grouped, (verdicts.fail + verdicts.accepted) as usize);
}

#[test]
fn evidence_is_the_snapshot_with_its_query_and_files_are_given_by_hash() {
    let assessment = assessment();
    let document = document(&assessment);
    let resources = document["back-matter"]["resources"].as_array().unwrap();
    let hrefs: Vec<&str> = resources
        .iter()
        .map(|one| one["rlinks"][0]["href"].as_str().unwrap())
        .collect();
    assert!(hrefs.contains(&"../evidence/a%20b.pdf"), "{hrefs:?}");
    let snapshot = resources
        .iter()
        .find(|one| one["title"] == "snapshots/erp-prod.snapshot.json");
    let snapshot = snapshot.or_else(|| {
        resources
            .iter()
            .find(|one| one["rlinks"][0]["href"] == "../snapshots/erp-prod.snapshot.json")
    });
    let href = format!("#{}", snapshot.unwrap()["uuid"].as_str().unwrap());
    let mut observations = list(&document, "observations").iter();
    let cited = observations.find(|one| {
        let evidence = one["relevant-evidence"].as_array();
        evidence.is_some_and(|all| all.iter().any(|one| one["href"] == href))
    });
    let props = cited.unwrap()["relevant-evidence"][0]["props"]
        .as_array()
        .unwrap();
    let names: Vec<&str> = props
        .iter()
        .map(|prop| prop["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"query") && names.contains(&"rows"),
        "{names:?}"
    );
    let last = document["metadata"]["last-modified"].as_str().unwrap();
    assert_eq!(last, "2026-09-30T02:00:09Z", "the end of the collection");
}

#[test]
fn ids_stay_and_the_same_judgement_gives_the_same_bytes() {
    let assessment = assessment();
    let bytes = || oscal(&judged(&assessment)).unwrap();
    assert!(bytes() == bytes());
    let before = document(&assessment);
    let mut later = assessment.clone();
    later.as_of = "2026-12-31".to_owned();
    let after = document(&later);
    let uuid = |of: &Value| list(of, "observations")[7]["uuid"].clone();
    assert_eq!(uuid(&before), uuid(&after));
}

#[test]
fn ids_of_controls_are_tokens() {
    let assessment = assessment();
    let is_token = |text: &str| {
        let mut chars = text.chars();
        let first = chars.next().unwrap();
        (first.is_alphabetic() || first == '_')
            && chars.all(|c| c.is_alphanumeric() || ".-_".contains(c))
    };
    let mut tokens = BTreeSet::new();
    for framework in &assessment.frameworks {
        for control in &framework.controls {
            let token = control_token(framework, control);
            assert!(is_token(&token), "{token}");
            assert!(
                tokens.insert(token.clone()),
                "{token} stands for two controls"
            );
        }
    }
    assert!(tokens.contains("ac-2.1"));
    assert!(tokens.contains("cis-2022_2.9"));
}

#[test]
fn texts_keep_to_the_forms_of_oscal() {
    for (text, due) in [
        ("", "-"),
        (" ", "\\u{20}"),
        (" a ", "\\u{20}a\\u{20}"),
        ("a\n", "a\\n"),
        ("a b", "a b"),
    ] {
        assert_eq!(line(text), due);
    }
    assert!(prop("x", "").is_none());
    assert_eq!(
        markup("[x](http://evil.example)"),
        "\\[x\\](http\\://evil\\.example)"
    );
    assert_eq!(
        moment("2026-09-30T02:00:04Z").as_deref(),
        Some("2026-09-30T02:00:04Z")
    );
    assert_eq!(moment("2026-09-30"), None);
    assert_eq!(moment(""), None);
}
