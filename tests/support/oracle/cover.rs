//! Which permission implies which, written down from the documentation's table (permissions (Database Engine)) and the
//! rows of `sys.fn_builtin_permissions`, apart from the engine's own table.

/// What something is that permissions are given on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Server,
    Login,
    ServerRole,
    Database,
    Schema,
    Object,
    User,
    Role,
    ApplicationRole,
    Assembly,
    Certificate,
    AsymmetricKey,
    Language,
}

use Kind::{
    ApplicationRole, Assembly, AsymmetricKey, Certificate, Database, Language, Login, Object, Role,
    Schema, Server, ServerRole, User,
};

impl Kind {
    /// `class` in the permission views.
    pub fn class(self) -> i32 {
        match self {
            Server => 100,
            Login | ServerRole => 101,
            Database => 0,
            Object => 1,
            Schema => 3,
            User | Role | ApplicationRole => 4,
            Assembly => 5,
            Certificate => 25,
            AsymmetricKey => 26,
            Language => 34,
        }
    }
}

/// A permission by its name.
pub type Named = (Kind, &'static str);

/// A permission, its code in the views, and those that imply it: of its own class, and of the class around it.
const TABLE: &[(Named, &str, &[Named])] = &[
    ((Server, "CONTROL SERVER"), "CL", &[]),
    (
        (Server, "ALTER SETTINGS"),
        "ALST",
        &[(Server, "CONTROL SERVER")],
    ),
    (
        (Server, "ALTER ANY LOGIN"),
        "ALLG",
        &[(Server, "CONTROL SERVER")],
    ),
    (
        (Server, "CREATE LOGIN"),
        "CRLG",
        &[(Server, "ALTER ANY LOGIN")],
    ),
    (
        (Server, "IMPERSONATE ANY LOGIN"),
        "IAL",
        &[(Server, "CONTROL SERVER")],
    ),
    (
        (Server, "ALTER ANY LINKED SERVER"),
        "ALLS",
        &[(Server, "CONTROL SERVER")],
    ),
    (
        (Server, "ALTER ANY CREDENTIAL"),
        "ALCD",
        &[(Server, "CONTROL SERVER")],
    ),
    (
        (Server, "ALTER ANY SERVER ROLE"),
        "ALSR",
        &[(Server, "CONTROL SERVER")],
    ),
    (
        (Server, "ALTER ANY DATABASE"),
        "ALDB",
        &[(Server, "CONTROL SERVER")],
    ),
    (
        (Server, "CREATE ANY DATABASE"),
        "CRDB",
        &[(Server, "ALTER ANY DATABASE")],
    ),
    (
        (Server, "AUTHENTICATE SERVER"),
        "AUTH",
        &[(Server, "CONTROL SERVER")],
    ),
    (
        (Server, "CONNECT ANY DATABASE"),
        "CADB",
        &[(Server, "CONTROL SERVER")],
    ),
    (
        (Server, "UNSAFE ASSEMBLY"),
        "XU",
        &[(Server, "CONTROL SERVER")],
    ),
    (
        (Server, "EXTERNAL ACCESS ASSEMBLY"),
        "XA",
        &[(Server, "UNSAFE ASSEMBLY")],
    ),
    ((Login, "CONTROL"), "CL", &[(Server, "CONTROL SERVER")]),
    (
        (Login, "IMPERSONATE"),
        "IM",
        &[(Login, "CONTROL"), (Server, "IMPERSONATE ANY LOGIN")],
    ),
    (
        (Login, "ALTER"),
        "AL",
        &[(Login, "CONTROL"), (Server, "ALTER ANY LOGIN")],
    ),
    ((ServerRole, "CONTROL"), "CL", &[(Server, "CONTROL SERVER")]),
    (
        (ServerRole, "ALTER"),
        "AL",
        &[(ServerRole, "CONTROL"), (Server, "ALTER ANY SERVER ROLE")],
    ),
    (
        (ServerRole, "TAKE OWNERSHIP"),
        "TO",
        &[(ServerRole, "CONTROL"), (Server, "CONTROL SERVER")],
    ),
    ((Database, "CONTROL"), "CL", &[(Server, "CONTROL SERVER")]),
    (
        (Database, "ALTER"),
        "AL",
        &[(Database, "CONTROL"), (Server, "ALTER ANY DATABASE")],
    ),
    (
        (Database, "TAKE OWNERSHIP"),
        "TO",
        &[(Database, "CONTROL"), (Server, "CONTROL SERVER")],
    ),
    (
        (Database, "CONNECT"),
        "CO",
        &[(Database, "CONTROL"), (Server, "CONNECT ANY DATABASE")],
    ),
    (
        (Database, "AUTHENTICATE"),
        "AUTH",
        &[(Database, "CONTROL"), (Server, "AUTHENTICATE SERVER")],
    ),
    (
        (Database, "EXECUTE"),
        "EX",
        &[(Database, "CONTROL"), (Server, "CONTROL SERVER")],
    ),
    (
        (Database, "EXECUTE ANY EXTERNAL SCRIPT"),
        "EAES",
        &[(Database, "CONTROL")],
    ),
    (
        (Database, "CREATE DATABASE"),
        "CRDB",
        &[(Server, "CREATE ANY DATABASE")],
    ),
    (
        (Database, "ALTER ANY ASSEMBLY"),
        "ALAS",
        &[(Database, "ALTER")],
    ),
    (
        (Database, "CREATE ASSEMBLY"),
        "CRAS",
        &[(Database, "ALTER ANY ASSEMBLY")],
    ),
    (
        (Database, "ALTER ANY SCHEMA"),
        "ALSM",
        &[(Database, "ALTER")],
    ),
    (
        (Database, "ALTER ANY DATABASE DDL TRIGGER"),
        "ALTG",
        &[(Database, "ALTER")],
    ),
    ((Database, "ALTER ANY ROLE"), "ALRL", &[(Database, "ALTER")]),
    (
        (Database, "ALTER ANY APPLICATION ROLE"),
        "ALAR",
        &[(Database, "ALTER")],
    ),
    ((Database, "INSERT"), "IN", &[(Database, "CONTROL")]),
    ((Database, "UPDATE"), "UP", &[(Database, "CONTROL")]),
    ((Database, "DELETE"), "DL", &[(Database, "CONTROL")]),
    ((Database, "REFERENCES"), "RF", &[(Database, "CONTROL")]),
    ((Schema, "CONTROL"), "CL", &[(Database, "CONTROL")]),
    (
        (Schema, "ALTER"),
        "AL",
        &[(Schema, "CONTROL"), (Database, "ALTER ANY SCHEMA")],
    ),
    (
        (Schema, "EXECUTE"),
        "EX",
        &[(Schema, "CONTROL"), (Database, "EXECUTE")],
    ),
    (
        (Schema, "TAKE OWNERSHIP"),
        "TO",
        &[(Schema, "CONTROL"), (Database, "CONTROL")],
    ),
    ((Object, "CONTROL"), "CL", &[(Schema, "CONTROL")]),
    (
        (Object, "ALTER"),
        "AL",
        &[(Object, "CONTROL"), (Schema, "ALTER")],
    ),
    (
        (Object, "EXECUTE"),
        "EX",
        &[(Object, "CONTROL"), (Schema, "EXECUTE")],
    ),
    (
        (Object, "TAKE OWNERSHIP"),
        "TO",
        &[(Object, "CONTROL"), (Schema, "CONTROL")],
    ),
    (
        (Schema, "INSERT"),
        "IN",
        &[(Schema, "CONTROL"), (Database, "INSERT")],
    ),
    (
        (Schema, "UPDATE"),
        "UP",
        &[(Schema, "CONTROL"), (Database, "UPDATE")],
    ),
    (
        (Schema, "DELETE"),
        "DL",
        &[(Schema, "CONTROL"), (Database, "DELETE")],
    ),
    (
        (Object, "INSERT"),
        "IN",
        &[(Object, "CONTROL"), (Schema, "INSERT")],
    ),
    (
        (Object, "UPDATE"),
        "UP",
        &[(Object, "CONTROL"), (Schema, "UPDATE")],
    ),
    (
        (Object, "DELETE"),
        "DL",
        &[(Object, "CONTROL"), (Schema, "DELETE")],
    ),
    ((User, "CONTROL"), "CL", &[(Database, "CONTROL")]),
    ((User, "IMPERSONATE"), "IM", &[(User, "CONTROL")]),
    ((Role, "CONTROL"), "CL", &[(Database, "CONTROL")]),
    (
        (Role, "ALTER"),
        "AL",
        &[(Role, "CONTROL"), (Database, "ALTER ANY ROLE")],
    ),
    (
        (Role, "TAKE OWNERSHIP"),
        "TO",
        &[(Role, "CONTROL"), (Database, "CONTROL")],
    ),
    ((ApplicationRole, "CONTROL"), "CL", &[(Database, "CONTROL")]),
    (
        (ApplicationRole, "ALTER"),
        "AL",
        &[
            (ApplicationRole, "CONTROL"),
            (Database, "ALTER ANY APPLICATION ROLE"),
        ],
    ),
    ((Assembly, "CONTROL"), "CL", &[(Database, "CONTROL")]),
    (
        (Assembly, "ALTER"),
        "AL",
        &[(Assembly, "CONTROL"), (Database, "ALTER ANY ASSEMBLY")],
    ),
    (
        (Assembly, "TAKE OWNERSHIP"),
        "TO",
        &[(Assembly, "CONTROL"), (Database, "CONTROL")],
    ),
    (
        (Assembly, "REFERENCES"),
        "RF",
        &[(Assembly, "CONTROL"), (Database, "REFERENCES")],
    ),
    ((Certificate, "CONTROL"), "CL", &[(Database, "CONTROL")]),
    ((AsymmetricKey, "CONTROL"), "CL", &[(Database, "CONTROL")]),
    ((Language, "CONTROL"), "CL", &[(Database, "CONTROL")]),
    (
        (Language, "EXECUTE EXTERNAL SCRIPT"),
        "EXES",
        &[
            (Language, "CONTROL"),
            (Database, "EXECUTE ANY EXTERNAL SCRIPT"),
        ],
    ),
];

fn row(named: Named) -> &'static (Named, &'static str, &'static [Named]) {
    let row = TABLE.iter().find(|row| row.0 == named);
    row.unwrap_or_else(|| panic!("no permission {named:?} in the oracle's table"))
}

