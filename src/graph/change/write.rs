//! Changes as T-SQL for a person to read and run.

use super::options::{self, Values};
use super::{Change, KEPT_ROLES, ModuleKind, On};
use crate::snapshot::Snapshot;

/// In place of a statement with a name that could be read as more than a name.
pub const BY_HAND: &str = "-- A name in this statement holds a line break or another control character: make the change by hand.";

/// A name in brackets.
pub fn bracketed(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// A name in a string.
pub(super) fn literal(name: &str) -> String {
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
            Self::ApplicationRole(name) => ("APPLICATION ROLE", name),
            Self::Assembly(name) => ("ASSEMBLY", name),
            Self::Certificate(name) => ("CERTIFICATE", name),
            Self::ExternalLanguage(name) => ("EXTERNAL LANGUAGE", name),
        };
        format!(" ON {class}::{}", bracketed(name))
    }
}

impl Change {
    /// The statements that make the change, in the place of a statement why there is none: see [`Self::refusal`].
    pub fn sql(&self, before: &Snapshot) -> String {
        self.written(self.lines(before))
    }

    /// Why no statement can be written that makes this change and no other.
    pub fn refusal(&self, before: &Snapshot) -> Option<String> {
        match self.lines(before) {
            Err(why) => Some(why),
            Ok(lines) => self.breaks(&lines).then(|| BY_HAND.to_owned()),
        }
    }

    fn lines(&self, before: &Snapshot) -> Result<Vec<String>, String> {
        let one = |line: String| Ok(vec![line]);
        match self {
            Self::DropMember {
                database,
                role,
                member,
            } => one(membership(database.is_none(), role, "DROP", member)),
            Self::Revoke {
                permission,
                on,
                from,
                by,
                ..
            } => {
                let passed_on = self.removed(before).iter().any(|given| given.with_option);
                let cascade = if passed_on { " CASCADE" } else { "" };
                let from = format!("{}{cascade}", bracketed(from));
                let revoke = |by: &Option<String>| {
                    format!(
                        "REVOKE {permission}{} FROM {from}{};",
                        on.sql(),
                        granted_as(by.as_deref())
                    )
                };
                Ok(by.iter().map(revoke).collect())
            }
            Self::Deny {
                permission, on, to, ..
            } => one(format!(
                "DENY {permission}{} TO {} CASCADE;",
                on.sql(),
                bracketed(to)
            )),
            Self::DisableOption { name } => match options::values_of(before, name) {
                Some(now) => options::set(before, name, now, Values::OFF),
                None => Err(format!("the values of {name} were not seen")),
            },
            Self::TrustworthyOff { database } => one(set(database.as_str(), "TRUSTWORTHY OFF")),
            Self::ChainingOff { database } => one(set(database.as_str(), "DB_CHAINING OFF")),
            Self::ChangeOwner { database, to, keep } => {
                let mut lines = vec![authorization(database.as_str(), to)];
                lines.extend(
                    keep.iter()
                        .flat_map(|former| kept(database.as_str(), former)),
                );
                Ok(lines)
            }
            Self::DisableLogin { name } => one(format!("ALTER LOGIN {} DISABLE;", bracketed(name))),
            Self::DropLinkedLogin { server, local } => {
                let local = local.as_deref().map_or_else(|| "NULL".to_owned(), literal);
                let server = literal(server);
                one(format!(
                    "EXEC sp_droplinkedsrvlogin @rmtsrvname = {server}, @locallogin = {local};"
                ))
            }
            Self::RpcOutOff { server } => one(rpc_out(server, "false")),
            Self::DropModule { name, kind, .. } => one(dropped(name, *kind)),
            Self::DropProxyAccount => one("EXEC sp_xp_cmdshell_proxy_account NULL;".to_owned()),
            Self::RevokeProxy { proxy, from } => {
                let (proxy, from) = (literal(proxy), literal(from));
                one(format!(
                    "EXEC msdb.dbo.sp_revoke_login_from_proxy @name = {from}, @proxy_name = {proxy};"
                ))
            }
        }
    }

