//! What each fact must be after a fault: its own is refused, failed or lost, those whose completeness hangs on it are
//! partial, and all others are what they are without the fault.

use mssql_posture::collect::{Query, Scope, Sight, queries};

use super::faults::{Effect, Kind};
use super::rows::{Row, Statement};

/// What a fact must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// As without the fault.
    Same,
    /// The same rows, but no longer whole.
    Partial,
    /// `Denied` or `Failed`, by the error.
    Refused,
    /// `NotCollected`, and this stands in the reason.
    Lost(String),
}

/// Where a fact is.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its query's name.
    pub fact: &'a str,
    /// `None` for a fact of the instance.
    pub database: Option<&'a str>,
    /// Its state without the fault.
    pub state: &'a str,
}

/// The query of a fact; `None` for what no query brings.
pub fn query_of(fact: &str, version: u16) -> Option<&'static Query> {
    let mut queries = queries().iter();
    queries.find(|q| q.name == fact && q.versions.contains(&version))
}

/// Whether the fault ends the collection before any database is entered.
pub fn ends_before_databases(row: &Row, kind: Kind) -> bool {
    match (row.query.scope, kind.effect()) {
        (_, Effect::None) => false,
        (Scope::Session, _) | (Scope::Server, Effect::Lost) => true,
        // Nobody knows what to enter.
        _ => row.query.name == "databases",
    }
}

/// What a fact must be. `Same` of one that was not whole before says that it still is not.
pub fn due(row: &Row, kind: Kind, place: Place<'_>) -> Due {
    if kind.effect() == Effect::None {
        return Due::Same;
    }
    match row.query.scope {
        Scope::Session => Due::Lost(kind.says()),
        Scope::Server => by_server_query(row, kind, place),
        _ => in_database(row, kind, place),
    }
}

fn by_server_query(row: &Row, kind: Kind, place: Place<'_>) -> Due {
    let scope = query_of(place.fact, row.version).map(|q| q.scope);
    if kind.effect() == Effect::Lost {
        // What came with the greeting, and what needs no answer.
        let kept = matches!(scope, None | Some(Scope::Session)) || !is_seen(place);
        return if kept {
            Due::Same
        } else {
            Due::Lost(kind.says())
        };
    }
    match scope {
        _ if place.fact == row.query.name => Due::Refused,
        // Whether msdb's tables are tables is not known then, and so they are not asked.
        _ if row.query.name == "objects" && is_of_msdb(place, row) => {
            Due::Lost("the objects of msdb".to_owned())
        }
        Some(Scope::Master) if row.query.name == "databases" => Due::Lost("master".to_owned()),
        Some(Scope::Msdb) if row.query.name == "databases" => Due::Lost("msdb".to_owned()),
        _ if shortens(row.query, place, row.version) => Due::Partial,
        _ => Due::Same,
    }
}

fn is_of_msdb(place: Place<'_>, row: &Row) -> bool {
    query_of(place.fact, row.version).is_some_and(|query| query.scope == Scope::Msdb)
}

fn in_database(row: &Row, kind: Kind, place: Place<'_>) -> Due {
    let here = match place.database {
        Some(database) => row.database == Some(database),
        None => match query_of(place.fact, row.version).map(|q| q.scope) {
            Some(Scope::Master) => row.database == Some("master"),
            Some(Scope::Msdb) => row.database == Some("msdb"),
            _ => false,
        },
    };
    let whole_database = row.query.scope == Scope::Context || row.statement == Statement::Use;
    match kind.effect() {
        _ if !here => Due::Same,
        // Of a database that was not read every fact says so, also one that would not have been asked.
        Effect::Lost => Due::Lost(kind.says()),
        _ if whole_database && is_seen(place) => Due::Refused,
        _ if place.fact == row.query.name => Due::Refused,
        // Whether msdb's tables are tables is not known then, and so they are not asked.
        _ if row.query.name == "objects" && is_of_msdb(place, row) => {
            Due::Lost("the objects of msdb".to_owned())
        }
        _ if shortens(row.query, place, row.version) => Due::Partial,
        _ => Due::Same,
    }
}

fn is_seen(place: Place<'_>) -> bool {
    matches!(place.state, "known" | "partial")
}

/// Whether another fact's completeness is proven by this query's answer.
fn shortens(query: &Query, place: Place<'_>, version: u16) -> bool {
    let Some(other) = query_of(place.fact, version).filter(|_| is_seen(place)) else {
        return false;
    };
    let of_database = other.scope == Scope::Database;
    match query.name {
        // Which DENY binds the auditor.
        "login_token" | "server_permissions" => matches!(
            other.sight,
            Sight::ServerDefinition | Sight::ServerSecurityDefinition
        ),
        // The same in the database, and the right to see definitions.
        "database_session" | "user_token" | "database_permissions" => {
            of_database
                && matches!(
                    other.sight,
                    Sight::DatabaseDefinition | Sight::DatabaseSecurityDefinition | Sight::Control
                )
        }
        // Ids that rows name and no visible row carries.
        "assemblies" => ["assembly_files", "assembly_modules"].contains(&other.name),
        "triggers" => [
            "objects",
            "modules",
            "numbered_procedures",
            "parameters",
            "service_queues",
            "extended_procedures",
            "synonyms",
        ]
        .contains(&other.name),
        // Whether msdb's tables are tables, and how whole master's lists are.
        "objects" => !of_database,
        _ => false,
    }
}
