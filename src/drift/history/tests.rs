#![allow(clippy::unwrap_used, clippy::panic, clippy::needless_pass_by_value)]

use serde_json::{Value, json};

use super::*;

/// A verdict as `assessment.json` has it, with the fields that history reads.
fn verdict(rule: &str, kind: &str, database: Option<&str>, name: Option<&str>, is: &str) -> Value {
    let mut subject = json!({ "kind": kind });
    if let Some(database) = database {
        subject["database"] = database.into();
    }
    if let Some(name) = name {
        subject["name"] = name.into();
    }
    json!({
        "rule": rule, "rule_slug": "slug", "title": "title", "subject": subject, "outcome": is,
        "severity": "high", "message": "so it is", "evidence": [], "controls": []
    })
}

fn module(name: &str, is: &str) -> Value {
    verdict("CODE-001", "module", Some("App"), Some(name), is)
}

/// What a rule says that found nothing.
fn passed(rule: &str) -> Value {
    verdict(rule, "instance", None, None, "pass")
}

fn instance(id: &str, verdicts: Vec<Value>) -> Value {
    json!({
        "id": id, "collected": ["2026-01-01T08:00:00Z", "2026-01-01T09:12:00Z"],
        "exposure": { "low": 10, "high": 40, "breakdown": [] },
        "coverage": { "finished": true, "databases": 3, "databases_read": 2 },
        "verdicts": verdicts
    })
}

fn given(path: &str, as_of: &str, instances: Vec<Value>) -> Given {
    let text = json!({
        "schema": "mssql-posture/assessment/v1", "as_of": as_of, "judged_by": "mssql-posture 0.1.0",
        "instances": instances, "fleet": {},
        "frameworks": [{
            "id": "cis-2022", "name": "CIS", "version": "1.0",
            "tally": { "met": 3, "not_met": 2 }, "controls": []
        }]
    });
    let text = text.to_string();
    Given {
        path: path.to_owned(),
        seal: Seal::Intact {
            signature: Signature::None,
        },
        sha256: path.to_owned(),
        finished: String::new(),
        rule_set: None,
        assessed: Some(Assessed::from_json(text.as_bytes()).unwrap()),
    }
}

/// One instance in three quarters.
fn quarters(verdicts: [Vec<Value>; 3]) -> History {
    let days = ["2026-01-01", "2026-04-01", "2026-07-01"];
    let given = days
        .iter()
        .zip(verdicts)
        .map(|(day, verdicts)| given(day, day, vec![instance("erp", verdicts)]));
    History::new(given.collect()).unwrap()
}

fn only(history: &History) -> &Tracked {
    let [only] = history.findings.as_slice() else {
        panic!("{:?}", history.findings)
    };
    only
}

#[test]
fn what_opens_stays_and_goes_is_counted_where_it_does() {
    let history = quarters([
        vec![passed("CODE-001")],
        vec![module("dbo.x", "fail")],
        vec![passed("CODE-001")],
    ]);
    let own = only(&history);
    assert_eq!(own.state, TrackedState::Closed);
    assert_eq!((own.first_seen.as_str(), own.age_days), ("2026-04-01", 91));
    assert_eq!(own.closed.as_deref(), Some("2026-07-01"));
    assert!(!own.may_be_older && !own.rule_is_new);
    let moves: Vec<_> = history.fleet.iter().map(|point| point.moves).collect();
    assert_eq!(
        (moves[0], moves[1].opened, moves[2].closed),
        (Moves::default(), 1, 1)
    );
    assert_eq!(history.fleet[1].findings.high, 1);
    assert!(!history.is_incomplete());
}

#[test]
fn what_was_there_at_first_may_be_older() {
    let stands = || vec![module("dbo.x", "fail")];
    let history = quarters([stands(), stands(), stands()]);
    let own = only(&history);
    assert!(own.may_be_older);
    assert_eq!((own.state, own.age_days), (TrackedState::Open, 181));
    assert_eq!(history.fleet[2].moves.still_open, 1);
}

#[test]
fn absent_under_an_unknown_verdict_is_not_seen_and_not_closed() {
    let unknown = [
        verdict("CODE-001", "instance", None, None, "unknown"),
        verdict("CODE-001", "database", Some("App"), None, "unknown"),
        module("dbo.x", "unknown"),
        verdict("CODE-001", "query", None, Some("modules"), "unknown"),
    ];
    for unseen in unknown {
        let stood = || vec![module("dbo.x", "fail")];
        let history = quarters([stood(), stood(), vec![unseen.clone(), passed("CODE-001")]]);
        assert_eq!(only(&history).state, TrackedState::NotSeen, "{unseen}");
        assert_eq!(only(&history).closed, None);
        let moves = history.fleet[2].moves;
        assert_eq!((moves.closed, moves.not_seen), (0, 1));
        assert!(history.is_incomplete());
    }
}

