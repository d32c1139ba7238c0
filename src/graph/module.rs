//! What the graph knows of modules: whose they are, as whom they run, who signed them, what calls them, what runs them
//! without being asked.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::build::sysadmin_facts;
use super::code::{Code, CodeCall, ModuleCode};
use super::fact::FactRef;
use super::index::{DBO, Db, Index, Scope};
use super::node::Node;
use super::step::{Facts, Step};
use crate::ids::PrincipalId;
use crate::snapshot::{Fact, Object, Trigger};
use crate::tsql::{self, Sink};

/// A module of a database.
pub type Key = (Db, i32);

/// A module that something runs by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Who decides what it does, decides what is run.
    pub module: Key,
    /// What runs it.
    pub step: Step,
    /// The rows that say so.
    pub facts: Facts,
}

/// Modules as the steps ask for them.
#[derive(Debug, Default)]
pub struct Modules {
    /// Callers of a module; whether the call stands in text that is executed.
    callers: HashMap<Key, Vec<(Key, bool)>>,
    /// What a module calls; whether the call stands in text that is executed.
    callees: BTreeMap<Key, Vec<(Key, bool)>>,
    /// Modules that execute text they are given.
    given_text: BTreeSet<Key>,
    /// Modules that execute text of which could not be told whose it is.
    unknown_text: BTreeSet<Key>,
    /// Modules that execute text they are given, by the user whose context that is.
    contexts: BTreeMap<(Db, PrincipalId), Vec<Key>>,
    /// The same, by the login of a key that signed them.
    signed: BTreeMap<PrincipalId, Vec<(Key, Facts)>>,
    /// What runs by itself, by whose power it runs with.
    runs: BTreeMap<Node, Vec<Run>>,
    /// Modules that hold a sink of their own.
    with_sinks: Vec<(Key, usize)>,
}

impl Modules {
    /// Reads what the graph needs of the code.
    pub fn new(index: &Index<'_>, code: &Code) -> Self {
        let mut modules = Self::default();
        let databases = index.databases();
        let places: HashMap<&str, Db> = databases.map(|(db, d)| (d.name.as_str(), db)).collect();
        let signers = Signers::new(index);
        for (at, module) in code.modules.iter().enumerate() {
            let Some(name) = &module.database else {
                continue;
            };
            let Some(db) = places.get(name.as_str()) else {
                continue;
            };
            let key = (*db, module.object_id);
            modules.enter(index, key, at, module, &signers);
            for call in &module.calls {
                if let Some(callee) = place_of(&places, call) {
                    let callers = modules.callers.entry(callee).or_default();
                    callers.push((key, call.is_dynamic));
                    let own = modules.callees.entry(key).or_default();
                    own.push((callee, call.is_dynamic));
                }
            }
        }
        Roots {
            index,
            code,
            places: &places,
        }
        .enter(&mut modules);
        modules
    }

    fn enter(
        &mut self,
        index: &Index<'_>,
        key: Key,
        at: usize,
        module: &ModuleCode,
        signers: &Signers,
    ) {
        if !module.sinks.is_empty() {
            self.with_sinks.push((key, at));
        }
        let executes_given_text = module
            .sinks
            .iter()
            .any(|s| s.sink == Sink::DynamicUnresolved && s.is_tainted == Some(true));
        let mut sinks = module.sinks.iter();
        if sinks.any(|s| s.sink == Sink::DynamicUnresolved && s.is_tainted.is_none()) {
            self.unknown_text.insert(key);
        }
        if !executes_given_text {
            return;
        }
        self.given_text.insert(key);
        if let Some(user) = index.context_of(key) {
            self.contexts.entry((key.0, user)).or_default().push(key);
        }
        for (login, facts) in signers.of(key) {
            let signed = self.signed.entry(*login).or_default();
            signed.push((key, facts.clone()));
        }
        if let Some((login, facts)) = index.vouched_context(key, signers) {
            self.signed.entry(login).or_default().push((key, facts));
        }
    }

    /// Callers of a module; whether the call stands in text that is executed.
    pub fn callers(&self, module: Key) -> &[(Key, bool)] {
        self.callers.get(&module).map_or(&[], Vec::as_slice)
    }

    /// What a module calls; whether the call stands in text that is executed.
    pub fn callees(&self, module: Key) -> &[(Key, bool)] {
        self.callees.get(&module).map_or(&[], Vec::as_slice)
    }

