//! What it checks: a module that calls xp_regwrite, xp_regdeletevalue, xp_regaddmultistring or one of their kin, also
//! in the form xp_instance_reg…; one step lower where it does so by calling another module. Reading is no writing. A
//! module whose text was not read is unknown. One that executes text which could not be read neither fails nor passes:
//! that is a finding of module-invokes-command-channel, which says how texts are read.
//!
//! Why it matters: a value under a Run key or of a service is a program that starts with Windows; others change how the
//! server authenticates, logs and listens.
//!
//! How to fix: ALTER the module without it, or drop it; REVOKE EXECUTE on the registry procedures from whoever is not
//! in sysadmin.
//!
//! When it is fine: in setup code of a vendor's, and in SQL Server's own procedures of msdb
//! (sp_set_sqlagent_properties writes the Agent's settings). A name proves nothing: approve them by hash.
//!
//! References: docs: none (undocumented procedures); STIG V-274449

use super::walk::{judge_sinks, modules};
use super::{Case, Judgement, Rule, Severity};
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
        Fact::Synonyms,
        Fact::ServerModules,
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
        modules(case),
        judgement,
        RULE.severity,
        |sink| (sink.name == Sink::RegistryWrite).into(),
        |_| "writes the registry".to_owned(),
    );
}
