//! What it checks: members of the fixed server role securityadmin, through nested roles too. Members of sysadmin do not
//! count, nor do logins of certificates and keys. A role in securityadmin that has no members, and a login that is
//! disabled, are low. A member whose name is hidden is unknown.
//!
//! Why it matters: securityadmin grants any permission of the server to others and resets passwords of SQL logins. It
//! gives CONTROL SERVER to a login of its own making and connects as that: the documentation says to treat it as
//! sysadmin.
//!
//! How to fix: ALTER SERVER ROLE securityadmin DROP MEMBER [name]; grant ALTER ANY LOGIN where making logins is the task.
//!
//! When it is fine: where those who manage logins are trusted like sysadmin, and known as that.
//!
//! References: docs: server-level roles (securityadmin); STIG V-271350; Microsoft VA1068

use super::case::can_connect;
use super::{Case, Judgement, Rule, Severity, Subject, named};
use crate::graph::{Membership, Scope};
use crate::ids::PrincipalId;
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-006",
    slug: "securityadmin-member",
    title: "Somebody in securityadmin is as good as sysadmin",
    severity: Severity::High,
    facts: &[Fact::ServerPrincipals, Fact::ServerRoleMembers],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "stig-2022-instance:V-271334",
        "stig-2022-instance:V-271341",
        "stig-2022-instance:V-271350",
        "nist-800-53r5:AC-6",
        "nist-800-53r5:CM-5(1)",
        "pci-4.0.1:7.2.2",
        "iso-27001-2022:A.8.2",
        "soc2:CC6.3",
        "ms-va:VA2114",
    ],
    attack: &["T1505.001", "T1078"],
    source: include_str!("securityadmin_member.rs"),
    check,
};

/// The id of the fixed role, which is the same everywhere.
const SECURITYADMIN: PrincipalId = PrincipalId(4);

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let role = case.graph().fixed_server_role("securityadmin");
    let role = role.unwrap_or(SECURITYADMIN);
    let administrators = case.sysadmins();
    let members = case.graph().members_of(role).into_iter();
    let others = members.filter(|m| !administrators.contains(&m.member));
    judge_members(case, judgement, others, "securityadmin");
}

/// Each member of a role as a finding; passes where there is none.
pub(super) fn judge_members(
    case: &Case<'_>,
    judgement: &mut Judgement,
    members: impl Iterator<Item = Membership>,
    role: &str,
) {
    for membership in members {
        let member = membership.member;
        let Some(login) = case.login(member) else {
            let (subject, missing) = case.hidden_login(member);
            judgement.unknown(subject, vec![missing]);
            continue;
        };
        let subject = Subject::server("principal", &login.name);
        let Some((severity, how)) = standing(case, member) else {
            continue;
        };
        let chain = membership.through.iter().map(|id| case.login_named(*id));
        let chain = chain.collect::<Vec<_>>().join(" in ");
        let through = if chain.is_empty() {
            String::new()
        } else {
            format!(" through {chain}")
        };
        let message = format!("{} is in {role}{through}{how}", named(&login.name));
        let row = case.graph().index().principal_fact(Scope::Server, member);
        let evidence = case.cited(membership.facts.iter().rev().chain(&row));
        judgement.fail_at(severity, subject, message, evidence);
    }
    judgement.pass_unless_open();
}

/// How bad a member is, and why less than another; `None` of keys, and of roles, whose members are judged themselves.
fn standing(case: &Case<'_>, member: PrincipalId) -> Option<(Severity, &'static str)> {
    let login = case.login(member)?;
    if login.r#type == "R" {
        let mut below = case.graph().members_of(member).into_iter();
        let is_empty = below.all(|m| case.login(m.member).is_some_and(|l| l.r#type == "R"));
        return is_empty.then_some((Severity::Low, ", a role without members"));
    }
    if !can_connect(&login.r#type) {
        return None;
    }
    Some(match login.is_disabled {
        Some(true) => (Severity::Low, ", a login that is disabled"),
        _ => (Severity::High, ""),
    })
}
