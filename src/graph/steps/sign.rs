//! Ways to make use of a key that was left in a database: who can sign with it signs a module of his own.

use std::collections::BTreeSet;

use super::super::build::Graph;
use super::super::fact::FactRef;
use super::super::index::{DBO, Db, SYS_SCHEMA};
use super::super::node::Node;
use super::super::permission::Class;
use super::super::securable::Securable;
use super::super::step::{Edge, Facts, Step};
use crate::ids::PrincipalId;
use crate::snapshot::Fact;

/// A key of a database that has a login.
pub struct LoginKey {
    /// The key.
    pub key: Securable,
    /// Its login.
    pub login: PrincipalId,
    /// Its row.
    pub fact: FactRef,
    /// How its private half is kept: `MK` and `SK` need no password, `PW` does, of `NA` it is not there.
    pub private: String,
    /// Its name.
    pub name: String,
}

impl Graph<'_> {
    /// Keys of a database that have logins.
    pub fn login_keys(&self, db: Db) -> Vec<LoginKey> {
        let Some(facts) = self.index.database(db) else {
            return Vec::new();
        };
        let certificates = (0..).zip(facts.certificates.seen()).map(|(at, c)| {
            let key = Securable::within(db, Class::Certificate, c.certificate_id);
            let fact = FactRef::database(Fact::Certificates, db, at);
            (key, fact, &c.pvt_key_encryption_type, &c.sid, &c.name)
        });
        let keys = (0..).zip(facts.asymmetric_keys.seen()).map(|(at, k)| {
            let key = Securable::within(db, Class::AsymmetricKey, k.asymmetric_key_id);
            let fact = FactRef::database(Fact::AsymmetricKeys, db, at);
            (key, fact, &k.pvt_key_encryption_type, &k.sid, &k.name)
        });
        let all = certificates.chain(keys);
        all.filter_map(|(key, fact, private, sid, name)| {
            Some(LoginKey {
                key,
                login: self.login_of_sid(sid.as_deref()?)?,
                fact,
                private: private.clone(),
                name: name.clone(),
            })
        })
        .collect()
    }

    /// Whoever signs a module of his own with a key of this login.
    pub(in super::super) fn signers(&self, login: PrincipalId) -> Vec<Edge> {
        let is_key = matches!(
            self.index.login(login).map(|row| row.r#type.as_str()),
            Some("C" | "K")
        );
        let mut edges = Vec::new();
        for (db, _) in self.index.databases().filter(|_| is_key) {
            for key in self.login_keys(db) {
                if key.login == login && matches!(key.private.as_str(), "MK" | "SK") {
                    edges.extend(self.signing_own(db, &key));
                }
            }
        }
        edges
    }

    /// Whoever may use a key and write a module in its database; dbo, whoever owns that, among them.
    pub fn signing_own(&self, db: Db, key: &LoginKey) -> Vec<Edge> {
        let row = self
            .index
            .principal_fact(super::super::index::Scope::Server, key.login);
        let facts: Facts = [key.fact].into_iter().chain(row).collect();
        let holders = self.index.holders(key.key, "CL").into_iter();
        let holders: Vec<Edge> = holders.map(|h| h.step(Step::SignModule)).collect();
        let mut edges = vec![Edge::new(Node::Inside(db), Step::SignModule, [])];
        if !holders.is_empty() {
            let writers = self.module_writers(db).into_iter();
            edges.extend(writers.flat_map(|writer| self.both(&writer, &holders)));
        }
        let edges = edges.into_iter();
        edges
            .map(|edge| {
                let step = Step::SignModule;
                Edge { step, ..edge }.and(facts.iter().copied())
            })
            .collect()
    }

    /// Who makes or changes some module of a database, dbo aside.
    fn module_writers(&self, db: Db) -> Vec<Edge> {
        let mut writers = self.schema_writers(db);
        for module in self.singled_out(db) {
            writers.extend(self.alterers_at_once((db, module)));
        }
        let mut known = BTreeSet::new();
        writers.retain(|writer| known.insert(writer.from));
        writers
    }

    /// Who may alter a schema, which counts as making a module there, or take it.
    pub(in super::super) fn schema_writers(&self, db: Db) -> Vec<Edge> {
        let facts = self.index.database(db);
        let schemas = facts.map_or(&[][..], |d| d.schemas.seen()).iter();
        let schemas = schemas.filter(|schema| schema.schema_id != SYS_SCHEMA);
        let mut writers = Vec::new();
        for schema in schemas {
            let securable = Securable::within(db, Class::Schema, schema.schema_id);
            for right in ["AL", "TO"] {
                let holders = self.index.holders(securable, right).into_iter();
                writers.extend(holders.map(|h| h.step(Step::AlterModule)));
            }
        }
        let mut known = BTreeSet::new();
        writers.retain(|writer| known.insert(writer.from));
        writers
    }

    /// Modules that somebody may alter by a right on themselves, or on their table, or by owning one of these.
    fn singled_out(&self, db: Db) -> BTreeSet<i32> {
        let Some(facts) = self.index.database(db) else {
            return BTreeSet::new();
        };
        let mut objects = self.granted_objects(db);
        let owned = facts.objects.seen().iter();
        let owned = owned.filter(|o| o.principal_id.is_some_and(|owner| owner != DBO));
        objects.extend(owned.map(|object| object.object_id));
        let triggers = facts.triggers.seen().iter().filter(|t| t.parent_class != 0);
        let on_tables = triggers.filter(|t| objects.contains(&t.parent_id));
        let on_tables: Vec<i32> = on_tables.map(|t| t.object_id).collect();
        objects.retain(|id| self.is_module((db, *id)));
        objects.extend(on_tables);
        objects
    }
}
