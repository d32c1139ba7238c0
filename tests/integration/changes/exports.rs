//! `changes --from-files` on exported audits and traces: the same events as from the server, whatever carried them, and
//! what is said of files that are broken.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    SECRET, SINCE, audit_row, audit_rows, changes, lines, of_kind, seen, server, statement,
    trace_rows,
};
use crate::support::cli::{Cli, Ran};

const OUT: [&str; 4] = ["--format", "jsonl", "-o", "out"];

/// Rows as Export-Csv writes them: every cell in quotes, nothing for NULL.
pub(super) fn csv(rows: &[Value]) -> String {
    let columns: BTreeSet<&String> = rows
        .iter()
        .flat_map(|row| row.as_object().unwrap().keys())
        .collect();
    let quoted = |text: String| format!("\"{}\"", text.replace('"', "\"\""));
    let line = |cells: Vec<String>| cells.join(",") + "\r\n";
    let mut text = line(columns.iter().map(|c| quoted((*c).clone())).collect());
    for row in rows {
        let cell = |column: &&String| match &row[column.as_str()] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        text += &line(columns.iter().map(|column| quoted(cell(column))).collect());
    }
    text
}

pub(crate) fn lines_of(rows: &[Value]) -> String {
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    lines.join("\n") + "\n"
}

/// Writes rows as one of the exporters does.
type Carrier = fn(&[Value]) -> Vec<u8>;

/// As SSMS and sqlcmd write FOR JSON: one text, cut into lines.
fn for_json(rows: &[Value]) -> String {
    let whole: Vec<char> = Value::from(rows.to_vec()).to_string().chars().collect();
    let lines = whole
        .chunks(2033)
        .map(|piece| piece.iter().collect::<String>() + "\r\n");
    let head = "JSON_F52E2B61-18A1-11d1-B105-00805F49916B\r\n------\r\n".to_owned();
    head + &lines.collect::<String>() + "\r\n(3 rows affected)\r\n"
}

pub(super) fn utf16(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(u16::to_le_bytes);
    [0xff, 0xfe].into_iter().chain(units).collect()
}

pub(super) fn from_files(files: &[(&str, &[u8])], more: &[&str]) -> Cli {
    let mut args = vec!["changes", "--from-files"];
    args.extend(files.iter().map(|(name, _)| *name));
    let cli = Cli::new(&args).args(&OUT).args(more);
    files
        .iter()
        .fold(cli, |cli, (name, bytes)| cli.file(name, bytes))
}

/// What the export's source says.
pub(super) fn export(ran: &Ran, file: &str) -> Value {
    let targets = of_kind(&lines(ran), "target");
    let mut sources = targets
        .iter()
        .flat_map(|t| t["sources"].as_array().unwrap().clone());
    let found = sources.find(|s| s["source"] == json!({"kind": "export", "file": file}));
    found.unwrap_or_else(|| panic!("no source {file}: {targets:?}"))["seen"].clone()
}

/// Events without what only a server can say: its own names of actions and kinds.
fn comparable(ran: &Ran) -> Vec<Value> {
    let mut events = of_kind(&lines(ran), "event");
    for event in &mut events {
        if event["source"]["kind"] == "audit" {
            event["action"]["name"] = Value::Null;
            event["on"]["kind_name"] = Value::Null;
            event["source"]["name"] = json!("O'Hara");
        }
    }
    events
}

#[test]
fn exported_rows_give_the_events_that_the_server_gives() {
    let due = comparable(&changes(&server(16), &SINCE).run().code(0));
    assert_eq!(due.len(), 6);
    let (audit, trace) = (audit_rows(16), trace_rows());
    let carriers: [Carrier; 5] = [
        |rows| csv(rows).into_bytes(),
        |rows| utf16(&csv(rows)),
        |rows| lines_of(rows).into_bytes(),
        |rows| Value::from(rows.to_vec()).to_string().into_bytes(),
        |rows| utf16(&for_json(rows)),
    ];
    for (place, carrier) in carriers.iter().enumerate() {
        let files = [
            ("audit.x", &carrier(&audit)[..]),
            ("trace.x", &carrier(&trace)),
        ];
        let more = [
            "--target",
            "a",
            "--utc-offset",
            "-03:30",
            "--since",
            "2026-09-01",
        ];
        let ran = from_files(&files, &more).run().code(0);
        assert_eq!(comparable(&ran), due, "carrier {place}");
        assert_eq!(export(&ran, "audit.x")["state"], "known");
        for (source, events) in [("default_trace", 4), ("O'Hara", 2)] {
            let seen = seen(&lines(&ran), source);
            assert_eq!(
                (&seen["state"], &seen["value"]["events"]),
                (&json!("known"), &json!(events))
            );
        }
        assert_eq!(
            export(&ran, "trace.x")["value"]["events"],
            5,
            "with the backup that changes nothing"
        );
        assert!(
            !ran.read("out").contains(SECRET),
            "a secret is masked whatever carried it"
        );
    }
}

