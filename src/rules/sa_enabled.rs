//! What it checks: the login with the id 1, sa whatever it is called now, is enabled. Lower where the instance takes
//! Windows authentication alone, which keeps it out for now.
//!
//! Why it matters: everybody knows that it is there, it cannot be taken out of sysadmin, and where CHECK_POLICY is off
//! for it no number of wrong passwords locks it. It is what password guessing aims at.
//!
//! How to fix: ALTER LOGIN [sa] DISABLE; -- first make sure that two administrators get in by other logins, and that no
//! application and no linked server logs in as it. Jobs and databases that it owns keep working.
//!
//! When it is fine: while an application of a vendor insists on it.
//!
//! References: docs: principals (sa login), ALTER LOGIN; STIG V-274444; CIS 2022 2.13; Microsoft VA1058

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-013",
    slug: "sa-enabled",
    title: "sa can log in",
    severity: Severity::Medium,
    facts: &[Fact::ServerPrincipals, Fact::ServerIdentity],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:2.13",
        "cis-2017:2.13",
        "cis-2019:2.13",
        "cis-2022:2.13",
        "stig-2022-instance:V-274444",
        "nist-800-53r5:AC-2",
        "pci-4.0.1:2.2.2",
        "pci-4.0.1:8.2.1",
        "pci-4.0.1:8.2.2",
        "iso-27001-2022:A.5.16",
        "iso-27001-2022:A.8.2",
        "iso-27001-2022:A.8.5",
        "soc2:CC6.2",
        "ms-va:VA1058",
    ],
    attack: &["T1078", "T1078.001"],
    source: include_str!("sa_enabled.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let Some(sa) = case.login(super::case::SA) else {
        let missing = Missing::new("server_principals", None, "the row of sa");
        return judgement.unknown(Subject::server("principal", "sa"), vec![missing]);
    };
    let evidence = vec![Evidence::row("server_principals", None, sa)];
    let subject = || Subject::server("principal", &sa.name);
    match sa.is_disabled {
        Some(true) => judgement.pass_with(evidence),
        Some(false) => {
            let identity = case.snapshot.server.server_identity.known();
            let windows = identity.and_then(|identity| identity.is_integrated_security_only);
            let (severity, so) = match windows {
                Some(true) => (
                    Severity::Low,
                    ", kept out only while the instance takes Windows authentication alone",
                ),
                _ => (RULE.severity, ""),
            };
            let message = format!(
                "{}, the login with the id 1, is enabled{so}",
                named(&sa.name)
            );
            judgement.fail_at(severity, subject(), message, evidence);
        }
        None => {
            let missing = Missing::new("server_principals", None, "whether sa is disabled");
            judgement.unknown(subject(), vec![missing]);
        }
    }
}
