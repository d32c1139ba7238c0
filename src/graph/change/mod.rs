//! Changes that close a way: as T-SQL with its undo, and as the snapshot would be after them. Nothing here is ever sent to
//! a server.

mod apply;
mod grants;
mod options;
mod parse;
mod propose;
mod write;

#[cfg(test)]
mod tests;

pub use write::{BY_HAND, bracketed};

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
    /// An application role.
    ApplicationRole(String),
    /// An assembly.
    Assembly(String),
    /// A certificate.
    Certificate(String),
    /// A language of external scripts.
    ExternalLanguage(String),
}

/// What a module is, as DROP has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModuleKind {
    /// A procedure, of T-SQL or CLR.
    Procedure,
    /// A function.
    Function,
    /// An aggregate.
    Aggregate,
    /// A view.
    View,
    /// A trigger on a table or view.
    Trigger,
    /// A DDL trigger of the database.
    DatabaseTrigger,
}

impl ModuleKind {
    /// By `type` of `sys.objects`.
    pub(super) fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "P" | "PC" => Self::Procedure,
            "FN" | "IF" | "TF" | "FS" | "FT" => Self::Function,
            "AF" => Self::Aggregate,
            "V" => Self::View,
            "TR" | "TA" => Self::Trigger,
            _ => return None,
        })
    }

    fn word(self) -> &'static str {
        match self {
            Self::Procedure => "PROCEDURE",
            Self::Function => "FUNCTION",
            Self::Aggregate => "AGGREGATE",
            Self::View => "VIEW",
            Self::Trigger | Self::DatabaseTrigger => "TRIGGER",
        }
    }
}

/// Roles of a former owner: what an application needs at least to go on. What it needs besides is granted by hand.
const KEPT_ROLES: [&str; 2] = ["db_datareader", "db_datawriter"];

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
        /// Who granted it, in order: a GRANT of one grantor stays when that of another is revoked. `None` is who grants
        /// where no AS is written: the owner of what it is on, or sa or dbo.
        by: Vec<Option<String>>,
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
        /// The former owner's login, which comes in as a user of its own then, in [`KEPT_ROLES`].
        keep: Option<String>,
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
    /// DROP PROCEDURE, FUNCTION, TRIGGER …
    DropModule {
        /// The database.
        database: DatabaseName,
        /// Schema and name; a trigger of the database has no schema.
        name: (String, String),
        /// What it is.
        kind: ModuleKind,
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

impl Change {
    /// Whether its statements can be taken back by other statements, with nothing that is kept elsewhere: a password, a
    /// module's text.
    pub fn is_reversible(&self) -> bool {
        !matches!(
            self,
            Self::DropLinkedLogin { .. } | Self::DropModule { .. } | Self::DropProxyAccount
        )
    }

    /// Whether it takes something away that people may need as it is, so that anything else goes before it.
    pub fn is_last_resort(&self) -> bool {
        matches!(self, Self::DropModule { .. })
    }
}

pub use apply::ChangeError;
