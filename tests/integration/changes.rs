//! `changes`: what it sends, to whom, what it makes of what comes, and what it says of what does not.

pub(crate) mod exports;
mod forged;
pub(crate) mod host;
mod host_exporters;
mod trouble;

use std::collections::BTreeSet;

use mssql_posture::collect::{Fill, SESSION_SETTINGS, event_queries, fill, queries};
use mssql_posture::snapshot::{FileAudit, Observed, ServerAudit, Trace};
use serde_json::{Value, json};

use crate::support::cli::{Cli, Ran};
use crate::support::estate::Estate;
use crate::support::instance::{
    Instance, PASSWORD, RecordedEvents, Recording, RunningInstance, USER, sample,
};
use crate::support::tds_server::Options;

const TRACE_FILE: &str = "C:\\MSSQL\\Log\\log_42.trc";
const TRACE_BASE: &str = "C:\\MSSQL\\Log\\log.trc";
const PATTERN: &str = "C:\\Audit\\O'Hara_6F2B*.sqlaudit";
const SINCE: [&str; 2] = ["--since", "2026-09-01"];
const SECRET: &str = "hunter2!Geheim";

fn recording(version: u16) -> Recording {
    recorded(
        version,
        TRACE_FILE,
        ("O'Hara\u{202e}", "O'Hara_6F2B.sqlaudit"),
    )
}

/// A server with a default trace and one file audit (its name, and its file's). Its clock is three and a half hours behind
/// UTC.
pub(crate) fn recorded(version: u16, trace: &str, (name, file_name): (&str, &str)) -> Recording {
    let mut recording = sample::recording_with_control(version);
    let server = &mut recording.snapshot.server;
    server.traces = Observed::Known {
        value: vec![Trace {
            id: 1,
            status: 1,
            path: Some(trace.to_owned()),
            is_default: Some(true),
            is_rowset: Some(false),
            max_size: Some("20".to_owned()),
            max_files: Some(5),
            start_time: None,
        }],
    };
    server.server_audits = Observed::Known {
        value: vec![audit(65536, name, "FILE")],
    };
    server.server_file_audits = Observed::Known {
        value: vec![FileAudit {
            audit_id: 65536,
            log_file_path: Some("C:\\Audit\\".to_owned()),
            log_file_name: Some(file_name.to_owned()),
            max_file_size: None,
            max_rollover_files: None,
            max_files: None,
        }],
    };
    recording
}

fn audit(audit_id: i32, name: &str, kind: &str) -> ServerAudit {
    ServerAudit {
        audit_id,
        name: name.to_owned(),
        audit_guid: None,
        type_desc: Some(kind.to_owned()),
        on_failure_desc: None,
        is_state_enabled: Some(true),
        queue_delay: None,
        predicate: None,
        create_date: None,
        modify_date: None,
    }
}

/// What the default trace of that server holds.
fn trace_rows() -> Vec<Value> {
    let row = |class: i32, subclass: i32, time: &str, sequence: i64| {
        json!({
            "EventClass": class, "EventSubClass": subclass, "StartTime": time,
            "EventSequence": sequence, "LoginName": "CORP\\mallory", "SessionLoginName": "CORP\\mallory",
            "HostName": "WS-7", "ApplicationName": "SSMS", "DatabaseName": "erp", "SPID": 77, "Success": 1,
        })
    };
    let mut created = row(46, 1, "2026-09-02T10:00:00.003", 10);
    created["ObjectName"] = json!("usp_\u{1b}[31mplanted");
    created["ObjectType"] = json!(8272);
    let mut option = row(22, 0, "2026-09-02T09:00:00", 9);
    option["Error"] = json!(15457);
    option["TextData"] = json!(
        "Configuration option 'xp_cmdshell' changed from 0 to 1. Run the RECONFIGURE statement to install."
    );
    let mut role = row(108, 1, "2026-09-02T10:00:00.003", 11);
    role["TargetLoginName"] = json!("svc");
    role["RoleName"] = json!("sysadmin");
    vec![
        row(46, 1, "2026-08-01T00:00:00", 1), // proves that the trace reaches back
        option,
        row(46, 0, "2026-09-02T10:00:00", 8), // the beginning of the change that ends below
        created,
        role,
        row(115, 1, "2026-09-02T11:00:00", 12), // a backup
        row(115, 2, "2026-09-02T11:30:00", 13), // a restore
        row(20, 1, "2026-09-02T12:00:00", 14),  // a failed login
        {
            let mut backup_message = row(22, 0, "2026-09-02T12:00:00", 15);
            backup_message["Error"] = json!(18264);
            backup_message
        },
    ]
}

