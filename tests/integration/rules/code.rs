//! Rules about code: modules and assemblies.

use mssql_posture::snapshot::Observed;

use super::{Fixture, denied, partly, windows};
use crate::support::recording::{Base, Recording};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [MODULES, MODULES_UNSEEN, ASSEMBLIES, ASSEMBLIES_UNSEEN];
    tables.into_iter().flatten().collect()
}

fn add_code(r: &mut Recording, body: &str) {
    r.add_database("App", "sa");
    let text = format!("CREATE PROCEDURE dbo.p @c nvarchar(200) AS\n{body}\n");
    r.add_module("App", "dbo.p", "P", &text);
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
            &["fail high module App dbo.p", "unknown database App", "pass"],
        ),
        one(
            "modules seen in part, nothing found",
            |r| {
                r.add_database("App", "sa");
                partly(&mut r.database("App").modules);
            },
            &["unknown database App", "pass"],
        ),
        one(
            "a database without a way in",
            |r| {
                r.add_database("App", "sa");
                r.deny_access("App");
            },
            &["unknown database App", "pass"],
        ),
        one(
            "a database that is offline",
            |r| {
                r.add_database("App", "sa");
                r.take_offline("App");
            },
            &["unknown database App", "pass"],
        )
        .saying("OFFLINE"),
        one(
            "server triggers not seen",
            |r| denied(&mut r.snapshot.server.server_modules),
            &["unknown instance", "pass"],
        ),
        one(
            "databases may exist that are not listed",
            |r| partly(&mut r.snapshot.server.databases),
            &["unknown instance", "pass"],
        ),
        one(
            "a listed database of which the snapshot holds nothing",
            |r| {
                r.add_database("App", "sa");
                r.snapshot.databases.pop();
            },
            &["unknown database App", "pass"],
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

static ASSEMBLIES: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("unsafe-assembly", about, base, change, verdicts)
    }
    const FAIL: &[&str] = &["fail high assembly App Tools"];
    &[
        one("UNSAFE", windows(11), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 3, "tools 1");
        }, FAIL).saying("assembly Tools is UNSAFE"),
        one("EXTERNAL_ACCESS is one step lower", windows(16), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 2, "tools 1");
        }, &["fail medium assembly App Tools"]),
        one("trusted by hash is how a rogue one gets in", windows(16), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 3, "tools 1");
            r.trust_assembly("tools 1", "Microsoft.SqlServer.Tools", "mallory");
        }, FAIL).saying("is UNSAFE and trusted by hash in every database"),
        one("another hash is trusted", windows(16), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 3, "tools 1");
            r.trust_assembly("tools 2", "Tools 2", "release");
        }, FAIL).saying("is UNSAFE; clr strict security lets it load only if it is signed or trusted; it does not run while clr enabled is off"),
        one("marked as the server's own by an attacker", windows(14), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 3, "tools 1");
            let rows = &mut r.database("App").assemblies;
            rows.seen_mut().iter_mut().for_each(|a| a.is_user_defined = Some(false));
        }, FAIL),
        one("a permission set from the future", windows(17), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 9, "tools 1");
        }, FAIL),
        one("SAFE", windows(16), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 1, "tools 1");
        }, &["pass"]),
        one("only what every database ships with, UNSAFE as it is", windows(16), |_| {},
            &["not_applicable: only assemblies that the server ships with"]),
        one("in an excluded database it is neither", windows(16), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 3, "tools 1");
            r.exclude("App");
        }, &["not_applicable: only assemblies that the server ships with"]),
    ]
};

static ASSEMBLIES_UNSEEN: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("unsafe-assembly", about, windows(16), change, verdicts)
    }
    &[
        one(
            "a NULL permission set",
            |r| {
                r.add_database("App", "sa");
                r.add_assembly("App", "Tools", 3, "tools 1");
                let rows = &mut r.database("App").assemblies;
                rows.seen_mut()
                    .iter_mut()
                    .for_each(|a| a.permission_set = None);
            },
            &["unknown assembly App Tools"],
        ),
        one(
            "seen in part",
            |r| {
                r.add_database("App", "sa");
                r.add_assembly("App", "Tools", 3, "tools 1");
                partly(&mut r.database("App").assemblies);
            },
            &["fail high assembly App Tools", "unknown database App"],
        ),
        one(
            "not seen in one database",
            |r| denied(&mut r.database("msdb").assemblies),
            &["unknown database msdb"],
        ),
        one(
            "without its file it is as unsafe",
            |r| {
                r.add_database("App", "sa");
                r.add_assembly("App", "Tools", 3, "tools 1");
                denied(&mut r.database("App").assembly_files);
                denied(&mut r.snapshot.server.trusted_assemblies);
            },
            &["fail high assembly App Tools"],
        ),
    ]
};
