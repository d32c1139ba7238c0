//! The server as a whole: the auditor's own rights, the proxy of `xp_cmdshell`, connections, build and release, and what
//! crosses the borders of databases.

use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::{
    Credential, Encryption, Observed, Offline, SessionConnection, SessionIdentity,
};

use super::{Fixture, denied, linux, managed_instance, partly, windows};
use crate::support::recording::{Base, Recording, SidKind, rows, sid};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [
        AUDITOR,
        CONNECTION,
        PROXY,
        CONNECTIONS,
        RELEASE,
        BUILD,
        CHAINING,
        ORPHANS,
    ];
    tables.into_iter().flatten().collect()
}

const PASS: &[&str] = &["pass"];
const UNKNOWN: &[&str] = &["unknown instance"];
const AZURE: &[&str] = &["not_applicable: Microsoft keeps Azure SQL Managed Instance up to date"];

static AUDITOR: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("auditor-is-sysadmin", about, windows(16), change, verdicts)
    }
    const FAIL: &[&str] = &["fail medium principal posture_audit"];
    fn session(r: &mut Recording) -> &mut SessionIdentity {
        match &mut r.snapshot.server.session {
            Observed::Known { value } => value,
            other => panic!("the session is {}", other.state()),
        }
    }
    &[
        one("as the login of the script", |_| {}, PASS),
        one("in sysadmin", |r| session(r).is_sysadmin = Some(true), FAIL).saying("is in sysadmin"),
        one(
            "by CONTROL SERVER",
            |r| session(r).control_server = Some(true),
            FAIL,
        )
        .saying("holds CONTROL SERVER"),
        one(
            "whether it is in sysadmin was not said, but CONTROL SERVER was",
            |r| {
                session(r).is_sysadmin = None;
                session(r).control_server = Some(true);
            },
            FAIL,
        ),
        one(
            "one of the two was not said",
            |r| session(r).control_server = None,
            &["unknown principal posture_audit"],
        ),
        one(
            "who asked was not seen",
            |r| denied(&mut r.snapshot.server.session),
            UNKNOWN,
        ),
    ]
};

static CONNECTION: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "audit-connection-unverified",
            about,
            windows(16),
            change,
            verdicts,
        )
    }
    const FAIL: &[&str] = &["fail medium instance"];
    fn encrypted(r: &mut Recording, encryption: Encryption) {
        r.snapshot.connection.encryption = encryption;
    }
    fn trusting(r: &mut Recording) {
        r.snapshot.connection.trust_server_certificate = true;
    }
    &[
        one("encrypted, the certificate verified", |_| {}, PASS),
        one("by TDS 8.0", |r| encrypted(r, Encryption::Strict), PASS),
        one("any certificate is taken", trusting, FAIL).saying("without verifying it"),
        one(
            "without encryption",
            |r| encrypted(r, Encryption::Off),
            FAIL,
        )
        .saying("was not encrypted"),
        one(
            "for the login alone",
            |r| encrypted(r, Encryption::LoginOnly),
            FAIL,
        )
        .saying("only the login"),
        one(
            "a script collected, and trusted whom it liked",
            |r| {
                trusting(r);
                r.snapshot.offline = Some(Offline {
                    script_sha256: "ab".repeat(32),
                    login: None,
                    host: None,
                    application: None,
                    records: 1,
                    seal: "cd".repeat(32),
                });
            },
            &["not_applicable: a script collected on the host"],
        ),
        one(
            "who asked was not seen",
            |r| denied(&mut r.snapshot.server.session),
            UNKNOWN,
        ),
    ]
};

