//! Who holds a permission, DENY included.
//!
//! A GRANT of the permission, or of one that covers it, on the securable or on what contains it, to a principal or to a
//! role that it is in, gives it; a fixed role gives what it carries; a schema's owner has CONTROL on the schema. A DENY
//! of any of these to any of these takes it. sysadmin and dbo are bound by none, and are not listed here: their power is
//! a place of its own.
//!
//! Where nothing is denied, a role stands for its members. Where something is, each member is looked at.

use std::collections::BTreeSet;

use super::fact::FactRef;
use super::index::{DBO, Db, GUEST, Given, Index, SYSADMIN, Scope};
use super::node::Node;
use super::permission::{Class, Permission, covering};
use super::securable::Securable;
use super::step::{Edge, Facts, Step};
use crate::ids::PrincipalId;
use crate::snapshot::Fact;

/// Somebody who holds a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub node: Node,
    /// As what it was granted.
    pub held: (Permission, Securable),
    /// The rows.
    pub facts: Facts,
}

impl Holder {
    /// The step that this permission is.
    pub fn step(self, step: Step) -> Edge {
        Edge {
            from: self.node,
            step,
            held: Some(self.held),
            facts: self.facts,
        }
    }
}

/// A row with the permission that it is about.
struct Found {
    given: Given,
    held: (Permission, Securable),
}

