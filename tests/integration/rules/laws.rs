//! Laws over all rules: what is taken out of sight never makes anything look better.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use mssql_posture::ids::DatabaseName;
use mssql_posture::rules::{self, Case, Outcome, Rule, Severity, Verdict};
use mssql_posture::score;
use mssql_posture::snapshot::{Fact, ModuleTexts, Snapshot};
use proptest::prelude::*;

use super::{Fixture, World, fixtures, line};
use crate::support::recording::{Hidden, Recorded, estate, hide, is_of_database, without};

/// Reasons for which a question does not arise whatever else was not seen, and the fact that says so, where it is not
/// the inventory or who the server is.
const NEVER_ARISES: &[(&str, Option<Fact>)] = &[
    ("SQL Server on Linux does not have it", Some(Fact::Host)),
    ("the packages for Linux run it as mssql", Some(Fact::Host)),
    ("nothing can be hidden from sysadmin", Some(Fact::Session)),
    ("a script collected on the host", None),
    (
        "Express has no Agent, and msdb is not TRUSTWORTHY",
        Some(Fact::Databases),
    ),
    ("this version has no list of trusted assemblies", None),
    ("Azure SQL Managed Instance does not have it", None),
    ("Azure SQL Managed Instance has no account to choose", None),
    ("Express has no Agent", None),
    ("the inventory excludes master", None),
    ("the inventory excludes msdb", None),
    (
        "the inventory does not say who is expected in sysadmin",
        None,
    ),
];

/// Facts that can take a finding back. Where they are not seen, what was seen to be bad stands.
const TAKES_BACK: &[(&str, Fact)] = &[
    ("AUDIT-007", Fact::Host),
    ("SIGHT-003", Fact::Session),
    ("SURF-001", Fact::Host),
    ("SURF-002", Fact::Host),
    ("SURF-003", Fact::Host),
    ("SURF-008", Fact::ServerIdentity),
    ("SURF-017", Fact::Host),
    ("SURF-018", Fact::Connections),
    ("PRIV-002", Fact::Host),
    ("PRIV-002", Fact::ServerPrincipals),
    ("PRIV-002", Fact::ServerRoleMembers),
    ("PRIV-002", Fact::ServerPermissions),
    ("PRIV-002", Fact::DatabasePrincipals),
    ("PRIV-002", Fact::DatabaseRoleMembers),
    ("PRIV-002", Fact::DatabasePermissions),
    ("PRIV-003", Fact::ServerRoleMembers),
    ("PRIV-003", Fact::ServerPermissions),
    ("PRIV-004", Fact::ServerRoleMembers),
    ("PRIV-004", Fact::ServerPermissions),
    ("PRIV-005", Fact::ServerRoleMembers),
    ("PRIV-005", Fact::ServerPermissions),
    ("PRIV-006", Fact::ServerRoleMembers),
    ("PRIV-007", Fact::ServerRoleMembers),
    ("PRIV-008", Fact::Host),
    ("PRIV-008", Fact::DatabasePermissions),
    ("PRIV-009", Fact::ServerPrincipals),
    ("PRIV-009", Fact::ServerRoleMembers),
    ("PRIV-009", Fact::DatabasePermissions),
    ("PRIV-010", Fact::DatabasePermissions),
    ("PRIV-019", Fact::ServerPermissions),
    ("TRUST-004", Fact::ServerRoleMembers),
    ("TRUST-004", Fact::DatabasePermissions),
    ("TRUST-005", Fact::ServerRoleMembers),
    ("AGENT-006", Fact::ServerRoleMembers),
    ("AGENT-006", Fact::DatabasePermissions),
    ("AGENT-006", Fact::Objects),
    ("LINK-001", Fact::ServerRoleMembers),
    ("CLR-003", Fact::ServerRoleMembers),
    ("CLR-003", Fact::ServerPermissions),
    ("CLR-003", Fact::Host),
];

/// A session that could not read who the server is reads nothing else, so a rule that only looks there
/// for the version or the edition does not declare it.
const NEVER_ALONE: &[Fact] = &[Fact::ServerIdentity];

