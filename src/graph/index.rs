//! What a snapshot says, found by what the search asks for: principals, memberships, permissions by securable.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use rustc_hash::FxHashMap;

use super::build::Groups;
use super::fact::FactRef;
use super::permission::{
    DENYING_DATABASE_ROLES, FIXED_DATABASE_ROLES, FIXED_SERVER_ROLES, LAST_FIXED_ROLE,
};
use super::scope::{ScopeIndex, of_database};
use super::securable::Securable;
use super::step::Facts;
use crate::ids::PrincipalId;
use crate::snapshot::{
    DatabaseFacts, DatabasePrincipal, DatabaseRow, Fact, Schema, ServerPrincipal, Snapshot,
};

/// A database of the snapshot: its place in [`Snapshot::databases`].
pub type Db = u32;

/// Where a principal, or a permission on something, belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The instance.
    Server,
    /// One database.
    Database(Db),
}

/// `public` of the server.
pub const PUBLIC_SERVER: PrincipalId = PrincipalId(2);
/// Whoever is nobody in particular: a login with nothing of its own, no right, no DENY, no user, no mapping. What it
/// reaches everybody does, but for those who are excepted by name, and however many those are. It is no row: it is the
/// principal to which nothing is written.
pub const ANYBODY: PrincipalId = PrincipalId(-1);
/// `public` of a database.
pub const PUBLIC: PrincipalId = PrincipalId(0);
/// `dbo`.
pub const DBO: PrincipalId = PrincipalId(1);
/// `guest`.
pub const GUEST: PrincipalId = PrincipalId(2);
/// The schema of what the server ships.
pub const SYS_SCHEMA: i32 = 4;
/// `sa`, whatever it is called now.
pub const SA: PrincipalId = PrincipalId(1);
/// The fixed server role `sysadmin`.
pub const SYSADMIN: PrincipalId = PrincipalId(3);

/// A snapshot, indexed.
#[derive(Debug)]
pub struct Index<'a> {
    /// What was seen.
    pub snapshot: &'a Snapshot,
    server: ScopeIndex<'a>,
    databases: Vec<ScopeIndex<'a>>,
    /// Row of `sys.databases` of each database, where there is one.
    rows: Vec<Option<u32>>,
    /// Logins with the Windows and Entra groups that the inventory has them in.
    in_groups: BTreeMap<PrincipalId, BTreeSet<PrincipalId>>,
    /// As whom logins enter databases, as far as somebody asked.
    pub(super) entered: RefCell<Entered>,
}

/// Users as whom logins enter databases, with the rows; `None` where one does not.
pub(super) type Entered = FxHashMap<(Db, PrincipalId), Option<(PrincipalId, Facts)>>;

/// A GRANT or DENY row that was found: where it stands, and to whom it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// Scope of the grantee.
    pub scope: Scope,
    /// The grantee.
    pub grantee: PrincipalId,
    /// The row.
    pub fact: FactRef,
}

impl<'a> Index<'a> {
    /// Indexes a snapshot. Databases that the inventory excludes are there, and empty.
    pub fn new(snapshot: &'a Snapshot, groups: &Groups) -> Self {
        let server = &snapshot.server;
        let sids = |p: &'a ServerPrincipal| (p.principal_id, p.sid.as_deref());
        let databases = snapshot.databases.iter();
        let rows = server.databases.seen();
        let rows_of_databases: HashMap<i32, u32> = (0..)
            .zip(rows)
            .map(|(at, row)| (row.database_id, at))
            .collect();
        let mut index = Self {
            snapshot,
            server: ScopeIndex::new(
                server.server_principals.seen().iter().map(sids),
                server.server_role_members.seen(),
                server.server_permissions.seen(),
            ),
            rows: databases
                .clone()
                .map(|d| rows_of_databases.get(&d.database_id).copied())
                .collect(),
            databases: databases.map(of_database).collect(),
            in_groups: BTreeMap::new(),
            entered: RefCell::default(),
        };
        index.in_groups = index.memberships_in(groups);
        index
    }