static PROXY: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "xp-cmdshell-proxy-credential",
            about,
            base,
            change,
            verdicts,
        )
    }
    const FAIL: &[&str] = &["fail medium credential ##xp_cmdshell_proxy_account##"];
    fn credential(r: &mut Recording, name: &str, identity: Option<&str>) {
        rows(&mut r.snapshot.server.credentials).push(Credential {
            credential_id: 65_536,
            name: name.to_owned(),
            credential_identity: identity.map(str::to_owned),
            create_date: None,
            modify_date: None,
        });
    }
    fn proxy(r: &mut Recording) {
        credential(r, "##xp_cmdshell_proxy_account##", Some("CORP\\svc_cmd"));
    }
    &[
        one("xp_cmdshell is off, and it waits", windows(16), proxy, FAIL)
            .saying("runs commands as CORP\\svc_cmd"),
        one(
            "its account was not shown",
            windows(11),
            |r| credential(r, "##xp_cmdshell_proxy_account##", None),
            FAIL,
        )
        .saying("an account that is not shown"),
        one(
            "one that was seen is enough",
            windows(16),
            |r| {
                proxy(r);
                partly(&mut r.snapshot.server.credentials);
            },
            FAIL,
        ),
        one("none", windows(16), |_| {}, PASS),
        one(
            "other credentials, one with a name like it",
            windows(16),
            |r| {
                credential(r, "xp_cmdshell_proxy_account", Some("CORP\\svc_cmd"));
                credential(r, "https://backup.blob.example/", None);
            },
            PASS,
        ),
        one(
            "credentials were not seen whole",
            windows(16),
            |r| partly(&mut r.snapshot.server.credentials),
            UNKNOWN,
        ),
        one(
            "Linux has no xp_cmdshell to use it",
            linux(16),
            proxy,
            &["not_applicable: SQL Server on Linux does not have it"],
        ),
        one(
            "nor has a managed instance",
            managed_instance(),
            |_| {},
            &["not_applicable: Azure SQL Managed Instance does not have it"],
        ),
    ]
};

static CONNECTIONS: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "connection-not-encrypted",
            about,
            windows(16),
            change,
            verdicts,
        )
    }
    const FAIL: &[&str] = &["fail medium instance"];
    const NONE: &[&str] = &["not_applicable: no connection over the network was open"];
    fn add(r: &mut Recording, session_id: Option<i32>, transport: &str, encrypted: &str) {
        rows(&mut r.snapshot.server.connections).push(SessionConnection {
            session_id,
            net_transport: transport.to_owned(),
            encrypt_option: encrypted.to_owned(),
            auth_scheme: "NTLM".to_owned(),
        });
    }
    fn alone(r: &mut Recording) {
        rows(&mut r.snapshot.server.connections).clear();
    }
    &[
        one("only the auditor's own, which is encrypted", |_| {}, PASS),
        one(
            "over TCP, three times by two kinds",
            |r| {
                add(r, Some(61), "TCP", "FALSE");
                add(r, Some(62), "TCP", "FALSE");
                add(r, Some(63), "Named pipe", "FALSE");
            },
            FAIL,
        )
        .saying("3 of 4 connections"),
        one(
            "one that was seen is enough",
            |r| {
                add(r, Some(61), "TCP", "FALSE");
                partly(&mut r.snapshot.server.connections);
            },
            &["fail medium instance", "unknown instance"],
        ),
        one(
            "a transport that is not known here counts",
            |r| add(r, Some(61), "VIA", "FALSE"),
            FAIL,
        ),
        one(
            "MARS inside a plain connection is not counted twice",
            |r| {
                add(r, Some(61), "TCP", "FALSE");
                add(r, Some(61), "Session", "FALSE");
            },
            FAIL,
        )
        .saying("1 of 2 connections"),
        one(
            "MARS whose outer connection is not listed",
            |r| add(r, Some(61), "Session", "FALSE"),
            FAIL,
        ),
        one(
            "inside the host, and an endpoint that encrypts by itself",
            |r| {
                add(r, Some(61), "Shared memory", "FALSE");
                add(r, Some(61), "Session", "FALSE");
                add(r, None, "TCP", "FALSE");
            },
            PASS,
        ),
        one(
            "nothing but the host itself",
            |r| {
                alone(r);
                add(r, Some(61), "Shared memory", "FALSE");
            },
            NONE,
        ),
        one(
            "a word that says neither",
            |r| add(r, Some(61), "TCP", "MAYBE"),
            UNKNOWN,
        )
        .saying("encrypt_option"),
        one(
            "connections were not seen",
            |r| denied(&mut r.snapshot.server.connections),
            UNKNOWN,
        ),
    ]
};

