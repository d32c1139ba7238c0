//! What it checks: a permission at the server, on a login, an endpoint or an availability group is granted to public,
//! besides those that come with the server: VIEW ANY DATABASE, and CONNECT on the endpoints that setup makes. Low where
//! it only lets one connect, medium where it only lets one look.
//!
//! Why it matters: every login has it, those of applications that only connect among them.
//!
//! How to fix: REVOKE … FROM public; -- then grant it to the role that needs it.
//!
//! When it is fine: for CONNECT on an endpoint that is meant for everybody.
//!
//! References: docs: server-level roles (public), GRANT server permissions; CIS 2022 3.8; Microsoft VA1280

use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::ids::PrincipalId;
use crate::snapshot::{Fact, Permission};

pub(super) static RULE: Rule = Rule {
    id: "PRIV-020",
    slug: "public-server-permission",
    title: "Everybody holds a server permission that is not shipped",
    severity: Severity::High,
    facts: &[Fact::ServerPermissions],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "cis-2016:3.8",
        "cis-2017:3.8",
        "cis-2019:3.8",
        "cis-2022:3.8",
        "nist-800-53r5:AC-3",
        "nist-800-53r5:AC-6",
        "nist-800-53r5:AC-6(10)",
        "pci-4.0.1:7.2.2",
        "pci-4.0.1:7.3.1",
        "pci-4.0.1:7.3.3",
        "iso-27001-2022:A.8.3",
        "soc2:CC6.1",
        "ms-va:VA1280",
    ],
    attack: &["T1078", "T1548"],
    source: include_str!("public_server_permission.rs"),
    check,
};

/// The server's public.
const PUBLIC: i32 = 2;
const SERVER: i32 = 100;
const PRINCIPAL: i32 = 101;
const ENDPOINT: i32 = 105;
/// Setup's endpoints: shared memory, named pipes, TCP, VIA.
const OF_SETUP: std::ops::RangeInclusive<i32> = 2..=5;
/// Codes that let one in, which most logins may anyhow.
const ENTERING: &[&str] = &["CO", "COSQ"];
/// Codes that only let one look; not that of what is kept encrypted, password hashes among it.
const LOOKING: &[&str] = &[
    "VW", "VWAD", "VWSS", "VWDB", "VAS", "VAP", "VSP", "VSS", "VSSA", "VEL",
];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for row in case.snapshot.server.server_permissions.seen() {
        let granted = matches!(row.state.as_str(), "G" | "W");
        if row.grantee_principal_id.0 == PUBLIC && granted {
            judge(case, row, judgement);
        }
    }
    judgement.nothing_there("public holds no permission at the server");
}

fn judge(case: &Case<'_>, row: &Permission, judgement: &mut Judgement) {
    let code = row.r#type.as_str();
    let shipped = (row.class == SERVER && code == "VWDB")
        || (row.class == ENDPOINT && code == "CO" && OF_SETUP.contains(&row.major_id));
    // What public may pass on is nobody's default.
    if shipped && row.state == "G" {
        return judgement.pass();
    }
    let severity = match code {
        code if ENTERING.contains(&code) => Severity::Low,
        code if LOOKING.contains(&code) => Severity::Medium,
        _ => RULE.severity,
    };
    let name = row.permission_name.as_deref().unwrap_or(code);
    let on = securable(case, row).map(|(kind, name)| format!(" on {kind} {}", named(&name)));
    let on = on.unwrap_or_default();
    let message = format!("public, that is every login, holds {}{on}", named(name));
    let evidence = vec![Evidence::row("server_permissions", None, row)];
    let subject = Subject::server("permission", format!("{name}{on}"));
    judgement.fail_at(severity, subject, message, evidence);
}

/// What a permission is on, in words; its number where its name was not seen. `None` for the server itself.
fn securable(case: &Case<'_>, row: &Permission) -> Option<(&'static str, String)> {
    let id = row.major_id;
    let server = &case.snapshot.server;
    let (kind, name) = match row.class {
        SERVER => return None,
        PRINCIPAL => {
            let principal = case.login(PrincipalId(id));
            let is_role = principal.is_some_and(|principal| principal.r#type == "R");
            let kind = if is_role { "server role" } else { "login" };
            (kind, principal.map(|principal| &principal.name))
        }
        ENDPOINT => {
            let endpoints = server.endpoints.seen().iter();
            let endpoint = endpoints.into_iter().find(|row| row.endpoint_id == id);
            ("endpoint", endpoint.map(|endpoint| &endpoint.name))
        }
        _ => ("securable", None),
    };
    let number = || format!("{id} of class {}", row.class);
    Some((kind, name.cloned().unwrap_or_else(number)))
}
