//! Ways to run a job step outside T-SQL without being an administrator.

use std::collections::BTreeSet;

use super::super::build::Graph;
use super::super::channel::Channel;
use super::super::fact::FactRef;
use super::super::index::{Db, Scope};
use super::super::node::Node;
use super::super::step::{Edge, Facts, Step};
use crate::ids::PrincipalId;
use crate::snapshot::{Fact, Proxy};

/// Roles of msdb whose members make jobs; each of the later ones is a member of the first by setup.
const AGENT_ROLES: &[&str] = &[
    "SQLAgentUserRole",
    "SQLAgentReaderRole",
    "SQLAgentOperatorRole",
];

/// Procedures of msdb that put a step into a job of one's own.
const JOB_PROCEDURES: &[&str] = &["sp_add_jobstep", "sp_update_jobstep"];

/// Channel and subsystem.
const SUBSYSTEMS: &[(Channel, &str)] = &[
    (Channel::AgentCmdExec, "CmdExec"),
    (Channel::AgentPowerShell, "PowerShell"),
    (Channel::AgentSsis, "SSIS"),
    (Channel::AgentActiveX, "ActiveScripting"),
];

impl Graph<'_> {
    /// Members of an Agent role, and whoever may execute its procedures, who are granted an enabled proxy for the
    /// channel's subsystem.
    pub(in super::super) fn proxied(&self, channel: Channel) -> Vec<Edge> {
        let Some(msdb) = self.msdb else {
            return Vec::new();
        };
        let (makers, proxies) = (self.job_makers(msdb), self.proxies_of(channel));
        let mut edges = Vec::new();
        for (proxy, facts) in proxies {
            for (user, grant) in self.granted(msdb, proxy) {
                let Some((_, membership)) = makers.iter().find(|(maker, _)| *maker == user) else {
                    continue;
                };
                let rows = facts.iter().chain([&grant]).chain(membership).copied();
                edges.push(Edge::new(Node::user(msdb, user), Step::AgentProxy, rows));
            }
        }
        // dbo of msdb may make jobs with every proxy, and does more: see the ways to sysadmin.
        edges
    }

    /// Enabled proxies for the channel's subsystem, with the rows that say so.
    fn proxies_of(&self, channel: Channel) -> Vec<(&Proxy, Facts)> {
        let server = &self.index.snapshot.server;
        let Some((_, subsystem)) = SUBSYSTEMS.iter().find(|(c, _)| *c == channel) else {
            return Vec::new();
        };
        let mut subsystems = server.subsystems.seen().iter();
        let known = subsystems.find(|s| s.subsystem.eq_ignore_ascii_case(subsystem));
        let id = known.map_or_else(|| fixed_id(channel), |s| Some(s.subsystem_id));
        let mut found = Vec::new();
        for (at, proxy) in (0..).zip(server.proxies.seen()) {
            let own = |row: &crate::snapshot::ProxySubsystem| {
                row.proxy_id == proxy.proxy_id && Some(row.subsystem_id) == id
            };
            let rows = server.proxy_subsystems.seen();
            let row = (0..).zip(rows).find(|(_, row)| own(row));
            if let (true, Some((row, _))) = (proxy.enabled != 0, row) {
                let facts = [
                    FactRef::server(Fact::Proxies, at),
                    FactRef::server(Fact::ProxySubsystems, row),
                ];
                found.push((proxy, facts.into_iter().collect()));
            }
        }
        found
    }

    /// Users of msdb to whom a proxy is granted, each with the row.
    fn granted(&self, msdb: Db, proxy: &Proxy) -> Vec<(PrincipalId, FactRef)> {
        let rows = self.index.snapshot.server.proxy_logins.seen();
        let mut found = Vec::new();
        for (at, row) in (0..).zip(rows) {
            let Some(sid) = row
                .sid
                .as_deref()
                .filter(|_| row.proxy_id == proxy.proxy_id)
            else {
                continue;
            };
            let fact = FactRef::server(Fact::ProxyLogins, at);
            for user in self.users_of_grant(msdb, sid, row.flags) {
                found.push((user, fact));
            }
        }
        found
    }

    fn users_of_grant(&self, msdb: Db, sid: &str, flags: i32) -> BTreeSet<PrincipalId> {
        const TO_MSDB_ROLE: i32 = 2;
        let scope = Scope::Database(msdb);
        if flags == TO_MSDB_ROLE {
            let role = self.index.scope(scope).with_sid(sid);
            return role.map_or_else(BTreeSet::new, |role| self.index.below(scope, role));
        }
        let Some(login) = self.login_of_sid(sid) else {
            return BTreeSet::new();
        };
        let below = self.index.below(Scope::Server, login).into_iter();
        let logins = below.filter(|login| !self.index.is_role(Scope::Server, *login));
        let entries = logins.filter_map(|login| self.index.entry(msdb, login));
        entries.map(|(user, _)| user).collect()
    }

    /// Users of msdb who may make jobs, with the rows of their way into the role or of their right.
    fn job_makers(&self, msdb: Db) -> Vec<(PrincipalId, Facts)> {
        let mut makers = self.in_agent_roles(msdb);
        let holders = JOB_PROCEDURES.iter();
        for holder in holders.flat_map(|name| self.runners_of_setup(msdb, name)) {
            let users = match holder.node {
                Node::Principal(Scope::Server, login) => {
                    let entry = self.index.entry(msdb, login);
                    entry.into_iter().map(|(user, _)| user).collect()
                }
                Node::Principal(scope, id) => self.index.below(scope, id),
                _ => BTreeSet::new(),
            };
            makers.extend(users.into_iter().map(|user| (user, holder.facts.clone())));
        }
        makers
    }

    fn in_agent_roles(&self, msdb: Db) -> Vec<(PrincipalId, Facts)> {
        let scope = Scope::Database(msdb);
        let roles = AGENT_ROLES.iter();
        let roles = roles.filter_map(|name| self.index.role_named(msdb, name));
        let mut makers: Vec<(PrincipalId, Facts)> = Vec::new();
        for role in roles {
            for user in self.index.below(scope, role) {
                if makers.iter().any(|(maker, _)| *maker == user) {
                    continue;
                }
                let above = self.index.scope(scope).roles(user);
                let inside = self.index.below(scope, role);
                let rows = above.filter(|(above, _)| inside.contains(above));
                let facts =
                    rows.map(|(_, row)| super::super::index::Index::member_fact(scope, row));
                makers.push((user, facts.collect()));
            }
        }
        makers
    }
}

/// Ids of subsystems where `syssubsystems` was not seen (docs: sp_grant_proxy_to_subsystem).
fn fixed_id(channel: Channel) -> Option<i32> {
    match channel {
        Channel::AgentActiveX => Some(2),
        Channel::AgentCmdExec => Some(3),
        Channel::AgentSsis => Some(11),
        Channel::AgentPowerShell => Some(12),
        _ => None,
    }
}
