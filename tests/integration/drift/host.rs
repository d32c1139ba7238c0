//! `diff --host-events`: what was started on a host, and what explains it. From a log and an exported audit to the finding,
//! through the commands.

use mssql_posture::drift::{HostInput, HostTimeline, InstanceDiff, Pairing};
use mssql_posture::ids::InstanceId;
use mssql_posture::rules::Severity;
use mssql_posture::snapshot::{Event, EventsLine, HostEvent, Observed};
use serde_json::{Value, json};

use super::commands::diff_with;
use super::instance;
use crate::changes::exports::lines_of;
use crate::changes::host::{AT, created};
use crate::support::cli::{Cli, Ran};
use crate::support::evtx::{self, LoggedEvent};
use crate::support::recording::Recording;

pub(super) const SQLSERVR: &str = "C:\\X\\MSSQL16.MSSQLSERVER\\MSSQL\\Binn\\sqlservr.exe";
pub(super) const CMD: &str = "C:\\Windows\\System32\\cmd.exe";

pub(super) fn shell() -> LoggedEvent {
    created(SQLSERVR, CMD, "cmd.exe /c whoami", AT)
}

/// An audited statement, two minutes before the shell unless said otherwise.
pub(super) fn audited(time: &str, object: &str, statement: &str) -> Value {
    json!({
        "event_time": time, "sequence_number": 1, "action_id": "AL", "class_type": "P", "succeeded": true,
        "session_id": 77, "server_principal_name": "sa", "session_server_principal_name": "CORP\\jdoe",
        "database_name": "ERP", "schema_name": "dbo", "object_name": object, "host_name": "WS-114",
        "application_name": "SSMS", "statement": statement, "file_name": "C:\\A\\Main_6F2B_0_1.sqlaudit",
        "audit_file_offset": time.len() + object.len() + statement.len(),
    })
}

/// What `changes` makes of a log and an audit.
pub(super) fn events(log: &[LoggedEvent], audit: &[Value]) -> String {
    let audit = if audit.is_empty() {
        String::new()
    } else {
        lines_of(audit)
    };
    let mut files = vec!["changes", "--from-files", "app.evtx"];
    if !audit.is_empty() {
        files.push("audit.jsonl");
    }
    let more = ["--target", "erp-prod", "--format", "jsonl"];
    let cli = Cli::new(&files)
        .args(&more)
        .file("app.evtx", evtx::log(log, 20));
    cli.file("audit.jsonl", audit).run().code(0).stdout
}

/// Both sides, the events between them.
pub(super) fn sides(is_open: bool) -> (Recording, Recording) {
    let mut before = instance();
    before.add_module(
        "ERP",
        "dbo.usp_x",
        "P",
        "CREATE PROC dbo.usp_x AS\nSELECT 1",
    );
    if is_open {
        before.set_option("xp_cmdshell", 1, 1);
    }
    let mut sides = (before.clone(), before);
    for (side, at) in [
        (&mut sides.0, "2026-09-01T05:00:00Z"),
        (&mut sides.1, "2026-09-03T05:00:00Z"),
    ] {
        at.clone_into(&mut side.snapshot.started);
        at.clone_into(&mut side.snapshot.ended);
    }
    sides
}

pub(super) fn planted(after: &mut Recording) {
    let id = after.object_id("ERP", "dbo.usp_x");
    after.set_text(
        "ERP",
        id,
        "CREATE PROC dbo.usp_x AS\nEXEC xp_cmdshell 'whoami'",
    );
}

pub(super) fn diff(sides: &(Recording, Recording), events: &str, args: &[&str]) -> Cli {
    diff_with("--host-events", events, sides, args)
}

pub(super) fn host(ran: &Ran) -> Value {
    let diff: Value = serde_json::from_str(&ran.stdout).unwrap();
    diff["instances"][0]["host"].clone()
}

#[track_caller]
pub(super) fn entry(sides: &(Recording, Recording), events: &str, code: i32) -> Value {
    let ran = diff(sides, events, &["--format", "json"]).run().code(code);
    host(&ran)["entries"][0].clone()
}

#[test]
fn a_shell_next_to_the_change_that_reaches_it_is_explained_by_it() {
    let mut sides = sides(true);
    planted(&mut sides.1);
    let text = "ALTER PROC dbo.usp_x AS EXEC xp_cmdshell 'whoami'";
    let events = events(&[shell()], &[audited("2026-09-02T15:02:00", "usp_x", text)]);
    let entry = entry(&sides, &events, 1);
    assert_eq!(
        (&entry["standing"], &entry["severity"]),
        (&json!("change"), &json!("high"))
    );
    let by = &entry["explanations"][0];
    assert_eq!(by["seconds_before"], 120);
    assert_eq!(by["who"], "CORP\\jdoe as sa");
    assert!(by["from"].as_str().unwrap().starts_with("WS-114"), "{by}");
    assert!(by["change"].as_str().unwrap().contains("usp_x"), "{by}");
    for format in ["table", "md", "html"] {
        let text = diff(&sides, &events, &["--format", format])
            .env("COLUMNS", "200")
            .run()
            .code(1)
            .stdout;
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        // Markdown escapes what it could obey.
        let flat = flat.replace('\\', "");
        for told in [
            "cmd.exe under sqlservr.exe",
            "2 min before",
            "usp_x",
            "explained by a change",
        ] {
            assert!(flat.contains(told), "{format}: {told}\n{text}");
        }
    }
}

