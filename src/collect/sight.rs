//! Whether a list that came is the whole list. Full sight is proven, not assumed: rights come from
//! the server's own answer, and an owner who hides something by DENY leaves a row that says so.

use std::collections::BTreeSet;

use super::query::{self, Query, Scope, Sight};
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
    pub const CERTIFICATE: i32 = 25;
    pub const ASYMMETRIC_KEY: i32 = 26;
    pub const OF_DATABASE: &[i32] = &[
        DATABASE,
        OBJECT,
        SCHEMA,
        PRINCIPAL,
        ASSEMBLY,
        CERTIFICATE,
        ASYMMETRIC_KEY,
    ];
    pub const SERVER: i32 = 100;
    pub const LOGIN: i32 = 101;
    pub const ENDPOINT: i32 = 105;
}

/// Server lists that a DENY on a login can shorten too, and on an endpoint.
const OF_LOGINS: &[&str] = &[
    "server_principals",
    "server_role_members",
    "server_permissions",
    "sql_logins",
    "principal_credentials",
];
const OF_ENDPOINTS: &[&str] = &["endpoints", "tcp_endpoints"];

/// Database lists by the classes of securables on which a DENY shortens them; any class shortens all others.
const CLASSES: &[(&[&str], &[i32])] = &[
    (
        &["database_principals", "database_role_members"],
        &[class::DATABASE, class::PRINCIPAL],
    ),
    (
        &[
            "objects",
            "modules",
            "numbered_procedures",
            "triggers",
            "trigger_events",
            "parameters",
            "synonyms",
            "extended_procedures",
        ],
        &[class::DATABASE, class::OBJECT, class::SCHEMA],
    ),
    (
        &["assembly_modules"],
        &[
            class::DATABASE,
            class::OBJECT,
            class::SCHEMA,
            class::ASSEMBLY,
        ],
    ),
    (
        &["assemblies", "assembly_files"],
        &[class::DATABASE, class::ASSEMBLY],
    ),
];

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
    for query in query::of(Scope::Server) {
        let Some(fact) = server.named_mut(query.name) else {
            continue;
        };
        if let Some(need) = server_need(&session, query.sight) {
            fact.limit(&need);
        }
        let classes: &[i32] = match query.sight {
            Sight::ServerDefinition | Sight::ServerSecurityDefinition => {
                if OF_LOGINS.contains(&query.name) {
                    &[class::SERVER, class::LOGIN]
                } else if OF_ENDPOINTS.contains(&query.name) {
                    &[class::SERVER, class::ENDPOINT]
                } else {
                    &[class::SERVER]
                }
            }
            _ => continue,
        };
        if let Some(need) = denial_need(denied.as_ref(), classes) {
            fact.limit(&need);
        }
    }
    limit_unresolved_logins(server);
    limit_unmapped_links(server);
}

/// The right that is missing for a server-scope sight, if one is.
pub fn server_need(session: &SessionIdentity, sight: Sight) -> Option<String> {
    let holds = |right: Option<bool>| right == Some(true);
    if holds(session.is_sysadmin) {
        return None;
    }
    let (held, need) = match sight {
        Sight::Public
        | Sight::Select
        | Sight::DatabaseDefinition
        | Sight::DatabaseSecurityDefinition => {
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
        Sight::ServerPerformanceState => (
            holds(session.view_server_state) || holds(session.view_server_performance_state),
            "VIEW SERVER STATE",
        ),
        Sight::AlterTrace => (holds(session.alter_trace), "ALTER TRACE"),
        // What 2022 has besides is asked for by `events`, which alone reads audit files.
        Sight::Control | Sight::ServerSecurityAudit => {
            (holds(session.control_server), "CONTROL SERVER")
        }
    };
    (!held).then(|| need.to_owned())
}

/// Whether a query is not sent to a session of these rights, since it would take more than an auditor should hold.
fn is_withheld(query: &Query, session: &SessionIdentity) -> bool {
    query.sight.is_beyond_least() && server_need(session, query.sight).is_some()
}

/// What is sent to a session of these rights at one scope.
pub fn asked(scope: Scope, version: u16, session: &SessionIdentity) -> Vec<&'static Query> {
    query::of(scope)
        .filter(|q| q.versions.contains(&version) && !is_withheld(q, session))
        .collect()
}

