//! The functions that queries call, answered from the recording's facts about server and session.

use std::sync::Arc;

use mssql_posture::snapshot::{Observed, ServerIdentity, SessionIdentity};

use super::datum::{Content, Datum, error};
use super::facts::Database;
use super::times::Moment;
use super::{World, same_name};
use crate::support::contract::{Catalog, SqlType};
use crate::support::tds_server::answer::Message;

/// Most bytes that HASHBYTES took before 2016.
const HASHED_BEFORE_13: i64 = 8000;

/// Where a statement runs.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub world: &'a World,
    pub database: &'a Database,
    pub session_id: i32,
    /// The connection claims to be of another server than the first.
    pub elsewhere: bool,
    /// VIEW ANY DEFINITION was revoked meanwhile.
    pub right_taken: bool,
}

/// Why there is no value: the server's message, or a gap of the recording.
#[derive(Debug)]
pub(super) enum Unanswered {
    Server(Message),
    Unrecorded(String),
}

impl From<Message> for Unanswered {
    fn from(message: Message) -> Self {
        Self::Server(message)
    }
}

type Answer = Result<Datum, Unanswered>;

fn known<'a, T>(fact: &'a Observed<T>, name: &str) -> Result<&'a T, Unanswered> {
    match fact {
        Observed::Known { value } | Observed::Partial { value, .. } => Ok(value),
        other => {
            let why = format!("{name} is {}: {}", other.state(), other.needs().join(", "));
            Err(Unanswered::Unrecorded(why))
        }
    }
}

fn text(text: Option<&str>) -> Datum {
    text.map_or(Datum::Null, Datum::from)
}

/// A text argument; `None` is NULL.
fn asked(argument: Option<&Datum>) -> Option<&str> {
    match argument {
        Some(Datum::Text(text)) => Some(text),
        _ => None,
    }
}

