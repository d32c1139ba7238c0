//! What it checks: a T-SQL step of an enabled job whose text, or a module that it calls, reaches a command channel,
//! writes the registry, or switches a channel on.
//!
//! Why it matters: the step looks like one that stays in the database. It runs as the job's owner, often sa.
//!
//! How to fix: write it as a CmdExec step with a proxy of few rights, which says what it is; or do it outside the
//! server.
//!
//! When it is fine: where it was approved so: approve the job by hash.
//!
//! References: docs: SQL Server Agent job steps

use super::walk::names;
use super::{Case, Evidence, Judgement, Missing, ObservedSink, Rule, Severity, Subject, named};
use crate::snapshot::Fact;
use crate::tsql::Sink;

pub(super) static RULE: Rule = Rule {
    id: "AGENT-004",
    slug: "job-step-reaches-channel",
    title: "A T-SQL job step reaches a command channel",
    severity: Severity::Medium,
    facts: &[Fact::Jobs, Fact::JobSteps],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:CM-7", "nist-800-53r5:SI-7"],
    attack: &["T1053.005", "T1505.001", "AN0511"],
    source: include_str!("job_step_reaches_channel.rs"),
    check,
};

const CHANNELS: &[Sink] = &[
    Sink::XpCmdshell,
    Sink::OleAutomation,
    Sink::ExternalScript,
    Sink::AgentJob,
    Sink::RegistryWrite,
    Sink::SpConfigureEnable,
];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if !case.graph().has_agent() {
        return judgement.does_not_arise("Express has no Agent");
    }
    let server = &case.snapshot.server;
    for step in server.job_steps.seen() {
        let mut jobs = server.jobs.seen().iter();
        let job = jobs.find(|job| job.job_id == step.job_id && job.enabled != 0);
        let Some(job) = job.filter(|_| step.subsystem.eq_ignore_ascii_case("TSQL")) else {
            judgement.not_applicable("no T-SQL step of an enabled job");
            continue;
        };
        let subject = Subject::server("job", &job.name);
        let Some(does) = case.analysis().job_step(&step.job_id, step.step_id) else {
            if step.command.is_some() {
                let need = "the step's text, which is not among the files given";
                judgement.unknown(subject, vec![Missing::new("job_steps", None, need)]);
            } else {
                judgement.pass();
            }
            continue;
        };
        let sinks = does
            .sinks
            .iter()
            .filter(|sink| CHANNELS.contains(&sink.name));
        let sinks: Vec<&ObservedSink> = sinks.collect();
        if sinks.is_empty() {
            judgement.pass();
            continue;
        }
        let message = format!(
            "step {} of job {} reaches {}",
            step.step_id,
            named(&job.name),
            names(&sinks)
        );
        let mut evidence = vec![Evidence::row("jobs", None, job)];
        let places = sinks.iter().map(|sink| sink.place(&does.sha256));
        evidence.extend(places.map(|place| Evidence::row("job_steps", None, step).at(place)));
        judgement.fail(subject, message, evidence);
    }
    judgement.nothing_there("there is no job");
}
