//! Rules that read configuration options.

use mssql_posture::snapshot::Observed;

use super::{Fixture, denied, linux, managed_instance, partly, windows};
use crate::support::recording::{Base, Recording};

const NOT_ON_LINUX: &[&str] = &["not_applicable: SQL Server on Linux does not have it"];
const NOT_ON_MANAGED_INSTANCE: &[&str] =
    &["not_applicable: Azure SQL Managed Instance does not have it"];

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [XP_CMDSHELL, STAGED, OLE, SCRIPTS, CLR, CLR_VALUES];
    tables.into_iter().flatten().collect()
}

static XP_CMDSHELL: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("xp-cmdshell-enabled", about, base, change, verdicts)
    }
    const FAIL: &[&str] = &["fail high option xp_cmdshell"];
    const UNKNOWN: &[&str] = &["unknown option xp_cmdshell"];
    &[
        one(
            "it runs",
            windows(16),
            |r| _ = r.set_option("xp_cmdshell", 1, 1),
            FAIL,
        ),
        one(
            "it still runs although configured off",
            windows(11),
            |r| _ = r.set_option("xp_cmdshell", 0, 1),
            FAIL,
        ),
        one(
            "any value but 0 is on",
            windows(13),
            |r| _ = r.set_option("xp_cmdshell", 0, -1),
            FAIL,
        ),
        one(
            "the configured value is not needed to see that it runs",
            windows(16),
            |r| {
                r.set_option("xp_cmdshell", 1, 1);
                r.option("xp_cmdshell").value = None;
            },
            FAIL,
        ),
        one(
            "seen in part is seen: a row that shows it running is enough",
            windows(16),
            |r| {
                r.set_option("xp_cmdshell", 1, 1);
                partly(&mut r.snapshot.server.configurations);
            },
            FAIL,
        ),
        one(
            "a platform that was not seen is judged as Windows",
            windows(16),
            |r| {
                r.set_option("xp_cmdshell", 1, 1);
                denied(&mut r.snapshot.server.host);
            },
            FAIL,
        ),
        one("off as shipped", windows(16), |_| {}, &["pass"]),
        one(
            "off on 2012, which has no host view",
            windows(11),
            |_| {},
            &["pass"],
        ),
        one(
            "only staged, which is another rule's",
            windows(16),
            |r| _ = r.set_option("xp_cmdshell", 1, 0),
            &["pass"],
        ),
        one(
            "an absent row is not off",
            windows(16),
            |r| _ = r.drop_option("xp_cmdshell"),
            UNKNOWN,
        )
        .saying("the row of xp_cmdshell with both its values"),
        one(
            "a NULL running value is not off",
            windows(16),
            |r| r.option("xp_cmdshell").value_in_use = None,
            UNKNOWN,
        ),
        one(
            "an unread list is not off",
            windows(16),
            |r| denied(&mut r.snapshot.server.configurations),
            UNKNOWN,
        )
        .saying("a right"),
        one(
            "nothing passes on a list that is not whole",
            windows(16),
            |r| partly(&mut r.snapshot.server.configurations),
            &["unknown instance"],
        ),
        one(
            "the option is on, and Linux has no such channel",
            linux(16),
            |r| _ = r.set_option("xp_cmdshell", 1, 1),
            NOT_ON_LINUX,
        ),
        one(
            "a managed instance has no such channel",
            managed_instance(),
            |_| {},
            NOT_ON_MANAGED_INSTANCE,
        ),
    ]
};

