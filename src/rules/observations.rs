//! What the analyser saw in the modules and job steps of an instance, fit to be kept: rules judge by it whether it comes from the
//! texts or, where they were left out of what is shared, from the observations file beside the snapshot.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::module_invokes_command_channel::is_cited;
use super::published::normal_hash;
use super::{ALL, Case, Excerpt, Outcome, Place};
use crate::ids::DatabaseName;
use crate::snapshot::{JobStep, ModuleTexts, sha256_hex};
use crate::tsql::{How, Object, Observation, Sink};

/// The first field of every observations file of this version.
const SCHEMA: &str = "mssql-posture/observations/v1";

const ANALYSER: &str = concat!("mssql-posture ", env!("CARGO_PKG_VERSION"));

/// So many of each sink that findings cite are kept with line and command in a module.
const MOST_SHOWN: usize = 20;

/// The observations file: what every module and every T-SQL job step does, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Observations {
    /// `mssql-posture/observations/v1`.
    pub schema: String,
    /// Program and version whose analyser read the texts.
    pub analyser: String,
    /// Modules by database, server triggers first, and id.
    pub modules: Vec<ObservedModule>,
    /// T-SQL steps of jobs by job and number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub job_steps: Vec<ObservedJobStep>,
}

/// What one module does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObservedModule {
    /// Database; absent for a server trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// Object or trigger id.
    pub object_id: i32,
    /// Number of a numbered procedure, from 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i32>,
    /// SHA-256 of the text that was read.
    pub sha256: String,
    /// SHA-256 of its normal form, which baselines approve it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal_sha256: Option<String>,
    /// In order of place, those that it comes to by calling other modules among them.
    pub sinks: Vec<ObservedSink>,
    /// The objects that it calls itself, by database and id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ObservedCall>,
    /// Remarks, limits of the analyser that were hit among them, in order of place.
    pub notes: Vec<String>,
}

/// What one T-SQL step of a job does, all its batches together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObservedJobStep {
    /// Job.
    pub job_id: String,
    /// From 1.
    pub step_id: i32,
    /// SHA-256 of the text that was read.
    pub sha256: String,
    /// SHA-256 of its normal form, which baselines approve it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal_sha256: Option<String>,
    /// In order of place, those that it comes to by calling modules among them.
    pub sinks: Vec<ObservedSink>,
    /// The objects that it calls itself, by database and id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ObservedCall>,
    /// Remarks, limits of the analyser that were hit among them, in order of place.
    pub notes: Vec<String>,
}

/// A call of a procedure or function that the catalog has, whether or not its text is at hand. The procedures of SQL
/// Server that are sinks or execute text are none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObservedCall {
    /// Database of the object called.
    pub database: DatabaseName,
    /// Its id there.
    pub object_id: i32,
    /// Whether it is called in text that is executed, which no ownership chain reaches.
    pub dynamic: bool,
    /// Line from 1, of the first such call.
    pub line: u32,
}

/// One sink seen in a module. Names are those of `scan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObservedSink {
    /// What is reached.
    #[serde(serialize_with = "sink_word", deserialize_with = "sink_of_word")]
    #[schemars(with = "String")]
    pub name: Sink,
    /// How the text comes to it.
    #[serde(serialize_with = "how_word", deserialize_with = "how_of_word")]
    #[schemars(with = "String")]
    pub how: How,
    /// Whether it stands in text that is executed, which no ownership chain reaches; of `via_module`, whether the call
    /// does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dynamic: bool,
    /// Line from 1.
    pub line: u32,
    /// Column from 1, in UTF-16 units.
    pub column: u32,
    /// The configuration option that is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    /// What is run, as far as known, secrets masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Whether a parameter or data flows into what is run; `null` where that cannot be told.
    pub command_tainted: Option<bool>,
    /// The modules called on the way, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
    /// Why code could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The line, secrets masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Excerpt>,
}

/// Why an observations file is refused.
#[derive(Debug, thiserror::Error)]
pub enum ObservationError {
    /// Not the file that the snapshot names.
    #[error(
        "observations do not belong to this snapshot: they have SHA-256 {found}, the snapshot names {expected}"
    )]
    Other {
        /// Hash in the snapshot.
        expected: String,
        /// Hash of the file.
        found: String,
    },
    /// Not the JSON of this schema.
    #[error("not observations of this version's form: {0}")]
    Json(#[from] serde_json::Error),
    /// Another file or another version.
    #[error("the first field must be \"schema\": \"{SCHEMA}\", found \"{0}\"")]
    Schema(String),
}

impl Observations {
    /// What this version's analyser saw.
    pub(super) fn new(modules: Vec<ObservedModule>, job_steps: Vec<ObservedJobStep>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            analyser: ANALYSER.to_owned(),
            modules,
            job_steps,
        }
    }

    /// Notes of every text at hand the hash of its normal form, so that baselines approve it when it is left out.
    pub fn note_normal(&mut self, texts: &ModuleTexts) {
        for own in &mut self.modules {
            let text = texts.get(&own.sha256);
            own.normal_sha256 = text.map(|text| normal_hash(text, false));
        }
        for own in &mut self.job_steps {
            let text = texts.get(&own.sha256);
            own.normal_sha256 = text.map(|text| normal_hash(text, true));
        }
    }

    /// Whether the analyser was that of this version, which would see the same in the same text.
    pub fn is_of_this_version(&self) -> bool {
        self.analyser == ANALYSER
    }

    /// The bytes of an observations file.
    ///
    /// # Errors
    /// Never for strings and integers; a serialisation failure is passed on.
    pub fn render(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads an observations file and checks it against the hash that the snapshot names.
    ///
    /// # Errors
    /// Another file's hash, or not the JSON of this version's schema.
    pub fn from_json(text: &str, expected_sha256: &str) -> Result<Self, ObservationError> {
        let found = sha256_hex(text.as_bytes());
        if found != expected_sha256 {
            let expected = expected_sha256.to_owned();
            return Err(ObservationError::Other { expected, found });
        }
        let read: Self = serde_json::from_str(text)?;
        if read.schema != SCHEMA {
            return Err(ObservationError::Schema(read.schema));
        }
        Ok(read)
    }
}

