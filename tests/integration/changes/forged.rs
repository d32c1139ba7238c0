//! `changes --from-files` on exports in which somebody who was audited wrote more than his own records.

use super::exports::{csv, from_files};
use super::{PATTERN, SINCE, TRACE_BASE, audit_row, changes, of_kind, recording, trace_rows};
use crate::support::cli::Ran;
use crate::support::instance::{Instance, RecordedEvents};
use crate::support::tds_server::Options;
use serde_json::{Value, json};

const COLUMNS: [&str; 7] = [
    "event_time",
    "sequence_number",
    "action_id",
    "session_server_principal_name",
    "object_name",
    "statement",
    "host_name",
];

fn events(ran: &Ran) -> Vec<Value> {
    of_kind(&super::lines(ran), "event")
}

/// What sqlcmd prints of one row whose statement is the rest of it, a line end, and a row that nobody's login did.
fn printed(rule: bool, count: &str) -> String {
    let forged = "2026-09-02T20:47:12.3,1,CR,CORP\\svc_deploy,usp_x,CREATE PROC dbo.usp_x AS EXEC xp_cmdshell 'dir' --";
    let own =
        "2026-09-02T20:40:12.3,1,CR,CORP\\mallory,zzz,CREATE PROC dbo.zzz AS SELECT 1 --,WS-66";
    let dashes: Vec<String> = COLUMNS.iter().map(|name| "-".repeat(name.len())).collect();
    let rule = if rule {
        dashes.join(",") + "\n"
    } else {
        String::new()
    };
    format!(
        "{}\n{rule}{own}\n{forged},BUILD01\n{count}",
        COLUMNS.join(",")
    )
}

#[test]
fn a_table_without_quotes_gives_no_record_at_all_since_a_statement_can_be_further_rows() {
    for text in [
        printed(true, ""),
        printed(true, "\n(1 rows affected)\n"),
        printed(true, "\n(2 rows affected)\n"),
        printed(false, ""),
        printed(false, "").replace(',', "\t"),
        // Somebody's own statement brings quotes as well: they prove nothing.
        printed(false, "").replace("SELECT 1 --", "SELECT \"a,b\" --"),
        printed(false, "").replace(",zzz,", ",\"z,z\","),
        // Quotes around names of columns alone.
        printed(false, "").replacen(
            &COLUMNS.join(","),
            &format!("\"{}\"", COLUMNS.join("\",\"")),
            1,
        ),
    ] {
        let ran = from_files(&[("a.csv", text.as_bytes())], &["--target", "a"])
            .run()
            .code(2)
            .says("Export-Csv")
            .says("FOR JSON PATH");
        assert!(!ran.path("out").exists(), "{text}");
    }
}

#[test]
fn a_statement_that_looks_like_rows_stays_a_statement_where_texts_are_in_quotes() {
    let mut row = audit_row("2026-09-02T20:40:12.3", "CR", "P", 1);
    let statement = printed(true, "\n(1 rows affected)\n").replace("zzz", "\",\"z\"\n\"");
    row["statement"] = json!(statement);
    let ran = from_files(&[("a.csv", csv(&[row]).as_bytes())], &["--target", "a"])
        .run()
        .code(0);
    let events = events(&ran);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["who"]["session_login"], "CORP\\mallory");
    assert_eq!(events[0]["statement"]["text"], statement);
}

/// A record of one place, as all of these.
fn record(number: i64, of: &[(&str, Value)]) -> Value {
    let mut row = audit_row("2026-09-02T20:12:04.1000000", "EX", "P", 4096);
    row["sequence_number"] = json!(number);
    for (column, value) in of {
        row[*column] = value.clone();
    }
    row
}