/// An outcome, and of a finding how bad it is.
fn outcome(outcome: &Outcome) -> (&'static str, Option<Severity>) {
    let severity = match outcome {
        Outcome::Fail(finding) => Some(finding.severity),
        _ => None,
    };
    (outcome.as_str(), severity)
}

fn is_clean(verdicts: &[Verdict]) -> bool {
    let bad = |v: &Verdict| matches!(v.outcome, Outcome::Fail(_) | Outcome::Unknown(_));
    !verdicts.iter().any(bad)
}

fn passes(verdicts: &[Verdict]) -> bool {
    verdicts.iter().any(|v| v.outcome == Outcome::Pass)
}

/// Counted, not named: with less seen, a subject may only have its number.
fn findings(verdicts: &[Verdict]) -> usize {
    let failed = |v: &&Verdict| matches!(v.outcome, Outcome::Fail(_));
    verdicts.iter().filter(failed).count()
}

/// Where a fact stands: once on the server, or in each database that is not excluded.
fn places(fact: Fact, snapshot: &Snapshot) -> Vec<Option<String>> {
    if !is_of_database(fact) {
        return vec![None];
    }
    let databases = snapshot.databases.iter().filter(|d| !d.excluded);
    databases.map(|d| Some(d.name.to_string())).collect()
}

/// Whether a rule declares that it reads this fact there.
pub(super) fn declares(rule: &Rule, fact: Fact, database: Option<&str>) -> bool {
    let within = |own: &str| database.is_none_or(|name| name == own);
    rule.facts.contains(&fact)
        || (within("master") && rule.master_facts.contains(&fact))
        || (within("msdb") && rule.msdb_facts.contains(&fact))
}

/// Whether a verdict says of a fact that it is missing.
fn names(verdict: &Verdict, fact: Fact, database: Option<&str>) -> bool {
    let Outcome::Unknown(missing) = &verdict.outcome else {
        return false;
    };
    missing.iter().any(|missing| {
        missing.fact == fact.name()
            && missing.database.as_ref().map(DatabaseName::as_str) == database
            && !missing.needs.is_empty()
    })
}

fn hidden() -> Vec<Hidden> {
    vec![
        Hidden::Partial(vec![true]),
        Hidden::Partial(vec![false]),
        Hidden::Partial(vec![true, false]),
        Hidden::Partial(vec![false, true]),
        Hidden::Partial(vec![true, true, false]),
        Hidden::Denied(vec!["a right".to_owned()]),
        Hidden::Failed,
        Hidden::NotCollected,
    ]
}

/// One fact of one fixture out of sight, and what the rule says then.
struct Taken {
    rule: &'static Rule,
    about: String,
    before: Vec<Verdict>,
    after: Vec<Verdict>,
}

impl Taken {
    fn new(
        fixture: &Fixture,
        world: &World,
        snapshot: &mut Snapshot,
        before: &[Verdict],
        what: (Fact, Option<&str>, &Hidden),
    ) -> Option<Self> {
        let (fact, database, how) = what;
        let rule = fixture.rule();
        let after = without(snapshot, what, |less| rule.judge(&world.case(less)))?;
        Some(Self {
            rule,
            about: format!(
                "{}, {}: {} of {database:?} {how:?}",
                rule.slug,
                fixture.about,
                fact.name()
            ),
            before: before.to_vec(),
            after,
        })
    }

    fn lines(&self) -> String {
        let lines = |verdicts: &[Verdict]| verdicts.iter().map(line).collect::<Vec<_>>();
        format!(
            "{}\n  {:?}\n  {:?}",
            self.about,
            lines(&self.before),
            lines(&self.after)
        )
    }

    /// What was not clean does not become clean, and no finding is lost without a word.
    fn nothing_looks_better(&self) {
        assert!(
            is_clean(&self.before) || !is_clean(&self.after),
            "looks clean with less seen: {}",
            self.lines()
        );
        let unknown = self
            .after
            .iter()
            .any(|v| matches!(v.outcome, Outcome::Unknown(_)));
        assert!(
            unknown || findings(&self.before) <= findings(&self.after),
            "a finding is gone and nothing is unknown: {}",
            self.lines()
        );
    }

