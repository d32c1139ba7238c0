//! What an event would have to be to have made a change: one table of every fact that statements change.

use std::collections::BTreeMap;

use super::catalog::Catalog;
use super::deed::{Class, Deed, Verb, hash};
use crate::drift::diff::{Change, ChangeKind, bare_permission, bare_securable};
use crate::snapshot::{DatabaseFacts, Event, EventSource, Fact, ServerIdentity, Snapshot};
use crate::tsql::name_parts;

/// How rows of a fact come about.
struct Trail {
    fact: Fact,
    class: Class,
    /// The column that names the thing which was changed.
    named: &'static str,
    /// The column of the other one: member, grantee, job.
    other: Option<&'static str>,
    /// The row is a part of the thing: whatever changes it changes the row.
    is_part: bool,
    /// The event of the telemetry matrix.
    event: Option<&'static str>,
}

const fn of(fact: Fact, class: Class, named: &'static str, event: &'static str) -> Trail {
    Trail {
        fact,
        class,
        named,
        other: None,
        is_part: false,
        event: if event.is_empty() { None } else { Some(event) },
    }
}

impl Trail {
    const fn other(mut self, column: &'static str) -> Self {
        self.other = Some(column);
        self
    }

    const fn part(mut self) -> Self {
        self.is_part = true;
        self
    }
}

/// Facts that statements change. Of those that are not here nothing records what changes them: files, services, the
/// registry, a restart.
#[rustfmt::skip] // one fact a line
const TRAILS: &[Trail] = &[
    of(Fact::Configurations, Class::Option, "name", "option_change"),
    of(Fact::Databases, Class::Database, "name", ""),
    of(Fact::ServerPrincipals, Class::Login, "name", "server_principal_change"),
    of(Fact::SqlLogins, Class::Login, "principal_id", "server_principal_change").part(),
    of(Fact::PrincipalCredentials, Class::Login, "principal_id", "server_principal_change").part(),
    of(Fact::ServerRoleMembers, Class::ServerRoleMember, "role_principal_id", "server_role_change").other("member_principal_id"),
    of(Fact::ServerPermissions, Class::ServerPermission, "permission_name", "server_permission_change").other("grantee_principal_id"),
    of(Fact::ServerTriggers, Class::ServerTrigger, "name", "server_trigger_change"),
    of(Fact::ServerModules, Class::ServerTrigger, "object_id", "server_trigger_change"),
    of(Fact::ServerTriggerEvents, Class::ServerTrigger, "object_id", "server_trigger_change").part(),
    of(Fact::TrustedAssemblies, Class::TrustedAssembly, "hash", "trusted_assembly_change"),
    of(Fact::SystemExtendedProcedures, Class::Object, "name", "procedure_change"),
    of(Fact::StartupProcedures, Class::Startup, "name", ""),
    of(Fact::LinkedServers, Class::LinkedServer, "name", "linked_server_change"),
    of(Fact::LinkedLogins, Class::LinkedServer, "server_id", "linked_server_change").part(),
    of(Fact::Credentials, Class::Credential, "name", ""),
    of(Fact::Endpoints, Class::Endpoint, "name", ""),
    of(Fact::TcpEndpoints, Class::Endpoint, "endpoint_id", "").part(),
    of(Fact::ServerAudits, Class::Audit, "name", "audit_change"),
    of(Fact::ServerFileAudits, Class::Audit, "audit_id", "audit_change").part(),
    of(Fact::AuditStatus, Class::Audit, "audit_id", "audit_change").part(),
    of(Fact::ServerAuditSpecifications, Class::ServerSpecification, "name", "audit_change"),
    of(Fact::ServerAuditSpecificationDetails, Class::ServerSpecification, "specification_id", "audit_change").part(),
    of(Fact::DatabaseAuditSpecifications, Class::DatabaseSpecification, "name", "audit_change"),
    of(Fact::DatabaseAuditSpecificationDetails, Class::DatabaseSpecification, "specification_id", "audit_change").part(),
    of(Fact::Jobs, Class::Job, "name", "agent_job_change"),
    of(Fact::JobSteps, Class::JobStep, "step_name", "agent_job_change").other("job_id"),
    of(Fact::JobServers, Class::Job, "job_id", "agent_job_change").part(),
    of(Fact::JobSchedules, Class::Job, "job_id", "agent_job_change").part(),
    of(Fact::Schedules, Class::Schedule, "name", "agent_job_change"),
    of(Fact::Proxies, Class::Proxy, "name", "agent_job_change"),
    of(Fact::ProxySubsystems, Class::Proxy, "proxy_id", "agent_job_change").part(),
    of(Fact::ProxyLogins, Class::Proxy, "proxy_id", "agent_job_change").part(),
    of(Fact::DatabasePrincipals, Class::User, "name", ""),
    of(Fact::DatabaseRoleMembers, Class::DatabaseRoleMember, "role_principal_id", "database_role_change").other("member_principal_id"),
    of(Fact::DatabasePermissions, Class::DatabasePermission, "permission_name", "database_permission_change").other("grantee_principal_id"),
    of(Fact::Schemas, Class::Schema, "name", ""),
    of(Fact::Objects, Class::Object, "name", "procedure_change"),
    of(Fact::Modules, Class::Object, "object_id", "procedure_change"),
    of(Fact::Triggers, Class::Object, "object_id", "trigger_change"),
    of(Fact::Parameters, Class::Object, "object_id", "procedure_change").part(),
    of(Fact::Synonyms, Class::Object, "object_id", "procedure_change"),
    of(Fact::Assemblies, Class::Assembly, "name", "assembly_change"),
    of(Fact::AssemblyFiles, Class::Assembly, "assembly_id", "assembly_change").part(),
    of(Fact::AssemblyModules, Class::Object, "object_id", "procedure_change"),
    of(Fact::ExtendedProcedures, Class::Object, "name", "procedure_change"),
    of(Fact::NumberedProcedures, Class::Object, "object_id", "procedure_change").part(),
    of(Fact::TriggerEvents, Class::Object, "object_id", "trigger_change").part(),
    of(Fact::ServiceQueues, Class::Object, "object_id", "procedure_change"),
    of(Fact::Certificates, Class::Certificate, "name", ""),
    of(Fact::AsymmetricKeys, Class::AsymmetricKey, "name", ""),
    of(Fact::ScopedCredentials, Class::DatabaseCredential, "name", ""),
    of(Fact::ExpressionDependencies, Class::Object, "referencing_id", "procedure_change").part(),
];

