//! What it checks: clr enabled is running and clr strict security (2017 and later) is not. Before 2017 there is no strict
//! security, so clr enabled alone is reported, one step lower.
//!
//! Why it matters: Without strict security anyone who may create an assembly can load one declared SAFE, and SAFE is no
//! security boundary: such code can run operating-system commands inside the server process.
//!
//! How to fix: EXEC sp_configure 'clr strict security', 1; RECONFIGURE; -- after signing the assemblies in use, or
//! trusting them by hash. Where CLR is not used: EXEC sp_configure 'clr enabled', 0; RECONFIGURE;
//!
//! When it is fine: where every assembly is known and unsigned vendor code forces it; then watch CREATE ASSEMBLY.
//!
//! References: docs: clr enabled, clr strict security; CIS 2022 2.2 and 2.17

use super::{Case, Evidence, Judgement, Rule, Severity, Subject};
use crate::snapshot::{Configuration, Fact};

pub(super) static RULE: Rule = Rule {
    id: "CLR-001",
    slug: "clr-enabled-without-strict-security",
    title: "CLR runs without strict security",
    severity: Severity::High,
    facts: &[Fact::Configurations, Fact::Host],
    master_facts: &[],
    controls: &[
        "stig-2022:V-271301",
        "cis-2022:2.2",
        "cis-2022:2.17",
        "ms-va:VA1026",
    ],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("clr_enabled_without_strict_security.rs"),
    check,
};

const CLR: &str = "clr enabled";
const STRICT: &str = "clr strict security";
const FIRST_WITH_STRICT: u16 = 14;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.judge_option(judgement, CLR, 11, |judgement, clr: &Configuration, _, running| {
        if running == 0 {
            return judgement.pass();
        }
        let evidence = vec![Evidence::row("configurations", None, clr)];
        if case.snapshot.major_version().is_some_and(|version| version < FIRST_WITH_STRICT) {
            let message = "CLR runs, and this version has no strict security: SAFE assemblies are no boundary";
            return judgement.fail_at(Severity::Medium, Subject::option(CLR), message, evidence);
        }
        with_strict(case, judgement, evidence);
    });
}

fn with_strict(case: &Case<'_>, judgement: &mut Judgement, mut evidence: Vec<Evidence>) {
    case.judge_option(judgement, STRICT, FIRST_WITH_STRICT, |judgement, strict: &Configuration, _, running| {
        if running == 1 {
            return judgement.pass();
        }
        evidence.push(Evidence::row("configurations", None, strict));
        let message = "CLR runs without strict security: an assembly declared SAFE can run commands on the host";
        judgement.fail(Subject::option(STRICT), message, std::mem::take(&mut evidence));
    });
}
