//! `changes --from-files` on what Windows of a database server recorded: EVTX, and the ways in which others export it.

use serde_json::{Value, json};

use super::exports::{export, from_files, utf16};
use super::{lines, of_kind};
use crate::support::cli::{Cli, Ran};
use crate::support::evtx::{self, Data, LoggedEvent};

pub(super) const SQLSERVR: &str =
    "C:\\Program Files\\Microsoft SQL Server\\MSSQL15.ERP\\MSSQL\\Binn\\sqlservr.exe";
const COMPUTER: &str = "sql01.corp.example";
/// 2026-09-02T15:04:00Z
pub(crate) const AT: u64 = 1_788_361_440;
const SECURITY: (&str, &str) = ("Microsoft-Windows-Security-Auditing", "Security");
const SYSMON: (&str, &str) = (
    "Microsoft-Windows-Sysmon",
    "Microsoft-Windows-Sysmon/Operational",
);
const ENGINE: (&str, &str) = ("MSSQL$ERP", "Application");

fn event(
    (provider, channel): (&'static str, &'static str),
    id: u16,
    seconds: u64,
    data: Data,
) -> LoggedEvent {
    LoggedEvent {
        provider,
        channel,
        id,
        computer: COMPUTER,
        seconds,
        data,
    }
}

fn named(pairs: &[(&str, &str)]) -> Data {
    Data::Named(
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
    )
}

fn inserted(values: &[&str]) -> Data {
    Data::Inserted(values.iter().map(|v| (*v).to_owned()).collect())
}

pub(crate) fn created(parent: &str, image: &str, command: &str, seconds: u64) -> LoggedEvent {
    let data = named(&[
        ("SubjectUserName", "SQL01$"),
        ("SubjectDomainName", "CORP"),
        ("NewProcessId", "0x1a2c"),
        ("NewProcessName", image),
        ("ProcessId", "0x4d8"),
        ("CommandLine", command),
        ("TargetUserName", "svc_sql"),
        ("TargetDomainName", "CORP"),
        ("ParentProcessName", parent),
    ]);
    event(SECURITY, 4688, seconds, data)
}

/// Every kind that counts, and others between them.
fn events() -> Vec<LoggedEvent> {
    let cmd = "C:\\Windows\\System32\\cmd.exe";
    let mut events = vec![
        created(
            SQLSERVR,
            cmd,
            "\"cmd.exe\" /c net use \\\\x\\y /user:corp\\u password=hunter2!Geheim",
            AT,
        ),
        created("C:\\Windows\\explorer.exe", cmd, "cmd", AT + 1),
        event(
            SYSMON,
            1,
            AT + 2,
            named(&[
                ("UtcTime", "2026-09-02 15:04:02.000"),
                ("ProcessId", "777"),
                ("Image", cmd),
                ("CommandLine", "cmd \u{202e}evil"),
                ("User", "CORP\\svc_agent"),
                ("ParentProcessId", "12"),
                ("ParentImage", "D:\\MSSQL15.ERP\\MSSQL\\Binn\\SQLAGENT.EXE"),
                ("ParentCommandLine", "SQLAGENT -i ERP"),
            ]),
        ),
        event(
            SYSMON,
            7,
            AT + 3,
            named(&[
                ("ProcessId", "4"),
                ("Image", SQLSERVR),
                ("ImageLoaded", "C:\\Temp\\evil.dll"),
                ("Hashes", "SHA256=AB,MD5=CD"),
                ("Signed", "false"),
                ("SignatureStatus", "Unavailable"),
            ]),
        ),
        event(
            SYSMON,
            7,
            AT + 4,
            named(&[
                ("Image", "C:\\other.exe"),
                ("ImageLoaded", "C:\\Temp\\evil.dll"),
            ]),
        ),
    ];
    events.extend(messages());
    events
}