/// The permission itself and everything that implies it, however far: class and code.
pub fn implied_by(named: Named) -> Vec<(Kind, &'static str)> {
    let (_, code, above) = row(named);
    let mut all = vec![(named.0, *code)];
    for one in *above {
        all.extend(implied_by(*one));
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// What the fixed server roles carry (docs: server-level roles).
pub const SERVER_ROLES: &[(&str, &[&str])] = &[
    ("securityadmin", &["ALTER ANY LOGIN"]),
    ("serveradmin", &["ALTER SETTINGS"]),
    ("setupadmin", &["ALTER ANY LINKED SERVER"]),
    ("dbcreator", &["CREATE ANY DATABASE", "ALTER ANY DATABASE"]),
    ("##MS_DatabaseConnector##", &["CONNECT ANY DATABASE"]),
    ("##MS_LoginManager##", &["CREATE LOGIN", "ALTER ANY LOGIN"]),
    (
        "##MS_DatabaseManager##",
        &["CREATE ANY DATABASE", "ALTER ANY DATABASE"],
    ),
];

/// What the fixed database roles carry (docs: database-level roles; the lists of 2008 R2).
pub const DATABASE_ROLES: &[(&str, &[&str])] = &[
    ("db_owner", &["CONTROL"]),
    (
        "db_securityadmin",
        &["ALTER ANY ROLE", "ALTER ANY APPLICATION ROLE"],
    ),
    ("db_accessadmin", &["CONNECT"]),
    (
        "db_ddladmin",
        &[
            "ALTER ANY ASSEMBLY",
            "ALTER ANY SCHEMA",
            "ALTER ANY DATABASE DDL TRIGGER",
        ],
    ),
    ("db_datawriter", &["INSERT", "UPDATE", "DELETE"]),
];

/// What the fixed database roles take, as a DENY does.
pub const DENYING_ROLES: &[(&str, &[&str])] =
    &[("db_denydatawriter", &["INSERT", "UPDATE", "DELETE"])];

/// The code of a permission of the server or of a database.
pub fn code_of(named: Named) -> &'static str {
    row(named).1
}
