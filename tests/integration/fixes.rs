//! What is proposed to be changed: made in the snapshot, it takes away what it says and brings nothing; and chains that
//! lead over linked servers from one instance to another.

use std::collections::BTreeSet;

use mssql_posture::graph::{Change, Estate, Graph, Node, Reach, State};
use mssql_posture::ids::InstanceId;
use mssql_posture::rules::{self, Case, Outcome};
use mssql_posture::score;
use mssql_posture::snapshot::{ModuleTexts, Observed, Snapshot};

use crate::support::oracle::drafts;
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
    let fixes = score::fix_first(&graph, &|_| Vec::new(), &[], &exposure);
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

/// What is proposed for an estate, told as it is printed.
fn proposed(lines: &str) -> Vec<(String, String, String)> {
    let built = estate(lines);
    let chokes = graph(&built).chokes().into_iter();
    let told = |change: Change| {
        (
            change.sentence(),
            change.sql(&built.snapshot),
            change.undo(&built.snapshot),
        )
    };
    chokes.map(|choke| told(choke.change)).collect()
}

/// The statement and the undo of the one change that begins so.
fn one(lines: &str, begins: &str) -> (String, String) {
    let all = proposed(lines);
    let found: Vec<_> = all
        .iter()
        .filter(|(said, ..)| said.starts_with(begins))
        .collect();
    assert_eq!(found.len(), 1, "{begins} among {all:?}");
    (found[0].1.clone(), found[0].2.clone())
}

#[test]
fn a_former_owner_stays_a_user() {
    let lines = "login app; option external scripts enabled = 1; database Shop owner app";
    let (sql, undo) = one(lines, "make sa the owner of Shop, and app a user in");
    assert_eq!(
        sql,
        "ALTER AUTHORIZATION ON DATABASE::[Shop] TO [sa];\nUSE [Shop];\nCREATE USER [app] FOR LOGIN [app];\n\
         ALTER ROLE [db_datareader] ADD MEMBER [app];\nALTER ROLE [db_datawriter] ADD MEMBER [app];\n\
         -- What its application needs besides, EXECUTE among it, has to be granted by name."
    );
    assert_eq!(
        undo,
        "USE [Shop];\nDROP USER [app];\nALTER AUTHORIZATION ON DATABASE::[Shop] TO [app];"
    );
    let built = estate(lines);
    let mut after = built.snapshot.clone();
    for change in Change::read(&sql).unwrap() {
        change.apply(&mut after).unwrap();
    }
    let left = Built {
        snapshot: after,
        ..built
    };
    let (app, shop) = (left.login("app"), left.db("Shop"));
    assert!(
        Reach::new(&graph(&left), left.user("Shop", "app"), None)
            .way(app)
            .is_some()
    );
    let owner = Reach::new(&graph(&left), Node::Owner(shop), None);
    assert!(owner.way(app).is_none());
    assert!(owner.way(left.login("sa")).is_some());
}

/// There the database's dbo would have the power of sa.
#[test]
fn sa_is_given_no_database_whose_dbo_leaves_it() {
    for what in ["trustworthy", "chaining", "trustworthy chaining"] {
        let lines = format!(
            "login app; option external scripts enabled = 1; database Shop owner app {what}"
        );
        let all = proposed(&lines);
        assert!(
            all.iter().all(|(said, ..)| !said.starts_with("make sa")),
            "{what}: {all:?}"
        );
    }
}

#[test]
fn a_proxy_goes_back_to_whom_it_was_granted() {
    for (whom, given, parameter) in [
        (
            "login app",
            "login app; in msdb: user app; member app of SQLAgentUserRole; server:",
            "@login_name = N'app'",
        ),
        (
            "msdb role SQLAgentUserRole",
            "login app; in msdb: user app; member app of SQLAgentUserRole; server:",
            "@msdb_role = N'SQLAgentUserRole'",
        ),
        (
            "server role ops",
            "login app; server role ops; member app of ops; in msdb: user app; member app of SQLAgentUserRole; server:",
            "@fixed_server_role = N'ops'",
        ),
    ] {
        let lines =
            format!("{given} credential shell \"CORP\\low\"; proxy shell cmdexec to {whom}");
        let (sql, undo) = one(&lines, "take Agent proxy shell");
        assert!(sql.contains("sp_revoke_login_from_proxy"), "{sql}");
        assert_eq!(
            undo,
            format!("EXEC msdb.dbo.sp_grant_login_to_proxy {parameter}, @proxy_name = N'shell';")
        );
    }
}

