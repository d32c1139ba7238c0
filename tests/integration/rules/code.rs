//! What modules run.

use mssql_posture::snapshot::Observed;

use super::{Fixture, denied, partly, windows};
use crate::support::recording::{Recording, rows};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [MODULES, UNREAD, MODULES_UNSEEN];
    tables.into_iter().flatten().collect()
}

fn add_code(r: &mut Recording, body: &str) {
    r.add_database("App", "sa");
    let text = format!("CREATE PROCEDURE dbo.p @c nvarchar(200) AS\n{body}\n");
    r.add_module("App", "dbo.p", "P", &text);
}

/// A procedure of msdb, marked as shipped or not.
fn in_msdb(r: &mut Recording, name: &str, body: &str, is_ms_shipped: bool) {
    let id = r.add_module(
        "msdb",
        name,
        "P",
        &format!("CREATE PROCEDURE {name} AS {body}"),
    );
    let objects = rows(&mut r.database("msdb").objects);
    let object = objects.iter_mut().find(|object| object.object_id == id);
    object.unwrap().is_ms_shipped = Some(is_ms_shipped);
}

static MODULES: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "module-invokes-command-channel",
            about,
            windows(16),
            change,
            verdicts,
        )
    }
    const FAIL: &[&str] = &["fail high module App dbo.p", "pass"];
    &[
        one(
            "called by its three-part name",
            |r| add_code(r, "EXEC master.dbo.xp_cmdshell @c"),
            FAIL,
        )
        .saying("dbo.p calls xp_cmdshell (line 2)"),
        one(
            "in number 2 of a procedure",
            |r| {
                add_code(r, "RETURN");
                let id = r.object_id("App", "dbo.p");
                r.add_number("App", id, 2, Some("CREATE PROCEDURE dbo.p;2 AS EXEC xp_cmdshell 'dir'"));
            },
            &["fail high module App dbo.p;2", "pass"],
        ),
        one(
            "by a synonym",
            |r| {
                add_code(r, "EXEC dbo.s @c");
                r.add_synonym("App", "dbo.s", "[master]..[xp_cmdshell]");
            },
            FAIL,
        ),
        one(
            "Microsoft ships a module of this name that does so",
            |r| in_msdb(r, "dbo.sp_set_local_time", "EXEC xp_cmdshell 'time'", true),
            &["fail low module msdb dbo.sp_set_local_time", "pass"],
        )
        .saying("compare its text"),
        one(
            "that name without the mark",
            |r| in_msdb(r, "dbo.sp_set_local_time", "EXEC xp_cmdshell 'time'", false),
            &["fail high module msdb dbo.sp_set_local_time", "pass"],
        ),
        one(
            "that name, which does more",
            |r| in_msdb(r, "dbo.sp_set_local_time", "DECLARE @o int EXEC sp_OACreate 'x', @o OUT EXEC xp_cmdshell 'time'", true),
            &["fail high module msdb dbo.sp_set_local_time", "pass"],
        ),
        one(
            "another name with the mark",
            |r| in_msdb(r, "dbo.sp_agent_history_trim", "EXEC xp_cmdshell 'time'", true),
            &["fail high module msdb dbo.sp_agent_history_trim", "pass"],
        ),
        one(
            "behind comments, brackets and odd case",
            |r| add_code(r, "EXEC/*x*/[master]..[Xp_CmdShell]/*y*/@c"),
            FAIL,
        ),
        one(
            "in a string that is executed",
            |r| add_code(r, "EXEC (N'xp_cmdshell ''dir''')"),
            FAIL,
        ),
        one(
            "OLE automation",
            |r| add_code(r, "DECLARE @o int EXEC sp_OACreate 'WScript.Shell', @o OUT"),
            FAIL,
        )
        .saying("ole_automation"),
        one(
            "an external script",
            |r| {
                add_code(
                    r,
                    "EXEC sp_execute_external_script @language = N'Python', @script = @c",
                );
            },
            FAIL,
        )
        .saying("external_script"),
        one(
            "a job step that runs commands",
            |r| {
                add_code(
                    r,
                    "EXEC msdb.dbo.sp_add_jobstep @job_name = 'j', @subsystem = 'CmdExec', @command = @c",
                );
            },
            FAIL,
        )
        .saying("agent_job"),
        one(
            "in a trigger on a table",
            |r| {
                r.add_database("App", "sa");
                r.add_object("App", "dbo.T", "U");
                r.add_trigger(
                    "App",
                    "dbo.tr",
                    Some("dbo.T"),
                    "CREATE TRIGGER dbo.tr ON dbo.T FOR INSERT AS EXEC xp_cmdshell 'dir'",
                );
            },
            &["fail high module App dbo.tr", "pass"],
        ),
        one(
            "in a DDL trigger, which is no object of a schema",
            |r| {
                r.add_database("App", "sa");
                r.add_trigger(
                    "App",
                    "guard",
                    None,
                    "CREATE TRIGGER guard ON DATABASE FOR DROP_TABLE AS EXEC xp_cmdshell 'dir'",
                );
            },
            &["fail high module App guard", "pass"],
        ),
        one(
            "in a server trigger",
            |r| {
                r.add_server_trigger("logon", "CREATE TRIGGER logon ON ALL SERVER FOR LOGON AS EXEC master..xp_cmdshell 'dir'");
            },
            &["fail high module logon", "pass"],
        ),
        one(
            "marked as shipped by whoever made it",
            |r| {
                add_code(r, "EXEC xp_cmdshell @c");
                let objects = &mut r.database("App").objects;
                objects
                    .seen_mut()
                    .iter_mut()
                    .for_each(|o| o.is_ms_shipped = Some(true));
            },
            FAIL,
        ),
        one(
            "in a comment",
            |r| {
                add_code(
                    r,
                    "-- EXEC xp_cmdshell @c\n/* EXEC xp_cmdshell @c */ RETURN 0",
                );
            },
            &["pass"],
        ),
        one(
            "in a string that is only printed",
            |r| add_code(r, "PRINT N'EXEC xp_cmdshell ''dir'''"),
            &["pass"],
        ),
        one(
            "as a column's name",
            |r| add_code(r, "SELECT xp_cmdshell FROM dbo.Settings"),
            &["pass"],
        ),
        one(
            "a name that only begins so",
            |r| add_code(r, "EXEC dbo.xp_cmdshell_history @c"),
            &["pass"],
        ),
        one("as shipped", |_| {}, &["pass"]),
        one(
            "in an excluded database it is neither",
            |r| {
                add_code(r, "EXEC xp_cmdshell @c");
                r.exclude("App");
            },
            &["pass"],
        ),
    ]
};

