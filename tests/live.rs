//! The same collection against a real SQL Server, when one is named:
//! `MSSQL_POSTURE_TEST_SERVER` (HOST[\INSTANCE][,PORT]), `MSSQL_POSTURE_TEST_USER` and
//! `MSSQL_POSTURE_TEST_PASSWORD`. Without them it says that it was skipped.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/cli.rs"]
#[allow(dead_code)]
mod cli;

use std::io::Write as _;

use cli::Cli;

const SERVER: &str = "MSSQL_POSTURE_TEST_SERVER";
const USER: &str = "MSSQL_POSTURE_TEST_USER";
const PASSWORD: &str = "MSSQL_POSTURE_TEST_PASSWORD";

/// The audit of the server with the named login, or `None` and a word about it when none is named.
fn audit() -> Option<cli::Ran> {
    let Ok(server) = std::env::var(SERVER) else {
        // Not by a macro: the test runner would keep it for itself.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: {SERVER} names no SQL Server, so nothing was tested against a real one"
        );
        return None;
    };
    let user = std::env::var(USER).expect("the login's name");
    let password = std::env::var(PASSWORD).expect("the login's password");
    // A throw-away container shows a certificate that nobody signed.
    let args = [
        "audit",
        "--server",
        &server,
        "--user",
        &user,
        "--password-env",
        "PW",
        "--trust-server-certificate",
        "-o",
        "out",
        "--format",
        "table,json,html,md",
    ];
    Some(Cli::new(&args).env("PW", &password).run())
}

#[test]
fn a_real_server_answers_every_query() {
    let Some(ran) = audit() else { return };
    assert!(
        matches!(ran.code, 0 | 1),
        "as sysadmin nothing may stay unseen; exit {}\n{}\n{}",
        ran.code,
        ran.stdout,
        ran.stderr
    );
    let files = ran.files("out/snapshots");
    let name = files
        .iter()
        .find(|f| f.ends_with(".snapshot.json"))
        .unwrap();
    let snapshot = ran.json(&format!("out/snapshots/{name}"));
    let queries = snapshot["queries"].as_array().unwrap();
    assert!(queries.len() > 30, "{} queries", queries.len());
    for query in queries {
        assert_eq!(query["outcome"], "answered", "{query}");
    }
    for (fact, state) in snapshot["server"].as_object().unwrap() {
        let state = state["state"].as_str().unwrap();
        assert!(
            matches!(state, "known" | "unsupported"),
            "{fact} is {state}"
        );
    }
}