/// Messages of SQL Server, and two that are not among those that count.
fn messages() -> Vec<LoggedEvent> {
    let installer = ("MsiInstaller", "Application");
    let all: [(_, u16, &[&str]); 7] = [
        (ENGINE, 15457, &["xp_cmdshell", "0", "1"]),
        (
            ENGINE,
            15281,
            &["procedure", "sys.xp_cmdshell", "xp_cmdshell"],
        ),
        (ENGINE, 8128, &["evil.dll", "1.0.0", "xp_evil"]),
        (ENGINE, 33090, &["evil.dll"]),
        (ENGINE, 6253, &["v4.0.30319", "C:\\Windows\\"]),
        (ENGINE, 18454, &["sa"]),
        (installer, 1, &["x"]),
    ];
    let events = all.into_iter().zip(AT + 5..);
    let events = events.map(|((from, id, values), at)| event(from, id, at, inserted(values)));
    events.collect()
}

pub(super) fn hosts(ran: &Ran) -> Vec<Value> {
    of_kind(&lines(ran), "host")
}

fn kinds(found: &[Value]) -> Vec<&str> {
    found
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect()
}

const KINDS: [&str; 8] = [
    "process_created",
    "process_created",
    "module_loaded",
    "option_changed",
    "call_blocked",
    "extended_procedure_used",
    "library_loading",
    "clr_started",
];