/// Modules about which a rule of code has a finding, by database (none for server triggers) and id.
/// A numbered procedure is flagged as a whole.
pub fn flagged(case: &Case<'_>) -> BTreeSet<(Option<DatabaseName>, i32)> {
    let code = ALL.iter().filter(|rule| rule.family() == "CODE");
    let mut flagged = BTreeSet::new();
    for verdict in code.flat_map(|rule| rule.judge(case)) {
        let Outcome::Fail(finding) = verdict.outcome else {
            continue;
        };
        let rows = finding.evidence.into_iter();
        let of_code = ["modules", "server_modules", "numbered_procedures"];
        for row in rows.filter(|row| of_code.contains(&row.fact.as_str())) {
            let id = row.row.value()["object_id"].as_i64();
            let id = id.and_then(|id| i32::try_from(id).ok());
            flagged.extend(id.map(|id| (row.database, id)));
        }
    }
    flagged
}

impl ObservedModule {
    /// One of which nothing was seen.
    pub(super) fn blank(database: Option<DatabaseName>, object_id: i32, sha256: &str) -> Self {
        Self {
            database,
            object_id,
            number: None,
            sha256: sha256.to_owned(),
            normal_sha256: None,
            sinks: Vec::new(),
            calls: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What the analyser saw in a text, but for its calls.
    pub(super) fn new(
        database: Option<DatabaseName>,
        object_id: i32,
        sha256: &str,
        text: &str,
        object: &Object,
    ) -> Self {
        Self {
            sinks: ObservedSink::of(text, std::slice::from_ref(object)),
            notes: object.notes.iter().map(ToString::to_string).collect(),
            ..Self::blank(database, object_id, sha256)
        }
    }
}

impl ObservedJobStep {
    /// One of which nothing was seen.
    pub(super) fn blank(step: &JobStep, sha256: &str) -> Self {
        Self {
            job_id: step.job_id.clone(),
            step_id: step.step_id,
            sha256: sha256.to_owned(),
            normal_sha256: None,
            sinks: Vec::new(),
            calls: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What the analyser saw in the batches of a text, but for its calls.
    pub(super) fn new(step: &JobStep, sha256: &str, text: &str, batches: &[Object]) -> Self {
        let notes = batches.iter().flat_map(|batch| &batch.notes);
        Self {
            sinks: ObservedSink::of(text, batches),
            notes: notes.map(ToString::to_string).collect(),
            ..Self::blank(step, sha256)
        }
    }
}

impl ObservedSink {
    /// Those of a text, with line and command as far as findings cite them.
    fn of(text: &str, objects: &[Object]) -> Vec<Self> {
        let mut shown: BTreeMap<Sink, usize> = BTreeMap::new();
        let observations = objects.iter().flat_map(|object| &object.sinks);
        let sinks = observations.map(|observation| {
            let before = shown.entry(observation.sink).or_default();
            *before += 1;
            let is_shown = *before <= MOST_SHOWN && is_cited(observation.sink);
            Self::new(observation, is_shown.then_some(text))
        });
        sinks.collect()
    }

    /// With line and command where the text is given.
    fn new(observation: &Observation, text: Option<&str>) -> Self {
        let span = &observation.span;
        let command = observation.command.as_deref();
        Self {
            name: observation.sink,
            how: observation.how,
            dynamic: observation.is_dynamic,
            line: observation.line,
            column: observation.column,
            option: observation.option.clone(),
            command: text.and_then(|_| observation.shown_command()),
            command_tainted: observation.command_tainted,
            via: observation.via.clone(),
            reason: observation.reason.map(str::to_owned),
            excerpt: text.and_then(|text| Excerpt::of(text, span, command)),
        }
    }

    /// The same as a finding's evidence, in the text with this hash.
    pub fn place(&self, sha256: &str) -> Place {
        Place {
            line: self.line,
            column: self.column,
            sha256: sha256.to_owned(),
            sink: Some(self.name.as_str().to_owned()),
            how: Some(self.how.as_str().to_owned()),
            option: self.option.clone(),
            command: self.command.clone(),
            command_tainted: self.command_tainted,
            via: self.via.clone(),
            reason: self.reason.clone(),
            excerpt: self.excerpt.clone(),
        }
    }
}

const HOWS: [How; 6] = [
    How::Direct,
    How::DynamicLiteral,
    How::DynamicConcat,
    How::Synonym,
    How::ViaVariableProcName,
    How::ViaModule,
];

// Serde hands fields over by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn sink_word<S: Serializer>(sink: &Sink, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(sink.as_str())
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn how_word<S: Serializer>(how: &How, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(how.as_str())
}

fn sink_of_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sink, D::Error> {
    let word = String::deserialize(deserializer)?;
    let found = Sink::ALL.into_iter().find(|sink| sink.as_str() == word);
    found.ok_or_else(|| serde::de::Error::custom(format!("no sink is called {word:?}")))
}

fn how_of_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<How, D::Error> {
    let word = String::deserialize(deserializer)?;
    let found = HOWS.into_iter().find(|how| how.as_str() == word);
    found.ok_or_else(|| serde::de::Error::custom(format!("nothing is reached {word:?}")))
}
