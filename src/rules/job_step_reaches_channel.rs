//! What it checks: a T-SQL step of an enabled job whose text, or a module that it calls, reaches a command channel,
//! writes the registry, switches a channel on, or plants what will run commands. A step whose text was not read,
//! executes text that could not be read, or calls a module whose text was not seen, is unknown;
//! module-invokes-command-channel says how texts are read. Steps of other subsystems are agent-os-step-by-non-admin's.
//! Express has no Agent.
//!
//! Why it matters: the step looks like one that stays in the database. It runs as the job's owner, often sa.
//!
//! How to fix: write it as a CmdExec step with a proxy of few rights, which says what it is; or do it outside the
//! server.
//!
//! When it is fine: where it was approved so: approve the step by the hash of its text.
//!
//! References: docs: SQL Server Agent job steps, sp_add_jobstep

use super::agent_os_step_by_non_admin::without_jobs;
use super::walk::{CHANNELS, names, unread_callee, unread_line};
use super::{Case, Evidence, Judgement, Missing, ObservedSink, Rule, Severity, Subject, named};
use crate::snapshot::{Fact, Job, JobStep};

pub(super) static RULE: Rule = Rule {
    id: "AGENT-004",
    slug: "job-step-reaches-channel",
    title: "A T-SQL job step reaches a command channel",
    severity: Severity::Medium,
    facts: &[
        Fact::Databases,
        Fact::Schemas,
        Fact::Objects,
        Fact::Modules,
        Fact::Synonyms,
    ],
    master_facts: &[],
    msdb_facts: &[Fact::Jobs, Fact::JobSteps],
    controls: &["nist-800-53r5:CM-7", "nist-800-53r5:SI-7"],
    attack: &["T1053.005", "T1505.001", "AN0511"],
    source: include_str!("job_step_reaches_channel.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if without_jobs(case, judgement) {
        return;
    }
    let server = &case.snapshot.server;
    for step in server.job_steps.seen() {
        let mut jobs = server.jobs.seen().iter();
        let job = jobs.find(|job| job.job_id == step.job_id && job.enabled != 0);
        match job.filter(|_| step.subsystem.eq_ignore_ascii_case("TSQL")) {
            Some(job) => judge(case, job, step, judgement),
            None => judgement.not_applicable("no T-SQL step of an enabled job"),
        }
    }
    judgement.nothing_there("there is no job");
}

fn judge(case: &Case<'_>, job: &Job, step: &JobStep, judgement: &mut Judgement) {
    let subject = Subject::server("job", format!("{}, step {}", job.name, step.step_id));
    if step.command.is_none() {
        return judgement.pass();
    }
    let Some(does) = case.analysis().job_step(&step.job_id, step.step_id) else {
        let need = "the step's text, which is not among the files given";
        return judgement.unknown(subject, vec![Missing::new("job_steps", None, need)]);
    };
    let sinks = does.sinks.iter().filter(|s| CHANNELS.contains(&s.name));
    let sinks: Vec<&ObservedSink> = sinks.collect();
    let Some(first) = sinks.first() else {
        let unread = unread_line(&does.sinks).map(|line| {
            let need = format!("what the step executes in line {line}");
            Missing::new("job_steps", None, need)
        });
        return match unread.or_else(|| unread_callee(case, &does.calls)) {
            Some(missing) => judgement.unknown(subject, vec![missing]),
            None => judgement.pass(),
        };
    };
    let message = format!(
        "step {} of job {} reaches {} (line {})",
        step.step_id,
        named(&job.name),
        names(&sinks),
        first.line
    );
    let mut evidence = vec![Evidence::row("jobs", None, job)];
    let places = sinks.iter().map(|sink| sink.place(&does.sha256));
    evidence.extend(places.map(|place| Evidence::row("job_steps", None, step).at(place)));
    judgement.fail(subject, message, evidence);
}
