//! What it checks: an option that opens a channel or closes an eye is configured so and does not run so yet:
//! xp_cmdshell, Ole Automation Procedures, clr enabled, external scripts enabled, Ad Hoc Distributed Queries, cross
//! db ownership chaining, scan for startup procs, contained database authentication, external rest endpoint enabled,
//! external AI runtimes enabled to on; clr strict security, default trace enabled to off.
//!
//! Why it matters: the next RECONFIGURE, by whomever and for whatever, or the next restart makes it run: a change
//! that waits for somebody else to finish it.
//!
//! How to fix: EXEC sp_configure with the value that runs; or RECONFIGURE on purpose, under a change that was
//! approved.
//!
//! When it is fine: while a change is being made.
//!
//! References: docs: sys.configurations (value and value_in_use), RECONFIGURE

use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "CHANGE-004",
    slug: "risky-option-pending",
    title: "An option is about to open something",
    severity: Severity::Medium,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:CM-2",
        "nist-800-53r5:CM-3",
        "nist-800-53r5:CM-6",
        "nist-800-53r5:CM-6(1)",
        "pci-4.0.1:2.2.1",
        "pci-4.0.1:2.2.6",
        "pci-4.0.1:6.5.1",
        "iso-27001-2022:A.8.9",
        "iso-27001-2022:A.8.32",
        "soc2:CC5.2",
        "soc2:CC7.1",
    ],
    attack: &["T1505.001"],
    source: include_str!("risky_option_pending.rs"),
    check,
};

/// Options, whether another value than 0 opens (else 0 does), and the first version that has each.
const RISKY: &[(&str, bool, u16)] = &[
    ("xp_cmdshell", true, 11),
    ("Ole Automation Procedures", true, 11),
    ("clr enabled", true, 11),
    ("external scripts enabled", true, 13),
    ("Ad Hoc Distributed Queries", true, 11),
    ("cross db ownership chaining", true, 11),
    ("scan for startup procs", true, 11),
    ("contained database authentication", true, 11),
    ("external rest endpoint enabled", true, 17),
    ("external AI runtimes enabled", true, 17),
    ("clr strict security", false, 14),
    ("default trace enabled", false, 11),
];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let is_whole = case.snapshot.server.configurations.is_settled();
    for (name, opens, since) in RISKY {
        let Some(option) = case.option(name) else {
            if is_whole && !case.predates(*since) {
                case.option_unseen(judgement, name);
            }
            continue;
        };
        let (Some(set), Some(runs)) = (option.value, option.value_in_use) else {
            case.option_unseen(judgement, name);
            continue;
        };
        let evidence = vec![Evidence::row("configurations", None, option)];
        if (set != 0) == *opens && (runs != 0) != *opens {
            let when = if option.is_dynamic {
                "RECONFIGURE"
            } else {
                "restart"
            };
            let message = format!(
                "{} runs at {runs} and is configured as {set}: the next {when} makes it so",
                named(&option.name)
            );
            judgement.fail(Subject::option(&option.name), message, evidence);
        } else {
            judgement.pass_with(evidence);
        }
    }
}
