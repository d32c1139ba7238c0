//! Rules about what the auditor could not see.

use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::{Observed, ServerError};

use super::databases::exclude_all;
use super::{Fixture, denied, linux, partly, windows};
use crate::support::recording::{AUDITOR, Base, On, Recording};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [READ, SEEN, HIDDEN];
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

/// The server answers with this error.
fn refused_by(r: &mut Recording, database: &str, number: u32) {
    let error = ServerError::new(number, "no");
    r.database(database).database_session = Observed::Failed { error };
}

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
