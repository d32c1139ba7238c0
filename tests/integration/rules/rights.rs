//! Rights on the server that are as good as sysadmin, or lead there.

use super::{Fixture, partly, windows};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [
        CONTROL_SERVER,
        CONTROL_SERVER_UNSEEN,
        ALTER_SETTINGS,
        IMPERSONATE,
        SECURITYADMIN,
        NESTED,
    ];
    tables.into_iter().flatten().collect()
}

const OP: &[&str] = &["fail high principal op"];
const ROLE: &[&str] = &["fail high principal operators"];
const PASS: &[&str] = &["pass"];
const UNKNOWN: &[&str] = &["unknown instance"];

type Line = (&'static str, &'static str, &'static [&'static str]);

const fn each<const N: usize>(rule: &'static str, lines: [Line; N]) -> [Fixture; N] {
    const EMPTY: Fixture = Fixture::of_lines("", "", "", &[]);
    let mut all = [EMPTY; N];
    let mut at = 0;
    while at < N {
        let (about, text, verdicts) = lines[at];
        all[at] = Fixture::of_lines(rule, about, text, verdicts);
        at += 1;
    }
    all
}

static CONTROL_SERVER: &[Fixture] = &each(
    "control-server-granted",
    [
        ("as shipped: setup's keys hold it, and nobody connects as one", "", PASS),
        ("to a login", "login op; grant CONTROL SERVER to op", OP),
        ("to a login with grant option", "login op; grant CONTROL SERVER to op with grant option", OP),
        (
            "to a role, and through it to a member of a role in it",
            "server role operators; server role inner; login op
             member inner of operators; member op of inner; grant CONTROL SERVER to operators",
            ROLE,
        ),
        (
            "a role without members waits",
            "server role operators; grant CONTROL SERVER to operators",
            &["fail low principal operators"],
        ),
        (
            "a login that is disabled cannot log in; who impersonates it is found by that",
            "login op disabled; grant CONTROL SERVER to op",
            &["fail low principal op"],
        ),
        (
            "a role whose only member is disabled",
            "server role operators; login op disabled; member op of operators
             grant CONTROL SERVER to operators",
            &["fail low principal operators"],
        ),
        ("to public", "grant CONTROL SERVER to public", &["fail critical principal public"]),
        (
            "to public, and denied to one: everybody else has it",
            "login op; grant CONTROL SERVER to public; deny CONTROL SERVER to op",
            &["fail critical principal public"],
        ),
        (
            "denied again",
            "login op; grant CONTROL SERVER to op; deny CONTROL SERVER to op",
            PASS,
        ),
        (
            "denied to public, and so to everybody",
            "login op; grant CONTROL SERVER to op; deny CONTROL SERVER to public",
            PASS,
        ),
        (
            "denied to a role that the grantee is in",
            "server role restricted; login op; member op of restricted
             grant CONTROL SERVER to op; deny CONTROL SERVER to restricted",
            PASS,
        ),
        (
            "one member of two is denied: the other has it",
            "server role operators; login op; login other; member op of operators
             member other of operators; grant CONTROL SERVER to operators; deny CONTROL SERVER to other",
            ROLE,
        ),
        (
            "to a sysadmin it adds nothing",
            "login dba; member dba of sysadmin; grant CONTROL SERVER to dba",
            PASS,
        ),
        (
            "to a role of administrators it adds nothing",
            "login dba; member dba of sysadmin; server role admins; member dba of admins
             grant CONTROL SERVER to admins",
            PASS,
        ),
        ("a key's login", "login signer type C; grant CONTROL SERVER to signer", PASS),
        (
            "other permissions of the server",
            "login op; grant ALTER SETTINGS to op; grant ALTER ANY LOGIN to op",
            PASS,
        ),
        ("permissions were not seen", "unseen server_permissions", UNKNOWN),
        ("members were not seen", "unseen server_role_members", UNKNOWN),
    ],
);

static CONTROL_SERVER_UNSEEN: &[Fixture] = &[Fixture::new(
    "control-server-granted",
    "a role that seems empty, its members not seen whole",
    windows(16),
    |r| {
        r.add_login("operators", "R");
        r.grant_server("CONTROL SERVER", "operators");
        partly(&mut r.snapshot.server.server_role_members);
    },
    &["fail high principal operators", "unknown instance"],
)
.saying("members were not all seen")];

static ALTER_SETTINGS: &[Fixture] = &each(
    "alter-settings-granted",
    [
        ("as shipped: serveradmin is empty", "", PASS),
        ("to a login", "login op; grant ALTER SETTINGS to op", OP),
        (
            "serveradmin carries it",
            "login op; member op of serveradmin",
            &["fail high principal serveradmin"],
        ),
        (
            "a role in serveradmin",
            "server role operators; login op; member op of operators; member operators of serveradmin",
            &["fail high principal serveradmin"],
        ),
        (
            "to a role without members",
            "server role operators; grant ALTER SETTINGS to operators",
            &["fail low principal operators"],
        ),
        (
            "a member of serveradmin that is disabled",
            "login op disabled; member op of serveradmin",
            &["fail low principal serveradmin"],
        ),
        (
            "to public",
            "grant ALTER SETTINGS to public",
            &["fail critical principal public"],
        ),
        (
            "denied to a member of serveradmin, which binds him",
            "login op; member op of serveradmin; deny ALTER SETTINGS to op",
            PASS,
        ),
        (
            "by CONTROL SERVER, which is found by itself",
            "login op; grant CONTROL SERVER to op",
            PASS,
        ),
        (
            "CONTROL SERVER is denied, and what it covers",
            "login op; grant ALTER SETTINGS to op; deny CONTROL SERVER to op",
            PASS,
        ),
        (
            "an administrator",
            "login dba; member dba of sysadmin; member dba of serveradmin",
            PASS,
        ),
        (
            "permissions were not seen",
            "unseen server_permissions",
            UNKNOWN,
        ),
    ],
);