    /// Modules that call others.
    pub fn callers_of_others(&self) -> impl Iterator<Item = Key> {
        self.callees.keys().copied()
    }

    /// Whether a module executes text that it is given.
    pub fn executes_given_text(&self, module: Key) -> bool {
        self.given_text.contains(&module)
    }

    /// Modules of a database that execute text of which could not be told whose it is.
    pub fn executing_unknown_text(&self, db: Db) -> impl Iterator<Item = Key> {
        let all = self.unknown_text.range((db, i32::MIN)..=(db, i32::MAX));
        all.copied()
    }

    /// Modules that execute given text as this user.
    pub fn executing_as(&self, db: Db, user: PrincipalId) -> &[Key] {
        self.contexts.get(&(db, user)).map_or(&[], Vec::as_slice)
    }

    /// Modules that execute given text and are signed by the key of this login.
    pub fn signed_by(&self, login: PrincipalId) -> &[(Key, Facts)] {
        self.signed.get(&login).map_or(&[], Vec::as_slice)
    }

    /// What runs by itself with this power.
    pub fn runs_as(&self, node: Node) -> &[Run] {
        self.runs.get(&node).map_or(&[], Vec::as_slice)
    }

    /// Everything that runs by itself, by whose power it runs with.
    pub fn all_runs(&self) -> impl Iterator<Item = (&Node, &Vec<Run>)> {
        self.runs.iter()
    }

    /// With whose power something runs a module by itself.
    pub fn runs_by_itself(&self, module: Key) -> Vec<Node> {
        let runs = self.runs.iter();
        let own = runs.filter(|(_, runs)| runs.iter().any(|run| run.module == module));
        own.map(|(node, _)| *node).collect()
    }

    /// Modules with sinks of their own, each with its place in the code.
    pub fn with_sinks(&self) -> &[(Key, usize)] {
        &self.with_sinks
    }
}

fn place_of(places: &HashMap<&str, Db>, call: &CodeCall) -> Option<Key> {
    Some((*places.get(call.database.as_str())?, call.object_id))
}

impl Index<'_> {
    /// An object's row.
    pub fn object(&self, (db, id): Key) -> Option<&Object> {
        self.database(db)?.object(id)
    }

    /// Whose an object is: its own owner, or its schema's.
    pub fn owner_of(&self, key: Key) -> Option<PrincipalId> {
        let object = self.object(key)?;
        object
            .principal_id
            .or_else(|| self.owner_of_schema(key.0, object.schema_id))
    }

    /// Whose a schema is. `sys` and dbo belong to dbo even where they are not listed.
    pub fn owner_of_schema(&self, db: Db, schema: i32) -> Option<PrincipalId> {
        const DBO_SCHEMA: i32 = 1;
        let mut schemas = self.database(db)?.schemas.seen().iter();
        let found = schemas.find(|s| s.schema_id == schema);
        let owner = found.and_then(|s| s.principal_id);
        owner.or((schema == DBO_SCHEMA).then_some(DBO))
    }

    /// The fact of a module's row.
    pub fn module_fact(&self, (db, id): Key) -> Option<FactRef> {
        let facts = self.database(db)?;
        if let Some(at) = place(facts.modules.seen(), |m| m.object_id, id) {
            return Some(FactRef::database(Fact::Modules, db, at));
        }
        let at = place(facts.assembly_modules.seen(), |m| m.object_id, id)?;
        Some(FactRef::database(Fact::AssemblyModules, db, at))
    }

    /// The fact of an object's row.
    pub fn object_fact(&self, (db, id): Key) -> Option<FactRef> {
        let objects = self.database(db)?.objects.seen();
        let at = place(objects, |o| o.object_id, id)?;
        Some(FactRef::database(Fact::Objects, db, at))
    }

    /// A trigger's row, with its place.
    pub fn trigger(&self, (db, id): Key) -> Option<(u32, &Trigger)> {
        let triggers = self.database(db)?.triggers.seen();
        let at = place(triggers, |t| t.object_id, id)?;
        Some((at, triggers.get(at as usize)?))
    }

    /// The EXECUTE AS of a module as the catalog has it: `None` for its caller.
    fn execute_as(&self, (db, id): Key) -> Option<PrincipalId> {
        let facts = self.database(db)?;
        let modules = facts.modules.seen();
        if let Some(at) = place(modules, |m| m.object_id, id) {
            return modules.get(at as usize)?.execute_as_principal_id;
        }
        let modules = facts.assembly_modules.seen();
        let at = place(modules, |m| m.object_id, id)?;
        modules.get(at as usize)?.execute_as_principal_id
    }

    /// The login whose rights a module has at the server, where a key that signed it vouches for the user that it runs
    /// as: the key's login needs AUTHENTICATE SERVER for that.
    pub fn vouched_context(&self, key: Key, signers: &Signers) -> Option<(PrincipalId, Facts)> {
        let vouching = signers.of(key).iter().find_map(|(login, facts)| {
            let held = self
                .holds(*login, "AUTH")
                .map(|row| Facts::from_iter([row]));
            let proof = sysadmin_facts(self, *login).or(held)?;
            Some(facts.iter().copied().chain(proof).collect())
        });
        let sid = match self.context_of(key)? {
            DBO => self.database_row(key.0)?.0.owner_sid.as_deref(),
            user => self.user(key.0, user)?.sid.as_deref(),
        };
        let login = self.scope(Scope::Server).with_sid(sid?)?;
        Some((login, vouching?))
    }

    /// The user as whom a module runs; `None` for its caller.
    pub fn context_of(&self, key: Key) -> Option<PrincipalId> {
        const OWNER: PrincipalId = PrincipalId(-2);
        let user = self.execute_as(key)?;
        if user == OWNER {
            return self.owner_of(key);
        }
        Some(user)
    }
}

