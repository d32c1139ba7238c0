//! The snapshot as it would be after a change.

use super::super::index::DBO;
use super::super::permission;
use super::super::permission::Class;
use super::{Change, ModuleKind, On};
use crate::ids::{DatabaseName, PrincipalId};
use crate::snapshot::{
    DatabaseFacts, DatabasePrincipal, Observed, Permission, RoleMember, ServerIdentity, Snapshot,
};

/// Why a change cannot be made in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The thing that would be changed is not there, or was not seen.
    #[error("{what} is not in the snapshot of this instance")]
    Nothing {
        /// What.
        what: String,
    },
    /// Not a statement that is understood.
    #[error("not understood: {why}; give a statement as `fix first` prints them")]
    Statement {
        /// Why not.
        why: String,
    },
}

pub(super) fn nothing(what: impl Into<String>) -> ChangeError {
    ChangeError::Nothing { what: what.into() }
}

/// How names of one instance are compared.
pub(super) struct Names<'s>(pub(super) Option<&'s ServerIdentity>);

impl Names<'_> {
    pub(super) fn same(&self, one: &str, other: &str) -> bool {
        match self.0 {
            Some(identity) => identity.is_same_name(one, other),
            None => one.eq_ignore_ascii_case(other),
        }
    }
}

impl Change {
    /// Makes the change in a snapshot.
    ///
    /// # Errors
    /// There is nothing to change.
    pub fn apply(&self, snapshot: &mut Snapshot) -> Result<(), ChangeError> {
        let identity = snapshot.server.server_identity.known().cloned();
        let names = Names(identity.as_ref());
        match self {
            Self::DropMember { role, member, .. } => {
                self.drop_member(snapshot, &names, role, member)
            }
            Self::Revoke { .. } => self.revoke(snapshot).map(drop),
            Self::Deny { .. } => self.deny(snapshot).map(drop),
            Self::DisableOption { name } => disable_option(snapshot, name),
            Self::TrustworthyOff { .. } | Self::ChainingOff { .. } | Self::ChangeOwner { .. } => {
                self.alter_database(snapshot, &names)
            }
            Self::DisableLogin { name } => {
                let logins = &mut snapshot.server.server_principals;
                let mut found = logins
                    .seen_mut()
                    .iter_mut()
                    .filter(|l| names.same(&l.name, name));
                let login = found
                    .next()
                    .ok_or_else(|| nothing(format!("login {name}")))?;
                login.is_disabled = Some(true);
                Ok(())
            }
            Self::DropLinkedLogin { server, local } => {
                drop_linked_login(snapshot, &names, server, local.as_deref())
            }
            Self::RpcOutOff { server } => {
                let servers = &mut snapshot.server.linked_servers;
                let mut found = servers
                    .seen_mut()
                    .iter_mut()
                    .filter(|s| names.same(&s.name, server));
                let found = found.next();
                let link = found.ok_or_else(|| nothing(format!("linked server {server}")))?;
                link.is_rpc_out_enabled = false;
                Ok(())
            }
            Self::DropModule { name, kind, .. } => self.drop_module(snapshot, &names, name, *kind),
            Self::DropProxyAccount => remove(&mut snapshot.server.credentials, |c| {
                c.name.eq_ignore_ascii_case("##xp_cmdshell_proxy_account##")
            })
            .ok_or_else(|| nothing("the proxy account of xp_cmdshell")),
            Self::RevokeProxy { proxy, from } => revoke_proxy(snapshot, &names, proxy, from),
        }
    }

