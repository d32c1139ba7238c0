//! What it checks: clr enabled is running or configured to run, and clr strict security (2017 and later) is not running,
//! or configured off. Before 2017 there is no such option, so clr enabled alone is reported, one step lower.
//!
//! Why it matters: Without strict security anyone who may create an assembly can load one declared SAFE, and SAFE is no
//! security boundary: such code can run operating-system commands inside the server process.
//!
//! How to fix: EXEC sp_configure 'clr strict security', 1; RECONFIGURE; -- after signing the assemblies in use, or
//! trusting them by hash. Where CLR is not used: EXEC sp_configure 'clr enabled', 0; RECONFIGURE;
//!
//! When it is fine: where every assembly is known and unsigned vendor code forces it; then watch CREATE ASSEMBLY. Before
//! 2017, updates of 2012 to 2016 bring the strict check behind startup trace flag 6545, which no catalog view shows.
//!
//! References: docs: clr enabled, clr strict security; STIG V-271301; CIS 2022 2.2 and 2.17; Microsoft VA1026

use super::case::Switch;
use super::{Case, Evidence, Judgement, Rule, Severity, Subject};
use crate::snapshot::{Configuration, Fact};

pub(super) static RULE: Rule = Rule {
    id: "CLR-001",
    slug: "clr-enabled-without-strict-security",
    title: "CLR runs without strict security",
    severity: Severity::High,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2017:2.2",
        "cis-2017:2.18",
        "cis-2019:2.2",
        "cis-2019:2.17",
        "cis-2022:2.2",
        "cis-2022:2.17",
        "nist-800-53r5:CM-6",
        "nist-800-53r5:CM-7",
        "pci-4.0.1:2.2.1",
        "pci-4.0.1:2.2.6",
        "iso-27001-2022:A.8.9",
    ],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("clr_enabled_without_strict_security.rs"),
    check,
};

const CLR: &str = "clr enabled";
const STRICT: &str = "clr strict security";
const FIRST_WITH_STRICT: u16 = 14;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let clr = case.option(CLR).map(|option| (option, Switch::of(option)));
    match clr {
        Some((clr, Switch::Off)) => {
            judgement.pass_with(vec![Evidence::row("configurations", None, clr)]);
        }
        None | Some((_, Switch::Unseen)) => case.option_unseen(judgement, CLR),
        Some((clr, Switch::On)) => without_strict(case, judgement, clr, "CLR runs"),
        Some((clr, Switch::Staged)) => {
            without_strict(case, judgement, clr, "CLR is configured to run");
        }
    }
}

fn without_strict(case: &Case<'_>, judgement: &mut Judgement, clr: &Configuration, runs: &str) {
    let mut evidence = vec![Evidence::row("configurations", None, clr)];
    let settled = case.snapshot.server.configurations.is_settled();
    let Some(strict) = case.option(STRICT) else {
        if settled && case.predates(FIRST_WITH_STRICT) {
            let message = format!(
                "{runs}, and this version has no strict security: SAFE assemblies are no boundary"
            );
            return judgement.fail_at(Severity::Medium, Subject::option(CLR), message, evidence);
        }
        return case.option_unseen(judgement, STRICT);
    };
    evidence.push(Evidence::row("configurations", None, strict));
    let how = match (strict.value, strict.value_in_use) {
        (_, Some(0)) => "without strict security",
        (Some(0), Some(_)) => "and strict security is configured off for the next RECONFIGURE",
        (Some(_), Some(_)) => return judgement.pass_with(evidence),
        _ => return case.option_unseen(judgement, STRICT),
    };
    let message = format!("{runs} {how}: an assembly declared SAFE can run commands on the host");
    judgement.fail(Subject::option(STRICT), message, evidence);
    judgement.is_answered();
}
