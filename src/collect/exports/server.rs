//! Exported rows of `sys.fn_get_audit_file` and `sys.fn_trace_gettable` as the typed rows that servers give: by the
//! names of the functions' own columns, and by those of the statements of `queries`.

use jiff::SignedDuration;
use jiff::civil::DateTime;

use super::fields::Fields;
use crate::collect::events::{AuditRow, TraceRow};
use crate::collect::value::{RowSet, Value};

/// How a column's values are read.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// Of an audit: UTC.
    Utc,
    /// Of a trace: the server's.
    Local,
    Int,
    Bit,
}

struct Column {
    /// As the typed row has it.
    name: &'static str,
    /// As the function has it, in lower case.
    own: &'static str,
    kind: Kind,
}

const fn column(name: &'static str, own: &'static str, kind: Kind) -> Column {
    Column { name, own, kind }
}

const AUDIT: &[Column] = &[
    column("recorded", "=event_time", Kind::Utc),
    column("sequence_number", "=sequence_number", Kind::Int),
    column("action_id", "=action_id", Kind::Text),
    column("class_type", "=class_type", Kind::Text),
    column("succeeded", "=succeeded", Kind::Bit),
    column("session_id", "=session_id", Kind::Int),
    column("login_name", "=server_principal_name", Kind::Text),
    column(
        "session_login_name",
        "=session_server_principal_name",
        Kind::Text,
    ),
    column("database_user_name", "=database_principal_name", Kind::Text),
    column(
        "target_login_name",
        "=target_server_principal_name",
        Kind::Text,
    ),
    column(
        "target_user_name",
        "=target_database_principal_name",
        Kind::Text,
    ),
    column("database_name", "=database_name", Kind::Text),
    column("schema_name", "=schema_name", Kind::Text),
    column("object_name", "=object_name", Kind::Text),
    column("object_id", "=object_id", Kind::Int),
    column("file_name", "=file_name", Kind::Text),
    column("file_offset", "=audit_file_offset", Kind::Text),
    column("group_id", "=sequence_group_id", Kind::Text),
    column("client_ip", "=client_ip", Kind::Text),
    column("application_name", "=application_name", Kind::Text),
    column("host_name", "=host_name", Kind::Text),
];

const TRACE: &[Column] = &[
    column("event_class", "=eventclass", Kind::Int),
    column("event_subclass", "=eventsubclass", Kind::Int),
    column("recorded", "=starttime", Kind::Local),
    column("sequence", "=eventsequence", Kind::Text),
    column("login_name", "=loginname", Kind::Text),
    column("session_login_name", "=sessionloginname", Kind::Text),
    column("database_user_name", "=dbusername", Kind::Text),
    column("host_name", "=hostname", Kind::Text),
    column("application_name", "=applicationname", Kind::Text),
    column("database_name", "=databasename", Kind::Text),
    column("owner_name", "=ownername", Kind::Text),
    column("object_name", "=objectname", Kind::Text),
    column("object_id", "=objectid", Kind::Int),
    column("object_type", "=objecttype", Kind::Int),
    column("target_login_name", "=targetloginname", Kind::Text),
    column("target_user_name", "=targetusername", Kind::Text),
    column("role_name", "=rolename", Kind::Text),
    column("session_id", "=spid", Kind::Int),
    column("success", "=success", Kind::Int),
    column("error", "=error", Kind::Int),
];

const STATEMENT: &[&str] = &["=statement", "=textdata"];
const INSTANCE: &[&str] = &["=server_instance_name", "=servername", "=server_name"];
const OFFSET: &[&str] = &["=utc_offset_minutes"];
/// What PowerShell writes for bytes that nobody asked it to convert.
const BYTES_UNTOLD: &str = "System.Byte[]";

/// A row of which function it is.
pub enum ServerRow {
    Audit(Box<AuditRow>),
    /// With the offset from UTC that its time carries.
    Trace(Box<TraceRow>, Option<i32>),
}

/// Whether a record is one of these, by the columns that it has.
pub fn is_audit(fields: &Fields) -> bool {
    fields.get(&["=action_id"]).is_some() && fields.get(&["=event_time", "=recorded"]).is_some()
}

/// See [`is_audit`].
pub fn is_trace(fields: &Fields) -> bool {
    fields.get(&["=eventclass", "=event_class"]).is_some()
}

/// The statement of a record.
pub fn statement(fields: &Fields) -> Option<&str> {
    fields.get(STATEMENT)
}

/// The instance that a record names.
pub fn instance(fields: &Fields) -> Option<&str> {
    fields.get(INSTANCE)
}

/// The offset from UTC that a column gives.
fn offset(fields: &Fields) -> Option<i32> {
    fields.get(OFFSET)?.parse().ok()
}

/// The typed row.
///
/// # Errors
/// A value that cannot be one of its column, in words.
pub fn row(fields: &Fields) -> Result<ServerRow, String> {
    if is_audit(fields) {
        Ok(ServerRow::Audit(Box::new(decoded(fields, AUDIT)?)))
    } else {
        let row = Box::new(decoded(fields, TRACE)?);
        let start = fields.get(&["=starttime", "=recorded"]).and_then(time);
        let own = start.and_then(|(_, offset)| offset);
        Ok(ServerRow::Trace(row, own.or_else(|| offset(fields))))
    }
}

