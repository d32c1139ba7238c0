//! Every statement the collector can send. Each is one `.sql` file with a header, read by DBAs
//! before they grant the login, and its typed row stands in `snapshot`.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

/// Where a query runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// First on every session.
    Session,
    /// Once per instance.
    Server,
    /// Once per instance, inside master.
    Master,
    /// Once per instance, inside msdb.
    Msdb,
    /// Before and after a database's queries, to prove where their answers come from.
    Context,
    /// In each database.
    Database,
    /// Once per instance, by `changes` alone.
    Events,
}

/// Which right shows all rows (see `sight`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Everyone sees everything.
    Public,
    /// VIEW ANY DATABASE.
    AnyDatabase,
    /// VIEW ANY DEFINITION.
    ServerDefinition,
    /// VIEW ANY DEFINITION; from 2022 VIEW ANY SECURITY DEFINITION.
    ServerSecurityDefinition,
    /// VIEW SERVER STATE; from 2022 VIEW SERVER SECURITY STATE.
    ServerState,
    /// VIEW SERVER STATE; from 2022 VIEW SERVER PERFORMANCE STATE.
    ServerPerformanceState,
    /// VIEW DEFINITION in the database.
    DatabaseDefinition,
    /// VIEW DEFINITION in the database; from 2022 VIEW SECURITY DEFINITION.
    DatabaseSecurityDefinition,
    /// SELECT on the table, which shows all rows or none.
    Select,
    /// ALTER TRACE: beyond least privilege.
    AlterTrace,
    /// CONTROL SERVER; from 2022 VIEW SERVER SECURITY AUDIT: beyond least privilege.
    ServerSecurityAudit,
    /// CONTROL on the database, here of whoever has CONTROL SERVER: beyond least privilege.
    Control,
}

impl Sight {
    /// Whether it takes more than an auditor should hold. Such a query is sent only to a session that holds the
    /// right anyway.
    pub fn is_beyond_least(self) -> bool {
        matches!(
            self,
            Self::AlterTrace | Self::ServerSecurityAudit | Self::Control
        )
    }
}

/// One query: its header and its text.
#[derive(Clone, Debug)]
pub struct Query {
    /// Name; the first result column is `q_` + name.
    pub name: &'static str,
    /// Why it is asked.
    pub purpose: &'static str,
    /// Where it runs.
    pub scope: Scope,
    /// Major versions it is for (11 = 2012 … 17 = 2025; open ends at the largest number).
    pub versions: RangeInclusive<u16>,
    /// Which right shows all rows.
    pub sight: Sight,
    /// The same for people.
    pub permission: &'static str,
    /// Views it reads.
    pub views: &'static str,
    /// Result columns after the tag, in order.
    pub columns: &'static str,
    /// What its WHERE leaves out, or `none`.
    pub narrowing: &'static str,
    /// The statement as sent.
    pub text: &'static str,
}

impl Query {
    /// Whether these columns, without the tag, are those that it declares.
    pub fn returns(&self, columns: &[String]) -> bool {
        self.columns
            .split(", ")
            .eq(columns.iter().map(String::as_str))
    }
}

/// Sent once when a session starts, before anything else: a lock wait ends after five seconds, the
/// auditor loses every deadlock, text comes whole.
pub const SESSION_SETTINGS: &str = "SET LOCK_TIMEOUT 5000;
SET DEADLOCK_PRIORITY LOW;
SET TEXTSIZE -1;
SET ROWCOUNT 0;
SET NOCOUNT ON";

/// Sent by `preflight` alone, before it asks for msdb's tables only to know whether they may be read: one row of each
/// answer is enough. The session ends afterwards.
pub const PROBE_SETTING: &str = "SET ROWCOUNT 1";

/// The switch to a database, with its name quoted: `]` doubled, so that a name can never end it.
pub fn use_database(name: &str) -> String {
    format!("USE [{}]", name.replace(']', "]]"))
}

