//! Records of audits that write to a Windows log: event 33205, whose text has a line for each column.
//!
//! Names that users choose may hold line ends, and then write lines of their own. A server writes every column once, those
//! that nobody chooses in front, so that a forged line is one too many, out of order, or none of a column: such a record
//! is not used.

use std::collections::BTreeSet;

use super::fields::Fields;

/// The columns up to here, and the statement, which may have lines of its own, begins.
const STATEMENT: &str = "statement";
/// In front of the first column.
const HEADLINE: &str = "Audit event:";

/// A column's place in the text. Within each the order is not held to: servers add columns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// What the server itself says.
    Fixed,
    /// Names, which users choose.
    Names,
    Statement,
    /// What clients say of themselves, and what came with later versions.
    After,
}

/// All columns, as SQL Server 2008 to 2025 write them.
const COLUMNS: &[(Part, &[&str])] = &[
    (
        Part::Fixed,
        &[
            "audit_schema_version",
            "event_time",
            "sequence_number",
            "action_id",
            "succeeded",
            "is_column_permission",
            "session_id",
            "server_principal_id",
            "database_principal_id",
            "target_server_principal_id",
            "target_database_principal_id",
            "object_id",
            "user_defined_event_id",
            "transaction_id",
            "class_type",
            "duration_milliseconds",
            "response_rows",
            "affected_rows",
            "client_tls_version",
            "database_transaction_id",
            "ledger_start_sequence_number",
            "is_local_secondary_replica",
            "client_ip",
            "permission_bitmask",
            "sequence_group_id",
        ],
    ),
    (
        Part::Names,
        &[
            "session_server_principal_name",
            "server_principal_name",
            "server_principal_sid",
            "database_principal_name",
            "target_server_principal_name",
            "target_server_principal_sid",
            "target_database_principal_name",
            "server_instance_name",
            "database_name",
            "schema_name",
            "object_name",
        ],
    ),
    (Part::Statement, &[STATEMENT]),
    (
        Part::After,
        &[
            "additional_information",
            "user_defined_information",
            "application_name",
            "connection_id",
            "data_sensitivity_information",
            "host_name",
            "session_context",
            "client_tls_version_name",
            "external_policy_permissions_checked",
            "obo_middle_tier_app_id",
        ],
    ),
];

/// The record as one of `sys.fn_get_audit_file`; `log` and `record` are where it stands.
///
/// # Errors
/// The text has another form, or somebody wrote lines into it; in words.
pub fn fields(text: &str, log: &str, record: &str) -> Result<Fields, String> {
    let text = text.strip_prefix(HEADLINE).unwrap_or(text).trim_start();
    // The first line is the server's own, and ends as the server or the exporter ends lines: a name may end in half of it.
    let is_windows = text
        .split_once('\n')
        .is_some_and(|(first, _)| first.ends_with('\r'));
    let text = if is_windows {
        text.replace("\r\n", "\n")
    } else {
        text.to_owned()
    };
    let mut found = Fields::default();
    let mut columns = Columns::default();
    let mut statement: Option<String> = None;
    for line in text.split('\n') {
        let column = columns.next(line)?;
        match (column, &mut statement) {
            (Some((STATEMENT, value)), _) => statement = Some(value.to_owned()),
            (Some((name, value)), _) => found.push(name, value.to_owned()),
            (None, Some(statement)) if columns.reached == Some(Part::Statement) => {
                statement.push('\n');
                statement.push_str(line);
            }
            // Behind the statement values may have lines of their own, and the last line ends with a point.
            (None, Some(_)) => {}
            (None, None) => return Err(strange("a line of no column in front of the statement")),
        }
    }
    if columns.reached != Some(Part::After) || found.get(&["=event_time"]).is_none() {
        return Err(strange("another form"));
    }
    found.push("statement", statement.unwrap_or_default());
    // What tells it from every other: a log has no file that a server would name.
    found.push("file_name", format!("Windows log {log}"));
    found.push("audit_file_offset", record.to_owned());
    Ok(found)
}

fn strange(what: &str) -> String {
    format!("an audit's record (33205) whose text has {what}")
}

/// Which columns came so far.
#[derive(Default)]
struct Columns {
    seen: BTreeSet<&'static str>,
    reached: Option<Part>,
}

