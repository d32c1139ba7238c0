//! What it checks: a module that reaches a command channel (xp_cmdshell, OLE automation, an external script, a job step
//! that is not T-SQL) with a text into which a parameter, or data that it reads, flows; one step lower where it passes
//! that on to another module that does. Where it cannot be told what flows in, or the text was not read, it is unknown.
//! A module that executes text which could not be read neither fails nor passes: that is a finding of
//! module-invokes-command-channel, which says how texts are read.
//!
//! Why it matters: who may run the module, or write that data, chooses the command: one character that the shell knows
//! (&, |, a line break) begins a second one.
//!
//! How to fix: let the caller choose from commands that are written out, or check what he gives against a list of what is
//! allowed; quoting does not hold in a shell. Or do it outside the server.
//!
//! When it is fine: hardly ever; where only administrators may run the module and write what it reads.
//!
//! References: docs: SQL injection, xp_cmdshell; NIST SI-10

use super::walk::{Look, judge_sinks, modules, names};
use super::{Case, Judgement, Rule, Severity};
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
        Fact::Synonyms,
        Fact::ServerModules,
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
        modules(case),
        judgement,
        RULE.severity,
        |sink| match (COMMANDS.contains(&sink.name), sink.command_tainted) {
            (true, Some(is_tainted)) => is_tainted.into(),
            (true, None) => Look::Open("what flows into the command that is run"),
            (false, _) => Look::Fine,
        },
        |sinks| {
            let channels = names(sinks);
            format!("lets a parameter or data flow into what it runs by {channels}")
        },
    );
}
