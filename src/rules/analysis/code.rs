//! Texts of a snapshot that can be executed.

use crate::ids::DatabaseName;
use crate::snapshot::{
    DatabaseFacts, JobStep, Module, NumberedProcedure, Observed, Snapshot, TextHash,
};

/// A text that can be executed: a module, or number 2 and up of a procedure.
#[derive(Clone, Copy)]
pub struct Code<'a> {
    pub(super) object_id: i32,
    pub(super) number: Option<i32>,
    pub(in super::super) definition: &'a Observed<TextHash>,
    pub(super) quoted_identifier: bool,
}

impl Code<'_> {
    /// Object id.
    pub fn object_id(&self) -> i32 {
        self.object_id
    }

    /// Number of a numbered procedure, from 2.
    pub fn number(&self) -> Option<i32> {
        self.number
    }
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

pub(super) fn code_of(database: &DatabaseFacts) -> impl Iterator<Item = Code<'_>> {
    let numbered = database.numbered_procedures.seen().iter();
    let modules = database.modules.seen().iter();
    modules.map(Code::from).chain(numbered.map(Code::from))
}

/// The steps of jobs that are T-SQL and whose text was collected; none where the inventory excludes msdb, which holds
/// them.
pub(super) fn job_steps(snapshot: &Snapshot) -> impl Iterator<Item = (&JobStep, &TextHash)> {
    let mut databases = snapshot.databases.iter();
    let is_excluded = databases.any(|d| d.excluded && d.name.as_str() == "msdb");
    let steps = snapshot.server.job_steps.seen().iter();
    let steps =
        steps.filter(move |step| !is_excluded && step.subsystem.eq_ignore_ascii_case("TSQL"));
    steps.filter_map(|step| Some((step, step.command.as_ref()?)))
}

/// The database that a step is run in.
pub(super) fn database_of(step: &JobStep) -> DatabaseName {
    let named = step.database_name.as_deref();
    DatabaseName::new(named.filter(|name| !name.is_empty()).unwrap_or(MASTER))
}

/// Where code runs that is in no database.
pub(super) const MASTER: &str = "master";

/// Schema and name of an object, if both were seen.
pub(super) fn name_in_catalog(
    database: &DatabaseFacts,
    object_id: i32,
) -> Option<(String, String)> {
    let object = database.object(object_id)?;
    let mut schemas = database.schemas.seen().iter();
    let schema = schemas.find(|s| s.schema_id == object.schema_id)?;
    Some((schema.name.clone(), object.name.clone()))
}