/// What an event would have to be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What kind of thing.
    pub class: Class,
    /// Its database; none at server scope.
    pub database: Option<String>,
    /// Its name, as it is told: with its schema.
    pub label: String,
    /// Its schema; of a permission, the securable.
    pub of: Option<String>,
    /// Its own name.
    pub name: String,
    /// Ids that an object of this name has on either side.
    pub ids: Vec<i32>,
    /// Whether no other schema has an object of this name, so that a record without schema means it.
    pub is_alone: bool,
    /// Member, grantee, job.
    pub other: Option<String>,
    /// The value that is there now, of an option.
    pub value: Option<String>,
    /// What at least one event must have done, and the last of them left undone.
    pub verb: Verb,
    /// Whether the row is a part of the thing: any change of that may be one of the row.
    pub is_part: bool,
    /// The event of the telemetry matrix.
    pub event: Option<&'static str>,
}

/// How an event fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It did this to that.
    Whole,
    /// It may have.
    Part(&'static str),
    /// It has nothing to do with it.
    Not,
}

/// Both sides of an instance.
#[derive(Clone, Copy)]
pub struct Sides<'a> {
    /// Before.
    pub before: &'a Snapshot,
    /// After.
    pub after: &'a Snapshot,
}

impl<'a> Sides<'a> {
    /// How the server compares names; after, or before where that was not seen.
    pub fn identity(&self) -> Option<&'a ServerIdentity> {
        let of = |snapshot: &'a Snapshot| snapshot.server.server_identity.known();
        of(self.after).or_else(|| of(self.before))
    }

    /// Whether two names are one to this server. Where its collation was not seen, only if they are the same.
    pub fn is_same(&self, one: &str, other: &str) -> bool {
        match self.identity() {
            Some(identity) if identity.collation.is_some() => identity.is_same_name(one, other),
            _ => one == other,
        }
    }

    /// A name as it is looked up: fewer names are one by this than by [`Sides::is_same`].
    pub fn key(name: &str) -> String {
        name.to_ascii_lowercase()
    }

    /// A database on one side.
    pub fn database(snapshot: &'a Snapshot, name: &str) -> Option<&'a DatabaseFacts> {
        snapshot
            .databases
            .iter()
            .find(|own| own.name.as_str() == name)
    }
}

