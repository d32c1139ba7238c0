//! REVOKE and DENY in the snapshot, with what CASCADE takes away besides: a permission that was passed on, or denied, by
//! who loses it (docs: REVOKE, on CASCADE).

use super::super::permission;
use super::apply::{Names, id_of, logins, nothing, securable, users};
use super::{Change, ChangeError, On};
use crate::ids::PrincipalId;
use crate::snapshot::{DatabaseFacts, Observed, Permission, Snapshot};

/// `sa` of the server and `dbo` of a database grant where no other grantor is named.
const OWNER: PrincipalId = PrincipalId(1);

/// A GRANT or DENY as a statement has it.
pub(super) struct Given {
    pub(super) grantee: String,
    /// `None` where no AS is needed.
    pub(super) grantor: Option<String>,
    pub(super) with_option: bool,
    pub(super) is_deny: bool,
}

impl Change {
    /// Removes the GRANTs; what was removed, in the order in which it has to be granted again.
    pub(super) fn revoke(&self, snapshot: &mut Snapshot) -> Result<Vec<Permission>, ChangeError> {
        let Self::Revoke {
            permission,
            from,
            by,
            ..
        } = self
        else {
            return Ok(Vec::new());
        };
        let what = || nothing(format!("{permission} of {from}"));
        let like = self.row(snapshot).ok_or_else(what)?;
        let own = self.default_grantors(snapshot, &like);
        let mut grantors = Vec::new();
        for grantor in by {
            match grantor {
                None => grantors.extend(own.iter().copied()),
                Some(name) => grantors.push(self.principal(snapshot, name).ok_or_else(what)?),
            }
        }
        let rows = self.rows_mut(snapshot)?;
        let removed = revoked(rows, |p| {
            is_about(p, &like)
                && p.grantee_principal_id == like.grantee_principal_id
                && p.state != "D"
                && grantors.contains(&p.grantor_principal_id)
        });
        if removed.is_empty() {
            return Err(what());
        }
        Ok(removed)
    }

    /// Puts the DENY in the place of GRANTs; what was removed.
    pub(super) fn deny(&self, snapshot: &mut Snapshot) -> Result<Vec<Permission>, ChangeError> {
        let Self::Deny { permission, to, .. } = self else {
            return Ok(Vec::new());
        };
        let what = || nothing(format!("{to}, or what {permission} is on"));
        let like = self.row(snapshot).ok_or_else(what)?;
        let rows = self.rows_mut(snapshot)?;
        let removed = revoked(rows, |p| {
            is_about(p, &like) && p.grantee_principal_id == like.grantee_principal_id
        });
        // Whom it was passed on to is denied it too (docs: DENY, on CASCADE).
        let mut denied: Vec<PrincipalId> =
            removed.iter().map(|row| row.grantee_principal_id).collect();
        denied.push(like.grantee_principal_id);
        denied.sort();
        denied.dedup();
        for grantee_principal_id in denied {
            let row = Permission {
                grantee_principal_id,
                ..like.clone()
            };
            super::apply::add(rows, row);
        }
        Ok(removed)
    }

    /// What the change removes, as statements have it, each after what it rests on.
    pub(super) fn removed(&self, before: &Snapshot) -> Vec<Given> {
        let mut after = before.clone();
        let removed = match self {
            Self::Revoke { .. } => self.revoke(&mut after),
            Self::Deny { .. } => self.deny(&mut after),
            _ => Ok(Vec::new()),
        };
        let given = |row: &Permission| {
            let name = |id| self.name_of(before, id);
            let is_default = row.grantor_principal_id == OWNER;
            Some(Given {
                grantee: name(row.grantee_principal_id)?,
                grantor: if is_default {
                    None
                } else {
                    Some(name(row.grantor_principal_id)?)
                },
                with_option: row.state == "W",
                is_deny: row.state == "D",
            })
        };
        removed
            .unwrap_or_default()
            .iter()
            .filter_map(given)
            .collect()
    }

