//! The real binary against several simulated servers at once: what it sends, what it brings, what it
//! writes.

use std::collections::BTreeSet;

use mssql_posture::collect::{self, SESSION_SETTINGS, use_database};
use mssql_posture::snapshot::{Observed, Snapshot};
use serde_json::Value;

use crate::support::cli::{Cli, Ran, but_statements, outcomes};
use crate::support::estate::Estate;
use crate::support::instance::{Instance, PASSWORD, RunningInstance, USER, sample};
use crate::support::tds_server;
use crate::support::tds_server::answer::Login;
use crate::support::tds_server::{BrowserServer, Encryption, LogKind, Options};
use crate::support::truth;

const VERSIONS: [u16; 7] = [11, 12, 13, 14, 15, 16, 17];

fn started(version: u16) -> RunningInstance {
    distinct(version, 1)
}

/// A sample that cannot be taken for another one with another number.
fn distinct(version: u16, number: usize) -> RunningInstance {
    let recording = truth::complete(version, &format!("SRV{number}"));
    Instance::new(recording).start(Options::default())
}

/// The same shown to a login of which nothing is withheld.
fn with_control(version: u16) -> RunningInstance {
    let mut recording = sample::recording_with_control(version);
    if let Observed::Known { value } = &mut recording.snapshot.server.server_identity {
        value.server_name = Some(format!("SRV{version}"));
    }
    Instance::new(recording).start(Options::default())
}

fn snapshot(ran: &Ran, target: &str) -> Snapshot {
    Snapshot::from_json(&ran.read(&format!("out/snapshots/{target}.snapshot.json"))).unwrap()
}

fn logins(server: &RunningInstance) -> Vec<Login> {
    let login = |entry: tds_server::LogEntry| match entry.kind {
        LogKind::Login(login) => Some(login),
        _ => None,
    };
    server.log().into_iter().filter_map(login).collect()
}

#[test]
fn every_version_is_read_as_it_was_recorded() {
    let servers: Vec<_> = VERSIONS
        .iter()
        .map(|v| (format!("v{v}"), distinct(*v, usize::from(*v))))
        .collect();
    let estate = servers
        .iter()
        .fold(Estate::new(), |estate, (name, server)| {
            estate.with(name, server)
        });
    let ran = estate
        .audit(&["--allow-partial", "--fail-on", "never"])
        .run()
        .code(0);
    for (name, server) in &servers {
        server.assert_clean();
        truth::assert_whole(&snapshot(&ran, name), server);
        let mut modules = server.recording().modules.clone();
        modules.sort();
        let lines = ran.read(&format!("out/snapshots/{name}.modules.jsonl"));
        let lines: Vec<_> = lines
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        assert_eq!(modules, lines, "{name}");
    }
}

#[test]
fn a_server_gets_every_statement_of_queries_and_no_other() {
    let servers: Vec<_> = VERSIONS
        .iter()
        .map(|v| (format!("v{v}"), with_control(*v)))
        .collect();
    let estate = servers
        .iter()
        .fold(Estate::new(), |estate, (name, server)| {
            estate.with(name, server)
        });
    estate
        .audit(&["--allow-partial", "--fail-on", "never"])
        .run()
        .code(0);
    for ((name, server), version) in servers.iter().zip(VERSIONS) {
        let printed = Cli::new(&["queries", "--version", &version.to_string()])
            .run()
            .code(0)
            .stdout;
        let databases = server.recording().snapshot.databases.iter();
        let mut allowed: BTreeSet<String> =
            databases.map(|d| use_database(d.name.as_str())).collect();
        allowed.extend(SESSION_SETTINGS.split(";\n").map(str::to_owned));
        let mut expected = BTreeSet::new();
        for query in collect::queries()
            .iter()
            .filter(|q| q.versions.contains(&version))
        {
            assert!(
                printed.contains(query.text),
                "{name}: {} is not printed",
                query.name
            );
            expected.insert(query.text.to_owned());
        }
        let sent: BTreeSet<String> = server.statements().into_iter().collect();
        let strange: Vec<_> = sent
            .difference(&expected)
            .filter(|s| !allowed.contains(*s))
            .collect();
        assert!(strange.is_empty(), "{name} was sent {strange:?}");
        let missing: Vec<_> = expected.difference(&sent).collect();
        assert!(missing.is_empty(), "{name} was not sent {missing:?}");
    }
}

