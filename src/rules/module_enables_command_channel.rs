//! What it checks: a module whose code, or text that it executes, sets an option that opens a command channel with
//! sp_configure, or clr strict security to 0; one step lower where it does so by calling another module. A value that
//! is not plainly 0 counts. A module whose text was not read is unknown. One that executes text which could not be read
//! neither fails nor passes: that is a finding of module-invokes-command-channel, which says how texts are read.
//!
//! Why it matters: what such a module opens it can close again: the channel is shut whenever somebody looks, and open
//! while the module runs. sp_configure asks for ALTER SETTINGS, so that the module runs as somebody privileged.
//!
//! How to fix: ALTER the module without it, or drop it; leave the option to a change that was approved.
//!
//! When it is fine: in a setup script that a DBA keeps as a procedure; approve it by hash.
//!
//! References: docs: sp_configure, RECONFIGURE, server configuration options; MITRE ATT&CK AN0511

use std::collections::BTreeSet;

use super::walk::{judge_sinks, modules};
use super::{Case, Judgement, Rule, Severity};
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
        Fact::Synonyms,
        Fact::ServerModules,
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
        modules(case),
        judgement,
        RULE.severity,
        |sink| (sink.name == Sink::SpConfigureEnable).into(),
        |sinks| {
            let options = sinks.iter().filter_map(|sink| sink.option.as_deref());
            let options: BTreeSet<&str> = options.collect();
            let options: Vec<&str> = options.into_iter().collect();
            format!("sets {} by sp_configure", options.join(", "))
        },
    );
}
