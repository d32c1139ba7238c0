//! Fix first: the few changes that close most, one after the other.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Exposure, Surveys};
use crate::graph::{Choke, Graph};
use crate::rules::{Outcome, Severity, Subject, Verdict};
use crate::snapshot::Snapshot;

/// A change that closes ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fix {
    /// What it is, in one sentence.
    pub sentence: String,
    /// The statements that make it. They are printed for a person to read and run; this program sends nothing.
    pub statement: String,
    /// The statements that take it back.
    pub undo: String,
    /// Ways that lead through what it takes away, those before it being made: principals, each once a channel.
    pub ways: u32,
    /// The same that wait for somebody.
    pub waiting: u32,
    /// Exposure after it and those before it: low.
    pub low: u32,
    /// The same: high.
    pub high: u32,
}

/// So many are told.
const MOST: usize = 5;
/// So many are tried for each.
const TRIED: usize = 10;
/// What a change that cannot be taken back has to close beyond one that can: the most that the account counts which commands
/// run as, since that alone is no reason for it.
const IRREVERSIBLE: u32 = 8;
/// On larger instances only the change that ends most ways is tried, and so many are told: principals, modules.
const LARGE: (usize, usize) = (20_000, 50_000);
const MOST_OF_LARGE: usize = 1;

/// Judges a snapshot as the present one was judged.
pub type Judge<'j> = dyn Fn(&Snapshot) -> Vec<Verdict> + 'j;

/// The changes that close most, one after the other: each is the one that leaves the least exposure, of nearly equal ones
/// one that can be taken back, and then the one that ends most ways. Found by making them in the snapshot and searching again.
/// None brings a finding, and none is told whose statements would change something else too.
pub fn fix_first(
    graph: &Graph<'_>,
    judge: &Judge<'_>,
    verdicts: &[Verdict],
    now: &Exposure,
) -> Vec<Fix> {
    let large = is_large(graph);
    let most = if large { MOST_OF_LARGE } else { MOST };
    let mut search = Search {
        graph,
        judge,
        snapshot: graph.index().snapshot.clone(),
        verdicts: verdicts.to_vec(),
        before: (now.low, now.high),
        tried: if large { 1 } else { TRIED },
    };
    let mut fixes = Vec::new();
    while fixes.len() < most {
        let Some(fix) = search.next() else {
            break;
        };
        fixes.push(fix);
    }
    fixes
}

/// The instance as it is after the changes so far.
struct Search<'s, 'g, 'j> {
    graph: &'s Graph<'g>,
    judge: &'s Judge<'j>,
    snapshot: Snapshot,
    verdicts: Vec<Verdict>,
    /// Low and high.
    before: (u32, u32),
    /// So many changes are tried.
    tried: usize,
}

/// A change that was tried.
struct Tried {
    choke: Choke,
    patched: Snapshot,
    surveys: Surveys,
    /// Low and high.
    left: (u32, u32),
}

impl Search<'_, '_, '_> {
    /// The next change, which is made then.
    fn next(&mut self) -> Option<Fix> {
        let chokes = self.graph.after(&self.snapshot).chokes();
        let (last, first): (Vec<Choke>, Vec<Choke>) = chokes
            .into_iter()
            .partition(|choke| choke.change.is_last_resort());
        let mut tried = self.tries(first);
        if tried.first().is_none_or(|best| best.left >= self.before) {
            tried.splice(
                0..0,
                self.tries(last)
                    .into_iter()
                    .filter(|t| t.left < self.before),
            );
        }
        tried.into_iter().find_map(|tried| self.make(tried))
    }

    /// Changes with what they leave, the best first.
    fn tries(&self, chokes: Vec<Choke>) -> Vec<Tried> {
        let can = |choke: &Choke| choke.change.refusal(&self.snapshot).is_none();
        let mut tried = Vec::new();
        for choke in chokes.into_iter().filter(can).take(self.tried) {
            let mut patched = self.snapshot.clone();
            if choke.change.apply(&mut patched).is_ok() {
                let surveys = Surveys::of(&mut self.graph.after(&patched));
                tried.push(Tried {
                    choke,
                    left: surveys.exposure(&self.verdicts),
                    patched,
                    surveys,
                });
            }
        }
        tried.sort_by_key(|tried| {
            let (low, high) = tried.left;
            let is_final = !tried.choke.change.is_reversible();
            let worth = if is_final { IRREVERSIBLE } else { 0 };
            (low + worth, high + worth, is_final)
        });
        tried
    }

    /// Makes a change, unless it ends nothing or brings a finding.
    fn make(&mut self, tried: Tried) -> Option<Fix> {
        let Tried {
            choke,
            patched,
            surveys,
            left,
        } = tried;
        if choke.ways == 0 && left >= self.before {
            return None;
        }
        let verdicts = (self.judge)(&patched);
        if brings_a_finding(&self.verdicts, &verdicts) {
            return None;
        }
        let (low, high) = surveys.exposure(&verdicts);
        let fix = Fix {
            sentence: choke.change.sentence(),
            statement: choke.change.sql(&self.snapshot),
            undo: choke.change.undo(&self.snapshot),
            ways: choke.ways,
            waiting: choke.waiting,
            low,
            high,
        };
        self.before = (low, high);
        self.snapshot = patched;
        self.verdicts = verdicts;
        Some(fix)
    }
}

/// Whether a rule fails for something that it did not fail for before, or more gravely.
fn brings_a_finding(before: &[Verdict], after: &[Verdict]) -> bool {
    let grave = |verdict: &Verdict| match &verdict.outcome {
        Outcome::Fail(finding) => Some(finding.severity),
        _ => None,
    };
    let mut known: BTreeMap<(&str, &Subject), Severity> = BTreeMap::new();
    for verdict in before {
        if let Some(severity) = grave(verdict) {
            let worst = known.entry((verdict.rule.id, &verdict.subject));
            let worst = worst.or_insert(severity);
            *worst = severity.max(*worst);
        }
    }
    after.iter().any(|verdict| {
        let known = known.get(&(verdict.rule.id, &verdict.subject));
        grave(verdict).is_some_and(|severity| known.is_none_or(|known| severity > *known))
    })
}

fn is_large(graph: &Graph<'_>) -> bool {
    let snapshot = graph.index().snapshot;
    let modules: usize = snapshot
        .databases
        .iter()
        .map(|d| d.modules.seen().len())
        .sum();
    snapshot.server.server_principals.seen().len() > LARGE.0 || modules > LARGE.1
}
