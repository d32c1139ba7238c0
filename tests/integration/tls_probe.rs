//! The look at a server's TLS: what it says of each server, that no login goes out, and that a hostile
//! server gets nothing but an error.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mssql_posture::collect::{
    Credential, CredentialGate, TargetPlan, TlsPlan, TlsProbeError, probe_tls,
};
use mssql_posture::ids::InstanceId;
use mssql_posture::inventory::Endpoint;
use mssql_posture::snapshot::{Encryption as Mode, ServerEncryption, ServerTls};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{ServerConfig, ServerConnection};

use crate::support::tds_server::answer::{Login, LoginAnswer};
use crate::support::tds_server::{
    Encryption, Handler, Identity, LogKind, Options, Session, Stage, TdsServer, identity,
    self_signed,
};

const LIMIT: Duration = Duration::from_secs(5);

/// No login may come.
struct Nobody;

impl Handler for Nobody {
    fn login(&self, _: &Login) -> LoginAnswer {
        panic!("a login came")
    }

    fn session(&self, _: &Login) -> Box<dyn Session> {
        panic!("a login came")
    }
}

fn serve(encryption: Encryption, certificate: Identity) -> TdsServer {
    let options = Options {
        encryption,
        certificate: Some(certificate),
        ..Options::default()
    };
    TdsServer::start(options, Arc::new(Nobody))
}

fn plan(mode: Mode, ca_pem: Option<&str>) -> TargetPlan {
    TargetPlan {
        id: InstanceId::new("a"),
        endpoint: Endpoint::Default("localhost".to_owned()),
        credential: Arc::new(CredentialGate::new(Credential::Integrated, false)),
        tls: TlsPlan {
            mode,
            ca_pem: ca_pem.map(|pem| pem.as_bytes().to_vec()),
            trust_server_certificate: false,
            hostname_in_certificate: None,
        },
        connect_limit: LIMIT,
        login_limit: LIMIT,
        query_limit: LIMIT,
        target_limit: LIMIT,
        retries: 0,
        sessions: 1,
        read_only_intent: true,
        listener: false,
        skip_auto_close: false,
        exclude_databases: Vec::new(),
        known_hosts: Arc::new(BTreeSet::new()),
        scratch: mssql_posture::collect::in_memory(),
    }
}

/// Probes a port of this machine, on another thread, as the collector does.
fn probe(plan: TargetPlan, port: u16, limit: Duration) -> Result<ServerTls, TlsProbeError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let probing = runtime.spawn(async move { probe_tls(&plan, address, limit).await });
    runtime.block_on(probing).unwrap()
}

fn probe_server(plan: TargetPlan, server: &TdsServer) -> ServerTls {
    let tls = probe(plan, server.port(), LIMIT).unwrap();
    assert_eq!(server.logins_attempted(), 0);
    assert_eq!(server.faults(), [""; 0]);
    tls
}

#[test]
fn each_policy_of_a_server_is_told_whatever_the_targets_mode() {
    for (policy, mode, told, protocol) in [
        (
            Encryption::Off,
            Mode::Required,
            ServerEncryption::Off,
            "TLSv1.2",
        ),
        (Encryption::Off, Mode::Off, ServerEncryption::Off, "TLSv1.2"),
        (
            Encryption::On,
            Mode::LoginOnly,
            ServerEncryption::Required,
            "TLSv1.2",
        ),
        (
            Encryption::On,
            Mode::Required,
            ServerEncryption::Required,
            "TLSv1.2",
        ),
        (
            Encryption::Strict,
            Mode::Strict,
            ServerEncryption::Strict,
            "TLSv1.3",
        ),
    ] {
        let server = serve(
            policy,
            identity(&["localhost", "10.1.2.3", "alias.example"]),
        );
        let tls = probe_server(plan(mode, Some(server.ca_pem())), &server);
        assert_eq!(tls.encryption, told, "{policy:?}");
        let session = tls.session.unwrap();
        assert_eq!(session.protocol, protocol, "{policy:?}");
        let seen: Vec<_> = server.log().into_iter().map(|entry| entry.kind).collect();
        let version = protocol.replace('.', "_");
        assert!(seen.contains(&LogKind::Tls { version }), "{seen:?}");
        assert!(
            session.cipher_suite.starts_with("TLS_") && session.cipher_suite.contains("_AES_"),
            "{}",
            session.cipher_suite
        );
        assert_eq!(session.not_trusted_because, None, "{policy:?}");
        assert_eq!(session.certificates_sent, 1);
        let certificate = session.certificate;
        assert_eq!(certificate.subject, "CN=TDS test server");
        assert_eq!(certificate.issuer, "CN=TDS test server authority");
        assert_eq!(certificate.dns_names, ["alias.example", "localhost"]);
        assert_eq!(certificate.ip_addresses, ["10.1.2.3"]);
        assert!(!certificate.self_signed);
    }
}

