//! How modules hide what they do.

use mssql_posture::snapshot::{Fact, Observed};

use super::{Fixture, of, partly, windows};
use crate::support::recording::Recording;

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [ENCRYPTED, SYNONYMS, NUMBERED, DISGUISED];
    tables.into_iter().flatten().collect()
}

pub(super) const PASS: &[&str] = &["pass"];
pub(super) const NOTHING: &[&str] = &["not_applicable: there is nothing of this kind"];
pub(super) const HIGH: &[&str] = &["fail high module App dbo.p", "pass"];
pub(super) const LOW: &[&str] = &["fail low module App dbo.p", "pass"];
pub(super) const NUMBER: &[&str] = &["fail high module App dbo.p;2", "pass"];
pub(super) const LOGON: &[&str] = &["fail high module logon", "pass"];
/// A module that neither fails nor passes, beside others that pass.
pub(super) const UNREAD: &[&str] = PASS;
/// A module that could not be judged, beside others that pass.
pub(super) const OPEN: &[&str] = &["unknown instance", "pass"];

pub(super) fn app(r: &mut Recording) {
    r.add_database("App", "sa");
}

pub(super) fn code(r: &mut Recording, body: &str) {
    app(r);
    let text = format!("CREATE PROCEDURE dbo.p @c nvarchar(200) AS\n{body}\n");
    r.add_module("App", "dbo.p", "P", &text);
}

/// The same, and `dbo.caller`, which hands its own parameter on to it.
pub(super) fn called(r: &mut Recording, body: &str) {
    code(r, body);
    let text = "CREATE PROCEDURE dbo.caller @x nvarchar(200) AS\nEXEC dbo.p @x\n";
    r.add_module("App", "dbo.caller", "P", text);
}

pub(super) fn encrypted(r: &mut Recording) -> i32 {
    app(r);
    r.add_encrypted_module("App", "dbo.p")
}

pub(super) fn without_modules(r: &mut Recording) {
    r.database("master").modules = Observed::Known { value: Vec::new() };
}

pub(super) fn hidden(r: &mut Recording) {
    code(r, "RETURN");
    let id = r.object_id("App", "dbo.p");
    r.hide_definition("App", id);
}

pub(super) fn executes_data(r: &mut Recording) {
    code(
        r,
        "DECLARE @s nvarchar(max);\nSELECT @s = body FROM dbo.Task;\nEXEC (@s)",
    );
}

static ENCRYPTED: &[Fixture] = {
    of!("encrypted-module");
    &[
        one("a procedure", |r| _ = encrypted(r), LOW).saying("the text of dbo.p is encrypted"),
        one(
            "it runs as its owner",
            |r| {
                let id = encrypted(r);
                r.module("App", id).execute_as_principal_id =
                    Some(mssql_posture::ids::PrincipalId(-2));
            },
            &["fail medium module App dbo.p", "pass"],
        )
        .saying("it runs as somebody else"),
        one(
            "a number of a procedure that can be read",
            |r| {
                code(r, "RETURN");
                let id = r.object_id("App", "dbo.p");
                r.add_number("App", id, 2, None);
            },
            &["fail low module App dbo.p;2", "pass"],
        ),
        one(
            "marked as shipped by whoever made it",
            |r| {
                encrypted(r);
                let objects = r.database("App").objects.seen_mut().iter_mut();
                objects.for_each(|o| o.is_ms_shipped = Some(true));
            },
            LOW,
        ),
        one(
            "a name that asks to be passed over",
            |r| {
                app(r);
                r.add_encrypted_module("App", "dbo.p is not encrypted");
            },
            &["fail low module App dbo.p is not encrypted", "pass"],
        ),
        one(
            "it calls what encrypts data",
            |r| code(r, "SELECT ENCRYPTBYPASSPHRASE(@c, 'x')"),
            PASS,
        ),
        one("as installed", |_| {}, PASS),
        one(
            "in an excluded database",
            |r| {
                encrypted(r);
                r.exclude("App");
            },
            PASS,
        ),
        one("no module", without_modules, NOTHING),
        one("hidden by a missing right is not encrypted", hidden, OPEN)
            .saying("VIEW DEFINITION on the module: dbo.p"),
        one(
            "of a trigger of the server no server says which",
            |r| {
                let id = r.add_server_trigger(
                    "guard",
                    "CREATE TRIGGER guard ON ALL SERVER FOR LOGON AS RETURN",
                );
                let rows = r.snapshot.server.server_modules.seen_mut().iter_mut();
                let needs = vec!["not readable: encrypted or hidden".to_owned()];
                rows.filter(|row| row.object_id == id).for_each(|row| {
                    row.definition = Observed::Denied {
                        needs: needs.clone(),
                    }
                });
            },
            OPEN,
        )
        .saying("not readable: encrypted or hidden: guard"),
        one(
            "modules were not seen",
            |r| _ = encrypted(r),
            &["unknown database App"],
        )
        .without(Fact::Modules, Some("App")),
    ]
};

