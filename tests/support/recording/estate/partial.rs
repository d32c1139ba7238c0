//! An instance whose auditor was not given enough to see it.

use mssql_posture::collect::{Scope, Sight, queries};
use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::{AnyFact, Observed, TokenRow};

use super::super::{AUDITOR, Base, On, Recording, rows};
use super::with_dbas;

const DEFINITION: &str = "VIEW ANY DEFINITION";
const IN_DATABASE: &str = "VIEW DEFINITION in the database";

/// 2022, audited by a login that may connect and little more: lists are partial, one database is
/// closed to it, one is offline, and in one a DENY hides a schema.
pub fn legal_2022() -> Recording {
    let mut r = with_dbas(Recording::new(Base {
        machine: "SQLLEGAL01",
        ..Base::windows("legal-2022", 16)
    }));
    r.at("2025-03-03T09:00:00.483").add_login("legal_app", "S");
    for database in ["Matters", "Archive", "Secrets", "OldMatters"] {
        r.add_database(database, "legal_app");
    }
    r.add_object("Matters", "dbo.Matter", "U");
    archive(&mut r);
    take_rights(&mut r);
    for database in ["master", "tempdb", "model", "msdb", "Matters"] {
        limit_database(&mut r, database);
    }
    for database in ["model", "Secrets"] {
        r.deny_access(database);
    }
    r.take_offline("OldMatters");
    r
}

/// The auditor may see all definitions here but those of one schema.
fn archive(r: &mut Recording) {
    let user = r.add_user("Archive", AUDITOR, Some(AUDITOR));
    r.add_schema("Archive", "vault", PrincipalId(1));
    r.grant("Archive", On::Database, "VIEW DEFINITION", AUDITOR);
    r.deny("Archive", On::Schema("vault"), "VIEW DEFINITION", AUDITOR);
    r.add_module(
        "Archive",
        "dbo.ArchiveMatter",
        "P",
        "CREATE PROCEDURE dbo.ArchiveMatter @MatterId int\nAS\nINSERT INTO vault.Matter SELECT * FROM Matters.dbo.Matter WHERE MatterId = @MatterId;\n",
    );
    let facts = r.database("Archive");
    let token = rows(&mut facts.user_token);
    token.retain(|row| row.name.as_deref() == Some("public"));
    token.push(TokenRow {
        principal_id: Some(user),
        name: Some(AUDITOR.to_owned()),
        r#type: Some("SQL USER".to_owned()),
        usage: Some("GRANT OR DENY".to_owned()),
    });
    let need = format!("removal of DENY VIEW DEFINITION (class 3, id 5) from principal {user}");
    let not_hidden = [
        "database_principals",
        "database_role_members",
        "assemblies",
        "assembly_files",
    ];
    for query in queries() {
        let definition = matches!(
            query.sight,
            Sight::DatabaseDefinition | Sight::DatabaseSecurityDefinition
        );
        if definition
            && !not_hidden.contains(&query.name)
            && let Some(fact) = facts.named_mut(query.name)
        {
            fact.limit(&need);
        }
    }
    if let Observed::Known { value } = &mut facts.database_session {
        value.user_name = Some(AUDITOR.to_owned());
    }
}

/// What the server does not show without VIEW ANY DEFINITION and VIEW SERVER STATE.
fn take_rights(r: &mut Recording) {
    let own = r.login(AUDITOR).principal_id;
    let server = &mut r.snapshot.server;
    if let Observed::Known { value } = &mut server.session {
        value.view_any_definition = Some(false);
        value.view_any_security_definition = Some(false);
        value.view_server_state = Some(false);
        value.view_server_security_state = Some(false);
        value.view_server_performance_state = Some(false);
        value.connect_any_database = Some(false);
    }
    let shown = |id: i32| id <= 20 || id == own.0;
    rows(&mut server.server_principals).retain(|p| shown(p.principal_id.0));
    rows(&mut server.server_role_members).clear();
    rows(&mut server.server_permissions).retain(|p| {
        let kept = p.r#type == "COSQ" || p.grantee_principal_id.0 == 2;
        kept && shown(p.grantee_principal_id.0) && p.grantee_principal_id.0 != 1
    });
    rows(&mut server.system_extended_procedures)
        .retain(|p| p.name.starts_with("xp_msver") || p.name == "xp_dirtree");
    server.system_extended_procedures.limit(IN_DATABASE);
    server.startup_procedures.limit(IN_DATABASE);
    for query in queries() {
        match (query.scope, query.sight) {
            (Scope::Server, Sight::ServerDefinition | Sight::ServerSecurityDefinition) => {
                if let Some(fact) = r.snapshot.server.named_mut(query.name) {
                    fact.limit(DEFINITION);
                }
            }
            (Scope::Server, Sight::ServerState) => refuse_state(r, query.name, "SECURITY"),
            (Scope::Server, Sight::ServerPerformanceState) => {
                refuse_state(r, query.name, "PERFORMANCE");
            }
            (Scope::Msdb, _) => {
                r.hide_table_of_msdb(query.name);
            }
            _ => {}
        }
    }
}

fn refuse_state(r: &mut Recording, query: &str, kind: &str) {
    let text = format!(
        "VIEW SERVER {kind} STATE permission was denied on object 'server', database 'master'."
    );
    r.refuse_server(query, 300, &text);
}

/// Without VIEW DEFINITION a database shows what public may use.
fn limit_database(r: &mut Recording, name: &str) {
    let master = name == "master";
    if master {
        r.forget_texts(name);
    }
    let facts = r.database(name);
    if let Observed::Known { value } = &mut facts.database_session {
        value.view_definition = Some(false);
        value.view_security_definition = Some(false);
    }
    let fixed = |id: i32| id <= 4 || id >= 16_384;
    rows(&mut facts.database_principals).retain(|p| fixed(p.principal_id.0));
    rows(&mut facts.database_role_members).clear();
    rows(&mut facts.database_permissions).retain(|p| matches!(p.grantee_principal_id.0, 0 | 2));
    rows(&mut facts.objects).retain(|o| o.name.starts_with("spt_"));
    rows(&mut facts.modules).clear();
    rows(&mut facts.assemblies).retain(|a| a.assembly_id == 1);
    for query in queries() {
        let definition = matches!(
            query.sight,
            Sight::DatabaseDefinition | Sight::DatabaseSecurityDefinition
        );
        if let Some(fact) = facts.named_mut(query.name).filter(|_| definition) {
            fact.limit(IN_DATABASE);
        }
    }
}
