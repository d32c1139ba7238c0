//! Typed rows: one struct per query of `collect/queries`, named like it. A field carries the
//! query's column of the same name; sids and hashes are `0x…` in lower case; times are the
//! server's local time in ISO form (`session.utc_offset_minutes` says its offset).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Observed;
use crate::ids::PrincipalId;

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident : $ty:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
            #[serde(deny_unknown_fields)]
            pub struct $name { $($(#[$fdoc])* pub $field: $ty),* }
        )*
    };
}

mod agent;
mod database;
mod instance;
mod tls;

pub use agent::*;
pub use database::*;
pub use instance::*;
pub use tls::*;

rows! {
    /// `SERVERPROPERTY` values: which server, build, edition and platform answered.
    ServerIdentity {
        /// `major.minor.build.revision`; major 11 = 2012 … 17 = 2025.
        product_version: String,
        /// RTM, SPn, CTPn.
        product_level: Option<String>,
        /// CUn, where the build knows it.
        product_update_level: Option<String>,
        /// Edition text.
        edition: Option<String>,
        /// 2 standard, 3 enterprise, 4 express, 5 Azure SQL Database, 8 managed instance.
        engine_edition: Option<i32>,
        /// `@@SERVERNAME`.
        server_name: Option<String>,
        /// Computer or virtual network name.
        machine_name: Option<String>,
        /// NULL for the default instance.
        instance_name: Option<String>,
        /// The node that answered.
        physical_name: Option<String>,
        /// Failover cluster instance.
        is_clustered: Option<bool>,
        /// Availability groups switched on.
        is_hadr_enabled: Option<bool>,
        /// Windows authentication only.
        is_integrated_security_only: Option<bool>,
        /// Server collation.
        collation: Option<String>,
    }

    /// The auditing session: who it is and which rights it holds (`HAS_PERMS_BY_NAME`; NULL means
    /// that this version does not know the permission).
    SessionIdentity {
        /// `@@SPID`.
        session_id: i32,
        /// Login that authenticated.
        original_login: Option<String>,
        /// Login in effect.
        login: Option<String>,
        /// Member of sysadmin.
        is_sysadmin: Option<bool>,
        /// CONTROL SERVER.
        control_server: Option<bool>,
        /// VIEW ANY DATABASE.
        view_any_database: Option<bool>,
        /// VIEW ANY DEFINITION.
        view_any_definition: Option<bool>,
        /// VIEW ANY SECURITY DEFINITION (2022+).
        view_any_security_definition: Option<bool>,
        /// VIEW SERVER STATE.
        view_server_state: Option<bool>,
        /// VIEW SERVER SECURITY STATE (2022+).
        view_server_security_state: Option<bool>,
        /// VIEW SERVER PERFORMANCE STATE (2022+).
        view_server_performance_state: Option<bool>,
        /// ALTER TRACE.
        alter_trace: Option<bool>,
        /// CONNECT ANY DATABASE (2014+).
        connect_any_database: Option<bool>,
        /// Transport of this connection.
        net_transport: Option<String>,
        /// SQL, NTLM, KERBEROS …
        auth_scheme: Option<String>,
        /// The server's clock against UTC, in minutes.
        utc_offset_minutes: Option<i32>,
        /// What the server's clock said, UTC; snapshots of the first versions lack it.
        #[serde(default)]
        utc_now: Option<String>,
    }

    /// `sys.login_token` or `sys.user_token`: a principal the auditor's session is.
    TokenRow {
        /// Id; 0 stands for a Windows group without a login.
        principal_id: Option<PrincipalId>,
        /// Name.
        name: Option<String>,
        /// LOGIN, SERVER ROLE, WINDOWS GROUP, ROLE, SQL USER …
        r#type: Option<String>,
        /// `GRANT OR DENY` or `DENY ONLY`.
        usage: Option<String>,
    }

    /// `sys.dm_os_host_info` (2017+; before, the host is always Windows).
    Host {
        /// Windows or Linux.
        platform: String,
        /// Distribution or Windows edition.
        distribution: Option<String>,
        /// Release.
        release: Option<String>,
    }

    /// `sys.configurations`: one option, configured and running.
    Configuration {
        /// Option id; match by name.
        configuration_id: i32,
        /// Option name.
        name: String,
        /// Configured value.
        value: Option<i32>,
        /// Running value.
        value_in_use: Option<i32>,
        /// Takes effect on RECONFIGURE rather than a restart.
        is_dynamic: bool,
        /// Hidden from `sp_configure` unless advanced options are shown.
        is_advanced: bool,
    }

    /// `sys.databases`.
    DatabaseRow {
        /// Id.
        database_id: i32,
        /// Name.
        name: String,
        /// Owner's sid; may match no login.
        owner_sid: Option<String>,
        /// `SUSER_SNAME(owner_sid)`.
        owner_name: Option<String>,
        /// Created; for tempdb: the instance's start.
        create_date: Option<String>,
        /// Compatibility level.
        compatibility_level: Option<i32>,
        /// Collation; NULL when closed.
        collation: Option<String>,
        /// 0 = ONLINE.
        state: Option<i32>,
        /// State in words.
        state_desc: Option<String>,
        /// 0 multi, 1 single, 2 restricted.
        user_access: Option<i32>,
        /// READ_ONLY.
        is_read_only: Option<bool>,
        /// AUTO_CLOSE.
        is_auto_close_on: Option<bool>,
        /// Standby of a log restore.
        is_in_standby: Option<bool>,
        /// TRUSTWORTHY.
        is_trustworthy_on: Option<bool>,
        /// DB_CHAINING.
        is_db_chaining_on: Option<bool>,
        /// Service Broker.
        is_broker_enabled: Option<bool>,
        /// 1 = partially contained.
        containment: Option<i32>,
        /// Source of a database snapshot.
        source_database_id: Option<i32>,
        /// `HAS_DBACCESS(name)` for the auditor.
        has_access: Option<bool>,
    }

    /// `sys.server_principals`.
    ServerPrincipal {
        /// Id.
        principal_id: PrincipalId,
        /// Name.
        name: String,
        /// Sid.
        sid: Option<String>,
        /// S, U, G, R, C, K, E, X.
        r#type: String,
        /// Disabled.
        is_disabled: Option<bool>,
        /// Created.
        create_date: Option<String>,
        /// Changed.
        modify_date: Option<String>,
        /// Owner of a server role.
        owning_principal_id: Option<PrincipalId>,
        /// Fixed server role.
        is_fixed_role: Option<bool>,
    }

    /// `sys.server_role_members` or `sys.database_role_members`.
    RoleMember {
        /// The role.
        role_principal_id: PrincipalId,
        /// Its member.
        member_principal_id: PrincipalId,
    }

    /// `sys.server_permissions` or `sys.database_permissions`.
    Permission {
        /// 100 server, 101 login, 105 endpoint; 0 database, 1 object, 3 schema, 4 principal, 5 assembly …
        class: i32,
        /// Securable's id.
        major_id: i32,
        /// Column id, else 0.
        minor_id: i32,
        /// Who holds or is denied it.
        grantee_principal_id: PrincipalId,
        /// Who gave it.
        grantor_principal_id: PrincipalId,
        /// Four-letter code, trimmed.
        r#type: String,
        /// Name in words.
        permission_name: Option<String>,
        /// G grant, W with grant option, D deny, R revoke.
        state: String,
    }

    /// `sys.server_triggers`.
    ServerTrigger {
        /// Id.
        object_id: i32,
        /// Name.
        name: String,
        /// TR or TA.
        r#type: String,
        /// Created.
        create_date: Option<String>,
        /// Changed.
        modify_date: Option<String>,
        /// Marked as shipped; an attacker can set the mark.
        is_ms_shipped: Option<bool>,
        /// Disabled.
        is_disabled: bool,
    }

    /// `sys.sql_modules` or `sys.server_sql_modules`; the text itself is in the module-text file.
    Module {
        /// Id of the object or trigger.
        object_id: i32,
        /// The text's hash and length; `not_collected` when encrypted, `denied` when hidden.
        definition: Observed<TextHash>,
        /// QUOTED_IDENTIFIER at creation.
        uses_quoted_identifier: Option<bool>,
        /// NULL = caller, -2 = owner, else a principal.
        execute_as_principal_id: Option<PrincipalId>,
    }

    /// Names a text of the module-text file.
    TextHash {
        /// SHA-256 of the UTF-8 text, lower-case hex.
        sha256: String,
        /// Length in UTF-16 units, as SQL Server counts it.
        utf16_units: u32,
    }

    /// `sys.trusted_assemblies` (2017+).
    TrustedAssembly {
        /// SHA2-512 of the assembly.
        hash: Option<String>,
        /// Free text.
        description: Option<String>,
        /// Created.
        create_date: Option<String>,
        /// Who trusted it.
        created_by: Option<String>,
    }

    /// The auditor inside one database.
    DatabaseSession {
        /// User name there.
        user_name: Option<String>,
        /// Member of `db_owner` (true for sysadmin).
        is_db_owner: Option<bool>,
        /// CONTROL on the database.
        control: Option<bool>,
        /// VIEW DEFINITION on the database.
        view_definition: Option<bool>,
        /// VIEW SECURITY DEFINITION (2022+).
        view_security_definition: Option<bool>,
    }

    /// `sys.database_principals`.
    DatabasePrincipal {
        /// Id.
        principal_id: PrincipalId,
        /// Name.
        name: String,
        /// S, U, G, A, R, C, K, E, X.
        r#type: String,
        /// Sid.
        sid: Option<String>,
        /// Owner of a role.
        owning_principal_id: Option<PrincipalId>,
        /// Fixed database role.
        is_fixed_role: Option<bool>,
        /// 0 none, 1 instance, 2 database, 3 Windows, 4 external.
        authentication_type: Option<i32>,
        /// Created.
        create_date: Option<String>,
        /// Changed.
        modify_date: Option<String>,
    }

    /// `sys.schemas`.
    Schema {
        /// Id.
        schema_id: i32,
        /// Name.
        name: String,
        /// Owner.
        principal_id: Option<PrincipalId>,
    }

    /// `sys.objects`, without constraints.
    Object {
        /// Id.
        object_id: i32,
        /// Name.
        name: String,
        /// Schema.
        schema_id: i32,
        /// Owner, if not the schema's.
        principal_id: Option<PrincipalId>,
        /// Parent table of a DML trigger.
        parent_object_id: i32,
        /// P, V, FN, TR, PC, X, U …, trimmed.
        r#type: String,
        /// Created.
        create_date: Option<String>,
        /// Changed.
        modify_date: Option<String>,
        /// Marked as shipped; an attacker can set the mark.
        is_ms_shipped: Option<bool>,
    }

    /// `sys.triggers`: DML triggers and database DDL triggers.
    Trigger {
        /// Id.
        object_id: i32,
        /// Name.
        name: String,
        /// 0 database (DDL), 1 object (DML).
        parent_class: i32,
        /// Table or view of a DML trigger.
        parent_id: i32,
        /// TR or TA.
        r#type: String,
        /// Created.
        create_date: Option<String>,
        /// Changed.
        modify_date: Option<String>,
        /// Marked as shipped; an attacker can set the mark.
        is_ms_shipped: Option<bool>,
        /// Disabled.
        is_disabled: bool,
    }

    /// `sys.parameters`.
    Parameter {
        /// Module.
        object_id: i32,
        /// From 1; 0 is a function's result.
        parameter_id: i32,
        /// Name with `@`.
        name: Option<String>,
        /// `sys.types.system_type_id`.
        system_type_id: i32,
        /// Bytes; -1 for max types.
        max_length: i32,
        /// OUTPUT.
        is_output: bool,
    }

    /// `sys.synonyms`.
    Synonym {
        /// Id (name and schema stand in `objects`).
        object_id: i32,
        /// One- to four-part name, free text.
        base_object_name: Option<String>,
    }

    /// `sys.assemblies`.
    Assembly {
        /// Id.
        assembly_id: i32,
        /// Name.
        name: String,
        /// Owner.
        principal_id: Option<PrincipalId>,
        /// Full CLR name with version and public key token.
        clr_name: Option<String>,
        /// 1 SAFE, 2 EXTERNAL_ACCESS, 3 UNSAFE.
        permission_set: Option<i32>,
        /// Procedures can be made from it.
        is_visible: bool,
        /// 0 = shipped with the server.
        is_user_defined: Option<bool>,
        /// Created.
        create_date: Option<String>,
        /// Changed.
        modify_date: Option<String>,
    }

    /// `sys.assembly_files`; the bytes themselves are never kept.
    AssemblyFile {
        /// Assembly.
        assembly_id: i32,
        /// 1 = the assembly itself.
        file_id: i32,
        /// File name.
        name: Option<String>,
        /// Bytes, as text like every 64-bit number.
        size: Option<String>,
        /// SHA2-512 of the content; `not_collected` beyond the size limit on 2012 and 2014.
        sha2_512: Observed<String>,
    }

    /// `sys.assembly_modules`.
    AssemblyModule {
        /// CLR procedure, function, trigger or aggregate.
        object_id: i32,
        /// Assembly.
        assembly_id: i32,
        /// Class.
        assembly_class: Option<String>,
        /// Method.
        assembly_method: Option<String>,
        /// NULL = caller, -2 = owner, else a principal.
        execute_as_principal_id: Option<PrincipalId>,
    }

    /// `sys.extended_procedures`: registered in this database.
    ExtendedProcedure {
        /// Id.
        object_id: i32,
        /// Name.
        name: String,
        /// Schema.
        schema_id: i32,
        /// DLL as registered.
        dll_name: Option<String>,
        /// Created.
        create_date: Option<String>,
        /// Changed.
        modify_date: Option<String>,
        /// Marked as shipped; an attacker can set the mark.
        is_ms_shipped: Option<bool>,
    }

    /// `sys.all_objects` of type X in master: shipped and registered extended procedures.
    SystemExtendedProcedure {
        /// Id; negative for shipped ones.
        object_id: i32,
        /// Name.
        name: String,
        /// Schema; 4 = sys.
        schema_id: i32,
        /// Marked as shipped; an attacker can set the mark.
        is_ms_shipped: Option<bool>,
    }

    /// `sys.procedures` of master with `is_auto_executed` set.
    StartupProcedure {
        /// Id.
        object_id: i32,
        /// Name.
        name: String,
        /// Schema.
        schema_id: i32,
    }
}