macro_rules! sources {
    ($folder:literal: $($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!($folder, "/", $file, ".sql")))),*]
    };
}

/// File stem and text. The order here is the order of sending.
const SOURCES: &[(&str, &str)] = sources![
    "queries":
    "server_identity",
    "session",
    "login_token",
    "host",
    "configurations",
    "databases",
    "server_principals",
    "server_role_members",
    "server_permissions",
    "server_triggers",
    "server_modules",
    "trusted_assemblies",
    "server_properties",
    "linked_servers",
    "linked_logins",
    "credentials",
    "principal_credentials",
    "sql_logins",
    "server_trigger_events",
    "server_event_notifications",
    "endpoints",
    "tcp_endpoints",
    "server_audits",
    "server_file_audits",
    "server_audit_specifications",
    "server_audit_specification_details",
    "audit_status",
    "traces",
    "services",
    "registry",
    "connections",
    "clr_appdomains",
    "clr_loaded_assemblies",
    "loaded_modules",
    "resource_governor",
    "cryptographic_providers",
    "availability_groups",
    "availability_replicas",
    "system_extended_procedures",
    "startup_procedures",
    "jobs",
    "job_steps",
    "job_servers",
    "job_schedules",
    "schedules",
    "alerts",
    "proxies",
    "proxy_subsystems",
    "proxy_logins",
    "subsystems",
    "policies",
    "policy_conditions",
    "context",
    "database_session",
    "user_token",
    "database_principals",
    "database_role_members",
    "database_permissions",
    "schemas",
    "objects",
    "modules",
    "triggers",
    "parameters",
    "synonyms",
    "assemblies",
    "assembly_files.11-12",
    "assembly_files",
    "assembly_modules",
    "extended_procedures",
    "numbered_procedures",
    "trigger_events",
    "service_queues",
    "event_notifications",
    "certificates",
    "asymmetric_keys",
    "crypt_properties",
    "database_audit_specifications",
    "database_audit_specification_details",
    "scoped_configurations",
    "scoped_credentials",
    "expression_dependencies",
    "external_data_sources",
    "external_libraries",
    "external_languages",
    "external_language_files",
    "external_models",
];

/// What only `changes` sends. Texts hold `$(name)` where `events::fill` puts a value.
const EVENT_SOURCES: &[(&str, &str)] = sources![
    "event_queries":
    "event_rights",
    "default_trace_objects",
    "default_trace_security",
    "default_trace_settings",
    "default_trace_reach",
    "audit_actions",
    "audit_class_types",
    "audit_file_events.11-12",
    "audit_file_events.13",
    "audit_file_events.14",
    "audit_file_events",
    "audit_file_reach",
];

static QUERIES: LazyLock<Vec<Query>> = LazyLock::new(|| parsed(SOURCES));
static EVENT_QUERIES: LazyLock<Vec<Query>> = LazyLock::new(|| parsed(EVENT_SOURCES));

fn parsed(sources: &'static [(&str, &str)]) -> Vec<Query> {
    let queries = sources.iter();
    queries
        .filter_map(|(stem, source)| parse(stem, source))
        .collect()
}

/// Every query of `changes`, besides those of [`all`] that it sends too. They are never part of an audit.
pub fn events() -> &'static [Query] {
    &EVENT_QUERIES
}

/// Every query of an audit, in order of sending.
pub fn all() -> &'static [Query] {
    &QUERIES
}

/// The queries of one scope, for whatever version.
pub fn of(scope: Scope) -> impl Iterator<Item = &'static Query> {
    all().iter().filter(move |q| q.scope == scope)
}

/// The first major version that has this query in any form; 0 for a name that no query has.
pub fn since(name: &str) -> u16 {
    all()
        .iter()
        .filter(|q| q.name == name)
        .map(|q| *q.versions.start())
        .min()
        .unwrap_or(0)
}