static SYNONYMS: &[Fixture] = {
    of!("synonym-to-extended-procedure");
    const HIGH: &[&str] = &["fail high synonym App dbo.s"];
    const LOW: &[&str] = &["fail low synonym App dbo.s"];
    macro_rules! to {
        ($about:literal, $base:literal, $verdicts:expr) => {
            one(
                $about,
                |r| {
                    app(r);
                    r.add_synonym("App", "dbo.s", $base);
                },
                $verdicts,
            )
        };
    }
    &[
        to!("xp_cmdshell", "[master].[dbo].[xp_cmdshell]", HIGH).saying(
            "synonym dbo.s stands for \"[master].[dbo].[xp_cmdshell]\", which runs commands",
        ),
        to!("without a database", "[sys].[xp_cmdshell]", HIGH),
        to!("in odd case", "[MASTER]..[Xp_CmdShell]", HIGH),
        to!(
            "on a linked server",
            "[AWAY].[master].[dbo].[xp_cmdshell]",
            HIGH
        )
        .saying("on a linked server"),
        to!("OLE automation", "[master].[sys].[sp_OACreate]", HIGH),
        to!(
            "a write to the registry",
            "[master].[dbo].[xp_instance_regwrite]",
            HIGH
        ),
        to!(
            "an external script",
            "[sys].[sp_execute_external_script]",
            HIGH
        ),
        to!("what opens a channel", "[sys].[sp_configure]", HIGH),
        to!("what plants a job", "[msdb].[dbo].[sp_add_jobstep]", HIGH),
        to!(
            "what only looks at files",
            "[master].[sys].[xp_dirtree]",
            LOW
        )
        .saying("an extended procedure"),
        to!(
            "what only reads the registry",
            "[master].[sys].[xp_regread]",
            LOW
        ),
        to!(
            "one that is not known, on a linked server",
            "[AWAY].[master].[dbo].[xp_tool]",
            LOW
        ),
        one(
            "one that somebody registered, under a plain name",
            |r| {
                app(r);
                r.add_extended_procedure("dbo.helper", "helper.dll");
                r.add_synonym("App", "dbo.s", "[master].[dbo].[helper]");
            },
            LOW,
        ),
        to!("a table elsewhere", "[Other].[dbo].[orders]", PASS),
        to!("a name that only begins so", "[dbo].[sp_oauth_login]", PASS),
        one(
            "a table that only has such a name",
            |r| {
                app(r);
                r.add_object("App", "dbo.xp_points", "U");
                r.add_synonym("App", "dbo.s", "[dbo].[xp_points]");
            },
            PASS,
        ),
        one(
            "the channel's name as the synonym's own",
            |r| {
                app(r);
                r.add_object("App", "dbo.orders", "U");
                r.add_synonym("App", "dbo.xp_cmdshell", "[dbo].[orders]");
            },
            PASS,
        ),
        one(
            "in an excluded database",
            |r| {
                app(r);
                r.add_synonym("App", "dbo.s", "[sys].[xp_cmdshell]");
                r.exclude("App");
            },
            &["not_applicable: there is no synonym"],
        ),
        one(
            "no synonym",
            |_| {},
            &["not_applicable: there is no synonym"],
        ),
        one(
            "what it stands for was not shown",
            |r| {
                app(r);
                r.add_synonym("App", "dbo.s", "x");
                r.database("App").synonyms.seen_mut()[0].base_object_name = None;
            },
            &["unknown synonym App dbo.s"],
        ),
        one("synonyms were not seen", app, &["unknown database App"])
            .without(Fact::Synonyms, Some("App")),
        to!(
            "which procedures are extended was not seen",
            "[master].[dbo].[helper]",
            &["unknown instance"]
        )
        .without(Fact::SystemExtendedProcedures, None),
        one(
            "seen in part: what is there is there",
            |r| {
                app(r);
                r.add_synonym("App", "dbo.s", "[sys].[xp_cmdshell]");
                partly(&mut r.database("App").synonyms);
            },
            &["fail high synonym App dbo.s", "unknown database App"],
        ),
    ]
};

