//! What it checks: BUILTIN\Administrators, told by its sid, is in sysadmin, through nested roles too. Low on Linux, where
//! setup makes it so and no account of the host is in it. Azure SQL Managed Instance has no such group.
//!
//! Why it matters: whoever administers the host then reads every database without being named for it, and so does a
//! service or a tool that runs as LocalSystem. Setup has not made it so since 2008.
//!
//! How to fix: ALTER SERVER ROLE sysadmin DROP MEMBER [BUILTIN\Administrators]; -- after a group of database
//! administrators is in.
//!
//! When it is fine: on Linux, where Microsoft keeps it for compatibility; and on a test host of one person.
//!
//! References: docs: server-level roles, security considerations for setup, security and permissions of SQL Server on
//! Linux; CIS 2022 3.9 asks for no BUILTIN group at all: see local-group-login

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-015",
    slug: "builtin-administrators-sysadmin",
    title: "Every administrator of the host is a sysadmin",
    severity: Severity::High,
    facts: &[Fact::Host, Fact::ServerPrincipals, Fact::ServerRoleMembers],
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
pub(super) const ADMINISTRATORS: &str = "0x01020000000000052000000020020000";

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.is_managed_instance() {
        return judgement.does_not_arise("Azure SQL Managed Instance does not have it");
    }
    let sysadmins = case.sysadmins();
    let group = case.login_with_sid(ADMINISTRATORS);
    let Some(group) = group.filter(|group| sysadmins.contains(&group.principal_id)) else {
        groups_without_sid(case, judgement);
        return judgement.pass_unless_open();
    };
    let rows = case.snapshot.server.server_role_members.seen();
    let between = super::case::rows_between(rows, group.principal_id, super::case::SYSADMIN);
    let mut evidence = vec![Evidence::row("server_principals", None, group)];
    evidence.extend(
        between
            .iter()
            .map(|row| Evidence::row("server_role_members", None, row)),
    );
    let (severity, so) = if case.is_on_linux() {
        (
            Severity::Low,
            "setup made it so, and no account of the host is in it",
        )
    } else {
        (RULE.severity, "every administrator of the host is one")
    };
    let message = format!("{} is in sysadmin: {so}", named(&group.name));
    let subject = Subject::server("principal", &group.name);
    judgement.fail_at(severity, subject, message, evidence);
}

/// A group in sysadmin whose sid was not seen could be the one.
fn groups_without_sid(case: &Case<'_>, judgement: &mut Judgement) {
    for id in case.sysadmins() {
        let group = case.login(id).filter(|login| login.r#type == "G");
        if let Some(group) = group.filter(|group| group.sid.is_none()) {
            let missing = Missing::new("server_principals", None, "the group's sid");
            judgement.unknown(Subject::server("principal", &group.name), vec![missing]);
        }
    }
}
