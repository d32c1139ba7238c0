//! The facts of a snapshot, once: what they are called, what they hold, and in which order a file has them. A new
//! fact is its query, its row and its line in the list at the end.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{
    Alert, AppDomain, Assembly, AssemblyFile, AssemblyModule, AsymmetricKey, AuditSpecification,
    AuditSpecificationDetail, AuditStatus, AvailabilityGroup, AvailabilityReplica, Certificate,
    Configuration, Credential, CryptProperty, CryptographicProvider, DatabasePrincipal,
    DatabaseRow, DatabaseSession, Dependency, EventNotification, ExtendedProcedure,
    ExternalDataSource, ExternalLanguage, ExternalLanguageFile, ExternalLibrary, ExternalModel,
    FileAudit, Host, Job, JobSchedule, JobServer, JobStep, LinkedLogin, LinkedServer,
    LoadedAssembly, LoadedModule, Module, NumberedProcedure, Object, Observed, Parameter,
    Permission, Policy, PolicyCondition, PrincipalCredential, Proxy, ProxyLogin, ProxySubsystem,
    RegistryValue, ResourceGovernor, RoleMember, Schedule, Schema, ScopedConfiguration,
    ServerAudit, ServerEndpoint, ServerIdentity, ServerPrincipal, ServerProperties, ServerTls,
    ServerTrigger, Service, ServiceQueue, SessionConnection, SessionIdentity, Snapshot, SqlLogin,
    StartupProcedure, Subsystem, Synonym, SystemExtendedProcedure, TcpEndpoint, TokenRow, Trace,
    Trigger, TriggerEvent, TrustedAssembly,
};
use crate::ids::DatabaseName;

/// Something unsettled about one fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FactState {
    /// The fact's name, which is its query's.
    pub fact: &'static str,
    /// Database; `None` at server scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// `partial`, `denied`, `failed` or `not_collected`.
    pub state: &'static str,
    /// What would settle it.
    pub needs: Vec<String>,
}

/// A fact of any kind, for what is the same for all.
pub trait AnyFact {
    /// See [`Observed::limit`].
    fn limit(&mut self, need: &str);
    /// Says that this server has no such fact: see [`Observed::Unsupported`].
    fn unsupported(&mut self, since: u16, why: Option<&str>);
    /// Says that it was not asked for.
    fn not_collected(&mut self, why: &str);
    /// Says that it is not to be seen without this right.
    fn deny(&mut self, need: &str);
    /// See [`Observed::state`].
    fn state(&self) -> &'static str;
    /// See [`Observed::needs`].
    fn needs(&self) -> Vec<String>;
    /// Whether nothing was asked and no reason is given yet.
    fn is_untouched(&self) -> bool;
    /// The server's number of the error by which it failed.
    fn failed_by(&self) -> Option<u32>;
}

impl<T> AnyFact for Observed<T> {
    fn limit(&mut self, need: &str) {
        Observed::limit(self, need);
    }

    fn unsupported(&mut self, since: u16, why: Option<&str>) {
        *self = Self::Unsupported {
            since,
            why: why.map(str::to_owned),
        };
    }

    fn not_collected(&mut self, why: &str) {
        *self = unseen(why);
    }

    fn deny(&mut self, need: &str) {
        *self = Self::Denied {
            needs: vec![need.to_owned()],
        };
    }

    fn state(&self) -> &'static str {
        Observed::state(self)
    }

    fn needs(&self) -> Vec<String> {
        Observed::needs(self)
    }

    fn is_untouched(&self) -> bool {
        matches!(self, Self::NotCollected { why } if why.is_empty())
    }

    fn failed_by(&self) -> Option<u32> {
        match self {
            Self::Failed { error } => Some(error.number),
            _ => None,
        }
    }
}

/// A fact as the file holds it.
pub struct Held {
    /// See [`Observed::state`].
    pub state: &'static str,
    /// Rows that were seen.
    pub rows: usize,
    /// The fact's JSON without white space: state, value, needs.
    pub json: Vec<u8>,
}

/// How one fact of one place was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// See [`Observed::state`].
    pub state: &'static str,
    /// See [`Observed::needs`].
    pub needs: Vec<String>,
    /// Rows that were seen.
    pub rows: usize,
}

