//! What it checks: an enabled server audit has a predicate (WHERE), which drops records.
//!
//! Why it matters: a predicate that names a login or an object hides what that login does, or what is done to that
//! object; nobody sees what was dropped.
//!
//! How to fix: ALTER SERVER AUDIT … WITH (STATE = OFF); ALTER SERVER AUDIT … REMOVE WHERE; ALTER SERVER AUDIT … WITH
//! (STATE = ON); or a predicate that has been read and approved.
//!
//! When it is fine: where it drops what is known to be noise, such as the statements of a monitor.
//!
//! References: docs: CREATE SERVER AUDIT (WHERE)

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "AUDIT-005",
    slug: "audit-narrowed",
    title: "An audit leaves records out",
    severity: Severity::Medium,
    facts: &[Fact::ServerAudits],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:AU-12", "iso-27001-2022:A.8.15", "soc2:CC7.2"],
    attack: &["T1562.001", "DET0181"],
    source: include_str!("audit_narrowed.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for audit in case.snapshot.server.server_audits.seen() {
        let subject = Subject::server("audit", &audit.name);
        let predicate = audit.predicate.as_deref().unwrap_or_default().trim();
        match audit.is_state_enabled {
            Some(false) => judgement.not_applicable("an audit that is off leaves out everything"),
            _ if predicate.is_empty() => judgement.pass(),
            None => {
                let missing = Missing::new("server_audits", None, "whether it is configured on");
                judgement.unknown(subject, vec![missing]);
            }
            Some(true) => {
                let message = format!(
                    "audit {} drops records that do not match {}",
                    named(&audit.name),
                    named(predicate)
                );
                let evidence = vec![Evidence::row("server_audits", None, audit)];
                judgement.fail(subject, message, evidence);
            }
        }
    }
    judgement.nothing_there("there is no server audit");
}
