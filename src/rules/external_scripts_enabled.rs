//! What it checks: the option external scripts enabled (2016 and later) is running, or configured to run. 2016 needs a
//! restart to follow it, later versions RECONFIGURE.
//!
//! Why it matters: sp_execute_external_script runs R, Python or Java outside the engine, as a worker account of the
//! machine. Whoever holds EXECUTE ANY EXTERNAL SCRIPT in any one database, db_owner included, can run code on the host.
//!
//! How to fix: EXEC sp_configure 'external scripts enabled', 0; RECONFIGURE; -- if nobody does in-database analytics.
//!
//! When it is fine: where Machine Learning Services are used on purpose; then keep EXECUTE ANY EXTERNAL SCRIPT narrow.
//!
//! References: docs: external scripts enabled, sp_execute_external_script; STIG V-271293; Microsoft VA2126

use super::case::{Ruling, Switch};
use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-004",
    slug: "external-scripts-enabled",
    title: "External scripts are enabled",
    severity: Severity::Medium,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "stig-2022-instance:V-271293",
        "nist-800-53r5:CM-7",
        "nist-800-53r5:CM-7(2)",
        "pci-4.0.1:2.2.4",
        "iso-27001-2022:A.8.18",
        "iso-27001-2022:A.8.19",
        "soc2:CC6.8",
        "ms-va:VA2120",
        "ms-va:VA2126",
    ],
    attack: &["T1505.001", "T1059.006", "T1505"],
    source: include_str!("external_scripts_enabled.rs"),
    check,
};

const FIRST_WITH_SCRIPTS: u16 = 13;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let name = "external scripts enabled";
    case.judge_option(judgement, name, FIRST_WITH_SCRIPTS, |option| {
        match Switch::of(option) {
            Switch::On => Ruling::Bad(
                "external scripts run: SQL can start R, Python or Java on the host",
            ),
            Switch::Staged => Ruling::Bad(
                "external scripts are configured to run, from the next RECONFIGURE or restart at the latest",
            ),
            Switch::Off => Ruling::Good,
            Switch::Unseen => Ruling::Unseen,
        }
    });
}
