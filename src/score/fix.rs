//! Fix first: the few changes that close most, one after the other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Exposure, exposure_of};
use crate::graph::{Choke, Graph};
use crate::rules::Verdict;

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
/// On larger instances only the change that ends most ways is tried, and so many are told: principals, modules.
const LARGE: (usize, usize) = (20_000, 50_000);
const MOST_OF_LARGE: usize = 1;

/// The changes that close most, one after the other: each is the one that leaves the least exposure, of equal ones the one
/// that ends most ways. Found by making them in the snapshot and searching again.
pub fn fix_first(graph: &Graph<'_>, verdicts: &[Verdict], now: &Exposure) -> Vec<Fix> {
    let mut snapshot = graph.index().snapshot.clone();
    let (tried, most) = if is_large(graph) {
        (1, MOST_OF_LARGE)
    } else {
        (TRIED, MOST)
    };
    let mut fixes = Vec::new();
    let mut before = (now.low, now.high);
    while fixes.len() < most {
        let present = graph.after(&snapshot);
        let chokes: Vec<Choke> = present.chokes();
        let mut best = None;
        drop(present);
        for choke in chokes.iter().take(tried) {
            let mut patched = snapshot.clone();
            if choke.change.apply(&mut patched).is_err() {
                continue;
            }
            let (low, high) = exposure_of(&mut graph.after(&patched), verdicts);
            let better = best
                .as_ref()
                .is_none_or(|(fix, _): &(Fix, _)| (low, high) < (fix.low, fix.high));
            if better {
                let fix = Fix {
                    sentence: choke.change.sentence(),
                    statement: choke.change.sql(),
                    undo: choke.change.undo(&snapshot),
                    ways: choke.ways,
                    waiting: choke.waiting,
                    low,
                    high,
                };
                best = Some((fix, patched));
            }
        }
        let Some((fix, patched)) = best else {
            break;
        };
        let ends_something = fix.ways > 0 || (fix.low, fix.high) < before;
        if !ends_something {
            break;
        }
        before = (fix.low, fix.high);
        snapshot = patched;
        fixes.push(fix);
    }
    fixes
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
