//! Who reaches what, judged by the facts of SQL Server: a table of small instances, each with what must be reached by
//! which kind of step, and what must not be, with the reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mssql_posture::graph::{Node, Reach, Step};
use serde::Deserialize;

use crate::support::privileges::{Built, estate};

/// One file: the cases about one family of steps.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    case: Vec<Case>,
}

/// One instance and what is so on it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Lines of the language in `support::privileges`.
    given: String,
    /// `WHO -> PLACE` by steps that wait for nobody.
    #[serde(default)]
    reaches: Vec<String>,
    /// The same by a step that waits for an administrator or a service.
    #[serde(default)]
    waits: Vec<String>,
    /// What is not reached at all.
    #[serde(default)]
    never: Vec<String>,
    /// The kind of step that must be in the chain of the first of `reaches` and `waits`, or that `never` is about.
    step: String,
    /// The rule in words, and where it comes from.
    why: String,
}

/// How a place is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    Now,
    Waiting,
    Never,
}

fn families() -> BTreeMap<String, Vec<Case>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/privileges");
    let mut families = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let family: Result<Family, _> = toml::from_str(&fs::read_to_string(&path).unwrap());
        let cases = family.unwrap_or_else(|e| panic!("{name}: {e}")).case;
        families.insert(name, cases);
    }
    families
}

/// Where a claim begins, what it is about, and how the chain goes.
struct Claim<'c> {
    text: &'c str,
    reached: Reached,
    kinds: Vec<Step>,
}

/// `WHO -> PLACE`; a login begins only if it can log in, unless it says `as`.
fn judge<'c>(built: &Built, text: &'c str) -> Claim<'c> {
    let (who, place) = text
        .split_once(" -> ")
        .unwrap_or_else(|| panic!("no claim: {text}"));
    let graph = built.graph();
    let goal = built.place(place.trim());
    let reach = Reach::new(&graph, goal, None);
    let (from, logs_in) = match who.trim().strip_prefix("as ") {
        Some(who) => (built.place(who), true),
        None => {
            let from = built.place(who.trim());
            (from, enters(built, from))
        }
    };
    let reached = match reach.way(from).filter(|_| logs_in) {
        None => Reached::Never,
        Some(way) if way.waits() => Reached::Waiting,
        Some(_) => Reached::Now,
    };
    let kinds = reach
        .chain(from)
        .iter()
        .map(|(edge, _)| edge.step)
        .collect();
    Claim {
        text,
        reached,
        kinds,
    }
}

fn enters(_built: &Built, _node: Node) -> bool {
    true
}

/// What is wrong with a case.
fn faults(case: &Case) -> Vec<String> {
    let built = estate(&case.given);
    let mut faults = Vec::new();
    let expected = [
        (Reached::Now, &case.reaches),
        (Reached::Waiting, &case.waits),
        (Reached::Never, &case.never),
    ];
    for (expected, claims) in expected {
        for claim in claims.iter().map(|text| judge(&built, text)) {
            if claim.reached != expected {
                let found = (claim.reached, &claim.kinds);
                faults.push(format!(
                    "{}: expected {expected:?}, found {found:?}",
                    claim.text
                ));
            }
        }
    }
    let first = case.reaches.iter().chain(&case.waits).next();
    if let Some(claim) = first.map(|text| judge(&built, text)) {
        if !claim.kinds.iter().any(|step| step.as_str() == case.step) {
            faults.push(format!(
                "{}: no {} in {:?}",
                claim.text, case.step, claim.kinds
            ));
        }
    }
    faults
}

#[test]
fn every_case_is_judged_by_the_facts() {
    let mut wrong = Vec::new();
    for (family, cases) in families() {
        for case in &cases {
            let faults = faults(case);
            let all = faults
                .into_iter()
                .map(|f| format!("{family}: {}: {f}", case.name));
            wrong.extend(all);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} faults:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_line_of_the_language_is_understood() {
    let built = estate(include_str!("../support/privileges/sample.txt"));
    let server = &built.snapshot.server;
    assert_eq!(server.jobs.seen().len(), 1);
    assert_eq!(server.job_steps.seen().len(), 3);
    assert_eq!(server.proxy_logins.seen().len(), 4);
    assert!(!server.trusted_assemblies.is_settled());
    assert_eq!(built.user("Shop", "dbo"), Node::Owner(built.db("Shop")));
    let shop = &built.snapshot.databases[built.db("Shop") as usize];
    assert_eq!(shop.crypt_properties.seen().len(), 2);
    assert_eq!(shop.triggers.seen().len(), 2);
    let (_, called) = built.module("Shop", "dbo.q");
    let callers = built.code.modules.iter().flat_map(|module| &module.calls);
    assert_eq!(callers.filter(|call| call.object_id == called).count(), 4);
    assert_eq!(built.code.steps.len(), 2);
}
