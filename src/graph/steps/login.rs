//! Ways to act as a login, or as a member of a server role.

use super::super::build::Graph;
use super::super::fact::FactRef;
use super::super::index::{DBO, Index, PUBLIC, PUBLIC_SERVER, SYSADMIN, Scope};
use super::super::node::Node;
use super::super::permission::Class;
use super::super::securable::Securable;
use super::super::step::{Edge, Step};
use crate::ids::PrincipalId;
use crate::snapshot::{Fact, ServerPrincipal};

/// Whether EXECUTE AS takes a login or user of this type: no groups, certificates and keys.
pub(in super::super) fn is_one_person(kind: &str) -> bool {
    !matches!(kind, "G" | "X" | "C" | "K" | "R")
}

impl Graph<'_> {
    pub(in super::super) fn to_login(&self, id: PrincipalId) -> Vec<Edge> {
        if id == PUBLIC_SERVER {
            return self.every_login();
        }
        if self.index.is_role(Scope::Server, id) {
            let mut edges = self.members(Scope::Server, id);
            edges.extend(self.joining(Scope::Server, id));
            return edges;
        }
        let Some(login) = self.index.login(id) else {
            return Vec::new();
        };
        let mut edges = self.group_members(Scope::Server, id);
        if is_one_person(&login.r#type) {
            edges.extend(self.impersonators(id));
            edges.extend(self.resetters(login));
            edges.extend(self.vouched(id, login));
            edges.extend(self.linked_back(id, Step::LinkedLogin));
        }
        edges.extend(self.signed_by(id));
        edges.extend(self.signers(id));
        edges.extend(self.run_as(Node::login(id)));
        edges
    }

    fn every_login(&self) -> Vec<Edge> {
        let people = self.index.people(Scope::Server).into_iter();
        let edge = |id| {
            let fact = self.index.principal_fact(Scope::Server, id);
            Edge::new(Node::login(id), Step::EveryLogin, fact)
        };
        people.map(edge).collect()
    }

    pub(in super::super) fn members(&self, scope: Scope, role: PrincipalId) -> Vec<Edge> {
        let members = self.index.scope(scope).members(role);
        let edge = |(member, row): (PrincipalId, u32)| {
            let fact = Index::member_fact(scope, row);
            Edge::new(Node::principal(scope, member), Step::Member, [fact])
        };
        members.map(edge).collect()
    }

    /// Ways to put oneself into a role. Fixed roles take members from their own members, from sysadmin and from
    /// db_owner alone.
    pub(in super::super) fn joining(&self, scope: Scope, role: PrincipalId) -> Vec<Edge> {
        let (class, is_fixed) = match scope {
            Scope::Server => (Class::ServerRole, Self::is_fixed_server_role(role)),
            // public takes no members.
            Scope::Database(_) => {
                let is_fixed = role == PUBLIC || Index::is_fixed_database_role(role);
                (Class::Role, is_fixed)
            }
        };
        if is_fixed || !self.index.is_role(scope, role) {
            return Vec::new();
        }
        let securable = match scope {
            Scope::Server => Securable::server(class, role.0),
            Scope::Database(db) => Securable::within(db, class, role.0),
        };
        let rights = ["AL", "TO"].into_iter();
        let holders = rights.flat_map(|code| self.index.holders(securable, code));
        let mut edges: Vec<Edge> = holders.map(|h| h.step(Step::AddMember)).collect();
        if let Some((owner, fact)) = self.role_owner(scope, role) {
            edges.push(Edge::new(
                Node::principal(scope, owner),
                Step::AddMember,
                [fact],
            ));
        }
        edges
    }

    fn is_fixed_server_role(role: PrincipalId) -> bool {
        const FIRST_OF_USERS: i32 = 257;
        role == SYSADMIN || role.0 < FIRST_OF_USERS
    }

    fn role_owner(&self, scope: Scope, role: PrincipalId) -> Option<(PrincipalId, FactRef)> {
        let owner = match scope {
            Scope::Server => self.index.login(role)?.owning_principal_id,
            Scope::Database(db) => self.index.user(db, role)?.owning_principal_id,
        };
        Some((owner?, self.index.principal_fact(scope, role)?))
    }

    /// Those whom the inventory has in a Windows or Entra group, there beside it.
    pub(in super::super) fn group_members(&self, scope: Scope, group: PrincipalId) -> Vec<Edge> {
        let fact = self.index.principal_fact(scope, group);
        let members = self.index.in_group(scope, group).into_iter();
        members
            .map(|id| Edge::new(Node::principal(scope, id), Step::GroupMember, fact))
            .collect()
    }

    fn impersonators(&self, id: PrincipalId) -> Vec<Edge> {
        let holders = self
            .index
            .holders(Securable::server(Class::Login, id.0), "IM");
        let others = holders.into_iter().filter(|h| h.node != Node::login(id));
        others.map(|h| h.step(Step::Impersonate)).collect()
    }

    fn resetters(&self, login: &ServerPrincipal) -> Vec<Edge> {
        let is_open = login.r#type == "S" && self.takes_sql_logins();
        if !is_open || self.is_protected(login.principal_id) {
            return Vec::new();
        }
        let securable = Securable::server(Class::Login, login.principal_id.0);
        let holders = self.index.holders(securable, "AL").into_iter();
        let own = Node::login(login.principal_id);
        let others = holders.filter(|h| h.node != own);
        let fact = self.index.principal_fact(Scope::Server, login.principal_id);
        others
            .map(|h| h.step(Step::ResetPassword).and(fact))
            .collect()
    }

    /// Whether SQL logins get in at all.
    pub(in super::super) fn takes_sql_logins(&self) -> bool {
        let identity = self.index.snapshot.server.server_identity.known();
        identity.and_then(|i| i.is_integrated_security_only) != Some(true)
    }

    /// Whether ALTER ANY LOGIN does not reset its password (docs: ALTER LOGIN; since the CVE-2025-49758 updates also
    /// for securityadmin and IMPERSONATE ANY LOGIN).
    fn is_protected(&self, login: PrincipalId) -> bool {
        if self.sysadmin_facts(login).is_some() || self.index.holds(login, "CL").is_some() {
            return true;
        }
        let token = self.index.token(login);
        let securityadmin = self.index.fixed_role("securityadmin");
        let is_strong = securityadmin.is_some_and(|role| token.contains(&(Scope::Server, role)))
            || self.index.holds(login, "IAL").is_some();
        is_strong && super::super::patch::protects_strong_logins(self.index.snapshot)
    }

    /// Users of TRUSTWORTHY databases whose owner vouches for them, and dbo of those that the login owns.
    fn vouched(&self, id: PrincipalId, login: &ServerPrincipal) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (db, trust) in &self.trusted {
            if trust.owner == id {
                let facts = trust.facts.iter().copied();
                edges.push(Edge::new(Node::Owner(*db), Step::TrustedOwner, facts));
            }
            let sid = login.sid.as_deref();
            let scope = Scope::Database(*db);
            let user = sid.and_then(|sid| self.index.scope(scope).with_sid(sid));
            let Some(user) = user.filter(|user| *user != DBO || trust.owner != id) else {
                continue;
            };
            let fact = self.index.principal_fact(scope, user);
            let facts = fact.into_iter().chain(trust.facts.iter().copied());
            edges.push(Edge::new(Node::user(*db, user), Step::TrustedUser, facts));
        }
        edges
    }
}

