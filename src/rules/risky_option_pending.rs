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

/// Options, and the direction that opens: whether another value than 0 does.
const RISKY: &[(&str, bool)] = &[
    ("xp_cmdshell", true),
    ("Ole Automation Procedures", true),
    ("clr enabled", true),
    ("external scripts enabled", true),
    ("Ad Hoc Distributed Queries", true),
    ("cross db ownership chaining", true),
    ("scan for startup procs", true),
    ("contained database authentication", true),
    ("external rest endpoint enabled", true),
    ("external AI runtimes enabled", true),
    ("clr strict security", false),
    ("default trace enabled", false),
];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for (name, opens) in RISKY {
        // Not every version has every option, and rules of their own ask for those that must be there.
        let Some(option) = case.option(name) else {
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