    /// A pass needs every declared fact, and so does what is not applicable, unless the question does not arise at all.
    /// Where something passed before, what is missing is named, once. Gives back for which reason it does not arise.
    fn nothing_passes_unseen(
        &self,
        (fact, database, how): (Fact, Option<&str>, &Hidden),
    ) -> Option<&str> {
        assert!(
            !passes(&self.after),
            "passes without a fact that it needs: {}",
            self.lines()
        );
        let reason = self.after.iter().find_map(|v| match &v.outcome {
            Outcome::NotApplicable(reason) => Some(reason.as_str()),
            _ => None,
        });
        if let Some(reason) = reason {
            let known = NEVER_ARISES.iter().find(|(known, _)| *known == reason);
            let gone = matches!(
                how,
                Hidden::Denied(_) | Hidden::Failed | Hidden::NotCollected
            );
            assert!(
                known.is_some_and(|(_, says)| !gone || *says != Some(fact)),
                "not applicable without a fact that it needs: {}",
                self.lines()
            );
        }
        let named = self.after.iter().filter(|v| names(v, fact, database));
        let says = named.count() > 0 || self.rule.slug == "not-all-databases-read"; // by findings
        assert!(
            says || !passes(&self.before),
            "does not name what is missing: {}",
            self.lines()
        );
        reason
    }

    /// Less seen invents no finding, but where something that took it back is out of sight. Returns
    /// whether that held without an exemption.
    fn nothing_is_invented(&self, fact: Fact) -> bool {
        let holds = findings(&self.after) <= findings(&self.before)
            || self.rule.slug == "not-all-databases-read"; // finds just that
        assert!(
            holds || TAKES_BACK.contains(&(self.rule.id, fact)),
            "a finding from nothing: {}",
            self.lines()
        );
        holds
    }

    /// What a rule does not declare does not decide, and makes nothing heavier or lighter.
    fn nothing_undeclared_decides(&self) {
        let outcomes = |verdicts: &[Verdict]| {
            let mut words: Vec<_> = verdicts.iter().map(|v| outcome(&v.outcome)).collect();
            words.sort_unstable();
            words
        };
        assert!(
            outcomes(&self.before) == outcomes(&self.after),
            "decided by a fact that it does not declare: {}",
            self.lines()
        );
    }
}

#[test]
fn a_declared_fact_out_of_sight_makes_nothing_look_better() {
    let mut never = BTreeSet::new();
    let mut invented = BTreeSet::new();
    for fixture in fixtures() {
        let (rule, world) = (fixture.rule(), fixture.world());
        let before = world.judge(rule);
        let mut snapshot = world.snapshot.clone();
        for &fact in Fact::ALL {
            for place in places(fact, &world.snapshot) {
                if !declares(rule, fact, place.as_deref()) {
                    continue;
                }
                for how in hidden() {
                    let what = (fact, place.as_deref(), &how);
                    let Some(taken) = Taken::new(fixture, &world, &mut snapshot, &before, what)
                    else {
                        continue;
                    };
                    let key = (rule.id, fact);
                    taken.nothing_looks_better();
                    never.extend(taken.nothing_passes_unseen(what).map(str::to_owned));
                    if !taken.nothing_is_invented(fact) {
                        invented.insert(key);
                    }
                }
            }
        }
    }
    let listed = NEVER_ARISES.iter().map(|(reason, _)| (*reason).to_owned());
    assert_eq!(never, listed.collect(), "a reason that nothing has");
    let listed = TAKES_BACK.iter().copied();
    assert_eq!(
        invented,
        listed.collect(),
        "an exemption that nothing needs"
    );
}

