//! Puts each query's answer where it belongs in the snapshot.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::query::{self, Query};
use super::value::RowSet;
use crate::ids::{DatabaseName, PrincipalId};
use crate::snapshot::{
    AssemblyFile, DatabaseFacts, Module, ModuleLine, Observed, ServerError, ServerFacts, TextHash,
    sha256_hex,
};

/// Largest assembly file that is hashed here, in bytes (2012 and 2014, whose HASHBYTES cannot).
const HASH_LIMIT: i64 = 16 * 1024 * 1024;

/// Errors by which a server says "not allowed" rather than "broken".
const DENIALS: &[u32] = &[229, 230, 262, 297, 300, 371, 15247];
/// The login cannot enter the database.
const NO_ACCESS: u32 = 916;

/// One query's answer, or why there is none.
pub type Result = std::result::Result<RowSet, ServerError>;

/// The state that an error leaves a fact in.
pub fn refused<T>(query: &str, error: ServerError) -> Observed<T> {
    if error.number == NO_ACCESS {
        let needs = "CONNECT ANY DATABASE, or a user in the database (error 916)";
        Observed::Denied {
            needs: vec![needs.to_owned()],
        }
    } else if DENIALS.contains(&error.number) {
        let permission = query::permission(query);
        Observed::Denied {
            needs: vec![format!("{permission} (error {})", error.number)],
        }
    } else {
        Observed::Failed { error }
    }
}

fn list<T: DeserializeOwned + Ord>(query: &Query, result: Result) -> Observed<Vec<T>> {
    let decoded = result.and_then(|set| {
        set.decode::<T>()
            .map_err(|e| ServerError::local(e.to_string()))
    });
    match decoded {
        Ok(mut value) => {
            value.sort();
            Observed::Known { value }
        }
        Err(error) => refused(query.name, error),
    }
}

fn single<T: DeserializeOwned>(query: &Query, result: Result) -> Observed<T> {
    match result.and_then(|set| one(query.name, set)) {
        Ok(value) => Observed::Known { value },
        Err(error) => refused(query.name, error),
    }
}

/// The one row of a query that has exactly one.
///
/// # Errors
/// No row, several rows, or a row of another form.
pub fn one<T: DeserializeOwned>(query: &str, set: RowSet) -> std::result::Result<T, ServerError> {
    let mut rows = set
        .decode::<T>()
        .map_err(|e| ServerError::local(e.to_string()))?;
    match (rows.pop(), rows.is_empty()) {
        (Some(row), true) => Ok(row),
        _ => Err(ServerError::local(format!(
            "query {query} did not answer with one row"
        ))),
    }
}

/// A module with its text, as the query brings it.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct TextRow {
    object_id: i32,
    definition: Option<String>,
    uses_quoted_identifier: Option<bool>,
    execute_as_principal_id: Option<PrincipalId>,
    #[serde(default)]
    is_encrypted: Option<bool>,
}

/// Module text goes to `texts`; the fact keeps its hash. A text that is NULL is encrypted only if
/// the server says so; else it is hidden.
fn modules(
    query: &Query,
    result: Result,
    database: Option<&DatabaseName>,
    texts: &mut Vec<ModuleLine>,
) -> Observed<Vec<Module>> {
    list::<TextRow>(query, result).map(|rows| {
        rows.into_iter()
            .map(|row| Module {
                object_id: row.object_id,
                uses_quoted_identifier: row.uses_quoted_identifier,
                execute_as_principal_id: row.execute_as_principal_id,
                definition: match (row.definition, row.is_encrypted) {
                    (Some(definition), _) => keep(database, row.object_id, definition, texts),
                    (None, Some(true)) => Observed::NotCollected {
                        why: "the module is encrypted".to_owned(),
                    },
                    (None, _) => Observed::Denied {
                        needs: vec!["VIEW DEFINITION on the module".to_owned()],
                    },
                },
            })
            .collect()
    })
}

