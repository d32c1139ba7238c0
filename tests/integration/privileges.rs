//! Who reaches what, judged by the facts of SQL Server: a table of small instances, each with what must be reached by
//! which kind of step, and what must not be, with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use mssql_posture::graph::{Assumed, Graph, LIMITS, Node, Reach, Scope, Step};
use mssql_posture::snapshot::Observed;
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
    /// What what was not seen could let somebody reach, and nothing else.
    #[serde(default)]
    may: Vec<String>,
    /// What is not reached at all.
    #[serde(default)]
    never: Vec<String>,
    /// What is reached by waiting alone, and not by a step of this kind.
    #[serde(default)]
    not_by: Vec<String>,
    /// The limit of `explain steps` by which the engine shows more ways here than there are.
    limit: Option<String>,
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
    let place = who.trim().strip_prefix("as ");
    let from = built.place(place.unwrap_or(who.trim()));
    let logs_in = place.is_some() || enters(built, from);
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

/// Whether a claim could be so, by everything that was not seen.
fn possibly(built: &Built, text: &str) -> bool {
    let (who, place) = text.split_once(" -> ").unwrap();
    let mut graph = built.graph();
    graph.assume(Assumed::of(&graph.gaps()));
    let reach = Reach::new(&graph, built.place(place.trim()), None);
    reach.way(built.place(who.trim())).is_some()
}

/// Whether a login can log in at all; what is no login begins where it is.
fn enters(built: &Built, node: Node) -> bool {
    match node {
        Node::Principal(Scope::Server, id) => built.graph().index().logs_in(id),
        _ => true,
    }
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
    for text in &case.may {
        let (seen, possible) = (judge(&built, text).reached, possibly(&built, text));
        if (seen, possible) != (Reached::Never, true) {
            faults.push(format!("{text}: seen {seen:?}, possible {possible}"));
        }
    }
    let is_by = |claim: &Claim<'_>| claim.kinds.iter().any(|step| step.as_str() == case.step);
    let first = case.reaches.iter().chain(&case.waits).next();
    let first = first.map(|text| judge(&built, text));
    for claim in first.iter().filter(|claim| !is_by(claim)) {
        faults.push(format!(
            "{}: no {} in {:?}",
            claim.text, case.step, claim.kinds
        ));
    }
    for claim in case.not_by.iter().map(|text| judge(&built, text)) {
        if claim.reached != Reached::Waiting || is_by(&claim) {
            faults.push(format!(
                "{}: not by {}: {:?}",
                claim.text, case.step, claim.kinds
            ));
        }
    }
    faults
}

