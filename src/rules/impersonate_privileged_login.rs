//! What it checks: who may act by EXECUTE AS as a login that is in sysadmin or holds CONTROL SERVER: by IMPERSONATE or
//! CONTROL on that login, or by IMPERSONATE ANY LOGIN. A DENY of any of these takes it back. Whoever holds CONTROL SERVER
//! is found by control-server-granted and not here; members of sysadmin do not count, nor do logins of keys. Groups
//! cannot be impersonated; a login that is disabled can. public is critical; a role without members and a grantee that
//! is disabled are low.
//!
//! Why it matters: EXECUTE AS LOGIN = 'sa' is all it takes, and no list of sysadmin shows who can.
//!
//! How to fix: REVOKE IMPERSONATE ON LOGIN::[privileged] FROM [name]; REVOKE IMPERSONATE ANY LOGIN FROM [name];
//!
//! When it is fine: hardly ever; a service that acts as its callers needs IMPERSONATE on theirs, not on administrators'.
//!
//! References: docs: EXECUTE AS, GRANT server principal permissions, GRANT server permissions; STIG V-271350

use std::collections::BTreeMap;

use super::granted::judge_grants;
use super::{Case, Judgement, Rule, Severity};
use crate::graph::{Class, FactRef, Granted, Scope};
use crate::ids::PrincipalId;
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-005",
    slug: "impersonate-privileged-login",
    title: "A privileged login may be impersonated",
    severity: Severity::Critical,
    facts: &[
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AC-3",
        "nist-800-53r5:AC-6",
        "nist-800-53r5:AC-6(1)",
        "nist-800-53r5:AC-6(8)",
        "nist-800-53r5:AC-6(10)",
        "nist-800-53r5:AU-9",
        "nist-800-53r5:AU-10",
        "pci-4.0.1:7.2.2",
        "iso-27001-2022:A.8.2",
        "soc2:CC6.1",
        "soc2:CC6.3",
    ],
    attack: &["T1505.001", "T1548", "T1098"],
    source: include_str!("impersonate_privileged_login.rs"),
    check,
};

/// So many logins are named.
const NAMED: usize = 3;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let (grants, targets): (Vec<Granted>, Vec<Vec<PrincipalId>>) = grants(case).into_iter().unzip();
    let targets: BTreeMap<_, _> = grants.iter().map(key).zip(targets).collect();
    judge_grants(case, judgement, grants, |granted, grantee| {
        let targets = targets.get(&key(granted)).map_or(&[][..], Vec::as_slice);
        let message = format!(
            "{} holds {} and acts as {} by EXECUTE AS{}",
            grantee.named(),
            granted.right,
            list(case, targets),
            grantee.through()
        );
        let graph = case.graph();
        let power = targets.iter().take(NAMED).flat_map(|target| {
            let row = graph.index().principal_fact(Scope::Server, *target);
            let power = graph.is_privileged(*target).unwrap_or_default();
            row.into_iter().chain(power)
        });
        (message, case.cited(&power.collect::<Vec<_>>()))
    });
}

/// A grant by its grantee and the row that gives it.
fn key(granted: &Granted) -> (PrincipalId, Option<FactRef>) {
    (granted.grantee, granted.facts.first().copied())
}

/// Each grant with the privileged logins that it reaches. Who is privileged without it gains nothing by it.
fn grants(case: &Case<'_>) -> Vec<(Granted, Vec<PrincipalId>)> {
    let graph = case.graph();
    let mut found: BTreeMap<_, (Granted, Vec<PrincipalId>)> = BTreeMap::new();
    for target in graph.privileged_people() {
        for mut granted in graph.granted_on_login(target, "IM") {
            if granted.on == Some(Class::Server) && granted.code == "CL" {
                continue;
            }
            let reaches = &mut granted.reaches;
            for people in [&mut reaches.people, &mut reaches.asleep] {
                people.retain(|id| graph.is_privileged(*id).is_none());
            }
            let entry = found.entry(key(&granted));
            let (_, targets) = entry.or_insert_with(|| (granted, Vec::new()));
            targets.push(target);
        }
    }
    found.into_values().collect()
}

fn list(case: &Case<'_>, targets: &[PrincipalId]) -> String {
    let names = targets.iter().take(NAMED).map(|id| case.login_named(*id));
    let names = names.collect::<Vec<_>>().join(", ");
    match targets.len().saturating_sub(NAMED) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}
