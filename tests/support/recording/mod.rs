//! Synthetic recordings: an instance as a server of its version would show it, built from a fresh
//! one by small changes. What a verb adds, it adds wherever a server would show it, so that ids
//! resolve, hashes match texts, and lists stand as the collector sorts them.

mod content;
mod database;
pub mod estate;
mod hide;
mod installed;
mod instance;
mod mutate;
mod queries;
mod seal;
mod shipped;

use std::collections::BTreeMap;

use mssql_posture::ids::{InstanceId, PrincipalId};
use mssql_posture::snapshot::{
    Configuration, Connection, DatabaseFacts, DatabasePrincipal, DatabaseRow, Encryption,
    ModuleLine, ModuleTexts, Observed, Outcome, Permission, RoleMember, ServerError,
    ServerPrincipal, Snapshot,
};

pub use database::sha2_512;
pub use hide::{Hidden, hide, is_of_database, rows_of, without};
pub use instance::{AUDITOR, Base, SidKind, sid};
pub use mutate::{mutations, put};

/// What a database permission is about.
#[derive(Clone, Copy, Debug)]
pub enum On<'a> {
    Database,
    Schema(&'a str),
    /// A shipped extended procedure (in master) or an object as `schema.name`.
    Object(&'a str),
}

/// An instance under construction.
#[derive(Clone)]
pub struct Recording {
    /// The facts so far; change what no verb changes.
    pub snapshot: Snapshot,
    base: Base,
    texts: BTreeMap<(Option<String>, i32), String>,
    /// Texts that are no module's.
    further_texts: Vec<ModuleLine>,
    /// Errors by which the server refused a database or a query.
    errors: BTreeMap<(Option<String>, String), ServerError>,
    next_login: i32,
    next_object: i32,
    changed: String,
}

/// A finished recording: the two files.
pub struct Recorded {
    pub snapshot: Snapshot,
    pub module_text: Vec<u8>,
}

impl Recorded {
    /// The module text, checked against the hash that the snapshot names.
    pub fn texts(&self) -> ModuleTexts {
        let text = String::from_utf8(self.module_text.clone()).unwrap();
        ModuleTexts::from_jsonl(&text, &self.snapshot.module_text.sha256).unwrap()
    }
}

/// The rows of a list for change, whatever its state is.
pub fn rows<T>(list: &mut Observed<Vec<T>>) -> &mut Vec<T> {
    match list {
        Observed::Known { value } | Observed::Partial { value, .. } => value,
        other => panic!("nothing can be added to a list that is {}", other.state()),
    }
}

impl Recording {
    /// A fresh instance with its four system databases, read by a login with all rights it needs.
    pub fn new(base: Base) -> Self {
        let connection = Connection {
            endpoint: format!("{}.corp.example", base.server_name().to_lowercase()),
            encryption: Encryption::Required,
            trust_server_certificate: false,
            authentication: "sql".to_owned(),
            user: Some(AUDITOR.to_owned()),
        };
        let at = "2026-11-16T05:00:00Z";
        let target = InstanceId::new(base.target);
        let mut snapshot = Snapshot::unseen(target, Outcome::Finished, connection, at);
        if let Some(instance) = base.instance {
            let host = base.machine.to_lowercase();
            snapshot.connection.endpoint = format!("{host}.corp.example\\{instance}");
        }
        snapshot.synthetic = Some("made up for demonstration and tests; no server was read".into());
        snapshot.server = instance::server_facts(&base);
        let further_texts = installed::complete(&mut snapshot.server, &base);
        let mut recording = Self {
            snapshot,
            base,
            texts: BTreeMap::new(),
            further_texts,
            errors: BTreeMap::new(),
            next_login: 267,
            next_object: 245_575_913,
            changed: "2026-02-09T14:03:51.870".to_owned(),
        };
        for name in ["master", "tempdb", "model", "msdb"] {
            recording.add_database(name, "sa");
        }
        recording.fill_master();
        recording.fill_msdb();
        recording
    }

    /// Objects and rows made from here on carry this time of creation, in the server's local time.
    pub fn at(&mut self, local_time: &str) -> &mut Self {
        local_time.clone_into(&mut self.changed);
        self
    }

    // --- options ---

    pub fn option(&mut self, name: &str) -> &mut Configuration {
        rows(&mut self.snapshot.server.configurations)
            .iter_mut()
            .find(|option| option.name == name)
            .unwrap_or_else(|| panic!("no option {name} in this version"))
    }

    pub fn set_option(&mut self, name: &str, configured: i32, running: i32) -> &mut Self {
        let option = self.option(name);
        (option.value, option.value_in_use) = (Some(configured), Some(running));
        self
    }

    pub fn drop_option(&mut self, name: &str) -> &mut Self {
        self.option(name);
        rows(&mut self.snapshot.server.configurations).retain(|option| option.name != name);
        self
    }

    // --- server principals ---

    /// Adds a login: S SQL, U Windows, G Windows group, R server role, C certificate.
    pub fn add_login(&mut self, name: &str, kind: &str) -> PrincipalId {
        let id = self.next_login;
        self.next_login += 1;
        let sid = match kind {
            "S" | "R" => sid(SidKind::Sql, name),
            "C" | "K" => sid(SidKind::Certificate, name),
            _ if name.starts_with("NT SERVICE\\") => sid(SidKind::Service, name),
            _ => sid(SidKind::Windows, name),
        };
        let login = ServerPrincipal {
            create_date: Some(self.changed.clone()),
            modify_date: Some(self.changed.clone()),
            owning_principal_id: (kind == "R").then_some(PrincipalId(1)),
            ..instance::principal(id, name, kind, sid)
        };
        rows(&mut self.snapshot.server.server_principals).push(login);
        if kind != "R" {
            self.grant_server("CONNECT SQL", name);
        }
        PrincipalId(id)
    }

    pub fn login(&mut self, name: &str) -> &mut ServerPrincipal {
        rows(&mut self.snapshot.server.server_principals)
            .iter_mut()
            .find(|principal| principal.name == name)
            .unwrap_or_else(|| panic!("no login {name}"))
    }

    pub fn add_server_member(&mut self, role: &str, member: &str) -> &mut Self {
        let row = RoleMember {
            role_principal_id: self.login(role).principal_id,
            member_principal_id: self.login(member).principal_id,
        };
        rows(&mut self.snapshot.server.server_role_members).push(row);
        self
    }

    pub fn grant_server(&mut self, permission: &str, grantee: &str) -> &mut Self {
        self.server_permission(permission, grantee, "G")
    }

    pub fn deny_server(&mut self, permission: &str, grantee: &str) -> &mut Self {
        self.server_permission(permission, grantee, "D")
    }

    fn server_permission(&mut self, permission: &str, grantee: &str, state: &str) -> &mut Self {
        let grantee = self.login(grantee).principal_id;
        let row = instance::server_permission(grantee, code(permission), permission, state);
        rows(&mut self.snapshot.server.server_permissions).push(row);
        self
    }

    // --- databases ---

    pub fn add_database(&mut self, name: &str, owner: &str) -> &mut Self {
        let id = i32::try_from(self.snapshot.databases.len()).unwrap() + 1;
        let owner_sid = self.login(owner).sid.clone().unwrap();
        let mut row = database::row(&self.base, id, name, &owner_sid, owner);
        if id > 4 {
            row.create_date = Some(self.changed.clone());
        }
        match name {
            "master" | "tempdb" => row.is_db_chaining_on = Some(true),
            "msdb" => {
                row.is_db_chaining_on = Some(true);
                row.is_trustworthy_on = Some(true);
            }
            _ => {}
        }
        if name == "tempdb" {
            row.create_date = Some("2026-11-08T03:12:44.517".to_owned()); // the last restart
        }
        rows(&mut self.snapshot.server.databases).push(row);
        let facts = database::facts(&self.base, id, name, &owner_sid);
        self.snapshot.databases.push(facts);
        self
    }

    pub fn database_row(&mut self, name: &str) -> &mut DatabaseRow {
        rows(&mut self.snapshot.server.databases)
            .iter_mut()
            .find(|row| row.name == name)
            .unwrap_or_else(|| panic!("no database {name}"))
    }

    pub fn database(&mut self, name: &str) -> &mut DatabaseFacts {
        self.snapshot
            .databases
            .iter_mut()
            .find(|facts| facts.name.as_str() == name)
            .unwrap_or_else(|| panic!("no database {name}"))
    }

    /// The inventory left it out.
    pub fn exclude(&mut self, name: &str) -> &mut Self {
        self.unread(name, "excluded by the inventory");
        self.database(name).excluded = true;
        self
    }

    /// Not online, therefore not asked.
    pub fn take_offline(&mut self, name: &str) -> &mut Self {
        let row = self.database_row(name);
        row.state = Some(6);
        row.state_desc = Some("OFFLINE".to_owned());
        row.collation = None;
        row.has_access = Some(false);
        self.unread(name, "the database is OFFLINE")
    }

    fn unread(&mut self, name: &str, why: &str) -> &mut Self {
        let id = self.database(name).database_id;
        *self.database(name) = DatabaseFacts::unseen(id, name, why);
        self.forget_texts(name);
        for query in queries::read_in(name) {
            if let Some(fact) = self.snapshot.server.named_mut(query.name) {
                fact.not_collected(&format!("{name} was not read: {why}"));
            }
        }
        self
    }

    /// The auditor has no way in: the server answers every query of this database with error 916.
    pub fn deny_access(&mut self, name: &str) -> &mut Self {
        self.database_row(name).has_access = Some(false);
        self.forget_texts(name);
        let error = ServerError::new(
            916,
            format!(
                "The server principal \"{AUDITOR}\" is not able to access the database \
                 \"{name}\" under the current security context."
            ),
        );
        for query in queries::of_database(self.base.version) {
            if query.sight.is_beyond_least() {
                continue;
            }
            let facts = self.database(name);
            let needs = "CONNECT ANY DATABASE, or a user in the database (error 916)";
            let needs = vec![needs.to_owned()];
            hide::refuse(facts, query.name, needs);
            let key = (Some(name.to_owned()), query.name.to_owned());
            self.errors.insert(key, error.clone());
        }
        for query in queries::read_in(name) {
            self.refuse_server(query.name, 916, &error.text);
            let key = (Some(name.to_owned()), query.name.to_owned());
            self.errors.insert(key, error.clone());
        }
        self
    }

    /// The texts of a database's modules were not shown.
    pub fn forget_texts(&mut self, name: &str) -> &mut Self {
        self.texts
            .retain(|(database, _), _| database.as_deref() != Some(name));
        self.further_texts
            .retain(|line| line.database.as_deref() != Some(name));
        self
    }

    /// The server refused a query at server scope.
    pub fn refuse_server(&mut self, query: &str, number: u32, text: &str) -> &mut Self {
        let needs = vec![format!("{} (error {number})", queries::permission(query))];
        hide::refuse_server(&mut self.snapshot, query, needs);
        let error = ServerError::new(number, text);
        self.errors.insert((None, query.to_owned()), error);
        self
    }

    /// One of msdb's own tables is not visible, and so not asked.
    pub fn hide_table_of_msdb(&mut self, query: &str) -> &mut Self {
        let needs = vec![queries::permission(query).to_owned()];
        hide::refuse_server(&mut self.snapshot, query, needs);
        self.further_texts
            .retain(|line| line.database.as_deref() != Some("msdb"));
        self
    }

    // --- database principals ---

    /// Adds a user for a login (of the login's kind), or without one.
    pub fn add_user(&mut self, database: &str, name: &str, login: Option<&str>) -> PrincipalId {
        let (kind, sid, authentication) = match login.map(|login| self.login(login).clone()) {
            Some(login) => {
                let windows = matches!(login.r#type.as_str(), "U" | "G");
                (login.r#type, login.sid, if windows { 3 } else { 1 })
            }
            None => ("S".to_owned(), Some(sid(SidKind::Sql, name)), 0),
        };
        self.add_principal(database, name, &kind, sid, authentication)
    }

    pub fn add_role(&mut self, database: &str, name: &str) -> PrincipalId {
        let id = self.add_principal(database, name, "R", None, 0);
        let role = self.user(database, name);
        role.sid = Some(sid(SidKind::Certificate, name));
        role.owning_principal_id = Some(PrincipalId(1));
        id
    }

    fn add_principal(
        &mut self,
        database: &str,
        name: &str,
        kind: &str,
        sid: Option<String>,
        authentication: i32,
    ) -> PrincipalId {
        let changed = self.changed.clone();
        let principals = rows(&mut self.database(database).database_principals);
        let own = principals.iter().map(|p| p.principal_id.0);
        let id = own.filter(|id| *id < 16_384).max().unwrap() + 1;
        principals.push(DatabasePrincipal {
            authentication_type: Some(authentication),
            create_date: Some(changed.clone()),
            modify_date: Some(changed),
            ..database::principal(id, name, kind, sid)
        });
        if !matches!(kind, "R" | "C") {
            self.grant(database, On::Database, "CONNECT", name);
        }
        PrincipalId(id)
    }

    pub fn user(&mut self, database: &str, name: &str) -> &mut DatabasePrincipal {
        rows(&mut self.database(database).database_principals)
            .iter_mut()
            .find(|principal| principal.name == name)
            .unwrap_or_else(|| panic!("no user {name} in {database}"))
    }

    pub fn add_member(&mut self, database: &str, role: &str, member: &str) -> &mut Self {
        let row = RoleMember {
            role_principal_id: self.user(database, role).principal_id,
            member_principal_id: self.user(database, member).principal_id,
        };
        rows(&mut self.database(database).database_role_members).push(row);
        self
    }

    pub fn grant(&mut self, database: &str, on: On<'_>, right: &str, grantee: &str) -> &mut Self {
        self.permission(database, on, right, grantee, "G")
    }

    pub fn deny(&mut self, database: &str, on: On<'_>, right: &str, grantee: &str) -> &mut Self {
        self.permission(database, on, right, grantee, "D")
    }

    fn permission(
        &mut self,
        database: &str,
        on: On<'_>,
        right: &str,
        grantee: &str,
        state: &str,
    ) -> &mut Self {
        let (class, major_id) = match on {
            On::Database => (0, 0),
            On::Schema(name) => (3, self.schema_id(database, name)),
            On::Object(name) => (1, self.object_id(database, name)),
        };
        let grantee = self.user(database, grantee).principal_id;
        let row = Permission {
            class,
            major_id,
            state: state.to_owned(),
            ..database::database_grant(grantee, code(right), right)
        };
        rows(&mut self.database(database).database_permissions).push(row);
        self
    }

    fn schema_id(&mut self, database: &str, name: &str) -> i32 {
        let schemas = self.database(database).schemas.seen().iter();
        let found = schemas.into_iter().find(|schema| schema.name == name);
        found
            .unwrap_or_else(|| panic!("no schema {name}"))
            .schema_id
    }

    /// The id of `schema.name`, or in master of a shipped extended procedure.
    pub fn object_id(&mut self, database: &str, name: &str) -> i32 {
        let shipped = self
            .snapshot
            .server
            .system_extended_procedures
            .seen()
            .iter();
        let shipped = shipped.filter(|p| database == "master" && p.name == name);
        if let Some(procedure) = shipped.into_iter().next() {
            return procedure.object_id;
        }
        let (schema, object) = name.split_once('.').unwrap();
        let schema_id = self.schema_id(database, schema);
        let objects = self.database(database).objects.seen().iter();
        let found = objects
            .into_iter()
            .find(|o| o.schema_id == schema_id && o.name == object);
        found
            .unwrap_or_else(|| panic!("no object {name} in {database}"))
            .object_id
    }
}

/// The four-letter code of a permission.
fn code(permission: &str) -> &'static str {
    let found = shipped::PERMISSION_CODES
        .iter()
        .find(|(name, _)| *name == permission);
    found
        .unwrap_or_else(|| panic!("no code for {permission}"))
        .1
}
