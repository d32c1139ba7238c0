//! Rules about what stands inside databases.

use mssql_posture::snapshot::Observed;

use super::{Fixture, denied, linux, partly, windows};
use crate::support::recording::Recording;

const STARTUP: &str = "startup-procedure";
const MODULE: &str = "module-invokes-command-channel";
const ASSEMBLY: &str = "unsafe-assembly";
const EXTENDED: &str = "non-microsoft-extended-procedure";
const READ: &str = "not-all-databases-read";

const SYSTEM: [&str; 4] = ["master", "tempdb", "model", "msdb"];

pub(super) fn fixtures() -> Vec<Fixture> {
    let mut all = startup();
    all.extend(modules());
    all.extend(modules_unseen());
    all.extend(assemblies());
    all.extend(assemblies_unseen());
    all.extend(extended());
    all.extend(read());
    all
}

fn exclude_all(r: &mut Recording) {
    for name in SYSTEM {
        r.exclude(name);
    }
}

fn startup() -> Vec<Fixture> {
    let one = |about, base, change, verdicts| Fixture::new(STARTUP, about, base, change, verdicts);
    let fail = &["fail high module master dbo.begin"];
    fn add(r: &mut Recording) {
        r.add_module(
            "master",
            "dbo.begin",
            "P",
            "CREATE PROCEDURE dbo.begin AS PRINT 1",
        );
        r.mark_startup("dbo.begin");
    }
    vec![
        one(
            "marked, and the server looks",
            windows(16),
            |r| {
                add(r);
                r.set_option("scan for startup procs", 1, 1);
            },
            fail,
        ),
        one(
            "the scan is off: it waits",
            windows(16),
            add,
            &["fail medium module master dbo.begin"],
        )
        .saying("scan for startup procs is off"),
        one(
            "the scan is on from the next start",
            windows(16),
            |r| {
                add(r);
                r.set_option("scan for startup procs", 1, 0);
            },
            fail,
        ),
        one(
            "whether the scan is on was not seen",
            windows(16),
            |r| {
                add(r);
                denied(&mut r.snapshot.server.configurations);
            },
            fail,
        ),
        one(
            "one of Microsoft's procedures, marked by somebody",
            linux(14),
            |r| {
                r.mark_startup("dbo.sp_MSrepl_startup");
            },
            &["fail medium module master dbo.sp_MSrepl_startup"],
        ),
        one(
            "seen in part is seen, and more may be there",
            windows(16),
            |r| {
                add(r);
                partly(&mut r.snapshot.server.startup_procedures);
            },
            &["fail medium module master dbo.begin", "unknown instance"],
        ),
        one("none marked", windows(11), |_| {}, &["pass"]),
        one(
            "the scan alone runs nothing",
            windows(16),
            |r| _ = r.set_option("scan for startup procs", 1, 1),
            &["pass"],
        ),
        one(
            "none seen in a list that is not whole",
            windows(16),
            |r| partly(&mut r.snapshot.server.startup_procedures),
            &["unknown instance"],
        ),
        one(
            "master refused",
            windows(16),
            |r| _ = r.deny_access("master"),
            &["unknown instance"],
        ),
        one(
            "master is excluded",
            windows(16),
            |r| _ = r.exclude("master"),
            &["not_applicable: the inventory excludes master"],
        ),
    ]
}

fn add_code(r: &mut Recording, body: &str) {
    r.add_database("App", "sa");
    let text = format!("CREATE PROCEDURE dbo.p @c nvarchar(200) AS\n{body}\n");
    r.add_module("App", "dbo.p", "P", &text);
}

fn modules() -> Vec<Fixture> {
    let one = |about, change, verdicts| Fixture::new(MODULE, about, windows(16), change, verdicts);
    let fail = &["fail high module App dbo.p", "pass"];
    vec![
        one(
            "called by its three-part name",
            |r| add_code(r, "EXEC master.dbo.xp_cmdshell @c"),
            fail,
        )
        .saying("dbo.p calls xp_cmdshell (line 2)"),
        one(
            "behind comments, brackets and odd case",
            |r| add_code(r, "EXEC/*x*/[master]..[Xp_CmdShell]/*y*/@c"),
            fail,
        ),
        one(
            "in a string that is executed",
            |r| add_code(r, "EXEC (N'xp_cmdshell ''dir''')"),
            fail,
        ),
        one(
            "OLE automation",
            |r| add_code(r, "DECLARE @o int EXEC sp_OACreate 'WScript.Shell', @o OUT"),
            fail,
        )
        .saying("ole_automation"),
        one(
            "an external script",
            |r| {
                add_code(
                    r,
                    "EXEC sp_execute_external_script @language = N'Python', @script = @c",
                )
            },
            fail,
        )
        .saying("external_script"),
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
            fail,
        ),
        one(
            "in a comment",
            |r| {
                add_code(
                    r,
                    "-- EXEC xp_cmdshell @c\n/* EXEC xp_cmdshell @c */ RETURN 0",
                )
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
}

fn modules_unseen() -> Vec<Fixture> {
    let one = |about, change, verdicts| Fixture::new(MODULE, about, windows(15), change, verdicts);
    vec![
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
}

fn assemblies() -> Vec<Fixture> {
    let one = |about, base, change, verdicts| Fixture::new(ASSEMBLY, about, base, change, verdicts);
    let fail = &["fail high assembly App Tools"];
    vec![
        one("UNSAFE", windows(11), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 3, "tools 1");
        }, fail).saying("assembly Tools is UNSAFE"),
        one("EXTERNAL_ACCESS is one step lower", windows(16), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 2, "tools 1");
        }, &["fail medium assembly App Tools"]),
        one("trusted by hash is how a rogue one gets in", windows(16), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 3, "tools 1");
            r.trust_assembly("tools 1", "Microsoft.SqlServer.Tools", "mallory");
        }, fail).saying("is UNSAFE and trusted by hash in every database"),
        one("another hash is trusted", windows(16), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 3, "tools 1");
            r.trust_assembly("tools 2", "Tools 2", "release");
        }, fail).saying("is UNSAFE; clr strict security lets it load only if it is signed or trusted; it does not run while clr enabled is off"),
        one("marked as the server's own by an attacker", windows(14), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 3, "tools 1");
            let rows = &mut r.database("App").assemblies;
            rows.seen_mut().iter_mut().for_each(|a| a.is_user_defined = Some(false));
        }, fail),
        one("a permission set from the future", windows(17), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 9, "tools 1");
        }, fail),
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
}

