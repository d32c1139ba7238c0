//! Ways to run a module, and to decide what one does.

use std::collections::BTreeSet;

use super::super::build::Graph;
use super::super::fact::FactRef;
use super::super::index::{DBO, Db};
use super::super::module::Key;
use super::super::node::Node;
use super::super::permission::Class;
use super::super::securable::Securable;
use super::super::step::{Edge, Step};
use crate::ids::PrincipalId;
use crate::snapshot::{Fact, Trigger};

/// Schemas that setup made keep their owners: dbo, guest, INFORMATION_SCHEMA, sys.
const LAST_OF_SETUP: i32 = 4;

impl Graph<'_> {
    pub(in super::super) fn to_runs(&self, db: Db, id: i32) -> Vec<Edge> {
        let key = (db, id);
        let mut edges = self.runners_at_once(key);
        let inside = Edge::new(Node::Inside(db), Step::InsideDatabase, []);
        edges.push(inside);
        for (caller, is_dynamic) in self.modules.callers(key) {
            let chained = !is_dynamic && self.is_chained(*caller, key);
            let context = self.index.context_of(*caller).map(|user| (caller.0, user));
            if chained || context.is_some_and(|context| self.context_may_run(context, key)) {
                let fact = self.index.module_fact(*caller);
                let from = Node::Runs(caller.0, caller.1);
                edges.push(Edge::new(from, Step::CallsModule, fact));
            }
        }
        edges.extend(self.nested_callers(key));
        edges
    }

    /// Who runs a module by a right of his own, dbo aside.
    pub(in super::super) fn runners_at_once(&self, key: Key) -> Vec<Edge> {
        let mut edges = Vec::new();
        if let Some((at, trigger)) = self.index.trigger(key) {
            return self.writers_of_table(key, at, trigger);
        }
        if let Some(object) = self.index.object(key) {
            let securable = Securable::object(key.0, key.1, object.schema_id);
            let holders = self.index.holders(securable, "EX").into_iter();
            edges.extend(holders.map(|h| h.step(Step::ExecuteModule)));
        }
        edges.extend(self.owner_edges(key, Step::ExecuteModule));
        edges
    }

    /// Who writes the table of a trigger in a way that fires it. What fires a DDL trigger is not modelled.
    fn writers_of_table(&self, (db, id): Key, at: u32, trigger: &Trigger) -> Vec<Edge> {
        let table = self.index.object((db, trigger.parent_id));
        let table = table.filter(|_| trigger.parent_class != 0 && !trigger.is_disabled);
        let Some(table) = table else {
            return Vec::new();
        };
        let facts = self.index.database(db);
        let events = facts.map_or(&[][..], |d| d.trigger_events.seen()).iter();
        let events: Vec<&str> = events
            .filter(|event| event.object_id == id)
            .map(|event| event.type_desc.as_str())
            .collect();
        let fact = FactRef::database(Fact::Triggers, db, at);
        let securable = Securable::object(db, table.object_id, table.schema_id);
        let mut edges = self.owner_edges((db, table.object_id), Step::FireTrigger);
        let rights = [("INSERT", "IN"), ("UPDATE", "UP"), ("DELETE", "DL")];
        for (event, right) in rights {
            if events.is_empty() || events.contains(&event) {
                let holders = self.index.holders(securable, right).into_iter();
                edges.extend(holders.map(|h| h.step(Step::FireTrigger)));
            }
        }
        edges.into_iter().map(|edge| edge.and([fact])).collect()
    }

    /// The owner of a module, bound by no DENY on it, and the one of its schema, now or when it is taken; dbo is there
    /// as what it is.
    pub(super) fn owner_edges(&self, key: Key, step: Step) -> Vec<Edge> {
        let Some(schema) = self.index.object(key).map(|object| object.schema_id) else {
            return Vec::new();
        };
        let owners = [
            self.index.owner_of(key),
            self.index.owner_of_schema(key.0, schema),
        ];
        let owners: BTreeSet<PrincipalId> = owners.into_iter().flatten().collect();
        let owners = owners.into_iter().filter(|owner| *owner != DBO);
        let fact = self.index.object_fact(key);
        let owned = owners.map(|owner| Edge::new(Node::user(key.0, owner), step, fact));
        let securable = Securable::within(key.0, Class::Schema, schema);
        let taking = match schema {
            ..=LAST_OF_SETUP => Vec::new(),
            _ => self.index.holders(securable, "TO"),
        };
        let taking = taking.into_iter().map(|h| h.step(step).and(fact));
        owned.chain(taking).collect()
    }

    /// Whether an ownership chain leads from one module to the other unbroken.
    pub(in super::super) fn is_chained(&self, from: Key, to: Key) -> bool {
        let owner = |key| self.index.owner_of(key);
        let (Some(one), Some(other)) = (owner(from), owner(to)) else {
            return false;
        };
        if from.0 == to.0 {
            return one == other;
        }
        self.chains_across(from.0, to.0)
            && self.login_sid(from.0, one).is_some()
            && self.login_sid(from.0, one) == self.login_sid(to.0, other)
    }

    /// The sid that stands behind an owner; of dbo it is the database's owner's.
    pub(in super::super) fn login_sid(&self, db: Db, owner: PrincipalId) -> Option<&str> {
        if owner == DBO {
            return self.index.database_row(db)?.0.owner_sid.as_deref();
        }
        self.index.user(db, owner)?.sid.as_deref()
    }

    /// Whether both databases take part in ownership chaining across databases. master, msdb and tempdb always do.
    pub(in super::super) fn chains_across(&self, one: Db, other: Db) -> bool {
        let everywhere = self.option_runs("cross db ownership chaining");
        let takes_part = |db: Db| {
            const ALWAYS: &[i32] = &[1, 2, 4];
            let row = self.index.database_row(db).map(|(row, _)| row);
            let always = row.is_some_and(|row| ALWAYS.contains(&row.database_id));
            always || everywhere || row.is_some_and(|row| row.is_db_chaining_on == Some(true))
        };
        takes_part(one) && takes_part(other)
    }

    pub(in super::super) fn option_runs(&self, name: &str) -> bool {
        let mut rows = self.index.snapshot.server.configurations.seen().iter();
        let row = rows.find(|row| row.name.eq_ignore_ascii_case(name));
        let value = row.and_then(|row| row.value_in_use);
        match value {
            Some(value) => value != 0,
            None => self.assumed.options_on,
        }
    }

    /// Whether an option is configured on, whatever runs.
    pub(in super::super) fn is_staged(&self, name: &str) -> bool {
        let mut rows = self.index.snapshot.server.configurations.seen().iter();
        let row = rows.find(|row| row.name.eq_ignore_ascii_case(name));
        row.is_some_and(|row| row.value.is_some_and(|value| value != 0))
    }

    pub(in super::super) fn to_alters(&self, db: Db, id: i32) -> Vec<Edge> {
        let mut edges = self.alterers_at_once((db, id));
        edges.push(Edge::new(Node::Inside(db), Step::InsideDatabase, []));
        edges
    }

    /// Who decides what a module does by a right of his own, dbo aside.
    pub(in super::super) fn alterers_at_once(&self, key: Key) -> Vec<Edge> {
        let securable = self.alterable(key);
        let codes: &[&'static str] = match securable.class {
            Class::Database => &["ALTG"],
            _ => &["AL", "TO"],
        };
        let holders = codes.iter();
        let holders = holders.flat_map(|code| self.index.holders(securable, code));
        let mut edges: Vec<Edge> = holders.map(|h| h.step(Step::AlterModule)).collect();
        if securable.class == Class::Object {
            edges.extend(self.owner_edges(key, Step::AlterModule));
        }
        edges
    }

    /// What one must be able to ALTER to change a module: itself; a trigger's table; of a DDL trigger the database.
    fn alterable(&self, (db, id): Key) -> Securable {
        let table = match self.index.trigger((db, id)) {
            Some((_, trigger)) if trigger.parent_class == 0 => return Securable::database(db),
            Some((_, trigger)) => trigger.parent_id,
            None => id,
        };
        match self.index.object((db, table)) {
            Some(object) => Securable::object(db, table, object.schema_id),
            None => Securable::within(db, Class::Object, table),
        }
    }

    /// Modules that execute given text as a user of theirs.
    pub(in super::super) fn contexts_of_modules(&self, db: Db, user: PrincipalId) -> Vec<Edge> {
        let modules = self.modules.executing_as(db, user).iter();
        modules
            .map(|key| {
                let fact = self.index.module_fact(*key);
                Edge::new(Node::Runs(key.0, key.1), Step::ModuleContext, fact)
            })
            .collect()
    }

    /// Modules that execute given text and are signed by a login's key.
    pub(in super::super) fn signed_by(&self, login: PrincipalId) -> Vec<Edge> {
        let modules = self.modules.signed_by(login).iter();
        modules
            .map(|(key, facts)| {
                let module = self.index.module_fact(*key);
                let facts = module.into_iter().chain(facts.iter().copied());
                Edge::new(Node::Runs(key.0, key.1), Step::SignedModule, facts)
            })
            .collect()
    }

    /// What runs by itself with somebody's power, for whoever decides what it does.
    pub(in super::super) fn run_as(&self, node: Node) -> Vec<Edge> {
        let runs = self.modules.runs_as(node).iter();
        runs.map(|run| {
            let from = Node::Alters(run.module.0, run.module.1);
            Edge::new(from, run.step, run.facts.iter().copied())
        })
        .collect()
    }
}
