//! What it checks: a Windows group of the host itself (COMPUTER\…), or one that Windows ships with (BUILTIN\…), is a
//! login.
//!
//! Why it matters: who is in it is decided on the host, by its administrators, and seen neither in the directory nor
//! here. On another node of a cluster the group of the same name is another.
//!
//! How to fix: make the login for a group of the domain, then DROP LOGIN.
//!
//! When it is fine: on a host that is in no domain.
//!
//! References: docs: CREATE LOGIN, Windows logins; CIS 2022 3.9 and 3.10

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-016",
    slug: "local-group-login",
    title: "A group of the host is a login",
    severity: Severity::Medium,
    facts: &[Fact::ServerPrincipals, Fact::ServerIdentity],
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

/// How the sid of a group that Windows ships with begins: S-1-5-32.
const BUILTIN_SID: &str = "0x01020000000000052000";

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let identity = case.snapshot.server.server_identity.known();
    let computers = identity.map(|identity| [&identity.machine_name, &identity.physical_name]);
    let computers = computers.into_iter().flatten().flatten();
    let computers: Vec<&String> = computers.collect();
    for login in case.snapshot.server.server_principals.seen() {
        if login.r#type != "G" {
            continue;
        }
        let authority = login.name.split_once('\\').map(|(authority, _)| authority);
        let is_builtin = login
            .sid
            .as_deref()
            .is_some_and(|sid| sid.starts_with(BUILTIN_SID));
        let is_local =
            authority.is_some_and(|own| computers.iter().any(|c| c.eq_ignore_ascii_case(own)));
        let subject = Subject::server("principal", &login.name);
        let evidence = vec![Evidence::row("server_principals", None, login)];
        if is_builtin || is_local {
            let message = format!("login {} is a group of the host", named(&login.name));
            judgement.fail(subject, message, evidence);
        } else if computers.is_empty() {
            let missing = Missing::new("server_identity", None, "the computer's name");
            judgement.unknown(subject, vec![missing]);
        } else {
            judgement.pass();
        }
    }
    judgement.nothing_there("no Windows group is a login");
}
