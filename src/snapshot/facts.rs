//! The facts by name, so that coverage and rules can speak of them without naming fields.

use serde::Serialize;

use super::{DatabaseFacts, Observed, ServerFacts, Snapshot};
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

macro_rules! facts {
    (server { $($s_variant:ident $s_field:ident)* } database { $($d_variant:ident $d_field:ident)* }) => {
        /// A fact, named like its query.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)] // documented on the row types and in the queries
        pub enum Fact { $($s_variant,)* $($d_variant,)* }

        impl Fact {
            /// Every fact, server scope first.
            pub const ALL: &'static [Self] = &[$(Self::$s_variant,)* $(Self::$d_variant,)*];

            /// The query's name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$s_variant => stringify!($s_field),)*
                    $(Self::$d_variant => stringify!($d_field),)*
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

facts! {
    server {
        ServerIdentity server_identity
        Session session
        LoginToken login_token
        Host host
        Configurations configurations
        Databases databases
        ServerPrincipals server_principals
        ServerRoleMembers server_role_members
        ServerPermissions server_permissions
        ServerTriggers server_triggers
        ServerModules server_modules
        TrustedAssemblies trusted_assemblies
        SystemExtendedProcedures system_extended_procedures
        StartupProcedures startup_procedures
    }
    database {
        DatabaseSession database_session
        UserToken user_token
        DatabasePrincipals database_principals
        DatabaseRoleMembers database_role_members
        DatabasePermissions database_permissions
        Schemas schemas
        Objects objects
        Modules modules
        Triggers triggers
        Parameters parameters
        Synonyms synonyms
        Assemblies assemblies
        AssemblyFiles assembly_files
        AssemblyModules assembly_modules
        ExtendedProcedures extended_procedures
    }
}

impl Fact {
    /// Where this fact is not settled: at server scope, or in each database that the inventory does
    /// not exclude. Empty means that nothing is missing.
    pub fn unsettled(self, snapshot: &Snapshot) -> Vec<FactState> {
        let server = self.in_server(&snapshot.server).into_iter();
        let databases = snapshot.databases.iter().filter(|d| !d.excluded);
        server
            .chain(databases.filter_map(|d| self.unsettled_in(d)))
            .collect()
    }

    /// The same for a fact that is asked for in master alone.
    pub fn unsettled_in_master(self, snapshot: &Snapshot) -> Vec<FactState> {
        let server = self.in_server(&snapshot.server).into_iter();
        let mut master = snapshot.databases.iter().filter(|d| !d.excluded);
        let master = master.find(|d| d.name.as_str() == "master");
        server
            .chain(master.and_then(|d| self.unsettled_in(d)))
            .collect()
    }
}
