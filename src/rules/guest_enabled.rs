//! What it checks: databases other than master, tempdb and msdb, which need it, where guest may CONNECT, by a grant to
//! it, to a role it is in or to public, and no DENY. model counts: new databases are made after it. A database that is
//! TRUSTWORTHY and whose owner may vouch for it at the server is high, any other medium.
//!
//! Why it matters: every login without a user of its own enters as guest and has what public has there: what was granted
//! to public for the database's own users is open to everybody on the server.
//!
//! How to fix: REVOKE CONNECT FROM guest; in the database.
//!
//! When it is fine: for a database that is meant for every login; better make users of a Windows group.
//!
//! References: docs: principals (guest), GRANT database permissions

use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-010",
    slug: "guest-enabled",
    title: "guest may enter a database",
    severity: Severity::High,
    facts: &[
        Fact::Databases,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
        Fact::DatabasePrincipals,
        Fact::DatabaseRoleMembers,
        Fact::DatabasePermissions,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:3.2",
        "cis-2017:3.2",
        "cis-2019:3.2",
        "cis-2022:3.2",
        "nist-800-53r5:AC-3",
        "pci-4.0.1:7.2.2",
        "pci-4.0.1:7.3.1",
        "pci-4.0.1:7.3.3",
        "iso-27001-2022:A.5.18",
        "iso-27001-2022:A.8.3",
        "soc2:CC6.1",
        "ms-va:VA1043",
    ],
    attack: &["T1505.001", "T1078", "T1213.006"],
    source: include_str!("guest_enabled.rs"),
    check,
};

/// master, tempdb, msdb.
const NEED_IT: &[i32] = &[1, 2, 4];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let graph = case.graph();
    for (db, facts) in graph.index().databases() {
        if NEED_IT.contains(&facts.database_id) {
            continue;
        }
        let Some(row) = graph.guest_entry(db) else {
            judgement.pass();
            continue;
        };
        let trust = graph.trusted().get(&db);
        let (severity, so) = match trust {
            Some(_) => (
                Severity::High,
                ", and the server believes the database, which is TRUSTWORTHY",
            ),
            None => (Severity::Medium, ""),
        };
        let name = named(facts.name.as_str());
        let message =
            format!("guest may enter {name}: that is every login without a user there{so}");
        let mut evidence = case.cited(&[row]);
        let trust = trust.into_iter().flat_map(|trust| &trust.facts);
        Evidence::extend(&mut evidence, case.cited(trust));
        judgement.fail_at(severity, Subject::database(&facts.name), message, evidence);
    }
}
