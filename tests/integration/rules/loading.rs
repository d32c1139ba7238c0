//! What makes the server load an assembly: rights, keys, hashes; and assemblies that reach outside.

use mssql_posture::snapshot::{Fact, Observed};

use super::{Fixture, denied, linux, windows};
use crate::support::recording::{Base, Recording};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    [GRANTS, KEYS, STALE, EXTERNAL]
        .into_iter()
        .flatten()
        .collect()
}

const PASS: &[&str] = &["pass"];
const LINUX: &[&str] = &["not_applicable: SQL Server on Linux does not have it"];

static GRANTS: &[Fixture] = {
    const fn one(
        about: &'static str,
        estate: &'static str,
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::of_lines("unsafe-assembly-grant", about, estate, verdicts)
    }
    const APP: &[&str] = &["fail high principal app"];
    &[
        one(
            "UNSAFE ASSEMBLY",
            "login app; grant UNSAFE ASSEMBLY to app",
            APP,
        )
        .saying("app holds UNSAFE ASSEMBLY, without being an administrator"),
        one(
            "EXTERNAL ACCESS ASSEMBLY",
            "login app; grant EXTERNAL ACCESS ASSEMBLY to app",
            APP,
        )
        .saying("app holds EXTERNAL ACCESS ASSEMBLY"),
        one(
            "both are one finding, by the stronger",
            "login app; grant EXTERNAL ACCESS ASSEMBLY to app; grant UNSAFE ASSEMBLY to app",
            APP,
        )
        .saying("app holds UNSAFE ASSEMBLY"),
        one(
            "by a role",
            "login app; server role ops; member app of ops; grant UNSAFE ASSEMBLY to ops",
            &["fail high principal ops"],
        )
        .saying("within reach of app: app is a member of server role ops"),
        one(
            "public",
            "login app; grant UNSAFE ASSEMBLY to public",
            &["fail critical principal public"],
        ),
        one(
            "a role without members",
            "server role ops; grant UNSAFE ASSEMBLY to ops",
            &["fail low principal ops"],
        ),
        one(
            "a DENY takes it back",
            "login app; grant UNSAFE ASSEMBLY to app; deny UNSAFE ASSEMBLY to public",
            PASS,
        ),
        one(
            "a member of sysadmin",
            "login dba; member dba of sysadmin; grant UNSAFE ASSEMBLY to dba",
            PASS,
        ),
        one(
            "CONTROL SERVER is another finding",
            "login app; grant CONTROL SERVER to app",
            PASS,
        ),
        one(
            "the login of a key is another finding",
            "login signer type C; grant UNSAFE ASSEMBLY to signer",
            PASS,
        ),
        one(
            "Linux",
            "platform linux; login app; grant UNSAFE ASSEMBLY to app",
            LINUX,
        ),
        one(
            "permissions were not seen",
            "login app",
            &["unknown instance"],
        )
        .without(Fact::ServerPermissions, None),
    ]
};

static KEYS: &[Fixture] = {
    const fn one(
        about: &'static str,
        estate: &'static str,
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::of_lines("assembly-key-login", about, estate, verdicts)
    }
    const PUBLIC_HALF: &str =
        "login signer type K; grant UNSAFE ASSEMBLY to signer; in master: key own for signer";
    &[
        one("the private half under the master key of a database",
            "login signer type K; grant UNSAFE ASSEMBLY to signer; in master: key own for signer; server:; \
             database App; in App: key own private key", &["fail high principal signer"])
            .saying("its private half stands in asymmetric key own of App, open to dbo there"),
        one("a certificate, in master itself",
            "login signer type C; grant EXTERNAL ACCESS ASSEMBLY to signer; \
             in master: certificate own private key for signer", &["fail high principal signer"])
            .saying("holds EXTERNAL ACCESS ASSEMBLY"),
        one("by a role of the server that holds the right",
            "login signer type C; server role loaders; member signer of loaders; grant UNSAFE ASSEMBLY to loaders; \
             in master: certificate own private key for signer", &["fail high principal signer"]),
        one("under a password", "login signer type C; grant UNSAFE ASSEMBLY to signer; \
            in master: certificate own private key with password for signer", &["fail medium principal signer"]),
        one("not on this instance", PUBLIC_HALF, &["fail low principal signer"])
            .saying("it is asymmetric key own of master, and its private half is not here"),
        one("the same name is another key",
            "login signer type K; grant UNSAFE ASSEMBLY to signer; in master: key own for signer; \
             certificate own private key", &["fail low principal signer"]),
        one("a key's login without the right",
            "login signer type K; grant AUTHENTICATE SERVER to signer; in master: key own private key for signer", PASS),
        one("a login that is a person's is another finding", "login app; grant UNSAFE ASSEMBLY to app", PASS),
        one("Linux", "platform linux", LINUX),
        one("keys of a database were not seen", PUBLIC_HALF, &["fail low principal signer", "unknown database msdb"])
            .without(Fact::AsymmetricKeys, Some("msdb")),
        one("permissions were not seen", "", &["unknown instance"]).without(Fact::ServerPermissions, None),
    ]
};

