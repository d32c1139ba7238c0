//! Which permission covers which: the part of `sys.fn_builtin_permissions` that steps to a command channel rest on
//! (docs: permissions (Database Engine), GRANT pages; the codes are those of the permission catalog views).

/// A securable's class, finer than the catalog's where one class holds things that different permissions cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The instance.
    Server,
    /// A login.
    Login,
    /// A server role.
    ServerRole,
    /// A database.
    Database,
    /// A schema.
    Schema,
    /// A procedure, function, table …
    Object,
    /// A user.
    User,
    /// A database role.
    Role,
    /// An application role.
    ApplicationRole,
    /// A CLR assembly.
    Assembly,
    /// A certificate.
    Certificate,
    /// An asymmetric key.
    AsymmetricKey,
    /// A language of external scripts.
    ExternalLanguage,
}

impl Class {
    /// The number in `class` of `sys.server_permissions` and `sys.database_permissions`.
    pub fn number(self) -> i32 {
        match self {
            Self::Server => 100,
            Self::Login | Self::ServerRole => 101,
            Self::Database => 0,
            Self::Object => 1,
            Self::Schema => 3,
            Self::User | Self::Role | Self::ApplicationRole => 4,
            Self::Assembly => 5,
            Self::Certificate => 25,
            Self::AsymmetricKey => 26,
            Self::ExternalLanguage => 34,
        }
    }

    /// The word in a GRANT statement.
    pub fn word(self) -> &'static str {
        match self {
            Self::Server => "the server",
            Self::Login => "LOGIN",
            Self::ServerRole => "SERVER ROLE",
            Self::Database => "DATABASE",
            Self::Schema => "SCHEMA",
            Self::Object => "OBJECT",
            Self::User => "USER",
            Self::Role => "ROLE",
            Self::ApplicationRole => "APPLICATION ROLE",
            Self::Assembly => "ASSEMBLY",
            Self::Certificate => "CERTIFICATE",
            Self::AsymmetricKey => "ASYMMETRIC KEY",
            Self::ExternalLanguage => "EXTERNAL LANGUAGE",
        }
    }
}