#[test]
fn every_case_is_judged_by_the_facts() {
    let limits: Vec<&str> = LIMITS.split_whitespace().collect();
    let limits = limits.join(" ");
    let mut wrong = Vec::new();
    for (family, cases) in families() {
        for case in &cases {
            let faults = faults(case);
            if let Some(limit) = &case.limit {
                assert!(!faults.is_empty(), "{}: no limit any more", case.name);
                assert!(case.never.len() == 1, "{}: a limit hides ways", case.name);
                assert!(limits.contains(limit.as_str()), "not explained: {limit}");
            }
            let all = faults.into_iter().filter(|_| case.limit.is_none());
            wrong.extend(all.map(|f| format!("{family}: {}: {f}", case.name)));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} faults:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Kinds that no case is about: what was not seen is no case, it is an assumption.
const WITHOUT_CASES: &[Step] = &[Step::Unseen, Step::UnseenRun];

#[test]
fn every_kind_of_step_has_cases_for_and_against() {
    const ENOUGH: usize = 2;
    let families = families();
    let cases = || families.values().flatten();
    for case in cases() {
        let known = Step::ALL.iter().any(|step| step.as_str() == case.step);
        assert!(known, "{}: no step {}", case.name, case.step);
        assert!(!case.why.is_empty(), "{}: no reason", case.name);
    }
    let mut lacking = Vec::new();
    for step in Step::ALL
        .iter()
        .filter(|step| !WITHOUT_CASES.contains(step))
    {
        let of_step = || cases().filter(|case| case.step == step.as_str());
        let positive = of_step().filter(|c| !c.reaches.is_empty() || !c.waits.is_empty());
        let negative = of_step().filter(|c| !c.never.is_empty() || !c.not_by.is_empty());
        let (positive, negative) = (positive.count(), negative.count());
        if positive < ENOUGH || negative < ENOUGH {
            lacking.push(format!(
                "{}: {positive} for, {negative} against",
                step.as_str()
            ));
        }
    }
    assert!(lacking.is_empty(), "{lacking:#?}");
    assert!(cases().count() >= 220, "{} cases", cases().count());
    for (family, cases) in &families {
        let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names.len(), cases.len(), "{family}: a name twice");
    }
}

/// A case against something by a DENY shows nothing if it is not reached without the DENY either.
#[test]
fn every_deny_that_decides_is_what_decides() {
    let mut idle = Vec::new();
    for (family, cases) in families() {
        for case in cases.iter().filter(|case| case.limit.is_none()) {
            let is_deny = |line: &&str| line.trim_start().starts_with("deny ");
            if !case.given.lines().any(|line| is_deny(&line)) {
                continue;
            }
            let kept: Vec<&str> = case.given.lines().filter(|line| !is_deny(line)).collect();
            let built = estate(&kept.join("\n"));
            let claims = case.never.iter().map(|text| judge(&built, text));
            let unreached = claims.filter(|claim| claim.reached == Reached::Never);
            idle.extend(unreached.map(|c| format!("{family}: {}: {}", case.name, c.text)));
        }
    }
    assert!(idle.is_empty(), "{idle:#?}");
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

/// Whether a login reaches sysadmin by what was seen, and by the worst that was not.
fn at_best_and_worst(given: &str, login: &str) -> (bool, bool) {
    let built = estate(given);
    let reaches = |graph: &Graph<'_>| {
        let reach = Reach::new(graph, Node::Sysadmin, None);
        reach.way(built.login(login)).is_some()
    };
    let mut graph = built.graph();
    let best = reaches(&graph);
    let gaps = graph.gaps();
    graph.assume(Assumed::of(&gaps));
    (best, reaches(&graph))
}

#[test]
fn what_could_not_be_told_counts_at_the_worst_alone() {
    let unknown = "login app; database Shop trustworthy; in Shop: user app
        procedure dbo.p execute as owner executes unknown text; grant EXECUTE on dbo.p to app";
    assert_eq!(at_best_and_worst(unknown, "app"), (false, true));
    let nested = "login app; database Shop trustworthy; in Shop: user app
        procedure dbo.inner executes unknown text
        procedure dbo.p execute as owner calls Shop.dbo.inner; grant EXECUTE on dbo.p to app";
    assert_eq!(at_best_and_worst(nested, "app"), (false, true));
    let own = nested.replace("unknown", "own");
    assert_eq!(at_best_and_worst(&own, "app"), (false, false));
}

#[test]
fn a_key_with_a_password_counts_at_the_worst_alone() {
    let kept = "login app; login signer type C; member signer of sysadmin; database Shop
        in Shop: user app; certificate signer private key with password for signer
        grant CONTROL on certificate signer to app; schema work owner app";
    assert_eq!(at_best_and_worst(kept, "app"), (false, true));
    let gone = kept.replace(" private key with password", "");
    assert_eq!(at_best_and_worst(&gone, "app"), (false, false));
    let not_theirs = kept.replace("grant CONTROL on certificate signer to app", "");
    assert_eq!(at_best_and_worst(&not_theirs, "app"), (false, false));
}

#[test]
fn users_without_a_login_come_in_where_they_authenticate_or_are_named() {
    let text = r"
login CORP\all type G
group CORP\all has CORP\named
database Own contained
in Own: user password contained; user barred contained without connect; user CORP\eve windows
grant CONTROL to barred; deny CONNECT to barred
user CORP\team windows group
server: database Shop
in Shop: user other contained; user CORP\named windows; user CORP\unknown windows
";
    let mut built = estate(text);
    allow_contained(&mut built);
    let entries: Vec<Node> = built.graph().entries().iter().map(|e| e.node).collect();
    for (database, user, comes) in [
        ("Own", "password", true),
        ("Own", "barred", false),
        ("Own", r"CORP\eve", true),
        ("Own", r"CORP\team", true),
        ("Shop", "other", false),
        ("Shop", r"CORP\named", true),
        ("Shop", r"CORP\unknown", false),
    ] {
        let node = built.user(database, user);
        assert_eq!(entries.contains(&node), comes, "{user} of {database}");
    }
}

/// Switches contained databases on, whose option setup leaves out of what it installs here.
fn allow_contained(built: &mut Built) {
    let mut rows = serde_json::to_value(built.snapshot.server.configurations.seen()).unwrap();
    let mut row = rows[0].clone();
    row["configuration_id"] = 16384.into();
    row["name"] = "contained database authentication".into();
    (row["value"], row["value_in_use"]) = (1.into(), 1.into());
    rows.as_array_mut().unwrap().push(row);
    built.snapshot.server.configurations = Observed::Known {
        value: serde_json::from_value(rows).unwrap(),
    };
}
