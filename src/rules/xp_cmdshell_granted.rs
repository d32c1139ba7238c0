//! What it checks: EXECUTE (or CONTROL) on xp_cmdshell given in master to anybody who is not sysadmin: on the procedure, on
//! the schema sys, or on the whole database; to users, roles (with their members), public and guest. A DENY
//! to the same grantee on the same securable takes the grant back.
//!
//! Why it matters: sysadmin does not need the grant. Whoever has it runs commands as the proxy account as soon as
//! xp_cmdshell runs and the proxy credential exists.
//!
//! How to fix: REVOKE EXECUTE ON xp_cmdshell FROM [name]; in master.
//!
//! When it is fine: an application account that needs one command; better give it a signed procedure or an Agent job.
//!
//! References: docs: xp_cmdshell, GRANT system object permissions; Microsoft VA1017

use super::case::members_of;
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject};
use crate::ids::PrincipalId;
use crate::snapshot::{DatabaseFacts, Fact, Permission};

pub(super) static RULE: Rule = Rule {
    id: "PRIV-002",
    slug: "xp-cmdshell-granted",
    title: "xp_cmdshell may be executed without being sysadmin",
    severity: Severity::High,
    facts: &[Fact::ServerPrincipals, Fact::ServerRoleMembers],
    master_facts: &[
        Fact::SystemExtendedProcedures,
        Fact::DatabasePermissions,
        Fact::DatabasePrincipals,
        Fact::DatabaseRoleMembers,
    ],
    controls: &["nist-800-53r5:AC-6", "ms-va:VA1017"],
    attack: &["T1505.001", "T1059.003"],
    source: include_str!("xp_cmdshell_granted.rs"),
    check,
};

const PUBLIC: PrincipalId = PrincipalId(0);
const DBO: PrincipalId = PrincipalId(1);
const GUEST: PrincipalId = PrincipalId(2);
const SYS_SCHEMA: i32 = 4;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.not_on_linux(judgement) {
        return;
    }
    let procedures = &case.snapshot.server.system_extended_procedures;
    let found = procedures
        .seen()
        .iter()
        .find(|p| p.name.eq_ignore_ascii_case("xp_cmdshell") && p.object_id < 0);
    let (Some(procedure), Some(master)) = (found, case.master()) else {
        let missing = Missing {
            fact: "system_extended_procedures".to_owned(),
            database: None,
            needs: if procedures.is_settled() {
                vec!["the row of xp_cmdshell".to_owned()]
            } else {
                procedures.needs()
            },
        };
        return judgement.unknown(Subject::instance(), vec![missing]);
    };
    let mut granted = false;
    for permission in master.database_permissions.seen() {
        if reaches(permission, procedure.object_id) && is_open(case, master, permission) {
            granted = true;
            report(master, permission, judgement);
        }
    }
    let facts = [
        ("database_permissions", master.database_permissions.needs()),
        (
            "database_role_members",
            master.database_role_members.needs(),
        ),
        ("database_principals", master.database_principals.needs()),
    ];
    let missing: Vec<Missing> = facts
        .into_iter()
        .filter(|(_, needs)| !needs.is_empty())
        .map(|(fact, needs)| Missing {
            fact: fact.to_owned(),
            database: Some(master.name.clone()),
            needs,
        })
        .collect();
    if !missing.is_empty() {
        judgement.unknown(Subject::database(&master.name), missing);
    } else if !granted {
        judgement.pass();
    }
}

fn reaches(permission: &Permission, xp_cmdshell: i32) -> bool {
    let on_it = match permission.class {
        0 => true,
        1 => permission.major_id == xp_cmdshell,
        3 => permission.major_id == SYS_SCHEMA,
        _ => false,
    };
    on_it && matches!(permission.r#type.as_str(), "EX" | "CL")
}

fn is_open(case: &Case<'_>, master: &DatabaseFacts, permission: &Permission) -> bool {
    let denied = master.database_permissions.seen().iter().any(|other| {
        other.state == "D"
            && other.grantee_principal_id == permission.grantee_principal_id
            && (other.class, other.major_id) == (permission.class, permission.major_id)
            && matches!(other.r#type.as_str(), "EX" | "CL")
    });
    let granted = matches!(permission.state.as_str(), "G" | "W");
    granted
        && !denied
        && permission.grantee_principal_id != DBO
        && !is_sysadmin(case, master, permission)
}

fn is_sysadmin(case: &Case<'_>, master: &DatabaseFacts, permission: &Permission) -> bool {
    let users = master.database_principals.seen().iter();
    let sid = users
        .filter(|u| u.principal_id == permission.grantee_principal_id)
        .find_map(|u| u.sid.as_deref());
    sid.and_then(|sid| case.login_with_sid(sid))
        .is_some_and(|login| case.sysadmins().contains(&login))
}

fn report(master: &DatabaseFacts, permission: &Permission, judgement: &mut Judgement) {
    let grantee = permission.grantee_principal_id;
    let name_of = |id: PrincipalId| {
        let found = master
            .database_principals
            .seen()
            .iter()
            .find(|p| p.principal_id == id);
        found.map_or_else(|| format!("database principal {id}"), |p| p.name.clone())
    };
    let everyone = grantee == PUBLIC || grantee == GUEST;
    let members: Vec<String> = members_of(master.database_role_members.seen(), grantee)
        .into_iter()
        .map(name_of)
        .collect();
    let through = if everyone {
        ": that is every login".to_owned()
    } else if members.is_empty() {
        String::new()
    } else {
        format!(", and through it {}", members.join(", "))
    };
    let on = match permission.class {
        0 => "everything in master",
        3 => "the schema sys of master",
        _ => "xp_cmdshell",
    };
    let what = permission.permission_name.as_deref().unwrap_or("EXECUTE");
    let severity = if everyone {
        Severity::Critical
    } else {
        RULE.severity
    };
    let mut evidence = vec![Evidence::row(
        "database_permissions",
        Some(&master.name),
        permission,
    )];
    let rows = master
        .database_role_members
        .seen()
        .iter()
        .filter(|m| m.role_principal_id == grantee);
    evidence
        .extend(rows.map(|row| Evidence::row("database_role_members", Some(&master.name), row)));
    judgement.fail_at(
        severity,
        Subject::within("principal", &master.name, name_of(grantee)),
        format!("{} holds {what} on {on}{through}", name_of(grantee)),
        evidence,
    );
}
