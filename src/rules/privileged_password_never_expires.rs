//! What it checks: CHECK_EXPIRATION is off for a SQL login that is not disabled and is in sysadmin or holds CONTROL
//! SERVER, itself or through roles.
//!
//! Why it matters: what was once read or guessed works for ever.
//!
//! How to fix: ALTER LOGIN […] WITH CHECK_EXPIRATION = ON, CHECK_POLICY = ON; -- for people. Change the password by a
//! vault for services.
//!
//! When it is fine: for accounts whose password a vault changes.
//!
//! References: docs: password policy, ALTER LOGIN; CIS 2022 4.2

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-019",
    slug: "privileged-password-never-expires",
    title: "The password of a privileged SQL login never expires",
    severity: Severity::Low,
    facts: &[
        Fact::ServerPrincipals,
        Fact::SqlLogins,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:4.2",
        "cis-2017:4.2",
        "cis-2019:4.2",
        "cis-2022:4.2",
        "stig-2022-instance:V-271307",
        "nist-800-53r5:IA-5",
        "nist-800-53r5:IA-5(1)",
        "pci-4.0.1:8.3.9",
        "iso-27001-2022:A.5.17",
        "ms-va:VA1047",
    ],
    attack: &["T1078"],
    source: include_str!("privileged_password_never_expires.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let graph = case.graph();
    for (login, row) in case.enabled_sql_logins(judgement) {
        let Some(power) = graph.is_privileged(login.principal_id) else {
            judgement.not_applicable("not privileged");
            continue;
        };
        let subject = Subject::server("principal", &login.name);
        match row.is_expiration_checked {
            Some(true) => judgement.pass(),
            Some(false) => {
                let message = format!(
                    "the password of {}, who is privileged, never expires",
                    named(&login.name)
                );
                let mut evidence = vec![
                    Evidence::row("server_principals", None, login),
                    Evidence::row("sql_logins", None, row),
                ];
                Evidence::extend(&mut evidence, case.cited(power.iter()));
                judgement.fail(subject, message, evidence);
            }
            None => {
                let missing = Missing::new("sql_logins", None, "is_expiration_checked");
                judgement.unknown(subject, vec![missing]);
            }
        }
    }
}
