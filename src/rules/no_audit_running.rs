//! What it checks: no server audit is started now, whatever is configured.
//!
//! Why it matters: nothing but the default trace remembers who changed or ran what.
//!
//! How to fix: CREATE SERVER AUDIT … TO FILE (…) WITH (ON_FAILURE = …); a specification with the groups that
//! audit-misses-changes names; ALTER SERVER AUDIT … WITH (STATE = ON);
//!
//! When it is fine: where another product records the same; say so in a waiver.
//!
//! References: docs: SQL Server Audit, sys.dm_server_audit_status; STIG V-271273

use super::audited::is_started;
use super::{Case, Evidence, Judgement, Rule, Severity, Subject};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "AUDIT-002",
    slug: "no-audit-running",
    title: "No audit runs",
    severity: Severity::Medium,
    facts: &[Fact::ServerAudits, Fact::AuditStatus],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "stig-2022-instance:V-271273",
        "stig-2022-instance:V-271370",
        "nist-800-53r5:AC-6(9)",
        "nist-800-53r5:AU-12",
        "nist-800-53r5:AU-14(1)",
        "pci-4.0.1:10.2.1",
        "pci-4.0.1:10.2.1.1",
        "pci-4.0.1:10.2.1.2",
        "pci-4.0.1:10.2.1.3",
        "pci-4.0.1:10.2.1.4",
        "pci-4.0.1:10.2.1.5",
        "pci-4.0.1:10.2.1.6",
        "pci-4.0.1:10.2.1.7",
        "iso-27001-2022:A.8.15",
        "soc2:CC7.2",
        "ms-va:VA1264",
        "ms-va:VA1283",
    ],
    attack: &["T1562.001", "DET0181"],
    source: include_str!("no_audit_running.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let server = &case.snapshot.server;
    let mut status = server.audit_status.seen().iter();
    if let Some(running) = status.find(|row| is_started(row)) {
        return judgement.pass_with(vec![Evidence::row("audit_status", None, running)]);
    }
    if !server.audit_status.is_settled() || !server.server_audits.is_settled() {
        return;
    }
    let (message, evidence) = match server.server_audits.seen() {
        [] => (
            "there is no server audit".to_owned(),
            vec![Evidence::absence("server_audits")],
        ),
        audits => {
            let rows = audits
                .iter()
                .map(|audit| Evidence::row("server_audits", None, audit));
            let status = server.audit_status.seen().iter();
            let status = status.map(|row| Evidence::row("audit_status", None, row));
            let message = format!("none of the {} server audits is started", audits.len());
            (message, rows.chain(status).collect())
        }
    };
    judgement.fail(Subject::instance(), message, evidence);
}