fn version(r: &mut Recording, version: &str) {
    if let Observed::Known { value } = &mut r.snapshot.server.server_identity {
        version.clone_into(&mut value.product_version);
    }
}

static RELEASE: &[Fixture] = {
    const fn one(about: &'static str, base: Base, verdicts: &'static [&'static str]) -> Fixture {
        Fixture::new("unsupported-version", about, base, |_| {}, verdicts)
    }
    const FAIL: &[&str] = &["fail high instance"];
    const SOON: &[&str] = &["fail low instance"];
    &[
        one("long ago", windows(11), FAIL).saying("SQL Server 2012 ended on 2022-07-12"),
        one("in the year of the audit", windows(13), FAIL),
        one("the last day", windows(13), SOON)
            .judged_on("2026-07-14")
            .saying("in 0 days"),
        one("the day after", windows(13), FAIL).judged_on("2026-07-15"),
        one("in less than a year", linux(14), SOON).saying("ends on 2027-10-12, in 330 days"),
        one("a year and a day before", windows(13), PASS).judged_on("2025-07-13"),
        one("the newest", linux(17), PASS),
        Fixture::new(
            "unsupported-version",
            "a release that is not in the table",
            windows(17),
            |r| version(r, "18.0.1.1"),
            UNKNOWN,
        )
        .saying("the day on which support of 18.0.1.1 ends"),
        one("no day to judge on", windows(11), UNKNOWN).judged_on(""),
        one("Azure says 12 for ever", managed_instance(), AZURE),
    ]
};

static BUILD: &[Fixture] = {
    const RULE: &str = "missing-security-update";
    const FAIL: &[&str] = &["fail medium instance"];
    &[
        Fixture::new(RULE, "behind on the branch of updates", windows(16), |_| {}, FAIL).saying(
            "build 16.0.4195.2 is older than 16.0.4262.2, the newest security update of its branch; \
             the list of builds is 95 days old",
        ),
        Fixture::new(RULE, "behind on the branch of security alone", linux(17), |_| {}, FAIL)
            .saying("older than 17.0.1125.2"),
        Fixture::new(RULE, "the first build that has it", windows(16), |r| version(r, "16.0.4262.2"), PASS),
        Fixture::new(
            RULE,
            "a lower number on the other branch has it as well",
            windows(16),
            |r| version(r, "16.0.1190.2"),
            PASS,
        ),
        Fixture::new(RULE, "the last there was of 2014", windows(12), |r| version(r, "12.0.6449.1"), PASS),
        Fixture::new(
            RULE,
            "up to date by a list that is too old to say so",
            windows(16),
            |r| version(r, "16.0.4265.3"),
            UNKNOWN,
        )
        .judged_on("2027-08-14")
        .saying("security updates since 2026-08-13"),
        Fixture::new(RULE, "an old list still knows what is behind", windows(16), |_| {}, FAIL)
            .judged_on("2027-08-14"),
        Fixture::new(RULE, "a version that is not in the list", windows(17), |r| version(r, "18.0.1.1"), UNKNOWN),
        Fixture::new(RULE, "no version", windows(17), |r| version(r, "none of yours"), UNKNOWN)
            .saying("the security updates of \"none of yours\""),
        Fixture::new(RULE, "Azure keeps itself up to date", managed_instance(), |_| {}, AZURE),
    ]
};

fn shop(r: &mut Recording) {
    r.add_login("owner", "S");
    r.add_database("Shop", "owner");
}

static CHAINING: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "cross-db-chaining-database",
            about,
            windows(16),
            change,
            verdicts,
        )
    }
    const NONE: &[&str] = &["not_applicable: a system database, or excluded by the inventory"];
    fn chained(r: &mut Recording) {
        shop(r);
        r.database_row("Shop").is_db_chaining_on = Some(true);
    }
    &[
        one("on", chained, &["fail medium database Shop"]),
        one(
            "one that is offline has it when it comes back",
            |r| {
                chained(r);
                r.take_offline("Shop");
            },
            &["fail medium database Shop"],
        ),
        one("off", shop, PASS),
        one(
            "a database that only is called like one of the system's",
            |r| {
                r.add_login("owner", "S");
                r.add_database("MSDB ", "owner");
                r.database_row("MSDB ").is_db_chaining_on = Some(true);
            },
            &["fail medium database MSDB "],
        ),
        one("system databases have it by design", |_| {}, NONE),
        one(
            "excluded",
            |r| {
                chained(r);
                r.exclude("Shop");
            },
            NONE,
        ),
        one(
            "not shown",
            |r| {
                shop(r);
                r.database_row("Shop").is_db_chaining_on = None;
            },
            &["unknown database Shop"],
        ),
        one(
            "further databases may be hidden",
            |r| {
                shop(r);
                partly(&mut r.snapshot.server.databases);
            },
            UNKNOWN,
        ),
    ]
};

