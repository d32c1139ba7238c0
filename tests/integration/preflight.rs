//! `preflight`, and the scripts that make and remove the login, against simulated servers.

mod granted;
mod script;
mod unusual;

use mssql_posture::collect::{PROBE_SETTING, SESSION_SETTINGS, queries, use_database};
use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::{Observed, Permission};
use regex_lite::Regex;
use serde_json::{Value, json};

use crate::support::cli::Cli;
use crate::support::estate::{Estate, closed_port};
use crate::support::instance::{
    Account, Break, Fault, Instance, PASSWORD, Recording, RunningInstance, USER, error, sample,
};
use crate::support::interpreter::words_and_texts;
use crate::support::tds_server::{LogKind, Options};
use crate::support::truth;

use granted::{grants, named, recording};

const VERSIONS: [u16; 7] = [11, 12, 13, 14, 15, 16, 17];

fn start(recording: Recording) -> RunningInstance {
    Instance::new(recording).start(Options::default())
}

/// The report on an estate.
fn report(estate: &Estate, code: i32) -> Value {
    let ran = estate
        .look("preflight", &["--format", "json"])
        .run()
        .code(code);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// What it says of one server.
fn looked(server: &RunningInstance, code: i32) -> Value {
    let found = report(&Estate::new().with("a", server), code);
    found["targets"][0].clone()
}

fn rights_in(target: &Value, state: &str) -> Vec<String> {
    let rights = target["rights"].as_array().unwrap().iter();
    let those = rights.filter(|right| right["state"] == state);
    those
        .map(|right| right["right"].as_str().unwrap().to_owned())
        .collect()
}

fn script(version: u16) -> String {
    Cli::new(&["script", "login", "--version", &version.to_string()])
        .run()
        .code(0)
        .stdout
}

fn printed_fix(server: &RunningInstance) -> String {
    let estate = Estate::new().with("a", server);
    estate.look("preflight", &["--fix"]).run().code(3).stdout
}

#[test]
fn what_script_login_grants_is_full_sight_of_every_version() {
    let servers: Vec<_> = VERSIONS
        .iter()
        .map(|version| {
            let granted = grants(&script(*version));
            start(recording(*version, &format!("SRV{version}"), &granted))
        })
        .collect();
    let mut estate = Estate::new();
    for (version, server) in VERSIONS.iter().zip(&servers) {
        estate = estate.with(&format!("v{version}"), server);
    }
    let found = report(&estate, 0);
    assert_eq!(found["full_sight"], true);
    assert_eq!(found["schema"], "mssql-posture/preflight/v1");
    let collected = estate
        .command("collect", &["--allow-partial"])
        .run()
        .code(0);
    for (version, server) in VERSIONS.iter().zip(&servers) {
        server.assert_clean();
        let snapshot = collected.json(&format!("out/snapshots/v{version}.snapshot.json"));
        let mut facts: Vec<(&String, &Value)> =
            snapshot["server"].as_object().unwrap().iter().collect();
        for database in snapshot["databases"].as_array().unwrap() {
            facts.extend(database.as_object().unwrap());
        }
        let beyond = ["traces", "scoped_credentials", "expression_dependencies"];
        for (name, fact) in facts.into_iter().filter(|(_, fact)| fact.is_object()) {
            let state = fact["state"].as_str().unwrap();
            let due = matches!(state, "known" | "unsupported")
                || (beyond.contains(&name.as_str()) && state == "not_collected");
            assert!(due, "version {version}: {name} is {fact}");
        }
    }
}

#[test]
fn a_grant_that_is_left_out_is_the_right_that_is_named_missing() {
    for version in VERSIONS {
        let granted = grants(&script(version));
        let servers: Vec<_> = granted
            .iter()
            .map(|left_out| {
                let mut less = granted.clone();
                less.retain(|grant| grant != left_out);
                start(recording(version, "SRV", &less))
            })
            .collect();
        let mut estate = Estate::new();
        for (place, server) in servers.iter().enumerate() {
            estate = estate.with(&format!("t{place}"), server);
        }
        let found = report(&estate, 3);
        for (place, left_out) in granted.iter().enumerate() {
            let target = &found["targets"][place];
            let place = format!("version {version} without {left_out}: {target}");
            assert_eq!(target["sight"], "limited", "{place}");
            assert_eq!(rights_in(target, "missing"), [named(left_out)], "{place}");
            assert!(rights_in(target, "unknown").is_empty(), "{place}");
            assert_eq!(target["gaps"], json!([]), "{place}");
            // What it prints to mend that is that GRANT and no other.
            let mut mended = grants(target["fix"].as_str().unwrap());
            mended.dedup();
            assert_eq!(mended, [left_out.as_str()], "{place}");
        }
    }
}

#[test]
fn the_same_without_connect_any_database_is_full_where_every_database_has_a_user() {
    let mut granted = grants(&script(16));
    granted.retain(|grant| grant != "CONNECT ANY DATABASE");
    granted.push("CONNECT".to_owned());
    let target = looked(&start(recording(16, "SRV", &granted)), 0);
    assert_eq!(rights_in(&target, "not_needed"), ["CONNECT ANY DATABASE"]);
}

#[test]
fn a_wider_right_does_instead_of_a_narrower() {
    let mut granted = grants(&script(16));
    granted.retain(|grant| !grant.starts_with("VIEW SERVER"));
    granted.push("VIEW SERVER STATE".to_owned());
    let target = looked(&start(recording(16, "SRV", &granted)), 0);
    assert_eq!(target["sight"], "full");
}

#[test]
fn a_login_that_may_only_connect_lacks_everything_by_name() {
    for version in [11, 12, 16, 17] {
        let server = start(recording(version, "SRV", &[]));
        let target = looked(&server, 3);
        let all: Vec<String> = grants(&script(version)).iter().map(|g| named(g)).collect();
        let mut missing = rights_in(&target, "missing");
        let mut expected = all.clone();
        missing.sort();
        expected.sort();
        assert_eq!(missing, expected, "{version}");
        assert_eq!(target["gaps"], json!([]), "{version}");
        server.assert_clean();
        let mended = recording(version, "SRV", &grants(target["fix"].as_str().unwrap()));
        assert_eq!(looked(&start(mended), 0)["sight"], "full", "{version}");
    }
}

#[test]
fn it_sends_its_queries_and_session_settings_and_ends_a_probing_session() {
    let server = start(truth::complete(16, "SRV"));
    looked(&server, 0);
    let recorded = &server.recording().snapshot.databases;
    let mut allowed: Vec<String> = queries().iter().map(|q| q.text.to_owned()).collect();
    allowed.extend(recorded.iter().map(|d| use_database(d.name.as_str())));
    allowed.extend(SESSION_SETTINGS.split(";\n").map(str::to_owned));
    let sent = server.statements();
    let strange: Vec<_> = sent
        .iter()
        .filter(|s| !allowed.contains(s) && *s != PROBE_SETTING)
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
    let batches = server.batches();
    let first = batches
        .iter()
        .position(|b| b.contains(PROBE_SETTING))
        .unwrap();
    assert_eq!(first, batches.len() - 1, "nothing follows the probe");
    assert!(!sent.iter().any(|s| s.contains("FROM sys.sql_modules")));
    let printed = Cli::new(&["queries"]).run().code(0).stdout;
    assert!(printed.contains(PROBE_SETTING));
    assert_eq!(server.logins_attempted(), 1);
}

#[test]
fn a_deny_in_one_database_is_named_with_whom_it_binds() {
    let mut recording = truth::complete(16, "SRV");
    let erp = recording.snapshot.databases.iter_mut();
    let erp = erp.into_iter().find(|d| d.name.as_str() == "erp").unwrap();
    if let Observed::Known { value } = &mut erp.database_permissions {
        value.push(Permission {
            class: 0,
            major_id: 0,
            minor_id: 0,
            grantee_principal_id: PrincipalId(0),
            grantor_principal_id: PrincipalId(1),
            r#type: "VW".to_owned(),
            permission_name: Some("VIEW DEFINITION".to_owned()),
            state: "D".to_owned(),
        });
    }
    if let Observed::Known { value } = &mut erp.database_session {
        value.view_definition = Some(false);
    }
    let server = start(recording);
    let target = looked(&server, 3);
    assert_eq!(
        target["denials"],
        json!([{
            "database": "erp", "permission": "VIEW DEFINITION", "class": 0, "major_id": 0,
            "principal_id": 0, "principal": "public"
        }])
    );
    assert_eq!(target["gaps"], json!([]));
    assert!(rights_in(&target, "missing").is_empty());
    let fix = printed_fix(&server);
    assert!(
        grants(&fix).is_empty() && fix.contains("decide whether"),
        "{fix}"
    );
}

#[test]
fn a_deny_at_the_server_hides_too() {
    let mut recording = truth::complete(15, "SRV");
    if let Observed::Known { value } = &mut recording.snapshot.server.server_permissions {
        value.push(Permission {
            class: 101,
            major_id: 259,
            minor_id: 0,
            grantee_principal_id: PrincipalId(267),
            grantor_principal_id: PrincipalId(1),
            r#type: "VW".to_owned(),
            permission_name: Some("VIEW DEFINITION".to_owned()),
            state: "D".to_owned(),
        });
    }
    let target = looked(&start(recording), 3);
    assert_eq!(target["denials"][0]["principal"], USER);
    assert_eq!(target["denials"].as_array().unwrap().len(), 1);
    assert_eq!(target["gaps"], json!([]));
}

#[test]
fn a_database_that_cannot_be_entered_is_not_full_sight() {
    let mut recording = truth::complete(16, "SRV");
    for row in recording.snapshot.server.databases.seen_mut() {
        match row.name.as_str() {
            "erp" => {
                row.state = Some(6);
                row.state_desc = Some("OFFLINE".to_owned());
            }
            "model" => row.is_auto_close_on = Some(true),
            _ => {}
        }
    }
    let replica = Fault::Use {
        database: "a]; DROP TABLE t--",
        from: 1,
        error: error(
            976,
            14,
            "The target database is participating in an availability group.",
        ),
    };
    let server = Instance::new(recording)
        .fault(replica)
        .start(Options::default());
    let target = looked(&server, 3);
    let why = |name: &str| {
        let found = target["databases"].as_array().unwrap().iter();
        let found = found.into_iter().find(|d| d["name"] == name).unwrap();
        (found["state"].clone(), found["why"].clone())
    };
    assert_eq!(
        why("erp"),
        (json!("closed"), json!("the database is OFFLINE"))
    );
    let (state, text) = why("a]; DROP TABLE t--");
    assert_eq!(state, "closed");
    assert!(text.as_str().unwrap().starts_with("error 976"), "{text}");
    assert!(rights_in(&target, "missing").is_empty());
    assert_eq!(target.get("fix"), None);
    let table = Estate::new()
        .with("a", &server)
        .look("preflight", &[])
        .run()
        .code(3)
        .stdout;
    assert!(
        table.contains("AUTO_CLOSE databases are opened by a collection: model"),
        "{table}"
    );
    let excluded = "exclude_databases = [\"erp\", \"a]; DROP TABLE t--\"]";
    report(&Estate::new().with_lines("a", &server, excluded), 0);
}

#[test]
fn a_server_that_does_not_answer_is_said_with_stage_and_remedy() {
    let server = start(truth::complete(16, "SRV"));
    let estate = Estate::new()
        .with("a", &server)
        .at("b", closed_port(), "retries = 0");
    let found = report(&estate, 3);
    assert_eq!(found["full_sight"], false);
    assert_eq!(found["targets"][0]["sight"], "full");
    let target = &found["targets"][1];
    assert_eq!(target["sight"], "unreached");
    assert_eq!(target["trouble"]["stage"], "connect");
    assert_ne!(target["trouble"]["remedy"], "");
    assert_eq!(target["rights"], json!([]));
    let fix = estate.look("preflight", &["--fix"]).run().code(3).stdout;
    assert_eq!(
        fix,
        "-- b: not reached, so nothing is known of its rights\n"
    );
}

#[test]
fn a_wrong_password_is_tried_once() {
    let refusing = || {
        Instance::new(truth::complete(16, "SRV"))
            .account(USER, "another", Account::Accepted)
            .start(Options::default())
    };
    let (a, b) = (refusing(), refusing());
    let estate = Estate::new().with("a", &a).with("b", &b);
    let estate_ran = estate.look("preflight", &["--format", "json", "--concurrency", "1"]);
    let ran = estate_ran.run().code(3);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(a.logins_attempted() + b.logins_attempted(), 1);
    assert_eq!(found["targets"][0]["trouble"]["stage"], "login");
    assert_eq!(found["targets"][1]["trouble"]["stage"], "credential");
    assert_eq!(found["targets"][1]["sight"], "unreached");
    assert!(!ran.stdout.contains(PASSWORD));
}

#[test]
fn a_connection_that_breaks_is_made_again_and_a_database_that_breaks_each_is_said() {
    let once = Fault::BreakRequest {
        session: Some(1),
        request: 2,
        how: Break::Close,
    };
    let server = Instance::new(truth::complete(16, "SRV"))
        .fault_times(1, once)
        .start(Options::default());
    assert_eq!(looked(&server, 0)["sight"], "full");
    let always = Fault::BreakRow {
        view: "sys.database_permissions",
        database: Some("erp"),
        after_rows: 0,
        how: Break::Close,
    };
    let server = Instance::new(truth::complete(16, "SRV"))
        .fault(always)
        .start(Options::default());
    let target = looked(&server, 3);
    let unknown: Vec<_> = target["databases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|d| d["state"] == "unknown")
        .collect();
    assert_eq!(unknown.len(), 1, "{target}");
    assert_eq!(unknown[0]["name"], "erp");
}

#[test]
fn a_refusal_of_a_right_that_is_held_is_a_gap() {
    let fault = Fault::Read {
        view: "sys.dm_server_services",
        database: None,
        after_rows: None,
        error: error(1222, 16, "Lock request time out period exceeded."),
    };
    let server = Instance::new(truth::complete(16, "SRV"))
        .fault(fault)
        .start(Options::default());
    let target = looked(&server, 3);
    assert_eq!(target["gaps"][0]["facts"], json!(["services"]));
    assert!(target["gaps"][0]["need"].as_str().unwrap().contains("1222"));
}

/// JSON with the values replaced that differ from run to run.
fn stable(json: &str) -> String {
    let keys = "endpoint|issuer|serial|not_before|not_after|sha256|round_trip_ms|least_ms|most_ms";
    let varying = Regex::new(&format!(r#""({keys})": ("[^"]*"|\d+)"#)).unwrap();
    varying.replace_all(json, "\"$1\": \"…\"").into_owned()
}

/// A login that lacks rights, on a server with hostile names that has a database that nobody enters.
fn troubled() -> RunningInstance {
    let mut granted = grants(&script(16));
    granted.retain(|grant| {
        ![
            "CONNECT ANY DATABASE",
            "VIEW SERVER SECURITY STATE",
            "SELECT ON dbo.sysproxies",
        ]
        .contains(&grant.as_str())
    });
    let mut recording = recording(16, "SRV\u{202e}'; DROP", &granted);
    for (row, name) in recording
        .snapshot
        .server
        .databases
        .seen_mut()
        .iter_mut()
        .skip(4)
        .zip(sample::HOSTILE_NAMES.iter().skip(2))
    {
        (*name).clone_into(&mut row.name);
    }
    start(recording)
}

#[test]
fn its_json_is_this() {
    let server = troubled();
    let estate = Estate::new().with("a", &server);
    let cli = estate.look("preflight", &["--format", "json"]);
    insta::assert_snapshot!(stable(&cli.run().code(3).stdout));
}

#[test]
fn its_tables_fit_and_hold_nothing_that_a_terminal_obeys() {
    let (whole, limited) = (start(truth::complete(15, "SRV")), troubled());
    let disabled = Instance::new(truth::complete(16, "DMZ"))
        .account(USER, PASSWORD, Account::Disabled)
        .start(Options::default());
    let estate = Estate::new()
        .with("erp-prod", &whole)
        .with("crm-prod", &limited)
        .with("dmz", &disabled);
    for width in [80, 200] {
        let cli = estate.look("preflight", &["--concurrency", "1"]);
        let text = cli.env("COLUMNS", &width.to_string()).run().code(3).stdout;
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{line}");
            let obeyed = |c: char| c.is_control() || c == '\u{202e}';
            assert!(!line.chars().any(obeyed), "{line:?}");
        }
        for said in [
            "VIEW SERVER SECURITY STATE",
            "error 18470",
            "Full sight of 1 of 3",
        ] {
            assert!(text.contains(said), "{text}");
        }
    }
}

#[test]
fn names_of_servers_and_databases_do_not_break_out_of_the_fix() {
    let mut granted = grants(&script(11));
    granted.retain(|grant| grant != "CONNECT");
    let mut recording = recording(11, "SRV'; DROP TABLE x--\nGO\n", &granted);
    for (row, name) in recording
        .snapshot
        .server
        .databases
        .seen_mut()
        .iter_mut()
        .skip(4)
        .zip(["a'b\r\nGO\n$(x)", "]; DROP TABLE t--"])
    {
        row.name = name.to_owned();
    }
    let server = start(recording);
    let fix = printed_fix(&server);
    assert_eq!(
        fix.lines().filter(|line| line.trim() == "GO").count(),
        1,
        "{fix}"
    );
    assert!(!fix.contains("$("), "{fix}");
    let words = words_and_texts(&fix).unwrap().0;
    assert!(
        !words.iter().any(|word| word.eq_ignore_ascii_case("DROP")),
        "{fix}"
    );
    assert!(
        fix.contains("N'a''b' + NCHAR(13) + NCHAR(10) + N'GO' + NCHAR(10) + N'$' + N'(x)'"),
        "{fix}"
    );
}

#[test]
fn a_recording_is_nothing_to_look_at() {
    let target = "schema = \"mssql-posture/inventory/v1\"\n[[target]]\nname = \"r\"\nsnapshot = \"r.snapshot.json\"\n";
    Cli::new(&["preflight", "estate.toml"])
        .file("estate.toml", target)
        .run()
        .code(2)
        .says("none of these targets is a server");
}

#[test]
fn one_server_is_looked_at_without_an_inventory() {
    let server = start(truth::complete(12, "SRV"));
    let address = format!("127.0.0.1,{}", server.port());
    let args = [
        "preflight",
        "--server",
        &address,
        "--user",
        USER,
        "--password-env",
        "PW",
        "--ca-file",
        "ca.pem",
    ];
    let ran = Cli::new(&args)
        .env("PW", PASSWORD)
        .file("ca.pem", server.ca_pem())
        .run()
        .code(0);
    assert!(
        ran.stdout.contains("Full sight of 1 of 1 target."),
        "{}",
        ran.stdout
    );
    let sessions = server
        .log()
        .iter()
        .filter(|e| matches!(e.kind, LogKind::Login(_)))
        .count();
    assert_eq!(sessions, 1);
}