/// The place of a row by its id, in a list that is sorted by it as a rule.
fn place<R>(rows: &[R], id_of: impl Fn(&R) -> i32, id: i32) -> Option<u32> {
    let found = match rows.binary_search_by_key(&id, &id_of) {
        Ok(at) => Some(at),
        Err(_) if rows.is_sorted_by_key(&id_of) => None,
        Err(_) => rows.iter().position(|row| id_of(row) == id),
    };
    found.and_then(|at| u32::try_from(at).ok())
}

/// Signatures of modules whose key has a login.
pub struct Signers(HashMap<Key, Vec<(PrincipalId, Facts)>>);

impl Signers {
    /// Reads signatures; counter-signatures give nothing.
    pub fn new(index: &Index<'_>) -> Self {
        const OBJECT: i32 = 1;
        let mut found: HashMap<Key, Vec<(PrincipalId, Facts)>> = HashMap::new();
        for (db, facts) in index.databases() {
            let signatures = (0..).zip(facts.crypt_properties.seen());
            let signatures = signatures.filter(|(_, row)| row.class == OBJECT);
            for (at, row) in signatures.filter(|(_, r)| r.crypt_type.starts_with("SPV")) {
                let Some((login, key)) = login_of_key(index, db, &row.thumbprint) else {
                    continue;
                };
                let own = FactRef::database(Fact::CryptProperties, db, at);
                let login_row = index.principal_fact(Scope::Server, login);
                let rows = [own, key].into_iter().chain(login_row);
                let module = found.entry((db, row.major_id)).or_default();
                module.push((login, rows.collect()));
            }
        }
        Self(found)
    }

    /// Logins of the keys that signed a module.
    pub fn of(&self, module: Key) -> &[(PrincipalId, Facts)] {
        self.0.get(&module).map_or(&[], Vec::as_slice)
    }

    /// Every signed module.
    pub fn all(&self) -> impl Iterator<Item = (Key, &(PrincipalId, Facts))> {
        let modules: BTreeMap<&Key, &Vec<(PrincipalId, Facts)>> = self.0.iter().collect();
        modules
            .into_iter()
            .flat_map(|(key, signers)| signers.iter().map(|signer| (*key, signer)))
    }
}

fn login_of_key(index: &Index<'_>, db: Db, thumbprint: &str) -> Option<(PrincipalId, FactRef)> {
    let facts = index.database(db)?;
    let certificates = (0..).zip(facts.certificates.seen());
    let certificate = certificates
        .filter(|(_, c)| c.thumbprint == thumbprint)
        .map(|(at, c)| (Fact::Certificates, at, c.sid.as_deref()));
    let keys = (0..).zip(facts.asymmetric_keys.seen());
    let keys = keys
        .filter(|(_, k)| k.thumbprint == thumbprint)
        .map(|(at, k)| (Fact::AsymmetricKeys, at, k.sid.as_deref()));
    let (fact, at, sid) = certificate.chain(keys).next()?;
    let login = index.scope(Scope::Server).with_sid(sid?)?;
    Some((login, FactRef::database(fact, db, at)))
}

