//! Rules about modules: who runs them, who decides what they do, what runs them unasked.

use std::collections::BTreeSet;

use mssql_posture::graph::{CodeCall, Db, ModuleCode, Node, Scope};
use mssql_posture::ids::PrincipalId;
use mssql_posture::tsql::Sink;

use super::Moves;
use super::cover::Kind;
use super::logins::all_to;
use super::rights::Thing;
use super::world::{DBO, Key, World};

fn runs((db, id): Key) -> Node {
    Node::Runs(db, id)
}

fn alters((db, id): Key) -> Node {
    Node::Alters(db, id)
}

impl World<'_> {
    pub fn thing(&self, (db, id): Key) -> Option<Thing> {
        let object = self.object((db, id))?;
        Some(Thing::object(db, id, object.schema_id))
    }

    fn callees(&self, calls: &[CodeCall]) -> Vec<(Key, bool)> {
        callees(self, calls)
    }

    /// The sid behind an owner: the user's, of dbo the one that owns the database.
    pub fn sid_behind(&self, db: Db, owner: i32) -> Option<&str> {
        match owner {
            DBO => self.database_row(db)?.owner_sid.as_deref(),
            owner => self.user(db, owner)?.sid.as_deref(),
        }
    }

    /// Whether a database takes part in chains across databases: by its own setting, by the server's, or always.
    pub fn takes_part(&self, db: Db) -> bool {
        let always = ["master", "msdb", "tempdb"];
        let own = self
            .database_row(db)
            .is_some_and(|row| row.is_db_chaining_on == Some(true));
        own || self.is_set("cross db ownership chaining")
            || always.contains(&self.database(db).name.as_str())
    }

    /// Whether an ownership chain leads from one module to another: one owner; across databases one sid behind both.
    pub fn is_chained(&self, one: Key, other: Key) -> bool {
        let (Some(owner), Some(other_owner)) = (self.owner(one), self.owner(other)) else {
            return false;
        };
        if one.0 == other.0 {
            return owner == other_owner;
        }
        let sid = self.sid_behind(one.0, owner);
        let is_same = sid.is_some() && sid == self.sid_behind(other.0, other_owner);
        is_same && self.takes_part(one.0) && self.takes_part(other.0)
    }

    /// Whether the user of a module's EXECUTE AS clause may itself run another module.
    fn context_may_run(&self, from: Key, to: Key) -> bool {
        let context = self.context(from).map(|user| (from.0, user));
        context.is_some_and(|context| self.may_run_as(context, to))
    }
}

/// What is called, each by whether it stands in text that is executed.
pub fn callees(w: &World<'_>, calls: &[CodeCall]) -> Vec<(Key, bool)> {
    let calls = calls.iter();
    let found = calls.filter_map(|call| {
        let db = w.database_named(call.database.as_str())?;
        Some(((db, call.object_id), call.is_dynamic))
    });
    found.collect()
}

impl World<'_> {
    /// Who can take the schema of an object, and then owns what is in it; schemas that setup made have ids up to 4.
    fn takers_of_schema(&self, object: Thing) -> Vec<Node> {
        match object.db {
            Some(db) if object.schema > 4 => {
                let schema = Thing::within(db, Kind::Schema, object.schema);
                self.holders("TAKE OWNERSHIP", schema)
            }
            _ => Vec::new(),
        }
    }

    /// The login whose rights a module has at the server since a key that signed it vouches for the user that it runs
    /// as: by a login with AUTHENTICATE SERVER.
    pub fn vouched_for(&self, key: Key) -> Option<i32> {
        let user = self.context(key)?;
        let login = self.login_with_sid(self.sid_behind(key.0, user)?)?;
        let vouches = |signer: i32| {
            let node = Node::login(PrincipalId(signer));
            self.is_sysadmin(signer) || self.holds(node, "AUTHENTICATE SERVER", Thing::SERVER)
        };
        self.signers(key).into_iter().any(vouches).then_some(login)
    }
}