/// Says of each fact that is not asked of a session of these rights what it would take.
pub fn withhold_on_server(facts: &mut ServerFacts, session: &SessionIdentity) {
    for query in query::of(Scope::Server).filter(|q| is_withheld(q, session)) {
        if let Some(fact) = facts
            .named_mut(query.name)
            .filter(|f| f.state() == "not_collected")
        {
            fact.not_collected(query.permission);
        }
    }
}

/// The same for the facts of a database.
pub fn withhold_in_database(facts: &mut DatabaseFacts, session: &SessionIdentity) {
    for query in query::of(Scope::Database).filter(|q| is_withheld(q, session)) {
        if let Some(fact) = facts
            .named_mut(query.name)
            .filter(|f| f.state() == "not_collected")
        {
            fact.not_collected(query.permission);
        }
    }
}

/// The same for one database's lists. `exempt` says that the auditor is sysadmin.
pub fn limit_database(facts: &mut DatabaseFacts, exempt: bool) {
    if exempt {
        return;
    }
    let session = facts.database_session.known();
    let definition = session.is_some_and(|s| s.view_definition == Some(true));
    let security = definition || session.is_some_and(|s| s.view_security_definition == Some(true));
    let denied = denials(&facts.database_permissions, &facts.user_token, PUBLIC_USER);
    for query in query::of(Scope::Database) {
        let held = match query.sight {
            Sight::DatabaseDefinition | Sight::Control => definition,
            Sight::DatabaseSecurityDefinition => security,
            _ => continue,
        };
        let Some(fact) = facts.named_mut(query.name) else {
            continue;
        };
        if !held {
            fact.limit("VIEW DEFINITION in the database");
        }
        // Whether a hidden object's permissions are hidden with it differs by version: they count as hidden.
        let of = CLASSES
            .iter()
            .find(|(names, _)| names.contains(&query.name));
        let classes = of.map_or(class::OF_DATABASE, |(_, classes)| classes);
        if let Some(need) = denial_need(denied.as_ref(), classes) {
            fact.limit(&need);
        }
    }
    limit_unresolved_objects(facts);
    limit_unresolved_users(facts);
}

/// Every linked server has a login mapping from birth, and nobody needs to take it away. So a linked server without
/// one says that mappings cannot be seen: Microsoft's pages disagree on the right that shows them.
fn limit_unmapped_links(server: &mut ServerFacts) {
    let mapped: BTreeSet<i32> = server
        .linked_logins
        .seen()
        .iter()
        .map(|l| l.server_id)
        .collect();
    let links = server.linked_servers.seen().iter();
    let mut unmapped = links.filter(|link| link.is_linked && !mapped.contains(&link.server_id));
    if let Some(link) = unmapped.next() {
        let need = format!(
            "the login mapping of linked server id {}, which has none that is visible",
            link.server_id
        );
        server.linked_logins.limit(&need);
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

/// Why rows of msdb's own tables may be missing although SELECT was answered: whoever owns msdb can put a view in a
/// table's place, or filter its rows by a security policy (2016+).
pub fn doubts_about_tables(msdb: &DatabaseFacts) -> Vec<String> {
    let Some(objects) = msdb.objects.known() else {
        let needs = msdb.objects.needs().join(", ");
        return vec![format!(
            "the objects of msdb, to know that its tables are tables: {needs}"
        )];
    };
    let mut doubts = Vec::new();
    if let Some(policy) = objects.iter().find(|o| o.r#type == "SP") {
        doubts.push(format!(
            "removal of security policy {} from msdb, which can hide rows",
            msdb.object_name(policy.object_id)
        ));
    }
    let tables: Vec<&str> = query::of(Scope::Msdb)
        .filter_map(|q| q.views.strip_prefix("dbo."))
        .filter(|table| !MSDB_VIEWS.contains(table))
        .collect();
    let replaced = objects.iter().find(|o| {
        tables.contains(&o.name.as_str())
            && o.r#type != "U"
            && msdb.object_name(o.object_id) == format!("dbo.{}", o.name)
    });
    if let Some(object) = replaced {
        doubts.push(format!(
            "msdb's own table dbo.{}, in whose place stands an object of type {}",
            object.name, object.r#type
        ));
    }
    doubts
}

/// What msdb itself has as views.
const MSDB_VIEWS: &[&str] = &["syspolicy_policies", "syspolicy_conditions"];

#[cfg(test)]
mod tests;
