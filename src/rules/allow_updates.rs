//! What it checks: the option allow updates is set, running or configured.
//!
//! Why it matters: since 2005 it changes nothing but RECONFIGURE, which fails without WITH OVERRIDE while it is 1. It
//! is the trace of a script for SQL Server 2000 that meant to write system tables.
//!
//! How to fix: EXEC sp_configure 'allow updates', 0; RECONFIGURE WITH OVERRIDE;
//!
//! When it is fine: it does no harm itself; look for the script.
//!
//! References: docs: allow updates (server configuration option)

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-009",
    slug: "allow-updates",
    title: "The obsolete option allow updates is set",
    severity: Severity::Info,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:CM-6",
        "pci-4.0.1:2.2.1",
        "pci-4.0.1:2.2.6",
        "iso-27001-2022:A.8.9",
    ],
    attack: &[],
    source: include_str!("allow_updates.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "allow updates",
        11,
        "allow updates is set: it has no effect but that RECONFIGURE fails without WITH OVERRIDE",
        "allow updates is configured: it has no effect but that RECONFIGURE fails without WITH OVERRIDE",
    );
}