impl ServerIdentity {
    /// Whether the server tells names apart by case: its collation is binary or case-sensitive. `false`
    /// also where the collation was not seen.
    pub fn is_case_sensitive(&self) -> bool {
        let collation = self.collation.as_deref().unwrap_or_default();
        let collation = collation.to_ascii_uppercase();
        collation.contains("_CS_") || collation.contains("_BIN")
    }

    /// Whether two names of databases are one to this server. ASCII letters alone are folded: a name that
    /// only a collation would take for another is not.
    pub fn is_same_name(&self, one: &str, other: &str) -> bool {
        one == other || (!self.is_case_sensitive() && one.eq_ignore_ascii_case(other))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn case_counts_in_binary_and_case_sensitive_collations() {
        for (collation, sensitive) in [
            ("SQL_Latin1_General_CP1_CI_AS", false),
            ("Latin1_General_100_CI_AS_SC_UTF8", false),
            ("SQL_Latin1_General_CP1_CS_AS", true),
            ("Japanese_XJIS_140_CS_AS_KS_WS", true),
            ("Latin1_General_BIN", true),
            ("Latin1_General_100_BIN2_UTF8", true),
        ] {
            let json = serde_json::json!({ "product_version": "16.0.1.1", "collation": collation });
            let identity: ServerIdentity = serde_json::from_value(json).unwrap();
            assert_eq!(identity.is_case_sensitive(), sensitive, "{collation}");
        }
    }
}