#[test]
fn what_is_unknown_of_another_does_not_keep_it_open() {
    let unknown = [
        module("dbo.other", "unknown"),
        verdict("CODE-001", "database", Some("Else"), None, "unknown"),
        verdict("CODE-002", "instance", None, None, "unknown"),
    ];
    for unseen in unknown {
        let stood = || vec![module("dbo.x", "fail")];
        let last = vec![unseen.clone(), passed("CODE-001")];
        let history = quarters([stood(), stood(), last]);
        assert_eq!(only(&history).state, TrackedState::Closed, "{unseen}");
    }
}

#[test]
fn what_is_unknown_of_another_for_a_list_not_seen_whole_keeps_it_open() {
    let modules = |database: &str| json!([{ "fact": "modules", "database": database, "state": "partial", "needs": [] }]);
    let last = |list: &Value, named: &Value| {
        let mut unseen = module("dbo.other", "unknown");
        unseen["missing"] = named.clone();
        let mut own = instance("erp", vec![unseen, passed("CODE-001")]);
        own["coverage"]["missing"] = list.clone();
        let stood = instance("erp", vec![module("dbo.x", "fail")]);
        let history = History::new(vec![
            given("a", "2026-01-01", vec![stood]),
            given("b", "2026-04-01", vec![own]),
        ]);
        only(&history.unwrap()).state
    };
    let (app, other) = (modules("App"), modules("Other"));
    assert_eq!(last(&app, &app), TrackedState::NotSeen);
    assert_eq!(
        last(&json!([]), &app),
        TrackedState::Closed,
        "its text alone is hidden"
    );
    assert_eq!(last(&other, &app), TrackedState::Closed);
    assert_eq!(
        last(&other, &other),
        TrackedState::Closed,
        "it is elsewhere"
    );
}

#[test]
fn an_instance_that_nobody_saw_closes_nothing() {
    let stood = || instance("erp", vec![module("dbo.x", "fail")]);
    let mut unreached = instance("erp", vec![passed("CODE-001")]);
    unreached["coverage"] = json!({
        "finished": false, "databases": 0, "databases_read": 0,
        "trouble": { "stage": "connect", "why": "refused", "remedy": "" }
    });
    let mut excluded = instance("erp", vec![passed("CODE-001")]);
    excluded["coverage"]["databases_excluded"] = json!(["App"]);
    let mut renamed = instance("erp", vec![]);
    renamed["same_as"] = "crm".into();
    let no_rule = instance("erp", vec![passed("SURF-001")]);
    let cases = [
        (vec![unreached], "refused"),
        (vec![excluded], "left out by the inventory"),
        (vec![renamed], "judged under the name crm"),
        (vec![], "not in this bundle"),
        (
            vec![no_rule, instance("crm", vec![passed("CODE-001")])],
            "no verdict on this instance",
        ),
    ];
    for (instances, due) in cases {
        let history = History::new(vec![
            given("a", "2026-01-01", vec![stood()]),
            given("b", "2026-04-01", instances),
        ]);
        let history = history.unwrap();
        let own = only(&history);
        assert_eq!(own.state, TrackedState::NotSeen, "{due}");
        let Some(Standing::NotSeen { why }) = own.standings.last() else {
            panic!("{own:?}")
        };
        assert!(why.contains(due), "{why}");
    }
}

#[test]
fn seen_again_after_a_gap_it_was_open_all_along() {
    let history = quarters([
        vec![module("dbo.x", "fail")],
        vec![module("dbo.x", "unknown")],
        vec![module("dbo.x", "fail")],
    ]);
    let own = only(&history);
    assert_eq!((own.reopened, own.first_seen.as_str()), (0, "2026-01-01"));
    assert_eq!(history.fleet[2].moves.still_open, 1);
    let history = quarters([
        vec![module("dbo.x", "fail")],
        vec![passed("CODE-001")],
        vec![module("dbo.x", "fail")],
    ]);
    assert_eq!(only(&history).reopened, 1);
    assert_eq!(history.fleet[2].moves.opened, 1);
}

