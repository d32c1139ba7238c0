//! From the first byte to a session: encryption, certificates, LOGIN7, its refusals and detours.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tiberius::error::Error;
use tiberius::{AuthMethod, EncryptionLevel};

use super::{PASSWORD, Scripted, USER, assert_clean, done, error, number, numbers, serve};
use crate::support::driver::{Driver, config};
use crate::support::tds_server::answer::{Login, LoginAnswer};
use crate::support::tds_server::{
    BrowserServer, Encryption, Handler, Instance, LogKind, Options, Session, TdsServer, identity,
};

/// Hands bytes on between a client and a server, and keeps those of the client.
struct Tap {
    port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    fn before(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let copy = Arc::clone(&heard);
        std::thread::spawn(move || {
            let (client, _) = listener.accept().unwrap();
            let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).unwrap();
            let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
            let (mut from, mut to) = (client, server);
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                copy.lock().unwrap().extend_from_slice(&buffer[..read]);
                if to.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(std::net::Shutdown::Both);
        });
        Self { port, heard }
    }

    /// Whether the client said this text, in UTF-16, without a cover.
    fn overheard(&self, text: &str) -> bool {
        let wanted: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.heard
            .lock()
            .unwrap()
            .windows(wanted.len())
            .any(|part| part == wanted)
    }
}

/// What of a session can be read on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    /// No session came about.
    Refused,
    /// Login and requests.
    All,
    /// Requests, but not the login.
    Requests,
    Nothing,
}

const QUESTION: &str = "SELECT 1 AS overheard";

fn try_session(policy: Encryption, level: EncryptionLevel) -> Open {
    let options = Options {
        encryption: policy,
        ..Options::default()
    };
    let server = serve(options, |_| vec![numbers(), number(1), done(1)]);
    let tap = Tap::before(server.port());
    let mut config = config(tap.port, server.ca_pem(), USER, PASSWORD);
    config.encryption(level);
    config.handshake_timeout(Some(Duration::from_millis(500)));
    let Ok(mut driver) = Driver::connect(&config) else {
        assert!(
            !tap.overheard(USER),
            "{policy:?}, {level:?}: the login was said in the clear"
        );
        return Open::Refused;
    };
    let reply = driver.batch(QUESTION);
    assert_eq!(reply.sets[0].rows.len(), 1, "{policy:?}, {level:?}");
    assert_clean(&server);
    match (tap.overheard(USER), tap.overheard(QUESTION)) {
        (true, true) => Open::All,
        (false, true) => Open::Requests,
        (false, false) => Open::Nothing,
        (true, false) => panic!("{policy:?}, {level:?}: only the login was open"),
    }
}

#[test]
fn each_policy_meets_each_client_as_the_protocol_says() {
    use EncryptionLevel as Client;
    let clients = [
        Client::NotSupported,
        Client::Off,
        Client::On,
        Client::Required,
        Client::Strict,
    ];
    let table = [
        (
            Encryption::NotSupported,
            [
                Open::All,
                Open::Refused,
                Open::Refused,
                Open::Refused,
                Open::Refused,
            ],
        ),
        (
            Encryption::Off,
            [
                Open::All,
                Open::Requests,
                Open::Nothing,
                Open::Nothing,
                Open::Refused,
            ],
        ),
        (
            Encryption::On,
            [
                Open::Nothing,
                Open::Nothing,
                Open::Nothing,
                Open::Nothing,
                Open::Refused,
            ],
        ),
        (
            Encryption::Strict,
            [
                Open::Refused,
                Open::Refused,
                Open::Refused,
                Open::Refused,
                Open::Nothing,
            ],
        ),
    ];
    for (policy, due) in table {
        for (client, due) in clients.into_iter().zip(due) {
            assert_eq!(try_session(policy, client), due, "{policy:?}, {client:?}");
        }
    }
}

