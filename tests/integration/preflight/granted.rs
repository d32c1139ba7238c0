//! What a script grants, and the server as a login with those rights would find it.

use std::collections::BTreeSet;

use mssql_posture::collect::{self, Scope, Sight};
use mssql_posture::snapshot::{Observed, ServerFacts, SessionIdentity};
use serde_json::json;

use crate::support::instance::Recording;
use crate::support::truth;

/// The GRANT statements of a script, each as `permission` or `SELECT ON table`, in order.
pub fn grants(script: &str) -> Vec<String> {
    let granted = |line: &str| {
        let (permission, to) = line.trim().strip_prefix("GRANT ")?.split_once(" TO ")?;
        assert!(to.ends_with("];"), "{line}");
        Some(permission.to_owned())
    };
    script.lines().filter_map(granted).collect()
}

/// The same as a preflight names it.
pub fn named(grant: &str) -> String {
    match grant.strip_prefix("SELECT ON ") {
        Some(table) => format!("SELECT on {table} in msdb"),
        None if grant == "CONNECT" => "CONNECT in each database".to_owned(),
        None => grant.to_owned(),
    }
}

/// Rights that another one covers, on servers that know both.
const COVERED: &[(&str, &[&str])] = &[
    ("VIEW ANY SECURITY DEFINITION", &["VIEW ANY DEFINITION"]),
    ("VIEW SERVER SECURITY STATE", &["VIEW SERVER STATE"]),
    ("VIEW SERVER PERFORMANCE STATE", &["VIEW SERVER STATE"]),
];

fn holds(rights: &BTreeSet<String>, right: &str) -> bool {
    let covering = COVERED.iter().find(|(covered, _)| *covered == right);
    let covering = covering.map_or(&[][..], |(_, by)| by);
    rights.contains(right) || covering.iter().any(|by| rights.contains(*by))
}

/// The sample as it is to a login with these grants and a user in msdb.
pub fn recording(version: u16, server_name: &str, grants: &[String]) -> Recording {
    let rights: BTreeSet<String> = grants.iter().cloned().collect();
    let mut recording = truth::complete(version, server_name);
    let server = &mut recording.snapshot.server;
    if let Observed::Known { value } = &mut server.session {
        session(value, version, &rights);
    }
    let anywhere = rights.contains("CONNECT ANY DATABASE") || rights.contains("CONNECT");
    for row in server.databases.seen_mut() {
        let open = anywhere || ["master", "tempdb", "msdb"].contains(&row.name.as_str());
        row.has_access = Some(open);
    }
    refuse(server, version, &rights);
    for database in &mut recording.snapshot.databases {
        if let Observed::Known { value } = &mut database.database_session {
            value.view_definition = Some(rights.contains("VIEW ANY DEFINITION"));
            value.view_security_definition =
                (version >= 16).then(|| holds(&rights, "VIEW ANY SECURITY DEFINITION"));
        }
    }
    recording
}

fn session(session: &mut SessionIdentity, version: u16, rights: &BTreeSet<String>) {
    let held = |right: &str| Some(holds(rights, right));
    let since = |first: u16, right: &str| (version >= first).then(|| holds(rights, right));
    session.view_any_database = held("VIEW ANY DATABASE");
    session.view_any_definition = held("VIEW ANY DEFINITION");
    session.view_any_security_definition = since(16, "VIEW ANY SECURITY DEFINITION");
    session.view_server_state = held("VIEW SERVER STATE");
    session.view_server_security_state = since(16, "VIEW SERVER SECURITY STATE");
    session.view_server_performance_state = since(16, "VIEW SERVER PERFORMANCE STATE");
    session.connect_any_database = since(12, "CONNECT ANY DATABASE");
}

/// Queries that fail, rather than bring fewer rows.
fn refuse(server: &mut ServerFacts, version: u16, rights: &BTreeSet<String>) {
    let mut facts = serde_json::to_value(&*server).unwrap();
    for query in collect::queries()
        .iter()
        .filter(|q| q.versions.contains(&version))
    {
        let (allowed, number) = match query.sight {
            Sight::ServerState => {
                let narrow = version >= 16 && holds(rights, "VIEW SERVER SECURITY STATE");
                (narrow || holds(rights, "VIEW SERVER STATE"), 300)
            }
            Sight::ServerPerformanceState => {
                let narrow = version >= 16 && holds(rights, "VIEW SERVER PERFORMANCE STATE");
                (narrow || holds(rights, "VIEW SERVER STATE"), 300)
            }
            Sight::Select if query.scope == Scope::Msdb => {
                (rights.contains(&format!("SELECT ON {}", query.views)), 229)
            }
            _ => continue,
        };
        if !allowed {
            let need = format!("{} (error {number})", query.permission);
            facts[query.name] = json!({ "state": "denied", "needs": [need] });
        }
    }
    *server = serde_json::from_value(facts).unwrap();
}
