//! What is counted, and how finely.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Numbers by instance, outcome and severity; `*` stands for all of them together.
pub type Tally = BTreeMap<[String; 3], usize>;

pub const ALL: &str = "*";
/// Where verdicts about the estate stand: in no instance.
pub const ESTATE: &str = "";

/// A verdict, as far as formats count and name it.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub instance: String,
    version: String,
    pub rule: String,
    pub outcome: String,
    pub severity: String,
    pub kind: String,
    pub database: Option<String>,
    pub name: Option<String>,
}

pub fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

impl Verdict {
    /// Those of an assessment.
    pub fn all(assessment: &Value) -> Vec<Self> {
        let one = |instance: &str, version: &str, of: &Value| {
            let maybe = |field: &str| of["subject"][field].as_str().map(str::to_owned);
            Self {
                instance: instance.to_owned(),
                version: version.to_owned(),
                rule: word(&of["rule"]),
                outcome: word(&of["outcome"]),
                severity: word(&of["severity"]),
                kind: word(&of["subject"]["kind"]),
                database: maybe("database"),
                name: maybe("name"),
            }
        };
        let estate = list(assessment, "estate").iter();
        let mut all: Vec<Self> = estate.map(|of| one(ESTATE, "", of)).collect();
        for instance in list(assessment, "instances") {
            let (id, version) = (word(&instance["id"]), word(&instance["product_version"]));
            let own = list(instance, "verdicts").iter();
            all.extend(own.map(|of| one(&id, &version, of)));
        }
        all
    }
}

/// Whose verdicts are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those of the instances and those about the estate.
    All,
    /// Those of the instances.
    Instances,
    /// Those of the instances that have a STIG.
    Of2022,
}

/// How finely a format counts.
#[derive(Clone, Copy)]
pub struct Grain {
    pub whose: Whose,
    pub outcomes: &'static [&'static str],
    /// Instance by instance.
    pub each: bool,
    /// Severity by severity.
    pub severity: bool,
}

impl Grain {
    pub fn counts(&self, verdict: &Verdict) -> bool {
        let is_in = match self.whose {
            Whose::All => true,
            Whose::Instances => verdict.instance != ESTATE,
            Whose::Of2022 => verdict.version.starts_with("16."),
        };
        is_in && self.outcomes.contains(&verdict.outcome.as_str())
    }
}

/// What an account has to tell.
#[derive(Clone, Copy)]
pub enum Due {
    Verdicts(&'static [Grain]),
    /// Channels that somebody has a way to.
    Channels,
    /// Steps of ways to them.
    Steps,
}

/// Adds to a number.
pub fn add(tally: &mut Tally, key: [&str; 3], number: usize) {
    *tally.entry(key.map(str::to_owned)).or_default() += number;
}

pub fn of_verdicts(grains: &[Grain], verdicts: &[Verdict]) -> Tally {
    let mut tally = Tally::new();
    for verdict in verdicts {
        for grain in grains.iter().filter(|grain| grain.counts(verdict)) {
            let instance = if grain.each { &verdict.instance } else { ALL };
            let severity = if grain.severity {
                &verdict.severity
            } else {
                ALL
            };
            add(&mut tally, [instance, &verdict.outcome, severity], 1);
        }
    }
    tally
}

/// The paths of an assessment, each with its instance and its channel.
fn paths(assessment: &Value) -> Vec<(String, String, &Value)> {
    let mut all = Vec::new();
    for instance in list(assessment, "instances") {
        for route in list(instance, "routes") {
            let paths = list(route, "paths").iter();
            all.extend(paths.map(|path| (word(&instance["id"]), word(&route["channel"]), path)));
        }
    }
    all
}

pub fn channels(assessment: &Value) -> Tally {
    let reached = paths(assessment).into_iter();
    let reached: BTreeSet<_> = reached
        .map(|(id, channel, _)| [id, "reached".to_owned(), channel])
        .collect();
    reached.into_iter().map(|key| (key, 1)).collect()
}

/// What a graph adds of its own is said of administrators.
pub const ADMINISTRATOR: &str = "administrator";

pub fn steps(assessment: &Value) -> Tally {
    let paths = paths(assessment).into_iter();
    let steps = paths.flat_map(|(id, _, path)| {
        let steps = list(path, "steps").iter();
        let steps = steps.filter(|step| step["kind"] != ADMINISTRATOR);
        steps.map(move |step| [id.clone(), "step".to_owned(), word(&step["sentence"])])
    });
    let steps: BTreeSet<_> = steps.collect();
    steps.into_iter().map(|key| (key, 1)).collect()
}

/// The first number that is not as it is due; what is not told is none.
pub fn disagreement(due: &Tally, told: &Tally) -> Option<String> {
    let keys: BTreeSet<&[String; 3]> = due.keys().chain(told.keys()).collect();
    let number = |of: &Tally, key| of.get(key).copied().unwrap_or_default();
    keys.into_iter().find_map(|key| {
        let (due, told) = (number(due, key), number(told, key));
        (due != told).then(|| format!("{key:?}: {told}, but {due} in assessment.json"))
    })
}
