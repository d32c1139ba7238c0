//! What it checks: the option cross db ownership chaining is running, or configured to run.
//!
//! Why it matters: every database then takes part in ownership chains that lead into the others: who may create or
//! change a module of dbo in one database reads and runs what the same owner has in another, unasked. An owner of one
//! database who shares sa as its owner reaches them all.
//!
//! How to fix: EXEC sp_configure 'cross db ownership chaining', 0; RECONFIGURE; -- then ALTER DATABASE … SET
//! DB_CHAINING ON for the few databases that need it together.
//!
//! When it is fine: where every database belongs to one application and one owner.
//!
//! References: docs: cross db ownership chaining; CIS 2022 2.3; Microsoft VA1042

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "TRUST-006",
    slug: "cross-db-chaining-server",
    title: "Ownership chains cross all databases",
    severity: Severity::Medium,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:2.3",
        "cis-2017:2.3",
        "cis-2019:2.3",
        "cis-2022:2.3",
        "nist-800-53r5:AC-3",
        "nist-800-53r5:AC-6",
        "nist-800-53r5:CM-6",
        "pci-4.0.1:2.2.1",
        "pci-4.0.1:2.2.6",
        "iso-27001-2022:A.8.3",
        "iso-27001-2022:A.8.9",
    ],
    attack: &["T1505.001", "T1548", "T1213.006"],
    source: include_str!("cross_db_chaining_server.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "cross db ownership chaining",
        11,
        "ownership chains cross all databases: a module of one reaches what its owner has in another, without a check",
        "ownership chaining across all databases is configured, from the next RECONFIGURE at the latest",
    );
}
