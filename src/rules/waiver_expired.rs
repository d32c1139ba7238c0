//! What it checks: waivers whose last day lies before the day as of which is judged. Their findings are findings again.
//!
//! Why it matters: an exception that outlives its decision is a finding nobody decided on. It must be decided anew or
//! ended.
//!
//! How to fix: mend what it was for, or have it approved again with a new last day; else delete the waiver.
//!
//! When it is fine: never; a waiver without an end is not accepted in the first place.
//!
//! References: NIST SP 800-53 r5 CM-3, CA-5; ISO/IEC 27001:2022 A.5.36; PCI DSS 4.0.1 12.3.1

use super::{Rule, Severity, on_the_estate};

pub(super) static RULE: Rule = Rule {
    id: "CHANGE-001",
    slug: "waiver-expired",
    title: "A waiver has expired",
    severity: Severity::Medium,
    facts: &[],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[],
    attack: &[],
    source: include_str!("waiver_expired.rs"),
    check: on_the_estate,
};
