//! Ways to act as a user, as a member of a database role, as dbo.

use super::super::build::Graph;

use super::super::index::{DBO, Db, GUEST, PUBLIC, Scope};
use super::super::node::Node;
use super::super::permission::{Class, DB_SECURITYADMIN};
use super::super::securable::Securable;
use super::super::step::{Edge, Facts, Step};
use super::login::is_one_person;
use crate::ids::PrincipalId;

impl Graph<'_> {
    pub(in super::super) fn to_user(&self, db: Db, id: PrincipalId) -> Vec<Edge> {
        let scope = Scope::Database(db);
        let inside = || Edge::new(self.acting_dbo(db), Step::InsideDatabase, []);
        if id == PUBLIC {
            return self.every_user(db);
        }
        if self.index.is_role(scope, id) {
            let mut edges = self.members(scope, id);
            edges.extend(self.joining(scope, id));
            edges.push(inside());
            return edges;
        }
        let kind = self.index.kind(scope, id);
        let mut edges = match kind {
            Some("A") => self.application_role_setters(db, id),
            _ => self.mapped(db, id),
        };
        edges.extend(self.group_members(scope, id));
        if kind != Some("A") {
            edges.push(inside());
            edges.extend(self.believed(db, id));
        }
        // EXECUTE AS takes single accounts.
        if kind.is_none_or(|kind| kind != "A" && is_one_person(kind)) {
            let user = Securable::within(db, Class::User, id.0);
            let holders = self.index.holders(user, "IM").into_iter();
            let others = holders.filter(|h| h.node != Node::user(db, id));
            edges.extend(others.map(|h| h.step(Step::ImpersonateUser)));
        }
        edges.extend(self.contexts_of_modules(db, id));
        edges.extend(self.by_nested((db, id)));
        edges.extend(self.run_as(Node::user(db, id)));
        edges
    }

    /// As what dbo acts as others. Where the server believes the database, what they have there too is gone when
    /// somebody takes it over.
    fn acting_dbo(&self, db: Db) -> Node {
        let row = self.index.database_row(db).map(|(row, _)| row);
        match row.and_then(|row| row.is_trustworthy_on) {
            Some(true) => Node::Owner(db),
            _ => Node::Inside(db),
        }
    }

    fn every_user(&self, db: Db) -> Vec<Edge> {
        let scope = Scope::Database(db);
        let people = self.index.people(scope).into_iter().filter(|id| *id != DBO);
        let edge = |id| {
            let fact = self.index.principal_fact(scope, id);
            Edge::new(Node::user(db, id), Step::EveryUser, fact)
        };
        people.map(edge).collect()
    }

    /// The login with the user's sid; of guest, logins without a user of their own; of a user whose login is gone,
    /// whoever can make one with its sid.
    fn mapped(&self, db: Db, id: PrincipalId) -> Vec<Edge> {
        if id == GUEST {
            return self.guests(db);
        }
        let sid = self.index.user(db, id).and_then(|u| u.sid.as_deref());
        let Some(sid) = sid else {
            return Vec::new();
        };
        match self.login_of_sid(sid) {
            Some(login) => {
                let entry = self.index.entry(db, login);
                let facts = entry
                    .filter(|(user, _)| *user == id)
                    .map(|(_, facts)| facts);
                facts
                    .into_iter()
                    .map(|facts| Edge::new(Node::login(login), Step::MappedUser, facts))
                    .collect()
            }
            None if self.is_orphan(db, id) && self.index.user_connects(db, id) => {
                self.adopters(db, Some(id))
            }
            None => Vec::new(),
        }
    }

    fn guests(&self, db: Db) -> Vec<Edge> {
        let mut edges = Vec::new();
        for login in self.index.people(Scope::Server) {
            let entry = self.index.entry(db, login);
            if let Some((_, facts)) = entry.filter(|(user, _)| *user == GUEST) {
                edges.push(Edge::new(Node::login(login), Step::Guest, facts));
            }
        }
        edges
    }

    /// A user that authenticates by a SQL login which is not there: its sid can be given to another.
    fn is_orphan(&self, db: Db, id: PrincipalId) -> bool {
        const OF_INSTANCE: i32 = 1;
        let user = self.index.user(db, id);
        let principals = &self.index.snapshot.server.server_principals;
        user.is_some_and(|u| u.r#type == "S" && u.authentication_type == Some(OF_INSTANCE))
            && principals.is_settled()
    }

    fn adopters(&self, db: Db, user: Option<PrincipalId>) -> Vec<Edge> {
        if !self.takes_sql_logins() {
            return Vec::new();
        }
        let fact = match user {
            Some(user) => self.index.principal_fact(Scope::Database(db), user),
            None => self.index.database_row(db).map(|(_, fact)| fact),
        };
        let holders = self.index.holders(Securable::SERVER, "CRLG").into_iter();
        holders
            .map(|h| h.step(Step::AdoptOrphan).and(fact))
            .collect()
    }

    fn application_role_setters(&self, db: Db, role: PrincipalId) -> Vec<Edge> {
        let securable = Securable::within(db, Class::ApplicationRole, role.0);
        let holders = self.index.holders(securable, "AL").into_iter();
        let mut edges: Vec<Edge> = holders.map(|h| h.step(Step::ApplicationRole)).collect();
        edges.push(Edge::new(Node::Inside(db), Step::ApplicationRole, []));
        edges
    }

    pub(in super::super) fn to_owner(&self, db: Db) -> Vec<Edge> {
        let mut edges = Vec::new();
        if let Some((row, fact)) = self.index.database_row(db) {
            let owner = row.owner_sid.as_deref();
            if let Some(login) = owner.and_then(|sid| self.login_of_sid(sid)) {
                edges.push(Edge::new(Node::login(login), Step::DatabaseOwner, [fact]));
            }
        }
        edges.extend(self.sid_of_dbo(db));
        edges.push(Edge::new(Node::Sysadmin, Step::Administrator, []));
        let control = self.index.holders(Securable::database(db), "CL");
        edges.extend(control.into_iter().map(|h| h.step(Step::ControlDatabase)));
        let dbo = Securable::within(db, Class::User, DBO.0);
        let holders = self.index.holders(dbo, "IM").into_iter();
        let direct = holders.filter(|h| h.held.0.0 == Class::User);
        edges.extend(direct.map(|h| h.step(Step::ImpersonateUser)));
        let security = PrincipalId(DB_SECURITYADMIN);
        if let Some(fact) = self.index.principal_fact(Scope::Database(db), security) {
            let from = Node::user(db, security);
            edges.push(Edge::new(from, Step::GrantDatabasePermissions, [fact]));
        }
        edges.extend(self.believed(db, DBO));
        edges.extend(self.contexts_of_modules(db, DBO));
        edges.extend(self.by_nested((db, DBO)));
        edges.extend(self.run_as(Node::Owner(db)));
        edges
    }

    /// The login with dbo's sid inside the database, which a restored database keeps from where it was: it enters as dbo,
    /// whoever owns the database by the server's list.
    fn sid_of_dbo(&self, db: Db) -> Option<Edge> {
        let login = self.index.login_of_user(db, DBO)?;
        let (row, _) = self.index.database_row(db)?;
        let sid = self.index.login(login)?.sid.as_deref();
        let fact = self.index.principal_fact(Scope::Database(db), DBO);
        let differs = sid != row.owner_sid.as_deref();
        differs.then(|| Edge::new(Node::login(login), Step::MappedUser, fact))
    }

    pub(in super::super) fn to_inside(&self, db: Db) -> Vec<Edge> {
        let mut edges = self.to_owner(db);
        let owning = self.index.holders(Securable::database(db), "TO");
        let owning = owning.into_iter();
        let own = owning.filter(|h| h.held.0.1 == "TO");
        edges.extend(own.map(|h| h.step(Step::TakeOwnership)));
        if self.has_orphaned_owner(db) {
            edges.extend(self.adopters(db, None));
        }
        edges
    }

    /// Whether the owner's sid is that of a SQL login which is not there.
    pub fn has_orphaned_owner(&self, db: Db) -> bool {
        // A SQL login's sid has 16 bytes, a Windows account's more.
        const SHORT_SID: usize = 2 + 2 * 16;
        let principals = &self.index.snapshot.server.server_principals;
        let row = self.index.database_row(db);
        let sid = row.and_then(|(row, _)| row.owner_sid.as_deref());
        sid.is_some_and(|sid| {
            sid.len() == SHORT_SID && principals.is_settled() && self.login_of_sid(sid).is_none()
        })
    }

    pub(in super::super) fn login_of_sid(&self, sid: &str) -> Option<PrincipalId> {
        self.index.scope(Scope::Server).with_sid(sid)
    }

    /// The rows that a database's own row stands for.
    pub(in super::super) fn database_facts(&self, db: Db) -> Facts {
        let row = self.index.database_row(db).map(|(_, fact)| fact);
        row.into_iter().collect()
    }
}
