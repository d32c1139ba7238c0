//! What it checks: extended support of the release has ended on the day as of which is judged (table of Microsoft's
//! lifecycle pages, read in November 2026). In the last year before it the finding is low. A release that the table does
//! not have is unknown.
//!
//! Why it matters: faults found since are not mended, unless Extended Security Updates are bought.
//!
//! How to fix: upgrade; or buy Extended Security Updates and waive this until they end.
//!
//! When it is fine: with Extended Security Updates.
//!
//! References: Microsoft Lifecycle Policy, SQL Server; Microsoft VA2128 asks for 2012 or later

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::ids::release;
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-019",
    slug: "unsupported-version",
    title: "Microsoft no longer supports this version",
    severity: Severity::High,
    facts: &[Fact::ServerIdentity],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:1.1",
        "cis-2017:1.1",
        "cis-2019:1.1",
        "cis-2022:1.1",
        "stig-2022-instance:V-271365",
        "nist-800-53r5:RA-5",
        "nist-800-53r5:SA-22",
        "nist-800-53r5:SI-2",
        "pci-4.0.1:6.3.3",
        "pci-4.0.1:12.3.4",
        "iso-27001-2022:A.8.8",
        "soc2:CC7.1",
    ],
    attack: &["T1068", "T1190"],
    source: include_str!("unsupported_version.rs"),
    check,
};

/// Last day of extended support by release (Microsoft Lifecycle Policy).
const ENDS: &[(&str, &str)] = &[
    ("2012", "2022-07-12"),
    ("2014", "2024-07-09"),
    ("2016", "2026-07-14"),
    ("2017", "2027-10-12"),
    ("2019", "2030-01-08"),
    ("2022", "2033-01-11"),
    ("2025", "2036-01-06"),
];
const SOON: i64 = 365;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let Some(identity) = case.snapshot.server.server_identity.known() else {
        return;
    };
    if identity.is_managed_instance() {
        return judgement.does_not_arise("Microsoft keeps Azure SQL Managed Instance up to date");
    }
    let release = release(&identity.product_version);
    let end = ENDS.iter().find(|(name, _)| Some(*name) == release);
    let left = end.and_then(|(_, end)| case.days_until(end));
    let (Some((name, end)), Some(left)) = (end, left) else {
        let need = format!(
            "the day on which support of {} ends",
            named(&identity.product_version)
        );
        let missing = Missing::new("server_identity", None, need);
        return judgement.unknown(Subject::instance(), vec![missing]);
    };
    let evidence = vec![Evidence::row("server_identity", None, identity)];
    match left {
        ..0 => {
            let message = format!("support of SQL Server {name} ended on {end}");
            judgement.fail(Subject::instance(), message, evidence);
        }
        0..SOON => {
            let message = format!("support of SQL Server {name} ends on {end}, in {left} days");
            judgement.fail_at(Severity::Low, Subject::instance(), message, evidence);
        }
        _ => judgement.pass_with(evidence),
    }
}