static STAGED: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("xp-cmdshell-staged", about, base, change, verdicts)
    }
    const FAIL: &[&str] = &["fail medium option xp_cmdshell"];
    const UNKNOWN: &[&str] = &["unknown option xp_cmdshell"];
    &[
        one(
            "configured on, not yet running",
            windows(12),
            |r| _ = r.set_option("xp_cmdshell", 1, 0),
            FAIL,
        )
        .saying("switches it on"),
        one(
            "configured off, still running",
            windows(16),
            |r| _ = r.set_option("xp_cmdshell", 0, 1),
            FAIL,
        )
        .saying("still runs"),
        one(
            "on and on: running is another rule's",
            windows(16),
            |r| _ = r.set_option("xp_cmdshell", 1, 1),
            &["pass"],
        ),
        one("off and off", windows(17), |_| {}, &["pass"]),
        one(
            "an absent row",
            windows(16),
            |r| _ = r.drop_option("xp_cmdshell"),
            UNKNOWN,
        ),
        one(
            "a NULL running value differs from nothing",
            windows(16),
            |r| r.option("xp_cmdshell").value_in_use = None,
            UNKNOWN,
        ),
        one(
            "a NULL configured value differs from nothing",
            windows(16),
            |r| r.option("xp_cmdshell").value = None,
            UNKNOWN,
        ),
        one(
            "a broken query",
            windows(16),
            |r| {
                let why = "connection lost".to_owned();
                r.snapshot.server.configurations = Observed::NotCollected { why };
            },
            UNKNOWN,
        ),
        one(
            "Linux",
            linux(15),
            |r| _ = r.set_option("xp_cmdshell", 1, 0),
            NOT_ON_LINUX,
        ),
    ]
};

static OLE: &[Fixture] = {
    const NAME: &str = "Ole Automation Procedures";
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("ole-automation-enabled", about, base, change, verdicts)
    }
    const FAIL: &[&str] = &["fail high option Ole Automation Procedures"];
    const UNKNOWN: &[&str] = &["unknown option Ole Automation Procedures"];
    &[
        one(
            "it runs",
            windows(11),
            |r| _ = r.set_option(NAME, 1, 1),
            FAIL,
        ),
        one(
            "configured on, not yet running",
            windows(16),
            |r| _ = r.set_option(NAME, 1, 0),
            FAIL,
        )
        .saying("configured to run"),
        one(
            "configured off, still running",
            windows(16),
            |r| _ = r.set_option(NAME, 0, 1),
            FAIL,
        ),
        one(
            "configured on, running value not seen",
            windows(16),
            |r| {
                r.set_option(NAME, 1, 0);
                r.option(NAME).value_in_use = None;
            },
            FAIL,
        ),
        one("off as shipped", windows(14), |_| {}, &["pass"]),
        one(
            "off and the configured value not seen: it may be staged",
            windows(14),
            |r| r.option(NAME).value = None,
            UNKNOWN,
        ),
        one(
            "an absent row",
            windows(14),
            |r| _ = r.drop_option(NAME),
            UNKNOWN,
        ),
        one(
            "a managed instance is judged by its option",
            managed_instance(),
            |_| {},
            &["pass"],
        ),
        one(
            "Linux",
            linux(14),
            |r| _ = r.set_option(NAME, 1, 1),
            NOT_ON_LINUX,
        ),
    ]
};

static SCRIPTS: &[Fixture] = {
    const NAME: &str = "external scripts enabled";
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("external-scripts-enabled", about, base, change, verdicts)
    }
    const FAIL: &[&str] = &["fail medium option external scripts enabled"];
    const UNKNOWN: &[&str] = &["unknown option external scripts enabled"];
    &[
        one(
            "they run",
            windows(13),
            |r| _ = r.set_option(NAME, 1, 1),
            FAIL,
        ),
        one(
            "Linux has them too",
            linux(15),
            |r| _ = r.set_option(NAME, 1, 1),
            FAIL,
        ),
        one(
            "configured on, not yet running",
            windows(16),
            |r| _ = r.set_option(NAME, 1, 0),
            FAIL,
        ),
        one("off as shipped", windows(16), |_| {}, &["pass"]),
        one(
            "2016 has the option: an absent row is not off",
            windows(13),
            |r| _ = r.drop_option(NAME),
            UNKNOWN,
        ),
        one(
            "2014, but the list is not whole: the row may be hidden",
            windows(12),
            |r| partly(&mut r.snapshot.server.configurations),
            UNKNOWN,
        ),
        one(
            "a managed instance says version 12 and is not 2014",
            managed_instance(),
            |_| {},
            UNKNOWN,
        ),
        one(
            "2014 has no such option",
            windows(12),
            |_| {},
            &["not_applicable: this version has no such option"],
        ),
    ]
};

