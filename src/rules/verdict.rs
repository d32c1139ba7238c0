//! What a rule concludes, and on what it rests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Excerpt;
use crate::ids::DatabaseName;
use crate::snapshot::{CitedRow, Fact, FactState, Observed};

/// How bad a finding is, by our own scale. Ordered from least to worst.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// All, worst first.
    pub const ALL: [Self; 5] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Info,
    ];

    /// The word in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a verdict is about. Names are server metadata, therefore hostile.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// `instance`, `option`, `database`, `module`, `assembly`, `principal`, `extended_procedure`, `linked_server`, `job`,
    /// `proxy`, `trusted_assembly`.
    pub kind: String,
    /// Database it lives in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// Its name; absent where the subject is the instance or the database itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Subject {
    /// The instance itself.
    pub fn instance() -> Self {
        Self {
            kind: "instance".to_owned(),
            database: None,
            name: None,
        }
    }

    /// A configuration option.
    pub fn option(name: &str) -> Self {
        Self {
            kind: "option".to_owned(),
            database: None,
            name: Some(name.to_owned()),
        }
    }

    /// A database.
    pub fn database(database: &DatabaseName) -> Self {
        Self {
            kind: "database".to_owned(),
            database: Some(database.clone()),
            name: None,
        }
    }

    /// Something named inside a database.
    pub fn within(kind: &str, database: &DatabaseName, name: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            database: Some(database.clone()),
            name: Some(name.into()),
        }
    }

    /// Something named at server scope.
    pub fn server(kind: &str, name: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            database: None,
            name: Some(name.into()),
        }
    }
}

/// One fact that a verdict rests on: the query that showed it and the row as collected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The query's name; its text's hash and time stand in the snapshot's query records.
    pub fact: String,
    /// Database it ran in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// The row, as in the snapshot; `null` where the absence of a row is the evidence.
    pub row: CitedRow,
    /// Where in a module's text, line and column from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A place in a module's text, and what the analyser saw there. All but the first three fields are absent where they
/// do not apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Line from 1.
    pub line: u32,
    /// Column from 1, in UTF-16 units.
    pub column: u32,
    /// SHA-256 of the text, as in the module-text file.
    pub sha256: String,
    /// What is reached: `xp_cmdshell`, `ole_automation` …, as `scan` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
    /// How the text comes to it: `direct`, `dynamic_literal`, `dynamic_concat`, `synonym`, `via_variable_proc_name` or
    /// `via_module`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// The configuration option that is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    /// The command or text that is run, as far as known: put together, secrets as `***`, what is not known as `…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Whether a parameter of the module, or data it reads, flows into what is run; absent where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_tainted: Option<bool>,
    /// The modules called on the way, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
    /// Why text that is executed could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The line itself. It and the command stand at the first places of each kind in a module, not at all of thousands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Excerpt>,
}

impl Evidence {
    /// A collected row as evidence. Of a fact of the instance that is asked in one database, that database is named.
    pub fn row(fact: &str, database: Option<&DatabaseName>, row: &impl Serialize) -> Self {
        let asked_in = || Fact::named(fact).and_then(Fact::asked_in);
        Self {
            fact: fact.to_owned(),
            database: database
                .cloned()
                .or_else(|| asked_in().map(DatabaseName::new)),
            row: CitedRow::of(row),
            place: None,
        }
    }

    /// That a fact has no row where one was due.
    pub fn absence(fact: &str) -> Self {
        Self::row(fact, None, &serde_json::Value::Null)
    }

    /// Adds evidence, each row once.
    pub fn extend(all: &mut Vec<Self>, more: impl IntoIterator<Item = Self>) {
        for one in more {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }

    /// The same with a place in module text.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Self {
            place: Some(place),
            ..self
        }
    }
}

impl From<crate::graph::Citation> for Evidence {
    fn from(cited: crate::graph::Citation) -> Self {
        Self {
            fact: cited.fact,
            database: cited.database,
            row: cited.row,
            place: None,
        }
    }
}

/// Something bad that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// One sentence: what is so.
    pub message: String,
    /// The rule's severity, or another where the circumstances say so.
    pub severity: Severity,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

/// Who accepts a finding, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// `waiver`, `expectation` or `baseline`.
    pub by: String,
    /// The waiver's id, the ticket of the expectation, or name and version of the baseline.
    pub reference: String,
    /// Who answers for it; of a baseline the file that whoever wrote the inventory took up.
    pub owner: String,
    /// The last day it holds; of an expectation none.
    pub expires: Option<String>,
}

/// A fact that is missing for a verdict, and what would settle it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// The query's name.
    pub fact: String,
    /// Database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// Rights, or the error, or the reason.
    pub needs: Vec<String>,
}

impl Missing {
    /// One fact, and what is missing of it.
    pub fn new(fact: &str, database: Option<&DatabaseName>, need: impl Into<String>) -> Self {
        Self {
            fact: fact.to_owned(),
            database: database.cloned(),
            needs: vec![need.into()],
        }
    }

    /// One fact of which something is missing, and perhaps the whole list.
    pub fn of<T>(
        fact: &str,
        database: Option<&DatabaseName>,
        observed: &Observed<T>,
        need: impl Into<String>,
    ) -> Self {
        let mut missing = Self::new(fact, database, need);
        missing.needs.splice(0..0, observed.needs());
        missing
    }

    /// Whether this says all that another says, of the same fact.
    pub fn covers(&self, other: &Self) -> bool {
        (&self.fact, &self.database) == (&other.fact, &other.database)
            && other.needs.iter().all(|need| self.needs.contains(need))
    }
}

impl From<&FactState> for Missing {
    fn from(state: &FactState) -> Self {
        Self {
            fact: state.fact.to_owned(),
            database: state.database.clone(),
            needs: state.needs.clone(),
        }
    }
}

/// How many subjects a folded verdict speaks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Population {
    /// Subjects judged, of all outcomes.
    pub subjects: u32,
    /// Of them passed.
    pub passed: u32,
    /// Of them not applicable.
    pub not_applicable: u32,
}

/// A rule's conclusion on one subject, or, for passes, on all that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Seen, and good.
    Pass,
    /// Seen, and bad.
    Fail(Finding),
    /// Seen, bad, and accepted by somebody who answers for it.
    Accepted(Finding, Acceptance),
    /// The question does not arise; the reason.
    NotApplicable(String),
    /// Not seen well enough to say.
    Unknown(Vec<Missing>),
}

impl Outcome {
    /// The word in JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::Accepted(..) => "accepted",
            Self::NotApplicable(_) => "not_applicable",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// One verdict of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The rule.
    pub rule: &'static super::Rule,
    /// What it is about.
    pub subject: Subject,
    /// The conclusion.
    pub outcome: Outcome,
    /// Set on folded verdicts.
    pub population: Option<Population>,
    /// What a folded pass rests on, where single rows show it; a finding carries its own.
    pub evidence: Vec<Evidence>,
}