impl Place<'_> {
    fn session(&self) -> Result<&SessionIdentity, Unanswered> {
        known(&self.world.recording.snapshot.server.session, "session")
    }

    fn identity(&self) -> Result<&ServerIdentity, Unanswered> {
        known(
            &self.world.recording.snapshot.server.server_identity,
            "server_identity",
        )
    }

    /// The value of a call whose names and number of arguments are already checked.
    pub fn call(&self, function: &str, arguments: &[Datum]) -> Answer {
        let first = arguments.first();
        Ok(match function {
            "@@SPID" => Datum::from(self.session_id),
            "@@SERVERNAME" => self.server_property("@@SERVERNAME")?,
            "SERVERPROPERTY" => self.server_property(asked(first).unwrap_or_default())?,
            "CONNECTIONPROPERTY" => self.connection_property(asked(first).unwrap_or_default())?,
            "ORIGINAL_LOGIN" => text(self.session()?.original_login.as_deref()),
            "SUSER_SNAME" if first.is_none() => text(self.session()?.login.as_deref()),
            "SUSER_SNAME" => self.login_of(first),
            "USER_NAME" if first.is_none() => text(self.user()?.user_name.as_deref()),
            "IS_SRVROLEMEMBER"
                if asked(first).is_some_and(|r| r.eq_ignore_ascii_case("sysadmin")) =>
            {
                Datum::from(self.session()?.is_sysadmin)
            }
            "IS_ROLEMEMBER" if asked(first).is_some_and(|r| r.eq_ignore_ascii_case("db_owner")) => {
                Datum::from(self.user()?.is_db_owner)
            }
            "HAS_PERMS_BY_NAME" => self.has_permission(arguments)?,
            "HAS_DBACCESS" => self.has_access(first),
            "QUOTENAME" => text(asked(first).map(quoted).as_deref()),
            "DB_ID" | "DB_NAME" => self.database_of(function, first),
            "OBJECTPROPERTY" => self.object_property(arguments),
            "DATALENGTH" => length(first),
            "HASHBYTES" => self.hash(arguments)?,
            "SUBSTRING" => substring(arguments)?,
            // Only its offset is ever asked for.
            "SYSDATETIMEOFFSET" => Datum::from(self.session()?.utc_offset_minutes),
            "SYSUTCDATETIME" => self.utc_now()?,
            _ => {
                let text = format!("{function} of {arguments:?} is not recorded");
                return Err(Unanswered::Unrecorded(text));
            }
        })
    }

    /// The recorded time, a second later with each session.
    fn utc_now(&self) -> Answer {
        let session = self.session()?;
        let Some(text) = session.utc_now.as_deref() else {
            return Ok(Datum::Null);
        };
        let moment = Moment::recorded(text, SqlType::DateTime2(7));
        let moment = moment.map_err(Unanswered::Unrecorded)?;
        let later = self.session_id - session.session_id;
        Ok(Datum::Time(moment.later(later.into())))
    }

    fn user(&self) -> Result<&mssql_posture::snapshot::DatabaseSession, Unanswered> {
        known(&self.database.session, "database_session")
    }

    fn server_property(&self, name: &str) -> Answer {
        let identity = self.identity()?;
        let flag = |flag: Option<bool>| Datum::from(flag);
        let elsewhere = |name: Option<&str>| {
            if self.elsewhere {
                Datum::Text(format!("{}-OTHER", name.unwrap_or("SERVER")).into())
            } else {
                text(name)
            }
        };
        Ok(match name.to_ascii_lowercase().as_str() {
            "@@servername" | "servername" => elsewhere(identity.server_name.as_deref()),
            "machinename" => elsewhere(identity.machine_name.as_deref()),
            "computernamephysicalnetbios" => elsewhere(identity.physical_name.as_deref()),
            "instancename" => text(identity.instance_name.as_deref()),
            "productversion" => Datum::from(identity.product_version.as_str()),
            "productlevel" => text(identity.product_level.as_deref()),
            "productupdatelevel" => text(identity.product_update_level.as_deref()),
            "edition" => text(identity.edition.as_deref()),
            "engineedition" => Datum::from(identity.engine_edition),
            "isclustered" => flag(identity.is_clustered),
            "ishadrenabled" => flag(identity.is_hadr_enabled),
            "isintegratedsecurityonly" => flag(identity.is_integrated_security_only),
            "collation" => text(identity.collation.as_deref()),
            other => self.installed(other)?,
        })
    }

    /// What `server_properties` records; NULL for what a server does not know.
    fn installed(&self, name: &str) -> Answer {
        let facts = &self.world.recording.snapshot.server.server_properties;
        let installed = match facts {
            Observed::NotCollected { .. } => return Ok(Datum::Null),
            facts => known(facts, "server_properties")?,
        };
        Ok(match name {
            "buildclrversion" => text(installed.build_clr_version.as_deref()),
            "issingleuser" => Datum::from(installed.is_single_user),
            "islocaldb" => Datum::from(installed.is_local_db),
            "isfulltextinstalled" => Datum::from(installed.is_full_text_installed),
            "isadvancedanalyticsinstalled" => {
                Datum::from(installed.is_advanced_analytics_installed)
            }
            "ispolybaseinstalled" => Datum::from(installed.is_polybase_installed),
            "filestreamconfiguredlevel" => Datum::from(installed.filestream_configured_level),
            "errorlogfilename" => text(installed.error_log_file_name.as_deref()),
            "instancedefaultdatapath" => text(installed.default_data_path.as_deref()),
            "productupdatereference" => text(installed.product_update_reference.as_deref()),
            _ => Datum::Null,
        })
    }

    fn connection_property(&self, name: &str) -> Answer {
        let session = self.session()?;
        Ok(match name.to_ascii_lowercase().as_str() {
            "net_transport" => text(session.net_transport.as_deref()),
            "auth_scheme" => text(session.auth_scheme.as_deref()),
            _ => Datum::Null,
        })
    }

    /// The login of a sid: as `sys.databases` resolved it, else by `sys.server_principals`.
    fn login_of(&self, sid: Option<&Datum>) -> Datum {
        let Some(Datum::Bytes(sid)) = sid else {
            return Datum::Null;
        };
        self.world
            .logins_by_sid
            .get(sid.as_ref())
            .map_or(Datum::Null, |login| text(login.as_deref()))
    }

    fn has_permission(&self, arguments: &[Datum]) -> Answer {
        let name = asked(arguments.get(2))
            .unwrap_or_default()
            .to_ascii_uppercase();
        let class = asked(arguments.get(1)).unwrap_or("SERVER");
        let known = Catalog::get().permission(class, &name);
        if known.is_none_or(|permission| permission.since > self.world.version) {
            return Ok(Datum::Null);
        }
        let unrecorded = || Unanswered::Unrecorded(format!("the right {name}"));
        if class.eq_ignore_ascii_case("DATABASE") {
            // A name is parsed as one of several parts: unless it is quoted, dots and brackets in it count.
            let here = asked(arguments.first())
                .and_then(unquoted)
                .is_some_and(|d| same_name(&d, &self.database.name));
            let user = self.user()?;
            return match name.as_str() {
                _ if !here => Err(unrecorded()),
                "CONTROL" => Ok(Datum::from(user.control)),
                "VIEW DEFINITION" => Ok(Datum::from(user.view_definition)),
                "VIEW SECURITY DEFINITION" => Ok(Datum::from(user.view_security_definition)),
                _ => Err(unrecorded()),
            };
        }
        let session = self.session()?;
        Ok(Datum::from(match name.as_str() {
            "CONTROL SERVER" => session.control_server,
            "VIEW ANY DATABASE" => session.view_any_database,
            "VIEW ANY DEFINITION" if self.right_taken => Some(false),
            "VIEW ANY DEFINITION" => session.view_any_definition,
            "VIEW ANY SECURITY DEFINITION" => session.view_any_security_definition,
            "VIEW SERVER STATE" => session.view_server_state,
            "VIEW SERVER SECURITY STATE" => session.view_server_security_state,
            "VIEW SERVER PERFORMANCE STATE" => session.view_server_performance_state,
            "VIEW SERVER SECURITY AUDIT" => {
                Some(session.control_server == Some(true) || self.world.events.security_audit)
            }
            "ALTER TRACE" => session.alter_trace,
            "CONNECT ANY DATABASE" => session.connect_any_database,
            _ => return Err(unrecorded()),
        }))
    }

    fn has_access(&self, name: Option<&Datum>) -> Datum {
        let database = asked(name).and_then(|name| self.world.database(name));
        Datum::from(
            database
                .and_then(|d| d.row.as_ref())
                .and_then(|row| row.has_access),
        )
    }

    fn database_of(&self, function: &str, argument: Option<&Datum>) -> Datum {
        let database = match argument {
            None => Some(self.database),
            Some(Datum::Text(name)) => self.world.database(name),
            Some(Datum::Int(id)) => self.world.databases.iter().find(|d| i64::from(d.id) == *id),
            Some(_) => None,
        };
        match database {
            None => Datum::Null,
            Some(database) if function == "DB_ID" => Datum::from(database.id),
            Some(database) => Datum::from(database.name.as_str()),
        }
    }

    fn object_property(&self, arguments: &[Datum]) -> Datum {
        let Some(Datum::Int(id)) = arguments.first() else {
            return Datum::Null;
        };
        let id = i32::try_from(*id).unwrap_or_default();
        let property = asked(arguments.get(1)).unwrap_or_default();
        let module = self.database.encrypted.get(&id);
        match property.to_ascii_lowercase().as_str() {
            "isencrypted" => Datum::from(module.copied()),
            "execisstartup" => Datum::from(module.map(|_| self.database.startup.contains(&id))),
            _ => Datum::Null,
        }
    }

    fn hash(&self, arguments: &[Datum]) -> Answer {
        match arguments {
            [_, Datum::Null] => Ok(Datum::Null),
            [_, Datum::Content(content)]
                if self.world.version < 13 && content.size > HASHED_BEFORE_13 =>
            {
                Err(error(8152, 16, "String or binary data would be truncated.").into())
            }
            [Datum::Text(algorithm), Datum::Content(content)] if **algorithm == *"SHA2_512" => {
                Ok(content.sha2_512.clone().map_or(Datum::Null, Datum::Bytes))
            }
            _ => Err(Unanswered::Unrecorded(format!(
                "HASHBYTES of {arguments:?}"
            ))),
        }
    }
}

