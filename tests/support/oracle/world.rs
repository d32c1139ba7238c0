//! The estate as the oracle reads it: plain lists, looked through from end to end.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use mssql_posture::graph::{Code, Db, Groups, ModuleCode, Node, Scope, Step};
use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::{
    DatabaseFacts, DatabasePrincipal, DatabaseRow, Job, Object, ServerPrincipal, Snapshot,
};

use super::nested::Pass;
use super::rights::Token;

/// A module: its database and its id.
pub type Key = (Db, i32);

/// What the rules are asked about.
pub struct World<'a> {
    pub snapshot: &'a Snapshot,
    pub code: &'a Code,
    pub groups: &'a Groups,
    /// Kinds of step that are taken not to exist.
    pub off: BTreeSet<Step>,
    /// What was worked out before, since it is asked again and again.
    pub sessions: RefCell<Sessions>,
    /// The same of calls that a context is passed on by.
    pub passes: OnceCell<BTreeSet<Pass>>,
}

/// Tokens by who comes in where.
type Sessions = HashMap<(Node, Option<Db>), Option<Rc<Token>>>;

pub const DBO: i32 = 1;
pub const GUEST: i32 = 2;

impl<'a> World<'a> {
    pub fn new(snapshot: &'a Snapshot, code: &'a Code, groups: &'a Groups) -> Self {
        let (off, sessions) = (BTreeSet::new(), RefCell::default());
        let passes = OnceCell::new();
        Self {
            snapshot,
            code,
            groups,
            off,
            sessions,
            passes,
        }
    }

    pub fn is_on(&self, step: Step) -> bool {
        !self.off.contains(&step)
    }

