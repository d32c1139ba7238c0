//! What it checks: a module that calls xp_regwrite, xp_regdeletevalue or their kin.
//!
//! Why it matters: a value under a Run key or a service is code that starts with Windows; others change how the
//! server logs and listens.
//!
//! How to fix: ALTER the module without it, or drop it; REVOKE EXECUTE on the registry procedures from others than
//! sysadmin.
//!
//! When it is fine: in setup code of a vendor's; approve it by hash.
//!
//! References: docs: none (undocumented procedures); STIG V-274449

use super::walk::judge_sinks;
use super::{Case, Judgement, Rule, Severity, named};
use crate::snapshot::Fact;
use crate::tsql::Sink;

pub(super) static RULE: Rule = Rule {
    id: "CODE-010",
    slug: "module-writes-registry",
    title: "A module writes the host's registry",
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
    attack: &["T1112", "T1505.001"],
    source: include_str!("module_writes_registry.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    judge_sinks(
        case,
        judgement,
        |_, sink| sink.name == Sink::RegistryWrite,
        |name, sinks| {
            let line = sinks.first().map_or(0, |sink| sink.line);
            (
                RULE.severity,
                format!("{} writes the registry (line {line})", named(name)),
            )
        },
    );
}
