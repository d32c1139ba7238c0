//! The command: from a server's records to a table, by way of `changes`; every form, and the exit codes.

use mssql_posture::snapshot::Observed;
use serde_json::{Value, json};

use super::{CODE, File, STATEMENT, planted, the_event};
use crate::changes::recorded;
use crate::drift::commands::diff_with;
use crate::support::cli::{Cli, Ran};
use crate::support::estate::Estate;
use crate::support::instance::{Instance, RecordedEvents, RunningInstance, sample};
use crate::support::recording::Recording;
use crate::support::tds_server::Options;

const REGISTER: &str = "schema = \"mssql-posture/register/v1\"\n";
const APPROVED: &str = "changes = \"changes.csv\"\n";
const CSV: &str = "ticket,from,until,instance,object,identity\nCHG-1042,2026-11-12T08:00:00Z,2026-11-12T11:00:00Z,erp-*,ERP.dbo.*,CORP\\*\n";

fn diff(sides: &(Recording, Recording), events: &str, args: &[&str]) -> Cli {
    diff_with("--events", events, sides, args).file("changes.csv", CSV)
}

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

/// The attribution of the procedure that was planted.
fn planted_of(found: &Value) -> Value {
    let changes = found["instances"][0]["changes"].as_array().unwrap();
    let own = changes.iter().find(|own| own["fact"] == "modules").unwrap();
    own["attribution"].clone()
}

/// A server with a default trace and one file audit, which hold what was done. Its clock is three and a half hours
/// behind UTC.
fn server(trace: Vec<Value>, audit: Vec<Value>) -> RunningInstance {
    let mut recording = recorded(16, "C:\\Log\\log_42.trc", ("Main", "Main_6F2B.sqlaudit"));
    let Observed::Known { value } = &mut recording.snapshot.server.server_identity else {
        panic!("an identity");
    };
    value.server_name = Some("SQL01".to_owned());
    let events = RecordedEvents::default()
        .trace("C:\\Log\\log.trc", trace)
        .audit("C:\\Audit\\Main_6F2B*.sqlaudit", audit);
    Instance::new(recording)
        .events(events)
        .start(Options::default())
}

fn audit_row(time: &str, action: &str, object: &str, statement: &str) -> Value {
    json!({
        "event_time": time, "sequence_number": 1, "action_id": action, "class_type": "P",
        "succeeded": true, "session_id": 77, "object_id": 5, "server_principal_name": "sa",
        "session_server_principal_name": "CORP\\jdoe", "database_principal_name": "dbo",
        "database_name": "ERP", "schema_name": "dbo", "object_name": object, "statement": statement,
        "host_name": "WS-114", "client_ip": "10.0.0.7", "application_name": "SSMS",
        "file_name": "C:\\Audit\\Main_6F2B_0_1.sqlaudit", "audit_file_offset": 1,
    })
}

fn trace_row(class: i32, subclass: i32, time: &str) -> Value {
    json!({
        "EventClass": class, "EventSubClass": subclass, "StartTime": time, "EventSequence": 1,
        "LoginName": "sa", "SessionLoginName": "CORP\\jdoe", "HostName": "WS-114", "ApplicationName": "SSMS",
        "DatabaseName": "ERP", "SPID": 77, "Success": 1,
    })
}

/// What `changes` makes of the server's records of the time between the two sides.
fn collected(server: &RunningInstance, code: i32) -> String {
    let window = [
        "--since",
        "2026-11-09",
        "--until",
        "2026-11-17",
        "--format",
        "jsonl",
    ];
    let estate = Estate::new().with("erp-prod", server);
    let ran = estate.command("changes", &window).run().code(code);
    ran.read("out")
}

