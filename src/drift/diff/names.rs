//! Ids become names. An id is given anew whenever something is made anew, and another server gives others; a name is what
//! people and statements mean.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use crate::snapshot::{DatabaseFacts, Snapshot};

/// What an id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is the id of what it is named after
pub enum Ref {
    Assembly,
    Audit,
    Condition,
    Credential,
    Database,
    DatabaseCredential,
    DatabasePrincipal,
    DatabaseSpecification,
    Endpoint,
    Job,
    Language,
    Login,
    LoginSid,
    MasterObject,
    Object,
    Proxy,
    Schedule,
    Schema,
    /// What `class` says.
    Securable,
    Server,
    ServerNotification,
    ServerSpecification,
    ServerTrigger,
    Subsystem,
}

type Table = FxHashMap<String, String>;

/// The names of one side, those of one database among them.
pub struct Names<'a> {
    snapshot: &'a Snapshot,
    database: Option<&'a DatabaseFacts>,
    tables: FxHashMap<Ref, Table>,
    /// The names alone, where they were asked for.
    known: FxHashMap<Ref, BTreeSet<String>>,
}

fn table<K: ToString, V: ToString>(rows: impl Iterator<Item = (K, V)>) -> Table {
    rows.map(|(id, name)| (id.to_string(), name.to_string()))
        .collect()
}

fn server_table(of: Ref, snapshot: &Snapshot) -> Table {
    let server = &snapshot.server;
    let logins = server.server_principals.seen().iter();
    match of {
        Ref::Audit => audits(snapshot),
        Ref::Credential => {
            let all = server.credentials.seen().iter();
            table(all.map(|c| (c.credential_id, &c.name)))
        }
        Ref::Database => {
            let all = server.databases.seen().iter();
            table(all.map(|d| (d.database_id, &d.name)))
        }
        Ref::Endpoint => {
            let all = server.endpoints.seen().iter();
            table(all.map(|e| (e.endpoint_id, &e.name)))
        }
        Ref::Login => table(logins.map(|p| (p.principal_id.0, &p.name))),
        Ref::LoginSid => table(logins.filter_map(|p| Some((p.sid.as_ref()?, &p.name)))),
        Ref::Server => {
            let all = server.linked_servers.seen().iter();
            table(all.map(|s| (s.server_id, &s.name)))
        }
        Ref::ServerNotification => {
            let all = server.server_event_notifications.seen().iter();
            table(all.map(|n| (n.object_id, &n.name)))
        }
        Ref::ServerSpecification => {
            let all = server.server_audit_specifications.seen().iter();
            table(all.map(|s| (s.specification_id, &s.name)))
        }
        Ref::ServerTrigger => {
            let all = server.server_triggers.seen().iter();
            table(all.map(|t| (t.object_id, &t.name)))
        }
        Ref::MasterObject => {
            let mut databases = snapshot.databases.iter();
            let master = databases.find(|d| d.name.as_str() == "master");
            master.map_or_else(Table::default, |master| objects(snapshot, master))
        }
        agent => agent_table(agent, snapshot),
    }
}

/// By id, and by the id that specifications name them by.
fn audits(snapshot: &Snapshot) -> Table {
    let audits = snapshot.server.server_audits.seen();
    let mut names = table(audits.iter().map(|a| (a.audit_id, &a.name)));
    let by_guid = audits.iter();
    names.extend(table(
        by_guid.filter_map(|a| Some((a.audit_guid.as_ref()?, &a.name))),
    ));
    names
}

/// What msdb holds for the whole instance.
fn agent_table(of: Ref, snapshot: &Snapshot) -> Table {
    let server = &snapshot.server;
    match of {
        Ref::Condition => {
            let all = server.policy_conditions.seen().iter();
            table(all.map(|c| (c.condition_id, &c.name)))
        }
        Ref::Job => table(server.jobs.seen().iter().map(|j| (&j.job_id, &j.name))),
        Ref::Proxy => table(server.proxies.seen().iter().map(|p| (p.proxy_id, &p.name))),
        Ref::Schedule => {
            let all = server.schedules.seen().iter();
            table(all.map(|s| (s.schedule_id, &s.name)))
        }
        Ref::Subsystem => {
            let all = server.subsystems.seen().iter();
            table(all.map(|s| (s.subsystem_id, &s.subsystem)))
        }
        _ => Table::default(),
    }
}

