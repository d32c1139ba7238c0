//! What it checks: assemblies that users made, in any database, whether or not they are marked as shipped: UNSAFE is high,
//! SAFE low, or medium where the file's hash is on the instance's list of trusted assemblies. EXTERNAL_ACCESS is for
//! external-access-assembly. The assembly that every database ships with (Microsoft.SqlServer.Types, told by its id) is
//! left out. What is found says whether clr enabled and clr strict security run, and whether the hash is trusted; where a
//! SAFE assembly's hash or the list was not seen, that is unknown.
//!
//! Why it matters: such an assembly is native code inside the server process: it can run commands, read files and open
//! connections as the service account, and it stays there until somebody drops it. SAFE is what its author declared: the
//! code access security behind it is no longer supported as a boundary, and by Microsoft's own word a SAFE assembly may
//! reach external resources, call unmanaged code and become sysadmin. clr strict security does not take that away: it
//! treats every set as UNSAFE and asks that the assembly is signed or trusted, and whatever is trusted by hash loads so in
//! every database. clr enabled = 0 stops it from running, not from lying there.
//!
//! How to fix: find out what it does from its SHA2-512 in the evidence; DROP ASSEMBLY where nobody needs it. ALTER
//! ASSEMBLY … WITH PERMISSION_SET = SAFE narrows what honest code does, no more. Then EXEC sys.sp_drop_trusted_assembly
//! its hash.
//!
//! When it is fine: known vendor or in-house code, signed, with its hash on record. ISSERVER in SSISDB is Microsoft's own
//! and UNSAFE; it is reported too, since a name proves nothing: compare its hash with one of the same build.
//!
//! References: docs: CREATE ASSEMBLY, sys.assemblies, sys.trusted_assemblies, clr strict security (code access security);
//! CIS 2022 6.2; Microsoft VA1256; MITRE ATT&CK T1505.001

use super::case::Switch;
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::{Assembly, AssemblyFile, DatabaseFacts, Fact, TrustedAssembly};

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
    msdb_facts: &[],
    controls: &[
        "cis-2016:6.2",
        "cis-2017:6.2",
        "cis-2019:6.2",
        "cis-2022:6.2",
        "nist-800-53r5:CM-7(5)",
        "iso-27001-2022:A.8.19",
        "soc2:CC6.8",
        "ms-va:VA1256",
    ],
    attack: &["T1505.001", "T1505", "T1620", "AN0511"],
    source: include_str!("unsafe_assembly.rs"),
    check,
};

/// Assemblies made by users have ids from here on; below are the server's own.
pub(super) const FIRST_USER_ID: i32 = 65536;

/// Which permission sets a rule is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// EXTERNAL_ACCESS.
    ExternalAccess,
    /// All others.
    Others,
}

const EXTERNAL_ACCESS: i32 = 2;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    check_share(case, Share::Others, judgement);
}

pub(super) fn check_share(case: &Case<'_>, share: Share, judgement: &mut Judgement) {
    let mut missing = Vec::new();
    for database in case.databases() {
        for assembly in database.assemblies.seen() {
            let is_external = assembly.permission_set == Some(EXTERNAL_ACCESS);
            let is_own = assembly.permission_set.is_none()
                || is_external == (share == Share::ExternalAccess)
                || assembly.assembly_id < FIRST_USER_ID;
            match share {
                _ if is_own => judge(case, database, assembly, &mut missing, judgement),
                Share::ExternalAccess => judgement.pass(),
                Share::Others => judgement.not_applicable("external-access-assembly has it"),
            }
        }
    }
    if !missing.is_empty() {
        missing.sort();
        missing.dedup();
        judgement.unknown(Subject::instance(), missing);
    }
}

