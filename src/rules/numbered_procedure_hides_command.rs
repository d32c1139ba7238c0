//! What it checks: number 2 or higher of a numbered procedure (name;2) that reaches a command channel.
//!
//! Why it matters: Management Studio and most scripts show number 1 alone: the others stand in
//! sys.numbered_procedures, which few read. EXECUTE on the procedure covers them all.
//!
//! How to fix: DROP PROCEDURE […] drops all numbers; make number 1 anew.
//!
//! When it is fine: never; numbered procedures are deprecated.
//!
//! References: docs: CREATE PROCEDURE (;number), sys.numbered_procedures

use super::walk::{judge_sinks, names};
use super::{Case, Judgement, Rule, Severity, named};
use crate::snapshot::Fact;
use crate::tsql::Sink;

pub(super) static RULE: Rule = Rule {
    id: "CODE-007",
    slug: "numbered-procedure-hides-command",
    title: "A numbered procedure reaches a command channel",
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
    attack: &["T1505.001", "AN0511"],
    source: include_str!("numbered_procedure_hides_command.rs"),
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
    judge_sinks(
        case,
        judgement,
        |module, sink| module.number.is_some() && CHANNELS.contains(&sink.name),
        |name, sinks| {
            let line = sinks.first().map_or(0, |sink| sink.line);
            (
                RULE.severity,
                format!("{} reaches {} (line {line})", named(name), names(sinks)),
            )
        },
    );
}
