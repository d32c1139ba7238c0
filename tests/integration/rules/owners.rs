//! Who is dbo besides the owner, and what an owner of a database may sign with.

use mssql_posture::snapshot::{Fact, Observed};

use super::{Fixture, denied, partly, windows};
use crate::support::recording::{Recording, SidKind, rows, sid};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    [DBO, KEYS].into_iter().flatten().collect()
}

const PASS: &[&str] = &["pass"];

static DBO: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("dbo-is-not-the-owner", about, windows(16), change, verdicts)
    }
    const HIGH: &[&str] = &["fail high database Shop", "pass"];
    const MEDIUM: &[&str] = &["fail medium database Shop", "pass"];
    const LOW: &[&str] = &["fail low database Shop", "pass"];
    fn shop(r: &mut Recording) {
        r.add_login("owner", "S");
        r.add_login("vendor", "S");
        r.add_database("Shop", "owner");
    }
    fn dbo(r: &mut Recording, sid: Option<String>) {
        r.user("Shop", "dbo").sid = sid;
    }
    fn vendor(r: &mut Recording) {
        shop(r);
        let own = r.login("vendor").sid.clone();
        dbo(r, own);
    }
    &[
        one(
            "restored with the dbo of elsewhere, who has a login here",
            vendor,
            HIGH,
        )
        .saying("Shop belongs to owner, and dbo in it is vendor"),
        one(
            "who is an administrator anyhow",
            |r| {
                vendor(r);
                r.add_server_member("sysadmin", "vendor");
            },
            LOW,
        ),
        one(
            "whose login is disabled",
            |r| {
                vendor(r);
                r.login("vendor").is_disabled = Some(true);
            },
            LOW,
        ),
        one(
            "sa is dbo, and another owns it",
            |r| {
                shop(r);
                dbo(r, Some("0x01".to_owned()));
            },
            LOW,
        ),
        one(
            "a SQL login that is not here: its sid can be given to another",
            |r| {
                shop(r);
                dbo(r, Some(sid(SidKind::Sql, "elsewhere")));
            },
            MEDIUM,
        ),
        one(
            "a Windows account that has no login of its own",
            |r| {
                shop(r);
                dbo(r, Some(sid(SidKind::Windows, "CORP\\vendor")));
            },
            LOW,
        ),
        one(
            "logins were not seen: it is not lighter for that",
            |r| {
                shop(r);
                dbo(r, Some(sid(SidKind::Sql, "elsewhere")));
                partly(&mut r.snapshot.server.server_principals);
            },
            &["fail high database Shop", "unknown instance"],
        ),
        one("as CREATE DATABASE makes it", shop, PASS),
        one(
            "a user in db_owner is not dbo",
            |r| {
                shop(r);
                r.add_user("Shop", "vendor", Some("vendor"));
                r.add_member("Shop", "db_owner", "vendor");
            },
            PASS,
        ),
        one(
            "both are of an owner who is gone: that is another rule's",
            |r| {
                shop(r);
                let logins = rows(&mut r.snapshot.server.server_principals);
                logins.retain(|login| login.name != "owner");
            },
            PASS,
        ),
        one(
            "dbo's sid was not shown",
            |r| {
                shop(r);
                dbo(r, None);
            },
            &["unknown database Shop", "pass"],
        ),
        one(
            "the owner's sid was not shown",
            |r| {
                shop(r);
                r.database_row("Shop").owner_sid = None;
            },
            &["unknown database Shop", "pass"],
        ),
        one(
            "there is no row of dbo, which no database does",
            |r| {
                shop(r);
                let users = rows(&mut r.database("Shop").database_principals);
                users.retain(|user| user.name != "dbo");
            },
            &["unknown database Shop", "pass"],
        ),
        one(
            "users were not read",
            |r| {
                shop(r);
                denied(&mut r.database("Shop").database_principals);
            },
            &["unknown database Shop"],
        ),
        one(
            "excluded, all of them",
            |r| {
                for name in ["master", "tempdb", "model", "msdb"] {
                    r.exclude(name);
                }
            },
            &["not_applicable: the inventory excludes every database"],
        ),
    ]
};

static KEYS: &[Fixture] = {
    const RULE: &str = "privileged-key-left-in-database";
    const fn one(
        about: &'static str,
        lines: &'static str,
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::of_lines(RULE, about, lines, verdicts)
    }
    const HIGH: &[&str] = &["fail high certificate Shop Signing"];
    const LOW: &[&str] = &["fail low certificate Shop Signing"];
    const NONE: &[&str] = &["not_applicable: no key of a database has a login"];
    &[
        one("its owner signs",
            "login app; login signer type C; grant CONTROL SERVER to signer; database Shop owner app; in Shop:; \
             certificate Signing private key for signer", HIGH)
            .saying("certificate Signing of Shop signs with the rights of signer"),
        one("a member of db_owner does, and the login is in sysadmin",
            "login app; login signer type C; member signer of sysadmin; database Shop owner sa; in Shop:; user app; \
             member app of db_owner; certificate Signing private key for signer", HIGH),
        one("an asymmetric key",
            "login app; login signer type K; grant CONTROL SERVER to signer; database Shop owner app; in Shop:; \
             key Signing private key for signer", &["fail high asymmetric_key Shop Signing"]),
        one("CONTROL on the key, by somebody who writes in a schema",
            "login app; login signer type C; grant CONTROL SERVER to signer; database Shop owner sa; in Shop:; user app; \
             schema own owner app; certificate Signing private key for signer; grant CONTROL on certificate Signing to app",
            HIGH),
        one("CONTROL on the key, by somebody who writes nothing",
            "login app; login signer type C; grant CONTROL SERVER to signer; database Shop owner sa; in Shop:; user app; \
             certificate Signing private key for signer; grant CONTROL on certificate Signing to app", LOW),
        one("administrators alone",
            "login app; login signer type C; grant CONTROL SERVER to signer; database Shop owner sa; in Shop:; user app; \
             certificate Signing private key for signer", LOW).saying("administrators alone"),
        one("under a password of its own",
            "login app; login signer type C; grant CONTROL SERVER to signer; database Shop owner app; in Shop:; \
             certificate Signing private key with password for signer", PASS),
        one("its private half was taken away",
            "login app; login signer type C; grant CONTROL SERVER to signer; database Shop owner app; in Shop:; \
             certificate Signing for signer", PASS),
        one("a login without power",
            "login app; login signer type C; grant VIEW SERVER STATE to signer; database Shop owner app; in Shop:; \
             certificate Signing private key for signer", &["not_applicable: a key whose login is not privileged"]),
        one("no login is made from it", "login app; database Shop owner app; in Shop:; certificate Signing private key",
            NONE),
        one("no keys", "login app", NONE),
        one("keys of one database were not seen", "login app; database Shop owner app", &["unknown database Shop"])
            .without(Fact::Certificates, Some("Shop")),
        Fixture::new(RULE, "a word for its private half that is not known here", windows(16), odd_key,
            &["unknown certificate master Signing"]),
    ]
};

/// A key of a privileged login, kept in a way that no version has.
fn odd_key(r: &mut Recording) {
    let login = "##MS_PolicySigningCertificate##";
    let key = serde_json::json!({
        "certificate_id": 256, "name": "Signing", "principal_id": 1, "pvt_key_encryption_type": "??",
        "thumbprint": "0x01", "sid": r.login(login).sid,
    });
    r.database("master").certificates = Observed::Known {
        value: vec![serde_json::from_value(key).unwrap()],
    };
}
