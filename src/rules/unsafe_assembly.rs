//! What it checks: assemblies whose permission set is UNSAFE or EXTERNAL_ACCESS, in any database, whether or not they are
//! marked as shipped. The assembly that every database ships with (Microsoft.SqlServer.Types) is left out.
//!
//! Why it matters: such an assembly is native code inside the server process: it can run commands, read files and open
//! connections as the service account, and it stays there until somebody drops it.
//!
//! How to fix: find out what it does from its SHA2-512 in the evidence; DROP ASSEMBLY, or ALTER ASSEMBLY … WITH
//! PERMISSION_SET = SAFE where it does not need more.
//!
//! When it is fine: known vendor or in-house code, signed, with its hash on record.
//!
//! References: docs: CREATE ASSEMBLY, sys.assemblies; CIS 2022 6.2; Microsoft VA1256; MITRE ATT&CK T1505.001

use super::{Case, Evidence, Judgement, Rule, Severity, Subject};
use crate::snapshot::{Assembly, DatabaseFacts, Fact};

pub(super) static RULE: Rule = Rule {
    id: "CLR-002",
    slug: "unsafe-assembly",
    title: "An assembly may leave the sandbox",
    severity: Severity::High,
    facts: &[Fact::Databases, Fact::Assemblies, Fact::AssemblyFiles],
    master_facts: &[],
    controls: &["stig-2022:V-271301", "cis-2022:6.2", "ms-va:VA1256"],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("unsafe_assembly.rs"),
    check,
};

/// Assemblies made by users have ids from here on; below are the server's own.
const FIRST_USER_ID: i32 = 65536;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.databases_are_known(judgement);
    for database in case.databases() {
        for assembly in database.assemblies.seen() {
            judge(database, assembly, judgement);
        }
        let subject = Subject::database(&database.name);
        judgement.unless_settled(
            subject,
            "assemblies",
            Some(&database.name),
            &database.assemblies,
        );
    }
}

fn judge(database: &DatabaseFacts, assembly: &Assembly, judgement: &mut Judgement) {
    if assembly.is_user_defined == Some(false) && assembly.assembly_id < FIRST_USER_ID {
        return judgement.not_applicable("only assemblies that the server ships with");
    }
    let set = match assembly.permission_set {
        Some(1) => return judgement.pass(),
        Some(2) => "EXTERNAL_ACCESS",
        Some(3) => "UNSAFE",
        _ => "of unknown permission set",
    };
    let files = database
        .assembly_files
        .seen()
        .iter()
        .filter(|f| f.assembly_id == assembly.assembly_id);
    let evidence = std::iter::once(Evidence::row("assemblies", Some(&database.name), assembly))
        .chain(files.map(|file| Evidence::row("assembly_files", Some(&database.name), file)));
    judgement.fail(
        Subject::within("assembly", &database.name, &assembly.name),
        format!("assembly {} is {set}", assembly.name),
        evidence.collect(),
    );
}
