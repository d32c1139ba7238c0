//! What the modules of an instance do: each text read once, on every core, with the synonyms of its database and the
//! calls between modules.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::ids::DatabaseName;
use crate::snapshot::{DatabaseFacts, Module, ModuleTexts, Snapshot};
use crate::tsql::{self, Member, Object, Sink, Synonyms};

/// A module by its database (none for server triggers) and its id.
type Key = (Option<DatabaseName>, i32);

/// What the modules of an instance do.
pub struct Analysis(BTreeMap<Key, Object>);

/// A text to be read.
struct Work<'a> {
    key: Key,
    /// Schema and name in the catalog.
    name: Option<(String, String)>,
    text: &'a str,
    quoted_identifier: bool,
    synonyms: usize,
}

impl Analysis {
    /// Reads every module whose text is at hand, but for databases that the inventory excludes.
    pub fn new(snapshot: &Snapshot, texts: &ModuleTexts) -> Self {
        let mut work = Vec::new();
        let mut synonyms = vec![Synonyms::default()];
        for module in snapshot.server.server_modules.seen() {
            work.extend(Work::new(None, module, texts, 0));
        }
        for database in snapshot.databases.iter().filter(|d| !d.excluded) {
            let own = synonyms.len();
            synonyms.push(synonyms_of(database));
            for module in database.modules.seen() {
                work.extend(Work::new(Some(database), module, texts, own));
            }
        }
        let mut objects = read(&work, &synonyms);
        let members = work.iter().zip(&mut objects).map(|(work, object)| Member {
            database: work.key.0.as_ref().map_or("", DatabaseName::as_str),
            name: work
                .name
                .as_ref()
                .map(|(schema, name)| (schema.as_str(), name.as_str())),
            object,
        });
        tsql::connect(&mut members.collect::<Vec<_>>());
        let keys = work.into_iter().map(|work| work.key);
        Self(keys.zip(objects).collect())
    }

    /// What a module does; `None` if its text is not at hand.
    pub fn object(&self, database: Option<&DatabaseName>, module: &Module) -> Option<&Object> {
        self.0.get(&(database.cloned(), module.object_id))
    }

    /// Modules that execute text which could not be read.
    pub fn unread(&self) -> usize {
        let unread = |object: &&Object| {
            let mut sinks = object.sinks.iter();
            sinks.any(|sink| sink.sink == Sink::DynamicUnresolved)
        };
        self.0.values().filter(unread).count()
    }
}

impl<'a> Work<'a> {
    fn new(
        database: Option<&DatabaseFacts>,
        module: &Module,
        texts: &'a ModuleTexts,
        synonyms: usize,
    ) -> Option<Self> {
        let text = texts.get(&module.definition.known()?.sha256)?;
        Some(Self {
            key: (database.map(|d| d.name.clone()), module.object_id),
            name: database.and_then(|d| name_in_catalog(d, module.object_id)),
            text,
            quoted_identifier: module.uses_quoted_identifier != Some(false),
            synonyms,
        })
    }
}

fn name_in_catalog(database: &DatabaseFacts, object_id: i32) -> Option<(String, String)> {
    let mut objects = database.objects.seen().iter();
    let object = objects.find(|o| o.object_id == object_id)?;
    let mut schemas = database.schemas.seen().iter();
    let schema = schemas.find(|s| s.schema_id == object.schema_id)?;
    Some((schema.name.clone(), object.name.clone()))
}

fn synonyms_of(database: &DatabaseFacts) -> Synonyms {
    let mut synonyms = Synonyms::default();
    for synonym in database.synonyms.seen() {
        let target = synonym.base_object_name.as_deref().unwrap_or_default();
        if let Some((schema, name)) = name_in_catalog(database, synonym.object_id) {
            synonyms.insert(&[schema, name], &tsql::name_parts(target));
        }
    }
    synonyms
}

/// Reads the texts on every core, and gives what they do in the same order.
fn read(work: &[Work<'_>], synonyms: &[Synonyms]) -> Vec<Object> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Object)>> = Mutex::default();
    let none = Synonyms::default();
    let reader = || {
        let mut own = Vec::new();
        while let Some((index, work)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            work.get(index).map(|work| (index, work))
        } {
            let synonyms = synonyms.get(work.synonyms).unwrap_or(&none);
            let object = tsql::observe_module_among(work.text, work.quoted_identifier, synonyms);
            own.push((index, object));
        }
        done.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(own);
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores == 1 || work.len() < 2 {
        reader();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..cores.min(work.len()) {
                scope.spawn(reader);
            }
        });
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, object)| object).collect()
}