/// A permission on a class of securables: the class, the catalog's code, the name.
pub type Permission = (Class, &'static str);

/// Class, code, name, and what implies it: the covering permission of its class, those of what contains it.
type Row = (Class, &'static str, &'static str, &'static [Permission]);

use Class::{
    ApplicationRole, Assembly, AsymmetricKey, Certificate, Database, ExternalLanguage, Login,
    Object, Role, Schema, Server, ServerRole, User,
};

const CONTROL_SERVER: &[Permission] = &[(Server, "CL")];
const CONTROL_DATABASE: &[Permission] = &[(Database, "CL")];
const ALTER_DATABASE: &[Permission] = &[(Database, "AL")];

/// The table. CONNECT is implied by CONNECT ANY DATABASE, which 2012 does not have: there are no such rows there.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    (Server, "CL",   "CONTROL SERVER",           &[]),
    (Server, "ALST", "ALTER SETTINGS",           CONTROL_SERVER),
    (Server, "ALLG", "ALTER ANY LOGIN",          CONTROL_SERVER),
    (Server, "CRLG", "CREATE LOGIN",             &[(Server, "ALLG")]),
    (Server, "IAL",  "IMPERSONATE ANY LOGIN",    CONTROL_SERVER),
    (Server, "ALLS", "ALTER ANY LINKED SERVER",  CONTROL_SERVER),
    (Server, "ALCD", "ALTER ANY CREDENTIAL",     CONTROL_SERVER),
    (Server, "ALSR", "ALTER ANY SERVER ROLE",    CONTROL_SERVER),
    (Server, "ALDB", "ALTER ANY DATABASE",       CONTROL_SERVER),
    (Server, "CRDB", "CREATE ANY DATABASE",      &[(Server, "ALDB")]),
    (Server, "AUTH", "AUTHENTICATE SERVER",      CONTROL_SERVER),
    (Server, "CADB", "CONNECT ANY DATABASE",     CONTROL_SERVER),
    (Server, "XU",   "UNSAFE ASSEMBLY",          CONTROL_SERVER),
    (Server, "XA",   "EXTERNAL ACCESS ASSEMBLY", &[(Server, "XU")]),
    (Server, "COSQ", "CONNECT SQL",              CONTROL_SERVER),

    (Login, "CL", "CONTROL",     CONTROL_SERVER),
    (Login, "IM", "IMPERSONATE", &[(Login, "CL"), (Server, "IAL")]),
    (Login, "AL", "ALTER",       &[(Login, "CL"), (Server, "ALLG")]),

    (ServerRole, "CL", "CONTROL",        CONTROL_SERVER),
    (ServerRole, "AL", "ALTER",          &[(ServerRole, "CL"), (Server, "ALSR")]),
    (ServerRole, "TO", "TAKE OWNERSHIP", &[(ServerRole, "CL")]),

    (Database, "CL",   "CONTROL",                         CONTROL_SERVER),
    (Database, "AL",   "ALTER",                           &[(Database, "CL"), (Server, "ALDB")]),
    (Database, "TO",   "TAKE OWNERSHIP",                  CONTROL_DATABASE),
    (Database, "AUTH", "AUTHENTICATE",                    &[(Database, "CL"), (Server, "AUTH")]),
    (Database, "CO",   "CONNECT",                         &[(Database, "CL"), (Server, "CADB")]),
    (Database, "EX",   "EXECUTE",                         CONTROL_DATABASE),
    (Database, "IN",   "INSERT",                          CONTROL_DATABASE),
    (Database, "UP",   "UPDATE",                          CONTROL_DATABASE),
    (Database, "DL",   "DELETE",                          CONTROL_DATABASE),
    (Database, "RF",   "REFERENCES",                      CONTROL_DATABASE),
    (Database, "EAES", "EXECUTE ANY EXTERNAL SCRIPT",     CONTROL_DATABASE),
    (Database, "CRDB", "CREATE DATABASE",                 &[(Server, "CRDB")]),
    (Database, "ALAS", "ALTER ANY ASSEMBLY",              ALTER_DATABASE),
    (Database, "CRAS", "CREATE ASSEMBLY",                 &[(Database, "ALAS")]),
    (Database, "ALSM", "ALTER ANY SCHEMA",                ALTER_DATABASE),
    (Database, "CRPR", "CREATE PROCEDURE",                ALTER_DATABASE),
    (Database, "ALTG", "ALTER ANY DATABASE DDL TRIGGER",  ALTER_DATABASE),
    (Database, "ALUS", "ALTER ANY USER",                  ALTER_DATABASE),
    (Database, "ALRL", "ALTER ANY ROLE",                  ALTER_DATABASE),
    (Database, "ALAR", "ALTER ANY APPLICATION ROLE",      ALTER_DATABASE),
    (Database, "ALCF", "ALTER ANY CERTIFICATE",           ALTER_DATABASE),
    (Database, "ALAK", "ALTER ANY ASYMMETRIC KEY",        ALTER_DATABASE),
    (Database, "ALLA", "ALTER ANY EXTERNAL LANGUAGE",     ALTER_DATABASE),
    (Database, "CRLA", "CREATE EXTERNAL LANGUAGE",        &[(Database, "ALLA")]),

    (Schema, "CL", "CONTROL",        CONTROL_DATABASE),
    (Schema, "AL", "ALTER",          &[(Schema, "CL"), (Database, "ALSM")]),
    (Schema, "EX", "EXECUTE",        &[(Schema, "CL"), (Database, "EX")]),
    (Schema, "TO", "TAKE OWNERSHIP", &[(Schema, "CL")]),
    (Schema, "IN", "INSERT",         &[(Schema, "CL"), (Database, "IN")]),
    (Schema, "UP", "UPDATE",         &[(Schema, "CL"), (Database, "UP")]),
    (Schema, "DL", "DELETE",         &[(Schema, "CL"), (Database, "DL")]),

    (Object, "CL", "CONTROL",        &[(Schema, "CL")]),
    (Object, "AL", "ALTER",          &[(Object, "CL"), (Schema, "AL")]),
    (Object, "EX", "EXECUTE",        &[(Object, "CL"), (Schema, "EX")]),
    (Object, "TO", "TAKE OWNERSHIP", &[(Object, "CL")]),
    (Object, "IN", "INSERT",         &[(Object, "CL"), (Schema, "IN")]),
    (Object, "UP", "UPDATE",         &[(Object, "CL"), (Schema, "UP")]),
    (Object, "DL", "DELETE",         &[(Object, "CL"), (Schema, "DL")]),

    (User, "CL", "CONTROL",     CONTROL_DATABASE),
    (User, "IM", "IMPERSONATE", &[(User, "CL")]),
    (User, "AL", "ALTER",       &[(User, "CL"), (Database, "ALUS")]),

    (Role, "CL", "CONTROL",        CONTROL_DATABASE),
    (Role, "AL", "ALTER",          &[(Role, "CL"), (Database, "ALRL")]),
    (Role, "TO", "TAKE OWNERSHIP", &[(Role, "CL")]),

    (ApplicationRole, "CL", "CONTROL", CONTROL_DATABASE),
    (ApplicationRole, "AL", "ALTER",   &[(ApplicationRole, "CL"), (Database, "ALAR")]),

    (Assembly, "CL", "CONTROL",        CONTROL_DATABASE),
    (Assembly, "AL", "ALTER",          &[(Assembly, "CL"), (Database, "ALAS")]),
    (Assembly, "TO", "TAKE OWNERSHIP", &[(Assembly, "CL")]),
    (Assembly, "RF", "REFERENCES",     &[(Assembly, "CL"), (Database, "RF")]),

    (Certificate, "CL", "CONTROL", CONTROL_DATABASE),
    (AsymmetricKey, "CL", "CONTROL", CONTROL_DATABASE),

    (ExternalLanguage, "CL",   "CONTROL",                 CONTROL_DATABASE),
    (ExternalLanguage, "EXES", "EXECUTE EXTERNAL SCRIPT", &[(ExternalLanguage, "CL"), (Database, "EAES")]),
];

fn row(permission: Permission) -> Option<&'static Row> {
    TABLE.iter().find(|row| (row.0, row.1) == permission)
}

