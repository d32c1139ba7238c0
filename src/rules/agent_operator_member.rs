//! What it checks: a member of SQLAgentOperatorRole in msdb, through nested roles too, whose login is not in
//! sysadmin.
//!
//! Why it matters: the role starts and stops every job, enables disabled ones and deletes their history: what an
//! administrator prepared runs when its member wants it to.
//!
//! How to fix: ALTER ROLE SQLAgentOperatorRole DROP MEMBER […]; -- in msdb. SQLAgentReaderRole sees all jobs and
//! starts its own.
//!
//! When it is fine: for operators who are meant to restart jobs.
//!
//! References: docs: SQL Server Agent fixed database roles

use super::case::{MSDB, members_of};
use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "AGENT-005",
    slug: "agent-operator-member",
    title: "Somebody without sysadmin operates every job",
    severity: Severity::Medium,
    facts: &[Fact::ServerPrincipals, Fact::ServerRoleMembers],
    master_facts: &[],
    msdb_facts: &[Fact::DatabasePrincipals, Fact::DatabaseRoleMembers],
    controls: &[
        "nist-800-53r5:AC-5",
        "nist-800-53r5:AC-6",
        "iso-27001-2022:A.5.3",
    ],
    attack: &["T1053.005"],
    source: include_str!("agent_operator_member.rs"),
    check,
};

const ROLE: &str = "SQLAgentOperatorRole";

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if !case.graph().has_agent() {
        return judgement.does_not_arise("Express has no Agent");
    }
    if case.is_excluded(MSDB) {
        return judgement.does_not_arise("the inventory excludes msdb");
    }
    let Some(msdb) = case
        .databases()
        .find(|database| database.database_id == MSDB)
    else {
        return;
    };
    let users = msdb.database_principals.seen();
    let Some(role) = users
        .iter()
        .find(|user| user.r#type == "R" && user.name == ROLE)
    else {
        return judgement.not_applicable("msdb has no such role");
    };
    let sysadmins = case.sysadmins();
    let members = members_of(msdb.database_role_members.seen(), role.principal_id);
    for user in users
        .iter()
        .filter(|user| members.contains(&user.principal_id))
    {
        let login = user.sid.as_deref().and_then(|sid| case.login_with_sid(sid));
        let is_administrator = login.is_some_and(|login| sysadmins.contains(&login.principal_id));
        // A nested role gives what it has to its members, and they are judged themselves.
        if user.r#type == "R" || is_administrator {
            judgement.pass();
            continue;
        }
        let message = format!(
            "{} operates every job, and is no sysadmin",
            named(&user.name)
        );
        let mut evidence = vec![Evidence::row("database_principals", Some(&msdb.name), user)];
        let rows = msdb.database_role_members.seen().iter();
        let own = rows.filter(|row| row.member_principal_id == user.principal_id);
        evidence
            .extend(own.map(|row| Evidence::row("database_role_members", Some(&msdb.name), row)));
        let subject = Subject::within("principal", &msdb.name, &user.name);
        judgement.fail(subject, message, evidence);
    }
    if members.is_empty() {
        judgement.pass();
    }
}
