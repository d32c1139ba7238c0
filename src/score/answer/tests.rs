use super::*;
use crate::graph::{ReachedBy, RunsAs};
use crate::score::Points;

fn route(channel: Channel, state: State, reached_by: ReachedBy) -> Route {
    Route {
        channel,
        state,
        why: String::new(),
        source: String::new(),
        runs_as: RunsAs {
            account: None,
            power: "unknown".to_owned(),
        },
        reached_by,
        evidence: Vec::new(),
        paths: Vec::new(),
    }
}

/// What the unseen may add to channels; what it may add elsewhere says nothing of them.
fn seen(high: i32) -> Exposure {
    let line = |line: &str, high| Points {
        line: line.to_owned(),
        sentence: String::new(),
        low: 0,
        high,
    };
    Exposure {
        breakdown: vec![
            line("channel", high),
            line("planted", 7),
            line("detection", 3),
        ],
        ..crate::score::unseen()
    }
}

/// Every rule that a claim takes is clean.
fn clean() -> BTreeMap<&'static str, BTreeSet<Concluded>> {
    let conditions = [PENDING, GOVERNED, PLANTED, MONITORED];
    let conditions = conditions.into_iter().flatten();
    conditions
        .map(|one| (one.rule, [Concluded::Passed].into()))
        .collect()
}

fn word(routes: &[Route], high: i32, changes: &[(&'static str, Concluded)]) -> (Word, Answer) {
    let mut concluded = clean();
    for (rule, one) in changes {
        concluded.entry(rule).or_default().insert(*one);
    }
    let exposure = seen(high);
    let answer = Answer::of(&Asked {
        routes,
        exposure: &exposure,
        concluded,
        excluded: 0,
    });
    (answer.word, answer)
}

fn off() -> Vec<Route> {
    vec![
        route(Channel::XpCmdshell, State::Armable, ReachedBy::default()),
        route(
            Channel::ExtendedProcedure,
            State::Open,
            ReachedBy::default(),
        ),
    ]
}

#[test]
fn the_first_word_that_holds_is_the_answer() {
    let failed = |rule| (rule, Concluded::Failed);
    let on = vec![route(
        Channel::XpCmdshell,
        State::Open,
        ReachedBy::default(),
    )];
    let by_others = ReachedBy {
        waiting: 1,
        ..ReachedBy::default()
    };
    let waiting = vec![route(Channel::RegistryAutorun, State::Open, by_others)];
    for (case, routes, changes, due) in [
        ("all off", off(), vec![], Word::Disabled),
        ("one is on", on.clone(), vec![], Word::TightlyGoverned),
        (
            "one is staged",
            off(),
            vec![failed("SURF-002")],
            Word::TightlyGoverned,
        ),
        ("others get there", waiting.clone(), vec![], Word::Monitored),
        (
            "a stranger",
            on.clone(),
            vec![failed("PRIV-001")],
            Word::Monitored,
        ),
        (
            "nobody said who is expected",
            on.clone(),
            vec![("PRIV-001", Concluded::NotApplicable)],
            Word::Monitored,
        ),
        (
            "code that was accepted",
            on,
            vec![("CODE-002", Concluded::Accepted)],
            Word::TightlyGoverned,
        ),
        (
            "code that was accepted is code",
            off(),
            vec![("CODE-002", Concluded::Accepted)],
            Word::TightlyGoverned,
        ),
        (
            "what is staged is staged, whoever accepts it",
            off(),
            vec![("SURF-002", Concluded::Accepted)],
            Word::TightlyGoverned,
        ),
        (
            "nobody is monitored by accepting that no audit runs",
            waiting.clone(),
            vec![("AUDIT-002", Concluded::Accepted)],
            Word::NoneOfThese,
        ),
        (
            "no audit",
            waiting,
            vec![failed("AUDIT-002")],
            Word::NoneOfThese,
        ),
    ] {
        assert_eq!(word(&routes, 0, &changes).0, due, "{case}");
    }
}

#[test]
fn a_slight_finding_says_what_its_rule_means_by_it() {
    let slight = |rule| (rule, Concluded::Slight);
    let accepted = ("CODE-002", Concluded::SlightAccepted);
    for (case, changes, disabled, governed) in [
        (
            "a job step that is refused",
            vec![slight("AGENT-001")],
            Holds::Yes,
            Holds::Yes,
        ),
        (
            "text that could not be read",
            vec![slight("CODE-002")],
            Holds::NotSeen,
            Holds::NotSeen,
        ),
        (
            "such text, accepted",
            vec![accepted],
            Holds::NotSeen,
            Holds::Yes,
        ),
        (
            "one such text accepted, another not",
            vec![slight("CODE-002"), accepted],
            Holds::NotSeen,
            Holds::NotSeen,
        ),
        (
            "one module that runs commands accepted, another unread",
            vec![slight("CODE-002"), ("CODE-002", Concluded::Accepted)],
            Holds::No,
            Holds::NotSeen,
        ),
        (
            "any other rule",
            vec![slight("CLR-002")],
            Holds::No,
            Holds::No,
        ),
    ] {
        let (_, answer) = word(&off(), 0, &changes);
        assert_eq!(answer.claims[0].holds, disabled, "{case}: disabled");
        assert_eq!(answer.claims[1].holds, governed, "{case}: governed");
    }
}

#[test]
fn what_was_not_seen_never_makes_a_word_hold() {
    let unknown = |rule| (rule, Concluded::Unknown);
    let silent = [unknown("AUDIT-002")];
    assert_eq!(word(&[], 0, &silent).0, Word::NotSeen, "no routes");
    assert_eq!(
        word(&off(), 5, &silent).0,
        Word::NotSeen,
        "an open interval"
    );
    let (answer, whole) = word(&off(), 0, &[unknown("CHANGE-004")]);
    assert_eq!(answer, Word::TightlyGoverned);
    assert_eq!(whole.claims[0].holds, Holds::NotSeen);
    let mut concluded = clean();
    concluded.remove("AUDIT-003");
    let exposure = seen(5);
    let asked = Asked {
        routes: &off(),
        exposure: &exposure,
        concluded,
        excluded: 0,
    };
    assert_eq!(
        Answer::of(&asked).word,
        Word::NotSeen,
        "a rule that was not asked"
    );
}

#[test]
fn a_database_that_is_left_out_was_not_seen() {
    let exposure = seen(0);
    let answer = Answer::of(&Asked {
        routes: &off(),
        exposure: &exposure,
        concluded: clean(),
        excluded: 1,
    });
    assert_eq!(answer.word, Word::Monitored);
    assert_eq!(answer.claims[0].holds, Holds::NotSeen);
    assert_eq!(answer.claims[1].holds, Holds::NotSeen);
}

#[test]
fn every_rule_that_is_asked_exists() {
    for one in [PENDING, GOVERNED, PLANTED, MONITORED]
        .into_iter()
        .flatten()
    {
        assert!(crate::rules::Rule::find(one.rule).is_some(), "{}", one.rule);
    }
}
