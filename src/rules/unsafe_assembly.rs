//! What it checks: assemblies whose permission set is UNSAFE, or one step lower EXTERNAL_ACCESS, in any database, whether or
//! not they are marked as shipped. The assembly that every database ships with (Microsoft.SqlServer.Types, told by
//! its id) is left out. What is found says whether clr enabled and clr strict security run, and whether the file's hash
//! is on the instance's list of trusted assemblies.
//!
//! Why it matters: such an assembly is native code inside the server process: it can run commands, read files and open
//! connections as the service account, and it stays there until somebody drops it. clr strict security does not take that
//! away: it only asks that the assembly is signed or trusted. clr enabled = 0 stops it from running, not from lying there.
//!
//! How to fix: find out what it does from its SHA2-512 in the evidence; DROP ASSEMBLY, or ALTER ASSEMBLY … WITH
//! PERMISSION_SET = SAFE where it does not need more. Then EXEC sys.sp_drop_trusted_assembly its hash.
//!
//! When it is fine: known vendor or in-house code, signed, with its hash on record; ISSERVER in SSISDB is Microsoft's.
//!
//! References: docs: CREATE ASSEMBLY, sys.assemblies, sys.trusted_assemblies, clr strict security; CIS 2022 6.2; Microsoft
//! VA1256; MITRE ATT&CK T1505.001

use super::case::Switch;
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject};
use crate::snapshot::{Assembly, AssemblyFile, DatabaseFacts, Fact};

pub(super) static RULE: Rule = Rule {
    id: "CLR-002",
    slug: "unsafe-assembly",
    title: "An assembly may leave the sandbox",
    severity: Severity::High,
    facts: &[
        Fact::Databases,
        Fact::Assemblies,
        Fact::AssemblyFiles,
        Fact::TrustedAssemblies,
        Fact::Configurations,
    ],
    master_facts: &[],
    controls: &["cis-2022:6.2", "ms-va:VA1256"],
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
            judge(case, database, assembly, judgement);
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

fn judge(
    case: &Case<'_>,
    database: &DatabaseFacts,
    assembly: &Assembly,
    judgement: &mut Judgement,
) {
    if assembly.assembly_id < FIRST_USER_ID {
        return judgement.not_applicable("only assemblies that the server ships with");
    }
    let subject = Subject::within("assembly", &database.name, &assembly.name);
    let (severity, set) = match assembly.permission_set {
        Some(1) => return judgement.pass(),
        Some(2) => (Severity::Medium, "EXTERNAL_ACCESS"),
        Some(3) => (RULE.severity, "UNSAFE"),
        Some(_) => (RULE.severity, "of a permission set that is not known"),
        None => {
            let missing = Missing {
                fact: "assemblies".to_owned(),
                database: Some(database.name.clone()),
                needs: vec!["its permission set".to_owned()],
            };
            return judgement.unknown(subject, vec![missing]);
        }
    };
    let mut evidence = vec![Evidence::row("assemblies", Some(&database.name), assembly)];
    let files: Vec<&AssemblyFile> = database
        .assembly_files
        .seen()
        .iter()
        .filter(|f| f.assembly_id == assembly.assembly_id)
        .collect();
    let rows = files
        .iter()
        .map(|file| Evidence::row("assembly_files", Some(&database.name), file));
    evidence.extend(rows);
    let mut message = format!("assembly {} is {set}", assembly.name);
    for says in [
        trust(case, &files, &mut evidence),
        option(case, "clr strict security", Switch::On, &mut evidence)
            .map(|()| "; clr strict security lets it load only if it is signed or trusted"),
        option(case, "clr enabled", Switch::Off, &mut evidence)
            .map(|()| "; it does not run while clr enabled is off"),
    ] {
        message.push_str(says.unwrap_or_default());
    }
    judgement.fail_at(severity, subject, message, evidence);
}

/// Says that the hash of a file is on the list of trusted assemblies, with the row.
fn trust(
    case: &Case<'_>,
    files: &[&AssemblyFile],
    evidence: &mut Vec<Evidence>,
) -> Option<&'static str> {
    let hashes: Vec<&String> = files.iter().filter_map(|f| f.sha2_512.known()).collect();
    let trusted = case.snapshot.server.trusted_assemblies.seen().iter();
    let row = trusted
        .into_iter()
        .find(|row| row.hash.as_ref().is_some_and(|hash| hashes.contains(&hash)))?;
    evidence.push(Evidence::row("trusted_assemblies", None, row));
    Some(" and trusted by hash in every database")
}

/// Whether an option is seen to stand so; then its row is evidence.
fn option(case: &Case<'_>, name: &str, stands: Switch, evidence: &mut Vec<Evidence>) -> Option<()> {
    let row = case.option(name).filter(|row| Switch::of(row) == stands)?;
    evidence.push(Evidence::row("configurations", None, row));
    Some(())
}