#[test]
fn a_shell_while_nothing_was_open_is_a_finding_of_its_own() {
    let (closed, open) = (sides(false), sides(true));
    let events = events(&[shell()], &[]);
    let found = entry(&closed, &events, 1);
    assert_eq!(
        (&found["standing"], &found["severity"]),
        (&json!("nothing"), &json!("high"))
    );
    assert!(
        found["why"].as_str().unwrap().contains("xp_cmdshell"),
        "{found}"
    );
    assert_eq!(found["channels"][0]["channel"], "xp_cmdshell");
    let found = entry(&open, &events, 0);
    assert_eq!(
        (&found["standing"], &found["severity"]),
        (&json!("route"), &json!("low"))
    );
    assert_eq!(found["channels"][0]["after"], "open");
}

#[test]
fn one_file_attributes_the_change_and_explains_the_host() {
    let mut sides = sides(true);
    planted(&mut sides.1);
    for database in &mut sides.1.snapshot.databases {
        if let Observed::Known { value } = &mut database.objects {
            for object in value.iter_mut().filter(|object| object.name == "usp_x") {
                object.modify_date = Some("2026-09-02T15:02:00".to_owned());
            }
        }
    }
    let text = "ALTER PROC dbo.usp_x AS EXEC xp_cmdshell 'whoami'";
    let events = events(&[shell()], &[audited("2026-09-02T15:02:00", "usp_x", text)]);
    let args = ["--format", "json", "--allow-partial"];
    let cli = diff_with("--events", &events, &sides, &args);
    let ran = cli.run().code(1);
    assert_eq!(host(&ran)["entries"][0]["standing"], "change");
    let diff: Value = serde_json::from_str(&ran.stdout).unwrap();
    let own = &diff["instances"][0];
    let blind = own["attribution"]["blind_spots"].to_string();
    assert!(!blind.contains("nothing is attributed by it"), "{blind}");
    let changes = own["changes"].as_array().unwrap();
    let module = changes
        .iter()
        .find(|change| change["fact"] == "modules")
        .unwrap();
    let said = module["attribution"].to_string();
    assert!(said.contains("jdoe"), "{said}");
}

#[test]
fn nearness_alone_explains_nothing_and_the_window_ends() {
    let sides = sides(false);
    let other = audited(
        "2026-09-02T15:03:00",
        "usp_other",
        "ALTER PROC dbo.usp_other AS SELECT 1",
    );
    let found = entry(&sides, &events(&[shell()], &[other]), 1);
    assert_eq!(found["standing"], "nothing");
    assert_eq!(found["explanations"][0]["explains"], false);
    let naming = |time| {
        audited(
            time,
            "",
            "EXEC sp_configure 'xp_cmdshell', 1; EXEC xp_cmdshell 'whoami'",
        )
    };
    for (time, due, seconds) in [
        ("2026-09-02T14:59:00", "event", Some(300)),
        ("2026-09-02T14:58:59", "nothing", None),
        // Clocks differ: what came a little later may have come before.
        ("2026-09-02T15:09:00", "event", Some(-300)),
        ("2026-09-02T15:09:01", "nothing", None),
    ] {
        let found = entry(&sides, &events(&[shell()], &[naming(time)]), 1);
        assert_eq!(found["standing"], due, "{time}");
        assert_eq!(
            found["explanations"][0]["seconds_before"].as_i64(),
            seconds,
            "{time}"
        );
        assert_eq!(
            found["severity"], "high",
            "an explanation does not open a channel"
        );
    }
    let text = events(&[shell()], &[naming("2026-09-02T14:50:00")]);
    let ran = diff(&sides, &text, &["--format", "json", "--host-window", "15"])
        .run()
        .code(1);
    assert_eq!(host(&ran)["entries"][0]["standing"], "event");
    assert_eq!(host(&ran)["window_minutes"], 15);
}

