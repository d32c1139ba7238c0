//! What it checks: the option Ole Automation Procedures is running, or configured to run. Linux does not have it: not
//! applicable there.
//!
//! Why it matters: sp_OACreate and its siblings create COM objects inside the server: WScript.Shell runs commands,
//! Scripting.FileSystemObject writes files, both as the service account. They need sysadmin or a grant of EXECUTE on them.
//!
//! How to fix: EXEC sp_configure 'Ole Automation Procedures', 0; RECONFIGURE; -- after looking for callers.
//!
//! When it is fine: rarely; old jobs that write files. Replace them.
//!
//! References: docs: Ole Automation Procedures, sp_OACreate; STIG V-274451; CIS 2022 2.5; Microsoft VA2121

use super::case::{Ruling, Switch};
use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-003",
    slug: "ole-automation-enabled",
    title: "OLE automation procedures are enabled",
    severity: Severity::High,
    facts: &[Fact::Configurations, Fact::Host],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:2.5",
        "cis-2017:2.5",
        "cis-2019:2.5",
        "cis-2022:2.5",
        "stig-2022-instance:V-274451",
        "nist-800-53r5:CM-7",
        "nist-800-53r5:CM-7(2)",
        "pci-4.0.1:2.2.4",
        "iso-27001-2022:A.8.18",
        "soc2:CC6.8",
        "ms-va:VA2120",
        "ms-va:VA2121",
    ],
    attack: &["T1505.001", "T1059.003", "AN0511"],
    source: include_str!("ole_automation_enabled.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.not_on_linux(judgement) {
        return;
    }
    case.judge_option(judgement, "Ole Automation Procedures", 11, |option| {
        match Switch::of(option) {
            Switch::On => Ruling::Bad(
                "OLE automation runs: SQL can create COM objects such as WScript.Shell",
            ),
            Switch::Staged => Ruling::Bad(
                "OLE automation is configured to run, from the next RECONFIGURE or restart at the latest",
            ),
            Switch::Off => Ruling::Good,
            Switch::Unseen => Ruling::Unseen,
        }
    });
}
