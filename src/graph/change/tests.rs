#![allow(clippy::unwrap_used)]

use super::*;
use crate::ids::DatabaseName;
use crate::snapshot::{Observed, Snapshot};

fn db(name: &str) -> DatabaseName {
    DatabaseName::new(name)
}

/// An instance with options alone.
fn sample() -> Snapshot {
    with_options(&[
        ("show advanced options", 0, 0),
        ("Ole Automation Procedures", 1, 1),
        ("xp_cmdshell", 1, 1),
    ])
}

/// Options as they are configured and running.
fn with_options(options: &[(&str, i32, i32)]) -> Snapshot {
    let mut snapshot = super::super::sample::snapshot("16.0.4210.1", 3, None);
    snapshot.server.configurations = Observed::Known { value: Vec::new() };
    for (name, configured, running) in options {
        super::super::sample::add_option(&mut snapshot, name, *configured);
        for row in snapshot.server.configurations.seen_mut() {
            if row.name == *name {
                row.value_in_use = Some(*running);
            }
            row.is_advanced = !matches!(row.name.as_str(), "show advanced options" | "clr enabled");
        }
    }
    snapshot
}

/// One of each kind, with names that need care.
fn every() -> Vec<Change> {
    let odd = "x]; DROP TABLE t;--'";
    vec![
        Change::DropMember {
            database: None,
            role: "ops".into(),
            member: r"CORP\app".into(),
        },
        Change::DropMember {
            database: Some(db(odd)),
            role: "db_owner".into(),
            member: odd.into(),
        },
        Change::Revoke {
            database: None,
            permission: "CONTROL SERVER".into(),
            on: On::Whole,
            from: "app".into(),
            by: vec![None],
        },
        Change::Revoke {
            database: None,
            permission: "IMPERSONATE".into(),
            on: On::Login("sa".into()),
            from: odd.into(),
            by: vec![None, Some(odd.into())],
        },
        Change::Revoke {
            database: Some(db("master")),
            permission: "EXECUTE".into(),
            on: On::Object("sys".into(), "xp_cmdshell".into()),
            from: "public".into(),
            by: vec![Some("ops".into())],
        },
        Change::Deny {
            database: Some(db("Shop")),
            permission: "ALTER".into(),
            on: On::Schema("dbo".into()),
            to: "web".into(),
        },
        Change::Revoke {
            database: Some(db("Shop")),
            permission: "EXECUTE EXTERNAL SCRIPT".into(),
            on: On::ExternalLanguage("R".into()),
            from: "web".into(),
            by: vec![None],
        },
        Change::DisableOption {
            name: "Ole Automation Procedures".into(),
        },
        Change::TrustworthyOff { database: db(odd) },
        Change::ChainingOff {
            database: db("Shop"),
        },
        Change::ChangeOwner {
            database: db("Shop"),
            to: "sa".into(),
            keep: None,
        },
        Change::ChangeOwner {
            database: db(odd),
            to: "sa".into(),
            keep: Some(odd.into()),
        },
        Change::Revoke {
            database: Some(db("Shop")),
            permission: "ALTER".into(),
            on: On::ApplicationRole("till".into()),
            from: "web".into(),
            by: vec![None],
        },
        Change::DisableLogin { name: odd.into() },
        Change::DropLinkedLogin {
            server: odd.into(),
            local: None,
        },
        Change::DropLinkedLogin {
            server: "PROD07".into(),
            local: Some("app".into()),
        },
        Change::RpcOutOff {
            server: "PROD07".into(),
        },
        Change::DropModule {
            database: db("Shop"),
            name: ("dbo".into(), odd.into()),
            kind: ModuleKind::Function,
        },
        Change::DropModule {
            database: db("Shop"),
            name: (String::new(), odd.into()),
            kind: ModuleKind::DatabaseTrigger,
        },
        Change::DropProxyAccount,
        Change::RevokeProxy {
            proxy: "shell".into(),
            from: odd.into(),
        },
    ]
}

#[test]
fn what_is_written_is_read_back() {
    for change in every() {
        let sql = change.sql(&sample());
        assert_eq!(Change::read(&sql), Ok(vec![change]), "{sql}");
    }
}

#[test]
fn several_statements_share_a_database() {
    let read = Change::read(
        "USE Shop; ALTER ROLE db_owner DROP MEMBER app; REVOKE EXECUTE ON dbo.p FROM public;",
    );
    let database = Some(db("Shop"));
    assert_eq!(
        read.unwrap(),
        [
            Change::DropMember {
                database: database.clone(),
                role: "db_owner".into(),
                member: "app".into(),
            },
            Change::Revoke {
                database,
                permission: "EXECUTE".into(),
                on: On::Object("dbo".into(), "p".into()),
                from: "public".into(),
                by: vec![None],
            },
        ]
    );
}

