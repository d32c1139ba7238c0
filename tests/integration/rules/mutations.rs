//! Every rule reacts to every fact that it says it needs: some change of a row turns some verdict of some fixture.

use std::collections::BTreeSet;

use mssql_posture::rules::{self, Rule};
use mssql_posture::snapshot::{Fact, Snapshot};

use super::laws::declares;
use super::{Fixture, World, fixtures, line};
use crate::support::recording::{is_of_database, mutations, put, rows_of};

/// Facts that a rule asks for where no change of a row turns a verdict, each with its reason.
const UNMOVED: &[(&str, Fact)] = &[];

/// Where a rule reads a fact: at server scope, or in databases by their place.
fn places(rule: &Rule, fact: Fact, snapshot: &Snapshot) -> Vec<Option<usize>> {
    if !is_of_database(fact) {
        return vec![None];
    }
    let databases = snapshot.databases.iter().enumerate();
    let read =
        databases.filter(|(_, d)| !d.excluded && declares(rule, fact, Some(d.name.as_str())));
    read.map(|(place, _)| Some(place)).collect()
}

fn lines(rule: &'static Rule, world: &World, snapshot: &Snapshot) -> Vec<String> {
    rule.judge(&world.case(snapshot)).iter().map(line).collect()
}

/// Whether some change of the fact turns a verdict of this fixture.
fn reacts(fixture: &Fixture, fact: Fact) -> bool {
    let (rule, world) = (fixture.rule(), fixture.world());
    let before = lines(rule, &world, &world.snapshot);
    let mut snapshot = world.snapshot.clone();
    places(rule, fact, &world.snapshot)
        .into_iter()
        .any(|place| {
            let rows = rows_of(&world.snapshot, fact, place);
            let turned = mutations(&rows).any(|rows| {
                put(&mut snapshot, fact, place, &rows) && lines(rule, &world, &snapshot) != before
            });
            match place {
                None => snapshot.server.clone_from(&world.snapshot.server),
                Some(place) => {
                    snapshot.databases[place].clone_from(&world.snapshot.databases[place])
                }
            }
            turned
        })
}

#[test]
fn every_rule_reacts_to_every_fact_that_it_needs() {
    let mut unmoved = BTreeSet::new();
    let of_instances = rules::ALL
        .iter()
        .filter(|rule| !rules::ON_THE_ESTATE.contains(&rule.id));
    for rule in of_instances {
        let own: Vec<&Fixture> = fixtures()
            .into_iter()
            .filter(|f| f.rule() == *rule)
            .collect();
        let needed = [rule.facts, rule.master_facts, rule.msdb_facts].concat();
        for fact in needed {
            if !own.iter().any(|fixture| reacts(fixture, fact)) {
                unmoved.insert((rule.id, fact));
            }
        }
    }
    let listed: BTreeSet<_> = UNMOVED.iter().copied().collect();
    assert_eq!(unmoved, listed);
}
