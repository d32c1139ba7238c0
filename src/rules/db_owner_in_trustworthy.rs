//! What it checks: who that is not in sysadmin acts as dbo in a TRUSTWORTHY database whose owner may vouch for it at the
//! server (sysadmin, CONTROL SERVER or AUTHENTICATE SERVER): by db_owner, CONTROL or IMPERSONATE on dbo, by
//! db_securityadmin, by being able to join a role that has one of these or to act as somebody who has, with DENY taken
//! into account. One finding for each principal that holds the last of these rights, with the chain of whoever is nearest
//! to it. public and guest are critical, people high, a role without members or a login that cannot log in low. msdb is
//! for msdb-db-owner. What code, jobs and linked servers add to the chains stands in the exposure of the instance.
//!
//! Why it matters: EXECUTE AS USER = 'dbo' keeps the owner's rights on the server there: whoever acts as dbo is sysadmin.
//!
//! How to fix: ALTER DATABASE [name] SET TRUSTWORTHY OFF; or give the database to a login without rights on the server;
//! or ALTER ROLE db_owner DROP MEMBER [name];
//!
//! When it is fine: never for people who are not administrators of the whole instance. A deployment account can be one.
//!
//! References: docs: TRUSTWORTHY database property, extending impersonation; STIG V-271122; CIS 2022 2.9; Microsoft VA1102

use super::dbo::Dbo;
use super::{Case, Judgement, Missing, Rule, Severity, Subject};
use crate::graph::Node;
use crate::ids::named;
use crate::snapshot::{DatabaseRow, Fact};

pub(super) static RULE: Rule = Rule {
    id: "TRUST-004",
    slug: "db-owner-in-trustworthy",
    title: "Somebody without sysadmin is dbo of a database that the server believes",
    severity: Severity::Critical,
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
        "nist-800-53r5:AC-6",
        "nist-800-53r5:AC-6(10)",
        "nist-800-53r5:CM-5(6)",
        "iso-27001-2022:A.8.2",
    ],
    attack: &["T1505.001", "T1548"],
    source: include_str!("db_owner_in_trustworthy.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for row in case.snapshot.server.databases.seen() {
        if case.is_excluded(row.database_id) {
            judgement.not_applicable("excluded by the inventory");
        } else if row.name == "msdb" {
            judgement.not_applicable("msdb is for msdb-db-owner");
        } else if row.is_trustworthy_on == Some(false) {
            judgement.pass();
        } else {
            judge(case, row, judgement);
        }
    }
}

fn judge(case: &Case<'_>, row: &DatabaseRow, judgement: &mut Judgement) {
    let graph = case.graph();
    let mut databases = graph.index().databases();
    let own = databases.find(|(_, facts)| facts.database_id == row.database_id);
    // Of a database without facts it is said for the rule.
    let Some((db, facts)) = own else {
        return;
    };
    let trusted = graph.trusted();
    let Some(trust) = trusted.get(&db) else {
        return match graph.unseen_trust(db) {
            Some(state) => {
                judgement.unknown(Subject::database(&facts.name), vec![Missing::from(&state)]);
            }
            None => judgement.pass(),
        };
    };
    let owner = graph.shown(Node::login(trust.owner));
    let says = format!(
        "dbo of {} has what its owner {owner} may vouch for: the database is TRUSTWORTHY",
        named(&row.name)
    );
    let dbo = Dbo {
        case,
        place: Node::Owner(db),
        what: "dbo is",
        gain: Some((says, case.cited(&trust.facts))),
        database: facts,
        counts_nobody: true,
    };
    if !dbo.judge(judgement) {
        judgement.pass();
    }
}
