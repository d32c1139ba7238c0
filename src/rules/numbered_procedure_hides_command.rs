//! What it checks: number 2 or higher of a numbered procedure (name;2) that reaches a command channel, opens one, or
//! plants what will; one step lower where it does so by calling a module. A number whose text was not read is unknown.
//! One that executes text which could not be read neither fails nor passes: that is a finding of
//! module-invokes-command-channel, which says how texts are read.
//!
//! Why it matters: sys.sql_modules, and most scripts that look for code, hold number 1 alone: the others stand in
//! sys.numbered_procedures, which few read. EXECUTE on the procedure covers them all.
//!
//! How to fix: keep the texts as evidence; DROP PROCEDURE […] drops all numbers; make number 1 anew if it is needed.
//!
//! When it is fine: never; numbered procedures are deprecated.
//!
//! References: docs: CREATE PROCEDURE (;number), sys.numbered_procedures

use super::walk::{CHANNELS, Walked, judge_sinks, modules, names};
use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

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
        Fact::Synonyms,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:CM-7", "nist-800-53r5:SI-7"],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("numbered_procedure_hides_command.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    judge_sinks(
        modules(case).filter(Walked::is_numbered),
        judgement,
        RULE.severity,
        |sink| CHANNELS.contains(&sink.name).into(),
        |sinks| format!("reaches {}", names(sinks)),
    );
    judgement.nothing_there("there is no numbered procedure");
}
