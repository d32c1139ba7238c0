//! What modules do besides running commands, and what their callers have to do with it.

use mssql_posture::rules::Rule;
use mssql_posture::snapshot::Fact;

use super::code_traits::{
    HIGH, LOGON, LOW, NOTHING, NUMBER, OPEN, PASS, UNREAD, app, called, code, encrypted,
    executes_data, hidden, logon, number, without_modules,
};
use super::{Fixture, denied, line, linux, of, partly, windows};
use crate::support::recording::Recording;

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [ENABLES, OS_JOBS, REGISTRY, TAINTED];
    tables.into_iter().flatten().collect()
}

static ENABLES: &[Fixture] = {
    of!("module-enables-command-channel");
    &[
        one("xp_cmdshell", |r| code(r, "EXEC sp_configure 'xp_cmdshell', 1 RECONFIGURE"), HIGH)
            .saying("dbo.p sets xp_cmdshell by sp_configure (line 2)"),
        one("in number 2 of a procedure", |r| number(r, "EXEC sp_configure 'xp_cmdshell', 1"), NUMBER),
        one("as short as the server takes it, and twice", |r| {
            code(r, "EXEC sp_configure 'xp_cmd', 1\nEXEC sp_configure 'Ole Auto', 1\nEXEC sp_configure 'xp_cmdshell', 1");
        }, HIGH).saying("sets Ole Automation Procedures, xp_cmdshell by"),
        one("strict security of assemblies off", |r| code(r, "EXEC sp_configure 'clr strict security', 0"), HIGH)
            .saying("clr strict security"),
        one("a value that its caller gives", |r| code(r, "EXEC sp_configure 'xp_cmdshell', @c"), HIGH),
        one("in text that is executed", |r| code(r, "EXEC (N'EXEC sp_configure ''clr enabled'', 1')"), HIGH),
        one("by a synonym", |r| {
            code(r, "EXEC dbo.s 'xp_cmdshell', 1");
            r.add_synonym("App", "dbo.s", "[sys].[sp_configure]");
        }, HIGH),
        one("by a procedure that it calls", |r| called(r, "EXEC sp_configure 'xp_cmdshell', 1"),
            &["fail medium module App dbo.caller", "fail high module App dbo.p", "pass"])
            .saying("dbo.caller sets xp_cmdshell by sp_configure through dbo.p (line 2)"),
        one("in a trigger of the server", |r| {
            r.add_server_trigger("logon", "CREATE TRIGGER logon ON ALL SERVER FOR LOGON AS EXEC sp_configure 'xp_cmdshell', 1");
        }, &["fail high module logon", "pass"]),
        one("it switches the channel off", |r| code(r, "EXEC sp_configure 'xp_cmdshell', 0 RECONFIGURE"), PASS),
        one("it asks how the option stands", |r| code(r, "EXEC sp_configure 'xp_cmdshell'"), PASS),
        one("an option that opens nothing", |r| code(r, "EXEC sp_configure 'max degree of parallelism', 4"), PASS),
        one("it only prints it", |r| code(r, "PRINT 'EXEC sp_configure ''xp_cmdshell'', 1'"), PASS),
        one("it uses the channel and leaves the option", |r| code(r, "EXEC xp_cmdshell @c"), PASS),
        one("no module", without_modules, NOTHING),
        one("it executes text that comes from data", executes_data, UNREAD),
        one("encrypted", |r| _ = encrypted(r), OPEN).saying("the module is encrypted: dbo.p"),
        one("hidden by DENY", hidden, OPEN),
        one("so many that not all are named", |r| {
            app(r);
            for name in ["a", "b", "c", "d", "e", "f", "g"] {
                r.add_encrypted_module("App", &format!("dbo.{name}"));
            }
        }, OPEN).saying("the module is encrypted: dbo.a, dbo.b, dbo.c, dbo.d, dbo.e and 2 others"),
        one("its text is not among the files", |r| {
            code(r, "EXEC sp_configure 'xp_cmdshell', 1");
            r.forget_texts("App");
        }, OPEN).saying("not among the files given: dbo.p"),
        one("triggers of the server were not seen", |r| denied(&mut r.snapshot.server.server_modules),
            &["unknown instance"]),
        one("seen in part: what is there is there", |r| {
            code(r, "EXEC sp_configure 'xp_cmdshell', 1");
            partly(&mut r.database("App").modules);
        }, &["fail high module App dbo.p", "unknown database App"]),
    ]
};

