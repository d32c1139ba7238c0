//! What it checks: a procedure, a number of one, a function, a trigger of a database or a view that was made WITH
//! ENCRYPTION: medium where it runs as somebody else by EXECUTE AS, else low. A text that is hidden by missing rights is
//! unknown; so is a trigger of the server without a text, since no server says which of the two it is.
//!
//! Why it matters: nobody reads by the catalog what it does, the auditor as little as anybody else, and no rule can judge
//! it. The encryption is weak: it keeps nobody away who owns the host, and tools undo it.
//!
//! How to fix: ask the vendor for the text and compare; or make it anew from source without encryption.
//!
//! When it is fine: where a vendor ships its code so and vouches for it; waive it by name.
//!
//! References: docs: CREATE PROCEDURE (WITH ENCRYPTION), OBJECTPROPERTY IsEncrypted

use super::walk::{Unread, Walked, modules};
use super::{Case, Judgement, Rule, Severity, named};
use crate::snapshot::{Fact, Observed};

pub(super) static RULE: Rule = Rule {
    id: "CODE-005",
    slug: "encrypted-module",
    title: "A module's text is encrypted",
    severity: Severity::Medium,
    facts: &[
        Fact::Databases,
        Fact::Modules,
        Fact::NumberedProcedures,
        Fact::ServerModules,
    ],
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
    let mut unread = Unread::default();
    for module in modules(case) {
        match module.definition() {
            Observed::Known { .. } => judgement.pass(),
            Observed::NotCollected { .. } => report(&module, judgement),
            _ => unread.without_text(&module),
        }
    }
    unread.say(judgement);
}

fn report(module: &Walked<'_>, judgement: &mut Judgement) {
    let (severity, also) = if module.runs_as_another() {
        (RULE.severity, ", and it runs as somebody else")
    } else {
        (Severity::Low, "")
    };
    let name = named(&module.name());
    let message = format!("the text of {name} is encrypted: what it does cannot be read{also}");
    judgement.fail_at(severity, module.subject(), message, vec![module.evidence()]);
}
