//! The instance as the server around a script: databases, SELECT and functions as for any other batch.

use super::super::datum::{Datum, error};
use super::super::functions::Place;
use super::super::{RunningInstance, USER};
use super::{Ready, SimulatedSession};
use crate::support::contract::{Setting, StatementKind, parse};
use crate::support::interpreter::{Failure, Host, Interpreter, Rows, Value as Scripted};
use crate::support::tds_server::answer::{Column, Login, Message, Step, Type, Value};
use crate::support::tds_server::{Request, Session as _};

/// Options of a script besides those that a session of the collector sets.
const FURTHER_OPTIONS: [&str; 3] = [
    "IMPLICIT_TRANSACTIONS OFF",
    "CONCAT_NULL_YIELDS_NULL ON",
    "TRANSACTION ISOLATION LEVEL READ COMMITTED",
];

/// Whether a batch is one for the interpreter: it begins with a variable.
pub(super) fn is_script(batch: &str) -> bool {
    batch.trim_start().starts_with("DECLARE @")
}

impl RunningInstance {
    /// Messages that a batch brings, in a session of its own that needs no wire; the driver does not hand them out.
    pub fn messages(&self, batch: &str) -> Vec<String> {
        let login = Login {
            user: USER.to_owned(),
            ..Login::default()
        };
        let mut session = SimulatedSession::new(std::sync::Arc::clone(&self.instance), 1, &login);
        let steps = session.answer(&Request::Batch(batch.to_owned()));
        let text = |step: Step| match step {
            Step::Message(message) if message.class <= 10 => Some(message.text),
            Step::Message(message) => Some(format!("Msg {}: {}", message.number, message.text)),
            _ => None,
        };
        steps.into_iter().filter_map(text).collect()
    }
}

impl SimulatedSession {
    /// What it prints goes as INFO of number 0.
    pub(super) fn script(&mut self, batch: &str) -> Vec<Step> {
        let (printed, ended) = Interpreter::new(self).run(batch);
        let message = |text: String| Step::Message(error(0, 0, text));
        let mut steps: Vec<Step> = printed.into_iter().map(message).collect();
        if let Some(uncaught) = ended {
            let failure = uncaught.failure;
            steps.push(Step::Message(error(failure.number, 16, failure.text)));
        }
        steps.push(Step::Done { rows: 0 });
        steps
    }
}

fn failure(message: Message) -> Failure {
    Failure {
        number: message.number,
        text: message.text,
    }
}

impl Host for SimulatedSession {
    fn enter(&mut self, database: &str) -> Result<usize, Failure> {
        let before = self.current;
        self.switch(database).map_err(failure)?;
        Ok(before)
    }

    fn leave(&mut self, before: usize) {
        self.current = before;
    }

    fn query(&mut self, text: &str) -> Result<Rows, Vec<Failure>> {
        let refused = |number, text: String| vec![Failure { number, text }];
        let mut statements = match parse(text) {
            Ok(statements) => statements,
            Err(why) => {
                self.instance.gap(format!("not understood, {why}: {text}"));
                return Err(refused(102, why.to_string()));
            }
        };
        let (Some(statement), true) = (statements.pop(), statements.is_empty()) else {
            return Err(refused(102, "one statement is due".to_owned()));
        };
        let StatementKind::Select(_) = statement.kind else {
            return Err(refused(102, "a SELECT is due".to_owned()));
        };
        let ready = self.ready(statement);
        let ready = ready.map_err(|name| refused(name.number, name.text))?;
        rows_of(self.run(vec![ready]))
    }

    fn function(&mut self, name: &str, arguments: &[Scripted]) -> Option<Scripted> {
        match name {
            "HOST_NAME" => return Some(Scripted::text("ADMIN-PC", true, false)),
            "APP_NAME" => return Some(Scripted::text("SQLCMD", true, false)),
            _ => {}
        }
        let arguments: Vec<Datum> = arguments
            .iter()
            .map(|value| match value {
                Scripted::Text { text, .. } => Datum::from(&**text),
                Scripted::Int(number, _) => Datum::Int(*number),
                _ => Datum::Null,
            })
            .collect();
        let place: Place<'_> = self.place();
        Some(match place.call(name, &arguments).ok()? {
            Datum::Null => Scripted::Null,
            Datum::Int(number) => Scripted::int(number),
            Datum::Text(text) => Scripted::text(&text, true, false),
            _ => return None,
        })
    }

    fn option(&mut self, words: &[String]) -> bool {
        if FURTHER_OPTIONS.contains(&words.join(" ").as_str()) {
            return true;
        }
        let [name, value @ ..] = words else {
            return false;
        };
        let known = super::OPTIONS.contains(&name.as_str()) && !value.is_empty();
        if known {
            let setting = Setting {
                name: name.clone(),
                value: value.concat(),
            };
            self.run(vec![Ready::Set(setting)]);
        }
        known
    }

    fn version(&self) -> u16 {
        self.instance.world.version
    }

    fn gap(&mut self, text: String) {
        self.instance.gap(text);
    }
}

fn rows_of(steps: Vec<Step>) -> Result<Rows, Vec<Failure>> {
    let mut found = Rows::default();
    let mut types: Vec<Column> = Vec::new();
    let mut failures = Vec::new();
    for step in steps {
        match step {
            Step::Columns(columns) => {
                found.columns = columns.iter().map(|column| column.name.clone()).collect();
                types = columns;
            }
            Step::Row(row) | Step::NbcRow(row) => {
                let row = row.into_iter().zip(&types);
                found.rows.push(
                    row.map(|(value, column)| scripted(value, &column.ty))
                        .collect(),
                );
            }
            Step::Message(message) if message.class > 10 => failures.push(failure(message)),
            Step::Message(_) | Step::Done { .. } => {}
            other => panic!("no fault for a script: {other:?}"),
        }
    }
    if failures.is_empty() {
        Ok(found)
    } else {
        Err(failures)
    }
}

fn scripted(value: Value, ty: &Type) -> Scripted {
    match value {
        Value::Null => Scripted::Null,
        Value::Bit(flag) => Scripted::Int(i64::from(flag), 1),
        Value::Int(number) => {
            let width = match ty {
                Type::Bit | Type::TinyInt => 1,
                Type::SmallInt => 2,
                Type::BigInt => 8,
                _ => 4,
            };
            Scripted::Int(number, width)
        }
        Value::Text(text) => Scripted::text(&text, true, matches!(ty, Type::NVarCharMax)),
        Value::Bytes(bytes) => Scripted::Bytes(bytes.into()),
        other => panic!("no query of ours returns {other:?}"),
    }
}
