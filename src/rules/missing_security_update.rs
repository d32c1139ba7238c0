//! What it checks: the build is older than the newest security update of its servicing branch, as Microsoft's list of
//! builds had it in August 2026: that of July 2026, and the last ones of 2014 (October 2023) and of 2012 (February 2023).
//! The finding says how old the list is; a list of more than a year lets nothing pass. Updates that only Extended
//! Security Updates bring are not in it.
//!
//! Why it matters: what an update mends is known to everybody from that day.
//!
//! How to fix: install the newest cumulative update or GDR of the branch.
//!
//! When it is fine: in the weeks that a test of the update takes.
//!
//! References: docs: latest updates and version history for SQL Server; Microsoft Security Update Guide; CIS 2022 1.1;
//! Microsoft VA1018

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::graph::{SECURITY_UPDATES_LISTED, SecurityUpdate};
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

/// Days for which a list of builds can say that nothing is missing.
const FRESH: i64 = 365;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let Some(identity) = case.snapshot.server.server_identity.known() else {
        return;
    };
    if identity.is_managed_instance() {
        return judgement.does_not_arise("Microsoft keeps Azure SQL Managed Instance up to date");
    }
    let unknown = |judgement: &mut Judgement, need: String| {
        let missing = Missing::new("server_identity", None, need);
        judgement.unknown(Subject::instance(), vec![missing]);
    };
    let version = &identity.product_version;
    let age = case.days_until(SECURITY_UPDATES_LISTED).map(|days| -days);
    let Some(update) = SecurityUpdate::newest(version) else {
        let need = format!("the security updates of {}", named(version));
        return unknown(judgement, need);
    };
    let evidence = vec![Evidence::row("server_identity", None, identity)];
    match age {
        _ if !update.is_installed => {
            let age = age.map_or_else(
                || "of no known age".to_owned(),
                |age| format!("{age} days old"),
            );
            let message = format!(
                "build {version} is older than {}, the newest security update of its branch; the list of builds is {age}",
                update.build
            );
            judgement.fail(Subject::instance(), message, evidence);
        }
        Some(..=FRESH) => judgement.pass_with(evidence),
        _ => {
            let need = format!(
                "security updates since {SECURITY_UPDATES_LISTED}, the day of the list of builds"
            );
            unknown(judgement, need);
        }
    }
}
