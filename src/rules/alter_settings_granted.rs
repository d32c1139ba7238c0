//! What it checks: who besides sysadmin may set configuration options: holders of ALTER SETTINGS, members of
//! serveradmin, which carries it, through any nesting, and public. A DENY takes it back, as it does everywhere. Who has
//! it by CONTROL SERVER is found by control-server-granted and not here. Members of sysadmin and logins of keys do not
//! count. public is critical; a role of users without members and a login that is disabled are low.
//!
//! Why it matters: sp_configure and RECONFIGURE switch xp_cmdshell, OLE automation, external scripts and CLR on. Whoever
//! may execute one of these, or a module that does, waits only for that.
//!
//! How to fix: REVOKE ALTER SETTINGS FROM [name]; ALTER SERVER ROLE serveradmin DROP MEMBER [name];
//!
//! When it is fine: for operators who set memory and parallelism, with an audit that records changes of options.
//!
//! References: docs: sp_configure, server-level roles, GRANT server permissions; STIG V-271350

use super::granted::judge_grants;
use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-004",
    slug: "alter-settings-granted",
    title: "Options may be set without being sysadmin",
    severity: Severity::Critical,
    facts: &[
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AC-3",
        "nist-800-53r5:AC-6",
        "nist-800-53r5:AC-6(1)",
        "nist-800-53r5:AC-6(10)",
        "nist-800-53r5:CM-5",
        "nist-800-53r5:CM-5(1)",
        "pci-4.0.1:7.2.2",
        "iso-27001-2022:A.8.2",
        "soc2:CC6.1",
        "soc2:CC6.3",
    ],
    attack: &["T1505.001", "T1078", "T1098"],
    source: include_str!("alter_settings_granted.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let granted = case.graph().granted_on_server("ALST").into_iter();
    let granted = granted.filter(|granted| granted.code == "ALST");
    judge_grants(case, judgement, granted, |_, grantee| {
        let (who, through) = (grantee.named(), grantee.through());
        let message =
            format!("{who} holds ALTER SETTINGS and so sets options by sp_configure{through}");
        (message, Vec::new())
    });
}