static OS_JOBS: &[Fixture] = {
    of!("module-creates-os-job");
    const STEP: &str =
        "EXEC msdb.dbo.sp_add_jobstep @job_name = 'j', @subsystem = 'CmdExec', @command = 'dir'";
    const ON_LINUX: Fixture = Fixture::new(
        "module-creates-os-job",
        "on Linux the Agent has no such subsystem",
        linux(16),
        |r| code(r, STEP),
        LOW,
    )
    .saying("which the Agent on Linux cannot run");
    &[
        one("CmdExec", |r| code(r, STEP), HIGH)
            .saying("dbo.p makes or changes a job step that is not T-SQL (line 2)"),
        one("in number 2 of a procedure", |r| number(r, STEP), NUMBER),
        one("in a trigger of the server", |r| logon(r, STEP), LOGON),
        one(
            "PowerShell, into which a step is changed",
            |r| {
                code(
                    r,
                    "EXEC msdb.dbo.sp_update_jobstep @job_name = 'j', @step_id = 1, @subsystem = N'PowerShell'",
                );
            },
            HIGH,
        ),
        one(
            "a subsystem that its caller names",
            |r| {
                code(
                    r,
                    "EXEC msdb.dbo.sp_add_jobstep @job_name = 'j', @subsystem = @c, @command = 'dir'",
                );
            },
            HIGH,
        ),
        one(
            "by a synonym",
            |r| {
                code(
                    r,
                    "EXEC dbo.s @job_name = 'j', @subsystem = 'CmdExec', @command = 'dir'",
                );
                r.add_synonym("App", "dbo.s", "[msdb].[dbo].[sp_add_jobstep]");
            },
            HIGH,
        ),
        one(
            "by a procedure that it calls",
            |r| called(r, STEP),
            &[
                "fail medium module App dbo.caller",
                "fail high module App dbo.p",
                "pass",
            ],
        ),
        ON_LINUX,
        one(
            "a step of T-SQL",
            |r| {
                code(
                    r,
                    "EXEC msdb.dbo.sp_add_jobstep @job_name = 'j', @subsystem = 'TSQL', @command = 'PRINT 1'",
                );
            },
            PASS,
        ),
        one(
            "without a subsystem it is T-SQL",
            |r| {
                code(
                    r,
                    "EXEC msdb.dbo.sp_add_jobstep @job_name = 'j', @command = 'PRINT 1'",
                );
            },
            PASS,
        ),
        one(
            "it starts a job that is there",
            |r| code(r, "EXEC msdb.dbo.sp_start_job @job_name = 'j'"),
            PASS,
        ),
        one("no module", without_modules, NOTHING),
        one(
            "it executes text that comes from data",
            executes_data,
            UNREAD,
        ),
        one("encrypted", |r| _ = encrypted(r), OPEN),
        one(
            "modules were not seen",
            |r| code(r, STEP),
            &["unknown database App"],
        )
        .without(Fact::Modules, Some("App")),
    ]
};

static REGISTRY: &[Fixture] = {
    of!("module-writes-registry");
    const WRITE: &str =
        "EXEC master..xp_regwrite 'HKEY_LOCAL_MACHINE', 'Software\\Run', 'x', 'REG_SZ', 'x.exe'";
    &[
        one("a value", |r| code(r, WRITE), HIGH).saying("dbo.p writes the registry (line 2)"),
        one("in number 2 of a procedure", |r| number(r, WRITE), NUMBER),
        one("in a trigger of the server", |r| logon(r, WRITE), LOGON),
        one(
            "in the form for instances",
            |r| {
                code(
                    r,
                    "EXEC xp_instance_regwrite N'HKEY_LOCAL_MACHINE', N'x', N'AuditLevel', N'REG_DWORD', 0",
                );
            },
            HIGH,
        ),
        one(
            "a key that is deleted",
            |r| code(r, "EXEC xp_regdeletekey 'HKEY_LOCAL_MACHINE', 'x'"),
            HIGH,
        ),
        one(
            "by a synonym",
            |r| {
                code(
                    r,
                    "EXEC dbo.s 'HKEY_LOCAL_MACHINE', 'x', 'y', 'REG_SZ', 'z'",
                );
                r.add_synonym("App", "dbo.s", "[master].[sys].[xp_regwrite]");
            },
            HIGH,
        ),
        one(
            "by a procedure that it calls",
            |r| called(r, WRITE),
            &[
                "fail medium module App dbo.caller",
                "fail high module App dbo.p",
                "pass",
            ],
        ),
        one(
            "it reads a value",
            |r| code(r, "EXEC xp_regread 'HKEY_LOCAL_MACHINE', 'x', 'y'"),
            PASS,
        ),
        one(
            "it lists values",
            |r| {
                code(
                    r,
                    "EXEC xp_instance_regenumvalues 'HKEY_LOCAL_MACHINE', 'x'",
                );
            },
            PASS,
        ),
        one(
            "a table of that name",
            |r| code(r, "SELECT * FROM dbo.xp_regwrite"),
            PASS,
        ),
        one("no module", without_modules, NOTHING),
        one(
            "it executes what it is given",
            |r| code(r, "EXEC (@c)"),
            UNREAD,
        ),
        one("encrypted", |r| _ = encrypted(r), OPEN),
        one(
            "modules were not seen",
            |r| code(r, WRITE),
            &["unknown database App"],
        )
        .without(Fact::Modules, Some("App")),
    ]
};

