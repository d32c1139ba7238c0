//! Answers as sequences of tokens: several sets, errors and messages between them, cancelling.

use std::time::{Duration, Instant};

use super::{answering, assert_clean, column, connect, done, error, number, numbers, serve};
use crate::support::tds_server::answer::{Message, Step, Type, Value};
use crate::support::tds_server::{Acknowledge, LogKind, Options, Stage};

fn info(text: &str) -> Step {
    Step::Message(Message {
        number: 0,
        state: 1,
        class: 0,
        text: text.to_owned(),
    })
}

#[test]
fn several_sets_keep_their_places_and_an_empty_one_its_columns() {
    let (server, mut driver) = answering(vec![
        numbers(),
        number(1),
        number(2),
        done(2),
        Step::Columns(vec![column("a", Type::NVarChar(5)), column("b", Type::Bit)]),
        done(0),
        done(0),
        numbers(),
        number(3),
        done(1),
    ]);
    let reply = driver.batch("x");
    assert!(reply.error.is_none());
    let shapes: Vec<(usize, usize)> = reply
        .sets
        .iter()
        .map(|set| (set.columns.len(), set.rows.len()))
        .collect();
    assert_eq!(shapes, [(1, 2), (2, 0), (1, 1)]);
    assert_eq!(reply.sets[1].columns[1].0, "b");
    assert_clean(&server);
}

#[test]
fn errors_come_before_between_and_after_rows() {
    let cases: [(Vec<Step>, usize); 3] = [
        (vec![Step::Message(error(208, "first"))], 0),
        (
            vec![
                numbers(),
                number(1),
                Step::Message(error(208, "first")),
                done(1),
            ],
            1,
        ),
        (
            vec![
                numbers(),
                number(1),
                done(1),
                Step::Message(error(208, "first")),
                done(0),
                Step::Message(error(229, "second")),
                done(0),
                numbers(),
                number(2),
                done(1),
            ],
            2,
        ),
    ];
    for (steps, sets) in cases {
        let (server, mut driver) = answering(steps);
        let reply = driver.batch("x");
        assert_eq!(reply.sets.len(), sets);
        assert_eq!(
            reply.error_number(),
            Some(208),
            "the driver tells of the first error only"
        );
        // The connection is good for more.
        assert_eq!(driver.batch("x").error_number(), Some(208));
        assert_clean(&server);
    }
}

#[test]
fn messages_and_changes_of_database_do_not_disturb_rows() {
    let (server, mut driver) = answering(vec![
        info("Changed database context"),
        Step::Database {
            new: "erp".to_owned(),
            old: "master".to_owned(),
        },
        done(0),
        numbers(),
        number(1),
        info("half way"),
        number(2),
        done(2),
    ]);
    let reply = driver.batch("x");
    assert!(reply.error.is_none(), "{:?}", reply.error);
    assert_eq!(reply.sets[0].rows.len(), 2);
    assert_clean(&server);
}

#[test]
fn a_request_may_be_a_procedure_call() {
    let (server, mut driver) = answering(vec![numbers(), number(1), done(1), numbers(), done(0)]);
    let reply = driver.rpc("SELECT n FROM t");
    assert!(reply.error.is_none(), "{:?}", reply.error);
    assert_eq!(reply.sets.len(), 2);
    let calls: Vec<LogKind> = server.log().into_iter().map(|entry| entry.kind).collect();
    let due = LogKind::Rpc {
        procedure: "sp_executesql".to_owned(),
        statement: Some("SELECT n FROM t".to_owned()),
    };
    assert!(calls.contains(&due), "{calls:?}");
    assert_clean(&server);
}

