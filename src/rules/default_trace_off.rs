//! What it checks: the option default trace enabled is off, running or configured.
//!
//! Why it matters: the default trace is what remembers changes of options, logins and objects where no audit does.
//! Switching it off leaves no trace of its own but one line in the error log.
//!
//! How to fix: EXEC sp_configure 'show advanced options', 1; RECONFIGURE; EXEC sp_configure 'default trace enabled',
//! 1; RECONFIGURE;
//!
//! When it is fine: where an audit records the same and more; the trace is deprecated, not gone.
//!
//! References: docs: default trace enabled; CIS 2022 5.2; Microsoft VA1045

use super::case::Ruling;
use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "AUDIT-001",
    slug: "default-trace-off",
    title: "The default trace is off",
    severity: Severity::Medium,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:5.2",
        "cis-2017:5.2",
        "cis-2019:5.2",
        "cis-2022:5.2",
        "nist-800-53r5:AU-12",
        "nist-800-53r5:CM-6",
        "pci-4.0.1:2.2.6",
        "iso-27001-2022:A.8.9",
        "iso-27001-2022:A.8.15",
        "soc2:CC7.2",
        "ms-va:VA1045",
    ],
    attack: &["T1562.001", "DET0181"],
    source: include_str!("default_trace_off.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.judge_option(judgement, "default trace enabled", 11, |option| {
        match (option.value, option.value_in_use) {
            (_, Some(0)) => Ruling::Bad("the default trace does not run"),
            (Some(0), _) => Ruling::Bad(
                "the default trace is configured off, from the next RECONFIGURE at the latest",
            ),
            (Some(_), Some(_)) => Ruling::Good,
            _ => Ruling::Unseen,
        }
    });
}
