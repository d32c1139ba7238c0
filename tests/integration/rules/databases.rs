//! Rules about what stands inside databases.

use mssql_posture::snapshot::Observed;

use super::{Fixture, denied, linux, partly, windows};
use crate::support::recording::{Base, Recording};

const SYSTEM: [&str; 4] = ["master", "tempdb", "model", "msdb"];

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [STARTUP, EXTENDED, MARKED];
    tables.into_iter().flatten().collect()
}

static MARKED: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("object-marked-as-shipped", about, base, change, verdicts)
    }
    fn mark(r: &mut Recording, database: &str, name: &str, kind: &str) {
        r.add_object(database, name, kind);
        let (_, own) = name.split_once('.').unwrap();
        let objects = r.database(database).objects.seen_mut();
        let object = objects.iter_mut().find(|o| o.name == own).unwrap();
        object.is_ms_shipped = Some(true);
    }
    const PLANTED: &[&str] = &["fail medium object App dbo.sp_helper", "pass"];
    &[
        one("as setup leaves it", windows(16), |_| {}, &["pass"]),
        one(
            "a procedure in a database",
            windows(16),
            |r| {
                r.add_database("App", "sa");
                mark(r, "App", "dbo.sp_helper", "P");
            },
            PLANTED,
        )
        .saying("dbo.sp_helper (type P) is marked as shipped"),
        one(
            "a DDL trigger, which stands in no list of objects",
            windows(16),
            |r| {
                r.add_database("App", "sa");
                r.add_trigger(
                    "App",
                    "guard",
                    None,
                    "CREATE TRIGGER guard ON DATABASE FOR CREATE_TABLE AS RETURN",
                );
                let triggers = r.database("App").triggers.seen_mut();
                for trigger in triggers.iter_mut() {
                    trigger.is_ms_shipped = Some(true);
                }
            },
            &["fail medium object App guard", "pass"],
        ),
        one(
            "a procedure in master",
            windows(16),
            |r| mark(r, "master", "dbo.sp_helper", "P"),
            &["fail medium object master dbo.sp_helper"],
        ),
        one(
            "setup's own procedure in master",
            windows(16),
            |r| mark(r, "master", "dbo.sp_MSrepl_startup", "P"),
            &["pass"],
        ),
        one(
            "a table is no code",
            windows(16),
            |r| {
                r.add_database("App", "sa");
                mark(r, "App", "dbo.systranschemas", "U");
            },
            &["pass"],
        ),
        one(
            "msdb is not told apart",
            windows(16),
            |r| mark(r, "msdb", "dbo.sp_helper", "P"),
            &["pass"],
        ),
        one(
            "a list that may be short, and what it shows",
            windows(16),
            |r| {
                r.add_database("App", "sa");
                mark(r, "App", "dbo.sp_helper", "P");
                partly(&mut r.database("App").objects);
            },
            &[
                "fail medium object App dbo.sp_helper",
                "unknown database App",
            ],
        ),
        one(
            "only databases that are not judged",
            windows(16),
            |r| {
                r.exclude("master");
            },
            &["not_applicable: shipped objects of this database are not told apart"],
        ),
    ]
};

pub(super) fn exclude_all(r: &mut Recording) {
    for name in SYSTEM {
        r.exclude(name);
    }
}

static STARTUP: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("startup-procedure", about, base, change, verdicts)
    }
    const FAIL: &[&str] = &["fail high module master dbo.begin"];
    fn add(r: &mut Recording) {
        r.add_module(
            "master",
            "dbo.begin",
            "P",
            "CREATE PROCEDURE dbo.begin AS PRINT 1",
        );
        r.mark_startup("dbo.begin");
    }
    &[
        one(
            "marked, and the server looks",
            windows(16),
            |r| {
                add(r);
                r.set_option("scan for startup procs", 1, 1);
            },
            FAIL,
        ),
        one(
            "what it does is said with its line",
            windows(16),
            |r| {
                let text = "CREATE PROCEDURE dbo.begin AS\nEXEC xp_cmdshell 'dir'";
                r.add_module("master", "dbo.begin", "P", text);
                r.mark_startup("dbo.begin");
                r.set_option("scan for startup procs", 1, 1);
            },
            FAIL,
        )
        .saying("runs as sysadmin whenever the server starts, and calls xp_cmdshell (line 2)"),
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
            FAIL,
        ),
        one(
            "whether the scan is on was not seen",
            windows(16),
            |r| {
                add(r);
                denied(&mut r.snapshot.server.configurations);
            },
            &["fail high module master dbo.begin", "unknown instance"],
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
};

static EXTENDED: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "non-microsoft-extended-procedure",
            about,
            base,
            change,
            verdicts,
        )
    }
    const FAIL: &[&str] = &["fail high extended_procedure master dbo.xp_agent", "pass"];
    &[
        one(
            "registered in master",
            windows(16),
            |r| _ = r.add_extended_procedure("dbo.xp_agent", "C:\\agent\\xp.dll"),
            FAIL,
        )
        .saying(r#"dbo.xp_agent runs native code from "C:\\agent\\xp.dll""#),
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
            FAIL,
        ),
        one(
            "a positive id that is not listed",
            windows(16),
            |r| {
                r.add_extended_procedure("dbo.xp_agent", "xp.dll");
                r.database("master").extended_procedures = Observed::Known { value: Vec::new() };
            },
            FAIL,
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
            ],
        ),
        one("only shipped ones", windows(17), |_| {}, &["pass"]),
        one("Linux, as shipped", linux(15), |_| {}, &["pass"]),
        one(
            "one database not read",
            windows(16),
            |r| _ = r.deny_access("model"),
            &["unknown database model"],
        ),
        one(
            "ids not seen whole",
            windows(16),
            |r| partly(&mut r.snapshot.server.system_extended_procedures),
            &["unknown instance"],
        ),
        one(
            "every database is excluded",
            windows(16),
            exclude_all,
            &["not_applicable: the inventory excludes master"],
        ),
    ]
};