fn decoded<T: serde::de::DeserializeOwned>(
    fields: &Fields,
    columns: &[Column],
) -> Result<T, String> {
    let mut set = RowSet {
        columns: columns
            .iter()
            .map(|column| column.name.to_owned())
            .collect(),
        rows: vec![Vec::with_capacity(columns.len())],
    };
    for column in columns {
        let alias = format!("={}", column.name);
        let value = match fields.get(&[column.own, &alias]) {
            Some(text) => value(column, text)?,
            None => Value::Null,
        };
        set.rows.iter_mut().for_each(|row| row.push(value.clone()));
    }
    let rows = set.decode::<T>().map_err(|error| error.to_string())?;
    rows.into_iter().next().ok_or_else(|| "no row".to_owned())
}

fn value(column: &Column, text: &str) -> Result<Value, String> {
    let strange = || {
        let shown: String = text.chars().take(40).collect();
        format!(
            "{shown:?} is no value of {}",
            column.own.trim_start_matches('=')
        )
    };
    Ok(match column.kind {
        Kind::Text if text == BYTES_UNTOLD => Value::Null,
        Kind::Text => Value::Text(text.to_owned()),
        Kind::Utc => Value::Text(utc(text).ok_or_else(strange)?),
        Kind::Local => Value::Text(time(text).ok_or_else(strange)?.0),
        Kind::Int => Value::Int(text.trim().parse().map_err(|_| strange())?),
        Kind::Bit => Value::Int(match text.trim().to_lowercase().as_str() {
            "1" | "true" => 1,
            "0" | "false" => 0,
            _ => return Err(strange()),
        }),
    })
}

/// The time of an audit. It is UTC already unless it says otherwise.
fn utc(text: &str) -> Option<String> {
    let (civil, offset) = time(text)?;
    match offset {
        None | Some(0) => Some(civil),
        Some(minutes) => {
            let there = civil.parse::<DateTime>().ok()?;
            let here = there
                .checked_sub(SignedDuration::from_mins(minutes.into()))
                .ok()?;
            Some(here.to_string())
        }
    }
}

/// A time in the form in which servers are asked for it, and the offset that it carries. One in the form of a culture
/// (`9/3/2026 8:00:00 AM`) is refused: whether month or day comes first is nowhere said.
pub fn time(text: &str) -> Option<(String, Option<i32>)> {
    let text = text.trim();
    let is_iso = text.get(4..5) == Some("-") && matches!(text.get(10..11), Some("T" | " "));
    if !is_iso {
        return None;
    }
    let (day, clock) = (text.get(..10)?, text.get(11..)?);
    let (clock, offset) = match clock.find(['+', '-', 'Z', 'z']) {
        None => (clock, None),
        Some(at) => {
            let (clock, zone) = clock.split_at(at);
            (clock.trim_end(), Some(minutes(zone)?))
        }
    };
    let civil = format!("{day}T{clock}");
    civil.parse::<DateTime>().ok()?;
    Some((civil, offset))
}

/// Minutes of `Z`, `+02:00`, `-0330` or `+2`.
pub fn minutes(zone: &str) -> Option<i32> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, rest) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let is_number = |text: &str| {
        !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit())
    };
    if !is_number(hours) || !is_number(rest) {
        return None;
    }
    let (hours, rest): (i32, i32) = (hours.parse().ok()?, rest.parse().ok()?);
    (hours <= 14 && rest < 60).then_some(sign * (hours * 60 + rest))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_iso_or_refused() {
        for (text, due) in [
            (
                "2026-09-03 08:00:00.1234567",
                Some(("2026-09-03T08:00:00.1234567", None)),
            ),
            (
                "2026-09-03T08:00:00Z",
                Some(("2026-09-03T08:00:00", Some(0))),
            ),
            (
                "2026-09-03T08:00:00.5-03:30",
                Some(("2026-09-03T08:00:00.5", Some(-210))),
            ),
            (
                "2026-09-03 08:00:00 +0200",
                Some(("2026-09-03T08:00:00", Some(120))),
            ),
            ("9/3/2026 8:00:00 AM", None),
            ("03.09.2026 08:00:00", None),
            ("2026-13-03T08:00:00", None),
            ("2026-09-03T08:00:00+99:00", None),
            ("2026-09-03", None),
            ("20é6-09-03T08:00:00", None),
            ("", None),
        ] {
            let due = due.map(|(text, offset)| (text.to_owned(), offset));
            assert_eq!(time(text), due, "{text}");
        }
    }

    #[test]
    fn rows_are_told_by_their_columns_in_any_case_and_order() {
        let own = json!({"EVENT_TIME": "2026-09-03 08:00:00", "Sequence_Number": 1, "action_id": "CR  ", "Succeeded": "True"});
        let ours = json!({"recorded": "2026-09-03T08:00:00", "sequence_number": 1, "action_id": "CR", "succeeded": 1});
        for value in [own, ours] {
            let row = row(&Fields::of_json(&value)).unwrap();
            assert!(matches!(row, ServerRow::Audit(_)), "{value}");
        }
        let trace = json!({"EventClass": 46, "StartTime": "2026-09-02T10:00:00+02:00", "SPID": 7});
        assert!(matches!(
            row(&Fields::of_json(&trace)).unwrap(),
            ServerRow::Trace(_, Some(120))
        ));
        let without = json!({"event_time": "2026-09-03 08:00:00", "action_id": "CR"});
        assert!(
            row(&Fields::of_json(&without)).is_err(),
            "no sequence_number"
        );
    }
}