#[test]
fn the_statements_that_queries_prints_are_ones_to_export_with() {
    // Their columns have other names than the functions': those that servers answer with.
    let row = json!({
        "q_audit_file_events": 1, "recorded": "2026-09-03T08:00:00.1234567", "sequence_number": 1,
        "action_id": "CR", "class_type": "P", "succeeded": 1, "session_id": 77, "login_name": "sa",
        "session_login_name": "CORP\\mallory", "object_name": "usp_planted", "object_id": 5,
        "group_id": "System.Byte[]", "host_name": "WS-7", "statement": "CREATE PROC p AS RETURN",
    });
    let help = Cli::new(&["changes", "--help"]).run().code(0).stdout;
    for name in [
        "audit_file_events",
        "default_trace_objects",
        "default_trace_security",
        "default_trace_settings",
    ] {
        assert!(help.contains(name), "help does not say {name}");
        let printed = Cli::new(&["queries", "--version", "15", name])
            .run()
            .code(0)
            .stdout;
        for placeholder in ["$(since)", "$(until)", "$(most)"] {
            assert!(printed.contains(placeholder), "{name}: {printed}");
        }
    }
    let ran = from_files(&[("a.csv", csv(&[row]).as_bytes())], &["--target", "a"])
        .run()
        .code(0);
    let events = of_kind(&lines(&ran), "event");
    assert_eq!(events[0]["moment"], "2026-09-03T08:00:00.1234567Z");
    assert_eq!(events[0]["who"]["session_login"], "CORP\\mallory");
    assert_eq!(events[0]["from"]["host"], "WS-7");
    assert_eq!(events[0]["statement"]["text"], "CREATE PROC p AS RETURN");
}

