//! What it checks: the sid of dbo inside a database differs from that of the owner whom the server has for it, as a
//! restored or attached database keeps dbo from where it was. High where a login has dbo's sid, medium where it was that
//! of a SQL login which is gone; low where the login is an administrator or disabled, or the sid is of a Windows account
//! without a login of its own.
//!
//! Why it matters: the login with dbo's sid enters as dbo, though no list of owners names it. Where it is gone, whoever
//! may create logins makes one with that sid.
//!
//! How to fix: ALTER AUTHORIZATION ON DATABASE::[name] TO [login]; it writes both.
//!
//! When it is fine: on a secondary replica, whose dbo is that of the primary; mend it after the next failover.
//!
//! References: docs: ALTER AUTHORIZATION, sys.databases, sys.database_principals; Microsoft VA1245

use super::case::SHORT_SID;
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::ids::PrincipalId;
use crate::snapshot::{DatabaseFacts, DatabasePrincipal, DatabaseRow, Fact};

pub(super) static RULE: Rule = Rule {
    id: "TRUST-009",
    slug: "dbo-is-not-the-owner",
    title: "dbo of a database is another than its owner",
    severity: Severity::High,
    facts: &[
        Fact::Databases,
        Fact::DatabasePrincipals,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:AC-6", "ms-va:VA1245"],
    attack: &["T1078"],
    source: include_str!("dbo_is_not_the_owner.rs"),
    check,
};

const DBO: PrincipalId = PrincipalId(1);

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let rows = case.snapshot.server.databases.seen();
    for database in case.databases() {
        let mut rows = rows.iter();
        let row = rows.find(|row| row.database_id == database.database_id);
        let mut users = database.database_principals.seen().iter();
        let dbo = users.find(|user| user.principal_id == DBO);
        match (row, dbo) {
            (Some(row), Some(dbo)) => judge(case, database, (row, dbo), judgement),
            _ if !database.database_principals.is_settled() => {}
            _ => {
                let name = Some(&database.name);
                let missing = Missing::new("database_principals", name, "the row of dbo");
                judgement.unknown(Subject::database(&database.name), vec![missing]);
            }
        }
    }
    judgement.nothing_there("the inventory excludes every database");
}

fn judge(
    case: &Case<'_>,
    database: &DatabaseFacts,
    (row, dbo): (&DatabaseRow, &DatabasePrincipal),
    judgement: &mut Judgement,
) {
    let subject = Subject::database(&database.name);
    let (Some(owner), Some(sid)) = (row.owner_sid.as_deref(), dbo.sid.as_deref()) else {
        let (fact, name) = match row.owner_sid {
            None => ("databases", None),
            Some(_) => ("database_principals", Some(&database.name)),
        };
        let missing = Missing::new(fact, name, "the sids of its owner and of dbo");
        return judgement.unknown(subject, vec![missing]);
    };
    let mut evidence = vec![
        Evidence::row("databases", None, row),
        Evidence::row("database_principals", Some(&database.name), dbo),
    ];
    if owner == sid {
        return judgement.pass();
    }
    let login = case.login_with_sid(sid);
    evidence.extend(login.map(|login| Evidence::row("server_principals", None, login)));
    let (severity, who) = whose(case, sid);
    let owner = row.owner_name.as_deref().unwrap_or("an unknown login");
    let message = format!(
        "{} belongs to {}, and dbo in it is {who}",
        named(database.name.as_str()),
        named(owner)
    );
    judgement.fail_at(severity, subject, message, evidence);
}

/// Whom a sid lets in as dbo.
fn whose(case: &Case<'_>, sid: &str) -> (Severity, String) {
    let Some(login) = case.login_with_sid(sid) else {
        let is_whole = case.snapshot.server.server_principals.is_settled();
        let (severity, who) = match (is_whole, sid.len() > SHORT_SID) {
            (false, _) => (RULE.severity, "a login that was not seen"),
            (true, false) => (Severity::Medium, "a SQL login that is gone"),
            (true, true) => (
                Severity::Low,
                "a Windows account without a login of its own",
            ),
        };
        return (severity, who.to_owned());
    };
    let name = named(&login.name);
    if case.sysadmins().contains(&login.principal_id) {
        return (
            Severity::Low,
            format!("{name}, an administrator without it"),
        );
    }
    if login.is_disabled == Some(true) {
        return (Severity::Low, format!("{name}, which is disabled"));
    }
    (RULE.severity, name)
}
