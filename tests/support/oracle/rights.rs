//! Who holds a permission, from first principles: the whole token of one principal, every GRANT and DENY about it.

use std::collections::BTreeSet;
use std::rc::Rc;

use mssql_posture::graph::{Db, Node, Scope, Step};
use mssql_posture::snapshot::RoleMember;

use super::cover::{DATABASE_ROLES, DENYING_ROLES, Kind, Named, SERVER_ROLES, code_of, implied_by};
use super::world::{DBO, GUEST, World};

/// What a permission is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thing {
    pub kind: Kind,
    /// Where it is; `None` of the server and what belongs to it.
    pub db: Option<Db>,
    pub id: i32,
    /// Of an object.
    pub schema: i32,
}

impl Thing {
    pub const SERVER: Self = Self {
        kind: Kind::Server,
        db: None,
        id: 0,
        schema: 0,
    };

    pub fn at_server(kind: Kind, id: i32) -> Self {
        Self {
            kind,
            db: None,
            id,
            schema: 0,
        }
    }

    pub fn database(db: Db) -> Self {
        Self::within(db, Kind::Database, 0)
    }

    pub fn within(db: Db, kind: Kind, id: i32) -> Self {
        Self {
            kind,
            db: Some(db),
            id,
            schema: 0,
        }
    }

    pub fn object(db: Db, id: i32, schema: i32) -> Self {
        Self {
            kind: Kind::Object,
            db: Some(db),
            id,
            schema,
        }
    }

    /// Itself, or what of this kind contains it.
    fn part(self, kind: Kind) -> Self {
        match (kind, self.db) {
            _ if kind == self.kind => self,
            (Kind::Server, _) => Self::SERVER,
            (Kind::Database, Some(db)) => Self::database(db),
            (Kind::Schema, Some(db)) => Self::within(db, Kind::Schema, self.schema),
            _ => panic!("{self:?} is in no {kind:?}"),
        }
    }
}

/// Principals that somebody is at once.
pub type Ids = BTreeSet<(Scope, i32)>;

/// What a session goes by: GRANTs to these, DENYs to these.
#[derive(Clone, Debug, Default)]
pub struct Token {
    pub granted: Ids,
    pub denied: Ids,
}

/// What is said about one permission on one thing.
#[derive(Debug, Default)]
pub struct Listed {
    owners: Ids,
    denied: Ids,
    granted: Ids,
}

impl Listed {
    /// The rule: the owner has it; else any DENY takes it; else any GRANT, fixed role or owned schema gives it.
    pub fn gives(&self, token: &Token) -> bool {
        let is_owner = !self.owners.is_disjoint(&token.granted);
        let is_denied = !self.denied.is_disjoint(&token.denied);
        is_owner || (!is_denied && !self.granted.is_disjoint(&token.granted))
    }
}

