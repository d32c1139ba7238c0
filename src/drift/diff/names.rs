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
    /// A login or a server role, with the word for which it is.
    LoginOrRole,
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
    /// A user or a role, with the word for which it is.
    UserOrRole,
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
        Ref::LoginOrRole => table(logins.map(|p| {
            let word = if p.r#type == "R" {
                "SERVER ROLE"
            } else {
                "LOGIN"
            };
            (p.principal_id.0, format!("{word}::{}", part(&p.name)))
        })),
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
        Ref::UserOrRole => {
            let all = own.database_principals.seen().iter();
            table(all.map(|p| {
                let word = match p.r#type.as_str() {
                    "R" => "ROLE",
                    "A" => "APPLICATION ROLE",
                    _ => "USER",
                };
                (p.principal_id.0, format!("{word}::{}", part(&p.name)))
            }))
        }
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

/// A part of a name of several: in brackets where it could be taken for two parts, for an id, or for a class of securables.
fn part(name: &str) -> String {
    if name.contains(['.', '[', ']', '#', ':']) {
        format!("[{}]", name.replace(']', "]]"))
    } else {
        name.to_owned()
    }
}

/// Classes of securables: the word in front of a name, and what an id is looked up among. Objects have no word, the
/// tables of principals have it in front already, and of what stands among nothing the id itself is compared.
#[rustfmt::skip] // one line each
const CLASSES: &[(i64, &str, Option<Ref>)] = &[
    (1, "", Some(Ref::Object)),
    (3, "SCHEMA", Some(Ref::Schema)),
    (4, "", Some(Ref::UserOrRole)),
    (5, "ASSEMBLY", Some(Ref::Assembly)),
    (6, "TYPE", None),
    (10, "XML SCHEMA COLLECTION", None),
    (15, "MESSAGE TYPE", None),
    (16, "CONTRACT", None),
    (17, "SERVICE", None),
    (18, "REMOTE SERVICE BINDING", None),
    (19, "ROUTE", None),
    (23, "FULLTEXT CATALOG", None),
    (24, "SYMMETRIC KEY", None),
    (25, "CERTIFICATE", None),
    (26, "ASYMMETRIC KEY", None),
    (29, "FULLTEXT STOPLIST", None),
    (31, "SEARCH PROPERTY LIST", None),
    (32, "DATABASE SCOPED CREDENTIAL", None),
    (34, "EXTERNAL LANGUAGE", None),
    (101, "", Some(Ref::LoginOrRole)),
    (105, "ENDPOINT", Some(Ref::Endpoint)),
    (108, "AVAILABILITY GROUP", None),
];

/// The server and a database: whoever holds something on them holds it on all.
const WHOLE: [i64; 2] = [0, 100];

/// The name of a securable as [`Names::resolve`] writes it, without the word of its class and the number of a column.
pub fn bare_securable(name: &str) -> &str {
    let is_word = |c: char| c == ' ' || c.is_ascii_uppercase() || c.is_ascii_digit();
    let own = match name.split_once("::") {
        Some((word, own)) if word.chars().all(is_word) => own,
        _ => name,
    };
    let column = own.strip_suffix(')').and_then(|own| own.rsplit_once("(#"));
    column.map_or(own, |(own, _)| own)
}

/// Adds to a permission's name what a row of it says besides that it is granted.
pub fn stated(permission: &str, state: Option<&str>) -> String {
    match state {
        Some("D") => format!("DENY {permission}"),
        Some("R") => format!("REVOKE {permission}"),
        Some("W") => format!("{permission} WITH GRANT OPTION"),
        _ => permission.to_owned(),
    }
}

/// A permission's name without what [`stated`] adds.
pub fn bare_permission(stated: &str) -> &str {
    let own = ["DENY ", "REVOKE "]
        .iter()
        .find_map(|word| stated.strip_prefix(word));
    own.unwrap_or(stated).trim_end_matches(" WITH GRANT OPTION")
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
            Ref::Securable => return self.securable(id, &text, row),
            of => of,
        };
        match self.table(of).get(&text) {
            Some(name) => (name.clone().into(), true),
            // A sid that no login has is a name by itself.
            None if of == Ref::LoginSid => (id.clone(), true),
            None => (serde_json::json!({ "id": id }), false),
        }
    }

    /// What a permission is on, with the word of its class: a schema and a user may have one name.
    fn securable(&mut self, id: &Value, text: &str, row: &Map<String, Value>) -> (Value, bool) {
        let number = |column| row.get(column).and_then(Value::as_i64);
        let Some(class) = number("class") else {
            return (id.clone(), true);
        };
        if text == "0" && WHOLE.contains(&class) {
            return (Value::Null, true);
        }
        let known = CLASSES.iter().find(|(own, ..)| *own == class);
        let Some((_, word, of)) = known else {
            return (format!("CLASS {class}::#{text}").into(), true);
        };
        if word.is_empty() && text == "0" {
            return (serde_json::json!({ "is": "(none)" }), true);
        }
        let own = of.and_then(|of| self.table(of).get(text).cloned());
        let is_known = own.is_some() || of.is_none();
        let own = match own {
            Some(own) if word.is_empty() => own,
            Some(own) => format!("{word}::{}", part(&own)),
            None if word.is_empty() => return (serde_json::json!({ "id": id }), false),
            None => format!("{word}::#{text}"),
        };
        let column = number("minor_id").filter(|column| *column != 0);
        let column = column.map_or_else(String::new, |column| format!("(#{column})"));
        (format!("{own}{column}").into(), is_known)
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