/// What starts code without being asked.
struct Roots<'i, 'a> {
    index: &'i Index<'a>,
    code: &'i Code,
    places: &'i HashMap<&'i str, Db>,
}

/// Modules to be entered with what runs them. One that has a context of its own is among them: who alters it leaves out
/// its EXECUTE AS, which needs no right.
type Open = Vec<(Key, Node, Step, Facts)>;

impl Roots<'_, '_> {
    fn enter(&self, modules: &mut Modules) {
        let mut open = Open::new();
        self.startup(&mut open);
        self.server_triggers(&mut open);
        self.triggers(&mut open);
        self.jobs(&mut open);
        self.queues(&mut open);
        let by_place: HashMap<Key, &ModuleCode> = self.by_place();
        let mut seen: BTreeSet<(Key, Node)> = BTreeSet::new();
        while let Some((key, node, step, facts)) = open.pop() {
            if !seen.insert((key, node)) {
                continue;
            }
            let run = Run {
                module: key,
                step,
                facts: facts.clone(),
            };
            modules.runs.entry(node).or_default().push(run);
            // What a module with a context of its own calls does not run with its caller's power; whoever alters it
            // takes that context away.
            let runs_as_caller = self.index.context_of(key).is_none();
            let calls = by_place.get(&key).filter(|_| runs_as_caller);
            for callee in calls.iter().flat_map(|module| &module.calls) {
                if let Some(callee) = place_of(self.places, callee) {
                    let mut facts = facts.clone();
                    facts.extend(self.index.module_fact(key));
                    open.push((callee, node, step, facts));
                }
            }
        }
        for runs in modules.runs.values_mut() {
            runs.sort_by_key(|a| (a.module, a.step));
        }
    }

    fn by_place(&self) -> HashMap<Key, &ModuleCode> {
        let modules = self.code.modules.iter();
        modules
            .filter_map(|m| {
                let db = self.places.get(m.database.as_ref()?.as_str())?;
                Some(((*db, m.object_id), m))
            })
            .collect()
    }

    fn startup(&self, open: &mut Open) {
        let master = self.places.get("master").copied();
        let rows = (0..).zip(self.index.snapshot.server.startup_procedures.seen());
        for (at, row) in rows {
            if let Some(master) = master {
                let fact = FactRef::server(Fact::StartupProcedures, at);
                let facts = Facts::from_iter([fact]);
                open.push((
                    (master, row.object_id),
                    Node::Sysadmin,
                    Step::StartupRun,
                    facts,
                ));
            }
        }
    }

    /// What server triggers call: the triggers themselves take CONTROL SERVER to change.
    fn server_triggers(&self, open: &mut Open) {
        let server = &self.index.snapshot.server;
        for (at, trigger) in (0..).zip(server.server_triggers.seen()) {
            if trigger.is_disabled {
                continue;
            }
            let mut modules = server.server_modules.seen().iter();
            let module = modules.find(|m| m.object_id == trigger.object_id);
            let context = module.and_then(|m| m.execute_as_principal_id);
            let node = context.map_or(Node::Sysadmin, Node::login);
            let fact = FactRef::server(Fact::ServerTriggers, at);
            let mut code = self.code.modules.iter();
            let own = code.find(|m| m.database.is_none() && m.object_id == trigger.object_id);
            self.calls(
                own.map_or(&[], |m| &m.calls),
                node,
                Step::TriggerRun,
                fact,
                open,
            );
        }
    }

    fn calls(&self, calls: &[CodeCall], node: Node, step: Step, fact: FactRef, open: &mut Open) {
        for call in calls {
            if let Some(callee) = place_of(self.places, call) {
                open.push((callee, node, step, Facts::from_iter([fact])));
            }
        }
    }

    /// DML and DDL triggers, which run as whoever fires them once somebody alters them, whatever user they run as now,
    /// and what those with a user call.
    fn triggers(&self, open: &mut Open) {
        for (db, facts) in self.index.databases() {
            for (at, trigger) in (0..).zip(facts.triggers.seen()) {
                if trigger.is_disabled {
                    continue;
                }
                let key = (db, trigger.object_id);
                let fact = FactRef::database(Fact::Triggers, db, at);
                let facts = Facts::from_iter([fact]);
                open.push((key, Node::Sysadmin, Step::TriggerRun, facts));
                if let Some(user) = self.index.context_of(key) {
                    let node = Node::user(db, user);
                    self.calls(self.by_key(key), node, Step::TriggerRun, fact, open);
                }
            }
        }
    }