impl Wanted {
    /// What an event would have to be to have made the change; `None` where nothing records such a one.
    pub fn of(change: &Change, catalog: &Catalog<'_>) -> Option<Self> {
        let fact = Fact::named(&change.fact)?;
        let trail = TRAILS.iter().find(|trail| trail.fact == fact)?;
        let named = |column: &str| change.identity.get(column).cloned();
        let written = named(trail.named)?;
        let database = change.database.as_ref().map(|own| own.as_str().to_owned());
        let mut wanted = Self {
            class: trail.class,
            database,
            label: written.clone(),
            of: None,
            name: written,
            ids: Vec::new(),
            is_alone: true,
            other: trail.other.and_then(named),
            value: None,
            verb: match change.kind {
                _ if trail.is_part => Verb::Changes,
                ChangeKind::Added | ChangeKind::NewOrNewlySeen => Verb::Makes,
                ChangeKind::Changed => Verb::Changes,
                ChangeKind::Removed | ChangeKind::NotSeenAfter => Verb::Ends,
            },
            is_part: trail.is_part,
            event: trail.event,
        };
        match trail.class {
            Class::Object => wanted.find_object(fact, &change.identity, catalog),
            Class::ServerPermission | Class::DatabasePermission => {
                wanted.name = bare_permission(&wanted.label).to_owned();
                wanted.of = named("major_id").filter(|on| !on.starts_with(['(', '#']) && on != "0");
                let parts = wanted.of.as_deref().map(bare_securable).map(name_parts);
                wanted.of = parts
                    .and_then(|mut parts| parts.pop())
                    .filter(|on| !on.is_empty());
            }
            Class::TrustedAssembly => wanted.name = hash(&wanted.label),
            Class::Option => {
                let mut columns = change.columns.iter();
                let column = columns.find(|own| own.column == "value");
                let value = column.and_then(|own| own.after.as_ref()?.as_i64());
                wanted.value = value.map(|value| value.to_string());
            }
            _ => {}
        }
        // The start of the extended procedures' names is master's business.
        if fact == Fact::SystemExtendedProcedures || fact == Fact::StartupProcedures {
            wanted.database = Some("master".to_owned());
        }
        Some(wanted)
    }

    fn find_object(
        &mut self,
        fact: Fact,
        identity: &BTreeMap<&'static str, String>,
        catalog: &Catalog<'_>,
    ) {
        if matches!(fact, Fact::Objects | Fact::ExtendedProcedures) {
            self.of = identity.get("schema_id").cloned();
        } else if fact != Fact::SystemExtendedProcedures {
            let mut parts = name_parts(&self.label);
            if let Some(own) = parts.pop() {
                self.name = own;
            }
            self.of = parts.pop();
            if self.of.is_none() {
                self.class = Class::DatabaseTrigger;
                self.event = Some("database_trigger_change");
            }
        }
        let database = self.database.clone();
        let database = database.as_deref().unwrap_or("master");
        let is_trigger = self.class == Class::DatabaseTrigger;
        for row in catalog.named(database, &self.name.clone()) {
            if row.schema.is_none() != is_trigger {
                continue;
            }
            if self.of.is_none() || row.schema == self.of.as_deref() {
                self.ids.push(row.id);
                if !is_trigger {
                    self.event = event_of(row.kind).or(self.event);
                }
            } else {
                self.is_alone = false;
            }
        }
    }

    /// What would make it besides: a login comes with CONNECT SQL and goes with all that it holds, a job goes with its
    /// steps, and whoever makes, restores or drops a database does so with all that is in it.
    pub fn implied(&self) -> Vec<Self> {
        let instead = |class, name: &str, database: Option<&String>, verb| Self {
            class,
            database: database.cloned(),
            label: name.to_owned(),
            of: None,
            name: name.to_owned(),
            ids: Vec::new(),
            is_alone: true,
            other: None,
            value: None,
            verb,
            is_part: false,
            event: self.event,
        };
        let mut implied = Vec::new();
        let comes = match self.class {
            Class::ServerPermission => Some((Class::Login, self.name == "CONNECT SQL")),
            Class::DatabasePermission => Some((Class::User, self.name == "CONNECT")),
            Class::ServerRoleMember => Some((Class::Login, false)),
            Class::DatabaseRoleMember => Some((Class::User, false)),
            Class::JobStep => Some((Class::Job, false)),
            _ => None,
        };
        if let (Some((class, comes_with)), Some(other)) = (comes, &self.other)
            && (self.verb == Verb::Ends || (self.verb == Verb::Makes && comes_with))
        {
            implied.push(instead(class, other, self.database.as_ref(), self.verb));
        }
        if let Some(own) = &self.database {
            if self.verb == Verb::Ends {
                implied.push(instead(Class::Database, own, None, Verb::Ends));
            }
            implied.push(instead(Class::Database, own, None, Verb::Makes));
        }
        implied
    }

