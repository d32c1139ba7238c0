//! What it checks: a connection over the network is open without encryption, at the moment of the audit. One finding
//! counts them. Shared memory is none; connections of Broker, mirroring and availability groups have the encryption of
//! their endpoints, and are left out; those that MARS opens inside another go with that.
//!
//! Why it matters: what is queried, and what is answered, can be read and changed on the way; of SQL logins the
//! password alone is protected, by a certificate that the server makes itself.
//!
//! How to fix: set Force Encryption in the network configuration, with a certificate that clients trust; move clients
//! to drivers that encrypt by default.
//!
//! When it is fine: inside a host, or where the network encrypts.
//!
//! References: docs: sys.dm_exec_connections (encrypt_option), configure encryption; CIS 2022 7.4; Microsoft VA1220

use serde::Serialize;

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject};
use crate::snapshot::{Fact, SessionConnection};

pub(super) static RULE: Rule = Rule {
    id: "SURF-018",
    slug: "connection-not-encrypted",
    title: "Connections are not encrypted",
    severity: Severity::Medium,
    facts: &[Fact::Connections],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:7.4",
        "cis-2017:7.4",
        "cis-2019:7.4",
        "cis-2022:7.4",
        "nist-800-53r5:AC-17(2)",
        "nist-800-53r5:SC-8",
        "pci-4.0.1:2.2.5",
        "pci-4.0.1:2.2.7",
        "iso-27001-2022:A.8.20",
        "iso-27001-2022:A.8.24",
        "soc2:CC6.6",
        "soc2:CC6.7",
        "ms-va:VA1220",
    ],
    attack: &["T1040", "T1557"],
    source: include_str!("connection_not_encrypted.rs"),
    check,
};

/// A kind of connection. Sessions are numbered anew on each run.
#[derive(Serialize)]
struct Kind<'a> {
    net_transport: &'a str,
    encrypt_option: &'a str,
    auth_scheme: &'a str,
}

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let rows = case.snapshot.server.connections.seen();
    let over_network: Vec<_> = rows.iter().filter(|row| is_network(rows, row)).collect();
    let with = |option: &str| {
        let rows = over_network.iter().copied();
        rows.filter(|row| row.encrypt_option.eq_ignore_ascii_case(option))
            .collect::<Vec<_>>()
    };
    let (plain, encrypted) = (with("FALSE"), with("TRUE"));
    if over_network.is_empty() {
        return judgement.not_applicable("no connection over the network was open");
    }
    if plain.len() + encrypted.len() < over_network.len() {
        let missing = Missing::new("connections", None, "encrypt_option");
        judgement.unknown(Subject::instance(), vec![missing]);
    }
    if plain.is_empty() {
        return judgement.pass_unless_open();
    }
    let mut evidence = Vec::new();
    let kinds = plain.iter().map(|row| Kind {
        net_transport: &row.net_transport,
        encrypt_option: &row.encrypt_option,
        auth_scheme: &row.auth_scheme,
    });
    let kinds = kinds.map(|kind| Evidence::row("connections", None, &kind));
    Evidence::extend(&mut evidence, kinds);
    let message = format!(
        "{} of {} connections over the network are not encrypted",
        plain.len(),
        over_network.len()
    );
    judgement.fail(Subject::instance(), message, evidence);
}

/// Whether a session uses this connection over the network; a transport that is not known here counts.
fn is_network(all: &[SessionConnection], row: &SessionConnection) -> bool {
    if row.session_id.is_none() || row.net_transport == "Shared memory" {
        return false;
    }
    let is_inside_another = row.net_transport == "Session"
        && all.iter().any(|other| {
            other.session_id == row.session_id && other.net_transport != row.net_transport
        });
    !is_inside_another
}
