//! Rules that ask of one option to be off, all by the same cases.

use mssql_posture::snapshot::Observed;

use super::{Fixture, denied, partly, windows};

/// The cases of one rule: its slug, its option and the severity of its finding.
macro_rules! switch {
    ($rule:literal, $option:literal, $severity:literal) => {{
        const FAIL: &[&str] = &[concat!("fail ", $severity, " option ", $option)];
        const UNKNOWN: &[&str] = &[concat!("unknown option ", $option)];
        const CASES: &[Fixture] = &[
            Fixture::new(
                $rule,
                "it runs",
                windows(17),
                |r| _ = r.set_option($option, 1, 1),
                FAIL,
            ),
            Fixture::new(
                $rule,
                "it runs although it is configured off",
                windows(17),
                |r| _ = r.set_option($option, 0, 1),
                FAIL,
            ),
            Fixture::new(
                $rule,
                "it is configured and does not run yet",
                windows(17),
                |r| _ = r.set_option($option, 1, 0),
                FAIL,
            )
            .saying("configured"),
            Fixture::new(
                $rule,
                "seen in part is seen: its row is enough",
                windows(17),
                |r| {
                    r.set_option($option, 1, 1);
                    partly(&mut r.snapshot.server.configurations);
                },
                FAIL,
            ),
            Fixture::new(
                $rule,
                "it is off, running and configured",
                windows(17),
                |r| _ = r.set_option($option, 0, 0),
                &["pass"],
            ),
            Fixture::new(
                $rule,
                "an absent row is not off",
                windows(17),
                |r| _ = r.drop_option($option),
                UNKNOWN,
            ),
            Fixture::new(
                $rule,
                "a value that is not shown is not off",
                windows(17),
                |r| {
                    r.set_option($option, 0, 0);
                    r.option($option).value_in_use = None;
                },
                UNKNOWN,
            ),
            Fixture::new(
                $rule,
                "a list that was not read says nothing",
                windows(17),
                |r| denied(&mut r.snapshot.server.configurations),
                UNKNOWN,
            )
            .saying("a right"),
        ];
        CASES
    }};
}

/// The same, and that versions before do not have it.
macro_rules! younger {
    ($rule:literal, $option:literal, $severity:literal, since $since:literal) => {{
        const OLDER: &[Fixture] = &[Fixture::new(
            $rule,
            "a version that does not have it",
            windows($since - 1),
            |_| {},
            &["not_applicable: this version has no such option"],
        )];
        [switch!($rule, $option, $severity), OLDER]
    }};
}

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let of_all = [
        switch!(
            "ad-hoc-distributed-queries",
            "Ad Hoc Distributed Queries",
            "medium"
        ),
        switch!("remote-access", "remote access", "low"),
        switch!(
            "cross-db-chaining-server",
            "cross db ownership chaining",
            "medium"
        ),
        switch!("database-mail-enabled", "Database Mail XPs", "low"),
        switch!("scan-for-startup-procs", "scan for startup procs", "low"),
        switch!(
            "remote-admin-connections",
            "remote admin connections",
            "low"
        ),
        switch!("allow-updates", "allow updates", "info"),
        switch!("replication-xps-enabled", "Replication XPs", "info"),
        switch!("filestream-access", "filestream access level", "low"),
        switch!(
            "contained-authentication",
            "contained database authentication",
            "low"
        ),
        switch!("clr-enabled", "clr enabled", "low"),
    ];
    let of_some = [
        younger!("polybase-export-allowed", "allow polybase export", "low", since 13),
        younger!("hadoop-connectivity", "hadoop connectivity", "low", since 13),
        younger!("filesystem-enumeration-allowed", "allow filesystem enumeration", "info", since 15),
        younger!("external-rest-endpoint-enabled", "external rest endpoint enabled", "medium", since 17),
        younger!("ai-runtimes-enabled", "external AI runtimes enabled", "medium", since 17),
    ];
    let of_some = of_some.into_iter().flatten();
    let switches = of_all.into_iter().chain(of_some).flatten();
    switches.chain(CLUSTER).collect()
}

static CLUSTER: &[Fixture] = &[Fixture::new(
    "remote-admin-connections",
    "a cluster needs it",
    windows(16),
    |r| {
        r.set_option("remote admin connections", 1, 1);
        if let Observed::Known { value } = &mut r.snapshot.server.server_identity {
            value.is_clustered = Some(true);
        }
    },
    &["not_applicable: a clustered instance needs it"],
)];
