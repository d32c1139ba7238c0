//! What it checks: the option scan for startup procs is running, or configured to run: procedures marked for startup
//! run as sa when the server starts. Which procedures those are is startup-procedure's to say.
//!
//! Why it matters: sp_procoption switches it on by itself. While it is on, whoever can change a marked procedure has
//! sa's power at the next restart.
//!
//! How to fix: EXEC sp_procoption @ProcName = N'…', @OptionName = 'startup', @OptionValue = 'off'; for each, then
//! EXEC sp_configure 'show advanced options', 1; RECONFIGURE; EXEC sp_configure 'scan for startup procs', 0;
//! RECONFIGURE; -- takes effect at the next restart. Replication and some vendors need it.
//!
//! When it is fine: where a startup procedure is known and needed.
//!
//! References: docs: scan for startup procs, sp_procoption; CIS 2022 2.8

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-007",
    slug: "scan-for-startup-procs",
    title: "Startup procedures are looked for",
    severity: Severity::Low,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:2.8",
        "cis-2017:2.8",
        "cis-2019:2.8",
        "cis-2022:2.8",
        "nist-800-53r5:CM-6",
        "nist-800-53r5:CM-7",
        "pci-4.0.1:2.2.1",
        "iso-27001-2022:A.8.9",
        "ms-va:VA1071",
    ],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("scan_for_startup_procs.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "scan for startup procs",
        11,
        "the server looks for startup procedures: what is marked so runs as sa when it starts",
        "the server is configured to look for startup procedures from the next restart",
    );
}
