//! Rules about who holds the server.

use mssql_posture::snapshot::Observed;

use super::{Fixture, denied, linux, partly, windows};
use crate::support::recording::{Base, Recording, SidKind, sid};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [
        SYSADMINS,
        SPELLING,
        SERVICES,
        TRUSTWORTHY,
        TRUSTWORTHY_GROUPS,
    ];
    tables.into_iter().flatten().collect()
}

fn add_sysadmin(r: &mut Recording, name: &str, kind: &str) {
    r.add_login(name, kind);
    r.add_server_member("sysadmin", name);
}

static SYSADMINS: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("unexpected-sysadmin", about, base, change, verdicts)
            .expecting(&["CORP\\DBA Team"])
    }
    const MALLORY: &[&str] = &["fail high principal mallory", "pass"];
    &[
        one(
            "a login nobody named",
            windows(16),
            |r| add_sysadmin(r, "mallory", "S"),
            MALLORY,
        ),
        one(
            "through a role inside sysadmin, which itself is nobody",
            windows(16),
            |r| {
                r.add_login("operators", "R");
                r.add_login("mallory", "S");
                r.add_server_member("sysadmin", "operators")
                    .add_server_member("operators", "mallory");
            },
            MALLORY,
        ),
        one(
            "disabled logins can still be impersonated",
            windows(16),
            |r| {
                add_sysadmin(r, "mallory", "S");
                r.login("mallory").is_disabled = Some(true);
            },
            MALLORY,
        ),
        one(
            "a login that took sa's name is not sa",
            windows(16),
            |r| {
                "sa_retired".clone_into(&mut r.login("sa").name);
                add_sysadmin(r, "sa", "S");
            },
            &["fail high principal sa", "pass"],
        ),
        one(
            "a group's members are not in the catalog",
            windows(16),
            |r| add_sysadmin(r, "CORP\\Interns", "G"),
            &["fail high principal CORP\\Interns", "pass"],
        )
        .saying("whose members are not in the catalog"),
        one(
            "seen in a partial list is seen",
            windows(16),
            |r| {
                add_sysadmin(r, "mallory", "S");
                partly(&mut r.snapshot.server.server_role_members);
            },
            &["fail high principal mallory", "unknown instance"],
        ),
        one(
            "the expected group, written in another case",
            windows(16),
            |r| add_sysadmin(r, "Corp\\dba team", "G"),
            &["pass"],
        ),
        one(
            "sa under another name is still sa",
            windows(16),
            |r| {
                "nobody".clone_into(&mut r.login("sa").name);
            },
            &["pass"],
        ),
        one(
            "a login outside the role",
            windows(16),
            |r| _ = r.add_login("mallory", "S"),
            &["pass"],
        ),
        one(
            "members not seen whole: nothing is ruled out",
            windows(16),
            |r| partly(&mut r.snapshot.server.server_role_members),
            &["unknown instance"],
        ),
        one(
            "members refused",
            windows(16),
            |r| denied(&mut r.snapshot.server.server_role_members),
            &["unknown instance"],
        ),
        one(
            "a member whose name is hidden",
            windows(16),
            |r| {
                add_sysadmin(r, "mallory", "S");
                let principals = &mut r.snapshot.server.server_principals;
                partly(principals);
                if let Observed::Partial { value, .. } = principals {
                    value.retain(|p| p.name != "mallory");
                }
            },
            &["unknown principal server principal 267"],
        ),
        Fixture::new(
            "unexpected-sysadmin",
            "the inventory says nothing",
            windows(16),
            |r| add_sysadmin(r, "mallory", "S"),
            &["not_applicable: the inventory does not say who is expected in sysadmin"],
        ),
    ]
};

fn collation(r: &mut Recording, collation: Option<&str>) {
    if let Observed::Known { value } = &mut r.snapshot.server.server_identity {
        value.collation = collation.map(str::to_owned);
    }
}

