//! How logins prove who they are: whether by passwords at all, and how these are checked.

use mssql_posture::snapshot::SqlLogin;

use super::logins::{identity, windows_only};
use super::{Fixture, denied, linux, managed_instance, partly, windows};
use crate::support::recording::{AUDITOR, Base, Recording, rows};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    [MODE, POLICY, EXPIRY].into_iter().flatten().collect()
}

const PASS: &[&str] = &["pass"];
const UNKNOWN: &[&str] = &["unknown instance"];

/// Takes one login out of a list that is not whole.
fn hide_login(r: &mut Recording, name: &str) {
    partly(&mut r.snapshot.server.server_principals);
    let logins = rows(&mut r.snapshot.server.server_principals);
    logins.retain(|login| login.name != name);
}

/// How the password of a login is checked: by policy, and whether it expires.
fn password(r: &mut Recording, login: &str, policy: Option<bool>, expiration: Option<bool>) {
    let principal_id = r.login(login).principal_id;
    rows(&mut r.snapshot.server.sql_logins).push(SqlLogin {
        principal_id,
        is_policy_checked: policy,
        is_expiration_checked: expiration,
        credential_id: None,
    });
}

static MODE: &[Fixture] = {
    const fn one(
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("mixed-mode", about, base, change, verdicts)
    }
    const FAIL: &[&str] = &["fail low instance"];
    &[
        one("both", windows(16), |_| {}, FAIL),
        one("on Linux, too", linux(15), |_| {}, FAIL),
        one(
            "that no SQL login is enabled changes nothing",
            windows(16),
            |r| {
                r.login("sa").is_disabled = Some(true);
                r.login(AUDITOR).is_disabled = Some(true);
            },
            FAIL,
        ),
        one("Windows alone", windows(11), windows_only, PASS),
        one(
            "not shown",
            windows(16),
            |r| identity(r).is_integrated_security_only = None,
            UNKNOWN,
        )
        .saying("IsIntegratedSecurityOnly"),
        one(
            "on a managed instance another setting decides, whatever this one says",
            managed_instance(),
            windows_only,
            UNKNOWN,
        )
        .saying("Entra-only"),
    ]
};

static POLICY: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new("password-policy-off", about, windows(16), change, verdicts)
    }
    const APP: &[&str] = &["fail medium principal app", "pass"];
    fn unchecked(r: &mut Recording, name: &str) {
        r.add_login(name, "S");
        password(r, name, Some(false), Some(false));
    }
    &[
        one("off for an application", |r| unchecked(r, "app"), APP)
            .saying("no policy checks the password of app"),
        one(
            "a name like those that Microsoft's services take proves nothing",
            |r| unchecked(r, "##MS_Agent##"),
            &["fail medium principal ##MS_Agent##", "pass"],
        ),
        one(
            "that it expires is not that it is checked",
            |r| {
                r.add_login("app", "S");
                password(r, "app", Some(false), Some(true));
            },
            APP,
        ),
        one(
            "as CREATE LOGIN makes them",
            |r| _ = r.add_login("app", "S"),
            PASS,
        ),
        one(
            "disabled: its password opens nothing",
            |r| {
                unchecked(r, "app");
                r.login("app").is_disabled = Some(true);
            },
            PASS,
        ),
        one(
            "Windows checks those of its accounts",
            |r| _ = r.add_login("CORP\\app", "U"),
            PASS,
        ),
        one(
            "not shown of one",
            |r| {
                r.add_login("app", "S");
                password(r, "app", None, None);
            },
            &["unknown principal app", "pass"],
        ),
        one(
            "a row whose login is hidden",
            |r| {
                unchecked(r, "app");
                hide_login(r, "app");
            },
            &["unknown principal server principal 267"],
        ),
        one(
            "the list of passwords was not read",
            |r| denied(&mut r.snapshot.server.sql_logins),
            &["unknown principal posture_audit", "unknown principal sa"],
        )
        .saying("the row of sa"),
        one(
            "every SQL login is disabled",
            |r| {
                r.login("sa").is_disabled = Some(true);
                r.login(AUDITOR).is_disabled = Some(true);
            },
            &["not_applicable: disabled"],
        ),
    ]
};

static EXPIRY: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        let rule = "privileged-password-never-expires";
        Fixture::new(rule, about, windows(16), change, verdicts)
    }
    const OPS: &[&str] = &["fail low principal ops"];
    const NOBODY: &[&str] = &["not_applicable: disabled; not privileged"];
    /// Without sa, and with a login whose password does not expire.
    fn ops(r: &mut Recording) {
        r.login("sa").is_disabled = Some(true);
        r.add_login("ops", "S");
    }
    &[
        one("sa's own", |_| {}, &["fail low principal sa"]),
        one(
            "a member of sysadmin",
            |r| {
                ops(r);
                r.add_server_member("sysadmin", "ops");
            },
            OPS,
        ),
        one(
            "in a role that is in sysadmin",
            |r| {
                ops(r);
                r.add_login("operators", "R");
                r.add_server_member("sysadmin", "operators")
                    .add_server_member("operators", "ops");
            },
            OPS,
        ),
        one(
            "by CONTROL SERVER",
            |r| {
                ops(r);
                r.grant_server("CONTROL SERVER", "ops");
            },
            OPS,
        ),
        one(
            "by CONTROL SERVER that a role holds",
            |r| {
                ops(r);
                r.add_login("operators", "R");
                r.grant_server("CONTROL SERVER", "operators")
                    .add_server_member("operators", "ops");
            },
            OPS,
        ),
        one(
            "denied again",
            |r| {
                ops(r);
                r.grant_server("CONTROL SERVER", "ops")
                    .deny_server("CONTROL SERVER", "ops");
            },
            NOBODY,
        ),
        one("not privileged", ops, NOBODY),
        one(
            "privileged, and disabled",
            |r| {
                ops(r);
                r.add_server_member("sysadmin", "ops");
                r.login("ops").is_disabled = Some(true);
            },
            NOBODY,
        ),
        one(
            "it expires",
            |r| {
                ops(r);
                r.add_server_member("sysadmin", "ops");
                password(r, "ops", Some(true), Some(true));
            },
            PASS,
        ),
        one(
            "whether it expires was not shown",
            |r| {
                ops(r);
                r.add_server_member("sysadmin", "ops");
                password(r, "ops", Some(true), None);
            },
            &["unknown principal ops"],
        ),
        one(
            "who is in sysadmin was not seen",
            |r| {
                ops(r);
                denied(&mut r.snapshot.server.server_role_members);
            },
            UNKNOWN,
        ),
    ]
};
