//! The default trace and server audits: whether they run, what they record and what they leave out.

use mssql_posture::snapshot::Observed;

use super::{Fixture, denied, linux, managed_instance, partly, windows};
use crate::support::recording::{Base, Recording};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [TRACE, RUNNING, CONFIGURED, NARROWED, CHANGES, LOGINS];
    tables.into_iter().flatten().collect()
}

const UNKNOWN: &[&str] = &["unknown instance"];
const PASS: &[&str] = &["pass"];
const NO_AUDIT: &[&str] = &["not_applicable: there is no server audit"];

/// The groups that audit-misses-changes asks for.
const OF_CHANGES: &[&str] = &[
    "AUDIT_CHANGE_GROUP",
    "DATABASE_CHANGE_GROUP",
    "DATABASE_OBJECT_CHANGE_GROUP",
    "DATABASE_OBJECT_PERMISSION_CHANGE_GROUP",
    "DATABASE_OWNERSHIP_CHANGE_GROUP",
    "DATABASE_PERMISSION_CHANGE_GROUP",
    "DATABASE_PRINCIPAL_CHANGE_GROUP",
    "DATABASE_ROLE_MEMBER_CHANGE_GROUP",
    "SCHEMA_OBJECT_CHANGE_GROUP",
    "SCHEMA_OBJECT_PERMISSION_CHANGE_GROUP",
    "SERVER_OBJECT_CHANGE_GROUP",
    "SERVER_OBJECT_PERMISSION_CHANGE_GROUP",
    "SERVER_OPERATION_GROUP",
    "SERVER_PERMISSION_CHANGE_GROUP",
    "SERVER_PRINCIPAL_CHANGE_GROUP",
    "SERVER_ROLE_MEMBER_CHANGE_GROUP",
];

/// Those that audit-misses-logins asks for.
const OF_LOGINS: &[&str] = &[
    "AUDIT_CHANGE_GROUP",
    "FAILED_LOGIN_GROUP",
    "SUCCESSFUL_LOGIN_GROUP",
];

/// An audit that runs and records the logins.
fn audit(r: &mut Recording) {
    r.add_audit("Sentinel", OF_LOGINS);
}

/// An audit that runs and records changes.
fn audit_of_changes(r: &mut Recording) {
    r.add_audit("Sentinel", OF_CHANGES);
}

/// How the engine says that the audit stands.
fn stands(r: &mut Recording, status: i32, words: &str) {
    for row in r.snapshot.server.audit_status.seen_mut() {
        row.status = status;
        words.clone_into(&mut row.status_desc);
    }
}

/// How the audit is configured.
fn configured(r: &mut Recording, is_on: Option<bool>, predicate: Option<&str>) {
    for row in r.snapshot.server.server_audits.seen_mut() {
        row.is_state_enabled = is_on;
        row.predicate = predicate.map(str::to_owned);
    }
}

/// How its specification is.
fn specification(r: &mut Recording, is_on: Option<bool>) {
    let rows = r.snapshot.server.server_audit_specifications.seen_mut();
    for row in rows.iter_mut() {
        row.is_state_enabled = is_on;
    }
}

/// What of one group is recorded.
fn recorded(r: &mut Recording, group: &str, result: Option<&str>) {
    let rows = r
        .snapshot
        .server
        .server_audit_specification_details
        .seen_mut();
    let rows = rows.iter_mut();
    let own = rows.filter(|row| row.audit_action_name.as_deref() == Some(group));
    own.for_each(|row| row.audited_result = result.map(str::to_owned));
}

static TRACE: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("default-trace-off", about, base, change, verdicts)
    }
    const OPTION: &str = "default trace enabled";
    const FAIL: &[&str] = &["fail medium option default trace enabled"];
    const UNSEEN: &[&str] = &["unknown option default trace enabled"];
    &[
        one(
            "it is off",
            windows(16),
            |r| _ = r.set_option(OPTION, 0, 0),
            FAIL,
        ),
        one(
            "it does not run although it is configured on",
            windows(11),
            |r| _ = r.set_option(OPTION, 1, 0),
            FAIL,
        )
        .saying("does not run"),
        one(
            "it runs and is configured off",
            linux(17),
            |r| _ = r.set_option(OPTION, 0, 1),
            FAIL,
        )
        .saying("RECONFIGURE"),
        one(
            "seen in part is seen: its row is enough",
            windows(16),
            |r| {
                r.set_option(OPTION, 0, 0);
                partly(&mut r.snapshot.server.configurations);
            },
            FAIL,
        ),
        one("as setup leaves it", windows(13), |_| {}, PASS),
        one("on Linux too", linux(14), |_| {}, PASS),
        one(
            "a managed instance has it too",
            managed_instance(),
            |_| {},
            PASS,
        ),
        one(
            "an absent row is not on",
            windows(16),
            |r| _ = r.drop_option(OPTION),
            UNSEEN,
        ),
        one(
            "a value that is not shown is not on",
            windows(16),
            |r| r.option(OPTION).value_in_use = None,
            UNSEEN,
        ),
        one(
            "a list that was not read says nothing",
            windows(16),
            |r| denied(&mut r.snapshot.server.configurations),
            UNSEEN,
        )
        .saying("a right"),
    ]
};