static SPELLING: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("unexpected-sysadmin", about, windows(16), change, verdicts)
            .expecting(&["CORP\\DBA Team"])
    }
    const OTHER: &str = "Corp\\dba team";
    const FAIL: &[&str] = &["fail high principal Corp\\dba team", "pass"];
    const UNKNOWN: &[&str] = &["unknown principal Corp\\dba team", "pass"];
    &[
        one(
            "another case is another login where the server tells them apart",
            |r| {
                collation(r, Some("SQL_Latin1_General_CP1_CS_AS"));
                add_sysadmin(r, OTHER, "G");
            },
            FAIL,
        ),
        one(
            "a binary collation does, too",
            |r| {
                collation(r, Some("Latin1_General_100_BIN2_UTF8"));
                add_sysadmin(r, OTHER, "G");
            },
            FAIL,
        ),
        one(
            "written as expected",
            |r| {
                collation(r, Some("Latin1_General_BIN"));
                add_sysadmin(r, "CORP\\DBA Team", "G");
            },
            &["pass"],
        ),
        one(
            "a collation that was not seen decides nothing",
            |r| {
                collation(r, None);
                add_sysadmin(r, OTHER, "G");
            },
            UNKNOWN,
        )
        .saying("the server's collation"),
        one(
            "who the server is was not seen: a name as expected needs no collation, a service its instance",
            |r| {
                denied(&mut r.snapshot.server.server_identity);
                add_sysadmin(r, OTHER, "G");
                add_sysadmin(r, "CORP\\DBA Team", "G");
                add_sysadmin(r, "mallory", "S");
            },
            &[
                "fail high principal mallory",
                "unknown principal Corp\\dba team",
                "unknown principal NT SERVICE\\MSSQLSERVER",
                "unknown principal NT SERVICE\\SQLSERVERAGENT",
            ],
        )
        .saying("the instance's name"),
    ]
};

static SERVICES: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("unexpected-sysadmin", about, base, change, verdicts).expecting(&[])
    }
    const NAMED: Base = Base {
        instance: Some("ERP"),
        ..windows(15)
    };
    &[
        one(
            "setup's own service accounts",
            windows(16),
            |_| {},
            &["pass"],
        ),
        one("those of a named instance", NAMED, |_| {}, &["pass"]),
        one(
            "another instance's service",
            NAMED,
            |r| add_sysadmin(r, "NT SERVICE\\MSSQL$CRM", "U"),
            &["fail high principal NT SERVICE\\MSSQL$CRM", "pass"],
        ),
        one(
            "the default instance's service beside a named one",
            NAMED,
            |r| add_sysadmin(r, "NT SERVICE\\MSSQLSERVER", "U"),
            &["fail high principal NT SERVICE\\MSSQLSERVER", "pass"],
        ),
        one(
            "a service account while the instance's name was not seen",
            NAMED,
            |r| {
                denied(&mut r.snapshot.server.server_identity);
                add_sysadmin(r, "NT SERVICE\\MSSQLSERVER", "U");
                add_sysadmin(r, "NT SERVICE\\Spooler", "U");
            },
            &[
                "fail high principal NT SERVICE\\Spooler",
                "unknown principal NT SERVICE\\MSSQL$ERP",
                "unknown principal NT SERVICE\\MSSQLSERVER",
                "unknown principal NT SERVICE\\SQLAgent$ERP",
            ],
        )
        .saying("the instance's name"),
        one(
            "another service",
            windows(16),
            |r| add_sysadmin(r, "NT SERVICE\\Spooler", "U"),
            &["fail high principal NT SERVICE\\Spooler", "pass"],
        ),
        one(
            "a service's name with an account's sid",
            windows(16),
            |r| {
                let name = "NT SERVICE\\SQLWriter";
                r.login(name).sid = Some(sid(SidKind::Windows, name));
            },
            &["fail high principal NT SERVICE\\SQLWriter", "pass"],
        ),
        one(
            "a group is not a service",
            windows(16),
            |r| "G".clone_into(&mut r.login("NT SERVICE\\Winmgmt").r#type),
            &["fail high principal NT SERVICE\\Winmgmt", "pass"],
        ),
        one(
            "Linux makes the administrators sysadmin: name them",
            linux(14),
            |_| {},
            &["fail high principal BUILTIN\\Administrators", "pass"],
        ),
    ]
};

fn trusted_database(r: &mut Recording, owner: &str) {
    r.add_database("App", owner);
    r.database_row("App").is_trustworthy_on = Some(true);
}

