//! What it checks: who that is not in sysadmin acts as dbo of msdb, or makes itself its owner: by db_owner, CONTROL, TAKE
//! OWNERSHIP or IMPERSONATE on dbo, by db_securityadmin, by owning msdb without being an administrator, by being able to
//! join a role that has one of these or to act as somebody who has, with DENY taken into account. One finding for each
//! principal that holds the last of these rights, with the chain of whoever is nearest to it. public and guest are
//! critical, people high, a role without members or a login that cannot log in low. Express has no Agent: there the
//! question arises while msdb is TRUSTWORTHY, as setup leaves it.
//!
//! Why it matters: msdb holds the jobs. Its dbo changes a step of an administrator's job, and the Agent runs it with its
//! own account; and msdb is TRUSTWORTHY and belongs to sa.
//!
//! How to fix: in msdb, ALTER ROLE db_owner DROP MEMBER [name]; the roles SQLAgentUserRole, SQLAgentReaderRole and
//! SQLAgentOperatorRole are for people who make or watch jobs. ALTER AUTHORIZATION ON DATABASE::msdb TO sa;
//!
//! When it is fine: never for people who are not administrators of the whole instance.
//!
//! References: docs: TRUSTWORTHY database property, implement SQL Server Agent security; STIG V-271350

use super::case::MSDB;
use super::dbo::Dbo;
use super::{Case, Judgement, Missing, Rule, Severity, Subject};
use crate::graph::Node;
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "TRUST-005",
    slug: "msdb-db-owner",
    title: "Somebody without sysadmin is dbo of msdb",
    severity: Severity::Critical,
    facts: &[
        Fact::Databases,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
    ],
    master_facts: &[],
    msdb_facts: &[
        Fact::DatabasePrincipals,
        Fact::DatabaseRoleMembers,
        Fact::DatabasePermissions,
    ],
    controls: &[
        "cis-2022:3.13",
        "nist-800-53r5:AC-5",
        "nist-800-53r5:AC-6",
        "nist-800-53r5:CM-5",
        "nist-800-53r5:CM-5(1)",
        "pci-4.0.1:7.2.2",
        "iso-27001-2022:A.5.3",
        "iso-27001-2022:A.8.2",
        "soc2:CC6.3",
        "soc2:CC8.1",
    ],
    attack: &["T1505.001", "T1053.005"],
    source: include_str!("msdb_db_owner.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.is_excluded(MSDB) {
        return judgement.does_not_arise("the inventory excludes msdb");
    }
    let graph = case.graph();
    let msdb = graph
        .msdb()
        .and_then(|db| Some((db, graph.index().database(db)?)));
    // Of a database without facts it is said for the rule.
    let Some((db, facts)) = msdb else {
        return;
    };
    let row = graph.index().database_row(db);
    let (place, says) = if graph.has_agent() {
        let says = "dbo of msdb changes the jobs that the Agent runs for administrators";
        (Node::Inside(db), says)
    } else {
        match row.and_then(|(row, _)| row.is_trustworthy_on) {
            Some(true) => {}
            Some(false) => {
                let why = "Express has no Agent, and msdb is not TRUSTWORTHY";
                return judgement.does_not_arise(why);
            }
            None => {
                let missing = Missing::new("databases", None, "whether msdb is TRUSTWORTHY");
                return judgement.unknown(Subject::database(&facts.name), vec![missing]);
            }
        }
        let says = "dbo of msdb has the rights of its owner on the server, since it is TRUSTWORTHY";
        (Node::Owner(db), says)
    };
    let rows = row.map(|(_, fact)| fact);
    let dbo = Dbo {
        case,
        place,
        what: "dbo is",
        gain: Some((says.to_owned(), case.cited(&rows))),
        database: facts,
        counts_nobody: true,
    };
    if !dbo.judge(judgement) {
        judgement.pass();
    }
}