/// Turns one answer into a fact.
pub trait Answered {
    /// A list of rows.
    fn list<T: DeserializeOwned + Ord>(self) -> Observed<Vec<T>>;
    /// Exactly one row.
    fn one<T: DeserializeOwned>(self) -> Observed<T>;
}

fn unseen<T>(why: &str) -> Observed<T> {
    Observed::NotCollected {
        why: why.to_owned(),
    }
}

/// What a fact is in a snapshot file that does not have it.
impl<T> Default for Observed<T> {
    fn default() -> Self {
        unseen("the version that made this snapshot did not ask for it")
    }
}

/// `one` is a single row; so is `given`, which the collector has before it asks for facts.
macro_rules! fact_type {
    (given $row:ty) => { Observed<$row> };
    (one $row:ty) => { Observed<$row> };
    (list $row:ty) => { Observed<Vec<$row>> };
}

macro_rules! place_fact {
    (list $field:expr, $answer:expr) => {
        $field = $answer.list()
    };
    (one $field:expr, $answer:expr) => {
        $field = $answer.one()
    };
    (given $field:expr, $answer:expr) => {
        drop($answer)
    };
}

macro_rules! fact_row {
    (list $field:expr, $row:expr) => {
        json_of($field.seen().get($row as usize))
    };
    ($one:ident $field:expr, $row:expr) => {
        json_of($field.known())
    };
}

macro_rules! fact_rows {
    (list $field:expr) => {
        $field.seen().len()
    };
    ($one:ident $field:expr) => {
        usize::from(matches!(
            $field,
            Observed::Known { .. } | Observed::Partial { .. }
        ))
    };
}

/// Rows are plain structs: serialising them cannot fail.
fn json_of(row: Option<&impl Serialize>) -> serde_json::Value {
    row.and_then(|row| serde_json::to_value(row).ok())
        .unwrap_or(serde_json::Value::Null)
}

