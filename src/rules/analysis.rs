//! What the modules of an instance do: each text read once, on every core, with the synonyms of its database and the
//! calls between modules.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Observations, ObservedModule};
use crate::ids::DatabaseName;
use crate::snapshot::{
    DatabaseFacts, Module, ModuleTexts, NumberedProcedure, Observed, Snapshot, TextHash,
};
use crate::tsql::{self, Member, Object, Sink, Synonyms};

/// A module by its database (none for server triggers), its id, and the number of a numbered procedure.
type Key = (Option<DatabaseName>, i32, Option<i32>);

/// What the modules of an instance do.
pub struct Analysis(BTreeMap<Key, ObservedModule>);

/// A text to be read.
struct Work<'a> {
    key: Key,
    /// Schema and name in the catalog.
    name: Option<(String, String)>,
    sha256: &'a str,
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
            work.extend(Work::new(None, module.into(), texts, 0));
        }
        for database in snapshot.databases.iter().filter(|d| !d.excluded) {
            let own = synonyms.len();
            synonyms.push(synonyms_of(database));
            for code in code_of(database) {
                work.extend(Work::new(Some(database), code, texts, own));
            }
        }
        let mut objects = read(&work, &synonyms);
        let members = work.iter().zip(&mut objects).map(|(work, object)| Member {
            database: work.key.0.as_ref().map_or("", DatabaseName::as_str),
            name: work
                .name
                .as_ref()
                .map(|(schema, name)| (schema.as_str(), name.as_str())),
            is_callable: true,
            object,
        });
        tsql::connect(&mut members.collect::<Vec<_>>());
        let found: Vec<(&Work<'_>, &Object)> = work.iter().zip(&objects).collect();
        let modules = on_every_core(&found, |(work, object)| work.observed(object));
        Self(modules.into_iter().map(|m| (key(&m), m)).collect())
    }

    /// Every module whose text was collected, as if it did nothing.
    pub fn blank(snapshot: &Snapshot) -> Self {
        let blank = |database: Option<&DatabaseName>, code: &Code<'_>| {
            let module = ObservedModule {
                database: database.cloned(),
                object_id: code.object_id,
                number: code.number,
                sha256: code.definition.known()?.sha256.clone(),
                sinks: Vec::new(),
                notes: Vec::new(),
            };
            Some((key(&module), module))
        };
        let server = snapshot.server.server_modules.seen().iter();
        let server = server.filter_map(|module| blank(None, &module.into()));
        let databases = snapshot.databases.iter().filter(|d| !d.excluded);
        let databases =
            databases.flat_map(|d| code_of(d).filter_map(|code| blank(Some(&d.name), &code)));
        Self(server.chain(databases).collect())
    }

    /// Takes what was observed when the texts were at hand. An observation of another text than the snapshot's is no
    /// observation of the module.
    pub fn from_observations(snapshot: &Snapshot, observations: &Observations) -> Self {
        let hash = |code: &Code<'_>| Some(code.definition.known()?.sha256.clone());
        let mut read = BTreeMap::new();
        for module in snapshot.server.server_modules.seen() {
            let code = Code::from(module);
            read.insert((None, code.object_id, None), hash(&code));
        }
        for database in snapshot.databases.iter().filter(|d| !d.excluded) {
            for code in code_of(database) {
                let key = (Some(database.name.clone()), code.object_id, code.number);
                read.insert(key, hash(&code));
            }
        }
        let same = |m: &&ObservedModule| {
            read.get(&key(m))
                .is_some_and(|h| *h == Some(m.sha256.clone()))
        };
        let modules = observations.modules.iter().filter(same);
        Self(modules.map(|m| (key(m), m.clone())).collect())
    }

    /// What a module does; `None` if its text is not at hand and nothing was observed of it.
    pub fn module<'m>(
        &self,
        database: Option<&DatabaseName>,
        module: impl Into<Code<'m>>,
    ) -> Option<&ObservedModule> {
        let code = module.into();
        self.0
            .get(&(database.cloned(), code.object_id, code.number))
    }

    /// All of it, to be kept instead of the texts.
    pub fn into_observations(self) -> Observations {
        Observations::new(self.0.into_values().collect())
    }

    /// Modules that execute text which could not be read.
    pub fn unread(&self) -> usize {
        let unread = |module: &&ObservedModule| {
            let mut sinks = module.sinks.iter();
            sinks.any(|sink| sink.name == Sink::DynamicUnresolved)
        };
        self.0.values().filter(unread).count()
    }
}

