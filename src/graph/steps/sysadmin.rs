//! Ways to the power of sysadmin.

use super::super::build::Graph;
use super::super::channel::Channel;
use super::super::fact::FactRef;
use super::super::index::{SA, SYSADMIN, Scope};
use super::super::node::Node;
use super::super::platform::{Availability, Site, availability};
use super::super::securable::Securable;
use super::super::step::{Edge, Step};
use crate::ids::PrincipalId;
use crate::snapshot::Fact;

impl Graph<'_> {
    pub(in super::super) fn to_sysadmin(&self) -> Vec<Edge> {
        let mut edges = self.members(Scope::Server, SYSADMIN);
        if !edges.iter().any(|edge| edge.from == Node::login(SA)) {
            let fact = self.index.principal_fact(Scope::Server, SA);
            edges.push(Edge::new(Node::login(SA), Step::Member, fact));
        }
        let control = self.index.holders(Securable::SERVER, "CL").into_iter();
        edges.extend(control.map(|h| h.step(Step::ControlServer)));
        edges.extend(self.fixed_role("securityadmin", Step::GrantServerPermissions));
        if self.has_agent && self.msdb.is_some() {
            edges.extend(self.fixed_role("dbcreator", Step::RestoreOver));
        }
        edges.extend(self.new_users());
        edges.extend(self.msdb_powers());
        edges.extend(self.ddl_trigger_planters());
        edges.extend(self.run_as(Node::Sysadmin));
        edges.extend(self.service_account());
        edges
    }

    fn fixed_role(&self, name: &str, step: Step) -> Option<Edge> {
        let role = self.index.fixed_role(name)?;
        let fact = self.index.principal_fact(Scope::Server, role);
        Some(Edge::new(Node::login(role), step, fact))
    }

    /// dbo of a vouched database makes a user for any login but sa.
    fn new_users(&self) -> Vec<Edge> {
        let people = self.index.sysadmins().into_iter();
        // A Windows account of a group there can be given a user too: docs: CREATE USER.
        let can_be_a_user = |id: &PrincipalId| {
            let kind = self.index.kind(Scope::Server, *id);
            kind.is_some_and(|kind| !matches!(kind, "C" | "K" | "R"))
        };
        let mut others = people.filter(|id| *id != SA && can_be_a_user(id));
        let Some(target) = others.next() else {
            return Vec::new();
        };
        let target = self.index.principal_fact(Scope::Server, target);
        // Where the owner is privileged itself, dbo needs no other user.
        let vouched = self.trusted.iter();
        let vouched = vouched.filter(|(_, trust)| self.is_privileged(trust.owner).is_none());
        vouched
            .map(|(db, trust)| {
                let facts = trust.facts.iter().copied().chain(target);
                Edge::new(Node::Owner(*db), Step::TrustedNewUser, facts)
            })
            .collect()
    }

    fn ddl_trigger_planters(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (db, _) in self.index.databases() {
            let holders = self.index.holders(Securable::database(db), "ALTG");
            edges.extend(holders.into_iter().map(|h| h.step(Step::DdlTrigger)));
            let row = self.index.database_row(db).map(|(_, fact)| fact);
            edges.push(Edge::new(Node::Inside(db), Step::DdlTrigger, row));
        }
        edges
    }

    /// A command that runs as the engine's own account acts as it, and the engine's account is sysadmin by setup.
    fn service_account(&self) -> Vec<Edge> {
        let as_engine = [
            Channel::OleAutomation,
            Channel::ExtendedProcedure,
            Channel::RegistryAutorun,
        ];
        let services = self.index.snapshot.server.services.seen();
        let engine = (0..)
            .zip(services)
            .find(|(_, s)| s.servicename.starts_with("SQL Server ("));
        let Some((at, service)) = engine else {
            return Vec::new();
        };
        let login = self
            .index
            .login_named(&service.service_account)
            .or_else(|| self.own_service());
        let Some(facts) = login.and_then(|login| self.sysadmin_facts(login)) else {
            return Vec::new();
        };
        let site = Site::of(self.index.snapshot);
        let open = as_engine.into_iter().filter(|channel| {
            let missing = matches!(availability(*channel, &site), Availability::Missing { .. });
            self.runs_now(*channel) && !missing
        });
        open.map(|channel| {
            let own = FactRef::server(Fact::Services, at);
            let facts = facts.iter().copied().chain([own]);
            Edge::new(Node::Command(channel), Step::ServiceAccount, facts)
        })
        .collect()
    }

    /// The virtual account of this instance's engine, which setup makes sysadmin whatever account the service runs as.
    fn own_service(&self) -> Option<PrincipalId> {
        let identity = self.index.snapshot.server.server_identity.known()?;
        let name = match &identity.instance_name {
            Some(instance) => format!("NT SERVICE\\MSSQL${instance}"),
            None => "NT SERVICE\\MSSQLSERVER".to_owned(),
        };
        self.index.login_named(&name)
    }
}