    fn by_key(&self, (db, id): Key) -> &[CodeCall] {
        let name = self.index.database_name(db);
        let mut code = self.code.modules.iter();
        let own = code
            .find(|m| m.object_id == id && m.database.as_ref().is_some_and(|d| d.as_str() == name));
        own.map_or(&[], |m| &m.calls)
    }

    /// What T-SQL steps of jobs that are on call, as the job's owner, or as the step's user.
    fn jobs(&self, open: &mut Open) {
        let server = &self.index.snapshot.server;
        let steps: HashMap<(&str, i32), u32> = (0..)
            .zip(server.job_steps.seen())
            .map(|(at, s)| ((s.job_id.as_str(), s.step_id), at))
            .collect();
        for code in &self.code.steps {
            let Some(at) = steps.get(&(code.job_id.as_str(), code.step_id)) else {
                continue;
            };
            let step = server.job_steps.seen().get(*at as usize);
            let mut jobs = server.jobs.seen().iter();
            let job = jobs.find(|job| job.job_id == code.job_id && self.index.is_run(job));
            let (Some(step), Some(job)) = (step, job) else {
                continue;
            };
            let user = step.database_user_name.as_deref().filter(|u| !u.is_empty());
            let node = match user {
                Some(user) => self.user_of_step(step.database_name.as_deref(), user),
                None => job
                    .owner_sid
                    .as_deref()
                    .and_then(|sid| self.owner_node(sid)),
            };
            if let Some(node) = node {
                let fact = FactRef::server(Fact::JobSteps, *at);
                self.calls(&code.calls, node, Step::JobRun, fact, open);
            }
        }
    }

    fn owner_node(&self, sid: &str) -> Option<Node> {
        const SA_SID: &str = "0x01";
        if sid == SA_SID {
            return Some(Node::Sysadmin);
        }
        let login = self.index.scope(Scope::Server).with_sid(sid)?;
        Some(Node::login(login))
    }

    fn user_of_step(&self, database: Option<&str>, user: &str) -> Option<Node> {
        let db = self.index.database_named(database.unwrap_or("master"))?;
        let mut users = self.index.database(db)?.database_principals.seen().iter();
        let user = users.find(|u| u.name == user)?;
        Some(Node::user(db, user.principal_id))
    }

    /// Procedures that broker queues start.
    fn queues(&self, open: &mut Open) {
        const OWNER: PrincipalId = PrincipalId(-2);
        for (db, facts) in self.index.databases() {
            let broker = self.index.database_row(db);
            if broker.is_some_and(|(row, _)| row.is_broker_enabled == Some(false)) {
                continue;
            }
            for (at, queue) in (0..).zip(facts.service_queues.seen()) {
                let name = queue.activation_procedure.as_deref();
                let name = name.filter(|_| queue.is_activation_enabled);
                let module = name.and_then(|name| self.named(db, name));
                let context = match queue.execute_as_principal_id {
                    Some(OWNER) => self.index.owner_of((db, queue.object_id)),
                    other => other,
                };
                if let (Some(module), Some(user)) = (module, context) {
                    let fact = FactRef::database(Fact::ServiceQueues, db, at);
                    let facts = Facts::from_iter([fact]);
                    let node = Node::user(db, user);
                    open.push((module, node, Step::ActivationRun, facts));
                }
            }
        }
    }

    /// The module of a one- to three-part name.
    fn named(&self, db: Db, name: &str) -> Option<Key> {
        let parts = tsql::name_parts(name);
        let mut parts = parts.iter().rev();
        let (name, schema) = (parts.next()?, parts.next());
        let db = match parts.next().filter(|database| !database.is_empty()) {
            Some(database) => self.index.database_named(database)?,
            None => db,
        };
        let facts = self.index.database(db)?;
        let schema = schema.map_or("dbo", String::as_str);
        let mut schemas = facts.schemas.seen().iter();
        let schema = schemas.find(|s| s.name.eq_ignore_ascii_case(schema))?;
        let mut objects = facts.objects.seen().iter();
        let object = objects
            .find(|o| o.schema_id == schema.schema_id && o.name.eq_ignore_ascii_case(name))?;
        Some((db, object.object_id))
    }
}