#[test]
fn without_faults_it_needs_six_round_trips_and_two_per_database() {
    let server = started(16);
    let ran = Estate::new()
        .with("a", &server)
        .audit(&["--allow-partial", "--fail-on", "never"])
        .run()
        .code(0);
    let databases = snapshot(&ran, "a").databases.len();
    let most = 6 + 2 * databases;
    assert!(
        server.round_trips() <= most,
        "{} round trips for {databases} databases",
        server.round_trips()
    );
}

#[test]
fn the_login_says_who_it_is_and_wants_only_to_read() {
    let server = started(16);
    Estate::new()
        .with("a", &server)
        .audit(&["--allow-partial", "--fail-on", "never"])
        .run()
        .code(0);
    let logins = logins(&server);
    assert!(
        !logins.is_empty() && logins.len() <= 4,
        "{} sessions",
        logins.len()
    );
    for login in logins {
        assert_eq!(
            login.application,
            concat!("mssql-posture/", env!("CARGO_PKG_VERSION"))
        );
        assert_eq!(login.database, "master");
        assert!(login.read_only_intent);
        assert_eq!(login.user, USER);
    }
}

#[test]
fn the_same_snapshots_give_the_same_bytes_also_a_year_later() {
    let (a, b) = (distinct(15, 1), distinct(16, 2));
    let estate = Estate::new().with("a", &a).with("b", &b);
    let ran = estate
        .audit(&[
            "--format",
            "html,md",
            "--allow-partial",
            "--fail-on",
            "never",
        ])
        .run()
        .code(0);
    let snapshots = ran.path("out/snapshots");
    let inputs = ran.path("out/inputs/judgement.json");
    let again = Cli::new(&[
        "assess",
        snapshots.to_str().unwrap(),
        "--inputs",
        inputs.to_str().unwrap(),
    ])
    .arg("-o")
    .arg("out")
    .arg("--format")
    .arg("html,md")
    .arg("--allow-partial")
    .arg("--fail-on")
    .arg("never")
    .run()
    .code(0);
    for file in [
        "assessment.json",
        "inputs/judgement.json",
        "reports/report.html",
        "reports/report.md",
    ] {
        assert_eq!(
            ran.read(&format!("out/{file}")),
            again.read(&format!("out/{file}")),
            "{file}"
        );
    }
    let sources: Vec<_> = again
        .files("out")
        .into_iter()
        .filter(|f| f.contains("snapshots"))
        .collect();
    assert!(
        sources.is_empty(),
        "assess writes no snapshots: {sources:?}"
    );
}

#[test]
fn the_folder_holds_what_it_promises_and_its_sums_are_right() {
    let server = started(16);
    let ran = Estate::new()
        .with("a", &server)
        .audit(&[
            "--format",
            "table,json,html,md",
            "--allow-partial",
            "--fail-on",
            "never",
        ])
        .run()
        .code(0);
    let files = ran.files("out");
    let expected = [
        "SHA256SUMS",
        "assessment.json",
        "evidence/a.evidence.json",
        "evidence/run.json",
        "inputs/judgement.json",
        "manifest.json",
        "reports/report.html",
        "reports/report.md",
        "snapshots/a.modules.jsonl",
        "snapshots/a.snapshot.json",
    ];
    assert_eq!(but_statements(files.clone()), expected);
    let sums = ran.read("out/SHA256SUMS");
    let listed: Vec<&str> = sums
        .lines()
        .map(|line| line.split_once("  ").unwrap().1)
        .collect();
    let mut others: Vec<&str> = files
        .iter()
        .map(String::as_str)
        .filter(|f| *f != "SHA256SUMS")
        .collect();
    others.sort_unstable();
    assert_eq!(listed, others);
    #[cfg(target_os = "linux")]
    {
        let check = std::process::Command::new("sha256sum")
            .args(["-c", "--strict", "SHA256SUMS"])
            .current_dir(ran.path("out"))
            .output()
            .unwrap();
        assert!(
            check.status.success(),
            "{}",
            String::from_utf8_lossy(&check.stdout)
        );
    }
    let manifest = ran.json("out/manifest.json");
    let of = |path: &str| {
        let files = manifest["files"].as_array().unwrap();
        files.iter().find(|f| f["path"] == path).unwrap()["sensitive"].clone()
    };
    assert_eq!(of("snapshots/a.modules.jsonl"), true);
    assert_eq!(of("snapshots/a.snapshot.json"), Value::Null);
    let assessment = ran.assessment();
    assert_eq!(assessment["schema"], "mssql-posture/assessment/v1");
    assert_eq!(assessment["as_of"], "2026-01-01");
}

