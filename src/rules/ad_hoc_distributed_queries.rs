//! What it checks: the option Ad Hoc Distributed Queries is running, or configured to run.
//!
//! Why it matters: OPENROWSET and OPENDATASOURCE then reach any server and file that a provider can open, with an
//! address and credential written into the query. A provider that runs inside the server process is code of others;
//! one that reads files is a way to look at the host's disks.
//!
//! How to fix: EXEC sp_configure 'show advanced options', 1; RECONFIGURE; EXEC sp_configure 'Ad Hoc Distributed
//! Queries', 0; RECONFIGURE; -- after looking for callers; a linked server with a mapped login does the same under
//! control.
//!
//! When it is fine: where an import is written so and cannot be changed; then keep the DisallowAdHocAccess setting of
//! every other provider.
//!
//! References: docs: ad hoc distributed queries, OPENROWSET; CIS 2022 2.1; Microsoft VA1022

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "LINK-003",
    slug: "ad-hoc-distributed-queries",
    title: "Ad hoc distributed queries are enabled",
    severity: Severity::Medium,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:2.1",
        "cis-2017:2.1",
        "cis-2019:2.1",
        "cis-2022:2.1",
        "nist-800-53r5:CM-7",
        "nist-800-53r5:SC-7",
        "pci-4.0.1:2.2.4",
        "soc2:CC6.6",
        "ms-va:VA1022",
        "ms-va:VA2120",
    ],
    attack: &["T1505.001"],
    source: include_str!("ad_hoc_distributed_queries.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "Ad Hoc Distributed Queries",
        11,
        "ad hoc distributed queries run: a query can reach other servers and files with an address of its own",
        "ad hoc distributed queries are configured to run, from the next RECONFIGURE at the latest",
    );
}
