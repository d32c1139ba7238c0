//! Whether a list that came is the whole list. Full sight is proven, not assumed: rights come from
//! the server's own answer, and an owner who hides something by DENY leaves a row that says so.

use std::collections::BTreeSet;

use super::query::Sight;
use crate::ids::PrincipalId;
use crate::snapshot::{
    DatabaseFacts, Observed, Permission, ServerFacts, SessionIdentity, TokenRow,
};

const PUBLIC_LOGIN: PrincipalId = PrincipalId(2);
const PUBLIC_USER: PrincipalId = PrincipalId(0);

/// Permissions whose DENY hides metadata.
const HIDING: &[&str] = &[
    "VIEW DEFINITION",
    "VIEW ANY DEFINITION",
    "VIEW SECURITY DEFINITION",
    "VIEW ANY SECURITY DEFINITION",
    "CONTROL",
    "CONTROL SERVER",
];

/// Securable classes of `sys.database_permissions`, and of `sys.server_permissions` from 100 on.
mod class {
    pub const DATABASE: i32 = 0;
    pub const OBJECT: i32 = 1;
    pub const SCHEMA: i32 = 3;
    pub const PRINCIPAL: i32 = 4;
    pub const ASSEMBLY: i32 = 5;
    pub const OF_DATABASE: &[i32] = &[DATABASE, OBJECT, SCHEMA, PRINCIPAL, ASSEMBLY];
    pub const SERVER: i32 = 100;
    pub const LOGIN: i32 = 101;
}

/// Takes back `Known` from every server list that the session's rights, a DENY or an unresolved id
/// show to be incomplete.
pub fn limit_server(server: &mut ServerFacts) {
    let Some(session) = server.session.known().cloned() else {
        return;
    };
    if session.is_sysadmin == Some(true) {
        return;
    }
    let denied = denials(
        &server.server_permissions,
        &server.login_token,
        PUBLIC_LOGIN,
    );
    let whole = |sight| server_need(&session, sight);
    limit(&mut server.databases, whole(Sight::AnyDatabase).as_deref());
    for sight in [
        whole(Sight::ServerSecurityDefinition),
        denial_need(denied.as_ref(), &[class::SERVER, class::LOGIN]),
    ] {
        limit(&mut server.server_principals, sight.as_deref());
        limit(&mut server.server_role_members, sight.as_deref());
        limit(&mut server.server_permissions, sight.as_deref());
    }
    for sight in [
        whole(Sight::ServerDefinition),
        denial_need(denied.as_ref(), &[class::SERVER]),
    ] {
        limit(&mut server.server_triggers, sight.as_deref());
        limit(&mut server.server_modules, sight.as_deref());
    }
    limit(
        &mut server.trusted_assemblies,
        whole(Sight::ServerState).as_deref(),
    );
    limit_unresolved_logins(server);
}

/// The right that is missing for a server-scope sight, if one is.
pub fn server_need(session: &SessionIdentity, sight: Sight) -> Option<String> {
    let holds = |right: Option<bool>| right == Some(true);
    if holds(session.is_sysadmin) {
        return None;
    }
    let (held, need) = match sight {
        Sight::Public | Sight::DatabaseDefinition | Sight::DatabaseSecurityDefinition => {
            return None;
        }
        Sight::AnyDatabase => (holds(session.view_any_database), "VIEW ANY DATABASE"),
        Sight::ServerDefinition => (holds(session.view_any_definition), "VIEW ANY DEFINITION"),
        Sight::ServerSecurityDefinition => (
            holds(session.view_any_definition) || holds(session.view_any_security_definition),
            "VIEW ANY DEFINITION",
        ),
        Sight::ServerState => (
            holds(session.view_server_state) || holds(session.view_server_security_state),
            "VIEW SERVER STATE",
        ),
    };
    (!held).then(|| need.to_owned())
}