    pub fn principals(&self) -> &'a [ServerPrincipal] {
        self.snapshot.server.server_principals.seen()
    }

    /// Server principals that are no roles.
    pub fn logins(&self) -> Vec<&'a ServerPrincipal> {
        let all = self.principals().iter();
        all.filter(|p| p.r#type != "R").collect()
    }

    pub fn login(&self, id: i32) -> Option<&'a ServerPrincipal> {
        self.principals().iter().find(|p| p.principal_id.0 == id)
    }

    pub fn login_with_sid(&self, sid: &str) -> Option<i32> {
        let found = self
            .principals()
            .iter()
            .find(|p| p.sid.as_deref() == Some(sid));
        found.map(|p| p.principal_id.0)
    }

    /// Names are told apart as the tests' servers do: not by case.
    pub fn login_named(&self, name: &str) -> Option<i32> {
        let mut all = self.principals().iter();
        let found = all.find(|p| p.name.eq_ignore_ascii_case(name));
        found.map(|p| p.principal_id.0)
    }

    pub fn server_role(&self, name: &str) -> Option<i32> {
        let mut all = self.principals().iter();
        // Ids up to 20 are those of the roles that come with the server.
        let found = all.find(|p| p.r#type == "R" && p.name == name && p.principal_id.0 <= 20);
        found.map(|p| p.principal_id.0)
    }

    pub fn databases(&self) -> Vec<(Db, &'a DatabaseFacts)> {
        let all = (0..).zip(&self.snapshot.databases);
        all.filter(|(_, d)| !d.excluded).collect()
    }

    pub fn database(&self, db: Db) -> &'a DatabaseFacts {
        &self.snapshot.databases[db as usize]
    }

    pub fn database_row(&self, db: Db) -> Option<&'a DatabaseRow> {
        let id = self.database(db).database_id;
        let mut rows = self.snapshot.server.databases.seen().iter();
        rows.find(|row| row.database_id == id)
    }

    pub fn database_named(&self, name: &str) -> Option<Db> {
        let mut all = self.databases().into_iter();
        let found = all.find(|(_, d)| d.name.as_str().eq_ignore_ascii_case(name));
        found.map(|(db, _)| db)
    }

    pub fn master(&self) -> Option<Db> {
        self.database_named("master")
    }

    pub fn msdb(&self) -> Option<Db> {
        self.database_named("msdb")
    }

    pub fn user(&self, db: Db, id: i32) -> Option<&'a DatabasePrincipal> {
        let mut all = self.database(db).database_principals.seen().iter();
        all.find(|p| p.principal_id.0 == id)
    }

    /// Principals of a database that are neither roles nor dbo; application roles are among them.
    pub fn users(&self, db: Db) -> Vec<&'a DatabasePrincipal> {
        let all = self.database(db).database_principals.seen().iter();
        all.filter(|p| p.r#type != "R" && p.principal_id.0 != DBO)
            .collect()
    }

    pub fn user_with_sid(&self, db: Db, sid: &str) -> Option<i32> {
        let mut all = self.database(db).database_principals.seen().iter();
        let found = all.find(|p| p.sid.as_deref() == Some(sid));
        found.map(|p| p.principal_id.0)
    }

    /// Roles of a database, `public` aside.
    pub fn roles(&self, db: Db) -> Vec<&'a DatabasePrincipal> {
        let all = self.database(db).database_principals.seen().iter();
        all.filter(|p| p.r#type == "R" && p.principal_id.0 != 0)
            .collect()
    }

    pub fn role_named(&self, db: Db, name: &str) -> Option<i32> {
        let all = self.roles(db).into_iter();
        let found = all.filter(|p| p.name == name).map(|p| p.principal_id.0);
        found.min()
    }

    /// Whether a database role came with the server: it is joined through its own members alone.
    pub fn is_fixed_role(role: &DatabasePrincipal) -> bool {
        role.principal_id.0 >= 16384 && role.principal_id.0 < 16400
    }

    pub fn option(&self, name: &str) -> Option<i32> {
        let mut rows = self.snapshot.server.configurations.seen().iter();
        let row = rows.find(|row| row.name.eq_ignore_ascii_case(name))?;
        row.value_in_use
    }

    pub fn is_set(&self, name: &str) -> bool {
        self.option(name).is_some_and(|value| value != 0)
    }

    pub fn object(&self, (db, id): Key) -> Option<&'a Object> {
        let mut all = self.database(db).objects.seen().iter();
        all.find(|o| o.object_id == id)
    }

    /// Everything that can be run or altered; triggers of a database are no objects of a schema.
    pub fn modules(&self) -> Vec<Key> {
        let mut all = Vec::new();
        for (db, facts) in self.databases() {
            let objects = facts.objects.seen().iter().map(|o| o.object_id);
            let modules = facts.modules.seen().iter().map(|m| m.object_id);
            all.extend(objects.chain(modules).map(|id| (db, id)));
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Who owns an object: the owner that it was given, else its schema's.
    pub fn owner(&self, key: Key) -> Option<i32> {
        let object = self.object(key)?;
        let own = object.principal_id.map(|id| id.0);
        own.or_else(|| self.schema_owner(key.0, object.schema_id))
    }

    pub fn schema_owner(&self, db: Db, schema: i32) -> Option<i32> {
        let mut all = self.database(db).schemas.seen().iter();
        let found = all.find(|s| s.schema_id == schema);
        let owner = found.and_then(|s| s.principal_id).map(|id| id.0);
        owner.or((schema == 1).then_some(DBO))
    }

    /// As whom a module runs, by its EXECUTE AS clause; `None` of its caller. The catalog has -2 for OWNER.
    pub fn context(&self, key: Key) -> Option<i32> {
        let facts = self.database(key.0);
        let sql = facts.modules.seen().iter();
        let sql = sql.map(|m| (m.object_id, m.execute_as_principal_id));
        let clr = facts.assembly_modules.seen().iter();
        let clr = clr.map(|m| (m.object_id, m.execute_as_principal_id));
        let user = sql.chain(clr).find(|(id, _)| *id == key.1)?.1?;
        if user.0 == -2 {
            return self.owner(key);
        }
        Some(user.0)
    }

    /// What is known of a module's text.
    pub fn texts(&self) -> Vec<(Key, &'a ModuleCode)> {
        let mut all = Vec::new();
        for module in &self.code.modules {
            let name = module.database.as_ref();
            if let Some(db) = name.and_then(|name| self.database_named(name.as_str())) {
                all.push(((db, module.object_id), module));
            }
        }
        all
    }

    /// Whether a job is on, or some user is among those who start jobs of others.
    pub fn is_run(&self, job: &Job) -> bool {
        let starts = |msdb: Db| {
            let role = self.role_named(msdb, "SQLAgentOperatorRole")?;
            let mut users = self.users(msdb).into_iter();
            let scope = Scope::Database(msdb);
            users.find(|user| {
                let place = Self::place(scope, user.principal_id.0);
                user.r#type != "R" && self.is(place, scope, role)
            })
        };
        job.enabled != 0 || self.msdb().and_then(starts).is_some()
    }

    /// Where a principal of a scope stands.
    pub fn place(scope: Scope, id: i32) -> Node {
        Node::principal(scope, PrincipalId(id))
    }
}