static ORPHANS: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("orphaned-user", about, windows(16), change, verdicts)
    }
    const APP: &[&str] = &["fail low principal Shop app", "pass"];
    /// A database with a user whose login is there.
    fn user(r: &mut Recording, name: &str) {
        shop(r);
        r.add_login(name, "S");
        r.add_user("Shop", name, Some(name));
    }
    fn drop_login(r: &mut Recording, name: &str) {
        let logins = rows(&mut r.snapshot.server.server_principals);
        logins.retain(|login| login.name != name);
    }
    &[
        one("its login is there", |r| user(r, "app"), PASS),
        one(
            "its login is gone",
            |r| {
                user(r, "app");
                drop_login(r, "app");
            },
            APP,
        )
        .saying("user app of Shop belongs to a SQL login that is gone"),
        one(
            "a new login of the same name has another sid",
            |r| {
                user(r, "app");
                r.login("app").sid = Some(sid(SidKind::Sql, "made anew"));
            },
            APP,
        ),
        one(
            "a name like those that setup makes proves nothing",
            |r| {
                user(r, "##MS_app##");
                drop_login(r, "##MS_app##");
            },
            &["fail low principal Shop ##MS_app##", "pass"],
        ),
        one(
            "without login, contained, of Windows, a role, dbo: none of them has lost one",
            |r| {
                user(r, "app");
                r.add_user("Shop", "nobody", None);
                r.add_user("Shop", "contained", None);
                r.user("Shop", "contained").authentication_type = Some(2);
                r.add_login("CORP\\app", "U");
                r.add_user("Shop", "CORP\\app", Some("CORP\\app"));
                drop_login(r, "CORP\\app");
                r.add_role("Shop", "readers");
                drop_login(r, "owner");
            },
            PASS,
        ),
        one(
            "its sid was not shown",
            |r| {
                user(r, "app");
                r.user("Shop", "app").sid = None;
            },
            &["unknown principal Shop app", "pass"],
        ),
        one(
            "how it authenticates was not shown",
            |r| {
                user(r, "app");
                r.user("Shop", "app").authentication_type = None;
            },
            &["unknown principal Shop app", "pass"],
        ),
        one(
            "a login that is not visible is not gone",
            |r| {
                user(r, "app");
                partly(&mut r.snapshot.server.server_principals);
                drop_login(r, "app");
            },
            UNKNOWN,
        ),
        one(
            "users of one database were not seen",
            |r| {
                user(r, "app");
                denied(&mut r.database("Shop").database_principals);
            },
            &["unknown database Shop"],
        ),
        one(
            "no database has a user by a SQL login",
            |r| {
                let users = rows(&mut r.database("master").database_principals);
                users.retain(|user| user.principal_id <= PrincipalId(4) || user.r#type != "S");
            },
            &["not_applicable: no user has a SQL login"],
        ),
    ]
};
