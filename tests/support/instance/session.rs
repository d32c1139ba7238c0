//! A session of the simulated instance: batches come in, statements are evaluated one by one.

mod scripted;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::datum::error;
use super::evaluate::{Plan, Refusal, ResultSet};
use super::facts::Database;
use super::functions::{Place, Unanswered};
use super::script::{Fault, Wrong};
use super::{Simulated, same_name};
use crate::support::contract::{
    Catalog, NameError, Names, Select, Setting, Statement, StatementKind, parse,
};
use crate::support::tds_server::answer::{Login, Message, Step, Value};
use crate::support::tds_server::{Request, Session};

/// The oldest TDS version with NBCROW.
const NBCROW_SINCE: u32 = 0x730B_0003;

/// States of a database that USE does not enter: `sys.databases.state`, error, and its text.
const CLOSED_STATES: &[(i32, i32, &str)] = &[
    (
        1,
        927,
        "cannot be opened. It is in the middle of a restore.",
    ),
    (
        2,
        922,
        "is being recovered. Waiting until recovery is finished.",
    ),
    (
        3,
        945,
        "cannot be opened due to inaccessible files or insufficient memory or disk space.",
    ),
    (
        4,
        926,
        "cannot be opened. It has been marked SUSPECT by recovery.",
    ),
    (6, 942, "cannot be opened because it is offline."),
    (10, 942, "cannot be opened because it is offline."),
];

/// Session options that a client may set, with any value.
const OPTIONS: [&str; 5] = [
    "LOCK_TIMEOUT",
    "DEADLOCK_PRIORITY",
    "TEXTSIZE",
    "ROWCOUNT",
    "NOCOUNT",
];

pub(super) struct SimulatedSession {
    instance: Arc<Simulated>,
    /// From 1, in order of login.
    number: usize,
    /// Place in the list of databases.
    current: usize,
    requests: usize,
    with_bitmap: bool,
    row_limit: Option<usize>,
    held: Vec<Step>,
}

/// A statement that is bound and ready to run.
enum Ready<'a> {
    Use(String),
    Set(Setting),
    Select(Plan<'a>),
}

impl Session for SimulatedSession {
    fn answer(&mut self, request: &Request) -> Vec<Step> {
        let number = self.requests;
        self.requests += 1;
        let broken = self.instance.script.strike(|fault| match fault {
            Fault::BreakRequest {
                session,
                request,
                how,
            } if *request == number && session.is_none_or(|s| s == self.number) => Some(*how),
            _ => None,
        });
        if let Some(how) = broken {
            return vec![how.step()];
        }
        let mut steps = match request {
            Request::Batch(text)
            | Request::Rpc {
                statement: Some(text),
                ..
            } => self.batch(text),
            Request::Rpc { procedure, .. } => {
                self.instance.gap(format!("a call of {procedure}"));
                vec![Step::Message(error(
                    2812,
                    16,
                    format!("Could not find stored procedure '{procedure}'."),
                ))]
            }
        };
        let late = self.instance.script.strike(|fault| match fault {
            Fault::LateAnswers { from } if number >= *from => Some(()),
            _ => None,
        });
        if late.is_some() {
            std::mem::swap(&mut steps, &mut self.held);
        }
        steps
    }
}

impl SimulatedSession {
    pub fn new(instance: Arc<Simulated>, number: usize, login: &Login) -> Self {
        let wanted = if login.database.is_empty() {
            "master"
        } else {
            &login.database
        };
        let current = instance.world.place_of(wanted);
        Self {
            current: current.unwrap_or_default(),
            instance,
            number,
            requests: 0,
            with_bitmap: login.tds_version >= NBCROW_SINCE,
            row_limit: None,
            held: Vec::new(),
        }
    }

    fn database(&self) -> &Database {
        &self.instance.world.databases[self.current]
    }

    /// Nothing of a batch runs when one of its names leads nowhere.
    fn batch(&mut self, text: &str) -> Vec<Step> {
        if scripted::is_script(text) {
            return self.script(text);
        }
        let statements = match parse(text) {
            Ok(statements) => statements,
            Err(refused) => {
                self.instance
                    .gap(format!("not understood, {refused}: {text}"));
                return vec![Step::Message(error(
                    102,
                    15,
                    format!("Incorrect syntax ({}).", refused.why),
                ))];
            }
        };
        if let Some(message) = self.unbound(&statements) {
            return vec![Step::Message(message)];
        }
        let ready: Result<Vec<_>, NameError> = statements
            .into_iter()
            .map(|statement| self.ready(statement))
            .collect();
        match ready {
            Ok(ready) => self.run(ready),
            Err(name) => vec![Step::Message(error(name.number, 16, name.text))],
        }
    }

