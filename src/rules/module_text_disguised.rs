//! What it checks: a module that comes to a command channel by a name that is put together from pieces, by a variable
//! that holds the procedure's name, or by a synonym.
//!
//! Why it matters: nobody writes so who only wants a result: a search of the text for the channel's name does not
//! find it.
//!
//! How to fix: find out who wrote it and when (modify_date, audits, backups), then drop it.
//!
//! When it is fine: where a generator of code writes all names so; approve it by hash.
//!
//! References: docs: EXECUTE, CREATE SYNONYM; MITRE ATT&CK AN0511

use super::walk::{judge_sinks, names};
use super::{Case, Judgement, Rule, Severity, named};
use crate::snapshot::Fact;
use crate::tsql::{How, Sink};

pub(super) static RULE: Rule = Rule {
    id: "CODE-012",
    slug: "module-text-disguised",
    title: "A module hides that it reaches a command channel",
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
        "nist-800-53r5:SI-7",
        "iso-27001-2022:A.8.28",
    ],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("module_text_disguised.rs"),
    check,
};

const CHANNELS: &[Sink] = &[
    Sink::XpCmdshell,
    Sink::OleAutomation,
    Sink::ExternalScript,
    Sink::AgentJob,
    Sink::RegistryWrite,
    Sink::SpConfigureEnable,
    Sink::ExtendedProcAdd,
    Sink::CreateAssembly,
];
const HIDING: &[How] = &[How::DynamicConcat, How::ViaVariableProcName, How::Synonym];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    judge_sinks(
        case,
        judgement,
        |_, sink| CHANNELS.contains(&sink.name) && HIDING.contains(&sink.how),
        |name, sinks| {
            let line = sinks.first().map_or(0, |sink| sink.line);
            (
                RULE.severity,
                format!(
                    "{} comes to {} by a name that it hides (line {line})",
                    named(name),
                    names(sinks)
                ),
            )
        },
    );
}
