//! A fresh database as CREATE DATABASE or setup leaves it.

use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::{
    Assembly, AssemblyFile, DatabaseFacts, DatabasePrincipal, DatabaseRow, DatabaseSession, Object,
    Permission, Schema, TokenRow,
};
use sha2::{Digest, Sha512};

use super::instance::{AUDITOR, Base, INSTALLED, SidKind, known, sid};
use super::shipped;
use crate::support::answers;

/// A row of `sys.databases` with every option as CREATE DATABASE sets it.
pub fn row(base: &Base, id: i32, name: &str, owner_sid: &str, owner: &str) -> DatabaseRow {
    DatabaseRow {
        database_id: id,
        name: name.to_owned(),
        owner_sid: Some(owner_sid.to_owned()),
        owner_name: Some(owner.to_owned()),
        create_date: Some(INSTALLED.to_owned()),
        compatibility_level: Some(i32::from(base.version) * 10),
        collation: Some("SQL_Latin1_General_CP1_CI_AS".to_owned()),
        state: Some(0),
        state_desc: Some("ONLINE".to_owned()),
        user_access: Some(0),
        is_read_only: Some(false),
        is_auto_close_on: Some(false),
        is_in_standby: Some(false),
        is_trustworthy_on: Some(false),
        is_db_chaining_on: Some(false),
        is_broker_enabled: Some(id > 4),
        containment: Some(0),
        source_database_id: None,
        has_access: Some(true),
    }
}

/// The facts of a fresh database.
pub fn facts(base: &Base, id: i32, name: &str, owner_sid: &str) -> DatabaseFacts {
    let mut facts = DatabaseFacts::unseen(id, name, "");
    facts.database_session = known(session(base));
    facts.user_token = known(user_token(base));
    let mut principals = principals(owner_sid);
    let mut permissions = vec![database_grant(PrincipalId(1), "CO", "CONNECT")];
    if matches!(name, "master" | "tempdb" | "msdb") {
        permissions.push(database_grant(PrincipalId(2), "CO", "CONNECT"));
    }
    if base.version < 12 {
        // Before 2014 no server permission opens a database: the auditor has a user in each.
        let mut user = principal(5, AUDITOR, "S", Some(sid(SidKind::Sql, AUDITOR)));
        user.authentication_type = Some(1);
        principals.push(user);
        permissions.push(database_grant(PrincipalId(5), "CO", "CONNECT"));
    }
    facts.database_principals = known(principals);
    facts.database_role_members = known(Vec::new());
    facts.database_permissions = known(permissions);
    facts.schemas = known(schemas());
    facts.objects = known(base_objects());
    facts.modules = known(Vec::new());
    facts.triggers = known(Vec::new());
    facts.parameters = known(Vec::new());
    facts.synonyms = known(Vec::new());
    facts.assemblies = known(vec![types_assembly()]);
    facts.assembly_files = known(vec![assembly_file(
        1,
        "microsoft.sqlserver.types.dll",
        391_680,
        &format!("Microsoft.SqlServer.Types of {}", base.version),
    )]);
    facts.assembly_modules = known(Vec::new());
    facts.extended_procedures = known(Vec::new());
    answers::complete_database(&mut facts, base.version, false, &mut answers::nothing);
    facts
}

fn session(base: &Base) -> DatabaseSession {
    let user = if base.version < 12 { AUDITOR } else { "guest" };
    DatabaseSession {
        user_name: Some(user.to_owned()),
        is_db_owner: Some(false),
        control: Some(false),
        view_definition: Some(true),
        view_security_definition: (base.version >= 16).then_some(true),
    }
}

fn user_token(base: &Base) -> Vec<TokenRow> {
    let row = |id, name: &str, kind: &str| TokenRow {
        principal_id: Some(PrincipalId(id)),
        name: Some(name.to_owned()),
        r#type: Some(kind.to_owned()),
        usage: Some("GRANT OR DENY".to_owned()),
    };
    let user = if base.version < 12 {
        row(5, AUDITOR, "SQL USER")
    } else {
        row(2, "guest", "SQL USER")
    };
    vec![row(0, "public", "ROLE"), user]
}

pub fn principal(id: i32, name: &str, kind: &str, sid: Option<String>) -> DatabasePrincipal {
    DatabasePrincipal {
        principal_id: PrincipalId(id),
        name: name.to_owned(),
        r#type: kind.to_owned(),
        sid,
        owning_principal_id: None,
        is_fixed_role: Some(false),
        authentication_type: Some(0),
        create_date: Some(INSTALLED.to_owned()),
        modify_date: Some(INSTALLED.to_owned()),
    }
}