impl World<'_> {
    /// The principal, the roles that it is in through any nesting, and public.
    pub fn token(&self, scope: Scope, id: i32) -> Ids {
        let mut ids = Ids::from([(scope, id)]);
        loop {
            let mut above = Ids::new();
            if self.is_on(Step::Member) {
                let rows = self.memberships(scope).iter();
                let mine = rows.filter(|row| ids.contains(&(scope, row.member_principal_id.0)));
                above.extend(mine.map(|row| (scope, row.role_principal_id.0)));
            }
            above.extend(self.groups_of(scope, id));
            if above.is_subset(&ids) {
                break;
            }
            ids.extend(above);
        }
        match scope {
            Scope::Server if self.is_on(Step::EveryLogin) => ids.insert((scope, 2)),
            Scope::Database(_) if self.is_on(Step::EveryUser) => ids.insert((scope, 0)),
            _ => false,
        };
        ids
    }

    /// The groups that the inventory has a login in; in a database their users.
    fn groups_of(&self, scope: Scope, id: i32) -> Ids {
        let login = match scope {
            Scope::Server => Some(id),
            Scope::Database(db) => {
                let sid = self.user(db, id).and_then(|user| user.sid.as_deref());
                sid.and_then(|sid| self.login_with_sid(sid))
            }
        };
        let mut found = Ids::new();
        let Some(login) = login.filter(|_| self.is_on(Step::GroupMember)) else {
            return found;
        };
        for group in self.logins() {
            let is_group = matches!(group.r#type.as_str(), "G" | "X");
            let known = self.groups.0.get(&group.name).filter(|_| is_group);
            let names = known.iter().flat_map(|group| &group.members);
            let mut members = names.filter_map(|name| self.login_named(name));
            if members.any(|member| member == login) {
                let group = group.principal_id.0;
                let place = match scope {
                    Scope::Server => Some(group),
                    Scope::Database(db) => self.own_user(db, group),
                };
                found.extend(place.map(|id| (scope, id)));
            }
        }
        found
    }

    fn memberships(&self, scope: Scope) -> &[RoleMember] {
        match scope {
            Scope::Server => self.snapshot.server.server_role_members.seen(),
            Scope::Database(db) => self.database(db).database_role_members.seen(),
        }
    }

    /// The user that a login is inside a database: the one with its sid, else guest. dbo needs no CONNECT.
    pub fn entry(&self, db: Db, login: i32) -> Option<i32> {
        let own = self.own_user(db, login);
        let user = own.unwrap_or(GUEST);
        let mut ids = self.token(Scope::Server, login);
        ids.extend(self.token(Scope::Database(db), user));
        let token = Token {
            granted: ids.clone(),
            denied: ids,
        };
        let connects = self
            .listed((Kind::Database, "CONNECT"), Thing::database(db))
            .gives(&token);
        (user == DBO || connects).then_some(user)
    }

    /// Whether a user has CONNECT, whatever login it is.
    pub fn user_connects(&self, db: Db, user: i32) -> bool {
        let ids = self.token(Scope::Database(db), user);
        let token = Token {
            granted: ids.clone(),
            denied: ids,
        };
        let listed = self.listed((Kind::Database, "CONNECT"), Thing::database(db));
        listed.gives(&token)
    }

    pub fn own_user(&self, db: Db, login: i32) -> Option<i32> {
        let sid = self.login(login)?.sid.as_deref()?;
        self.user_with_sid(db, sid)
    }

    /// The token with which a place meets something of the server, or of a database. A login has its roles at the server,
    /// and inside a database, if it can enter, its user's there too. A user has its roles in its database; the DENYs of
    /// its login hold there as well. A role that is joined has what it and the roles above it have.
    pub fn session(&self, place: Node, db: Option<Db>) -> Option<Rc<Token>> {
        let known = self.sessions.borrow().get(&(place, db)).cloned();
        known.unwrap_or_else(|| {
            let found = self.work_out_session(place, db).map(Rc::new);
            self.sessions
                .borrow_mut()
                .insert((place, db), found.clone());
            found
        })
    }

    fn work_out_session(&self, place: Node, db: Option<Db>) -> Option<Token> {
        let (scope, id) = match place {
            Node::Principal(scope, id) | Node::Joins(scope, id) => (scope, id.0),
            _ => return None,
        };
        let ids = self.token(scope, id);
        let mut token = Token {
            granted: ids.clone(),
            denied: ids,
        };
        match (place, scope, db) {
            (_, Scope::Server, None) => {}
            (Node::Principal(..), Scope::Server, Some(db)) => {
                let user = self.token(Scope::Database(db), self.entry(db, id)?);
                token.granted.extend(&user);
                token.denied.extend(&user);
            }
            (Node::Principal(..), Scope::Database(own), Some(db)) if own == db => {
                for login in self.logins_of(db, id) {
                    token.denied.extend(self.token(Scope::Server, login));
                }
            }
            (Node::Joins(..), Scope::Database(own), Some(db)) if own == db => {}
            _ => return None,
        }
        Some(token)
    }

    /// The logins that a user is. Many are guest: what one of them is denied, the place is.
    fn logins_of(&self, db: Db, user: i32) -> Vec<i32> {
        let logins = self.logins().into_iter().map(|login| login.principal_id.0);
        let is_it = |login: &i32| match self.own_user(db, *login) {
            Some(own) => own == user,
            None => user == GUEST,
        };
        logins.filter(is_it).collect()
    }

    /// Whether a place has a permission on something.
    pub fn holds(&self, place: Node, permission: &'static str, on: Thing) -> bool {
        let token = self.session(place, on.db);
        token.is_some_and(|token| self.listed((on.kind, permission), on).gives(&token))
    }

    /// Everything that is said about a permission on something: by itself, by whatever implies it, there and around it.
    pub fn listed(&self, permission: Named, on: Thing) -> Listed {
        let mut listed = Listed::default();
        let scope = on.db.map_or(Scope::Server, Scope::Database);
        // What dbo owns is no right of a user.
        let of = |owner: Option<i32>| owner.filter(|id| on.db.is_none() || *id != DBO);
        listed
            .owners
            .extend(of(self.owner_of(on)).map(|id| (scope, id)));
        // The owner of its schema can take it.
        if on.kind == Kind::Object && on.schema != 4 {
            let owner = self.owner_of(on.part(Kind::Schema));
            listed.owners.extend(of(owner).map(|id| (scope, id)));
        }
        for (kind, code) in implied_by(permission) {
            let part = on.part(kind);
            let scope = part.db.map_or(Scope::Server, Scope::Database);
            for (state, to) in self.rows(code, part) {
                match state {
                    "D" => listed.denied.insert((scope, to)),
                    _ => listed.granted.insert((scope, to)),
                };
            }
            listed.granted.extend(self.fixed_roles(kind, code, part.db));
            if let (Kind::Database, Some(db)) = (kind, part.db) {
                let carries =
                    |names: &[&'static str]| names.iter().any(|n| code_of((kind, n)) == code);
                let roles = DENYING_ROLES.iter().filter(|(_, taken)| carries(taken));
                let ids = roles.filter_map(|(name, _)| self.role_named(db, name));
                listed
                    .denied
                    .extend(ids.map(|id| (Scope::Database(db), id)));
            }
            if (kind, code) == (Kind::Schema, "CL") && part.id != 4 {
                listed
                    .granted
                    .extend(of(self.owner_of(part)).map(|id| (scope, id)));
            }
        }
        listed
    }

    /// GRANTs (`G`, `W`) and DENYs (`D`) of just this permission on just this thing, and to whom.
    fn rows(&self, code: &str, on: Thing) -> Vec<(&str, i32)> {
        let rows = match on.db {
            None => self.snapshot.server.server_permissions.seen(),
            Some(db) => self.database(db).database_permissions.seen(),
        };
        let about = rows.iter().filter(|row| {
            (row.class, row.major_id, row.minor_id) == (on.kind.class(), on.id, 0)
                && row.r#type.trim() == code
                && matches!(row.state.as_str(), "G" | "W" | "D")
        });
        about
            .map(|row| (row.state.as_str(), row.grantee_principal_id.0))
            .collect()
    }

    /// Whether it is given by a GRANT on just this thing, by whatever implies it there.
    pub fn is_granted_here(&self, permission: &'static str, on: Thing, token: &Token) -> bool {
        let scope = on.db.map_or(Scope::Server, Scope::Database);
        let implied = implied_by((on.kind, permission));
        let here = implied.iter().filter(|(kind, _)| *kind == on.kind);
        let rows = here.flat_map(|(_, code)| self.rows(code, on));
        let mut granted = rows.filter(|(state, _)| *state != "D");
        granted.any(|(_, to)| token.granted.contains(&(scope, to)))
    }

    /// Fixed roles of the server or the database that carry a permission of it.
    fn fixed_roles(&self, kind: Kind, code: &str, db: Option<Db>) -> Vec<(Scope, i32)> {
        let carries = |names: &[&'static str]| names.iter().any(|n| code_of((kind, n)) == code);
        match (kind, db) {
            (Kind::Server, _) => {
                let roles = SERVER_ROLES.iter().filter(|(_, carried)| carries(carried));
                let ids = roles.filter_map(|(name, _)| self.server_role(name));
                ids.map(|id| (Scope::Server, id)).collect()
            }
            (Kind::Database, Some(db)) => {
                let roles = DATABASE_ROLES
                    .iter()
                    .filter(|(_, carried)| carries(carried));
                let ids = roles.filter_map(|(name, _)| self.role_named(db, name));
                ids.map(|id| (Scope::Database(db), id)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Who owns something that is not owned by what contains it.
    pub fn owner_of(&self, on: Thing) -> Option<i32> {
        let owner = match (on.kind, on.db) {
            (Kind::Object, Some(db)) => return self.owner((db, on.id)),
            (Kind::Schema, Some(db)) => return self.schema_owner(db, on.id),
            (Kind::Role, Some(db)) => self.user(db, on.id)?.owning_principal_id,
            (Kind::ServerRole, None) => self.login(on.id)?.owning_principal_id,
            (Kind::Assembly, Some(db)) => {
                let mut all = self.database(db).assemblies.seen().iter();
                all.find(|a| a.assembly_id == on.id)?.principal_id
            }
            (Kind::Language, Some(db)) => {
                let mut all = self.database(db).external_languages.seen().iter();
                all.find(|l| l.external_language_id == on.id)?.principal_id
            }
            _ => None,
        };
        owner.map(|id| id.0)
    }

    /// Everywhere that a permission can be held: logins, users, and roles that were joined.
    pub fn holders(&self, permission: &'static str, on: Thing) -> Vec<Node> {
        let listed = self.listed((on.kind, permission), on);
        let holds = |place: &Node| {
            let token = self.session(*place, on.db);
            token.is_some_and(|token| listed.gives(&token))
        };
        self.actors(on.db).into_iter().filter(holds).collect()
    }

    /// Those who can meet something of the server, or of a database.
    pub fn actors(&self, db: Option<Db>) -> Vec<Node> {
        let mut all = Vec::new();
        for principal in self.principals() {
            let is_role = principal.r#type == "R";
            match (is_role, principal.principal_id) {
                (false, id) => all.push(Node::login(id)),
                (true, id) if db.is_none() && id.0 != 2 => all.push(Node::Joins(Scope::Server, id)),
                _ => {}
            }
        }
        let Some(db) = db else { return all };
        let scope = Scope::Database(db);
        let users = self.users(db).into_iter();
        all.extend(users.map(|user| Node::Principal(scope, user.principal_id)));
        let roles = self.roles(db).into_iter();
        all.extend(roles.map(|role| Node::Joins(scope, role.principal_id)));
        all
    }

    /// Whether a place is, or is in, a principal of its own scope.
    pub fn is(&self, place: Node, scope: Scope, id: i32) -> bool {
        match place {
            Node::Principal(own, it) | Node::Joins(own, it) if own == scope => {
                self.token(own, it.0).contains(&(scope, id))
            }
            _ => false,
        }
    }

    /// Those who are a principal or in it.
    pub fn those_in(&self, scope: Scope, id: i32) -> Vec<Node> {
        let db = match scope {
            Scope::Server => None,
            Scope::Database(db) => Some(db),
        };
        let all = self.actors(db).into_iter();
        all.filter(|place| self.is(*place, scope, id)).collect()
    }
}
