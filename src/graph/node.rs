//! What somebody can be or do: the places that chains lead through.

use super::channel::Channel;
use super::index::{DBO, Db, Scope};
use crate::ids::PrincipalId;

/// A place in the graph. Whoever is at one can go on from it by every step that begins there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// Acts as this principal, or as a member of this role, `public` among them; `dbo` is [`Node::Owner`].
    Principal(Scope, PrincipalId),
    /// Makes itself a member of this role, which needs no DENY on its own name to be undone.
    Joins(Scope, PrincipalId),
    /// Has the power of sysadmin.
    Sysadmin,
    /// Acts as `dbo` under the database's present owner.
    Owner(Db),
    /// Can do everything inside a database, whoever its owner is.
    Inside(Db),
    /// Has a database of its own making, by CREATE DATABASE, restore or attach.
    OwnDatabase,
    /// Runs queries as this login through OPENQUERY, where options cannot be set.
    Queries(PrincipalId),
    /// Makes a module run.
    Runs(Db, i32),
    /// Makes a module run as the user of an EXECUTE AS clause, that of a module further out, and his database.
    RunsAs((Db, i32), (Db, PrincipalId)),
    /// Decides what a module does.
    Alters(Db, i32),
    /// Sets configuration options.
    Settings,
    /// Leaves by a stored login of a linked server, by its place among them.
    Hop(u32),
    /// Runs an operating-system command through a channel.
    Command(Channel),
}

impl Node {
    /// Acting as a login or server role.
    pub fn login(id: PrincipalId) -> Self {
        Self::Principal(Scope::Server, id)
    }

    /// Acting as a user or database role.
    pub fn user(db: Db, id: PrincipalId) -> Self {
        if id == DBO {
            Self::Owner(db)
        } else {
            Self::Principal(Scope::Database(db), id)
        }
    }

    /// Acting as a principal of either scope.
    pub fn principal(scope: Scope, id: PrincipalId) -> Self {
        match scope {
            Scope::Server => Self::login(id),
            Scope::Database(db) => Self::user(db, id),
        }
    }
}
