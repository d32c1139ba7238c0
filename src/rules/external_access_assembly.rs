//! What it checks: assemblies that users made whose permission set is EXTERNAL_ACCESS, in any database. unsafe-assembly
//! has the other sets. What is found says whether clr enabled and clr strict security run, and whether the hash is
//! trusted. SQL Server on Linux runs SAFE assemblies alone.
//!
//! Why it matters: such code reads and writes files, the registry and the network as the service account or as its
//! caller. The set is no boundary: clr strict security treats it as UNSAFE, and code access security, which held it, is
//! no longer supported.
//!
//! How to fix: find out what it does from its SHA2-512 in the evidence; DROP ASSEMBLY where nobody needs it, else ALTER
//! ASSEMBLY … WITH PERMISSION_SET = SAFE, and its file transfer outside the engine.
//!
//! When it is fine: known vendor or in-house code, signed, with its hash on record.
//!
//! References: docs: CREATE ASSEMBLY, CLR integration code access security; CIS 2022 6.2; Microsoft VA1256

use super::unsafe_assembly::{Share, check_share};
use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "CLR-006",
    slug: "external-access-assembly",
    title: "An assembly may reach files and the network",
    severity: Severity::Medium,
    facts: &[Fact::Host, Fact::Databases, Fact::Assemblies],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:6.2",
        "cis-2017:6.2",
        "cis-2019:6.2",
        "cis-2022:6.2",
        "nist-800-53r5:CM-7(5)",
        "iso-27001-2022:A.8.19",
        "soc2:CC6.8",
        "ms-va:VA1256",
    ],
    attack: &["T1505.001", "T1505", "T1620", "AN0511"],
    source: include_str!("external_access_assembly.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if !case.not_on_linux(judgement) {
        check_share(case, Share::ExternalAccess, judgement);
    }
}
