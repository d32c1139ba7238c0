//! What it checks: the option external rest endpoint enabled (2025) is running, or configured to run.
//!
//! Why it matters: sp_invoke_external_rest_endpoint sends what a query read to any HTTPS address, and fetches what a
//! query runs. EXECUTE ANY EXTERNAL ENDPOINT and database scoped credentials decide who may and as whom.
//!
//! How to fix: EXEC sp_configure 'external rest endpoint enabled', 0; RECONFIGURE;
//!
//! When it is fine: where an application calls known services so; then grant EXECUTE ANY EXTERNAL ENDPOINT to its
//! role alone and filter what leaves the host.
//!
//! References: docs: external rest endpoint enabled, sp_invoke_external_rest_endpoint

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-010",
    slug: "external-rest-endpoint-enabled",
    title: "Calls of external REST endpoints are enabled",
    severity: Severity::Medium,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:CM-7",
        "nist-800-53r5:SC-7",
        "pci-4.0.1:2.2.4",
        "soc2:CC6.6",
        "soc2:CC6.7",
    ],
    attack: &["T1505.001"],
    source: include_str!("external_rest_endpoint_enabled.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "external rest endpoint enabled",
        17,
        "external REST endpoints can be called: a query can send what it read to any address",
        "calls of external REST endpoints are configured to run, from the next RECONFIGURE at the latest",
    );
}
