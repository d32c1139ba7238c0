//! Rules about what stands inside databases.

use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::{Observed, ServerError};

use super::{Fixture, denied, linux, partly, windows};
use crate::support::recording::{AUDITOR, Base, On, Recording};

const SYSTEM: [&str; 4] = ["master", "tempdb", "model", "msdb"];

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [STARTUP, EXTENDED, READ, SEEN, HIDDEN, MARKED];
    tables.into_iter().flatten().collect()
}

static SEEN: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("instance-not-seen-whole", about, base, change, verdicts)
    }
    const ALL: &[&str] = &["pass"];
    &[
        one("all seen", windows(16), |_| {}, ALL),
        one(
            "what this version or platform does not have is not missed",
            linux(14),
            |_| {},
            ALL,
        ),
        one(
            "what takes more than the least-privileged login holds is not missed",
            windows(16),
            |r| {
                let traces = r.snapshot.server.named_mut("traces").unwrap();
                assert_eq!(traces.state(), "not_collected");
            },
            ALL,
        ),
        one(
            "Agent's tables refused",
            windows(16),
            |r| {
                r.refuse_server("job_steps", 229, "no");
            },
            &["unknown fact job_steps"],
        ),
        one(
            "a list that may be short",
            windows(16),
            |r| partly(&mut r.snapshot.server.server_audits),
            &["unknown fact server_audits"],
        ),
        one(
            "msdb was not entered",
            windows(16),
            |r| {
                r.take_offline("msdb");
            },
            &[
                "unknown fact alerts",
                "unknown fact job_schedules",
                "unknown fact job_servers",
                "unknown fact job_steps",
                "unknown fact jobs",
                "unknown fact policies",
                "unknown fact policy_conditions",
                "unknown fact proxies",
                "unknown fact proxy_logins",
                "unknown fact proxy_subsystems",
                "unknown fact schedules",
                "unknown fact subsystems",
            ],
        ),
    ]
};

static HIDDEN: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "metadata-hidden-from-auditor",
            about,
            base,
            change,
            verdicts,
        )
    }
    fn app(r: &mut Recording) {
        r.add_database("App", "sa");
        r.add_schema("App", "vault", PrincipalId(1));
        r.add_object("App", "dbo.Orders", "U");
    }
    const ALL: &[&str] = &["pass"];
    &[
        one("nothing denied", windows(16), |_| {}, ALL),
        one(
            "a schema denied to public",
            windows(16),
            |r| {
                app(r);
                r.deny("App", On::Schema("vault"), "VIEW DEFINITION", "public");
            },
            &["fail high securable App schema 5", "pass"],
        )
        .saying("DENY VIEW DEFINITION to public hides schema 5 (vault) from the auditor"),
        one(
            "an object whose name is hidden with it",
            windows(16),
            |r| {
                app(r);
                r.deny("App", On::Object("dbo.Orders"), "CONTROL", "public");
                let facts = r.database("App");
                let mut value = facts.objects.seen().to_vec();
                value.retain(|object| object.name != "Orders");
                facts.objects = Observed::Known { value };
            },
            &["fail high securable App object 453576654", "pass"],
        )
        .saying("hides object 453576654, whose name is not visible, from the auditor"),
        one(
            "something denied to somebody else",
            windows(16),
            |r| {
                app(r);
                r.add_login("clerk", "S");
                r.add_user("App", "clerk", Some("clerk"));
                r.deny("App", On::Schema("vault"), "VIEW DEFINITION", "clerk");
            },
            ALL,
        ),
        one(
            "a permission that shows nothing",
            windows(16),
            |r| {
                app(r);
                r.deny("App", On::Schema("vault"), "SELECT", "public");
            },
            ALL,
        ),
        one(
            "the whole server denied to the auditor",
            windows(16),
            |r| {
                r.deny_server("VIEW ANY DEFINITION", AUDITOR);
            },
            &["fail high securable server 0", "pass"],
        ),
        one(
            "who the auditor is in a database is not known",
            windows(16),
            |r| denied(&mut r.database("msdb").user_token),
            &["unknown database msdb"],
        ),
        one(
            "permissions of the instance refused",
            windows(16),
            |r| denied(&mut r.snapshot.server.server_permissions),
            &["unknown instance"],
        ),
        one(
            "a list that may be short",
            windows(16),
            |r| partly(&mut r.database("msdb").database_permissions),
            &["unknown database msdb"],
        ),
        one(
            "sysadmin sees through",
            windows(16),
            |r| {
                app(r);
                r.deny("App", On::Schema("vault"), "VIEW DEFINITION", "public");
                if let Observed::Known { value } = &mut r.snapshot.server.session {
                    value.is_sysadmin = Some(true);
                }
            },
            &["not_applicable: nothing can be hidden from sysadmin"],
        ),
    ]
};

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

/// The server answers with this error.
fn refused_by(r: &mut Recording, database: &str, number: u32) {
    let error = ServerError::new(number, "no");
    r.database(database).database_session = Observed::Failed { error };
}

fn exclude_all(r: &mut Recording) {
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

static READ: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "not-all-databases-read",
            about,
            windows(16),
            change,
            verdicts,
        )
    }
    &[
        one(
            "refused",
            |r| {
                r.add_database("App", "sa");
                r.deny_access("App");
            },
            &["fail medium database App"],
        )
        .saying("29 kinds of facts of App not seen whole"),
        one(
            "offline",
            |r| {
                r.add_database("App", "sa");
                r.take_offline("App");
            },
            &["fail medium database App"],
        )
        .saying("the database is OFFLINE"),
        one(
            "a replica that is not readable",
            |r| {
                r.add_database("App", "sa");
                refused_by(r, "App", 976);
            },
            &["fail medium database App"],
        )
        .saying("App not seen whole, since it is an availability replica here: audit the primary replica or a readable secondary; database_session: error 976: no"),
        one(
            "a replica in neither role",
            |r| {
                r.add_database("App", "sa");
                refused_by(r, "App", 983);
            },
            &["fail medium database App"],
        )
        .saying("audit the primary replica"),
        one(
            "an error that only begins alike",
            |r| {
                r.add_database("App", "sa");
                refused_by(r, "App", 9761);
            },
            &["fail medium database App"],
        )
        .saying("App not seen whole; database_session"),
        one(
            "a DENY hides something",
            |r| {
                r.database("msdb")
                    .objects
                    .limit("removal of DENY VIEW DEFINITION (class 3, id 5) from principal 0");
            },
            &["fail medium database msdb"],
        )
        .saying("removal of DENY VIEW DEFINITION"),
        one(
            "one kind of fact is enough",
            |r| denied(&mut r.database("model").synonyms),
            &["fail medium database model"],
        )
        .saying("1 kind of fact of model not seen whole; synonyms: a right"),
        one(
            "listed, and nothing of it in the snapshot",
            |r| {
                r.add_database("App", "sa");
                r.snapshot.databases.pop();
            },
            &["fail medium database App"],
        ),
        one("all read", |_| {}, &["pass"]),
        one("excluded is neither", |r| _ = r.exclude("model"), &["pass"]),
        one(
            "databases may exist that are not listed",
            |r| partly(&mut r.snapshot.server.databases),
            &["unknown instance"],
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
};
