//! What it checks: the option external scripts enabled (2016 and later) is running, or configured to run.
//!
//! Why it matters: sp_execute_external_script runs R, Python or Java outside the engine, as a worker account of the
//! machine. Whoever holds EXECUTE ANY EXTERNAL SCRIPT in any one database can run code on the host.
//!
//! How to fix: EXEC sp_configure 'external scripts enabled', 0; RECONFIGURE; -- if nobody does in-database analytics.
//!
//! When it is fine: where Machine Learning Services are used on purpose; then keep EXECUTE ANY EXTERNAL SCRIPT narrow.
//!
//! References: docs: external scripts enabled; STIG V-271293

use super::{Case, Evidence, Judgement, Rule, Severity, Subject};
use crate::snapshot::{Configuration, Fact};

pub(super) static RULE: Rule = Rule {
    id: "SURF-004",
    slug: "external-scripts-enabled",
    title: "External scripts are enabled",
    severity: Severity::Medium,
    facts: &[Fact::Configurations, Fact::Host],
    master_facts: &[],
    controls: &["stig-2022:V-271293", "nist-800-53r5:CM-7", "ms-va:VA2126"],
    attack: &["T1505.001", "T1059.006"],
    source: include_str!("external_scripts_enabled.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.judge_option(
        judgement,
        "external scripts enabled",
        13,
        |judgement, option: &Configuration, set, running| {
            let message = match (set, running) {
                (0, 0) => return judgement.pass(),
                (_, 0) => {
                    "external scripts are off, but the next RECONFIGURE or restart switches them on"
                }
                _ => "external scripts run: SQL can start R, Python or Java on the host",
            };
            let evidence = vec![Evidence::row("configurations", None, option)];
            judgement.fail(Subject::option(&option.name), message, evidence);
        },
    );
}