fn trusted(r: &mut Recording) {
    r.add_database("App", "sa");
    r.add_assembly("App", "Tools", 3, "tools 1");
    r.trust_assembly("tools 1", "Tools", "release");
}

fn stale(r: &mut Recording) {
    trusted(r);
    r.trust_assembly("tools 0", "Tools 0.9", "mallory");
}

/// The hash of "tools 0".
const STALE_FOUND: &[&str] = &[
    "fail medium trusted_assembly 0xa1546ad29900ac6e4b77e2497e92a8480fb8b2ab87848821759330fbe42e3bff9aeaf78f585f59dbfd06d0677b75267e034d965fb0553ef099975c9529d4cf5f",
    "pass",
];
const STALE_UNSEEN: &[&str] = &[
    "unknown trusted_assembly 0xa1546ad29900ac6e4b77e2497e92a8480fb8b2ab87848821759330fbe42e3bff9aeaf78f585f59dbfd06d0677b75267e034d965fb0553ef099975c9529d4cf5f",
    "pass",
];

const NOT_READ: &[&str] = &[
    "unknown trusted_assembly 0xa1546ad29900ac6e4b77e2497e92a8480fb8b2ab87848821759330fbe42e3bff9aeaf78f585f59dbfd06d0677b75267e034d965fb0553ef099975c9529d4cf5f",
];

static STALE: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("stale-trusted-assembly", about, base, change, verdicts)
    }
    &[
        one("a file that is there", windows(16), trusted, PASS),
        one("a file that is not", windows(14), stale, STALE_FOUND).saying(
            "a hash is trusted, by mallory as \"Tools 0.9\" that no assembly of any database has",
        ),
        one(
            "on Linux the list is there too",
            linux(15),
            stale,
            STALE_FOUND,
        ),
        one(
            "nothing is trusted",
            windows(16),
            |_| {},
            &["not_applicable: there is nothing of this kind"],
        ),
        one(
            "before 2017",
            windows(13),
            |_| {},
            &["not_applicable: this version has no list of trusted assemblies"],
        ),
        one(
            "the files of one database were not seen",
            windows(16),
            |r| {
                stale(r);
                denied(&mut r.database("msdb").assembly_files);
            },
            NOT_READ,
        ),
        one(
            "a large file has no hash",
            windows(16),
            |r| {
                stale(r);
                r.add_assembly("App", "Large", 3, "large");
                let why = "larger than 16 MiB".to_owned();
                let files = r.database("App").assembly_files.seen_mut();
                if let Some(file) = files.last_mut() {
                    file.sha2_512 = Observed::NotCollected { why };
                }
            },
            STALE_UNSEEN,
        ),
        one(
            "an excluded database may have it",
            windows(16),
            |r| {
                stale(r);
                r.add_database("Left", "sa");
                r.exclude("Left");
            },
            STALE_UNSEEN,
        )
        .saying("which the inventory excludes"),
        one(
            "the list was not seen",
            windows(16),
            |r| denied(&mut r.snapshot.server.trusted_assemblies),
            &["unknown instance"],
        ),
    ]
};

static EXTERNAL: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("external-access-assembly", about, base, change, verdicts)
    }
    fn external(r: &mut Recording) {
        r.add_database("App", "sa");
        r.add_assembly("App", "Tools", 2, "tools 1");
    }
    const TOOLS: &[&str] = &["fail medium assembly App Tools"];
    &[
        one("EXTERNAL_ACCESS", windows(11), external, TOOLS)
            .saying("assembly Tools is EXTERNAL_ACCESS"),
        one(
            "trusted by hash",
            windows(16),
            |r| {
                external(r);
                r.trust_assembly("tools 1", "Tools", "release");
            },
            TOOLS,
        )
        .saying("is EXTERNAL_ACCESS and trusted by hash in every database"),
        one(
            "UNSAFE and SAFE are for the other rule",
            windows(16),
            |r| {
                r.add_database("App", "sa");
                r.add_assembly("App", "Tools", 3, "tools 1");
                r.add_assembly("App", "Prices", 1, "prices 1");
            },
            PASS,
        ),
        one(
            "only what every database ships with",
            windows(16),
            |_| {},
            &["not_applicable: only assemblies that the server ships with"],
        ),
        one("Linux", linux(15), |_| {}, LINUX),
        one(
            "a NULL permission set",
            windows(16),
            |r| {
                external(r);
                let rows = &mut r.database("App").assemblies;
                rows.seen_mut()
                    .iter_mut()
                    .for_each(|a| a.permission_set = None);
            },
            &["unknown assembly App Tools"],
        ),
        one(
            "not seen in one database",
            windows(16),
            |r| denied(&mut r.database("msdb").assemblies),
            &["unknown database msdb"],
        ),
    ]
};