impl Graph<'_> {
    /// Ways to set configuration options.
    pub(in super::super) fn to_settings(&self) -> Vec<Edge> {
        let holders = self.index.holders(Securable::SERVER, "ALST").into_iter();
        let mut edges = vec![Edge::new(Node::Sysadmin, Step::Administrator, [])];
        edges.extend(holders.map(|h| h.step(Step::AlterSettings)));
        edges
    }

    /// Ways to have a database of one's own.
    pub(in super::super) fn to_own_database(&self) -> Vec<Edge> {
        let mut holders = self.index.holders(Securable::SERVER, "CRDB");
        if let Some(master) = self.master {
            let in_master = self.index.holders(Securable::database(master), "CRDB");
            holders.extend(in_master);
        }
        let edges = holders.into_iter().map(|h| h.step(Step::OwnDatabase));
        let inside = self.master.map(Node::Inside);
        let inside = inside.map(|from| Edge::new(from, Step::InsideDatabase, []));
        edges.chain(inside).collect()
    }

    pub(in super::super) fn config_fact(&self, name: &str) -> Option<FactRef> {
        let rows = self.index.snapshot.server.configurations.seen().iter();
        let mut rows = (0..).zip(rows);
        let found = rows.find(|(_, row)| row.name.eq_ignore_ascii_case(name));
        found.map(|(at, _)| FactRef::server(Fact::Configurations, at))
    }
}
