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

use super::reaching::{Dbo, OF_DATABASE, OF_SERVER, unless_seen, unseen_in, unseen_on_server};
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject};
use crate::graph::Node;
use crate::ids::{DatabaseName, named};
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
    controls: &[
        "stig-2022-database:V-271122",
        "cis-2022:2.9",
        "ms-va:VA1102",
    ],
    attack: &["T1505.001", "T1548"],
    source: include_str!("db_owner_in_trustworthy.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let databases = &case.snapshot.server.databases;
    for row in databases.seen() {
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
    judgement.unless_settled(Subject::instance(), "databases", None, databases);
}

fn judge(case: &Case<'_>, row: &DatabaseRow, judgement: &mut Judgement) {
    let name = DatabaseName::new(&row.name);
    let graph = case.graph();
    let mut databases = graph.index().databases();
    let Some((db, facts)) = databases.find(|(_, facts)| facts.database_id == row.database_id)
    else {
        let missing = Missing {
            fact: "databases".to_owned(),
            database: None,
            needs: vec!["the facts of this database, which the snapshot lacks".to_owned()],
        };
        return judgement.unknown(Subject::database(&name), vec![missing]);
    };
    let mut missing = unseen_on_server(case, OF_SERVER);
    let mut found = false;
    if let Some(trust) = graph.trusted().get(&db) {
        let owner = graph.shown(Node::login(trust.owner));
        let says = format!(
            "dbo of {} has what its owner {owner} may vouch for: the database is TRUSTWORTHY",
            named(&row.name)
        );
        let rows = trust.facts.iter();
        let rows: Vec<Evidence> = rows.map(|fact| graph.cite(*fact).into()).collect();
        let dbo = Dbo {
            case,
            place: Node::Owner(db),
            gain: (says, rows),
            database: facts,
        };
        found = dbo.judge(judgement);
        missing.extend(unseen_in(OF_DATABASE, facts));
    } else {
        missing.extend(graph.unseen_trust(db).map(|state| Missing::from(&state)));
    }
    let unseen = unless_seen(judgement, Subject::database(&name), missing);
    if !unseen && !found {
        judgement.pass();
    }
}
