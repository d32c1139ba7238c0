//! Modules that have a power of their own, or are run with somebody's: who runs them, who alters them.

use mssql_posture::snapshot::Fact;

use super::Fixture;

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [PUBLIC, ALTERABLE, SIGNED, UNSEEN];
    tables.into_iter().flatten().collect()
}

const PASS: &[&str] = &["pass"];

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

static PUBLIC: &[Fixture] = {
    const P: &[&str] = &["fail critical module Shop dbo.p"];
    &each(
        "public-can-execute-command-module",
        [
            (
                "no module has a power of its own",
                "database Shop; in Shop:; procedure dbo.p; grant EXECUTE on dbo.p to public",
                &["not_applicable: no module runs commands for others or executes their text with privileges"],
            ),
            (
                "public runs text as a sysadmin of a TRUSTWORTHY database",
                "database Shop owner sa trustworthy; in Shop:
                 procedure dbo.p execute as owner executes given text; grant EXECUTE on dbo.p to public",
                P,
            ),
            (
                "by EXECUTE on the database",
                "database Shop owner sa trustworthy; in Shop:
                 procedure dbo.p execute as owner executes given text; grant EXECUTE to public",
                P,
            ),
            (
                "by way of a module that calls it unchecked",
                "database Shop owner sa trustworthy; in Shop:
                 procedure dbo.p execute as owner executes given text
                 procedure dbo.q calls Shop.dbo.p; grant EXECUTE on dbo.q to public",
                P,
            ),
            (
                "a command that is switched on, in a module that a privileged key signed",
                "option xp_cmdshell = 1; login signer type C; member signer of sysadmin
                 database Shop; in Shop:; certificate signing for signer
                 procedure dbo.p signed by signing runs dynamic xp_cmdshell; grant EXECUTE on dbo.p to public",
                P,
            ),
            (
                "a command that is switched on, in a module that an asymmetric key signed",
                "option xp_cmdshell = 1; login signer type K; grant CONTROL SERVER to signer
                 database Shop; in Shop:; key signing for signer
                 procedure dbo.p signed by key signing runs dynamic xp_cmdshell; grant EXECUTE on dbo.p to public",
                P,
            ),
            (
                "by an ownership chain to xp_cmdshell, which has a proxy",
                "option xp_cmdshell = 1; credential xp_cmdshell proxy CORP\\svc
                 database Shop owner sa chaining; in Shop:
                 procedure dbo.p runs xp_cmdshell; grant EXECUTE on dbo.p to public",
                P,
            ),
            (
                "guest, by a role that it is in",
                "database Shop owner sa trustworthy; in Shop:; grant CONNECT to guest; role r; member guest of r
                 procedure dbo.p execute as owner executes given text; grant EXECUTE on dbo.p to r",
                P,
            ),
            (
                "the same, switched off",
                "login signer type C; member signer of sysadmin
                 database Shop; in Shop:; certificate signing for signer
                 procedure dbo.p signed by signing runs dynamic xp_cmdshell; grant EXECUTE on dbo.p to public",
                &["fail high module Shop dbo.p"],
            ),
            (
                "guest, where it may enter",
                "database Shop owner sa trustworthy; in Shop:; grant CONNECT to guest
                 procedure dbo.p execute as owner executes given text; grant EXECUTE on dbo.p to guest",
                P,
            ),
            (
                "guest, where it may not enter",
                "database Shop owner sa trustworthy; in Shop:
                 procedure dbo.p execute as owner executes given text; grant EXECUTE on dbo.p to guest",
                PASS,
            ),
            (
                "a role",
                "login bob; database Shop owner sa trustworthy; in Shop:; user bob; role r; member bob of r
                 procedure dbo.p execute as owner executes given text; grant EXECUTE on dbo.p to r",
                PASS,
            ),
            (
                "denied to public again",
                "database Shop owner sa trustworthy; in Shop:
                 procedure dbo.p execute as owner executes given text
                 grant EXECUTE to public; deny EXECUTE on dbo.p to public",
                PASS,
            ),
            (
                "the server does not believe the database",
                "database Shop owner sa; in Shop:
                 procedure dbo.p execute as owner executes given text; grant EXECUTE on dbo.p to public",
                &["not_applicable: no module runs commands for others or executes their text with privileges"],
            ),
            (
                "a command that Linux does not have",
                "platform linux; login signer type C; member signer of sysadmin
                 database Shop; in Shop:; certificate signing for signer
                 procedure dbo.p signed by signing runs xp_cmdshell; grant EXECUTE on dbo.p to public",
                &["not_applicable: no module runs commands for others or executes their text with privileges"],
            ),
        ],
    )
};

