//! Who can come in: logins that can connect, and users of contained databases.

use std::collections::BTreeSet;

use super::build::Graph;
use super::index::{DBO, Db, GUEST};
use super::node::Node;
use crate::snapshot::{DatabasePrincipal, ServerPrincipal};

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
        entries.extend(self.in_databases());
        entries.sort();
        entries
    }

    fn can_log_in(&self, login: &ServerPrincipal) -> bool {
        let identity = self.index.snapshot.server.server_identity.known();
        let windows_only = identity.and_then(|i| i.is_integrated_security_only) == Some(true);
        let by_password = login.r#type == "S";
        self.index.logs_in(login.principal_id) && !(by_password && windows_only)
    }

    /// Users who come in without a login: those that authenticate at their database (docs: contained database users), and
    /// accounts that the inventory has in a group which logs in.
    fn in_databases(&self) -> Vec<Entry> {
        let named = self.named_in_groups();
        let mut entries = Vec::new();
        for (db, facts) in self.index.databases() {
            for user in facts.database_principals.seen() {
                let is_named = || {
                    let name = user.name.to_lowercase();
                    self.is_account_without_login(user) && named.contains(&name)
                };
                let comes = self.authenticates_in(db, user) || is_named();
                if comes && self.index.user_connects(db, user.principal_id) {
                    let group = matches!(user.r#type.as_str(), "G" | "X");
                    let known = self.groups.0.get(&user.name);
                    entries.push(Entry {
                        node: Node::user(db, user.principal_id),
                        is_administrator: false,
                        group: group.then(|| known.and_then(super::build::Group::size)),
                    });
                }
            }
        }
        entries
    }

    /// Lower-case names of everybody whom the inventory has in a group that logs in.
    fn named_in_groups(&self) -> BTreeSet<String> {
        let logs_in = |name: &str| {
            let login = self.index.login_named(name);
            login.is_some_and(|id| self.index.logs_in(id))
        };
        let groups = self.groups.0.iter().filter(|(name, _)| logs_in(name));
        let members = groups.flat_map(|(_, group)| &group.members);
        members.map(|member| member.to_lowercase()).collect()
    }

    /// Whether a user authenticates at its database, a contained one: by a password there, or as a Windows or Entra
    /// account that has no login.
    pub fn authenticates_in(&self, db: Db, user: &DatabasePrincipal) -> bool {
        const BY_PASSWORD: i32 = 2;
        const CONTAINED: i32 = 1;
        let by_itself =
            user.authentication_type == Some(BY_PASSWORD) || self.is_account_without_login(user);
        if !by_itself || [DBO, GUEST].contains(&user.principal_id) {
            return false;
        }
        let row = self.index.database_row(db).map(|(row, _)| row);
        row.is_some_and(|row| row.containment == Some(CONTAINED))
            && self.option_runs("contained database authentication")
    }

    /// Whether a user is a Windows or Entra account, or a group of those, without a login of its own.
    pub(super) fn is_account_without_login(&self, user: &DatabasePrincipal) -> bool {
        const BY_WINDOWS: i32 = 3;
        const BY_ENTRA: i32 = 4;
        let is_account = matches!(user.r#type.as_str(), "U" | "G" | "E" | "X");
        let by_account = user
            .authentication_type
            .is_none_or(|by| [BY_WINDOWS, BY_ENTRA].contains(&by));
        let sid = user.sid.as_deref();
        is_account
            && by_account
            && user.principal_id != DBO
            && sid.is_some_and(|sid| self.login_of_sid(sid).is_none())
    }
}
