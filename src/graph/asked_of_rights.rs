//! What rules ask: who was given a right and whom that reaches, what a module gives, who runs and who alters one.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{Graph, membership};
use super::channel::Channel;
use super::code::CodeSink;
use super::fact::FactRef;
use super::index::{DBO, Db, GUEST, PUBLIC, PUBLIC_SERVER, SYS_SCHEMA, SYSADMIN, Scope};
use super::module::{Key, Signers};
use super::nested::Context;
use super::node::Node;
use super::permission::Class;
use super::platform::{Availability, Site, availability};
use super::securable::Securable;
use super::step::{Edge, Facts, Step};
use super::steps::channel_of;
use crate::ids::PrincipalId;
use crate::snapshot::Fact;
use crate::tsql::Sink;

/// A right that was given, and whom it reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Where the grantee belongs.
    pub scope: Scope,
    /// To whom it was given: one account, a role, public.
    pub grantee: PrincipalId,
    /// The right in words, as it was given: `IMPERSONATE on login sa`; empty for what comes with owning it.
    pub right: String,
    /// The permission's code in the catalog, as it was given.
    pub code: &'static str,
    /// On what it was given; nothing of what comes with owning it.
    pub on: Option<Class>,
    /// The rows that give it.
    pub facts: Facts,
    /// Whom it reaches.
    pub reaches: Reaches,
}

/// Whom a right reaches, DENY settled: administrators by design, dbo and keys aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaches {
    /// Everybody: through public.
    pub everybody: bool,
    /// Every login without a user of its own: through guest, where it may enter.
    pub guests: bool,
    /// These.
    pub people: BTreeSet<PrincipalId>,
    /// These, whose logins are disabled.
    pub asleep: BTreeSet<PrincipalId>,
    /// A role that has no members at all.
    pub is_empty_role: bool,
}

impl Reaches {
    fn merge(&mut self, other: Self) {
        self.everybody |= other.everybody;
        self.guests |= other.guests;
        self.people.extend(other.people);
        self.asleep.extend(other.asleep);
    }
}

impl Granted {
    /// This right and another of the same grantee, as one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        if self.right != other.right {
            self.right = format!("{} and {}", self.right, other.right);
        }
        for fact in other.facts {
            if !self.facts.contains(&fact) {
                self.facts.push(fact);
            }
        }
        self.reaches.merge(other.reaches);
        self
    }
}

/// How somebody is in a server role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Who.
    pub member: PrincipalId,
    /// The roles in between, from the member up.
    pub through: Vec<PrincipalId>,
    /// The rows that say so, from the role down.
    pub facts: Facts,
}

/// A module that gives whoever runs it the power of a privileged login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Powerful {
    /// The module.
    pub module: Key,
    /// The context that is passed on to it by which it has the power; none where that is its own.
    pub nested: Option<Context>,
    /// By the command that it holds; else by text that it is given.
    pub command: Option<Channel>,
    /// What gives it its power.
    pub facts: Facts,
}

/// Somebody who runs a module, perhaps by running one that calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runner {
    /// The module that is run.
    pub module: Key,
    /// Who was given what.
    pub granted: Granted,
}

/// A module that is run with the power of a privileged login without being asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivilegedRun {
    /// The module.
    pub module: Key,
    /// What runs it.
    pub step: Step,
    /// Whether that is a trigger of a database, which runs as whoever fires it.
    pub by_trigger_of_database: bool,
    /// The rows that say so.
    pub facts: Facts,
}

