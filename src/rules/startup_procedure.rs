//! What it checks: procedures of master that are marked to run when the server starts.
//!
//! Why it matters: a startup procedure runs as sysadmin at every start, before anybody can look: the classic place to
//! keep a foothold.
//!
//! How to fix: read its text; EXEC sp_procoption N'name', 'startup', 'off'.
//!
//! When it is fine: some replication and monitoring products use one. Keep its text's hash on record.
//!
//! References: docs: sp_procoption, scan for startup procs; STIG V-274446; CIS 2022 2.8

use super::{Case, Evidence, Judgement, Rule, Severity, Subject};
use crate::ids::DatabaseName;
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "CODE-001",
    slug: "startup-procedure",
    title: "A procedure runs when the server starts",
    severity: Severity::High,
    facts: &[Fact::StartupProcedures, Fact::Configurations],
    master_facts: &[],
    controls: &["stig-2022:V-274446", "cis-2022:2.8", "ms-va:VA1071"],
    attack: &["T1505.001"],
    source: include_str!("startup_procedure.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let master = DatabaseName::new("master");
    let scan = case.option("scan for startup procs");
    let asleep =
        scan.is_some_and(|option| option.value == Some(0) && option.value_in_use == Some(0));
    let procedures = &case.snapshot.server.startup_procedures;
    for procedure in procedures.seen() {
        let name = match case.master() {
            Some(facts) => facts.qualify(procedure.schema_id, &procedure.name),
            None => procedure.name.clone(),
        };
        let mut evidence = vec![Evidence::row(
            "startup_procedures",
            Some(&master),
            procedure,
        )];
        evidence.extend(scan.map(|option| Evidence::row("configurations", None, option)));
        let (severity, message) = if asleep {
            let message = format!(
                "{name} is marked to run at start; scan for startup procs is off, so it does not yet"
            );
            (Severity::Medium, message)
        } else {
            (
                RULE.severity,
                format!("{name} runs as sysadmin whenever the server starts"),
            )
        };
        judgement.fail_at(
            severity,
            Subject::within("module", &master, name),
            message,
            evidence,
        );
    }
    if !judgement.unless_settled(
        Subject::instance(),
        "startup_procedures",
        Some(&master),
        procedures,
    ) && procedures.seen().is_empty()
    {
        judgement.pass();
    }
}