static IMPERSONATE: &[Fixture] = &each(
    "impersonate-privileged-login",
    [
        ("as shipped", "", PASS),
        ("on sa", "login op; grant IMPERSONATE on login sa to op", OP),
        (
            "CONTROL on a login covers it",
            "login op; grant CONTROL on login sa to op",
            OP,
        ),
        (
            "on a member of sysadmin that is disabled, which can be impersonated all the same",
            "login dba disabled; member dba of sysadmin; login op; grant IMPERSONATE on login dba to op",
            OP,
        ),
        (
            "on a holder of CONTROL SERVER",
            "login strong; grant CONTROL SERVER to strong; login op; grant IMPERSONATE on login strong to op",
            OP,
        ),
        (
            "on any login, said once",
            "login dba; member dba of sysadmin; login op; grant IMPERSONATE ANY LOGIN to op",
            OP,
        ),
        (
            "to a role without members",
            "server role operators; grant IMPERSONATE on login sa to operators",
            &["fail low principal operators"],
        ),
        (
            "to a role",
            "server role operators; login op; member op of operators; grant IMPERSONATE ANY LOGIN to operators",
            ROLE,
        ),
        (
            "to public",
            "grant IMPERSONATE on login sa to public",
            &["fail critical principal public"],
        ),
        (
            "to one that is disabled",
            "login op disabled; grant IMPERSONATE on login sa to op",
            &["fail low principal op"],
        ),
        (
            "on a login of no power",
            "login weak; login op; grant IMPERSONATE on login weak to op",
            PASS,
        ),
        (
            "denied on it",
            "login op; grant IMPERSONATE ANY LOGIN to op; deny IMPERSONATE on login sa to op",
            PASS,
        ),
        (
            "denied on any login, which stops it too",
            "login op; grant IMPERSONATE on login sa to op; deny IMPERSONATE ANY LOGIN to op",
            PASS,
        ),
        (
            "groups cannot be impersonated",
            r"login CORP\DBA type G; member CORP\DBA of sysadmin; login op; grant IMPERSONATE on login CORP\DBA to op",
            PASS,
        ),
        (
            "an administrator",
            "login dba; member dba of sysadmin; grant IMPERSONATE ANY LOGIN to dba",
            PASS,
        ),
        (
            "who holds CONTROL SERVER is found by that",
            "login op; grant CONTROL SERVER to op",
            PASS,
        ),
        ("logins were not seen", "unseen server_principals", UNKNOWN),
    ],
);

static SECURITYADMIN: &[Fixture] = &each(
    "securityadmin-member",
    [
        ("as shipped: nobody is", "", PASS),
        ("a login", "login op; member op of securityadmin", OP),
        (
            "through a role, which itself is nobody",
            "server role operators; login op; member op of operators; member operators of securityadmin",
            OP,
        ),
        (
            "a role without members",
            "server role operators; member operators of securityadmin",
            &["fail low principal operators"],
        ),
        (
            "one that is disabled",
            "login op disabled; member op of securityadmin",
            &["fail low principal op"],
        ),
        (
            "an administrator",
            "login dba; member dba of sysadmin; member dba of securityadmin",
            PASS,
        ),
        (
            "a key's login",
            "login signer type K; member signer of securityadmin",
            PASS,
        ),
        (
            "ALTER ANY LOGIN alone",
            "login op; grant ALTER ANY LOGIN to op",
            PASS,
        ),
        (
            "a role that took the name elsewhere",
            "server role operators; login op; member op of operators",
            PASS,
        ),
        (
            "members were not seen",
            "unseen server_role_members",
            UNKNOWN,
        ),
    ],
);

static NESTED: &[Fixture] = &each(
    "nested-role-reaches-sysadmin",
    [
        ("as shipped: members are direct", "", PASS),
        ("a direct member", "login dba; member dba of sysadmin", PASS),
        (
            "through a role",
            "server role operators; login op; member op of operators; member operators of sysadmin",
            OP,
        ),
        (
            "through two roles",
            "server role outer; server role inner; login op; member op of inner; member inner of outer
             member outer of sysadmin",
            OP,
        ),
        (
            "a role without members",
            "server role operators; member operators of sysadmin",
            &["fail low principal operators"],
        ),
        (
            "one that is disabled",
            "server role operators; login op disabled; member op of operators; member operators of sysadmin",
            &["fail low principal op"],
        ),
        (
            "in the role and in sysadmin by name",
            "server role operators; login dba; member dba of operators; member dba of sysadmin
             member operators of sysadmin",
            PASS,
        ),
        ("a role that is not in it", "server role operators; login op; member op of operators", PASS),
        ("members were not seen", "unseen server_role_members", UNKNOWN),
    ],
);
