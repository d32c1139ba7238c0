//! Changes as T-SQL for a person to read and run.

use super::{Change, On};
use crate::snapshot::Snapshot;

/// In place of a statement with a name that could be read as more than a name.
const BY_HAND: &str = "-- A name in this statement holds a line break or another control character: make the change by hand.";

/// A name in brackets.
fn bracketed(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// A name in a string.
fn literal(name: &str) -> String {
    format!("N'{}'", name.replace('\'', "''"))
}

impl On {
    fn sql(&self) -> String {
        let (class, name) = match self {
            Self::Whole => return String::new(),
            Self::Object(schema, name) => {
                let name = format!("{}.{}", bracketed(schema), bracketed(name));
                return format!(" ON OBJECT::{name}");
            }
            Self::Login(name) => ("LOGIN", name),
            Self::ServerRole(name) => ("SERVER ROLE", name),
            Self::Schema(name) => ("SCHEMA", name),
            Self::User(name) => ("USER", name),
            Self::Role(name) => ("ROLE", name),
            Self::Assembly(name) => ("ASSEMBLY", name),
            Self::Certificate(name) => ("CERTIFICATE", name),
            Self::ExternalLanguage(name) => ("EXTERNAL LANGUAGE", name),
        };
        format!(" ON {class}::{}", bracketed(name))
    }
}

impl Change {
    /// The statements that make the change.
    pub fn sql(&self) -> String {
        let body = match self {
            Self::DropMember {
                database,
                role,
                member,
            } => membership(database.is_none(), role, "DROP", member),
            Self::Revoke {
                permission,
                on,
                from,
                ..
            } => format!(
                "REVOKE {permission}{} FROM {} CASCADE;",
                on.sql(),
                bracketed(from)
            ),
            Self::Deny {
                permission, on, to, ..
            } => format!(
                "DENY {permission}{} TO {} CASCADE;",
                on.sql(),
                bracketed(to)
            ),
            Self::DisableOption { name } => configure(name, 0),
            Self::TrustworthyOff { database } => set(database.as_str(), "TRUSTWORTHY OFF"),
            Self::ChainingOff { database } => set(database.as_str(), "DB_CHAINING OFF"),
            Self::ChangeOwner { database, to } => authorization(database.as_str(), to),
            Self::DisableLogin { name } => format!("ALTER LOGIN {} DISABLE;", bracketed(name)),
            Self::DropLinkedLogin { server, local } => {
                let local = local.as_deref().map_or_else(|| "NULL".to_owned(), literal);
                let server = literal(server);
                format!("EXEC sp_droplinkedsrvlogin @rmtsrvname = {server}, @locallogin = {local};")
            }
            Self::RpcOutOff { server } => rpc_out(server, "false"),
            Self::DropModule { name, .. } => {
                let name = format!("{}.{}", bracketed(&name.0), bracketed(&name.1));
                format!("DROP PROCEDURE {name};")
            }
            Self::DropProxyAccount => "EXEC sp_xp_cmdshell_proxy_account NULL;".to_owned(),
            Self::RevokeProxy { proxy, from } => {
                let (proxy, from) = (literal(proxy), literal(from));
                format!(
                    "EXEC msdb.dbo.sp_revoke_login_from_proxy @name = {from}, @proxy_name = {proxy};"
                )
            }
        };
        self.within(body)
    }

    /// A statement in its database. A name that holds a line break could end a batch by a line of its own (`GO`), inside
    /// brackets too, in the tools that divide scripts: such a statement is not written.
    fn within(&self, body: String) -> String {
        let own = usize::from(matches!(self, Self::DisableOption { .. }));
        let breaks = |text: &str| text.matches(|c: char| c.is_control()).count();
        if breaks(&body) > own || self.place().is_some_and(|place| breaks(place) > 0) {
            return BY_HAND.to_owned();
        }
        match self.place() {
            Some(database) => format!("USE {};\n{body}", bracketed(database)),
            None => body,
        }
    }

    /// The database whose context the statement needs.
    pub(super) fn place(&self) -> Option<&str> {
        match self {
            Self::DropMember { database, .. }
            | Self::Revoke { database, .. }
            | Self::Deny { database, .. } => database.as_ref().map(AsRef::as_ref),
            Self::DropModule { database, .. } => Some(database.as_str()),
            _ => None,
        }
    }

    /// The statements that take the change back, or what to keep for that; from the snapshot before it.
    pub fn undo(&self, before: &Snapshot) -> String {
        let body = match self {
            Self::DropMember {
                database,
                role,
                member,
            } => membership(database.is_none(), role, "ADD", member),
            Self::Revoke {
                permission,
                on,
                from,
                ..
            } => {
                let option = if self.had_grant_option(before) {
                    " WITH GRANT OPTION"
                } else {
                    ""
                };
                format!("GRANT {permission}{} TO {}{option};", on.sql(), bracketed(from))
            }
            Self::Deny {
                permission, on, to, ..
            } => format!("REVOKE {permission}{} FROM {};", on.sql(), bracketed(to)),
            Self::DisableOption { name } => configure(name, 1),
            Self::TrustworthyOff { database } => set(database.as_str(), "TRUSTWORTHY ON"),
            Self::ChainingOff { database } => set(database.as_str(), "DB_CHAINING ON"),
            Self::ChangeOwner { database, .. } => {
                let mut rows = before.server.databases.seen().iter();
                let row = rows.find(|row| row.name == database.as_str());
                match row.and_then(|row| row.owner_name.as_deref()) {
                    Some(owner) => authorization(database.as_str(), owner),
                    None => "-- the former owner has no login that could own it again".to_owned(),
                }
            }
            Self::DisableLogin { name } => format!("ALTER LOGIN {} ENABLE;", bracketed(name)),
            Self::DropLinkedLogin { server, .. } => format!(
                "-- EXEC sp_addlinkedsrvlogin for {}: needs the password there, which is not kept",
                literal(server)
            ),
            Self::RpcOutOff { server } => rpc_out(server, "true"),
            Self::DropModule { name, .. } => format!(
                "-- create {}.{} again from its text, its permissions and signatures",
                bracketed(&name.0),
                bracketed(&name.1)
            ),
            Self::DropProxyAccount => {
                "-- EXEC sp_xp_cmdshell_proxy_account: needs the account's password, which is not kept"
                    .to_owned()
            }
            Self::RevokeProxy { proxy, from } => {
                let (proxy, from) = (literal(proxy), literal(from));
                format!("EXEC msdb.dbo.sp_grant_login_to_proxy @login_name = {from}, @proxy_name = {proxy};")
            }
        };
        self.within(body)
    }

    /// The change in one sentence.
    pub fn sentence(&self) -> String {
        let named = crate::ids::named;
        match self {
            Self::DropMember {
                database,
                role,
                member,
            } => match database {
                Some(database) => format!(
                    "take {} out of role {} of {}",
                    named(member),
                    named(role),
                    named(database.as_str())
                ),
                None => format!("take {} out of server role {}", named(member), named(role)),
            },
            Self::Revoke {
                permission,
                on,
                from,
                database,
            } => format!(
                "revoke {permission}{}{} from {}",
                told(on),
                within(database.as_ref().map(AsRef::as_ref)),
                named(from)
            ),
            Self::Deny {
                permission,
                on,
                to,
                database,
            } => format!(
                "deny {permission}{}{} to {}",
                told(on),
                within(database.as_ref().map(AsRef::as_ref)),
                named(to)
            ),
            Self::DisableOption { name } => format!("switch off {name}"),
            Self::TrustworthyOff { database } => {
                format!("set TRUSTWORTHY off for {}", named(database.as_str()))
            }
            Self::ChainingOff { database } => {
                format!("set DB_CHAINING off for {}", named(database.as_str()))
            }
            Self::ChangeOwner { database, to } => {
                format!(
                    "make {} the owner of {}",
                    named(to),
                    named(database.as_str())
                )
            }
            Self::DisableLogin { name } => format!("disable login {}", named(name)),
            Self::DropLinkedLogin { server, local } => match local {
                Some(local) => format!(
                    "drop the login stored for {} on linked server {}",
                    named(local),
                    named(server)
                ),
                None => format!(
                    "drop the login stored for everybody on linked server {}",
                    named(server)
                ),
            },
            Self::RpcOutOff { server } => {
                format!("switch off RPC OUT of linked server {}", named(server))
            }
            Self::DropModule { database, name } => format!(
                "drop {}.{}.{}",
                named(database.as_str()),
                named(&name.0),
                named(&name.1)
            ),
            Self::DropProxyAccount => "drop the proxy account of xp_cmdshell".to_owned(),
            Self::RevokeProxy { proxy, from } => {
                format!("take Agent proxy {} from {}", named(proxy), named(from))
            }
        }
    }
}

fn told(on: &On) -> String {
    let named = crate::ids::named;
    match on {
        On::Whole => String::new(),
        On::Object(schema, name) => format!(" on {}.{}", named(schema), named(name)),
        On::Login(name) => format!(" on login {}", named(name)),
        On::ServerRole(name) => format!(" on server role {}", named(name)),
        On::Schema(name) => format!(" on schema {}", named(name)),
        On::User(name) => format!(" on user {}", named(name)),
        On::Role(name) => format!(" on role {}", named(name)),
        On::Assembly(name) => format!(" on assembly {}", named(name)),
        On::Certificate(name) => format!(" on certificate {}", named(name)),
        On::ExternalLanguage(name) => format!(" on external language {}", named(name)),
    }
}

fn within(database: Option<&str>) -> String {
    database.map_or_else(String::new, |name| {
        format!(" in {}", crate::ids::named(name))
    })
}

fn membership(at_server: bool, role: &str, verb: &str, member: &str) -> String {
    let server = if at_server { "SERVER " } else { "" };
    let (role, member) = (bracketed(role), bracketed(member));
    format!("ALTER {server}ROLE {role} {verb} MEMBER {member};")
}

fn configure(name: &str, value: i32) -> String {
    format!(
        "EXEC sp_configure 'show advanced options', 1; RECONFIGURE;\nEXEC sp_configure {}, {value}; RECONFIGURE;",
        literal(name)
    )
}

fn set(database: &str, what: &str) -> String {
    format!("ALTER DATABASE {} SET {what};", bracketed(database))
}

fn authorization(database: &str, login: &str) -> String {
    format!(
        "ALTER AUTHORIZATION ON DATABASE::{} TO {};",
        bracketed(database),
        bracketed(login)
    )
}

fn rpc_out(server: &str, value: &str) -> String {
    format!(
        "EXEC sp_serveroption @server = {}, @optname = 'rpc out', @optvalue = '{value}';",
        literal(server)
    )
}
