//! The engine and the oracle, asked the same.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mssql_posture::graph::{Channel, Graph, Node, Reach, Step};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::Oracle;
use super::draft::estates;
use crate::support::privileges::{Built, estate};

/// So many drafted estates, the same every time for the same seed.
pub fn drafts(seed: u8, count: usize) -> impl Iterator<Item = String> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = estates();
    (0..count).map(move |_| strategy.new_tree(&mut runner).unwrap().current())
}

/// Every goal that is compared.
pub fn goals(built: &Built) -> Vec<Node> {
    let mut goals = vec![Node::Sysadmin, Node::Settings, Node::OwnDatabase];
    goals.extend(Channel::ALL.map(Node::Command));
    for (db, facts) in (0..).zip(&built.snapshot.databases) {
        // Nothing is said of the other two, and of one that was left out.
        if !facts.excluded && !matches!(facts.name.as_str(), "tempdb" | "model") {
            goals.extend([Node::Inside(db), Node::Owner(db)]);
        }
    }
    let logins = built.snapshot.server.server_principals.seen().iter();
    let logins = logins.filter(|login| login.r#type != "R");
    goals.extend(logins.map(|login| Node::Queries(login.principal_id)));
    goals
}

/// What the engine says of one goal: who reaches it, and who without waiting.
pub struct Engine {
    pub goal: Node,
    pub reach: Reach,
}

/// The engine's answer to every goal.
pub fn ask_engine(built: &Built) -> Vec<Engine> {
    let graph = Graph::new(&built.snapshot, &built.code, &built.groups);
    let goals = goals(built).into_iter();
    goals
        .map(|goal| Engine {
            goal,
            reach: Reach::new(&graph, goal, None),
        })
        .collect()
}

/// A difference between the two, in words; `None` if they agree.
pub fn difference(built: &Built, engine: &[Engine], off: Option<Step>) -> Option<String> {
    let oracle = Oracle::without(&built.snapshot, &built.code, &built.groups, off);
    let people = oracle.people();
    let (all, now) = (oracle.reach(&people, true), oracle.reach(&people, false));
    for Engine { goal, reach } in engine {
        for place in people.iter().filter(|place| *place != goal) {
            let way = reach.way(*place);
            let said = (way.is_some(), way.is_some_and(|way| !way.waits()));
            let found = (all[place].contains(goal), now[place].contains(goal));
            if said != found {
                let steps = reach.chain(*place);
                let steps = steps.iter().map(|(edge, to)| {
                    format!("    {:?} from {:?} to {to:?}", edge.step, edge.from)
                });
                let steps: Vec<String> = steps.collect();
                let why = oracle.chain(*place, *goal);
                return Some(format!(
                    "{place:?} to {goal:?} (at all, without waiting): engine {said:?}, oracle {found:?}\n  engine:\n{}\n  oracle:\n{}",
                    steps.join("\n"),
                    why.join("\n"),
                ));
            }
        }
    }
    None
}

/// The difference that an estate shows; `None` also where a line says nothing.
fn shown(text: &str) -> Option<String> {
    let built = catch_unwind(AssertUnwindSafe(|| estate(text))).ok()?;
    let engine = ask_engine(&built);
    difference(&built, &engine, None)
}

/// The lines that are needed for a difference.
pub fn least(text: &str) -> String {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    let mut changed = true;
    while changed {
        changed = false;
        while at < lines.len() {
            let mut fewer = lines.clone();
            fewer.remove(at);
            if shown(&fewer.join("\n")).is_some() {
                lines = fewer;
                changed = true;
            } else {
                at += 1;
            }
        }
        at = 0;
    }
    std::panic::set_hook(hook);
    lines.join("\n")
}

/// Compares so many estates; panics with the least lines that show a difference.
pub fn compare(seed: u8, count: usize) {
    for text in drafts(seed, count) {
        let built = estate(&text);
        let engine = ask_engine(&built);
        if difference(&built, &engine, None).is_some() {
            let least = least(&text);
            let shown = shown(&least).unwrap_or_default();
            panic!("the engine and the oracle differ:\n{least}\n\n{shown}");
        }
    }
}

/// Every difference among so many estates, each with the least lines that show it: for work on either side.
pub fn survey(seed: u8, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    for text in drafts(seed, count) {
        let built = estate(&text);
        if difference(&built, &ask_engine(&built), None).is_some() {
            let least = least(&text);
            found.push(format!("{least}\n{}\n", shown(&least).unwrap_or_default()));
        }
    }
    found
}

/// Kinds of step without which the oracle never differs from the engine in so many estates: a fault in one of these
/// would not be found out; and the estates that each of the others was found out by. Asks of each kind only until it is
/// found out once, and these estates before all others.
pub fn unnoticed(
    seed: u8,
    count: usize,
    kinds: &[Step],
    before_all: &[usize],
) -> (Vec<Step>, Vec<usize>) {
    let (mut left, mut telling) = (kinds.to_vec(), Vec::new());
    let drafts: Vec<String> = drafts(seed, count).collect();
    for at in before_all.iter().copied().chain(0..drafts.len()) {
        if left.is_empty() {
            break;
        }
        let built = estate(&drafts[at]);
        let engine = ask_engine(&built);
        if difference(&built, &engine, None).is_some() {
            continue;
        }
        let known = left.len();
        left.retain(|kind| difference(&built, &engine, Some(*kind)).is_none());
        if left.len() < known {
            telling.push(at);
        }
    }
    (left, telling)
}
