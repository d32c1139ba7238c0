//! Rules about users, roles and owners of databases.

use mssql_posture::graph::{Db, Node, Scope};
use mssql_posture::ids::PrincipalId;

use super::Moves;
use super::cover::Kind;
use super::logins::all_to;
use super::rights::Thing;
use super::world::{DBO, GUEST, World};

fn user(db: Db, id: i32) -> Node {
    World::place(Scope::Database(db), id)
}

/// As `all_to`, for every database.
fn everywhere(w: &World<'_>, moves: impl Fn(Db) -> Moves) -> Moves {
    w.databases()
        .into_iter()
        .flat_map(|(db, _)| moves(db))
        .collect()
}

/// A login enters a database as the user with its sid, where that user has CONNECT.
pub fn mapped_user(w: &World<'_>) -> Moves {
    let mut moves = entries(w, |w, db, login| w.own_user(db, login).is_some());
    // A restored database keeps dbo's sid, which need not be its owner's.
    moves.extend(everywhere(w, |db| {
        let logins = w.logins().into_iter().map(|login| login.principal_id);
        let dbo = logins.filter(|login| w.own_user(db, login.0) == Some(DBO));
        let others = dbo.filter(|login| w.owner_login(db) != Some(login.0));
        others
            .map(|login| (Node::login(login), Node::Owner(db)))
            .collect()
    }));
    moves
}

/// A login without a user of its own enters as guest, where guest has CONNECT.
pub fn guest(w: &World<'_>) -> Moves {
    entries(w, |w, db, login| w.own_user(db, login).is_none())
}

fn entries(w: &World<'_>, is_meant: fn(&World<'_>, Db, i32) -> bool) -> Moves {
    everywhere(w, |db| {
        let logins = w.logins().into_iter().map(|login| login.principal_id.0);
        let meant = logins.filter(|login| is_meant(w, db, *login));
        // Who enters as dbo is its owner, which is another rule.
        let entries = meant.filter_map(|login| Some((login, w.entry(db, login)?)));
        let users = entries.filter(|(_, id)| *id != DBO);
        users
            .map(|(login, id)| (Node::login(PrincipalId(login)), user(db, id)))
            .collect()
    })
}

