//! What it checks: the option external AI runtimes enabled (2025) is running, or configured to run.
//!
//! Why it matters: the server then loads model runtimes from the host's disk (ONNX) for whoever may make an external
//! model: code of others beside the data.
//!
//! How to fix: EXEC sp_configure 'external AI runtimes enabled', 0; RECONFIGURE;
//!
//! When it is fine: where models run on the host on purpose; then keep CREATE EXTERNAL MODEL and the folder narrow.
//!
//! References: docs: external AI runtimes enabled, CREATE EXTERNAL MODEL

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-014",
    slug: "ai-runtimes-enabled",
    title: "External AI runtimes are enabled",
    severity: Severity::Medium,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:CM-7"],
    attack: &["T1505.001"],
    source: include_str!("ai_runtimes_enabled.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "external AI runtimes enabled",
        17,
        "AI runtimes are loaded: external models run code from the host's disk",
        "AI runtimes are configured to load, from the next RECONFIGURE at the latest",
    );
}