/// Who runs a module by a right of his own. Triggers are not executed: writing their table runs them.
pub fn runners(w: &World<'_>, key: Key) -> Vec<Node> {
    let mut those = Vec::new();
    let mut triggers = w.database(key.0).triggers.seen().iter();
    if let Some(trigger) = triggers.find(|trigger| trigger.object_id == key.1) {
        let table = w.thing((key.0, trigger.parent_id));
        let table = table.filter(|_| trigger.parent_class != 0 && !trigger.is_disabled);
        if let Some(table) = table {
            for right in ["INSERT", "UPDATE", "DELETE"] {
                those.extend(w.holders(right, table));
            }
            those.extend(w.takers_of_schema(table));
        }
    } else if let Some(thing) = w.thing(key) {
        those.extend(w.holders("EXECUTE", thing));
        those.extend(w.takers_of_schema(thing));
    }
    those
}

fn is_trigger(w: &World<'_>, (db, id): Key) -> bool {
    let mut triggers = w.database(db).triggers.seen().iter();
    triggers.any(|trigger| trigger.object_id == id)
}

/// EXECUTE on a module runs it.
pub fn execute_module(w: &World<'_>) -> Moves {
    let modules = w.modules().into_iter();
    let modules = modules.filter(|key| !is_trigger(w, *key));
    modules
        .flat_map(|key| all_to(runners(w, key), runs(key)))
        .collect()
}

/// INSERT, UPDATE or DELETE on a table runs the triggers that stand on it for that.
pub fn fire_trigger(w: &World<'_>) -> Moves {
    let modules = w.modules().into_iter();
    let modules = modules.filter(|key| is_trigger(w, *key));
    modules
        .flat_map(|key| all_to(runners(w, key), runs(key)))
        .collect()
}

/// A module calls another of the same owner, which is not checked, or one that its own context may run. (Text that is
/// executed is no part of a chain.)
pub fn calls_module(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    for (caller, module) in w.texts() {
        for (callee, is_dynamic) in w.callees(&module.calls) {
            let chained = !is_dynamic && w.is_chained(caller, callee);
            if chained || w.context_may_run(caller, callee) {
                moves.push((runs(caller), runs(callee)));
            }
        }
    }
    moves
}

/// Whether a module executes text that its caller gives it.
pub fn executes_given_text(module: &ModuleCode) -> bool {
    let mut sinks = module.sinks.iter();
    sinks.any(|sink| sink.sink == Sink::DynamicUnresolved && sink.is_tainted == Some(true))
}

/// The module executes text that it is given, as the user of its EXECUTE AS clause.
pub fn module_context(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    for (key, _) in w
        .texts()
        .into_iter()
        .filter(|(_, module)| executes_given_text(module))
    {
        let Some(user) = w.context(key) else { continue };
        let is_role = w.user(key.0, user).is_none_or(|user| user.r#type == "R");
        if !is_role {
            moves.push((runs(key), Node::user(key.0, PrincipalId(user))));
        }
    }
    moves
}

impl World<'_> {
    /// Logins of the keys that signed a module. A counter-signature gives nothing.
    pub fn signers(&self, (db, id): Key) -> Vec<i32> {
        let facts = self.database(db);
        let rows = facts.crypt_properties.seen().iter();
        let mine = rows.filter(|row| row.class == 1 && row.major_id == id);
        let signatures = mine.filter(|row| row.crypt_type.starts_with("SPV"));
        let mut logins = Vec::new();
        for signature in signatures {
            let certificates = facts.certificates.seen().iter();
            let certificates = certificates.map(|c| (&c.thumbprint, &c.sid));
            let keys = facts
                .asymmetric_keys
                .seen()
                .iter()
                .map(|k| (&k.thumbprint, &k.sid));
            for (_, sid) in certificates
                .chain(keys)
                .filter(|k| *k.0 == signature.thumbprint)
            {
                logins.extend(sid.as_deref().and_then(|sid| self.login_with_sid(sid)));
            }
        }
        logins
    }
}

