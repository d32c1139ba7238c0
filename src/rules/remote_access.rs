//! What it checks: the option remote access is running, or configured to run. It is 1 as shipped.
//!
//! Why it matters: it lets other instances run this one's procedures as remote servers (sp_addserver), a predecessor
//! of linked servers that Microsoft has deprecated. Names in sysremotelogins decide as whom.
//!
//! How to fix: EXEC sp_configure 'remote access', 0; RECONFIGURE; -- takes effect at the next restart. Look first
//! whether sys.servers has rows with is_linked = 0 besides the server itself.
//!
//! When it is fine: with transactional replication of old kinds, which uses remote logins, and where log shipping
//! needs it.
//!
//! References: docs: remote access (server configuration option); STIG V-271298; CIS 2022 2.6

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "LINK-004",
    slug: "remote-access",
    title: "The remote access option is on",
    severity: Severity::Low,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:2.6",
        "cis-2017:2.6",
        "cis-2019:2.6",
        "cis-2022:2.6",
        "stig-2022-instance:V-271298",
        "nist-800-53r5:CM-6",
        "nist-800-53r5:CM-7",
        "pci-4.0.1:2.2.1",
        "pci-4.0.1:2.2.4",
        "pci-4.0.1:2.2.5",
        "iso-27001-2022:A.8.9",
        "soc2:CC6.6",
    ],
    attack: &["T1505.001"],
    source: include_str!("remote_access.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "remote access",
        11,
        "remote access is on: other servers can run procedures here by remote logins",
        "remote access is configured on, from the next restart",
    );
}
