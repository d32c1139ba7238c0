//! What it checks: a login is called sa, in whatever case: the one with the id 1 under its own name, or another that took
//! the name. A server role of that name is none.
//!
//! Why it matters: guessing starts with the name. Another login of that name passes for the administrator in logs and
//! scripts.
//!
//! How to fix: ALTER LOGIN [sa] WITH NAME = […]; -- Jobs, databases and permissions follow the id. Drop or rename
//! another login that took the name.
//!
//! When it is fine: where scripts of a vendor name it; disabled is worth more than renamed.
//!
//! References: docs: ALTER LOGIN; STIG V-274445; CIS 2022 2.14 and 2.16; Microsoft VA1053

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-014",
    slug: "sa-not-renamed",
    title: "A login is called sa",
    severity: Severity::Low,
    facts: &[Fact::ServerPrincipals],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:2.14",
        "cis-2016:2.17",
        "cis-2017:2.14",
        "cis-2017:2.17",
        "cis-2019:2.14",
        "cis-2019:2.16",
        "cis-2022:2.14",
        "cis-2022:2.16",
        "stig-2022-instance:V-274445",
        "nist-800-53r5:AC-2",
    ],
    attack: &["T1078"],
    source: include_str!("sa_not_renamed.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let logins = case.snapshot.server.server_principals.seen().iter();
    let called: Vec<_> = logins
        .filter(|login| login.r#type != "R" && is_sa(&login.name))
        .collect();
    for login in &called {
        let who = if login.principal_id == super::case::SA {
            "still has the name that everybody knows"
        } else {
            "is not the administrator of that name, and passes for it"
        };
        let message = format!("login {} {who}", named(&login.name));
        let evidence = vec![Evidence::row("server_principals", None, login)];
        judgement.fail(Subject::server("principal", &login.name), message, evidence);
    }
    let Some(sa) = case.login(super::case::SA) else {
        let missing = Missing::new("server_principals", None, "the row of sa");
        return judgement.unknown(Subject::server("principal", "sa"), vec![missing]);
    };
    if called.is_empty() {
        judgement.pass_with(vec![Evidence::row("server_principals", None, sa)]);
    }
}

/// As the server compares names: blanks at the end do not count.
fn is_sa(name: &str) -> bool {
    name.trim_end_matches(' ').eq_ignore_ascii_case("sa")
}