    fn memberships_in(&self, groups: &Groups) -> BTreeMap<PrincipalId, BTreeSet<PrincipalId>> {
        let mut found: BTreeMap<PrincipalId, BTreeSet<PrincipalId>> = BTreeMap::new();
        for (name, known) in &groups.0 {
            let group = self.login_named(name).filter(|id| self.is_group(*id));
            let members = known.members.iter().filter_map(|m| self.login_named(m));
            for member in members {
                found.entry(member).or_default().extend(group);
            }
        }
        found
    }

    fn is_group(&self, login: PrincipalId) -> bool {
        matches!(self.kind(Scope::Server, login), Some("G" | "X"))
    }

    /// Windows and Entra groups that the inventory has a login in: they are in its token (docs: sys.login_token).
    pub fn groups_of(&self, login: PrincipalId) -> impl Iterator<Item = PrincipalId> {
        self.in_groups.get(&login).into_iter().flatten().copied()
    }

    /// One scope's part.
    pub fn scope(&self, scope: Scope) -> &ScopeIndex<'a> {
        match scope {
            Scope::Database(db) => self.databases.get(db as usize).unwrap_or(&self.server),
            Scope::Server => &self.server,
        }
    }

    /// Every database that the inventory does not exclude.
    pub fn databases(&self) -> impl Iterator<Item = (Db, &'a DatabaseFacts)> {
        let all = (0..).zip(&self.snapshot.databases);
        all.filter(|(_, facts)| !facts.excluded)
    }

    /// A database's facts.
    pub fn database(&self, db: Db) -> Option<&'a DatabaseFacts> {
        self.snapshot.databases.get(db as usize)
    }

    /// A database's row of `sys.databases`, with its place.
    pub fn database_row(&self, db: Db) -> Option<(&'a DatabaseRow, FactRef)> {
        let at = (*self.rows.get(db as usize)?)?;
        let row = self.snapshot.server.databases.seen().get(at as usize)?;
        Some((row, FactRef::server(Fact::Databases, at)))
    }

    /// The database of this name, compared as the server does.
    pub fn database_named(&self, name: &str) -> Option<Db> {
        let identity = self.snapshot.server.server_identity.known();
        let same = |own: &str| match identity {
            Some(identity) => identity.is_same_name(own, name),
            None => own.eq_ignore_ascii_case(name),
        };
        let found = self
            .databases()
            .find(|(_, facts)| same(facts.name.as_str()));
        found.map(|(db, _)| db)
    }

    /// A server principal.
    pub fn login(&self, id: PrincipalId) -> Option<&'a ServerPrincipal> {
        let at = *self.server.principals.get(&id)?;
        self.snapshot
            .server
            .server_principals
            .seen()
            .get(at as usize)
    }

    /// The server principal of this name, compared as the server does.
    pub fn login_named(&self, name: &str) -> Option<PrincipalId> {
        let identity = self.snapshot.server.server_identity.known();
        let mut logins = self.snapshot.server.server_principals.seen().iter();
        let same = |own: &str| match identity {
            Some(identity) => identity.is_same_name(own, name),
            None => own.eq_ignore_ascii_case(name),
        };
        logins.find(|l| same(&l.name)).map(|l| l.principal_id)
    }

    /// A database principal.
    pub fn user(&self, db: Db, id: PrincipalId) -> Option<&'a DatabasePrincipal> {
        let at = *self.databases.get(db as usize)?.principals.get(&id)?;
        self.database(db)?
            .database_principals
            .seen()
            .get(at as usize)
    }

    /// The row of a principal.
    pub fn principal_fact(&self, scope: Scope, id: PrincipalId) -> Option<FactRef> {
        match scope {
            Scope::Server => {
                let at = *self.server.principals.get(&id)?;
                Some(FactRef::server(Fact::ServerPrincipals, at))
            }
            Scope::Database(db) => {
                let at = *self.databases.get(db as usize)?.principals.get(&id)?;
                Some(FactRef::database(Fact::DatabasePrincipals, db, at))
            }
        }
    }

    /// The type of a principal: `R` of a role, `S`, `U`, `G` …
    pub fn kind(&self, scope: Scope, id: PrincipalId) -> Option<&'a str> {
        match scope {
            Scope::Server => self.login(id).map(|login| login.r#type.as_str()),
            Scope::Database(db) => self.user(db, id).map(|user| user.r#type.as_str()),
        }
    }

    /// Whether it is a role, `public` among them.
    pub fn is_role(&self, scope: Scope, id: PrincipalId) -> bool {
        let public = match scope {
            Scope::Server => PUBLIC_SERVER,
            Scope::Database(_) => PUBLIC,
        };
        id == public || self.kind(scope, id) == Some("R")
    }

    /// Principals of a scope that are no roles, in order of id; at the server [`ANYBODY`] among them.
    pub fn people(&self, scope: Scope) -> Vec<PrincipalId> {
        let anybody = (scope == Scope::Server).then_some(ANYBODY);
        let ids = self.scope(scope).ids().into_iter();
        let people = ids.filter(|id| !self.is_role(scope, *id));
        anybody.into_iter().chain(people).collect()
    }

    /// The principal itself and all below it, those among them whom the inventory has in a group; of `public`, everybody
    /// of the scope.
    pub fn below(&self, scope: Scope, id: PrincipalId) -> BTreeSet<PrincipalId> {
        let public = match scope {
            Scope::Server => PUBLIC_SERVER,
            Scope::Database(_) => PUBLIC,
        };
        if id == public {
            let mut all = self.scope(scope).ids();
            all.insert(id);
            if scope == Scope::Server {
                all.insert(ANYBODY);
            }
            return all;
        }
        let mut below = self.scope(scope).below(id);
        if !self.in_groups.is_empty() {
            let groups = below.iter().flat_map(|id| self.in_group(scope, *id));
            let members: Vec<PrincipalId> = groups.collect();
            below.extend(members);
        }
        below
    }

    /// Those whom the inventory has in a Windows or Entra group, where they stand for themselves beside it: logins, or
    /// users of a database. dbo is not among them.
    pub fn in_group(&self, scope: Scope, group: PrincipalId) -> Vec<PrincipalId> {
        let login = match scope {
            Scope::Server => Some(group),
            Scope::Database(db) => self.login_of_user(db, group),
        };
        let Some(login) = login.filter(|_| !self.in_groups.is_empty()) else {
            return Vec::new();
        };
        let all = self.in_groups.iter();
        let members = all.filter(|(_, groups)| groups.contains(&login));
        let members = members.map(|(member, _)| *member);
        match scope {
            Scope::Server => members.collect(),
            Scope::Database(db) => {
                let users = members.filter_map(|member| self.own_user(db, member));
                users.filter(|user| *user != DBO).collect()
            }
        }
    }

    /// The user with a login's sid.
    pub fn own_user(&self, db: Db, login: PrincipalId) -> Option<PrincipalId> {
        let sid = self.login(login)?.sid.as_deref()?;
        self.scope(Scope::Database(db)).with_sid(sid)
    }

    /// The login with a user's sid.
    pub fn login_of_user(&self, db: Db, user: PrincipalId) -> Option<PrincipalId> {
        let sid = self.user(db, user)?.sid.as_deref()?;
        self.server.with_sid(sid)
    }

    /// A schema of a database, with its place.
    pub fn schema(&self, db: Db, id: i32) -> Option<(&'a Schema, u32)> {
        let at = *self.databases.get(db as usize)?.schemas.get(&id)?;
        let row = self.database(db)?.schemas.seen().get(at as usize)?;
        Some((row, at))
    }

    /// The fact of a row of role memberships.
    pub fn member_fact(scope: Scope, row: u32) -> FactRef {
        match scope {
            Scope::Server => FactRef::server(Fact::ServerRoleMembers, row),
            Scope::Database(db) => FactRef::database(Fact::DatabaseRoleMembers, db, row),
        }
    }

    /// GRANT or DENY rows of one permission on one securable, in order of grantee; of one grantee where one is named.
    pub fn given(
        &self,
        denied: bool,
        on: Securable,
        code: &str,
        grantee: Option<PrincipalId>,
    ) -> Vec<Given> {
        let scope = on.scope;
        let key = (on.class.number(), on.id, code);
        let rows = self.scope(scope).rows(denied, key, grantee);
        rows.map(|(grantee, row)| Given {
            scope,
            grantee,
            fact: permission_fact(scope, row),
        })
        .collect()
    }

    /// Fixed roles that carry a permission on the scope itself.
    pub fn fixed_roles(&self, scope: Scope, code: &str) -> Vec<Given> {
        let ids: Vec<PrincipalId> = match scope {
            Scope::Server => {
                let roles = FIXED_SERVER_ROLES.iter();
                let names = roles.filter(|(_, codes)| codes.contains(&code));
                names
                    .filter_map(|(name, _)| self.fixed_role(name))
                    .collect()
            }
            Scope::Database(_) => {
                let roles = FIXED_DATABASE_ROLES.iter();
                let ids = roles.filter(|(_, codes)| codes.contains(&code));
                ids.map(|(id, _)| PrincipalId(*id)).collect()
            }
        };
        self.given_to(scope, ids)
    }

    /// Fixed roles of a database that take a permission on it.
    pub fn denying_roles(&self, scope: Scope, code: &str) -> Vec<Given> {
        let roles = DENYING_DATABASE_ROLES.iter();
        let roles = roles.filter(|(_, codes)| scope != Scope::Server && codes.contains(&code));
        self.given_to(scope, roles.map(|(id, _)| PrincipalId(*id)))
    }

    /// Principals to whom something is given by being there.
    fn given_to(&self, scope: Scope, ids: impl IntoIterator<Item = PrincipalId>) -> Vec<Given> {
        let given = ids.into_iter().filter_map(|grantee| {
            let fact = self.principal_fact(scope, grantee)?;
            Some(Given {
                scope,
                grantee,
                fact,
            })
        });
        given.collect()
    }

    /// A fixed server role by its name. A role that only has the name is none.
    pub fn fixed_role(&self, name: &str) -> Option<PrincipalId> {
        let mut logins = self.snapshot.server.server_principals.seen().iter();
        let fixed = logins.find(|l| l.r#type == "R" && l.name == name && is_fixed(l));
        fixed.map(|login| login.principal_id)
    }

    /// A role of msdb by its name.
    pub fn role_named(&self, db: Db, name: &str) -> Option<PrincipalId> {
        let mut users = self.database(db)?.database_principals.seen().iter();
        let role = users.find(|u| u.r#type == "R" && u.name == name)?;
        Some(role.principal_id)
    }

    /// Whether a database role is a fixed one.
    pub fn is_fixed_database_role(id: PrincipalId) -> bool {
        (super::permission::DB_OWNER..=LAST_FIXED_ROLE).contains(&id.0)
    }

    /// Everybody in sysadmin, through any nesting and groups that the inventory gives the members of, and `sa`.
    pub fn sysadmins(&self) -> BTreeSet<PrincipalId> {
        let mut all = self.below(Scope::Server, SYSADMIN);
        all.insert(SA);
        all.remove(&SYSADMIN);
        all
    }

    /// Names of databases by place, for `--to` and wording.
    pub fn database_name(&self, db: Db) -> &'a str {
        self.database(db).map_or("?", |facts| facts.name.as_str())
    }
}

fn permission_fact(scope: Scope, row: u32) -> FactRef {
    match scope {
        Scope::Server => FactRef::server(Fact::ServerPermissions, row),
        Scope::Database(db) => FactRef::database(Fact::DatabasePermissions, db, row),
    }
}

/// Fixed server roles have ids up to 20; where the catalog says so too, it must.
fn is_fixed(login: &ServerPrincipal) -> bool {
    const LAST_FIXED: i32 = 20;
    login.principal_id.0 <= LAST_FIXED && login.is_fixed_role != Some(false)
}
