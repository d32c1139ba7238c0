//! What it checks: a module that comes to a command channel, or to what opens one, by a name that is put together from
//! pieces, by a variable that holds the procedure's name, or by a synonym. A name that stands whole in a text that is
//! executed is no disguise, whatever its arguments are. A module whose text was not read is unknown. One that executes
//! text which could not be read neither fails nor passes: that is a finding of module-invokes-command-channel, which
//! says how texts are read.
//!
//! Why it matters: a search of the texts for the channel's name does not find it, and code that only wants a result has
//! no need of that.
//!
//! How to fix: find out who wrote it and when (modify_date, audits, backups), keep its text as evidence, then drop it.
//!
//! When it is fine: where a generator of code writes all names so; approve it by hash.
//!
//! References: docs: EXECUTE, CREATE SYNONYM; MITRE ATT&CK AN0511

use super::walk::{CHANNELS, judge_sinks, modules, names};
use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;
use crate::tsql::How;

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
        Fact::Synonyms,
        Fact::ServerModules,
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

const HIDING: &[How] = &[How::DynamicConcat, How::ViaVariableProcName, How::Synonym];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    judge_sinks(
        modules(case),
        judgement,
        RULE.severity,
        |sink| (CHANNELS.contains(&sink.name) && HIDING.contains(&sink.how)).into(),
        |sinks| format!("comes to {} by a name that it hides", names(sinks)),
    );
}