#[test]
fn a_server_without_encryption_has_no_session() {
    let server = serve(Encryption::NotSupported, identity(&["localhost"]));
    let tls = probe_server(plan(Mode::Off, None), &server);
    assert_eq!(tls.encryption, ServerEncryption::NotSupported);
    assert_eq!(tls.session, None);
}

#[test]
fn a_certificate_is_read_as_openssl_reads_it() {
    let fallback = self_signed("sql01.corp.example", 2049);
    let pem = fallback.chain_pem().to_owned();
    let server = serve(Encryption::On, fallback);
    let session = probe_server(plan(Mode::Required, None), &server)
        .session
        .unwrap();
    let told = session.certificate;
    assert_eq!(told.subject, "CN=SSL_Self_Signed_Fallback");
    assert_eq!(told.issuer, told.subject);
    assert!(told.self_signed);
    assert_eq!(told.serial, "0aff0001");
    assert_eq!(told.not_before, "2020-01-01T00:00:00Z");
    assert_eq!(told.not_after, "2049-12-31T00:00:00Z");
    assert_eq!(told.key_algorithm, "EC P-256");
    assert_eq!(told.key_bits, Some(256));
    assert_eq!(told.signature_algorithm, "ecdsa-with-SHA256");
    assert_eq!(told.dns_names, ["sql01.corp.example"]);
    assert_eq!(told.sha256.len(), 64);
    let Some(openssl) = openssl(&pem) else { return };
    assert_eq!(told.sha256, openssl);
}

/// The fingerprint that openssl tells, where there is one.
fn openssl(pem: &str) -> Option<String> {
    let mut child = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(pem.as_bytes()).ok()?;
    let output = String::from_utf8(child.wait_with_output().ok()?.stdout).ok()?;
    let (_, digits) = output.trim().split_once('=')?;
    Some(digits.replace(':', "").to_lowercase())
}

#[test]
fn what_a_verifying_client_would_refuse_is_told_and_why() {
    let because = |plan: TargetPlan, server: &TdsServer| {
        let session = probe_server(plan, server).session.unwrap();
        session.not_trusted_because.unwrap()
    };
    let server = serve(Encryption::On, identity(&["localhost"]));
    assert_eq!(
        because(plan(Mode::Required, None), &server),
        "no trusted authority issued it"
    );
    let mut named = plan(Mode::Required, Some(server.ca_pem()));
    named.tls.hostname_in_certificate = Some("sql01.corp.example".to_owned());
    assert_eq!(
        because(named.clone(), &server),
        "it is not for the name sql01.corp.example"
    );
    named.tls.hostname_in_certificate = Some("not a name".to_owned());
    assert_eq!(
        because(named, &server),
        "no certificate can be for \"not a name\""
    );
    let old = serve(Encryption::On, self_signed("localhost", 2021));
    assert_eq!(
        because(plan(Mode::Required, Some(old.ca_pem())), &old),
        "a certificate has expired"
    );
}

#[test]
fn a_server_that_hangs_ends_with_the_limit_and_the_step() {
    let limit = Duration::from_millis(400);
    for (encryption, mode, stage, step) in [
        (Encryption::On, Mode::Required, Stage::Accept, "PRELOGIN"),
        (Encryption::On, Mode::Required, Stage::PreLogin, "PRELOGIN"),
        (Encryption::On, Mode::Required, Stage::Tls, "TLS"),
        (Encryption::Strict, Mode::Strict, Stage::Tls, "TLS"),
    ] {
        let options = Options {
            encryption,
            hang: Some(stage),
            ..Options::default()
        };
        let server = TdsServer::start(options, Arc::new(Nobody));
        let start = Instant::now();
        let fault = probe(plan(mode, None), server.port(), limit).unwrap_err();
        assert_eq!(fault, TlsProbeError::Silent { step, limit }, "{stage:?}");
        assert!(start.elapsed() < limit * 6, "{:?}", start.elapsed());
    }
}

#[test]
fn a_server_that_hangs_up_or_speaks_another_dialect_is_told() {
    for (stage, step) in [(Stage::PreLogin, "PRELOGIN"), (Stage::Tls, "TLS")] {
        let options = Options {
            cut: Some(stage),
            ..Options::default()
        };
        let server = TdsServer::start(options, Arc::new(Nobody));
        let fault = probe(plan(Mode::Required, None), server.port(), LIMIT).unwrap_err();
        let lost = matches!(&fault, TlsProbeError::Lost { step: s, .. } if **s == *step);
        assert!(lost, "{fault}");
    }
    let server = serve(Encryption::On, identity(&["localhost"]));
    let fault = probe(plan(Mode::Strict, None), server.port(), LIMIT).unwrap_err();
    assert!(matches!(fault, TlsProbeError::Lost { .. }), "{fault}");
    let closed = crate::support::estate::closed_port();
    let fault = probe(plan(Mode::Required, None), closed, LIMIT).unwrap_err();
    assert!(matches!(fault, TlsProbeError::Connect(_)), "{fault}");
}

