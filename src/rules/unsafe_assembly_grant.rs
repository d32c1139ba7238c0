//! What it checks: who that is not in sysadmin holds UNSAFE ASSEMBLY or EXTERNAL ACCESS ASSEMBLY at the server, with DENY
//! taken into account; roles with their members, through any nesting and by being able to join them. public is critical,
//! people high, a role without members or a login that cannot log in low. Logins of certificates and keys are for
//! assembly-key-login; CONTROL SERVER, which covers both rights, is a finding of its own elsewhere. SQL Server on Linux
//! runs SAFE assemblies alone.
//!
//! Why it matters: with it somebody who may create an assembly in some database, his own among them, loads code that
//! leaves the database and runs in the server process as the service account. Before 2017, and while clr strict security
//! is off, nothing else is asked of an owner of a TRUSTWORTHY database.
//!
//! How to fix: REVOKE UNSAFE ASSEMBLY FROM [name]; sign the assembly, and give the right to the login of its key.
//!
//! When it is fine: a deployment account, while it deploys.
//!
//! References: docs: CREATE ASSEMBLY (permissions), clr strict security, GRANT server permissions; CIS 2022 6.2

use super::granted::unseen_holder;
use super::reached::{Reached, Whom};
use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::graph::{Holder, Node, Scope};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "CLR-003",
    slug: "unsafe-assembly-grant",
    title: "Somebody without sysadmin may load unsafe assemblies",
    severity: Severity::Critical,
    facts: &[
        Fact::Host,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AC-6(8)",
        "nist-800-53r5:CM-5(6)",
        "nist-800-53r5:CM-11(2)",
    ],
    attack: &["T1505.001"],
    source: include_str!("unsafe_assembly_grant.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.not_on_linux(judgement) {
        return;
    }
    for holder in holders(case) {
        judge(case, &holder, judgement);
    }
    judgement.pass_unless_open();
}

/// Who holds one of the two rights by its own name, each once, with the stronger first.
fn holders(case: &Case<'_>) -> Vec<Holder> {
    let mut found: Vec<Holder> = Vec::new();
    for holder in case.graph().holders_at_server("XA") {
        let by_name = matches!(holder.held.0.1, "XU" | "XA");
        let known = found.iter_mut().find(|known| known.node == holder.node);
        match known {
            _ if !by_name => {}
            Some(known) if holder.held.0.1 == "XU" => *known = holder,
            Some(_) => {}
            None => found.push(holder),
        }
    }
    found
}

/// The name of the right.
fn right(holder: &Holder) -> &'static str {
    let known = RIGHTS.iter().find(|(code, _)| *code == holder.held.0.1);
    known.map_or(RIGHTS[1].1, |(_, name)| name)
}

/// The two rights, the stronger first, by their codes.
pub(super) const RIGHTS: [(&str, &str); 2] = [
    ("XU", "UNSAFE ASSEMBLY"),
    ("XA", "EXTERNAL ACCESS ASSEMBLY"),
];

/// Whether it is the login of a certificate or key.
pub(super) fn is_key(case: &Case<'_>, node: Node) -> bool {
    let Node::Principal(Scope::Server, id) = node else {
        return false;
    };
    matches!(
        case.graph().index().kind(Scope::Server, id),
        Some("C" | "K")
    )
}

fn judge(case: &Case<'_>, holder: &Holder, judgement: &mut Judgement) {
    let graph = case.graph();
    if is_key(case, holder.node) {
        return;
    }
    if let Node::Principal(scope, id) = holder.node
        && let Some(missing) = unseen_holder(case, scope, id, right(holder))
    {
        let subject = Subject::server("principal", graph.place(holder.node).name);
        return judgement.unknown(subject, vec![missing]);
    }
    let Some(reached) = Reached::of(case, holder.node) else {
        return;
    };
    let (name, right) = (graph.place(holder.node).name, right(holder));
    let through = match reached.whom {
        Whom::Everybody => "that is every login".to_owned(),
        Whom::Nobody => "and nobody who can log in has it by that".to_owned(),
        Whom::Some if reached.chain.is_empty() => "without being an administrator".to_owned(),
        Whom::Some => format!(
            "which is within reach of {}: {}",
            reached.who(graph),
            reached.chain.join("; ")
        ),
    };
    let message = format!("{} holds {right}, {through}", named(&name));
    let mut evidence = case.cited(&holder.facts);
    Evidence::extend(&mut evidence, reached.evidence.iter().cloned());
    let subject = Subject::server("principal", name);
    judgement.fail_at(reached.severity(), subject, message, evidence);
}
