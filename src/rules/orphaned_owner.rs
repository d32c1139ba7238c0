//! What it checks: databases whose owner's sid is that of no login. A sid of 16 bytes was a SQL login's: medium, and high
//! where the database is TRUSTWORTHY. A longer one is a Windows account's: low, since the account may be there and log in
//! by a group. An owner whose sid was not seen is unknown, and so are all where logins were not seen whole.
//!
//! Why it matters: nobody is accountable for the database, and whoever may create logins takes it: CREATE LOGIN … WITH
//! SID gives the orphaned sid to a login of his making, which is dbo there.
//!
//! How to fix: ALTER AUTHORIZATION ON DATABASE::[name] TO [login]; a login of low rights that nobody uses.
//!
//! When it is fine: on a secondary replica, where the owner's login was not made; make it with the same sid.
//!
//! References: docs: CREATE LOGIN, ALTER AUTHORIZATION, sys.databases; Microsoft VA1245, VA1258

use super::case::SHORT_SID;
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::ids::DatabaseName;
use crate::snapshot::{DatabaseRow, Fact};

pub(super) static RULE: Rule = Rule {
    id: "TRUST-002",
    slug: "orphaned-owner",
    title: "A database belongs to a login that is gone",
    severity: Severity::High,
    facts: &[Fact::Databases, Fact::ServerPrincipals],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["ms-va:VA1258"],
    attack: &["T1505.001", "T1078"],
    source: include_str!("orphaned_owner.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let server = &case.snapshot.server;
    for database in server.databases.seen() {
        if case.is_excluded(database.database_id) {
            judgement.not_applicable("excluded by the inventory");
        } else if server.server_principals.is_settled() {
            // Only a whole list says that a login is gone.
            judge(case, database, judgement);
        }
    }
}

fn judge(case: &Case<'_>, database: &DatabaseRow, judgement: &mut Judgement) {
    let name = DatabaseName::new(&database.name);
    let Some(sid) = database.owner_sid.as_deref() else {
        let missing = Missing::new("databases", None, "the owner's sid");
        return judgement.unknown(Subject::database(&name), vec![missing]);
    };
    if case.login_with_sid(sid).is_some() {
        return judgement.pass();
    }
    // sa's sid is 1 byte and always a login's; what is shorter than a Windows sid was made here.
    let (severity, whose) = match (sid.len() > SHORT_SID, database.is_trustworthy_on) {
        (true, _) => (
            Severity::Low,
            "a Windows account without a login of its own",
        ),
        (false, Some(true)) => (
            Severity::High,
            "a SQL login that is gone, and is TRUSTWORTHY",
        ),
        (false, _) => (Severity::Medium, "a SQL login that is gone"),
    };
    let message = format!("{} belongs to {whose}", named(name.as_str()));
    let evidence = vec![Evidence::row("databases", None, database)];
    judgement.fail_at(severity, Subject::database(&name), message, evidence);
}
