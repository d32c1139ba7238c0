//! What `diff --host-events` must not tell: another's change as somebody's, a mention as a deed, a name as a proof, an event of
//! another instance, and silence as peace.

use serde_json::{Value, json};

use super::host::{CMD, SQLSERVR, audited, diff, entry, events, host, planted, shell, sides};
use crate::changes::host::{AT, created};
use crate::support::cli::Cli;
use crate::support::evtx::{self, Data, LoggedEvent};

/// The same, done by Bob: another action on another thing.
fn bob(time: &str, action: &str, on: [&str; 3], statement: &str) -> Value {
    let mut row = audited(time, on[2], statement);
    row["action_id"] = json!(action);
    row["session_server_principal_name"] = json!("CORP\\bob");
    row["server_principal_name"] = json!("CORP\\bob");
    row["database_name"] = json!(on[0]);
    row["schema_name"] = json!(on[1]);
    row
}

#[test]
fn who_executes_what_another_changed_is_not_told_as_who_changed_it() {
    let mut sides = sides(true);
    planted(&mut sides.1);
    let text = "ALTER PROC dbo.usp_x AS EXEC xp_cmdshell 'whoami'";
    let log = [
        audited("2026-09-02T13:02:00", "usp_x", text),
        bob(
            "2026-09-02T15:03:00",
            "EX",
            ["ERP", "dbo", "usp_x"],
            "EXEC dbo.usp_x",
        ),
    ];
    let found = entry(&sides, &events(&[shell()], &log), 1);
    assert_eq!(
        (&found["standing"], &found["severity"]),
        (&json!("run"), &json!("high"))
    );
    let by = &found["explanations"][0];
    assert_eq!(by["who"], "CORP\\bob");
    assert_eq!(by["change"], Value::Null, "he changed nothing");
    assert!(by["ran"].as_str().unwrap().contains("usp_x"), "{by}");
    let ran = diff(&sides, &events(&[shell()], &log), &["--host-window", "180"])
        .run()
        .code(1);
    let told = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("it executed what changed"), "{told}");
    let elsewhere = bob(
        "2026-09-02T15:03:00",
        "EX",
        ["ERP2", "dbo", "usp_x"],
        "EXEC dbo.usp_x",
    );
    let found = entry(&sides, &events(&[shell()], &[elsewhere]), 1);
    assert_eq!(
        found["standing"], "route",
        "one of that name in another database"
    );
}

#[test]
fn reads_mentions_and_refused_calls_explain_nothing() {
    let mut sides = sides(false);
    sides.1.set_option("xp_cmdshell", 1, 1);
    let cmdshell = "EXEC xp_cmdshell 'dir'";
    for (why, action, on, statement, succeeded) in [
        (
            "a read of the option",
            "SL",
            ["master", "sys", "configurations"],
            "SELECT value FROM sys.configurations WHERE name = N'xp_cmdshell'",
            true,
        ),
        (
            "a table of that name",
            "SL",
            ["App", "dbo", "xp_cmdshell"],
            "SELECT 1 FROM dbo.xp_cmdshell",
            true,
        ),
        (
            "a procedure of that name",
            "EX",
            ["App", "dbo", "xp_cmdshell"],
            "EXEC dbo.xp_cmdshell",
            true,
        ),
        (
            "a refused call",
            "EX",
            ["master", "sys", "xp_cmdshell"],
            cmdshell,
            false,
        ),
        (
            "a comment",
            "EX",
            ["ERP", "dbo", "usp_y"],
            "EXEC dbo.usp_y -- xp_cmdshell",
            true,
        ),
        (
            "it was switched off",
            "EX",
            ["master", "sys", "sp_configure"],
            "EXEC sp_configure 'xp_cmdshell', 0",
            true,
        ),
    ] {
        let mut row = bob("2026-09-02T15:03:00", action, on, statement);
        row["succeeded"] = json!(succeeded);
        let found = entry(&sides, &events(&[shell()], &[row]), 1);
        let by = &found["explanations"][0];
        let told = (&by["explains"], &by["ran"]);
        assert_eq!(told, (&json!(false), &Value::Null), "{why}: {by}");
        assert_eq!(found["standing"], "route", "{why}");
    }
    let row = bob(
        "2026-09-02T15:03:00",
        "EX",
        ["master", "sys", "xp_cmdshell"],
        cmdshell,
    );
    let found = entry(&sides, &events(&[shell()], &[row]), 1);
    assert_eq!(found["standing"], "event");
    assert_eq!(
        found["explanations"][0]["change"],
        Value::Null,
        "a call is no change of the option"
    );
}

