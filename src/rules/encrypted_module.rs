//! What it checks: a procedure, function, trigger or view made WITH ENCRYPTION. Higher where it runs as somebody else
//! by EXECUTE AS.
//!
//! Why it matters: what it does cannot be read, by the auditor or by anybody else through the catalog, and no rule
//! can judge it; the encryption keeps nobody away who owns the host.
//!
//! How to fix: ask the vendor for the text and compare; or make it anew from source without encryption.
//!
//! When it is fine: where a vendor ships its code so and vouches for it; waive it by name.
//!
//! References: docs: CREATE PROCEDURE (WITH ENCRYPTION), OBJECTPROPERTY IsEncrypted

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::{Fact, Observed};

pub(super) static RULE: Rule = Rule {
    id: "CODE-005",
    slug: "encrypted-module",
    title: "A module's text is encrypted",
    severity: Severity::Medium,
    facts: &[Fact::Databases, Fact::Schemas, Fact::Objects, Fact::Modules],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:CM-3",
        "nist-800-53r5:SI-7",
        "iso-27001-2022:A.8.4",
        "soc2:CC6.8",
    ],
    attack: &["T1505.001", "T1564"],
    source: include_str!("encrypted_module.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for database in case.databases() {
        for module in database.modules.seen() {
            let name = database.object_name(module.object_id);
            match &module.definition {
                Observed::NotCollected { .. } => {}
                Observed::Denied { needs } => {
                    let missing = Missing::new("modules", Some(&database.name), needs.join(", "));
                    let subject = Subject::within("module", &database.name, &name);
                    judgement.unknown(subject, vec![missing]);
                    continue;
                }
                _ => {
                    judgement.pass();
                    continue;
                }
            }
            let severity = match module.execute_as_principal_id {
                Some(_) => RULE.severity,
                None => Severity::Low,
            };
            let message = format!(
                "the text of {} is encrypted: what it does cannot be read",
                named(&name)
            );
            let evidence = vec![Evidence::row("modules", Some(&database.name), module)];
            let subject = Subject::within("module", &database.name, &name);
            judgement.fail_at(severity, subject, message, evidence);
        }
    }
}