static RUNNING: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("no-audit-running", about, base, change, verdicts)
    }
    const FAIL: &[&str] = &["fail medium instance"];
    &[
        one("there is none", windows(16), |_| {}, FAIL).saying("there is no server audit"),
        one("none on Linux", linux(15), |_| {}, FAIL),
        one(
            "configured on is not running",
            windows(12),
            |r| {
                audit(r);
                stands(r, 3, "TARGET_CREATION_FAILED");
            },
            FAIL,
        )
        .saying("none of the 1 server audits is started"),
        one(
            "one that the engine does not know",
            windows(16),
            |r| {
                audit(r);
                r.snapshot.server.audit_status = Observed::Known { value: Vec::new() };
            },
            FAIL,
        ),
        one("one runs", windows(16), audit, PASS),
        one(
            "one runs on a managed instance",
            managed_instance(),
            audit,
            PASS,
        ),
        one(
            "what runs counts, not what is configured",
            windows(11),
            |r| {
                audit(r);
                configured(r, Some(false), None);
            },
            PASS,
        ),
        one(
            "the state not seen: the audit may run",
            windows(16),
            |r| {
                audit(r);
                denied(&mut r.snapshot.server.audit_status);
            },
            UNKNOWN,
        )
        .saying("a right"),
        one(
            "no audit in what was seen, and more may be there",
            windows(16),
            |r| partly(&mut r.snapshot.server.server_audits),
            UNKNOWN,
        ),
    ]
};

static CONFIGURED: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        let rule = "audit-configured-not-running";
        Fixture::new(rule, about, windows(16), change, verdicts)
    }
    const FAIL: &[&str] = &["fail high audit Sentinel"];
    &[
        one(
            "its target could not be made",
            |r| {
                audit(r);
                stands(r, 3, "TARGET_CREATION_FAILED");
            },
            FAIL,
        )
        .saying("is configured on, and is TARGET_CREATION_FAILED"),
        one(
            "it failed as it ran",
            |r| {
                audit(r);
                stands(r, 2, "RUNTIME_FAIL");
            },
            FAIL,
        ),
        one(
            "the engine does not know it",
            |r| {
                audit(r);
                r.snapshot.server.audit_status = Observed::Known { value: Vec::new() };
            },
            FAIL,
        )
        .saying("not known to the engine"),
        one(
            "seen in part is seen: its row is enough",
            |r| {
                audit(r);
                stands(r, 2, "RUNTIME_FAIL");
                partly(&mut r.snapshot.server.audit_status);
            },
            &["fail high audit Sentinel", "unknown instance"],
        ),
        one("it runs", audit, PASS),
        one(
            "off on purpose is for no-audit-running",
            |r| {
                audit(r);
                configured(r, Some(false), None);
                stands(r, 0, "NOT_STARTED");
            },
            &["not_applicable: the audit is configured off"],
        ),
        one("none is there", |_| {}, NO_AUDIT),
        one(
            "its row in a list seen in part may stand in the rest",
            |r| {
                audit(r);
                r.snapshot.server.audit_status = Observed::Known { value: Vec::new() };
                partly(&mut r.snapshot.server.audit_status);
            },
            UNKNOWN,
        ),
        one(
            "a NULL is not off",
            |r| {
                audit(r);
                configured(r, None, None);
            },
            &["unknown audit Sentinel"],
        ),
    ]
};