    /// The error of a batch in which the script makes a name lead nowhere.
    fn unbound(&self, statements: &[Statement]) -> Option<Message> {
        let mut place = self.database().name.as_str();
        statements.iter().find_map(|statement| {
            match &statement.kind {
                StatementKind::Use(name) => place = name,
                StatementKind::Set(_) => {}
                StatementKind::Select(select) => {
                    let column = select.items.first()?.name()?;
                    return self.instance.script.strike(|fault| match fault {
                        Fault::Answer {
                            column: of,
                            database,
                            wrong: Wrong::Unbound(message),
                        } if of == column && database.is_none_or(|d| same_name(d, place)) => {
                            Some(message.clone())
                        }
                        _ => None,
                    });
                }
            }
            None
        })
    }

    fn ready(&self, statement: Statement) -> Result<Ready<'static>, NameError> {
        Ok(match statement.kind {
            StatementKind::Use(database) => Ready::Use(database),
            StatementKind::Set(setting) if OPTIONS.contains(&setting.name.as_str()) => {
                Ready::Set(setting)
            }
            StatementKind::Set(setting) => {
                return Err(NameError {
                    number: 195,
                    text: format!("'{}' is not a recognized SET option.", setting.name),
                });
            }
            StatementKind::Select(select) => Ready::Select(self.plan(&select)?),
        })
    }

    fn plan(&self, select: &Select) -> Result<Plan<'static>, NameError> {
        let world = &self.instance.world;
        let names = Names::of(select, Catalog::get(), world.version, world.case_sensitive)?;
        if let Some(view) = names
            .views()
            .find(|view| self.instance.script.is_missing(&view.name))
        {
            return Err(NameError {
                number: 208,
                text: format!("Invalid object name '{}'.", view.name),
            });
        }
        Plan::of(select, &names, world.version)
    }

    fn run(&mut self, statements: Vec<Ready<'_>>) -> Vec<Step> {
        let mut steps = Vec::new();
        for statement in statements {
            match statement {
                Ready::Use(name) => match self.switch(&name) {
                    Ok(old) => {
                        let new = self.database().name.clone();
                        let text = format!("Changed database context to '{new}'.");
                        steps.push(Step::Database { new, old });
                        steps.push(Step::Message(error(5701, 10, text)));
                        steps.push(Step::Done { rows: 0 });
                    }
                    // What follows was meant for another database.
                    Err(message) => {
                        steps.push(Step::Message(message));
                        return steps;
                    }
                },
                Ready::Set(setting) => {
                    let failed = self.instance.script.strike(|fault| match fault {
                        Fault::Set { option, error } if *option == setting.name => {
                            Some(error.clone())
                        }
                        _ => None,
                    });
                    steps.extend(failed.map(Step::Message));
                    if setting.name == "ROWCOUNT" {
                        self.row_limit = setting.value.parse().ok().filter(|limit| *limit > 0);
                    }
                    steps.push(Step::Done { rows: 0 });
                }
                Ready::Select(plan) => {
                    if self.select(&plan, &mut steps).is_break() {
                        return steps;
                    }
                }
            }
        }
        steps
    }

    /// Enters a database; the name of the one before.
    fn switch(&mut self, name: &str) -> Result<String, Message> {
        let world = &self.instance.world;
        let times = self.instance.count_use(name);
        let scripted = self.instance.script.strike(|fault| match fault {
            Fault::Use {
                database,
                from,
                error,
            } if same_name(database, name) && times >= *from => Some(error.clone()),
            _ => None,
        });
        if let Some(message) = scripted {
            return Err(message);
        }
        let Some(place) = world.place_of(name) else {
            let text = format!(
                "Database '{name}' does not exist. Make sure that the name is entered correctly."
            );
            return Err(error(911, 16, text));
        };
        if let Some(row) = &world.databases[place].row {
            let closed = CLOSED_STATES
                .iter()
                .find(|(state, ..)| row.state == Some(*state));
            if let Some((_, number, text)) = closed {
                return Err(error(
                    *number,
                    14,
                    format!("Database '{}' {text}", row.name),
                ));
            }
            if row.has_access == Some(false) {
                return Err(self.no_access(&row.name));
            }
        }
        let old = self.database().name.clone();
        self.current = place;
        Ok(old)
    }

    fn no_access(&self, database: &str) -> Message {
        let session = self
            .instance
            .world
            .recording
            .snapshot
            .server
            .session
            .known();
        let login = session.and_then(|s| s.login.clone()).unwrap_or_default();
        let text = format!(
            "The server principal \"{login}\" is not able to access the database \"{database}\" under the \
             current security context."
        );
        error(916, 14, text)
    }

    /// Answers a SELECT; `Break` if nothing more of its batch runs.
    fn select(&self, plan: &Plan<'_>, steps: &mut Vec<Step>) -> ControlFlow<()> {
        let scripted = self.scripted(plan);
        match scripted {
            Some(Wrong::Error(error)) => {
                steps.extend([Step::Message(error), Step::Done { rows: 0 }]);
                return ControlFlow::Continue(());
            }
            Some(Wrong::Abort(error)) => {
                steps.extend([Step::Message(error), Step::Done { rows: 0 }]);
                return ControlFlow::Break(());
            }
            Some(Wrong::Fatal(error)) => {
                steps.extend([Step::Message(error), Step::Done { rows: 0 }]);
                // So that the answer ends before the connection does.
                steps.extend([Step::Sleep(Duration::ZERO), Step::Close]);
                return ControlFlow::Break(());
            }
            Some(Wrong::Break(how)) => {
                steps.push(how.step());
                return ControlFlow::Break(());
            }
            _ => {}
        }
        match plan.run(self.place()) {
            Ok(set) => return self.result(set, scripted, steps),
            Err(Refusal::Server(messages)) => {
                steps.extend(messages.into_iter().map(Step::Message));
            }
            Err(Refusal::Unrecorded(why)) => steps.push(Step::Message(self.unrecorded(&why))),
        }
        steps.push(Step::Done { rows: 0 });
        ControlFlow::Continue(())
    }

    /// What the script says of the answer to this SELECT.
    fn scripted(&self, plan: &Plan<'_>) -> Option<Wrong> {
        let here =
            |database: Option<&str>| database.is_none_or(|d| same_name(d, &self.database().name));
        let reads = |view: &str| plan.views().iter().any(|v| v.name == view);
        self.instance.script.strike(|fault| match fault.clone() {
            Fault::Read {
                view,
                database,
                after_rows,
                error,
            } if reads(view) && here(database) => Some(match after_rows {
                None => Wrong::Error(error),
                Some(rows) => Wrong::ErrorAfter { rows, error },
            }),
            Fault::BreakRow {
                view,
                database,
                after_rows: rows,
                how,
            } if reads(view) && here(database) => Some(Wrong::BreakRow { rows, how }),
            Fault::Answer {
                column,
                database,
                wrong,
            } if plan.first_column() == Some(&column) && here(database) => Some(wrong),
            _ => None,
        })
    }

    fn result(
        &self,
        set: ResultSet,
        wrong: Option<Wrong>,
        steps: &mut Vec<Step>,
    ) -> ControlFlow<()> {
        let mut rows = set.rows;
        let mut end = set.end.map(|end| match end {
            Unanswered::Server(message) => message,
            Unanswered::Unrecorded(why) => self.unrecorded(&why),
        });
        let mut half = None;
        match wrong {
            Some(Wrong::ErrorAfter { rows: after, error }) => {
                rows.truncate(after);
                end = Some(error);
            }
            Some(Wrong::BreakRow { rows: after, how }) => {
                half = Some((rows.get(after).cloned(), how));
                rows.truncate(after);
            }
            _ => {}
        }
        rows.truncate(self.row_limit.unwrap_or(usize::MAX));
        let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        steps.push(Step::Columns(set.columns));
        steps.extend(rows.into_iter().map(|row| self.row(row)));
        if let Some((row, how)) = half {
            steps.extend(row.map(Step::HalfRow));
            steps.push(how.step());
            return ControlFlow::Break(());
        }
        steps.extend(end.map(Step::Message));
        steps.push(Step::Done { rows: count });
        ControlFlow::Continue(())
    }

    fn row(&self, row: Vec<Value>) -> Step {
        if self.with_bitmap && row.contains(&Value::Null) {
            Step::NbcRow(row)
        } else {
            Step::Row(row)
        }
    }

    fn place(&self) -> Place<'_> {
        let world = &self.instance.world;
        let session = world.recording.snapshot.server.session.known();
        let first = session.map_or(51, |s| s.session_id);
        let elsewhere = self.instance.script.strike(|fault| match fault {
            Fault::OtherServer { from_session } if self.number >= *from_session => Some(()),
            _ => None,
        });
        let right_taken = self.instance.script.strike(|fault| match fault {
            // Requests are counted when they come, the one that is answered among them.
            Fault::RightTaken { from } if self.requests > *from => Some(()),
            _ => None,
        });
        Place {
            world,
            database: self.database(),
            session_id: first + i32::try_from(self.number).unwrap_or(1) - 1,
            elsewhere: elsewhere.is_some(),
            right_taken: right_taken.is_some(),
        }
    }

    /// A gap of the recording is the test's fault, and is told to it.
    fn unrecorded(&self, why: &str) -> Message {
        self.instance.gap(format!("not recorded: {why}"));
        error(
            50000,
            16,
            format!("The recording does not hold this: {why}"),
        )
    }
}
