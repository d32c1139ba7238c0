//! What the rules make of a collection, and whether the program would call it incomplete.

use std::collections::BTreeSet;

use mssql_posture::collect::Collected;
use mssql_posture::report::{Assessment, Judged};
use mssql_posture::rules::{self, Case, Outcome, Rule, Subject, Verdict};
use mssql_posture::score;
use mssql_posture::snapshot::{Fact, ModuleTexts};

/// All verdicts of one collection.
pub struct Judgement {
    pub verdicts: Vec<Verdict>,
    /// Ends as exit code 3.
    pub incomplete: bool,
}

pub fn judged(collected: &Collected) -> Judgement {
    let snapshot = &collected.snapshot;
    let text =
        String::from_utf8(collected.module_text.bytes().expect("module text")).expect("UTF-8");
    let texts = ModuleTexts::from_jsonl(&text, &snapshot.module_text.sha256).expect("its own text");
    let expected = ["sa", "CORP\\dba"].map(str::to_owned);
    let verdicts = rules::judge(&Case::new(snapshot, &texts, Some(&expected)).as_of("2026-01-01"));
    let mut assessment = Assessment::new("2026-01-01".to_owned());
    assessment.enter(Judged {
        snapshot,
        criticality: None,
        exposure: score::unseen(),
        routes: Vec::new(),
        fix_first: Vec::new(),
        telemetry: None,
        missing: rules::unsettled(snapshot),
        modules_with_unread_dynamic_sql: 0,
        verdicts: verdicts.clone(),
    });
    Judgement {
        verdicts,
        incomplete: assessment.close().is_incomplete(),
    }
}

impl Judgement {
    fn of(&self, rule: &str) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(move |v| v.rule.id == rule)
    }

    /// Facts of the instance that SIGHT-002 says were not seen whole.
    pub fn unseen_facts(&self) -> BTreeSet<String> {
        let unknown = self.of("SIGHT-002");
        let unknown = unknown.filter(|v| matches!(v.outcome, Outcome::Unknown(_)));
        unknown.filter_map(|v| v.subject.name.clone()).collect()
    }

    /// Databases that SIGHT-001 says were not read, or not read whole.
    pub fn unread_databases(&self) -> BTreeSet<String> {
        let failed = self.of("SIGHT-001");
        let failed = failed.filter(|v| matches!(v.outcome, Outcome::Fail(_)));
        let names = failed.filter_map(|v| v.subject.database.as_ref());
        names.map(ToString::to_string).collect()
    }

    /// Whether SIGHT-001 says that the list of databases itself is not known.
    pub fn has_no_list_of_databases(&self) -> bool {
        self.of("SIGHT-001")
            .any(|v| v.subject == Subject::instance() && matches!(v.outcome, Outcome::Unknown(_)))
    }

    /// How many subjects passed a rule.
    pub fn passed(&self, rule: &Rule) -> u32 {
        let passed = self.of(rule.id).filter(|v| v.outcome == Outcome::Pass);
        passed
            .map(|v| v.population.map_or(1, |population| population.passed))
            .sum()
    }

    /// Whether a rule says of something that it is bad or not known.
    pub fn is_open(&self, rule: &Rule) -> bool {
        self.of(rule.id)
            .any(|v| matches!(v.outcome, Outcome::Fail(_) | Outcome::Unknown(_)))
    }
}

/// Rules that need a fact, in this database if it is one of a database.
pub fn rules_on(fact: &str, database: Option<&str>) -> Vec<&'static Rule> {
    let named = |facts: &[Fact]| facts.iter().any(|f| f.name() == fact);
    let within = |own: &str| database.is_none_or(|name| name == own);
    let all = rules::ALL.iter().copied();
    let needs = |rule: &&Rule| {
        named(rule.facts)
            || (within("master") && named(rule.master_facts))
            || (within("msdb") && named(rule.msdb_facts))
    };
    all.filter(needs).collect()
}