static TRUSTWORTHY: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "trustworthy-owned-by-privileged-login",
            about,
            base,
            change,
            verdicts,
        )
    }
    const FAIL: &[&str] = &["fail high database App", "pass"];
    const UNKNOWN: &[&str] = &["unknown database App", "pass"];
    &[
        one(
            "sa owns it",
            windows(11),
            |r| trusted_database(r, "sa"),
            FAIL,
        )
        .saying("is sysadmin"),
        one(
            "a sysadmin owns it",
            windows(16),
            |r| {
                add_sysadmin(r, "dba", "S");
                trusted_database(r, "dba");
            },
            FAIL,
        ),
        one(
            "CONTROL SERVER through a role",
            windows(16),
            |r| {
                r.add_login("operators", "R");
                r.add_login("op", "S");
                r.add_server_member("operators", "op")
                    .grant_server("CONTROL SERVER", "operators");
                trusted_database(r, "op");
            },
            FAIL,
        )
        .saying("holds CONTROL SERVER"),
        one(
            "sysadmin through roles in roles",
            windows(16),
            |r| {
                r.add_login("outer", "R");
                r.add_login("inner", "R");
                r.add_login("op", "S");
                r.add_server_member("sysadmin", "outer")
                    .add_server_member("outer", "inner")
                    .add_server_member("inner", "op");
                trusted_database(r, "op");
            },
            FAIL,
        )
        .saying("App is TRUSTWORTHY and belongs to op, who is sysadmin"),
        one(
            "AUTHENTICATE SERVER is enough to vouch",
            windows(16),
            |r| {
                r.add_login("op", "S");
                r.grant_server("AUTHENTICATE SERVER", "op");
                trusted_database(r, "op");
            },
            FAIL,
        )
        .saying("holds AUTHENTICATE SERVER"),
        one(
            "public holds it, so the owner does",
            windows(16),
            |r| {
                r.add_login("app", "S");
                r.grant_server("CONTROL SERVER", "public");
                trusted_database(r, "app");
            },
            FAIL,
        ),
        one(
            "seen in part is seen",
            windows(16),
            |r| {
                trusted_database(r, "sa");
                partly(&mut r.snapshot.server.server_permissions);
                partly(&mut r.snapshot.server.databases);
            },
            &["fail high database App", "unknown instance"],
        ),
        one(
            "an owner without server rights",
            windows(16),
            |r| {
                r.add_login("app", "S");
                trusted_database(r, "app");
            },
            &["pass"],
        ),
        one(
            "sa owns it, but it is not TRUSTWORTHY",
            windows(16),
            |r| _ = r.add_database("App", "sa"),
            &["pass"],
        ),
        one("msdb is so by design", windows(16), |_| {}, &["pass"]),
        one(
            "what makes an owner privileged was not seen",
            windows(16),
            |r| {
                r.add_login("app", "S");
                trusted_database(r, "app");
                partly(&mut r.snapshot.server.server_role_members);
            },
            &["unknown instance"],
        ),
        one(
            "a NULL owner",
            windows(16),
            |r| {
                trusted_database(r, "sa");
                r.database_row("App").owner_sid = None;
            },
            UNKNOWN,
        )
        .saying("the owner's sid"),
        one(
            "a NULL flag",
            windows(16),
            |r| {
                r.add_database("App", "sa");
                r.database_row("App").is_trustworthy_on = None;
            },
            UNKNOWN,
        ),
        one(
            "an excluded database is neither",
            windows(16),
            |r| {
                trusted_database(r, "sa");
                r.exclude("App");
            },
            &["pass"],
        ),
        one(
            "nothing but excluded databases",
            windows(16),
            |r| {
                for name in ["master", "tempdb", "model", "msdb"] {
                    r.exclude(name);
                }
            },
            &["not_applicable: excluded by the inventory"],
        ),
    ]
};

static TRUSTWORTHY_GROUPS: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "trustworthy-owned-by-privileged-login",
            about,
            base,
            change,
            verdicts,
        )
    }
    const UNKNOWN: &[&str] = &["unknown database App", "pass"];
    &[
        one(
            "a Windows owner may be in a group that is sysadmin",
            windows(16),
            |r| {
                add_sysadmin(r, "CORP\\DBA Team", "G");
                r.add_login("CORP\\app", "U");
                trusted_database(r, "CORP\\app");
            },
            UNKNOWN,
        )
        .saying(r#"whether the owner is in the group "CORP\\DBA Team""#),
        one(
            "or in one that holds CONTROL SERVER",
            windows(16),
            |r| {
                r.add_login("CORP\\Operators", "G");
                r.grant_server("CONTROL SERVER", "CORP\\Operators");
                r.add_login("CORP\\app", "U");
                trusted_database(r, "CORP\\app");
            },
            UNKNOWN,
        ),
        one(
            "an owner whose Windows login is gone may be, too",
            windows(16),
            |r| {
                add_sysadmin(r, "CORP\\DBA Team", "G");
                trusted_database(r, "sa");
                r.database_row("App").owner_sid = Some(sid(SidKind::Windows, "CORP\\gone"));
            },
            UNKNOWN,
        ),
        one(
            "a SQL owner is in no Windows group",
            windows(16),
            |r| {
                add_sysadmin(r, "CORP\\DBA Team", "G");
                r.add_login("app", "S");
                trusted_database(r, "app");
            },
            &["pass"],
        ),
        one(
            "nor is one whose SQL login is gone",
            windows(16),
            |r| {
                add_sysadmin(r, "CORP\\DBA Team", "G");
                trusted_database(r, "sa");
                r.database_row("App").owner_sid = Some(sid(SidKind::Sql, "gone"));
            },
            &["pass"],
        ),
        one(
            "a Windows owner where no group has rights",
            windows(16),
            |r| {
                r.add_login("CORP\\Readers", "G");
                r.add_login("CORP\\app", "U");
                trusted_database(r, "CORP\\app");
            },
            &["pass"],
        ),
    ]
};