static UNREAD: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "module-invokes-command-channel",
            about,
            windows(16),
            change,
            verdicts,
        )
    }
    const LOW: &[&str] = &["fail low module App dbo.p", "pass"];
    &[
        one(
            "text that comes from a parameter could be anything",
            |r| add_code(r, "EXEC (@c)"),
            LOW,
        )
        .saying("dbo.p executes text that could not be read (line 2)"),
        one(
            "text that comes from data, too",
            |r| {
                add_code(
                    r,
                    "DECLARE @t nvarchar(max);\nSELECT @t = body FROM dbo.Task;\nEXEC sp_executesql @t",
                );
            },
            LOW,
        )
        .saying("could not be read (line 4)"),
        one(
            "beside a call that is seen",
            |r| add_code(r, "EXEC xp_cmdshell @c;\nEXEC (@c)"),
            &["fail high module App dbo.p", "pass"],
        )
        .saying("dbo.p calls xp_cmdshell (line 2) and executes text that could not be read (line 3)"),
        one(
            "in a server trigger",
            |r| {
                r.add_server_trigger(
                    "logon",
                    "CREATE TRIGGER logon ON ALL SERVER FOR LOGON AS DECLARE @t nvarchar(99) = \
                     APP_NAME() EXEC (@t)",
                );
            },
            &["fail low module logon", "pass"],
        ),
        one(
            "text that can be read to its end",
            |r| {
                add_code(
                    r,
                    "DECLARE @t nvarchar(99) = N'SELECT ' + N'1'; EXEC sp_executesql @t",
                );
            },
            &["pass"],
        ),
    ]
};

static MODULES_UNSEEN: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "module-invokes-command-channel",
            about,
            windows(15),
            change,
            verdicts,
        )
    }
    &[
        one(
            "an encrypted module",
            |r| {
                r.add_database("App", "sa");
                r.add_encrypted_module("App", "dbo.secret");
            },
            &["unknown module App dbo.secret", "pass"],
        )
        .saying("the module is encrypted"),
        one(
            "a module hidden by DENY",
            |r| {
                r.add_database("App", "sa");
                let id = r.add_module(
                    "App",
                    "dbo.p",
                    "P",
                    "CREATE PROCEDURE dbo.p AS EXEC xp_cmdshell 'dir'",
                );
                r.hide_definition("App", id);
            },
            &["unknown module App dbo.p", "pass"],
        )
        .saying("VIEW DEFINITION on the module"),
        one(
            "modules seen in part: what is there is there",
            |r| {
                add_code(r, "EXEC xp_cmdshell @c");
                partly(&mut r.database("App").modules);
            },
            &["fail high module App dbo.p", "unknown database App"],
        ),
        one(
            "modules seen in part, nothing found",
            |r| {
                r.add_database("App", "sa");
                partly(&mut r.database("App").modules);
            },
            &["unknown database App"],
        ),
        one(
            "a database without a way in",
            |r| {
                r.add_database("App", "sa");
                r.deny_access("App");
            },
            &["unknown database App"],
        ),
        one(
            "a database that is offline",
            |r| {
                r.add_database("App", "sa");
                r.take_offline("App");
            },
            &["unknown database App"],
        )
        .saying("OFFLINE"),
        one(
            "server triggers not seen",
            |r| denied(&mut r.snapshot.server.server_modules),
            &["unknown instance"],
        ),
        one(
            "databases may exist that are not listed",
            |r| partly(&mut r.snapshot.server.databases),
            &["unknown instance"],
        ),
        one(
            "a listed database of which the snapshot holds nothing",
            |r| {
                r.add_database("App", "sa");
                r.snapshot.databases.pop();
            },
            &["unknown database App"],
        ),
        one(
            "no module anywhere",
            |r| {
                r.database("master").modules = Observed::Known { value: Vec::new() };
            },
            &["not_applicable: there is nothing of this kind"],
        ),
    ]
};
