//! What it checks: a user that authenticates by a SQL login whose sid no login has. Users of contained databases, and
//! those made WITHOUT LOGIN, have none on purpose.
//!
//! Why it matters: whoever may create logins can make one with that sid, and comes in as the user, with all that it
//! has there.
//!
//! How to fix: ALTER USER […] WITH LOGIN = […]; or DROP USER […];
//!
//! When it is fine: in a copy of a database that is about to go back where its logins are.
//!
//! References: docs: troubleshoot orphaned users; CIS 2022 3.3

use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

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
    if !case.snapshot.server.server_principals.is_settled() {
        return;
    }
    for database in case.databases() {
        for user in database.database_principals.seen() {
            let by_login = user.r#type == "S" && user.authentication_type == Some(INSTANCE);
            if !by_login || user.principal_id.0 <= LAST_SHIPPED || user.name.starts_with("##") {
                continue;
            }
            let sid = user.sid.as_deref().unwrap_or_default();
            if case.login_with_sid(sid).is_some() {
                judgement.pass();
                continue;
            }
            let message = format!(
                "user {} of {} belongs to a SQL login that is gone",
                named(&user.name),
                named(database.name.as_str())
            );
            let evidence = vec![Evidence::row(
                "database_principals",
                Some(&database.name),
                user,
            )];
            let subject = Subject::within("principal", &database.name, &user.name);
            judgement.fail(subject, message, evidence);
        }
    }
}
