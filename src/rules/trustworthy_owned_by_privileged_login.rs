//! What it checks: databases with TRUSTWORTHY on whose owner is sysadmin or holds CONTROL SERVER or AUTHENTICATE SERVER,
//! directly, through server roles or through public. A DENY is not taken as protection: the owner can get around it.
//! msdb is TRUSTWORTHY by design and left out, as are databases that the inventory excludes. Whether an owner is in a
//! Windows group the catalog does not say: then it is unknown, if such a group has those rights.
//!
//! Why it matters: in such a database db_owner is sysadmin: EXECUTE AS USER = 'dbo' keeps the owner's rights on the server.
//! An owner with AUTHENTICATE SERVER alone vouches for every user that db_owner impersonates there.
//!
//! How to fix: ALTER DATABASE [name] SET TRUSTWORTHY OFF; or ALTER AUTHORIZATION ON DATABASE::[name] to a login without
//! server rights. Sign the modules that need to cross.
//!
//! When it is fine: when everybody in db_owner is sysadmin anyway.
//!
//! References: docs: TRUSTWORTHY database property; STIG V-271122; CIS 2022 2.9; Microsoft VA1102

use super::case::{SA, SHORT_SID, SYSADMIN, members_of, roles_of, rows_between};
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::ids::{DatabaseName, PrincipalId};
use crate::snapshot::{DatabaseRow, Fact, PUBLIC_LOGIN, Permission, ServerPrincipal};

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
    msdb_facts: &[],
    controls: &[
        "cis-2016:2.9",
        "cis-2017:2.9",
        "cis-2019:2.9",
        "cis-2022:2.9",
        "stig-2022-database:V-271122",
        "nist-800-53r5:AC-6(8)",
        "nist-800-53r5:AU-10",
        "pci-4.0.1:2.2.6",
        "iso-27001-2022:A.8.3",
        "ms-va:VA1102",
    ],
    attack: &["T1505.001", "T1548"],
    source: include_str!("trustworthy_owned_by_privileged_login.rs"),
    check,
};

const SERVER: i32 = 100;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for database in case.snapshot.server.databases.seen() {
        if case.is_excluded(database.database_id) {
            judgement.not_applicable("excluded by the inventory");
        } else {
            judge(case, database, judgement);
        }
    }
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
    let Some(sid) = database.owner_sid.as_deref() else {
        return unknown(&name, "databases", "the owner's sid", judgement);
    };
    let owner = case.login_with_sid(sid);
    let privileged = owner.and_then(|owner| Some((owner, privilege(case, owner.principal_id)?)));
    if let Some((owner, (privilege, proof))) = privileged {
        let mut evidence = vec![
            Evidence::row("databases", None, database),
            Evidence::row("server_principals", None, owner),
        ];
        evidence.extend(proof);
        let message = format!(
            "{} is TRUSTWORTHY and belongs to {}, who {privilege}: its db_owner is as good as that",
            named(name.as_str()),
            named(&owner.name),
        );
        return judgement.fail(Subject::database(&name), message, evidence);
    }
    match unseen_group(case, sid, owner) {
        Some(need) => unknown(&name, "server_principals", &need, judgement),
        None => judgement.pass(),
    }
}

fn unknown(database: &DatabaseName, fact: &str, need: &str, judgement: &mut Judgement) {
    let missing = Missing::new(fact, None, need);
    judgement.unknown(Subject::database(database), vec![missing]);
}

/// Grants of CONTROL SERVER and AUTHENTICATE SERVER.
fn vouching<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Permission> {
    let permissions = case.snapshot.server.server_permissions.seen().iter();
    permissions.filter(|p| {
        p.class == SERVER
            && matches!(p.r#type.as_str(), "CL" | "AUTH")
            && matches!(p.state.as_str(), "G" | "W")
    })
}

/// What makes an owner privileged, with the rows that say so.
fn privilege(case: &Case<'_>, owner: PrincipalId) -> Option<(&'static str, Vec<Evidence>)> {
    let members = case.snapshot.server.server_role_members.seen();
    let mut own = roles_of(members, owner);
    let way_to = |role| {
        let rows = rows_between(members, owner, role).into_iter();
        rows.map(|row| Evidence::row("server_role_members", None, row))
    };
    if owner == SA || own.contains(&SYSADMIN) {
        return Some(("is sysadmin", way_to(SYSADMIN).collect()));
    }
    own.extend([owner, PUBLIC_LOGIN]);
    let granted = vouching(case).find(|p| own.contains(&p.grantee_principal_id))?;
    let what = if granted.r#type == "CL" {
        "holds CONTROL SERVER"
    } else {
        "holds AUTHENTICATE SERVER"
    };
    let mut evidence = vec![Evidence::row("server_permissions", None, granted)];
    evidence.extend(way_to(granted.grantee_principal_id));
    Some((what, evidence))
}

/// A group whose members are not in the catalog and that would make the owner privileged, as what is missing.
fn unseen_group(
    case: &Case<'_>,
    owner_sid: &str,
    owner: Option<&ServerPrincipal>,
) -> Option<String> {
    let server = &case.snapshot.server;
    if owner.is_some_and(|login| matches!(login.r#type.as_str(), "S" | "C" | "K")) {
        return None; // such a login is in no group
    }
    let groups: &[&str] = if owner_sid.len() == SHORT_SID {
        &["X"]
    } else {
        &["G", "X"]
    };
    let members = server.server_role_members.seen();
    let privileged = vouching(case).flat_map(|p| {
        let grantee = p.grantee_principal_id;
        members_of(members, grantee).into_iter().chain([grantee])
    });
    let privileged: Vec<_> = privileged.chain(case.sysadmins()).collect();
    let group =
        server.server_principals.seen().iter().find(|p| {
            groups.contains(&p.r#type.as_str()) && privileged.contains(&p.principal_id)
        })?;
    Some(format!(
        "whether the owner is in the group {}",
        named(&group.name)
    ))
}
