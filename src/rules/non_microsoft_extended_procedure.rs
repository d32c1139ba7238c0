//! What it checks: extended procedures that somebody registered, in any database. The ones that SQL Server ships with live
//! in its resource database under negative ids and are not listed by sys.extended_procedures; is_ms_shipped is not
//! looked at, an attacker can set it. In master every id of type X is compared too.
//!
//! Why it matters: an extended procedure is a DLL loaded into the server process: native code as the service account.
//!
//! How to fix: EXEC master.sys.sp_dropextendedproc N'name'; -- and look at the DLL.
//!
//! When it is fine: old backup products and monitoring agents. Keep name, path and hash of the DLL on record.
//!
//! References: docs: sys.extended_procedures, sp_addextendedproc; STIG V-271300; Microsoft VA2103

use super::case::MASTER;
use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::ids::DatabaseName;
use crate::snapshot::{DatabaseFacts, Fact, SystemExtendedProcedure};

pub(super) static RULE: Rule = Rule {
    id: "SURF-005",
    slug: "non-microsoft-extended-procedure",
    title: "An extended procedure was added",
    severity: Severity::High,
    facts: &[Fact::Databases, Fact::ExtendedProcedures],
    master_facts: &[Fact::SystemExtendedProcedures],
    msdb_facts: &[],
    controls: &[
        "stig-2022-instance:V-271300",
        "nist-800-53r5:CM-7",
        "nist-800-53r5:CM-7(5)",
        "nist-800-53r5:SI-7",
        "pci-4.0.1:2.2.4",
        "iso-27001-2022:A.8.18",
        "iso-27001-2022:A.8.19",
        "soc2:CC6.8",
    ],
    attack: &["T1505.001", "T1505", "T1574"],
    source: include_str!("non_microsoft_extended_procedure.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for database in case.databases() {
        registered(database, judgement);
    }
    if case.is_excluded(MASTER) {
        judgement.not_applicable("the inventory excludes master");
    } else {
        unlisted(case, judgement);
    }
}

fn registered(database: &DatabaseFacts, judgement: &mut Judgement) {
    let name = Some(&database.name);
    let procedures = &database.extended_procedures;
    for procedure in procedures.seen() {
        let called = database.qualify(procedure.schema_id, &procedure.name);
        let dll = procedure.dll_name.as_deref().map(named);
        let dll = dll.unwrap_or_else(|| "an unnamed DLL".to_owned());
        let shown = named(&called);
        let message = format!("extended procedure {shown} runs native code from {dll}");
        judgement.fail(
            Subject::within("extended_procedure", &database.name, &called),
            message,
            vec![Evidence::row("extended_procedures", name, procedure)],
        );
    }
    if procedures.seen().is_empty() {
        judgement.pass();
    }
}

/// Shipped extended procedures have negative ids. A positive one that `sys.extended_procedures` does
/// not list is one that somebody made all the same.
fn unlisted(case: &Case<'_>, judgement: &mut Judgement) {
    let master = DatabaseName::new("master");
    let all = &case.snapshot.server.system_extended_procedures;
    for procedure in all.seen().iter().filter(|p| p.object_id > 0) {
        if is_listed(case, procedure) {
            continue;
        }
        let name = case.master().map_or_else(
            || procedure.name.clone(),
            |facts| facts.qualify(procedure.schema_id, &procedure.name),
        );
        let shown = named(&name);
        let message = format!("extended procedure {shown} was added; its DLL was not seen");
        let row = Evidence::row("system_extended_procedures", Some(&master), procedure);
        let subject = Subject::within("extended_procedure", &master, name);
        judgement.fail(subject, message, vec![row]);
    }
}

fn is_listed(case: &Case<'_>, procedure: &SystemExtendedProcedure) -> bool {
    case.master().is_some_and(|facts| {
        let mut listed = facts.extended_procedures.seen().iter();
        listed.any(|row| row.object_id == procedure.object_id)
    })
}