macro_rules! facts {
    (
        server { $($s_variant:ident $s_field:ident: $s_kind:ident $s_row:ident,)* }
        database { $($d_variant:ident $d_field:ident: $d_kind:ident $d_row:ident,)* }
    ) => {
        /// Facts of the instance as a whole.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs)] // each field is the query of the same name, documented on its row type
        pub struct ServerFacts {
            $(
                #[serde(default)]
                pub $s_field: fact_type!($s_kind $s_row),
            )*
        }

        /// Facts of one database.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs)] // each field is the query of the same name, documented on its row type
        pub struct DatabaseFacts {
            pub database_id: i32,
            pub name: DatabaseName,
            /// Left out by the inventory's `exclude_databases`; said in coverage, not incomplete.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub excluded: bool,
            $(
                #[serde(default)]
                pub $d_field: fact_type!($d_kind $d_row),
            )*
        }

        impl ServerFacts {
            /// Nothing seen, for one reason.
            pub fn unseen(why: &str) -> Self {
                Self { $($s_field: unseen(why),)* }
            }

            /// Every fact with its name, in the order of the file.
            pub fn all_mut(&mut self) -> Vec<(&'static str, &mut dyn AnyFact)> {
                vec![$((stringify!($s_field), &mut self.$s_field as &mut dyn AnyFact),)*]
            }

            /// Every fact with its name, in the order of the file.
            pub fn all(&self) -> Vec<(&'static str, &dyn AnyFact)> {
                vec![$((stringify!($s_field), &self.$s_field as &dyn AnyFact),)*]
            }

            /// The fact of this name as the file holds it, if the instance has one.
            pub fn held(&self, name: &str) -> Option<Held> {
                match name {
                    $(stringify!($s_field) => Some(Held {
                        state: self.$s_field.state(),
                        rows: fact_rows!($s_kind self.$s_field),
                        json: serde_json::to_vec(&self.$s_field).unwrap_or_default(),
                    }),)*
                    _ => None,
                }
            }

            /// The state of the fact of this name, see [`Observed::state`].
            pub fn state_of(&self, name: &str) -> Option<&'static str> {
                match name {
                    $(stringify!($s_field) => Some(self.$s_field.state()),)*
                    _ => None,
                }
            }

            /// The fact of this name, if the instance has one.
            pub fn named_mut(&mut self, name: &str) -> Option<&mut dyn AnyFact> {
                match name {
                    $(stringify!($s_field) => Some(&mut self.$s_field),)*
                    _ => None,
                }
            }

            /// Puts an answer where the query of this name belongs; what is no fact of the instance is left alone.
            pub fn place(&mut self, name: &str, answer: impl Answered) {
                match name {
                    $(stringify!($s_field) => { place_fact!($s_kind self.$s_field, answer); })*
                    _ => {}
                }
            }
        }

        impl DatabaseFacts {
            /// Nothing seen of this database, for one reason.
            pub fn unseen(database_id: i32, name: &str, why: &str) -> Self {
                Self {
                    database_id,
                    name: DatabaseName::new(name),
                    excluded: false,
                    $($d_field: unseen(why),)*
                }
            }

            /// Every fact with its name, in the order of the file.
            pub fn all_mut(&mut self) -> Vec<(&'static str, &mut dyn AnyFact)> {
                vec![$((stringify!($d_field), &mut self.$d_field as &mut dyn AnyFact),)*]
            }

            /// Every fact with its name, in the order of the file.
            pub fn all(&self) -> Vec<(&'static str, &dyn AnyFact)> {
                vec![$((stringify!($d_field), &self.$d_field as &dyn AnyFact),)*]
            }

            /// The fact of this name as the file holds it, if a database has one.
            pub fn held(&self, name: &str) -> Option<Held> {
                match name {
                    $(stringify!($d_field) => Some(Held {
                        state: self.$d_field.state(),
                        rows: fact_rows!($d_kind self.$d_field),
                        json: serde_json::to_vec(&self.$d_field).unwrap_or_default(),
                    }),)*
                    _ => None,
                }
            }

            /// The fact of this name, if a database has one.
            pub fn named_mut(&mut self, name: &str) -> Option<&mut dyn AnyFact> {
                match name {
                    $(stringify!($d_field) => Some(&mut self.$d_field),)*
                    _ => None,
                }
            }

            /// The same as [`ServerFacts::place`].
            pub fn place(&mut self, name: &str, answer: impl Answered) {
                match name {
                    $(stringify!($d_field) => { place_fact!($d_kind self.$d_field, answer); })*
                    _ => {}
                }
            }
        }

        /// A fact, named like its query.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)] // documented on the row types and in the queries
        pub enum Fact { $($s_variant,)* $($d_variant,)* }

        impl Fact {
            /// Every fact, server scope first.
            pub const ALL: &'static [Self] = &[$(Self::$s_variant,)* $(Self::$d_variant,)*];

            /// Every fact of the instance as a whole.
            pub const OF_SERVER: &'static [Self] = &[$(Self::$s_variant,)*];

            /// Every fact of a database.
            pub const OF_DATABASE: &'static [Self] = &[$(Self::$d_variant,)*];

            /// The query's name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$s_variant => stringify!($s_field),)*
                    $(Self::$d_variant => stringify!($d_field),)*
                }
            }

            /// A row of it as in the snapshot file; of a database's fact the database is given by its place.
            pub fn row(self, snapshot: &Snapshot, database: Option<u32>, row: u32) -> serde_json::Value {
                let facts = database.and_then(|db| snapshot.databases.get(db as usize));
                match (self, facts) {
                    $((Self::$s_variant, _) => fact_row!($s_kind snapshot.server.$s_field, row),)*
                    $((Self::$d_variant, Some(facts)) => fact_row!($d_kind facts.$d_field, row),)*
                    _ => serde_json::Value::Null,
                }
            }

            /// How it was seen; of a database's fact the database is given by its place, and `None` where the snapshot has
            /// no such database.
            pub fn seen(self, snapshot: &Snapshot, database: Option<u32>) -> Option<Seen> {
                let facts = database.and_then(|db| snapshot.databases.get(db as usize));
                match (self, facts) {
                    $((Self::$s_variant, _) => {
                        let of = &snapshot.server.$s_field;
                        Some(Seen { state: of.state(), needs: of.needs(), rows: fact_rows!($s_kind of) })
                    })*
                    $((Self::$d_variant, Some(facts)) => {
                        let of = &facts.$d_field;
                        Some(Seen { state: of.state(), needs: of.needs(), rows: fact_rows!($d_kind of) })
                    })*
                    _ => None,
                }
            }

            fn in_server(self, server: &ServerFacts) -> Option<FactState> {
                match self {
                    $(Self::$s_variant => unsettled(self.name(), None, &server.$s_field),)*
                    _ => None,
                }
            }

            /// Whether this fact is missing in one database.
            pub fn unsettled_in(self, facts: &DatabaseFacts) -> Option<FactState> {
                match self {
                    $(Self::$d_variant => unsettled(self.name(), Some(&facts.name), &facts.$d_field),)*
                    _ => None,
                }
            }
        }
    };
}