/// All of them at once: a rule that reads any would say otherwise.
#[test]
fn an_undeclared_fact_decides_nothing() {
    let how = Hidden::Denied(vec!["a right".to_owned()]);
    for fixture in fixtures() {
        let (rule, world) = (fixture.rule(), fixture.world());
        let mut less = world.snapshot.clone();
        for &fact in Fact::ALL.iter().filter(|fact| !NEVER_ALONE.contains(fact)) {
            for place in places(fact, &world.snapshot) {
                if !declares(rule, fact, place.as_deref()) {
                    hide(&mut less, fact, place.as_deref(), &how);
                }
            }
        }
        assert!(less != world.snapshot, "{}: nothing was hidden", rule.slug);
        let taken = Taken {
            rule,
            about: format!("{}, {}", rule.slug, fixture.about),
            before: world.judge(rule),
            after: rule.judge(&world.case(&less)),
        };
        taken.nothing_undeclared_decides();
    }
}

#[test]
fn every_exemption_names_a_fact_that_its_rule_declares() {
    for (id, fact) in TAKES_BACK {
        let rule = Rule::find(id).unwrap();
        assert!(
            declares(rule, *fact, None),
            "{id} does not read {}",
            fact.name()
        );
    }
}

/// The same for all rules at once on whole instances: each fact of each place in turn.
#[test]
fn no_rule_passes_without_a_fact_that_it_declares() {
    for (recorded, texts) in ESTATE.iter() {
        let before = rules::judge(&Case::new(&recorded.snapshot, texts, Some(&[])));
        let how = Hidden::Denied(vec!["a right".to_owned()]);
        let mut snapshot = recorded.snapshot.clone();
        for &fact in Fact::ALL {
            for place in places(fact, &recorded.snapshot) {
                let place = place.as_deref();
                without(&mut snapshot, (fact, place, &how), |less| {
                    let case = Case::new(less, texts, Some(&[]));
                    for rule in rules::ALL.iter().filter(|r| declares(r, fact, place)) {
                        let own = before.iter().filter(|v| v.rule == *rule);
                        let taken = Taken {
                            rule,
                            about: format!("{}, {}: {place:?}", rule.id, fact.name()),
                            before: own.cloned().collect(),
                            after: rule.judge(&case),
                        };
                        taken.nothing_passes_unseen((fact, place, &how));
                    }
                });
            }
        }
    }
}

/// What one right would show in every database is one verdict, not one for each.
#[test]
fn one_cause_in_many_databases_is_one_verdict() {
    let (recorded, texts) = &ESTATE[0];
    let mut snapshot = recorded.snapshot.clone();
    let places = places(Fact::DatabasePermissions, &snapshot);
    assert!(places.len() > 3, "{places:?}");
    for place in &places {
        let how = Hidden::Denied(vec!["a right".to_owned()]);
        hide(
            &mut snapshot,
            Fact::DatabasePermissions,
            place.as_deref(),
            &how,
        );
    }
    let case = Case::new(&snapshot, texts, Some(&[]));
    let needing = rules::ALL.iter();
    let needing = needing.filter(|rule| rule.facts.contains(&Fact::DatabasePermissions));
    for rule in needing.filter(|rule| rule.slug != "not-all-databases-read") {
        let verdicts = rule.judge(&case);
        let names = |verdict: &Verdict, place: &Option<String>| {
            names(verdict, Fact::DatabasePermissions, place.as_deref())
        };
        let open = verdicts.iter();
        let open = open.filter(|v| places.iter().any(|place| names(v, place)));
        let [verdict] = open.collect::<Vec<_>>()[..] else {
            panic!("{}: not one verdict", rule.slug);
        };
        let all = places.iter().all(|place| names(verdict, place));
        assert!(all, "{}: not every database is named", rule.slug);
    }
}

#[test]
fn a_database_missing_from_the_snapshot_makes_nothing_look_better() {
    for fixture in fixtures() {
        let world = fixture.world();
        let before = world.judge(fixture.rule());
        for index in 0..world.snapshot.databases.len() {
            let mut snapshot = world.snapshot.clone();
            let removed = snapshot.databases.remove(index);
            let taken = Taken {
                rule: fixture.rule(),
                about: format!(
                    "{}, {}: without {}",
                    fixture.rule, fixture.about, removed.name
                ),
                before: before.clone(),
                after: fixture.rule().judge(&world.case(&snapshot)),
            };
            taken.nothing_looks_better();
        }
    }
}

