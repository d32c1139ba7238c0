//! What it checks: the build is older than the first of its servicing branch that carries the security update of
//! August 2025 (CVE-2025-49758). The table is of that month, third-party figures: newer updates are not in it, and
//! the finding says its age.
//!
//! Why it matters: with that fault whoever may ALTER ANY LOGIN makes himself administrator by a login that the server
//! should protect.
//!
//! How to fix: install the newest cumulative update or GDR of the branch.
//!
//! When it is fine: in the weeks that a test of the update takes.
//!
//! References: Microsoft Security Update Guide, CVE-2025-49758; build lists

use super::{Case, Evidence, Judgement, Rule, Severity, Subject};
use crate::graph::protects_strong_logins;
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-020",
    slug: "missing-security-update",
    title: "Security updates are missing",
    severity: Severity::Medium,
    facts: &[Fact::ServerIdentity],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:1.1",
        "cis-2017:1.1",
        "cis-2019:1.1",
        "cis-2022:1.1",
        "stig-2022-instance:V-271364",
        "nist-800-53r5:RA-5",
        "nist-800-53r5:SI-2",
        "pci-4.0.1:6.3.3",
        "iso-27001-2022:A.8.8",
        "soc2:CC5.2",
        "soc2:CC7.1",
        "ms-va:VA1018",
    ],
    attack: &["T1068", "T1190"],
    source: include_str!("missing_security_update.rs"),
    check,
};

/// When the table of builds was last brought up to date.
const TABLE: &str = "2025-08-12";

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let Some(identity) = case.snapshot.server.server_identity.known() else {
        return;
    };
    if identity.is_managed_instance() {
        return judgement.does_not_arise("Microsoft keeps Azure SQL Managed Instance up to date");
    }
    let evidence = vec![Evidence::row("server_identity", None, identity)];
    if protects_strong_logins(case.snapshot) {
        return judgement.pass_with(evidence);
    }
    let age = case.days_until(TABLE).map_or(0, |days| -days);
    let message = format!(
        "build {} is older than the security update of August 2025; the table of builds is {age} days old",
        identity.product_version
    );
    judgement.fail(Subject::instance(), message, evidence);
}