/// As `evtx_dump -o jsonl` writes an event.
fn dumped(event: &LoggedEvent, number: usize) -> Value {
    let data = match &event.data {
        Data::Named(pairs) => pairs
            .iter()
            .map(|(k, v)| (k.clone(), json!(v)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        // One value alone is no array.
        Data::Inserted(values) if values.len() == 1 => json!({"Data": {"#text": values[0]}}),
        Data::Inserted(values) => json!({"Data": {"#text": values}, "Binary": null}),
    };
    json!({"Event": {
        "#attributes": {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"},
        "System": {
            "Provider": {"#attributes": {"Name": event.provider}},
            "EventID": {"#attributes": {"Qualifiers": 16384}, "#text": event.id},
            "TimeCreated": {"#attributes": {"SystemTime": stamp(event.seconds)}},
            "EventRecordID": number, "Channel": event.channel, "Computer": event.computer,
            "Execution": {"#attributes": {"ProcessID": 2222, "ThreadID": 8}},
        },
        "EventData": data,
    }})
}

/// As winlogbeat sends it.
fn beat(event: &LoggedEvent, number: usize) -> Value {
    let data: serde_json::Map<_, _> = match &event.data {
        Data::Named(pairs) => pairs.iter().map(|(k, v)| (k.clone(), json!(v))).collect(),
        Data::Inserted(values) => values
            .iter()
            .zip(1..)
            .map(|(v, n)| (format!("param{n}"), json!(v)))
            .collect(),
    };
    json!({
        "@timestamp": stamp(event.seconds), "event": {"code": event.id.to_string(), "created": "2026-09-02T16:00:00Z"},
        "host": {"name": "collector"}, "message": "text in whatever language",
        "winlog": {
            "provider_name": event.provider, "event_id": event.id.to_string(), "channel": event.channel,
            "computer_name": event.computer, "record_id": number, "event_data": data,
            "process": {"pid": 2222, "thread": {"id": 8}},
        },
    })
}

/// As `Get-WinEvent | ConvertTo-Json` of PowerShell 5 writes it: what was said stands in a text.
fn shell(event: &LoggedEvent, number: usize) -> Value {
    let message = match &event.data {
        Data::Named(pairs) => {
            let labels = [
                ("NewProcessName", "New Process Name"),
                ("ParentProcessName", "Creator Process Name"),
                ("CommandLine", "Process Command Line"),
                ("ProcessId", "Creator Process ID"),
                ("NewProcessId", "New Process ID"),
            ];
            let label = |name: &str| {
                let is_audited = event.id == 4688;
                let known = labels.iter().find(|(own, _)| is_audited && *own == name);
                known.map_or(name.to_owned(), |(_, label)| (*label).to_owned())
            };
            pairs
                .iter()
                .fold("Headline.\r\n".to_owned(), |text, (k, v)| {
                    format!("{text}\t{}:\t\t{v}\r\n", label(k))
                })
        }
        Data::Inserted(values) => match event.id {
            15457 => format!(
                "Die Konfigurationsoption '{}' wurde von {} in {} geändert. Führen Sie RECONFIGURE aus.",
                values[0], values[1], values[2]
            ),
            _ => values
                .iter()
                .fold(String::new(), |text, v| format!("{text} wort '{v}'")),
        },
    };
    json!({
        "Id": event.id, "ProviderName": event.provider, "LogName": event.channel, "MachineName": event.computer,
        "RecordId": number, "TimeCreated": format!("/Date({}000)/", event.seconds), "Message": message,
        "ProcessId": 2222, "ThreadId": 8,
        "Properties": [{"Value": "x"}],
    })
}

fn stamp(seconds: u64) -> String {
    format!("2026-09-02T15:04:{:02}.000000Z", seconds - AT)
}

fn all(of: fn(&LoggedEvent, usize) -> Value) -> Vec<Value> {
    events()
        .iter()
        .zip(1..)
        .map(|(event, number)| of(event, number))
        .collect()
}

#[test]
fn a_log_gives_the_events_that_count_and_no_others() {
    let ran = from_files(&[("Security.evtx", &evtx::log(&events(), 5))], &[])
        .run()
        .code(0);
    let found = hosts(&ran);
    assert_eq!(kinds(&found), KINDS);
    assert_eq!(found[0]["parent"]["image"], SQLSERVR);
    assert_eq!(found[0]["moment"], "2026-09-02T15:04:00.0000000Z");
    assert_eq!(
        found[0]["target"], "SQL01\\ERP",
        "of the machine and the folder of setup"
    );
    assert_eq!(found[0]["process"]["id"], "0x1a2c");
    assert_eq!(found[0]["parent"]["id"], "0x4d8");
    assert_eq!(found[0]["user"], "CORP\\svc_sql");
    assert_eq!(found[0]["record"], "1");
    assert_eq!(found[1]["user"], "CORP\\svc_agent");
    assert_eq!(found[1]["process"]["id"], "777");
    assert_eq!(
        found[2]["module"],
        json!({
            "path": "C:\\Temp\\evil.dll", "hashes": ["SHA256=AB", "MD5=CD"], "signed": false, "signature": null,
            "signature_status": "Unavailable",
        })
    );
    assert_eq!(found[3]["parameters"], json!(["xp_cmdshell", "0", "1"]));
    assert_eq!(found[5]["module"]["path"], "evil.dll");
    assert_eq!(
        export(&ran, "Security.evtx")["value"],
        json!({"events": 8, "first": "2026-09-02T15:04:00.0000000Z"})
    );
    let line = found[0]["process"]["command_line"]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        line.ends_with("***") && !ran.read("out").contains("hunter2"),
        "{line}"
    );
    assert!(!ran.read("out").contains('\u{202e}'));
}

#[test]
fn every_exporter_tells_the_same() {
    let comparable = |ran: &Ran| {
        let mut found = hosts(ran);
        for event in &mut found {
            event["recorded"] = Value::Null;
            event["export"] = Value::Null;
        }
        found
    };
    let due = comparable(
        &from_files(&[("x", &evtx::log(&events(), 20))], &[])
            .run()
            .code(0),
    );
    let lines = |rows: Vec<Value>| super::exports::lines_of(&rows);
    for (name, bytes) in [
        ("evtx_dump", lines(all(dumped)).into_bytes()),
        ("winlogbeat", lines(all(beat)).into_bytes()),
        ("array", Value::from(all(dumped)).to_string().into_bytes()),
        ("flat csv", super::exports::csv(&flat()).into_bytes()),
    ] {
        let ran = from_files(&[("x", &bytes)], &[]).run().code(0);
        assert_eq!(comparable(&ran), due, "{name}");
    }
    let ran = from_files(&[("x", &utf16(&Value::from(all(shell)).to_string()))], &[])
        .run()
        .code(0);
    let found = hosts(&ran);
    assert_eq!(kinds(&found), KINDS);
    for place in 0..4 {
        for part in ["moment", "target", "process", "module"] {
            assert_eq!(found[place][part], due[place][part], "{place} {part}");
        }
        assert_eq!(
            found[place]["parent"]["image"],
            due[place]["parent"]["image"]
        );
    }
    assert_eq!(
        found[3]["parameters"], due[3]["parameters"],
        "a message in German"
    );
}

/// One column for each field, as a SIEM exports a table.
fn flat() -> Vec<Value> {
    let rows = events().into_iter().zip(1..).map(|(event, number)| {
        let mut row = json!({
            "_time": stamp(event.seconds), "EventCode": event.id, "SourceName": event.provider,
            "Channel": event.channel, "ComputerName": event.computer, "RecordNumber": number,
        });
        match &event.data {
            Data::Named(pairs) => {
                for (k, v) in pairs {
                    row[k] = json!(v);
                }
            }
            Data::Inserted(values) => {
                for (v, n) in values.iter().zip(1..) {
                    row[format!("param{n}")] = json!(v);
                }
            }
        }
        row
    });
    rows.collect()
}

#[test]
fn times_without_an_offset_are_not_guessed() {
    let mut rows = flat();
    for row in &mut rows {
        let local = row["_time"]
            .as_str()
            .unwrap()
            .trim_end_matches('Z')
            .replace('T', " ");
        row["_time"] = json!(local);
    }
    let text = super::exports::csv(&rows);
    let ran = from_files(&[("x.csv", text.as_bytes())], &["--target", "a"])
        .run()
        .code(3);
    assert_eq!(hosts(&ran), Vec::<Value>::new());
    assert!(
        export(&ran, "x.csv")["needs"][0]
            .as_str()
            .unwrap()
            .contains("--utc-offset")
    );
    let ran = from_files(
        &[("x.csv", text.as_bytes())],
        &["--target", "a", "--utc-offset", "+02:00"],
    )
    .run()
    .code(0);
    assert_eq!(hosts(&ran)[0]["moment"], "2026-09-02T13:04:00.0000000Z");
}

#[test]
fn a_process_whose_parent_is_not_told_leaves_the_export_partial() {
    let mut events = events();
    if let Data::Named(pairs) = &mut events[1].data {
        pairs.retain(|(name, _)| name != "ParentProcessName");
    }
    let ran = from_files(&[("x.evtx", &evtx::log(&events, 20))], &[])
        .run()
        .code(3);
    let need = export(&ran, "x.evtx")["needs"][0]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        need.starts_with("1 created processes without the name of what started them"),
        "{need}"
    );
    assert_eq!(hosts(&ran).len(), 8);
    let silent = json!({"EventID": 4688, "Channel": "Security", "Computer": "a", "TimeCreated": "2026-09-02T15:04:00Z", "Message": "Neuer Prozess"});
    let ran = from_files(
        &[("x.json", silent.to_string().as_bytes())],
        &["--target", "a"],
    )
    .run()
    .code(3);
    assert!(
        export(&ran, "x.json")["needs"][0]
            .as_str()
            .unwrap()
            .contains("which process")
    );
}

#[test]
fn a_log_that_ends_anywhere_is_partial_and_says_where() {
    let whole = evtx::log(&events(), 3);
    let chunk = 65536;
    for (chunks, rest, due) in [
        (0, 0, 0),
        (1, 0, 2),
        (2, 0, 4),
        (3, 0, 7),
        (2, 100, 4),
        (3, chunk - 1, 7),
    ] {
        let cut = &whole[..4096 + chunks * chunk + rest];
        let ran = from_files(&[("x.evtx", cut)], &["--target", "a"])
            .run()
            .code(3);
        let seen = export(&ran, "x.evtx");
        assert_eq!(seen["state"], "partial", "{chunks} {rest}");
        assert_eq!(hosts(&ran).len(), due, "{chunks} {rest}");
        let needs = seen["needs"].to_string();
        let place = format!("offset {}", 4096 + chunks * chunk);
        assert!(needs.contains(&place), "{chunks} {rest}: {needs}");
    }
    let ran = from_files(&[("x.evtx", &whole[..2000])], &["--target", "a"])
        .run()
        .code(3);
    assert!(
        export(&ran, "x.evtx")["needs"][0]
            .as_str()
            .unwrap()
            .contains("inside its header")
    );
    from_files(&[("x.evtx", &whole[..2000])], &[])
        .run()
        .code(2)
        .says("inside its header");
}

#[test]
fn a_damaged_chunk_is_said_and_the_others_are_read() {
    let whole = evtx::log(&events(), 3);
    let second = 4096 + 65536;
    for (name, damage, lost) in [
        ("the magic", second, 1),
        ("a byte of a value", second + 520 + 900, 0),
        ("a record's magic", second + 512, 1),
        ("the record's size", second + 517, 1),
    ] {
        let mut bytes = whole.clone();
        bytes[damage] ^= 0x21;
        let ran = from_files(&[("x.evtx", &bytes)], &["--target", "a"])
            .run()
            .code(3);
        let found = hosts(&ran).len();
        assert!((8 - 2..=8 - lost).contains(&found), "{name}: {found}");
        assert_eq!(export(&ran, "x.evtx")["state"], "partial", "{name}");
    }
    let mut dirty = whole.clone();
    dirty[120] = 1;
    let ran = from_files(&[("x.evtx", &dirty)], &["--target", "a"])
        .run()
        .code(3);
    assert_eq!(hosts(&ran).len(), 8);
    assert!(
        export(&ran, "x.evtx")["needs"]
            .to_string()
            .contains("wevtutil epl")
    );
}

#[test]
fn audits_that_write_to_a_windows_log_give_their_events() {
    let record = |number, statement: &str| {
        let text = format!(
            "Audit event: audit_schema_version:1\nevent_time:2026-09-02 15:02:00.1234567\nsequence_number:{number}\naction_id:AL  \n\
             succeeded:true\nsession_id:77\nobject_id:5\nclass_type:P \nclient_ip:10.0.0.7\n\
             sequence_group_id:02BE335D-A7DF-4380-87C1-FC1CD4F0A0A1\nsession_server_principal_name:CORP\\jdoe\n\
             server_principal_name:sa\nserver_instance_name:SQL01\\ERP\ndatabase_name:ERP\nschema_name:dbo\nobject_name:usp_x\n\
             statement:{statement}\nadditional_information:\nuser_defined_information:\napplication_name:SSMS\n"
        );
        event(ENGINE, 33205, AT, inserted(&[&text]))
    };
    let (head, tail) = ("x".repeat(4000), "y\nEXEC xp_cmdshell 'dir'");
    let log = [
        record(1, &head),
        record(2, tail),
        created(SQLSERVR, "C:\\Windows\\cmd.exe", "cmd", AT),
    ];
    let bytes = evtx::log(&log, 20);
    let ran = from_files(&[("a.evtx", &bytes), ("again.evtx", &bytes)], &[])
        .run()
        .code(0);
    let events = of_kind(&lines(&ran), "event");
    assert_eq!((events.len(), hosts(&ran).len()), (1, 1));
    assert_eq!(events[0]["target"], "SQL01\\ERP");
    assert_eq!(
        events[0]["source"],
        json!({"kind": "audit", "name": "Windows log Application"})
    );
    assert_eq!(events[0]["who"]["session_login"], "CORP\\jdoe");
    assert_eq!(events[0]["statement"]["text"], format!("{head}{tail}"));
    let odd = evtx::log(
        &[event(
            ENGINE,
            33205,
            AT,
            inserted(&["Audit event: on one line"]),
        )],
        1,
    );
    let ran = from_files(&[("a.evtx", &odd)], &["--target", "a"])
        .run()
        .code(3);
    assert!(
        export(&ran, "a.evtx")["needs"][0]
            .as_str()
            .unwrap()
            .contains("33205")
    );
}

#[test]
fn the_table_shows_the_host_and_obeys_nothing() {
    let cli =
        Cli::new(&["changes", "--from-files", "x.evtx"]).file("x.evtx", evtx::log(&events(), 20));
    let text = cli.env("COLUMNS", "120").run().code(0).stdout;
    assert!(
        text.contains("cmd.exe under sqlservr.exe") && text.contains("not signed"),
        "{text}"
    );
    assert!(text.contains("xp_cmdshell changed from 0 to 1"), "{text}");
    assert!(
        !text.contains("hunter2") && !text.contains('\u{202e}'),
        "{text}"
    );
}