    /// How something that an event did fits.
    pub fn fit(&self, event: &Event, deed: &Deed, sides: Sides<'_>) -> Fit {
        if deed.class != self.class || !self.is_here(event, sides) {
            return Fit::Not;
        }
        let same = |one: Option<&str>, other: &str| one.map(|one| sides.is_same(one, other));
        let mut doubt = deed.doubt;
        match same(deed.name.as_deref(), &self.name) {
            Some(true) => {}
            // The role of a permission's name is the doubt itself.
            None if deed.doubt.is_some() => {}
            None if deed.class == Class::JobStep || deed.class == Class::Job => {
                doubt = doubt.or(Some(
                    "its name stands in a variable, whose value is not recorded",
                ));
            }
            Some(false) if deed.class == Class::Startup && self.is_last_part(deed) => {}
            _ => return Fit::Not,
        }
        if let Some(other) = &self.other {
            match same(deed.other.as_deref(), other) {
                Some(true) => {}
                Some(false) => return Fit::Not,
                None => {
                    let why = "whose it was is not recorded, or stands in a variable";
                    doubt = doubt.or(Some(why));
                }
            }
        }
        if let Err(found) = self.is_of(event, deed, sides) {
            match found {
                Some(why) => doubt = doubt.or(Some(why)),
                None => return Fit::Not,
            }
        }
        doubt.map_or(Fit::Whole, Fit::Part)
    }

    fn is_last_part(&self, deed: &Deed) -> bool {
        let parts = deed.name.as_deref().map(name_parts);
        parts.is_some_and(|parts| parts.last() == Some(&self.name))
    }

    fn is_here(&self, event: &Event, sides: Sides<'_>) -> bool {
        let Some(own) = &self.database else {
            return true;
        };
        match event.on.database.as_deref() {
            Some(named) => sides.is_same(named, own),
            // Procedures of the server are called from anywhere.
            None => matches!(self.class, Class::Object | Class::Startup) && own == "master",
        }
    }

    /// Whether it is of the schema, or about the securable. `Err(Some(why))`: that cannot be told.
    fn is_of(
        &self,
        event: &Event,
        deed: &Deed,
        sides: Sides<'_>,
    ) -> Result<(), Option<&'static str>> {
        let is_permission = matches!(
            self.class,
            Class::ServerPermission | Class::DatabasePermission
        );
        let is_id = event.on.object_id.is_some_and(|id| self.ids.contains(&id));
        match (&self.of, &deed.of) {
            (Some(own), Some(of)) if sides.is_same(own, of) => Ok(()),
            (Some(_), Some(_)) => Err(None),
            (Some(_), None) | (None, Some(_)) if is_permission => {
                Err(Some("on what it was is not recorded"))
            }
            // A thing that was dropped and made has another id each time.
            (Some(_), None) if self.class == Class::Object => {
                if self.is_alone || is_id {
                    return Ok(());
                }
                Err(Some(
                    "its schema is not recorded, and another has an object of this name",
                ))
            }
            (None, None) if self.class == Class::DatabaseTrigger => {
                if event.source != EventSource::DefaultTrace || is_id {
                    return Ok(());
                }
                Err(Some("whether it is a trigger of a table is not recorded"))
            }
            _ => Ok(()),
        }
    }
}

/// The event of the matrix that a type of object comes by.
fn event_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "FN" | "IF" | "TF" | "FS" | "FT" | "AF" => "function_change",
        "TR" | "TA" => "trigger_change",
        "P" | "PC" | "X" | "V" => "procedure_change",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::diff::COMPARED;
    use crate::rules::telemetry::EVENTS;

    #[test]
    fn every_trail_is_of_a_compared_fact_by_columns_that_name_its_rows() {
        let mut facts = std::collections::BTreeSet::new();
        for trail in TRAILS {
            assert!(
                facts.insert(trail.fact),
                "{} stands twice",
                trail.fact.name()
            );
            let mut compared = COMPARED.iter();
            let compared = compared.find(|own| own.fact == trail.fact);
            let identity = compared.map(|own| own.identity).unwrap_or_default();
            for column in [Some(trail.named), trail.other].into_iter().flatten() {
                let is_known = column == "permission_name" || identity.contains(&column);
                assert!(is_known, "{} is not named by {column}", trail.fact.name());
            }
            if let Some(event) = trail.event {
                assert!(EVENTS.iter().any(|own| own.id == event), "{event}");
            }
        }
    }
}
