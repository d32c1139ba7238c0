//! What it checks: facts of the instance itself that could not be read, or not read whole: logins, permissions, links,
//! credentials, Agent jobs, audits, endpoints, services, what the process has loaded. Each one is a question that stays
//! open; facts that would take more than the least-privileged login holds are not counted.
//!
//! Why it matters: a list that comes back short looks like a list with nothing bad in it. SQL Server leaves rows out
//! without a word where a right is missing.
//!
//! How to fix: give the login the rights that `script login` prints for this version; `preflight` says which are
//! missing.
//!
//! When it is fine: never silently; what is out of scope is excluded in the inventory.
//!
//! References: docs: metadata visibility configuration, GRANT server permissions; ISO 27001 A.5.35

use super::{Case, Judgement, Rule, Severity, Subject};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SIGHT-002",
    slug: "instance-not-seen-whole",
    title: "A fact of the instance was not seen whole",
    severity: Severity::Medium,
    facts: &[
        Fact::ServerIdentity,
        Fact::Session,
        Fact::LoginToken,
        Fact::Host,
        Fact::Configurations,
        Fact::Databases,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
        Fact::ServerTriggers,
        Fact::ServerModules,
        Fact::TrustedAssemblies,
        Fact::SystemExtendedProcedures,
        Fact::StartupProcedures,
        Fact::ServerProperties,
        Fact::LinkedServers,
        Fact::LinkedLogins,
        Fact::Credentials,
        Fact::PrincipalCredentials,
        Fact::SqlLogins,
        Fact::ServerTriggerEvents,
        Fact::ServerEventNotifications,
        Fact::Endpoints,
        Fact::TcpEndpoints,
        Fact::ServerAudits,
        Fact::ServerFileAudits,
        Fact::ServerAuditSpecifications,
        Fact::ServerAuditSpecificationDetails,
        Fact::AuditStatus,
        Fact::Services,
        Fact::Registry,
        Fact::Connections,
        Fact::ClrAppdomains,
        Fact::ClrLoadedAssemblies,
        Fact::LoadedModules,
        Fact::ResourceGovernor,
        Fact::CryptographicProviders,
        Fact::AvailabilityGroups,
        Fact::AvailabilityReplicas,
        Fact::Jobs,
        Fact::JobSteps,
        Fact::JobServers,
        Fact::JobSchedules,
        Fact::Schedules,
        Fact::Alerts,
        Fact::Proxies,
        Fact::ProxySubsystems,
        Fact::ProxyLogins,
        Fact::Subsystems,
        Fact::Policies,
        Fact::PolicyConditions,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["iso-27001-2022:A.5.35", "soc2:CC4.1"],
    attack: &[],
    source: include_str!("instance_not_seen_whole.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for fact in RULE.facts {
        let unsettled = fact.unsettled(case.snapshot);
        if let Some(state) = unsettled.first() {
            let subject = Subject::server("fact", state.fact);
            judgement.unknown(subject, vec![state.into()]);
        } else if case.snapshot.server.state_of(fact.name()) == Some("unsupported") {
            judgement.not_applicable("this server has no such fact");
        } else {
            judgement.pass();
        }
    }
}
