//! What it checks: BUILTIN\Administrators, told by its sid, is in sysadmin, through nested roles too.
//!
//! Why it matters: whoever administers the host then reads every database without being named for it, and so does a
//! service or a tool that runs as LocalSystem. Setup has not made it so since 2008.
//!
//! How to fix: ALTER SERVER ROLE sysadmin DROP MEMBER [BUILTIN\Administrators]; -- after a group of database
//! administrators is in. On Linux setup makes the group without members.
//!
//! When it is fine: on Linux, where it has no members; and on a test host of one person.
//!
//! References: docs: server-level roles, security considerations for setup; CIS 2022 3.9 asks for no BUILTIN group at
//! all: see local-group-login

use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-015",
    slug: "builtin-administrators-sysadmin",
    title: "Every administrator of the host is a sysadmin",
    severity: Severity::High,
    facts: &[Fact::ServerPrincipals, Fact::ServerRoleMembers],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:3.9",
        "cis-2017:3.9",
        "cis-2019:3.9",
        "cis-2022:3.9",
        "stig-2022-instance:V-271350",
        "nist-800-53r5:AC-2",
        "nist-800-53r5:AC-5",
        "nist-800-53r5:AC-6(5)",
        "pci-4.0.1:2.2.2",
        "iso-27001-2022:A.5.3",
        "iso-27001-2022:A.8.2",
        "ms-va:VA1052",
    ],
    attack: &["T1078", "T1078.001"],
    source: include_str!("builtin_administrators_sysadmin.rs"),
    check,
};

/// S-1-5-32-544.
const ADMINISTRATORS: &str = "0x01020000000000052000000020020000";

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let sysadmins = case.sysadmins();
    let group = case.login_with_sid(ADMINISTRATORS);
    let Some(group) = group.filter(|group| sysadmins.contains(&group.principal_id)) else {
        return judgement.pass();
    };
    let rows = case.snapshot.server.server_role_members.seen();
    let between = super::case::rows_between(rows, group.principal_id, super::case::SYSADMIN);
    let mut evidence = vec![Evidence::row("server_principals", None, group)];
    evidence.extend(
        between
            .iter()
            .map(|row| Evidence::row("server_role_members", None, row)),
    );
    let message = format!(
        "{} is in sysadmin: every administrator of the host is one",
        named(&group.name)
    );
    judgement.fail(Subject::server("principal", &group.name), message, evidence);
}