/// The same for one database's lists. `exempt` says that the auditor is sysadmin.
pub fn limit_database(facts: &mut DatabaseFacts, exempt: bool) {
    if exempt {
        return;
    }
    let session = facts.database_session.known();
    let definition = session.is_some_and(|s| s.view_definition == Some(true));
    let security = definition || session.is_some_and(|s| s.view_security_definition == Some(true));
    let need = |held: bool| (!held).then(|| "VIEW DEFINITION in the database".to_owned());
    let denied = denials(&facts.database_permissions, &facts.user_token, PUBLIC_USER);

    for need in [
        need(security),
        denial_need(denied.as_ref(), &[class::DATABASE, class::PRINCIPAL]),
    ] {
        limit(&mut facts.database_principals, need.as_deref());
        limit(&mut facts.database_role_members, need.as_deref());
        limit(&mut facts.database_permissions, need.as_deref());
    }
    let objects = denial_need(
        denied.as_ref(),
        &[class::DATABASE, class::OBJECT, class::SCHEMA],
    );
    for need in [need(definition), objects] {
        limit(&mut facts.objects, need.as_deref());
        limit(&mut facts.modules, need.as_deref());
        limit(&mut facts.triggers, need.as_deref());
        limit(&mut facts.parameters, need.as_deref());
        limit(&mut facts.synonyms, need.as_deref());
        limit(&mut facts.assembly_modules, need.as_deref());
        limit(&mut facts.extended_procedures, need.as_deref());
    }
    for need in [
        need(definition),
        denial_need(denied.as_ref(), &[class::DATABASE, class::ASSEMBLY]),
    ] {
        limit(&mut facts.assemblies, need.as_deref());
        limit(&mut facts.assembly_files, need.as_deref());
        limit(&mut facts.assembly_modules, need.as_deref());
    }
    // Whether a hidden object's permissions are hidden with it differs by version: they count as hidden.
    let any = denial_need(denied.as_ref(), class::OF_DATABASE);
    limit(&mut facts.database_permissions, any.as_deref());
    limit_unresolved_objects(facts);
    limit_unresolved_users(facts);
}

fn limit<T>(fact: &mut Observed<T>, need: Option<&str>) {
    if let Some(need) = need {
        fact.limit(need);
    }
}

/// DENY rows that bind the auditor, by class; `None` when they, or whom they bind, could not be read.
fn denials(
    permissions: &Observed<Vec<Permission>>,
    token: &Observed<Vec<TokenRow>>,
    public: PrincipalId,
) -> Option<Vec<Permission>> {
    if !matches!(
        permissions,
        Observed::Known { .. } | Observed::Partial { .. }
    ) {
        return None;
    }
    let own: BTreeSet<PrincipalId> = token
        .known()?
        .iter()
        .filter_map(|row| row.principal_id)
        .chain([public])
        .collect();
    let hides = |p: &&Permission| {
        p.state == "D"
            && own.contains(&p.grantee_principal_id)
            && p.permission_name
                .as_deref()
                .is_some_and(|name| HIDING.contains(&name))
    };
    Some(permissions.seen().iter().filter(hides).cloned().collect())
}

fn denial_need(denied: Option<&Vec<Permission>>, classes: &[i32]) -> Option<String> {
    let Some(denied) = denied else {
        return Some(
            "the permissions and the auditor's own principals, to know which DENY binds it"
                .to_owned(),
        );
    };
    let row = denied.iter().find(|p| classes.contains(&p.class))?;
    Some(format!(
        "removal of DENY {} (class {}, id {}) from principal {}",
        row.permission_name.as_deref().unwrap_or("?"),
        row.class,
        row.major_id,
        row.grantee_principal_id
    ))
}

/// An id that a visible row names and no visible row carries proves that something is hidden. Returns such an
/// id.
fn unresolved<T: Ord + Copy>(known: impl Iterator<Item = T>, named: Vec<T>) -> Option<T> {
    let known: BTreeSet<T> = known.collect();
    named.into_iter().find(|id| !known.contains(id))
}