static TAINTED: &[Fixture] = {
    of!("module-tainted-command");
    &[
        one("a parameter", |r| code(r, "EXEC xp_cmdshell @c"), HIGH)
            .saying("dbo.p lets a parameter or data flow into what it runs by xp_cmdshell (line 2)"),
        one("in number 2 of a procedure", |r| number(r, "EXEC xp_cmdshell @c"), NUMBER),
        one("in a trigger of the server", |r| {
            logon(r, "DECLARE @s varchar(999) SELECT @s = name FROM dbo.Files EXEC xp_cmdshell @s");
        }, LOGON),
        one("a part of the command", |r| {
            code(r, "DECLARE @s varchar(999) = 'dir ' + QUOTENAME(@c, '\"') EXEC xp_cmdshell @s");
        }, HIGH),
        one("data that it reads", |r| {
            code(r, "DECLARE @s varchar(999) SELECT @s = name FROM dbo.Files EXEC xp_cmdshell @s");
        }, HIGH),
        one("a script", |r| {
            code(r, "EXEC sp_execute_external_script @language = N'Python', @script = @c");
        }, HIGH).saying("external_script"),
        one("a job step", |r| {
            code(r, "EXEC msdb.dbo.sp_add_jobstep @job_name = 'j', @subsystem = 'CmdExec', @command = @c");
        }, HIGH),
        one("it is handed on to a procedure that runs it", |r| called(r, "EXEC xp_cmdshell @c"),
            &["fail medium module App dbo.caller", "fail high module App dbo.p", "pass"])
            .saying("dbo.caller lets a parameter or data flow into what it runs by xp_cmdshell through dbo.p (line 2)"),
        one("by a synonym", |r| {
            code(r, "EXEC dbo.s @c");
            r.add_synonym("App", "dbo.s", "[master].[dbo].[xp_cmdshell]");
        }, HIGH),
        one("a command that is written out", |r| code(r, "EXEC xp_cmdshell 'dir C:\\'"), PASS),
        one("one of two that are written out", |r| {
            code(r, "DECLARE @s varchar(9) = CASE WHEN @c = 'a' THEN 'dir' ELSE 'ver' END EXEC xp_cmdshell @s");
        }, PASS),
        one("the caller of such a one passes what is written out", |r| {
            code(r, "EXEC xp_cmdshell @c");
            r.add_module("App", "dbo.caller", "P", "CREATE PROCEDURE dbo.caller AS EXEC dbo.p 'dir'");
        }, HIGH),
        one("a parameter that goes into a query", |r| code(r, "EXEC sp_executesql N'SELECT @x', N'@x int', @c"), PASS),
        one("no module", without_modules, NOTHING),
        one("it executes what it is given, which may be a command", |r| code(r, "EXEC (@c)"), UNREAD),
        one("what flows in cannot be told", |r| {
            code(r, "DECLARE @s varchar(999) EXEC dbo.unseen @s OUTPUT\nEXEC xp_cmdshell @s");
        }, OPEN).saying("what flows into the command that is run: dbo.p (line 3)"),
        one("encrypted", |r| _ = encrypted(r), OPEN),
        one("modules were not seen", |r| code(r, "EXEC xp_cmdshell @c"), &["unknown database App"])
            .without(Fact::Modules, Some("App")),
    ]
};

/// It is a finding of module-invokes-command-channel, once: see there.
#[test]
fn a_module_that_executes_unread_text_is_not_among_those_that_pass() {
    let mut judged = 0;
    let executing = fixtures()
        .into_iter()
        .filter(|f| f.about.starts_with("it executes"));
    for fixture in executing {
        let verdicts = fixture.world().judge(fixture.rule());
        let population = verdicts[0].population.unwrap();
        assert_eq!(population.not_applicable, 1, "{}", fixture.rule);
        assert_eq!(
            population.passed + 1,
            population.subjects,
            "{}",
            fixture.rule
        );
        let found = Rule::find("module-invokes-command-channel").unwrap();
        let found = fixture.world().judge(found);
        assert!(
            line(&found[0]).starts_with("fail low module App dbo.p"),
            "{}",
            fixture.rule
        );
        judged += 1;
    }
    assert_eq!(judged, 4);
}
