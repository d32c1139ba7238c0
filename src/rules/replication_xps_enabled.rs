//! What it checks: the option Replication XPs is running, or configured to run. It is internal, and nothing else
//! needs it but old replication setups.
//!
//! Why it matters: it opens extended procedures that nobody else uses.
//!
//! How to fix: EXEC sp_configure 'show advanced options', 1; RECONFIGURE; EXEC sp_configure 'Replication XPs', 0;
//! RECONFIGURE;
//!
//! When it is fine: on instances that take part in replication and whose agents fail without it.
//!
//! References: docs: Replication XPs (server configuration option); STIG V-271292; Microsoft VA1235

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-015",
    slug: "replication-xps-enabled",
    title: "Replication procedures are enabled",
    severity: Severity::Info,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "stig-2022-instance:V-271292",
        "nist-800-53r5:CM-7",
        "pci-4.0.1:2.2.4",
        "ms-va:VA1235",
    ],
    attack: &[],
    source: include_str!("replication_xps_enabled.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "Replication XPs",
        11,
        "replication procedures are enabled",
        "replication procedures are configured to run, from the next RECONFIGURE at the latest",
    );
}
