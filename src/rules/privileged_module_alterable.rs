//! What it checks: modules that run with the power of sysadmin, or of a login that holds CONTROL SERVER, without being
//! asked for: startup procedures, what server triggers call, what T-SQL steps of an enabled job of a privileged owner
//! call, procedures that a broker queue activates in a privileged context, triggers of databases (an administrator fires
//! them some day), and what these call. Of each, who may alter it and is no administrator: by ALTER, CONTROL or TAKE
//! OWNERSHIP on it (of a trigger: on its table), on its schema or its database, by db_owner or db_ddladmin, by owning it,
//! its schema or its database. DENY counts. Of a trigger of a database only rights given on it or its schema count: who
//! owns a database or is in its fixed roles could make one anyway. public and guest are critical; a role without members
//! and a login that is disabled are low. A module on the way whose text could not be read is unknown.
//!
//! Why it matters: whoever alters the module decides what the privileged run does; it needs no other right.
//!
//! How to fix: REVOKE ALTER ON [schema].[module] FROM [name]; move what jobs call to a database that administrators own.
//!
//! When it is fine: where those who alter it are trusted like sysadmin.
//!
//! References: docs: ALTER PROCEDURE, sp_procoption, implement SQL Server Agent security; STIG V-271147; Microsoft VA2020

use std::collections::{BTreeMap, BTreeSet};

use super::granted::{Grantee, unseen_grantee};
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::graph::{Granted, Index, Key, PrivilegedRun, Step};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-009",
    slug: "privileged-module-alterable",
    title: "Others may alter what runs with privileges",
    severity: Severity::Critical,
    facts: &[
        Fact::Databases,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
        Fact::ServerTriggers,
        Fact::ServerModules,
        Fact::StartupProcedures,
        Fact::Jobs,
        Fact::JobSteps,
        Fact::DatabasePrincipals,
        Fact::DatabaseRoleMembers,
        Fact::DatabasePermissions,
        Fact::Schemas,
        Fact::Objects,
        Fact::Modules,
        Fact::NumberedProcedures,
        Fact::AssemblyModules,
        Fact::Synonyms,
        Fact::Triggers,
        Fact::ServiceQueues,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AC-6(10)",
        "nist-800-53r5:CM-5",
        "nist-800-53r5:CM-5(6)",
        "iso-27001-2022:A.8.4",
        "soc2:CC8.1",
        "ms-va:VA2020",
    ],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("privileged_module_alterable.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let mut runs: BTreeMap<Key, PrivilegedRun> = BTreeMap::new();
    for run in case.graph().privileged_runs() {
        let is_stronger = runs
            .get(&run.module)
            .is_none_or(|known| known.by_trigger_of_database && !run.by_trigger_of_database);
        if is_stronger {
            runs.insert(run.module, run);
        }
    }
    for run in runs.values() {
        judge(case, run, judgement);
    }
    unread_steps(case, judgement);
    judgement.nothing_there("nothing runs modules with privileges by itself");
}

fn judge(case: &Case<'_>, run: &PrivilegedRun, judgement: &mut Judgement) {
    let graph = case.graph();
    let Some(facts) = graph.index().database(run.module.0) else {
        return;
    };
    let name = facts.object_name(run.module.1);
    let subject = Subject::within("module", &facts.name, name.clone());
    let rights = graph.granted_to_alter(run.module);
    let counts = |granted: &&Granted| !run.by_trigger_of_database || !is_of_database(granted);
    let (mut hidden, mut says) = (Vec::new(), Vec::new());
    let own = graph.index().module_fact(run.module);
    let mut evidence = case.cited(own.iter().chain(&run.facts));
    let (mut worst, mut seen) = (None, BTreeSet::new());
    for granted in rights.iter().filter(counts) {
        if let Some(missing) = unseen_grantee(case, granted) {
            hidden.push(missing);
            continue;
        }
        let Some(who) = Grantee::of(case, granted) else {
            continue;
        };
        worst = worst.max(Some(who.severity()));
        Evidence::extend(&mut evidence, who.evidence());
        if seen.insert((granted.scope, granted.grantee)) {
            let by = format!("{}{}", how(granted), who.through());
            says.push(format!("{} ({by})", who.named()));
        }
    }
    if let Some(severity) = worst {
        let message = format!(
            "{} of {}, which {}, may be altered by {}",
            named(&name),
            named(facts.name.as_str()),
            runs_by(run.step),
            says.join("; ")
        );
        judgement.fail_at(severity, subject, message, evidence);
    } else if !hidden.is_empty() {
        judgement.unknown(subject, hidden);
    } else if is_unread(case, run.module) {
        let need = format!("the text of {}, which may call others", named(&name));
        let missing = Missing {
            fact: "modules".to_owned(),
            database: Some(facts.name.clone()),
            needs: vec![need],
        };
        judgement.unknown(subject, vec![missing]);
    } else {
        judgement.pass();
    }
}

fn how(granted: &Granted) -> String {
    match granted.right.as_str() {
        "" => "by owning it".to_owned(),
        right => format!("by {right}"),
    }
}

/// Whether a right comes with the database itself: with it one makes triggers anyway.
fn is_of_database(granted: &Granted) -> bool {
    granted.right.is_empty()
        || granted.right.contains(" on database ")
        || Index::is_fixed_database_role(granted.grantee)
}

fn runs_by(step: Step) -> &'static str {
    match step {
        Step::StartupRun => "runs as sysadmin when the server starts",
        Step::JobRun => "a job runs with privileges",
        Step::ActivationRun => "a broker queue runs with privileges",
        _ => "a trigger runs in sessions of administrators",
    }
}

/// Whether a module of T-SQL is there whose text is not at hand.
fn is_unread(case: &Case<'_>, (db, id): Key) -> bool {
    let facts = case.graph().index().database(db);
    let mut modules = facts.map_or(&[][..], |facts| facts.modules.seen()).iter();
    let module = modules.find(|module| module.object_id == id);
    facts
        .zip(module)
        .is_some_and(|(facts, module)| case.analysis().module(Some(&facts.name), module).is_none())
}

/// T-SQL steps of enabled jobs of administrators whose text is not at hand may call anything.
fn unread_steps(case: &Case<'_>, judgement: &mut Judgement) {
    let server = &case.snapshot.server;
    let administrators = case.sysadmins();
    let is_administrator = |sid: &str| {
        let login = case.login_with_sid(sid);
        login.is_some_and(|login| administrators.contains(&login.principal_id))
    };
    for step in server.job_steps.seen() {
        let job = server
            .jobs
            .seen()
            .iter()
            .find(|job| job.job_id == step.job_id);
        let runs = job.is_some_and(|job| {
            job.enabled != 0 && job.owner_sid.as_deref().is_some_and(is_administrator)
        });
        let is_sql = step.subsystem.eq_ignore_ascii_case("TSQL") && step.command.is_some();
        if runs
            && is_sql
            && case
                .analysis()
                .job_step(&step.job_id, step.step_id)
                .is_none()
        {
            let missing = Missing {
                fact: "job_steps".to_owned(),
                database: None,
                needs: vec![format!("the text of step {}", named(&step.step_name))],
            };
            judgement.unknown(Subject::server("job_step", &step.step_name), vec![missing]);
        }
    }
}