fn key(module: &ObservedModule) -> Key {
    (module.database.clone(), module.object_id, module.number)
}

/// A text that can be executed: a module, or number 2 and up of a procedure.
#[derive(Clone, Copy)]
pub struct Code<'a> {
    object_id: i32,
    number: Option<i32>,
    pub(super) definition: &'a Observed<TextHash>,
    quoted_identifier: bool,
}

impl<'a> From<&'a Module> for Code<'a> {
    fn from(module: &'a Module) -> Self {
        Self {
            object_id: module.object_id,
            number: None,
            definition: &module.definition,
            quoted_identifier: module.uses_quoted_identifier != Some(false),
        }
    }
}

impl<'a> From<&'a NumberedProcedure> for Code<'a> {
    fn from(procedure: &'a NumberedProcedure) -> Self {
        Self {
            object_id: procedure.object_id,
            number: Some(procedure.procedure_number),
            definition: &procedure.definition,
            quoted_identifier: true,
        }
    }
}

fn code_of(database: &DatabaseFacts) -> impl Iterator<Item = Code<'_>> {
    let numbered = database.numbered_procedures.seen().iter();
    let modules = database.modules.seen().iter();
    modules.map(Code::from).chain(numbered.map(Code::from))
}

impl<'a> Work<'a> {
    fn new(
        database: Option<&DatabaseFacts>,
        code: Code<'a>,
        texts: &'a ModuleTexts,
        synonyms: usize,
    ) -> Option<Self> {
        let sha256 = &code.definition.known()?.sha256;
        // A caller who names no number gets number 1, which is among the modules.
        let called = database.filter(|_| code.number.is_none());
        Some(Self {
            key: (
                database.map(|d| d.name.clone()),
                code.object_id,
                code.number,
            ),
            name: called.and_then(|d| name_in_catalog(d, code.object_id)),
            sha256,
            text: texts.get(sha256)?,
            quoted_identifier: code.quoted_identifier,
            synonyms,
        })
    }

    fn observed(&self, object: &Object) -> ObservedModule {
        let (database, object_id, number) = self.key.clone();
        ObservedModule {
            number,
            ..ObservedModule::new(database, object_id, self.sha256, self.text, object)
        }
    }
}

fn name_in_catalog(database: &DatabaseFacts, object_id: i32) -> Option<(String, String)> {
    let object = database.object(object_id)?;
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

/// Reads the texts.
fn read(work: &[Work<'_>], synonyms: &[Synonyms]) -> Vec<Object> {
    let none = Synonyms::default();
    on_every_core(work, |work| {
        let synonyms = synonyms.get(work.synonyms).unwrap_or(&none);
        tsql::observe_module_among(work.text, work.quoted_identifier, synonyms)
    })
}

/// Does the work on every core, and gives what comes of it in the same order.
fn on_every_core<W: Sync, T: Send>(work: &[W], one: impl Fn(&W) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, T)>> = Mutex::default();
    let worker = || {
        let mut own = Vec::new();
        while let Some((index, work)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            work.get(index).map(|work| (index, work))
        } {
            own.push((index, one(work)));
        }
        done.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(own);
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores == 1 || work.len() < 2 {
        worker();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..cores.min(work.len()) {
                scope.spawn(worker);
            }
        });
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