#[test]
fn what_was_not_seen_of_the_host_leaves_the_comparison_incomplete() {
    let sides = sides(true);
    let log = evtx::log(&[shell(), shell()], 1);
    let cut = &log[..log.len() - 1000];
    let args = [
        "changes",
        "--from-files",
        "x.evtx",
        "--target",
        "erp-prod",
        "--format",
        "jsonl",
    ];
    let events = Cli::new(&args).file("x.evtx", cut).run().code(3).stdout;
    let ran = diff(&sides, &events, &["--format", "json"]).run().code(3);
    assert!(
        host(&ran)["unseen"][0].as_str().unwrap().contains("x.evtx"),
        "{}",
        host(&ran)
    );
    let ran = diff(&sides, &events, &["--allow-partial"]).run().code(0);
    assert!(
        ran.stdout.contains("Not seen of the host"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_file_that_is_none_is_refused_with_its_line() {
    let sides = sides(false);
    let good = events(&[shell()], &[]);
    let lines: Vec<&str> = good.lines().collect();
    for (text, due) in [
        (lines[1..].join("\n"), "line 1"),
        (format!("{}\n{{}}\n", lines[0]), "line 2"),
        (String::new(), "line 1: the file is empty"),
        (good.replace("events/v1", "events/v9"), "line 1: schema"),
        (good[..good.len() - 9].to_owned(), "line 3"),
    ] {
        diff(&sides, &text, &[])
            .run()
            .code(2)
            .says(due)
            .says("events.jsonl");
    }
}

#[test]
fn hostile_texts_are_shown_and_not_obeyed() {
    let sides = sides(false);
    let hostile = created(
        SQLSERVR,
        "C:\\T\\<img src=x>\u{1b}[31m\u{202e}|.exe",
        "a | b `c` <script> \u{1b}]0;x\u{7} net use * /user:u hunter2",
        AT,
    );
    let events = events(&[hostile], &[]);
    for format in ["table", "json", "md", "html"] {
        let text = diff(&sides, &events, &["--format", format])
            .run()
            .code(0)
            .stdout;
        for bad in ["\u{1b}", "\u{202e}", "\u{7}", "hunter2"] {
            assert!(!text.contains(bad), "{format}: {bad:?}\n{text}");
        }
        if format == "html" {
            assert!(
                !text.contains("<img") && !text.contains("<script> "),
                "{text}"
            );
        }
    }
}

#[test]
fn the_order_of_events_does_not_matter() {
    let log: Vec<_> = (0..6)
        .map(|n| created(SQLSERVR, CMD, &format!("cmd /c {n}"), AT + n % 2))
        .collect();
    let audit: Vec<_> = (0..8)
        .map(|n| {
            let mut row = audited(
                "2026-09-02T15:02:00",
                &format!("usp_{n}"),
                "EXEC xp_cmdshell 'x'",
            );
            row["audit_file_offset"] = json!(n);
            row
        })
        .collect();
    let text = events(&log, &audit);
    let (mut events, mut host) = (Vec::new(), Vec::new());
    for line in text.lines() {
        match serde_json::from_str(line).unwrap() {
            EventsLine::Event(event) => events.push(*event),
            EventsLine::Host(event) => host.push(*event),
            EventsLine::Header(_) | EventsLine::Target(_) => {}
        }
    }
    assert_eq!((events.len(), host.len()), (8, 6));
    let diff = InstanceDiff::new(
        InstanceId::new("a"),
        Pairing::Compared,
        [String::new(), String::new()],
    );
    let timeline = |events: &[Event], host: &[HostEvent]| {
        let input = HostInput {
            diff: &diff,
            sides: None,
            utc_offset_minutes: None,
            routes: [&[], &[]],
            events,
            host,
            unseen: &[],
        };
        HostTimeline::new(&input, 5)
    };
    let due = timeline(&events, &host);
    assert_eq!(due.entries.len(), 6);
    assert_eq!(
        (due.entries[0].explanations.len(), due.entries[0].further),
        (5, 3)
    );
    assert_eq!(
        due.entries[0].severity,
        Severity::Medium,
        "how channels stood was not seen"
    );
    events.reverse();
    host.rotate_left(2);
    assert_eq!(timeline(&events, &host), due);
}

#[test]
fn what_happened_on_a_host_is_neither_planned_nor_approved() {
    let mut sides = sides(false);
    planted(&mut sides.1);
    let change = "schema = \"mssql-posture/change/v1\"\nid = \"C\"\nfrom = \"2026-09-02T00:00:00Z\"\nuntil = \"2026-09-03T00:00:00Z\"\n[[planned]]\nfact = \"modules\"\nname = \"*\"\n";
    let register = "schema = \"mssql-posture/register/v1\"\n";
    for (option, args) in [
        ("--host-events", ["--change", "c.toml", "--allow-partial"]),
        ("--events", ["--register", "r.toml", "--allow-partial"]),
    ] {
        // The drift itself is planned, or low.
        let other = created("C:\\Windows\\explorer.exe", CMD, "cmd.exe", AT);
        for (started, code) in [(other, 0), (shell(), 1)] {
            diff_with(option, &events(&[started], &[]), &sides, &args)
                .args(&["--fail-on", "high"])
                .file("c.toml", change)
                .file("r.toml", register)
                .run()
                .code(code);
        }
    }
}
