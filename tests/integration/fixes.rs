//! What is proposed to be changed: made in the snapshot, it takes away what it says and brings nothing; and chains that
//! lead over linked servers from one instance to another.

use std::collections::BTreeSet;

use mssql_posture::graph::{Change, Estate, Graph, State};
use mssql_posture::ids::InstanceId;
use mssql_posture::rules::{self, Case, Outcome};
use mssql_posture::score;
use mssql_posture::snapshot::{ModuleTexts, Snapshot};

use crate::support::privileges::{Built, estate};
use crate::support::recording::estate as demo;

/// Findings by rule and subject.
fn findings(snapshot: &Snapshot, texts: &ModuleTexts) -> BTreeSet<String> {
    let case = Case::new(snapshot, texts, Some(&[]));
    let failed = rules::judge(&case).into_iter();
    let failed = failed.filter(|v| matches!(v.outcome, Outcome::Fail(_)));
    failed
        .map(|v| format!("{} {:?}", v.rule.id, v.subject))
        .collect()
}

#[test]
fn no_proposed_change_brings_a_finding_to_the_demo() {
    let mut made = 0;
    for recording in demo::all() {
        let recorded = recording.finish();
        let texts = recorded.texts();
        let before = findings(&recorded.snapshot, &texts);
        let case = Case::new(&recorded.snapshot, &texts, Some(&[]));
        for choke in case.into_graph().chokes().into_iter().take(6) {
            let mut after = recorded.snapshot.clone();
            choke.change.apply(&mut after).unwrap();
            let more: Vec<String> = findings(&after, &texts)
                .difference(&before)
                .cloned()
                .collect();
            assert!(
                more.is_empty(),
                "{} brings {more:?}",
                choke.change.sentence()
            );
            made += 1;
        }
    }
    assert!(made > 10, "{made} changes");
}

/// The demo's recordings are those of the least-privileged login, but for one that lacks its rights.
#[test]
fn the_least_privileged_login_leaves_little_open() {
    for recording in demo::all() {
        let recorded = recording.finish();
        let texts = recorded.texts();
        let case = Case::new(&recorded.snapshot, &texts, Some(&[]));
        let verdicts = rules::judge(&case);
        let (exposure, _) = score::exposure(&mut case.into_graph(), &verdicts);
        let width = exposure.high - exposure.low;
        let name = recorded.snapshot.target.as_str();
        assert!(width <= 25 || name == "legal-2022", "{name}: {width} wide");
    }
}

/// A finding, the estate that has it, and the change that ends it.
const REMEDIES: &[(&str, &str, &str)] = &[
    (
        "PRIV-003",
        "login app; grant CONTROL SERVER to app",
        "REVOKE CONTROL SERVER FROM [app]",
    ),
    (
        "PRIV-004",
        "login app; grant ALTER SETTINGS to app",
        "REVOKE ALTER SETTINGS FROM [app]",
    ),
    (
        "PRIV-005",
        "login app; grant IMPERSONATE on login sa to app",
        "REVOKE IMPERSONATE ON LOGIN::[sa] FROM [app]",
    ),
    (
        "PRIV-006",
        "login app; member app of securityadmin",
        "ALTER SERVER ROLE [securityadmin] DROP MEMBER [app]",
    ),
    (
        "PRIV-007",
        "login app; server role ops; member ops of sysadmin; member app of ops",
        "ALTER SERVER ROLE [sysadmin] DROP MEMBER [ops]",
    ),
    (
        "TRUST-001",
        "database Shop owner sa trustworthy",
        "ALTER DATABASE [Shop] SET TRUSTWORTHY OFF",
    ),
    (
        "TRUST-004",
        "login app; database Shop owner sa trustworthy; in Shop: user app; member app of db_owner",
        "USE [Shop]; ALTER ROLE [db_owner] DROP MEMBER [app]",
    ),
    (
        "TRUST-005",
        "login app; in msdb: user app; member app of db_owner",
        "USE [msdb]; ALTER ROLE [db_owner] DROP MEMBER [app]",
    ),
    (
        "LINK-001",
        "link PROD to . rpc; link login PROD default as sa",
        "EXEC sp_droplinkedsrvlogin 'PROD', NULL",
    ),
    (
        "SURF-001",
        "option xp_cmdshell = 1",
        "EXEC sp_configure 'xp_cmdshell', 0",
    ),
];