#[test]
fn records_say_whose_they_are_unless_somebody_else_does() {
    let mut rows = audit_rows(16);
    for (place, row) in rows.iter_mut().enumerate() {
        row["server_instance_name"] = json!(if place % 2 == 0 {
            "SQL01\\ERP"
        } else {
            "sql01\\erp"
        });
    }
    rows.push({
        let mut other = audit_row("2026-09-04T00:00:00", "CR", "P", 99);
        other["server_instance_name"] = json!("SQL02");
        other
    });
    let text = csv(&rows);
    let files = [("a.csv", text.as_bytes())];
    let names = |ran: &Ran| {
        let targets = of_kind(&lines(ran), "target");
        targets
            .iter()
            .map(|t| t["target"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let ran = from_files(&files, &[]).run().code(0);
    assert_eq!(
        names(&ran),
        ["SQL01\\ERP", "SQL02"],
        "case tells no servers apart"
    );
    assert_eq!(of_kind(&lines(&ran), "event").len(), 4);
    rows.pop();
    let text = csv(&rows);
    let files = [("a.csv", text.as_bytes())];
    let ran = from_files(&files, &["--target", "mine"]).run().code(0);
    assert_eq!(names(&ran), ["mine"]);
    let nobodys = csv(&audit_rows(16));
    from_files(&[("a.csv", nobodys.as_bytes())], &[])
        .run()
        .code(2)
        .says("--target");
}

#[test]
fn overlapping_exports_are_no_further_events() {
    let (all, some) = (audit_rows(16), audit_rows(16)[1..3].to_vec());
    let files = [
        ("all.csv", csv(&all)),
        ("some.json", Value::from(some).to_string()),
    ];
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (*name, text.as_bytes()))
        .collect();
    let ran = from_files(&files, &["--target", "a"]).run().code(0);
    let events = of_kind(&lines(&ran), "event");
    assert_eq!(events.len(), 3);
    assert_eq!(
        lines(&ran)[0]["since"],
        "2026-08-01T00:00:00.0000000Z",
        "what was before is not in the files"
    );
    assert_eq!(events[1]["statement"]["text"], statement());
    assert_eq!(export(&ran, "some.json")["value"]["events"], 0);
}

#[test]
fn without_an_offset_the_times_of_a_trace_are_unknown() {
    let text = csv(&trace_rows());
    let files = [("trace.csv", text.as_bytes())];
    let ran = from_files(&files, &["--target", "a"]).run().code(3);
    assert_eq!(of_kind(&lines(&ran), "event"), Vec::<Value>::new());
    let seen = export(&ran, "trace.csv");
    assert_eq!(seen["state"], "partial");
    let trace = super::seen(&lines(&ran), "default_trace");
    assert_eq!(
        (&trace["state"], &trace["value"]["events"]),
        (&json!("partial"), &json!(0))
    );
    assert!(
        seen["needs"][0].as_str().unwrap().contains("--utc-offset"),
        "{seen}"
    );
    let mut rows = trace_rows();
    for row in &mut rows {
        row["StartTime"] = json!(format!("{}-03:30", row["StartTime"].as_str().unwrap()));
    }
    let ran = from_files(&[("t.csv", csv(&rows).as_bytes())], &["--target", "a"])
        .run()
        .code(0);
    assert_eq!(
        of_kind(&lines(&ran), "event")[1]["moment"],
        "2026-09-02T12:30:00.0000000Z"
    );
    from_files(&files, &["--target", "a", "--utc-offset", "2 h"])
        .run()
        .code(2)
        .says("no offset");
}

#[test]
fn broken_rows_are_told_by_line_and_the_others_are_read() {
    let whole = csv(&audit_rows(16));
    let mut short: Vec<&str> = whole.lines().collect();
    short.insert(3, "\"only\",\"three\",\"cells\"");
    let odd = whole.replacen("2026-09-03T09:00:00", "03.09.2026 09:00", 1);
    let cut = &whole[..whole.len() - 20];
    let rows = audit_rows(16);
    let json_lines = lines_of(&rows);
    let json_cut = &json_lines[..json_lines.len() - 30];
    for (name, text, due, events) in [
        ("short", short.join("\r\n"), "line 4: 3 cells under", 3),
        (
            "odd",
            odd,
            "\"03.09.2026 09:00\" is no value of event_time",
            2,
        ),
        ("cut", cut.to_owned(), "a quote is not closed", 2),
        ("json", json_cut.to_owned(), "line 5: EOF", 2),
    ] {
        let ran = from_files(&[("a.csv", text.as_bytes())], &["--target", "a"])
            .run()
            .code(3);
        let seen = export(&ran, "a.csv");
        assert_eq!(seen["state"], "partial", "{name}");
        assert!(
            seen["needs"][0].as_str().unwrap().contains(due),
            "{name}: {seen}"
        );
        assert_eq!(of_kind(&lines(&ran), "event").len(), events, "{name}");
    }
}

#[test]
fn files_that_give_nothing_are_refused_and_nothing_is_written() {
    let text = csv(&audit_rows(16));
    let mut damaged = text.clone().into_bytes();
    let place = text.find("usp_planted").unwrap();
    damaged[place] = 0xe4;
    let mut odd = utf16(&text);
    odd.pop();
    for (name, bytes, due) in [
        ("latin", damaged, "neither UTF-8 nor UTF-16"),
        ("odd", odd, "ends inside a UTF-16 character"),
        ("other", b"a,b\n1,2\n".to_vec(), "sys.fn_get_audit_file"),
        (
            "people",
            b"id,name\n4688,x\n".to_vec(),
            "sys.fn_get_audit_file",
        ),
        (
            "html",
            b"<html><body>login</body></html>\n<p>\n".to_vec(),
            "sys.fn_get_audit_file",
        ),
        ("binary", vec![0, 1, 2, 3], "null characters"),
    ] {
        let ran = from_files(&[(name, &bytes)], &["--target", "a"])
            .run()
            .code(2)
            .says(due)
            .says(name);
        assert!(!ran.path("out").exists(), "{name}");
    }
    Cli::new(&["changes", "--from-files", "none.csv"])
        .run()
        .code(2)
        .says("none.csv");
    Cli::new(&["changes", "--from-files", "a.csv", "--server", "x"])
        .run()
        .code(2);
    Cli::new(&["changes", "--target", "a", "--since", "2026-09-01"])
        .run()
        .code(2);
    Cli::new(&["changes"]).run().code(2);
}

#[test]
fn an_export_of_nothing_is_nothing_and_one_of_too_much_says_so() {
    let header = csv(&audit_rows(16)).lines().next().unwrap().to_owned();
    let ran = from_files(&[("a.csv", header.as_bytes())], &["--target", "a"])
        .run()
        .code(0);
    assert_eq!(
        export(&ran, "a.csv"),
        json!({"state": "known", "value": {"events": 0, "first": null}})
    );
    from_files(&[("a.csv", header.as_bytes())], &[])
        .run()
        .code(2)
        .says("--target");
    let text = csv(&audit_rows(16));
    let ran = from_files(
        &[("a.csv", text.as_bytes())],
        &["--target", "a", "--max-events", "2"],
    )
    .run()
    .code(3);
    let seen = export(&ran, "a.csv");
    assert_eq!(
        (&seen["state"], &seen["value"]["events"]),
        (&json!("partial"), &json!(2))
    );
    assert!(
        seen["needs"][0].as_str().unwrap().contains("--max-events"),
        "{seen}"
    );
}
