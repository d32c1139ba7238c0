//! The instance with every kind of finding, and names as an attacker would choose them.

use super::*;

pub fn breached() -> Instance {
    let mut verdicts = Vec::from(option_findings());
    verdicts.extend(module_findings());
    verdicts.extend(name_findings());
    verdicts.extend([accepted(), pass("SIGHT-001", 14, 14)]);
    Instance {
        id: InstanceId::new("erp-prod"),
        target: "sql01.corp.example\\ERP".to_owned(),
        product_version: Some("15.0.4345.5".to_owned()),
        edition: Some("Enterprise Edition: Core-based Licensing (64-bit)".to_owned()),
        platform: Some("Windows".to_owned()),
        criticality: Some(Criticality::Critical),
        exposure: exposure(
            &[
                ("channel", 70, 70),
                ("further_channels", 4, 6),
                ("planted", 16, 16),
                ("detection", -3, 0),
            ],
            &[("linked_servers", None, 2)],
        ),
        coverage: Coverage {
            databases: 14,
            databases_read: 14,
            modules_with_unread_dynamic_sql: 3,
            ..clean().coverage
        },
        telemetry: Some(noticed::of_all_kinds()),
        verdicts,
        routes: crate::report::paths::sample_routes(),
        fix_first: vec![Fix {
            sentence: "take app out of role db_owner of Shop".to_owned(),
            statement: "USE [Shop];\nALTER ROLE [db_owner] DROP MEMBER [app];".to_owned(),
            undo: "USE [Shop];\nALTER ROLE [db_owner] ADD MEMBER [app];".to_owned(),
            ways: 12,
            waiting: 1,
            low: 40,
            high: 44,
        }],
        ..clean()
    }
}

/// Out of order, so that reports have something to sort.
fn option_findings() -> [VerdictEntry; 2] {
    let option = json!({ "name": "xp_cmdshell", "value": 1, "value_in_use": 1 });
    [
        fail(
            "SURF-002",
            Severity::Low,
            Subject::option("xp_cmdshell"),
            "xp_cmdshell is configured off but still runs, until RECONFIGURE or a restart",
            Vec::new(),
        ),
        fail(
            "SURF-001",
            Severity::High,
            Subject::option("xp_cmdshell"),
            "xp_cmdshell is running: SQL can start operating-system commands",
            vec![row("configurations", None, option)],
        ),
    ]
}

fn module_findings() -> [VerdictEntry; 3] {
    let sales = DatabaseName::new("Sales");
    let hostile = DatabaseName::new(HOSTILE_DATABASE);
    let longest = format!("dbo.{}", longest_name());
    let called_at = |place| {
        let module = json!({ "name": HOSTILE_MODULE, "object_id": 1_013_578_649 });
        row("modules", Some("Sales"), module).at(place)
    };
    [
        fail(
            "CODE-002",
            Severity::Critical,
            Subject::within("module", &sales, HOSTILE_MODULE),
            &format!("{HOSTILE_MODULE} calls xp_cmdshell (line 12)"),
            hostile_places().map(called_at).into(),
        ),
        fail(
            "CODE-002",
            Severity::Critical,
            Subject::within("module", &hostile, "dbo.p in database master"),
            "dbo.p in database master calls sp_OACreate (line 1)",
            Vec::new(),
        ),
        fail(
            "CODE-002",
            Severity::High,
            Subject::within("module", &sales, &longest),
            &format!("{longest} calls sp_execute_external_script (line 7)"),
            Vec::new(),
        ),
    ]
}

/// Code as an attacker would write it.
fn hostile_places() -> [Place; 3] {
    let sha256 = "9f".repeat(32);
    let text = |text: &str| Some(text.to_owned());
    let (before, marked) = ("😀 ```<b>|\u{202e}\tEXEC ", "xp_cmdshell");
    let units = |text: &str| u32::try_from(text.encode_utf16().count()).unwrap();
    [
        Place {
            line: 12,
            column: 3,
            sha256: sha256.clone(),
            sink: text("xp_cmdshell"),
            how: text("direct"),
            command: text("echo <script>alert(2)</script> ```\n# x [y](http://evil.example)"),
            command_tainted: Some(true),
            excerpt: Some(Excerpt {
                text: format!("{before}{marked} @c -- </pre><script>alert(3)</script>"),
                column: units(before) + 1,
                length: units(marked),
            }),
            ..Place::default()
        },
        Place {
            line: 40,
            column: 17,
            sha256: sha256.clone(),
            sink: text("dynamic_unresolved"),
            how: text("via_module"),
            command: text("SELECT … FROM \u{1b}[31m"),
            via: vec!["dbo.run".to_owned(), HOSTILE_MODULE.to_owned()],
            reason: text("it is passed to a module that executes what it is given"),
            ..Place::default()
        },
        Place {
            line: 41,
            column: 1,
            sha256,
            ..Place::default()
        },
    ]
}

fn name_findings() -> [VerdictEntry; 2] {
    let login = json!({ "name": HOSTILE_LOGIN, "principal_id": 271 });
    let sales = DatabaseName::new("Sales");
    [
        fail(
            "PRIV-001",
            Severity::High,
            Subject::server("principal", HOSTILE_LOGIN),
            &format!("{HOSTILE_LOGIN} is in sysadmin and not expected there"),
            vec![row("server_principals", None, login)],
        ),
        fail(
            "CLR-002",
            Severity::Medium,
            Subject::within("assembly", &sales, HOSTILE_ASSEMBLY),
            &format!("assembly {HOSTILE_ASSEMBLY} is UNSAFE"),
            vec![row("assembly_files", Some("Sales"), Value::Null)],
        ),
    ]
}

fn accepted() -> VerdictEntry {
    let warmup = Subject::within("module", &DatabaseName::new("master"), "dbo.warmup");
    let message = "dbo.warmup runs as sysadmin whenever the server starts";
    VerdictEntry {
        waiver: Some("CHG-1042".to_owned()),
        ..entry("CODE-001", "accepted", warmup, message)
    }
}
