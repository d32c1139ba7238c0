//! What modules and job steps do, as the analyser of T-SQL saw it: handed in, since reading texts is another room's.

use std::borrow::Cow;

use crate::ids::DatabaseName;
use crate::tsql::Sink;

/// What was observed in all code of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    /// Modules, those that do nothing may be left out.
    pub modules: Vec<ModuleCode>,
    /// T-SQL steps of Agent jobs.
    pub steps: Vec<StepCode>,
}

impl From<Code> for Cow<'_, Code> {
    fn from(code: Code) -> Self {
        Self::Owned(code)
    }
}

impl<'a> From<&'a Code> for Cow<'a, Code> {
    fn from(code: &'a Code) -> Self {
        Self::Borrowed(code)
    }
}

/// What one module does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleCode {
    /// Its database; `None` of a server trigger.
    pub database: Option<DatabaseName>,
    /// Its object id.
    pub object_id: i32,
    /// What it reaches by itself.
    pub sinks: Vec<CodeSink>,
    /// Modules that it calls.
    pub calls: Vec<CodeCall>,
}

/// What one T-SQL job step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepCode {
    /// Its job.
    pub job_id: String,
    /// Its number.
    pub step_id: i32,
    /// Modules that it calls.
    pub calls: Vec<CodeCall>,
}

/// A sink in a module's own code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CodeSink {
    /// What is reached.
    pub sink: Sink,
    /// Whether it stands in text that is executed, where an ownership chain ends.
    pub is_dynamic: bool,
    /// Whether a parameter of the module flows into what is executed; `None` where that could not be told.
    pub is_tainted: Option<bool>,
}

/// A call of a module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CodeCall {
    /// Database of the callee.
    pub database: DatabaseName,
    /// The callee.
    pub object_id: i32,
    /// Whether it stands in text that is executed, where an ownership chain ends.
    pub is_dynamic: bool,
}
