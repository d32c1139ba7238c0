//! What it checks: a permission at the server, on a login, an endpoint or an availability group is granted to public,
//! besides those that come with the server: VIEW ANY DATABASE, and CONNECT on the endpoints that setup makes.
//!
//! Why it matters: every login has it, those of applications that only connect among them.
//!
//! How to fix: REVOKE … FROM public; -- then grant it to the role that needs it.
//!
//! When it is fine: for CONNECT on an endpoint that is meant for everybody.
//!
//! References: docs: server-level roles (public), GRANT server permissions; CIS 2022 3.8; Microsoft VA1280

use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

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
const ENDPOINT: i32 = 105;
/// Setup's endpoints: shared memory, named pipes, TCP, VIA.
const OF_SETUP: std::ops::RangeInclusive<i32> = 2..=5;
/// Codes that only let one look.
const LOOKING: &[&str] = &["VWAD", "VWSS", "VWDB", "VWPD", "VWSR"];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for row in case.snapshot.server.server_permissions.seen() {
        let granted = matches!(row.state.as_str(), "G" | "W");
        if row.grantee_principal_id.0 != PUBLIC || !granted {
            continue;
        }
        let code = row.r#type.as_str();
        let shipped = (row.class == SERVER && code == "VWDB")
            || (row.class == ENDPOINT && code == "CO" && OF_SETUP.contains(&row.major_id));
        if shipped {
            judgement.pass();
            continue;
        }
        let name = row.permission_name.as_deref().unwrap_or(code);
        let on = match row.class {
            SERVER => String::new(),
            ENDPOINT => format!(" on endpoint {}", row.major_id),
            _ => format!(" on principal {}", row.major_id),
        };
        let severity = match (row.class, code) {
            (ENDPOINT, "CO") => Severity::Low,
            (_, code) if LOOKING.contains(&code) => Severity::Medium,
            _ => RULE.severity,
        };
        let message = format!("public, that is every login, holds {}{on}", named(name));
        let evidence = vec![Evidence::row("server_permissions", None, row)];
        judgement.fail_at(
            severity,
            Subject::server("permission", format!("{name}{on}")),
            message,
            evidence,
        );
    }
    judgement.nothing_there("public holds no permission at the server");
}
