//! What it checks: steps of enabled Agent jobs that run outside T-SQL (CmdExec, PowerShell, ActiveScripting, SSIS) and
//! whose job belongs to somebody who is not in sysadmin; with the proxy and its account. High; low where the step has no
//! proxy, since the Agent runs it as its own account for members of sysadmin alone, and where the proxy is switched off
//! or the owner is no login any more. An owner who is no login here may be in a Windows group that is: unknown. Disabled
//! jobs pass. Express has no Agent, and SQL Server on Linux no such subsystems.
//!
//! Why it matters: the owner changes the step whenever he likes, and it runs a command as the proxy's account on the
//! server's own computer, on a schedule, with nobody looking.
//!
//! How to fix: EXEC msdb.dbo.sp_update_job @job_name = N'name', @owner_login_name = N'sa'; after reading the step, or
//! take the proxy back: EXEC msdb.dbo.sp_revoke_login_from_proxy.
//!
//! When it is fine: an application that runs one package with a proxy of its own, whose account may do just that.
//!
//! References: docs: create a SQL Server Agent proxy, implement SQL Server Agent security; STIG V-271342

use super::case::{MSDB, SHORT_SID};
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::graph::{Node, ProxyAccount, agent_proxy};
use crate::ids::PrincipalId;
use crate::snapshot::{Fact, Job, JobStep};

pub(super) static RULE: Rule = Rule {
    id: "AGENT-001",
    slug: "agent-os-step-by-non-admin",
    title: "A job of somebody without sysadmin runs commands",
    severity: Severity::High,
    facts: &[
        Fact::Host,
        Fact::Jobs,
        Fact::JobSteps,
        Fact::Proxies,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AC-6(8)",
        "nist-800-53r5:CM-7(2)",
        "pci-4.0.1:7.2.5",
        "iso-27001-2022:A.8.18",
        "soc2:CC6.3",
    ],
    attack: &["T1053.005", "T1059.003", "T1059.001"],
    source: include_str!("agent_os_step_by_non_admin.rs"),
    check,
};

const SUBSYSTEMS: &[&str] = &["CmdExec", "PowerShell", "ActiveScripting", "SSIS"];

/// Says not applicable where there is no Agent, or none that runs commands. Returns whether it did.
pub(super) fn without_commands(case: &Case<'_>, judgement: &mut Judgement) -> bool {
    if !case.graph().has_agent() {
        judgement.does_not_arise("Express has no Agent");
        return true;
    }
    case.not_on_linux(judgement)
}

/// Says not applicable where there is no Agent, or its database is excluded. Returns whether it did.
pub(super) fn without_jobs(case: &Case<'_>, judgement: &mut Judgement) -> bool {
    if !case.graph().has_agent() {
        judgement.does_not_arise("Express has no Agent");
        return true;
    }
    let excluded = case.is_excluded(MSDB);
    if excluded {
        judgement.does_not_arise("the inventory excludes msdb");
    }
    excluded
}

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if without_commands(case, judgement) {
        return;
    }
    let server = &case.snapshot.server;
    let jobs = server.jobs.seen();
    for step in server.job_steps.seen() {
        let runs = SUBSYSTEMS
            .iter()
            .any(|name| name.eq_ignore_ascii_case(&step.subsystem));
        let job = jobs.iter().find(|job| job.job_id == step.job_id);
        match job.filter(|job| runs && job.enabled != 0) {
            Some(job) => judge(case, job, step, judgement),
            None => judgement.pass(),
        }
    }
}

/// Whose a job is.
enum Owner {
    Administrator,
    Login(PrincipalId),
    /// A SQL login that is gone.
    Nobody,
    Unseen(Vec<Missing>),
}

fn owner(case: &Case<'_>, job: &Job) -> Owner {
    let needs = |need: &str| Owner::Unseen(vec![Missing::new("jobs", None, need)]);
    let Some(sid) = job.owner_sid.as_deref() else {
        return needs("the owner's sid");
    };
    let graph = case.graph();
    let login = graph.login_with_sid(sid);
    if login.is_some_and(|login| graph.sysadmin_facts(login).is_some()) {
        return Owner::Administrator;
    }
    let owners = [Fact::ServerPrincipals, Fact::ServerRoleMembers].into_iter();
    let unseen = owners.flat_map(|fact| fact.unsettled(case.snapshot));
    let missing: Vec<Missing> = unseen.map(|state| Missing::from(&state)).collect();
    match login {
        _ if !missing.is_empty() => Owner::Unseen(missing),
        Some(login) => Owner::Login(login),
        None if sid.len() == SHORT_SID => Owner::Nobody,
        None => {
            needs("whether the owner, who is no login, is in a Windows group that is in sysadmin")
        }
    }
}

fn judge(case: &Case<'_>, job: &Job, step: &JobStep, judgement: &mut Judgement) {
    let graph = case.graph();
    let subject = Subject::server("job", format!("{}, step {}", job.name, step.step_id));
    let owner = owner(case, job);
    let (owner, login) = match owner {
        Owner::Administrator => return judgement.pass(),
        Owner::Unseen(missing) => return judgement.unknown(subject, missing),
        Owner::Login(login) => (graph.shown(Node::login(login)), Some(login)),
        Owner::Nobody => ("a login that is gone".to_owned(), None),
    };
    let mut evidence = vec![
        Evidence::row("jobs", None, job),
        Evidence::row("job_steps", None, step),
    ];
    evidence.extend(
        login
            .map(|login| case.login_rows(&[login].into()))
            .into_iter()
            .flatten(),
    );
    let (can_run, with) = proxy(case, step, &mut evidence);
    let severity = if can_run && login.is_some() {
        RULE.severity
    } else {
        Severity::Low
    };
    let message = format!(
        "{} step {} of job {} belongs to {owner}, who is not in sysadmin, and {with}",
        named(&step.subsystem),
        named(&step.step_name),
        named(&job.name),
    );
    judgement.fail_at(severity, subject, message, evidence);
}

/// Whether the step runs by its proxy, and as whom; a proxy that was not seen may be switched on.
fn proxy(case: &Case<'_>, step: &JobStep, evidence: &mut Vec<Evidence>) -> (bool, String) {
    let Some(id) = step.proxy_id else {
        let refused = "has no proxy: the Agent refuses to run it";
        return (false, refused.to_owned());
    };
    let mut proxies = case.snapshot.server.proxies.seen().iter();
    let Some(proxy) = proxies.find(|proxy| proxy.proxy_id == id) else {
        return (true, format!("runs by proxy {id}, which was not seen"));
    };
    evidence.push(Evidence::row("proxies", None, proxy));
    let name = named(&proxy.name);
    if proxy.enabled == 0 {
        return (
            false,
            format!("has the proxy {name}, which is switched off"),
        );
    }
    let account = match agent_proxy(case.snapshot, id) {
        ProxyAccount::Present(identity) => identity.account,
        ProxyAccount::Absent | ProxyAccount::Unseen { .. } => None,
    };
    let account = account.map_or("an account that was not seen".to_owned(), |a| named(&a));
    (true, format!("runs by the proxy {name} as {account}"))
}
