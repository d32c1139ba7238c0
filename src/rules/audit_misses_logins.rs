//! What it checks: the action groups of successful and failed logins, and of changes of the audit, are in no enabled
//! server specification of a started audit. Users of contained databases come in by groups of their own;
//! contained-authentication says where there can be such.
//!
//! Why it matters: who came in, and who tried, is what every inquiry begins with. The error log keeps failed logins
//! for as many restarts as it keeps files.
//!
//! How to fix: ALTER SERVER AUDIT SPECIFICATION … ADD (SUCCESSFUL_LOGIN_GROUP), ADD (FAILED_LOGIN_GROUP), ADD
//! (AUDIT_CHANGE_GROUP);
//!
//! When it is fine: where another product records them.
//!
//! References: docs: SQL Server Audit action groups and actions; CIS 2022 5.4

use super::audited::must_record;
use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "AUDIT-004",
    slug: "audit-misses-logins",
    title: "Logins are not recorded",
    severity: Severity::Low,
    facts: &[
        Fact::ServerAudits,
        Fact::AuditStatus,
        Fact::ServerAuditSpecifications,
        Fact::ServerAuditSpecificationDetails,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:5.4",
        "cis-2017:5.4",
        "cis-2019:5.4",
        "cis-2022:5.4",
        "nist-800-53r5:AU-2",
        "nist-800-53r5:AU-12",
        "iso-27001-2022:A.8.15",
        "soc2:CC7.2",
    ],
    attack: &[],
    source: include_str!("audit_misses_logins.rs"),
    check,
};

const GROUPS: &[&str] = &[
    "AUDIT_CHANGE_GROUP",
    "FAILED_LOGIN_GROUP",
    "SUCCESSFUL_LOGIN_GROUP",
];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    must_record(case, judgement, GROUPS, |missing| {
        format!("not recorded by a running audit: {}", missing.join(", "))
    });
}
