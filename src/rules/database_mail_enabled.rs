//! What it checks: the option Database Mail XPs is running, or configured to run.
//!
//! Why it matters: sp_send_dbmail sends results of queries and attached files to any address, as an external program
//! of the server. DatabaseMailUserRole of msdb and public profiles decide who may.
//!
//! How to fix: EXEC sp_configure 'show advanced options', 1; RECONFIGURE; EXEC sp_configure 'Database Mail XPs', 0;
//! RECONFIGURE; -- where neither Agent alerts nor jobs send mail.
//!
//! When it is fine: where operators are notified by mail; then keep profiles private and DatabaseMailUserRole small.
//!
//! References: docs: Database Mail XPs, sp_send_dbmail; CIS 2022 2.4

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-006",
    slug: "database-mail-enabled",
    title: "Database Mail procedures are enabled",
    severity: Severity::Low,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:2.4",
        "cis-2017:2.4",
        "cis-2019:2.4",
        "cis-2022:2.4",
        "nist-800-53r5:CM-7",
        "pci-4.0.1:2.2.4",
        "soc2:CC6.7",
    ],
    attack: &["T1505.001"],
    source: include_str!("database_mail_enabled.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "Database Mail XPs",
        11,
        "Database Mail runs: results of queries and files can be sent to any address",
        "Database Mail is configured to run, from the next RECONFIGURE at the latest",
    );
}
