//! What it checks: procedures of master that are marked to run when the server starts, also while the option scan for
//! startup procs is off (then one step lower: they wait for it). Where the procedure's text is at hand, the finding says
//! by which line it runs commands or executes text that could not be read; module-invokes-command-channel says how texts
//! are read and what can escape that.
//!
//! Why it matters: a startup procedure runs as sysadmin at every start, before anybody can look: the classic place to
//! keep a foothold. sp_procoption switches scan for startup procs on by itself.
//!
//! How to fix: read its text; EXEC sp_procoption N'name', 'startup', 'off';
//!
//! When it is fine: some replication and monitoring products use one, and so do parts of SQL Server itself:
//! sp_ssis_startup comes with the SSIS catalog, sp_MSrepl_startup is marked where replication is set up. They are
//! reported too, since a name and the mark is_ms_shipped prove nothing: compare the text. Keep its hash on record.
//!
//! References: docs: sp_procoption, scan for startup procs; STIG V-274446; CIS 2022 2.8; Microsoft VA1247

use super::module_invokes_command_channel::Calls;
use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::ids::DatabaseName;
use crate::snapshot::{Configuration, Fact, StartupProcedure};

pub(super) static RULE: Rule = Rule {
    id: "CODE-001",
    slug: "startup-procedure",
    title: "A procedure runs when the server starts",
    severity: Severity::High,
    facts: &[Fact::StartupProcedures, Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "stig-2022-instance:V-274446",
        "nist-800-53r5:AC-6(8)",
        "nist-800-53r5:CM-7(5)",
        "nist-800-53r5:SI-7",
        "iso-27001-2022:A.8.19",
        "soc2:CC6.8",
        "ms-va:VA1247",
    ],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("startup_procedure.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.master_is_excluded(judgement) {
        return;
    }
    let scan = case.option("scan for startup procs");
    for procedure in case.snapshot.server.startup_procedures.seen() {
        report(case, procedure, scan, judgement);
    }
    judgement.pass_unless_open();
}

fn report(
    case: &Case<'_>,
    procedure: &StartupProcedure,
    scan: Option<&Configuration>,
    judgement: &mut Judgement,
) {
    let master = DatabaseName::new("master");
    let name = case.master().map_or_else(
        || procedure.name.clone(),
        |facts| facts.qualify(procedure.schema_id, &procedure.name),
    );
    let shown = named(&name);
    // Only both values seen as 0 say that the next start leaves it alone.
    let asleep = scan.is_some_and(|o| o.value == Some(0) && o.value_in_use == Some(0));
    let (severity, mut message) = if asleep {
        let message = format!(
            "{shown} is marked to run at start; scan for startup procs is off, so it does not yet"
        );
        (Severity::Medium, message)
    } else {
        let message = format!("{shown} runs as sysadmin whenever the server starts");
        (RULE.severity, message)
    };
    let text = case.master().and_then(|facts| {
        let mut modules = facts.modules.seen().iter();
        modules.find(|module| module.object_id == procedure.object_id)
    });
    let mut evidence = vec![Evidence::row(
        "startup_procedures",
        Some(&master),
        procedure,
    )];
    evidence.extend(text.map(|module| Evidence::row("modules", Some(&master), module)));
    let observed = text.and_then(|module| case.analysis().module(Some(&master), module));
    if let (Some(module), Some(observed)) = (text, observed) {
        let calls = Calls::among(&observed.sinks);
        if let Some((_, does)) = calls.say() {
            message = format!("{message}, and {does}");
        }
        evidence.extend(calls.all().map(|call| {
            let place = call.place(&observed.sha256);
            Evidence::row("modules", Some(&master), module).at(place)
        }));
    }
    evidence.extend(scan.map(|option| Evidence::row("configurations", None, option)));
    let subject = Subject::within("module", &master, name);
    judgement.fail_at(severity, subject, message, evidence);
}
