//! Audit files: where they are, what their records mean, and which records are one.

use serde::{Deserialize, Serialize};

use super::named::RecordName;
use super::pending::{FULL_RECORD, Pending};
use super::times;
use crate::collect::spool::Kept;
use crate::ids::InstanceId;
use crate::snapshot::{
    Event, EventAction, EventLine, EventOrigin, EventSource, EventSubject, EventWho, ServerError,
};

/// What every file of an audit ends in.
const EXTENSION: &str = ".sqlaudit";

/// The pattern of an audit's files: the server adds numbers to the name that it gives in `sys.server_file_audits`. None
/// where folder or name is unknown, or the name itself would match other files.
pub fn pattern(folder: Option<&str>, name: Option<&str>) -> Option<String> {
    let (folder, name) = (folder?, name?);
    let stem = name.strip_suffix(EXTENSION).unwrap_or(name);
    if folder.is_empty() || stem.is_empty() || stem.contains(['*', '?', '\\', '/']) {
        return None;
    }
    let separator = match folder.chars().last() {
        Some('\\' | '/') => "",
        _ if folder.starts_with('/') => "/",
        _ => "\\",
    };
    Some(format!("{folder}{separator}{stem}*{EXTENSION}"))
}

/// One row of `audit_file_events`, but for its text.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRow {
    recorded: String,
    sequence_number: i32,
    action_id: Option<String>,
    class_type: Option<String>,
    succeeded: Option<bool>,
    session_id: Option<i32>,
    login_name: Option<String>,
    session_login_name: Option<String>,
    database_user_name: Option<String>,
    target_login_name: Option<String>,
    target_user_name: Option<String>,
    database_name: Option<String>,
    schema_name: Option<String>,
    object_name: Option<String>,
    object_id: Option<i32>,
    file_name: Option<String>,
    file_offset: Option<String>,
    #[serde(default)]
    group_id: Option<String>,
    #[serde(default)]
    client_ip: Option<String>,
    #[serde(default)]
    application_name: Option<String>,
    #[serde(default)]
    host_name: Option<String>,
}

impl AuditRow {
    /// When, as recorded.
    pub fn recorded(&self) -> &str {
        &self.recorded
    }

    /// What tells it from every other record, where its place in its file is known. The place alone does not: the offset
    /// is that of the buffer which the record was written with, and others were written with it.
    pub fn name(&self, statement: Option<&str>) -> Option<RecordName> {
        let is_placed = self.file_name.is_some() && self.file_offset.is_some();
        is_placed.then(|| RecordName::of(self, statement))
    }

    /// Its audit's name, which files carry with a GUID and two numbers behind it.
    pub fn audit(&self) -> Option<String> {
        let file = self.file_name.as_deref()?.rsplit(['\\', '/']).next()?;
        let stem = file.strip_suffix(EXTENSION).unwrap_or(file);
        let is = |text: &str, digit: fn(&u8) -> bool| {
            !text.is_empty() && text.as_bytes().iter().all(digit)
        };
        let whole = || (!stem.is_empty()).then(|| stem.to_owned());
        let mut parts = stem.rsplitn(4, '_');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(time), Some(number), Some(guid), Some(name))
                if is(time, u8::is_ascii_digit)
                    && is(number, u8::is_ascii_digit)
                    && is(guid, |b| b.is_ascii_hexdigit() || *b == b'-')
                    && !name.is_empty() =>
            {
                Some(name.to_owned())
            }
            _ => whole(),
        }
    }

    fn offset(&self) -> i64 {
        let offset = self.file_offset.as_deref();
        offset.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// What the records of one statement have in common: all but their number, their place and their text.
    fn identity(&self) -> impl Ord + use<'_> {
        (
            (&self.group_id, &self.recorded, self.session_id),
            (&self.action_id, &self.class_type, self.object_id),
            (&self.database_name, &self.schema_name, &self.object_name),
            (&self.login_name, &self.session_login_name),
            (&self.database_user_name, self.succeeded),
            (&self.target_login_name, &self.target_user_name),
            (&self.client_ip, &self.application_name, &self.host_name),
        )
    }

    /// Where the buffer lies that it was written with.
    fn buffer(&self) -> (Option<&str>, i64) {
        (self.file_name.as_deref(), self.offset())
    }
}

/// One row of `sys.dm_audit_actions`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionRow {
    action_id: Option<String>,
    name: String,
    class_desc: Option<String>,
}

/// One row of `sys.dm_audit_class_type_map`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassTypeRow {
    class_type: String,
    class_type_desc: Option<String>,
    securable_class_desc: Option<String>,
}

/// The server's own names of what its audits record.
#[derive(Debug, Default)]
pub struct AuditNames {
    /// Of actions.
    pub actions: Vec<ActionRow>,
    /// Of kinds of objects.
    pub class_types: Vec<ClassTypeRow>,
}

