//! Doors and accounts: guest, the services' accounts, owners that are gone.

use super::{Fixture, linux, managed_instance, partly, windows};
use crate::support::recording::{On, Recording};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [GUEST, SERVICES, OWNERS];
    tables.into_iter().flatten().collect()
}

const PASS: &[&str] = &["pass"];

static GUEST: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("guest-enabled", about, windows(16), change, verdicts)
    }
    const SHOP: &[&str] = &["fail medium database Shop", "pass"];
    fn shop(r: &mut Recording) {
        r.add_login("owner", "S");
        r.add_database("Shop", "owner");
    }
    &[
        one("as shipped: only where it is needed", |_| {}, PASS),
        one("a database of users", shop, PASS),
        one(
            "guest may connect",
            |r| {
                shop(r);
                r.grant("Shop", On::Database, "CONNECT", "guest");
            },
            SHOP,
        )
        .saying("every login without a user there"),
        one(
            "public may, and guest with it",
            |r| {
                shop(r);
                r.grant("Shop", On::Database, "CONNECT", "public");
            },
            SHOP,
        ),
        one(
            "denied to guest again",
            |r| {
                shop(r);
                r.grant("Shop", On::Database, "CONNECT", "public").deny(
                    "Shop",
                    On::Database,
                    "CONNECT",
                    "guest",
                );
            },
            PASS,
        ),
        one(
            "where the server believes the database",
            |r| {
                r.add_database("Shop", "sa");
                r.database_row("Shop").is_trustworthy_on = Some(true);
                r.grant("Shop", On::Database, "CONNECT", "guest");
            },
            &["fail high database Shop", "pass"],
        ),
        one(
            "new databases are made after model",
            |r| _ = r.grant("model", On::Database, "CONNECT", "guest"),
            &["fail medium database model"],
        ),
        one(
            "a database that was not read",
            |r| {
                shop(r);
                partly(&mut r.database("Shop").database_permissions);
            },
            &["unknown database Shop"],
        ),
        one(
            "nothing but databases that need it",
            |r| _ = r.exclude("model"),
            &["not_applicable: there is nothing of this kind"],
        ),
    ]
};

static SERVICES: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        let rule = "service-account-privileged";
        Fixture::new(rule, about, windows(16), change, verdicts)
    }
    fn run_as(r: &mut Recording, engine: &str, agent: &str) {
        for service in r.snapshot.server.services.seen_mut() {
            let account = match service.servicename.as_str() {
                name if name.starts_with("SQL Server (") => engine,
                name if name.starts_with("SQL Server Agent") => agent,
                _ => continue,
            };
            account.clone_into(&mut service.service_account);
        }
    }
    const VIRTUAL: &str = r"NT SERVICE\MSSQLSERVER";
    const ENGINE: &str = "fail high service the engine";
    &[
        one("as shipped: virtual accounts", |_| {}, PASS),
        one(
            "LocalSystem",
            |r| run_as(r, "LocalSystem", VIRTUAL),
            &[ENGINE, "pass"],
        )
        .saying("owns the computer"),
        one(
            "LocalSystem, as Windows in German says it",
            |r| run_as(r, r"NT-AUTORITÄT\SYSTEM", VIRTUAL),
            &[ENGINE, "pass"],
        ),
        one(
            "Agent alone",
            |r| run_as(r, VIRTUAL, r"NT AUTHORITY\SYSTEM"),
            &["fail high service SQL Server Agent", "pass"],
        ),
        one(
            "an account called Administrator",
            |r| run_as(r, r"CORP\Administrator", VIRTUAL),
            &[ENGINE, "pass"],
        ),
        one(
            "shared with every service that runs as it",
            |r| run_as(r, r"NT AUTHORITY\NETWORK SERVICE", VIRTUAL),
            &["fail medium service the engine", "pass"],
        ),
        one(
            "one account of the domain for both",
            |r| run_as(r, r"CORP\svc_sql", r"corp\SVC_SQL"),
            &[
                "fail medium service the engine and SQL Server Agent",
                "pass",
            ],
        )
        .saying("share the account"),
        one(
            "one account of the domain for each; groups are outside what can be seen",
            |r| run_as(r, r"CORP\svc_sql", r"CORP\svc_agent"),
            PASS,
        ),
        one(
            "a name of no known form",
            |r| run_as(r, r"NT INSTANS\SYSTEM", VIRTUAL),
            &["unknown service the engine", "pass"],
        ),
        one(
            "services were not seen whole",
            |r| partly(&mut r.snapshot.server.services),
            &["unknown instance"],
        ),
        Fixture::new(
            "service-account-privileged",
            "Linux",
            linux(16),
            |_| {},
            &["not_applicable: the packages for Linux run it as mssql"],
        ),
        Fixture::new(
            "service-account-privileged",
            "a managed instance",
            managed_instance(),
            |_| {},
            &["not_applicable: Azure SQL Managed Instance has no account to choose"],
        ),
    ]
};

static OWNERS: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("orphaned-owner", about, windows(16), change, verdicts)
    }
    const SQL_SID: &str = "0x00112233445566778899aabbccddeeff";
    const WINDOWS_SID: &str = "0x010500000000000515000000aaaaaaaabbbbbbbbccccccccdd040000";
    fn owned(r: &mut Recording, sid: &str, trustworthy: bool) {
        r.add_database("Shop", "sa");
        let row = r.database_row("Shop");
        row.owner_sid = Some(sid.to_owned());
        row.is_trustworthy_on = Some(trustworthy);
    }
    &[
        one("as shipped: sa owns them", |_| {}, PASS),
        one(
            "a login owns it, disabled or not",
            |r| {
                r.add_login("owner", "S");
                r.login("owner").is_disabled = Some(true);
                r.add_database("Shop", "owner");
            },
            PASS,
        ),
        one(
            "a SQL login that is gone",
            |r| owned(r, SQL_SID, false),
            &["fail medium database Shop", "pass"],
        ),
        one(
            "and the database is TRUSTWORTHY",
            |r| owned(r, SQL_SID, true),
            &["fail high database Shop", "pass"],
        ),
        one(
            "a Windows account, which may come in by a group",
            |r| owned(r, WINDOWS_SID, false),
            &["fail low database Shop", "pass"],
        ),
        one(
            "the owner was not seen",
            |r| {
                r.add_database("Shop", "sa");
                r.database_row("Shop").owner_sid = None;
            },
            &["unknown database Shop", "pass"],
        ),
        one(
            "logins were not seen whole: its login may be among them",
            |r| {
                owned(r, SQL_SID, false);
                partly(&mut r.snapshot.server.server_principals);
            },
            &["unknown instance"],
        ),
        one(
            "all are excluded",
            |r| {
                for name in ["master", "tempdb", "model", "msdb"] {
                    r.exclude(name);
                }
            },
            &["not_applicable: excluded by the inventory"],
        ),
    ]
};