    fn facts<'s>(&self, snapshot: &'s Snapshot) -> Option<&'s DatabaseFacts> {
        let names = Names(snapshot.server.server_identity.known());
        let place = self.place()?;
        let mut databases = snapshot.databases.iter();
        databases.find(|d| names.same(d.name.as_str(), place))
    }

    fn principals(&self, snapshot: &Snapshot) -> Option<Vec<(PrincipalId, String)>> {
        match self.place() {
            Some(_) => Some(users(self.facts(snapshot)?)),
            None => Some(logins(snapshot)),
        }
    }

    fn principal(&self, snapshot: &Snapshot, name: &str) -> Option<PrincipalId> {
        let names = Names(snapshot.server.server_identity.known());
        id_of(&self.principals(snapshot)?, &names, name)
    }

    fn name_of(&self, snapshot: &Snapshot, id: PrincipalId) -> Option<String> {
        let mut all = self.principals(snapshot)?.into_iter();
        all.find(|(own, _)| *own == id).map(|(_, name)| name)
    }

    fn rows_mut<'s>(
        &self,
        snapshot: &'s mut Snapshot,
    ) -> Result<&'s mut Observed<Vec<Permission>>, ChangeError> {
        let identity = snapshot.server.server_identity.known().cloned();
        if self.place().is_none() {
            return Ok(&mut snapshot.server.server_permissions);
        }
        let facts = self.database(snapshot, &Names(identity.as_ref()))?;
        let facts = facts.ok_or_else(|| nothing("its database"))?;
        Ok(&mut facts.database_permissions)
    }

    /// What a DENY of the permission looks like.
    fn row(&self, snapshot: &Snapshot) -> Option<Permission> {
        let (Self::Revoke {
            permission,
            on,
            from: principal,
            ..
        }
        | Self::Deny {
            permission,
            on,
            to: principal,
            ..
        }) = self
        else {
            return None;
        };
        let names = Names(snapshot.server.server_identity.known());
        let facts = self.facts(snapshot);
        if self.place().is_some() && facts.is_none() {
            return None;
        }
        let (class, major_id) = securable(snapshot, facts, &names, on)?;
        Some(Permission {
            class: class.number(),
            major_id,
            minor_id: 0,
            grantee_principal_id: self.principal(snapshot, principal)?,
            grantor_principal_id: OWNER,
            r#type: permission::code(class, permission)?.to_owned(),
            permission_name: Some(permission.clone()),
            state: "D".to_owned(),
        })
    }

    /// As whom a member of sysadmin revokes where no AS is written: sa or dbo, and the owner of what it is on.
    fn default_grantors(&self, snapshot: &Snapshot, like: &Permission) -> Vec<PrincipalId> {
        let Self::Revoke { on, .. } = self else {
            return Vec::new();
        };
        let owner = self.facts(snapshot).and_then(|facts| match on {
            On::Schema(_) => {
                let mut schemas = facts.schemas.seen().iter();
                schemas.find(|s| s.schema_id == like.major_id)?.principal_id
            }
            On::Object(..) => {
                let object = facts.object(like.major_id)?;
                let mut schemas = facts.schemas.seen().iter();
                let schema = schemas.find(|s| s.schema_id == object.schema_id);
                object.principal_id.or(schema?.principal_id)
            }
            On::Role(_) => {
                let mut roles = facts.database_principals.seen().iter();
                let role = roles.find(|r| r.principal_id.0 == like.major_id)?;
                role.owning_principal_id
            }
            _ => None,
        });
        let mut grantors = vec![OWNER];
        grantors.extend(owner.filter(|owner| *owner != OWNER));
        grantors
    }
}

/// The same permission on the same thing, whoever has it.
fn is_about(row: &Permission, other: &Permission) -> bool {
    row.class == other.class
        && row.major_id == other.major_id
        && row.minor_id == other.minor_id
        && row.r#type == other.r#type
}

/// Removes rows, and then what those who cannot pass it on any more had passed on or denied; in that order.
fn revoked(
    rows: &mut Observed<Vec<Permission>>,
    is_it: impl Fn(&Permission) -> bool,
) -> Vec<Permission> {
    let (Observed::Known { value } | Observed::Partial { value, .. }) = rows else {
        return Vec::new();
    };
    let mut removed: Vec<Permission> = value.extract_if(.., |row| is_it(row)).collect();
    let mut next = 0;
    while let Some(lost) = removed.get(next).cloned() {
        next += 1;
        let by_him = |row: &Permission| row.grantor_principal_id == lost.grantee_principal_id;
        let may_still = value.iter().any(|row| {
            is_about(row, &lost)
                && row.grantee_principal_id == lost.grantee_principal_id
                && row.state == "W"
        });
        let is_owner = lost.grantee_principal_id == OWNER;
        if lost.state == "W" && !may_still && !is_owner {
            removed.extend(value.extract_if(.., |row| is_about(row, &lost) && by_him(row)));
        }
    }
    removed
}
