//! What it checks: the running value of the option xp_cmdshell (sys.configurations.value_in_use) is not 0. Linux and Azure
//! SQL Managed Instance do not have it: not applicable there, whatever the option says.
//!
//! Why it matters: xp_cmdshell runs any operating-system command as the service account, or as the proxy account for
//! logins that are neither sysadmin nor hold CONTROL SERVER. It is the shortest way from a login to the host.
//!
//! How to fix: EXEC sp_configure 'xp_cmdshell', 0; RECONFIGURE; -- after finding out who uses it. RECONFIGURE also
//! activates every other pending option: look at those first. The option is advanced: sp_configure shows and sets it
//! only while show advanced options is 1.
//!
//! When it is fine: rarely; some backup and maintenance products ask for it. Then say who may execute it, and watch it.
//!
//! References: docs: sp_configure, xp_cmdshell; MITRE ATT&CK T1505.001; STIG V-271302; CIS 2017 2.15 (CIS 2019 and 2022
//! have no item for it); Microsoft VA1059

use super::case::Ruling;
use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-001",
    slug: "xp-cmdshell-enabled",
    title: "xp_cmdshell is running",
    severity: Severity::High,
    facts: &[Fact::Configurations, Fact::Host],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:2.15",
        "cis-2017:2.15",
        "stig-2022-instance:V-271302",
        "nist-800-53r5:CM-7",
        "nist-800-53r5:CM-7(2)",
        "pci-4.0.1:2.2.4",
        "iso-27001-2022:A.8.18",
        "soc2:CC6.8",
        "ms-va:VA1059",
        "ms-va:VA2120",
    ],
    attack: &["T1505.001", "T1059.003", "AN0511"],
    source: include_str!("xp_cmdshell_enabled.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.without_xp_cmdshell(judgement) {
        return;
    }
    case.judge_option(judgement, "xp_cmdshell", 11, |option| {
        match option.value_in_use {
            Some(0) => Ruling::Good,
            Some(_) => {
                Ruling::Bad("xp_cmdshell is running: SQL can start operating-system commands")
            }
            None => Ruling::Unseen,
        }
    });
}