/// The module executes text that it is given, and is signed by a key whose login has rights, or vouches (AUTHENTICATE
/// SERVER) for the user that the module runs as; a counter-signature gives none.
pub fn signed_module(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    for (key, _) in w
        .texts()
        .into_iter()
        .filter(|(_, module)| executes_given_text(module))
    {
        for login in w.signers(key).into_iter().chain(w.vouched_for(key)) {
            moves.push((runs(key), Node::login(PrincipalId(login))));
        }
    }
    moves
}

/// ALTER on a module, its schema or database, or owning it, decides what it does; EXECUTE AS and signatures do not
/// survive that, ownership chains do. (Of a trigger on a table ALTER on the table; of one on the database ALTER ANY
/// DATABASE DDL TRIGGER.)
pub fn alter_module(w: &World<'_>) -> Moves {
    let modules = w.modules().into_iter();
    modules
        .flat_map(|key| all_to(alterers(w, key), alters(key)))
        .collect()
}

/// Who decides what a module does by a right of his own.
pub fn alterers(w: &World<'_>, key: Key) -> Vec<Node> {
    let mut those = Vec::new();
    let mut triggers = w.database(key.0).triggers.seen().iter();
    let trigger = triggers.find(|trigger| trigger.object_id == key.1);
    let altered = match trigger.map(|trigger| (trigger.parent_class, trigger.parent_id)) {
        Some((0, _)) => {
            let right = "ALTER ANY DATABASE DDL TRIGGER";
            return w.holders(right, Thing::database(key.0));
        }
        Some((_, table)) => (key.0, table),
        None => key,
    };
    for right in ["ALTER", "TAKE OWNERSHIP"] {
        if let Some(thing) = w.thing(altered) {
            those.extend(w.holders(right, thing));
            those.extend(w.takers_of_schema(thing));
        }
    }
    those
}

impl World<'_> {
    /// Who decides what these modules do, or what they call, has the place that they run at. A module that has an
    /// EXECUTE AS clause of its own hands its caller's rights on to none.
    fn run_at(&self, roots: Vec<(Key, Node)>) -> Moves {
        let mut all: BTreeSet<(Key, Node)> = roots.into_iter().collect();
        loop {
            let mut more = BTreeSet::new();
            for (key, place) in &all {
                if self.context(*key).is_some() {
                    continue;
                }
                for (own, module) in self.texts() {
                    let calls = if own == *key { &module.calls[..] } else { &[] };
                    more.extend(self.callees(calls).into_iter().map(|(to, _)| (to, *place)));
                }
            }
            if more.is_subset(&all) {
                break;
            }
            all.extend(more);
        }
        all.into_iter()
            .map(|(key, place)| (alters(key), place))
            .collect()
    }
}

/// A startup procedure, and what it calls, runs as sa when the server starts.
pub fn startup_run(w: &World<'_>) -> Moves {
    let rows = w.snapshot.server.startup_procedures.seen().iter();
    let Some(master) = w.master() else {
        return Moves::new();
    };
    w.run_at(
        rows.map(|row| ((master, row.object_id), Node::Sysadmin))
            .collect(),
    )
}