#[test]
fn one_server_needs_no_inventory() {
    let server = started(16);
    let address = format!("127.0.0.1,{}", server.port());
    let run = |cli: Cli| cli.file("ca.pem", server.ca_pem()).run().code(0);
    let base = [
        "audit",
        "--server",
        &address,
        "--user",
        USER,
        "--ca-file",
        "ca.pem",
        "-o",
        "out",
        "--allow-partial",
        "--fail-on",
        "never",
    ];
    let with = |more: &[&str]| Cli::new(&[&base[..], more].concat());
    run(with(&["--password-env", "PW"]).env("PW", PASSWORD));
    run(with(&["--password-file", "pw"]).file("pw", format!("{PASSWORD}\n")));
    let ran = run(with(&["--password-stdin"]).stdin(&format!("{PASSWORD}\n")));
    assert_eq!(ran.assessment()["instances"][0]["id"], address.as_str());
    for file in ran.files("out") {
        assert!(
            !ran.read(&format!("out/{file}")).contains(PASSWORD),
            "{file} holds the password"
        );
    }
}

#[test]
fn collect_then_assess_is_the_same_as_audit() {
    let server = started(16);
    let estate = Estate::new().with("a", &server);
    let ran = estate
        .command("collect", &["--allow-partial"])
        .run()
        .code(0);
    assert_eq!(
        but_statements(ran.files("out")),
        [
            "SHA256SUMS",
            "evidence/a.evidence.json",
            "evidence/run.json",
            "manifest.json",
            "snapshots/a.modules.jsonl",
            "snapshots/a.snapshot.json"
        ]
    );
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    let folder = ran.path("out");
    let args = [
        "assess",
        folder.to_str().unwrap(),
        "-o",
        "out",
        "--allow-partial",
        "--fail-on",
        "never",
    ];
    let assessed = Cli::new(&args).run().code(0);
    assert_eq!(assessed.instance("a")["coverage"]["finished"], true);
}

#[test]
fn databases_that_are_not_to_be_opened_are_said() {
    let mut recording = truth::complete(16, "SRV");
    for row in recording.snapshot.server.databases.seen_mut() {
        row.is_auto_close_on = Some(row.name == "erp");
    }
    let server = Instance::new(recording).start(Options::default());
    let skipped = Estate::with_defaults("skip_auto_close = true").with("a", &server);
    let ran = skipped.audit(&[]).run().code(3);
    assert!(ran.stdout.contains("skip_auto_close"), "{}", ran.stdout);
    assert!(!server.statements().contains(&use_database("erp")));
    let excluded = Estate::new().with_lines("a", &server, "exclude_databases = [\"ERP\"]");
    let ran = excluded.audit(&["--fail-on", "never"]).run();
    let coverage = ran.instance("a")["coverage"].clone();
    assert_eq!(coverage["databases_excluded"], serde_json::json!(["erp"]));
    assert!(!server.statements().contains(&use_database("erp")));
}

