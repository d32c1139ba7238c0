//! What it checks: members of sysadmin, through nested roles too, whom the inventory's expectations do not name. sa is
//! always expected; a server principal whose name is hidden is unknown.
//!
//! Why it matters: a sysadmin can switch on every command channel and run it as the service account.
//!
//! How to fix: ALTER SERVER ROLE sysadmin DROP MEMBER [name]; -- or add the name to the expectation, with a reason.
//!
//! When it is fine: when the login is expected: say so in the inventory.
//!
//! References: docs: server-level roles, sys.server_role_members; STIG V-271350; PCI DSS 4.0.1 7.2.4

use super::case::SYSADMIN;
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject};
use crate::ids::PrincipalId;
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-001",
    slug: "unexpected-sysadmin",
    title: "A sysadmin nobody expects",
    severity: Severity::High,
    facts: &[Fact::ServerPrincipals, Fact::ServerRoleMembers],
    master_facts: &[],
    controls: &[
        "stig-2022:V-271350",
        "nist-800-53r5:AC-6",
        "pci-4.0.1:7.2.4",
        "ms-va:VA2114",
    ],
    attack: &["T1505.001", "T1078"],
    source: include_str!("unexpected_sysadmin.rs"),
    check,
};

const SA: PrincipalId = PrincipalId(1);

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let Some(expected) = case.expected_sysadmins else {
        return judgement.not_applicable("the inventory does not say who is expected in sysadmin");
    };
    let server = &case.snapshot.server;
    for member in case.sysadmins() {
        let Some(login) = server
            .server_principals
            .seen()
            .iter()
            .find(|p| p.principal_id == member)
        else {
            let needs = vec![format!("the name of server principal {member}")];
            let missing = Missing {
                fact: "server_principals".to_owned(),
                database: None,
                needs,
            };
            judgement.unknown(
                Subject::server("principal", format!("server principal {member}")),
                vec![missing],
            );
            continue;
        };
        // A nested role grants through its members, which are judged themselves.
        if member == SA
            || login.r#type == "R"
            || expected.iter().any(|name| same_login(name, &login.name))
        {
            judgement.pass();
            continue;
        }
        let group = if login.r#type == "G" {
            ", a Windows group whose members are not in the catalog"
        } else {
            ""
        };
        let membership = server
            .server_role_members
            .seen()
            .iter()
            .filter(|m| m.member_principal_id == member);
        let evidence = std::iter::once(Evidence::row("server_principals", None, login))
            .chain(membership.map(|row| Evidence::row("server_role_members", None, row)));
        judgement.fail(
            Subject::server("principal", &login.name),
            format!(
                "{} is in sysadmin and not expected there{group}",
                login.name
            ),
            evidence.collect(),
        );
    }
    let role = Subject::server("principal", format!("server principal {SYSADMIN}"));
    judgement.unless_settled(
        role,
        "server_role_members",
        None,
        &server.server_role_members,
    );
}

/// Windows names are the same in any case; a SQL login that differs from an expected one only in
/// case can exist on a case-sensitive server alone, and is read as the expected one.
fn same_login(expected: &str, found: &str) -> bool {
    expected.to_lowercase() == found.to_lowercase()
}
