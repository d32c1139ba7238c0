//! What it checks: DB_CHAINING is on for a database of users. master, msdb and tempdb have it on by design. For all at
//! once it is the server's option: see cross-db-chaining-server.
//!
//! Why it matters: a module in it reaches what the same owner has in other databases that have it on, and in master,
//! without a check: an owner of sa's makes that the way to xp_cmdshell.
//!
//! How to fix: ALTER DATABASE […] SET DB_CHAINING OFF; -- after looking for modules that read across.
//!
//! When it is fine: for a set of databases of one application and one owner that is not sa.
//!
//! References: docs: cross db ownership chaining, ALTER DATABASE SET options; Microsoft VA1042

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::ids::DatabaseName;
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "TRUST-007",
    slug: "cross-db-chaining-database",
    title: "Ownership chains cross a database's border",
    severity: Severity::Medium,
    facts: &[Fact::Databases],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AC-3",
        "nist-800-53r5:AC-6",
        "pci-4.0.1:2.2.6",
        "iso-27001-2022:A.8.3",
        "ms-va:VA1042",
    ],
    attack: &["T1505.001", "T1548", "T1213.006"],
    source: include_str!("cross_db_chaining_database.rs"),
    check,
};

/// master, tempdb, model and msdb.
const LAST_SYSTEM: i32 = 4;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for row in case.snapshot.server.databases.seen() {
        if row.database_id <= LAST_SYSTEM || case.is_excluded(row.database_id) {
            judgement.not_applicable("a system database, or excluded by the inventory");
            continue;
        }
        let subject = Subject::database(&DatabaseName::new(&row.name));
        match row.is_db_chaining_on {
            Some(false) => judgement.pass(),
            Some(true) => {
                let message = format!(
                    "ownership chains lead out of {} and into it",
                    named(&row.name)
                );
                let evidence = vec![Evidence::row("databases", None, row)];
                judgement.fail(subject, message, evidence);
            }
            None => {
                let missing = Missing::new("databases", None, "is_db_chaining_on");
                judgement.unknown(subject, vec![missing]);
            }
        }
    }
}
