//! Every rule reacts to every fact that it says it needs: some change of a row turns some verdict of some fixture.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use mssql_posture::rules::{self, Outcome, Rule};
use mssql_posture::snapshot::{Fact, Snapshot};

use super::laws::declares;
use super::{Fixture, World, fixtures, line};
use crate::support::recording::{is_of_database, mutations, put, rows_of};

/// Facts that a rule asks for where no change of a row turns a verdict, each with its reason.
const UNMOVED: &[(&str, Fact, &str)] = &[
    ("AGENT-006", Fact::Databases, LIST),
    ("SIGHT-003", Fact::UserToken, ROLES),
    (
        "SIGHT-005",
        Fact::Session,
        "that it was made at all is what counts",
    ),
    ("PRIV-008", Fact::NumberedProcedures, READ),
    ("PRIV-008", Fact::Synonyms, READ),
    ("PRIV-009", Fact::NumberedProcedures, READ),
    ("PRIV-009", Fact::Synonyms, READ),
    ("PRIV-009", Fact::AssemblyModules, SEARCHED),
    ("PRIV-010", Fact::ServerRoleMembers, SEARCHED),
    ("PRIV-010", Fact::ServerPermissions, SEARCHED),
    ("PRIV-010", Fact::DatabasePrincipals, SEARCHED),
    ("PRIV-010", Fact::DatabaseRoleMembers, SEARCHED),
    ("TRUST-003", Fact::Modules, SEARCHED),
    ("TRUST-003", Fact::AssemblyModules, SEARCHED),
    ("TRUST-010", Fact::Objects, SEARCHED),
    ("TRUST-010", Fact::Modules, SEARCHED),
    ("TRUST-010", Fact::Triggers, SEARCHED),
];

const LIST: &str =
    "what is in the databases is read where they stand; the list says that none is missing";
const ROLES: &str =
    "roles of the auditor, to which a DENY may be given; the fixtures give it to the login";
const READ: &str = "read with the texts; the fixtures have what came of that";
const SEARCHED: &str =
    "read by the search for who reaches what, whose own cases turn each of its steps";

/// Rules that ask whether facts were seen, not what they say.
const ON_SIGHT: &[&str] = &["SIGHT-001", "SIGHT-002"];

/// Changes that are tried of one fact in one place of one fixture.
const MOST: usize = 120;

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

/// A fixture of the rule, and what it says of it unchanged.
struct Judged {
    world: World,
    before: Vec<String>,
}

fn lines(rule: &'static Rule, world: &World, snapshot: &Snapshot) -> Vec<String> {
    let verdicts = rule.judge(&world.case(snapshot));
    let said = verdicts.iter().map(|verdict| match &verdict.outcome {
        Outcome::Fail(finding) => format!("{}: {}", line(verdict), finding.message),
        _ => line(verdict),
    });
    said.collect()
}

impl Judged {
    fn new(fixture: &Fixture) -> Self {
        let world = fixture.world();
        let before = lines(fixture.rule(), &world, &world.snapshot);
        Self { world, before }
    }

    /// Whether some change of the fact turns a verdict.
    fn reacts(&self, rule: &'static Rule, fact: Fact) -> bool {
        let world = &self.world;
        let mut snapshot = world.snapshot.clone();
        places(rule, fact, &world.snapshot)
            .into_iter()
            .any(|place| {
                let rows = rows_of(&world.snapshot, fact, place);
                let turned = mutations(&rows).take(MOST).any(|rows| {
                    put(&mut snapshot, fact, place, &rows)
                        && lines(rule, world, &snapshot) != self.before
                });
                match place {
                    None => snapshot.server.clone_from(&world.snapshot.server),
                    Some(place) => {
                        snapshot.databases[place].clone_from(&world.snapshot.databases[place]);
                    }
                }
                turned
            })
    }
}

/// The facts that a rule needs and that no change turns anything by.
fn unmoved(rule: &'static Rule) -> Vec<(&'static str, Fact)> {
    let own = fixtures().into_iter().filter(|f| f.rule() == rule);
    let own: Vec<Judged> = own.map(Judged::new).collect();
    let needed = [rule.facts, rule.master_facts, rule.msdb_facts].concat();
    let unmoved = needed
        .into_iter()
        .filter(|fact| !own.iter().any(|judged| judged.reacts(rule, *fact)));
    unmoved.map(|fact| (rule.id, fact)).collect()
}

#[test]
fn every_rule_reacts_to_every_fact_that_it_needs() {
    let next = AtomicUsize::new(0);
    let of_instances: Vec<&'static Rule> = rules::ALL
        .iter()
        .copied()
        .filter(|rule| !rules::ON_THE_ESTATE.contains(&rule.id) && !ON_SIGHT.contains(&rule.id))
        .collect();
    let worker = || {
        let mut all = Vec::new();
        while let Some(rule) = of_instances.get(next.fetch_add(1, Ordering::Relaxed)) {
            all.extend(unmoved(rule));
        }
        all
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let unmoved: BTreeSet<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        let done = workers.into_iter().map(|worker| worker.join().unwrap());
        done.flatten().collect()
    });
    let listed: BTreeSet<_> = UNMOVED
        .iter()
        .map(|(rule, fact, _)| (*rule, *fact))
        .collect();
    assert_eq!(unmoved, listed);
}