#[test]
fn two_names_for_one_instance_are_read_once() {
    let server = started(16);
    for _ in 0..3 {
        let estate = Estate::new().with("a", &server).with("b", &server);
        let ran = estate
            .audit(&["--allow-partial", "--fail-on", "never"])
            .run()
            .code(0);
        let same = |id: &str| ran.instance(id)["same_as"].clone();
        assert_eq!(
            (same("a"), same("b")),
            (Value::Null, "a".into()),
            "the first in the inventory has it"
        );
        assert_eq!(ran.assessment()["fleet"]["instances"], 1);
        let folder = ran.path("out/snapshots/b.snapshot.json");
        let alone = ["assess", folder.to_str().unwrap(), "-o", "out"];
        let ran = Cli::new(&alone).run().code(3);
        assert!(
            ran.stdout.contains("same instance as target a"),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn a_login_with_fewer_rights_sees_parts_and_nothing_passes_on_them() {
    let mut recording = truth::complete(16, "SRV");
    if let Observed::Known { value } = &mut recording.snapshot.server.session {
        value.view_any_definition = Some(false);
        value.view_any_security_definition = Some(false);
    }
    for database in &mut recording.snapshot.databases {
        if let Observed::Known { value } = &mut database.database_session {
            value.view_definition = Some(false);
            value.view_security_definition = Some(false);
        }
    }
    let server = Instance::new(recording).start(Options::default());
    let ran = Estate::new()
        .with("a", &server)
        .raw("[[expectation]]\nsysadmin = []\n")
        .audit(&[])
        .run()
        .code(3);
    let read = snapshot(&ran, "a");
    assert_eq!(read.server.server_principals.state(), "partial");
    assert_eq!(read.server.server_role_members.state(), "partial");
    assert_eq!(read.server.server_permissions.state(), "partial");
    for database in &read.databases {
        assert_eq!(database.modules.state(), "partial", "{}", database.name);
    }
    let instance = ran.instance("a");
    for rule in [
        "module-invokes-command-channel",
        "unexpected-sysadmin",
        "unsafe-assembly",
        "startup-procedure",
    ] {
        let outcomes = outcomes(&instance, rule);
        assert!(
            outcomes.contains(&"unknown".to_owned()),
            "{rule}: {outcomes:?}"
        );
    }
    assert!(ran.stdout.contains("VIEW ANY DEFINITION"), "{}", ran.stdout);
}

#[test]
fn every_mode_of_encryption_works_where_the_server_offers_it() {
    for (mode, policy, tls) in [
        ("required", Encryption::On, true),
        ("required", Encryption::Off, true),
        ("strict", Encryption::Strict, true),
        ("login-only", Encryption::Off, true),
        ("off", Encryption::NotSupported, false),
    ] {
        let options = Options {
            encryption: policy,
            ..Options::default()
        };
        let server = Instance::new(truth::complete(16, "SRV")).start(options);
        let estate = if tls {
            Estate::new().with_lines("a", &server, &format!("tls = {{ mode = \"{mode}\" }}"))
        } else {
            plain(&server)
        };
        let ran = estate
            .audit(&["--allow-partial", "--fail-on", "never"])
            .run()
            .code(0);
        let encrypted = server
            .log()
            .iter()
            .any(|e| matches!(e.kind, LogKind::Tls { .. }));
        assert_eq!(encrypted, tls, "{mode}");
        let said = ran.instance("a")["coverage"]["connection"]["encryption"].clone();
        assert_eq!(said, mode.replace('-', "_").as_str());
    }
}

/// An estate that does not encrypt: its defaults can name no authority.
fn plain(server: &RunningInstance) -> Estate {
    let mut estate = Estate::with_defaults("");
    estate.replace("tls = { ca_file = \"ca.pem\" }", "tls = { mode = \"off\" }");
    estate.at("a", server.port(), "")
}

#[test]
fn trusting_any_certificate_is_reported() {
    let server = started(16);
    let address = format!("127.0.0.1,{}", server.port());
    let args = [
        "audit",
        "--server",
        &address,
        "--user",
        USER,
        "--password-env",
        "PW",
        "--trust-server-certificate",
        "-o",
        "out",
        "--format",
        "table,html",
        "--allow-partial",
        "--fail-on",
        "never",
    ];
    let ran = Cli::new(&args).env("PW", PASSWORD).run().code(0);
    assert_eq!(
        ran.assessment()["instances"][0]["coverage"]["connection"]["trust_server_certificate"],
        true
    );
    assert!(ran.read("out/reports/report.html").contains("not verified"));
}

#[test]
fn a_named_instance_is_found_through_sql_browser() {
    let server = started(16);
    let known = tds_server::Instance {
        name: "ERP".to_owned(),
        port: server.port(),
    };
    let Ok(browser) = BrowserServer::start(1434, vec![known]) else {
        panic!("UDP port 1434 of this machine is taken: this test needs it");
    };
    let target = "[[target]]\nname = \"a\"\nhost = \"127.0.0.1\"\ninstance = \"ERP\"\n";
    let estate = Estate::new().with("by-port", &distinct(15, 9)).raw(target);
    let ran = estate
        .audit(&["--only", "a", "--allow-partial", "--fail-on", "never"])
        .run()
        .code(0);
    let asked = browser.asked();
    assert!(
        !asked.is_empty() && asked.iter().all(|name| name == "ERP"),
        "{asked:?}"
    );
    assert_eq!(ran.instance("a")["coverage"]["finished"], true);
}