impl AuditNames {
    fn class_type(&self, code: &str) -> Option<&ClassTypeRow> {
        let mut types = self.class_types.iter();
        types.find(|t| t.class_type.trim_end() == code)
    }

    /// An id has one name for a class; where the class has none, a name only if all classes agree on it.
    fn action(&self, id: &str, class: Option<&str>) -> Option<String> {
        let with_id = self.actions.iter().filter(|action| {
            let known = action.action_id.as_deref();
            known.is_some_and(|known| known.trim_end() == id)
        });
        let named: Vec<&ActionRow> = with_id.collect();
        let mut of_class = named
            .iter()
            .filter(|a| class.is_some() && a.class_desc.as_deref() == class);
        if let Some(action) = of_class.next() {
            return Some(action.name.clone());
        }
        let first = named.first()?;
        let agreed = named.iter().all(|action| action.name == first.name);
        agreed.then(|| first.name.clone())
    }
}

/// What the rows of one audit say.
#[derive(Default)]
pub struct AuditEvents {
    /// Rows of one statement are one.
    pub events: Vec<Pending>,
    /// Records of statements in several, which could be of either of two: each stands alone.
    pub ambiguous: usize,
}

impl AuditEvents {
    /// What is to be said of records that could not be put together.
    pub fn needs(&self) -> Option<String> {
        (self.ambiguous > 0).then(|| {
            format!(
                "which of {} records of statements that were written in several belong together: they are alike in all but \
                 their numbers and texts, and none was put together",
                self.ambiguous
            )
        })
    }
}

type Row = (AuditRow, Option<Kept>);

/// Rows of one audit as events: rows of one statement become one.
///
/// # Errors
/// A time in another form than asked for.
pub fn events(
    target: &InstanceId,
    audit: &str,
    mut rows: Vec<Row>,
    names: &AuditNames,
) -> Result<AuditEvents, ServerError> {
    rows.sort_by(|(a, a_text), (b, b_text)| {
        let text = |kept: &Option<Kept>| kept.as_ref().map(|kept| kept.hash().sha256);
        let identity = a.identity().cmp(&b.identity());
        let place = identity.then_with(|| a.buffer().cmp(&b.buffer()));
        let number = place.then_with(|| a.sequence_number.cmp(&b.sequence_number));
        number.then_with(|| text(a_text).cmp(&text(b_text)))
    });
    let mut found = AuditEvents::default();
    let mut rows = rows.into_iter().peekable();
    while let Some(first) = rows.next() {
        let mut alike = vec![first];
        while let Some(next) = rows.next_if(|(row, _)| {
            alike
                .first()
                .is_some_and(|(one, _)| one.identity() == row.identity())
        }) {
            alike.push(next);
        }
        let (statements, is_certain) = statements(alike);
        if !is_certain {
            found.ambiguous += statements.len();
        }
        for statement in statements {
            found
                .events
                .extend(joined(target, audit, statement, is_certain, names)?);
        }
    }
    Ok(found)
}

/// Records that are alike by statement, in order of their numbers, and whether that is certain. It is where every number
/// comes once; and where records that begin anew lie behind all records of the statement before them. Where it is not,
/// each record is alone.
fn statements(mut alike: Vec<Row>) -> (Vec<Vec<Row>>, bool) {
    let mut numbers: Vec<i32> = alike.iter().map(|(row, _)| row.sequence_number).collect();
    numbers.sort_unstable();
    let (runs, is_certain) = if numbers.last() == Some(&1) {
        return (alike.into_iter().map(|row| vec![row]).collect(), true);
    } else if numbers.is_sorted_by(|a, b| a < b) {
        alike.sort_by_key(|(row, _)| row.sequence_number);
        (vec![alike], true)
    } else {
        in_runs(alike)
    };
    if is_certain && runs.iter().all(|run| goes_on(run)) {
        return (runs, true);
    }
    let alone = runs.into_iter().flatten().map(|row| vec![row]);
    (alone.collect(), false)
}

/// Records in the order of their places, anew from each that is a first one; and whether each has its whole number.
fn in_runs(alike: Vec<Row>) -> (Vec<Vec<Row>>, bool) {
    let (mut runs, mut is_certain) = (Vec::<Vec<Row>>::new(), true);
    for row in alike {
        let number = usize::try_from(row.0.sequence_number).unwrap_or(0);
        match runs.last_mut() {
            Some(run) if number != 1 => {
                is_certain &= number == run.len() + 1;
                run.push(row);
            }
            before => {
                let last = before.and_then(|run| run.last());
                let is_behind = last.is_none_or(|(last, _)| last.buffer() < row.0.buffer());
                is_certain &= number == 1 && is_behind;
                runs.push(vec![row]);
            }
        }
    }
    (runs, is_certain)
}

