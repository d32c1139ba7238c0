//! What a module's EXECUTE AS clause gives to the modules that it calls. A module without a clause of its own runs as
//! whoever calls it, who is then the impersonated user: the context is passed on until a module has its own (docs:
//! EXECUTE AS clause, CALLER). Signatures are not passed on: they are the module's own (docs: ADD SIGNATURE).
//!
//! The context is bound to its database. Into another one it goes where the database is believed there (docs: extending
//! impersonation).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::build::Graph;
use super::index::{DBO, Db, Scope};
use super::module::Key;
use super::node::Node;
use super::securable::Securable;
use super::step::{Edge, Facts, Step};
use crate::ids::PrincipalId;

/// The user of an EXECUTE AS clause, and his database.
pub type Context = (Db, PrincipalId);

/// Modules that run with the context of another.
#[derive(Debug, Default)]
pub struct Nested {
    /// Whether options that were not seen were taken to be on.
    options_on: bool,
    /// Modules by the context that is passed on to them.
    modules: BTreeMap<Context, BTreeSet<Key>>,
    /// The same the other way round.
    contexts: HashMap<Key, Vec<Context>>,
    /// Who decides what such a module does, by the user as whom it then runs.
    deciders: BTreeMap<Context, Vec<Edge>>,
}

impl Nested {
    /// Modules that a context is passed on to.
    pub fn of(&self, context: Context) -> impl Iterator<Item = Key> {
        self.modules.get(&context).into_iter().flatten().copied()
    }

    /// The contexts that are passed on to a module.
    pub fn contexts(&self, module: Key) -> &[Context] {
        self.contexts.get(&module).map_or(&[], Vec::as_slice)
    }

    /// Every module that a context is passed on to, with that.
    pub fn all(&self) -> impl Iterator<Item = (Context, Key)> {
        let all = self.modules.iter();
        all.flat_map(|(context, modules)| modules.iter().map(|module| (*context, *module)))
    }
}

/// Who runs the outermost module of some calls, each place once, with the module.
type Runners = BTreeMap<Node, (Key, Edge)>;

