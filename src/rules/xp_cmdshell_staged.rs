//! What it checks: the configured and the running value of xp_cmdshell differ, either way. Linux and Azure SQL Managed
//! Instance do not have it: not applicable there.
//!
//! Why it matters: Configured on and running off means that the next RECONFIGURE, by anyone for any reason, or the next
//! restart switches it on. Configured off and running on means that somebody believes it is off.
//!
//! How to fix: EXEC sp_configure 'xp_cmdshell', 0; RECONFIGURE; -- RECONFIGURE also activates every other pending option:
//! look at those first.
//!
//! When it is fine: only during a change that is under way.
//!
//! References: docs: sp_configure, RECONFIGURE; sys.configurations value and value_in_use; STIG V-271302

use super::case::Ruling;
use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-002",
    slug: "xp-cmdshell-staged",
    title: "xp_cmdshell is configured otherwise than it runs",
    severity: Severity::Medium,
    facts: &[Fact::Configurations, Fact::Host],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:2.15",
        "cis-2017:2.15",
        "nist-800-53r5:CM-7",
        "pci-4.0.1:2.2.4",
        "iso-27001-2022:A.8.18",
        "soc2:CC6.8",
    ],
    attack: &["T1505.001", "T1059.003", "AN0511"],
    source: include_str!("xp_cmdshell_staged.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.without_xp_cmdshell(judgement) {
        return;
    }
    case.judge_option(judgement, "xp_cmdshell", 11, |option| {
        match (option.value, option.value_in_use) {
            (Some(set), Some(running)) if set == running => Ruling::Good,
            (Some(0), Some(_)) => Ruling::Bad(
                "xp_cmdshell is configured off but still runs, until RECONFIGURE or a restart",
            ),
            (Some(_), Some(_)) => Ruling::Bad(
                "xp_cmdshell is off, but the next RECONFIGURE or restart switches it on",
            ),
            _ => Ruling::Unseen,
        }
    });
}