#[test]
fn a_remedy_ends_its_finding_and_brings_no_other() {
    let texts = ModuleTexts::default();
    for (rule, lines, statement) in REMEDIES {
        let built = estate(lines);
        let before = findings(&built.snapshot, &texts);
        let of_rule = |findings: &BTreeSet<String>| findings.iter().any(|f| f.starts_with(rule));
        assert!(
            of_rule(&before),
            "{rule} is not found in: {lines}: {before:?}"
        );
        let mut after = built.snapshot.clone();
        for change in Change::read(statement).unwrap() {
            change.apply(&mut after).unwrap();
        }
        let left = findings(&after, &texts);
        assert!(!of_rule(&left), "{rule} stays after {statement}: {left:?}");
        let more: Vec<_> = left.difference(&before).collect();
        assert!(more.is_empty(), "{statement} brings {more:?}");
    }
}

#[test]
fn what_is_fixed_first_lowers_the_exposure_step_by_step() {
    let built = estate(
        "option xp_cmdshell = 1; login app; login web; grant CONTROL SERVER to app; grant IMPERSONATE on login sa to web",
    );
    let mut graph = Graph::new(&built.snapshot, &built.code, &built.groups);
    let (exposure, routes) = score::exposure(&mut graph, &[]);
    assert!(routes.iter().any(|route| route.state == State::Open));
    let fixes = score::fix_first(&graph, &[], &exposure);
    let said: Vec<&str> = fixes.iter().map(|fix| fix.sentence.as_str()).collect();
    assert_eq!(
        said,
        [
            "revoke CONTROL SERVER from app",
            "revoke IMPERSONATE on login sa from web"
        ]
    );
    assert!(fixes[1].low < exposure.low && fixes[0].low >= fixes[1].low);
    assert!(fixes[0].undo.contains("GRANT CONTROL SERVER TO [app]"));
}

fn graph(built: &Built) -> Graph<'_> {
    Graph::new(&built.snapshot, &built.code, &built.groups)
}

fn named(mut built: Built, target: &str, endpoint: &str) -> Built {
    built.snapshot.target = InstanceId::new(target);
    endpoint.clone_into(&mut built.snapshot.connection.endpoint);
    built
}

#[test]
fn a_chain_goes_on_where_a_link_leads() {
    let dev = estate(
        "instance DEV; login app; link PROD to \"prod07.corp.example,1444\" rpc; link login PROD default as sa",
    );
    let dev = named(dev, "dev01", "dev01.corp.example,1433");
    let prod = named(
        estate("instance PROD; option xp_cmdshell = 1"),
        "prod07",
        "prod07.corp.example,1444",
    );
    let mut links = Estate::default();
    links.enter(&graph(&dev), &[]);
    links.enter(&graph(&prod), &[]);
    let wanted = links.wanted();
    assert_eq!(
        wanted.keys().map(InstanceId::as_str).collect::<Vec<_>>(),
        ["prod07"]
    );
    for logins in wanted.values() {
        links.arrive(&graph(&prod), logins);
    }
    let paths = links.paths(10);
    let said: Vec<&str> = paths[0].steps.iter().map(|s| s.sentence.as_str()).collect();
    assert_eq!(
        said,
        [
            "every login runs statements on prod07 as sa over linked server PROD of dev01",
            "sa is a member of sysadmin",
            "sysadmin may run xp_cmdshell",
        ]
    );
    assert_eq!(paths[0].state, State::Open);
    assert_eq!(
        paths[0].steps[0].to.instance,
        Some(InstanceId::new("prod07"))
    );
}

#[test]
fn a_link_to_a_login_that_is_not_there_or_to_a_stranger_leads_nowhere() {
    for (lines, why) in [
        (
            "link PROD to \"other.corp.example\" rpc; link login PROD default as sa",
            "no such instance",
        ),
        (
            "link PROD to \"prod07.corp.example,1444\" rpc; link login PROD default as nobody",
            "no such login",
        ),
        (
            "link PROD to \"prod07.corp.example,1444\"; link login PROD default as sa",
            "neither RPC OUT nor data access",
        ),
    ] {
        let dev = named(
            estate(&format!("instance DEV; login app; {lines}")),
            "dev01",
            "dev01,1433",
        );
        let prod = named(
            estate("instance PROD; option xp_cmdshell = 1"),
            "prod07",
            "prod07.corp.example,1444",
        );
        let mut links = Estate::default();
        links.enter(&graph(&dev), &[]);
        links.enter(&graph(&prod), &[]);
        for logins in links.wanted().values() {
            links.arrive(&graph(&prod), logins);
        }
        let by_everybody = links
            .paths(10)
            .into_iter()
            .filter(|p| p.principal.name == "public");
        assert_eq!(by_everybody.count(), 0, "{why}");
    }
}