#[test]
fn a_long_request_crosses_packets() {
    let server = serve(Options::default(), |text| {
        let length = i64::try_from(text.chars().count()).unwrap();
        vec![numbers(), number(length), done(1)]
    });
    let mut driver = connect(&server);
    let text = format!("SELECT '{}'", "😀".repeat(100_000));
    let reply = driver.batch(&text);
    assert_eq!(
        format!("{:?}", reply.sets[0].rows[0][0]),
        "I32(Some(100009))"
    );
    assert!(
        server
            .log()
            .iter()
            .any(|entry| entry.kind == LogKind::Batch(text.clone()))
    );
}

/// An answer that goes on for an hour.
fn slow(acknowledge: Acknowledge) -> Options {
    Options {
        acknowledge,
        ..Options::default()
    }
}

fn hour() -> Vec<Step> {
    vec![
        numbers(),
        number(1),
        Step::Sleep(Duration::from_secs(3600)),
        number(2),
        done(2),
    ]
}

#[test]
fn an_attention_ends_an_answer_and_the_session_goes_on() {
    let server = serve(slow(Acknowledge::WithinAnswer), |text| match text {
        "slow" => hour(),
        _ => vec![numbers(), number(7), done(1)],
    });
    let mut driver = connect(&server);
    driver.cancel_after_one_row("slow").unwrap();
    let reply = driver.batch("quick");
    assert_eq!(format!("{:?}", reply.sets[0].rows[0][0]), "I32(Some(7))");
    assert!(
        server
            .log()
            .iter()
            .any(|entry| entry.kind == LogKind::Attention)
    );
    assert_clean(&server);
}

/// The trap for which the collector never cancels: after this race each answer comes one request late.
#[test]
fn an_attention_that_crosses_the_end_of_the_answer_shifts_all_that_follow() {
    let server = serve(slow(Acknowledge::Apart), |text| match text {
        "slow" => hour(),
        text => {
            let row = Step::Row(vec![Value::Text(text.to_owned())]);
            vec![
                Step::Columns(vec![column("asked", Type::NVarChar(20))]),
                row,
                done(1),
            ]
        }
    });
    let mut driver = connect(&server);
    let cancelled = driver.cancel_after_one_row("slow");
    let answers: Vec<String> = ["one", "two"]
        .iter()
        .map(|question| {
            let reply = driver.batch(question);
            reply
                .sets
                .first()
                .map_or(String::new(), |set| format!("{:?}", set.rows[0][0]))
        })
        .collect();
    assert!(
        cancelled.is_err() || answers[1].contains("one"),
        "the driver has learnt to cancel: {cancelled:?}, {answers:?}"
    );
    assert_clean(&server);
}

#[test]
fn an_attention_that_is_never_acknowledged_leaves_the_client_waiting() {
    let server = serve(slow(Acknowledge::Never), |_| hour());
    let mut config = crate::support::driver::config(
        server.port(),
        server.ca_pem(),
        super::USER,
        super::PASSWORD,
    );
    config.command_timeout(Some(Duration::from_millis(300)));
    let mut driver = crate::support::driver::Driver::connect(&config).unwrap();
    assert!(driver.cancel_after_one_row("slow").is_err());
}

#[test]
fn each_answer_waits_for_the_latency_once() {
    let options = Options {
        latency: Duration::from_millis(60),
        ..Options::default()
    };
    let server = serve(options, |_| {
        let mut steps = vec![numbers()];
        steps.extend((0..5000).map(number));
        steps
    });
    let mut driver = connect(&server);
    let start = Instant::now();
    assert_eq!(driver.batch("x").sets[0].rows.len(), 5000);
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(60), "{took:?}");
    assert_clean(&server);
}

#[test]
fn stages_count_the_requests_of_each_session() {
    let options = Options {
        cut: Some(Stage::Request(2)),
        ..Options::default()
    };
    let server = serve(options, |_| vec![numbers(), number(1), done(1)]);
    for _ in 0..2 {
        let mut driver = connect(&server);
        let answered: Vec<bool> = (0..3).map(|_| driver.batch("x").error.is_none()).collect();
        assert_eq!(answered, [true, true, false]);
    }
    assert_clean(&server);
}
