//! Reaching a server: ports and instances, routing answers, access tokens. What needs names with several
//! addresses or ports of one's own is tested beside the code.

use crate::support::estate::Estate;
use crate::support::instance::{Account, Instance, PASSWORD, RunningInstance, USER};
use crate::support::tds_server::{LogKind, Options};
use crate::support::truth;

const QUIET: &[&str] = &["--allow-partial", "--fail-on", "never"];

fn instance(name: &str) -> Instance {
    Instance::new(truth::complete(16, name))
}

fn healthy(name: &str) -> RunningInstance {
    instance(name).start(Options::default())
}

/// A server that sends every login on.
fn router(name: &str, host: &str, port: u16) -> RunningInstance {
    let routed = Account::Routed {
        host: host.to_owned(),
        port,
    };
    instance(name)
        .account(USER, PASSWORD, routed)
        .start(Options::default())
}

#[test]
fn a_port_beside_an_instance_is_used_and_this_is_said() {
    let server = healthy("A");
    let said = format!("port {} is used and instance \"ERP\"", server.port());
    let estate = Estate::new().with_lines("a", &server, "instance = \"ERP\"");
    let ran = estate.audit(QUIET).run().code(0).says(&said);
    let endpoint = ran.instance("a")["coverage"]["connection"]["endpoint"].clone();
    assert_eq!(endpoint, format!("127.0.0.1,{}", server.port()).as_str());

    let address = format!("127.0.0.1\\ERP,{}", server.port());
    let args = ["--server", &address, "--user", USER, "--password-env", "PW"];
    let more = ["--ca-file", "ca.pem", "-o", "out"];
    let all = [&["audit"][..], &args, &more, QUIET].concat();
    let ran = crate::support::cli::Cli::new(&all)
        .file("ca.pem", server.ca_pem())
        .env("PW", PASSWORD)
        .run()
        .code(0)
        .says(&said);
    assert_eq!(ran.assessment()["instances"][0]["id"], address.as_str());

    let quiet = Estate::new().with("a", &server).audit(QUIET).run();
    assert!(!quiet.stderr.contains("is used"), "{}", quiet.stderr);
}

#[cfg(target_os = "linux")] // where all of 127/8 is this machine, and a closed UDP port is told
#[test]
fn a_browser_that_cannot_be_asked_is_told_with_what_to_do() {
    let target = "[[target]]\nname = \"a\"\nhost = \"127.0.0.77\"\ninstance = \"ERP\"\n";
    Estate::with_defaults("retries = 0")
        .with("good", &healthy("GOOD"))
        .raw(target)
        .audit(&["--only", "a"])
        .run()
        .code(3)
        .says("a: not reached: connect: 127.0.0.77\\ERP: SQL Server Browser (UDP 1434) cannot be asked")
        .says("or give the port");
}

#[test]
fn a_routing_answer_is_followed_once_and_not_twice() {
    let end = healthy("END");
    let second = router("SECOND", "127.0.0.1", end.port());
    let first = router("FIRST", "127.0.0.1", second.port());
    Estate::new()
        .with_lines("a", &second, "listener = true")
        .audit(QUIET)
        .run()
        .code(0);
    let before = end.log().len();
    assert!(before > 0);
    Estate::new()
        .with_lines("a", &first, "listener = true")
        .audit(&[])
        .run()
        .code(3)
        .says("sends it on again")
        .says("audit the replicas themselves");
    assert_eq!(end.log().len(), before, "the third server was reached");
    assert!(first.logins_attempted() > 0);
}

#[test]
fn a_routing_answer_to_a_foreign_host_is_not_followed() {
    let foreign = healthy("FOREIGN");
    let long = format!("{}.evil.example", "x".repeat(3000));
    for (host, shown) in [("localhost", "localhost"), (long.as_str(), "xxxx")] {
        let listener = router("LISTENER", host, foreign.port());
        let ran = Estate::new()
            .with_lines("a", &listener, "listener = true")
            .audit(&[])
            .run()
            .code(3)
            .says(&format!("sends the session on to {shown}"))
            .says("neither in the inventory nor in the listener's domain");
        assert!(ran.stderr.len() < 3000, "{}", ran.stderr);
        assert_eq!(listener.logins_attempted(), 1, "it is not tried again");
    }
    assert_eq!(foreign.log(), []);
}

#[test]
fn an_access_token_comes_from_a_variable_a_file_or_a_command() {
    const TOKEN: &str = "eyJ0.token";
    let server = instance("A")
        .account("", TOKEN, Account::Accepted)
        .start(Options::default());
    for place in [
        "env = \"TOKEN\"",
        "file = \"token.txt\"",
        "command = [\"cat\", \"token.txt\"]",
    ] {
        let before = server.logins_attempted();
        let auth = format!("auth = {{ kind = \"entra-token\", token = {{ {place} }} }}");
        let ran = Estate::new()
            .with_lines("a", &server, &auth)
            .audit(QUIET)
            .env("TOKEN", TOKEN)
            .file("token.txt", format!("{TOKEN}\n"))
            .run()
            .code(0);
        assert!(server.logins_attempted() > before, "{place}");
        let said = ran.instance("a")["coverage"]["connection"]["authentication"].clone();
        assert_eq!(said, "entra-token", "{place}");
        assert!(!ran.stderr.contains(TOKEN) && !ran.stdout.contains(TOKEN));
        for file in ran.files("out") {
            let text = ran.read(&format!("out/{file}"));
            assert!(!text.contains(TOKEN), "{place}: {file}");
        }
    }
    for entry in server.log() {
        if let LogKind::Login(login) = entry.kind {
            assert_eq!(login.access_token.as_deref(), Some(TOKEN));
            assert_eq!((login.user.as_str(), login.password.as_str()), ("", ""));
        }
    }
}

#[test]
fn a_refused_access_token_is_tried_once() {
    let servers = [1, 2].map(|n| {
        instance(&format!("S{n}"))
            .account("", "another", Account::Accepted)
            .start(Options::default())
    });
    let auth = "auth = { kind = \"entra-token\", token = { env = \"TOKEN\" } }";
    let ran = Estate::new()
        .with_lines("a", &servers[0], auth)
        .with_lines("b", &servers[1], auth)
        .audit(&[])
        .env("TOKEN", "eyJ0.expired")
        .run()
        .code(3)
        .says("not tried: credential entra-token was refused by");
    let attempts: usize = servers.iter().map(RunningInstance::logins_attempted).sum();
    assert_eq!(attempts, 1, "{}", ran.stderr);
    assert!(!ran.stderr.contains("eyJ0"), "{}", ran.stderr);
}
