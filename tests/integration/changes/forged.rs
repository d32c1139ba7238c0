//! `changes --from-files` on exports in which somebody who was audited wrote more than his own records.

use super::exports::{csv, from_files};
use super::{audit_row, of_kind};
use crate::support::cli::Ran;
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
