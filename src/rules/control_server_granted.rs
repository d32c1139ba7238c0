//! What it checks: who besides sysadmin holds CONTROL SERVER: logins, server roles with their members through any
//! nesting, public. A DENY of it, to the grantee, to a role it is in or to public, takes a grant back. Members of
//! sysadmin do not count, whatever they are granted besides, nor do logins of certificates and keys, since nobody
//! connects as one (setup itself gives CONTROL SERVER to some). public is critical; a role without members and a login
//! that is disabled are low. A grantee whose name is hidden is unknown.
//!
//! Why it matters: whoever holds it acts as sa by EXECUTE AS LOGIN, or grants it out to a login of its own making, and
//! runs every command channel as the service account. Lists of sysadmin do not show it.
//!
//! How to fix: REVOKE CONTROL SERVER FROM [name]; ALTER SERVER ROLE [role] DROP MEMBER [name]; where that is the way.
//!
//! When it is fine: for an administrator who should not be in sysadmin so that a DENY can bind him; single DENYs do not
//! hold against CONTROL SERVER, so count him as sysadmin.
//!
//! References: docs: GRANT server permissions, server-level roles, permissions (algorithm); STIG V-271350

use super::granted::judge_grants;
use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-003",
    slug: "control-server-granted",
    title: "CONTROL SERVER is held without being sysadmin",
    severity: Severity::Critical,
    facts: &[
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "stig-2022-instance:V-271341",
        "stig-2022-instance:V-271350",
        "nist-800-53r5:AC-3",
        "nist-800-53r5:AC-6",
        "nist-800-53r5:AC-6(1)",
        "nist-800-53r5:AC-6(10)",
        "nist-800-53r5:AU-9",
        "nist-800-53r5:AU-9(4)",
        "nist-800-53r5:CM-5",
        "nist-800-53r5:CM-5(1)",
        "pci-4.0.1:7.2.2",
        "pci-4.0.1:10.3.2",
        "iso-27001-2022:A.8.2",
        "soc2:CC6.1",
        "soc2:CC6.3",
    ],
    attack: &["T1505.001", "T1078", "T1098"],
    source: include_str!("control_server_granted.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let granted = case.graph().granted_on_server("CL").into_iter();
    judge_grants(case, judgement, granted, |_, grantee| {
        let (who, through) = (grantee.named(), grantee.through());
        let message = format!("{who} holds CONTROL SERVER, which is as good as sysadmin{through}");
        (message, Vec::new())
    });
}
