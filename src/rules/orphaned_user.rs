//! What it checks: a user that authenticates by a SQL login whose sid no login has. Users of contained databases, and
//! those made WITHOUT LOGIN, have none on purpose; a Windows user may come in by a group. The owner, dbo, is
//! orphaned-owner's and dbo-is-not-the-owner's.
//!
//! Why it matters: whoever may create logins can make one with that sid, and comes in as the user, with all that it
//! has there.
//!
//! How to fix: ALTER USER […] WITH LOGIN = […]; or DROP USER […];
//!
//! When it is fine: in a copy of a database that is about to go back where its logins are.
//!
//! References: docs: troubleshoot orphaned users; CIS 2022 3.3; Microsoft VA1244

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::{DatabaseFacts, DatabasePrincipal, Fact};

pub(super) static RULE: Rule = Rule {
    id: "TRUST-008",
    slug: "orphaned-user",
    title: "A database user has lost its login",
    severity: Severity::Low,
    facts: &[
        Fact::Databases,
        Fact::DatabasePrincipals,
        Fact::ServerPrincipals,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:3.3",
        "cis-2017:3.3",
        "cis-2019:3.3",
        "cis-2022:3.3",
        "nist-800-53r5:AC-2",
        "iso-27001-2022:A.5.16",
        "iso-27001-2022:A.5.18",
        "soc2:CC6.2",
        "ms-va:VA1244",
    ],
    attack: &["T1078"],
    source: include_str!("orphaned_user.rs"),
    check,
};

/// `authentication_type`: by a login of the instance.
const INSTANCE: i32 = 1;
/// dbo, guest, INFORMATION_SCHEMA and sys.
const LAST_SHIPPED: i32 = 4;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    // Only a whole list says that a login is gone.
    if !case.snapshot.server.server_principals.is_settled() {
        return;
    }
    for database in case.databases() {
        for user in database.database_principals.seen() {
            if user.r#type == "S" && user.principal_id.0 > LAST_SHIPPED {
                judge(case, database, user, judgement);
            }
        }
    }
    judgement.nothing_there("no user has a SQL login");
}

fn judge(
    case: &Case<'_>,
    database: &DatabaseFacts,
    user: &DatabasePrincipal,
    judgement: &mut Judgement,
) {
    let subject = || Subject::within("principal", &database.name, &user.name);
    let unseen = |column| Missing::new("database_principals", Some(&database.name), column);
    match user.authentication_type {
        Some(INSTANCE) => {}
        Some(_) => return,
        None => return judgement.unknown(subject(), vec![unseen("authentication_type")]),
    }
    let Some(sid) = user.sid.as_deref() else {
        return judgement.unknown(subject(), vec![unseen("the user's sid")]);
    };
    if case.login_with_sid(sid).is_some() {
        return judgement.pass();
    }
    let message = format!(
        "user {} of {} belongs to a SQL login that is gone",
        named(&user.name),
        named(database.name.as_str())
    );
    let row = Evidence::row("database_principals", Some(&database.name), user);
    judgement.fail(subject(), message, vec![row]);
}
