//! What it checks: logon triggers and DDL triggers, of the server and of databases, whose code reaches a command channel
//! (xp_cmdshell, OLE automation, sp_execute_external_script, a job step that is no T-SQL), itself or by a module that it
//! calls: high; low while the trigger is disabled. module-invokes-command-channel says how texts are read, and reports the
//! same text as a module. A trigger that executes text which could not be read, or calls a module whose text was not seen,
//! is unknown. Triggers on tables are modules like others.
//!
//! Why it matters: such a trigger runs by itself, in the session of whoever logs in or changes something, an
//! administrator's among them, and with his rights: what it holds runs as sysadmin sooner or later. That is a foothold
//! that outlives every password.
//!
//! How to fix: read it; DISABLE TRIGGER [name] ON ALL SERVER; (ON DATABASE), keep its text as evidence, DROP TRIGGER.
//!
//! When it is fine: hardly ever; a notification can be sent by Service Broker (event notification) or an Agent alert.
//!
//! References: docs: logon triggers, DDL triggers, CREATE TRIGGER; MITRE ATT&CK T1505.001, T1546

use std::collections::BTreeSet;

use super::module_invokes_command_channel::Calls;
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::ids::DatabaseName;
use crate::snapshot::{Fact, Module};

pub(super) static RULE: Rule = Rule {
    id: "CODE-004",
    slug: "logon-or-ddl-trigger-reaches-channel",
    title: "A logon or DDL trigger runs operating-system commands",
    severity: Severity::High,
    facts: &[
        Fact::Databases,
        Fact::ServerTriggers,
        Fact::ServerModules,
        Fact::Triggers,
        Fact::Modules,
        Fact::Objects,
        Fact::Schemas,
        Fact::Synonyms,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:CM-7"],
    attack: &["T1505.001", "T1546", "AN0511"],
    source: include_str!("logon_or_ddl_trigger_reaches_channel.rs"),
    check,
};

/// `parent_class` of triggers on the database itself.
const ON_DATABASE: i32 = 0;

/// A trigger that runs by itself.
struct Found<'a> {
    database: Option<&'a DatabaseName>,
    name: &'a str,
    is_disabled: bool,
    row: Evidence,
    module: Option<&'a Module>,
}

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for trigger in triggers(case) {
        judge(case, &trigger, judgement);
    }
}

fn triggers<'a>(case: &Case<'a>) -> Vec<Found<'a>> {
    let server = &case.snapshot.server;
    let of_server = server.server_triggers.seen().iter().map(|row| Found {
        database: None,
        name: &row.name,
        is_disabled: row.is_disabled,
        row: Evidence::row("server_triggers", None, row),
        module: module(server.server_modules.seen(), row.object_id),
    });
    let of_databases = case.databases().flat_map(|facts| {
        let rows = facts.triggers.seen().iter();
        let rows = rows.filter(|row| row.parent_class == ON_DATABASE);
        rows.map(|row| Found {
            database: Some(&facts.name),
            name: &row.name,
            is_disabled: row.is_disabled,
            row: Evidence::row("triggers", Some(&facts.name), row),
            module: module(facts.modules.seen(), row.object_id),
        })
    });
    of_server.chain(of_databases).collect()
}

fn module(rows: &[Module], id: i32) -> Option<&Module> {
    rows.iter().find(|row| row.object_id == id)
}

fn judge(case: &Case<'_>, found: &Found<'_>, judgement: &mut Judgement) {
    let (fact, database) = match found.database {
        Some(_) => ("modules", found.database),
        None => ("server_modules", None),
    };
    let subject = match database {
        Some(database) => Subject::within("module", database, found.name),
        None => Subject::server("module", found.name),
    };
    let missing = |needs: Vec<String>| {
        vec![Missing {
            fact: fact.to_owned(),
            database: database.cloned(),
            needs,
        }]
    };
    let Some(module) = found.module else {
        return judgement.unknown(subject, missing(vec!["its code".to_owned()]));
    };
    let Some(observed) = case.analysis().module(database, module) else {
        let mut needs = module.definition.needs();
        if needs.is_empty() {
            needs.push("the trigger's text, which is not among the files given".to_owned());
        }
        return judgement.unknown(subject, missing(needs));
    };
    let calls = Calls::among(&observed.sinks);
    if let Some(does) = calls.say_of_commands() {
        let (severity, when) = if found.is_disabled {
            (Severity::Low, "is disabled, and")
        } else {
            (RULE.severity, "runs by itself and")
        };
        let message = format!("trigger {} {when} {does}", named(found.name));
        let places = calls.commands().map(|call| {
            let place = call.place(&observed.sha256);
            Evidence::row(fact, database, module).at(place)
        });
        let evidence = [found.row.clone()].into_iter().chain(places).collect();
        return judgement.fail_at(severity, subject, message, evidence);
    }
    let unread = calls
        .unread_line()
        .map(|line| format!("the text that it executes in line {line}"));
    match unread.or_else(|| unseen_callee(case, database, module.object_id)) {
        Some(need) => judgement.unknown(subject, missing(vec![need])),
        None => judgement.pass(),
    }
}

/// A module that is called, however deep, and whose text was not seen.
fn unseen_callee(case: &Case<'_>, database: Option<&DatabaseName>, id: i32) -> Option<String> {
    let mut done = BTreeSet::new();
    let mut open = vec![(database.cloned(), id)];
    while let Some((database, id)) = open.pop() {
        for call in case.graph().calls_of(database.as_ref(), id) {
            let key = (call.database.clone(), call.object_id);
            if !done.insert(key.clone()) {
                continue;
            }
            let facts = case.databases().find(|facts| facts.name == key.0)?;
            let row = module(facts.modules.seen(), key.1);
            if row.is_none_or(|row| case.analysis().module(Some(&key.0), row).is_none()) {
                let name = facts.object_name(key.1);
                let database = named(facts.name.as_str());
                return Some(format!("the text of {database}.{}", named(&name)));
            }
            open.push((Some(key.0), key.1));
        }
    }
    None
}
