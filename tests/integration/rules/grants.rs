//! Who besides sysadmin may execute `xp_cmdshell`.

use super::{Fixture, denied, linux, managed_instance, partly, windows};
use crate::support::recording::{On, Recording};

const RULE: &str = "xp-cmdshell-granted";
pub(super) const XP: On<'static> = On::Object("xp_cmdshell");

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [GRANTED, ROLES, DENIES, HARMLESS, UNSEEN];
    tables.into_iter().flatten().collect()
}

pub(super) const fn one(
    about: &'static str,
    change: fn(&mut Recording),
    verdicts: &'static [&'static str],
) -> Fixture {
    Fixture::new(RULE, about, windows(16), change, verdicts)
}

/// A login with a user of the same name in master.
pub(super) fn user(r: &mut Recording, name: &str) {
    r.add_login(name, "S");
    r.add_user("master", name, Some(name));
}

static GRANTED: &[Fixture] = {
    const APP: &[&str] = &["fail high principal master app"];
    &[
        one(
            "on the procedure",
            |r| {
                user(r, "app");
                r.grant("master", XP, "EXECUTE", "app");
            },
            APP,
        )
        .saying("app of master holds EXECUTE on master.sys.xp_cmdshell"),
        one(
            "CONTROL covers EXECUTE",
            |r| {
                user(r, "app");
                r.grant("master", XP, "CONTROL", "app");
            },
            APP,
        ),
        one(
            "on the schema sys",
            |r| {
                user(r, "app");
                r.grant("master", On::Schema("sys"), "EXECUTE", "app");
            },
            APP,
        )
        .saying("EXECUTE on schema sys of master, which covers xp_cmdshell"),
        one(
            "on the whole database",
            |r| {
                user(r, "app");
                r.grant("master", On::Database, "EXECUTE", "app");
            },
            APP,
        )
        .saying("EXECUTE on database master, which covers xp_cmdshell"),
        one(
            "twice, said once",
            |r| {
                user(r, "app");
                r.grant("master", On::Database, "CONTROL", "app")
                    .grant("master", XP, "EXECUTE", "app");
            },
            APP,
        )
        .saying("EXECUTE on master.sys.xp_cmdshell and CONTROL on database master"),
        one(
            "with grant option",
            |r| {
                user(r, "app");
                r.grant("master", XP, "EXECUTE", "app");
                let rows = &mut r.database("master").database_permissions;
                let grants = rows
                    .seen_mut()
                    .iter_mut()
                    .filter(|p| p.r#type == "EX" && p.class == 1);
                grants.for_each(|p| "W".clone_into(&mut p.state));
            },
            APP,
        ),
        one(
            "public is every login",
            |r| _ = r.grant("master", XP, "EXECUTE", "public"),
            &["fail critical principal master public"],
        )
        .saying("every login"),
        one(
            "guest is every login without a user here",
            |r| _ = r.grant("master", XP, "EXECUTE", "guest"),
            &["fail critical principal master guest"],
        )
        .saying("without a user of its own"),
        one(
            "a user without a login can be impersonated",
            |r| {
                r.add_user("master", "orphan", None);
                r.grant("master", XP, "EXECUTE", "orphan");
            },
            &["fail high principal master orphan"],
        ),
    ]
};

static ROLES: &[Fixture] = {
    &[
        one(
            "a role with a member",
            |r| {
                user(r, "app");
                r.add_role("master", "runners");
                r.add_member("master", "runners", "app")
                    .grant("master", XP, "EXECUTE", "runners");
            },
            &["fail high principal master runners"],
        )
        .saying("and through it app"),
        one(
            "a member of a role in the role",
            |r| {
                user(r, "app");
                r.add_role("master", "outer");
                r.add_role("master", "inner");
                r.add_member("master", "outer", "inner")
                    .add_member("master", "inner", "app");
                r.grant("master", XP, "EXECUTE", "outer");
            },
            &["fail high principal master outer"],
        )
        .saying("and through it app"),
        one(
            "roles that hold each other do not go round for ever",
            |r| {
                user(r, "app");
                r.add_role("master", "a");
                r.add_role("master", "b");
                r.add_member("master", "a", "b")
                    .add_member("master", "b", "a")
                    .add_member("master", "b", "app");
                r.grant("master", XP, "EXECUTE", "a");
            },
            &["fail high principal master a"],
        ),
        one(
            "a role without members waits",
            |r| {
                r.add_role("master", "runners");
                r.grant("master", XP, "EXECUTE", "runners");
            },
            &["fail low principal master runners"],
        )
        .saying("a role without members"),
        one(
            "a role of sysadmins only gives nothing",
            |r| {
                r.add_login("dba", "S");
                r.add_server_member("sysadmin", "dba");
                r.add_user("master", "dba", Some("dba"));
                r.add_role("master", "runners");
                r.add_member("master", "runners", "dba")
                    .grant("master", XP, "EXECUTE", "runners");
            },
            &["pass"],
        ),
        one(
            "db_owner of master needs no grant",
            |r| {
                user(r, "app");
                r.add_member("master", "db_owner", "app");
            },
            &["fail high principal master db_owner"],
        )
        .saying("and through it app"),
        one(
            "a DENY does not bind who can act as dbo",
            |r| {
                user(r, "app");
                r.add_member("master", "db_owner", "app")
                    .deny("master", XP, "EXECUTE", "app");
            },
            &["fail high principal master db_owner"],
        ),
        one(
            "db_owner of another database",
            |r| {
                user(r, "app");
                r.add_database("App", "app");
                r.add_user("App", "other", None);
                r.add_member("App", "db_owner", "other");
            },
            &["pass"],
        ),
    ]
};

static DENIES: &[Fixture] = {
    const PASS: &[&str] = &["pass"];
    &[
        one(
            "DENY to the grantee",
            |r| {
                user(r, "app");
                r.grant("master", XP, "EXECUTE", "app")
                    .deny("master", XP, "EXECUTE", "app");
            },
            PASS,
        ),
        one(
            "DENY on the database beats a grant on the procedure",
            |r| {
                user(r, "app");
                r.grant("master", XP, "EXECUTE", "app").deny(
                    "master",
                    On::Database,
                    "EXECUTE",
                    "app",
                );
            },
            PASS,
        ),
        one(
            "DENY CONTROL on the schema beats it too",
            |r| {
                user(r, "app");
                r.grant("master", XP, "EXECUTE", "app").deny(
                    "master",
                    On::Schema("sys"),
                    "CONTROL",
                    "app",
                );
            },
            PASS,
        ),
        one(
            "DENY to public beats every grant",
            |r| {
                user(r, "app");
                r.grant("master", XP, "EXECUTE", "app")
                    .grant("master", XP, "EXECUTE", "guest");
                r.deny("master", XP, "EXECUTE", "public");
            },
            PASS,
        ),
        one(
            "DENY to a role that the grantee is in, two steps away",
            |r| {
                user(r, "app");
                r.add_role("master", "outer");
                r.add_role("master", "inner");
                r.add_member("master", "outer", "inner")
                    .add_member("master", "inner", "app");
                r.grant("master", XP, "EXECUTE", "app")
                    .deny("master", XP, "EXECUTE", "outer");
            },
            PASS,
        ),
        one(
            "DENY to one member leaves the other",
            |r| {
                user(r, "app");
                user(r, "batch");
                r.add_role("master", "runners");
                r.add_member("master", "runners", "app")
                    .add_member("master", "runners", "batch");
                r.grant("master", XP, "EXECUTE", "runners")
                    .deny("master", XP, "EXECUTE", "app");
            },
            &["fail high principal master runners"],
        )
        .saying("and through it batch"),
        one(
            "DENY to the only member",
            |r| {
                user(r, "app");
                r.add_role("master", "runners");
                r.add_member("master", "runners", "app");
                r.grant("master", XP, "EXECUTE", "runners")
                    .deny("master", XP, "EXECUTE", "app");
            },
            PASS,
        ),
        one(
            "DENY of something else",
            |r| {
                user(r, "app");
                r.grant("master", XP, "EXECUTE", "app")
                    .deny("master", XP, "SELECT", "app");
            },
            &["fail high principal master app"],
        ),
        one(
            "DENY on another procedure",
            |r| {
                user(r, "app");
                r.grant("master", XP, "EXECUTE", "app");
                r.deny("master", On::Object("sp_OACreate"), "EXECUTE", "app");
            },
            &["fail high principal master app"],
        ),
        one(
            "DENY of all to the user's login",
            |r| {
                user(r, "app");
                r.grant("master", XP, "EXECUTE", "app")
                    .deny_server("CONTROL SERVER", "app");
            },
            PASS,
        ),
        one(
            "DENY to somebody else",
            |r| {
                user(r, "app");
                user(r, "batch");
                r.grant("master", XP, "EXECUTE", "app")
                    .deny("master", XP, "EXECUTE", "batch");
            },
            &["fail high principal master app"],
        ),
    ]
};

static HARMLESS: &[Fixture] = {
    &[
        one(
            "as shipped: setup's certificates hold EXECUTE in master and CONTROL SERVER",
            |_| {},
            &["pass"],
        ),
        Fixture::new(
            RULE,
            "as shipped on 2012, where the auditor has a user in master",
            windows(11),
            |_| {},
            &["pass"],
        ),
        one(
            "a sysadmin's user",
            |r| {
                r.add_login("dba", "S");
                r.add_server_member("sysadmin", "dba");
                r.add_user("master", "dba", Some("dba"));
                r.grant("master", XP, "EXECUTE", "dba");
            },
            &["pass"],
        ),
        one(
            "dbo",
            |r| _ = r.grant("master", XP, "EXECUTE", "dbo"),
            &["pass"],
        ),
        one(
            "CONTROL SERVER is control-server-granted's to find",
            |r| {
                r.add_login("op", "S");
                r.grant_server("CONTROL SERVER", "op");
            },
            &["pass"],
        ),
        one(
            "another right on it",
            |r| {
                user(r, "app");
                r.grant("master", XP, "VIEW DEFINITION", "app");
            },
            &["pass"],
        ),
        one(
            "another procedure",
            |r| _ = r.grant("master", On::Object("xp_readerrorlog"), "EXECUTE", "public"),
            &["pass"],
        ),
        one(
            "another schema",
            |r| {
                user(r, "app");
                r.grant("master", On::Schema("dbo"), "EXECUTE", "app");
            },
            &["pass"],
        ),
        one(
            "another database",
            |r| {
                r.add_login("app", "S");
                r.add_database("App", "app");
                r.grant("App", On::Database, "EXECUTE", "public");
            },
            &["pass"],
        ),
        Fixture::new(
            RULE,
            "Linux has no xp_cmdshell",
            linux(16),
            |r| _ = r.grant("master", XP, "EXECUTE", "public"),
            &["not_applicable: SQL Server on Linux does not have it"],
        ),
        Fixture::new(
            RULE,
            "a managed instance has none",
            managed_instance(),
            |_| {},
            &["not_applicable: Azure SQL Managed Instance does not have it"],
        ),
        one(
            "master is excluded",
            |r| _ = r.exclude("master"),
            &["not_applicable: the inventory excludes master"],
        ),
    ]
};

static UNSEEN: &[Fixture] = {
    const UNKNOWN: &[&str] = &["unknown instance"];
    const MASTER: &[&str] = &["unknown database master"];
    &[
        one(
            "permissions not seen whole",
            |r| partly(&mut r.database("master").database_permissions),
            MASTER,
        ),
        one(
            "a grant among permissions not seen whole",
            |r| {
                user(r, "app");
                r.grant("master", XP, "EXECUTE", "app");
                partly(&mut r.database("master").database_permissions);
            },
            &["fail high principal master app", "unknown database master"],
        ),
        one(
            "members not seen",
            |r| denied(&mut r.database("master").database_role_members),
            MASTER,
        ),
        one(
            "the procedure's id not seen: a grant on it could be any row",
            |r| denied(&mut r.snapshot.server.system_extended_procedures),
            UNKNOWN,
        ),
        one(
            "a list of procedures without it",
            |r| {
                let list = &mut r.snapshot.server.system_extended_procedures;
                if let mssql_posture::snapshot::Observed::Known { value } = list {
                    value.retain(|p| p.name != "xp_cmdshell");
                }
            },
            UNKNOWN,
        )
        .saying("the row of xp_cmdshell"),
        one(
            "a decoy with a positive id is not it",
            |r| {
                r.add_extended_procedure("dbo.xp_cmdshell", "decoy.dll");
                let list = &mut r.snapshot.server.system_extended_procedures;
                if let mssql_posture::snapshot::Observed::Known { value } = list {
                    value.retain(|p| p.name != "xp_cmdshell" || p.object_id > 0);
                }
            },
            UNKNOWN,
        ),
        one(
            "a login's name not seen: what is granted stays granted",
            |r| {
                user(r, "app");
                r.grant("master", XP, "EXECUTE", "app");
                denied(&mut r.snapshot.server.server_principals);
            },
            &["fail high principal master app", "unknown instance"],
        ),
        one(
            "a user's name not seen: it could be one of setup's certificates",
            |r| {
                user(r, "app");
                r.grant("master", XP, "EXECUTE", "app");
                denied(&mut r.database("master").database_principals);
            },
            UNKNOWN,
        )
        .saying("which holds EXECUTE on master.sys.xp_cmdshell"),
        one(
            "a role that seems empty, its members not seen whole",
            |r| {
                r.add_role("master", "runners");
                r.grant("master", XP, "EXECUTE", "runners");
                partly(&mut r.database("master").database_role_members);
            },
            &[
                "fail high principal master runners",
                "unknown database master",
            ],
        )
        .saying("members were not all seen"),
        one(
            "master was not read",
            |r| _ = r.deny_access("master"),
            UNKNOWN,
        ),
    ]
};
