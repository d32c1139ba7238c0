//! What it checks: a Windows group of the host itself (COMPUTER\…), or one that Windows ships with (BUILTIN\…, Everyone,
//! Authenticated Users …; told by its sid, since names are translated), is a login. BUILTIN\Administrators on Linux is
//! low: setup makes it.
//!
//! Why it matters: who is in it is decided on the host, by its administrators or by Windows itself, and seen neither in
//! the directory nor here. On another node of a cluster the group of the same name is another.
//!
//! How to fix: make the login for a group of the domain, then DROP LOGIN.
//!
//! When it is fine: on a host that is in no domain; and BUILTIN\Administrators on Linux.
//!
//! References: docs: CREATE LOGIN, Windows logins; CIS 2022 3.9 and 3.10; Microsoft VA1052

use super::builtin_administrators_sysadmin::ADMINISTRATORS;
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::{Fact, ServerPrincipal};

pub(super) static RULE: Rule = Rule {
    id: "PRIV-016",
    slug: "local-group-login",
    title: "A group of the host is a login",
    severity: Severity::Medium,
    facts: &[Fact::Host, Fact::ServerPrincipals, Fact::ServerIdentity],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:3.10",
        "cis-2017:3.10",
        "cis-2019:3.10",
        "cis-2022:3.10",
        "nist-800-53r5:AC-2",
        "nist-800-53r5:IA-2",
        "iso-27001-2022:A.5.16",
        "soc2:CC6.2",
    ],
    attack: &["T1078"],
    source: include_str!("local_group_login.rs"),
    check,
};

/// How the sid of what a domain or a computer made begins: S-1-5-21. All other groups come with Windows.
const MADE: &str = "0x010500000000000515000000";

/// Groups that Windows puts everybody in: Everyone, Network, Interactive, Authenticated Users, BUILTIN\Users.
const EVERYBODY: &[&str] = &[
    "0x010100000000000100000000",
    "0x010100000000000502000000",
    "0x010100000000000504000000",
    "0x01010000000000050b000000",
    "0x01020000000000052000000021020000",
];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let identity = case.snapshot.server.server_identity.known();
    let computers = identity.map(|identity| [&identity.machine_name, &identity.physical_name]);
    let computers: Vec<Option<&str>> = computers
        .into_iter()
        .flatten()
        .map(|name| name.as_deref())
        .collect();
    let principals = case.snapshot.server.server_principals.seen().iter();
    for group in principals.filter(|login| login.r#type == "G") {
        judge(case, group, &computers, judgement);
    }
    judgement.nothing_there("no Windows group is a login");
}

/// `computers` is what the host is called, of a cluster by its network and by its own name.
fn judge(
    case: &Case<'_>,
    group: &ServerPrincipal,
    computers: &[Option<&str>],
    judgement: &mut Judgement,
) {
    let subject = Subject::server("principal", &group.name);
    let Some(sid) = group.sid.as_deref() else {
        let missing = Missing::new("server_principals", None, "the group's sid");
        return judgement.unknown(subject, vec![missing]);
    };
    let authority = group.name.split_once('\\').map(|(authority, _)| authority);
    let is_own = |own: &str| {
        let mut computers = computers.iter().flatten();
        computers.any(|computer| computer.eq_ignore_ascii_case(own))
    };
    let whose = if EVERYBODY.contains(&sid) {
        "a group that Windows puts everybody in"
    } else if !sid.starts_with(MADE) {
        "a group that Windows comes with"
    } else if authority.is_some_and(is_own) {
        "a group of the host"
    } else if computers.is_empty() || computers.contains(&None) {
        let missing = Missing::new("server_identity", None, "the computer's names");
        return judgement.unknown(subject, vec![missing]);
    } else {
        return judgement.pass();
    };
    let severity = if sid == ADMINISTRATORS && case.is_on_linux() {
        Severity::Low
    } else {
        RULE.severity
    };
    let message = format!("login {} is {whose}", named(&group.name));
    let evidence = vec![Evidence::row("server_principals", None, group)];
    judgement.fail_at(severity, subject, message, evidence);
}
