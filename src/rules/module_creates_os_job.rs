//! What it checks: a module that makes or changes an Agent job step of a subsystem that runs commands (CmdExec,
//! PowerShell, SSIS, ActiveX).
//!
//! Why it matters: the command runs later, by the Agent, under its account or a proxy's, and not in the session that
//! an audit watches.
//!
//! How to fix: ALTER the module without it, or drop it.
//!
//! When it is fine: in a vendor's setup of maintenance jobs; approve it by hash.
//!
//! References: docs: sp_add_jobstep

use super::walk::judge_sinks;
use super::{Case, Judgement, Rule, Severity, named};
use crate::snapshot::Fact;
use crate::tsql::Sink;

pub(super) static RULE: Rule = Rule {
    id: "CODE-009",
    slug: "module-creates-os-job",
    title: "A module makes or changes a job that runs commands",
    severity: Severity::High,
    facts: &[
        Fact::Databases,
        Fact::Schemas,
        Fact::Objects,
        Fact::Modules,
        Fact::NumberedProcedures,
        Fact::ServerModules,
        Fact::ServerTriggers,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:CM-7", "nist-800-53r5:SI-7"],
    attack: &["T1053.005", "T1505.001"],
    source: include_str!("module_creates_os_job.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    judge_sinks(
        case,
        judgement,
        |_, sink| sink.name == Sink::AgentJob,
        |name, sinks| {
            let line = sinks.first().map_or(0, |sink| sink.line);
            (
                RULE.severity,
                format!(
                    "{} makes or changes a job step that runs commands (line {line})",
                    named(name)
                ),
            )
        },
    );
}
