//! What is about to change, and what is not as it was when somebody looked at it.

mod rare;

use mssql_posture::snapshot::Observed;

use super::{Fixture, denied, linux, managed_instance, partly, windows};
use crate::support::recording::{Base, Recording};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [PENDING, TRUSTED];
    tables.into_iter().flatten().collect()
}

const PASS: &[&str] = &["pass"];

static PENDING: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("risky-option-pending", about, base, change, verdicts)
    }
    &[
        one(
            "xp_cmdshell waits for the next RECONFIGURE",
            windows(16),
            |r| _ = r.set_option("xp_cmdshell", 1, 0),
            &["fail medium option xp_cmdshell", "pass"],
        )
        .saying("the next RECONFIGURE makes it so"),
        one(
            "another waits for a restart",
            windows(14),
            |r| _ = r.set_option("scan for startup procs", 1, 0),
            &["fail medium option scan for startup procs", "pass"],
        )
        .saying("the next restart makes it so"),
        one(
            "some are risky when they go off",
            windows(17),
            |r| {
                r.set_option("clr strict security", 0, 1);
                r.set_option("default trace enabled", 0, 1);
            },
            &[
                "fail medium option clr strict security",
                "fail medium option default trace enabled",
                "pass",
            ],
        ),
        one(
            "any value but 0 opens",
            linux(15),
            |r| _ = r.set_option("clr enabled", -1, 0),
            &["fail medium option clr enabled", "pass"],
        ),
        one(
            "seen in part is seen",
            windows(16),
            |r| {
                r.set_option("xp_cmdshell", 1, 0);
                partly(&mut r.snapshot.server.configurations);
            },
            &["fail medium option xp_cmdshell", "unknown instance"],
        ),
        one("as setup leaves it", windows(11), |_| {}, PASS),
        one(
            "what runs already is for rules of its own",
            windows(16),
            |r| _ = r.set_option("xp_cmdshell", 1, 1),
            PASS,
        ),
        one(
            "what is about to be closed",
            windows(16),
            |r| {
                r.set_option("xp_cmdshell", 0, 1);
                r.set_option("clr strict security", 1, 0);
            },
            PASS,
        ),
        one(
            "options that open nothing may wait",
            windows(16),
            |r| _ = r.set_option("max degree of parallelism", 4, 0),
            PASS,
        ),
        one(
            "an absent row is not an option that waits for nothing",
            windows(16),
            |r| _ = r.drop_option("xp_cmdshell"),
            &["unknown option xp_cmdshell", "pass"],
        ),
        one(
            "a value that is not shown",
            windows(16),
            |r| {
                r.set_option("xp_cmdshell", 1, 0);
                r.option("xp_cmdshell").value = None;
            },
            &["unknown option xp_cmdshell", "pass"],
        ),
        one(
            "a list that was not read says nothing",
            windows(16),
            |r| denied(&mut r.snapshot.server.configurations),
            &["unknown instance"],
        )
        .saying("a right"),
        one(
            "a managed instance numbers its versions apart, so what it lacks is not told from what it hides",
            managed_instance(),
            |_| {},
            &[
                "unknown option clr strict security",
                "unknown option external AI runtimes enabled",
                "unknown option external rest endpoint enabled",
                "unknown option external scripts enabled",
                "pass",
            ],
        ),
    ]
};

