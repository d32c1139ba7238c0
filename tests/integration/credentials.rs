//! Credentials: where they come from, and that a wrong one locks nobody out.

use crate::support::estate::{Estate, VARIABLE};
use crate::support::instance::{Account, Instance, PASSWORD, RunningInstance, USER};
use crate::support::tds_server::{Options, Stage};
use crate::support::truth;

fn instance(name: &str) -> Instance {
    Instance::new(truth::complete(16, name))
}

fn healthy(name: &str) -> RunningInstance {
    instance(name).start(Options::default())
}

#[test]
fn a_wrong_password_is_tried_once_in_the_whole_run() {
    let servers: Vec<_> = (0..5)
        .map(|n| {
            let account = |i: Instance| i.account(USER, "another one", Account::Accepted);
            account(instance(&format!("S{n}"))).start(Options::default())
        })
        .collect();
    let names: Vec<String> = (0..5).map(|n| format!("s{n}")).collect();
    let estate = names
        .iter()
        .zip(&servers)
        .fold(Estate::new(), |e, (name, s)| e.with(name, s));
    let ran = estate
        .audit(&[])
        .run()
        .code(3)
        .says("error 18456")
        .says("check user and password");
    let attempts: usize = servers.iter().map(RunningInstance::logins_attempted).sum();
    assert_eq!(attempts, 1, "{}", ran.stderr);
    assert_eq!(
        ran.stderr
            .matches("not tried: credential sql posture_audit was refused by")
            .count(),
        4
    );
    let trying = estate.audit(&["--keep-trying"]).run().code(3);
    let attempts: usize = servers.iter().map(RunningInstance::logins_attempted).sum();
    assert_eq!(attempts, 1 + 5, "{}", trying.stderr);
}

#[test]
fn one_password_under_two_references_is_one_credential() {
    let servers: Vec<_> = ["A", "B"]
        .iter()
        .map(|name| {
            instance(name)
                .account(USER, "another", Account::Accepted)
                .start(Options::default())
        })
        .collect();
    let other = format!(
        "auth = {{ kind = \"sql\", user = \"{USER}\", password = {{ env = \"SECOND\" }} }}"
    );
    let ran = Estate::new()
        .with("a", &servers[0])
        .with_lines("b", &servers[1], &other)
        .audit(&[])
        .env("SECOND", PASSWORD)
        .run()
        .code(3);
    let attempts: usize = servers.iter().map(RunningInstance::logins_attempted).sum();
    assert_eq!(attempts, 1, "{}", ran.stderr);
}

#[test]
fn refusals_that_speak_of_the_credential_spare_the_other_targets() {
    for (account, number, remedy) in [
        (Account::Expired, "18487", "change it"),
        (Account::MustChange, "18488", "change it"),
        (Account::LockedOut, "18486", "unlock it"),
        (Account::Disabled, "18470", "enable it"),
    ] {
        let first = instance("A")
            .account(USER, PASSWORD, account.clone())
            .start(Options::default());
        let second = instance("B")
            .account(USER, PASSWORD, account)
            .start(Options::default());
        Estate::new()
            .with("a", &first)
            .with("b", &second)
            .audit(&[])
            .run()
            .code(3)
            .says(&format!("error {number}"))
            .says(remedy)
            .says("not tried");
        assert_eq!(first.logins_attempted() + second.logins_attempted(), 1);
    }
}

#[test]
fn a_secret_that_cannot_be_had_is_told_and_nothing_is_tried() {
    let server = healthy("A");
    let estate = Estate::new().with("a", &server);
    let without = estate.audit(&[]).env(VARIABLE, "").run().code(3);
    assert!(
        without.stderr.contains("a: not reached: credential:"),
        "{}",
        without.stderr
    );
    assert_eq!(server.logins_attempted(), 0);
}