    /// Statements in their database. A name that holds a line break could end a batch by a line of its own (`GO`), inside
    /// brackets too, in the tools that divide scripts: such a statement is not written.
    fn written(&self, lines: Result<Vec<String>, String>) -> String {
        let lines = match lines {
            Ok(lines) if self.breaks(&lines) => return BY_HAND.to_owned(),
            Ok(lines) => lines,
            Err(why) => return format!("-- Not written: {}.", why.replace(char::is_control, " ")),
        };
        let place = self
            .place()
            .map(|place| format!("USE {};", bracketed(place)));
        let lines: Vec<String> = place.into_iter().chain(lines).collect();
        lines.join("\n")
    }

    fn breaks(&self, lines: &[String]) -> bool {
        let breaks = |text: &str| text.contains(char::is_control);
        lines.iter().any(|line| breaks(line)) || self.place().is_some_and(breaks)
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
        self.written(self.undoing(before))
    }

    fn undoing(&self, before: &Snapshot) -> Result<Vec<String>, String> {
        let one = |line: String| Ok(vec![line]);
        match self {
            Self::DropMember {
                database,
                role,
                member,
            } => one(membership(database.is_none(), role, "ADD", member)),
            Self::Revoke { .. } => Ok(self.granted_again(before)),
            Self::Deny {
                permission, on, to, ..
            } => {
                let mut lines = vec![format!("REVOKE {permission}{} FROM {};", on.sql(), bracketed(to))];
                let again = self.removed(before);
                let others = again.iter().filter(|given| given.grantee != *to);
                lines.extend(others.map(|given| {
                    let grantee = bracketed(&given.grantee);
                    format!("REVOKE {permission}{} FROM {grantee};", on.sql())
                }));
                lines.extend(self.granted_again(before));
                Ok(lines)
            }
            Self::DisableOption { name } => match options::values_of(before, name) {
                Some(former) => options::set(before, name, Values::OFF, former),
                None => Err(format!("the values of {name} were not seen")),
            },
            Self::TrustworthyOff { database } => one(set(database.as_str(), "TRUSTWORTHY ON")),
            Self::ChainingOff { database } => one(set(database.as_str(), "DB_CHAINING ON")),
            Self::ChangeOwner { database, keep, .. } => given_back(before, database.as_str(), keep.as_deref()),
            Self::DisableLogin { name } => one(format!("ALTER LOGIN {} ENABLE;", bracketed(name))),
            Self::DropLinkedLogin { server, .. } => one(format!(
                "-- EXEC sp_addlinkedsrvlogin for {}: needs the password there, which is not kept",
                literal(server)
            )),
            Self::RpcOutOff { server } => one(rpc_out(server, "true")),
            Self::DropModule { name, .. } => one(format!(
                "-- No undo: create {} again from its source, and its permissions and signatures with it",
                qualified(name)
            )),
            Self::DropProxyAccount => one(
                "-- EXEC sp_xp_cmdshell_proxy_account: needs the account's password, which is not kept"
                    .to_owned(),
            ),
            Self::RevokeProxy { proxy, from } => {
                let whom = self.proxy_parameter(before);
                let (proxy, from) = (literal(proxy), literal(from));
                one(format!(
                    "EXEC msdb.dbo.sp_grant_login_to_proxy {whom} = {from}, @proxy_name = {proxy};"
                ))
            }
        }
    }