fn keep(
    database: Option<&DatabaseName>,
    object_id: i32,
    definition: String,
    texts: &mut Vec<ModuleLine>,
) -> Observed<TextHash> {
    let sha256 = sha256_hex(definition.as_bytes());
    let utf16_units = u32::try_from(definition.encode_utf16().count()).unwrap_or(u32::MAX);
    texts.push(ModuleLine {
        database: database.map(ToString::to_string),
        object_id,
        sha256: sha256.clone(),
        definition,
    });
    Observed::Known {
        value: TextHash {
            sha256,
            utf16_units,
        },
    }
}

/// An assembly file with the hash from the server, or of the bytes that were hashed on arrival.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct FileRow {
    assembly_id: i32,
    file_id: i32,
    name: Option<String>,
    size: Option<i64>,
    #[serde(default)]
    sha2_512: Option<String>,
    #[serde(default)]
    to_hash: Option<String>,
}

fn assembly_files(query: &Query, result: Result) -> Observed<Vec<AssemblyFile>> {
    list::<FileRow>(query, result).map(|rows| {
        rows.into_iter()
            .map(|row| AssemblyFile {
                assembly_id: row.assembly_id,
                file_id: row.file_id,
                name: row.name,
                size: row.size.map(|bytes| bytes.to_string()),
                sha2_512: match (row.size, row.sha2_512, row.to_hash) {
                    (_, Some(hash), _) => Observed::Known { value: hash },
                    (Some(size), None, Some(hash)) if size <= HASH_LIMIT => {
                        Observed::Known { value: hash }
                    }
                    (Some(_), None, Some(_)) => Observed::NotCollected {
                        why: "larger than 16 MiB, and this version cannot hash it in the server"
                            .to_owned(),
                    },
                    _ => Observed::Denied {
                        needs: vec!["VIEW DEFINITION on the assembly".to_owned()],
                    },
                },
            })
            .collect()
    })
}

/// Places a server-scope answer. Session queries are placed by the session's owner.
pub fn server(
    server: &mut ServerFacts,
    query: &Query,
    result: Result,
    texts: &mut Vec<ModuleLine>,
) {
    match query.name {
        "login_token" => server.login_token = list(query, result),
        "host" => server.host = single(query, result),
        "configurations" => server.configurations = list(query, result),
        "databases" => server.databases = list(query, result),
        "server_principals" => server.server_principals = list(query, result),
        "server_role_members" => server.server_role_members = list(query, result),
        "server_permissions" => server.server_permissions = list(query, result),
        "server_triggers" => server.server_triggers = list(query, result),
        "server_modules" => server.server_modules = modules(query, result, None, texts),
        "trusted_assemblies" => server.trusted_assemblies = list(query, result),
        "system_extended_procedures" => server.system_extended_procedures = list(query, result),
        "startup_procedures" => server.startup_procedures = list(query, result),
        _ => {}
    }
}

/// Places an answer from one database.
pub fn database(
    facts: &mut DatabaseFacts,
    query: &Query,
    result: Result,
    texts: &mut Vec<ModuleLine>,
) {
    match query.name {
        "database_session" => facts.database_session = single(query, result),
        "user_token" => facts.user_token = list(query, result),
        "database_principals" => facts.database_principals = list(query, result),
        "database_role_members" => facts.database_role_members = list(query, result),
        "database_permissions" => facts.database_permissions = list(query, result),
        "schemas" => facts.schemas = list(query, result),
        "objects" => facts.objects = list(query, result),
        "modules" => facts.modules = modules(query, result, Some(&facts.name), texts),
        "triggers" => facts.triggers = list(query, result),
        "parameters" => facts.parameters = list(query, result),
        "synonyms" => facts.synonyms = list(query, result),
        "assemblies" => facts.assemblies = list(query, result),
        "assembly_files" => facts.assembly_files = assembly_files(query, result),
        "assembly_modules" => facts.assembly_modules = list(query, result),
        "extended_procedures" => facts.extended_procedures = list(query, result),
        _ => {}
    }
}

/// Marks the server facts that this version does not have.
pub fn unsupported(server: &mut ServerFacts, version: u16) {
    let since = |name: &str| Some(query::since(name)).filter(|since| version < *since);
    if let Some(since) = since("host") {
        server.host = Observed::Unsupported { since };
    }
    if let Some(since) = since("trusted_assemblies") {
        server.trusted_assemblies = Observed::Unsupported { since };
    }
}
