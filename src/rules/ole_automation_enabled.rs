//! What it checks: the option Ole Automation Procedures is running, or configured to run.
//!
//! Why it matters: sp_OACreate and its siblings create COM objects inside the server: WScript.Shell runs commands,
//! Scripting.FileSystemObject writes files, both as the service account.
//!
//! How to fix: EXEC sp_configure 'Ole Automation Procedures', 0; RECONFIGURE; -- after looking for callers.
//!
//! When it is fine: rarely; old jobs that write files. Replace them.
//!
//! References: docs: Ole Automation Procedures; STIG V-274451; CIS 2022 2.5

use super::{Case, Evidence, Judgement, Rule, Severity, Subject};
use crate::snapshot::{Configuration, Fact};

pub(super) static RULE: Rule = Rule {
    id: "SURF-003",
    slug: "ole-automation-enabled",
    title: "OLE automation procedures are enabled",
    severity: Severity::High,
    facts: &[Fact::Configurations, Fact::Host],
    master_facts: &[],
    controls: &[
        "stig-2022:V-274451",
        "nist-800-53r5:CM-7",
        "cis-2022:2.5",
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
    case.judge_option(
        judgement,
        "Ole Automation Procedures",
        11,
        |judgement, option: &Configuration, set, running| {
            let message = match (set, running) {
                (0, 0) => return judgement.pass(),
                (_, 0) => {
                    "OLE automation is off, but the next RECONFIGURE or restart switches it on"
                }
                _ => "OLE automation runs: SQL can create COM objects such as WScript.Shell",
            };
            let evidence = vec![Evidence::row("configurations", None, option)];
            judgement.fail(Subject::option(&option.name), message, evidence);
        },
    );
}