fn limit_unresolved_logins(server: &mut ServerFacts) {
    let Some(principals) = server.server_principals.known() else {
        return;
    };
    let permissions = server.server_permissions.seen();
    let mut named: Vec<PrincipalId> = Vec::new();
    for member in server.server_role_members.seen() {
        named.extend([member.role_principal_id, member.member_principal_id]);
    }
    for permission in permissions {
        named.extend([
            permission.grantee_principal_id,
            permission.grantor_principal_id,
        ]);
    }
    let on_logins = permissions.iter().filter(|p| p.class == class::LOGIN);
    named.extend(on_logins.map(|p| PrincipalId(p.major_id)));
    named.extend(principals.iter().filter_map(|p| p.owning_principal_id));
    let known = principals.iter().map(|p| p.principal_id);
    if let Some(hidden) = unresolved(known, named) {
        let need = format!("server principal {hidden}, which is named but not visible");
        server.server_principals.limit(&need);
        server.server_role_members.limit(&need);
        server.server_permissions.limit(&need);
    }
}

fn limit_unresolved_users(facts: &mut DatabaseFacts) {
    let Some(principals) = facts.database_principals.known() else {
        return;
    };
    let permissions = facts.database_permissions.seen();
    let mut named: Vec<PrincipalId> = Vec::new();
    for member in facts.database_role_members.seen() {
        named.extend([member.role_principal_id, member.member_principal_id]);
    }
    for permission in permissions {
        named.extend([
            permission.grantee_principal_id,
            permission.grantor_principal_id,
        ]);
    }
    let on_users = permissions.iter().filter(|p| p.class == class::PRINCIPAL);
    named.extend(on_users.map(|p| PrincipalId(p.major_id)));
    named.extend(principals.iter().filter_map(|p| p.owning_principal_id));
    named.extend(facts.schemas.seen().iter().filter_map(|s| s.principal_id));
    named.extend(facts.objects.seen().iter().filter_map(|o| o.principal_id));
    named.extend(
        facts
            .assemblies
            .seen()
            .iter()
            .filter_map(|a| a.principal_id),
    );
    let known = principals.iter().map(|p| p.principal_id);
    if let Some(hidden) = unresolved(known, named) {
        let need = format!("database principal {hidden}, which is named but not visible");
        facts.database_principals.limit(&need);
        facts.database_role_members.limit(&need);
        facts.database_permissions.limit(&need);
    }
}

fn limit_unresolved_objects(facts: &mut DatabaseFacts) {
    let permissions = facts.database_permissions.seen();
    let on = |class: i32| permissions.iter().filter(move |p| p.class == class);
    if let Some(objects) = facts.objects.known() {
        let triggers = facts.triggers.seen().iter();
        let known = objects.iter().map(|o| o.object_id);
        let known = known.chain(triggers.clone().map(|t| t.object_id));
        let mut named: Vec<i32> = on(class::OBJECT).map(|p| p.major_id).collect();
        named.extend(facts.modules.seen().iter().map(|m| m.object_id));
        named.extend(facts.parameters.seen().iter().map(|p| p.object_id));
        named.extend(facts.synonyms.seen().iter().map(|s| s.object_id));
        named.extend(facts.assembly_modules.seen().iter().map(|m| m.object_id));
        named.extend(facts.extended_procedures.seen().iter().map(|p| p.object_id));
        named.extend(triggers.map(|t| t.parent_id));
        named.extend(objects.iter().map(|o| o.parent_object_id));
        // Ids of shipped objects are negative and stand in the resource database; 0 is none.
        named.retain(|id| *id > 0);
        if let Some(hidden) = unresolved(known, named) {
            let need = format!("object {hidden}, which is named but not visible");
            facts.objects.limit(&need);
            facts.modules.limit(&need);
            facts.triggers.limit(&need);
            facts.extended_procedures.limit(&need);
            facts.synonyms.limit(&need);
        }
    }
    let permissions = facts.database_permissions.seen();
    let mut named: Vec<i32> = permissions
        .iter()
        .filter(|p| p.class == class::ASSEMBLY)
        .map(|p| p.major_id)
        .collect();
    named.extend(facts.assembly_modules.seen().iter().map(|m| m.assembly_id));
    named.extend(facts.assembly_files.seen().iter().map(|f| f.assembly_id));
    let known = facts.assemblies.seen().iter().map(|a| a.assembly_id);
    if let Some(hidden) = unresolved(known, named) {
        let need = format!("assembly {hidden}, which is named but not visible");
        facts.assemblies.limit(&need);
        facts.assembly_files.limit(&need);
        facts.assembly_modules.limit(&need);
    }
}

#[cfg(test)]
mod tests;
