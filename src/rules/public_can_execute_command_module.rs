//! What it checks: modules that public of their database, or guest where it may enter, can run, by EXECUTE on them, on
//! their schema or on the database, or by way of a module that calls them unchecked; and that hold a command which they
//! may run whoever calls them (xp_cmdshell, OLE automation, external scripts, registry writes), or execute text that they
//! are given in a privileged context. Such a context is a user of a TRUSTWORTHY database whose owner may vouch, or a key
//! whose login is in sysadmin or holds CONTROL SERVER; a procedure of dbo from which an ownership chain leads to
//! xp_cmdshell counts where the proxy credential exists. A DENY to public takes EXECUTE back. A command whose option is
//! off is high, not critical. A module in such a context whose text could not be read is unknown. What a platform does
//! not have is no command there.
//!
//! Why it matters: everybody who gets into the database runs commands, or anything at all, as somebody else.
//!
//! How to fix: REVOKE EXECUTE ON [schema].[module] FROM public; grant it to a role; take the text out of the module.
//!
//! When it is fine: hardly ever; a fixed command that anybody may start, and that takes no parameter.
//!
//! References: docs: EXECUTE AS clause, ADD SIGNATURE, ownership chains, GRANT object permissions; STIG V-271188

use std::collections::BTreeSet;

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::graph::{Context, Key, Powerful, Runner};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-008",
    slug: "public-can-execute-command-module",
    title: "Everybody may run a module that runs commands",
    severity: Severity::Critical,
    facts: &[
        Fact::Host,
        Fact::Configurations,
        Fact::Credentials,
        Fact::Databases,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
        Fact::DatabasePrincipals,
        Fact::DatabaseRoleMembers,
        Fact::DatabasePermissions,
        Fact::Schemas,
        Fact::Objects,
        Fact::Modules,
        Fact::NumberedProcedures,
        Fact::Synonyms,
        Fact::CryptProperties,
        Fact::Certificates,
        Fact::AsymmetricKeys,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AC-6(8)",
        "nist-800-53r5:AC-6(10)",
        "ms-va:VA2033",
    ],
    attack: &["T1505.001", "T1059.003", "AN0511"],
    source: include_str!("public_can_execute_command_module.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let graph = case.graph();
    let mut judged = BTreeSet::new();
    for powerful in graph.powerful_modules() {
        judged.insert(powerful.module);
        match to_all(case, powerful.module, powerful.nested) {
            Some(runner) => report(case, &powerful, &runner, judgement),
            None => judgement.pass(),
        }
    }
    let unread = unread(case).into_iter().filter(|key| !judged.contains(key));
    for key in graph.powerful_with_some_text(unread) {
        let Some(facts) = graph.index().database(key.0) else {
            continue;
        };
        if to_all(case, key, None).is_some() {
            let name = facts.object_name(key.1);
            let missing = Missing {
                fact: "modules".to_owned(),
                database: Some(facts.name.clone()),
                needs: vec![format!("the text of {}", named(&name))],
            };
            judgement.unknown(Subject::within("module", &facts.name, name), vec![missing]);
        }
    }
    judgement
        .nothing_there("no module runs commands for others or executes their text with privileges");
}

/// Modules whose text is not at hand.
fn unread(case: &Case<'_>) -> Vec<Key> {
    let databases = case.graph().index().databases();
    let unread = databases.flat_map(|(db, facts)| {
        let modules = facts.modules.seen().iter();
        let unread = modules.filter(|m| case.analysis().module(Some(&facts.name), *m).is_none());
        unread.map(move |module| (db, module.object_id))
    });
    unread.collect()
}

/// The grant by which everybody runs a module; of several that to public first.
fn to_all(case: &Case<'_>, module: Key, nested: Option<Context>) -> Option<Runner> {
    let runners = case.graph().runners(module, nested).into_iter();
    let all = runners.filter(|r| r.granted.reaches.everybody || r.granted.reaches.guests);
    all.min_by_key(|runner| {
        let is_far = runner.module != module;
        (!runner.granted.reaches.everybody, is_far, runner.module)
    })
}

fn report(case: &Case<'_>, powerful: &Powerful, runner: &Runner, judgement: &mut Judgement) {
    let graph = case.graph();
    let (db, id) = powerful.module;
    let Some(facts) = graph.index().database(db) else {
        return;
    };
    let name = facts.object_name(id);
    let everybody = runner.granted.reaches.everybody;
    let who = if everybody { "public" } else { "guest" };
    let calling = graph.index().database(runner.module.0);
    let calling = calling.filter(|_| runner.module != powerful.module);
    let by_way = calling.map_or_else(String::new, |calling| {
        let caller = calling.object_name(runner.module.1);
        format!(
            ", by way of {}.{}",
            named(calling.name.as_str()),
            named(&caller)
        )
    });
    let (does, severity) = match powerful.command {
        None => (
            "executes the text that it is given".to_owned(),
            Severity::Critical,
        ),
        Some(channel) if graph.runs_now(channel) => (
            format!("runs a command by {}", channel.title()),
            Severity::Critical,
        ),
        Some(channel) => (
            format!("runs a command by {} once that is on", channel.title()),
            Severity::High,
        ),
    };
    let message = format!(
        "{who} may run {} of {}{by_way}, which {does}, with rights of its own",
        named(&name),
        named(facts.name.as_str())
    );
    let mut evidence = case.cited(&runner.granted.facts);
    let modules = [powerful.module, runner.module].map(|key| graph.index().module_fact(key));
    Evidence::extend(&mut evidence, case.cited(modules.iter().flatten()));
    Evidence::extend(&mut evidence, case.cited(&powerful.facts));
    judgement.fail_at(
        severity,
        Subject::within("module", &facts.name, name),
        message,
        evidence,
    );
}
