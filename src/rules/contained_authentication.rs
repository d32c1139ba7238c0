//! What it checks: the option contained database authentication is running, or configured to run.
//!
//! Why it matters: whoever holds ALTER ANY USER in a contained database makes accounts that log in to the server
//! without a login: no server policy, no disabling at one place, a password that is the database's.
//!
//! How to fix: EXEC sp_configure 'contained database authentication', 0; RECONFIGURE; -- where no database is
//! contained.
//!
//! When it is fine: where contained databases move between servers on purpose; then keep their users Windows users.
//!
//! References: docs: contained database authentication, contained database users; CIS 2022 3.4 is about their
//! password users

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-012",
    slug: "contained-authentication",
    title: "Databases may authenticate users themselves",
    severity: Severity::Low,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AC-2(1)",
        "nist-800-53r5:IA-2",
        "iso-27001-2022:A.5.16",
        "iso-27001-2022:A.8.5",
        "soc2:CC6.2",
    ],
    attack: &["T1078"],
    source: include_str!("contained_authentication.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "contained database authentication",
        11,
        "databases may authenticate users themselves: no login of the server is needed to come in",
        "authentication by databases is configured, from the next RECONFIGURE at the latest",
    );
}