#[test]
fn a_secret_comes_from_a_command_without_a_shell() {
    let server = healthy("A");
    let with = |command: &str| {
        let auth = format!(
            "auth = {{ kind = \"sql\", user = \"{USER}\", password = {{ command = {command} }} }}"
        );
        Estate::new().with_lines("a", &server, &auth).audit(&[
            "--allow-partial",
            "--fail-on",
            "never",
        ])
    };
    with("[\"cat\", \"pw\"]").file("pw", PASSWORD).run().code(0);
    let failed = with("[\"sh\", \"-c\", \"echo hunter2 >&2; exit 7\"]").run();
    assert!(
        failed.stderr.contains("command sh ended with"),
        "{}",
        failed.stderr
    );
    assert!(!failed.stderr.contains("hunter2"), "{}", failed.stderr);
    with("[\"cat\", \"pw; touch owned\"]").run();
}

#[test]
fn a_login_that_dies_in_silence_is_not_repeated_while_the_credential_is_unproven() {
    let options = Options {
        cut: Some(Stage::Login),
        ..Options::default()
    };
    let server = instance("A").start(options);
    Estate::with_defaults("retries = 3")
        .with("a", &server)
        .audit(&[])
        .run()
        .code(3);
    assert_eq!(server.logins_attempted(), 1);
}

#[test]
fn an_access_token_logs_in() {
    let server = instance("A")
        .account("", "eyJ0.token", Account::Accepted)
        .start(Options::default());
    let auth = "auth = { kind = \"entra-token\", token = { env = \"TOKEN\" } }";
    let ran = Estate::new()
        .with_lines("a", &server, auth)
        .audit(&["--allow-partial", "--fail-on", "never"])
        .env("TOKEN", "eyJ0.token")
        .run()
        .code(0);
    for file in ran.files("out") {
        assert!(
            !ran.read(&format!("out/{file}")).contains("eyJ0.token"),
            "{file}"
        );
    }
}

#[test]
fn an_unproven_credential_goes_to_two_silent_servers_at_most() {
    for how in ["cut", "hang"] {
        let servers: Vec<_> = (0..6)
            .map(|n| {
                let mut options = Options::default();
                match how {
                    "cut" => options.cut = Some(Stage::Login),
                    _ => options.hang = Some(Stage::Login),
                }
                instance(&format!("S{n}")).start(options)
            })
            .collect();
        let limits = "retries = 2\ntimeouts = { login_seconds = 1 }";
        let names: Vec<String> = (0..6).map(|n| format!("s{n}")).collect();
        let estate = names
            .iter()
            .zip(&servers)
            .fold(Estate::with_defaults(limits), |e, (name, s)| {
                e.with(name, s)
            });
        let ran = estate
            .audit(&[])
            .run()
            .code(3)
            .says("took a login and did not answer");
        let attempts: usize = servers.iter().map(RunningInstance::logins_attempted).sum();
        assert_eq!(attempts, 2, "{how}: {}", ran.stderr);
    }
}

#[test]
fn a_password_in_the_wrong_place_is_not_repeated() {
    let auth = "auth = { kind = \"sql\", user = \"u\", password = { env = \"hunter2\" } }";
    let server = healthy("A");
    let ran = Estate::new()
        .with_lines("a", &server, auth)
        .audit(&[])
        .run()
        .code(3);
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    for file in ran.files("out") {
        assert!(
            !ran.read(&format!("out/{file}")).contains("hunter2"),
            "{file}"
        );
    }
    for line in [
        "env = hunter2",
        "env = \"hunter-2\"",
        "hunter2",
        "envv = \"hunter2\"",
    ] {
        let text = format!("[defaults.auth.password]\n{line}\n");
        let ran = Estate::with_defaults("")
            .raw(&text)
            .audit(&[])
            .run()
            .code(2);
        assert!(!ran.stderr.contains("hunter"), "{line}: {}", ran.stderr);
    }
}

#[cfg(unix)]
#[test]
fn a_command_that_talks_without_end_is_cut_off() {
    let auth =
        "auth = { kind = \"sql\", user = \"u\", password = { command = [\"yes\", \"hunter2\"] } }";
    let server = instance("A")
        .account("u", "hunter2", Account::Accepted)
        .start(Options::default());
    let start = std::time::Instant::now();
    Estate::new()
        .with_lines("a", &server, auth)
        .audit(&[])
        .run();
    assert!(start.elapsed().as_secs() < 20);
}