#[test]
fn an_application_role_is_called_one() {
    let (sql, undo) = one(
        "login app; database Shop trustworthy; in Shop: user app; app role till; grant CONTROL to till; \
         grant ALTER on app role till to app",
        "revoke ALTER on application role till",
    );
    assert_eq!(
        sql,
        "USE [Shop];\nREVOKE ALTER ON APPLICATION ROLE::[till] FROM [app];"
    );
    assert_eq!(
        undo,
        "USE [Shop];\nGRANT ALTER ON APPLICATION ROLE::[till] TO [app];"
    );
}

/// Sets who granted what was given to a login.
fn granted_by(built: &mut Built, grantee: &str, grantor: &str) {
    let (grantee, grantor) = (built.login_id(grantee), built.login_id(grantor));
    let Observed::Known { value } = &mut built.snapshot.server.server_permissions else {
        panic!("known in this language")
    };
    for row in value
        .iter_mut()
        .filter(|row| row.grantee_principal_id == grantee && row.r#type != "COSQ")
    {
        row.grantor_principal_id = grantor;
    }
}

#[test]
fn what_was_passed_on_goes_too_and_comes_back() {
    let mut built = estate(
        "login app; login web; login batch; grant CONTROL SERVER to app with grant option; \
         grant CONTROL SERVER to web with grant option; deny CONTROL SERVER to batch",
    );
    granted_by(&mut built, "web", "app");
    granted_by(&mut built, "batch", "web");
    let [revoke] = &Change::read("REVOKE CONTROL SERVER FROM [app] CASCADE").unwrap()[..] else {
        panic!("one change")
    };
    assert_eq!(
        revoke.sql(&built.snapshot),
        "REVOKE CONTROL SERVER FROM [app] CASCADE;"
    );
    assert_eq!(
        revoke.undo(&built.snapshot),
        "GRANT CONTROL SERVER TO [app] WITH GRANT OPTION;\nGRANT CONTROL SERVER TO [web] WITH GRANT OPTION AS [app];\n\
         DENY CONTROL SERVER TO [batch] AS [web];"
    );
    let mut after = built.snapshot.clone();
    revoke.apply(&mut after).unwrap();
    let left = after.server.server_permissions.seen().iter();
    assert_eq!(left.filter(|row| row.r#type == "CL").count(), 0);
}

#[test]
fn a_grant_of_another_grantor_is_revoked_as_his() {
    let mut built = estate(
        "login app; login web; grant CONTROL SERVER to app with grant option; grant CONTROL SERVER to web",
    );
    granted_by(&mut built, "web", "app");
    let mut after = built.snapshot.clone();
    let [plain] = &Change::read("REVOKE CONTROL SERVER FROM [web]").unwrap()[..] else {
        panic!("one change")
    };
    assert!(
        plain.apply(&mut after).is_err(),
        "sa granted nothing to web"
    );
    let chokes = graph(&built).chokes();
    let mut of_web = chokes
        .iter()
        .filter(|c| c.change.sentence().contains("from web"));
    let change = &of_web.next().unwrap().change;
    assert_eq!(
        change.sql(&built.snapshot),
        "REVOKE CONTROL SERVER FROM [web] AS [app];"
    );
    assert_eq!(
        change.undo(&built.snapshot),
        "GRANT CONTROL SERVER TO [web] AS [app];"
    );
    change.apply(&mut after).unwrap();
}

/// What is proposed first.
fn first(lines: &str) -> Vec<String> {
    let built = estate(lines);
    let texts = ModuleTexts::default();
    let judge = |snapshot: &Snapshot| {
        let case = Case::new(snapshot, &texts, Some(&[])).without_reading();
        rules::judge(&case)
    };
    let verdicts = judge(&built.snapshot);
    let mut graph = graph(&built);
    let (exposure, _) = score::exposure(&mut graph, &verdicts);
    let fixes = score::fix_first(&graph, &judge, &verdicts, &exposure);
    fixes.into_iter().map(|fix| fix.sentence).collect()
}

#[test]
fn what_can_be_taken_back_goes_before_what_cannot() {
    let said = first(
        "login app; option xp_cmdshell = 1; credential xp_cmdshell proxy \"CORP\\low\"; in master: user app; \
         grant EXECUTE on xp_cmdshell to app",
    );
    assert!(said[0].starts_with("revoke EXECUTE"), "{said:?}");
}

#[test]
fn a_module_is_dropped_only_where_nothing_else_helps() {
    let base = "login app; option Ole Automation Procedures = 1; database Shop trustworthy; in Shop: user app; ";
    let granted =
        format!("{base}procedure dbo.p execute as owner runs ole; grant EXECUTE on dbo.p to app");
    let said = first(&granted);
    assert!(
        said.iter().all(|said| !said.starts_with("drop")),
        "{said:?}"
    );
    let (sql, undo) = one(&granted, "drop procedure Shop.dbo.p");
    assert_eq!(sql, "USE [Shop];\nDROP PROCEDURE [dbo].[p];");
    assert!(
        undo.contains("-- No undo: create [dbo].[p] again from its source"),
        "{undo}"
    );
}

/// A staged option is not armed by the statement that switches another one off: there is none.
#[test]
fn a_change_that_would_arm_another_is_not_told() {
    let lines = "login app; option Ole Automation Procedures = 1; in master: user app; \
                 grant EXECUTE on sp_OACreate to app; grant EXECUTE on sp_OAMethod to app";
    let staged = |shown: i32| {
        let mut built = estate(lines);
        for row in built.snapshot.server.configurations.seen_mut() {
            match row.name.as_str() {
                "show advanced options" => {
                    (row.value, row.value_in_use) = (Some(shown), Some(shown));
                }
                "xp_cmdshell" => (row.value, row.value_in_use) = (Some(1), Some(0)),
                _ => {}
            }
        }
        built
    };
    for (shown, told) in [(1, true), (0, false)] {
        let built = staged(shown);
        let mut graph = graph(&built);
        let (exposure, _) = score::exposure(&mut graph, &[]);
        let fixes = score::fix_first(&graph, &|_| Vec::new(), &[], &exposure);
        let found = fixes
            .iter()
            .any(|fix| fix.sentence == "switch off Ole Automation Procedures");
        let choke = graph
            .chokes()
            .into_iter()
            .find(|c| c.change.sentence().starts_with("switch off"));
        let change = choke.unwrap().change;
        let refused = change.refusal(&built.snapshot);
        let why = format!(
            "{}, show advanced options = {shown}: {refused:?}",
            change.sentence()
        );
        assert_eq!(refused.is_some(), !told, "{why}");
        assert!(told || !found, "{fixes:?}");
    }
}

/// Every proposal that drafted estates get is made by what it is printed as, and brings no way of its own.
#[test]
fn what_is_proposed_for_drafted_estates_is_read_back() {
    let mut made = 0;
    for text in drafts(211, 60) {
        let built = estate(&text);
        for choke in graph(&built).chokes() {
            if choke.change.refusal(&built.snapshot).is_some() {
                continue;
            }
            let sql = choke.change.sql(&built.snapshot);
            let read = Change::read(&sql).unwrap_or_else(|e| panic!("{e}: {sql}"));
            assert_eq!(read, std::slice::from_ref(&choke.change), "{sql}\n{text}");
            let mut after = built.snapshot.clone();
            let done = choke.change.apply(&mut after);
            assert!(done.is_ok(), "{done:?}: {sql}\n{text}");
            made += 1;
        }
    }
    assert!(made > 100, "{made} changes");
}
