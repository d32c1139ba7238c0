//! What it checks: members of sysadmin, through nested roles too, whom the inventory's expectations do not name. Names are
//! compared without case, as most servers do. Expected without being named are sa, told by its id whatever it is
//! called now, and the service accounts that setup itself makes sysadmin: NT SERVICE\SQLWriter, NT SERVICE\Winmgmt and
//! this instance's own engine and Agent (MSSQLSERVER and SQLSERVERAGENT, or MSSQL$NAME and SQLAgent$NAME), each only
//! with the sid of a service. A member whose name is hidden is unknown. Without an expectation in the inventory
//! nothing is judged.
//!
//! Why it matters: a sysadmin can switch on every command channel and run it as the service account.
//!
//! How to fix: ALTER SERVER ROLE sysadmin DROP MEMBER [name]; -- or add the name to the expectation, with a reason.
//!
//! When it is fine: when the login is expected: say so in the inventory. Logins that hold CONTROL SERVER without being
//! in the role are as strong: see xp-cmdshell-granted.
//!
//! References: docs: server-level roles, sys.server_role_members, service accounts; STIG V-271350; PCI DSS 4.0.1 7.2.4;
//! Microsoft VA2114

use super::case::SA;
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject};
use crate::ids::PrincipalId;
use crate::snapshot::{Fact, ServerPrincipal};

pub(super) static RULE: Rule = Rule {
    id: "PRIV-001",
    slug: "unexpected-sysadmin",
    title: "A sysadmin nobody expects",
    severity: Severity::High,
    facts: &[Fact::ServerPrincipals, Fact::ServerRoleMembers],
    master_facts: &[],
    controls: &[
        "stig-2022:V-271350",
        "nist-800-53r5:CM-5(1)",
        "pci-4.0.1:7.2.4",
        "ms-va:VA2114",
    ],
    attack: &["T1505.001", "T1078"],
    source: include_str!("unexpected_sysadmin.rs"),
    check,
};

/// How the sid of every virtual service account begins: S-1-5-80.
const SERVICE_SID: &str = "0x010600000000000550000000";

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let Some(expected) = case.expected_sysadmins else {
        return judgement.not_applicable("the inventory does not say who is expected in sysadmin");
    };
    for member in case.sysadmins() {
        if member == SA {
            judgement.pass();
            continue;
        }
        match case.login(member) {
            // A nested role gives what it has to its members, and they are judged themselves.
            Some(login) if login.r#type == "R" => {}
            Some(login) if is_expected(case, expected, login) => judgement.pass(),
            Some(login) => report(case, login, judgement),
            None => unknown(member, judgement),
        }
    }
    let server = &case.snapshot.server;
    let role = || Subject::server("principal", "sysadmin");
    let members = &server.server_role_members;
    if !judgement.unless_settled(role(), "server_role_members", None, members) {
        let principals = &server.server_principals;
        judgement.unless_settled(role(), "server_principals", None, principals);
    }
}

fn is_expected(case: &Case<'_>, expected: &[String], login: &ServerPrincipal) -> bool {
    let name = login.name.to_lowercase();
    expected.iter().any(|e| e.to_lowercase() == name) || is_own_service(case, login)
}

/// The accounts that setup puts into sysadmin. The name alone proves nothing: a group of that name
/// on another authority would do.
fn is_own_service(case: &Case<'_>, login: &ServerPrincipal) -> bool {
    let identity = case.snapshot.server.server_identity.known();
    let instance = identity.and_then(|i| i.instance_name.as_deref());
    let own = match instance {
        None => ["MSSQLSERVER".to_owned(), "SQLSERVERAGENT".to_owned()],
        Some(name) => [format!("MSSQL${name}"), format!("SQLAgent${name}")],
    };
    let services = own
        .iter()
        .map(String::as_str)
        .chain(["SQLWriter", "Winmgmt"]);
    let is_service = login.r#type == "U"
        && login
            .sid
            .as_deref()
            .is_some_and(|sid| sid.starts_with(SERVICE_SID));
    is_service
        && services
            .map(|service| format!("NT SERVICE\\{service}"))
            .any(|name| name.eq_ignore_ascii_case(&login.name))
}

fn report(case: &Case<'_>, login: &ServerPrincipal, judgement: &mut Judgement) {
    let group = match login.r#type.as_str() {
        "G" => ", a Windows group whose members are not in the catalog",
        "X" => ", an external group whose members are not in the catalog",
        _ => "",
    };
    let rows = case.snapshot.server.server_role_members.seen().iter();
    let membership = rows.filter(|m| m.member_principal_id == login.principal_id);
    let evidence = std::iter::once(Evidence::row("server_principals", None, login))
        .chain(membership.map(|row| Evidence::row("server_role_members", None, row)));
    let name = &login.name;
    judgement.fail(
        Subject::server("principal", name),
        format!("{name} is in sysadmin and not expected there{group}"),
        evidence.collect(),
    );
}

fn unknown(member: PrincipalId, judgement: &mut Judgement) {
    let missing = Missing {
        fact: "server_principals".to_owned(),
        database: None,
        needs: vec![format!("the name of server principal {member}")],
    };
    let subject = Subject::server("principal", format!("server principal {member}"));
    judgement.unknown(subject, vec![missing]);
}
