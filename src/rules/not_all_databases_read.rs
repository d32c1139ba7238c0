//! What it checks: databases that the auditor could not read, or not read whole: every kind of fact that is read in a
//! database counts. Databases that the inventory excludes are not applicable: they are said in coverage.
//!
//! Why it matters: what was not read can hold a procedure that runs commands; a report that leaves it out reads as clean.
//!
//! How to fix: give the login CONNECT ANY DATABASE and VIEW ANY DEFINITION (2014 and later), or a user with VIEW
//! DEFINITION in each database on 2012; remove the DENY that the message names; bring databases online, or exclude
//! them by name. A database that the server does not open because it is an availability replica (errors 976 and 983)
//! can be read on the replica that is primary, or on a secondary that is set readable: audit that instance, and exclude
//! the database here.
//!
//! When it is fine: never silently; exclude what is out of scope in the inventory.
//!
//! References: docs: HAS_DBACCESS, metadata visibility configuration; ISO 27001 A.5.35

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::ids::DatabaseName;
use crate::snapshot::{Fact, FactState};

pub(super) static RULE: Rule = Rule {
    id: "SIGHT-001",
    slug: "not-all-databases-read",
    title: "A database was not read",
    severity: Severity::Medium,
    facts: &[
        Fact::Databases,
        Fact::DatabaseSession,
        Fact::UserToken,
        Fact::DatabasePrincipals,
        Fact::DatabaseRoleMembers,
        Fact::DatabasePermissions,
        Fact::Schemas,
        Fact::Objects,
        Fact::Modules,
        Fact::Triggers,
        Fact::Parameters,
        Fact::Synonyms,
        Fact::Assemblies,
        Fact::AssemblyFiles,
        Fact::AssemblyModules,
        Fact::ExtendedProcedures,
        Fact::NumberedProcedures,
        Fact::TriggerEvents,
        Fact::ServiceQueues,
        Fact::EventNotifications,
        Fact::Certificates,
        Fact::AsymmetricKeys,
        Fact::CryptProperties,
        Fact::DatabaseAuditSpecifications,
        Fact::DatabaseAuditSpecificationDetails,
        Fact::ScopedConfigurations,
        Fact::ExternalDataSources,
        Fact::ExternalLibraries,
        Fact::ExternalLanguages,
        Fact::ExternalLanguageFiles,
        Fact::ExternalModels,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["iso-27001-2022:A.5.35", "soc2:CC4.1"],
    attack: &[],
    source: include_str!("not_all_databases_read.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let unsettled = RULE.unsettled(case.snapshot);
    for database in &case.snapshot.databases {
        if database.excluded {
            judgement.not_applicable("excluded by the inventory");
            continue;
        }
        let missing: Vec<FactState> = RULE
            .facts
            .iter()
            .filter_map(|fact| fact.unsettled_in(database))
            .collect();
        let Some(first) = missing.first() else {
            judgement.pass();
            continue;
        };
        let kinds = match missing.len() {
            1 => "1 kind of fact".to_owned(),
            several => format!("{several} kinds of facts"),
        };
        judgement.tells(missing.iter().map(Missing::from));
        let name = &database.name;
        let needs = first.needs.join(", ");
        let elsewhere = if is_replica(first) { ELSEWHERE } else { "" };
        let message = format!(
            "{kinds} of {} not seen whole{elsewhere}; {}: {needs}",
            named(name.as_str()),
            first.fact
        );
        report(case, database.database_id, name, message, judgement);
    }
    for row in case.snapshot.databases_without_facts() {
        let name = DatabaseName::new(&row.name);
        let own = unsettled
            .iter()
            .filter(|s| s.database.as_ref() == Some(&name));
        judgement.tells(own.map(Missing::from));
        let message = format!(
            "{} is listed by the server, and nothing of it was read",
            named(&row.name)
        );
        report(case, row.database_id, &name, message, judgement);
    }
}

/// The server does not open a database that is a replica in another role, or one that is not readable.
const REPLICA_ERRORS: &[&str] = &["error 976", "error 983"];

/// Where such a database can be read.
const ELSEWHERE: &str =
    ", since it is an availability replica here: audit the primary replica or a readable secondary";

fn is_replica(missing: &FactState) -> bool {
    let says = |need: &String, error: &str| {
        need.starts_with(&format!("{error}:")) || need.ends_with(&format!("({error})"))
    };
    let errors = REPLICA_ERRORS.iter();
    errors
        .into_iter()
        .any(|error| missing.needs.iter().any(|need| says(need, error)))
}

fn report(
    case: &Case<'_>,
    database_id: i32,
    name: &DatabaseName,
    message: String,
    judgement: &mut Judgement,
) {
    let mut rows = case.snapshot.server.databases.seen().iter();
    let row = rows.find(|row| row.database_id == database_id);
    let evidence = row.map(|row| Evidence::row("databases", None, row));
    let subject = Subject::database(name);
    judgement.fail(subject, message, evidence.into_iter().collect());
}
