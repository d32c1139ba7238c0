//! What it checks: members of sysadmin that are in it through another server role, with the chain of roles. Who is in
//! sysadmin directly besides is not reported. A role in sysadmin that has no members, and a login that is disabled, are
//! low. A member whose name is hidden is unknown. Whether they are expected does not matter here: see
//! unexpected-sysadmin.
//!
//! Why it matters: whoever may add members to the inner role makes sysadmins, and reviews that list the members of
//! sysadmin see a role's name and nobody.
//!
//! How to fix: ALTER SERVER ROLE sysadmin DROP MEMBER [role]; and add the people who need it by name.
//!
//! When it is fine: where the inner role's members are reviewed as administrators and nobody else owns or alters it.
//!
//! References: docs: server-level roles, sys.server_role_members; STIG V-271350; PCI DSS 4.0.1 7.2.4

use super::case::SYSADMIN;
use super::securityadmin_member::judge_members;
use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-007",
    slug: "nested-role-reaches-sysadmin",
    title: "A role inside sysadmin makes sysadmins",
    severity: Severity::High,
    facts: &[Fact::ServerPrincipals, Fact::ServerRoleMembers],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AC-6",
        "nist-800-53r5:CM-5(1)",
        "iso-27001-2022:A.8.2",
        "soc2:CC6.3",
    ],
    attack: &["T1505.001", "T1078"],
    source: include_str!("nested_role_reaches_sysadmin.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let members = case.graph().members_of(SYSADMIN).into_iter();
    let is_role = |id| case.login(id).is_some_and(|login| login.r#type == "R");
    let nested = members.filter(|m| !m.through.is_empty() || is_role(m.member));
    judge_members(case, judgement, nested, "sysadmin");
}
