//! What it checks: databases that the auditor could not read, or not read whole. Databases that the inventory excludes are
//! not applicable: they are said in coverage.
//!
//! Why it matters: what was not read can hold a procedure that runs commands; a report that leaves it out reads as clean.
//!
//! How to fix: give the login CONNECT ANY DATABASE and VIEW ANY DEFINITION (2014 and later), or a user with VIEW
//! DEFINITION in each database on 2012; bring databases online, or exclude them by name.
//!
//! When it is fine: never silently; exclude what is out of scope in the inventory.
//!
//! References: docs: HAS_DBACCESS, metadata visibility configuration

use super::{Case, Evidence, Judgement, Rule, Severity, Subject};
use crate::snapshot::{DatabaseFacts, Fact, FactState};

pub(super) static RULE: Rule = Rule {
    id: "SIGHT-001",
    slug: "not-all-databases-read",
    title: "A database was not read",
    severity: Severity::Medium,
    facts: &[
        Fact::Databases,
        Fact::DatabaseSession,
        Fact::Objects,
        Fact::Modules,
    ],
    master_facts: &[],
    controls: &["iso-27001-2022:A.5.35"],
    attack: &[],
    source: include_str!("not_all_databases_read.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.databases_are_known(judgement);
    for database in &case.snapshot.databases {
        if database.excluded {
            judgement.not_applicable("excluded by the inventory");
            continue;
        }
        let missing: Vec<FactState> = Fact::ALL
            .iter()
            .filter_map(|fact| fact.unsettled_in(database))
            .collect();
        match missing.first() {
            None => judgement.pass(),
            Some(first) => report(case, database, first, missing.len(), judgement),
        }
    }
}

fn report(
    case: &Case<'_>,
    database: &DatabaseFacts,
    first: &FactState,
    count: usize,
    judgement: &mut Judgement,
) {
    let row = case
        .snapshot
        .server
        .databases
        .seen()
        .iter()
        .find(|row| row.database_id == database.database_id);
    judgement.fail(
        Subject::database(&database.name),
        format!(
            "{count} kinds of facts of {} were not seen whole; {}: {}",
            database.name,
            first.fact,
            first.needs.join(", ")
        ),
        row.map(|row| Evidence::row("databases", None, row))
            .into_iter()
            .collect(),
    );
}
