//! One table of every fact: what names a row, which of its columns say nothing, and how much a change of it matters.
//! A fact stands here or among those that are not compared, with the reason; a test holds the two to the facts there are.

use super::names::Ref::{
    self, Assembly, Audit, Condition, Credential, Database, DatabaseCredential, DatabasePrincipal,
    DatabaseSpecification, Endpoint, Job, Language, Login, LoginSid, MasterObject, Object, Proxy,
    Schedule, Schema, Securable, Server, ServerNotification, ServerSpecification, ServerTrigger,
    Subsystem,
};
use super::rows::RowChange;
use super::severity as by;
use crate::rules::Severity::{self, High, Info, Low, Medium};
use crate::snapshot::Fact;

/// How the rows of one fact are compared.
pub struct Compared {
    /// The fact.
    pub fact: Fact,
    /// What a row is called.
    pub noun: &'static str,
    /// The columns that name a row. Of a fact with one row there are none.
    pub identity: &'static [&'static str],
    /// A row's name in words; a column's name in braces stands for its value. Empty: the identity's values.
    pub words: &'static str,
    /// Columns that hold an id of something else, which is replaced by its name: ids are given anew.
    pub references: &'static [(&'static str, Ref)],
    /// Columns that are not compared: the row's own id, times of change, what follows from other columns.
    pub silent: &'static [&'static str],
    /// The column that names a text, or is not seen in every row.
    pub text: Option<&'static str>,
    /// The column by which a row belongs to something whose coming and going is told already.
    pub owner: Option<&'static str>,
    /// Severity of a row added, removed, changed, where `judge` has no opinion.
    pub severity: [Severity; 3],
    /// Severity by what the row says.
    pub judge: Option<fn(&RowChange<'_>) -> Option<Severity>>,
}

const fn of(
    fact: Fact,
    noun: &'static str,
    identity: &'static [&'static str],
    severity: [Severity; 3],
) -> Compared {
    Compared {
        fact,
        noun,
        identity,
        words: "",
        references: &[],
        silent: &[],
        text: None,
        owner: None,
        severity,
        judge: None,
    }
}

impl Compared {
    const fn words(mut self, words: &'static str) -> Self {
        self.words = words;
        self
    }

    const fn names(mut self, references: &'static [(&'static str, Ref)]) -> Self {
        self.references = references;
        self
    }

    const fn silent(mut self, columns: &'static [&'static str]) -> Self {
        self.silent = columns;
        self
    }

    const fn text(mut self, column: &'static str) -> Self {
        self.text = Some(column);
        self
    }

    const fn owner(mut self, column: &'static str) -> Self {
        self.owner = Some(column);
        self
    }

    const fn judge(mut self, judge: fn(&RowChange<'_>) -> Option<Severity>) -> Self {
        self.judge = Some(judge);
        self
    }
}

/// Facts that are not compared, and why.
pub const NOT_COMPARED: &[(Fact, &str)] = &[
    (
        Fact::Session,
        "who looked, not what was there; what it could not see is said of each fact",
    ),
    (Fact::LoginToken, "the auditor's own session"),
    (Fact::DatabaseSession, "the auditor's own session"),
    (Fact::UserToken, "the auditor's own session"),
    (Fact::Connections, "connections of one moment"),
    (Fact::ClrAppdomains, "what was loaded at one moment"),
    (
        Fact::ClrLoadedAssemblies,
        "what was loaded at one moment; the assemblies themselves are compared",
    ),
];