fn unsettled<T>(
    fact: &'static str,
    database: Option<&DatabaseName>,
    observed: &Observed<T>,
) -> Option<FactState> {
    (!observed.is_settled()).then(|| FactState {
        fact,
        database: database.cloned(),
        state: observed.state(),
        needs: observed.needs(),
    })
}

impl Fact {
    /// Facts that take more than the least-privileged login holds (see `queries`): asked of who can see them anyway,
    /// and never a reason to call an audit incomplete.
    pub const BEYOND_LEAST: &'static [Self] = &[
        Self::Traces,
        Self::ScopedCredentials,
        Self::ExpressionDependencies,
    ];

    /// Facts of the instance that stand in master, and are asked there.
    const OF_MASTER: &'static [Self] = &[Self::SystemExtendedProcedures, Self::StartupProcedures];
    /// The same of msdb.
    const OF_MSDB: &'static [Self] = &[
        Self::Jobs,
        Self::JobSteps,
        Self::JobServers,
        Self::JobSchedules,
        Self::Schedules,
        Self::Alerts,
        Self::Proxies,
        Self::ProxySubsystems,
        Self::ProxyLogins,
        Self::Subsystems,
        Self::Policies,
        Self::PolicyConditions,
    ];

    /// The fact of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fact| fact.name() == name)
    }

    /// The one database in which a fact of the instance is asked, so that its query's record is found; `None` of those
    /// that are asked without entering one, and of facts of databases.
    pub fn asked_in(self) -> Option<&'static str> {
        if Self::OF_MASTER.contains(&self) {
            return Some("master");
        }
        Self::OF_MSDB.contains(&self).then_some("msdb")
    }

    /// Where this fact is not settled: at server scope, or in each database that the inventory does
    /// not exclude, those that the server lists and of which the snapshot holds nothing among them.
    /// Empty means that nothing is missing.
    pub fn unsettled(self, snapshot: &Snapshot) -> Vec<FactState> {
        if !Self::OF_DATABASE.contains(&self) {
            return self.in_server(&snapshot.server).into_iter().collect();
        }
        let databases = snapshot.databases.iter().filter(|d| !d.excluded);
        let unread = snapshot.databases_without_facts();
        databases
            .filter_map(|d| self.unsettled_in(d))
            .chain(unread.filter_map(|row| self.lacking(&row.name)))
            .collect()
    }

    /// The same for a fact that is asked for in one of the server's own databases alone, whatever it is of.
    pub fn unsettled_only_in(self, database: &str, snapshot: &Snapshot) -> Vec<FactState> {
        let mut databases = snapshot.databases.iter();
        let own = match databases.find(|d| d.name.as_str() == database) {
            Some(facts) if facts.excluded => return Vec::new(),
            Some(facts) => self.unsettled_in(facts),
            None => self.lacking(database),
        };
        let server = self.in_server(&snapshot.server).into_iter();
        server.chain(own).collect()
    }

    /// This fact of a database of which the snapshot holds nothing.
    fn lacking(self, database: &str) -> Option<FactState> {
        Self::OF_DATABASE.contains(&self).then(|| FactState {
            fact: self.name(),
            database: Some(DatabaseName::new(database)),
            state: "not_collected",
            needs: vec!["the facts of this database, which the snapshot lacks".to_owned()],
        })
    }
}