#[test]
fn records_of_one_place_and_time_are_one_only_where_they_say_the_same() {
    let own = record(
        1,
        &[("statement", json!("EXEC sp_configure 'xp_cmdshell', 1"))],
    );
    let other = [
        ("session_server_principal_name", json!("CORP\\jdoe")),
        ("server_principal_name", json!("CORP\\jdoe")),
        ("database_principal_name", json!("guest")),
        ("target_server_principal_name", json!("sa")),
        ("target_database_principal_name", json!("dbo")),
        ("action_id", json!("SL")),
        ("class_type", json!("V")),
        ("succeeded", json!(false)),
        ("session_id", json!(78)),
        ("database_name", json!("master")),
        ("schema_name", json!("sys")),
        ("object_name", json!("configurations")),
        ("object_id", json!(6)),
        ("client_ip", json!("10.6.6.6")),
        ("application_name", json!("app")),
        ("host_name", json!("WS-66")),
        ("statement", json!("SELECT 1")),
    ];
    for (column, value) in other {
        let mut differing = own.clone();
        differing[column] = value;
        let text = csv(&[differing, own.clone(), own.clone()]);
        let files = [("a.csv", text.as_bytes()), ("b.csv", text.as_bytes())];
        let ran = from_files(&files, &["--target", "a"]).run().code(0);
        assert_eq!(events(&ran).len(), 2, "{column}");
    }
}

/// Texts of a statement in so many records, the last of them `end`.
fn pieces(of: char, end: &str) -> Vec<String> {
    vec![of.to_string().repeat(4000), end.to_owned()]
}

fn in_records(texts: &[String], more: &[(&str, Value)]) -> Vec<Value> {
    let numbered = texts.iter().zip(1..);
    let of = |(text, number): (&String, i64)| {
        record(number, &[&[("statement", json!(text))], more].concat())
    };
    numbered.map(of).collect()
}

#[test]
fn long_statements_of_one_moment_are_put_together_where_it_is_certain_whose_each_record_is() {
    let (a, b) = (pieces('a', "end of a"), pieces('b', "end of b"));
    for (tells, column, value) in [
        (
            "principal",
            "session_server_principal_name",
            json!("CORP\\jdoe"),
        ),
        ("target", "target_server_principal_name", json!("sa")),
        ("group", "sequence_group_id", json!("0x02")),
        ("place behind", "audit_file_offset", json!(8192)),
    ] {
        let mut rows = [in_records(&a, &[]), in_records(&b, &[(column, value)])].concat();
        for _ in 0..2 {
            let ran = from_files(&[("a.csv", csv(&rows).as_bytes())], &["--target", "a"])
                .run()
                .code(0);
            let mut texts: Vec<String> = events(&ran)
                .iter()
                .map(|e| e["statement"]["text"].as_str().unwrap().to_owned())
                .collect();
            texts.sort();
            assert_eq!(texts, [a.concat(), b.concat()], "{tells}");
            rows.reverse();
        }
    }
}

#[test]
fn records_that_could_be_of_either_of_two_statements_stay_apart_and_that_is_said() {
    let (a, b) = (pieces('a', "end of a"), pieces('b', "end of b"));
    let short = vec!["all of it".to_owned(), "end of another".to_owned()];
    for (rows, due) in [
        ([in_records(&a, &[]), in_records(&b, &[])].concat(), 4),
        (in_records(&short, &[]), 2),
    ] {
        let ran = from_files(&[("a.csv", csv(&rows).as_bytes())], &["--target", "a"])
            .run()
            .code(3);
        let events = events(&ran);
        assert_eq!(events.len(), due);
        for event in &events {
            let statement = &event["statement"];
            assert_eq!(statement["sha256"], Value::Null, "{statement}");
            assert_ne!(statement["missing"], json!([]), "{statement}");
        }
        let seen = super::seen(&super::lines(&ran), "O'Hara");
        assert_eq!(seen["state"], "partial");
        assert!(
            seen["needs"][0]
                .as_str()
                .unwrap()
                .contains("none was put together"),
            "{seen}"
        );
    }
}

