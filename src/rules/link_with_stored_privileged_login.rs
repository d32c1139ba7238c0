//! What it checks: logins stored for linked servers (remote logins), by their names. Where the link leads back to this
//! instance, told by its data source, the name is a login of this instance: a finding if that is in sysadmin or holds
//! CONTROL SERVER. Where it leads elsewhere, `sa` is a finding, since it is sysadmin there unless somebody renamed or
//! disabled it; another name that is commonly an administrator's (admin, dba, root, system …) is said as such, two steps
//! lower, and proves nothing. Critical where everybody uses it, high for some logins, low for logins that cannot log in;
//! low too while neither RPC OUT nor data access is on. A login stored for members of sysadmin alone passes.
//!
//! Why it matters: whoever may use the link runs statements over there as that login, without knowing its password: with
//! RPC OUT by EXECUTE … AT, with data access by OPENQUERY. Over a link that leads back, a plain login is sysadmin.
//!
//! How to fix: EXEC sp_droplinkedsrvlogin N'link', NULL; and store a login that may do what the link is for, or let each
//! login be itself there (@useself = 'true').
//!
//! When it is fine: never for sa. A name that only looks privileged: see what it may do there.
//!
//! References: docs: sp_addlinkedsrvlogin, EXECUTE (AT), OPENQUERY; STIG V-271299

use super::reached::Reached;
use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::graph::{Lead, Mapping, Node};
use crate::ids::PrincipalId;
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "LINK-001",
    slug: "link-with-stored-privileged-login",
    title: "A linked server keeps a privileged login",
    severity: Severity::Critical,
    facts: &[
        Fact::LinkedServers,
        Fact::LinkedLogins,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "stig-2022-instance:V-271299",
        "nist-800-53r5:AC-3",
        "nist-800-53r5:AC-6",
        "nist-800-53r5:SC-7",
        "pci-4.0.1:7.2.5",
        "iso-27001-2022:A.8.20",
        "soc2:CC6.1",
        "soc2:CC6.6",
    ],
    attack: &["T1210", "T1078"],
    source: include_str!("link_with_stored_privileged_login.rs"),
    check,
};

/// Names that administrators commonly have, on SQL Server and elsewhere.
const COMMON: &[&str] = &[
    "admin",
    "administrator",
    "dba",
    "dbadmin",
    "sysadmin",
    "sqladmin",
    "root",
    "sys",
    "system",
    "postgres",
    "distributor_admin",
];

/// What a remote name is.
enum Privilege {
    /// Seen at this instance.
    Proven(PrincipalId, Vec<Evidence>),
    Sa,
    ByName,
}

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for mapping in case.graph().mappings() {
        if !judge(case, mapping, judgement) {
            judgement.pass();
        }
    }
}

fn privilege(case: &Case<'_>, mapping: &Mapping<'_>) -> Option<Privilege> {
    let graph = case.graph();
    if mapping.lead == Lead::Back {
        let login = graph.index().login_named(mapping.remote)?;
        let facts = graph.is_privileged(login)?;
        return Some(Privilege::Proven(login, case.cited(&facts)));
    }
    let is = |name: &str| name.eq_ignore_ascii_case(mapping.remote);
    if is("sa") {
        return Some(Privilege::Sa);
    }
    COMMON
        .iter()
        .any(|name| is(name))
        .then_some(Privilege::ByName)
}

/// Returns whether it is a finding.
fn judge(case: &Case<'_>, mapping: &Mapping<'_>, judgement: &mut Judgement) -> bool {
    let graph = case.graph();
    let Some(privilege) = privilege(case, mapping) else {
        return false;
    };
    let Some(reached) = Reached::of_logins(case, &mapping.locals.of(graph.index())) else {
        return false;
    };
    let (link, remote) = (named(&mapping.server.name), named(mapping.remote));
    let who = reached.who(graph);
    let mut severity = reached.severity();
    let mut evidence = case.cited(&mapping.facts);
    let what = match privilege {
        Privilege::Proven(login, proof) => {
            evidence.extend(proof);
            let login = graph.shown(Node::login(login));
            format!("leads back to this instance, where {login} is sysadmin or as good as that")
        }
        Privilege::Sa => "leads elsewhere, where sa is sysadmin unless it was renamed".to_owned(),
        Privilege::ByName => {
            severity = severity.min(Severity::Medium);
            "leads elsewhere: the name is commonly an administrator's, which is not proven"
                .to_owned()
        }
    };
    let way = way_over(mapping);
    if way.is_none() {
        severity = Severity::Low;
    }
    let way = way.unwrap_or("once RPC OUT or data access is switched on");
    let message =
        format!("linked server {link} keeps the login {remote} for {who}, {way}; it {what}");
    evidence.extend(reached.evidence);
    let subject = Subject::server("linked_server", &mapping.server.name);
    judgement.fail_at(severity, subject, message, evidence);
    true
}

/// By what statements go over; `None` while nothing does.
pub(super) fn way_over(mapping: &Mapping<'_>) -> Option<&'static str> {
    let link = mapping.server;
    match (link.is_rpc_out_enabled, link.is_data_access_enabled) {
        (true, _) => Some("by EXECUTE … AT"),
        (false, true) => Some("by OPENQUERY"),
        (false, false) => None,
    }
}
