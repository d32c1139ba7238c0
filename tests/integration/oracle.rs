//! The privilege graph against a second, plain reading of its rules, over estates made at random; and laws that it keeps
//! whatever the estate.
//!
//! The seeds are fixed. `ORACLE_SEED` and `ORACLE_COUNT` with the ignored test look through others.

mod laws;

use mssql_posture::graph::Step;

use crate::support::oracle::{compare, kinds, survey, unnoticed};

/// Estates of one test of agreement; there are eight.
const ESTATES: usize = 250;

macro_rules! agreement {
    ($($name:ident $seed:literal)*) => { $(
        #[test]
        fn $name() {
            compare($seed, ESTATES);
        }
    )* };
}

agreement! {
    the_engine_agrees_with_a_plain_reading_1 1
    the_engine_agrees_with_a_plain_reading_2 2
    the_engine_agrees_with_a_plain_reading_3 3
    the_engine_agrees_with_a_plain_reading_4 4
    the_engine_agrees_with_a_plain_reading_5 5
    the_engine_agrees_with_a_plain_reading_6 6
    the_engine_agrees_with_a_plain_reading_7 7
    the_engine_agrees_with_a_plain_reading_8 8
}

#[test]
fn every_kind_of_step_has_a_plain_reading() {
    // What was not seen is no rule of the server.
    let mut expected: Vec<Step> = Step::ALL
        .iter()
        .copied()
        .filter(|s| !matches!(s, Step::Unseen | Step::UnseenRun))
        .collect();
    let mut found = kinds();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

/// Estates of that seed that together show a fault in every kind of step: what it takes to find them is not looked for
/// each time.
const TELLING: &[usize] = &[
    0, 1, 2, 4, 5, 8, 11, 13, 16, 17, 18, 23, 25, 26, 30, 42, 43, 44, 48, 51, 53, 55, 56, 64, 70,
    84, 243, 255, 330, 424, 906,
];

#[test]
fn a_fault_in_any_kind_of_step_is_found_out() {
    let (left, telling) = unnoticed(101, 1500, &kinds(), TELLING);
    assert!(left.is_empty(), "nobody would notice without {left:?}");
    assert_eq!(telling, TELLING, "the estates to begin with are others now");
}

#[test]
#[ignore = "shows differences over other seeds: ORACLE_SEED, ORACLE_COUNT"]
fn differences() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|n| n.parse::<usize>().ok())
    };
    let seed = number("ORACLE_SEED").and_then(|seed| u8::try_from(seed).ok());
    let count = number("ORACLE_COUNT").unwrap_or(1000);
    let found = survey(seed.unwrap_or(0), count);
    let (differ, all) = (found.len(), found.join("\n"));
    assert!(found.is_empty(), "{differ} of {count} differ:\n{all}");
}
