//! Further rows of the instance: links, credentials, audits, endpoints, services, what is loaded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::PrincipalId;

rows! {
    /// `SERVERPROPERTY` values that say what is installed; NULL where this version does not know the property.
    ServerProperties {
        /// .NET version that the engine was built with.
        build_clr_version: Option<String>,
        /// Started in single-user mode.
        is_single_user: Option<bool>,
        /// Express LocalDB.
        is_local_db: Option<bool>,
        /// Full-text search is installed.
        is_full_text_installed: Option<bool>,
        /// Machine Learning Services are installed (external scripts).
        is_advanced_analytics_installed: Option<bool>,
        /// PolyBase is installed.
        is_polybase_installed: Option<bool>,
        /// FILESTREAM access level, 0 to 3.
        filestream_configured_level: Option<i32>,
        /// Path of the error log.
        error_log_file_name: Option<String>,
        /// Where new data files go.
        default_data_path: Option<String>,
        /// KB article of the build.
        product_update_reference: Option<String>,
    }

    /// `sys.servers`: this server (id 0), linked and remote servers.
    LinkedServer {
        /// 0 is this server.
        server_id: i32,
        /// Name used in four-part names.
        name: String,
        /// Product name as given.
        product: Option<String>,
        /// OLE DB provider.
        provider: Option<String>,
        /// Data source as given.
        data_source: Option<String>,
        /// Location as given.
        location: Option<String>,
        /// Default database there.
        catalog: Option<String>,
        /// Linked (true) or remote (false) server.
        is_linked: bool,
        /// RPC in.
        is_remote_login_enabled: bool,
        /// EXEC … AT and four-part procedure calls.
        is_rpc_out_enabled: bool,
        /// OPENQUERY and four-part names.
        is_data_access_enabled: bool,
        /// For replication and the system itself.
        is_system: bool,
        /// Changed.
        modify_date: Option<String>,
    }

    /// `sys.linked_logins`.
    LinkedLogin {
        /// Linked server.
        server_id: i32,
        /// Login here; 0 = every other login.
        local_principal_id: Option<PrincipalId>,
        /// The login itself is used there.
        uses_self_credential: bool,
        /// Stored login there.
        remote_name: Option<String>,
        /// Changed.
        modify_date: Option<String>,
    }

    /// `sys.credentials` or `sys.database_scoped_credentials`.
    Credential {
        /// Id.
        credential_id: i32,
        /// Name; `##xp_cmdshell_proxy_account##` is the xp_cmdshell proxy.
        name: String,
        /// Account it stands for.
        credential_identity: Option<String>,
        /// Created.
        create_date: Option<String>,
        /// Changed.
        modify_date: Option<String>,
    }

    /// `sys.server_principal_credentials`.
    PrincipalCredential {
        /// Login.
        principal_id: PrincipalId,
        /// Credential.
        credential_id: i32,
    }

    /// `sys.sql_logins`, without names and hashes.
    SqlLogin {
        /// Login.
        principal_id: PrincipalId,
        /// CHECK_POLICY.
        is_policy_checked: Option<bool>,
        /// CHECK_EXPIRATION.
        is_expiration_checked: Option<bool>,
        /// Credential given by WITH CREDENTIAL.
        credential_id: Option<i32>,
    }

    /// `sys.server_trigger_events` or `sys.trigger_events`.
    TriggerEvent {
        /// Trigger.
        object_id: i32,
        /// Event, such as LOGON or CREATE_LOGIN.
        type_desc: String,
        /// Event group that it was named by.
        event_group_type_desc: Option<String>,
    }

    /// `sys.server_event_notifications` or `sys.event_notifications`.
    EventNotification {
        /// Id.
        object_id: i32,
        /// Name.
        name: String,
        /// 100 server, 0 database, 1 object or queue.
        parent_class: i32,
        /// Object or queue.
        parent_id: i32,
        /// Broker service.
        service_name: Option<String>,
        /// Broker instance.
        broker_instance: Option<String>,
        /// Owner.
        principal_id: Option<PrincipalId>,
        /// Created.
        create_date: Option<String>,
        /// Changed.
        modify_date: Option<String>,
    }

    /// `sys.endpoints`.
    ServerEndpoint {
        /// Id; under 65536 made by the system.
        endpoint_id: i32,
        /// Name.
        name: String,
        /// Owner.
        principal_id: Option<PrincipalId>,
        /// TCP, NAMED_PIPES, SHARED_MEMORY, VIA, HTTP.
        protocol_desc: Option<String>,
        /// TSQL, SERVICE_BROKER, DATABASE_MIRRORING.
        type_desc: Option<String>,
        /// STARTED, STOPPED, DISABLED.
        state_desc: Option<String>,
        /// Dedicated administrator connection.
        is_admin_endpoint: bool,
    }

    /// `sys.tcp_endpoints`.
    TcpEndpoint {
        /// Endpoint.
        endpoint_id: i32,
        /// Port; 0 = from the network configuration.
        port: i32,
        /// Port chosen at start.
        is_dynamic_port: bool,
        /// Address; NULL = all.
        ip_address: Option<String>,
    }

    /// `sys.server_audits`: the configured state; `audit_status` has the running one.
    ServerAudit {
        /// Id.
        audit_id: i32,
        /// Name.
        name: String,
        /// Names it in specifications.
        audit_guid: Option<String>,
        /// FILE, SECURITY LOG, APPLICATION LOG, URL …
        type_desc: Option<String>,
        /// CONTINUE, SHUTDOWN, FAIL_OPERATION.
        on_failure_desc: Option<String>,
        /// Configured on.
        is_state_enabled: Option<bool>,
        /// Milliseconds before records must be written.
        queue_delay: Option<i32>,
        /// WHERE of the audit.
        predicate: Option<String>,
        /// Created.
        create_date: Option<String>,
        /// Changed.
        modify_date: Option<String>,
    }

    /// `sys.server_file_audits`.
    FileAudit {
        /// Audit.
        audit_id: i32,
        /// Folder.
        log_file_path: Option<String>,
        /// File name pattern.
        log_file_name: Option<String>,
        /// Largest file in megabytes; 0 = no limit. As text like every 64-bit number.
        max_file_size: Option<String>,
        /// Files kept; 2147483647 = all.
        max_rollover_files: Option<i32>,
        /// Files after which auditing stops; 0 = no limit.
        max_files: Option<i32>,
    }

    /// `sys.server_audit_specifications` or `sys.database_audit_specifications`.
    AuditSpecification {
        /// Id.
        specification_id: i32,
        /// Name.
        name: String,
        /// Audit that it writes to.
        audit_guid: Option<String>,
        /// On.
        is_state_enabled: Option<bool>,
        /// Created.
        create_date: Option<String>,
        /// Changed.
        modify_date: Option<String>,
    }

    /// `sys.server_audit_specification_details` or `sys.database_audit_specification_details`.
    AuditSpecificationDetail {
        /// Specification.
        specification_id: i32,
        /// Action or action group.
        audit_action_name: Option<String>,
        /// Securable class.
        class: i32,
        /// Securable.
        major_id: i32,
        /// Principal; 0 = public.
        audited_principal_id: PrincipalId,
        /// SUCCESS, FAILURE, SUCCESS AND FAILURE.
        audited_result: Option<String>,
        /// An action group.
        is_group: Option<bool>,
    }

    /// `sys.dm_server_audit_status`.
    AuditStatus {
        /// Audit.
        audit_id: i32,
        /// 0 created, 1 started, 2 failed, 3 target could not be made, 4 shutting down.
        status: i32,
        /// The same in words.
        status_desc: String,
        /// Since when.
        status_time: Option<String>,
        /// File being written.
        audit_file_path: Option<String>,
    }

    /// `sys.traces`.
    Trace {
        /// Id.
        id: i32,
        /// 1 running, 0 stopped.
        status: i32,
        /// File.
        path: Option<String>,
        /// The default trace.
        is_default: Option<bool>,
        /// Read by a client.
        is_rowset: Option<bool>,
        /// Largest file in megabytes. As text like every 64-bit number.
        max_size: Option<String>,
        /// Files kept.
        max_files: Option<i32>,
        /// Started.
        start_time: Option<String>,
    }

    /// `sys.dm_server_services`.
    Service {
        /// Display name.
        servicename: String,
        /// Manual, Automatic, Disabled.
        startup_type_desc: Option<String>,
        /// Running, Stopped …
        status_desc: Option<String>,
        /// Account.
        service_account: String,
        /// Path and arguments of the executable.
        filename: Option<String>,
    }

    /// `sys.dm_server_registry` (Windows).
    RegistryValue {
        /// Key.
        registry_key: Option<String>,
        /// Name.
        value_name: Option<String>,
        /// Value as text.
        value_data: Option<String>,
    }

    /// `sys.dm_exec_connections`: one connection of the moment.
    SessionConnection {
        /// Session; NULL for broker and mirroring.
        session_id: Option<i32>,
        /// TCP, Named pipe, Shared memory, Session.
        net_transport: String,
        /// TRUE or FALSE.
        encrypt_option: String,
        /// SQL, NTLM, KERBEROS …
        auth_scheme: String,
    }

    /// `sys.dm_clr_appdomains`.
    AppDomain {
        /// Address, names it in `clr_loaded_assemblies`.
        appdomain_address: Option<String>,
        /// Name: database, owner, number.
        appdomain_name: Option<String>,
        /// Made.
        creation_time: Option<String>,
        /// Database.
        db_id: Option<i32>,
        /// Owner in the database.
        user_id: Option<i32>,
        /// State.
        state: Option<String>,
    }

    /// `sys.dm_clr_loaded_assemblies`.
    LoadedAssembly {
        /// Assembly in its database.
        assembly_id: Option<i32>,
        /// Application domain.
        appdomain_address: Option<String>,
        /// Loaded.
        load_time: Option<String>,
    }

    /// `sys.dm_os_loaded_modules`: a DLL in the server process.
    LoadedModule {
        /// Path.
        name: Option<String>,
        /// Company, as the file says.
        company: Option<String>,
        /// Description, as the file says.
        description: Option<String>,
        /// File version.
        file_version: Option<String>,
        /// Product version.
        product_version: Option<String>,
    }

    /// `sys.resource_governor_configuration`.
    ResourceGovernor {
        /// Function in master; 0 = none.
        classifier_function_id: i32,
        /// On.
        is_enabled: bool,
    }

    /// `sys.cryptographic_providers`.
    CryptographicProvider {
        /// Id.
        provider_id: i32,
        /// Name.
        name: String,
        /// DLL.
        dll_path: Option<String>,
        /// Version.
        version: Option<String>,
        /// On.
        is_enabled: bool,
    }

    /// `sys.availability_groups`.
    AvailabilityGroup {
        /// Id.
        group_id: String,
        /// Name.
        name: Option<String>,
    }

    /// `sys.dm_hadr_availability_replica_states`.
    AvailabilityReplica {
        /// Replica.
        replica_id: String,
        /// Group.
        group_id: String,
        /// This instance.
        is_local: bool,
        /// PRIMARY, SECONDARY, RESOLVING.
        role_desc: Option<String>,
    }
}
