//! What it checks: a trusted hash is described by the name of an assembly that is here, as sp_add_trusted_assembly's
//! page does it (the CLR name), and that assembly's file has another hash now that is not trusted.
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

use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

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

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let trusted = case.snapshot.server.trusted_assemblies.seen();
    if trusted.is_empty() {
        return judgement.not_applicable("no assembly is trusted by hash");
    }
    let is_trusted = |hash: &str| trusted.iter().any(|row| row.hash.as_deref() == Some(hash));
    for database in case.databases() {
        for assembly in database.assemblies.seen() {
            let simple = assembly
                .clr_name
                .as_deref()
                .and_then(|name| name.split(',').next());
            let named_so = |text: &str| {
                let own = text.split(',').next().unwrap_or_default().trim();
                own.eq_ignore_ascii_case(&assembly.name)
                    || simple.is_some_and(|simple| own.eq_ignore_ascii_case(simple.trim()))
            };
            let described = trusted
                .iter()
                .find(|row| row.description.as_deref().is_some_and(named_so));
            let files = database.assembly_files.seen().iter();
            let file = files
                .into_iter()
                .find(|file| file.assembly_id == assembly.assembly_id);
            let (Some(described), Some(file)) = (described, file) else {
                continue;
            };
            match file.sha2_512.known() {
                Some(hash) if !is_trusted(hash) => {
                    let message = format!(
                        "assembly {} of {} is not the file whose hash was trusted under its name",
                        named(&assembly.name),
                        named(database.name.as_str())
                    );
                    let evidence = vec![
                        Evidence::row("assemblies", Some(&database.name), assembly),
                        Evidence::row("assembly_files", Some(&database.name), file),
                        Evidence::row("trusted_assemblies", None, described),
                    ];
                    let subject = Subject::within("assembly", &database.name, &assembly.name);
                    judgement.fail(subject, message, evidence);
                }
                Some(_) => judgement.pass(),
                None => {
                    let needs = file.sha2_512.needs().join(", ");
                    let missing =
                        super::Missing::new("assembly_files", Some(&database.name), needs);
                    let subject = Subject::within("assembly", &database.name, &assembly.name);
                    judgement.unknown(subject, vec![missing]);
                }
            }
        }
    }
    judgement.nothing_there("no trusted hash is described by the name of an assembly here");
}