#[test]
fn other_statements_are_refused_with_what_is_wrong() {
    for (text, why) in [
        ("", "no statement"),
        ("SELECT 1", "SELECT"),
        ("EXEC sp_configure 'xp_cmdshell', 1", "only switched off"),
        ("EXEC xp_cmdshell 'whoami'", "xp_cmdshell"),
        ("ALTER ROLE db_owner DROP MEMBER app", "USE"),
        ("ALTER SERVER ROLE [sysadmin DROP MEMBER app", "closes"),
        ("DROP DATABASE Shop", "something else"),
        ("REVOKE CONTROL SERVER", "FROM or TO"),
        ("ALTER DATABASE Shop SET TRUSTWORTHY ON", "OFF"),
        ("%", "%"),
    ] {
        let error = Change::read(text).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn a_name_that_could_end_a_batch_is_not_written() {
    for name in ["a\nGO\nDROP LOGIN sa\nGO\n", "a\rGO", "tab\there"] {
        let in_body = Change::DisableLogin { name: name.into() };
        let in_place = Change::DropMember {
            database: Some(db(name)),
            role: "db_owner".into(),
            member: "app".into(),
        };
        for change in [in_body, in_place] {
            let sql = change.sql(&sample());
            assert!(sql.starts_with("--") && sql.lines().count() == 1, "{sql}");
        }
    }
    let option = Change::DisableOption {
        name: "xp_cmdshell".into(),
    };
    assert!(option.sql(&sample()).contains("RECONFIGURE"));
}

/// What a server's options are after these statements, by a plain reading of what sp_configure and RECONFIGURE do: each
/// option configured and running. Panics where a RECONFIGURE activates something that it must not, or an advanced option
/// is set while it is hidden.
fn run(sql: &str, before: &Snapshot, may_change: &str) -> Vec<(String, i32, i32)> {
    let rows = before.server.configurations.seen().iter();
    let mut all: Vec<(String, i32, i32, bool)> = rows
        .map(|r| {
            (
                r.name.clone(),
                r.value.unwrap(),
                r.value_in_use.unwrap(),
                r.is_advanced,
            )
        })
        .collect();
    for statement in sql.split(';').map(str::trim).filter(|s| !s.is_empty()) {
        if statement == "RECONFIGURE" {
            for row in &mut all {
                let may = [may_change, "show advanced options"].contains(&row.0.as_str());
                assert!(may || row.1 == row.2, "{} is activated: {sql}", row.0);
                row.2 = row.1;
            }
            continue;
        }
        let set = statement.strip_prefix("EXEC sp_configure N'").unwrap();
        let (name, value) = set.split_once("', ").unwrap();
        let shown = all
            .iter()
            .any(|row| row.0 == "show advanced options" && row.2 == 1);
        let row = all.iter_mut().find(|row| row.0 == name).unwrap();
        assert!(shown || !row.3, "{name} is hidden: {sql}");
        row.1 = value.parse().unwrap();
    }
    all.into_iter().map(|row| (row.0, row.1, row.2)).collect()
}

#[test]
fn an_option_is_switched_alone_and_back() {
    const SHOW: &str = "show advanced options";
    const OLE: &str = "Ole Automation Procedures";
    for options in [
        &[(SHOW, 0, 0), (OLE, 1, 1)][..],
        &[(SHOW, 1, 1), (OLE, 1, 1)],
        &[(SHOW, 1, 0), (OLE, 1, 1)],
        &[(SHOW, 0, 1), (OLE, 1, 1)],
        &[(SHOW, 1, 1), (OLE, 1, 1), ("xp_cmdshell", 1, 0)],
        &[(SHOW, 1, 1), (OLE, 1, 1), ("xp_cmdshell", 0, 1)],
        &[
            (SHOW, 0, 1),
            (OLE, 0, 1),
            ("xp_cmdshell", 1, 0),
            ("clr enabled", 1, 0),
        ],
        &[(SHOW, 0, 0), (OLE, 1, 1), ("clr enabled", 1, 0)],
        &[(SHOW, 1, 0), (OLE, 1, 1), ("clr enabled", 0, 1)],
        &[(SHOW, 1, 1), (OLE, 1, 0)],
        &[(SHOW, 0, 0), (OLE, 1, 1), ("min server memory (MB)", 0, 16)],
    ] {
        let mut before = with_options(options);
        for row in before.server.configurations.seen_mut() {
            if row.name.starts_with("min") {
                (row.value, row.value_in_use) = (Some(0), Some(0));
            }
        }
        let change = Change::DisableOption { name: OLE.into() };
        let real = with_options(options);
        assert_eq!(change.refusal(&real), None, "{options:?}");
        let after = run(&change.sql(&real), &before, OLE);
        for ((name, configured, running), row) in
            after.iter().zip(before.server.configurations.seen())
        {
            let own = (row.value.unwrap(), row.value_in_use.unwrap());
            let expected = if name == OLE { (0, 0) } else { own };
            assert_eq!((*configured, *running), expected, "{name}: {options:?}");
        }
        let mut off = before.clone();
        change.apply(&mut off).unwrap();
        let back = run(&change.undo(&real), &off, OLE);
        for ((name, configured, running), row) in
            back.iter().zip(before.server.configurations.seen())
        {
            let own = (row.value.unwrap(), row.value_in_use.unwrap());
            assert_eq!((*configured, *running), own, "undo of {name}: {options:?}");
        }
    }
}

#[test]
fn no_reconfigure_arms_what_is_staged_and_hidden() {
    let change = Change::DisableOption {
        name: "Ole Automation Procedures".into(),
    };
    for (options, says) in [
        (
            &[
                ("show advanced options", 0, 0),
                ("Ole Automation Procedures", 1, 1),
                ("xp_cmdshell", 1, 0),
            ][..],
            "activate xp_cmdshell",
        ),
        (
            &[
                ("show advanced options", 0, 0),
                ("Ole Automation Procedures", 1, 0),
            ],
            "activate Ole Automation Procedures itself",
        ),
    ] {
        let snapshot = with_options(options);
        let why = change.refusal(&snapshot).unwrap();
        assert!(why.contains(says), "{why}");
        let sql = change.sql(&snapshot);
        assert!(
            sql.starts_with("-- Not written: ") && sql.lines().count() == 1,
            "{sql}"
        );
    }
}
