//! Whether a list that came is the whole list. Full sight is proven, not assumed: rights come from
//! the server's own answer, and an owner who hides something by DENY leaves a row that says so.

use std::collections::BTreeSet;

use super::grants;
use super::query::{self, Query, Scope, Sight};
use crate::ids::PrincipalId;
use crate::snapshot::{DatabaseFacts, Object, Observed, Permission, ServerFacts, SessionIdentity};

/// Securable classes of `sys.database_permissions`, and of `sys.server_permissions` from 100 on.
mod class {
    pub const DATABASE: i32 = 0;
    pub const OBJECT: i32 = 1;
    pub const SCHEMA: i32 = 3;
    pub const PRINCIPAL: i32 = 4;
    pub const ASSEMBLY: i32 = 5;
    pub const SERVER: i32 = 100;
    pub const LOGIN: i32 = 101;
}

/// Server lists that a DENY on a login can shorten.
const OF_LOGINS: &[&str] = &[
    "server_principals",
    "server_role_members",
    "server_permissions",
    "sql_logins",
    "principal_credentials",
];

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
    let denied = server.hiding_denials().map(cloned);
    for query in query::of(Scope::Server) {
        let Some(fact) = server.named_mut(query.name) else {
            continue;
        };
        if let Some(need) = server_need(&session, query.sight) {
            fact.limit(&need);
        }
        if !matches!(
            query.sight,
            Sight::ServerDefinition | Sight::ServerSecurityDefinition
        ) {
            continue;
        }
        // A DENY on a login hides logins and what names them; of any other class it may hide whatever else there is.
        let of_logins = OF_LOGINS.contains(&query.name);
        let hides = |class: i32| match class {
            class::SERVER => true,
            class::LOGIN => of_logins,
            _ => !of_logins || query.name == "server_permissions",
        };
        if let Some(need) = denial_need(denied.as_ref(), hides) {
            fact.limit(&need);
        }
    }
    limit_unresolved_logins(server);
    limit_unmapped_links(server);
}

/// The right that is missing for a server-scope sight, if one is: of those that would do, the one that every version
/// has.
pub fn server_need(session: &SessionIdentity, sight: Sight) -> Option<String> {
    let in_database = matches!(
        sight,
        Sight::DatabaseDefinition | Sight::DatabaseSecurityDefinition
    );
    if session.is_sysadmin == Some(true) || in_database {
        return None;
    }
    let enough = grants::showing(sight);
    let need = enough.last()?;
    let held = enough.iter().any(|right| right.is_held(session));
    (!held).then(|| need.name().to_owned())
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
    let denied = facts.hiding_denials().map(cloned);
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
        let need = match of {
            Some((_, classes)) => denial_need(denied.as_ref(), |class| classes.contains(&class)),
            None => denial_need(denied.as_ref(), |_| true),
        };
        if let Some(need) = need {
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

/// Rows by themselves, so that the lists can be limited meanwhile.
fn cloned(rows: Vec<&Permission>) -> Vec<Permission> {
    rows.into_iter().cloned().collect()
}

fn denial_need(denied: Option<&Vec<Permission>>, hides: impl Fn(i32) -> bool) -> Option<String> {
    let Some(denied) = denied else {
        return Some(
            "the permissions and the auditor's own principals, to know which DENY binds it"
                .to_owned(),
        );
    };
    let row = denied.iter().find(|p| hides(p.class))?;
    Some(removal(row))
}

/// What a DENY row that hides something asks for.
pub fn removal(denied: &Permission) -> String {
    format!(
        "removal of DENY {} (class {}, id {}) from principal {}",
        denied.permission_name.as_deref().unwrap_or("?"),
        denied.class,
        denied.major_id,
        denied.grantee_principal_id
    )
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
        let signed = facts.crypt_properties.seen().iter();
        named.extend(
            signed
                .filter(|s| s.class == class::OBJECT)
                .map(|s| s.major_id),
        );
        let naming = facts.expression_dependencies.seen().iter();
        named.extend(
            naming
                .filter(|d| d.referencing_class == Some(class::OBJECT))
                .map(|d| d.referencing_id),
        );
        named.extend(facts.service_queues.seen().iter().map(|q| q.object_id));
        named.extend(facts.numbered_procedures.seen().iter().map(|p| p.object_id));
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
            facts.numbered_procedures.limit(&need);
            facts.parameters.limit(&need);
            facts.service_queues.limit(&need);
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

/// Why a table of msdb's is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableDoubt {
    /// It is not visible to this login.
    Unseen,
    /// What answers to its name could run code of msdb's owner, or hide rows.
    Doubted(String),
}

/// The schema dbo, whatever database it is in.
const DBO: i32 = 1;

/// Whether a query may be sent to msdb: whoever owns it can put a view that runs code in a table's place, hide rows by a
/// security policy (2016+), or keep a copy of the table without some of its rows. Only what is proven to be msdb's own
/// table is asked.
pub fn doubt_about(msdb: &DatabaseFacts, query: &Query) -> Option<TableDoubt> {
    let table = query.views.strip_prefix("dbo.")?;
    if let Observed::Denied { .. } | Observed::Failed { .. } | Observed::NotCollected { .. } =
        &msdb.objects
    {
        return Some(TableDoubt::Doubted(objects_of_msdb(msdb)));
    }
    let objects = msdb.objects.seen();
    if let Some(policy) = objects.iter().find(|o| o.r#type == "SP") {
        let policy = msdb.object_name(policy.object_id);
        let doubt = format!("removal of security policy {policy} from msdb, which can hide rows");
        return Some(TableDoubt::Doubted(doubt));
    }
    let named = |name: &str| {
        let mut objects = objects.iter();
        objects.find(|o| o.name == name && o.schema_id == DBO)
    };
    let Some(own) = named(table) else {
        return Some(match msdb.objects.known() {
            Some(_) => {
                TableDoubt::Doubted(format!("msdb's own table dbo.{table}, which is not there"))
            }
            None => TableDoubt::Unseen,
        });
    };
    if own.r#type != "U" {
        return Some(TableDoubt::Doubted(format!(
            "msdb's own table dbo.{table}, in whose place stands an object of type {}",
            own.r#type
        )));
    }
    let others = query::of(Scope::Msdb).filter_map(|q| named(q.views.strip_prefix("dbo.")?));
    let marked = |object: &Object| object.is_ms_shipped == Some(true);
    let odd = !marked(own) && others.into_iter().any(marked);
    odd.then(|| {
        TableDoubt::Doubted(format!(
            "msdb's own table dbo.{table}: the one that is there is not marked as shipped, and others are"
        ))
    })
}

/// What is missing where the objects of msdb are not all seen.
pub fn objects_of_msdb(msdb: &DatabaseFacts) -> String {
    let needs = msdb.objects.needs().join(", ");
    format!("the objects of msdb, to know that its tables are tables: {needs}")
}

#[cfg(test)]
mod tests;