    pub(super) fn database<'s>(
        &self,
        snapshot: &'s mut Snapshot,
        names: &Names<'_>,
    ) -> Result<Option<&'s mut DatabaseFacts>, ChangeError> {
        let Some(name) = self.place() else {
            return Ok(None);
        };
        let mut databases = snapshot.databases.iter_mut();
        match databases.find(|d| names.same(d.name.as_str(), name)) {
            Some(facts) => Ok(Some(facts)),
            None => Err(nothing(format!("database {name}"))),
        }
    }

    fn drop_member(
        &self,
        snapshot: &mut Snapshot,
        names: &Names<'_>,
        role: &str,
        member: &str,
    ) -> Result<(), ChangeError> {
        let what = || nothing(format!("{member} as a member of {role}"));
        let (ids, rows): (Vec<(PrincipalId, String)>, &mut Observed<Vec<RoleMember>>) =
            match self.database(snapshot, names)? {
                Some(facts) => (users(facts), &mut facts.database_role_members),
                None => (logins(snapshot), &mut snapshot.server.server_role_members),
            };
        let role = id_of(&ids, names, role).ok_or_else(what)?;
        let member = id_of(&ids, names, member).ok_or_else(what)?;
        let is_it =
            |row: &RoleMember| row.role_principal_id == role && row.member_principal_id == member;
        remove(rows, is_it).ok_or_else(what)
    }

    fn alter_database(
        &self,
        snapshot: &mut Snapshot,
        names: &Names<'_>,
    ) -> Result<(), ChangeError> {
        let (Self::TrustworthyOff { database }
        | Self::ChainingOff { database }
        | Self::ChangeOwner { database, .. }) = self
        else {
            return Ok(());
        };
        let mut owner = None;
        if let Self::ChangeOwner { to, keep, .. } = self {
            owner = Some(login_named(snapshot, names, to)?);
            if let Some(former) = keep {
                keep_user(snapshot, names, database, former)?;
            }
        }
        let mut rows = snapshot.server.databases.seen_mut().iter_mut();
        let row = rows.find(|row| names.same(&row.name, database.as_str()));
        let row = row.ok_or_else(|| nothing(format!("database {database}")))?;
        match self {
            Self::TrustworthyOff { .. } => row.is_trustworthy_on = Some(false),
            Self::ChainingOff { .. } => row.is_db_chaining_on = Some(false),
            _ => {}
        }
        let Some((sid, name)) = owner else {
            return Ok(());
        };
        (row.owner_sid, row.owner_name) = (sid.clone(), Some(name));
        // ALTER AUTHORIZATION makes the owner the login behind dbo there.
        let mut databases = snapshot.databases.iter_mut();
        let own = databases.find(|facts| names.same(facts.name.as_str(), database.as_str()));
        let users = own.map(|facts| facts.database_principals.seen_mut());
        for user in users.into_iter().flatten() {
            if user.principal_id == DBO {
                user.sid.clone_from(&sid);
            }
        }
        Ok(())
    }

    fn drop_module(
        &self,
        snapshot: &mut Snapshot,
        names: &Names<'_>,
        (schema, name): &(String, String),
        kind: ModuleKind,
    ) -> Result<(), ChangeError> {
        let what = || nothing(format!("{} {schema}.{name}", kind.word().to_lowercase()));
        let facts = self.database(snapshot, names)?.ok_or_else(what)?;
        let id = if kind == ModuleKind::DatabaseTrigger {
            let mut triggers = facts.triggers.seen().iter();
            let trigger = triggers.find(|t| t.parent_class == 0 && names.same(&t.name, name));
            trigger.map(|t| t.object_id)
        } else {
            let schema_id = schema_of(facts, names, schema).ok_or_else(what)?;
            let mut objects = facts.objects.seen().iter();
            let object = objects.find(|o| {
                o.schema_id == schema_id
                    && names.same(&o.name, name)
                    && ModuleKind::of(&o.r#type) == Some(kind)
            });
            object.map(|o| o.object_id)
        };
        let id = id.ok_or_else(what)?;
        forget(facts, id);
        let is_master = facts.database_id == 1;
        if is_master {
            let _ = remove(&mut snapshot.server.startup_procedures, |p| {
                p.object_id == id
            });
        }
        Ok(())
    }
}

fn login_named(
    snapshot: &Snapshot,
    names: &Names<'_>,
    name: &str,
) -> Result<(Option<String>, String), ChangeError> {
    let mut logins = snapshot.server.server_principals.seen().iter();
    let login = logins.find(|l| names.same(&l.name, name));
    let login = login.ok_or_else(|| nothing(format!("login {name}")))?;
    Ok((login.sid.clone(), login.name.clone()))
}

