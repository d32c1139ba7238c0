//! What it checks: who that is not in sysadmin, and not dbo of msdb, decides what SQL Server Agent runs for administrators:
//! by INSERT or UPDATE on msdb's sysjobsteps, by UPDATE on sysjobs, by db_datawriter, by ALTER on what setup put into
//! msdb's schema dbo, as db_ddladmin has it, or by being able to join a role that has one of these or to act as somebody
//! who has, with DENY taken into account. One finding for each principal that holds the last of these rights, with the
//! chain of whoever is nearest to it. public and guest are critical, people high; roles without members, as setup leaves
//! some, and logins that cannot log in are not counted. Express has no Agent.
//!
//! Why it matters: a step of an administrator's job is a row there. Whoever writes it writes a command that the Agent runs
//! with its own account the next time, and no right on the job is asked for.
//!
//! How to fix: in msdb, ALTER ROLE db_datawriter DROP MEMBER [name]; REVOKE UPDATE ON dbo.sysjobsteps FROM [name]; people
//! who make jobs belong into SQLAgentUserRole, which reaches their own jobs alone.
//!
//! When it is fine: for the login of a tool that manages jobs, and whose password administrators of the whole instance
//! alone have.
//!
//! References: docs: dbo.sysjobsteps, dbo.sysjobs, SQL Server Agent fixed database roles

use super::case::MSDB;
use super::dbo::Dbo;
use super::reached::is_by_permission;
use super::{Case, Judgement, Rule, Severity};
use crate::graph::{Edge, Node, Reach, Step};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "AGENT-006",
    slug: "agent-jobs-writable",
    title: "Somebody without sysadmin decides what SQL Server Agent runs for administrators",
    severity: Severity::Critical,
    facts: &[
        Fact::Databases,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
    ],
    master_facts: &[],
    msdb_facts: &[
        Fact::DatabasePrincipals,
        Fact::DatabaseRoleMembers,
        Fact::DatabasePermissions,
        Fact::Objects,
    ],
    controls: &["nist-800-53r5:CM-5(1)"],
    attack: &["T1053.005"],
    source: include_str!("agent_jobs_writable.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.is_excluded(MSDB) {
        return judgement.does_not_arise("the inventory excludes msdb");
    }
    let graph = case.graph();
    if !graph.has_agent() {
        return judgement.does_not_arise("Express has no Agent");
    }
    let msdb = graph
        .msdb()
        .and_then(|db| Some((db, graph.index().database(db)?)));
    // Of a database without facts it is said for the rule.
    let Some((db, database)) = msdb else {
        return;
    };
    let is_meant = |edge: &Edge| is_by_permission(edge.step);
    let to_dbo = Reach::by(graph, Node::Inside(db), Some(Node::Sysadmin), is_meant);
    let writers = Dbo {
        case,
        place: Node::Sysadmin,
        what: "what SQL Server Agent runs is",
        gain: None,
        database,
        counts_nobody: false,
    };
    if !writers.judge_by(judgement, |edge| {
        edge.step == Step::MsdbWriter && to_dbo.way(edge.from).is_none()
    }) {
        judgement.pass();
    }
}
