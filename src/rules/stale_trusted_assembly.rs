//! What it checks: hashes on the instance's list of trusted assemblies (sys.trusted_assemblies, since 2017) that no
//! assembly of any database has. While the files of some database's assemblies were not seen, or some hash was not, as of
//! a file that is too large, that is unknown: the hash may be of one of these.
//!
//! Why it matters: whoever may create assemblies in any database loads the trusted file again whenever he likes, and it
//! runs as UNSAFE. An attacker who drops his assembly after use leaves this behind; so does the clean-up of an old release.
//!
//! How to fix: EXEC sys.sp_drop_trusted_assembly @hash = 0x…;
//!
//! When it is fine: while a release is being rolled out, or where the database comes and goes, as in an availability
//! group.
//!
//! References: docs: sys.trusted_assemblies, sp_add_trusted_assembly, sp_drop_trusted_assembly; Microsoft VA1027

use std::collections::BTreeSet;

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::{Fact, TrustedAssembly};

pub(super) static RULE: Rule = Rule {
    id: "CLR-005",
    slug: "stale-trusted-assembly",
    title: "A hash is trusted that no assembly has",
    severity: Severity::Medium,
    facts: &[
        Fact::Databases,
        Fact::AssemblyFiles,
        Fact::TrustedAssemblies,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:CM-2",
        "nist-800-53r5:CM-7(5)",
        "nist-800-53r5:SI-7",
        "pci-4.0.1:11.5.2",
        "iso-27001-2022:A.8.19",
        "soc2:CC7.1",
        "ms-va:VA1027",
    ],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("stale_trusted_assembly.rs"),
    check,
};

const SINCE: u16 = 14;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.predates(SINCE) {
        return judgement.does_not_arise("this version has no list of trusted assemblies");
    }
    let hashes = hashes(case);
    let unseen = unseen_files(case);
    for row in case.snapshot.server.trusted_assemblies.seen() {
        judge(row, &hashes, &unseen, judgement);
    }
}

fn judge(
    row: &TrustedAssembly,
    hashes: &BTreeSet<&str>,
    unseen: &[Missing],
    judgement: &mut Judgement,
) {
    let description = row.description.clone().unwrap_or_default();
    let Some(hash) = row.hash.as_deref() else {
        let missing = Missing::new("trusted_assemblies", None, "its hash");
        let subject = Subject::server("trusted_assembly", description);
        return judgement.unknown(subject, vec![missing]);
    };
    if hashes.contains(hash) {
        return judgement.pass();
    }
    let subject = Subject::server("trusted_assembly", hash);
    if !unseen.is_empty() {
        return judgement.unknown(subject, unseen.to_vec());
    }
    let by = row.created_by.as_deref().map(named);
    let by = by.map(|by| format!(", by {by}")).unwrap_or_default();
    let message = format!(
        "a hash is trusted{by} as {} that no assembly of any database has",
        named(&description)
    );
    let evidence = vec![Evidence::row("trusted_assemblies", None, row)];
    judgement.fail(subject, message, evidence);
}

/// Hashes of all files that were seen.
fn hashes<'a>(case: &Case<'a>) -> BTreeSet<&'a str> {
    let databases = case.databases();
    let files = databases.flat_map(|facts| facts.assembly_files.seen());
    let known = files.filter_map(|file| file.sha2_512.known());
    known.map(String::as_str).collect()
}

/// Files that may have the hash, as far as they were not seen; an excluded database may have it too.
fn unseen_files(case: &Case<'_>) -> Vec<Missing> {
    let lists = [Fact::Databases, Fact::AssemblyFiles].into_iter();
    let lists = lists.flat_map(|fact| fact.unsettled(case.snapshot));
    let mut found: Vec<Missing> = lists.map(|state| Missing::from(&state)).collect();
    for facts in &case.snapshot.databases {
        let files = facts.assembly_files.seen();
        let missing = |needs: Vec<String>| Missing {
            fact: Fact::AssemblyFiles.name().to_owned(),
            database: Some(facts.name.clone()),
            needs,
        };
        if facts.excluded {
            let needs = vec!["this database, which the inventory excludes".to_owned()];
            found.push(missing(needs));
        }
        let mut hidden = files.iter().filter(|file| file.sha2_512.known().is_none());
        if let Some(file) = hidden.next() {
            found.push(missing(file.sha2_512.needs()));
        }
    }
    found
}
