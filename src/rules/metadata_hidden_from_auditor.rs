//! What it checks: DENY rows that hide metadata from the auditing login: VIEW DEFINITION, VIEW SECURITY DEFINITION,
//! CONTROL or their server-wide forms, denied to it, to a role it is in, or to public, on a server, database, schema,
//! object, assembly or any other securable.
//!
//! Why it matters: whoever owns an object can hide it so from everybody but sysadmin. A procedure that runs commands is
//! then in no list, and a report without it reads as clean. The row that hides it can be seen: it names the securable's
//! class and id, even where its name is invisible.
//!
//! How to fix: find out who denied it and why; look at the securable with a sysadmin login; then remove the DENY with
//! REVOKE, or audit with a login that it does not bind.
//!
//! When it is fine: where a documented policy hides data-protection objects from all operators, and somebody else
//! audits what is hidden.
//!
//! References: docs: metadata visibility configuration, DENY; MITRE ATT&CK T1564

use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::ids::PrincipalId;
use crate::snapshot::{DatabaseFacts, Fact, Permission};

pub(super) static RULE: Rule = Rule {
    id: "SIGHT-003",
    slug: "metadata-hidden-from-auditor",
    title: "A DENY hides metadata from the auditor",
    severity: Severity::High,
    facts: &[
        Fact::Session,
        Fact::LoginToken,
        Fact::Databases,
        Fact::ServerPermissions,
        Fact::UserToken,
        Fact::DatabasePermissions,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["iso-27001-2022:A.5.35", "soc2:CC4.1"],
    attack: &["T1564", "AN0511"],
    source: include_str!("metadata_hidden_from_auditor.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let server = &case.snapshot.server;
    let session = server.session.known();
    if session.is_some_and(|session| session.is_sysadmin == Some(true)) {
        return judgement.does_not_arise("nothing can be hidden from sysadmin");
    }
    let of_server = Place {
        case,
        database: None,
    };
    report(server.hiding_denials(), &of_server, judgement);
    for database in case.databases() {
        let place = Place {
            case,
            database: Some(database),
        };
        report(database.hiding_denials(), &place, judgement);
    }
}

/// Where rows stand: in a database, or on the server.
struct Place<'a, 'c> {
    case: &'a Case<'c>,
    database: Option<&'a DatabaseFacts>,
}

/// Own DENY rows are always visible, so none is none. Where they, or whom they bind, were not read there is nothing to
/// judge.
fn report(rows: Option<Vec<&Permission>>, place: &Place<'_, '_>, judgement: &mut Judgement) {
    let Some(rows) = rows else {
        return;
    };
    if rows.is_empty() {
        return judgement.pass();
    }
    let name = place.database.map(|database| &database.name);
    let fact = if name.is_some() {
        "database_permissions"
    } else {
        "server_permissions"
    };
    for row in rows {
        let what = format!("{} {}", row.class_name(), row.major_id);
        let visible = visible_name(place, row);
        let shown = visible.map_or_else(
            || format!("{what}, whose name is not visible,"),
            |visible| format!("{what} ({})", named(&visible)),
        );
        let message = format!(
            "DENY {} to {} hides {shown} from the auditor",
            row.permission_name.as_deref().unwrap_or("?"),
            grantee(place, row.grantee_principal_id)
        );
        let subject = match name {
            Some(name) => Subject::within("securable", name, what),
            None => Subject::server("securable", what),
        };
        judgement.fail(subject, message, vec![Evidence::row(fact, name, row)]);
    }
}

/// The securable's name, where a visible row has it.
fn visible_name(place: &Place<'_, '_>, row: &Permission) -> Option<String> {
    const OBJECT: i32 = 1;
    const SCHEMA: i32 = 3;
    const PRINCIPAL: i32 = 4;
    const ASSEMBLY: i32 = 5;
    const LOGIN: i32 = 101;
    let id = row.major_id;
    let Some(database) = place.database else {
        let logins = place.case.snapshot.server.server_principals.seen();
        let login = logins.iter().find(|login| login.principal_id.0 == id);
        return login
            .filter(|_| row.class == LOGIN)
            .map(|login| login.name.clone());
    };
    match row.class {
        OBJECT => database.object(id).map(|_| database.object_name(id)),
        SCHEMA => {
            let mut schemas = database.schemas.seen().iter();
            let schema = schemas.find(|schema| schema.schema_id == id)?;
            Some(schema.name.clone())
        }
        PRINCIPAL => {
            let mut users = database.database_principals.seen().iter();
            let user = users.find(|user| user.principal_id.0 == id)?;
            Some(user.name.clone())
        }
        ASSEMBLY => {
            let mut assemblies = database.assemblies.seen().iter();
            let assembly = assemblies.find(|assembly| assembly.assembly_id == id)?;
            Some(assembly.name.clone())
        }
        _ => None,
    }
}

fn grantee(place: &Place<'_, '_>, id: PrincipalId) -> String {
    let name = if let Some(database) = place.database {
        let mut users = database.database_principals.seen().iter();
        let user = users.find(|user| user.principal_id == id);
        user.map(|user| &user.name)
    } else {
        let mut logins = place.case.snapshot.server.server_principals.seen().iter();
        let login = logins.find(|login| login.principal_id == id);
        login.map(|login| &login.name)
    };
    name.map_or_else(|| format!("principal {id}"), |name| named(name))
}