/// The permission's name; its code where the table does not have it.
pub fn name(permission: Permission) -> &'static str {
    row(permission).map_or(permission.1, |row| row.2)
}

/// The code of a permission on a class, by its name.
pub fn code(class: Class, name: &str) -> Option<&'static str> {
    let row = TABLE
        .iter()
        .find(|row| row.0 == class && row.2.eq_ignore_ascii_case(name));
    row.map(|row| row.1)
}

/// A permission and all that imply it, itself first, then by how far they are. A GRANT of any of them gives it, a DENY
/// of any of them takes it.
pub fn covering(permission: Permission) -> Vec<Permission> {
    let mut found = vec![permission];
    let mut next = 0;
    while let Some(one) = found.get(next).copied() {
        next += 1;
        for above in row(one).map_or(&[][..], |row| row.3) {
            if !found.contains(above) {
                found.push(*above);
            }
        }
    }
    found
}

/// What membership of a fixed server role gives, besides the power of sysadmin; by the role's name, which nobody can
/// change (docs: server-level roles; the lists of 2008 R2 for the older ones).
pub const FIXED_SERVER_ROLES: &[(&str, &[&str])] = &[
    ("securityadmin", &["ALLG"]),
    ("serveradmin", &["ALST"]),
    ("setupadmin", &["ALLS"]),
    ("dbcreator", &["ALDB"]),
    ("##MS_DatabaseConnector##", &["CADB"]),
    ("##MS_LoginManager##", &["ALLG"]),
    ("##MS_DatabaseManager##", &["ALDB"]),
];

/// The same of fixed database roles, which have the same ids in every database (docs: database-level roles; the lists
/// of 2008 R2).
pub const FIXED_DATABASE_ROLES: &[(i32, &[&str])] = &[
    (DB_OWNER, &["CL"]),
    (DB_ACCESSADMIN, &["ALUS", "CO"]),
    (DB_SECURITYADMIN, &["ALRL", "ALAR"]),
    (
        DB_DDLADMIN,
        &["ALAS", "ALSM", "ALTG", "ALCF", "ALAK", "CRPR"],
    ),
    (DB_DATAWRITER, &["IN", "UP", "DL"]),
];

/// What membership of a fixed database role takes, as a DENY does.
pub const DENYING_DATABASE_ROLES: &[(i32, &[&str])] = &[(DB_DENYDATAWRITER, &["IN", "UP", "DL"])];

/// `db_owner`.
pub const DB_OWNER: i32 = 16384;
/// `db_accessadmin`.
pub const DB_ACCESSADMIN: i32 = 16385;
/// `db_securityadmin`.
pub const DB_SECURITYADMIN: i32 = 16386;
/// `db_ddladmin`.
pub const DB_DDLADMIN: i32 = 16387;
/// `db_datawriter`.
pub const DB_DATAWRITER: i32 = 16391;
/// `db_denydatawriter`.
pub const DB_DENYDATAWRITER: i32 = 16393;
/// The last id of fixed database roles.
pub const LAST_FIXED_ROLE: i32 = 16399;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_covers_is_followed_to_the_server() {
        let covering = covering((Object, "EX"));
        assert_eq!(covering.first(), Some(&(Object, "EX")));
        for above in [
            (Object, "CL"),
            (Schema, "EX"),
            (Database, "EX"),
            (Server, "CL"),
        ] {
            assert!(covering.contains(&above), "{above:?}");
        }
        assert!(!covering.contains(&(Object, "AL")));
    }

    #[test]
    fn impersonation_of_a_user_comes_from_control_alone() {
        let covering = covering((User, "IM"));
        assert!(!covering.contains(&(Database, "ALUS")));
        assert!(covering.contains(&(Database, "CL")));
    }

    #[test]
    fn every_permission_named_stands_in_the_table_once() {
        for (at, one) in TABLE.iter().enumerate() {
            let same = |other: &Row| (other.0, other.1) == (one.0, one.1);
            assert_eq!(TABLE.iter().position(same), Some(at), "{one:?}");
            for above in one.3 {
                assert!(row(*above).is_some(), "{above:?}");
            }
        }
        let server = FIXED_SERVER_ROLES.iter().flat_map(|(_, codes)| *codes);
        for code in server {
            assert!(row((Server, code)).is_some(), "{code}");
        }
        let database = FIXED_DATABASE_ROLES.iter().chain(DENYING_DATABASE_ROLES);
        let database = database.flat_map(|(_, codes)| *codes);
        for code in database {
            assert!(row((Database, code)).is_some(), "{code}");
        }
    }
}
