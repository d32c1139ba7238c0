//! What it checks: a server audit is configured on, and its state now is not started: its target could not be made,
//! it failed, or nobody has seen it start.
//!
//! Why it matters: the configuration looks right, and nothing is recorded.
//!
//! How to fix: look into the error log for the reason, mend the target, then ALTER SERVER AUDIT … WITH (STATE = OFF);
//! ALTER SERVER AUDIT … WITH (STATE = ON);
//!
//! When it is fine: never.
//!
//! References: docs: sys.dm_server_audit_status

use super::audited::{is_started, status_of};
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "AUDIT-006",
    slug: "audit-configured-not-running",
    title: "An audit that is configured on does not run",
    severity: Severity::High,
    facts: &[Fact::ServerAudits, Fact::AuditStatus],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AU-5",
        "nist-800-53r5:AU-12",
        "pci-4.0.1:10.2.1",
        "pci-4.0.1:10.7.2",
        "iso-27001-2022:A.8.15",
        "soc2:CC7.2",
    ],
    attack: &["T1562.001"],
    source: include_str!("audit_configured_not_running.rs"),
    check,
};

/// Of an audit without a row in `sys.dm_server_audit_status`.
const NOT_KNOWN: &str = "not known to the engine";

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let server = &case.snapshot.server;
    for audit in server.server_audits.seen() {
        let subject = Subject::server("audit", &audit.name);
        let status = status_of(case, audit);
        match (audit.is_state_enabled, status) {
            (Some(false), _) => judgement.not_applicable("the audit is configured off"),
            (None, _) => {
                let missing = Missing::new("server_audits", None, "whether it is configured on");
                judgement.unknown(subject, vec![missing]);
            }
            (Some(true), Some(row)) if is_started(row) => {
                judgement.pass_with(vec![Evidence::row("audit_status", None, row)]);
            }
            (Some(true), None) if !server.audit_status.is_settled() => {}
            (Some(true), _) => {
                let message = format!(
                    "audit {} is configured on, and is {}",
                    named(&audit.name),
                    status.map_or_else(|| NOT_KNOWN.to_owned(), |row| named(&row.status_desc))
                );
                let mut evidence = vec![Evidence::row("server_audits", None, audit)];
                evidence.extend(status.map(|row| Evidence::row("audit_status", None, row)));
                judgement.fail(subject, message, evidence);
            }
        }
    }
    judgement.nothing_there("there is no server audit");
}
