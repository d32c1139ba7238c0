#![allow(clippy::unwrap_used)]

use super::*;
use crate::ids::DatabaseName;

fn db(name: &str) -> DatabaseName {
    DatabaseName::new(name)
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
        },
        Change::Revoke {
            database: None,
            permission: "IMPERSONATE".into(),
            on: On::Login("sa".into()),
            from: odd.into(),
        },
        Change::Revoke {
            database: Some(db("master")),
            permission: "EXECUTE".into(),
            on: On::Object("sys".into(), "xp_cmdshell".into()),
            from: "public".into(),
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
            to: "app".into(),
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
        assert_eq!(Change::read(&change.sql()), Ok(vec![change]));
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
            let sql = change.sql();
            assert!(sql.starts_with("--") && sql.lines().count() == 1, "{sql}");
        }
    }
    let option = Change::DisableOption {
        name: "xp_cmdshell".into(),
    };
    assert!(option.sql().contains("RECONFIGURE"));
}
