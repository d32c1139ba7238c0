//! Which objects of the catalog calls lead to, those among them whose text is not at hand.

use std::collections::HashMap;

use super::code::name_in_catalog;
use crate::ids::DatabaseName;
use crate::rules::ObservedCall;
use crate::snapshot::{DatabaseFacts, Snapshot};
use crate::tsql::{self, CallSite, Callees, Home};

/// Functions and aggregates, of T-SQL and of assemblies.
const FUNCTIONS: &[&str] = &["FN", "IF", "TF", "FS", "FT", "AF"];
/// Stored procedures, those of assemblies, and extended ones.
const PROCEDURES: &[&str] = &["P", "PC", "X"];

/// An object by its database and id.
type Id<'a> = (&'a DatabaseName, i32);

/// What code can call in the databases that the inventory does not exclude.
#[derive(Default)]
pub(super) struct Catalog<'a> {
    /// EXECUTE calls procedures and scalar functions alike.
    all: Callees<Id<'a>>,
    /// What an expression calls is a function.
    functions: Callees<Id<'a>>,
}

impl<'a> Catalog<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let mut catalog = Self::default();
        let databases = snapshot.databases.iter().filter(|d| !d.excluded);
        for database in databases.clone() {
            catalog.add_objects(database);
        }
        for database in databases {
            catalog.add_synonyms(database);
        }
        catalog
    }

    fn add_objects(&mut self, database: &'a DatabaseFacts) {
        let schemas = database.schemas.seen().iter();
        let homes: HashMap<i32, Home> = schemas
            .map(|schema| {
                let home = Home::new(database.name.as_str(), Some(&schema.name));
                (schema.schema_id, home)
            })
            .collect();
        for object in database.objects.seen() {
            let kind = object.r#type.as_str();
            let is_function = FUNCTIONS.contains(&kind);
            if !is_function && !PROCEDURES.contains(&kind) {
                continue;
            }
            let Some(home) = homes.get(&object.schema_id) else {
                continue;
            };
            let id = (&database.name, object.object_id);
            self.all.insert(home, &object.name, id);
            if is_function {
                self.functions.insert(home, &object.name, id);
            }
        }
    }

    /// The analyser knows the synonyms of the code's own database, and of functions none. A synonym cannot stand for
    /// another one, so their order does not matter.
    fn add_synonyms(&mut self, database: &'a DatabaseFacts) {
        for synonym in database.synonyms.seen() {
            let target = synonym.base_object_name.as_deref().unwrap_or_default();
            let Some((schema, name)) = name_in_catalog(database, synonym.object_id) else {
                continue;
            };
            let home = Home::new(database.name.as_str(), Some(&schema));
            let target = tsql::name_parts(target);
            for callees in [&mut self.all, &mut self.functions] {
                for id in callees.find(&home, &target).to_vec() {
                    callees.insert(&home, &name, id);
                }
            }
        }
    }

    /// The objects that calls of code with this home lead to, each once for text that is executed and once for the rest,
    /// with the first line.
    pub(super) fn observed<'c>(
        &self,
        home: &Home,
        calls: impl IntoIterator<Item = &'c CallSite>,
    ) -> Vec<ObservedCall> {
        let mut found = Vec::new();
        for call in calls.into_iter().filter(|call| !call.is_elsewhere) {
            let known = if call.is_function {
                &self.functions
            } else {
                &self.all
            };
            let ids = known.find(home, &call.callee).iter();
            found.extend(ids.map(|id| (*id, call.is_dynamic, call.line)));
        }
        found.sort_unstable();
        found.dedup_by_key(|(id, is_dynamic, _)| (*id, *is_dynamic));
        let observed = found.into_iter();
        let observed = observed.map(|((database, object_id), dynamic, line)| ObservedCall {
            database: database.clone(),
            object_id,
            dynamic,
            line,
        });
        observed.collect()
    }
}
