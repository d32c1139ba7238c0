//! The graph of one instance: its snapshot, indexed, with what the steps ask for again and again.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::code::Code;
use super::fact::FactRef;
use super::gap::{Assumed, Assumption};
use super::index::{Db, Index, SA, SYSADMIN, Scope};
use super::links::Links;
use super::module::Modules;
use super::nested::Nested;
use super::node::Node;
use super::search::Reach;
use super::step::{Edge, Facts};
use super::steps::Source;
use crate::ids::PrincipalId;
use crate::snapshot::Snapshot;

/// What the inventory says of Windows and Entra groups, whose members the catalog does not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups(pub BTreeMap<String, Group>);

/// One group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Names of logins that are in it.
    pub members: Vec<String>,
    /// How many accounts are in it.
    pub count: Option<u32>,
}

impl Group {
    /// How many accounts are in it, if the inventory says so; at least those that it names.
    pub fn size(&self) -> Option<u32> {
        let named = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        match self.count {
            Some(count) => Some(count.max(named)),
            None if named > 0 => Some(named),
            None => None,
        }
    }
}

/// A TRUSTWORTHY database whose owner may vouch for it at the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The owner's login.
    pub owner: PrincipalId,
    /// The database's row and what gives the owner AUTHENTICATE SERVER.
    pub facts: Facts,
}

/// The privilege graph of one instance.
#[derive(Debug)]
pub struct Graph<'a> {
    pub(super) index: Index<'a>,
    pub(super) code: Cow<'a, Code>,
    pub(super) groups: Groups,
    pub(super) modules: Modules,
    pub(super) links: Links<'a>,
    pub(super) trusted: BTreeMap<Db, Trust>,
    /// TRUSTWORTHY databases that other databases alone may believe.
    pub(super) sources: Vec<Source>,
    pub(super) master: Option<Db>,
    pub(super) msdb: Option<Db>,
    /// What is assumed of what was not seen; empty for what is certain.
    pub(super) assumed: Assumed,
    /// Whether the instance has SQL Server Agent.
    pub(super) has_agent: bool,
    /// Who has the power of sysadmin, searched when somebody asks.
    sysadmin: OnceCell<Rc<Reach>>,
    /// Modules that run with another's context, worked out when somebody asks.
    pub(super) nested: OnceCell<Nested>,
}

const MASTER: i32 = 1;
pub(super) const MSDB: i32 = 4;
/// `EngineEdition` of Express, which has no Agent.
const EXPRESS: i32 = 4;

impl<'a> Graph<'a> {
    /// The graph of what was seen.
    pub fn new(snapshot: &'a Snapshot, code: impl Into<Cow<'a, Code>>, groups: &Groups) -> Self {
        let code = code.into();
        let index = Index::new(snapshot, groups);
        let with_id = |id| index.databases().find(|(_, d)| d.database_id == id);
        let (master, msdb) = (with_id(MASTER).map(|d| d.0), with_id(MSDB).map(|d| d.0));
        let trusted = index.databases().filter_map(|(db, _)| trust(&index, db));
        let identity = snapshot.server.server_identity.known();
        let graph = Self {
            trusted: trusted.collect(),
            sources: Vec::new(),
            modules: Modules::new(&index, &code),
            links: Links::new(&index),
            has_agent: identity.is_none_or(|i| i.engine_edition != Some(EXPRESS)),
            index,
            code,
            groups: groups.clone(),
            master,
            msdb,
            assumed: Assumed::default(),
            sysadmin: OnceCell::new(),
            nested: OnceCell::new(),
        };
        let sources = graph.sources();
        Self { sources, ..graph }
    }

    /// Replaces what is assumed.
    pub fn assume(&mut self, assumed: Assumed) {
        if !self.nested_holds(assumed.options_on) {
            self.nested = OnceCell::new();
        }
        self.assumed = assumed;
        self.sysadmin = OnceCell::new();
    }

    /// Who reaches the power of sysadmin: most ways to a command lead through it.
    pub fn to_power(&self) -> &Rc<Reach> {
        self.sysadmin
            .get_or_init(|| Rc::new(Reach::new(self, Node::Sysadmin, None)))
    }