fn database_table(of: Ref, snapshot: &Snapshot, own: &DatabaseFacts) -> Table {
    match of {
        Ref::Assembly => table(
            own.assemblies
                .seen()
                .iter()
                .map(|a| (a.assembly_id, &a.name)),
        ),
        Ref::DatabaseCredential => table(
            own.scoped_credentials
                .seen()
                .iter()
                .map(|c| (c.credential_id, &c.name)),
        ),
        Ref::DatabasePrincipal => table(
            own.database_principals
                .seen()
                .iter()
                .map(|p| (p.principal_id.0, &p.name)),
        ),
        Ref::DatabaseSpecification => {
            let all = own.database_audit_specifications.seen().iter();
            table(all.map(|s| (s.specification_id, &s.name)))
        }
        Ref::Language => {
            let all = own.external_languages.seen().iter();
            table(all.filter_map(|l| Some((l.external_language_id, l.language.as_ref()?))))
        }
        Ref::Schema => table(own.schemas.seen().iter().map(|s| (s.schema_id, &s.name))),
        Ref::Object => objects(snapshot, own),
        _ => Table::default(),
    }
}

/// Objects by schema and name; triggers of the database itself, which are no objects; and of master what is shipped, whose
/// permissions stand there.
fn objects(snapshot: &Snapshot, own: &DatabaseFacts) -> Table {
    let schemas = database_table(Ref::Schema, snapshot, own);
    let mut names = table(
        own.triggers
            .seen()
            .iter()
            .map(|t| (t.object_id, part(&t.name))),
    );
    if own.name.as_str() == "master" {
        let shipped = snapshot.server.system_extended_procedures.seen().iter();
        names.extend(table(shipped.map(|p| (p.object_id, part(&p.name)))));
    }
    let qualified = own.objects.seen().iter().map(|object| {
        let schema = schemas.get(&object.schema_id.to_string());
        let schema = schema.map_or_else(|| format!("#{}", object.schema_id), |name| part(name));
        (
            object.object_id.to_string(),
            format!("{schema}.{}", part(&object.name)),
        )
    });
    names.extend(qualified);
    names
}

/// A part of a name of several: in brackets where it could be taken for two parts.
fn part(name: &str) -> String {
    if name.contains(['.', '[', ']', '#']) {
        format!("[{}]", name.replace(']', "]]"))
    } else {
        name.to_owned()
    }
}

/// What a class of securables is looked up among, at server scope and in a database.
fn class(row: &Map<String, Value>) -> Option<Ref> {
    Some(match row.get("class")?.as_i64()? {
        101 => Ref::Login,
        105 => Ref::Endpoint,
        1 => Ref::Object,
        3 => Ref::Schema,
        4 => Ref::DatabasePrincipal,
        5 => Ref::Assembly,
        _ => return None,
    })
}

impl<'a> Names<'a> {
    /// Of a side, and of one of its databases.
    pub fn new(snapshot: &'a Snapshot, database: Option<&'a DatabaseFacts>) -> Self {
        Self {
            snapshot,
            database,
            tables: FxHashMap::default(),
            known: FxHashMap::default(),
        }
    }

    fn table(&mut self, of: Ref) -> &Table {
        let (snapshot, database) = (self.snapshot, self.database);
        self.tables.entry(of).or_insert_with(|| {
            let mut names = server_table(of, snapshot);
            if let Some(own) = database {
                names.extend(database_table(of, snapshot, own));
            }
            names
        })
    }

    /// Whether something of this name is there.
    pub fn has(&mut self, of: Ref, name: &str) -> bool {
        if !self.known.contains_key(&of) {
            let names: BTreeSet<String> = self.table(of).values().cloned().collect();
            self.known.insert(of, names);
        }
        self.known
            .get(&of)
            .is_some_and(|names| names.contains(name))
    }

    /// The name in an id's place, and whether there is one. An id of nothing stays what it is.
    pub fn resolve(&mut self, of: Ref, id: &Value, row: &Map<String, Value>) -> (Value, bool) {
        let text = match id {
            Value::Null => return (Value::Null, true),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if let Some(special) = special(of, &text) {
            return (serde_json::json!({ "is": special }), true); // no name can be taken for it
        }
        let of = match of {
            Ref::Securable => match class(row) {
                Some(of) => of,
                None if text == "0" => return (Value::Null, true),
                // Of rarer classes the id itself is compared.
                None => return (id.clone(), true),
            },
            of => of,
        };
        match self.table(of).get(&text) {
            Some(name) => (name.clone().into(), true),
            // A sid that no login has is a name by itself.
            None if of == Ref::LoginSid => (id.clone(), true),
            None => (serde_json::json!({ "id": id }), false),
        }
    }
}

/// Ids that stand for no row.
fn special(of: Ref, id: &str) -> Option<&'static str> {
    const NO_JOB: &str = "00000000-0000-0000-0000-000000000000";
    match (of, id) {
        (Ref::DatabasePrincipal | Ref::Login, "-2") => Some("(owner)"),
        (Ref::Login, "0") => Some("(everybody)"),
        (Ref::DatabasePrincipal, "0") => Some("public"),
        (Ref::Object | Ref::MasterObject, "0") | (Ref::Job, NO_JOB) => Some("(none)"),
        _ => None,
    }
}