/// A trigger, and what it calls, runs in the session of whoever fires it, an administrator's among them, or as the login
/// of its EXECUTE AS clause. (Whoever alters a trigger takes its clause away. Server triggers need CONTROL SERVER to be
/// altered, so that only what they call is asked about.)
pub fn trigger_run(w: &World<'_>) -> Moves {
    let mut roots = Vec::new();
    let server = &w.snapshot.server;
    for trigger in server
        .server_triggers
        .seen()
        .iter()
        .filter(|t| !t.is_disabled)
    {
        let mut modules = server.server_modules.seen().iter();
        let module = modules.find(|module| module.object_id == trigger.object_id);
        let context = module.and_then(|module| module.execute_as_principal_id);
        let place = context.map_or(Node::Sysadmin, Node::login);
        let mut texts = w.code.modules.iter();
        let text = texts.find(|m| m.database.is_none() && m.object_id == trigger.object_id);
        let calls = text.map_or(&[][..], |text| &text.calls);
        roots.extend(
            w.callees(calls)
                .into_iter()
                .map(|(callee, _)| (callee, place)),
        );
    }
    for (db, facts) in w.databases() {
        for trigger in facts.triggers.seen().iter().filter(|t| !t.is_disabled) {
            let key = (db, trigger.object_id);
            roots.push((key, Node::Sysadmin));
            let Some(user) = w.context(key) else { continue };
            for (_, text) in w.texts().into_iter().filter(|(own, _)| *own == key) {
                let place = Node::user(db, PrincipalId(user));
                roots.extend(
                    w.callees(&text.calls)
                        .into_iter()
                        .map(|(callee, _)| (callee, place)),
                );
            }
        }
    }
    w.run_at(roots)
}

/// A T-SQL job step, and what it calls, runs as the job's owner. (Or as the step's user.)
pub fn job_run(w: &World<'_>) -> Moves {
    let mut roots = Vec::new();
    let server = &w.snapshot.server;
    for job in server.jobs.seen().iter().filter(|job| w.is_run(job)) {
        for step in server
            .job_steps
            .seen()
            .iter()
            .filter(|step| step.job_id == job.job_id)
        {
            let place = match step
                .database_user_name
                .as_deref()
                .filter(|user| !user.is_empty())
            {
                Some(name) => {
                    let db = w.database_named(step.database_name.as_deref().unwrap_or("master"));
                    let users = |db: Db| w.database(db).database_principals.seen().iter();
                    let user = db.and_then(|db| users(db).find(|user| user.name == name));
                    db.zip(user)
                        .map(|(db, user)| Node::user(db, user.principal_id))
                }
                None => match job.owner_sid.as_deref() {
                    Some("0x01") => Some(Node::Sysadmin),
                    sid => sid
                        .and_then(|sid| w.login_with_sid(sid))
                        .map(|id| Node::login(PrincipalId(id))),
                },
            };
            let Some(place) = place else { continue };
            let texts = w.code.steps.iter();
            let texts = texts.filter(|t| t.job_id == step.job_id && t.step_id == step.step_id);
            for text in texts {
                roots.extend(
                    w.callees(&text.calls)
                        .into_iter()
                        .map(|(callee, _)| (callee, place)),
                );
            }
        }
    }
    w.run_at(roots)
}

/// A broker queue starts its procedure as the user of the queue's EXECUTE AS clause.
pub fn activation_run(w: &World<'_>) -> Moves {
    let mut roots = Vec::new();
    for (db, facts) in w.databases() {
        let broker = w.database_row(db).and_then(|row| row.is_broker_enabled);
        for queue in facts
            .service_queues
            .seen()
            .iter()
            .filter(|q| q.is_activation_enabled)
        {
            let name = queue.activation_procedure.as_deref().unwrap_or_default();
            let mut objects = facts.objects.seen().iter();
            let module = objects.find(|object| {
                let mut schemas = facts.schemas.seen().iter();
                let schema = schemas.find(|schema| schema.schema_id == object.schema_id);
                schema.is_some_and(|schema| format!("{}.{}", schema.name, object.name) == name)
            });
            let user = match queue.execute_as_principal_id.map(|id| id.0) {
                Some(-2) => w.owner((db, queue.object_id)),
                user => user,
            };
            if let (Some(module), Some(user)) = (module.filter(|_| broker != Some(false)), user) {
                let place = Node::user(db, PrincipalId(user));
                roots.push(((db, module.object_id), place));
            }
        }
    }
    w.run_at(roots)
}
