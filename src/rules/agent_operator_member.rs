//! What it checks: a member of SQLAgentOperatorRole in msdb, through nested roles too, whose login is not in sysadmin.
//! Low where a user of SQL Server has no login here; one of Windows or Entra without a login may come in by a group that
//! is in sysadmin: unknown. A user whose login cannot log in passes, as those do that setup makes for policies
//! (##MS_Policy…##). Express has no Agent.
//!
//! Why it matters: the role starts and stops every local job, enables and disables it, and deletes its history: what an
//! administrator prepared runs when its member wants it to.
//!
//! How to fix: ALTER ROLE SQLAgentOperatorRole DROP MEMBER […]; -- in msdb. SQLAgentReaderRole sees all jobs and
//! starts its own.
//!
//! When it is fine: for operators who are meant to restart jobs.
//!
//! References: docs: SQL Server Agent fixed database roles

use super::agent_os_step_by_non_admin::without_jobs;
use super::case::{MSDB, members_of, rows_between};
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::{DatabaseFacts, DatabasePrincipal, Fact, PUBLIC_USER};

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
/// Whom every login becomes in a database where it has no user of its own; its name is reserved.
const GUEST: &str = "guest";
/// Types of users of Windows and Entra, who may come in by a group.
const EXTERNAL: &[&str] = &["U", "G", "E", "X"];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if without_jobs(case, judgement) {
        return;
    }
    let mut databases = case.databases();
    let Some(msdb) = databases.find(|database| database.database_id == MSDB) else {
        return;
    };
    let users = msdb.database_principals.seen();
    let is_role = |user: &&DatabasePrincipal| user.r#type == "R" && user.name == ROLE;
    let Some(role) = users.iter().find(is_role) else {
        return judgement.not_applicable("msdb has no such role");
    };
    let members = members_of(msdb.database_role_members.seen(), role.principal_id);
    for id in &members {
        if let Some(user) = users.iter().find(|user| user.principal_id == *id) {
            judge(case, (msdb, role), user, judgement);
        } else {
            let subject = Subject::within("principal", &msdb.name, format!("user {id}"));
            let need = format!("the name of user {id}, who is in the role");
            let missing = Missing::new("database_principals", Some(&msdb.name), need);
            judgement.unknown(subject, vec![missing]);
        }
    }
    if members.is_empty() {
        judgement.pass();
    }
}

fn judge(
    case: &Case<'_>,
    (msdb, role): (&DatabaseFacts, &DatabasePrincipal),
    user: &DatabasePrincipal,
    judgement: &mut Judgement,
) {
    let subject = Subject::within("principal", &msdb.name, &user.name);
    let is_everybody = user.principal_id == PUBLIC_USER;
    // Another role gives what it has to its members, and they are judged themselves.
    if user.r#type == "R" && !is_everybody {
        return judgement.pass();
    }
    let login = user.sid.as_deref().and_then(|sid| case.login_with_sid(sid));
    let login = login.filter(|_| !is_everybody);
    let is_administrator = login.is_some_and(|l| case.sysadmins().contains(&l.principal_id));
    if is_administrator || login.is_some_and(|login| login.is_disabled == Some(true)) {
        return judgement.pass();
    }
    let owners = [Fact::ServerPrincipals, Fact::ServerRoleMembers].into_iter();
    let unseen = owners.flat_map(|fact| fact.unsettled(case.snapshot));
    let unseen: Vec<Missing> = unseen.map(|state| Missing::from(&state)).collect();
    let is_anybody = is_everybody || user.name == GUEST;
    if !is_anybody && !unseen.is_empty() {
        return judgement.unknown(subject, unseen);
    }
    let comes_by_group = login.is_none() && EXTERNAL.contains(&user.r#type.as_str());
    if comes_by_group && !is_anybody {
        let need = "whether the user, who has no login, is in a Windows or Entra group that is in sysadmin";
        let missing = Missing::new("server_principals", None, need);
        return judgement.unknown(subject, vec![missing]);
    }
    let (severity, who) = match login {
        None if !is_anybody => (Severity::Low, ", a user without a login here,"),
        _ => (RULE.severity, ""),
    };
    let message = format!(
        "{}{who} operates every job, and is not in sysadmin",
        named(&user.name)
    );
    let rows = msdb.database_role_members.seen();
    let rows = rows_between(rows, user.principal_id, role.principal_id);
    let mut evidence = vec![Evidence::row("database_principals", Some(&msdb.name), user)];
    let rows = rows.into_iter();
    evidence.extend(rows.map(|row| Evidence::row("database_role_members", Some(&msdb.name), row)));
    evidence.extend(login.map(|row| Evidence::row("server_principals", None, row)));
    judgement.fail_at(severity, subject, message, evidence);
}
