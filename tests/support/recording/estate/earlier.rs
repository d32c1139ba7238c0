//! The demo's other moments: the estate a quarter before, and one instance before and after a change, with what was
//! recorded of the change.

use mssql_posture::snapshot::Snapshot;
use serde_json::{Value, json};

use super::super::{Recorded, Recording};
use super::{all, modern};
use crate::support::evtx::{self, Data, LoggedEvent};

/// When the demo's estate was collected, and the server last started, as its recordings say.
const COLLECTED: &str = "2026-11-16T05:00";
const STARTED: &str = "2026-11-08T03:12";

/// A recording as of another moment. What a quarter needs: the text of a snapshot holds its moments in one form.
fn as_of(recording: &Recording, collected: &str, started: &str) -> Recorded {
    let recorded = recording.finish();
    let text = String::from_utf8(recorded.snapshot.render().unwrap()).unwrap();
    assert!(text.contains(COLLECTED) && text.contains(STARTED));
    let text = text.replace(COLLECTED, collected).replace(STARTED, started);
    Recorded {
        snapshot: Snapshot::from_json(&text).unwrap(),
        module_text: recorded.module_text,
    }
}

/// The estate on 17 August 2026: what was closed since stands open, and what came since is not there yet.
pub fn last_quarter() -> Vec<Recorded> {
    let moved = all().into_iter().map(|mut r| {
        match r.snapshot.target.as_str() {
            "portal-2022" => {
                r.set_option("xp_cmdshell", 0, 0);
                r.set_option("Ole Automation Procedures", 0, 0);
            }
            "finance-2019" => {
                r.set_option("Ole Automation Procedures", 1, 1);
            }
            "warehouse-2014" => {
                r.set_option("xp_cmdshell", 1, 1);
            }
            _ => {}
        }
        as_of(&r, "2026-08-17T05:00", "2026-08-09T03:12")
    });
    moved.collect()
}

const BEFORE: &str = "2026-11-18T18:00";
const AFTER: &str = "2026-11-18T22:00";

/// What CHG-4251 plans.
const FOUND: &str = "CREATE PROCEDURE dbo.FindDocument @Title nvarchar(256)\nAS\nSELECT DocumentId, Title, ArchivedOn FROM dbo.Document WHERE Title LIKE @Title;\n";
/// What nobody planned.
const EXPORT: &str =
    "CREATE PROCEDURE dbo.usp_Export AS EXEC master.dbo.xp_cmdshell N'whoami /all';\n";

/// vault-2022 as it was collected before the change.
pub fn before_the_change() -> Recorded {
    as_of(&modern::vault_2022(), BEFORE, STARTED)
}

/// The same after it: with what was planned, and with more.
pub fn after_the_change() -> Recorded {
    let mut r = modern::vault_2022();
    let find = r.object_id("Vault", "dbo.FindDocument");
    r.set_text("Vault", find, FOUND);
    // The catalog's times are the server's: an hour ahead.
    r.changed_object("Vault", find, "2026-11-18T21:12:04.117");
    r.set_option("xp_cmdshell", 1, 1);
    r.at("2026-11-18T21:47:12.310");
    r.add_module("Vault", "dbo.usp_Export", "P", EXPORT);
    as_of(&r, AFTER, STARTED)
}

/// Rows of sys.fn_get_audit_file, as FOR JSON and many exporters write them.
pub fn audit_export() -> String {
    let rows = [
        (
            "2026-11-18T20:12:04.1170000",
            "AL",
            "P",
            "Vault",
            "dbo",
            "FindDocument",
            "CORP\\svc_deploy",
            "BUILD01",
            "Core .Net SqlClient Data Provider",
            FOUND.replacen("CREATE", "ALTER", 1),
        ),
        (
            "2026-11-18T20:45:31.4400000",
            "EX",
            "P",
            "master",
            "sys",
            "sp_configure",
            "CORP\\jdoe",
            "WS-114",
            "Microsoft SQL Server Management Studio - Query",
            "EXEC sp_configure 'xp_cmdshell', 1;".to_owned(),
        ),
        (
            "2026-11-18T20:47:12.3100000",
            "CR",
            "P",
            "Vault",
            "dbo",
            "usp_Export",
            "CORP\\jdoe",
            "WS-114",
            "Microsoft SQL Server Management Studio - Query",
            EXPORT.to_owned(),
        ),
        (
            "2026-11-18T20:49:02.0030000",
            "EX",
            "X",
            "master",
            "sys",
            "xp_cmdshell",
            "CORP\\jdoe",
            "WS-114",
            "Microsoft SQL Server Management Studio - Query",
            "EXEC master.dbo.xp_cmdshell N'whoami /all'".to_owned(),
        ),
    ];
    let lines = rows.iter().zip(1..).map(|(row, place)| {
        let (time, action, class, database, schema, object, who, host, application, statement) = row;
        let row: Value = json!({
            "event_time": time, "sequence_number": 1, "action_id": action, "class_type": class, "succeeded": true,
            "session_id": 61 + place / 2, "session_server_principal_name": who, "server_principal_name": who,
            "server_instance_name": "SQLVAULT01", "database_name": database, "schema_name": schema,
            "object_name": object, "statement": statement, "host_name": host, "application_name": application,
            "client_ip": if *host == "BUILD01" { "10.20.4.11" } else { "10.20.7.114" },
            "file_name": "E:\\Audit\\posture_5C3E_0_134085.sqlaudit", "audit_file_offset": 4096 * place,
        });
        row.to_string() + "\n"
    });
    lines.collect()
}

/// The Security log of the host: one process under the engine, one that has nothing to do with it.
pub fn host_export() -> Vec<u8> {
    /// 2026-11-18T20:49:02Z
    const AT: u64 = 1_795_034_942;
    let created = |seconds: u64, parent: &str, image: &str, command: &str| {
        let data = [
            ("SubjectUserName", "SQLVAULT01$"),
            ("SubjectDomainName", "CORP"),
            ("NewProcessId", "0x1a2c"),
            ("NewProcessName", image),
            ("ProcessId", "0x9d4"),
            ("CommandLine", command),
            ("TargetUserName", "MSSQLSERVER"),
            ("TargetDomainName", "NT SERVICE"),
            ("ParentProcessName", parent),
        ];
        LoggedEvent {
            provider: "Microsoft-Windows-Security-Auditing",
            channel: "Security",
            id: 4688,
            computer: "SQLVAULT01.corp.example",
            seconds,
            data: Data::Named(data.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec()),
        }
    };
    let engine =
        "C:\\Program Files\\Microsoft SQL Server\\MSSQL16.MSSQLSERVER\\MSSQL\\Binn\\sqlservr.exe";
    let shell = "C:\\Windows\\System32\\cmd.exe";
    let events = [
        created(AT - 600, "C:\\Windows\\explorer.exe", shell, "cmd"),
        created(
            AT,
            engine,
            shell,
            "\"C:\\Windows\\system32\\cmd.exe\" /c whoami /all",
        ),
    ];
    evtx::log(&events, 20)
}
