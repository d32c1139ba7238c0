//! What it checks: a synonym for a procedure that runs commands, writes the registry or opens a way to (xp_cmdshell,
//! sp_OACreate, xp_regwrite, sp_execute_external_script, sp_configure, sp_add_jobstep … by their names, in any database
//! and on any linked server): high; for another extended procedure: low. A synonym for something else that only has such
//! a name as xp_points is none, where that thing was seen.
//!
//! Why it matters: code that calls the synonym does not show what it calls, and whoever may alter the schema turns it
//! to something else.
//!
//! How to fix: look for callers (sys.sql_expression_dependencies), then DROP SYNONYM […].[…];
//!
//! When it is fine: hardly ever.
//!
//! References: docs: CREATE SYNONYM, sys.synonyms

use std::collections::BTreeSet;

use super::walk::CHANNELS;
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::ids::DatabaseName;
use crate::snapshot::{DatabaseFacts, Fact, Synonym};
use crate::tsql::{Callees, Home, name_parts, sink_of_procedure};

pub(super) static RULE: Rule = Rule {
    id: "CODE-006",
    slug: "synonym-to-extended-procedure",
    title: "A synonym leads to a command channel",
    severity: Severity::High,
    facts: &[
        Fact::Databases,
        Fact::Schemas,
        Fact::Objects,
        Fact::Synonyms,
    ],
    master_facts: &[Fact::SystemExtendedProcedures],
    msdb_facts: &[],
    controls: &["nist-800-53r5:CM-7", "nist-800-53r5:SI-7"],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("synonym_to_extended_procedure.rs"),
    check,
};

/// How names of extended procedures begin, by habit.
const PREFIX: &str = "xp_";
/// Parts of a name that begins with a linked server.
const WITH_SERVER: usize = 4;
const EXTENDED: &str = "X";

/// What a synonym stands for.
enum Stands {
    Command,
    Extended,
    Other,
    /// Perhaps an object that was not seen.
    Unseen(Missing),
}

/// What names lead to.
struct Names {
    /// Objects of databases that are no extended procedures.
    others: Callees<()>,
    extended: BTreeSet<String>,
}

impl Names {
    fn of(case: &Case<'_>) -> Self {
        let mut others = Callees::default();
        for facts in case.databases() {
            for schema in facts.schemas.seen() {
                let home = Home::new(facts.name.as_str(), Some(&schema.name));
                let objects = facts.objects.seen().iter();
                let objects = objects.filter(|o| o.schema_id == schema.schema_id);
                for object in objects.filter(|o| o.r#type != EXTENDED) {
                    others.insert(&home, &object.name, ());
                }
            }
        }
        let extended = case.snapshot.server.system_extended_procedures.seen();
        let extended = extended.iter().map(|row| row.name.to_lowercase());
        Self {
            others,
            extended: extended.collect(),
        }
    }

    fn stands(&self, case: &Case<'_>, database: &DatabaseName, parts: &[String]) -> Stands {
        let last = parts.last().map(String::as_str).unwrap_or_default();
        let sink = sink_of_procedure(last);
        if sink.is_some_and(|sink| CHANNELS.contains(&sink)) {
            return Stands::Command;
        }
        let last = last.to_lowercase();
        let seems = sink.is_some() || last.starts_with(PREFIX) || self.extended.contains(&last);
        let home = Home::new(database.as_str(), None);
        if !seems || !self.others.find(&home, parts).is_empty() {
            return Stands::Other;
        }
        match unseen_place(case, database, parts) {
            Some(missing) => Stands::Unseen(missing),
            None => Stands::Extended,
        }
    }
}

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let has_synonym = |facts: &DatabaseFacts| !facts.synonyms.seen().is_empty();
    if case.databases().any(has_synonym) {
        let names = Names::of(case);
        for facts in case.databases() {
            for synonym in facts.synonyms.seen() {
                judge(case, (facts, synonym), &names, judgement);
            }
        }
    }
    judgement.nothing_there("there is no synonym");
}

/// What is missing of the database that a name is looked for in.
fn unseen_place(case: &Case<'_>, home: &DatabaseName, parts: &[String]) -> Option<Missing> {
    if parts.len() >= WITH_SERVER {
        return None;
    }
    let database = parts.iter().rev().nth(2).filter(|name| !name.is_empty());
    let database = database.map_or(home.as_str(), String::as_str);
    let mut all = case.databases();
    let facts = all.find(|facts| facts.name.as_str().eq_ignore_ascii_case(database))?;
    let facts_of_names = [Fact::Schemas, Fact::Objects].into_iter();
    let mut unseen = facts_of_names.filter_map(|fact| fact.unsettled_in(facts));
    unseen.next().map(|state| Missing::from(&state))
}

fn judge(
    case: &Case<'_>,
    (facts, synonym): (&DatabaseFacts, &Synonym),
    names: &Names,
    judgement: &mut Judgement,
) {
    let name = facts.object_name(synonym.object_id);
    let subject = Subject::within("synonym", &facts.name, &name);
    let base = synonym.base_object_name.as_deref().unwrap_or_default();
    let parts = name_parts(base);
    if parts.last().is_none_or(String::is_empty) {
        let need = format!("what {} stands for", named(&name));
        let missing = Missing::new("synonyms", Some(&facts.name), need);
        return judgement.unknown(subject, vec![missing]);
    }
    let (severity, what) = match names.stands(case, &facts.name, &parts) {
        Stands::Command => (RULE.severity, "which runs commands or opens a way to"),
        Stands::Extended => (Severity::Low, "an extended procedure"),
        Stands::Other => return judgement.pass(),
        Stands::Unseen(missing) => return judgement.unknown(subject, vec![missing]),
    };
    let there = match parts.len() {
        WITH_SERVER => ", on a linked server",
        _ => "",
    };
    let message = format!(
        "synonym {} stands for {}, {what}{there}",
        named(&name),
        named(base)
    );
    let evidence = vec![Evidence::row("synonyms", Some(&facts.name), synonym)];
    judgement.fail_at(severity, subject, message, evidence);
}
