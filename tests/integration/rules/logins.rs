//! Who logs in at the instance: sa, groups of the host; and what public holds.

use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::{Observed, Permission, ServerIdentity};

use super::{Fixture, denied, linux, managed_instance, partly, windows};
use crate::support::recording::{Base, Recording, rows};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [SA, NAME, ADMINISTRATORS, GROUPS, PUBLIC];
    tables.into_iter().flatten().collect()
}

const PASS: &[&str] = &["pass"];
const UNKNOWN: &[&str] = &["unknown instance"];

pub(super) fn identity(r: &mut Recording) -> &mut ServerIdentity {
    match &mut r.snapshot.server.server_identity {
        Observed::Known { value } => value,
        other => panic!("the identity is {}", other.state()),
    }
}

pub(super) fn windows_only(r: &mut Recording) {
    identity(r).is_integrated_security_only = Some(true);
}

static SA: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("sa-enabled", about, base, change, verdicts)
    }
    const FAIL: &[&str] = &["fail medium principal sa"];
    const UNSEEN: &[&str] = &["unknown principal sa"];
    fn disable(r: &mut Recording) {
        r.login("sa").is_disabled = Some(true);
    }
    &[
        one(
            "as setup in mixed mode leaves it",
            windows(16),
            |_| {},
            FAIL,
        ),
        one(
            "on Linux, where setup asks for its password",
            linux(17),
            |_| {},
            FAIL,
        ),
        one(
            "no other name hides it",
            windows(11),
            |r| "nobody".clone_into(&mut r.login("sa").name),
            &["fail medium principal nobody"],
        )
        .saying("nobody, the login with the id 1, is enabled"),
        one(
            "kept out while SQL logins are",
            windows(16),
            windows_only,
            &["fail low principal sa"],
        )
        .saying("kept out only while"),
        one(
            "the mode was not shown, and does not make it lighter",
            windows(16),
            |r| identity(r).is_integrated_security_only = None,
            FAIL,
        ),
        one("disabled", windows(16), disable, PASS),
        one(
            "another login called sa is not the one with the id 1",
            windows(16),
            |r| {
                disable(r);
                "retired".clone_into(&mut r.login("sa").name);
                r.add_login("sa", "S");
            },
            PASS,
        ),
        one(
            "whether it is disabled was not shown",
            windows(16),
            |r| r.login("sa").is_disabled = None,
            UNSEEN,
        ),
        one(
            "its row is not there, which no server does",
            windows(16),
            |r| {
                let logins = rows(&mut r.snapshot.server.server_principals);
                logins.retain(|login| login.principal_id != PrincipalId(1));
            },
            UNSEEN,
        ),
        one(
            "logins were not read",
            windows(16),
            |r| denied(&mut r.snapshot.server.server_principals),
            &["unknown instance", "unknown principal sa"],
        ),
    ]
};

static NAME: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("sa-not-renamed", about, windows(16), change, verdicts)
    }
    fn rename(r: &mut Recording) {
        "keeper".clone_into(&mut r.login("sa").name);
    }
    &[
        one("as setup leaves it", |_| {}, &["fail low principal sa"])
            .saying("the name that everybody knows"),
        one("renamed", rename, PASS),
        one(
            "disabled is not renamed",
            |r| r.login("sa").is_disabled = Some(true),
            &["fail low principal sa"],
        ),
        one(
            "another login took the name",
            |r| {
                rename(r);
                r.add_login("SA", "S");
            },
            &["fail low principal SA"],
        )
        .saying("passes for it"),
        one(
            "blanks at the end do not make another name of it",
            |r| {
                rename(r);
                r.add_login("sa  ", "S");
            },
            &["fail low principal sa  "],
        ),
        one(
            "names that only contain it, a role of that name",
            |r| {
                rename(r);
                r.add_login("sales", "S");
                r.add_login("s\u{200b}a", "S");
                r.add_login("CORP\\sa", "U");
                r.add_login("sa", "R");
            },
            PASS,
        ),
        one(
            "the row of the login with the id 1 is missing: nobody can say what it is called",
            |r| {
                let logins = rows(&mut r.snapshot.server.server_principals);
                logins.retain(|login| login.principal_id != PrincipalId(1));
            },
            &["unknown principal sa"],
        ),
        one(
            "renamed, but another of that name may be hidden",
            |r| {
                rename(r);
                partly(&mut r.snapshot.server.server_principals);
            },
            UNKNOWN,
        ),
    ]
};

/// BUILTIN\Administrators under whatever name.
fn add_administrators(r: &mut Recording, name: &str) {
    r.add_login(name, "G");
    r.login(name).sid = Some("0x01020000000000052000000020020000".to_owned());
}

