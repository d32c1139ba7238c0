//! What it checks: a certificate or asymmetric key whose login is in sysadmin or holds CONTROL SERVER lies in a database
//! with its private half, under the master key or the service key and no password of its own. High where somebody who is
//! no administrator is dbo there, or has CONTROL on the key and may write a module; low where nobody is.
//!
//! Why it matters: who may use the key signs a module of his own with it, and the module has the login's rights. No
//! signed module need be there yet.
//!
//! How to fix: ALTER CERTIFICATE [name] REMOVE PRIVATE KEY; or ALTER ASYMMETRIC KEY [name] REMOVE PRIVATE KEY; keep it in
//! a safe place besides, and bring it back to sign.
//!
//! When it is fine: in a database whose dbo is an administrator of the server. A private half under a password is known to
//! whoever knows that, and is not judged here.
//!
//! References: docs: ADD SIGNATURE, sys.certificates, sys.asymmetric_keys, signing stored procedures with a certificate

use super::reached::{Reached, Whom};
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::graph::{Class, Db, LoginKey};
use crate::snapshot::{DatabaseFacts, Fact};

pub(super) static RULE: Rule = Rule {
    id: "TRUST-010",
    slug: "privileged-key-left-in-database",
    title: "A key that signs with a privileged login's rights lies in a database",
    severity: Severity::High,
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
        Fact::Triggers,
        Fact::Modules,
        Fact::Certificates,
        Fact::AsymmetricKeys,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:AC-6(8)"],
    attack: &["T1505.001", "T1548"],
    source: include_str!("privileged_key_left_in_database.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let graph = case.graph();
    for (db, facts) in graph.index().databases() {
        for key in graph.login_keys(db) {
            if graph.is_privileged(key.login).is_none() {
                judgement.not_applicable("a key whose login is not privileged");
                continue;
            }
            match key.private.as_str() {
                "NA" | "PW" => judgement.pass(),
                "MK" | "SK" => report(case, (db, facts), &key, judgement),
                _ => {
                    let (fact, _) = words(&key);
                    let need = "how the private half is kept";
                    let missing = Missing::new(fact, Some(&facts.name), need);
                    judgement.unknown(subject(facts, &key), vec![missing]);
                }
            }
        }
    }
    judgement.nothing_there("no key of a database has a login");
}

fn words(key: &LoginKey) -> (&'static str, &'static str) {
    match key.key.class {
        Class::Certificate => ("certificates", "certificate"),
        _ => ("asymmetric_keys", "asymmetric key"),
    }
}

fn subject(facts: &DatabaseFacts, key: &LoginKey) -> Subject {
    Subject::within(&words(key).1.replace(' ', "_"), &facts.name, &key.name)
}

fn report(
    case: &Case<'_>,
    (db, facts): (Db, &DatabaseFacts),
    key: &LoginKey,
    judgement: &mut Judgement,
) {
    let graph = case.graph();
    let power = graph.is_privileged(key.login).unwrap_or_default();
    let edges = graph.signing_own(db, key);
    let mut rows = vec![key.fact];
    rows.extend(power.iter());
    rows.extend(edges.iter().flat_map(|edge| edge.facts.iter()));
    let mut evidence = case.cited(&rows);
    let reached = edges
        .iter()
        .filter_map(|edge| Reached::of(case, edge.from))
        .filter(|reached| reached.whom != Whom::Nobody)
        .reduce(|worst, other| {
            if other.whom > worst.whom {
                other
            } else {
                worst
            }
        });
    let (severity, by) = match &reached {
        Some(reached) => {
            Evidence::extend(&mut evidence, reached.evidence.iter().cloned());
            let how: Vec<String> = reached
                .chain
                .iter()
                .map(|step| format!("; {step}"))
                .collect();
            let by = format!("{}{}", reached.who(graph), how.concat());
            (reached.severity().min(RULE.severity), by)
        }
        None => (Severity::Low, "administrators alone".to_owned()),
    };
    let message = format!(
        "{} {} of {} signs with the rights of {}, and its private half lies there without a password: within reach of {by}",
        words(key).1,
        named(&key.name),
        named(facts.name.as_str()),
        case.login_named(key.login),
    );
    judgement.fail_at(severity, subject(facts, key), message, evidence);
}
