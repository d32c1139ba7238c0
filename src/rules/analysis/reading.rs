//! The texts that are read, and reading them on every core.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::catalog::Catalog;
use super::code::{Code, MASTER, code_of, database_of, job_steps, name_in_catalog};
use crate::ids::DatabaseName;
use crate::rules::{ObservedJobStep, ObservedModule};
use crate::snapshot::{DatabaseFacts, JobStep, ModuleTexts, Snapshot};
use crate::tsql::{self, Home, Member, Object, Synonyms};

/// The texts at hand of an instance, but for databases that the inventory excludes.
#[derive(Default)]
pub(super) struct Texts<'a> {
    pub(super) modules: Vec<ModuleWork<'a>>,
    pub(super) job_steps: Vec<StepWork<'a>>,
}

/// A module to be read.
pub(super) struct ModuleWork<'a> {
    key: (Option<DatabaseName>, i32, Option<i32>),
    /// Schema and name in the catalog.
    name: Option<(String, String)>,
    sha256: &'a str,
    text: &'a str,
    quoted_identifier: bool,
    synonyms: Synonyms,
}

/// A job step to be read.
pub(super) struct StepWork<'a> {
    step: &'a JobStep,
    /// Where it runs.
    database: DatabaseName,
    sha256: &'a str,
    text: &'a str,
    synonyms: Synonyms,
}

impl<'a> Texts<'a> {
    pub(super) fn of(snapshot: &'a Snapshot, texts: &'a ModuleTexts) -> Self {
        let mut found = Self::default();
        let mut synonyms: Vec<(&DatabaseName, Synonyms)> = Vec::new();
        for module in snapshot.server.server_modules.seen() {
            let work = ModuleWork::new(None, module.into(), texts, &Synonyms::default());
            found.modules.extend(work);
        }
        for database in snapshot.databases.iter().filter(|d| !d.excluded) {
            let own = synonyms_of(database);
            for code in code_of(database) {
                let work = ModuleWork::new(Some(database), code, texts, &own);
                found.modules.extend(work);
            }
            synonyms.push((&database.name, own));
        }
        for (step, hash) in job_steps(snapshot) {
            let Some(text) = texts.get(&hash.sha256) else {
                continue;
            };
            let database = database_of(step);
            // Whoever made the step spelt the name.
            let is_there = |name: &str| name.eq_ignore_ascii_case(database.as_str());
            let own = synonyms.iter().find(|(name, _)| is_there(name.as_str()));
            found.job_steps.push(StepWork {
                step,
                sha256: &hash.sha256,
                text,
                synonyms: own.map(|(_, own)| own.clone()).unwrap_or_default(),
                database,
            });
        }
        found
    }
}

impl<'a> ModuleWork<'a> {
    fn new(
        database: Option<&DatabaseFacts>,
        code: Code<'a>,
        texts: &'a ModuleTexts,
        synonyms: &Synonyms,
    ) -> Option<Self> {
        let sha256 = &code.definition.known()?.sha256;
        Some(Self {
            key: (
                database.map(|d| d.name.clone()),
                code.object_id,
                code.number,
            ),
            name: database.and_then(|d| name_in_catalog(d, code.object_id)),
            sha256,
            text: texts.get(sha256)?,
            quoted_identifier: code.quoted_identifier,
            synonyms: synonyms.clone(),
        })
    }

    pub(super) fn read(&self) -> Object {
        tsql::observe_module_among(self.text, self.quoted_identifier, &self.synonyms)
    }

    pub(super) fn member<'m>(&'m self, object: &'m mut Object) -> Member<'m> {
        let (database, _, number) = &self.key;
        let name = self.name.as_ref().filter(|_| number.is_none());
        Member {
            // Triggers of the server run in master, where nothing calls them.
            database: database.as_ref().map_or(MASTER, DatabaseName::as_str),
            // A caller who names no number gets number 1, which is among the modules.
            name: name.map(|(schema, name)| (schema.as_str(), name.as_str())),
            is_callable: database.is_some(),
            object,
        }
    }

    pub(super) fn observed(&self, object: &Object, catalog: &Catalog<'_>) -> ObservedModule {
        let (database, object_id, number) = self.key.clone();
        let home = || {
            // Triggers of the server run in master.
            let database = database.as_ref().map_or(MASTER, DatabaseName::as_str);
            let schema = self.name.as_ref().map(|(schema, _)| schema.as_str());
            Home::new(database, schema)
        };
        let calls = match object.calls.as_slice() {
            [] => Vec::new(),
            calls => catalog.observed(&home(), calls),
        };
        ObservedModule {
            number,
            calls,
            ..ObservedModule::new(database, object_id, self.sha256, self.text, object)
        }
    }
}

impl StepWork<'_> {
    pub(super) fn read(&self) -> Vec<Object> {
        tsql::observe_job_step(self.text, &self.synonyms)
    }

    /// One batch among what calls and is called.
    pub(super) fn member<'m>(&'m self, batch: &'m mut Object) -> Member<'m> {
        Member {
            database: self.database.as_str(),
            name: None,
            // What a step creates is there when it has run; the catalog tells whether it is.
            is_callable: false,
            object: batch,
        }
    }

    pub(super) fn observed(&self, batches: &[Object], catalog: &Catalog<'_>) -> ObservedJobStep {
        let home = Home::new(self.database.as_str(), None);
        let calls = batches.iter().flat_map(|batch| &batch.calls);
        ObservedJobStep {
            calls: catalog.observed(&home, calls),
            ..ObservedJobStep::new(self.step, self.sha256, self.text, batches)
        }
    }
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

/// Bytes of text that are read before another thread has begun.
const LITTLE: usize = 32 * 1024;

/// Text to be read, in pieces.
pub(super) trait Work: Sync {
    /// Of this piece.
    fn bytes(&self) -> usize;
}

impl Work for ModuleWork<'_> {
    fn bytes(&self) -> usize {
        self.text.len()
    }
}

impl Work for StepWork<'_> {
    fn bytes(&self) -> usize {
        self.text.len()
    }
}

impl<W: Work, T: Sync> Work for (&W, &T) {
    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// Does the work on every core, and gives what comes of it in the same order.
pub(super) fn on_every_core<W: Work, T: Send>(work: &[W], one: impl Fn(&W) -> T + Sync) -> Vec<T> {
    if work.iter().map(Work::bytes).sum::<usize>() < LITTLE {
        return work.iter().map(one).collect();
    }
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
    std::thread::scope(|scope| {
        for _ in 0..cores.min(work.len()) {
            scope.spawn(worker);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
