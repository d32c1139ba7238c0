//! Triggers that run by themselves.

use super::{Fixture, denied, windows};
use crate::support::recording::Recording;

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    TRIGGERS.iter().collect()
}

const SHELL: &str = "CREATE TRIGGER t ON ALL SERVER FOR LOGON AS EXEC master..xp_cmdshell 'whoami'";
const LOGON: &[&str] = &["fail high module t"];
const PASS: &[&str] = &["pass"];

fn shell(r: &mut Recording) {
    r.add_server_trigger("t", SHELL);
}

static TRIGGERS: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "logon-or-ddl-trigger-reaches-channel",
            about,
            windows(16),
            change,
            verdicts,
        )
    }
    const THROUGH: &str = "CREATE TRIGGER t ON ALL SERVER FOR LOGON AS EXEC App.dbo.p";
    &[
        one("a logon trigger that runs a command", shell, LOGON)
            .saying("trigger t runs by itself and calls xp_cmdshell (line 1)"),
        one("a DDL trigger of a database", |r| {
            r.add_database("App", "sa");
            r.add_trigger("App", "guard", None,
                "CREATE TRIGGER guard ON DATABASE FOR CREATE_TABLE AS EXEC master..xp_cmdshell 'dir'");
        }, &["fail high module App guard"]),
        one("by a procedure that it calls", |r| {
            r.add_database("App", "sa");
            r.add_module("App", "dbo.p", "P", "CREATE PROCEDURE dbo.p AS EXEC xp_cmdshell 'dir'");
            r.add_server_trigger("t", THROUGH);
        }, LOGON).saying("runs by itself and reaches xp_cmdshell through dbo.p (line 1)"),
        one("by a synonym", |r| {
            r.add_database("App", "sa");
            r.add_synonym("App", "dbo.s", "[master]..[xp_cmdshell]");
            r.add_trigger("App", "guard", None, "CREATE TRIGGER guard ON DATABASE FOR CREATE_TABLE AS EXEC dbo.s 'dir'");
        }, &["fail high module App guard"]),
        one("disabled", |r| {
            shell(r);
            r.snapshot.server.server_triggers.seen_mut().iter_mut().for_each(|t| t.is_disabled = true);
        }, &["fail low module t"]).saying("trigger t is disabled, and calls"),
        one("one that only writes down who came", |r| {
            r.add_server_trigger("t", "CREATE TRIGGER t ON ALL SERVER FOR LOGON AS PRINT 'xp_cmdshell'");
        }, PASS),
        one("a trigger on a table is a module like others", |r| {
            r.add_database("App", "sa");
            r.add_object("App", "dbo.orders", "U");
            r.add_trigger("App", "dbo.tr", Some("dbo.orders"),
                "CREATE TRIGGER dbo.tr ON dbo.orders FOR INSERT AS EXEC xp_cmdshell 'dir'");
        }, &["not_applicable: there is nothing of this kind"]),
        one("executed text that could not be read", |r| {
            r.add_server_trigger("t",
                "CREATE TRIGGER t ON ALL SERVER FOR LOGON AS\nDECLARE @s nvarchar(max) = (SELECT x FROM App.dbo.q)\nEXEC(@s)");
        }, &["unknown module t"]).saying("the text that it executes in line 3"),
        one("it calls what is encrypted", |r| {
            r.add_database("App", "sa");
            r.add_encrypted_module("App", "dbo.p");
            r.add_server_trigger("t", THROUGH);
        }, &["unknown module t"]).saying("the text of App.dbo.p"),
        one("its code was not seen", |r| {
            shell(r);
            denied(&mut r.snapshot.server.server_modules);
        }, &["unknown instance", "unknown module t"]),
        one("triggers of a database were not seen", |r| denied(&mut r.database("msdb").triggers), &["unknown database msdb"]),
    ]
};
