//! Changes that close a way: as T-SQL with its undo, and as the snapshot would be after them. Nothing here is ever sent to
//! a server.

mod apply;
mod parse;
mod propose;
mod write;

#[cfg(test)]
mod tests;

use crate::ids::DatabaseName;

/// What a permission is on, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum On {
    /// The server, or the database that the statement stands in.
    Whole,
    /// A login.
    Login(String),
    /// A server role.
    ServerRole(String),
    /// A schema.
    Schema(String),
    /// An object by schema and name; `sys` where it is shipped.
    Object(String, String),
    /// A user.
    User(String),
    /// A database role.
    Role(String),
    /// An assembly.
    Assembly(String),
    /// A certificate.
    Certificate(String),
    /// A language of external scripts.
    ExternalLanguage(String),
}

/// One change. Where it has a database, it is made there; else at server level.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// ALTER ROLE … DROP MEMBER.
    DropMember {
        /// Of a database role.
        database: Option<DatabaseName>,
        /// The role.
        role: String,
        /// The member.
        member: String,
    },
    /// REVOKE.
    Revoke {
        /// Of a permission in a database.
        database: Option<DatabaseName>,
        /// The permission's name.
        permission: String,
        /// What it is on.
        on: On,
        /// Who loses it.
        from: String,
    },
    /// DENY.
    Deny {
        /// Of a permission in a database.
        database: Option<DatabaseName>,
        /// The permission's name.
        permission: String,
        /// What it is on.
        on: On,
        /// Who is denied it.
        to: String,
    },
    /// sp_configure with 0.
    DisableOption {
        /// The option's full name.
        name: String,
    },
    /// ALTER DATABASE … SET TRUSTWORTHY OFF.
    TrustworthyOff {
        /// The database.
        database: DatabaseName,
    },
    /// ALTER DATABASE … SET DB_CHAINING OFF.
    ChainingOff {
        /// The database.
        database: DatabaseName,
    },
    /// ALTER AUTHORIZATION ON DATABASE.
    ChangeOwner {
        /// The database.
        database: DatabaseName,
        /// The login that owns it then.
        to: String,
    },
    /// ALTER LOGIN … DISABLE.
    DisableLogin {
        /// The login.
        name: String,
    },
    /// sp_droplinkedsrvlogin.
    DropLinkedLogin {
        /// The linked server.
        server: String,
        /// The login here; `None` for the mapping of everybody else.
        local: Option<String>,
    },
    /// sp_serveroption 'rpc out' off.
    RpcOutOff {
        /// The linked server.
        server: String,
    },
    /// DROP PROCEDURE, FUNCTION or TRIGGER.
    DropModule {
        /// The database.
        database: DatabaseName,
        /// Schema and name.
        name: (String, String),
    },
    /// sp_xp_cmdshell_proxy_account NULL.
    DropProxyAccount,
    /// sp_revoke_login_from_proxy.
    RevokeProxy {
        /// The proxy.
        proxy: String,
        /// The login, server role or msdb role that loses it.
        from: String,
    },
}

pub use apply::ChangeError;