#[test]
fn from_the_records_of_a_server_to_who_did_it() {
    let reach = audit_row("2026-10-01T00:00:00", "CR", "old", "x");
    let mut option = trace_row(22, 0, "2026-11-12T05:40:00"); // 09:10 UTC
    option["Error"] = json!(15457);
    option["TextData"] = json!(
        "Configuration option 'xp_cmdshell' changed from 0 to 1. Run the RECONFIGURE statement to install."
    );
    let server = server(
        vec![trace_row(46, 1, "2026-10-01T00:00:00"), option],
        vec![
            reach,
            audit_row("2026-11-12T09:00:00.1000000", "AL", "usp_x", STATEMENT),
        ],
    );
    let events = collected(&server, 0);
    server.assert_clean();
    let mut sides = planted();
    sides.1.set_option("xp_cmdshell", 1, 1);
    let ran = diff(&sides, &events, &["--format", "json"]).run().code(1);
    let found = json_of(&ran);
    assert_eq!(found["attribution"]["held_to_register"], false);
    let own = planted_of(&found);
    assert_eq!(own["outcome"], "attributed");
    assert_eq!(own["events"][0]["who"]["session_login"], "CORP\\jdoe");
    assert_eq!(own["events"][0]["who"]["login"], "sa");
    assert_eq!(own["events"][0]["features"], json!(["xp_cmdshell"]));
    let changes = found["instances"][0]["changes"].as_array().unwrap();
    let option = changes
        .iter()
        .find(|own| own["fact"] == "configurations")
        .unwrap();
    let event = &option["attribution"]["events"][0];
    assert_eq!(option["attribution"]["outcome"], "attributed");
    // The trace's time may be an hour off.
    assert_eq!(event["moment"], "2026-11-12T08:10:00.0000000Z");
    assert_eq!(event["until"], "2026-11-12T10:10:00.0000000Z");
    // The register: the procedure's ticket does not cover the option.
    let register = format!("{REGISTER}{APPROVED}");
    let args = ["--register", "register.toml", "--format", "json"];
    let ran = diff(&sides, &events, &args)
        .file("register.toml", &register)
        .run()
        .code(1);
    let found = json_of(&ran);
    assert_eq!(planted_of(&found)["outcome"], "approved");
    assert_eq!(planted_of(&found)["ticket"], "CHG-1042");
    assert_eq!(
        found["attribution"]["outcomes"],
        json!([{ "outcome": "approved", "changes": 1 }, { "outcome": "unapproved", "changes": 1 }])
    );
}

#[test]
fn a_server_that_may_not_be_asked_leaves_it_unattributable() {
    let mut recording = sample::recording_with_control(16);
    let Observed::Known { value } = &mut recording.snapshot.server.session else {
        panic!("a session");
    };
    (value.is_sysadmin, value.control_server) = (Some(false), Some(false));
    value.alter_trace = Some(false);
    let server = Instance::new(recording).start(Options::default());
    let events = collected(&server, 3);
    let ran = diff(&planted(), &events, &["--format", "json"])
        .run()
        .code(3);
    let own = planted_of(&json_of(&ran));
    assert_eq!(own["outcome"], "unattributable");
    let spots = own["blind_spots"].as_array().unwrap();
    let denied = spots.iter().filter(|own| own["kind"] == "denied").count();
    assert_eq!(denied, 2, "{spots:?}");
}

#[test]
fn exit_codes_rank_unseen_over_unapproved_over_approved() {
    let whole = File::of(vec![the_event()]).text();
    let none = File::of(Vec::new());
    let run = |events: &str, register: &str, args: &[&str], code: i32| {
        let all = [&["--register", "register.toml"][..], args].concat();
        let register = format!("{REGISTER}{register}");
        diff(&planted(), events, &all)
            .file("register.toml", register)
            .run()
            .code(code)
    };
    run(&whole, APPROVED, &[], 0);
    run(&whole, "", &[], 1);
    run(&whole, "", &["--fail-on", "critical"], 0);
    run(&whole, "", &["--fail-on", "never"], 0);
    // Nothing recorded it: the server's fault, and a finding.
    run(&none.text(), APPROVED, &[], 1);
    // Nobody looked: ours.
    let denied = json!({ "state": "denied", "needs": ["CONTROL SERVER"] });
    let denied = none.source(2, denied).text();
    run(&denied, APPROVED, &[], 3);
    run(&denied, APPROVED, &["--allow-partial"], 0);
    run(
        &denied,
        APPROVED,
        &["--allow-partial", "--fail-on", "never"],
        0,
    );
    // Without a register changes are findings, whoever made them.
    diff(&planted(), &whole, &[]).run().code(1);
}

#[test]
fn files_that_are_none_are_refused() {
    let sides = planted();
    let whole = File::of(vec![the_event()]).text();
    diff(&sides, "{}", &[]).run().code(2).says("events.jsonl");
    diff(&sides, "", &[])
        .run()
        .code(2)
        .says("line 1: the file is empty");
    let with = |text: &str| {
        let cli = diff(&sides, &whole, &["--register", "register.toml"]);
        cli.file("register.toml", format!("{REGISTER}{text}"))
            .run()
            .code(2)
    };
    with("approvd = 1").says("did you mean approved?");
    with("changes = \"nowhere.csv\"").says("nowhere.csv");
    let alone = ["diff", "before", "after", "--register", "register.toml"];
    Cli::new(&alone).run().code(2).says("--events");
}

