//! What it checks: a module that makes an Agent job step of a subsystem that is not T-SQL, or changes one into it:
//! CmdExec, PowerShell, SSIS and ActiveX run commands. One step lower where it does so by calling another module; low
//! where the Agent here cannot run such a step, on Express and on Linux. A module whose text was not read is unknown.
//! One that executes text which could not be read neither fails nor passes: that is a finding of
//! module-invokes-command-channel, which says how texts are read.
//!
//! Why it matters: the command runs later, by the Agent, under its account or a proxy's, and not in the session that
//! an audit watches.
//!
//! How to fix: ALTER the module without it, or drop it.
//!
//! When it is fine: in a vendor's setup of maintenance jobs, and in SQL Server's own procedures of msdb
//! (sp_syspolicy_create_purge_job makes a PowerShell step). A name proves nothing: approve them by hash.
//!
//! References: docs: sp_add_jobstep, sp_update_jobstep, SQL Server Agent job steps, SQL Server Agent on Linux

use super::walk::{judge_sinks, modules};
use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;
use crate::tsql::Sink;

pub(super) static RULE: Rule = Rule {
    id: "CODE-009",
    slug: "module-creates-os-job",
    title: "A module makes or changes a job step that runs commands",
    severity: Severity::High,
    facts: &[
        Fact::Host,
        Fact::Databases,
        Fact::Schemas,
        Fact::Objects,
        Fact::Modules,
        Fact::NumberedProcedures,
        Fact::Synonyms,
        Fact::ServerModules,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:CM-7", "nist-800-53r5:SI-7"],
    attack: &["T1053.005", "T1505.001"],
    source: include_str!("module_creates_os_job.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let host = case.snapshot.server.host.known();
    let on_linux = host.is_some_and(|host| host.platform.eq_ignore_ascii_case("Linux"));
    let idle = match (case.graph().has_agent(), on_linux) {
        (false, _) => ", which Express has no Agent to run",
        (true, true) => ", which the Agent on Linux cannot run",
        (true, false) => "",
    };
    let worst = if idle.is_empty() {
        RULE.severity
    } else {
        Severity::Low
    };
    judge_sinks(
        modules(case),
        judgement,
        worst,
        |sink| (sink.name == Sink::AgentJob).into(),
        |_| format!("makes or changes a job step that is not T-SQL{idle}"),
    );
}