/// A trigger of the server with this code.
pub(super) fn logon(r: &mut Recording, body: &str) {
    let text = format!("CREATE TRIGGER logon ON ALL SERVER FOR LOGON AS\n{body}\n");
    r.add_server_trigger("logon", &text);
}

/// Number 2 of a procedure, with this code.
pub(super) fn number(r: &mut Recording, body: &str) {
    code(r, "RETURN");
    let id = r.object_id("App", "dbo.p");
    let text = format!("CREATE PROCEDURE dbo.p;2 @c nvarchar(200) AS\n{body}\n");
    r.add_number("App", id, 2, Some(&text));
}

static NUMBERED: &[Fixture] = {
    of!("numbered-procedure-hides-command");
    const HIGH: &[&str] = &["fail high module App dbo.p;2"];
    const NONE: &[&str] = &["not_applicable: there is no numbered procedure"];
    &[
        one("xp_cmdshell", |r| number(r, "EXEC xp_cmdshell @c"), HIGH)
            .saying("\"dbo.p;2\" reaches xp_cmdshell (line 2)"),
        one(
            "by a procedure that it calls",
            |r| {
                number(r, "EXEC dbo.run @c");
                r.add_module(
                    "App",
                    "dbo.run",
                    "P",
                    "CREATE PROCEDURE dbo.run @c nvarchar(9) AS EXEC xp_cmdshell @c",
                );
            },
            &["fail medium module App dbo.p;2"],
        )
        .saying("reaches xp_cmdshell through dbo.run (line 2)"),
        one(
            "by a synonym",
            |r| {
                number(r, "EXEC dbo.s @c");
                r.add_synonym("App", "dbo.s", "[master].[dbo].[xp_cmdshell]");
            },
            HIGH,
        ),
        one(
            "it has an assembly trusted",
            |r| number(r, "EXEC sp_add_trusted_assembly 0x01"),
            HIGH,
        ),
        one(
            "one number that does and one that does not",
            |r| {
                number(r, "EXEC xp_cmdshell @c");
                let id = r.object_id("App", "dbo.p");
                r.add_number("App", id, 3, Some("CREATE PROCEDURE dbo.p;3 AS RETURN"));
            },
            &["fail high module App dbo.p;2", "pass"],
        ),
        one("one that works on tables", |r| number(r, "SELECT @c"), PASS),
        one(
            "it names the channel in a comment",
            |r| number(r, "SELECT @c -- EXEC xp_cmdshell @c"),
            PASS,
        ),
        one(
            "number 1 is a procedure like others",
            |r| code(r, "EXEC xp_cmdshell @c"),
            NONE,
        ),
        one(
            "a name that only looks so",
            |r| {
                app(r);
                r.add_module(
                    "App",
                    "dbo.p;2",
                    "P",
                    "CREATE PROCEDURE dbo.[p;2] AS EXEC xp_cmdshell 'dir'",
                );
            },
            NONE,
        ),
        one(
            "another module that cannot be read",
            |r| _ = encrypted(r),
            NONE,
        ),
        one(
            "an encrypted number",
            |r| {
                code(r, "RETURN");
                let id = r.object_id("App", "dbo.p");
                r.add_number("App", id, 2, None);
            },
            &["unknown instance"],
        )
        .saying("the module is encrypted: \"dbo.p;2\""),
        one(
            "it executes what it is given, which is another finding",
            |r| number(r, "EXEC (@c)"),
            &[
                "not_applicable: it executes text that could not be read: see module-invokes-command-channel",
            ],
        ),
        one(
            "numbered procedures were not seen",
            app,
            &["unknown database App"],
        )
        .without(Fact::NumberedProcedures, Some("App")),
    ]
};

