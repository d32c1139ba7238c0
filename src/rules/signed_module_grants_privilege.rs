//! What it checks: modules signed by a certificate or asymmetric key whose login is in sysadmin or holds CONTROL SERVER,
//! and who may run them: by EXECUTE on them, on their schema or database, by db_owner, by owning them or their database.
//! DENY counts. public, and guest where it may enter, are critical, others high; a module that administrators alone run,
//! or a role without members, is low. Counter-signatures give nothing by themselves. Modules that SQL Server ships signed
//! by a key of its own (##MS_…##, marked as shipped) do not count. Who runs a module that calls a signed one is not
//! followed: see public-can-execute-command-module for what everybody reaches.
//!
//! Why it matters: what the module does is done with the login's rights, whoever runs it. A parameter that gets into a
//! text that it executes is enough.
//!
//! How to fix: sign with a key whose login holds the one permission that the module needs; DROP SIGNATURE FROM
//! [schema].[module] BY CERTIFICATE [name]; DENY nothing: a DENY does not bind sysadmin.
//!
//! When it is fine: where the module takes no text, its code is reviewed, and who runs it is known.
//!
//! References: docs: ADD SIGNATURE, signing stored procedures with a certificate; Microsoft VA2129

use super::granted::Grantee;
use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::graph::{FactRef, Key, Signers};
use crate::ids::PrincipalId;
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "TRUST-003",
    slug: "signed-module-grants-privilege",
    title: "A signature gives a module a privileged login's rights",
    severity: Severity::Critical,
    facts: &[
        Fact::Databases,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
        Fact::DatabasePrincipals,
        Fact::DatabaseRoleMembers,
        Fact::DatabasePermissions,
        Fact::Schemas,
        Fact::Objects,
        Fact::Modules,
        Fact::AssemblyModules,
        Fact::CryptProperties,
        Fact::Certificates,
        Fact::AsymmetricKeys,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:AC-6(8)"],
    attack: &["T1505.001", "T1548"],
    source: include_str!("signed_module_grants_privilege.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let graph = case.graph();
    let signers = Signers::new(graph.index());
    let mut last = None;
    for (key, (login, facts)) in signers.all() {
        let Some(power) = graph.is_privileged(*login).filter(|_| last != Some(key)) else {
            continue;
        };
        if is_shipped(case, key, *login) {
            continue;
        }
        last = Some(key);
        let rows: Vec<FactRef> = facts.iter().chain(&power).copied().collect();
        report(case, key, *login, &rows, judgement);
    }
    judgement.nothing_there("no module is signed by a key with a privileged login");
}

/// Setup's own key on setup's own module. Each by itself can be made up, and being marked as shipped is reported.
fn is_shipped(case: &Case<'_>, key: Key, login: PrincipalId) -> bool {
    let object = case.graph().index().object(key);
    let login = case.login(login);
    object.is_some_and(|object| object.is_ms_shipped == Some(true))
        && login.is_some_and(|login| login.name.starts_with("##MS_"))
}

fn report(
    case: &Case<'_>,
    key: Key,
    login: PrincipalId,
    rows: &[FactRef],
    judgement: &mut Judgement,
) {
    let graph = case.graph();
    let Some(facts) = graph.index().database(key.0) else {
        return;
    };
    let name = facts.object_name(key.1);
    let mut evidence = case.cited(rows);
    let own = graph.index().module_fact(key);
    Evidence::extend(&mut evidence, case.cited(&own));
    let (mut worst, mut says) = (Severity::Low, Vec::new());
    for granted in graph.granted_to_run(key) {
        if let Some(grantee) = Grantee::of(case, &granted) {
            worst = worst.max(grantee.severity());
            Evidence::extend(&mut evidence, grantee.evidence());
            let said = format!("{}{}", grantee.named(), grantee.through());
            if !says.contains(&said) {
                says.push(said);
            }
        }
    }
    let runners = if says.is_empty() {
        "administrators alone".to_owned()
    } else {
        says.join("; ")
    };
    let message = format!(
        "{} of {} has the rights of {}, whose key signed it, and may be run by {runners}",
        named(&name),
        named(facts.name.as_str()),
        case.login_named(login)
    );
    judgement.fail_at(
        worst,
        Subject::within("module", &facts.name, name),
        message,
        evidence,
    );
}
