//! What it checks: CHECK_POLICY is off for a SQL login that is not disabled.
//!
//! Why it matters: its password may be short or empty, and guessing it locks nothing.
//!
//! How to fix: ALTER LOGIN […] WITH CHECK_POLICY = ON; -- it takes effect at the next change of the password: change
//! it.
//!
//! When it is fine: for a login whose long random password nobody knows. Those that Microsoft's services make
//! (##MS_…##) are disabled; one that is not is judged like any other, since a name proves nothing.
//!
//! References: docs: password policy, ALTER LOGIN; CIS 2022 4.3; Microsoft VA1046; STIG V-271307 asks for expiration of
//! every login too

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-018",
    slug: "password-policy-off",
    title: "The password policy is off for a SQL login",
    severity: Severity::Medium,
    facts: &[Fact::ServerPrincipals, Fact::SqlLogins],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:4.3",
        "cis-2017:4.3",
        "cis-2019:4.3",
        "cis-2022:4.3",
        "stig-2022-instance:V-271307",
        "nist-800-53r5:IA-5",
        "nist-800-53r5:IA-5(1)",
        "pci-4.0.1:8.3.6",
        "iso-27001-2022:A.5.17",
        "iso-27001-2022:A.8.5",
        "soc2:CC6.1",
        "ms-va:VA1046",
    ],
    attack: &["T1078", "T1110"],
    source: include_str!("password_policy_off.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for (login, row) in case.enabled_sql_logins(judgement) {
        let subject = Subject::server("principal", &login.name);
        match row.is_policy_checked {
            Some(true) => judgement.pass(),
            Some(false) => {
                let message = format!("no policy checks the password of {}", named(&login.name));
                let evidence = vec![
                    Evidence::row("server_principals", None, login),
                    Evidence::row("sql_logins", None, row),
                ];
                judgement.fail(subject, message, evidence);
            }
            None => {
                let missing = Missing::new("sql_logins", None, "is_policy_checked");
                judgement.unknown(subject, vec![missing]);
            }
        }
    }
}