/// Answers the first thing that comes with these bytes, so many times or until the client has enough.
fn talker(answer: Vec<u8>, times: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let _ = client.read(&mut [0; 4096]);
        for _ in 0..times {
            if client.write_all(&answer).is_err() {
                return;
            }
        }
        let _ = client.read(&mut [0; 4096]); // until the client hangs up
    });
    port
}

/// PRELOGIN of a server that wants encryption, in one packet.
const WILLING: [u8; 15] = [4, 1, 0, 15, 0, 0, 1, 0, 0x01, 0, 6, 0, 1, 0xFF, 1];

#[test]
fn garbage_is_refused() {
    for answer in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        vec![0; 64],
        vec![4, 1, 0, 3, 0, 0, 1, 0], // shorter than its own header
        [&[4, 1, 0, 10, 0, 0, 1, 0][..], &[0xFF, 0xFF]].concat(),
        [&WILLING[..], b"SSH-2.0-OpenSSH_9.9"].concat(),
    ] {
        let port = talker(answer.clone(), 1);
        let fault = probe(plan(Mode::Required, None), port, LIMIT).unwrap_err();
        assert!(
            matches!(fault, TlsProbeError::Foreign(_)),
            "{answer:?}: {fault}"
        );
    }
    let junk = [&[0x12, 1, 0, 12, 0, 0, 1, 0][..], b"junk"].concat();
    let port = talker([&WILLING[..], &junk, &junk].concat(), 1);
    let fault = probe(plan(Mode::Required, None), port, LIMIT).unwrap_err();
    assert!(matches!(fault, TlsProbeError::Handshake(_)), "{fault}");
    let port = talker(b"garbage instead of TLS".to_vec(), 1);
    let fault = probe(plan(Mode::Strict, None), port, LIMIT).unwrap_err();
    assert!(matches!(fault, TlsProbeError::Handshake(_)), "{fault}");
}

#[test]
fn more_than_a_server_needs_to_say_is_not_taken() {
    let mut endless = vec![4, 0, 0x10, 0, 0, 0, 1, 0];
    endless.resize(0x1000, 0);
    let port = talker(endless, 1000);
    let fault = probe(plan(Mode::Required, None), port, LIMIT).unwrap_err();
    assert_eq!(fault, TlsProbeError::TooMuch("64 KiB before the login"));
    // Records that TLS passes over one by one: an alert that warns of nothing.
    let warnings = [0x15, 3, 3, 0, 2, 1, 90].repeat(500);
    let port = talker(warnings, 1000);
    let fault = probe(plan(Mode::Strict, None), port, LIMIT).unwrap_err();
    assert!(
        matches!(
            fault,
            TlsProbeError::TooMuch(_) | TlsProbeError::Handshake(_)
        ),
        "{fault}"
    );
    let server = serve(Encryption::On, identity(&["localhost"]).repeated(16));
    let session = probe_server(plan(Mode::Required, None), &server)
        .session
        .unwrap();
    assert_eq!(session.certificates_sent, 16);
    let server = serve(Encryption::On, identity(&["localhost"]).repeated(17));
    let fault = probe(plan(Mode::Required, None), server.port(), LIMIT).unwrap_err();
    assert_eq!(fault, TlsProbeError::TooMuch("16 certificates"));
}

#[test]
fn the_fact_goes_through_json_and_takes_no_unknown_field() {
    let fact = ServerTls {
        encryption: ServerEncryption::NotSupported,
        session: None,
    };
    let json = serde_json::to_string(&fact).unwrap();
    assert_eq!(json, r#"{"encryption":"not_supported","session":null}"#);
    let more = json.replace("null", "null,\"more\":1");
    assert!(serde_json::from_str::<ServerTls>(&more).is_err());
    assert_eq!(serde_json::from_str::<ServerTls>(&json).unwrap(), fact);
}

/// A TDS 8 server that shows a good certificate and has the key of another.
fn impostor(shown: &Identity) -> u16 {
    let key = rcgen::KeyPair::generate().unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let chain = CertificateDer::pem_slice_iter(shown.chain_pem().as_bytes());
    let certified = CertifiedKey::new(chain.collect::<Result<_, _>>().unwrap(), key);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols.push(b"tds/8.0".to_vec());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
        while tls.complete_io(&mut client).is_ok() {}
    });
    port
}

#[test]
fn a_certificate_is_not_trusted_from_a_server_without_its_key() {
    let shown = identity(&["localhost"]);
    let plan = plan(Mode::Strict, Some(shown.ca_pem()));
    let tls = probe(plan, impostor(&shown), LIMIT).unwrap();
    assert_eq!(
        tls.session.unwrap().not_trusted_because.unwrap(),
        "the server did not prove that it has the certificate's key"
    );
}
