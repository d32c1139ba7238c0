//! Assemblies, by what their permission set lets them do and by what can be said of their files.

use mssql_posture::snapshot::Observed;

use super::{Fixture, denied, partly, windows};
use crate::support::recording::{Base, Recording};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [ASSEMBLIES, SAFE, ASSEMBLIES_UNSEEN];
    tables.into_iter().flatten().collect()
}

static ASSEMBLIES: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("unsafe-assembly", about, base, change, verdicts)
    }
    const FAIL: &[&str] = &["fail high assembly App Tools"];
    &[
        one("UNSAFE", windows(11), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 3, "tools 1");
        }, FAIL).saying("assembly Tools is UNSAFE"),
        one("EXTERNAL_ACCESS is for a rule of its own", windows(16), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 2, "tools 1");
        }, &["not_applicable: external-access-assembly has it; only assemblies that the server ships with"]),
        one("trusted by hash is how a rogue one gets in", windows(16), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 3, "tools 1");
            r.trust_assembly("tools 1", "Microsoft.SqlServer.Tools", "mallory");
        }, FAIL).saying("is UNSAFE and trusted by hash in every database"),
        one("another hash is trusted", windows(16), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 3, "tools 1");
            r.trust_assembly("tools 2", "Tools 2", "release");
        }, FAIL).saying("is UNSAFE; clr strict security lets it load only if it is signed or trusted; it does not run while clr enabled is off"),
        one("marked as the server's own by an attacker", windows(14), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 3, "tools 1");
            let rows = &mut r.database("App").assemblies;
            rows.seen_mut().iter_mut().for_each(|a| a.is_user_defined = Some(false));
        }, FAIL),
        one("a permission set from the future", windows(17), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 9, "tools 1");
        }, FAIL),
        one("only what every database ships with, UNSAFE as it is", windows(16), |_| {},
            &["not_applicable: only assemblies that the server ships with"]),
        one("in an excluded database it is neither", windows(16), |r| {
            r.add_database("App", "sa");
            r.add_assembly("App", "Tools", 3, "tools 1");
            r.exclude("App");
        }, &["not_applicable: only assemblies that the server ships with"]),
    ]
};

/// An assembly declared SAFE, and another hash on the list of trusted assemblies.
fn safe_among_trusted(r: &mut Recording) {
    safe(r);
    r.trust_assembly("tools 2", "Tools 2", "release");
}

fn safe(r: &mut Recording) {
    r.add_database("App", "sa");
    r.add_assembly("App", "Tools", 1, "tools 1");
}

static SAFE: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("unsafe-assembly", about, base, change, verdicts)
    }
    const LOW: &[&str] = &["fail low assembly App Tools"];
    const UNSEEN: &[&str] = &["fail low assembly App Tools", "unknown instance"];
    const FILES_UNSEEN: &[&str] = &["fail low assembly App Tools", "unknown database App"];
    &[
        one("SAFE is what its author declared", windows(16), safe, LOW)
            .saying("SAFE is no boundary: such code may call unmanaged code and become sysadmin"),
        one(
            "SAFE and trusted by hash loads as UNSAFE in every database",
            windows(14),
            |r| {
                safe(r);
                r.trust_assembly("tools 1", "Tools", "mallory");
            },
            &["fail medium assembly App Tools"],
        )
        .saying(
            "assembly Tools is declared SAFE and trusted by hash in every database; SAFE is no",
        ),
        one(
            "another hash is trusted",
            windows(17),
            safe_among_trusted,
            LOW,
        ),
        one(
            "before 2017 nothing is trusted by hash, and a large file has none",
            windows(12),
            |r| {
                safe(r);
                let why = "larger than 16 MiB".to_owned();
                let files = r.database("App").assembly_files.seen_mut();
                let own = files.iter_mut().filter(|f| f.assembly_id > 1);
                own.for_each(|f| f.sha2_512 = Observed::NotCollected { why: why.clone() });
            },
            LOW,
        ),
        one(
            "the list not seen: its hash may be on it",
            windows(16),
            |r| {
                safe(r);
                denied(&mut r.snapshot.server.trusted_assemblies);
            },
            UNSEEN,
        ),
        one(
            "seen in part, its hash among what was seen",
            windows(16),
            |r| {
                safe(r);
                r.trust_assembly("tools 1", "Tools", "mallory");
                partly(&mut r.snapshot.server.trusted_assemblies);
            },
            &["fail medium assembly App Tools", "unknown instance"],
        ),
        one(
            "its file not seen, and something is trusted",
            windows(16),
            |r| {
                safe_among_trusted(r);
                denied(&mut r.database("App").assembly_files);
            },
            FILES_UNSEEN,
        ),
        one(
            "its hash not seen, and something is trusted",
            windows(16),
            |r| {
                safe_among_trusted(r);
                let files = r.database("App").assembly_files.seen_mut();
                let needs = vec!["VIEW DEFINITION on the assembly".to_owned()];
                let own = files.iter_mut().filter(|f| f.assembly_id > 1);
                own.for_each(|f| {
                    f.sha2_512 = Observed::Denied {
                        needs: needs.clone(),
                    }
                });
            },
            UNSEEN,
        )
        .saying("VIEW DEFINITION on the assembly"),
        one(
            "a list of files without it",
            windows(16),
            |r| {
                safe_among_trusted(r);
                r.database("App").assembly_files = Observed::Known { value: Vec::new() };
            },
            UNSEEN,
        ),
        one(
            "its file not seen, and nothing is trusted",
            windows(16),
            |r| {
                safe(r);
                denied(&mut r.database("App").assembly_files);
            },
            FILES_UNSEEN,
        ),
    ]
};

static ASSEMBLIES_UNSEEN: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("unsafe-assembly", about, windows(16), change, verdicts)
    }
    &[
        one(
            "a NULL permission set",
            |r| {
                r.add_database("App", "sa");
                r.add_assembly("App", "Tools", 3, "tools 1");
                let rows = &mut r.database("App").assemblies;
                rows.seen_mut()
                    .iter_mut()
                    .for_each(|a| a.permission_set = None);
            },
            &["unknown assembly App Tools"],
        ),
        one(
            "seen in part",
            |r| {
                r.add_database("App", "sa");
                r.add_assembly("App", "Tools", 3, "tools 1");
                partly(&mut r.database("App").assemblies);
            },
            &["fail high assembly App Tools", "unknown database App"],
        ),
        one(
            "not seen in one database",
            |r| denied(&mut r.database("msdb").assemblies),
            &["unknown database msdb"],
        ),
        one(
            "without its file it is as unsafe",
            |r| {
                r.add_database("App", "sa");
                r.add_assembly("App", "Tools", 3, "tools 1");
                denied(&mut r.database("App").assembly_files);
                denied(&mut r.snapshot.server.trusted_assemblies);
            },
            &["fail high assembly App Tools", "unknown instance"],
        ),
    ]
};