#[test]
fn without_module_text_no_module_passes() {
    for fixture in fixtures() {
        let rule = fixture.rule();
        if rule.slug != "module-invokes-command-channel" {
            continue;
        }
        let world = fixture.world();
        let texts = ModuleTexts::default();
        let expected = world.expected_sysadmins.as_deref();
        let after = rule.judge(&Case::new(&world.snapshot, &texts, expected));
        assert!(!passes(&after), "{}", fixture.about);
    }
}

#[test]
fn nothing_seen_at_all_is_never_clean() {
    let snapshot = estate::all().remove(0).finish().snapshot;
    let unseen = Snapshot::unseen(
        snapshot.target,
        snapshot.outcome,
        snapshot.connection,
        "2026-11-16T05:00:00Z",
    );
    let texts = ModuleTexts::default();
    let case = Case::new(&unseen, &texts, Some(&[]));
    let of_instances = rules::ALL
        .iter()
        .filter(|rule| !rules::ON_THE_ESTATE.contains(&rule.id));
    for rule in of_instances {
        let verdicts = rule.judge(&case);
        let unknown = |v: &Verdict| matches!(v.outcome, Outcome::Unknown(_));
        assert!(verdicts.iter().any(unknown), "{}", rule.slug);
    }
}

fn how() -> impl Strategy<Value = Hidden> {
    prop_oneof![
        proptest::collection::vec(any::<bool>(), 1..12).prop_map(Hidden::Partial),
        Just(Hidden::Denied(vec!["a right".to_owned()])),
        Just(Hidden::Failed),
        Just(Hidden::NotCollected),
    ]
}

/// Facts to take away, as numbers that fit any instance.
fn losses() -> impl Strategy<Value = Vec<(usize, usize, Hidden)>> {
    proptest::collection::vec((0..Fact::ALL.len(), 0..64_usize, how()), 1..6)
}

fn lose(snapshot: &mut Snapshot, losses: &[(usize, usize, Hidden)]) {
    for (fact, place, how) in losses {
        let fact = Fact::ALL[*fact];
        let places = places(fact, snapshot);
        let place = &places[place % places.len()];
        hide(snapshot, fact, place.as_deref(), how);
    }
}

fn without_a_seed_file() -> ProptestConfig {
    ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

static ESTATE: LazyLock<Vec<(Recorded, ModuleTexts)>> = LazyLock::new(|| {
    let finished = estate::all()
        .into_iter()
        .map(|recording| recording.finish());
    let with_texts = finished.map(|recorded| {
        let texts = recorded.texts();
        (recorded, texts)
    });
    with_texts.collect()
});

proptest! {
    #![proptest_config(without_a_seed_file())]

    /// On whole instances, for any loss of sight: what was not clean is not clean, and the exposure
    /// is nowhere narrower than with everything seen.
    #[test]
    fn loss_of_sight_never_lowers_the_worst(instance in 0..9_usize, losses in losses()) {
        let (recorded, texts) = &ESTATE[instance];
        let judge = |snapshot: &Snapshot| {
            let case = Case::new(snapshot, texts, Some(&[]));
            let verdicts = rules::judge(&case);
            let (exposure, _) = score::exposure(&mut case.into_graph(), &verdicts);
            (verdicts, exposure)
        };
        let (before, seen) = judge(&recorded.snapshot);
        let mut snapshot = recorded.snapshot.clone();
        lose(&mut snapshot, &losses);
        let (after, less) = judge(&snapshot);
        for rule in rules::ALL {
            let of = |verdicts: &[Verdict]| -> Vec<Verdict> {
                verdicts.iter().filter(|v| v.rule == *rule).cloned().collect()
            };
            let taken = Taken {
                rule,
                about: format!("instance {instance}, {losses:?}"),
                before: of(&before),
                after: of(&after),
            };
            taken.nothing_looks_better();
        }
        prop_assert!(less.low <= seen.low, "low {} > {}", less.low, seen.low);
        prop_assert!(seen.low <= seen.high, "{} > {}", seen.low, seen.high);
        prop_assert!(seen.high <= less.high, "high {} > {}", seen.high, less.high);
    }
}
