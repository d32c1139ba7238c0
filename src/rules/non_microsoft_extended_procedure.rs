//! What it checks: extended procedures that somebody registered, in any database. The ones that SQL Server ships with live
//! in its resource database and are not listed there, whatever is_ms_shipped says: an attacker can set it.
//!
//! Why it matters: an extended procedure is a DLL loaded into the server process: native code as the service account.
//!
//! How to fix: EXEC master.sys.sp_dropextendedproc N'name'; -- and look at the DLL.
//!
//! When it is fine: old backup products and monitoring agents. Keep name, path and hash of the DLL on record.
//!
//! References: docs: sys.extended_procedures, sp_addextendedproc; STIG V-271300

use super::{Case, Evidence, Judgement, Rule, Severity, Subject};
use crate::ids::DatabaseName;
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-005",
    slug: "non-microsoft-extended-procedure",
    title: "An extended procedure was added",
    severity: Severity::High,
    facts: &[Fact::Databases, Fact::ExtendedProcedures],
    master_facts: &[Fact::SystemExtendedProcedures],
    controls: &["stig-2022:V-271300", "ms-va:VA2103"],
    attack: &["T1505.001"],
    source: include_str!("non_microsoft_extended_procedure.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.databases_are_known(judgement);
    for database in case.databases() {
        let procedures = &database.extended_procedures;
        for procedure in procedures.seen() {
            let name = database.qualify(procedure.schema_id, &procedure.name);
            let dll = procedure.dll_name.as_deref().unwrap_or("an unnamed DLL");
            judgement.fail(
                Subject::within("extended_procedure", &database.name, &name),
                format!("extended procedure {name} runs native code from {dll}"),
                vec![Evidence::row(
                    "extended_procedures",
                    Some(&database.name),
                    procedure,
                )],
            );
        }
        let subject = Subject::database(&database.name);
        if !judgement.unless_settled(
            subject,
            "extended_procedures",
            Some(&database.name),
            procedures,
        ) && procedures.seen().is_empty()
        {
            judgement.pass();
        }
    }
    registered_but_unlisted(case, judgement);
}

/// Shipped extended procedures have negative ids. A positive one that `sys.extended_procedures` does
/// not list is one that somebody made, listed or not.
fn registered_but_unlisted(case: &Case<'_>, judgement: &mut Judgement) {
    let master = DatabaseName::new("master");
    let listed = case
        .master()
        .map_or(&[][..], |m| m.extended_procedures.seen());
    let all = &case.snapshot.server.system_extended_procedures;
    for procedure in all.seen() {
        if procedure.object_id > 0 && !listed.iter().any(|l| l.object_id == procedure.object_id) {
            judgement.fail(
                Subject::within("extended_procedure", &master, &procedure.name),
                format!(
                    "extended procedure {} was added and has no listed DLL",
                    procedure.name
                ),
                vec![Evidence::row(
                    "system_extended_procedures",
                    Some(&master),
                    procedure,
                )],
            );
        }
    }
    judgement.unless_settled(
        Subject::instance(),
        "system_extended_procedures",
        Some(&master),
        all,
    );
}