/// A role's sid is its id behind a fixed head.
pub fn role_sid(id: i32) -> String {
    let id: Vec<String> = id
        .to_le_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let zeros = "0".repeat(24);
    format!("0x010500000000000904000000{zeros}{}", id.concat())
}

fn principals(owner_sid: &str) -> Vec<DatabasePrincipal> {
    let shipped = "2003-04-08T09:10:42.287";
    let mut dbo = principal(1, "dbo", "S", Some(owner_sid.to_owned()));
    dbo.authentication_type = Some(1);
    let public = DatabasePrincipal {
        owning_principal_id: Some(PrincipalId(1)),
        ..principal(
            0,
            "public",
            "R",
            Some("0x01050000000000090400000083741b006749c04ba943c02702f2a762".to_owned()),
        )
    };
    let mut found = vec![
        public,
        dbo,
        principal(2, "guest", "S", Some("0x00".to_owned())),
        principal(3, "INFORMATION_SCHEMA", "S", None),
        principal(4, "sys", "S", None),
    ];
    for (id, name) in shipped::DATABASE_ROLES {
        found.push(DatabasePrincipal {
            owning_principal_id: Some(PrincipalId(1)),
            is_fixed_role: Some(true),
            ..principal(*id, name, "R", Some(role_sid(*id)))
        });
    }
    for principal in &mut found {
        principal.create_date = Some(shipped.to_owned());
        principal.modify_date = Some(shipped.to_owned());
    }
    found
}

fn schemas() -> Vec<Schema> {
    let schema = |id: i32, name: &str| Schema {
        schema_id: id,
        name: name.to_owned(),
        principal_id: Some(PrincipalId(id)),
    };
    let own = [
        (1, "dbo"),
        (2, "guest"),
        (3, "INFORMATION_SCHEMA"),
        (4, "sys"),
    ];
    own.iter()
        .chain(shipped::DATABASE_ROLES)
        .map(|(id, name)| schema(*id, name))
        .collect()
}

pub fn object(id: i32, name: &str, schema_id: i32, kind: &str) -> Object {
    Object {
        object_id: id,
        name: name.to_owned(),
        schema_id,
        principal_id: None,
        parent_object_id: 0,
        r#type: kind.to_owned(),
        create_date: Some(INSTALLED.to_owned()),
        modify_date: Some(INSTALLED.to_owned()),
        is_ms_shipped: Some(false),
    }
}

fn base_objects() -> Vec<Object> {
    let shipped = shipped::BASE_OBJECTS.iter();
    shipped
        .map(|(id, name, schema, kind)| Object {
            is_ms_shipped: Some(true),
            ..object(*id, name, *schema, kind)
        })
        .collect()
}

pub fn database_grant(grantee: PrincipalId, code: &str, name: &str) -> Permission {
    Permission {
        class: 0,
        major_id: 0,
        minor_id: 0,
        grantee_principal_id: grantee,
        grantor_principal_id: PrincipalId(1),
        r#type: code.to_owned(),
        permission_name: Some(name.to_owned()),
        state: "G".to_owned(),
    }
}

/// The one assembly that every database has.
fn types_assembly() -> Assembly {
    Assembly {
        assembly_id: 1,
        name: "Microsoft.SqlServer.Types".to_owned(),
        principal_id: Some(PrincipalId(4)),
        clr_name: Some(
            "microsoft.sqlserver.types, version=11.0.0.0, culture=neutral, \
             publickeytoken=89845dcd8080cc91, processorarchitecture=msil"
                .to_owned(),
        ),
        permission_set: Some(3),
        is_visible: true,
        is_user_defined: Some(false),
        create_date: Some("2012-02-10T20:15:58.747".to_owned()),
        modify_date: Some("2012-02-10T20:15:59.240".to_owned()),
    }
}

/// A file whose bytes stand for `content`.
pub fn assembly_file(assembly_id: i32, name: &str, size: i64, content: &str) -> AssemblyFile {
    AssemblyFile {
        assembly_id,
        file_id: 1,
        name: Some(name.to_owned()),
        size: Some(size.to_string()),
        sha2_512: known(sha2_512(content)),
    }
}

/// As the server's HASHBYTES gives it.
pub fn sha2_512(content: &str) -> String {
    let hash = Sha512::digest(content.as_bytes());
    let hex: Vec<String> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{}", hex.concat())
}