#[test]
fn the_change_of_an_option_is_who_set_it() {
    let mut sides = sides(false);
    sides.1.set_option("xp_cmdshell", 1, 1);
    let set = "EXEC sp_configure 'xp_cmdshell', 1";
    let on = ["master", "sys", "sp_configure"];
    let log = [
        audited(
            "2026-09-02T15:02:00",
            "usp_other",
            "ALTER PROC dbo.usp_other AS SELECT 1",
        ),
        bob("2026-09-02T15:03:00", "EX", on, set),
    ];
    let found = entry(&sides, &events(&[shell()], &log), 1);
    assert_eq!(found["standing"], "change");
    let by = &found["explanations"][0];
    assert!(
        by["change"].as_str().unwrap().contains("xp_cmdshell"),
        "{by}"
    );
    assert_eq!(by["who"], "CORP\\bob");
    let switched = |to: &str| LoggedEvent {
        provider: "MSSQLSERVER",
        channel: "Application",
        id: 15457,
        data: Data::Inserted(["xp_cmdshell", "0", to].map(str::to_owned).to_vec()),
        ..shell()
    };
    let found = entry(&sides, &events(&[switched("1")], &log), 1);
    assert_eq!(found["standing"], "change");
    let mut late = sides.clone();
    // When it ended follows.
    "2026-09-02T12:00:00Z".clone_into(&mut late.1.snapshot.started);
    let found = entry(&late, &events(&[shell()], &log), 1);
    assert_eq!(
        found["explanations"][0]["change"],
        Value::Null,
        "it came after AFTER"
    );
}

const BINN: &str =
    "C:\\Program Files\\Microsoft SQL Server\\MSSQL16.MSSQLSERVER\\MSSQL\\Binn\\xpstar.dll";

/// Number, what is put into the message, severity, and a part of the reason.
#[rustfmt::skip] // one event a line
const WEIGHED: &[(u16, &[&str], &str, &str)] = &[
    (8128, &["xpstar.dll", "1", "xp_dirtree"], "info", "name and place"),
    (8128, &[BINN, "1", "xp_dirtree"], "info", "name and place"),
    (8128, &["xpstar.dll", "1", "xp_evil"], "high", "not known to have"),
    (8128, &["C:\\temp\\xpstar.dll", "1", "xp_dirtree"], "high", "elsewhere"),
    (8128, &["C:\\temp\\evil.dll", "1", "xp_cmdshell"], "high", "behind xp_cmdshell"),
    (8128, &["xplog70.dll", "1", "xp_cmdshell"], "low", "first time"),
    (33090, &["xplog70.dll"], "info", "name and place"),
    (33090, &["C:\\Users\\Public\\xplog70.dll"], "high", "elsewhere"),
    (15457, &["clr strict security", "1", "0"], "high", "leave the engine"),
    (15457, &["clr strict security", "0", "1"], "low", "protects"),
    (15457, &["default trace enabled", "1", "0"], "high", "records nothing"),
    (15457, &["default trace enabled", "0", "1"], "low", "protects"),
    (15457, &["external rest endpoint enabled", "0", "1"], "high", "leave the engine"),
    (15457, &["Ad Hoc Distributed Queries", "0", "1"], "high", "leave the engine"),
    (15457, &["scan for startup procs", "0", "1"], "medium", "start with the server"),
    (15457, &["xp_cmdshell", "0", "1"], "medium", "switched on"),
    (15457, &["xp_cmdshell", "1", "0"], "low", "switched off"),
    (15457, &["max server memory (MB)", "0", "9"], "info", "none that opens"),
    (15457, &["option de configuration ", "0", "1"], "medium", "not understood"),
    (15457, &["x"], "medium", "not understood"),
];