fn quoted(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// The name that a quoted name is of; `None` for what the server would not take for one name.
fn unquoted(name: &str) -> Option<String> {
    let inner = name.strip_prefix('[')?.strip_suffix(']')?;
    let single = inner.replace("]]", "");
    (!single.contains(']')).then(|| inner.replace("]]", "]"))
}

/// The bytes of an assembly file are invented; they are given only if the recording's hash is
/// theirs (`Recording::invent_assembly_contents`).
fn substring(arguments: &[Datum]) -> Answer {
    let [value, Datum::Int(1), Datum::Int(length)] = arguments else {
        return Err(Unanswered::Unrecorded(format!(
            "SUBSTRING of {arguments:?}"
        )));
    };
    let most = usize::try_from(*length).unwrap_or(0);
    match value {
        Datum::Null => Ok(Datum::Null),
        Datum::Content(content) => {
            let bytes = content.invented(most);
            let whole = i64::try_from(bytes.len()).is_ok_and(|length| length == content.size);
            if whole && !is_recorded(content, &bytes) {
                let text = format!(
                    "the bytes of file {} of assembly {}",
                    content.file_id, content.assembly_id
                );
                return Err(Unanswered::Unrecorded(text));
            }
            Ok(Datum::Bytes(bytes.into()))
        }
        Datum::Bytes(bytes) => Ok(Datum::Bytes(bytes[..most.min(bytes.len())].into())),
        other => Err(Unanswered::Unrecorded(format!("SUBSTRING of {other:?}"))),
    }
}

fn is_recorded(content: &Content, bytes: &[u8]) -> bool {
    use sha2::Digest as _;
    let hash: Arc<[u8]> = Arc::from(sha2::Sha512::digest(bytes).as_slice());
    content.sha2_512.as_ref() == Some(&hash)
}

/// DATALENGTH: bytes; two for each UTF-16 unit.
fn length(value: Option<&Datum>) -> Datum {
    let bytes = match value {
        Some(Datum::Content(content)) => return Datum::Int(content.size),
        Some(Datum::Text(text)) => text.encode_utf16().count() * 2,
        Some(Datum::Bytes(bytes)) => bytes.len(),
        _ => return Datum::Null,
    };
    Datum::Int(i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// The type of a value inside a sql_variant, for CAST.
pub(super) fn base_type(value: &Datum) -> SqlType {
    match value {
        Datum::Text(text) => {
            let units = u16::try_from(text.encode_utf16().count()).unwrap_or(4000);
            SqlType::NVarChar(units.clamp(1, 4000))
        }
        Datum::Bytes(_) | Datum::Content(_) => SqlType::VarBinary(8000),
        Datum::Time(_) => SqlType::DateTime,
        Datum::Null | Datum::Int(_) => SqlType::Int,
    }
}
