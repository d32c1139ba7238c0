//! What it checks: a module whose code, or text that it executes, sets an option that opens a command channel with
//! sp_configure, or clr strict security to 0.
//!
//! Why it matters: the channel looks closed whenever somebody looks, and is open while the module runs. It needs
//! ALTER SETTINGS, so that it runs as somebody privileged.
//!
//! How to fix: ALTER the module without it, or drop it; leave the option to a change that was approved.
//!
//! When it is fine: in a setup script that a DBA keeps as a procedure; approve it by hash.
//!
//! References: docs: sp_configure, RECONFIGURE; MITRE ATT&CK AN0511

use super::walk::judge_sinks;
use super::{Case, Judgement, Rule, Severity, named};
use crate::snapshot::Fact;
use crate::tsql::Sink;

pub(super) static RULE: Rule = Rule {
    id: "CODE-008",
    slug: "module-enables-command-channel",
    title: "A module switches a command channel on",
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
    controls: &["nist-800-53r5:CM-3", "nist-800-53r5:CM-7"],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("module_enables_command_channel.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    judge_sinks(
        case,
        judgement,
        |_, sink| sink.name == Sink::SpConfigureEnable,
        |name, sinks| {
            let line = sinks.first().map_or(0, |sink| sink.line);
            let options: Vec<&str> = sinks
                .iter()
                .filter_map(|sink| sink.option.as_deref())
                .collect();
            let message = format!("{} sets {} (line {line})", named(name), options.join(", "));
            (RULE.severity, message)
        },
    );
}