fn tls_version(server: &TdsServer) -> Option<String> {
    server.log().into_iter().find_map(|entry| match entry.kind {
        LogKind::Tls { version } => Some(version),
        _ => None,
    })
}

#[test]
fn tls_within_prelogin_is_1_2_and_before_it_1_3() {
    for (encryption, level, version) in [
        (Encryption::On, EncryptionLevel::Required, "TLSv1_2"),
        (Encryption::Strict, EncryptionLevel::Strict, "TLSv1_3"),
    ] {
        let options = Options {
            encryption,
            ..Options::default()
        };
        let server = serve(options, |_| Vec::new());
        let mut config = config(server.port(), server.ca_pem(), USER, PASSWORD);
        config.encryption(level);
        Driver::connect(&config).unwrap();
        assert_eq!(tls_version(&server).as_deref(), Some(version));
    }
}

#[test]
fn certificates_of_another_authority_or_name_are_not_accepted() {
    let server = serve(Options::default(), |_| Vec::new());
    let stranger = identity(&["localhost"]);
    let untrusting = config(server.port(), stranger.ca_pem(), USER, PASSWORD);
    assert!(matches!(Driver::connect(&untrusting), Err(Error::Tls(_))));

    let options = Options {
        certificate: Some(identity(&["sql01.corp.example"])),
        ..Options::default()
    };
    let server = serve(options, |_| Vec::new());
    let mut by_name = config(server.port(), server.ca_pem(), USER, PASSWORD);
    assert!(matches!(Driver::connect(&by_name), Err(Error::Tls(_))));
    by_name.hostname_in_certificate("sql01.corp.example");
    Driver::connect(&by_name).unwrap();

    let failures = server
        .log()
        .into_iter()
        .filter(|e| matches!(e.kind, LogKind::TlsFailed(_)));
    assert_eq!(failures.count(), 1);
    assert_eq!(server.logins_attempted(), 1);
    assert_clean(&server);
}

#[test]
fn login7_is_read_whole() {
    for packet_size in [512_u32, 4096, 32767] {
        let server = serve(Options::default(), |_| Vec::new());
        let mut config = config(server.port(), server.ca_pem(), USER, PASSWORD);
        config.application_name("mssql-posture/ü");
        config.client_name("WS1");
        config.database("msdb");
        config.packet_size(packet_size);
        config.readonly(true);
        Driver::connect(&config).unwrap();
        let log = server.log();
        let login = log.iter().find_map(|entry| match &entry.kind {
            LogKind::Login(login) => Some(login),
            _ => None,
        });
        let due = Login {
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            application: "mssql-posture/ü".to_owned(),
            client_host: "WS1".to_owned(),
            server_name: login.unwrap().server_name.clone(),
            database: "msdb".to_owned(),
            read_only_intent: true,
            packet_size,
            tds_version: 0x7400_0004,
            access_token: None,
        };
        assert_eq!(login, Some(&due));
        assert_clean(&server);
    }
}

