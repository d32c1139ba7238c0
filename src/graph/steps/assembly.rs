//! Ways to run CLR code that may leave the database.

use super::super::build::Graph;
use super::super::fact::FactRef;
use super::super::index::{DBO, Db, Scope};
use super::super::node::Node;
use super::super::permission::Class;
use super::super::securable::Securable;
use super::super::step::{Edge, Facts, Step};
use crate::ids::PrincipalId;
use crate::snapshot::{Assembly, Fact};

/// Something for whose sake the server loads an assembly.
struct Voucher {
    facts: Facts,
    /// The key that must have signed it; none where the database is TRUSTWORTHY.
    key: Option<Securable>,
}

impl Graph<'_> {
    pub(in super::super) fn to_clr(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (db, facts) in self.index.databases() {
            let vouchers = self.vouchers(db);
            for (at, assembly) in (0..).zip(facts.assemblies.seen()) {
                if !leaves_the_database(assembly) {
                    continue;
                }
                let fact = FactRef::database(Fact::Assemblies, db, at);
                edges.extend(self.modules_of(db, assembly, fact));
                edges.extend(self.replacers(db, assembly, fact, &vouchers));
                edges.extend(self.binders(db, assembly, fact));
            }
            edges.extend(self.creators(db, &vouchers));
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

    /// Who makes a module of an assembly's method: by REFERENCES on it, or owning it, in a schema that he may alter.
    fn binders(&self, db: Db, assembly: &Assembly, fact: FactRef) -> Vec<Edge> {
        let securable = Securable::within(db, Class::Assembly, assembly.assembly_id);
        let holders = self.index.holders(securable, "RF").into_iter();
        let mut holders: Vec<Edge> = holders.map(|h| h.step(Step::BindAssembly)).collect();
        let owner = assembly.principal_id.filter(|owner| *owner != DBO);
        let owner = owner.map(|owner| Edge::new(Node::user(db, owner), Step::BindAssembly, []));
        holders.extend(owner);
        let mut edges = vec![Edge::new(Node::Inside(db), Step::BindAssembly, [fact])];
        if holders.is_empty() {
            return edges;
        }
        let writers = self.schema_writers(db);
        for holder in &holders {
            let both = self.both(holder, &writers).into_iter();
            edges.extend(both.map(|edge| edge.and([fact])));
        }
        edges
    }

    /// Who replaces an assembly's code: whoever may alter it, its owner, dbo.
    fn replacers(
        &self,
        db: Db,
        assembly: &Assembly,
        fact: FactRef,
        vouchers: &[Voucher],
    ) -> Vec<Edge> {
        let securable = Securable::within(db, Class::Assembly, assembly.assembly_id);
        let rights = ["AL", "TO"].into_iter();
        let holders = rights.flat_map(|code| self.index.holders(securable, code));
        let mut edges: Vec<Edge> = holders.map(|h| h.step(Step::ReplaceAssembly)).collect();
        let owner = assembly.principal_id.filter(|owner| *owner != DBO);
        let owner = owner.map(|owner| Node::user(db, owner));
        let those = owner.into_iter().chain([Node::Owner(db)]);
        edges.extend(those.map(|node| Edge::new(node, Step::ReplaceAssembly, [])));
        let edges = edges.into_iter().map(|edge| edge.and([fact]));
        if self.is_strict() {
            return self.loaded(db, &edges.collect::<Vec<_>>(), vouchers);
        }
        // Without the strict rule ALTER ASSEMBLY asks the caller for the server permission alone.
        edges
            .flat_map(|edge| self.with_assembly_right(db, edge))
            .collect()
    }

    /// Whoever may create assemblies where something vouches for them.
    fn creators(&self, db: Db, vouchers: &[Voucher]) -> Vec<Edge> {
        let holders = self.index.holders(Securable::database(db), "CRAS");
        let holders = holders.into_iter();
        let dbo = Edge::new(Node::Owner(db), Step::NewAssembly, []);
        let edges = holders.map(|h| h.step(Step::NewAssembly)).chain([dbo]);
        self.loaded(db, &edges.collect::<Vec<_>>(), vouchers)
    }

    /// Those of whom the server takes code: something vouches for it, a key if they can sign with it.
    fn loaded(&self, db: Db, edges: &[Edge], vouchers: &[Voucher]) -> Vec<Edge> {
        let mut loaded = Vec::new();
        for voucher in vouchers {
            let signers = voucher.key.map(|key| self.signing_with(db, key));
            let mut own: Vec<Edge> = match &signers {
                None => edges.to_vec(),
                Some(signers) => edges.iter().flat_map(|e| self.both(e, signers)).collect(),
            };
            // What TRUSTWORTHY gives is gone with the present owner, a key stays.
            if voucher.key.is_some() {
                let dbo = own.iter().find(|edge| edge.from == Node::Owner(db));
                let taken = dbo.map(|edge| Edge {
                    from: Node::Inside(db),
                    ..edge.clone()
                });
                own.extend(taken);
            }
            let facts = || voucher.facts.iter().copied();
            loaded.extend(own.into_iter().map(|edge| edge.and(facts())));
        }
        if self.is_strict() {
            return loaded;
        }
        let loaded = loaded.into_iter();
        loaded
            .flat_map(|edge| self.with_assembly_right(db, edge))
            .collect()
    }

    /// Who can sign with a key, dbo among them.
    fn signing_with(&self, db: Db, key: Securable) -> Vec<Edge> {
        let holders = self.index.holders(key, "CL").into_iter();
        let dbo = Edge::new(Node::Owner(db), Step::NewAssembly, []);
        holders
            .map(|h| h.step(Step::NewAssembly))
            .chain([dbo])
            .collect()
    }

    /// The part of a step that is open to those who can sign too.
    pub(super) fn both(&self, edge: &Edge, signers: &[Edge]) -> Vec<Edge> {
        let same = signers.iter().find(|signer| signer.from == edge.from);
        if let Some(signer) = same {
            return vec![edge.clone().and(signer.facts.iter().copied())];
        }
        signers
            .iter()
            .flat_map(|signer| self.in_both(edge, signer))
            .collect()
    }

    /// What makes the server load an assembly of a database: TRUSTWORTHY with an owner who may, or keys whose login may
    /// and whose private half stands in the database without a password of its own.
    fn vouchers(&self, db: Db) -> Vec<Voucher> {
        let mut vouchers = Vec::new();
        let Some((row, fact)) = self.index.database_row(db) else {
            return vouchers;
        };
        if row.is_trustworthy_on == Some(true) {
            let owner = row.owner_sid.as_deref().and_then(|s| self.login_of_sid(s));
            if let Some(proof) = owner.and_then(|owner| self.may_load(owner)) {
                let facts = [fact].into_iter().chain(proof).collect();
                vouchers.push(Voucher { facts, key: None });
            }
        }
        let Some(facts) = self.index.database(db) else {
            return vouchers;
        };
        let certificates = (0..).zip(facts.certificates.seen()).map(|(at, c)| {
            let key = Securable::within(db, Class::Certificate, c.certificate_id);
            let fact = FactRef::database(Fact::Certificates, db, at);
            (fact, key, &c.pvt_key_encryption_type, &c.sid)
        });
        let keys = (0..).zip(facts.asymmetric_keys.seen()).map(|(at, k)| {
            let key = Securable::within(db, Class::AsymmetricKey, k.asymmetric_key_id);
            let fact = FactRef::database(Fact::AsymmetricKeys, db, at);
            (fact, key, &k.pvt_key_encryption_type, &k.sid)
        });
        for (fact, key, private, sid) in certificates.chain(keys) {
            let login = sid.as_deref().and_then(|sid| self.login_of_sid(sid));
            let usable = matches!(private.as_str(), "MK" | "SK");
            let login = login.filter(|_| usable);
            if let Some(proof) = login.and_then(|login| self.may_load(login)) {
                let facts = [fact].into_iter().chain(proof).collect();
                vouchers.push(Voucher {
                    facts,
                    key: Some(key),
                });
            }
        }
        vouchers
    }

    /// What lets a login vouch for assemblies.
    fn may_load(&self, login: PrincipalId) -> Option<Facts> {
        let rights = ["XU", "XA"].into_iter();
        let mut rights = rights.filter(|right| *right == "XU" || !self.is_strict());
        let held = rights.find_map(|right| self.index.holds(login, right));
        let held = held.map(|fact| Facts::from_iter([fact]));
        self.sysadmin_facts(login).or(held)
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
            Node::Owner(db) | Node::Inside(db) => self.logins_below(db, DBO),
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
    fn logins_below(&self, db: Db, id: PrincipalId) -> std::collections::BTreeSet<PrincipalId> {
        let scope = Scope::Database(db);
        let mut users = self.index.below(scope, id);
        if id == DBO {
            let owners = PrincipalId(super::super::permission::DB_OWNER);
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

/// Every assembly of a user's counts: clr strict security takes each as UNSAFE whatever its permission set says, and
/// without it SAFE is said to be no boundary either (docs: clr strict security).
fn leaves_the_database(assembly: &Assembly) -> bool {
    assembly.is_user_defined != Some(false)
}