/// IMPERSONATE on a user lets EXECUTE AS USER act as it inside the database. (It takes single accounts, dbo among them; CONTROL on the database, which
/// implies that, is a rule of its own.)
pub fn impersonate_user(w: &World<'_>) -> Moves {
    everywhere(w, |db| {
        let users = w.users(db).into_iter();
        let targets = users.filter(|user| matches!(user.r#type.as_str(), "S" | "U" | "E"));
        let mut moves = Moves::new();
        for id in targets.map(|user| user.principal_id.0) {
            let thing = Thing::within(db, Kind::User, id);
            moves.extend(all_to(w.holders("IMPERSONATE", thing), user(db, id)));
        }
        let dbo = Thing::within(db, Kind::User, DBO);
        for holder in w.holders("IMPERSONATE", dbo) {
            let token = w.session(holder, Some(db));
            if token.is_some_and(|token| w.is_granted_here("IMPERSONATE", dbo, &token)) {
                moves.push((holder, Node::Owner(db)));
            }
        }
        moves
    })
}

impl World<'_> {
    /// The login that owns a database.
    pub fn owner_login(&self, db: Db) -> Option<i32> {
        self.login_with_sid(self.database_row(db)?.owner_sid.as_deref()?)
    }

    /// Whether a database is TRUSTWORTHY and its owner may vouch for it: is sysadmin, or has AUTHENTICATE SERVER.
    pub fn trusted_owner(&self, db: Db) -> Option<i32> {
        let is_trusted = self.database_row(db)?.is_trustworthy_on == Some(true);
        let owner = self.owner_login(db).filter(|_| is_trusted)?;
        let node = Node::login(PrincipalId(owner));
        let vouches =
            self.is_sysadmin(owner) || self.holds(node, "AUTHENTICATE SERVER", Thing::SERVER);
        vouches.then_some(owner)
    }

    /// TRUSTWORTHY databases, their owners, and other databases where those may vouch (AUTHENTICATE); where they may at
    /// the server, more follows.
    pub fn believed(&self) -> Vec<(Db, i32, Db)> {
        let mut all = Vec::new();
        for (source, _) in self.databases() {
            let is_trusted = self
                .database_row(source)
                .and_then(|row| row.is_trustworthy_on);
            let Some(owner) = self
                .owner_login(source)
                .filter(|_| is_trusted == Some(true))
            else {
                continue;
            };
            for (db, _) in self.databases() {
                let node = Node::login(PrincipalId(owner));
                let vouches = self.owner_login(db) == Some(owner)
                    || self.holds(node, "AUTHENTICATE", Thing::database(db));
                if db != source && vouches && self.trusted_owner(source).is_none() {
                    all.push((source, owner, db));
                }
            }
        }
        all
    }

    /// As what a login is in a database that believes who it is.
    pub fn place_of(&self, db: Db, login: i32) -> Option<Node> {
        if self.owner_login(db) == Some(login) {
            return Some(Node::Owner(db));
        }
        let user = self.own_user(db, login)?;
        (self.entry(db, login) == Some(user)).then(|| Node::user(db, PrincipalId(user)))
    }
}

/// The login that owns a database is dbo there.
pub fn database_owner(w: &World<'_>) -> Moves {
    everywhere(w, |db| {
        let owner = w.owner_login(db);
        owner
            .iter()
            .map(|owner| (Node::login(PrincipalId(*owner)), Node::Owner(db)))
            .collect()
    })
}

/// CONTROL on a database, which db_owner has, acts as dbo by EXECUTE AS USER = 'dbo', whom no DENY binds.
pub fn control_database(w: &World<'_>) -> Moves {
    everywhere(w, |db| {
        all_to(w.holders("CONTROL", Thing::database(db)), Node::Owner(db))
    })
}

/// TAKE OWNERSHIP of a database makes one its dbo; the old owner's power on the server is gone with that.
pub fn take_ownership(w: &World<'_>) -> Moves {
    everywhere(w, |db| {
        all_to(
            w.holders("TAKE OWNERSHIP", Thing::database(db)),
            Node::Inside(db),
        )
    })
}

/// db_securityadmin grants permissions of the database to others, CONTROL among them.
pub fn grant_database_permissions(w: &World<'_>) -> Moves {
    everywhere(w, |db| {
        let role = w.role_named(db, "db_securityadmin");
        let those = role.map_or_else(Vec::new, |role| w.those_in(Scope::Database(db), role));
        all_to(those, Node::Owner(db))
    })
}

/// ALTER on an application role sets its password, with which sp_setapprole acts as it.
pub fn application_role(w: &World<'_>) -> Moves {
    everywhere(w, |db| {
        let mut moves = Moves::new();
        for role in w.users(db).into_iter().filter(|user| user.r#type == "A") {
            let to = Node::user(db, role.principal_id);
            let thing = Thing::within(db, Kind::ApplicationRole, role.principal_id.0);
            moves.extend(all_to(w.holders("ALTER", thing), to));
            moves.push((Node::Inside(db), to));
        }
        moves
    })
}

/// CREATE LOGIN … WITH SID gives a user or an owner without a login one of the caller's making. (SQL logins alone can
/// be made with a sid: theirs has 16 bytes.)
pub fn adopt_orphan(w: &World<'_>) -> Moves {
    if !w.snapshot.server.server_principals.is_settled() {
        return Moves::new();
    }
    if !w.takes_sql_logins() {
        return Moves::new();
    }
    let makers = w.holders("CREATE LOGIN", Thing::SERVER);
    let is_gone = |sid: &Option<String>| {
        sid.as_deref()
            .is_some_and(|sid| w.login_with_sid(sid).is_none())
    };
    everywhere(w, |db| {
        let mut moves = Moves::new();
        for orphan in w.users(db) {
            let by_login = orphan.r#type == "S" && orphan.authentication_type == Some(1);
            let id = orphan.principal_id.0;
            if by_login && id != GUEST && is_gone(&orphan.sid) && w.user_connects(db, id) {
                moves.extend(all_to(makers.clone(), Node::user(db, orphan.principal_id)));
            }
        }
        let owner = w.database_row(db).and_then(|row| row.owner_sid.clone());
        if owner.as_ref().is_some_and(|sid| sid.len() == 34) && is_gone(&owner) {
            moves.extend(all_to(makers.clone(), Node::Inside(db)));
        }
        moves
    })
}

/// In a TRUSTWORTHY database dbo has the rights of the owner's login on the server, if that login may vouch
/// (AUTHENTICATE SERVER), and in databases where it may (AUTHENTICATE).
pub fn trusted_owner(w: &World<'_>) -> Moves {
    let mut moves = everywhere(w, |db| {
        let owner = w.trusted_owner(db).filter(|owner| w.is_single(*owner));
        let to = owner.map(|owner| Node::login(PrincipalId(owner)));
        to.iter().map(|to| (Node::Owner(db), *to)).collect()
    });
    for (source, owner, db) in w.believed() {
        let to = w.place_of(db, owner);
        moves.extend(to.map(|to| (Node::Owner(source), to)));
    }
    moves
}

/// In a TRUSTWORTHY database whose owner may vouch (AUTHENTICATE SERVER) an impersonated user has its login's rights on
/// the server, and in databases where the owner may (AUTHENTICATE).
pub fn trusted_user(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    for (db, _) in w.databases() {
        let dbo = w
            .user(db, DBO)
            .filter(|dbo| dbo.sid != w.database_row(db).and_then(|row| row.owner_sid.clone()));
        for user in w.users(db).into_iter().chain(dbo) {
            let Some(login) = user.sid.as_deref().and_then(|sid| w.login_with_sid(sid)) else {
                continue;
            };
            let from = Node::user(db, user.principal_id);
            if w.trusted_owner(db).is_some() && w.is_single(login) {
                moves.push((from, Node::login(PrincipalId(login))));
            }
            for (_, _, other) in w.believed().into_iter().filter(|(own, _, _)| *own == db) {
                moves.extend(w.place_of(other, login).map(|to| (from, to)));
            }
        }
    }
    moves
}

/// In a TRUSTWORTHY database whose owner may vouch (AUTHENTICATE SERVER) dbo makes a user for a privileged login and acts
/// as it. (No user can be made for sa.)
pub fn trusted_new_user(w: &World<'_>) -> Moves {
    // A user can be made for an account of a group, too; where the owner is privileged itself, nobody needs one.
    let people = w.logins().into_iter();
    let mut people = people.filter(|login| !matches!(login.r#type.as_str(), "C" | "K"));
    if !people.any(|login| login.principal_id.0 != 1 && w.is_sysadmin(login.principal_id.0)) {
        return Moves::new();
    }
    everywhere(w, |db| {
        let owner = w.trusted_owner(db).filter(|owner| !w.is_privileged(*owner));
        owner
            .iter()
            .map(|_| (Node::Owner(db), Node::Sysadmin))
            .collect()
    })
}

/// dbo of msdb changes jobs of administrators, which SQL Server Agent runs as its own account.
pub fn msdb_owner(w: &World<'_>) -> Moves {
    let msdb = w.msdb().filter(|_| w.has_agent());
    msdb.iter()
        .map(|msdb| (Node::Inside(*msdb), Node::Sysadmin))
        .collect()
}

/// db_ssisadmin and dc_admin of msdb change packages that jobs of administrators run.
pub fn ssis_administrator(w: &World<'_>) -> Moves {
    let server = &w.snapshot.server;
    let runs_packages = |job: &str| {
        let mut steps = server.job_steps.seen().iter();
        steps.any(|step| step.job_id == job && step.subsystem.eq_ignore_ascii_case("SSIS"))
    };
    let is_meant = server.jobs.seen().iter().any(|job| {
        let owner = job
            .owner_sid
            .as_deref()
            .and_then(|sid| w.login_with_sid(sid));
        let is_administrators = owner.is_some_and(|owner| w.is_sysadmin(owner));
        w.is_run(job) && is_administrators && runs_packages(&job.job_id)
    });
    let mut moves = Moves::new();
    if let Some(msdb) = w.msdb().filter(|_| is_meant && w.has_agent()) {
        for name in ["db_ssisadmin", "dc_admin"] {
            if let Some(role) = w.role_named(msdb, name) {
                moves.extend(all_to(
                    w.those_in(Scope::Database(msdb), role),
                    Node::Sysadmin,
                ));
            }
        }
    }
    moves
}

/// Who writes the tables of jobs in msdb, or may change what setup put into its schema dbo, decides what Agent runs.
pub fn msdb_writer(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    let Some(msdb) = w.msdb().filter(|_| w.has_agent()) else {
        return moves;
    };
    let schema = Thing::within(msdb, Kind::Schema, 1);
    moves.extend(all_to(w.holders("ALTER", schema), Node::Sysadmin));
    let objects = w.database(msdb).objects.seen().iter();
    for object in
        objects.filter(|object| object.is_ms_shipped != Some(false) && object.schema_id == 1)
    {
        let rights: &[&str] = match object.name.as_str() {
            "sysjobs" => &["ALTER", "TAKE OWNERSHIP", "UPDATE"],
            "sysjobsteps" => &["ALTER", "TAKE OWNERSHIP", "UPDATE", "INSERT"],
            _ => &["ALTER", "TAKE OWNERSHIP"],
        };
        let thing = Thing::object(msdb, object.object_id, 1);
        for right in rights {
            moves.extend(all_to(w.holders(right, thing), Node::Sysadmin));
        }
    }
    moves
}

/// ALTER ANY DATABASE DDL TRIGGER plants a trigger that runs in the session of an administrator who changes something
/// there.
pub fn ddl_trigger(w: &World<'_>) -> Moves {
    everywhere(w, |db| {
        let right = "ALTER ANY DATABASE DDL TRIGGER";
        let mut moves = all_to(w.holders(right, Thing::database(db)), Node::Sysadmin);
        moves.push((Node::Inside(db), Node::Sysadmin));
        moves
    })
}

/// dbo of a database has every permission in it. (It can be every user, be in every role, run and change every module.
/// Where the server believes the database, the present owner's dbo alone counts as that.)
pub fn inside_database(w: &World<'_>) -> Moves {
    everywhere(w, |db| {
        let inside = Node::Inside(db);
        let users = w.users(db).into_iter().filter(|user| user.r#type != "A");
        let users = users.map(|user| Node::user(db, user.principal_id));
        let roles = w.roles(db).into_iter();
        let roles = roles.map(|role| Node::Joins(Scope::Database(db), role.principal_id));
        let modules = w.modules().into_iter().filter(|(own, _)| *own == db);
        let modules = modules.flat_map(|(db, id)| [Node::Runs(db, id), Node::Alters(db, id)]);
        let row = w.database_row(db);
        let trusted = row.is_some_and(|row| row.is_trustworthy_on == Some(true));
        let acting = if trusted { Node::Owner(db) } else { inside };
        let acted = users.chain(roles).map(|place| (acting, place));
        let all = modules.map(|place| (inside, place));
        let mut moves: Moves = acted.chain(all).collect();
        moves.push((Node::Owner(db), inside));
        moves
    })
}