impl Columns {
    /// The column and value of a line; none where it begins with no column.
    fn next<'t>(&mut self, line: &'t str) -> Result<Option<(&'static str, &'t str)>, String> {
        let Some((start, value)) = line.split_once(':') else {
            return Ok(None);
        };
        let mut all = COLUMNS.iter();
        let known = all.find_map(|(part, names)| {
            let name = names.iter().find(|name| **name == start)?;
            Some((*part, *name))
        });
        let Some((part, name)) = known else {
            return Ok(None);
        };
        if !self.seen.insert(name) {
            return Err(strange(&format!(
                "a line of {name} twice: which is the server's is not known"
            )));
        }
        if self.reached.is_some_and(|reached| part < reached) {
            return Err(strange(&format!("a line of {name} where none belongs")));
        }
        self.reached = Some(part);
        Ok(Some((name, value)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TEXT: &str = "Audit event: audit_schema_version:1\nevent_time:2026-09-02 15:02:00.1234567\nsequence_number:1\naction_id:AL  \n\
        succeeded:true\nclient_ip:10.0.0.7\nsession_server_principal_name:CORP\\jdoe\ndatabase_principal_name:dbo\n\
        server_instance_name:SQL01\ndatabase_name:ERP\nschema_name:dbo\nobject_name:usp_x\nstatement:ALTER PROC usp_x AS\n\
        -- additional_information:\nEXEC xp_cmdshell 'dir'\nadditional_information:<x>\n</x>\nuser_defined_information:\n\
        application_name:SSMS\nhost_name:WS-7\n.\n";

    fn read(text: &str) -> Result<Fields, String> {
        fields(text, "Application", "7")
    }

    #[test]
    fn a_record_has_its_columns_and_the_whole_statement() {
        for text in [TEXT.to_owned(), TEXT.replace('\n', "\r\n")] {
            let fields = read(&text).unwrap();
            for (name, due) in [
                ("=event_time", "2026-09-02 15:02:00.1234567"),
                ("=session_server_principal_name", "CORP\\jdoe"),
                ("=application_name", "SSMS"),
                ("=host_name", "WS-7"),
                ("=audit_file_offset", "7"),
                (
                    "=statement",
                    "ALTER PROC usp_x AS\n-- additional_information:\nEXEC xp_cmdshell 'dir'",
                ),
            ] {
                assert_eq!(fields.get(&[name]), Some(due), "{name}");
            }
        }
    }

    #[test]
    fn a_line_that_a_name_or_a_statement_writes_spoils_its_record() {
        for (place, forged, due) in [
            // A user's name: as single columns, as all that follow, and as what his server does not write.
            ("name:dbo", "name:u\nobject_name:other", "object_name twice"),
            (
                "name:dbo",
                "name:u\nserver_instance_name:SQL01\ndatabase_name:ERP\nschema_name:dbo\nobject_name:other\nstatement:SELECT 1",
                "server_instance_name twice",
            ),
            (
                "name:dbo",
                "name:u\nstatement:SELECT 1\nadditional_information:",
                "where none belongs",
            ),
            (
                "name:dbo",
                "name:u\nsequence_group_id:1",
                "where none belongs",
            ),
            (
                "name:dbo",
                "name:u\nOBJECT_NAME:other",
                "a line of no column",
            ),
            (
                "name:dbo",
                "name:u\n object_name:other",
                "a line of no column",
            ),
            ("name:dbo", "name:u\n", "a line of no column"),
            // What stands behind it.
            ("EXEC xp", "object_name:other\nEXEC xp", "object_name twice"),
            ("EXEC xp", "statement:x\nEXEC xp", "statement twice"),
            (
                "EXEC xp",
                "additional_information:\nhost_name:BUILD01\nEXEC xp",
                "twice",
            ),
            (
                "name:SSMS",
                "name:SSMS\nhost_name:BUILD01",
                "host_name twice",
            ),
            (
                "name:SSMS",
                "name:SSMS\nclient_ip:10.0.0.1",
                "client_ip twice",
            ),
        ] {
            let text = TEXT.replacen(place, forged, 1);
            assert_ne!(text, TEXT, "{forged}");
            let why = read(&text).unwrap_err();
            assert!(
                why.contains(due) && why.contains("33205"),
                "{forged}: {why}"
            );
        }
    }

    #[test]
    fn a_name_keeps_what_it_ends_in() {
        for end in ["\r", " ", "\u{a0}"] {
            let text = TEXT.replacen("\\jdoe", &format!("\\jdoe{end}"), 1);
            let fields = read(&text).unwrap();
            let name = fields.get(&["=session_server_principal_name"]);
            assert_eq!(name, Some(&*format!("CORP\\jdoe{end}")));
        }
    }

    #[test]
    fn another_form_is_none() {
        for text in [
            "",
            "Audit event:",
            "statement:x",
            &TEXT.replace('\n', " "),
            &TEXT[..150],
            TEXT.split_once("\nadditional_information").unwrap().0,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
