//! What the procedures of a script give back in their OUTPUT parameters to callers further down.

use super::arguments::Arguments;
use super::folded::{Folded, Taint};
use super::names::folded;
use super::variables::key;
use super::walk::Walk;
use std::collections::BTreeMap;

/// By schema and name, as they are compared.
#[derive(Debug, Default)]
pub(super) struct GivenBack(BTreeMap<[String; 2], Procedure>);

#[derive(Debug)]
struct Procedure {
    /// The names of all its parameters.
    parameters: Vec<String>,
    /// What those for OUTPUT hold in the end, by their places.
    values: BTreeMap<usize, Folded>,
}

/// The schema and the own name of a module; `None` of one in a database that is named.
fn name(parts: &[String]) -> Option<[String; 2]> {
    const DEFAULT_SCHEMA: &str = "dbo";
    let (own, before) = parts.split_last()?;
    let schema = match before {
        [] => "",
        [schema] => schema,
        _ => return None,
    };
    let schema = if schema.is_empty() {
        DEFAULT_SCHEMA
    } else {
        schema
    };
    Some([folded(schema), folded(own)])
}

impl Walk<'_, '_> {
    /// Whether the batch creates a module that gives something back which callers further down may read.
    pub(super) fn gives_back(&self) -> bool {
        let module = self.found.module.as_ref().filter(|_| self.depth == 0);
        let mut parameters = module.into_iter().flat_map(|module| &module.parameters);
        self.found.given_back.is_some() && parameters.any(|parameter| parameter.is_output)
    }

    /// Keeps what the module that was walked leaves in its parameters for OUTPUT.
    pub(super) fn keep_given_back(&mut self) {
        let module = self.found.module.as_ref().filter(|_| self.gives_back());
        let Some(module) = module else {
            return;
        };
        let Some(name) = name(&module.name) else {
            return;
        };
        let parameters: Vec<String> = module.parameters.iter().map(|p| key(&p.name)).collect();
        let given = module.parameters.iter().enumerate();
        let given = given.filter(|(_, parameter)| parameter.is_output);
        let values: BTreeMap<usize, Folded> = given
            .filter_map(|(place, p)| Some((place, self.variables.get_named(&p.name)?.clone())))
            .collect();
        let bytes = values.values().map(Folded::len).sum();
        if !values.is_empty() && self.found.budget.spend(bytes) {
            let procedure = Procedure { parameters, values };
            let known = self.found.given_back.get_or_insert_default();
            known.0.insert(name, procedure);
        }
    }

    /// Notes for variables that are passed for OUTPUT what the callee gives back in them, if it is known.
    pub(super) fn take_given_back(&mut self, callee: &[String], arguments: &Arguments) {
        let known = self.found.given_back.as_ref();
        let procedure = known.and_then(|known| known.0.get(&name(callee)?));
        let Some(procedure) = procedure else {
            return;
        };
        let place_of = |at: usize| {
            let named = arguments.0.get(at)?.name.as_deref().map(key);
            match named {
                Some(name) => procedure.parameters.iter().position(|p| *p == name),
                None => Some(at),
            }
        };
        let passed_for = |parameter: usize| {
            let at = (0..arguments.0.len()).find(|at| place_of(*at) == Some(parameter));
            let passed = at.and_then(|at| arguments.0.get(at));
            passed.map_or(Taint::CLEAN, |passed| passed.value.taint)
        };
        let outputs = arguments.0.iter().enumerate();
        for (at, passed) in outputs.filter(|(_, passed)| passed.is_output) {
            let value = place_of(at).and_then(|place| procedure.values.get(&place));
            let (Some(value), Some(variable)) = (value, passed.variable) else {
                continue;
            };
            if self.found.budget.spend(value.len()) {
                let parameters = procedure.parameters.len();
                let mut value = value.clone();
                value.taint = value.taint.through_call(parameters, passed_for);
                self.given_back.insert(variable, value);
            }
        }
    }
}
