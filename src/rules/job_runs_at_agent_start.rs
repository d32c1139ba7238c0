//! What it checks: an enabled job with an enabled schedule of the kind that starts when the Agent starts. Lower where
//! all its steps are T-SQL.
//!
//! Why it matters: it is a place to stay: what such a job runs comes back with every restart, and nobody waits for
//! it.
//!
//! How to fix: give it a time, or drop the schedule: EXEC msdb.dbo.sp_detach_schedule.
//!
//! When it is fine: for replication agents, and watchers of a vendor's.
//!
//! References: docs: sysschedules (freq_type 64), sp_add_schedule

use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "AGENT-003",
    slug: "job-runs-at-agent-start",
    title: "A job runs whenever the Agent starts",
    severity: Severity::Medium,
    facts: &[
        Fact::Jobs,
        Fact::JobSteps,
        Fact::JobSchedules,
        Fact::Schedules,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:CM-7", "nist-800-53r5:SI-7"],
    attack: &["T1053.005", "T1505.001"],
    source: include_str!("job_runs_at_agent_start.rs"),
    check,
};

const AT_AGENT_START: i32 = 64;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if !case.graph().has_agent() {
        return judgement.does_not_arise("Express has no Agent");
    }
    let server = &case.snapshot.server;
    for job in server.jobs.seen() {
        let mut links = server.job_schedules.seen().iter();
        let links = links
            .by_ref()
            .filter(|link| link.job_id.as_ref() == Some(&job.job_id));
        let ids: Vec<i32> = links.filter_map(|link| link.schedule_id).collect();
        let mut schedules = server.schedules.seen().iter();
        let schedule = schedules.find(|schedule| {
            let runs = schedule.enabled != 0 && schedule.freq_type == AT_AGENT_START;
            runs && ids.contains(&schedule.schedule_id)
        });
        let Some(schedule) = schedule.filter(|_| job.enabled != 0) else {
            judgement.pass();
            continue;
        };
        let steps = server.job_steps.seen().iter();
        let steps: Vec<_> = steps.filter(|step| step.job_id == job.job_id).collect();
        let only_sql = steps
            .iter()
            .all(|step| step.subsystem.eq_ignore_ascii_case("TSQL"));
        let severity = if only_sql {
            Severity::Low
        } else {
            RULE.severity
        };
        let message = format!("job {} runs whenever the Agent starts", named(&job.name));
        let mut evidence = vec![
            Evidence::row("jobs", None, job),
            Evidence::row("schedules", None, schedule),
        ];
        evidence.extend(
            steps
                .iter()
                .map(|step| Evidence::row("job_steps", None, step)),
        );
        judgement.fail_at(
            severity,
            Subject::server("job", &job.name),
            message,
            evidence,
        );
    }
    judgement.nothing_there("there is no job");
}
