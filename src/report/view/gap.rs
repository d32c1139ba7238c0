//! What was not seen, gathered under what would settle it: a reader who grants one right wants to
//! know everything that this right shows.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::wording;
use crate::ids::DatabaseName;
use crate::report::assessment::Instance;
use crate::report::visible;
use crate::score::Exposure;

/// Everything on one instance that the same rights, or the same reason, keep from being seen.
#[derive(Serialize, JsonSchema)]
pub struct Gap {
    /// Rights that would show it, or the reason why it was not seen.
    pub needs: Vec<String>,
    /// The facts, by where they are.
    pub places: Vec<GapPlace>,
    /// Single things that could not be judged, where it is not whole lists: the first of them.
    pub subjects: Vec<String>,
    /// How many more there are.
    pub more_subjects: usize,
    /// Rules that are unknown for want of it.
    pub rules: Vec<String>,
    /// Points between the low and the high exposure that these facts account for.
    pub points: u32,
}

/// Facts missing in the same databases.
#[derive(Serialize, JsonSchema)]
pub struct GapPlace {
    /// `instance`, or databases by name.
    pub place: String,
    /// Names of the facts.
    pub facts: Vec<String>,
    /// `modules, objects`, or how many.
    pub brief: String,
}

#[derive(Default)]
struct Gathered<'a> {
    facts: BTreeMap<Option<&'a str>, BTreeSet<&'a str>>,
    subjects: BTreeSet<String>,
    rules: BTreeSet<&'a str>,
}

/// Most single things that are named.
const MOST_SUBJECTS: usize = 50;
/// Most facts that are named where space is short.
const NAMED_FACTS: usize = 3;

/// The gaps of an instance: those that most points depend on first.
pub fn gaps(instance: &Instance) -> Vec<Gap> {
    let mut gathered: BTreeMap<&[String], Gathered<'_>> = BTreeMap::new();
    for missing in &instance.coverage.missing {
        let gap = gathered.entry(&missing.needs).or_default();
        let database = missing.database.as_ref().map(DatabaseName::as_str);
        gap.facts.entry(database).or_default().insert(&missing.fact);
    }
    for verdict in instance.verdicts.iter().filter(|v| v.outcome == "unknown") {
        for missing in &verdict.missing {
            let gap = gathered.entry(&missing.needs).or_default();
            let database = missing.database.as_ref().map(DatabaseName::as_str);
            gap.facts.entry(database).or_default().insert(&missing.fact);
            gap.rules.insert(&verdict.rule);
            if verdict.subject.name.is_some() {
                gap.subjects.insert(wording::subject(&verdict.subject));
            }
        }
    }
    let gaps = gathered.into_iter();
    let mut gaps: Vec<_> = gaps
        .map(|(needs, gap)| gap.finish(needs, &instance.exposure))
        .collect();
    gaps.sort_by(|a, b| {
        (b.points, b.rules.len(), &a.needs).cmp(&(a.points, a.rules.len(), &b.needs))
    });
    gaps
}

impl Gathered<'_> {
    fn finish(self, needs: &[String], exposure: &Exposure) -> Gap {
        let points = points(&self.facts, exposure);
        let mut places: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (database, facts) in self.facts {
            let facts: Vec<String> = facts.into_iter().map(wording::spaced).collect();
            places
                .entry((database.is_some(), facts))
                .or_default()
                .push(database);
        }
        let places = places.into_iter().map(|((_, facts), databases)| GapPlace {
            place: place_name(&databases),
            brief: brief(&facts),
            facts,
        });
        let needs: Vec<String> = match needs {
            [] => vec!["not recorded".to_owned()],
            needs => needs.iter().map(|n| visible(n)).collect(),
        };
        Gap {
            needs,
            places: places.collect(),
            more_subjects: self.subjects.len().saturating_sub(MOST_SUBJECTS),
            subjects: self.subjects.into_iter().take(MOST_SUBJECTS).collect(),
            points,
            rules: self.rules.into_iter().map(visible).collect(),
        }
    }
}

fn place_name(databases: &[Option<&str>]) -> String {
    let names: Vec<String> = databases
        .iter()
        .flatten()
        .map(|d| wording::quoted(d))
        .collect();
    if names.is_empty() {
        "instance".to_owned()
    } else {
        names.join(", ")
    }
}

fn brief(facts: &[String]) -> String {
    if facts.len() > NAMED_FACTS {
        format!("{} kinds of facts", facts.len())
    } else {
        facts.join(", ")
    }
}

fn points(facts: &BTreeMap<Option<&str>, BTreeSet<&str>>, exposure: &Exposure) -> u32 {
    if exposure.breakdown.is_empty() {
        return exposure.high - exposure.low; // nothing was seen, so everything hangs on this
    }
    let own = exposure.unsettled.iter().filter(|unsettled| {
        let database = unsettled.database.as_ref().map(DatabaseName::as_str);
        let here = facts.get(&database);
        here.is_some_and(|facts| facts.contains(unsettled.fact.as_str()))
    });
    own.map(|unsettled| unsettled.points).sum()
}