/// Facts that are compared, in the order of the snapshot.
#[rustfmt::skip] // one fact, a few lines
pub const COMPARED: &[Compared] = &[
    of(Fact::ServerIdentity, "server identity", &[], [Low, Low, Low]).judge(by::identity),
    of(Fact::ServerTls, "TLS of the server", &[], [Low, Low, Low]).judge(by::server_tls),
    of(Fact::Host, "host", &[], [Low, Low, Low]),
    of(Fact::Configurations, "option", &["name"], [Low, Low, Low])
        .silent(&["configuration_id", "is_dynamic", "is_advanced"]).judge(by::option),
    of(Fact::Databases, "database", &["name"], [Low, Low, Low]).names(&[("source_database_id", Database)])
        .silent(&["database_id", "has_access", "state"]).judge(by::database),
    of(Fact::ServerPrincipals, "login or server role", &["name"], [Medium, Low, Low])
        .names(&[("owning_principal_id", Login)]).silent(&["principal_id", "modify_date"]).judge(by::login),
    of(Fact::ServerRoleMembers, "membership", &["role_principal_id", "member_principal_id"], [Medium, Low, Low])
        .words("{member_principal_id} in {role_principal_id}")
        .names(&[("role_principal_id", Login), ("member_principal_id", Login)]).judge(by::membership),
    of(Fact::ServerPermissions, "permission",
        &["class", "major_id", "minor_id", "grantee_principal_id", "grantor_principal_id", "type"], [Low, Low, Low])
        .words("{permission_name} on {major_id} for {grantee_principal_id}")
        .names(&[("major_id", Securable), ("grantee_principal_id", Login), ("grantor_principal_id", Login)])
        .silent(&["permission_name"]).judge(by::permission),
    of(Fact::ServerTriggers, "server trigger", &["name"], [Medium, Medium, Medium])
        .silent(&["object_id", "modify_date"]),
    of(Fact::ServerModules, "code of a server trigger", &["object_id"], [Medium, Low, Medium])
        .names(&[("object_id", ServerTrigger), ("execute_as_principal_id", Login)]).text("definition").judge(by::module),
    of(Fact::TrustedAssemblies, "trusted assembly", &["hash"], [High, Low, Medium]),
    of(Fact::SystemExtendedProcedures, "extended procedure of master", &["name"], [High, Low, Low])
        .silent(&["object_id", "schema_id"]).judge(by::shipped_procedure),
    of(Fact::StartupProcedures, "startup procedure", &["name"], [High, Low, Low])
        .silent(&["object_id", "schema_id"]),
    of(Fact::ServerProperties, "server properties", &[], [Low, Low, Low]),
    of(Fact::LinkedServers, "linked server", &["name"], [Medium, Low, Medium]).silent(&["server_id", "modify_date"]),
    of(Fact::LinkedLogins, "login mapping of a link", &["server_id", "local_principal_id"], [Medium, Low, Medium])
        .words("{local_principal_id} over {server_id}")
        .names(&[("server_id", Server), ("local_principal_id", Login)]).silent(&["modify_date"]).judge(by::linked_login),
    of(Fact::Credentials, "credential", &["name"], [Medium, Low, Medium])
        .silent(&["credential_id", "modify_date"]).judge(by::credential),
    of(Fact::PrincipalCredentials, "credential of a login", &["principal_id", "credential_id"], [Medium, Low, Low])
        .words("{credential_id} of {principal_id}").names(&[("principal_id", Login), ("credential_id", Credential)]),
    of(Fact::SqlLogins, "password policy of a login", &["principal_id"], [Info, Info, Low])
        .names(&[("principal_id", Login), ("credential_id", Credential)]).owner("principal_id").judge(by::password_policy),
    of(Fact::ServerTriggerEvents, "event of a server trigger", &["object_id", "type_desc"], [Low, Medium, Low])
        .words("{type_desc} of {object_id}").names(&[("object_id", ServerTrigger)]).owner("object_id"),
    of(Fact::ServerEventNotifications, "event notification", &["name"], [Medium, Medium, Medium])
        .names(&[("object_id", ServerNotification), ("principal_id", Login)]).silent(&["object_id", "modify_date"]),
    of(Fact::Endpoints, "endpoint", &["name"], [Medium, Low, Medium])
        .names(&[("principal_id", Login)]).silent(&["endpoint_id"]),
    of(Fact::TcpEndpoints, "port of an endpoint", &["endpoint_id"], [Low, Low, Medium])
        .names(&[("endpoint_id", Endpoint)]).owner("endpoint_id"),
    of(Fact::ServerAudits, "audit", &["name"], [Info, High, Medium])
        .silent(&["audit_id", "audit_guid", "modify_date"]).judge(by::audit),
    of(Fact::ServerFileAudits, "files of an audit", &["audit_id"], [Info, Medium, Medium])
        .names(&[("audit_id", Audit)]).owner("audit_id"),
    of(Fact::ServerAuditSpecifications, "server audit specification", &["name"], [Info, High, Medium])
        .names(&[("audit_guid", Audit)]).silent(&["specification_id", "modify_date"]).judge(by::audit),
    of(Fact::ServerAuditSpecificationDetails, "audited action",
        &["specification_id", "audit_action_name", "class", "major_id", "audited_principal_id"], [Info, High, Medium])
        .words("{audit_action_name} of {specification_id}").silent(&["is_group"])
        .names(&[("specification_id", ServerSpecification), ("major_id", Securable), ("audited_principal_id", Login)]),
    of(Fact::AuditStatus, "running audit", &["audit_id"], [Info, High, Info])
        .names(&[("audit_id", Audit)]).silent(&["status_time", "audit_file_path", "status"]).judge(by::audit_status),
    of(Fact::Traces, "trace", &["id"], [Low, Medium, Medium]).silent(&["start_time", "path"]),
    of(Fact::Services, "service", &["servicename"], [Low, Low, Medium]).judge(by::service),
    of(Fact::Registry, "registry value", &["registry_key", "value_name"], [Low, Low, Low]),
    of(Fact::LoadedModules, "DLL in the process", &["name"], [Medium, Info, Info]).judge(by::loaded_module),
    of(Fact::ResourceGovernor, "resource governor", &[], [Medium, Low, Medium])
        .names(&[("classifier_function_id", MasterObject)]),
    of(Fact::CryptographicProviders, "cryptographic provider", &["name"], [High, Low, High]).silent(&["provider_id"]),
    of(Fact::AvailabilityGroups, "availability group", &["group_id"], [Low, Low, Low]).words("{name}"),
    of(Fact::AvailabilityReplicas, "availability replica", &["replica_id"], [Low, Low, Info]),
    of(Fact::Jobs, "job", &["name"], [Medium, Low, Medium]).silent(&["job_id", "category_id", "date_modified"])
        .judge(by::job),
    of(Fact::JobSteps, "job step", &["job_id", "step_name"], [Medium, Low, Medium]).words("{step_name} of {job_id}")
        .names(&[("job_id", Job), ("proxy_id", Proxy)]).text("command").judge(by::job_step),
    of(Fact::JobServers, "target server of a job", &["job_id", "server_id"], [Low, Low, Low]).words("{job_id} at {server_id}")
        .names(&[("job_id", Job), ("server_id", Server)]).owner("job_id"),
    of(Fact::JobSchedules, "schedule of a job", &["job_id", "schedule_id"], [Low, Low, Low])
        .words("{schedule_id} of {job_id}").names(&[("job_id", Job), ("schedule_id", Schedule)]).owner("job_id"),
    of(Fact::Schedules, "schedule", &["name"], [Low, Low, Low]).silent(&["schedule_id", "date_modified"]),
    of(Fact::Alerts, "alert", &["name"], [Medium, Low, Medium]).names(&[("job_id", Job)]).silent(&["id"]),
    of(Fact::Proxies, "proxy", &["name"], [Medium, Low, Medium])
        .names(&[("credential_id", Credential)]).silent(&["proxy_id"]),
    of(Fact::ProxySubsystems, "subsystem of a proxy", &["proxy_id", "subsystem_id"], [Medium, Low, Low])
        .words("{subsystem_id} for {proxy_id}").names(&[("proxy_id", Proxy), ("subsystem_id", Subsystem)]),
    of(Fact::ProxyLogins, "user of a proxy", &["proxy_id", "sid", "flags"], [Medium, Low, Low]).words("{sid} for {proxy_id}")
        .names(&[("proxy_id", Proxy), ("sid", LoginSid)]),
    of(Fact::Subsystems, "Agent subsystem", &["subsystem"], [Medium, Low, High]).silent(&["subsystem_id"]),
    of(Fact::Policies, "policy", &["name"], [Info, Medium, Medium]).silent(&["policy_id"])
        .names(&[("condition_id", Condition), ("root_condition_id", Condition), ("job_id", Job)]),
    of(Fact::PolicyConditions, "policy condition", &["name"], [Info, Low, Medium])
        .silent(&["condition_id"]).text("expression"),
    of(Fact::DatabasePrincipals, "user or role", &["name"], [Low, Low, Low])
        .names(&[("owning_principal_id", DatabasePrincipal)]).silent(&["principal_id", "modify_date"]).judge(by::user),
    of(Fact::DatabaseRoleMembers, "membership", &["role_principal_id", "member_principal_id"], [Low, Low, Low])
        .words("{member_principal_id} in {role_principal_id}")
        .names(&[("role_principal_id", DatabasePrincipal), ("member_principal_id", DatabasePrincipal)])
        .judge(by::membership),
    of(Fact::DatabasePermissions, "permission",
        &["class", "major_id", "minor_id", "grantee_principal_id", "grantor_principal_id", "type"], [Low, Low, Low])
        .words("{permission_name} on {major_id} for {grantee_principal_id}")
        .names(&[("major_id", Securable), ("grantee_principal_id", DatabasePrincipal),
            ("grantor_principal_id", DatabasePrincipal)])
        .silent(&["permission_name"]).judge(by::permission),
    of(Fact::Schemas, "schema", &["name"], [Low, Low, Medium])
        .names(&[("principal_id", DatabasePrincipal)]).silent(&["schema_id"]),
    of(Fact::Objects, "object", &["schema_id", "name"], [Low, Low, Low]).words("{schema_id}.{name}")
        .names(&[("schema_id", Schema), ("principal_id", DatabasePrincipal), ("parent_object_id", Object)])
        .silent(&["object_id", "modify_date"]).judge(by::object),
    of(Fact::Modules, "module", &["object_id"], [Low, Low, Low]).words("{object_id}")
        .names(&[("object_id", Object), ("execute_as_principal_id", DatabasePrincipal)]).text("definition")
        .judge(by::module),
    of(Fact::Triggers, "trigger", &["object_id"], [Medium, Medium, Medium]).words("{object_id}")
        .names(&[("object_id", Object), ("parent_id", Object)]).silent(&["name", "modify_date", "create_date"]),
    of(Fact::Parameters, "parameter", &["object_id", "parameter_id"], [Info, Info, Info]).words("{name} of {object_id}")
        .names(&[("object_id", Object)]).owner("object_id"),
    of(Fact::Synonyms, "synonym", &["object_id"], [Low, Low, Medium]).names(&[("object_id", Object)]),
    of(Fact::Assemblies, "assembly", &["name"], [Medium, Low, Medium]).names(&[("principal_id", DatabasePrincipal)])
        .silent(&["assembly_id", "modify_date"]).judge(by::assembly),
    of(Fact::AssemblyFiles, "file of an assembly", &["assembly_id", "file_id"], [Low, Low, High])
        .words("{name} of {assembly_id}").names(&[("assembly_id", Assembly)]).text("sha2_512").owner("assembly_id"),
    of(Fact::AssemblyModules, "CLR module", &["object_id"], [Medium, Low, Medium])
        .names(&[("object_id", Object), ("assembly_id", Assembly), ("execute_as_principal_id", DatabasePrincipal)]),
    of(Fact::ExtendedProcedures, "extended procedure", &["schema_id", "name"], [High, Low, High]).words("{schema_id}.{name}")
        .names(&[("schema_id", Schema)]).silent(&["object_id", "modify_date"]),
    of(Fact::NumberedProcedures, "numbered procedure", &["object_id", "procedure_number"], [Medium, Low, Medium])
        .words("{object_id};{procedure_number}").names(&[("object_id", Object)]).text("definition").judge(by::module),
    of(Fact::TriggerEvents, "event of a trigger", &["object_id", "type_desc"], [Low, Low, Low]).words("{type_desc} of {object_id}")
        .names(&[("object_id", Object)]).owner("object_id"),
    of(Fact::ServiceQueues, "queue", &["object_id"], [Low, Low, Medium])
        .names(&[("object_id", Object), ("execute_as_principal_id", DatabasePrincipal)]).judge(by::queue),
    of(Fact::EventNotifications, "event notification", &["name"], [Medium, Medium, Medium])
        .names(&[("parent_id", Object), ("principal_id", DatabasePrincipal)]).silent(&["object_id", "modify_date"]),
    of(Fact::Certificates, "certificate", &["name"], [Low, Low, Medium])
        .names(&[("principal_id", DatabasePrincipal)]).silent(&["certificate_id"]),
    of(Fact::AsymmetricKeys, "asymmetric key", &["name"], [Low, Low, Medium])
        .names(&[("principal_id", DatabasePrincipal)]).silent(&["asymmetric_key_id"]),
    of(Fact::CryptProperties, "signature", &["class", "major_id", "thumbprint", "crypt_type"], [Medium, Low, Low])
        .words("{crypt_type} of {major_id} by {thumbprint}").names(&[("major_id", Securable)]),
    of(Fact::DatabaseAuditSpecifications, "database audit specification", &["name"], [Info, High, Medium])
        .names(&[("audit_guid", Audit)]).silent(&["specification_id", "modify_date"]).judge(by::audit),
    of(Fact::DatabaseAuditSpecificationDetails, "audited action",
        &["specification_id", "audit_action_name", "class", "major_id", "audited_principal_id"], [Info, High, Medium])
        .words("{audit_action_name} of {specification_id}").silent(&["is_group"])
        .names(&[("specification_id", DatabaseSpecification), ("major_id", Securable),
            ("audited_principal_id", DatabasePrincipal)]),
    of(Fact::ScopedConfigurations, "database option", &["name"], [Info, Info, Low]).silent(&["configuration_id"]),
    of(Fact::ScopedCredentials, "database-scoped credential", &["name"], [Medium, Low, Medium])
        .silent(&["credential_id", "modify_date"]),
    of(Fact::ExpressionDependencies, "dependency",
        &["referencing_class", "referencing_id", "referenced_server_name", "referenced_database_name",
            "referenced_schema_name", "referenced_entity_name", "referenced_id", "is_caller_dependent"], [Low, Info, Low])
        .words("{referenced_entity_name} named by {referencing_id}")
        .names(&[("referencing_id", Object), ("referenced_id", Object)]).owner("referencing_id"),
    of(Fact::ExternalDataSources, "external data source", &["name"], [Medium, Low, Medium])
        .names(&[("credential_id", DatabaseCredential)]).silent(&["data_source_id"]),
    of(Fact::ExternalLibraries, "external library", &["name", "language"], [High, Low, Medium])
        .names(&[("principal_id", DatabasePrincipal)]).silent(&["external_library_id"]),
    of(Fact::ExternalLanguages, "external language", &["language"], [High, Low, Medium])
        .names(&[("principal_id", DatabasePrincipal)]).silent(&["external_language_id"]),
    of(Fact::ExternalLanguageFiles, "file of an external language", &["external_language_id", "file_name", "platform_desc"],
        [High, Low, High]).words("{file_name} of {external_language_id}").names(&[("external_language_id", Language)]),
    of(Fact::ExternalModels, "external model", &["name"], [Medium, Low, Medium])
        .names(&[("principal_id", DatabasePrincipal), ("credential_id", DatabaseCredential)]).silent(&["external_model_id"]),
];