#[test]
fn a_new_rule_opens_by_itself_and_a_gap_opens_nothing() {
    let history = quarters([
        vec![passed("SURF-001")],
        vec![passed("SURF-001")],
        vec![module("dbo.x", "fail"), passed("SURF-001")],
    ]);
    assert!(only(&history).rule_is_new && only(&history).may_be_older);
    assert_eq!(history.bundles[2].new_rules, ["CODE-001"]);
    let moves = history.fleet[2].moves;
    assert_eq!((moves.opened, moves.opened_by_new_rules), (0, 1));
    let history = quarters([
        vec![module("dbo.x", "unknown")],
        vec![module("dbo.x", "unknown")],
        vec![module("dbo.x", "fail")],
    ]);
    let moves = history.fleet[2].moves;
    assert_eq!((moves.opened, moves.not_seen_before), (0, 1));
    assert!(!only(&history).rule_is_new && only(&history).may_be_older);
}

#[test]
fn accepted_is_there_and_not_closed() {
    let history = quarters([
        vec![module("dbo.x", "fail")],
        vec![module("dbo.x", "accepted")],
        vec![module("dbo.x", "accepted")],
    ]);
    assert_eq!(only(&history).state, TrackedState::Accepted);
    let (accepted, findings) = (history.fleet[1].accepted, history.fleet[1].findings.total());
    assert_eq!(
        (accepted, findings, history.fleet[1].moves.closed),
        (1, 0, 0)
    );
}

#[test]
fn the_order_is_that_of_days_then_of_collection() {
    let at = |path: &str, day: &str, end: &str| {
        let mut own = instance("erp", vec![passed("SURF-001")]);
        own["collected"][1] = end.into();
        given(path, day, vec![own])
    };
    let history = History::new(vec![
        at("late", "2026-07-01", "2026-07-01T17:00:00Z"),
        at("early", "2026-07-01", "2026-07-01T08:30:00Z"),
        at("again", "2026-07-01", "2026-07-01T08:30:00Z"),
        at("first", "2026-01-01", "2026-08-01T00:00:00Z"),
    ]);
    let labels: Vec<_> = history.unwrap().bundles;
    let labels: Vec<_> = labels
        .iter()
        .map(|own| (own.path.as_str(), own.label.as_str()))
        .collect();
    assert_eq!(
        labels,
        [
            ("first", "2026-01-01"),
            ("again", "2026-07-01 08:30Z #1"),
            ("early", "2026-07-01 08:30Z #2"),
            ("late", "2026-07-01 17:00Z"),
        ]
    );
}

#[test]
fn twice_and_redacted_are_refused() {
    let mut twice = given("b", "2026-01-01", vec![]);
    twice.sha256 = "a".to_owned();
    let error = History::new(vec![given("a", "2026-01-01", vec![]), twice]);
    assert!(matches!(error, Err(HistoryError::Twice { .. })));
    let mut redacted = given("a", "2026-01-01", vec![]);
    redacted.assessed.as_mut().unwrap().redacted = true;
    let error = History::new(vec![redacted]);
    assert!(matches!(error, Err(HistoryError::Redacted { .. })));
}

#[test]
fn what_is_altered_is_listed_and_counts_for_nothing() {
    let altered = Given {
        seal: Seal::Altered {
            what: "x".to_owned(),
        },
        sha256: String::new(),
        assessed: None,
        ..given("bad", "2026-04-01", vec![])
    };
    let stands = vec![instance("erp", vec![module("dbo.x", "fail")])];
    let history = History::new(vec![altered, given("a", "2026-01-01", stands)]).unwrap();
    assert!(history.has_altered());
    assert_eq!((history.fleet.len(), history.bundles.len()), (1, 2));
    assert_eq!(history.bundles[1].path, "bad");
    assert_eq!(only(&history).standings.len(), 1);
}

#[test]
fn other_programs_and_rules_are_said() {
    let with = |path: &str, day: &str, by: &str, rules: Option<&str>| {
        let mut own = given(path, day, vec![]);
        own.assessed.as_mut().unwrap().judged_by = by.to_owned();
        own.rule_set = rules.map(|sha256| RuleSetUsed {
            version: by.to_owned(),
            sha256: sha256.to_owned(),
        });
        own
    };
    let history = History::new(vec![
        with("a", "2026-01-01", "p 1", Some("x")),
        with("b", "2026-04-01", "p 1", Some("x")),
        with("c", "2026-07-01", "p 1", Some("y")),
        with("d", "2026-10-01", "p 2", None),
        with("e", "2026-11-01", "p 2", None),
    ]);
    let differs = history.unwrap().bundles.into_iter().map(|own| own.differs);
    let differs: Vec<Vec<String>> = differs.collect();
    assert!(
        differs[0].is_empty() && differs[1].is_empty(),
        "{differs:?}"
    );
    assert_eq!(differs[2], ["another rule set than the one before"]);
    assert_eq!(differs[3], ["judged by p 2, the one before by p 1"]);
    assert!(differs[4][0].contains("not recorded in both"));
}
