//! From a snapshot's facts to the tables of an instance and of its databases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mssql_posture::collect::{Scope, queries};
use mssql_posture::snapshot::{
    DatabaseFacts, DatabaseRow, DatabaseSession, Module, Object, Observed, ServerFacts,
    SystemExtendedProcedure,
};

use serde::Serialize;

use super::datum::{Content, Datum};
use super::recording::{Recording, bytes_of};
use super::tables::{Builder, RowOf, Tables};

/// `sys.objects.type` of what `sys.procedures` lists.
const PROCEDURES: [&str; 4] = ["P", "X", "RF", "PC"];

/// Module texts by SHA-256.
pub(super) type Texts<'a> = BTreeMap<&'a str, Arc<str>>;

/// A database that can be used.
pub(super) struct Database {
    pub id: i32,
    pub name: String,
    pub row: Option<DatabaseRow>,
    pub tables: Tables,
    pub session: Observed<DatabaseSession>,
    /// Modules that can be seen, and whether they are encrypted.
    pub encrypted: BTreeMap<i32, bool>,
    pub startup: BTreeSet<i32>,
}

/// Tables of server scope.
pub(super) fn server_tables(recording: &Recording, version: u16) -> Tables {
    let facts = &recording.snapshot.server;
    let texts = texts(recording);
    let mut to = Builder::new(version);
    let host = facts.host.clone().map(|host| vec![host]);
    to.put("sys.dm_os_host_info", &host, |row, host| {
        row.set("host_platform", host.platform.as_str())
            .text("host_distribution", host.distribution.as_deref())
            .text("host_release", host.release.as_deref())
    });
    to.put("sys.login_token", &facts.login_token, token);
    to.put(
        "sys.configurations",
        &facts.configurations,
        |row, option| {
            row.set("configuration_id", option.configuration_id)
                .set("name", option.name.as_str())
                .set("value", option.value)
                .set("value_in_use", option.value_in_use)
                .set("is_dynamic", option.is_dynamic)
                .set("is_advanced", option.is_advanced)
        },
    );
    to.put("sys.databases", &facts.databases, database);
    server_principals(&mut to, facts);
    to.put(
        "sys.server_triggers",
        &facts.server_triggers,
        |row, trigger| {
            row.set("object_id", trigger.object_id)
                .set("name", trigger.name.as_str())
                .set("parent_class", 100)
                .set("type", trigger.r#type.as_str())
                .time("create_date", trigger.create_date.as_deref())
                .time("modify_date", trigger.modify_date.as_deref())
                .set("is_ms_shipped", trigger.is_ms_shipped)
                .set("is_disabled", trigger.is_disabled)
        },
    );
    to.put("sys.server_sql_modules", &facts.server_modules, |row, m| {
        module(row, m, &texts)
    });
    to.put(
        "sys.trusted_assemblies",
        &facts.trusted_assemblies,
        |row, assembly| {
            row.binary("hash", assembly.hash.as_deref())
                .text("description", assembly.description.as_deref())
                .time("create_date", assembly.create_date.as_deref())
                .text("created_by", assembly.created_by.as_deref())
        },
    );
    answers(&mut to, Scope::Server, facts, &texts);
    to.tables
}

/// The tables of all other queries of a scope.
fn answers(to: &mut Builder, scope: Scope, facts: &impl Serialize, texts: &Texts<'_>) {
    let facts = serde_json::to_value(facts).expect("facts are JSON");
    let version = to.version;
    let queries = queries().iter();
    for query in queries.filter(|q| q.scope == scope && q.versions.contains(&version)) {
        to.put_answer(query, &facts, texts);
    }
}

fn server_principals(to: &mut Builder, facts: &ServerFacts) {
    to.put(
        "sys.server_principals",
        &facts.server_principals,
        |row, p| {
            row.set("principal_id", p.principal_id.0)
                .set("name", p.name.as_str())
                .binary("sid", p.sid.as_deref())
                .set("type", p.r#type.as_str())
                .set("is_disabled", p.is_disabled)
                .time("create_date", p.create_date.as_deref())
                .time("modify_date", p.modify_date.as_deref())
                .set("owning_principal_id", p.owning_principal_id.map(|id| id.0))
                .set("is_fixed_role", p.is_fixed_role)
        },
    );
    to.put(
        "sys.server_role_members",
        &facts.server_role_members,
        |row, m| {
            row.set("role_principal_id", m.role_principal_id.0)
                .set("member_principal_id", m.member_principal_id.0)
        },
    );
    to.put(
        "sys.server_permissions",
        &facts.server_permissions,
        permission,
    );
}

/// Every database of `sys.databases`, and master in any case.
pub(super) fn databases(recording: &Recording, version: u16) -> Vec<Database> {
    let snapshot = &recording.snapshot;
    let texts = texts(recording);
    let mut rows: Vec<(i32, String, Option<DatabaseRow>)> = snapshot
        .server
        .databases
        .seen()
        .iter()
        .map(|row| (row.database_id, row.name.clone(), Some(row.clone())))
        .collect();
    if rows.iter().all(|(_, name, _)| name != "master") {
        rows.push((1, "master".to_owned(), None));
    }
    rows.into_iter()
        .map(|(id, name, row)| {
            let recorded = snapshot.databases.iter().find(|d| d.database_id == id);
            let unseen = DatabaseFacts::unseen(id, &name, "the recording has no such database");
            let facts = recorded.unwrap_or(&unseen);
            let server = (name == "master").then_some(&snapshot.server);
            let mut tables = database_tables(facts, server, version, &texts);
            if name == "msdb" {
                let mut to = Builder { version, tables };
                answers(&mut to, Scope::Msdb, &snapshot.server, &texts);
                tables = to.tables;
            }
            Database {
                id,
                row,
                tables,
                session: facts.database_session.clone(),
                encrypted: facts
                    .modules
                    .seen()
                    .iter()
                    .map(|m| {
                        (
                            m.object_id,
                            matches!(m.definition, Observed::NotCollected { .. }),
                        )
                    })
                    .collect(),
                startup: server
                    .map_or(&[][..], |s| s.startup_procedures.seen())
                    .iter()
                    .map(|p| p.object_id)
                    .collect(),
                name,
            }
        })
        .collect()
}

/// Tables of one database; `server` is given for master, whose procedures are server facts.
fn database_tables(
    facts: &DatabaseFacts,
    server: Option<&ServerFacts>,
    version: u16,
    texts: &Texts<'_>,
) -> Tables {
    let mut to = Builder::new(version);
    to.put("sys.user_token", &facts.user_token, token);
    database_principals(&mut to, facts);
    to.put("sys.schemas", &facts.schemas, |row, schema| {
        row.set("schema_id", schema.schema_id)
            .set("name", schema.name.as_str())
            .set("principal_id", schema.principal_id.map(|id| id.0))
    });
    objects(&mut to, facts, server);
    to.put("sys.sql_modules", &facts.modules, |row, m| {
        module(row, m, texts)
    });
    to.put("sys.triggers", &facts.triggers, |row, trigger| {
        row.set("object_id", trigger.object_id)
            .set("name", trigger.name.as_str())
            .set("parent_class", trigger.parent_class)
            .set("parent_id", trigger.parent_id)
            .set("type", trigger.r#type.as_str())
            .time("create_date", trigger.create_date.as_deref())
            .time("modify_date", trigger.modify_date.as_deref())
            .set("is_ms_shipped", trigger.is_ms_shipped)
            .set("is_disabled", trigger.is_disabled)
    });
    to.put("sys.parameters", &facts.parameters, |row, parameter| {
        row.set("object_id", parameter.object_id)
            .set("parameter_id", parameter.parameter_id)
            .text("name", parameter.name.as_deref())
            .set("system_type_id", parameter.system_type_id)
            .set("max_length", parameter.max_length)
            .set("is_output", parameter.is_output)
    });
    to.put("sys.synonyms", &facts.synonyms, |row, synonym| {
        row.set("object_id", synonym.object_id)
            .text("base_object_name", synonym.base_object_name.as_deref())
    });
    assemblies(&mut to, facts);
    answers(&mut to, Scope::Database, facts, texts);
    to.tables
}

fn database_principals(to: &mut Builder, facts: &DatabaseFacts) {
    to.put(
        "sys.database_principals",
        &facts.database_principals,
        |row, p| {
            row.set("principal_id", p.principal_id.0)
                .set("name", p.name.as_str())
                .set("type", p.r#type.as_str())
                .binary("sid", p.sid.as_deref())
                .set("owning_principal_id", p.owning_principal_id.map(|id| id.0))
                .set("is_fixed_role", p.is_fixed_role)
                .set("authentication_type", p.authentication_type)
                .time("create_date", p.create_date.as_deref())
                .time("modify_date", p.modify_date.as_deref())
        },
    );
    to.put(
        "sys.database_role_members",
        &facts.database_role_members,
        |row, m| {
            row.set("role_principal_id", m.role_principal_id.0)
                .set("member_principal_id", m.member_principal_id.0)
        },
    );
    to.put(
        "sys.database_permissions",
        &facts.database_permissions,
        permission,
    );
}

/// `sys.objects`, and the views over the same objects: `sys.all_objects` with the shipped extended
/// procedures of master, and `sys.procedures` with the mark of those that start with the server.
fn objects(to: &mut Builder, facts: &DatabaseFacts, server: Option<&ServerFacts>) {
    to.put("sys.objects", &facts.objects, object_row);
    to.put(
        "sys.extended_procedures",
        &facts.extended_procedures,
        |row, procedure| {
            row.set("object_id", procedure.object_id)
                .set("name", procedure.name.as_str())
                .set("schema_id", procedure.schema_id)
                .text("dll_name", procedure.dll_name.as_deref())
                .set("type", "X")
                .time("create_date", procedure.create_date.as_deref())
                .time("modify_date", procedure.modify_date.as_deref())
                .set("is_ms_shipped", procedure.is_ms_shipped)
        },
    );
    let seen = facts.objects.seen();
    let Some(server) = server else {
        to.put("sys.all_objects", &facts.objects, object_row);
        let procedures = facts.objects.clone().map(|mut objects| {
            objects.retain(|o| PROCEDURES.contains(&o.r#type.as_str()));
            objects
        });
        to.put("sys.procedures", &procedures, object_row);
        return;
    };
    to.put(
        "sys.all_objects",
        &server.system_extended_procedures,
        shipped,
    );
    let others = seen.iter().filter(|o| o.r#type != "X");
    let others = to.rows("sys.all_objects", others, object_row);
    to.prepend("sys.all_objects", others);
    let starting = server.startup_procedures.seen();
    to.put(
        "sys.procedures",
        &server.startup_procedures,
        |row, procedure| {
            row.set("object_id", procedure.object_id)
                .set("name", procedure.name.as_str())
                .set("schema_id", procedure.schema_id)
                .set("type", "P")
                .set("is_auto_executed", true)
        },
    );
    let others = seen.iter().filter(|o| {
        PROCEDURES.contains(&o.r#type.as_str())
            && starting.iter().all(|s| s.object_id != o.object_id)
    });
    let others = to.rows("sys.procedures", others, object_row);
    to.prepend("sys.procedures", others);
}

fn object_row(row: RowOf, object: &Object) -> RowOf {
    row.set("object_id", object.object_id)
        .set("name", object.name.as_str())
        .set("schema_id", object.schema_id)
        .set("principal_id", object.principal_id.map(|id| id.0))
        .set("parent_object_id", object.parent_object_id)
        .set("type", object.r#type.as_str())
        .time("create_date", object.create_date.as_deref())
        .time("modify_date", object.modify_date.as_deref())
        .set("is_ms_shipped", object.is_ms_shipped)
}

fn shipped(row: RowOf, procedure: &SystemExtendedProcedure) -> RowOf {
    row.set("object_id", procedure.object_id)
        .set("name", procedure.name.as_str())
        .set("schema_id", procedure.schema_id)
        .set("type", "X")
        .set("is_ms_shipped", procedure.is_ms_shipped)
}

fn assemblies(to: &mut Builder, facts: &DatabaseFacts) {
    to.put("sys.assemblies", &facts.assemblies, |row, assembly| {
        row.set("assembly_id", assembly.assembly_id)
            .set("name", assembly.name.as_str())
            .set("principal_id", assembly.principal_id.map(|id| id.0))
            .text("clr_name", assembly.clr_name.as_deref())
            .set("permission_set", assembly.permission_set)
            .set("is_visible", assembly.is_visible)
            .set("is_user_defined", assembly.is_user_defined)
            .time("create_date", assembly.create_date.as_deref())
            .time("modify_date", assembly.modify_date.as_deref())
    });
    to.put("sys.assembly_files", &facts.assembly_files, |row, file| {
        let hash = file.sha2_512.known().map(|hash| bytes_of(hash).into());
        let size = file
            .size
            .as_deref()
            .map(|size| size.parse().expect("a size in bytes"));
        let content = size.map_or(Datum::Null, |size| {
            Datum::Content(Content {
                assembly_id: file.assembly_id,
                file_id: file.file_id,
                size,
                sha2_512: hash,
            })
        });
        row.set("assembly_id", file.assembly_id)
            .set("file_id", file.file_id)
            .text("name", file.name.as_deref())
            .set("content", content)
            .binary("sha2_512", file.sha2_512.known().map(String::as_str))
    });
    to.put("sys.assembly_modules", &facts.assembly_modules, |row, m| {
        row.set("object_id", m.object_id)
            .set("assembly_id", m.assembly_id)
            .text("assembly_class", m.assembly_class.as_deref())
            .text("assembly_method", m.assembly_method.as_deref())
            .set(
                "execute_as_principal_id",
                m.execute_as_principal_id.map(|id| id.0),
            )
    });
}

fn texts(recording: &Recording) -> Texts<'_> {
    recording
        .modules
        .iter()
        .map(|line| (line.sha256.as_str(), Arc::from(line.definition.as_str())))
        .collect()
}

fn module(row: RowOf, module: &Module, texts: &Texts<'_>) -> RowOf {
    let definition = module.definition.known().map(|hash| {
        let text = texts.get(hash.sha256.as_str()).cloned();
        Datum::Text(text.unwrap_or_else(|| {
            panic!(
                "the recording has no text for module {} ({})",
                module.object_id, hash.sha256
            )
        }))
    });
    row.set("object_id", module.object_id)
        .set("definition", definition.unwrap_or(Datum::Null))
        .set("uses_quoted_identifier", module.uses_quoted_identifier)
        .set(
            "execute_as_principal_id",
            module.execute_as_principal_id.map(|id| id.0),
        )
}

fn token(row: RowOf, token: &mssql_posture::snapshot::TokenRow) -> RowOf {
    row.set("principal_id", token.principal_id.map(|id| id.0))
        .text("name", token.name.as_deref())
        .text("type", token.r#type.as_deref())
        .text("usage", token.usage.as_deref())
}

fn permission(row: RowOf, p: &mssql_posture::snapshot::Permission) -> RowOf {
    row.set("class", p.class)
        .set("major_id", p.major_id)
        .set("minor_id", p.minor_id)
        .set("grantee_principal_id", p.grantee_principal_id.0)
        .set("grantor_principal_id", p.grantor_principal_id.0)
        .set("type", p.r#type.as_str())
        .text("permission_name", p.permission_name.as_deref())
        .set("state", p.state.as_str())
}

fn database(row: RowOf, database: &DatabaseRow) -> RowOf {
    row.set("database_id", database.database_id)
        .set("name", database.name.as_str())
        .binary("owner_sid", database.owner_sid.as_deref())
        .time("create_date", database.create_date.as_deref())
        .set("compatibility_level", database.compatibility_level)
        .text("collation_name", database.collation.as_deref())
        .set("state", database.state)
        .text("state_desc", database.state_desc.as_deref())
        .set("user_access", database.user_access)
        .set("is_read_only", database.is_read_only)
        .set("is_auto_close_on", database.is_auto_close_on)
        .set("is_in_standby", database.is_in_standby)
        .set("is_trustworthy_on", database.is_trustworthy_on)
        .set("is_db_chaining_on", database.is_db_chaining_on)
        .set("is_broker_enabled", database.is_broker_enabled)
        .set("containment", database.containment)
        .set("source_database_id", database.source_database_id)
}
