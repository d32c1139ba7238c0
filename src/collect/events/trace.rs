//! The default trace: which of its events say something about change, and what they mean.

use serde::{Deserialize, Serialize};

use super::named::RecordName;
use super::pending::Pending;
use super::times;
use crate::collect::spool::Kept;
use crate::ids::InstanceId;
use crate::snapshot::{
    Event, EventAction, EventLine, EventOrigin, EventSource, EventSubject, EventWho, ServerError,
};

/// A class of trace events. Numbers and names: Microsoft's page on `sp_trace_setevent`; subclasses: its page on each
/// event class. That the default trace has them: public lists of `fn_trace_geteventinfo` of the default trace.
struct Class {
    id: i32,
    name: &'static str,
    subclasses: &'static [(i32, &'static str)],
}

const GDR: &[(i32, &str)] = &[(1, "grant"), (2, "revoke"), (3, "deny")];
const ADD_DROP: &[(i32, &str)] = &[(1, "add"), (2, "drop")];
/// Each change also has an event that it begins (0), which says nothing that its end does not.
const OBJECT: &[(i32, &str)] = &[(1, "commit"), (2, "rollback")];

const fn class(id: i32, name: &'static str, subclasses: &'static [(i32, &'static str)]) -> Class {
    Class {
        id,
        name,
        subclasses,
    }
}

/// Asked for by `default_trace_objects`.
const OBJECTS: &[Class] = &[
    class(46, "Object:Created", OBJECT),
    class(47, "Object:Deleted", OBJECT),
    class(
        115,
        "Audit Backup/Restore",
        &[(1, "backup"), (2, "restore")],
    ),
    class(164, "Object:Altered", OBJECT),
];

/// Asked for by `default_trace_security`.
const SECURITY: &[Class] = &[
    class(
        18,
        "Audit Server Starts and Stops",
        &[
            (1, "shutdown"),
            (2, "started"),
            (3, "paused"),
            (4, "continued"),
        ],
    ),
    class(102, "Audit Database Scope GDR", GDR),
    class(103, "Audit Schema Object GDR", GDR),
    class(104, "Audit Addlogin", ADD_DROP),
    class(105, "Audit Login GDR", GDR),
    class(
        106,
        "Audit Login Change Property",
        &[
            (1, "default database"),
            (2, "default language"),
            (3, "name"),
            (4, "credential"),
            (5, "policy"),
            (6, "expiration"),
        ],
    ),
    class(108, "Audit Add Login to Server Role", ADD_DROP),
    class(
        109,
        "Audit Add DB User",
        &[
            (1, "add"),
            (2, "drop"),
            (3, "grant database access"),
            (4, "revoke database access"),
        ],
    ),
    class(
        110,
        "Audit Add Member to DB Role",
        &[(1, "add"), (2, "drop"), (3, "change group")],
    ),
    class(111, "Audit Add Role", ADD_DROP),
    class(116, "Audit DBCC", &[]),
    class(
        117,
        "Audit Change Audit",
        &[
            (1, "audit started"),
            (2, "audit stopped"),
            (3, "C2 mode on"),
            (4, "C2 mode off"),
        ],
    ),
    class(152, "Audit Change Database Owner", &[]),
    class(153, "Audit Schema Object Take Ownership", &[]),
    class(175, "Audit Server Alter Trace", &[]),
];

/// Asked for by `default_trace_settings`, and there only messages 15457, 17550 and 17551. What ALTER DATABASE SET
/// changes (5084) is in the error log file alone: the trace has an Object:Altered without the option.
const SETTINGS: &[Class] = &[class(22, "ErrorLog", &[])];

const RESTORE: i32 = 115;
const BACKUP: Option<i32> = Some(1);

/// The queries of events, each with its classes.
const QUERIES: &[(&str, &[Class])] = &[
    ("default_trace_objects", OBJECTS),
    ("default_trace_security", SECURITY),
    ("default_trace_settings", SETTINGS),
];

/// Subclasses of the classes of `default_trace_objects` that end a change.
const ENDS: &[i32] = &[1, 2];
/// Messages of `default_trace_settings`.
const CHANGED_SETTINGS: &[i32] = &[15457, 17550, 17551];

/// Names of the queries of events, in order of sending.
pub fn queries() -> impl Iterator<Item = &'static str> {
    QUERIES.iter().map(|(name, _)| *name)
}

/// One row of any of them, but for its text.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TraceRow {
    event_class: i32,
    event_subclass: Option<i32>,
    recorded: String,
    sequence: Option<String>,
    login_name: Option<String>,
    session_login_name: Option<String>,
    database_user_name: Option<String>,
    host_name: Option<String>,
    application_name: Option<String>,
    database_name: Option<String>,
    owner_name: Option<String>,
    object_name: Option<String>,
    object_id: Option<i32>,
    object_type: Option<i32>,
    target_login_name: Option<String>,
    target_user_name: Option<String>,
    role_name: Option<String>,
    session_id: Option<i32>,
    success: Option<i32>,
    error: Option<i32>,
}

impl TraceRow {
    /// When, as recorded.
    pub fn recorded(&self) -> &str {
        &self.recorded
    }

    /// What tells it from every other record of its trace.
    pub fn name(&self, statement: Option<&str>) -> Option<RecordName> {
        let is_placed = self.sequence.is_some();
        is_placed.then(|| RecordName::of(self, statement))
    }