facts! {
    server {
        ServerIdentity server_identity: given ServerIdentity,
        Session session: given SessionIdentity,
        ServerTls server_tls: given ServerTls,
        LoginToken login_token: list TokenRow,
        Host host: one Host,
        Configurations configurations: list Configuration,
        Databases databases: list DatabaseRow,
        ServerPrincipals server_principals: list ServerPrincipal,
        ServerRoleMembers server_role_members: list RoleMember,
        ServerPermissions server_permissions: list Permission,
        ServerTriggers server_triggers: list ServerTrigger,
        ServerModules server_modules: list Module,
        TrustedAssemblies trusted_assemblies: list TrustedAssembly,
        SystemExtendedProcedures system_extended_procedures: list SystemExtendedProcedure,
        StartupProcedures startup_procedures: list StartupProcedure,
        ServerProperties server_properties: one ServerProperties,
        LinkedServers linked_servers: list LinkedServer,
        LinkedLogins linked_logins: list LinkedLogin,
        Credentials credentials: list Credential,
        PrincipalCredentials principal_credentials: list PrincipalCredential,
        SqlLogins sql_logins: list SqlLogin,
        ServerTriggerEvents server_trigger_events: list TriggerEvent,
        ServerEventNotifications server_event_notifications: list EventNotification,
        Endpoints endpoints: list ServerEndpoint,
        TcpEndpoints tcp_endpoints: list TcpEndpoint,
        ServerAudits server_audits: list ServerAudit,
        ServerFileAudits server_file_audits: list FileAudit,
        ServerAuditSpecifications server_audit_specifications: list AuditSpecification,
        ServerAuditSpecificationDetails server_audit_specification_details: list AuditSpecificationDetail,
        AuditStatus audit_status: list AuditStatus,
        Traces traces: list Trace,
        Services services: list Service,
        Registry registry: list RegistryValue,
        Connections connections: list SessionConnection,
        ClrAppdomains clr_appdomains: list AppDomain,
        ClrLoadedAssemblies clr_loaded_assemblies: list LoadedAssembly,
        LoadedModules loaded_modules: list LoadedModule,
        ResourceGovernor resource_governor: one ResourceGovernor,
        CryptographicProviders cryptographic_providers: list CryptographicProvider,
        AvailabilityGroups availability_groups: list AvailabilityGroup,
        AvailabilityReplicas availability_replicas: list AvailabilityReplica,
        Jobs jobs: list Job,
        JobSteps job_steps: list JobStep,
        JobServers job_servers: list JobServer,
        JobSchedules job_schedules: list JobSchedule,
        Schedules schedules: list Schedule,
        Alerts alerts: list Alert,
        Proxies proxies: list Proxy,
        ProxySubsystems proxy_subsystems: list ProxySubsystem,
        ProxyLogins proxy_logins: list ProxyLogin,
        Subsystems subsystems: list Subsystem,
        Policies policies: list Policy,
        PolicyConditions policy_conditions: list PolicyCondition,
    }
    database {
        DatabaseSession database_session: one DatabaseSession,
        UserToken user_token: list TokenRow,
        DatabasePrincipals database_principals: list DatabasePrincipal,
        DatabaseRoleMembers database_role_members: list RoleMember,
        DatabasePermissions database_permissions: list Permission,
        Schemas schemas: list Schema,
        Objects objects: list Object,
        Modules modules: list Module,
        Triggers triggers: list Trigger,
        Parameters parameters: list Parameter,
        Synonyms synonyms: list Synonym,
        Assemblies assemblies: list Assembly,
        AssemblyFiles assembly_files: list AssemblyFile,
        AssemblyModules assembly_modules: list AssemblyModule,
        ExtendedProcedures extended_procedures: list ExtendedProcedure,
        NumberedProcedures numbered_procedures: list NumberedProcedure,
        TriggerEvents trigger_events: list TriggerEvent,
        ServiceQueues service_queues: list ServiceQueue,
        EventNotifications event_notifications: list EventNotification,
        Certificates certificates: list Certificate,
        AsymmetricKeys asymmetric_keys: list AsymmetricKey,
        CryptProperties crypt_properties: list CryptProperty,
        DatabaseAuditSpecifications database_audit_specifications: list AuditSpecification,
        DatabaseAuditSpecificationDetails database_audit_specification_details: list AuditSpecificationDetail,
        ScopedConfigurations scoped_configurations: list ScopedConfiguration,
        ScopedCredentials scoped_credentials: list Credential,
        ExpressionDependencies expression_dependencies: list Dependency,
        ExternalDataSources external_data_sources: list ExternalDataSource,
        ExternalLibraries external_libraries: list ExternalLibrary,
        ExternalLanguages external_languages: list ExternalLanguage,
        ExternalLanguageFiles external_language_files: list ExternalLanguageFile,
        ExternalModels external_models: list ExternalModel,
    }
}