    /// GRANT and DENY of everything that is removed, in the same order.
    fn granted_again(&self, before: &Snapshot) -> Vec<String> {
        let (Self::Revoke { permission, on, .. } | Self::Deny { permission, on, .. }) = self else {
            return Vec::new();
        };
        let again = self.removed(before).into_iter().map(|given| {
            let verb = if given.is_deny { "DENY" } else { "GRANT" };
            let option = if given.with_option {
                " WITH GRANT OPTION"
            } else {
                ""
            };
            format!(
                "{verb} {permission}{} TO {}{option}{};",
                on.sql(),
                bracketed(&given.grantee),
                granted_as(given.grantor.as_deref())
            )
        });
        again.collect()
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
                by,
            } => format!(
                "revoke {permission}{}{} from {}{}",
                told(on),
                within(database.as_ref().map(AsRef::as_ref)),
                named(from),
                told_grantors(by)
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
            Self::ChangeOwner { database, to, keep } => {
                let (to, database) = (named(to), named(database.as_str()));
                let keep = keep.as_deref().map(|former| {
                    let roles = KEPT_ROLES.join(" and ");
                    format!(", and {} a user in {roles}", named(former))
                });
                format!(
                    "make {to} the owner of {database}{}",
                    keep.unwrap_or_default()
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
            Self::DropModule {
                database,
                name,
                kind,
            } => {
                let schema = match name.0.as_str() {
                    "" => String::new(),
                    schema => format!("{}.", named(schema)),
                };
                let kind = kind.word().to_lowercase();
                let database = named(database.as_str());
                format!("drop {kind} {database}.{schema}{}", named(&name.1))
            }
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
        On::ApplicationRole(name) => format!(" on application role {}", named(name)),
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

/// Who granted it, where that is not who grants by default.
fn told_grantors(by: &[Option<String>]) -> String {
    let others: Vec<String> = by
        .iter()
        .flatten()
        .map(|name| crate::ids::named(name))
        .collect();
    if others.is_empty() {
        return String::new();
    }
    format!(", as {} granted it", others.join(" and "))
}

/// ` AS [ops]`.
fn granted_as(grantor: Option<&str>) -> String {
    let name = grantor.map(bracketed);
    name.map_or_else(String::new, |name| format!(" AS {name}"))
}

/// `[dbo].[p]`; a trigger of the database has no schema.
fn qualified((schema, name): &(String, String)) -> String {
    match schema.as_str() {
        "" => bracketed(name),
        schema => format!("{}.{}", bracketed(schema), bracketed(name)),
    }
}

fn dropped(name: &(String, String), kind: ModuleKind) -> String {
    let on = match kind {
        ModuleKind::DatabaseTrigger => " ON DATABASE",
        _ => "",
    };
    format!("DROP {} {}{on};", kind.word(), qualified(name))
}

/// Makes a former owner a user: without that it could not come in any more.
fn kept(database: &str, former: &str) -> Vec<String> {
    let user = bracketed(former);
    let mut lines = vec![
        format!("USE {};", bracketed(database)),
        format!("CREATE USER {user} FOR LOGIN {user};"),
    ];
    lines.extend(KEPT_ROLES.map(|role| membership(false, role, "ADD", former)));
    lines.push(
        "-- What its application needs besides, EXECUTE among it, has to be granted by name."
            .to_owned(),
    );
    lines
}

/// A login that is a user of a database cannot become its owner.
fn given_back(
    before: &Snapshot,
    database: &str,
    keep: Option<&str>,
) -> Result<Vec<String>, String> {
    let mut rows = before.server.databases.seen().iter();
    let row = rows.find(|row| row.name == database);
    let sid = row.and_then(|row| row.owner_sid.as_deref());
    let mut logins = before.server.server_principals.seen().iter();
    let owner = logins.find(|login| sid.is_some() && login.sid.as_deref() == sid);
    let Some(owner) = owner else {
        return Err("the former owner has no login that could own it again".to_owned());
    };
    let mut lines = Vec::new();
    if let Some(former) = keep {
        lines.push(format!("USE {};", bracketed(database)));
        lines.push(format!("DROP USER {};", bracketed(former)));
    }
    lines.push(authorization(database, &owner.name));
    Ok(lines)
}

fn membership(at_server: bool, role: &str, verb: &str, member: &str) -> String {
    let server = if at_server { "SERVER " } else { "" };
    let (role, member) = (bracketed(role), bracketed(member));
    format!("ALTER {server}ROLE {role} {verb} MEMBER {member};")
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
