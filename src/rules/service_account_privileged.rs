//! What it checks: as which account the engine and SQL Server Agent run, as far as its name tells. High: LocalSystem, or
//! an account called Administrator. Medium: NETWORK SERVICE, which other services run as too, and an account of the
//! domain or of the computer that the engine and Agent share. Whether an account is in Administrators, holds rights by
//! hand, or runs services on other computers is outside what a server shows: what passes here may be too strong all the
//! same. An account that was not seen, or whose name has no known form, is unknown. On Linux the packages run both as
//! mssql, and Azure SQL Managed Instance has no account to choose: not applicable there.
//!
//! Why it matters: commands of sysadmin run as this account. LocalSystem owns the computer, and an account that is shared
//! hands one service what the other may do.
//!
//! How to fix: give each service its own virtual account or group-managed account, in SQL Server Configuration Manager.
//!
//! When it is fine: never for LocalSystem; one domain account for engine and Agent of one instance is common, and weak.
//!
//! References: docs: configure Windows service accounts and permissions; STIG V-271358; CIS 2022 3.5, 3.6

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::graph::{FactRef, OsIdentity, Power, agent, engine};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "PRIV-011",
    slug: "service-account-privileged",
    title: "A service of SQL Server runs as a strong account",
    severity: Severity::High,
    facts: &[Fact::Host, Fact::Services],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "stig-2022-instance:V-271358",
        "nist-800-53r5:AC-6",
        "nist-800-53r5:AC-6(8)",
        "nist-800-53r5:SC-39",
        "pci-4.0.1:7.2.5",
        "iso-27001-2022:A.8.2",
        "soc2:CC5.2",
    ],
    attack: &["T1505.001", "T1078", "T1078.002", "T1134", "T1187"],
    source: include_str!("service_account_privileged.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let identity = case.snapshot.server.server_identity.known();
    if identity.is_some_and(crate::snapshot::ServerIdentity::is_managed_instance) {
        return judgement.does_not_arise("Azure SQL Managed Instance has no account to choose");
    }
    let host = case.snapshot.server.host.known();
    if host.is_some_and(|host| host.platform.eq_ignore_ascii_case("Linux")) {
        return judgement.does_not_arise("the packages for Linux run it as mssql");
    }
    let (engine, agent) = (engine(case.snapshot), agent(case.snapshot));
    judge(case, "the engine", &engine, judgement);
    // An edition without Agent lists none.
    if agent.account.is_some() {
        judge(case, "SQL Server Agent", &agent, judgement);
        shared(case, &engine, &agent, judgement);
    }
}

fn judge(case: &Case<'_>, service: &str, identity: &OsIdentity, judgement: &mut Judgement) {
    let subject = Subject::server("service", service);
    let Some(account) = identity.account.as_deref() else {
        // Of a list that is not whole it is said for the rule.
        if case.snapshot.server.services.is_settled() {
            unknown(subject, identity, judgement);
        }
        return;
    };
    let (severity, why) = match identity.power {
        Power::Administrative => (Severity::High, "which owns the computer"),
        Power::LocalUser | Power::Domain if is_administrator(account) => {
            (Severity::High, "an account of administrators by its name")
        }
        Power::Network => (Severity::Medium, "which other services run as too"),
        Power::Unknown => return unknown(subject, identity, judgement),
        _ => return judgement.pass(),
    };
    let message = format!("{service} runs as {}, {why}", named(account));
    judgement.fail_at(severity, subject, message, rows(case, identity));
}

fn is_administrator(account: &str) -> bool {
    let name = account.rsplit('\\').next().unwrap_or_default();
    let name = name.split('@').next().unwrap_or_default();
    ["Administrator", "Administrateur", "Administrador"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

/// One account of people's making for both services.
fn shared(case: &Case<'_>, engine: &OsIdentity, agent: &OsIdentity, judgement: &mut Judgement) {
    let (Some(one), Some(other)) = (engine.account.as_deref(), agent.account.as_deref()) else {
        return;
    };
    let is_own = matches!(engine.power, Power::Domain | Power::LocalUser);
    if !is_own || one.to_lowercase() != other.to_lowercase() {
        return;
    }
    let message = format!(
        "the engine and SQL Server Agent share the account {}",
        named(one)
    );
    let mut evidence = rows(case, engine);
    Evidence::extend(&mut evidence, rows(case, agent));
    let subject = Subject::server("service", "the engine and SQL Server Agent");
    judgement.fail_at(Severity::Medium, subject, message, evidence);
}

fn rows(case: &Case<'_>, identity: &OsIdentity) -> Vec<Evidence> {
    let rows = identity.evidence.iter();
    let rows = rows.filter_map(|(fact, at)| Some(FactRef::server(*fact, u32::try_from(*at).ok()?)));
    case.cited(&rows.collect::<Vec<_>>())
}

fn unknown(subject: Subject, identity: &OsIdentity, judgement: &mut Judgement) {
    let missing = Missing {
        fact: "services".to_owned(),
        database: None,
        needs: identity.why.iter().cloned().collect(),
    };
    judgement.unknown(subject, vec![missing]);
}
