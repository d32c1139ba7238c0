//! What it checks: a connection over TCP or named pipes is open without encryption, at the moment of the audit. One
//! finding counts them.
//!
//! Why it matters: what is queried, and what is answered, can be read and changed on the way; of SQL logins the
//! password alone is protected, by a certificate that the server makes itself.
//!
//! How to fix: set Force Encryption in the network configuration, with a certificate that clients trust; move clients
//! to drivers that encrypt by default.
//!
//! When it is fine: inside a host, or where the network encrypts.
//!
//! References: docs: sys.dm_exec_connections (encrypt_option), configure encryption

use super::{Case, Evidence, Judgement, Rule, Severity, Subject};
use crate::snapshot::Fact;

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

/// Rows that are shown as evidence; all are counted.
const MOST: usize = 5;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let rows = case.snapshot.server.connections.seen().iter();
    let over_network =
        rows.filter(|row| matches!(row.net_transport.as_str(), "TCP" | "Named pipe"));
    let (plain, encrypted): (Vec<_>, Vec<_>) =
        over_network.partition(|row| row.encrypt_option.eq_ignore_ascii_case("FALSE"));
    if plain.is_empty() {
        if encrypted.is_empty() {
            return judgement.not_applicable("no connection over the network was open");
        }
        return judgement.pass();
    }
    let evidence = plain.iter().take(MOST);
    let evidence = evidence.map(|row| Evidence::row("connections", None, row));
    let message = format!(
        "{} of {} connections over the network are not encrypted",
        plain.len(),
        plain.len() + encrypted.len()
    );
    judgement.fail(Subject::instance(), message, evidence.collect());
}
