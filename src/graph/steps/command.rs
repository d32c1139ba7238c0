//! Ways to run an operating-system command, channel by channel. Whether the channel is open is not asked here: what
//! arms it is another search.

use std::collections::BTreeSet;

use super::super::build::Graph;
use super::super::channel::Channel;
use super::super::fact::FactRef;
use super::super::index::{DBO, Db, SYS_SCHEMA, Scope};
use super::super::module::Key;
use super::super::node::Node;
use super::super::permission::Class;
use super::super::securable::Securable;
use super::super::step::{Edge, Step};
use crate::ids::PrincipalId;
use crate::snapshot::Fact;
use crate::tsql::Sink;

/// The credential as which xp_cmdshell runs for callers outside sysadmin.
const PROXY: &str = "##xp_cmdshell_proxy_account##";
/// The server's own procedures that write the registry.
pub(super) const REGISTRY_WRITERS: &[&str] = &[
    "xp_regwrite",
    "xp_instance_regwrite",
    "xp_regaddmultistring",
    "xp_instance_regaddmultistring",
];

impl Graph<'_> {
    pub(in super::super) fn to_command(&self, channel: Channel) -> Vec<Edge> {
        let option = channel.option().and_then(|name| self.config_fact(name));
        let mut edges = vec![Edge::new(Node::Sysadmin, Step::Administrator, option)];
        edges.extend(match channel {
            Channel::XpCmdshell => self.to_xp_cmdshell(),
            Channel::Clr => self.to_clr(),
            Channel::OleAutomation => self.to_ole(),
            Channel::ExternalScript => self.to_external_script(),
            Channel::AgentCmdExec
            | Channel::AgentPowerShell
            | Channel::AgentSsis
            | Channel::AgentActiveX => self.proxied(channel),
            Channel::ExtendedProcedure => self.to_extended_procedure(),
            Channel::LinkedHop => self.to_hop(),
            Channel::RegistryAutorun => self.to_registry(),
            Channel::ModuleCommand => self.to_module_command(),
        });
        if self.runs_now(channel) {
            edges.extend(self.by_queries(&edges));
        }
        edges
    }

    /// Of the logins as which queries come back over a linked server, those who run the channel, which is on: they
    /// could not switch it on.
    fn by_queries(&self, edges: &[Edge]) -> Vec<Edge> {
        let logins = self.queried_logins().into_iter();
        let edge = |login| {
            let from = Node::Queries(login);
            if let Some(proof) = self.is_privileged(login) {
                return Some(Edge::new(from, Step::Administrator, proof));
            }
            let own = edges.iter().find(|edge| self.stands_behind(login, edge))?;
            Some(Edge {
                from,
                ..own.clone()
            })
        };
        logins.filter_map(edge).collect()
    }

    /// Whoever is not sysadmin needs the proxy account; who can make it needs nobody else for it.
    fn to_xp_cmdshell(&self) -> Vec<Edge> {
        let mut edges = self.system_procedure("xp_cmdshell");
        edges.extend(self.chained_writers());
        let proxy = self.proxy_credential();
        let edges = edges.into_iter();
        if self.has_proxy() {
            return edges.map(|edge| edge.and(proxy)).collect();
        }
        edges
            .flat_map(|edge| self.with_credential_right(&edge))
            .collect()
    }

    /// Whether xp_cmdshell has a proxy account, or is taken to have one.
    pub(super) fn has_proxy(&self) -> bool {
        self.proxy_credential().is_some() || self.assumed.has_proxy
    }

    /// The row of the xp_cmdshell proxy's credential.
    pub fn proxy_credential(&self) -> Option<FactRef> {
        let rows = self.index.snapshot.server.credentials.seen();
        let mut rows = (0..).zip(rows);
        let found = rows.find(|(_, row)| row.name.eq_ignore_ascii_case(PROXY));
        found.map(|(at, _)| FactRef::server(Fact::Credentials, at))
    }

    /// Of the logins behind a step, those who hold ALTER ANY CREDENTIAL: whether that is enough for the reserved name is
    /// not documented, so it is taken to be.
    fn with_credential_right(&self, edge: &Edge) -> Vec<Edge> {
        if let Node::Alters(db, module) = edge.from {
            let altering = self.to_alters(db, module).into_iter();
            let altering = altering.map(|alter| Edge {
                from: alter.from,
                ..edge.clone().and(alter.facts)
            });
            return altering
                .flat_map(|edge| self.with_credential_right(&edge))
                .collect();
        }
        let holders = self.index.holders(Securable::SERVER, "ALCD");
        if holders.is_empty() {
            return Vec::new();
        }
        let mut makers: Vec<(PrincipalId, FactRef)> = Vec::new();
        for holder in holders {
            if let (Node::Principal(Scope::Server, id), Some(fact)) =
                (holder.node, holder.facts.first())
            {
                let below = self.index.below(Scope::Server, id).into_iter();
                let logins = below.filter(|id| !self.index.is_role(Scope::Server, *id));
                makers.extend(logins.map(|id| (id, *fact)));
            }
        }
        let makers = makers
            .into_iter()
            .filter(|(id, _)| self.stands_behind(*id, edge));
        makers
            .map(|(id, fact)| {
                let mut own = edge.clone().and([fact]);
                own.from = Node::login(id);
                own
            })
            .collect()
    }

    /// Whether a login is, or is a member of, what a step begins from.
    fn stands_behind(&self, login: PrincipalId, edge: &Edge) -> bool {
        match edge.from {
            Node::Principal(Scope::Server, id) | Node::Joins(Scope::Server, id) => {
                self.index.below(Scope::Server, id).contains(&login)
            }
            Node::Principal(Scope::Database(db), id) | Node::Joins(Scope::Database(db), id) => {
                let entry = self.index.entry(db, login);
                let scope = Scope::Database(db);
                entry.is_some_and(|(user, _)| self.index.below(scope, id).contains(&user))
            }
            Node::Inside(db) | Node::Owner(db) => {
                let entry = self.index.entry(db, login);
                let owners = PrincipalId(super::super::permission::DB_OWNER);
                let owners = self.index.below(Scope::Database(db), owners);
                entry.is_some_and(|(user, _)| user == DBO || owners.contains(&user))
            }
            _ => false,
        }
    }

    /// Who may execute a shipped procedure of master.
    fn system_procedure(&self, name: &str) -> Vec<Edge> {
        let (Some(master), Some((id, fact))) = (self.master, self.shipped(name)) else {
            return Vec::new();
        };
        let holders = self
            .index
            .holders(Securable::object(master, id, SYS_SCHEMA), "EX");
        let holders = holders.into_iter();
        let edges = holders.map(|h| h.step(Step::ExecuteProcedure).and([fact]));
        let inside = Edge::new(Node::Inside(master), Step::InsideDatabase, [fact]);
        edges.chain([inside]).collect()
    }

    /// A shipped procedure of master, as what permissions are given on.
    pub(super) fn shipped_procedure(&self, name: &str) -> Option<Securable> {
        let (id, _) = self.shipped(name)?;
        Some(Securable::object(self.master?, id, SYS_SCHEMA))
    }

    fn shipped(&self, name: &str) -> Option<(i32, FactRef)> {
        let rows = self.index.snapshot.server.system_extended_procedures.seen();
        let mut rows = (0..).zip(rows);
        let found = rows.find(|(_, row)| row.object_id < 0 && row.name.eq_ignore_ascii_case(name));
        found.map(|(at, row)| {
            let fact = FactRef::server(Fact::SystemExtendedProcedures, at);
            (row.object_id, fact)
        })
    }

    /// Whether an ownership chain leads from a database's dbo to what master ships.
    pub(in super::super) fn reaches_master(&self, db: Db) -> bool {
        let Some(master) = self.master else {
            return false;
        };
        let owner = self.login_sid(master, DBO);
        db == master
            || (self.chains_across(db, master)
                && owner.is_some()
                && self.login_sid(db, DBO) == owner)
    }

    /// Who can write a module of dbo's in a database whose chain leads to what master ships.
    fn chained_writers(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        let databases = self.index.databases();
        for (db, facts) in databases.filter(|(db, _)| self.reaches_master(*db)) {
            let row = self.database_facts(db);
            let of_dbo = facts.schemas.seen().iter();
            let of_dbo =
                of_dbo.filter(|s| s.principal_id == Some(DBO) && s.schema_id != SYS_SCHEMA);
            for schema in of_dbo {
                let securable = Securable::within(db, Class::Schema, schema.schema_id);
                let holders = self.index.holders(securable, "AL").into_iter();
                edges.extend(holders.map(|h| {
                    let rows = row.iter().copied();
                    h.step(Step::ChainedModule).and(rows)
                }));
            }
            for module in self.granted_modules(db) {
                let from = Node::Alters(db, module);
                edges.push(Edge::new(from, Step::ChainedModule, row.iter().copied()));
            }
            edges.push(Edge::new(
                Node::Inside(db),
                Step::ChainedModule,
                row.iter().copied(),
            ));
        }
        edges
    }

    /// Modules of dbo's that others may alter though they may not alter dbo's schemas: somebody was granted ALTER, CONTROL
    /// or TAKE OWNERSHIP by name on them or on their table, or they stand in a schema of somebody else's.
    fn granted_modules(&self, db: Db) -> BTreeSet<i32> {
        let mut ids = self.granted_objects(db);
        let facts = self.index.database(db);
        let objects = facts.map_or(&[][..], |d| d.objects.seen()).iter();
        let elsewhere = objects.filter(|object| {
            object.principal_id == Some(DBO)
                && self.index.owner_of_schema(db, object.schema_id) != Some(DBO)
        });
        ids.extend(elsewhere.map(|object| object.object_id));
        let triggers = facts.map_or(&[][..], |d| d.triggers.seen()).iter();
        let on_tables = triggers.filter(|t| t.parent_class != 0 && ids.contains(&t.parent_id));
        let on_tables: Vec<i32> = on_tables.map(|t| t.object_id).collect();
        ids.extend(on_tables);
        let ids = ids.into_iter().filter(|id| self.is_module((db, *id)));
        ids.filter(|id| self.index.owner_of((db, *id)) == Some(DBO))
            .collect()
    }

    /// Objects on which somebody was granted ALTER, CONTROL or TAKE OWNERSHIP by name.
    pub(super) fn granted_objects(&self, db: Db) -> BTreeSet<i32> {
        let facts = self.index.database(db);
        let rows = facts.map_or(&[][..], |d| d.database_permissions.seen());
        let rows = rows.iter().filter(|row| {
            row.class == Class::Object.number()
                && matches!(row.state.as_str(), "G" | "W")
                && matches!(row.r#type.as_str(), "AL" | "CL" | "TO")
        });
        rows.map(|row| row.major_id).collect()
    }

    pub(super) fn is_module(&self, key: Key) -> bool {
        let object = self.index.object(key);
        object.is_some_and(|o| matches!(o.r#type.as_str(), "P" | "FN" | "TF" | "TR"))
    }

    /// Creating an object without calling a method of it runs nothing.
    fn to_ole(&self) -> Vec<Edge> {
        let creators = self.system_procedure("sp_OACreate");
        let callers = self.system_procedure("sp_OAMethod");
        let both = |edge: &Edge| {
            let same = callers.iter().find(|other| other.from == edge.from);
            same.map(|other| edge.clone().and(other.facts.iter().copied()))
        };
        let mut edges: Vec<Edge> = creators.iter().filter_map(both).collect();
        let apart = creators.iter().filter(|e| both(e).is_none());
        for creator in apart {
            let alone = callers
                .iter()
                .filter(|c| !edges.iter().any(|e| e.from == c.from));
            let shared: Vec<Edge> = alone
                .flat_map(|caller| self.in_both(creator, caller))
                .collect();
            edges.extend(shared);
        }
        edges.extend(self.chained_writers());
        edges
    }

    /// Those who are in both of two roles: users and roles of a database, and who joins a role that is in the other; of
    /// two databases, or of the server and a database, logins that are both.
    pub(in super::super) fn in_both(&self, one: &Edge, other: &Edge) -> Vec<Edge> {
        let people = |edge: &Edge| match edge.from {
            Node::Principal(scope, id) => Some((scope, self.index.below(scope, id))),
            Node::Joins(scope, id) => Some((scope, BTreeSet::from([id]))),
            _ => None,
        };
        let (Some((scope, one_people)), Some((other_scope, other_people))) =
            (people(one), people(other))
        else {
            return Vec::new();
        };
        if scope != other_scope {
            let logins = self.logins_behind_both(one, other).into_iter();
            return logins
                .map(|login| Edge {
                    from: Node::login(login),
                    ..one.clone().and(other.facts.iter().copied())
                })
                .collect();
        }
        let joins = [one, other]
            .iter()
            .any(|e| matches!(e.from, Node::Joins(..)));
        let shared = one_people.intersection(&other_people);
        shared
            .filter(|id| {
                [one, other]
                    .iter()
                    .all(|edge| self.is_held_by(edge, scope, **id))
            })
            .map(|id| {
                let mut edge = one.clone().and(other.facts.iter().copied());
                edge.from = if joins {
                    Node::Joins(scope, *id)
                } else {
                    Node::principal(scope, *id)
                };
                edge
            })
            .collect()
    }

    /// Whether somebody whom the inventory has in a group holds by it what a step takes: a DENY of his own name goes
    /// before what the group was granted. Of others it is known.
    fn is_held_by(&self, edge: &Edge, scope: Scope, id: PrincipalId) -> bool {
        let (Node::Principal(_, group), Some(((_, code), on))) = (edge.from, edge.held) else {
            return true;
        };
        if id == group || self.index.is_role(scope, group) {
            return true;
        }
        let token = match scope {
            Scope::Server => self.index.token(id),
            Scope::Database(db) => self.index.user_token(db, id),
        };
        self.index.held_by(&token, on, code).is_some()
    }

    /// Logins from which two steps begin that begin in different scopes. Who joins a role does not count: he may be
    /// denied by his own name what the role has.
    fn logins_behind_both(&self, one: &Edge, other: &Edge) -> Vec<PrincipalId> {
        let is_joining = |edge: &Edge| matches!(edge.from, Node::Joins(..));
        if is_joining(one) || is_joining(other) {
            return Vec::new();
        }
        let logins: Vec<PrincipalId> = match (one.from, other.from) {
            (Node::Principal(Scope::Server, id), _) | (_, Node::Principal(Scope::Server, id)) => {
                self.index.below(Scope::Server, id).into_iter().collect()
            }
            _ => self.index.people(Scope::Server),
        };
        let logins = logins.into_iter();
        logins
            .filter(|id| !self.index.is_role(Scope::Server, *id))
            .filter(|id| self.stands_behind(*id, one) && self.stands_behind(*id, other))
            .collect()
    }

    fn to_external_script(&self) -> Vec<Edge> {
        let mut edges = vec![Edge::new(Node::OwnDatabase, Step::ExternalScript, [])];
        for (db, facts) in self.index.databases() {
            let holders = self.index.holders(Securable::database(db), "EAES");
            let mut holders: Vec<_> = holders;
            for language in facts.external_languages.seen() {
                let id = language.external_language_id;
                let securable = Securable::within(db, Class::ExternalLanguage, id);
                holders.extend(self.index.holders(securable, "EXES"));
            }
            edges.extend(holders.into_iter().map(|h| h.step(Step::ExternalScript)));
            let row = self.database_facts(db);
            edges.push(Edge::new(Node::Inside(db), Step::InsideDatabase, row));
        }
        edges
    }

    fn to_extended_procedure(&self) -> Vec<Edge> {
        let Some((db, facts)) = self.master.and_then(|m| Some((m, self.index.database(m)?))) else {
            return Vec::new();
        };
        let mut edges = Vec::new();
        for (at, row) in (0..).zip(facts.extended_procedures.seen()) {
            let fact = FactRef::database(Fact::ExtendedProcedures, db, at);
            let securable = Securable::object(db, row.object_id, row.schema_id);
            let holders = self.index.holders(securable, "EX").into_iter();
            edges.extend(holders.map(|h| h.step(Step::ExecuteProcedure).and([fact])));
            edges.push(Edge::new(Node::Inside(db), Step::InsideDatabase, [fact]));
            let from = Node::Runs(db, row.object_id);
            edges.push(Edge::new(from, Step::ExtendedCode, [fact]));
        }
        edges
    }

    fn to_registry(&self) -> Vec<Edge> {
        let names = REGISTRY_WRITERS.iter();
        let edges = names.flat_map(|name| self.system_procedure(name));
        edges.chain(self.chained_writers()).collect()
    }
}

/// The channel that a sink runs a command through by itself.
pub(in super::super) fn channel_of(sink: Sink) -> Option<Channel> {
    match sink {
        Sink::XpCmdshell => Some(Channel::XpCmdshell),
        Sink::OleAutomation => Some(Channel::OleAutomation),
        Sink::ExternalScript => Some(Channel::ExternalScript),
        Sink::RegistryWrite => Some(Channel::RegistryAutorun),
        _ => None,
    }
}
