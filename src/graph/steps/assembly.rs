//! Ways to run CLR code that may leave the database.

use super::super::build::Graph;
use super::super::fact::FactRef;
use super::super::index::{Db, Scope};
use super::super::node::Node;
use super::super::permission::Class;
use super::super::securable::Securable;
use super::super::step::{Edge, Facts, Step};
use crate::snapshot::{Assembly, Fact};

/// SAFE is 1.
const EXTERNAL_ACCESS: i32 = 2;

impl Graph<'_> {
    pub(in super::super) fn into_clr(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (db, facts) in self.index.databases() {
            for (at, assembly) in (0..).zip(facts.assemblies.seen()) {
                if !leaves_the_database(assembly) {
                    continue;
                }
                let fact = FactRef::database(Fact::Assemblies, db, at);
                edges.extend(self.modules_of(db, assembly, fact));
                let trust = self.loading(db);
                if trust.is_some() || !self.is_strict() {
                    let facts = [fact].into_iter().chain(trust.unwrap_or_default());
                    edges.extend(self.replacers(db, assembly, &facts.collect()));
                }
            }
            edges.extend(self.creators(db));
        }
        edges
    }

    fn modules_of(&self, db: Db, assembly: &Assembly, fact: FactRef) -> Vec<Edge> {
        let facts = self.index.database(db);
        let modules = facts.map_or(&[][..], |d| d.assembly_modules.seen());
        let own = (0..).zip(modules);
        own.filter(|(_, m)| m.assembly_id == assembly.assembly_id)
            .map(|(at, module)| {
                let row = FactRef::database(Fact::AssemblyModules, db, at);
                let from = Node::Runs(db, module.object_id);
                Edge::new(from, Step::ClrModule, [row, fact])
            })
            .collect()
    }

    fn replacers(&self, db: Db, assembly: &Assembly, facts: &Facts) -> Vec<Edge> {
        let rows = || facts.iter().copied();
        let securable = Securable::within(db, Class::Assembly, assembly.assembly_id);
        let rights = ["AL", "TO"].into_iter();
        let holders = rights.flat_map(|code| self.index.holders(securable, code));
        let holders = holders.map(|h| h.step(Step::ReplaceAssembly).and(rows()));
        let mut edges: Vec<Edge> = match self.is_strict() {
            true => holders.collect(),
            // Without the strict rule the caller needs the server permission too.
            false => holders
                .flat_map(|edge| self.with_assembly_right(db, edge))
                .collect(),
        };
        if self.is_strict() {
            edges.push(Edge::new(Node::Inside(db), Step::ReplaceAssembly, rows()));
        }
        edges
    }

    /// Whoever may create assemblies where something vouches for them.
    fn creators(&self, db: Db) -> Vec<Edge> {
        let Some(trust) = self.loading(db) else {
            return Vec::new();
        };
        let trusted = || trust.iter().copied();
        let holders = self.index.holders(Securable::database(db), "CRAS");
        let holders = holders.into_iter();
        let edges = holders.map(|h| h.step(Step::NewAssembly).and(trusted()));
        if self.is_strict() {
            let inside = Edge::new(self.dbo_of(db), Step::NewAssembly, trusted());
            return edges.chain([inside]).collect();
        }
        let inside = Edge::new(self.dbo_of(db), Step::NewAssembly, trusted());
        let edges = edges.chain([inside]);
        edges
            .flat_map(|edge| self.with_assembly_right(db, edge))
            .collect()
    }

    /// What TRUSTWORTHY gives is gone with the present owner.
    fn dbo_of(&self, db: Db) -> Node {
        Node::Owner(db)
    }

    /// What makes the server load an assembly of a database: TRUSTWORTHY with an owner who may, or a key whose login
    /// may and whose private half stands in the database without a password of its own.
    fn loading(&self, db: Db) -> Option<Facts> {
        let may = |login| {
            let rights = ["XU", "XA"].into_iter();
            let rights = rights.filter(|right| *right == "XU" || !self.is_strict());
            let mut rights = rights.filter_map(|right| self.index.holds(login, right));
            let held = rights.next().map(|fact| Facts::from_iter([fact]));
            self.sysadmin_facts(login).or(held)
        };
        let (row, fact) = self.index.database_row(db)?;
        if row.is_trustworthy_on == Some(true) {
            let owner = row.owner_sid.as_deref().and_then(|s| self.login_of_sid(s));
            if let Some(proof) = owner.and_then(may) {
                return Some([fact].into_iter().chain(proof).collect());
            }
        }
        let facts = self.index.database(db)?;
        let certificates = (0..).zip(facts.certificates.seen());
        let certificates = certificates
            .map(|(at, c)| (Fact::Certificates, at, &c.pvt_key_encryption_type, &c.sid));
        let keys = (0..).zip(facts.asymmetric_keys.seen());
        let keys =
            keys.map(|(at, k)| (Fact::AsymmetricKeys, at, &k.pvt_key_encryption_type, &k.sid));
        for (fact, at, private, sid) in certificates.chain(keys) {
            let login = sid.as_deref().and_then(|sid| self.login_of_sid(sid));
            let usable = matches!(private.as_str(), "MK" | "SK");
            if let Some(proof) = login.filter(|_| usable).and_then(may) {
                let own = FactRef::database(fact, db, at);
                return Some([own].into_iter().chain(proof).collect());
            }
        }
        None
    }

    /// Before 2017, and where clr strict security is off, the caller needs UNSAFE ASSEMBLY or EXTERNAL ACCESS ASSEMBLY.
    fn with_assembly_right(&self, db: Db, edge: Edge) -> Vec<Edge> {
        let logins = match edge.from {
            Node::Principal(Scope::Server, id) | Node::Joins(Scope::Server, id) => {
                self.index.below(Scope::Server, id)
            }
            Node::Principal(Scope::Database(_), id) | Node::Joins(Scope::Database(_), id) => {
                self.logins_below(db, id)
            }
            Node::Owner(db) | Node::Inside(db) => self.logins_below(db, super::super::index::DBO),
            _ => return vec![edge],
        };
        let mut edges = Vec::new();
        for login in logins {
            let mut rights = ["XU", "XA"].into_iter();
            if let Some(fact) = rights.find_map(|right| self.index.holds(login, right)) {
                let mut own = edge.clone().and([fact]);
                own.from = Node::login(login);
                edges.push(own);
            }
        }
        edges
    }

    /// Logins that enter a database as this user or below this role; of dbo its owner and the members of db_owner.
    fn logins_below(
        &self,
        db: Db,
        id: crate::ids::PrincipalId,
    ) -> std::collections::BTreeSet<crate::ids::PrincipalId> {
        let scope = Scope::Database(db);
        let mut users = self.index.below(scope, id);
        if id == super::super::index::DBO {
            let owners = crate::ids::PrincipalId(super::super::permission::DB_OWNER);
            users.extend(self.index.below(scope, owners));
        }
        let logins = self.index.people(Scope::Server).into_iter();
        logins
            .filter(|login| {
                let entry = self.index.entry(db, *login);
                entry.is_some_and(|(user, _)| users.contains(&user))
            })
            .collect()
    }

    /// Whether every assembly is held to be UNSAFE: since 2017 by an option that is on where nobody set it off.
    pub(in super::super) fn is_strict(&self) -> bool {
        const SINCE: u16 = 14;
        let version = self.index.snapshot.server.server_identity.known();
        let version = version.and_then(crate::snapshot::ServerIdentity::catalog_version);
        if version.is_none_or(|version| version < SINCE) {
            return false;
        }
        let mut rows = self.index.snapshot.server.configurations.seen().iter();
        let row = rows.find(|row| row.name.eq_ignore_ascii_case("clr strict security"));
        match row.and_then(|row| row.value_in_use) {
            Some(value) => value != 0,
            None => !self.assumed.options_on,
        }
    }
}

fn leaves_the_database(assembly: &Assembly) -> bool {
    let set = assembly.permission_set;
    assembly.is_user_defined != Some(false) && set.is_some_and(|set| set >= EXTERNAL_ACCESS)
}
