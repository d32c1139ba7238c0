//! What it checks: procedures, functions, triggers and views of every database, and server triggers, whose own code calls
//! xp_cmdshell, OLE automation (sp_OACreate …) or sp_execute_external_script, or writes an Agent job step that is no
//! T-SQL (CmdExec, PowerShell …): directly under any qualification or spelling, or inside a string that the module
//! executes. Comments, printed text and names in other roles do not count. A module that is encrypted or hidden, or
//! whose text is not at hand, is unknown. Code of assemblies, numbered procedures and Agent jobs are not among the
//! modules.
//!
//! Why it matters: a stored procedure that runs commands is what MITRE ATT&CK T1505.001 describes: it looks like application
//! code, runs with the owner's rights, and stays.
//!
//! How to fix: read the module at the line given; if nobody answers for it, keep its text as evidence and drop it.
//!
//! When it is fine: maintenance procedures whose text is known; keep the hash of the approved text.
//!
//! References: MITRE ATT&CK T1505.001, AN0511; docs: xp_cmdshell, sp_OACreate, sp_execute_external_script, sp_add_jobstep

use super::{Case, Evidence, Judgement, Missing, Place, Rule, Severity, Subject};
use crate::ids::DatabaseName;
use crate::snapshot::{Fact, Module};
use crate::tsql::Sink;

pub(super) static RULE: Rule = Rule {
    id: "CODE-002",
    slug: "module-invokes-command-channel",
    title: "A module runs operating-system commands",
    severity: Severity::High,
    facts: &[Fact::Databases, Fact::Modules, Fact::ServerModules],
    master_facts: &[],
    controls: &["nist-800-53r5:CM-7"],
    attack: &["T1505.001", "T1059.003", "AN0511"],
    source: include_str!("module_invokes_command_channel.rs"),
    check,
};

/// Sinks by which something outside the engine is run; a job step runs it through Agent.
const COMMAND_CHANNELS: &[Sink] = &[
    Sink::XpCmdshell,
    Sink::OleAutomation,
    Sink::ExternalScript,
    Sink::AgentJob,
];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.databases_are_known(judgement);
    for database in case.databases() {
        for module in database.modules.seen() {
            let name = database.object_name(module.object_id);
            judge(case, Some(&database.name), &name, module, judgement);
        }
        let subject = Subject::database(&database.name);
        judgement.unless_settled(subject, "modules", Some(&database.name), &database.modules);
    }
    let server = &case.snapshot.server;
    for module in server.server_modules.seen() {
        let trigger = server
            .server_triggers
            .seen()
            .iter()
            .find(|t| t.object_id == module.object_id);
        let name = trigger.map_or_else(
            || format!("server trigger {}", module.object_id),
            |t| t.name.clone(),
        );
        judge(case, None, &name, module, judgement);
    }
    judgement.unless_settled(
        Subject::instance(),
        "server_modules",
        None,
        &server.server_modules,
    );
}

fn judge(
    case: &Case<'_>,
    database: Option<&DatabaseName>,
    name: &str,
    module: &Module,
    judgement: &mut Judgement,
) {
    let subject = match database {
        Some(database) => Subject::within("module", database, name),
        None => Subject::server("module", name),
    };
    let fact = if database.is_some() {
        "modules"
    } else {
        "server_modules"
    };
    if judgement.unless_settled(subject.clone(), fact, database, &module.definition) {
        return;
    }
    let (Some(hash), Some(observations)) = (module.definition.known(), case.observations(module))
    else {
        let needs = vec!["the module's text, which is not among the files given".to_owned()];
        let missing = Missing {
            fact: fact.to_owned(),
            database: database.cloned(),
            needs,
        };
        return judgement.unknown(subject, vec![missing]);
    };
    let calls: Vec<_> = observations
        .iter()
        .filter(|o| COMMAND_CHANNELS.contains(&o.sink))
        .collect();
    let Some(first) = calls.first() else {
        return judgement.pass();
    };
    let mut channels: Vec<&str> = calls.iter().map(|c| c.sink.as_str()).collect();
    channels.sort_unstable();
    channels.dedup();
    let evidence = calls.iter().map(|call| {
        let place = Place {
            line: call.line,
            column: call.column,
            sha256: hash.sha256.clone(),
        };
        Evidence::row(fact, database, module).at(place)
    });
    judgement.fail(
        subject,
        format!("{name} calls {} (line {})", channels.join(", "), first.line),
        evidence.collect(),
    );
}
