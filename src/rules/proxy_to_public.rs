//! What it checks: Agent proxies that are granted to everybody: to public or guest of msdb, to the server role public, or
//! to a role of msdb that everybody is in, such as SQLAgentUserRole with public in it. Critical where everybody also is
//! in an Agent role and so makes jobs; high where some do who are not administrators; low where only administrators can,
//! and of a proxy that is switched off. Express has no Agent, and SQL Server on Linux no subsystems to use a proxy with.
//!
//! Why it matters: a proxy lends a Windows account to job steps that run commands. Who is granted it and makes jobs runs
//! commands as that account on the server's own computer.
//!
//! How to fix: EXEC msdb.dbo.sp_revoke_login_from_proxy @name = N'public', @proxy_name = N'proxy'; and grant it to the
//! logins that need it.
//!
//! When it is fine: never. A proxy that all jobs need is one that their owners are granted.
//!
//! References: docs: sp_grant_login_to_proxy, SQL Server Agent fixed database roles; CIS 2022 3.11

use super::agent_os_step_by_non_admin::without_commands;
use super::case::MSDB;
use super::reached::{Reached, Whom};
use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::graph::{Db, Node, Scope};
use crate::ids::PrincipalId;
use crate::snapshot::{Fact, Proxy, ProxyLogin};

pub(super) static RULE: Rule = Rule {
    id: "AGENT-002",
    slug: "proxy-to-public",
    title: "An Agent proxy is granted to everybody",
    severity: Severity::Critical,
    facts: &[
        Fact::Host,
        Fact::Proxies,
        Fact::ProxyLogins,
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
        "cis-2016:3.11",
        "cis-2017:3.11",
        "cis-2019:3.11",
        "cis-2022:3.11",
        "nist-800-53r5:AC-6",
        "nist-800-53r5:AC-6(8)",
        "pci-4.0.1:7.2.5",
        "iso-27001-2022:A.8.18",
        "soc2:CC6.3",
    ],
    attack: &["T1053.005", "T1078", "T1134"],
    source: include_str!("proxy_to_public.rs"),
    check,
};

const AGENT_ROLES: &[&str] = &[
    "SQLAgentUserRole",
    "SQLAgentReaderRole",
    "SQLAgentOperatorRole",
];
const TO_MSDB_ROLE: i32 = 2;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if without_commands(case, judgement) {
        return;
    }
    if case.is_excluded(MSDB) {
        return judgement.does_not_arise("the inventory excludes msdb");
    }
    let Some(msdb) = case.graph().msdb() else {
        return;
    };
    let server = &case.snapshot.server;
    let grants = server.proxy_logins.seen();
    for proxy in server.proxies.seen() {
        let own = grants.iter().filter(|g| g.proxy_id == proxy.proxy_id);
        let found = own.filter(|grant| judge(case, msdb, proxy, grant, judgement));
        if found.count() == 0 {
            judgement.pass();
        }
    }
}

/// Whom a proxy is granted to.
fn grantee(case: &Case<'_>, msdb: Db, grant: &ProxyLogin) -> Option<Node> {
    let (graph, sid) = (case.graph(), grant.sid.as_deref()?);
    if grant.flags == TO_MSDB_ROLE {
        let role = graph.index().scope(Scope::Database(msdb)).with_sid(sid)?;
        return Some(Node::user(msdb, role));
    }
    graph.login_with_sid(sid).map(Node::login)
}

/// Returns whether it is a finding.
fn judge(
    case: &Case<'_>,
    msdb: Db,
    proxy: &Proxy,
    grant: &ProxyLogin,
    judgement: &mut Judgement,
) -> bool {
    let graph = case.graph();
    let grantee = grantee(case, msdb, grant);
    let reached = grantee.and_then(|node| Some((node, Reached::of(case, node)?)));
    let Some((node, reached)) = reached else {
        return false;
    };
    if reached.whom != Whom::Everybody {
        return false;
    }
    let (severity, makers, rows) = job_makers(case, msdb);
    let is_on = proxy.enabled != 0;
    let severity = if is_on { severity } else { Severity::Low };
    let off = if is_on {
        ""
    } else {
        ", while it is switched off"
    };
    let grantee = graph.place(node).name;
    let message = format!(
        "Agent proxy {} is granted to {}, that is everybody{off}; jobs are made by {makers}",
        named(&proxy.name),
        named(&grantee),
    );
    let mut evidence = vec![
        Evidence::row("proxies", None, proxy),
        Evidence::row("proxy_logins", None, grant),
    ];
    evidence.extend(reached.evidence);
    evidence.extend(rows);
    let subject = Subject::server("proxy", format!("{}, {grantee}", proxy.name));
    judgement.fail_at(severity, subject, message, evidence);
    true
}

/// Who makes jobs without being an administrator.
fn job_makers(case: &Case<'_>, msdb: Db) -> (Severity, String, Vec<Evidence>) {
    let graph = case.graph();
    let roles = AGENT_ROLES.iter();
    let roles = roles.filter_map(|name| graph.index().role_named(msdb, name));
    let reached = roles.filter_map(|role: PrincipalId| Reached::of(case, Node::user(msdb, role)));
    match reached.max_by_key(Reached::severity) {
        Some(reached) if reached.whom != Whom::Nobody => {
            (reached.severity(), reached.who(graph), reached.evidence)
        }
        _ => (Severity::Low, "administrators alone".to_owned(), Vec::new()),
    }
}