static DISGUISED: &[Fixture] = {
    of!("module-text-disguised");
    const DISGUISE: &str = "DECLARE @s nvarchar(99) = N'xp_' + N'cmdshell ''dir''' EXEC (@s)";
    &[
        one(
            "a name put together from pieces",
            |r| {
                code(
                    r,
                    "DECLARE @s nvarchar(99) = N'xp_' + N'cmdshell ''dir''' EXEC (@s)",
                );
            },
            HIGH,
        )
        .saying("dbo.p comes to xp_cmdshell by a name that it hides (line 2)"),
        one(
            "in number 2 of a procedure",
            |r| number(r, DISGUISE),
            NUMBER,
        ),
        one("in a trigger of the server", |r| logon(r, DISGUISE), LOGON),
        one(
            "a name turned round",
            |r| {
                code(
                    r,
                    "DECLARE @s nvarchar(99) = REVERSE(N'llehsdmc_px') + N' ''dir''' EXEC (@s)",
                );
            },
            HIGH,
        ),
        one(
            "a variable that holds the name",
            |r| {
                code(r, "DECLARE @p sysname = 'xp_cmdshell' EXEC @p 'dir'");
            },
            HIGH,
        ),
        one(
            "a synonym",
            |r| {
                code(r, "EXEC dbo.s 'dir'");
                r.add_synonym("App", "dbo.s", "[master].[dbo].[xp_cmdshell]");
            },
            HIGH,
        ),
        one(
            "what opens a channel, hidden so",
            |r| {
                code(
                    r,
                    "DECLARE @p sysname = 'sp_configure' EXEC @p 'xp_cmdshell', 1",
                );
            },
            HIGH,
        )
        .saying("sp_configure_enable"),
        one(
            "what has a procedure run at start, hidden so",
            |r| {
                code(
                    r,
                    "DECLARE @p sysname = 'sp_procoption' EXEC @p 'p', 'startup', 'on'",
                );
            },
            HIGH,
        ),
        one(
            "the name stands there",
            |r| code(r, "EXEC xp_cmdshell @c"),
            PASS,
        ),
        one(
            "the name stands whole in text that is executed, its command put together",
            |r| {
                code(r, "EXEC (N'xp_cmdshell ''di' + N'r''')");
            },
            PASS,
        ),
        one(
            "brackets and odd case hide nothing from a search without case",
            |r| {
                code(r, "EXEC [master]..[Xp_CmdShell] 'dir'");
            },
            PASS,
        ),
        one(
            "a variable that holds another procedure's name",
            |r| {
                code(r, "DECLARE @p sysname = 'dbo.report' EXEC @p 'dir'");
            },
            PASS,
        ),
        one(
            "a synonym for a table",
            |r| {
                code(r, "SELECT * FROM dbo.s");
                r.add_synonym("App", "dbo.s", "[Other].[dbo].[orders]");
            },
            PASS,
        ),
        one(
            "the caller of one that hides it hides nothing",
            |r| {
                called(r, "DECLARE @p sysname = 'xp_cmdshell' EXEC @p 'dir'");
            },
            HIGH,
        ),
        one("no module", without_modules, NOTHING),
        one(
            "a name that its caller gives",
            |r| code(r, "EXEC @c 'dir'"),
            UNREAD,
        ),
        one(
            "it executes text that comes from data",
            executes_data,
            UNREAD,
        ),
        one("encrypted", |r| _ = encrypted(r), OPEN),
        one(
            "modules were not seen",
            |r| code(r, "RETURN"),
            &["unknown database App"],
        )
        .without(Fact::Modules, Some("App")),
    ]
};