    /// Whether the queries of events ask for such a row: an exported trace holds more.
    pub fn is_asked_for(&self) -> bool {
        let is_in = |classes: &[Class]| classes.iter().any(|class| class.id == self.event_class);
        let is =
            |value: Option<i32>, list: &[i32]| value.is_some_and(|value| list.contains(&value));
        (is_in(OBJECTS) && is(self.event_subclass, ENDS))
            || is_in(SECURITY)
            || (is_in(SETTINGS) && is(self.error, CHANGED_SETTINGS))
    }
}

/// A row as an event; none for a backup, which changes nothing.
///
/// # Errors
/// A class that was not asked for, or a time in another form than asked for.
pub fn event(
    target: &InstanceId,
    row: TraceRow,
    statement: Option<Kept>,
    offset_minutes: i32,
) -> Result<Option<Pending>, ServerError> {
    if row.event_class == RESTORE && row.event_subclass == BACKUP {
        return Ok(None);
    }
    let mut classes = QUERIES.iter().flat_map(|(_, classes)| *classes);
    let class = classes.find(|c| c.id == row.event_class).ok_or_else(|| {
        ServerError::local(format!(
            "an event of class {} came, which was not asked for",
            row.event_class
        ))
    })?;
    let mut subclasses = class.subclasses.iter();
    let subclass_name = subclasses.find(|(number, _)| Some(*number) == row.event_subclass);
    let sequence = row.sequence.and_then(|text| text.parse().ok());
    let event = Event {
        line: EventLine::Event,
        target: target.clone(),
        moment: times::utc_of_local(&row.recorded, offset_minutes)?,
        recorded: row.recorded,
        source: EventSource::DefaultTrace,
        action: EventAction {
            id: class.id.to_string(),
            name: Some(class.name.to_owned()),
            subclass: row.event_subclass,
            subclass_name: subclass_name.map(|(_, name)| (*name).to_owned()),
        },
        succeeded: row.success.map(|success| success == 1),
        who: EventWho {
            login: row.login_name,
            session_login: row.session_login_name,
            database_user: row.database_user_name,
        },
        from: EventOrigin {
            host: row.host_name,
            application: row.application_name,
            client_ip: None,
        },
        on: EventSubject {
            database: row.database_name,
            schema: None,
            owner: row.owner_name,
            object: row.object_name,
            object_id: row.object_id,
            kind: row.object_type.map(|number| number.to_string()),
            kind_name: None,
            login: row.target_login_name,
            user: row.target_user_name,
            role: row.role_name,
        },
        session_id: row.session_id,
        error: row.error,
        statement: None,
    };
    let pieces = statement.map(|kept| (1, kept)).into_iter().collect();
    Ok(Some(Pending::new(event, sequence.unwrap_or(0), pieces)))
}

/// The name that stands for the trace's first file and all that follow it: the server rolls `log_4.trc` over into
/// `log_5.trc`, and reads all of them under `log.trc`.
pub fn base_path(path: &str) -> Option<String> {
    let start = path.rfind(['\\', '/'])? + 1;
    let (folder, file) = path.split_at_checked(start)?;
    let stem = file.strip_suffix(".trc")?;
    let base = match stem.rsplit_once('_') {
        Some((base, number)) if is_number(number) => base,
        _ => stem,
    };
    (!base.is_empty()).then(|| format!("{folder}{base}.trc"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::collect::query;

    #[test]
    fn the_queries_ask_for_the_classes_of_the_table_and_no_others() {
        for (name, classes) in QUERIES {
            let query = query::events().iter().find(|q| q.name == *name).unwrap();
            let (_, list) = query.text.split_once("EventClass IN (").unwrap();
            let (list, _) = list.split_once(')').unwrap();
            let asked: Vec<i32> = list.split(", ").map(|n| n.parse().unwrap()).collect();
            let due: Vec<i32> = classes.iter().map(|c| c.id).collect();
            assert_eq!(asked, due, "{name}");
        }
    }

    #[test]
    fn an_export_is_narrowed_as_the_queries_are() {
        for (name, column, list) in [
            ("default_trace_objects", "EventSubClass IN (", ENDS),
            ("default_trace_settings", "AND Error IN (", CHANGED_SETTINGS),
        ] {
            let query = query::events().iter().find(|q| q.name == name).unwrap();
            let (_, asked) = query.text.split_once(column).unwrap();
            let (asked, _) = asked.split_once(')').unwrap();
            let asked: Vec<i32> = asked.split(", ").map(|n| n.parse().unwrap()).collect();
            assert_eq!(asked, list, "{name}");
        }
    }

    #[test]
    fn the_base_of_a_rollover_file() {
        for (path, base) in [
            (
                "C:\\MSSQL\\Log\\log_417.trc",
                Some("C:\\MSSQL\\Log\\log.trc"),
            ),
            (
                "C:\\MSSQL_2\\Log\\log.trc",
                Some("C:\\MSSQL_2\\Log\\log.trc"),
            ),
            (
                "/var/opt/mssql/log/log_3.trc",
                Some("/var/opt/mssql/log/log.trc"),
            ),
            ("\\\\nas\\t\\my_log_12.trc", Some("\\\\nas\\t\\my_log.trc")),
            ("C:\\log_x.trc", Some("C:\\log_x.trc")),
            ("log_1.trc", None),
            ("C:\\log_1.txt", None),
            ("C:\\_1.trc", None),
            ("", None),
        ] {
            assert_eq!(base_path(path).as_deref(), base, "{path}");
        }
    }
}
