//! What it checks: action groups that record creation and change of modules and assemblies, of options, of roles and
//! permissions, and of the audit itself, are in no enabled server specification of a started audit. One finding names
//! those that are missing. What an audit's predicate drops all the same is for audit-narrowed.
//!
//! Why it matters: AN0511 is about creation or modification: what is not recorded cannot be detected, and nobody can
//! be asked about it.
//!
//! How to fix: ALTER SERVER AUDIT SPECIFICATION … ADD (SCHEMA_OBJECT_CHANGE_GROUP), ADD (…); -- the groups that the
//! finding names.
//!
//! When it is fine: where another product records them, or database specifications do so in every database; say so in
//! a waiver.
//!
//! References: docs: SQL Server Audit action groups and actions; MITRE ATT&CK AN0511; STIG V-271351

use super::audited::must_record;
use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "AUDIT-003",
    slug: "audit-misses-changes",
    title: "Changes that open a command channel are not recorded",
    severity: Severity::Medium,
    facts: &[
        Fact::ServerAudits,
        Fact::AuditStatus,
        Fact::ServerAuditSpecifications,
        Fact::ServerAuditSpecificationDetails,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "stig-2022-instance:V-271351",
        "nist-800-53r5:AC-6(9)",
        "nist-800-53r5:AU-2",
        "nist-800-53r5:AU-12",
        "nist-800-53r5:CM-3",
        "nist-800-53r5:CM-5(1)",
        "pci-4.0.1:10.2.1.2",
        "iso-27001-2022:A.8.15",
        "soc2:CC7.2",
        "soc2:CC8.1",
    ],
    attack: &["AN0511", "DET0181", "AN0512"],
    source: include_str!("audit_misses_changes.rs"),
    check,
};

/// What must be recorded (docs: SQL Server Audit action groups).
const GROUPS: &[&str] = &[
    "AUDIT_CHANGE_GROUP",
    "DATABASE_CHANGE_GROUP",
    "DATABASE_OBJECT_CHANGE_GROUP",
    "DATABASE_OBJECT_PERMISSION_CHANGE_GROUP",
    "DATABASE_OWNERSHIP_CHANGE_GROUP",
    "DATABASE_PERMISSION_CHANGE_GROUP",
    "DATABASE_PRINCIPAL_CHANGE_GROUP",
    "DATABASE_ROLE_MEMBER_CHANGE_GROUP",
    "SCHEMA_OBJECT_CHANGE_GROUP",
    "SCHEMA_OBJECT_PERMISSION_CHANGE_GROUP",
    "SERVER_OBJECT_CHANGE_GROUP",
    "SERVER_OBJECT_PERMISSION_CHANGE_GROUP",
    "SERVER_OPERATION_GROUP",
    "SERVER_PERMISSION_CHANGE_GROUP",
    "SERVER_PRINCIPAL_CHANGE_GROUP",
    "SERVER_ROLE_MEMBER_CHANGE_GROUP",
];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    must_record(case, judgement, GROUPS, |missing| {
        format!(
            "changes are not recorded by a running audit: {} of {} action groups are missing: {}",
            missing.len(),
            GROUPS.len(),
            missing.join(", ")
        )
    });
}
