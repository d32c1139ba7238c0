//! What it checks: waivers in force that match no finding, although their rule saw all of every instance that they name.
//! While it did not, that is unknown.
//!
//! Why it matters: what a waiver was for is mended or renamed. Left in place it accepts, unseen, the next finding that
//! fits it.
//!
//! How to fix: delete the waiver; or correct its rule, subject, database, targets or hash.
//!
//! When it is fine: for a short time after the finding was mended.
//!
//! References: NIST SP 800-53 r5 CM-3; ISO/IEC 27001:2022 A.5.36

use super::{Rule, Severity, on_the_estate};

pub(super) static RULE: Rule = Rule {
    id: "CHANGE-002",
    slug: "waiver-unused",
    title: "A waiver matches nothing",
    severity: Severity::Low,
    facts: &[],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[],
    attack: &[],
    source: include_str!("waiver_unused.rs"),
    check: on_the_estate,
};
