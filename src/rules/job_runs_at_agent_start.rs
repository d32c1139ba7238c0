//! What it checks: an enabled job with an enabled schedule of the kind that starts when the Agent starts: medium, low
//! where all its steps were seen and are T-SQL. job-step-reaches-channel says which of those reach a command channel.
//! Express has no Agent.
//!
//! Why it matters: it is a place to stay: what such a job runs comes back with every restart, and nobody waits for
//! it.
//!
//! How to fix: give it a time, or take the schedule from it: EXEC msdb.dbo.sp_detach_schedule @job_name = N'name',
//! @schedule_id = n;
//!
//! When it is fine: for agents of replication, capture jobs of change data capture (cdc.…_capture), and watchers of a
//! vendor's.
//!
//! References: docs: sysschedules (freq_type 64), sp_add_schedule, sp_detach_schedule

use super::agent_os_step_by_non_admin::without_jobs;
use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::snapshot::{Fact, Job, JobSchedule, Schedule};

pub(super) static RULE: Rule = Rule {
    id: "AGENT-003",
    slug: "job-runs-at-agent-start",
    title: "A job runs whenever the Agent starts",
    severity: Severity::Medium,
    facts: &[Fact::ServerIdentity],
    master_facts: &[],
    msdb_facts: &[
        Fact::Jobs,
        Fact::JobSteps,
        Fact::JobSchedules,
        Fact::Schedules,
    ],
    controls: &["nist-800-53r5:CM-7", "nist-800-53r5:SI-7"],
    attack: &["T1053.005", "T1505.001"],
    source: include_str!("job_runs_at_agent_start.rs"),
    check,
};

const AT_AGENT_START: i32 = 64;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if without_jobs(case, judgement) {
        return;
    }
    let server = &case.snapshot.server;
    for job in server.jobs.seen() {
        let links = server.job_schedules.seen().iter();
        let own = links.filter(|link| link.job_id.as_ref() == Some(&job.job_id));
        let starting = own.filter_map(|link| Some((link, starting(case, link)?)));
        let starting: Vec<_> = starting.collect();
        if job.enabled == 0 || starting.is_empty() {
            judgement.pass();
            continue;
        }
        report(case, job, &starting, judgement);
    }
    judgement.nothing_there("there is no job");
}

/// The schedule, if it starts what has it whenever the Agent starts.
fn starting<'a>(case: &Case<'a>, link: &JobSchedule) -> Option<&'a Schedule> {
    let mut schedules = case.snapshot.server.schedules.seen().iter();
    let schedule = schedules.find(|row| Some(row.schedule_id) == link.schedule_id)?;
    (schedule.enabled != 0 && schedule.freq_type == AT_AGENT_START).then_some(schedule)
}

fn report(
    case: &Case<'_>,
    job: &Job,
    starting: &[(&JobSchedule, &Schedule)],
    judgement: &mut Judgement,
) {
    let server = &case.snapshot.server;
    let steps = server.job_steps.seen().iter();
    let steps: Vec<_> = steps.filter(|step| step.job_id == job.job_id).collect();
    let mut subsystems = steps.iter().map(|step| &step.subsystem);
    let only_sql = subsystems.all(|name| name.eq_ignore_ascii_case("TSQL"));
    let severity = if only_sql && server.job_steps.is_settled() {
        Severity::Low
    } else {
        RULE.severity
    };
    let message = format!("job {} runs whenever the Agent starts", named(&job.name));
    let mut evidence = vec![Evidence::row("jobs", None, job)];
    for (link, schedule) in starting {
        evidence.push(Evidence::row("job_schedules", None, link));
        evidence.push(Evidence::row("schedules", None, schedule));
    }
    let steps = steps
        .iter()
        .map(|step| Evidence::row("job_steps", None, step));
    evidence.extend(steps);
    let subject = Subject::server("job", &job.name);
    judgement.fail_at(severity, subject, message, evidence);
}
