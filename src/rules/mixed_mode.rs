//! What it checks: the instance takes SQL Server authentication besides that of Windows. Azure SQL Managed Instance has
//! another setting for that, which is not read: there it is unknown.
//!
//! Why it matters: passwords of SQL logins stand in configuration files and travel over the network; no smart card,
//! no lockout across servers, no account that the directory disables.
//!
//! How to fix: move applications to Windows accounts, then set the server authentication to Windows in the instance's
//! properties, and restart. On Azure SQL Managed Instance: Entra-only authentication.
//!
//! When it is fine: on Linux outside a domain, and for applications that know nothing else; then keep the logins few
//! and their passwords checked by policy.
//!
//! References: docs: choose an authentication mode; CIS 2022 3.1; Microsoft VA1072; STIG V-271265 takes it once it is
//! approved

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-017",
    slug: "mixed-mode",
    title: "SQL logins are accepted",
    severity: Severity::Low,
    facts: &[Fact::ServerIdentity],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:3.1",
        "cis-2017:3.1",
        "cis-2019:3.1",
        "cis-2022:3.1",
        "nist-800-53r5:AC-2(1)",
        "nist-800-53r5:IA-2",
        "iso-27001-2022:A.8.5",
        "soc2:CC6.1",
        "ms-va:VA1072",
    ],
    attack: &["T1078"],
    source: include_str!("mixed_mode.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let Some(identity) = case.snapshot.server.server_identity.known() else {
        return;
    };
    if identity.is_managed_instance() {
        let need = "whether Entra-only authentication is on (Azure portal), which is not read";
        let missing = Missing::new("server_identity", None, need);
        return judgement.unknown(Subject::instance(), vec![missing]);
    }
    let evidence = vec![Evidence::row("server_identity", None, identity)];
    match identity.is_integrated_security_only {
        Some(true) => judgement.pass_with(evidence),
        Some(false) => {
            let message = "SQL logins are accepted besides Windows accounts";
            judgement.fail(Subject::instance(), message, evidence);
        }
        None => {
            let missing = Missing::new("server_identity", None, "IsIntegratedSecurityOnly");
            judgement.unknown(Subject::instance(), vec![missing]);
        }
    }
}