fn audit_row(time: &str, action: &str, class: &str, offset: i64) -> Value {
    json!({
        "event_time": time, "sequence_number": 1, "action_id": action, "class_type": class,
        "succeeded": true, "session_id": 77, "object_id": 5, "server_principal_name": "sa",
        "session_server_principal_name": "CORP\\mallory", "database_principal_name": "dbo",
        "database_name": "erp", "schema_name": "dbo", "object_name": "usp_planted",
        "file_name": "C:\\Audit\\O'Hara_6F2B_0_1.sqlaudit", "audit_file_offset": offset,
    })
}

/// What the audit's files hold: a procedure in three records, and a login with a password.
fn audit_rows(version: u16) -> Vec<Value> {
    let whole = statement();
    let mut rows = vec![audit_row("2026-08-01T00:00:00", "CR", "P", 1)];
    let units: Vec<char> = whole.chars().collect();
    for (place, piece) in units.chunks(4000).enumerate() {
        let mut row = audit_row(
            "2026-09-03T08:00:00.1234567",
            "CR",
            "P",
            1000 * (10 + i64::try_from(place).unwrap()),
        );
        row["sequence_number"] = json!(place + 1);
        row["statement"] = json!(piece.iter().collect::<String>());
        rows.push(row);
    }
    let mut login = audit_row("2026-09-03T09:00:00", "ALST", "SR", 20000);
    login["statement"] = json!(format!("CREATE LOGIN x WITH PASSWORD = '{SECRET}'"));
    login["succeeded"] = json!(false);
    if version >= 14 {
        login["client_ip"] = json!("10.0.0.7");
        login["application_name"] = json!("SSMS");
    }
    if version >= 15 {
        login["host_name"] = json!("WS-7");
    }
    rows.push(login);
    rows
}

fn statement() -> String {
    format!(
        "CREATE PROCEDURE dbo.usp_planted AS -- {}\nEXEC xp_cmdshell 'whoami'",
        "x".repeat(9000)
    )
}

fn events(version: u16) -> RecordedEvents {
    RecordedEvents::default()
        .trace(TRACE_BASE, trace_rows())
        .audit(PATTERN, audit_rows(version))
}

fn server(version: u16) -> RunningInstance {
    Instance::new(recording(version))
        .events(events(version))
        .start(Options::default())
}

fn changes(server: &RunningInstance, args: &[&str]) -> Cli {
    let all = [&["--format", "jsonl"][..], args].concat();
    Estate::new().with("a", server).command("changes", &all)
}

/// The lines of the result, parsed.
fn lines(ran: &Ran) -> Vec<Value> {
    let text = ran.read("out");
    text.lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect()
}

fn of_kind(lines: &[Value], kind: &str) -> Vec<Value> {
    lines
        .iter()
        .filter(|l| l["line"] == kind)
        .cloned()
        .collect()
}

/// The state of a source: `default_trace`, `audits`, or an audit's name.
fn seen(lines: &[Value], source: &str) -> Value {
    let targets = of_kind(lines, "target");
    let sources = targets[0]["sources"].as_array().unwrap();
    let is = |s: &&Value| s["source"]["kind"] == source || s["source"]["name"] == source;
    let found = sources.iter().find(is);
    found.unwrap_or_else(|| panic!("no source {source}: {sources:?}"))["seen"].clone()
}

#[test]
fn both_sources_are_read_whole_in_every_version() {
    for version in [11, 13, 14, 15, 16, 17] {
        let server = server(version);
        let ran = changes(&server, &SINCE).run().code(0);
        server.assert_clean();
        let lines = lines(&ran);
        assert_eq!(lines[0]["schema"], "mssql-posture/events/v1");
        assert_eq!(lines[0]["since"], "2026-09-01T00:00:00.0000000Z");
        assert_eq!(seen(&lines, "default_trace")["state"], "known", "{version}");
        assert_eq!(seen(&lines, "audits")["value"]["events"], 1);
        assert_eq!(
            seen(&lines, "O'Hara\u{202e}")["state"],
            "known",
            "{version}"
        );
        let events = of_kind(&lines, "event");
        let told: Vec<(&str, &str)> = events
            .iter()
            .map(|e| {
                (
                    e["moment"].as_str().unwrap(),
                    e["action"]["id"].as_str().unwrap(),
                )
            })
            .collect();
        let due = [
            ("2026-09-02T12:30:00.0000000Z", "22"),
            ("2026-09-02T13:30:00.0030000Z", "46"),
            ("2026-09-02T13:30:00.0030000Z", "108"),
            ("2026-09-02T15:00:00.0000000Z", "115"),
            ("2026-09-03T08:00:00.1234567Z", "CR"),
            ("2026-09-03T09:00:00.0000000Z", "ALST"),
        ];
        assert_eq!(told, due, "{version}");
    }
}