/// Whether no record has text behind one whose text ended.
fn goes_on(run: &[Row]) -> bool {
    let texts = run.iter().filter_map(|(_, text)| text.as_ref());
    let mut units = texts
        .map(|kept| kept.hash().utf16_units)
        .filter(|units| *units > 0)
        .peekable();
    while let Some(own) = units.next() {
        if own < FULL_RECORD && units.peek().is_some() {
            return false;
        }
    }
    true
}

/// The event of one statement's records.
fn joined(
    target: &InstanceId,
    audit: &str,
    records: Vec<Row>,
    is_certain: bool,
    names: &AuditNames,
) -> Result<Option<Pending>, ServerError> {
    let (mut first, mut pieces) = (None, Vec::new());
    for (row, statement) in records {
        pieces.extend(statement.map(|kept| (row.sequence_number, kept)));
        first.get_or_insert(row);
    }
    let event = first.map(|row| event(target, audit, row, pieces, names));
    let event = event.transpose()?;
    Ok(if is_certain {
        event
    } else {
        event.map(Pending::without_neighbours)
    })
}

fn event(
    target: &InstanceId,
    audit: &str,
    row: AuditRow,
    pieces: Vec<(i32, Kept)>,
    names: &AuditNames,
) -> Result<Pending, ServerError> {
    let code = |text: Option<String>| text.map(|code| code.trim_end().to_owned());
    let offset = row.offset();
    let id = code(row.action_id).unwrap_or_default();
    let kind = code(row.class_type);
    let class = kind.as_deref().and_then(|code| names.class_type(code));
    let event = Event {
        line: EventLine::Event,
        target: target.clone(),
        moment: times::utc(&row.recorded)?,
        recorded: row.recorded,
        source: EventSource::Audit {
            name: audit.to_owned(),
        },
        action: EventAction {
            name: names.action(&id, class.and_then(|c| c.securable_class_desc.as_deref())),
            id,
            subclass: None,
            subclass_name: None,
        },
        succeeded: row.succeeded,
        who: EventWho {
            login: told(row.login_name),
            session_login: told(row.session_login_name),
            database_user: told(row.database_user_name),
        },
        from: EventOrigin {
            host: told(row.host_name),
            application: told(row.application_name),
            client_ip: told(row.client_ip),
        },
        on: EventSubject {
            database: told(row.database_name),
            schema: told(row.schema_name),
            owner: None,
            object: told(row.object_name),
            object_id: row.object_id.filter(|id| *id != 0),
            kind_name: class.and_then(|c| c.class_type_desc.clone()),
            kind,
            login: told(row.target_login_name),
            user: told(row.target_user_name),
            role: None,
        },
        session_id: row.session_id,
        error: None,
        statement: None,
    };
    Ok(Pending::in_records(event, offset, pieces))
}

/// An audit has an empty text where there is nothing to say.
fn told(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_of_an_audits_files() {
        for (folder, name, due) in [
            (
                "C:\\Audit\\",
                "Main_6F2B.sqlaudit",
                Some("C:\\Audit\\Main_6F2B*.sqlaudit"),
            ),
            (
                "/var/opt/mssql/audit",
                "Main",
                Some("/var/opt/mssql/audit/Main*.sqlaudit"),
            ),
            ("C:\\Audit", "O'Hara", Some("C:\\Audit\\O'Hara*.sqlaudit")),
            ("C:\\Audit\\", "*", None),
            ("C:\\Audit\\", "..\\x", None),
            ("C:\\Audit\\", "", None),
            ("", "Main", None),
        ] {
            assert_eq!(
                pattern(Some(folder), Some(name)).as_deref(),
                due,
                "{folder}{name}"
            );
        }
        assert_eq!(pattern(None, Some("Main")), None);
    }

    #[test]
    fn an_action_has_the_name_of_its_class_or_the_one_that_all_agree_on() {
        let action = |id: &str, name: &str, class: &str| ActionRow {
            action_id: Some(id.to_owned()),
            name: name.to_owned(),
            class_desc: Some(class.to_owned()),
        };
        let names = AuditNames {
            actions: vec![
                action("CR  ", "CREATE", "OBJECT"),
                action("CR", "CREATE", "DATABASE"),
                action("CO", "CONNECT", "SERVER"),
                action("CO", "COPY", "OBJECT"),
            ],
            class_types: Vec::new(),
        };
        assert_eq!(names.action("CR", None).as_deref(), Some("CREATE"));
        assert_eq!(names.action("CO", Some("OBJECT")).as_deref(), Some("COPY"));
        assert_eq!(names.action("CO", None), None);
        assert_eq!(names.action("CO", Some("ENDPOINT")), None);
        assert_eq!(names.action("XX", None), None);
    }
}
