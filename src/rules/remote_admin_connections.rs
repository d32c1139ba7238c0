//! What it checks: the option remote admin connections is running, or configured to run. A clustered instance needs
//! it, and is not judged.
//!
//! Why it matters: the dedicated administrator connection then listens on the network, a port that few watch: it
//! takes sysadmin, shows base tables, and is kept free when the server is busy.
//!
//! How to fix: EXEC sp_configure 'remote admin connections', 0; RECONFIGURE; -- where administrators can log on to
//! the host.
//!
//! When it is fine: on clusters, where the listener's address is not the node's; and where a firewall keeps its port
//! for administrators.
//!
//! References: docs: remote admin connections, diagnostic connection for database administrators; CIS 2022 2.7;
//! Microsoft VA1044

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-008",
    slug: "remote-admin-connections",
    title: "The administrator connection is open to the network",
    severity: Severity::Low,
    facts: &[Fact::Configurations, Fact::ServerIdentity],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:2.7",
        "cis-2017:2.7",
        "cis-2019:2.7",
        "cis-2022:2.7",
        "nist-800-53r5:CM-7",
        "nist-800-53r5:SC-7",
        "pci-4.0.1:2.2.4",
        "iso-27001-2022:A.8.20",
        "soc2:CC6.6",
        "ms-va:VA1044",
    ],
    attack: &["T1078"],
    source: include_str!("remote_admin_connections.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let identity = case.snapshot.server.server_identity.known();
    if identity.is_some_and(|identity| identity.is_clustered == Some(true)) {
        return judgement.not_applicable("a clustered instance needs it");
    }
    case.must_be_off(
        judgement,
        "remote admin connections",
        11,
        "the dedicated administrator connection listens on the network",
        "the dedicated administrator connection is configured to listen on the network, from the next RECONFIGURE at the latest",
    );
}