static TRUSTED: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        let rule = "assembly-changed-after-trust";
        Fixture::new(rule, about, base, change, verdicts)
    }
    const FAIL: &[&str] = &["fail medium assembly App Tools"];
    const UNSEEN: &[&str] = &["unknown assembly App Tools"];
    const NOT_NAMED: &[&str] =
        &["not_applicable: no trusted hash is described by the name of an assembly here"];

    /// The assembly is the second version, and the first was trusted so described.
    fn changed(r: &mut Recording, description: &str) {
        r.add_database("App", "sa");
        r.add_assembly("App", "Tools", 3, "tools 2");
        r.trust_assembly("tools 1", description, "release");
    }

    /// As the documentation describes an assembly.
    const CLR_NAME: &str =
        "tools, version=0.0.0.0, culture=neutral, publickeytoken=null, processorarchitecture=msil";

    fn file(r: &mut Recording, hash: Observed<String>) {
        let files = r.database("App").assembly_files.seen_mut();
        if let Some(file) = files.last_mut() {
            file.sha2_512 = hash;
        }
    }
    &[
        one(
            "another file under a trusted name",
            windows(16),
            |r| changed(r, CLR_NAME),
            FAIL,
        )
        .saying("assembly Tools of App is not the file whose hash was trusted under its name"),
        one(
            "described by its name in SQL, in other case",
            linux(14),
            |r| changed(r, "TOOLS"),
            FAIL,
        ),
        one(
            "a name that would be T-SQL",
            windows(17),
            |r| {
                r.add_database("App", "sa");
                r.add_assembly("App", "Tools]; --", 1, "tools 2");
                r.trust_assembly("tools 1", "Tools]; --, version=1.0.0.0", "release");
            },
            &["fail medium assembly App Tools]; --"],
        )
        .saying("\"Tools]; --\""),
        one(
            "its symbols are trusted, itself is not",
            windows(16),
            |r| {
                changed(r, CLR_NAME);
                let assembly_files = &mut r.database("App").assembly_files;
                let mut rows = assembly_files.seen().to_vec();
                let own = rows.last().unwrap().clone();
                rows.push(mssql_posture::snapshot::AssemblyFile {
                    file_id: 2,
                    name: Some("Tools.pdb".to_owned()),
                    ..own
                });
                let position = rows.len() - 2;
                rows.swap(position, position + 1);
                *assembly_files = Observed::Known { value: rows };
                r.trust_assembly("symbols", "symbols", "release");
                let trusted = r.snapshot.server.trusted_assemblies.seen();
                let hash = trusted.last().unwrap().hash.clone().unwrap();
                let files = r.database("App").assembly_files.seen_mut();
                let symbols = files.iter_mut().filter(|f| f.file_id == 2);
                symbols.for_each(|f| {
                    f.sha2_512 = Observed::Known {
                        value: hash.clone(),
                    }
                });
            },
            FAIL,
        ),
        one(
            "it is the file that was trusted",
            windows(16),
            |r| {
                r.add_database("App", "sa");
                r.add_assembly("App", "Tools", 3, "tools 1");
                r.trust_assembly("tools 1", CLR_NAME, "release");
            },
            PASS,
        ),
        one(
            "the update is trusted too",
            windows(16),
            |r| {
                changed(r, CLR_NAME);
                r.trust_assembly("tools 2", "Tools 2", "release");
            },
            PASS,
        ),
        one(
            "a description that is not its name, though it begins alike",
            windows(16),
            |r| changed(r, "Tools of the warehouse"),
            NOT_NAMED,
        ),
        one(
            "the server's own, described by whoever plants under its name",
            windows(16),
            |r| {
                r.add_database("App", "sa");
                r.trust_assembly("tools 1", "Microsoft.SqlServer.Types", "mallory");
            },
            NOT_NAMED,
        ),
        one(
            "in an excluded database",
            windows(16),
            |r| {
                changed(r, CLR_NAME);
                r.exclude("App");
            },
            NOT_NAMED,
        ),
        one(
            "a hash without a description",
            windows(16),
            |r| {
                changed(r, CLR_NAME);
                let rows = r.snapshot.server.trusted_assemblies.seen_mut();
                for row in rows.iter_mut() {
                    row.description = None;
                }
            },
            NOT_NAMED,
        ),
        one(
            "nothing is trusted",
            windows(16),
            |r| {
                r.add_database("App", "sa");
                r.add_assembly("App", "Tools", 3, "tools 2");
            },
            &["not_applicable: no assembly is trusted by hash"],
        ),
        one(
            "before 2017 there is no such list",
            windows(13),
            |r| {
                r.add_database("App", "sa");
                r.add_assembly("App", "Tools", 3, "tools 2");
            },
            &["not_applicable: this version has no list of trusted assemblies"],
        ),
        one(
            "its hash not seen",
            windows(16),
            |r| {
                changed(r, CLR_NAME);
                let needs = vec!["VIEW DEFINITION on the assembly".to_owned()];
                file(r, Observed::Denied { needs });
            },
            UNSEEN,
        )
        .saying("VIEW DEFINITION on the assembly"),
        one(
            "a list of files without its own",
            windows(16),
            |r| {
                changed(r, CLR_NAME);
                r.database("App").assembly_files = Observed::Known { value: Vec::new() };
            },
            UNSEEN,
        ),
        one(
            "a trusted hash that is NULL may be its own",
            windows(16),
            |r| {
                changed(r, CLR_NAME);
                r.trust_assembly("tools 2", "Tools 2", "release");
                let rows = r.snapshot.server.trusted_assemblies.seen_mut();
                rows.last_mut().unwrap().hash = None;
            },
            UNSEEN,
        ),
        one(
            "trust that was not seen whole may be in it",
            windows(16),
            |r| {
                changed(r, CLR_NAME);
                partly(&mut r.snapshot.server.trusted_assemblies);
            },
            &["unknown instance"],
        ),
    ]
};
