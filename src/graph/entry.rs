//! Who can come in: logins that can connect, and users of contained databases.

use super::build::Graph;
use super::index::{DBO, GUEST};
use super::node::Node;
use crate::snapshot::ServerPrincipal;

/// A principal that can come in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// As whom.
    pub node: Node,
    /// Whether it is in sysadmin: an administrator by design.
    pub is_administrator: bool,
    /// A Windows or Entra group, of so many accounts where the inventory says so.
    pub group: Option<Option<u32>>,
}

impl Graph<'_> {
    /// Everybody who can come in, in order.
    pub fn entries(&self) -> Vec<Entry> {
        let administrators = self.index.sysadmins();
        let mut entries = Vec::new();
        for login in self.index.snapshot.server.server_principals.seen() {
            let id = login.principal_id;
            let is_administrator = administrators.contains(&id);
            if self.can_log_in(login) {
                let group = matches!(login.r#type.as_str(), "G" | "X");
                let known = self.groups.0.get(&login.name);
                entries.push(Entry {
                    node: Node::login(id),
                    is_administrator,
                    group: group.then(|| known.and_then(super::build::Group::size)),
                });
            }
        }
        entries.extend(self.contained());
        entries.sort();
        entries
    }

    fn can_log_in(&self, login: &ServerPrincipal) -> bool {
        let identity = self.index.snapshot.server.server_identity.known();
        let windows_only = identity.and_then(|i| i.is_integrated_security_only) == Some(true);
        let by_password = login.r#type == "S";
        self.index.logs_in(login.principal_id) && !(by_password && windows_only)
    }

    /// Users that authenticate at their database (docs: contained database users).
    fn contained(&self) -> Vec<Entry> {
        const IN_DATABASE: i32 = 2;
        if !self.option_runs("contained database authentication") {
            return Vec::new();
        }
        let mut entries = Vec::new();
        for (db, facts) in self.index.databases() {
            let row = self.index.database_row(db).map(|(row, _)| row);
            if row.is_none_or(|row| row.containment != Some(1)) {
                continue;
            }
            for user in facts.database_principals.seen() {
                let by_itself = user.authentication_type == Some(IN_DATABASE);
                let is_system = [DBO, GUEST].contains(&user.principal_id);
                if by_itself && !is_system {
                    entries.push(Entry {
                        node: Node::user(db, user.principal_id),
                        is_administrator: false,
                        group: None,
                    });
                }
            }
        }
        entries
    }
}
