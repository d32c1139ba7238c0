//! The instance as far as it is described, and its rows by name.

use mssql_posture::graph::{Code, CodeCall, Groups};
use mssql_posture::ids::{DatabaseName, PrincipalId};
use mssql_posture::snapshot::{DatabaseFacts, Observed, Snapshot};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Built;
use super::line::Line;

/// An instance being described.
pub struct Builder {
    /// What the catalog says.
    pub snapshot: Snapshot,
    /// What the code does.
    pub code: Code,
    /// What the inventory says of groups.
    pub groups: Groups,
    /// The database that lines are about, by its place.
    pub scope: Option<usize>,
    /// Calls of modules that may come later.
    pub calls: Vec<Call>,
    last: i32,
}

/// A call by name.
pub struct Call {
    /// Who calls.
    pub from: Caller,
    /// Database, schema and name.
    pub callee: String,
    /// In text that is executed.
    pub is_dynamic: bool,
}

/// By its place in the code.
pub enum Caller {
    /// A module.
    Module(usize),
    /// A job step.
    Step(usize),
}

/// A fact from the JSON of its row.
pub fn known<T: DeserializeOwned>(row: Value) -> Observed<T> {
    Observed::Known {
        value: serde_json::from_value(row).unwrap(),
    }
}

/// One more row.
pub fn push<T: DeserializeOwned>(list: &mut Observed<Vec<T>>, row: Value) {
    let row = serde_json::from_value(row).unwrap();
    match list {
        Observed::Known { value } => value.push(row),
        unseen => panic!("a row of a list that is {}", unseen.state()),
    }
}

fn sort<T: Ord>(list: &mut Observed<Vec<T>>) {
    if let Observed::Known { value } = list {
        value.sort();
    }
}

impl Builder {
    /// With nothing described.
    pub fn of(snapshot: Snapshot, code: Code, groups: Groups) -> Self {
        Self {
            snapshot,
            code,
            groups,
            scope: None,
            calls: Vec::new(),
            last: 256,
        }
    }

    /// Reads one line.
    pub fn read(&mut self, line: &mut Line<'_>) {
        if line.take("server :") {
            self.scope = None;
        } else if line.take("in") {
            let name = line.name();
            line.expect(":");
            self.scope = Some(self.database_at(&name));
        }
        if line.is_empty() {
            return;
        }
        let known = match self.scope {
            Some(_) => self.read_in_database(line),
            None => self.read_at_server(line),
        };
        if !known {
            line.fail("not understood");
        }
    }

    /// Calls are resolved, rows come in the order of a collector's.
    pub fn finish(mut self) -> Built {
        for call in std::mem::take(&mut self.calls) {
            let (database, object_id) = self.module_named(&call.callee);
            let database = DatabaseName::new(database);
            let found = CodeCall {
                database,
                object_id,
                is_dynamic: call.is_dynamic,
            };
            match call.from {
                Caller::Module(at) => self.code.modules[at].calls.push(found),
                Caller::Step(at) => self.code.steps[at].calls.push(found),
            }
        }
        let server = &mut self.snapshot.server;
        sort(&mut server.server_principals);
        sort(&mut server.server_permissions);
        sort(&mut server.server_role_members);
        for facts in &mut self.snapshot.databases {
            sort(&mut facts.database_principals);
            sort(&mut facts.database_permissions);
            sort(&mut facts.database_role_members);
            sort(&mut facts.schemas);
        }
        Built {
            snapshot: self.snapshot,
            code: self.code,
            groups: self.groups,
        }
    }

    /// An id that nothing has yet.
    pub fn next_id(&mut self) -> i32 {
        self.last += 1;
        self.last
    }

    /// The database that lines are about.
    pub fn facts(&mut self) -> &mut DatabaseFacts {
        let at = self
            .scope
            .expect("a line about a database stands after `in`");
        &mut self.snapshot.databases[at]
    }

    fn database_at(&self, name: &str) -> usize {
        let mut databases = self.snapshot.databases.iter();
        let at = databases.position(|facts| facts.name.as_str() == name);
        at.unwrap_or_else(|| panic!("no database {name}"))
    }