static ADMINISTRATORS: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "builtin-administrators-sysadmin",
            about,
            base,
            change,
            verdicts,
        )
    }
    const LOCAL: &str = "BUILTIN\\Administrators";
    &[
        one(
            "put into the role",
            windows(16),
            |r| {
                add_administrators(r, LOCAL);
                r.add_server_member("sysadmin", LOCAL);
            },
            &["fail high principal BUILTIN\\Administrators"],
        )
        .saying("every administrator of the host"),
        one(
            "told by its sid: German Windows calls it otherwise",
            windows(13),
            |r| {
                add_administrators(r, "VORDEFINIERT\\Administratoren");
                r.add_server_member("sysadmin", "VORDEFINIERT\\Administratoren");
            },
            &["fail high principal VORDEFINIERT\\Administratoren"],
        ),
        one(
            "through a role that is in sysadmin",
            windows(16),
            |r| {
                add_administrators(r, LOCAL);
                r.add_login("operators", "R");
                r.add_server_member("sysadmin", "operators")
                    .add_server_member("operators", LOCAL);
            },
            &["fail high principal BUILTIN\\Administrators"],
        ),
        one(
            "on Linux setup does it, and nobody is in it",
            linux(16),
            |_| {},
            &["fail low principal BUILTIN\\Administrators"],
        ),
        one("as setup leaves it on Windows", windows(16), |_| {}, PASS),
        one(
            "a login without the role",
            windows(16),
            |r| add_administrators(r, LOCAL),
            PASS,
        ),
        one(
            "in another role",
            windows(16),
            |r| {
                add_administrators(r, LOCAL);
                r.add_server_member("processadmin", LOCAL);
            },
            PASS,
        ),
        one(
            "a group that only has the name",
            windows(16),
            |r| {
                r.add_login("CORP\\Administrators", "G");
                r.add_server_member("sysadmin", "CORP\\Administrators");
            },
            PASS,
        ),
        one(
            "a group in sysadmin whose sid was not shown may be it",
            windows(16),
            |r| {
                r.add_login("CORP\\DBA", "G");
                r.add_server_member("sysadmin", "CORP\\DBA");
                r.login("CORP\\DBA").sid = None;
            },
            &["unknown principal CORP\\DBA"],
        ),
        one(
            "members were not seen whole",
            windows(16),
            |r| partly(&mut r.snapshot.server.server_role_members),
            UNKNOWN,
        ),
        one(
            "a managed instance is no host that somebody administers",
            managed_instance(),
            |_| {},
            &["not_applicable: Azure SQL Managed Instance does not have it"],
        ),
    ]
};

static GROUPS: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("local-group-login", about, base, change, verdicts)
    }
    const LOCAL: &[&str] = &["fail medium principal sql01\\Operators"];
    fn local(r: &mut Recording) {
        r.add_login("sql01\\Operators", "G");
    }
    fn well_known(r: &mut Recording, name: &str, sid: &str) {
        r.add_login(name, "G");
        r.login(name).sid = Some(sid.to_owned());
    }
    &[
        one(
            "of the computer, in another case",
            windows(16),
            local,
            LOCAL,
        )
        .saying("is a group of the host"),
        one(
            "of the node, whose cluster has another name",
            windows(16),
            |r| {
                local(r);
                identity(r).machine_name = Some("SQLCLUSTER".to_owned());
            },
            LOCAL,
        ),
        one(
            "one that Windows comes with, by its sid",
            windows(16),
            |r| {
                well_known(
                    r,
                    "VORDEFINIERT\\Leute",
                    "0x01020000000000052000000024020000",
                );
            },
            &["fail medium principal VORDEFINIERT\\Leute"],
        )
        .saying("that Windows comes with"),
        one(
            "Authenticated Users is every account of the domain",
            windows(16),
            |r| {
                let name = "NT AUTHORITY\\Authenticated Users";
                well_known(r, name, "0x01010000000000050b000000");
            },
            &["fail medium principal NT AUTHORITY\\Authenticated Users"],
        )
        .saying("puts everybody in"),
        one(
            "Everyone has no authority before its name",
            windows(16),
            |r| well_known(r, "Everyone", "0x010100000000000100000000"),
            &["fail medium principal Everyone"],
        )
        .saying("puts everybody in"),
        one(
            "on Linux setup makes it",
            linux(16),
            |_| {},
            &["fail low principal BUILTIN\\Administrators"],
        ),
        one(
            "of the domain",
            windows(16),
            |r| _ = r.add_login("CORP\\DBA Team", "G"),
            PASS,
        ),
        one(
            "of a domain whose name begins like the computer's",
            windows(16),
            |r| _ = r.add_login("SQL01DOM\\DBA Team", "G"),
            PASS,
        ),
        one(
            "an account of the computer is no group",
            windows(16),
            |r| _ = r.add_login("SQL01\\app", "U"),
            &["not_applicable: no Windows group is a login"],
        ),
        one(
            "no group at all",
            windows(16),
            |_| {},
            &["not_applicable: no Windows group is a login"],
        ),
        one(
            "one of the computer's names was not shown",
            windows(16),
            |r| {
                r.add_login("CORP\\DBA Team", "G");
                identity(r).physical_name = None;
            },
            &["unknown principal CORP\\DBA Team"],
        ),
        one(
            "the group's sid was not shown",
            windows(16),
            |r| {
                r.add_login("CORP\\DBA Team", "G");
                r.login("CORP\\DBA Team").sid = None;
            },
            &["unknown principal CORP\\DBA Team"],
        ),
        one(
            "further groups may be hidden",
            windows(16),
            |r| {
                r.add_login("CORP\\DBA Team", "G");
                partly(&mut r.snapshot.server.server_principals);
            },
            UNKNOWN,
        ),
    ]
};

