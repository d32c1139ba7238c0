//! What it checks: waivers that accept every finding of their rule on every instance (no subject, database or target that
//! narrows them), or more than 25 findings at once.
//!
//! Why it matters: nobody has looked at each of those findings, nor at those that will come.
//!
//! How to fix: name subject, database and targets; pin modules, assemblies and jobs by hash.
//!
//! When it is fine: where one decision really covers all, such as an option that a whole group of instances needs; name
//! the group then.
//!
//! References: NIST SP 800-53 r5 CM-3, CM-7; ISO/IEC 27001:2022 A.5.36

use super::{Rule, Severity, on_the_estate};

pub(super) static RULE: Rule = Rule {
    id: "CHANGE-003",
    slug: "waiver-too-broad",
    title: "A waiver accepts more than anybody looked at",
    severity: Severity::Medium,
    facts: &[],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[],
    attack: &[],
    source: include_str!("waiver_too_broad.rs"),
    check: on_the_estate,
};