static NARROWED: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("audit-narrowed", about, windows(16), change, verdicts)
    }
    const WHERE: Option<&str> = Some("([server_principal_name]<>'mallory')");
    const FAIL: &[&str] = &["fail medium audit Sentinel"];
    &[
        one(
            "it leaves one login out",
            |r| {
                audit(r);
                configured(r, Some(true), WHERE);
            },
            FAIL,
        )
        .saying("[server_principal_name]<>'mallory'"),
        one(
            "seen in part is seen",
            |r| {
                audit(r);
                configured(r, Some(true), WHERE);
                partly(&mut r.snapshot.server.server_audits);
            },
            &["fail medium audit Sentinel", "unknown instance"],
        ),
        one("it records all that its specification names", audit, PASS),
        one(
            "an empty predicate drops nothing",
            |r| {
                audit(r);
                configured(r, Some(true), Some(" "));
            },
            PASS,
        ),
        one(
            "an audit that is off",
            |r| {
                audit(r);
                configured(r, Some(false), WHERE);
            },
            &["not_applicable: an audit that is off leaves out everything"],
        ),
        one("none is there", |_| {}, NO_AUDIT),
        one(
            "a NULL is not off",
            |r| {
                audit(r);
                configured(r, None, WHERE);
            },
            &["unknown audit Sentinel"],
        ),
        one(
            "audits not seen",
            |r| denied(&mut r.snapshot.server.server_audits),
            UNKNOWN,
        ),
    ]
};

static CHANGES: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("audit-misses-changes", about, base, change, verdicts)
    }
    const FAIL: &[&str] = &["fail medium instance"];
    &[
        one("no audit", windows(16), |_| {}, FAIL).saying("16 of 16 action groups are missing"),
        one("an audit of logins alone", windows(16), audit, FAIL)
            .saying("15 of 16 action groups are missing: DATABASE_CHANGE_GROUP"),
        one(
            "the audit runs, its specification is off",
            windows(13),
            |r| {
                audit_of_changes(r);
                specification(r, Some(false));
            },
            FAIL,
        ),
        one(
            "the specification is on, its audit does not run",
            windows(17),
            |r| {
                audit_of_changes(r);
                stands(r, 2, "RUNTIME_FAIL");
            },
            FAIL,
        ),
        one(
            "its audit was dropped",
            windows(16),
            |r| {
                audit_of_changes(r);
                r.snapshot.server.server_audits = Observed::Known { value: Vec::new() };
            },
            FAIL,
        ),
        one(
            "only what succeeds is recorded",
            windows(16),
            |r| {
                audit_of_changes(r);
                recorded(r, "SERVER_OPERATION_GROUP", Some("SUCCESS"));
            },
            FAIL,
        )
        .saying("1 of 16 action groups are missing: SERVER_OPERATION_GROUP"),
        one("all of them", windows(11), audit_of_changes, PASS),
        one("all of them on Linux", linux(16), audit_of_changes, PASS),
        one(
            "what a predicate drops is for audit-narrowed",
            windows(16),
            |r| {
                audit_of_changes(r);
                configured(r, Some(true), Some("([database_name]<>'Scratch')"));
            },
            PASS,
        ),
        one(
            "whether the specification is on was not shown",
            windows(16),
            |r| {
                audit_of_changes(r);
                specification(r, None);
            },
            UNKNOWN,
        )
        .saying("whether it is on"),
        one(
            "what is recorded of a group was not shown",
            windows(16),
            |r| {
                audit_of_changes(r);
                recorded(r, "SERVER_OPERATION_GROUP", None);
            },
            UNKNOWN,
        ),
        one(
            "the groups were not seen whole",
            windows(16),
            |r| {
                audit(r);
                partly(&mut r.snapshot.server.server_audit_specification_details);
            },
            UNKNOWN,
        )
        .saying("a right"),
    ]
};

static LOGINS: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("audit-misses-logins", about, windows(16), change, verdicts)
    }
    const FAIL: &[&str] = &["fail low instance"];
    &[
        one("no audit", |_| {}, FAIL)
            .saying("AUDIT_CHANGE_GROUP, FAILED_LOGIN_GROUP, SUCCESSFUL_LOGIN_GROUP"),
        one("an audit of changes alone", audit_of_changes, FAIL)
            .saying("not recorded by a running audit: FAILED_LOGIN_GROUP, SUCCESSFUL_LOGIN_GROUP"),
        one(
            "logouts and contained users are other groups",
            |r| {
                let alike = [
                    "AUDIT_CHANGE_GROUP",
                    "LOGOUT_GROUP",
                    "LOGIN_CHANGE_PASSWORD_GROUP",
                    "FAILED_DATABASE_AUTHENTICATION_GROUP",
                    "SUCCESSFUL_DATABASE_AUTHENTICATION_GROUP",
                ];
                r.add_audit("Sentinel", &alike);
            },
            FAIL,
        ),
        one(
            "a specification that is off",
            |r| {
                audit(r);
                specification(r, Some(false));
            },
            FAIL,
        ),
        one("all three", audit, PASS),
        one(
            "the state not seen",
            |r| {
                audit(r);
                denied(&mut r.snapshot.server.audit_status);
            },
            UNKNOWN,
        ),
    ]
};
