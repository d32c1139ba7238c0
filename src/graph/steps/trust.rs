//! Ways from a TRUSTWORTHY database into another one, whose owner may vouch there though not at the server.

use super::super::build::Graph;
use super::super::fact::FactRef;
use super::super::index::{DBO, Db, Scope};
use super::super::node::Node;
use super::super::securable::Securable;
use super::super::step::{Edge, Step};
use crate::ids::PrincipalId;

/// A TRUSTWORTHY database.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The database.
    pub db: Db,
    /// Its owner's login.
    pub owner: PrincipalId,
    /// Its row.
    pub fact: FactRef,
}

impl Graph<'_> {
    /// TRUSTWORTHY databases that the server does not believe; those that it does lead to logins.
    pub(in super::super) fn sources(&self) -> Vec<Source> {
        let databases = self.index.databases();
        let sources = databases.filter_map(|(db, _)| {
            let (row, fact) = self.index.database_row(db)?;
            let owner = self.login_of_sid(row.owner_sid.as_deref()?)?;
            let is_own = row.is_trustworthy_on == Some(true) && !self.trusted.contains_key(&db);
            is_own.then_some(Source { db, owner, fact })
        });
        sources.collect()
    }

    /// Who acts as a user's login in a database that this one believes: its dbo, where the login owns it, else the
    /// login's user there.
    pub(in super::super) fn believed(&self, db: Db, id: PrincipalId) -> Vec<Edge> {
        let owner = self.index.database_row(db);
        let owner = owner.and_then(|(row, _)| self.login_of_sid(row.owner_sid.as_deref()?));
        // A restored database keeps dbo's sid, which need not be its owner's.
        let own = self.index.login_of_user(db, id);
        let owner = owner.filter(|owner| id == DBO && Some(*owner) != own);
        let logins = own.into_iter().chain(owner);
        let entering = logins.filter(|login| self.enters_as(db, *login, id));
        let entering: Vec<PrincipalId> = entering.collect();
        if entering.is_empty() {
            return Vec::new();
        }
        let others = self.sources.iter().filter(|source| source.db != db);
        let believed = others.filter(|source| self.vouches_in(source.owner, db));
        believed
            .flat_map(|source| entering.iter().map(move |login| (source, *login)))
            .flat_map(|(source, login)| self.acting_as(source, login))
            .collect()
    }

    /// Who is a login inside a database: its dbo, where the login owns it, and the login's user.
    fn acting_as(&self, source: &Source, login: PrincipalId) -> Vec<Edge> {
        let mut edges = Vec::new();
        if source.owner == login {
            let from = Node::Owner(source.db);
            edges.push(Edge::new(from, Step::TrustedOwner, [source.fact]));
        }
        let user = self.index.own_user(source.db, login);
        if let Some(user) = user.filter(|user| *user != DBO || source.owner != login) {
            let row = self.index.principal_fact(Scope::Database(source.db), user);
            let facts = row.into_iter().chain([source.fact]);
            let from = Node::user(source.db, user);
            edges.push(Edge::new(from, Step::TrustedUser, facts));
        }
        edges
    }

    fn enters_as(&self, db: Db, login: PrincipalId, user: PrincipalId) -> bool {
        let is_owner = user == DBO;
        let entry = self.index.entry(db, login);
        is_owner || entry.is_some_and(|(own, _)| own == user)
    }

    /// Whether a login may vouch in a database: it owns it, or holds AUTHENTICATE there.
    pub(in super::super) fn vouches_in(&self, login: PrincipalId, db: Db) -> bool {
        let row = self.index.database_row(db).map(|(row, _)| row);
        let owner = row.and_then(|row| row.owner_sid.as_deref());
        if owner.and_then(|sid| self.login_of_sid(sid)) == Some(login) {
            return true;
        }
        let Some((user, _)) = self.index.entry(db, login) else {
            return false;
        };
        let mut mine = self.index.user_token(db, user);
        mine.extend(self.index.token(login));
        let database = Securable::database(db);
        self.index.held_by(&mine, database, "AUTH").is_some()
    }
}