static PUBLIC: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "public-server-permission",
            about,
            windows(16),
            change,
            verdicts,
        )
    }
    fn row(r: &mut Recording, row: &Permission) {
        rows(&mut r.snapshot.server.server_permissions).push(row.clone());
    }
    fn on(class: i32, major_id: i32, code: &str, name: &str) -> Permission {
        Permission {
            class,
            major_id,
            minor_id: 0,
            grantee_principal_id: PrincipalId(2),
            grantor_principal_id: PrincipalId(1),
            r#type: code.to_owned(),
            permission_name: Some(name.to_owned()),
            state: "G".to_owned(),
        }
    }
    &[
        one("as setup leaves it", |_| {}, PASS),
        one(
            "a right to act",
            |r| _ = r.grant_server("ALTER TRACE", "public"),
            &["fail high permission ALTER TRACE", "pass"],
        )
        .saying("public, that is every login, holds \"ALTER TRACE\""),
        one(
            "a right to look",
            |r| _ = r.grant_server("VIEW SERVER STATE", "public"),
            &["fail medium permission VIEW SERVER STATE", "pass"],
        ),
        one(
            "a right to connect, which logins have anyhow",
            |r| _ = r.grant_server("CONNECT SQL", "public"),
            &["fail low permission CONNECT SQL", "pass"],
        ),
        one(
            "the shipped right, to be passed on",
            |r| {
                let permissions = rows(&mut r.snapshot.server.server_permissions);
                let view = permissions.iter_mut().find(|p| p.r#type == "VWDB").unwrap();
                "W".clone_into(&mut view.state);
            },
            &["fail medium permission VIEW ANY DATABASE", "pass"],
        ),
        one(
            "on a login",
            |r| {
                let app = r.add_login("app", "S");
                row(r, &on(101, app.0, "IM", "IMPERSONATE"));
            },
            &["fail high permission IMPERSONATE on login app", "pass"],
        ),
        one(
            "on a server role",
            |r| {
                let role = r.add_login("operators", "R");
                row(r, &on(101, role.0, "AL", "ALTER"));
            },
            &[
                "fail high permission ALTER on server role operators",
                "pass",
            ],
        ),
        one(
            "on setup's endpoint, more than to connect",
            |r| row(r, &on(105, 4, "AL", "ALTER")),
            &[
                "fail high permission ALTER on endpoint \"TSQL Default TCP\"",
                "pass",
            ],
        ),
        one(
            "on an endpoint that setup did not make and nobody saw",
            |r| row(r, &on(105, 65_536, "CO", "CONNECT")),
            &[
                "fail low permission CONNECT on endpoint \"65536 of class 105\"",
                "pass",
            ],
        ),
        one(
            "on an availability group",
            |r| row(r, &on(108, 7, "TO", "TAKE OWNERSHIP")),
            &[
                "fail high permission TAKE OWNERSHIP on securable \"7 of class 108\"",
                "pass",
            ],
        ),
        one(
            "denied to everybody",
            |r| _ = r.deny_server("ALTER TRACE", "public"),
            PASS,
        ),
        one(
            "held by a role that is not public",
            |r| {
                r.add_login("everyone", "R");
                r.grant_server("ALTER TRACE", "everyone");
            },
            PASS,
        ),
        one(
            "everything was revoked, what is shipped too",
            |r| {
                let permissions = rows(&mut r.snapshot.server.server_permissions);
                permissions.retain(|row| row.grantee_principal_id != PrincipalId(2));
            },
            &["not_applicable: public holds no permission at the server"],
        ),
        one(
            "permissions were not seen whole",
            |r| partly(&mut r.snapshot.server.server_permissions),
            UNKNOWN,
        ),
    ]
};