    /// Id and sid of a login or server role.
    pub fn login(&self, name: &str) -> (i32, String) {
        let mut logins = self.snapshot.server.server_principals.seen().iter();
        let found = logins.find(|login| login.name == name);
        let found = found.unwrap_or_else(|| panic!("no login {name}"));
        (found.principal_id.0, found.sid.clone().unwrap_or_default())
    }

    /// Whether there is a login of this name.
    pub fn has_login(&self, name: &str) -> bool {
        let mut logins = self.snapshot.server.server_principals.seen().iter();
        logins.any(|login| login.name == name)
    }

    /// The id of a user or role of the database that lines are about.
    pub fn user(&mut self, name: &str) -> i32 {
        let facts = self.facts();
        let mut users = facts.database_principals.seen().iter();
        let found = users.find(|user| user.name == name);
        match found {
            Some(user) => user.principal_id.0,
            None => panic!("no user {name} in {}", facts.name),
        }
    }

    /// The id of a principal of the scope that lines are about.
    pub fn principal(&mut self, name: &str) -> i32 {
        match self.scope {
            Some(_) => self.user(name),
            None => self.login(name).0,
        }
    }

    /// Id and own name of `schema.name`.
    pub fn schema_of(&mut self, name: &str) -> (i32, String) {
        let (schema, own) = name.split_once('.').unwrap_or(("dbo", name));
        (self.schema(schema), own.to_owned())
    }

    /// The id of a schema.
    pub fn schema(&mut self, name: &str) -> i32 {
        let mut schemas = self.facts().schemas.seen().iter();
        let found = schemas.find(|schema| schema.name == name);
        found
            .unwrap_or_else(|| panic!("no schema {name}"))
            .schema_id
    }

    /// The id of an object of the database that lines are about.
    pub fn object(&mut self, name: &str) -> i32 {
        let facts = self.facts();
        find_object(facts, name).unwrap_or_else(|| panic!("no object {name} in {}", facts.name))
    }

    /// Database and id of `Database.schema.name`.
    fn module_named(&self, name: &str) -> (String, i32) {
        let (database, own) = name.split_once('.').unwrap_or(("", name));
        let facts = &self.snapshot.databases[self.database_at(database)];
        let found = find_object(facts, own).unwrap_or_else(|| panic!("no module {name}"));
        (database.to_owned(), found)
    }

    /// One GRANT (`G`, `W`) or DENY (`D`) in the scope that lines are about.
    pub fn give(&mut self, state: &str, (class, major, code): (i32, i32, &str), grantee: i32) {
        let row = json!({"class": class, "major_id": major, "minor_id": 0,
            "grantee_principal_id": grantee, "grantor_principal_id": 1, "type": code,
            "state": state});
        let list = match self.scope {
            Some(_) => &mut self.facts().database_permissions,
            None => &mut self.snapshot.server.server_permissions,
        };
        push(list, row);
    }

    /// Puts one principal into a role of the scope that lines are about.
    pub fn join(&mut self, member: &str, role: &str) {
        let (member, role) = (self.principal(member), self.principal(role));
        let row = json!({"role_principal_id": role, "member_principal_id": member});
        let list = match self.scope {
            Some(_) => &mut self.facts().database_role_members,
            None => &mut self.snapshot.server.server_role_members,
        };
        push(list, row);
    }

    /// The id behind `owner`, `self` or a user's name in EXECUTE AS.
    pub fn context(&mut self, word: &str) -> PrincipalId {
        match word {
            "owner" => PrincipalId(-2),
            "self" => PrincipalId(1),
            name => PrincipalId(self.user(name)),
        }
    }
}

/// Objects are found as `schema.name`, triggers of the database by their names.
fn find_object(facts: &DatabaseFacts, name: &str) -> Option<i32> {
    let objects = facts.objects.seen().iter().map(|object| object.object_id);
    let triggers = facts
        .triggers
        .seen()
        .iter()
        .map(|trigger| trigger.object_id);
    let mut all = objects.chain(triggers);
    all.find(|id| facts.object_name(*id) == name)
}
