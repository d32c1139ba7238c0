//! What it checks: databases with TRUSTWORTHY on whose owner is sysadmin or holds CONTROL SERVER or AUTHENTICATE SERVER,
//! directly or through server roles. msdb is TRUSTWORTHY by design and left out.
//!
//! Why it matters: in such a database db_owner is sysadmin: EXECUTE AS USER = 'dbo' keeps the owner's rights on the server.
//!
//! How to fix: ALTER DATABASE [name] SET TRUSTWORTHY OFF; or ALTER AUTHORIZATION ON DATABASE::[name] to a login without
//! server rights. Sign the modules that need to cross.
//!
//! When it is fine: when everybody in db_owner is sysadmin anyway.
//!
//! References: docs: TRUSTWORTHY database property; STIG V-271122; CIS 2022 2.9; Microsoft VA1102

use super::case::members_of;
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject};
use crate::ids::{DatabaseName, PrincipalId};
use crate::snapshot::{DatabaseRow, Fact};

pub(super) static RULE: Rule = Rule {
    id: "TRUST-001",
    slug: "trustworthy-owned-by-privileged-login",
    title: "A TRUSTWORTHY database belongs to a privileged login",
    severity: Severity::High,
    facts: &[
        Fact::Databases,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
    ],
    master_facts: &[],
    controls: &["stig-2022:V-271122", "cis-2022:2.9", "ms-va:VA1102"],
    attack: &["T1505.001", "T1548"],
    source: include_str!("trustworthy_owned_by_privileged_login.rs"),
    check,
};

const SA: PrincipalId = PrincipalId(1);
const SERVER: i32 = 100;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let databases = &case.snapshot.server.databases;
    for database in databases.seen() {
        judge(case, database, judgement);
    }
    judgement.unless_settled(Subject::instance(), "databases", None, databases);
}

fn judge(case: &Case<'_>, database: &DatabaseRow, judgement: &mut Judgement) {
    let name = DatabaseName::new(&database.name);
    match database.is_trustworthy_on {
        Some(false) => return judgement.pass(),
        Some(true) if database.name == "msdb" => {
            return judgement.not_applicable("msdb is TRUSTWORTHY by design");
        }
        Some(true) => {}
        None => return unknown(&name, "databases", "whether TRUSTWORTHY is on", judgement),
    }
    let owner = database
        .owner_sid
        .as_deref()
        .and_then(|sid| case.login_with_sid(sid));
    let privilege = owner.and_then(|owner| privilege(case, owner));
    if let Some((privilege, mut evidence)) = privilege {
        evidence.insert(0, Evidence::row("databases", None, database));
        let owner = owner.map(|id| case.login_name(id)).unwrap_or_default();
        let message = format!(
            "{name} is TRUSTWORTHY and belongs to {owner}, who {privilege}: its db_owner is as good as that"
        );
        return judgement.fail(Subject::database(&name), message, evidence);
    }
    match unseen_privilege(case, owner) {
        Some((fact, need)) => unknown(&name, fact, &need, judgement),
        None => judgement.pass(),
    }
}

fn unknown(database: &DatabaseName, fact: &str, need: &str, judgement: &mut Judgement) {
    let missing = Missing {
        fact: fact.to_owned(),
        database: None,
        needs: vec![need.to_owned()],
    };
    judgement.unknown(Subject::database(database), vec![missing]);
}

/// What makes an owner privileged, with the rows that say so.
fn privilege(case: &Case<'_>, owner: PrincipalId) -> Option<(&'static str, Vec<Evidence>)> {
    let server = &case.snapshot.server;
    if owner == SA || case.sysadmins().contains(&owner) {
        let rows = server
            .server_role_members
            .seen()
            .iter()
            .filter(|m| m.member_principal_id == owner);
        return Some((
            "is sysadmin",
            rows.map(|row| Evidence::row("server_role_members", None, row))
                .collect(),
        ));
    }
    let members = server.server_role_members.seen();
    let granted = server.server_permissions.seen().iter().find(|p| {
        p.class == SERVER
            && matches!(p.r#type.as_str(), "CL" | "AUTH")
            && matches!(p.state.as_str(), "G" | "W")
            && (p.grantee_principal_id == owner
                || members_of(members, p.grantee_principal_id).contains(&owner))
    })?;
    let what = if granted.r#type == "CL" {
        "holds CONTROL SERVER"
    } else {
        "holds AUTHENTICATE SERVER"
    };
    Some((
        what,
        vec![Evidence::row("server_permissions", None, granted)],
    ))
}

/// What was not seen that could make the owner privileged all the same.
fn unseen_privilege(case: &Case<'_>, owner: Option<PrincipalId>) -> Option<(&'static str, String)> {
    let server = &case.snapshot.server;
    let facts = [
        ("server_principals", server.server_principals.needs()),
        ("server_role_members", server.server_role_members.needs()),
        ("server_permissions", server.server_permissions.needs()),
    ];
    if let Some((fact, needs)) = facts.into_iter().find(|(_, needs)| !needs.is_empty()) {
        return Some((fact, needs.join(", ")));
    }
    let principals = server.server_principals.seen();
    let owner_type = principals
        .iter()
        .find(|p| Some(p.principal_id) == owner)
        .map(|p| p.r#type.as_str());
    let sysadmins = case.sysadmins();
    let group = principals
        .iter()
        .find(|p| matches!(p.r#type.as_str(), "G" | "X") && sysadmins.contains(&p.principal_id))?;
    // A SQL login cannot be in a Windows group; an owner without a login of its own can.
    let maybe_member = !matches!(owner_type, Some("S" | "C" | "K"));
    maybe_member.then(|| {
        (
            "server_principals",
            format!("whether the owner is in the group {}", group.name),
        )
    })
}
