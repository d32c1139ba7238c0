//! Servers that fall silent, hang up or talk nonsense, and clients that do.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use tiberius::EncryptionLevel;
use tiberius::error::Error;

use super::{
    PASSWORD, USER, answering, assert_clean, column, connect, done, number, numbers, serve,
};
use crate::support::driver::{Driver, config};
use crate::support::tds_server::answer::{Step, Type, Value};
use crate::support::tds_server::{Encryption, LogKind, Options, Stage, TdsServer};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(10);

/// Every stage before the first request, under each kind of encryption that has it.
const STAGES: [(Encryption, EncryptionLevel, Stage); 8] = [
    (Encryption::On, EncryptionLevel::Required, Stage::Accept),
    (Encryption::On, EncryptionLevel::Required, Stage::PreLogin),
    (Encryption::On, EncryptionLevel::Required, Stage::Tls),
    (Encryption::On, EncryptionLevel::Required, Stage::Login),
    (
        Encryption::NotSupported,
        EncryptionLevel::NotSupported,
        Stage::Login,
    ),
    (Encryption::Strict, EncryptionLevel::Strict, Stage::Accept),
    (Encryption::Strict, EncryptionLevel::Strict, Stage::Tls),
    (Encryption::Strict, EncryptionLevel::Strict, Stage::PreLogin),
];

fn attempt(server: &TdsServer, level: EncryptionLevel, limit: Duration) -> Option<Error> {
    let mut config = config(server.port(), server.ca_pem(), USER, PASSWORD);
    config.encryption(level);
    config.handshake_timeout(Some(limit));
    Driver::connect(&config).err()
}

#[test]
fn a_server_may_fall_silent_at_every_stage() {
    for (encryption, level, stage) in STAGES {
        let options = Options {
            encryption,
            hang: Some(stage),
            ..Options::default()
        };
        let server = serve(options, |_| Vec::new());
        let start = Instant::now();
        assert!(
            attempt(&server, level, SHORT).is_some(),
            "{encryption:?}, {stage:?}"
        );
        let waited = start.elapsed();
        assert!(
            waited >= SHORT,
            "{encryption:?}, {stage:?}: gave up after {waited:?}"
        );
        assert_clean(&server);
    }
}

#[test]
fn a_server_may_hang_up_at_every_stage() {
    for (encryption, level, stage) in STAGES {
        let options = Options {
            encryption,
            cut: Some(stage),
            ..Options::default()
        };
        let server = serve(options, |_| Vec::new());
        let start = Instant::now();
        assert!(
            attempt(&server, level, LONG).is_some(),
            "{encryption:?}, {stage:?}"
        );
        let waited = start.elapsed();
        assert!(
            waited < LONG,
            "{encryption:?}, {stage:?}: heard of it after {waited:?}"
        );
        assert_clean(&server);
    }
}

