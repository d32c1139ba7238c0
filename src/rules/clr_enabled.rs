//! What it checks: the option clr enabled is running, or configured to run, however strict the server is about what
//! it loads. What is loaded is the other rules' of this family.
//!
//! Why it matters: every assembly is code inside the server process. Where none is needed nothing should be able to
//! load one.
//!
//! How to fix: EXEC sp_configure 'clr enabled', 0; RECONFIGURE; -- where no assembly of users is in use; the server's
//! own types work without it.
//!
//! When it is fine: where known assemblies are in use and clr strict security is on: the benchmarks of 2017 and later
//! ask for one of the two, the STIG for an approval.
//!
//! References: docs: clr enabled; STIG V-271301; CIS 2022 2.2; Microsoft VA1023

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "CLR-007",
    slug: "clr-enabled",
    title: "CLR is enabled",
    severity: Severity::Low,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:2.2",
        "stig-2022-instance:V-271301",
        "stig-2022-instance:V-271359",
        "nist-800-53r5:CM-7",
        "pci-4.0.1:2.2.4",
        "iso-27001-2022:A.8.18",
        "ms-va:VA1023",
        "ms-va:VA1026",
    ],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("clr_enabled.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "clr enabled",
        11,
        "CLR runs: assemblies can be loaded into the server process",
        "CLR is configured to run, from the next RECONFIGURE at the latest",
    );
}
