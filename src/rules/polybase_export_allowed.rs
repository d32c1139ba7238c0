//! What it checks: the option allow polybase export (2016 and later) is running, or configured to run.
//!
//! Why it matters: INSERT into an external table then writes data out of the server, to whatever storage an external
//! data source names.
//!
//! How to fix: EXEC sp_configure 'allow polybase export', 0; RECONFIGURE;
//!
//! When it is fine: where data is archived so on purpose.
//!
//! References: docs: allow polybase export; STIG V-271296; Microsoft VA2126

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-011",
    slug: "polybase-export-allowed",
    title: "PolyBase may write to external storage",
    severity: Severity::Low,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "stig-2022-instance:V-271296",
        "nist-800-53r5:CM-7",
        "pci-4.0.1:2.2.4",
        "soc2:CC6.7",
        "ms-va:VA2126",
    ],
    attack: &["T1505.001"],
    source: include_str!("polybase_export_allowed.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "allow polybase export",
        13,
        "PolyBase may write: a query can store data outside the server",
        "writing by PolyBase is configured, from the next RECONFIGURE at the latest",
    );
}