impl Graph<'_> {
    /// Modules that run with the context of another, worked out when somebody asks.
    pub fn nested(&self) -> &Nested {
        self.nested.get_or_init(|| self.find_nested())
    }

    /// Whether what is known of nested modules still holds under what is assumed.
    pub(super) fn nested_holds(&self, options_on: bool) -> bool {
        let nested = self.nested.get();
        nested.is_none_or(|nested| nested.options_on == options_on)
    }

    fn find_nested(&self) -> Nested {
        let mut nested = Nested {
            options_on: self.assumed.options_on,
            ..Nested::default()
        };
        let mut outer: BTreeMap<Context, Vec<Key>> = BTreeMap::new();
        for module in self.modules.callers_of_others() {
            if let Some(user) = self.index.context_of(module)
                && !self.index.is_role(Scope::Database(module.0), user)
            {
                outer.entry((module.0, user)).or_default().push(module);
            }
        }
        for (context, outer) in outer {
            let runners = self.pass_on(context, &outer);
            if runners.is_empty() {
                continue;
            }
            for module in runners.keys() {
                nested.contexts.entry(*module).or_default().push(context);
            }
            nested
                .deciders
                .insert(context, self.deciders(context, &runners));
            nested
                .modules
                .insert(context, runners.into_keys().collect());
        }
        nested
    }

    /// Every module that the context is passed on to, each with who runs the modules that it begins at.
    fn pass_on(&self, context: Context, outer: &[Key]) -> BTreeMap<Key, Runners> {
        let mut found: BTreeMap<Key, Runners> = BTreeMap::new();
        let mut open: Vec<(Key, Key, Option<Edge>)> = Vec::new();
        for module in outer {
            let callees = self.called_as(context, *module);
            if callees.is_empty() {
                continue;
            }
            let runners: Vec<Edge> = self.runners_at_once(*module);
            for callee in callees {
                open.push((callee, *module, None));
                let runners = runners.iter().cloned();
                open.extend(runners.map(|edge| (callee, *module, Some(edge))));
            }
        }
        while let Some((module, outer, runner)) = open.pop() {
            let is_known = found.contains_key(&module);
            let runners = found.entry(module).or_default();
            let is_new = match &runner {
                Some(edge) if runners.contains_key(&edge.from) => false,
                Some(edge) => {
                    runners.insert(edge.from, (outer, edge.clone()));
                    true
                }
                None => !is_known,
            };
            if is_new {
                let callees = self.called_as(context, module).into_iter();
                open.extend(callees.map(|callee| (callee, outer, runner.clone())));
            }
        }
        found
    }

    /// Modules without a clause of their own that this one calls with the context.
    fn called_as(&self, context: Context, module: Key) -> Vec<Key> {
        let callees = self.modules.callees(module).iter();
        let callees = callees.filter(|(callee, is_dynamic)| {
            self.index.context_of(*callee).is_none()
                && self.passes(context, module, *callee, *is_dynamic)
        });
        callees.map(|(callee, _)| *callee).collect()
    }

    /// Whether a call goes through as the user of a context, who must get into the callee's database.
    fn passes(&self, context: Context, from: Key, to: Key, is_dynamic: bool) -> bool {
        let Some(user) = self.user_there(context, to.0) else {
            return false;
        };
        (!is_dynamic && self.is_chained(from, to)) || self.user_may_run(user, to)
    }

    /// Whether the user of a context may run a module.
    pub(super) fn context_may_run(&self, context: Context, module: Key) -> bool {
        let user = self.user_there(context, module.0);
        user.is_some_and(|user| self.user_may_run(user, module))
    }

    fn user_may_run(&self, user: PrincipalId, module: Key) -> bool {
        if user == DBO || self.index.owner_of(module) == Some(user) {
            return true;
        }
        let Some(object) = self.index.object(module) else {
            return false;
        };
        let mine = self.index.user_token(module.0, user);
        let securable = Securable::object(module.0, module.1, object.schema_id);
        self.index.held_by(&mine, securable, "EX").is_some()
    }

    /// The login behind the user of a context.
    pub(super) fn login_of_context(&self, (db, user): Context) -> Option<PrincipalId> {
        self.login_of_sid(self.login_sid(db, user)?)
    }

    /// Who the user of a context is in a database: himself in his own, in another one his login's user, where his own
    /// database is believed, by the server or there.
    pub(super) fn user_there(&self, context: Context, db: Db) -> Option<PrincipalId> {
        if context.0 == db {
            return Some(context.1);
        }
        let login = self.login_of_context(context)?;
        let row = self.index.database_row(db).map(|(row, _)| row);
        let owner = row.and_then(|row| self.login_of_sid(row.owner_sid.as_deref()?));
        let is_owner = owner == Some(login);
        if self.trusted.contains_key(&context.0) {
            if is_owner || self.is_privileged(login).is_some() {
                return Some(DBO);
            }
            return self.index.entry(db, login).map(|(user, _)| user);
        }
        let source = self.sources.iter().find(|source| source.db == context.0)?;
        if !self.vouches_in(source.owner, db) {
            return None;
        }
        if is_owner {
            return Some(DBO);
        }
        let own = self.index.own_user(db, login)?;
        let entry = self.index.entry(db, login)?.0;
        (entry == own).then_some(own)
    }

    /// Ways to run a module as the user of a context that is passed on to it.
    pub(super) fn to_nested(&self, module: Key, context: Context) -> Vec<Edge> {
        let callers = self.modules.callers(module).iter();
        let passing = callers.filter_map(|(caller, is_dynamic)| {
            let from = match self.index.context_of(*caller) {
                Some(user) if (caller.0, user) == context => Node::Runs(caller.0, caller.1),
                None if self.nested().contexts(*caller).contains(&context) => {
                    Node::RunsAs(*caller, context)
                }
                _ => return None,
            };
            let passes = self.passes(context, *caller, module, *is_dynamic);
            let fact = self.index.module_fact(*caller);
            passes.then(|| Edge::new(from, Step::NestedCall, fact))
        });
        passing.collect()
    }

    /// Callers of a module by a context that is passed on to them, which may run it.
    pub(super) fn nested_callers(&self, module: Key) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (caller, _) in self.modules.callers(module) {
            let contexts = self.nested().contexts(*caller).iter();
            let fact = self.index.module_fact(*caller);
            let may = contexts.filter(|context| self.context_may_run(**context, module));
            edges.extend(may.map(|context| {
                Edge::new(Node::RunsAs(*caller, *context), Step::CallsModule, fact)
            }));
        }
        edges
    }

    /// Who acts as a user since a context of his is passed on: whoever gives text to a module that executes it, whoever
    /// decides what one does.
    pub(super) fn by_nested(&self, context: Context) -> Vec<Edge> {
        let nested = self.nested();
        let executing = nested.of(context);
        let executing = executing.filter(|module| self.modules.executes_given_text(*module));
        let executing = executing.map(|module| {
            let fact = self.index.module_fact(module);
            Edge::new(Node::RunsAs(module, context), Step::ModuleContext, fact)
        });
        let deciders = nested.deciders.get(&context).into_iter().flatten();
        executing.chain(deciders.cloned()).collect()
    }

    /// Whoever alters a module that others run with a context has it when they do; at once, who runs one of those.
    fn deciders(&self, context: Context, nested: &BTreeMap<Key, Runners>) -> Vec<Edge> {
        let mut edges = Vec::new();
        let mut known: BTreeSet<(Node, Node)> = BTreeSet::new();
        for (module, runners) in nested {
            let fact = self.index.module_fact(*module);
            let waiting = Node::Alters(module.0, module.1);
            edges.push(Edge::new(waiting, Step::NestedRun, fact));
            let altering = self.alterers_at_once(*module);
            for alter in &altering {
                for (outer, run) in runners.values() {
                    if known.insert((alter.from, run.from)) {
                        let outer = self.index.module_fact(*outer);
                        let facts: Facts = outer.into_iter().chain(fact).collect();
                        let both = self.in_both(alter, run).into_iter();
                        edges.extend(both.map(|edge| {
                            let step = Step::NestedAlter;
                            Edge { step, ..edge }.and(facts.iter().copied())
                        }));
                    }
                }
            }
        }
        let to = Node::user(context.0, context.1);
        edges.retain(|edge| edge.from != to);
        edges
    }
}
