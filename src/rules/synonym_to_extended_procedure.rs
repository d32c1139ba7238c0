//! What it checks: a synonym for an extended procedure: xp_cmdshell, sp_OACreate and its siblings (high), or another.
//!
//! Why it matters: code that calls the synonym does not show what it calls, and whoever may alter the schema turns it
//! to something else.
//!
//! How to fix: DROP SYNONYM …; after looking for callers.
//!
//! When it is fine: hardly ever.
//!
//! References: docs: CREATE SYNONYM, sys.synonyms

use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::snapshot::Fact;
use crate::tsql::name_parts;

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
        Fact::SystemExtendedProcedures,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:CM-7", "nist-800-53r5:SI-7"],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("synonym_to_extended_procedure.rs"),
    check,
};

/// How the names of extended procedures that run commands or write the host begin.
const COMMANDS: &[&str] = &["xp_cmdshell", "sp_oa", "xp_reg", "xp_instance_reg"];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let shipped = case.snapshot.server.system_extended_procedures.seen();
    for database in case.databases() {
        for synonym in database.synonyms.seen() {
            let base = synonym.base_object_name.as_deref().unwrap_or_default();
            let last = name_parts(base).pop().unwrap_or_default().to_lowercase();
            let runs = COMMANDS.iter().any(|name| last.starts_with(name));
            let is_extended = shipped
                .iter()
                .any(|row| row.name.eq_ignore_ascii_case(&last));
            if !runs && !is_extended && !last.starts_with("xp_") {
                judgement.pass();
                continue;
            }
            let name = database.object_name(synonym.object_id);
            let severity = if runs { RULE.severity } else { Severity::Low };
            let message = format!(
                "synonym {} stands for extended procedure {}",
                named(&name),
                named(base)
            );
            let evidence = vec![Evidence::row("synonyms", Some(&database.name), synonym)];
            let subject = Subject::within("synonym", &database.name, &name);
            judgement.fail_at(severity, subject, message, evidence);
        }
    }
    judgement.nothing_there("there is no synonym");
}