static ALTERABLE: &[Fixture] = {
    const P: &[&str] = &["fail high module Shop dbo.p"];
    &each(
        "privileged-module-alterable",
        [
            (
                "nothing runs by itself",
                "database Shop; in Shop:; procedure dbo.p",
                &["not_applicable: nothing runs modules with privileges by itself"],
            ),
            (
                "a startup procedure that administrators alone alter",
                "in master:; procedure dbo.boot; server:; startup dbo.boot",
                PASS,
            ),
            (
                "a startup procedure",
                "login bob; in master:; user bob; procedure dbo.boot; grant ALTER on dbo.boot to bob
                 server:; startup dbo.boot",
                &["fail high module master dbo.boot"],
            ),
            (
                "what a job of sa calls",
                "login bob; database Shop owner sa; in Shop:; user bob; procedure dbo.p
                 grant ALTER on schema dbo to bob; server:; job nightly owner sa step calls Shop.dbo.p",
                P,
            ),
            (
                "db_ddladmin alters every module",
                "login bob; database Shop owner sa; in Shop:; user bob; member bob of db_ddladmin
                 procedure dbo.p; server:; job nightly owner sa step calls Shop.dbo.p",
                P,
            ),
            (
                "who owns the database",
                "login bob; database Shop owner bob; in Shop:; procedure dbo.p
                 server:; job nightly owner sa step calls Shop.dbo.p",
                P,
            ),
            (
                "what that calls in turn",
                "login bob; database Shop owner sa; in Shop:; user bob; procedure dbo.p; procedure dbo.q calls Shop.dbo.p
                 grant ALTER on dbo.p to bob; server:; job nightly owner sa step calls Shop.dbo.q",
                &["fail high module Shop dbo.p", "pass"],
            ),
            (
                "public",
                "database Shop owner sa; in Shop:; procedure dbo.p; grant ALTER on dbo.p to public
                 server:; job nightly owner sa step calls Shop.dbo.p",
                &["fail critical module Shop dbo.p"],
            ),
            (
                "a role without members",
                "database Shop owner sa; in Shop:; role r; procedure dbo.p; grant ALTER on dbo.p to r
                 server:; job nightly owner sa step calls Shop.dbo.p",
                &["fail low module Shop dbo.p"],
            ),
            (
                "a user whose login is disabled",
                "login bob disabled; database Shop owner sa; in Shop:; user bob; procedure dbo.p
                 grant ALTER on dbo.p to bob; server:; job nightly owner sa step calls Shop.dbo.p",
                &["fail low module Shop dbo.p"],
            ),
            (
                "a trigger, by a right on its table",
                "login bob; database Shop owner sa; in Shop:; user bob; table dbo.t; trigger tr on dbo.t
                 grant ALTER on dbo.t to bob",
                &["fail high module Shop dbo.tr"],
            ),
            (
                "a trigger, by db_owner, who could make one anyway",
                "login bob; database Shop owner sa; in Shop:; user bob; member bob of db_owner
                 table dbo.t; trigger tr on dbo.t",
                PASS,
            ),
            (
                "what a server trigger calls",
                "login bob; database Shop owner sa; in Shop:; user bob; procedure dbo.p
                 grant ALTER on dbo.p to bob; server:; server trigger guard calls Shop.dbo.p",
                P,
            ),
            (
                "denied again",
                "login bob; database Shop owner sa; in Shop:; user bob; procedure dbo.p
                 grant ALTER on schema dbo to bob; deny ALTER on dbo.p to bob
                 server:; job nightly owner sa step calls Shop.dbo.p",
                PASS,
            ),
            (
                "an administrator's user",
                "login dba; member dba of sysadmin; database Shop owner sa; in Shop:; user dba; procedure dbo.p
                 grant ALTER on dbo.p to dba; server:; job nightly owner sa step calls Shop.dbo.p",
                PASS,
            ),
            (
                "a job of somebody who holds CONTROL SERVER",
                "login boss; grant CONTROL SERVER to boss; login bob; database Shop owner sa; in Shop:; user bob
                 user boss; procedure dbo.p; grant ALTER on dbo.p to bob; server:
                 job nightly owner boss step calls Shop.dbo.p",
                P,
            ),
            (
                "a queue that runs it as its owner",
                "login bob; database Shop owner sa trustworthy broker; in Shop:; user bob
                 procedure dbo.p; queue dbo.q runs dbo.p execute as owner; grant ALTER on dbo.p to bob",
                P,
            ),
            (
                "a job that is off, and one of somebody without power",
                "login bob; database Shop owner sa; in Shop:; user bob; procedure dbo.p
                 grant ALTER on dbo.p to bob; server:; job nightly owner sa disabled step calls Shop.dbo.p
                 job own owner bob step calls Shop.dbo.p",
                &["not_applicable: nothing runs modules with privileges by itself"],
            ),
        ],
    )
};