fn assemblies_unseen() -> Vec<Fixture> {
    let one =
        |about, change, verdicts| Fixture::new(ASSEMBLY, about, windows(16), change, verdicts);
    vec![
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
}

fn extended() -> Vec<Fixture> {
    let one = |about, base, change, verdicts| Fixture::new(EXTENDED, about, base, change, verdicts);
    let fail = &["fail high extended_procedure master dbo.xp_agent", "pass"];
    vec![
        one(
            "registered in master",
            windows(16),
            |r| _ = r.add_extended_procedure("dbo.xp_agent", "C:\\agent\\xp.dll"),
            fail,
        )
        .saying("runs native code from C:\\agent\\xp.dll"),
        one(
            "marked as shipped by whoever made it",
            windows(11),
            |r| {
                r.add_extended_procedure("dbo.xp_agent", "xp.dll");
                let rows = &mut r.database("master").extended_procedures;
                rows.seen_mut()
                    .iter_mut()
                    .for_each(|p| p.is_ms_shipped = Some(true));
            },
            fail,
        ),
        one(
            "a positive id that is not listed",
            windows(16),
            |r| {
                r.add_extended_procedure("dbo.xp_agent", "xp.dll");
                r.database("master").extended_procedures = Observed::Known { value: Vec::new() };
            },
            fail,
        )
        .saying("its DLL was not seen"),
        one(
            "the list refused, the id seen",
            windows(16),
            |r| {
                r.add_extended_procedure("dbo.xp_agent", "xp.dll");
                denied(&mut r.database("master").extended_procedures);
            },
            &[
                "fail high extended_procedure master dbo.xp_agent",
                "unknown database master",
                "pass",
            ],
        ),
        one(
            "seen in part",
            windows(16),
            |r| {
                r.add_extended_procedure("dbo.xp_agent", "xp.dll");
                partly(&mut r.database("master").extended_procedures);
            },
            &[
                "fail high extended_procedure master dbo.xp_agent",
                "unknown database master",
                "pass",
            ],
        ),
        one("only shipped ones", windows(17), |_| {}, &["pass"]),
        one("Linux, as shipped", linux(15), |_| {}, &["pass"]),
        one(
            "one database not read",
            windows(16),
            |r| _ = r.deny_access("model"),
            &["unknown database model", "pass"],
        ),
        one(
            "ids not seen whole",
            windows(16),
            |r| partly(&mut r.snapshot.server.system_extended_procedures),
            &["unknown instance", "pass"],
        ),
        one(
            "every database is excluded",
            windows(16),
            exclude_all,
            &["not_applicable: the inventory excludes master"],
        ),
    ]
}

fn read() -> Vec<Fixture> {
    let one = |about, change, verdicts| Fixture::new(READ, about, windows(16), change, verdicts);
    vec![
        one(
            "refused",
            |r| {
                r.add_database("App", "sa");
                r.deny_access("App");
            },
            &["fail medium database App", "pass"],
        )
        .saying("15 kinds of facts of App not seen whole"),
        one(
            "offline",
            |r| {
                r.add_database("App", "sa");
                r.take_offline("App");
            },
            &["fail medium database App", "pass"],
        )
        .saying("the database is OFFLINE"),
        one(
            "a DENY hides something",
            |r| {
                r.database("msdb")
                    .objects
                    .limit("removal of DENY VIEW DEFINITION (class 3, id 5) from principal 0");
            },
            &["fail medium database msdb", "pass"],
        )
        .saying("removal of DENY VIEW DEFINITION"),
        one(
            "one kind of fact is enough",
            |r| denied(&mut r.database("model").synonyms),
            &["fail medium database model", "pass"],
        )
        .saying("1 kind of fact of model not seen whole; synonyms: a right"),
        one(
            "listed, and nothing of it in the snapshot",
            |r| {
                r.add_database("App", "sa");
                r.snapshot.databases.pop();
            },
            &["fail medium database App", "pass"],
        ),
        one("all read", |_| {}, &["pass"]),
        one("excluded is neither", |r| _ = r.exclude("model"), &["pass"]),
        one(
            "databases may exist that are not listed",
            |r| partly(&mut r.snapshot.server.databases),
            &["unknown instance", "pass"],
        ),
        one(
            "the list refused",
            |r| {
                denied(&mut r.snapshot.server.databases);
                r.snapshot.databases.clear();
            },
            &["unknown instance"],
        ),
        one(
            "every database is excluded",
            exclude_all,
            &["not_applicable: excluded by the inventory"],
        ),
    ]
}