/// The former owner comes in as a user of its own, which reads and writes.
fn keep_user(
    snapshot: &mut Snapshot,
    names: &Names<'_>,
    database: &DatabaseName,
    former: &str,
) -> Result<(), ChangeError> {
    /// Ids of those that a database makes begin after those of its fixed roles' lowest.
    const FIRST_OF_USERS: i32 = 5;
    const FIXED_ROLES: i32 = 16384;
    let (sid, name) = login_named(snapshot, names, former)?;
    let mut logins = snapshot.server.server_principals.seen().iter();
    let kind = logins.find(|l| l.name == name).map(|l| l.r#type.clone());
    let kind = kind.unwrap_or_default();
    let mut databases = snapshot.databases.iter_mut();
    let facts = databases.find(|d| names.same(d.name.as_str(), database.as_str()));
    let facts = facts.ok_or_else(|| nothing(format!("database {database}")))?;
    if id_of(&users(facts), names, &name).is_some() {
        return Err(nothing(format!(
            "a free name {name} in database {database}"
        )));
    }
    let taken = facts.database_principals.seen().iter();
    let taken = taken
        .map(|p| p.principal_id.0)
        .filter(|id| *id < FIXED_ROLES);
    let id = PrincipalId(
        taken
            .max()
            .map_or(FIRST_OF_USERS, |id| (id + 1).max(FIRST_OF_USERS)),
    );
    let is_windows = matches!(kind.as_str(), "U" | "G");
    let user = DatabasePrincipal {
        principal_id: id,
        name,
        r#type: kind,
        sid,
        owning_principal_id: None,
        is_fixed_role: Some(false),
        authentication_type: Some(if is_windows { 3 } else { 1 }),
        create_date: None,
        modify_date: None,
    };
    add(&mut facts.database_principals, user);
    let connect = Permission {
        class: Class::Database.number(),
        major_id: 0,
        minor_id: 0,
        grantee_principal_id: id,
        grantor_principal_id: PrincipalId(1),
        r#type: "CO".to_owned(),
        permission_name: Some("CONNECT".to_owned()),
        state: "G".to_owned(),
    };
    add(&mut facts.database_permissions, connect);
    for role in super::KEPT_ROLES {
        let role = id_of(&users(facts), names, role);
        let row = role.map(|role_principal_id| RoleMember {
            role_principal_id,
            member_principal_id: id,
        });
        if let Some(row) = row {
            add(&mut facts.database_role_members, row);
        }
    }
    Ok(())
}

/// One more row, in order; of a list that was not seen nothing is known afterwards either.
pub(super) fn add<R: Ord>(rows: &mut Observed<Vec<R>>, row: R) {
    if let Observed::Known { value } | Observed::Partial { value, .. } = rows {
        value.push(row);
        value.sort();
    }
}

/// Takes away everything that is known of an object.
fn forget(facts: &mut DatabaseFacts, id: i32) {
    const OBJECT: i32 = 1;
    let _ = remove(&mut facts.objects, |o| o.object_id == id);
    let _ = remove(&mut facts.modules, |m| m.object_id == id);
    let _ = remove(&mut facts.numbered_procedures, |m| m.object_id == id);
    let _ = remove(&mut facts.assembly_modules, |m| m.object_id == id);
    let _ = remove(&mut facts.triggers, |t| t.object_id == id);
    let _ = remove(&mut facts.trigger_events, |e| e.object_id == id);
    let _ = remove(&mut facts.parameters, |p| p.object_id == id);
    let _ = remove(&mut facts.synonyms, |s| s.object_id == id);
    let of_it = |class, major_id| class == OBJECT && major_id == id;
    let _ = remove(&mut facts.crypt_properties, |c| of_it(c.class, c.major_id));
    let _ = remove(&mut facts.database_permissions, |p| {
        of_it(p.class, p.major_id)
    });
    let _ = remove(&mut facts.expression_dependencies, |d| {
        d.referencing_class == Some(OBJECT) && d.referencing_id == id
    });
}

/// Removes rows; `None` if there were none.
pub(super) fn remove<R>(rows: &mut Observed<Vec<R>>, is_it: impl Fn(&R) -> bool) -> Option<()> {
    let (Observed::Known { value } | Observed::Partial { value, .. }) = rows else {
        return None;
    };
    let before = value.len();
    value.retain(|row| !is_it(row));
    (value.len() < before).then_some(())
}

pub(super) fn logins(snapshot: &Snapshot) -> Vec<(PrincipalId, String)> {
    let rows = snapshot.server.server_principals.seen().iter();
    let mut ids: Vec<_> = rows.map(|p| (p.principal_id, p.name.clone())).collect();
    ids.push((super::super::index::PUBLIC_SERVER, "public".to_owned()));
    ids
}

pub(super) fn users(facts: &DatabaseFacts) -> Vec<(PrincipalId, String)> {
    let rows = facts.database_principals.seen().iter();
    let mut ids: Vec<_> = rows.map(|p| (p.principal_id, p.name.clone())).collect();
    ids.push((super::super::index::PUBLIC, "public".to_owned()));
    ids
}

pub(super) fn id_of(
    ids: &[(PrincipalId, String)],
    names: &Names<'_>,
    name: &str,
) -> Option<PrincipalId> {
    ids.iter()
        .find(|(_, own)| names.same(own, name))
        .map(|(id, _)| *id)
}

pub(super) fn schema_of(facts: &DatabaseFacts, names: &Names<'_>, schema: &str) -> Option<i32> {
    const SYS: i32 = 4;
    let mut schemas = facts.schemas.seen().iter();
    let found = schemas.find(|s| names.same(&s.name, schema));
    found
        .map(|s| s.schema_id)
        .or_else(|| schema.eq_ignore_ascii_case("sys").then_some(SYS))
}

/// Class and id of what a permission is on.
pub(super) fn securable(
    snapshot: &Snapshot,
    facts: Option<&DatabaseFacts>,
    names: &Names<'_>,
    on: &On,
) -> Option<(permission::Class, i32)> {
    use permission::Class;
    let login = |name: &str| Some(id_of(&logins(snapshot), names, name)?.0);
    let user = |name: &str| Some(id_of(&users(facts?), names, name)?.0);
    Some(match on {
        On::Whole if facts.is_some() => (Class::Database, 0),
        On::Whole => (Class::Server, 0),
        On::Login(name) => (Class::Login, login(name)?),
        On::ServerRole(name) => (Class::ServerRole, login(name)?),
        On::User(name) => (Class::User, user(name)?),
        On::ApplicationRole(name) => (Class::ApplicationRole, user(name)?),
        On::Role(name) => (Class::Role, user(name)?),
        On::Schema(name) => (Class::Schema, schema_of(facts?, names, name)?),
        On::Object(schema, name) => (
            Class::Object,
            object(snapshot, facts?, names, schema, name)?,
        ),
        On::Assembly(name) => {
            let mut rows = facts?.assemblies.seen().iter();
            (
                Class::Assembly,
                rows.find(|a| names.same(&a.name, name))?.assembly_id,
            )
        }
        On::Certificate(name) => {
            let mut rows = facts?.certificates.seen().iter();
            let row = rows.find(|c| names.same(&c.name, name))?;
            (Class::Certificate, row.certificate_id)
        }
        On::ExternalLanguage(name) => {
            let mut rows = facts?.external_languages.seen().iter();
            let is_it = |own: &Option<String>| own.as_deref().is_some_and(|o| names.same(o, name));
            let row = rows.find(|l| is_it(&l.language))?;
            (Class::ExternalLanguage, row.external_language_id)
        }
    })
}

fn object(
    snapshot: &Snapshot,
    facts: &DatabaseFacts,
    names: &Names<'_>,
    schema: &str,
    name: &str,
) -> Option<i32> {
    let schema_id = schema_of(facts, names, schema)?;
    let mut objects = facts.objects.seen().iter();
    let own = objects.find(|o| o.schema_id == schema_id && names.same(&o.name, name));
    let mut registered = facts.extended_procedures.seen().iter();
    let registered = registered.find(|o| o.schema_id == schema_id && names.same(&o.name, name));
    let mut shipped = snapshot.server.system_extended_procedures.seen().iter();
    let shipped = shipped.find(|o| o.schema_id == schema_id && names.same(&o.name, name));
    own.map(|o| o.object_id)
        .or_else(|| registered.map(|o| o.object_id))
        .or_else(|| shipped.map(|o| o.object_id))
}

fn disable_option(snapshot: &mut Snapshot, name: &str) -> Result<(), ChangeError> {
    let rows = snapshot.server.configurations.seen_mut();
    let mut rows = rows.iter_mut();
    let row = rows.find(|row| row.name.eq_ignore_ascii_case(name));
    let row = row.ok_or_else(|| nothing(format!("option {name}")))?;
    (row.value, row.value_in_use) = (Some(0), Some(0));
    Ok(())
}

fn drop_linked_login(
    snapshot: &mut Snapshot,
    names: &Names<'_>,
    server: &str,
    local: Option<&str>,
) -> Result<(), ChangeError> {
    let what = || nothing(format!("a login stored for linked server {server}"));
    let mut links = snapshot.server.linked_servers.seen().iter();
    let link = links.find(|s| names.same(&s.name, server));
    let server_id = link.map(|s| s.server_id).ok_or_else(what)?;
    let local = match local {
        Some(local) => Some(id_of(&logins(snapshot), names, local).ok_or_else(what)?),
        None => None,
    };
    let is_default = |id: Option<PrincipalId>| id.is_none_or(|id| id.0 == 0);
    remove(&mut snapshot.server.linked_logins, |row| {
        let same = match local {
            Some(local) => row.local_principal_id == Some(local),
            None => is_default(row.local_principal_id),
        };
        row.server_id == server_id && same
    })
    .ok_or_else(what)
}

impl Change {
    /// The parameter that names who is granted a proxy, by what it is (docs: sp_grant_login_to_proxy).
    pub(super) fn proxy_parameter(&self, snapshot: &Snapshot) -> &'static str {
        const SERVER_ROLE: i32 = 1;
        const MSDB_ROLE: i32 = 2;
        let mut after = snapshot.clone();
        let _ = self.apply(&mut after);
        let left = after.server.proxy_logins.seen();
        let mut rows = snapshot.server.proxy_logins.seen().iter();
        match rows.find(|row| !left.contains(row)).map(|row| row.flags) {
            Some(SERVER_ROLE) => "@fixed_server_role",
            Some(MSDB_ROLE) => "@msdb_role",
            _ => "@login_name",
        }
    }
}

fn revoke_proxy(
    snapshot: &mut Snapshot,
    names: &Names<'_>,
    proxy: &str,
    from: &str,
) -> Result<(), ChangeError> {
    let what = || nothing(format!("proxy {proxy} of {from}"));
    let mut proxies = snapshot.server.proxies.seen().iter();
    let found = proxies.find(|p| names.same(&p.name, proxy));
    let proxy_id = found.map(|p| p.proxy_id).ok_or_else(what)?;
    let sids: Vec<String> = {
        let logins = snapshot.server.server_principals.seen().iter();
        let logins = logins.filter(|l| names.same(&l.name, from));
        let msdb = snapshot.databases.iter().filter(|d| d.database_id == 4);
        let users = msdb.flat_map(|d| d.database_principals.seen());
        let users = users.filter(|u| names.same(&u.name, from));
        let logins = logins.filter_map(|l| l.sid.clone());
        logins.chain(users.filter_map(|u| u.sid.clone())).collect()
    };
    remove(&mut snapshot.server.proxy_logins, |row| {
        row.proxy_id == proxy_id && row.sid.as_ref().is_some_and(|sid| sids.contains(sid))
    })
    .ok_or_else(what)
}
