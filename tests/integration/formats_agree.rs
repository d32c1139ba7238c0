//! One audit in every format: what each format counts is what assessment.json counts, and every finding is in each
//! format that lists findings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::cli::{self, Cli};

mod accounts;
mod damage;
mod documents;
mod names;
mod pages;
mod rows;
mod tally;

use accounts::{ACCOUNTS, Account};
use damage::Files;
use names::NAMED;
use tally::{Due, Tally, Verdict};

/// The demo in every format, and what its assessment says.
struct Audited {
    files: Files,
    assessment: Value,
    verdicts: Vec<Verdict>,
}

fn audited() -> &'static Audited {
    static AUDITED: OnceLock<Audited> = OnceLock::new();
    AUDITED.get_or_init(|| {
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/inventory/demo.toml");
        let formats = cli::formats().join(",");
        let audit = ["audit", demo, "-o", "out", "--format", &formats];
        let ran = Cli::new(&audit).env("COLUMNS", "200").run().code(3);
        let paths = ran.files("out").into_iter();
        let paths = paths.filter(|path| path.starts_with("reports/") || path == "assessment.json");
        let mut files = Files::default();
        for path in paths {
            let bytes = std::fs::read(ran.path("out").join(&path)).unwrap();
            files.0.insert(path, bytes);
        }
        files
            .0
            .insert("stdout".to_owned(), ran.stdout.clone().into());
        let assessment = ran.assessment();
        let verdicts = Verdict::all(&assessment);
        Audited {
            files,
            assessment,
            verdicts,
        }
    })
}

/// What an account has to tell.
fn due(account: &Account, of: &Audited) -> Tally {
    match account.due {
        Due::Verdicts(grains) => tally::of_verdicts(grains, &of.verdicts),
        Due::Channels => tally::channels(&of.assessment),
        Due::Steps => tally::steps(&of.assessment),
    }
}

#[test]
fn every_format_has_an_account_and_every_outcome_is_there_to_be_counted() {
    let formats: BTreeSet<String> = cli::formats().into_iter().collect();
    assert!(formats.len() >= 15, "{formats:?}");
    let told: BTreeSet<String> = ACCOUNTS.iter().map(|own| own.format.to_owned()).collect();
    assert_eq!(
        formats, told,
        "a format without a reader, or a reader of nothing"
    );
    let listed: BTreeSet<&str> = NAMED.iter().map(|own| own.format).collect();
    for format in ["csv", "jsonl", "xlsx", "sarif", "html", "ocsf", "oscal"] {
        assert!(listed.contains(format), "{format} lists findings");
    }
    let audited = audited();
    let outcomes: BTreeSet<&str> = audited
        .verdicts
        .iter()
        .map(|v| v.outcome.as_str())
        .collect();
    assert_eq!(outcomes.len(), 5, "{outcomes:?}");
    let failing = audited.verdicts.iter().filter(|v| v.outcome == "fail");
    let severities: BTreeSet<&str> = failing.map(|v| v.severity.as_str()).collect();
    assert_eq!(severities.len(), 5, "{severities:?}");
}

#[test]
fn every_format_counts_what_the_assessment_counts() {
    let audited = audited();
    for account in ACCOUNTS {
        let due = due(account, audited);
        assert!(due.values().sum::<usize>() > 0, "{account}: nothing is due");
        let told = (account.read)(&audited.files);
        if let Some(off) = tally::disagreement(&due, &told) {
            panic!("{account}: {off}");
        }
    }
}

/// Otherwise the test above could not fail.
#[test]
fn a_row_gone_or_a_number_changed_is_noticed_in_every_account() {
    let audited = audited();
    for account in ACCOUNTS {
        let damaged = audited.files.damaged(&account.damage);
        assert_ne!(damaged, audited.files, "{account}: nothing was damaged");
        let told = (account.read)(&damaged);
        let off = tally::disagreement(&due(account, audited), &told);
        assert!(off.is_some(), "{account}: the damage went unnoticed");
    }
}

/// Nor if a reader took the numbers from elsewhere, or its grains asked for too little.
#[test]
fn a_verdict_more_is_missed_by_every_account_of_its_outcome() {
    let audited = audited();
    let kind = |one: &Verdict| [&one.instance, &one.outcome, &one.severity].map(String::clone);
    let kinds = audited.verdicts.iter().map(|one| (kind(one), one));
    let kinds: BTreeMap<[String; 3], &Verdict> = kinds.collect();
    for account in ACCOUNTS {
        let Due::Verdicts(grains) = account.due else {
            continue;
        };
        let told = (account.read)(&audited.files);
        let mut missed = 0;
        for more in kinds.values() {
            if grains.iter().any(|grain| grain.counts(more)) {
                missed += 1;
                let mut verdicts = audited.verdicts.clone();
                verdicts.push((*more).clone());
                let due = tally::of_verdicts(grains, &verdicts);
                let off = tally::disagreement(&due, &told);
                assert!(off.is_some(), "{account}: one more is not missed: {more:?}");
            }
        }
        assert!(missed > 0, "{account}");
    }
}

#[test]
fn every_finding_is_named_in_every_format_that_lists_findings() {
    let audited = audited();
    for own in NAMED {
        let off = own.disagreement(&audited.files, &audited.verdicts);
        assert_eq!(off, None, "{}", own.format);
        let mut accounts = ACCOUNTS.iter();
        let account = accounts.find(|account| account.lists && account.format == own.format);
        let damaged = audited.files.damaged(&account.unwrap().damage);
        let off = own.disagreement(&damaged, &audited.verdicts);
        assert!(off.is_some(), "{}: the damage went unnoticed", own.format);
    }
}
