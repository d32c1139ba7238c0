//! What it checks: the login that collected is in sysadmin or holds CONTROL SERVER.
//!
//! Why it matters: an audit needs neither. A password or token of such a login is worth the whole server, and evidence
//! that its collector could have changed is worth less.
//!
//! How to fix: make the login that `mssql-posture script login` prints, and audit as that.
//!
//! When it is fine: once, where no other login is at hand; everything is seen then.
//!
//! References: docs: HAS_PERMS_BY_NAME, IS_SRVROLEMEMBER; ISO 27001 A.8.34

use serde::Serialize;

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::{Fact, SessionIdentity};

pub(super) static RULE: Rule = Rule {
    id: "SIGHT-004",
    slug: "auditor-is-sysadmin",
    title: "The auditor could change what it audits",
    severity: Severity::Medium,
    facts: &[Fact::Session],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AC-5",
        "nist-800-53r5:AC-6(5)",
        "iso-27001-2022:A.5.3",
        "iso-27001-2022:A.8.34",
    ],
    attack: &[],
    source: include_str!("auditor_is_sysadmin.rs"),
    check,
};

/// The columns of the session that decide. Others, such as its number, differ from run to run.
#[derive(Serialize)]
struct Power<'a> {
    original_login: Option<&'a str>,
    login: Option<&'a str>,
    is_sysadmin: Option<bool>,
    control_server: Option<bool>,
}

impl<'a> Power<'a> {
    fn of(session: &'a SessionIdentity) -> Self {
        Self {
            original_login: session.original_login.as_deref(),
            login: session.login.as_deref(),
            is_sysadmin: session.is_sysadmin,
            control_server: session.control_server,
        }
    }
}

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let Some(session) = case.snapshot.server.session.known() else {
        return;
    };
    let login = session.login.as_deref().unwrap_or("the auditor's login");
    let subject = Subject::server("principal", login);
    let evidence = vec![Evidence::row("session", None, &Power::of(session))];
    match (session.is_sysadmin, session.control_server) {
        (Some(true), _) => {
            let message = format!("{} is in sysadmin: an audit needs far less", named(login));
            judgement.fail(subject, message, evidence);
        }
        (_, Some(true)) => {
            let message = format!(
                "{} holds CONTROL SERVER: an audit needs far less",
                named(login)
            );
            judgement.fail(subject, message, evidence);
        }
        (Some(false), Some(false)) => judgement.pass_with(evidence),
        _ => {
            let missing = Missing::new("session", None, "whether the login is an administrator");
            judgement.unknown(subject, vec![missing]);
        }
    }
}