fn judge(
    case: &Case<'_>,
    database: &DatabaseFacts,
    assembly: &Assembly,
    missing: &mut Vec<Missing>,
    judgement: &mut Judgement,
) {
    if assembly.assembly_id < FIRST_USER_ID {
        return judgement.not_applicable("only assemblies that the server ships with");
    }
    let subject = Subject::within("assembly", &database.name, &assembly.name);
    let files = Files::new(case, database, assembly);
    let safe = assembly.permission_set == Some(1);
    let (severity, set) = match assembly.permission_set {
        Some(1) if files.trusted.is_some() => (Severity::Medium, "declared SAFE"),
        Some(1) => (Severity::Low, "declared SAFE"),
        Some(EXTERNAL_ACCESS) => (Severity::Medium, "EXTERNAL_ACCESS"),
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
    if safe && files.trusted.is_none() {
        files.missing(missing);
    }
    let mut evidence = vec![Evidence::row("assemblies", Some(&database.name), assembly)];
    evidence.extend(files.evidence());
    let mut message = format!("assembly {} is {set}", named(&assembly.name));
    for says in [
        files
            .trusted
            .map(|_| " and trusted by hash in every database"),
        safe.then_some(NO_BOUNDARY),
        option(case, "clr strict security", Switch::On, &mut evidence)
            .map(|()| "; clr strict security lets it load only if it is signed or trusted"),
        option(case, "clr enabled", Switch::Off, &mut evidence)
            .map(|()| "; it does not run while clr enabled is off"),
    ] {
        message.push_str(says.unwrap_or_default());
    }
    judgement.fail_at(severity, subject, message, evidence);
}

const NO_BOUNDARY: &str =
    "; SAFE is no boundary: such code may call unmanaged code and become sysadmin";

/// The files of one assembly, and the list that may hold their hash.
struct Files<'a, 'c> {
    case: &'a Case<'c>,
    database: &'a DatabaseFacts,
    rows: Vec<&'a AssemblyFile>,
    trusted: Option<&'a TrustedAssembly>,
}

impl<'a, 'c> Files<'a, 'c> {
    fn new(case: &'a Case<'c>, database: &'a DatabaseFacts, assembly: &Assembly) -> Self {
        let files = database.assembly_files.seen().iter();
        let rows: Vec<&AssemblyFile> = files
            .filter(|f| f.assembly_id == assembly.assembly_id)
            .collect();
        let hashes: Vec<&String> = rows.iter().filter_map(|f| f.sha2_512.known()).collect();
        let trusted = case.snapshot.server.trusted_assemblies.seen().iter();
        let trusted = trusted
            .into_iter()
            .find(|row| row.hash.as_ref().is_some_and(|hash| hashes.contains(&hash)));
        Self {
            case,
            database,
            rows,
            trusted,
        }
    }

    fn evidence(&self) -> impl Iterator<Item = Evidence> {
        let database = Some(&self.database.name);
        let files = self.rows.iter();
        let trusted = self.trusted.iter();
        files
            .map(move |file| Evidence::row("assembly_files", database, file))
            .chain(trusted.map(|row| Evidence::row("trusted_assemblies", None, row)))
    }

    /// What was not seen of the files themselves and could say that the hash is trusted.
    fn missing(&self, missing: &mut Vec<Missing>) {
        if self
            .case
            .snapshot
            .server
            .trusted_assemblies
            .seen()
            .is_empty()
        {
            return; // no hash was seen to be trusted
        }
        let files = &self.database.assembly_files;
        let within = Some(&self.database.name);
        if self.rows.is_empty() && files.is_settled() {
            let need = "the file of each assembly";
            missing.push(Missing::new("assembly_files", within, need));
        }
        let hidden = self.rows.iter().filter(|file| !file.sha2_512.is_settled());
        missing.extend(hidden.map(|file| Missing {
            fact: "assembly_files".to_owned(),
            database: within.cloned(),
            needs: file.sha2_512.needs(),
        }));
    }
}

/// Whether an option is seen to stand so; then its row is evidence.
fn option(case: &Case<'_>, name: &str, stands: Switch, evidence: &mut Vec<Evidence>) -> Option<()> {
    let row = case.option(name).filter(|row| Switch::of(row) == stands)?;
    evidence.push(Evidence::row("configurations", None, row));
    Some(())
}