fn wait_for_the_end(server: &TdsServer) {
    let wait = Instant::now() + LONG;
    let closed = || {
        server
            .log()
            .iter()
            .any(|entry| entry.kind == LogKind::Closed)
    };
    while !closed() {
        assert!(Instant::now() < wait, "the connection stays open");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The log of a server says how far a client came.
#[test]
fn the_log_tells_the_stages_in_order() {
    let server = serve(Options::default(), |_| vec![numbers(), number(1), done(1)]);
    let mut driver = connect(&server);
    driver.batch("SELECT 1");
    drop(driver);
    wait_for_the_end(&server);
    let log = server.log();
    assert!(log.iter().all(|entry| entry.session == 1));
    let kinds: Vec<LogKind> = log.into_iter().map(|entry| entry.kind).collect();
    assert!(
        matches!(
            kinds.as_slice(),
            [
                LogKind::Connected,
                LogKind::PreLogin,
                LogKind::Tls { .. },
                LogKind::Login(_),
                LogKind::Batch(_),
                LogKind::Closed
            ]
        ),
        "{kinds:?}"
    );
}

#[test]
fn an_answer_may_be_cut_or_stall_in_the_middle_of_a_row() {
    let rows = |end: Step| {
        vec![
            Step::Columns(vec![
                column("a", Type::NVarChar(100)),
                column("b", Type::NVarCharMax),
            ]),
            Step::Row(vec![Value::Text("whole".into()), Value::Text("row".into())]),
            Step::HalfRow(vec![
                Value::Text("half".into()),
                Value::Text("a row".into()),
            ]),
            end,
        ]
    };
    let (server, mut driver) = answering(rows(Step::Close));
    let reply = driver.batch("x");
    assert_eq!(reply.sets[0].rows.len(), 1);
    assert!(
        matches!(reply.error, Some(Error::Io { .. })),
        "{:?}",
        reply.error
    );
    assert_clean(&server);

    let (server, mut driver) = answering(rows(Step::Stall));
    assert!(driver.batch_within("x", SHORT).is_none());
    assert_clean(&server);
}

#[test]
fn a_server_may_hang_up_after_a_whole_answer() {
    let (server, mut driver) = answering(vec![
        numbers(),
        number(1),
        done(1),
        Step::Sleep(Duration::ZERO),
        Step::Close,
    ]);
    let reply = driver.batch("x");
    assert!(reply.error.is_none());
    assert!(driver.batch("x").error.is_some());
    assert_clean(&server);
}

#[test]
fn nonsense_from_the_server_is_an_error_of_the_driver() {
    let nonsense: [&[u8]; 6] = [
        &[0x44],                               // no such token
        &[0xD1, 1, 2, 3, 4],                   // a row without columns
        &[0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0xEE], // no such type
        &[0xAA, 0xFF, 0xFF, 1, 2],             // an error that is longer than the message
        &[0x81, 0xFF, 0xFF], // no columns, which only a statement without rows has
        &[0xFD, 0x10],       // half a DONE
    ];
    for bytes in nonsense {
        let (server, mut driver) = answering(vec![Step::Raw(bytes.to_vec()), Step::Close]);
        let reply = driver.batch("x");
        let empty = reply.sets.iter().all(|set| set.rows.is_empty());
        assert!(reply.error.is_some() && empty, "{bytes:02x?}: {reply:?}");
        assert_clean(&server);
    }
}

/// Sends bytes from a client that keeps to no protocol, and reads until the server hangs up.
fn say(server: &TdsServer, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    socket.write_all(bytes).unwrap();
    let _ = socket.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    answer
}

#[test]
fn clients_that_break_the_protocol_are_told_of() {
    let prelogin = |payload: &[u8]| {
        let mut packet = vec![
            0x12,
            1,
            0,
            8 + u8::try_from(payload.len()).unwrap(),
            0,
            0,
            1,
            0,
        ];
        packet.extend_from_slice(payload);
        packet
    };
    let cases = [
        (b"GET / HTTP/1.1\r\n\r\n".repeat(2000), "PRELOGIN was due"),
        (vec![0x12, 1, 0, 3, 0, 0, 1, 0], "length below 8"),
        (prelogin(&[0xFF]), ""),
        (
            prelogin(&[1, 0, 6, 0, 1, 0xFF, 2]),
            "VERSION is not the first",
        ),
        (prelogin(&[0, 0, 99, 0, 6, 0xFF]), "lies outside"),
        (prelogin(&[0, 0, 6, 0, 1, 0xFF, 9]), "of 1 bytes"),
        (prelogin(&[0, 0, 6]), "without a terminator"),
    ];
    for (bytes, due) in cases {
        let options = Options {
            encryption: Encryption::NotSupported,
            ..Options::default()
        };
        let server = serve(options, |_| Vec::new());
        say(&server, &bytes);
        wait_for_the_end(&server);
        let faults = server.faults();
        if due.is_empty() {
            assert_eq!(
                faults,
                Vec::<String>::new(),
                "a client that only says hello"
            );
        } else {
            assert!(
                faults.iter().any(|fault| fault.contains(due)),
                "{bytes:02x?}: {faults:?}"
            );
        }
        assert_eq!(server.logins_attempted(), 0);
    }
}

#[test]
fn a_panic_of_the_handler_is_a_fault_and_ends_that_connection_only() {
    let server = serve(Options::default(), |text| {
        assert!(text != "bad", "told to");
        vec![numbers(), number(1), done(1)]
    });
    let mut one = connect(&server);
    let mut other = connect(&server);
    assert!(one.batch("bad").error.is_some());
    assert!(other.batch("good").error.is_none());
    assert!(
        server.faults()[0].contains("told to"),
        "{:?}",
        server.faults()
    );
}

#[test]
fn a_dropped_server_closes_its_port() {
    let server = serve(Options::default(), |_| Vec::new());
    let port = server.port();
    let driver = connect(&server);
    drop(server);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    drop(driver);
}