static SIGNED: &[Fixture] = {
    const NONE: &[&str] = &["not_applicable: no module is signed by a key with a privileged login"];
    &each(
        "signed-module-grants-privilege",
        [
            ("nothing is signed", "database Shop; in Shop:; procedure dbo.p", NONE),
            (
                "a user runs it",
                "login signer type C; member signer of sysadmin; login bob
                 database Shop; in Shop:; user bob; certificate signing for signer
                 procedure dbo.p signed by signing; grant EXECUTE on dbo.p to bob",
                &["fail high module Shop dbo.p"],
            ),
            (
                "a user runs it by a role",
                "login signer type C; member signer of sysadmin; login bob
                 database Shop; in Shop:; user bob; role r; member bob of r; certificate signing for signer
                 procedure dbo.p signed by signing; grant EXECUTE on dbo.p to r",
                &["fail high module Shop dbo.p"],
            ),
            (
                "everybody runs it, and the key is an asymmetric one",
                "login signer type K; grant CONTROL SERVER to signer
                 database Shop; in Shop:; key signing for signer
                 procedure dbo.p signed by key signing; grant EXECUTE on dbo.p to public",
                &["fail critical module Shop dbo.p"],
            ),
            (
                "administrators alone run it",
                "login signer type C; member signer of sysadmin; database Shop owner sa; in Shop:
                 certificate signing for signer; procedure dbo.p signed by signing",
                &["fail low module Shop dbo.p"],
            ),
            (
                "denied to the one who had it",
                "login signer type C; member signer of sysadmin; login bob
                 database Shop owner sa; in Shop:; user bob; certificate signing for signer
                 procedure dbo.p signed by signing; grant EXECUTE to bob; deny EXECUTE on dbo.p to bob",
                &["fail low module Shop dbo.p"],
            ),
            (
                "a key whose login holds one right",
                "login signer type C; grant ALTER ANY LOGIN to signer
                 database Shop; in Shop:; certificate signing for signer
                 procedure dbo.p signed by signing; grant EXECUTE on dbo.p to public",
                NONE,
            ),
            (
                "a counter-signature gives nothing",
                "login signer type C; member signer of sysadmin
                 database Shop; in Shop:; certificate signing for signer
                 procedure dbo.p countersigned by signing; grant EXECUTE on dbo.p to public",
                NONE,
            ),
            (
                "a key without a login",
                "database Shop; in Shop:; certificate signing
                 procedure dbo.p signed by signing; grant EXECUTE on dbo.p to public",
                NONE,
            ),
        ],
    )
};

static UNSEEN: &[Fixture] = &[
    Fixture::of_lines(
        "public-can-execute-command-module",
        "grants were not seen",
        "database Shop owner sa trustworthy; in Shop:
         procedure dbo.p execute as owner executes given text",
        &["unknown database Shop"],
    )
    .without(Fact::DatabasePermissions, Some("Shop")),
    Fixture::of_lines(
        "privileged-module-alterable",
        "grants were not seen",
        "database Shop owner sa; in Shop:; procedure dbo.p
         server:; job nightly owner sa step calls Shop.dbo.p",
        &["unknown database Shop"],
    )
    .without(Fact::DatabasePermissions, Some("Shop")),
    Fixture::of_lines(
        "signed-module-grants-privilege",
        "signatures were not seen",
        "database Shop; in Shop:; procedure dbo.p",
        &["unknown database Shop"],
    )
    .without(Fact::CryptProperties, Some("Shop")),
];