#[test]
fn an_event_says_what_was_recorded_of_it() {
    let ran = changes(&server(16), &SINCE).run().code(0);
    let events = of_kind(&lines(&ran), "event");
    let created = &events[1];
    assert_eq!(created["recorded"], "2026-09-02T10:00:00.003");
    assert_eq!(created["action"]["name"], "Object:Created");
    assert_eq!(created["action"]["subclass_name"], "commit");
    assert_eq!(created["who"]["login"], "CORP\\mallory");
    assert_eq!(created["from"]["host"], "WS-7");
    assert_eq!(created["on"]["object"], "usp_\u{1b}[31mplanted");
    assert_eq!(created["on"]["kind"], "8272");
    assert_eq!(events[2]["on"]["role"], "sysadmin");
    assert_eq!(events[2]["on"]["login"], "svc");
    assert_eq!(events[0]["error"], 15457);
    let procedure = &events[4];
    assert_eq!(procedure["action"]["name"], "CREATE");
    assert_eq!(procedure["on"]["kind"], "P");
    assert_eq!(procedure["on"]["kind_name"], "STORED PROCEDURE");
    assert_eq!(
        procedure["who"],
        json!({"login": "sa", "session_login": "CORP\\mallory", "database_user": "dbo"})
    );
    let login = &events[5];
    assert_eq!(login["succeeded"], false);
    assert_eq!(
        login["from"],
        json!({"host": "WS-7", "application": "SSMS", "client_ip": "10.0.0.7"})
    );
}

#[test]
fn a_statement_of_several_records_is_put_together() {
    let ran = changes(&server(16), &SINCE).run().code(0);
    let events = of_kind(&lines(&ran), "event");
    let written = &events[4]["statement"];
    assert_eq!(written["text"], statement());
    assert_eq!(
        written["sha256"],
        mssql_posture::snapshot::sha256_hex(statement().as_bytes())
    );
    assert_eq!(written.get("missing"), None);
}

#[test]
fn a_missing_record_of_a_statement_is_said_and_not_bridged() {
    let mut rows = audit_rows(16);
    rows.retain(|r| !(r["sequence_number"] == 2));
    let events = RecordedEvents::default()
        .trace(TRACE_BASE, trace_rows())
        .audit(PATTERN, rows);
    let server = Instance::new(recording(16))
        .events(events)
        .start(Options::default());
    let ran = changes(&server, &SINCE).run().code(0);
    let events = of_kind(&lines(&ran), "event");
    let written = &events[4]["statement"];
    assert_eq!(written["missing"], json!(["2"]));
    assert_eq!(written["sha256"], Value::Null);
    assert!(written["text"].as_str().unwrap().contains("xxx[…]xxx"));
}

#[test]
fn secrets_are_masked_and_what_a_terminal_obeys_is_made_visible_in_every_form() {
    let server = server(16);
    let ran = changes(&server, &SINCE).run().code(0);
    let masked = "CREATE LOGIN x WITH PASSWORD = '***'";
    let plain = format!("CREATE LOGIN x WITH PASSWORD = '{SECRET}'");
    let events = of_kind(&lines(&ran), "event");
    assert_eq!(events[5]["statement"]["text"], masked);
    assert_eq!(
        events[5]["statement"]["sha256"],
        mssql_posture::snapshot::sha256_hex(plain.as_bytes())
    );
    for (columns, known) in [
        ("80", "sysadmin"),
        ("200", "Configuration option 'xp_cmdshell'"),
    ] {
        let estate = Estate::new().with("a", &server);
        let ran = estate
            .command("changes", &SINCE)
            .env("COLUMNS", columns)
            .run()
            .code(0);
        let text = ran.read("out");
        assert!(text.contains(known), "{text}");
        assert!(text.contains("Events since 2026-09-01 00:00 UTC"), "{text}");
        let most: usize = columns.parse().unwrap();
        for line in text.lines() {
            assert!(line.chars().count() <= most, "{columns}: {line}");
            assert_eq!(mssql_posture::report::visible(line), line);
        }
        assert!(!text.contains("hunter2"), "{text}");
    }
    let raw = ran.read("out");
    assert!(!raw.contains("hunter2") && !raw.contains('\u{1b}') && !raw.contains('\u{202e}'));
}

