//! Records of audits that write to a Windows log: event 33205, whose text has a line for each column.

use super::fields::Fields;

/// The columns end here, and the statement, which may have lines of its own, begins.
const STATEMENT: &str = "statement:";
/// Behind the statement.
const AFTER: &str = "\nadditional_information:";
/// In front of the first column.
const HEADLINE: &str = "Audit event:";

/// The record as one of `sys.fn_get_audit_file`; `log` and `record` are where it stands. None where the text has another
/// form.
pub fn fields(text: &str, log: &str, record: &str) -> Option<Fields> {
    let text = text.replace("\r\n", "\n");
    let text = text.strip_prefix(HEADLINE).unwrap_or(&text).trim_start();
    let mut found = Fields::default();
    let mut rest = text;
    loop {
        if let Some(statement) = rest.strip_prefix(STATEMENT) {
            // The statement is whoever's, and may hold the words that follow it: the last ones count.
            let (statement, after) = statement.rsplit_once(AFTER)?;
            found.push("statement", statement.to_owned());
            for line in after.lines().skip(1) {
                column(line, &mut found);
            }
            break;
        }
        let (line, next) = rest.split_once('\n')?;
        column(line, &mut found);
        rest = next;
    }
    // What tells it from every other: a log has no file that a server would name.
    found.push("file_name", format!("Windows log {log}"));
    found.push("audit_file_offset", record.to_owned());
    found.get(&["=event_time"]).is_some().then_some(found)
}

fn column(line: &str, found: &mut Fields) {
    if let Some((name, value)) = line.split_once(':') {
        // Of a name that comes twice, the first counts.
        found.push(name.trim(), value.trim_end().to_owned());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TEXT: &str = "Audit event: audit_schema_version:1\nevent_time:2026-09-02 15:02:00.1234567\nsequence_number:1\naction_id:AL  \n\
        succeeded:true\nsession_server_principal_name:CORP\\jdoe\nobject_name:usp_x\nstatement:ALTER PROC usp_x AS\n\
        -- additional_information:\nEXEC xp_cmdshell 'dir'\nadditional_information:\nuser_defined_information:\napplication_name:SSMS\n";

    #[test]
    fn a_record_has_its_columns_and_the_whole_statement() {
        for text in [TEXT.to_owned(), TEXT.replace('\n', "\r\n")] {
            let fields = fields(&text, "Application", "7").unwrap();
            for (name, due) in [
                ("=event_time", "2026-09-02 15:02:00.1234567"),
                ("=session_server_principal_name", "CORP\\jdoe"),
                ("=application_name", "SSMS"),
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
    fn a_statement_cannot_put_columns_in_its_place() {
        let text = TEXT.replace(
            "EXEC",
            "object_name:other\nserver_principal_name:nobody\nEXEC",
        );
        let fields = fields(&text, "Application", "7").unwrap();
        assert_eq!(fields.get(&["=object_name"]), Some("usp_x"));
        assert_eq!(fields.get(&["=server_principal_name"]), None);
    }

    #[test]
    fn another_form_is_none() {
        for text in [
            "",
            "Audit event:",
            "statement:x",
            &TEXT.replace('\n', " "),
            &TEXT[..150],
        ] {
            assert!(fields(text, "Application", "7").is_none(), "{text}");
        }
    }
}
