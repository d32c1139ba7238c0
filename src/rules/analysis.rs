//! What the modules and the T-SQL job steps of an instance do: each text read once, on every core, with the synonyms of
//! its database and the calls between modules.

mod catalog;
mod code;
mod for_graph;
mod reading;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use code::Code;

use self::catalog::Catalog;
use self::code::{code_of, job_steps};
use self::reading::{Texts, on_every_core};
use super::{Observations, ObservedJobStep, ObservedModule};
use crate::ids::DatabaseName;
use crate::snapshot::{ModuleTexts, Snapshot};
use crate::tsql::{self, Sink};

/// A module by its database (none for server triggers), its id, and the number of a numbered procedure.
type Key<'k> = (Option<&'k str>, i32, Option<i32>);

/// A job step by its job and its number.
type StepKey = (String, i32);

/// What the modules and the T-SQL job steps of an instance do.
pub struct Analysis<'a> {
    /// In the order of their keys.
    modules: Vec<Cow<'a, ObservedModule>>,
    job_steps: BTreeMap<StepKey, ObservedJobStep>,
}

impl<'a> Analysis<'a> {
    /// Reads every module and T-SQL job step whose text is at hand, but for databases that the inventory excludes.
    pub fn new(snapshot: &Snapshot, texts: &ModuleTexts) -> Self {
        let Texts { modules, job_steps } = Texts::of(snapshot, texts);
        let mut objects = on_every_core(&modules, reading::ModuleWork::read);
        let mut batches = on_every_core(&job_steps, reading::StepWork::read);
        let members = modules.iter().zip(&mut objects);
        let members = members.map(|(work, object)| work.member(object));
        let of_steps = job_steps.iter().zip(&mut batches);
        let of_steps =
            of_steps.flat_map(|(work, batches)| batches.iter_mut().map(|batch| work.member(batch)));
        tsql::connect(&mut members.chain(of_steps).collect::<Vec<_>>());
        let catalog = Catalog::new(snapshot);
        let modules: Vec<_> = modules.iter().zip(&objects).collect();
        let job_steps: Vec<_> = job_steps.iter().zip(&batches).collect();
        let modules = on_every_core(&modules, |(work, object)| work.observed(object, &catalog));
        let job_steps = on_every_core(&job_steps, |(work, batches)| {
            work.observed(batches, &catalog)
        });
        Self::of(modules.into_iter().map(Cow::Owned), job_steps)
    }

    /// Every module and T-SQL job step whose text was collected, as if it did nothing.
    pub fn blank(snapshot: &Snapshot) -> Self {
        let blank = |database: Option<&DatabaseName>, code: &Code<'_>| {
            let sha256 = &code.definition.known()?.sha256;
            Some(ObservedModule {
                number: code.number,
                ..ObservedModule::blank(database.cloned(), code.object_id, sha256)
            })
        };
        let modules = all_code(snapshot).filter_map(|(database, code)| blank(database, &code));
        let steps = job_steps(snapshot);
        let steps = steps.map(|(step, hash)| ObservedJobStep::blank(step, &hash.sha256));
        Self::of(modules.map(Cow::Owned), steps)
    }

    fn of(
        modules: impl Iterator<Item = Cow<'a, ObservedModule>>,
        job_steps: impl IntoIterator<Item = ObservedJobStep>,
    ) -> Self {
        let mut modules: Vec<_> = modules.collect();
        modules.sort_by(|one, other| key(one).cmp(&key(other)));
        modules.dedup_by(|later, earlier| key(later) == key(earlier));
        let steps = job_steps.into_iter();
        Self {
            modules,
            job_steps: steps.map(|s| ((s.job_id.clone(), s.step_id), s)).collect(),
        }
    }

    /// Takes what was observed when the texts were at hand. An observation of another text than the snapshot's is no
    /// observation of the module or the step.
    pub fn from_observations(snapshot: &Snapshot, observations: &'a Observations) -> Self {
        let mut observed: Vec<&ObservedModule> = observations.modules.iter().collect();
        observed.sort_by(|one, other| key(one).cmp(&key(other)));
        let of_this_text = |(database, code): (Option<&DatabaseName>, Code<'_>)| {
            let expected = &code.definition.known()?.sha256;
            let own = (
                database.map(DatabaseName::as_str),
                code.object_id,
                code.number,
            );
            let found = observed.binary_search_by(|m| key(m).cmp(&own)).ok()?;
            let module = observed[found];
            (module.sha256 == *expected).then_some(Cow::Borrowed(module))
        };
        let steps: BTreeMap<_, _> = job_steps(snapshot)
            .map(|(step, hash)| ((step.job_id.as_str(), step.step_id), &hash.sha256))
            .collect();
        let is_same_step = |s: &&ObservedJobStep| {
            let expected = steps.get(&(s.job_id.as_str(), s.step_id));
            expected.is_some_and(|expected| **expected == s.sha256)
        };
        let job_steps = observations.job_steps.iter().filter(is_same_step);
        Self::of(
            all_code(snapshot).filter_map(of_this_text),
            job_steps.cloned(),
        )
    }

    /// What a module does; `None` if its text is not at hand and nothing was observed of it.
    pub fn module<'m>(
        &self,
        database: Option<&DatabaseName>,
        module: impl Into<Code<'m>>,
    ) -> Option<&ObservedModule> {
        let code = module.into();
        let database = database.map(DatabaseName::as_str);
        self.find((database, code.object_id, code.number))
    }

    /// What the module with this id does, if that was seen; number 1 of a numbered procedure.
    pub(super) fn of_object(
        &self,
        database: &DatabaseName,
        object_id: i32,
    ) -> Option<&ObservedModule> {
        self.find((Some(database.as_str()), object_id, None))
    }

    fn find(&self, own: Key<'_>) -> Option<&ObservedModule> {
        let found = self.modules.binary_search_by(|m| key(m).cmp(&own)).ok()?;
        Some(&self.modules[found])
    }

    /// What a step of a job does; `None` if it is not T-SQL, its text is not at hand and nothing was observed of it.
    pub fn job_step(&self, job_id: &str, step_id: i32) -> Option<&ObservedJobStep> {
        self.job_steps.get(&(job_id.to_owned(), step_id))
    }

    /// What the privilege graph asks for: modules and job steps that reach a sink of their own or call something.
    pub fn code(&self) -> crate::graph::Code {
        for_graph::code(self)
    }

    /// All of it, to be kept instead of the texts.
    pub fn into_observations(self) -> Observations {
        Observations::new(
            self.modules.into_iter().map(Cow::into_owned).collect(),
            self.job_steps.into_values().collect(),
        )
    }

    /// Modules that execute text which could not be read.
    pub fn unread(&self) -> usize {
        let unread = |module: &&Cow<'_, ObservedModule>| {
            let mut sinks = module.sinks.iter();
            sinks.any(|sink| sink.name == Sink::DynamicUnresolved)
        };
        self.modules.iter().filter(unread).count()
    }
}

fn key(module: &ObservedModule) -> Key<'_> {
    let database = module.database.as_ref().map(DatabaseName::as_str);
    (database, module.object_id, module.number)
}

/// Everything that can be executed, by its database; that of the server is in none.
fn all_code(snapshot: &Snapshot) -> impl Iterator<Item = (Option<&DatabaseName>, Code<'_>)> {
    let server = snapshot.server.server_modules.seen().iter();
    let databases = snapshot.databases.iter().filter(|d| !d.excluded);
    let databases = databases.flat_map(|d| code_of(d).map(|code| (Some(&d.name), code)));
    server.map(|module| (None, module.into())).chain(databases)
}