    /// Who reaches a command, or the right to set options.
    pub fn to_goal(&self, goal: Node) -> Reach {
        Reach::beyond(self, goal, self.to_power())
    }

    /// Every step that leads to a place, from wherever it begins.
    pub fn leading_to(&self, node: Node) -> Vec<Edge> {
        let mut edges = match node {
            Node::Principal(Scope::Server, id) => self.to_login(id),
            Node::Principal(Scope::Database(db), id) => self.to_user(db, id),
            Node::Joins(scope, role) => self.joining(scope, role),
            Node::Sysadmin => self.to_sysadmin(),
            Node::Owner(db) => self.to_owner(db),
            Node::Inside(db) => self.to_inside(db),
            Node::OwnDatabase => self.to_own_database(),
            Node::Queries(login) => self.to_queries(login),
            Node::Runs(db, module) => self.to_runs(db, module),
            Node::RunsAs(module, context) => self.to_nested(module, context),
            Node::Alters(db, module) => self.to_alters(db, module),
            Node::Settings => self.to_settings(),
            Node::Hop(mapping) => self.to_one_hop(mapping),
            Node::Command(channel) => self.to_command(channel),
        };
        edges.extend(self.assumed.leading_to(node).map(Assumption::edge));
        edges
    }

    /// The rows that put a login into sysadmin; `None` if it is not.
    pub fn sysadmin_facts(&self, login: PrincipalId) -> Option<Facts> {
        sysadmin_facts(&self.index, login)
    }

    /// Members of sysadmin that are no roles, `sa` aside: administrators by design.
    pub fn administrators(&self) -> BTreeSet<Node> {
        let people = self.index.sysadmins().into_iter();
        let people = people.filter(|id| *id != SA && !self.index.is_role(Scope::Server, *id));
        people.map(Node::login).collect()
    }

    /// Index, for rules and wording.
    pub fn index(&self) -> &Index<'a> {
        &self.index
    }

    /// TRUSTWORTHY databases whose owners may vouch for them.
    pub fn trusted(&self) -> &BTreeMap<Db, Trust> {
        &self.trusted
    }
}

/// The rows that put a login into sysadmin, through any nesting; `None` if it is not there.
pub fn sysadmin_facts(index: &Index<'_>, login: PrincipalId) -> Option<Facts> {
    let facts = membership(index, login, SYSADMIN);
    if facts.is_empty() && login == SA {
        return Some(
            index
                .principal_fact(Scope::Server, SA)
                .into_iter()
                .collect(),
        );
    }
    (!facts.is_empty()).then_some(facts)
}

/// The rows of the shortest way by which a login is in a server role, from the role down; none if it is not. A group that
/// the inventory has it in stands there with its own row.
pub fn membership(index: &Index<'_>, login: PrincipalId, role: PrincipalId) -> Facts {
    let scope = index.scope(Scope::Server);
    let mut from: HashMap<PrincipalId, (PrincipalId, FactRef)> = HashMap::new();
    let mut open = vec![login];
    let mut next = 0;
    while let Some(id) = open.get(next).copied() {
        next += 1;
        let roles = scope.roles(id);
        let roles = roles.map(|(role, row)| (role, Index::member_fact(Scope::Server, row)));
        let groups = index.groups_of(id);
        let groups = groups.filter_map(|g| Some((g, index.principal_fact(Scope::Server, g)?)));
        for (above, fact) in roles.chain(groups) {
            if above != login && !from.contains_key(&above) {
                from.insert(above, (id, fact));
                open.push(above);
            }
        }
    }
    let mut facts = Facts::new();
    let mut at = role;
    while let Some((below, fact)) = from.get(&at) {
        facts.push(*fact);
        at = *below;
    }
    facts
}

fn trust(index: &Index<'_>, db: Db) -> Option<(Db, Trust)> {
    let (row, fact) = index.database_row(db)?;
    if row.is_trustworthy_on != Some(true) {
        return None;
    }
    let owner = index
        .scope(Scope::Server)
        .with_sid(row.owner_sid.as_deref()?)?;
    let mut facts = Facts::from_iter([fact]);
    match sysadmin_facts(index, owner) {
        Some(proof) => facts.extend(proof),
        None => facts.push(index.holds(owner, "AUTH")?),
    }
    Some((db, Trust { owner, facts }))
}