#[test]
fn two_runs_give_the_same_bytes() {
    let server = server(15);
    let run = || changes(&server, &SINCE).run().code(0).read("out");
    assert_eq!(run(), run());
}

#[test]
fn only_declared_statements_are_sent() {
    for version in [12, 16] {
        let server = server(version);
        changes(&server, &SINCE).run().code(0);
        let printed = Cli::new(&["queries", "--version", &version.to_string()])
            .run()
            .code(0)
            .stdout;
        let values = |local: bool| {
            [
                ("path", Fill::Text(TRACE_BASE)),
                ("pattern", Fill::Text(PATTERN)),
                (
                    "since",
                    Fill::Text(if local {
                        "2026-08-31T19:30:00"
                    } else {
                        "2026-09-01T00:00:00"
                    }),
                ),
                ("until", Fill::Text("9999-12-31T00:00:00")),
            ]
        };
        let mut allowed: BTreeSet<String> =
            SESSION_SETTINGS.split(";\n").map(str::to_owned).collect();
        allowed.extend(queries().iter().map(|q| q.text.to_owned()));
        let mut templates = Vec::new();
        for query in event_queries()
            .iter()
            .filter(|q| q.versions.contains(&version))
        {
            assert!(
                printed.contains(query.text),
                "{} is not printed",
                query.name
            );
            let local = query.views == "sys.fn_trace_gettable";
            // How many records may still be taken depends on what came before.
            let most = (100_000 - 10..=100_001).map(Fill::Count);
            for most in most {
                let values = [&values(local)[..], &[("most", most)]].concat();
                allowed.insert(fill(query, &values).unwrap());
            }
            templates.push(query.name);
        }
        let sent = server.statements();
        let strange: Vec<_> = sent.iter().filter(|s| !allowed.contains(*s)).collect();
        assert!(strange.is_empty(), "{version} was sent {strange:?}");
        for name in templates.iter().filter(|name| **name != "event_rights") {
            let tag = format!("AS q_{name}");
            assert!(sent.iter().any(|s| s.contains(&tag)), "{name} was not sent");
        }
    }
}

#[test]
fn an_audit_sends_none_of_it() {
    let server = server(16);
    let args = ["--allow-partial", "--fail-on", "never"];
    Estate::new().with("a", &server).audit(&args).run().code(0);
    let sent = server.statements();
    for query in event_queries() {
        let tag = format!("AS q_{},", query.name);
        assert!(!sent.iter().any(|s| s.contains(&tag)), "{}", query.name);
    }
    assert!(!sent.iter().any(|s| s.contains("fn_")));
}

#[test]
fn one_server_needs_no_inventory_and_stdout_has_the_result_alone() {
    let server = server(16);
    let address = format!("127.0.0.1,{}", server.port());
    let ran = Cli::new(&["changes", "--server", &address, "--user", USER])
        .args(&[
            "--password-env",
            "PW",
            "--ca-file",
            "ca.pem",
            "--format",
            "jsonl",
        ])
        .args(&SINCE)
        .env("PW", PASSWORD)
        .file("ca.pem", server.ca_pem())
        .run()
        .code(0);
    let first: Value = serde_json::from_str(ran.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(first["schema"], "mssql-posture/events/v1");
    assert_eq!(ran.stdout.lines().count(), 8);
}

#[test]
fn moments_that_are_none_are_refused() {
    let server = server(16);
    for (args, says) in [
        (&["--since", "yesterday"][..], "is no moment"),
        (&["--since", "2026-02-30"], "not in the calendar"),
        (&["--since", "2026-09-01T25:00"], "not in the calendar"),
        (&["--since", "2026-09-01 10:00"], "is no moment"),
        (
            &["--since", "2026-09-02", "--until", "2026-09-02"],
            "must be after",
        ),
        (
            &["--since", "2026-09-02", "--max-events", "0"],
            "--max-events",
        ),
        (&[], "--since"),
    ] {
        changes(&server, args).run().code(2).says(says);
    }
    assert_eq!(server.logins_attempted(), 0);
    let ran = changes(&server, &SINCE)
        .file("out", "here before")
        .run()
        .code(2);
    assert_eq!(ran.read("out"), "here before");
}