#[test]
fn a_refused_login_says_why_and_ends_the_connection() {
    let server = serve(Options::default(), |_| Vec::new());
    let wrong = config(server.port(), server.ca_pem(), USER, "guess");
    match Driver::connect(&wrong) {
        Err(Error::Server(token)) => {
            assert_eq!((token.code(), token.state(), token.class()), (18456, 1, 14));
            assert_eq!(token.message(), "Login failed for user 'ö'.");
            assert_eq!(token.server(), "TDSTEST");
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("a wrong password was accepted"),
    }
    let kinds: Vec<LogKind> = server.log().into_iter().map(|entry| entry.kind).collect();
    assert!(
        kinds
            .iter()
            .any(|kind| matches!(kind, LogKind::LoginRefused(l) if l.password == "guess"))
    );
    assert!(!kinds.iter().any(|kind| matches!(kind, LogKind::Login(_))));
    assert_eq!(server.logins_attempted(), 1);
    assert_clean(&server);
}

/// Lets in whoever brings this token, and sends everybody else away.
struct Gate {
    token: &'static str,
}

impl Handler for Gate {
    fn login(&self, login: &Login) -> LoginAnswer {
        match &login.access_token {
            Some(token) if token == self.token => LoginAnswer::Accept {
                database: "master".to_owned(),
            },
            Some(_) => LoginAnswer::Refuse(error(18456, "Login failed.")),
            None => LoginAnswer::Route {
                host: "sql02.corp.example".to_owned(),
                port: 11433,
            },
        }
    }

    fn session(&self, _: &Login) -> Box<dyn Session> {
        Box::new(Scripted(Arc::new(|_| vec![numbers(), number(7), done(1)])))
    }
}

#[test]
fn access_tokens_and_routing_are_spoken() {
    let token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.e30.";
    let server = TdsServer::start(Options::default(), Arc::new(Gate { token }));
    let mut by_token = config(server.port(), server.ca_pem(), "", "");
    by_token.authentication(AuthMethod::aad_token(token));
    let mut driver = Driver::connect(&by_token).unwrap();
    assert_eq!(driver.batch("x").sets[0].rows.len(), 1);
    by_token.authentication(AuthMethod::aad_token("another"));
    assert!(matches!(Driver::connect(&by_token), Err(Error::Server(_))));

    let listener = config(server.port(), server.ca_pem(), USER, PASSWORD);
    match Driver::connect(&listener) {
        Err(Error::Routing { host, port }) => {
            assert_eq!((host.as_str(), port), ("sql02.corp.example", 11433));
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("the listener let the client in"),
    }
    assert_clean(&server);
}

#[test]
fn the_browser_answers_for_an_instance_that_it_knows_and_for_no_other() {
    let instance = Instance {
        name: "ERP".to_owned(),
        port: 50123,
    };
    let browser = BrowserServer::start(0, vec![instance]).unwrap();
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(("127.0.0.1", browser.port())).unwrap();
    client.send(b"\x04nowhere\0").unwrap();
    client.send(b"\x04erp\0").unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    let mut answer = [0; 1024];
    let length = client.recv(&mut answer).unwrap();
    let (header, text) = answer[..length].split_at(3);
    assert_eq!(header[0], 0x05);
    assert_eq!(usize::from(header[1]), text.len());
    let text = String::from_utf8_lossy(text);
    assert!(text.contains(";InstanceName;ERP;"), "{text}");
    assert!(text.ends_with(";tcp;50123;;"), "{text}");
    assert_eq!(browser.asked(), ["nowhere", "erp"]);
}

#[test]
fn a_client_is_told_if_it_reached_another_instance() {
    let options = Options {
        instance: Some("ERP".to_owned()),
        ..Options::default()
    };
    let server = serve(options, |_| vec![numbers(), number(1), done(1)]);
    let mut config = config(server.port(), server.ca_pem(), USER, PASSWORD);
    config.instance_name("erp");
    Driver::connect(&config).unwrap();
    config.instance_name("HR");
    match Driver::connect(&config) {
        // The collector knows this answer by the option's name.
        Err(Error::Protocol(text)) => assert!(text.contains("INSTOPT"), "{text}"),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("another instance was taken for it"),
    }
    assert_eq!(server.logins_attempted(), 1);
}

#[test]
fn two_hundred_clients_are_served_at_once() {
    let server = serve(Options::default(), |_| vec![numbers(), number(1), done(1)]);
    let open: Vec<Driver> = (0..20)
        .flat_map(|_| {
            let threads: Vec<_> = (0..10)
                .map(|_| {
                    let config = config(server.port(), server.ca_pem(), USER, PASSWORD);
                    std::thread::spawn(move || Driver::connect(&config).unwrap())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap())
        })
        .collect();
    assert_eq!(server.logins_attempted(), 200);
    for mut driver in open {
        assert_eq!(driver.batch("x").sets[0].rows.len(), 1);
    }
    assert_clean(&server);
}