impl Index<'_> {
    /// Who holds a permission on a securable, sysadmin and dbo aside.
    pub fn holders(&self, securable: Securable, code: &'static str) -> Vec<Holder> {
        let (grants, denies) = self.found(securable, code);
        let shut_out = self.denied(&denies);
        let mut holders = Vec::new();
        for grant in &grants {
            let from_server =
                securable.scope != Scope::Server && grant.given.scope == Scope::Server;
            if from_server {
                self.logins_inside(securable, grant, &shut_out, &mut holders);
            } else if denies.is_empty() || self.owns(securable, grant) {
                holders.push(grant.holder(Node::principal(grant.given.scope, grant.given.grantee)));
            } else {
                self.undenied(grant, &shut_out, &mut holders);
            }
        }
        holders
    }

    /// GRANT and DENY rows about the permission.
    fn found(&self, securable: Securable, code: &'static str) -> (Vec<Found>, Vec<Found>) {
        let (mut grants, mut denies) = (Vec::new(), Vec::new());
        for permission in covering((securable.class, code)) {
            let Some(on) = securable.container(permission) else {
                continue;
            };
            let held = (permission, on);
            let found = |given| Found { given, held };
            // Who holds CONTROL SERVER has the power of sysadmin, and is reached by that.
            let is_control_server = permission == (Class::Server, "CL");
            if !is_control_server || securable.scope == Scope::Server {
                grants.extend(
                    self.given(false, on, permission.1, None)
                        .into_iter()
                        .map(found),
                );
            }
            denies.extend(
                self.given(true, on, permission.1, None)
                    .into_iter()
                    .map(found),
            );
            if matches!(on.class, Class::Server | Class::Database) {
                let roles = self.fixed_roles(on.scope, permission.1);
                grants.extend(roles.into_iter().map(found));
                let denying = self.denying_roles(on.scope, permission.1);
                denies.extend(denying.into_iter().map(found));
            }
            grants.extend(self.owning_schema(permission, on).map(found));
        }
        (grants, denies)
    }

    /// Who owns a schema, and so has CONTROL on it; dbo is there as what it is.
    fn owning_schema(&self, permission: Permission, on: Securable) -> Option<Given> {
        let Scope::Database(db) = on.scope else {
            return None;
        };
        if permission != (Class::Schema, "CL") {
            return None;
        }
        let (schema, at) = self.schema(db, on.id)?;
        let shipped = schema.schema_id == super::index::SYS_SCHEMA;
        let grantee = schema.principal_id.filter(|id| *id != DBO && !shipped)?;
        Some(Given {
            scope: on.scope,
            grantee,
            fact: FactRef::database(Fact::Schemas, db, at),
        })
    }

    /// Whether somebody has it as the owner of the very schema, whom no DENY binds.
    fn owns(&self, schema: Securable, found: &Found) -> bool {
        let owning = self.owning_schema((Class::Schema, "CL"), schema);
        schema.class == Class::Schema && owning.is_some_and(|given| given == found.given)
    }

    /// Everybody whom a DENY reaches, by scope.
    fn denied(&self, denies: &[Found]) -> BTreeSet<(Scope, PrincipalId)> {
        let mut reached = BTreeSet::new();
        for deny in denies {
            let (scope, grantee) = (deny.given.scope, deny.given.grantee);
            let below = self.below(scope, grantee);
            reached.extend(below.into_iter().map(|id| (scope, id)));
        }
        reached
    }

    /// Of those that a GRANT reaches, those whom no DENY does.
    fn undenied(
        &self,
        grant: &Found,
        denied: &BTreeSet<(Scope, PrincipalId)>,
        holders: &mut Vec<Holder>,
    ) {
        let scope = grant.given.scope;
        for id in self.below(scope, grant.given.grantee) {
            if denied.contains(&(scope, id)) || (id == DBO && scope != Scope::Server) {
                continue;
            }
            if self.is_role(scope, id) {
                holders.push(grant.holder(Node::Joins(scope, id)));
                continue;
            }
            match scope {
                Scope::Server => holders.push(grant.holder(Node::login(id))),
                Scope::Database(db) => self.undenied_user(grant, db, id, denied, holders),
            }
        }
    }

    /// A user whose login is denied at the server keeps nothing; one whom others impersonate does.
    fn undenied_user(
        &self,
        grant: &Found,
        db: Db,
        id: PrincipalId,
        denied: &BTreeSet<(Scope, PrincipalId)>,
        holders: &mut Vec<Holder>,
    ) {
        let is_denied = |login: PrincipalId| denied.contains(&(Scope::Server, login));
        let mut logins = self.logins_of(db, id);
        if !logins.iter().any(|login| is_denied(*login)) {
            return holders.push(grant.holder(Node::user(db, id)));
        }
        logins.retain(|login| !is_denied(*login));
        for login in logins {
            let entry = self.entry(db, login).filter(|(user, _)| *user == id);
            let Some((_, entry)) = entry else {
                continue;
            };
            let mut holder = grant.holder(Node::login(login));
            holder.facts.extend(entry);
            holders.push(holder);
        }
    }

    /// Logins that hold a server permission which covers one inside a database, as far as they can enter it.
    fn logins_inside(
        &self,
        securable: Securable,
        grant: &Found,
        denied: &BTreeSet<(Scope, PrincipalId)>,
        holders: &mut Vec<Holder>,
    ) {
        let Scope::Database(db) = securable.scope else {
            return;
        };
        for login in self.below(Scope::Server, grant.given.grantee) {
            if self.is_role(Scope::Server, login) || denied.contains(&(Scope::Server, login)) {
                continue;
            }
            let Some((user, entry)) = self.entry(db, login) else {
                continue;
            };
            if denied.contains(&(Scope::Database(db), user)) {
                continue;
            }
            let mut holder = grant.holder(Node::login(login));
            holder.facts.extend(entry);
            holders.push(holder);
        }
    }

    /// The logins that act as a user: the one with its sid; of guest, all that have no user of their own.
    fn logins_of(&self, db: Db, user: PrincipalId) -> Vec<PrincipalId> {
        if user == GUEST {
            let logins = self.people(Scope::Server).into_iter();
            return logins
                .filter(|login| self.own_user(db, *login).is_none())
                .collect();
        }
        self.login_of_user(db, user).into_iter().collect()
    }

    /// As whom a login enters a database, and the rows that say so; `None` if it cannot. Every channel asks this of the
    /// same logins, so that it is worked out once.
    pub fn entry(&self, db: Db, login: PrincipalId) -> Option<(PrincipalId, Facts)> {
        let key = (db, login);
        if let Some(known) = self.entered.borrow().get(&key) {
            return known.clone();
        }
        let entry = self.enters(db, login);
        self.entered.borrow_mut().insert(key, entry.clone());
        entry
    }

    fn enters(&self, db: Db, login: PrincipalId) -> Option<(PrincipalId, Facts)> {
        let own = self.own_user(db, login);
        let user = own.unwrap_or(GUEST);
        let mut facts = Facts::new();
        facts.extend(self.principal_fact(Scope::Database(db), user));
        if user == DBO {
            return Some((user, facts));
        }
        if let Some(row) = self.connects(db, user, login) {
            facts.push(row);
            return Some((user, facts));
        }
        None
    }

    /// The row by which a user, or its login at the server, may CONNECT; `None` if it may not.
    fn connects(&self, db: Db, user: PrincipalId, login: PrincipalId) -> Option<FactRef> {
        let mut mine = self.user_token(db, user);
        mine.extend(self.token(login));
        self.held_by(&mine, Securable::database(db), "CO")
    }

    /// Whether a user may CONNECT, whatever login comes to have its sid.
    pub fn user_connects(&self, db: Db, user: PrincipalId) -> bool {
        let mine = self.user_token(db, user);
        self.held_by(&mine, Securable::database(db), "CO").is_some()
    }

    /// The token of a user in its database: itself, users of its login's groups, their roles, public.
    pub fn user_token(&self, db: Db, user: PrincipalId) -> BTreeSet<(Scope, PrincipalId)> {
        let scope = Scope::Database(db);
        let login = self.login_of_user(db, user);
        let groups = login.into_iter().flat_map(|login| self.groups_of(login));
        let groups = groups.filter_map(|group| self.own_user(db, group));
        let own = groups.chain([user]);
        let users = own.flat_map(|id| self.scope(scope).above(id));
        let mut token: BTreeSet<_> = users.map(|id| (scope, id)).collect();
        token.insert((scope, super::index::PUBLIC));
        token
    }

    /// The row by which somebody who is all of these holds a permission; `None` if a DENY stands against it or nothing
    /// gives it.
    pub fn held_by(
        &self,
        mine: &BTreeSet<(Scope, PrincipalId)>,
        securable: Securable,
        code: &'static str,
    ) -> Option<FactRef> {
        let mut held = None;
        for permission in covering((securable.class, code)) {
            let Some(on) = securable.container(permission) else {
                continue;
            };
            let own = mine.iter().filter(|(scope, _)| *scope == on.scope);
            for (_, id) in own {
                if !self.given(true, on, permission.1, Some(*id)).is_empty() {
                    return None;
                }
                let grants = self.given(false, on, permission.1, Some(*id));
                held = held.or_else(|| grants.first().map(|given| given.fact));
            }
            let owning = self.owning_schema(permission, on);
            let owning = owning.filter(|given| mine.contains(&(given.scope, given.grantee)));
            held = held.or_else(|| owning.map(|given| given.fact));
            if held.is_none() && matches!(on.class, Class::Server | Class::Database) {
                let roles = self.fixed_roles(on.scope, permission.1).into_iter();
                let mut own = roles.filter(|given| mine.contains(&(given.scope, given.grantee)));
                held = own.next().map(|given| given.fact);
            }
        }
        held
    }

    /// Whether a login can log in: it is not disabled, not there for signing alone, and may CONNECT SQL, which no DENY
    /// takes from sysadmin.
    pub fn logs_in(&self, login: PrincipalId) -> bool {
        let Some(row) = self.login(login) else {
            return false;
        };
        if row.is_disabled == Some(true) || matches!(row.r#type.as_str(), "C" | "K" | "R") {
            return false;
        }
        let token = self.token(login);
        token.contains(&(Scope::Server, SYSADMIN))
            || login == super::index::SA
            || self.held_by(&token, Securable::SERVER, "COSQ").is_some()
    }

    /// The server token of a login: itself, its groups, their roles, public.
    pub fn token(&self, login: PrincipalId) -> BTreeSet<(Scope, PrincipalId)> {
        let own = self.groups_of(login).chain([login]);
        let roles = own.flat_map(|id| self.scope(Scope::Server).above(id));
        let mut token: BTreeSet<_> = roles.map(|id| (Scope::Server, id)).collect();
        token.insert((Scope::Server, super::index::PUBLIC_SERVER));
        token
    }

    /// The row by which a login holds a server permission.
    pub fn holds(&self, login: PrincipalId, code: &'static str) -> Option<FactRef> {
        self.held_by(&self.token(login), Securable::SERVER, code)
    }
}

impl Found {
    fn holder(&self, node: Node) -> Holder {
        Holder {
            node,
            held: self.held,
            facts: Facts::from_iter([self.given.fact]),
        }
    }
}
