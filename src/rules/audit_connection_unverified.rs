//! What it checks: the connection that collected was made without verifying the server's certificate, because the inventory
//! says so, or carried what it read without encryption. What a script printed on the host came over no connection.
//!
//! Why it matters: whoever stands between can answer in the server's place, so that nothing else in this report is proven to
//! be of this server; and can read along.
//!
//! How to fix: give the server a certificate that a CA of yours issued, name the CA in `ca_file`, and take
//! `trust_server_certificate` and `mode = "login-only"` or `"off"` out of the inventory.
//!
//! When it is fine: over a loopback address or a network that nobody else is on.
//!
//! References: MS-TDS PRELOGIN (ENCRYPTION); docs: encrypt connections to SQL Server

use serde::Serialize;

use super::{Case, Evidence, Judgement, Rule, Severity, Subject};
use crate::snapshot::{Encryption, Fact, SessionIdentity};

pub(super) static RULE: Rule = Rule {
    id: "SIGHT-005",
    slug: "audit-connection-unverified",
    title: "The connection of the audit was not verified or not encrypted",
    severity: Severity::Medium,
    facts: &[Fact::Session],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AC-17(2)",
        "nist-800-53r5:SC-8",
        "pci-4.0.1:2.2.7",
        "iso-27001-2022:A.8.24",
    ],
    attack: &["T1040", "T1557"],
    source: include_str!("audit_connection_unverified.rs"),
    check,
};

/// The columns of the session that say how it came. Others, such as its number, differ from run to run.
#[derive(Serialize)]
struct Way<'a> {
    net_transport: Option<&'a str>,
    auth_scheme: Option<&'a str>,
}

impl<'a> Way<'a> {
    fn of(session: &'a SessionIdentity) -> Self {
        Self {
            net_transport: session.net_transport.as_deref(),
            auth_scheme: session.auth_scheme.as_deref(),
        }
    }
}

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.snapshot.offline.is_some() {
        return judgement.does_not_arise("a script collected on the host");
    }
    let Some(session) = case.snapshot.server.session.known() else {
        return;
    };
    let evidence = vec![Evidence::row("session", None, &Way::of(session))];
    let connection = &case.snapshot.connection;
    let message = match connection.encryption {
        Encryption::Off => "the audit's connection was not encrypted",
        Encryption::LoginOnly => "only the login of the audit's connection was encrypted",
        _ if connection.trust_server_certificate => {
            "the audit took the server's certificate without verifying it: another may have answered"
        }
        _ => return judgement.pass_with(evidence),
    };
    judgement.fail(Subject::instance(), message.to_owned(), evidence);
}