/// The permission that a refused query asks for, for people. One that asks for none is refused only where somebody
/// took from public what it has by default.
pub fn permission(name: &str) -> String {
    match all().iter().find(|q| q.name == name) {
        None => String::new(),
        Some(query) if query.sight != Sight::Public => query.permission.to_owned(),
        Some(query) if query.views == "none" => "what everybody may ask by default".to_owned(),
        Some(query) => format!("SELECT on {}, which public has by default", query.views),
    }
}

fn parse(stem: &'static str, source: &'static str) -> Option<Query> {
    // The header may hold the word too.
    let text = source.get(source.find("\nSELECT")? + 1..)?.trim_end();
    let header = |key: &str| {
        let mut lines = source.lines().filter_map(|line| line.strip_prefix("-- "));
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
    };
    Some(Query {
        name: stem.split('.').next()?,
        purpose: header("purpose")?,
        scope: scope(header("scope")?)?,
        versions: versions(header("versions")?)?,
        sight: sight(header("sight")?)?,
        permission: header("permission")?,
        views: header("views")?,
        columns: header("columns")?,
        narrowing: header("narrowing")?,
        text,
    })
}

fn scope(word: &str) -> Option<Scope> {
    Some(match word {
        "session" => Scope::Session,
        "server" => Scope::Server,
        "master" => Scope::Master,
        "msdb" => Scope::Msdb,
        "context" => Scope::Context,
        "database" => Scope::Database,
        "events" => Scope::Events,
        _ => return None,
    })
}

fn versions(range: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = range.split_once('-')?;
    let last = if last.is_empty() {
        u16::MAX
    } else {
        last.parse().ok()?
    };
    Some(first.parse().ok()?..=last)
}

fn sight(word: &str) -> Option<Sight> {
    Some(match word {
        "public" => Sight::Public,
        "any-database" => Sight::AnyDatabase,
        "server-definition" => Sight::ServerDefinition,
        "server-security-definition" => Sight::ServerSecurityDefinition,
        "server-state" => Sight::ServerState,
        "server-performance-state" => Sight::ServerPerformanceState,
        "database-definition" => Sight::DatabaseDefinition,
        "database-security-definition" => Sight::DatabaseSecurityDefinition,
        "select" => Sight::Select,
        "alter-trace" => Sight::AlterTrace,
        "server-security-audit" => Sight::ServerSecurityAudit,
        "control" => Sight::Control,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::snapshot::Fact;

    #[test]
    fn every_source_has_a_whole_header() {
        for (stem, source) in SOURCES.iter().chain(EVENT_SOURCES) {
            assert!(
                parse(stem, source).is_some(),
                "{stem}.sql: a header line is missing or misspelt"
            );
        }
    }

    #[test]
    fn every_version_gets_one_form_of_each_query() {
        for version in 11..=18 {
            let mut names: Vec<_> = all()
                .iter()
                .chain(events())
                .filter(|q| q.versions.contains(&version))
                .map(|q| q.name)
                .collect();
            let sent = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(
                names.len(),
                sent,
                "version {version} has two forms of one query"
            );
        }
    }

    #[test]
    fn every_fact_has_its_query_and_every_query_its_fact() {
        let facts: BTreeSet<&str> = Fact::ALL
            .iter()
            .map(|fact| fact.name())
            // Seen on a connection, asked for by no query.
            .filter(|name| *name != "server_tls")
            .collect();
        let asked: BTreeSet<&str> = all()
            .iter()
            .filter(|query| query.scope != Scope::Context)
            .map(|query| query.name)
            .collect();
        assert_eq!(facts, asked);
        let beyond: BTreeSet<&str> = Fact::BEYOND_LEAST.iter().map(|fact| fact.name()).collect();
        let withheld: BTreeSet<&str> = all()
            .iter()
            .filter(|query| query.sight.is_beyond_least())
            .map(|query| query.name)
            .collect();
        assert_eq!(beyond, withheld);
    }

    #[test]
    fn a_database_name_cannot_end_its_quotes() {
        assert_eq!(
            use_database("a]; DROP TABLE t--"),
            "USE [a]]; DROP TABLE t--]"
        );
    }
}