#[test]
fn severity_is_none_that_a_name_buys() {
    let log: Vec<LoggedEvent> = WEIGHED
        .iter()
        .zip(0..)
        .map(|((id, values, ..), at)| LoggedEvent {
            provider: "MSSQLSERVER",
            channel: "Application",
            id: *id,
            seconds: AT + at,
            data: Data::Inserted(values.iter().map(|own| (*own).to_owned()).collect()),
            ..shell()
        })
        .collect();
    let ran = diff(&sides(true), &events(&log, &[]), &["--format", "json"])
        .run()
        .code(1);
    let found = host(&ran);
    assert_eq!(found["entries"].as_array().unwrap().len(), WEIGHED.len());
    for ((id, values, severity, why), entry) in
        WEIGHED.iter().zip(found["entries"].as_array().unwrap())
    {
        assert_eq!(entry["severity"], *severity, "{id} {values:?}: {entry}");
        assert!(
            entry["why"].as_str().unwrap().contains(why),
            "{id} {values:?}: {entry}"
        );
    }
}

/// What `changes` makes of a log, for a target or for what the events name.
fn logged(log: &[LoggedEvent], more: &[&str]) -> String {
    let cli = Cli::new(&["changes", "--from-files", "x.evtx", "--format", "jsonl"]).args(more);
    cli.file("x.evtx", evtx::log(log, 20)).run().code(0).stdout
}

fn named(computer: &'static str, parent: &str) -> LoggedEvent {
    LoggedEvent {
        computer,
        ..created(parent, CMD, "cmd", AT)
    }
}

#[test]
fn events_find_their_instance_one_by_one_and_the_rest_is_told_and_incomplete() {
    let sides = sides(true);
    let of_crm = SQLSERVR.replace("MSSQLSERVER", "CRM");
    let nobodys = "C:\\Tools\\sqlservr.exe";
    let own = ["--target", "erp-prod"];
    for (why, log, more, taken, left) in [
        (
            "its machine",
            vec![named("SQL01", SQLSERVR)],
            &[][..],
            1,
            None,
        ),
        (
            "elsewhere",
            vec![named("elsewhere.corp", SQLSERVR)],
            &[],
            0,
            Some("name elsewhere"),
        ),
        (
            "another's under its target",
            vec![named("SQL01", &of_crm), named("SQL01", SQLSERVR)],
            &own,
            1,
            Some("the instance CRM"),
        ),
        (
            "without an instance, and another's",
            vec![named("SQL01", nobodys), named("SQL01", &of_crm)],
            &[],
            1,
            Some("sql01\\crm"),
        ),
        (
            "whatever names none",
            vec![named("SQL01", nobodys), named("SQL01", SQLSERVR)],
            &own,
            2,
            None,
        ),
    ] {
        let events = logged(&log, more);
        let code = if left.is_some() { 3 } else { 0 };
        let ran = diff(&sides, &events, &["--format", "json"])
            .run()
            .code(code);
        assert_eq!(
            host(&ran)["entries"].as_array().unwrap().len(),
            taken,
            "{why}"
        );
        let whole: Value = serde_json::from_str(&ran.stdout).unwrap();
        let told = whole["unplaced"].to_string();
        match left {
            Some(due) => assert!(told.replace("\\\\", "\\").contains(due), "{why}: {told}"),
            None => assert_eq!(told, "null", "{why}"),
        }
        if left.is_some() {
            for format in ["table", "md", "html"] {
                let told = diff(&sides, &events, &["--format", format])
                    .run()
                    .code(3)
                    .stdout;
                assert!(told.contains("Not placed"), "{why} {format}: {told}");
            }
        }
    }
}

#[test]
fn an_instance_without_an_event_of_its_host_is_not_told_as_quiet() {
    let sides = sides(true);
    let events = events(&[created("C:\\Windows\\explorer.exe", CMD, "cmd", AT)], &[]);
    let ran = diff(&sides, &events, &["--format", "json"]).run().code(3);
    let found = host(&ran);
    assert_eq!(
        (&found["incomplete"], &found["entries"]),
        (&json!(true), &json!([]))
    );
    let unseen = found["unseen"].as_array().unwrap();
    assert!(
        unseen[0]
            .as_str()
            .unwrap()
            .starts_with("no event of the host"),
        "{unseen:?}"
    );
    assert!(unseen.len() == 4, "and each kind: {unseen:?}");
    for format in ["table", "md", "html"] {
        let told = diff(&sides, &events, &["--format", format])
            .run()
            .code(3)
            .stdout;
        assert!(told.contains("no event of the host"), "{format}: {told}");
    }
}
