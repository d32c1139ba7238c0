//! What the table-valued functions of traces and audit files give. Their arguments are checked: a file that is not there
//! is an error, as it is on a server.

use serde_json::Value;

use super::World;
use super::datum::error;
use super::facts::Texts;
use super::tables::{Builder, Table, Tables};
use crate::support::contract::{Argument, View};

/// Files by the path or pattern that reads them; rows by column name.
#[derive(Clone, Debug, Default)]
pub struct RecordedEvents {
    traces: Vec<(String, Vec<Value>)>,
    audits: Vec<(String, Vec<Value>)>,
    /// Whether the session has VIEW SERVER SECURITY AUDIT, from 2022 on.
    pub security_audit: bool,
}

impl RecordedEvents {
    #[must_use]
    pub fn trace(mut self, path: &str, rows: Vec<Value>) -> Self {
        self.traces.push((path.to_owned(), rows));
        self
    }

    #[must_use]
    pub fn audit(mut self, pattern: &str, rows: Vec<Value>) -> Self {
        self.audits.push((pattern.to_owned(), rows));
        self
    }
}

/// Names of what audits record, as 2022 has them.
const ACTIONS: &[(&str, &str, &str)] = &[
    ("CR", "CREATE", "OBJECT"),
    ("CR", "CREATE", "DATABASE"),
    ("AL", "ALTER", "OBJECT"),
    ("G", "GRANT", "OBJECT"),
    ("APRL", "ADD MEMBER", "SERVER ROLE"),
    ("ALST", "ALTER SETTINGS", "SERVER"),
];
const CLASS_TYPES: &[(&str, &str, &str)] = &[
    ("P", "STORED PROCEDURE", "OBJECT"),
    ("SG", "SERVER ROLE", "SERVER ROLE"),
    ("SR", "SERVER", "SERVER"),
];

/// The views that name them.
pub(super) fn name_tables(tables: &mut Tables, version: u16) {
    let builder = Builder::new(version);
    let actions = builder.rows("sys.dm_audit_actions", ACTIONS, |row, (id, name, class)| {
        row.set("action_id", *id)
            .set("name", *name)
            .set("class_desc", *class)
    });
    let types = builder.rows(
        "sys.dm_audit_class_type_map",
        CLASS_TYPES,
        |row, (code, name, class)| {
            row.set("class_type", *code)
                .set("class_type_desc", *name)
                .set("securable_class_desc", *class)
        },
    );
    tables.insert("sys.dm_audit_actions", actions);
    tables.insert("sys.dm_audit_class_type_map", types);
}

impl World {
    /// What a function gives for these arguments.
    pub(super) fn called(&self, function: &View, arguments: &[Argument]) -> Table {
        let refuse = |number, text: String| Table::Refused(vec![error(number, 16, text)]);
        let Some(session) = self.recording.snapshot.server.session.known() else {
            return Table::Unrecorded("no session".to_owned());
        };
        let sysadmin = session.is_sysadmin == Some(true);
        let [Argument::Text(path), rest @ ..] = arguments else {
            return refuse(8116, "the first argument is no text".to_owned());
        };
        if rest.iter().any(|argument| *argument != Argument::Default) {
            return Table::Unrecorded(format!("{} from a place inside its files", function.name));
        }
        let (files, name, missing) = match function.name.as_str() {
            "sys.fn_trace_gettable" if sysadmin || session.alter_trace == Some(true) => {
                let text = format!(
                    "File '{path}' either does not exist or is not a recognizable trace file."
                );
                (&self.events.traces, "sys.fn_trace_gettable", (567, text))
            }
            "sys.fn_trace_gettable" => {
                return refuse(
                    8189,
                    "You do not have permission to run 'FN_TRACE_GETTABLE'.".to_owned(),
                );
            }
            _ if sysadmin
                || session.control_server == Some(true)
                || (self.version >= 16 && self.events.security_audit) =>
            {
                let text = format!("The file or pattern '{path}' is no valid audit file.");
                (&self.events.audits, "sys.fn_get_audit_file", (33222, text))
            }
            _ => {
                return refuse(
                    300,
                    "CONTROL SERVER permission was denied on object 'server'.".to_owned(),
                );
            }
        };
        let Some((_, rows)) = files.iter().find(|(known, _)| known == path) else {
            return refuse(missing.0, missing.1);
        };
        Builder::new(self.version).rows(name, rows, |row, value| {
            let fields = value.as_object().expect("a row");
            let none = Texts::new();
            fields
                .iter()
                .fold(row, |row, (column, value)| row.json(column, value, &none))
        })
    }
}
