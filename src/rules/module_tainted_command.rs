//! What it checks: a module that reaches a command channel with a text into which a parameter, or data that it reads,
//! flows.
//!
//! Why it matters: who may run the module, or write that data, chooses the command: a character that the shell knows
//! is enough.
//!
//! How to fix: take a value from a list instead of a text; or do what it does outside the server.
//!
//! When it is fine: hardly ever.
//!
//! References: docs: SQL injection, xp_cmdshell; NIST SI-10

use super::walk::{judge_sinks, names};
use super::{Case, Judgement, Rule, Severity, named};
use crate::snapshot::Fact;
use crate::tsql::Sink;

pub(super) static RULE: Rule = Rule {
    id: "CODE-011",
    slug: "module-tainted-command",
    title: "A module runs a command that its caller shapes",
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
    controls: &[
        "nist-800-53r5:CM-7",
        "nist-800-53r5:SI-10",
        "pci-4.0.1:6.2.4",
        "iso-27001-2022:A.8.28",
    ],
    attack: &["T1505.001", "T1059.003", "T1190", "AN0511"],
    source: include_str!("module_tainted_command.rs"),
    check,
};

const COMMANDS: &[Sink] = &[
    Sink::XpCmdshell,
    Sink::OleAutomation,
    Sink::ExternalScript,
    Sink::AgentJob,
];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    judge_sinks(
        case,
        judgement,
        |_, sink| COMMANDS.contains(&sink.name) && sink.command_tainted == Some(true),
        |name, sinks| {
            let line = sinks.first().map_or(0, |sink| sink.line);
            (
                RULE.severity,
                format!(
                    "a parameter or data flows into what {} runs by {} (line {line})",
                    named(name),
                    names(sinks)
                ),
            )
        },
    );
}
