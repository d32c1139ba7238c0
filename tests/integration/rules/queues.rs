//! What messages start.

use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::Fact;

use super::code_traits::{PASS, app, code, encrypted};
use super::{Fixture, of, partly, windows};
use crate::support::recording::Recording;

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    QUEUES.iter().collect()
}

/// A queue that starts `dbo.p`, with this body.
fn queue(r: &mut Recording, body: &str) {
    code(r, body);
    r.add_queue("App", "dbo.q", "[dbo].[p]");
}

static QUEUES: &[Fixture] = {
    of!("broker-activation-reaches-channel");
    const HIGH: &[&str] = &["fail high queue App dbo.q"];
    const LOW: &[&str] = &["fail low queue App dbo.q"];
    const MEDIUM: &[&str] = &["fail medium queue App dbo.q"];
    const UNKNOWN: &[&str] = &["unknown queue App dbo.q"];
    const SHELL: &str = "EXEC xp_cmdshell 'dir'";
    &[
        one("xp_cmdshell", |r| queue(r, SHELL), HIGH)
            .saying("a message to queue dbo.q starts dbo.p, which reaches xp_cmdshell"),
        one("by a procedure that it calls", |r| {
            queue(r, "EXEC dbo.run");
            r.add_module("App", "dbo.run", "P", "CREATE PROCEDURE dbo.run AS EXEC xp_cmdshell 'dir'");
        }, HIGH),
        one("by a synonym", |r| {
            queue(r, "EXEC dbo.s 'dir'");
            r.add_synonym("App", "dbo.s", "[master].[dbo].[xp_cmdshell]");
        }, HIGH),
        one("it switches a channel on", |r| queue(r, "EXEC sp_configure 'xp_cmdshell', 1"), HIGH),
        one("a procedure of another database, beside a harmless one of that name here", |r| {
            code(r, "RETURN");
            r.add_database("Other", "sa");
            r.add_module("Other", "dbo.p", "P", "CREATE PROCEDURE dbo.p AS EXEC xp_cmdshell 'dir'");
            r.add_queue("App", "dbo.q", "[Other].[dbo].[p]");
        }, HIGH),
        one("beside a harmless one whose schema and name read the same", |r| {
            app(r);
            r.add_schema("App", "a", PrincipalId(1));
            r.add_schema("App", "a.b", PrincipalId(1));
            let decoy = r.add_module("App", "a.x", "P", "CREATE PROCEDURE a.[b.c] AS RETURN");
            let real = r.add_module("App", "a.y", "P", "CREATE PROCEDURE [a.b].c AS EXEC xp_cmdshell 'dir'");
            let facts = r.database("App");
            let schemas = facts.schemas.seen().iter();
            let other = schemas.into_iter().find(|s| s.name == "a.b").unwrap().schema_id;
            for object in facts.objects.seen_mut() {
                if object.object_id == decoy {
                    "b.c".clone_into(&mut object.name);
                } else if object.object_id == real {
                    "c".clone_into(&mut object.name);
                    object.schema_id = other;
                }
            }
            r.add_queue("App", "dbo.q", "[a.b].[c]");
        }, HIGH),
        one("where case counts, any that may be meant", |r| {
            app(r);
            r.add_module("App", "dbo.P", "P", "CREATE PROCEDURE dbo.P AS RETURN");
            r.add_module("App", "dbo.p", "P", "CREATE PROCEDURE dbo.p AS EXEC xp_cmdshell 'dir'");
            r.add_queue("App", "dbo.q", "[dbo].[p]");
        }, HIGH),
        one("code of an assembly", |r| {
            app(r);
            let assembly = r.add_assembly("App", "Tool", 3, "tool");
            r.add_clr_procedure("App", "dbo.native", assembly, "Run");
            r.add_queue("App", "dbo.q", "[dbo].[native]");
        }, MEDIUM).saying("dbo.native, which is code of an assembly"),
        one("the broker of the database is off", |r| {
            queue(r, SHELL);
            r.database_row("App").is_broker_enabled = Some(false);
        }, LOW).saying("would start, were it not that the database's broker is off, dbo.p"),
        one("the queue is off", |r| {
            code(r, SHELL);
            r.add_queue("App", "dbo.q", "[dbo].[p]").is_receive_enabled = false;
        }, LOW).saying("the queue is off"),
        one("activation is off", |r| {
            code(r, SHELL);
            r.add_queue("App", "dbo.q", "[dbo].[p]").is_activation_enabled = false;
        }, PASS),
        one("one that works on tables", |r| queue(r, "RECEIVE TOP (1) * FROM dbo.q"), PASS),
        one("a queue beside a module that runs commands", |r| {
            queue(r, "RETURN");
            r.add_module("App", "dbo.other", "P", "CREATE PROCEDURE dbo.other AS EXEC xp_cmdshell 'dir'");
        }, PASS),
        one("no queue", |r| code(r, SHELL), &["not_applicable: there is no queue"]),
        one("it executes text that comes from a message", |r| {
            queue(r, "DECLARE @m nvarchar(max);\nRECEIVE TOP (1) @m = message_body FROM dbo.q;\nEXEC (@m)");
        }, UNKNOWN).saying("executes in line 4"),
        one("it calls what is encrypted", |r| {
            queue(r, "EXEC dbo.secret");
            r.add_encrypted_module("App", "dbo.secret");
        }, UNKNOWN).saying("the text of dbo.secret, which is called"),
        one("its procedure is encrypted", |r| {
            encrypted(r);
            r.add_queue("App", "dbo.q", "[dbo].[p]");
        }, UNKNOWN).saying("the text of dbo.p, which the queue starts"),
        one("its procedure was not seen", |r| {
            app(r);
            r.add_queue("App", "dbo.q", "[dbo].[gone]");
        }, UNKNOWN).saying("the procedure \"[dbo].[gone]\", which the queue starts"),
        one("its procedure is in a database that the inventory excludes", |r| {
            app(r);
            r.add_database("Other", "sa");
            r.add_queue("App", "dbo.q", "[Other].[dbo].[p]");
            r.exclude("Other");
        }, UNKNOWN),
        one("queues were not seen", |r| queue(r, SHELL), &["unknown database App"])
            .without(Fact::ServiceQueues, Some("App")),
        one("queues of no database were seen whole", |r| partly(&mut r.database("msdb").service_queues),
            &["unknown database msdb"]),
    ]
};
