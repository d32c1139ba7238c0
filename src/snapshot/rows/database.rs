//! Further rows of each database: signing, broker, external code.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::Observed;
use super::TextHash;
use crate::ids::PrincipalId;

rows! {
    /// `sys.numbered_procedures`: number 2 and up of a procedure; the text itself is in the module-text file.
    NumberedProcedure {
        /// Procedure.
        object_id: i32,
        /// From 2.
        procedure_number: i32,
        /// The text's hash and length; `not_collected` when encrypted, `denied` when hidden.
        definition: Observed<TextHash>,
    }

    /// `sys.service_queues`.
    ServiceQueue {
        /// Id (name and schema stand in `objects`).
        object_id: i32,
        /// Procedure, free text.
        activation_procedure: Option<String>,
        /// NULL = caller, -2 = owner, else a principal.
        execute_as_principal_id: Option<PrincipalId>,
        /// The procedure is started.
        is_activation_enabled: bool,
        /// RECEIVE allowed.
        is_receive_enabled: bool,
        /// Messages are taken.
        is_enqueue_enabled: bool,
    }

    /// `sys.certificates`.
    Certificate {
        /// Id.
        certificate_id: i32,
        /// Name.
        name: String,
        /// Owner.
        principal_id: Option<PrincipalId>,
        /// NA no private key, MK master key, PW password, SK service key.
        pvt_key_encryption_type: String,
        /// Names it in `crypt_properties`.
        thumbprint: String,
        /// Of the login or user made from it.
        sid: Option<String>,
        /// Subject.
        subject: Option<String>,
        /// Issuer.
        issuer_name: Option<String>,
        /// Valid from.
        start_date: Option<String>,
        /// Valid to.
        expiry_date: Option<String>,
    }

    /// `sys.asymmetric_keys`.
    AsymmetricKey {
        /// Id.
        asymmetric_key_id: i32,
        /// Name.
        name: String,
        /// Owner.
        principal_id: Option<PrincipalId>,
        /// NA no private key, MK master key, PW password.
        pvt_key_encryption_type: String,
        /// Names it in `crypt_properties`.
        thumbprint: String,
        /// Algorithm.
        algorithm_desc: Option<String>,
        /// Bits.
        key_length: i32,
        /// Of the login or user made from it.
        sid: Option<String>,
    }

    /// `sys.crypt_properties`: a signature of a module or assembly.
    CryptProperty {
        /// 1 object, 5 assembly.
        class: i32,
        /// Object or assembly.
        major_id: i32,
        /// Certificate or key.
        thumbprint: String,
        /// SPVC/SPVA signature by certificate/key, CPVC/CPVA countersignature.
        crypt_type: String,
    }

    /// `sys.database_scoped_configurations` (2016+).
    ScopedConfiguration {
        /// Id; match by name.
        configuration_id: Option<i32>,
        /// Name.
        name: Option<String>,
        /// Value as text.
        value: Option<String>,
        /// Value on secondaries.
        value_for_secondary: Option<String>,
    }

    /// `sys.sql_expression_dependencies`: what the server itself saw a module name, a second witness beside our reading of the text.
    Dependency {
        /// 1 object, 12 database trigger, 13 server trigger …
        referencing_class: Option<i32>,
        /// Module.
        referencing_id: i32,
        /// Linked server.
        referenced_server_name: Option<String>,
        /// Database.
        referenced_database_name: Option<String>,
        /// Schema.
        referenced_schema_name: Option<String>,
        /// Name.
        referenced_entity_name: Option<String>,
        /// Id, if it is of this database.
        referenced_id: Option<i32>,
        /// Depends on the caller's schema.
        is_caller_dependent: bool,
    }

    /// `sys.external_data_sources` (2016+).
    ExternalDataSource {
        /// Id.
        data_source_id: i32,
        /// Name.
        name: String,
        /// Address.
        location: Option<String>,
        /// HADOOP, EXTERNAL_GENERICS …
        type_desc: Option<String>,
        /// Database-scoped credential.
        credential_id: Option<i32>,
    }

    /// `sys.external_libraries` (2017+).
    ExternalLibrary {
        /// Id.
        external_library_id: i32,
        /// Name.
        name: Option<String>,
        /// Owner.
        principal_id: Option<PrincipalId>,
        /// Language.
        language: Option<String>,
        /// PUBLIC or PRIVATE.
        scope_desc: Option<String>,
    }

    /// `sys.external_languages` (2019+).
    ExternalLanguage {
        /// Id.
        external_language_id: i32,
        /// Name.
        language: Option<String>,
        /// Owner.
        principal_id: Option<PrincipalId>,
        /// Created.
        create_date: Option<String>,
    }

    /// `sys.external_language_files` (2019+), without content and environment.
    ExternalLanguageFile {
        /// Language.
        external_language_id: i32,
        /// DLL or shared object that is loaded.
        file_name: Option<String>,
        /// WINDOWS or LINUX.
        platform_desc: Option<String>,
        /// Parameters given to it.
        parameters: Option<String>,
    }

    /// `sys.external_models` (2025+).
    ExternalModel {
        /// Id.
        external_model_id: i32,
        /// Name.
        name: String,
        /// Owner.
        principal_id: Option<PrincipalId>,
        /// Address.
        location: Option<String>,
        /// Interface.
        api_format: Option<String>,
        /// Database-scoped credential.
        credential_id: Option<i32>,
    }
}
