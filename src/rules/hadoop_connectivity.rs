//! What it checks: the option hadoop connectivity (2016 and later) has a value other than 0, running or configured.
//!
//! Why it matters: PolyBase then loads Java code and reads and writes files of other systems, by external data
//! sources that CONTROL DATABASE makes.
//!
//! How to fix: EXEC sp_configure 'hadoop connectivity', 0; RECONFIGURE; -- takes effect at the next restart, of the
//! PolyBase services too.
//!
//! When it is fine: where Hadoop or Azure blob storage is read so; 2022 and later need it for neither.
//!
//! References: docs: hadoop connectivity; STIG V-271297; Microsoft VA2126

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-012",
    slug: "hadoop-connectivity",
    title: "Connections to Hadoop are enabled",
    severity: Severity::Low,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "stig-2022-instance:V-271297",
        "nist-800-53r5:CM-7",
        "pci-4.0.1:2.2.4",
        "ms-va:VA2126",
    ],
    attack: &["T1505.001"],
    source: include_str!("hadoop_connectivity.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "hadoop connectivity",
        13,
        "Hadoop connectivity is on: PolyBase reads and writes files of other systems",
        "Hadoop connectivity is configured on, from the next restart",
    );
}
