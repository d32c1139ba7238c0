//! What it checks: members of sysadmin, through nested roles too, whom the inventory's expectations do not name. Names
//! are compared as the server's collation does it: without case, or with it where the collation is case-sensitive or
//! binary. Expected without being named are sa, told by its id whatever it is called now, and the service accounts that
//! setup itself makes sysadmin: NT SERVICE\SQLWriter, NT SERVICE\Winmgmt and this instance's own engine and Agent
//! (MSSQLSERVER and SQLSERVERAGENT, or MSSQL$NAME and SQLAgent$NAME), each only with the sid of a service. A member
//! whose name is hidden is unknown; so is one whom only the instance's name or the collation decides while who the
//! server is was not seen. Without an expectation in the inventory nothing is judged.
//!
//! Why it matters: a sysadmin can switch on every command channel and run it as the service account.
//!
//! How to fix: ALTER SERVER ROLE sysadmin DROP MEMBER [name]; -- or add the name to the expectation, with a reason.
//!
//! When it is fine: when the login is expected: say so in the inventory. Logins that hold CONTROL SERVER without being
//! in the role are as strong: see control-server-granted.
//!
//! References: docs: server-level roles, sys.server_role_members, service accounts; STIG V-271350; PCI DSS 4.0.1 7.2.4;
//! Microsoft VA2114

use super::case::{SA, SYSADMIN, rows_between};
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::{Fact, ServerIdentity, ServerPrincipal};

pub(super) static RULE: Rule = Rule {
    id: "PRIV-001",
    slug: "unexpected-sysadmin",
    title: "A sysadmin nobody expects",
    severity: Severity::High,
    facts: &[
        Fact::ServerIdentity,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2022:3.12",
        "stig-2022-instance:V-271334",
        "stig-2022-instance:V-271341",
        "stig-2022-instance:V-271350",
        "nist-800-53r5:AC-2",
        "nist-800-53r5:AC-6",
        "nist-800-53r5:AC-6(1)",
        "nist-800-53r5:AC-6(5)",
        "nist-800-53r5:AC-6(7)",
        "nist-800-53r5:AU-9",
        "nist-800-53r5:AU-9(4)",
        "nist-800-53r5:CM-5",
        "nist-800-53r5:CM-5(1)",
        "pci-4.0.1:7.2.2",
        "pci-4.0.1:7.2.4",
        "pci-4.0.1:10.3.2",
        "iso-27001-2022:A.5.18",
        "iso-27001-2022:A.8.2",
        "soc2:CC5.2",
        "soc2:CC6.1",
        "soc2:CC6.3",
        "ms-va:VA2114",
    ],
    attack: &["T1505.001", "T1078", "T1098"],
    source: include_str!("unexpected_sysadmin.rs"),
    check,
};

/// How the sid of every virtual service account begins: S-1-5-80.
const SERVICE_SID: &str = "0x010600000000000550000000";

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let Some(expected) = case.expected_sysadmins else {
        return judgement.does_not_arise("the inventory does not say who is expected in sysadmin");
    };
    for member in case.sysadmins() {
        if member == SA {
            judgement.pass();
            continue;
        }
        match case.login(member) {
            // A nested role gives what it has to its members, and they are judged themselves.
            Some(login) if login.r#type == "R" => {}
            Some(login) => match standing(case, expected, login) {
                Standing::Expected => judgement.pass(),
                Standing::Unexpected => report(case, login, judgement),
                Standing::Unseen(what) => {
                    let identity = &case.snapshot.server.server_identity;
                    let missing = Missing::of("server_identity", None, identity, what);
                    let subject = Subject::server("principal", &login.name);
                    judgement.unknown(subject, vec![missing]);
                }
            },
            None => {
                let (subject, missing) = case.hidden_login(member);
                judgement.unknown(subject, vec![missing]);
            }
        }
    }
}

/// Whether somebody is expected.
enum Standing {
    Expected,
    Unexpected,
    /// That depends on something about the server that was not seen.
    Unseen(&'static str),
}

fn standing(case: &Case<'_>, expected: &[String], login: &ServerPrincipal) -> Standing {
    let identity = case.snapshot.server.server_identity.known();
    match by_name(identity, expected, login) {
        Standing::Unexpected => own_service(identity, login),
        decided => decided,
    }
}

fn by_name(
    identity: Option<&ServerIdentity>,
    expected: &[String],
    login: &ServerPrincipal,
) -> Standing {
    if expected.contains(&login.name) {
        return Standing::Expected;
    }
    let name = login.name.to_lowercase();
    if !expected.iter().any(|e| e.to_lowercase() == name) {
        return Standing::Unexpected;
    }
    match identity.filter(|i| i.collation.is_some()) {
        None => Standing::Unseen("the server's collation"),
        Some(server) if server.is_case_sensitive() => Standing::Unexpected,
        Some(_) => Standing::Expected,
    }
}

/// Whether it is one of the accounts that setup puts into sysadmin. The name alone proves nothing: a
/// group of that name on another authority would do.
fn own_service(identity: Option<&ServerIdentity>, login: &ServerPrincipal) -> Standing {
    let sid = login.sid.as_deref().unwrap_or_default();
    let Some(service) = virtual_account(&login.name) else {
        return Standing::Unexpected;
    };
    if login.r#type != "U" || !sid.starts_with(SERVICE_SID) {
        return Standing::Unexpected;
    }
    let is = |name: &str| service.eq_ignore_ascii_case(name);
    if is("SQLWriter") || is("Winmgmt") {
        return Standing::Expected;
    }
    let (product, instance) = match service.split_once('$') {
        None => (service, None),
        Some((product, instance)) => (product, Some(instance)),
    };
    let products = if instance.is_some() {
        ["MSSQL", "SQLAgent"]
    } else {
        ["MSSQLSERVER", "SQLSERVERAGENT"]
    };
    if !products
        .iter()
        .any(|name| product.eq_ignore_ascii_case(name))
    {
        return Standing::Unexpected;
    }
    let Some(server) = identity else {
        return Standing::Unseen("the instance's name");
    };
    let own = server.instance_name.as_deref().map(str::to_lowercase);
    if own == instance.map(str::to_lowercase) {
        Standing::Expected
    } else {
        Standing::Unexpected
    }
}

/// The service of a virtual account, `NT SERVICE\name`.
fn virtual_account(name: &str) -> Option<&str> {
    let (authority, service) = name.split_once('\\')?;
    authority
        .eq_ignore_ascii_case("NT SERVICE")
        .then_some(service)
}

fn report(case: &Case<'_>, login: &ServerPrincipal, judgement: &mut Judgement) {
    let group = match login.r#type.as_str() {
        "G" => ", a Windows group whose members are not in the catalog",
        "X" => ", an external group whose members are not in the catalog",
        _ => "",
    };
    let members = case.snapshot.server.server_role_members.seen();
    let membership = rows_between(members, login.principal_id, SYSADMIN).into_iter();
    let evidence = std::iter::once(Evidence::row("server_principals", None, login))
        .chain(membership.map(|row| Evidence::row("server_role_members", None, row)));
    judgement.fail(
        Subject::server("principal", &login.name),
        format!(
            "{} is in sysadmin and not expected there{group}",
            named(&login.name)
        ),
        evidence.collect(),
    );
}