#[test]
fn a_servers_own_answer_is_put_together_by_the_same_rules() {
    let (a, b) = (pieces('a', "end of a"), pieces('b', "end of b"));
    let login = [("session_server_principal_name", json!("CORP\\jdoe"))];
    let told = [in_records(&a, &[]), in_records(&b, &login)].concat();
    let untold = [in_records(&a, &[]), in_records(&b, &[])].concat();
    for (rows, code, due) in [(told, 0, 2), (untold, 3, 4)] {
        let first = audit_row("2026-08-01T00:00:00", "CR", "P", 1);
        let rows = [vec![first], rows].concat();
        let recorded = RecordedEvents::default()
            .trace(TRACE_BASE, trace_rows())
            .audit(PATTERN, rows);
        let server = Instance::new(recording(16))
            .events(recorded)
            .start(Options::default());
        let ran = changes(&server, &SINCE).run().code(code);
        let is_audits = |event: &&Value| event["source"]["kind"] == "audit";
        assert_eq!(events(&ran).iter().filter(is_audits).count(), due);
    }
}

#[test]
fn a_record_into_which_a_name_wrote_lines_is_not_used_and_that_is_said() {
    let record = |number: u32, user: &str| {
        json!({
            "Id": 33205, "ProviderName": "MSSQLSERVER", "LogName": "Application", "RecordId": number,
            "MachineName": "SQL01", "TimeCreated": "2026-09-02T20:30:00Z",
            "Message": format!(
                "Audit event: audit_schema_version:1\nevent_time:2026-09-02 20:30:00.1234567\nsequence_number:1\naction_id:EX  \n\
                 succeeded:true\nsession_id:61\nclass_type:X \nclient_ip:10.6.6.6\nsession_server_principal_name:CORP\\mallory\n\
                 server_principal_name:CORP\\mallory\ndatabase_principal_name:{user}\nserver_instance_name:SQL01\n\
                 database_name:master\nschema_name:sys\nobject_name:xp_cmdshell\nstatement:EXEC xp_cmdshell 'dir'\n\
                 additional_information:\nuser_defined_information:\napplication_name:app\nhost_name:WS-66\n.\n"
            ),
        })
    };
    let forged = "u\ndatabase_name:Vault\nschema_name:dbo\nobject_name:FindDocument";
    let rows = [record(1, "dbo"), record(2, forged)];
    let text = super::exports::lines_of(&rows);
    let ran = from_files(&[("a.jsonl", text.as_bytes())], &["--target", "a"])
        .run()
        .code(3);
    let events = events(&ran);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["on"]["object"], "xp_cmdshell");
    let needs = super::exports::export(&ran, "a.jsonl")["needs"].to_string();
    assert!(
        needs.contains("line 2") && needs.contains("33205"),
        "{needs}"
    );
}

#[test]
fn records_of_two_servers_are_no_one_targets_and_whose_they_are_is_kept() {
    let of = |server: &str| {
        let mut row = audit_row("2026-09-04T00:00:00", "CR", "P", 99);
        row["server_instance_name"] = json!(server);
        csv(&[row])
    };
    let (own, same, other) = (of("SQL01\\ERP"), of("sql01\\erp"), of("OTHERSQL\\X"));
    let (own, same, other) = (own.as_bytes(), same.as_bytes(), other.as_bytes());
    let ran = from_files(&[("a.csv", own), ("b.csv", same)], &["--target", "mine"])
        .run()
        .code(0);
    let targets = of_kind(&super::lines(&ran), "target");
    assert_eq!(targets[0]["target"], "mine");
    assert_eq!(targets[0]["server_name"], "SQL01\\ERP");
    let files = [("a.csv", own), ("b.csv", other)];
    let ran = from_files(&files, &["--target", "mine"])
        .run()
        .code(2)
        .says("b.csv")
        .says("SQL01\\\\ERP")
        .says("OTHERSQL\\\\X");
    assert!(!ran.path("out").exists());
    let ran = from_files(&files, &[]).run().code(0);
    assert_eq!(of_kind(&super::lines(&ran), "target").len(), 2);
}