impl Graph<'_> {
    /// Who was given a permission of the server, or one that covers it.
    pub fn granted_on_server(&self, code: &'static str) -> Vec<Granted> {
        self.given_on(Securable::SERVER, code)
    }

    /// Who was given a permission on a login, or one that covers it.
    pub fn granted_on_login(&self, login: PrincipalId, code: &'static str) -> Vec<Granted> {
        self.given_on(Securable::server(Class::Login, login.0), code)
    }

    /// Who was given the right to execute one of the procedures that master ships, or acts as dbo there, whom no DENY on
    /// the procedure binds; of a procedure that was not seen, what is given on all of them.
    pub fn granted_to_execute_shipped(&self, procedure: Option<i32>) -> Vec<Granted> {
        let Some(master) = self.master else {
            return Vec::new();
        };
        let executed = match procedure {
            Some(id) => Securable::object(master, id, SYS_SCHEMA),
            None => Securable::within(master, Class::Schema, SYS_SCHEMA),
        };
        let control = self.index.holders(Securable::database(master), "CL");
        let execute = self.index.holders(executed, "EX").into_iter();
        let all = control.into_iter().chain(execute);
        self.grants_of(all.map(|holder| holder.step(Step::Member)))
    }

    /// Logins that EXECUTE AS takes and that run every command, in order of id.
    pub fn privileged_people(&self) -> Vec<PrincipalId> {
        let people = self.index.people(Scope::Server).into_iter();
        people
            .filter(|id| {
                let kind = self.index.kind(Scope::Server, *id);
                let is_one = kind.is_some_and(super::steps::is_one_person);
                is_one && self.is_privileged(*id).is_some()
            })
            .collect()
    }

    /// The row by which guest may enter a database; `None` if it may not.
    pub fn guest_entry(&self, db: Db) -> Option<FactRef> {
        let mine = self.index.user_token(db, GUEST);
        self.index.held_by(&mine, Securable::database(db), "CO")
    }

    /// Everybody below a server role, roles among them, each with the roles on the shortest way up to it and the rows
    /// that say so.
    pub fn members_of(&self, role: PrincipalId) -> Vec<Membership> {
        let below = self.index.scope(Scope::Server).below(role).into_iter();
        let below = below.filter(|id| *id != role);
        below
            .map(|member| {
                let facts = membership(&self.index, member, role);
                let rows = self.index.snapshot.server.server_role_members.seen();
                let of_roles = facts
                    .iter()
                    .rev()
                    .filter(|f| f.fact == Fact::ServerRoleMembers);
                let rows = of_roles.filter_map(|f| rows.get(f.row as usize));
                let through = rows.map(|row| row.role_principal_id);
                Membership {
                    member,
                    through: through.filter(|id| *id != role).collect(),
                    facts,
                }
            })
            .collect()
    }

    /// A fixed server role by its name.
    pub fn fixed_server_role(&self, name: &str) -> Option<PrincipalId> {
        self.index.fixed_role(name)
    }

    fn given_on(&self, securable: Securable, code: &'static str) -> Vec<Granted> {
        let holders = self.index.holders(securable, code).into_iter();
        self.grants_of(holders.map(|holder| holder.step(Step::Member)))
    }

    /// Steps that are rights somebody holds, one for each row that gives them.
    fn grants_of(&self, edges: impl Iterator<Item = Edge>) -> Vec<Granted> {
        let mut found: BTreeMap<(Option<FactRef>, Scope, PrincipalId), Granted> = BTreeMap::new();
        for edge in edges {
            let given = edge
                .held
                .and_then(|_| self.grantee_of(*edge.facts.first()?));
            let own = match edge.from {
                Node::Principal(scope, id) => Some((scope, id)),
                _ => None,
            };
            let Some((scope, grantee)) = given.or(own) else {
                continue;
            };
            let key = (edge.facts.first().copied(), scope, grantee);
            let entry = found.entry(key).or_insert_with(|| Granted {
                scope,
                grantee,
                right: edge.held.map(|held| self.right(held)).unwrap_or_default(),
                code: edge.held.map_or("", |held| held.0.1),
                on: edge.held.map(|held| held.1.class),
                facts: edge.facts.clone(),
                reaches: Reaches::default(),
            });
            entry.reaches.merge(match (scope, edge.from) {
                (Scope::Database(db), Node::Principal(Scope::Server, login)) if given.is_some() => {
                    self.reaches_inside(db, login)
                }
                _ => self.reaches_of(edge.from),
            });
        }
        let mut found: Vec<Granted> = found.into_values().collect();
        for granted in &mut found {
            granted.reaches.is_empty_role = self.is_empty_role(granted.scope, granted.grantee);
        }
        found
    }

    /// To whom a row gives what it gives.
    fn grantee_of(&self, fact: FactRef) -> Option<(Scope, PrincipalId)> {
        let server = &self.index.snapshot.server;
        let at = fact.row as usize;
        let Some(db) = fact.database else {
            let id = match fact.fact {
                Fact::ServerPermissions => {
                    server
                        .server_permissions
                        .seen()
                        .get(at)?
                        .grantee_principal_id
                }
                Fact::ServerPrincipals => server.server_principals.seen().get(at)?.principal_id,
                _ => return None,
            };
            return Some((Scope::Server, id));
        };
        let facts = self.index.database(db)?;
        let id = match fact.fact {
            Fact::DatabasePermissions => {
                facts
                    .database_permissions
                    .seen()
                    .get(at)?
                    .grantee_principal_id
            }
            Fact::DatabasePrincipals => facts.database_principals.seen().get(at)?.principal_id,
            Fact::Schemas => facts.schemas.seen().get(at)?.principal_id?,
            _ => return None,
        };
        Some((Scope::Database(db), id))
    }

    fn is_empty_role(&self, scope: Scope, id: PrincipalId) -> bool {
        let mut below = self.index.scope(scope).below(id).into_iter();
        self.index.is_role(scope, id) && below.all(|id| self.index.is_role(scope, id))
    }

    /// Whom somebody stands for.
    fn reaches_of(&self, node: Node) -> Reaches {
        let mut reaches = Reaches::default();
        match node {
            Node::Principal(Scope::Server, PUBLIC_SERVER)
            | Node::Joins(Scope::Server, PUBLIC_SERVER)
            | Node::Principal(Scope::Database(_), PUBLIC)
            | Node::Joins(Scope::Database(_), PUBLIC) => reaches.everybody = true,
            Node::Principal(scope, id) => {
                let below = self.index.scope(scope).below(id).into_iter();
                for id in below.filter(|id| !self.index.is_role(scope, *id)) {
                    self.reach_one(scope, id, &mut reaches);
                }
            }
            _ => {}
        }
        reaches
    }

    /// As whom a login that comes in holds what was given in a database: as its own user, or as guest.
    fn reaches_inside(&self, db: Db, login: PrincipalId) -> Reaches {
        let mut reaches = Reaches::default();
        match self.index.own_user(db, login) {
            Some(user) => self.reach_one(Scope::Database(db), user, &mut reaches),
            None => reaches.guests = !self.is_administrator(login),
        }
        reaches
    }

    fn reach_one(&self, scope: Scope, id: PrincipalId, reaches: &mut Reaches) {
        let login = match scope {
            Scope::Server => Some(id),
            Scope::Database(db) if id == GUEST => {
                reaches.guests |= self.guest_entry(db).is_some();
                return;
            }
            Scope::Database(_) if id == DBO => return,
            Scope::Database(db) => {
                let sid = self.index.user(db, id).and_then(|user| user.sid.as_deref());
                sid.and_then(|sid| self.login_of_sid(sid))
            }
        };
        let kind = self.index.kind(scope, id).unwrap_or_default();
        if matches!(kind, "C" | "K") || login.is_some_and(|login| self.is_administrator(login)) {
            return;
        }
        let row = login.and_then(|login| self.index.login(login));
        let all = match row.and_then(|row| row.is_disabled) {
            Some(true) => &mut reaches.asleep,
            _ => &mut reaches.people,
        };
        all.insert(id);
    }

    /// `sa`, or in sysadmin through any nesting or a group.
    fn is_administrator(&self, login: PrincipalId) -> bool {
        let token = self.index.token(login);
        login == super::index::SA || token.contains(&(Scope::Server, SYSADMIN))
    }

    /// Modules with which whoever runs them gets a privileged login's power: they hold a command that they may run, or
    /// execute text that they are given in a privileged context.
    pub fn powerful_modules(&self) -> Vec<Powerful> {
        let signers = Signers::new(&self.index);
        let site = Site::of(self.index.snapshot);
        let exists =
            |channel| !matches!(availability(channel, &site), Availability::Missing { .. });
        let mut found = Vec::new();
        for (key, at) in self.modules.with_sinks() {
            let sinks = self
                .code
                .modules
                .get(*at)
                .map_or(&[][..], |module| &module.sinks);
            let powers = sinks.iter().filter_map(|sink| {
                let command = channel_of(sink.sink);
                let given = sink.sink == Sink::DynamicUnresolved && sink.is_tainted == Some(true);
                if !given && !command.is_some_and(exists) {
                    return None;
                }
                let own = self.may_run(*key, *sink, &signers);
                let own = own.map(|facts| (None, facts));
                let (nested, facts) = own.or_else(|| self.nested_power(*key, *sink))?;
                Some(Powerful {
                    module: *key,
                    nested,
                    command,
                    facts,
                })
            });
            // Text that is given can be any command.
            found.extend(powers.min_by_key(|power| (power.command.is_some(), power.command)));
        }
        found
    }

    /// The context passed on to a module with which its own command runs, or text that it is given is executed by a
    /// privileged login.
    fn nested_power(&self, key: Key, sink: CodeSink) -> Option<(Option<Context>, Facts)> {
        let mut contexts = self.nested().contexts(key).iter();
        contexts.find_map(|context| {
            let facts = self.context_runs(*context, key.0, sink.sink)?;
            Some((Some(*context), facts))
        })
    }

    /// Of these modules those that some text would give a privileged login's power.
    pub fn powerful_with_some_text(&self, modules: impl Iterator<Item = Key>) -> Vec<Key> {
        let signers = Signers::new(&self.index);
        let worst = CodeSink {
            sink: Sink::XpCmdshell,
            is_dynamic: false,
            is_tainted: Some(false),
        };
        modules
            .filter(|key| self.may_run(*key, worst, &signers).is_some())
            .collect()
    }

    /// Who was given the right to run a module; the owner of its database, where it is no administrator, among them.
    pub fn granted_to_run(&self, (db, id): Key) -> Vec<Granted> {
        let edges = self.leading_to(Node::Runs(db, id)).into_iter();
        let mut found = self.grants_of(edges.filter(|edge| edge.step == Step::ExecuteModule));
        found.extend(self.owning(db));
        found
    }

    /// The same, with those who run modules that call it unchecked; where a context is passed on to it, of those alone
    /// that it comes from.
    pub fn runners(&self, module: Key, nested: Option<Context>) -> Vec<Runner> {
        let place = match nested {
            Some(context) => Node::RunsAs(module, context),
            None => Node::Runs(module.0, module.1),
        };
        let mut seen = BTreeSet::from([place]);
        let mut open = vec![place];
        let mut found = Vec::new();
        while let Some(place) = open.pop() {
            let edges = self.leading_to(place);
            for edge in &edges {
                if matches!(edge.from, Node::Runs(..) | Node::RunsAs(..)) && seen.insert(edge.from)
                {
                    open.push(edge.from);
                }
            }
            let (Node::Runs(db, id) | Node::RunsAs((db, id), _)) = place else {
                continue;
            };
            let grants = edges.into_iter().filter(|e| e.step == Step::ExecuteModule);
            let grants = self.grants_of(grants).into_iter();
            found.extend(grants.map(|granted| Runner {
                module: (db, id),
                granted,
            }));
        }
        found
    }

    /// Modules that something runs by itself with a privileged login's power.
    pub fn privileged_runs(&self) -> Vec<PrivilegedRun> {
        let mut found = Vec::new();
        for (node, runs) in self.modules.all_runs() {
            let Some(power) = self.power_of(*node) else {
                continue;
            };
            found.extend(runs.iter().map(|run| PrivilegedRun {
                module: run.module,
                step: run.step,
                by_trigger_of_database: run.facts.first().is_some_and(|f| f.fact == Fact::Triggers),
                facts: run.facts.iter().chain(&power).copied().collect(),
            }));
        }
        found
    }

    /// What makes a place privileged; `None` if it is not.
    fn power_of(&self, node: Node) -> Option<Facts> {
        match node {
            Node::Sysadmin => Some(Facts::new()),
            Node::Principal(Scope::Server, login) => self.is_privileged(login),
            Node::Owner(db) => self.context_is_privileged(db, DBO),
            Node::Principal(Scope::Database(db), user) => self.context_is_privileged(db, user),
            _ => None,
        }
    }

    /// Who may decide what a module does: by a right on it or on what contains it, by owning it or its database.
    pub fn granted_to_alter(&self, (db, id): Key) -> Vec<Granted> {
        let altering = self.leading_to(Node::Alters(db, id)).into_iter();
        let altering = altering.filter(|edge| edge.step == Step::AlterModule);
        let control = self
            .index
            .holders(Securable::database(db), "CL")
            .into_iter();
        let control = control.map(|holder| holder.step(Step::ControlDatabase));
        let mut found = self.grants_of(altering.chain(control));
        found.extend(self.owning(db));
        found
    }

    /// The login that owns a database, where it is no administrator.
    fn owning(&self, db: Db) -> Option<Granted> {
        let (row, fact) = self.index.database_row(db)?;
        let owner = self.login_of_sid(row.owner_sid.as_deref()?)?;
        let reaches = self.reaches_of(Node::login(owner));
        (reaches != Reaches::default()).then(|| Granted {
            scope: Scope::Server,
            grantee: owner,
            right: String::new(),
            code: "",
            on: None,
            facts: Facts::from_iter([fact]),
            reaches,
        })
    }
}
