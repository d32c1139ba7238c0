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

use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
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

/// `status` of `sys.dm_server_audit_status`.
const STARTED: i32 = 1;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let server = &case.snapshot.server;
    if !server.audit_status.is_settled() {
        return;
    }
    for audit in server.server_audits.seen() {
        let mut status = server.audit_status.seen().iter();
        let status = status.find(|row| row.audit_id == audit.audit_id);
        let runs = status.is_some_and(|row| row.status == STARTED);
        if audit.is_state_enabled != Some(true) || runs {
            judgement.pass();
            continue;
        }
        let state = status.map_or("not known to the server", |row| row.status_desc.as_str());
        let message = format!(
            "audit {} is configured on, and is {}",
            named(&audit.name),
            named(state)
        );
        let mut evidence = vec![Evidence::row("server_audits", None, audit)];
        evidence.extend(status.map(|row| Evidence::row("audit_status", None, row)));
        judgement.fail(Subject::server("audit", &audit.name), message, evidence);
    }
    judgement.nothing_there("there is no server audit");
}
