//! What it checks: who besides sysadmin may execute xp_cmdshell: EXECUTE or CONTROL in master on the procedure, on the
//! schema sys or on the whole database, given to users, to roles (with their members, through any nesting), to public
//! or guest, and membership of db_owner, which covers it. A DENY on any of these, to the grantee, to a role it is in or
//! to public, takes a grant back, with one exception: whoever holds CONTROL on master as a database, or is in db_owner,
//! can act as dbo, whom no DENY binds, so only a DENY of CONTROL on the database counts for them. Nothing is taken back
//! from sysadmin and dbo, and nothing they hold is a finding. CONTROL SERVER covers it too: see control-server-granted.
//! Principals of certificates and keys do not count, since nobody connects as one (setup itself gives EXECUTE in
//! master to ##MS_AgentSigningCertificate##). What is seen to be granted is a finding unless something seen takes it
//! back. public and guest are critical, also where guest is a member of the role; a role without members is low. A
//! grantee whose name is hidden is unknown. Linux and Azure SQL Managed Instance do not have xp_cmdshell: not applicable
//! there.
//!
//! Why it matters: sysadmin does not need the grant. Whoever has it runs commands as the proxy account as soon as
//! xp_cmdshell runs and the proxy credential exists.
//!
//! How to fix: REVOKE EXECUTE ON xp_cmdshell FROM [name]; in master. ALTER ROLE [role] DROP MEMBER [name]; where that is
//! the way.
//!
//! When it is fine: an application account that needs one command; better give it a signed procedure or an Agent job.
//!
//! References: docs: xp_cmdshell, GRANT system object permissions, permissions (algorithm); Microsoft VA1017

use std::collections::BTreeMap;

use super::granted::{Grantee, judge_grants, unseen_grantee};
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject};
use crate::graph::{Class, Granted};
use crate::ids::PrincipalId;
use crate::snapshot::{Fact, SystemExtendedProcedure};

pub(super) static RULE: Rule = Rule {
    id: "PRIV-002",
    slug: "xp-cmdshell-granted",
    title: "xp_cmdshell may be executed without being sysadmin",
    severity: Severity::Critical,
    facts: &[
        Fact::Host,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
    ],
    master_facts: &[
        Fact::SystemExtendedProcedures,
        Fact::DatabasePermissions,
        Fact::DatabasePrincipals,
        Fact::DatabaseRoleMembers,
    ],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AC-3",
        "nist-800-53r5:AC-6",
        "nist-800-53r5:AC-6(10)",
        "nist-800-53r5:CM-7(2)",
        "pci-4.0.1:7.3.3",
        "iso-27001-2022:A.8.18",
        "soc2:CC6.3",
        "ms-va:VA1017",
        "ms-va:VA2103",
    ],
    attack: &["T1505.001", "T1059.003"],
    source: include_str!("xp_cmdshell_granted.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.without_xp_cmdshell(judgement) || case.master_is_excluded(judgement) {
        return;
    }
    // Of a database without facts it is said for the rule.
    let Some(master) = case.master() else {
        return;
    };
    let procedures = &case.snapshot.server.system_extended_procedures;
    let mut shipped = procedures.seen().iter();
    let is_it = |p: &&SystemExtendedProcedure| {
        p.object_id < 0 && p.name.eq_ignore_ascii_case("xp_cmdshell")
    };
    let procedure = shipped.find(is_it);
    if procedure.is_none() && procedures.is_settled() {
        let fact = "system_extended_procedures";
        let missing = Missing::new(fact, Some(&master.name), "the row of xp_cmdshell");
        judgement.unknown(Subject::instance(), vec![missing]);
    }
    judge_grants(case, judgement, grants(case, procedure), |granted, who| {
        let row = procedure.filter(|_| granted.on == Some(Class::Object));
        let covers = row.map_or(", which covers xp_cmdshell", |_| "");
        let (right, through) = (&granted.right, who.through());
        let message = format!("{} holds {right}{covers}{through}", who.named());
        let fact = "system_extended_procedures";
        let row = row.map(|row| Evidence::row(fact, Some(&master.name), row));
        (message, row.into_iter().collect())
    });
}

/// Everything that a grantee holds as one, what is given on the procedure itself first. What a DENY takes back helps
/// nobody.
fn grants(case: &Case<'_>, procedure: Option<&SystemExtendedProcedure>) -> Vec<Granted> {
    let procedure = procedure.map(|row| row.object_id);
    let mut grants = case.graph().granted_to_execute_shipped(procedure);
    grants.retain(|granted| {
        unseen_grantee(case, granted).is_some() || Grantee::of(case, granted).is_some()
    });
    grants.sort_by_key(|granted| granted.on != Some(Class::Object));
    let mut by_grantee: BTreeMap<PrincipalId, Granted> = BTreeMap::new();
    for granted in grants {
        let all = match by_grantee.remove(&granted.grantee) {
            Some(others) => others.and(granted),
            None => granted,
        };
        by_grantee.insert(all.grantee, all);
    }
    by_grantee.into_values().collect()
}