#[test]
fn every_form_tells_who_and_why_and_obeys_nobody() {
    let evil = "CORP\\x\u{202e}\u{1b}[2J</td><script>alert(1)</script>|`x`\n# h";
    let mut event = the_event();
    event["who"]["session_login"] = json!(evil);
    event["from"]["host"] = json!(evil);
    event["statement"]["text"] = json!(format!("{STATEMENT}\n-- {evil} password = 'hunter2!'"));
    let mut stray = the_event();
    stray["action"]["id"] = json!("EX");
    stray["on"]["object"] = json!("xp_cmdshell");
    stray["on"]["kind"] = json!("X");
    stray["statement"]["text"] = json!(format!("EXEC xp_cmdshell '{evil}'"));
    let events = File::of(vec![event, stray]).text();
    let register = format!("{REGISTER}administration_hosts = [\"JUMP\"]\n{APPROVED}");
    for (format, columns) in [
        ("table", "80"),
        ("table", "200"),
        ("json", "80"),
        ("md", "80"),
        ("html", "80"),
    ] {
        let args = ["--register", "register.toml", "--format", format];
        let cli = diff(&planted(), &events, &args).env("COLUMNS", columns);
        let shown = cli.file("register.toml", &register).run().code(1).stdout;
        let acts =
            |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!shown.chars().any(acts), "{format}");
        assert!(!shown.contains("hunter2"), "{format}: {shown}");
        if format == "table" {
            let most: usize = columns.parse().unwrap();
            for line in shown.lines().filter(|line| !line.starts_with("  ")) {
                assert!(line.chars().count() <= most, "{columns}: {line}");
            }
        }
        // Words may be broken over lines at 80 columns.
        let due: &[&str] = if columns == "200" || format != "table" {
            &["unusual host", "xp_cmdshell", "used xp_cmdshell"]
        } else {
            &["unusual", "xp_cmdshell"]
        };
        let due = due.iter().filter(|_| format != "json");
        let plain = shown.replace('\\', "");
        for said in due {
            assert!(plain.contains(said), "{format}: no {said}: {shown}");
        }
        match format {
            "json" => assert!(shown.contains("\"unusual_host\"")),
            "html" => assert!(!shown.contains("<script"), "{shown}"),
            "md" => assert!(
                !shown.lines().any(|line| line.starts_with("# h")),
                "{shown}"
            ),
            _ => assert!(shown.contains("Attribution"), "{shown}"),
        }
    }
}

#[test]
fn the_table_tells_who_and_where_nobody_looks() {
    let mut run = the_event();
    run["action"]["id"] = json!("EX");
    run["on"]["object"] = json!("xp_cmdshell");
    run["on"]["kind"] = json!("X");
    run["on"]["database"] = json!("master");
    run["on"]["schema"] = json!("sys");
    run["statement"]["text"] = json!("EXEC xp_cmdshell 'whoami'");
    let events = File::of(vec![the_event(), run]).text();
    let mut sides = planted();
    sides.1.add_login("newcomer", "S");
    for columns in ["80", "200"] {
        let cli = diff(&sides, &events, &["--register", "register.toml"]);
        let cli = cli.env("COLUMNS", columns);
        let register = format!("{REGISTER}{APPROVED}");
        let ran = cli.file("register.toml", register).run().code(1);
        insta::assert_snapshot!(format!("the_table_at_{columns}"), ran.stdout);
    }
}

#[test]
fn two_runs_give_the_same_bytes_and_the_code_is_what_was_planted() {
    let events = File::of(vec![the_event()]).text();
    let run = || {
        diff(&planted(), &events, &["--format", "json"])
            .run()
            .code(1)
            .stdout
    };
    assert_eq!(run(), run());
    assert!(CODE.contains("xp_cmdshell"));
}

#[test]
fn a_register_has_a_schema() {
    let printed = Cli::new(&["schema", "register"]).run().code(0).stdout;
    let schema: Value = serde_json::from_str(&printed).unwrap();
    for field in ["approved", "site", "assembly", "invocation_threshold"] {
        assert!(schema["properties"][field].is_object(), "{field}");
    }
}
