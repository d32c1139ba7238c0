//! What an event would have to be to have made a change: one table of every fact that statements change.

use std::collections::BTreeMap;

use serde_json::Value;

use super::catalog::Catalog;
use super::deed::{Class, Deed, Securable, Verb, hash};
use super::grants::{DENIED, GRANTED, GRANTED_TO_GRANT};
use super::thing::unquoted;
use crate::drift::diff::{Change, ChangeKind, bare_permission, bare_securable};
use crate::snapshot::{DatabaseFacts, Event, EventSource, Fact, ServerIdentity, Snapshot};
use crate::tsql::name_parts;

/// The column of a step's text.
pub const COMMAND: &str = "command";

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
    /// Which kind of parts, where calls that change the thing change some kinds alone.
    kind: Option<&'static str>,
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
        kind: None,
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

    const fn kind(mut self, kind: &'static str) -> Self {
        self.kind = Some(kind);
        self.part()
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
    of(Fact::LinkedLogins, Class::LinkedServer, "server_id", "linked_server_change").kind("login"),
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
    of(Fact::JobServers, Class::Job, "job_id", "agent_job_change").kind("target"),
    of(Fact::JobSchedules, Class::Job, "job_id", "agent_job_change").kind("schedule"),
    of(Fact::Schedules, Class::Schedule, "name", "agent_job_change"),
    of(Fact::Proxies, Class::Proxy, "name", "agent_job_change"),
    of(Fact::ProxySubsystems, Class::Proxy, "proxy_id", "agent_job_change").kind("subsystem"),
    of(Fact::ProxyLogins, Class::Proxy, "proxy_id", "agent_job_change").kind("login"),
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
    /// The value that is there now, of an option; of a permission, its state.
    pub value: Option<String>,
    /// What a permission is on.
    pub on: Option<Securable>,
    /// The columns that differ with the values that are there now; of parts, their kind.
    pub columns: Vec<(String, Option<Value>)>,
    /// Whether the row is code, and nothing else of it changed.
    pub is_code: bool,
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

    /// A name in the form that all names have that are one to this server. Where its collation was not seen, names that
    /// may be one are.
    pub fn folded(&self, name: &str) -> String {
        let sensitive = self
            .identity()
            .is_some_and(|own| own.collation.is_some() && own.is_case_sensitive());
        if sensitive {
            name.to_owned()
        } else {
            Self::key(name)
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
            on: None,
            columns: columns(change, trail),
            is_code: is_code(change, fact),
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
            Class::ServerPermission | Class::DatabasePermission => wanted.find_securable(named),
            Class::TrustedAssembly => wanted.name = hash(&wanted.label),
            Class::Option => {
                let value = wanted.is("value").and_then(Value::as_i64);
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

    /// What is there now in a column that differs.
    fn is(&self, column: &str) -> Option<&Value> {
        let mut columns = self.columns.iter();
        columns.find(|(own, _)| own == column)?.1.as_ref()
    }

    fn find_securable(&mut self, named: impl Fn(&str) -> Option<String>) {
        self.name = bare_permission(&self.label).to_owned();
        let class = named("class").and_then(|class| class.parse().ok());
        let name = named("major_id").filter(|on| !on.starts_with(['(', '#']) && on != "0");
        let name = name.map(|name| bare_securable(&name).to_owned());
        let mut schema = None;
        self.of = if class == Some(1) {
            let mut parts = name.as_deref().map(name_parts).unwrap_or_default();
            let own = parts.pop();
            schema = parts.pop();
            own
        } else {
            name.as_deref().map(unquoted)
        };
        self.of = self.of.take().filter(|on| !on.is_empty());
        self.on = class.map(|class| Securable {
            class,
            schema,
            is_columns: named("minor_id").is_some_and(|minor| minor != "0"),
        });
        let state = self.is("state").and_then(Value::as_str);
        let words = match state {
            Some("D") => Some(DENIED),
            Some("G") => Some(GRANTED),
            Some("W") => Some(GRANTED_TO_GRANT),
            other => other,
        };
        self.value = words.map(str::to_owned);
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
    /// steps, and whoever makes, restores or drops a database does so with all that is in it. What may have come or gone
    /// with a database that was not made anew, or has no date to be held to, is doubted, and why.
    pub fn implied(&self, catalog: &Catalog<'_>) -> Vec<(Self, Option<&'static str>)> {
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
            on: None,
            columns: Vec::new(),
            is_code: false,
            verb,
            is_part: false,
            event: self.event,
        };
        let mut implied = Vec::new();
        let is_granted = self.value.as_deref() == Some(GRANTED);
        let comes = match self.class {
            Class::ServerPermission => {
                Some((Class::Login, self.name == "CONNECT SQL" && is_granted))
            }
            Class::DatabasePermission => Some((Class::User, self.name == "CONNECT" && is_granted)),
            Class::ServerRoleMember => Some((Class::Login, false)),
            Class::DatabaseRoleMember => Some((Class::User, false)),
            Class::JobStep => Some((Class::Job, false)),
            _ => None,
        };
        if let (Some((class, comes_with)), Some(other)) = (comes, &self.other)
            && (self.verb == Verb::Ends || (self.verb == Verb::Makes && comes_with))
        {
            let own = instead(class, other, self.database.as_ref(), self.verb);
            implied.push((own, None));
        }
        let Some(own) = &self.database else {
            return implied;
        };
        let is_another = catalog.is_another_database(own);
        if self.verb == Verb::Ends && is_another {
            implied.push((instead(Class::Database, own, None, Verb::Ends), None));
        }
        let doubt = if self.verb == Verb::Ends {
            Some(
                "it may have gone with its database, and what is gone has no date to be held to that",
            )
        } else if catalog.has_date(self) {
            None
        } else {
            Some(
                "it may have come with its database, and has no date of its own to be held to that",
            )
        };
        // What was there all the time was not made in between.
        if self.verb != Verb::Ends && is_another {
            implied.push((instead(Class::Database, own, None, Verb::Makes), doubt));
        }
        implied.push((instead(Class::Database, own, None, Verb::Restores), doubt));
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
            None => {
                doubt = doubt.or(Some(
                    "its name stands in a variable, whose value is not recorded",
                ));
            }
            Some(false) if deed.class == Class::Startup && self.is_last_part(deed) => {}
            Some(false) => return Fit::Not,
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
        if matches!(
            self.class,
            Class::ServerPermission | Class::DatabasePermission
        ) {
            return self.is_on(deed, sides);
        }
        let is_id = event.on.object_id.is_some_and(|id| self.ids.contains(&id));
        match (&self.of, &deed.of) {
            (Some(own), Some(of)) if sides.is_same(own, of) => Ok(()),
            (Some(_), Some(_)) => Err(None),
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

    /// Whether a permission is on this: name, class, schema, columns. See [`Self::is_of`].
    fn is_on(&self, deed: &Deed, sides: Sides<'_>) -> Result<(), Option<&'static str>> {
        const UNKNOWN: Result<(), Option<&str>> = Err(Some("on what it was is not recorded"));
        if let (Some(own), Some(of)) = (&self.of, &deed.of)
            && !sides.is_same(own, of)
        {
            return Err(None);
        }
        let (Some(own), Some(on)) = (&self.on, &deed.on) else {
            return UNKNOWN;
        };
        if own.class != on.class || own.is_columns != on.is_columns {
            return Err(None);
        }
        if self.of.is_some() != deed.of.is_some() {
            return UNKNOWN;
        }
        match (&own.schema, &on.schema) {
            (Some(own), Some(of)) if sides.is_same(own, of) => Ok(()),
            (Some(_), Some(_)) => Err(None),
            (Some(_), None) => Err(Some("the schema of what it was on is not recorded")),
            // The system's own have none here.
            (None, Some(of)) if !["dbo", "sys"].contains(&Sides::key(of).as_str()) => Err(None),
            (None, _) => Ok(()),
        }
    }

    /// Whether something that an event did may have changed what differs: not only other columns of the row.
    pub fn may_be_by(&self, deed: &Deed) -> bool {
        // Whatever makes a row makes its columns.
        let is_whole = !self.is_part && deed.verb != Verb::Changes;
        let mut columns = self.columns.iter();
        is_whole || self.columns.is_empty() || columns.any(|(column, _)| deed.may_set(column))
    }
}

/// The columns that differ, the text among them, each with what is there now; of parts, their kind.
fn columns(change: &Change, trail: &Trail) -> Vec<(String, Option<Value>)> {
    if trail.is_part {
        let kind = trail.kind.iter();
        return kind.map(|kind| ((*kind).to_owned(), None)).collect();
    }
    let columns = change.columns.iter();
    let mut columns: Vec<(String, Option<Value>)> = columns
        .map(|own| (own.column.clone(), own.after.clone()))
        .collect();
    if trail.class == Class::JobStep && change.text.is_some() {
        columns.push((COMMAND.to_owned(), None));
    }
    columns
}

/// Whether the row is code, and nothing else of it changed.
fn is_code(change: &Change, fact: Fact) -> bool {
    let is_other = change.kind == ChangeKind::Changed && !change.columns.is_empty();
    matches!(fact, Fact::Modules | Fact::ServerModules) && !is_other
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