static CLR: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "clr-enabled-without-strict-security",
            about,
            base,
            change,
            verdicts,
        )
    }
    const FAIL: &[&str] = &["fail high option clr strict security"];
    &[
        one(
            "both run the wrong way",
            windows(16),
            |r| {
                r.set_option("clr enabled", 1, 1)
                    .set_option("clr strict security", 0, 0);
            },
            FAIL,
        ),
        one(
            "Linux runs SAFE assemblies, which are no boundary",
            linux(14),
            |r| {
                r.set_option("clr enabled", 1, 1)
                    .set_option("clr strict security", 0, 0);
            },
            FAIL,
        ),
        one(
            "strict security goes off with the next RECONFIGURE",
            windows(15),
            |r| {
                r.set_option("clr enabled", 1, 1)
                    .set_option("clr strict security", 0, 1);
            },
            FAIL,
        )
        .saying("configured off for the next RECONFIGURE"),
        one(
            "CLR comes on with the next RECONFIGURE",
            windows(15),
            |r| {
                r.set_option("clr enabled", 1, 0)
                    .set_option("clr strict security", 0, 0);
            },
            FAIL,
        )
        .saying("configured to run"),
        one(
            "before 2017 there is nothing stricter",
            windows(13),
            |r| _ = r.set_option("clr enabled", 1, 1),
            &["fail medium option clr enabled"],
        ),
        one(
            "CLR on with strict security, as shipped",
            windows(17),
            |r| _ = r.set_option("clr enabled", 1, 1),
            &["pass"],
        ),
        one(
            "strict security off matters to nobody while CLR is off",
            windows(16),
            |r| _ = r.set_option("clr strict security", 0, 0),
            &["pass"],
        ),
        one("CLR off on 2012", windows(11), |_| {}, &["pass"]),
    ]
};

static CLR_VALUES: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "clr-enabled-without-strict-security",
            about,
            base,
            change,
            verdicts,
        )
    }
    const CLR: &[&str] = &["unknown option clr enabled"];
    const STRICT: &[&str] = &["unknown option clr strict security"];
    &[
        one(
            "no row of clr enabled",
            windows(16),
            |r| _ = r.drop_option("clr enabled"),
            CLR,
        ),
        one(
            "a NULL running value",
            windows(16),
            |r| r.option("clr enabled").value_in_use = None,
            CLR,
        ),
        one(
            "off, but seen in a list that is not whole",
            windows(16),
            |r| partly(&mut r.snapshot.server.configurations),
            &["unknown instance"],
        ),
        one(
            "CLR runs and 2017 lacks its row of strict security",
            windows(14),
            |r| {
                r.set_option("clr enabled", 1, 1)
                    .drop_option("clr strict security");
            },
            STRICT,
        ),
        one(
            "CLR runs and strict security's running value is NULL",
            windows(16),
            |r| {
                r.set_option("clr enabled", 1, 1)
                    .option("clr strict security")
                    .value_in_use = None;
            },
            STRICT,
        ),
        one(
            "a managed instance says version 12: no row proves nothing",
            managed_instance(),
            |r| {
                r.set_option("clr enabled", 1, 1);
            },
            STRICT,
        ),
        one(
            "the version was not seen: no row proves nothing",
            windows(12),
            |r| {
                r.set_option("clr enabled", 1, 1);
                denied(&mut r.snapshot.server.server_identity);
            },
            STRICT,
        ),
    ]
};
