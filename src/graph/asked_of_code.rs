//! What rules ask of the graph beside its ways.

use super::build::Graph;
use super::code::CodeCall;
use super::holders::Holder;
use super::index::Db;
use super::securable::Securable;
use crate::ids::{DatabaseName, PrincipalId};
use crate::snapshot::FactState;

impl Graph<'_> {
    /// Whether the instance has SQL Server Agent.
    pub fn has_agent(&self) -> bool {
        self.has_agent
    }

    /// The database of the Agent, unless the inventory excludes it.
    pub fn msdb(&self) -> Option<Db> {
        self.msdb
    }

    /// What was not seen and could make the server believe a database: its row, or the members of a Windows group.
    pub fn unseen_trust(&self, db: Db) -> Option<FactState> {
        self.of_trust(db).map(|gap| gap.state)
    }

    /// Who holds a server permission, DENY included, sysadmin aside; by what it was granted as.
    pub fn holders_at_server(&self, code: &'static str) -> Vec<Holder> {
        self.index.holders(Securable::SERVER, code)
    }

    /// The login or server role with this sid.
    pub fn login_with_sid(&self, sid: &str) -> Option<PrincipalId> {
        self.login_of_sid(sid)
    }

    /// The modules that a module calls itself; `None` as its database is a server trigger.
    pub fn calls_of(&self, database: Option<&DatabaseName>, object_id: i32) -> Vec<&CodeCall> {
        let modules = self.code.modules.iter();
        let own = modules.filter(|m| m.database.as_ref() == database && m.object_id == object_id);
        own.flat_map(|module| &module.calls).collect()
    }
}
