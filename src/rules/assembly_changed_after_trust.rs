//! What it checks: a trusted hash is described by the name of an assembly that is here, as sp_add_trusted_assembly's
//! page does it (the CLR name), and that assembly's file has another hash now that is not trusted. The assemblies that
//! the server ships with are left out.
//!
//! Why it matters: the file was replaced after somebody had looked at it; what runs, by its signature or since strict
//! security was off, is not what was trusted.
//!
//! How to fix: compare the file with the vendor's; trust the new hash, or put the old file back. EXEC
//! sp_drop_trusted_assembly for the old one.
//!
//! When it is fine: after an update by the vendor, until the new hash is entered.
//!
//! References: docs: sys.sp_add_trusted_assembly, sys.trusted_assemblies

use super::unsafe_assembly::FIRST_USER_ID;
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::{Assembly, DatabaseFacts, Fact, TrustedAssembly};

pub(super) static RULE: Rule = Rule {
    id: "CHANGE-006",
    slug: "assembly-changed-after-trust",
    title: "An assembly is not the one that was trusted",
    severity: Severity::Medium,
    facts: &[
        Fact::TrustedAssemblies,
        Fact::Databases,
        Fact::Assemblies,
        Fact::AssemblyFiles,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:CM-2",
        "nist-800-53r5:CM-3",
        "nist-800-53r5:SI-7",
        "pci-4.0.1:6.5.1",
        "pci-4.0.1:11.5.2",
        "iso-27001-2022:A.8.32",
        "soc2:CC7.1",
        "soc2:CC8.1",
    ],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("assembly_changed_after_trust.rs"),
    check,
};

/// The first version with a list of trusted assemblies.
const SINCE: u16 = 14;
/// `file_id` of the assembly itself; the others are its sources and symbols, which nobody trusts.
const ITSELF: i32 = 1;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.predates(SINCE) {
        return judgement.does_not_arise("this version has no list of trusted assemblies");
    }
    let trusted = case.snapshot.server.trusted_assemblies.seen();
    if trusted.is_empty() {
        return judgement.not_applicable("no assembly is trusted by hash");
    }
    for database in case.databases() {
        let assemblies = database.assemblies.seen().iter();
        for assembly in assemblies.filter(|a| a.assembly_id >= FIRST_USER_ID) {
            let described = trusted.iter().find(|row| is_described(row, assembly));
            if let Some(described) = described {
                judge(case, database, assembly, described, judgement);
            }
        }
    }
    judgement.nothing_there("no trusted hash is described by the name of an assembly here");
}

/// Whether a description begins with the name of an assembly, in SQL or in the CLR.
fn is_described(row: &TrustedAssembly, assembly: &Assembly) -> bool {
    let simple = |name: &str| {
        let simple = name.split(',').next().unwrap_or_default();
        simple.trim().to_lowercase()
    };
    let own = row.description.as_deref().map(simple).unwrap_or_default();
    let clr_name = assembly.clr_name.as_deref().map(simple);
    let named_so = own == simple(&assembly.name) || clr_name.is_some_and(|name| own == name);
    named_so && !own.is_empty()
}

fn judge(
    case: &Case<'_>,
    database: &DatabaseFacts,
    assembly: &Assembly,
    described: &TrustedAssembly,
    judgement: &mut Judgement,
) {
    let within = Some(&database.name);
    let subject = Subject::within("assembly", &database.name, &assembly.name);
    let mut files = database.assembly_files.seen().iter();
    let own = files.find(|f| f.assembly_id == assembly.assembly_id && f.file_id == ITSELF);
    let Some(file) = own else {
        if database.assembly_files.is_settled() {
            let missing = Missing::new("assembly_files", within, "the file of each assembly");
            judgement.unknown(subject, vec![missing]);
        }
        return;
    };
    let Some(hash) = file.sha2_512.known() else {
        let needs = file.sha2_512.needs().join(", ");
        let missing = Missing::new("assembly_files", within, needs);
        return judgement.unknown(subject, vec![missing]);
    };
    let list = &case.snapshot.server.trusted_assemblies;
    let evidence = vec![
        Evidence::row("assemblies", within, assembly),
        Evidence::row("assembly_files", within, file),
        Evidence::row("trusted_assemblies", None, described),
    ];
    if list
        .seen()
        .iter()
        .any(|row| row.hash.as_ref() == Some(hash))
    {
        return judgement.pass_with(evidence);
    }
    if !list.is_settled() {
        return; // a row that was not seen may trust it
    }
    if list.seen().iter().any(|row| row.hash.is_none()) {
        let missing = Missing::new("trusted_assemblies", None, "each hash");
        return judgement.unknown(subject, vec![missing]);
    }
    let message = format!(
        "assembly {} of {} is not the file whose hash was trusted under its name",
        named(&assembly.name),
        named(database.name.as_str())
    );
    judgement.fail(subject, message, evidence);
}
