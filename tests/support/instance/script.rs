//! Trouble by script: who may log in, and what goes wrong where.

use std::sync::Mutex;

use super::datum::error;
use crate::support::tds_server::answer::{LoginAnswer, Message, Step};

/// How an account's login ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    Accepted,
    /// 18487.
    Expired,
    /// 18488.
    MustChange,
    /// 18486.
    LockedOut,
    /// 18470.
    Disabled,
    /// The login is good, and the server sends the client elsewhere.
    Routed {
        host: String,
        port: u16,
    },
    /// Any other refusal.
    Refused(Message),
}

impl Account {
    pub(super) fn answer(&self, user: &str) -> LoginAnswer {
        let refused = |number, reason: &str| {
            LoginAnswer::Refuse(error(
                number,
                14,
                format!("Login failed for user '{user}'{reason}"),
            ))
        };
        match self {
            Self::Accepted => LoginAnswer::Accept {
                database: "master".to_owned(),
            },
            Self::Expired => refused(18487, ".  Reason: The password of the account has expired."),
            Self::MustChange => refused(
                18488,
                ".  Reason: The password of the account must be changed.",
            ),
            Self::LockedOut => refused(
                18486,
                " because the account is currently locked out. The system administrator can unlock it.",
            ),
            Self::Disabled => refused(18470, ". Reason: The account is disabled."),
            Self::Routed { host, port } => LoginAnswer::Route {
                host: host.clone(),
                port: *port,
            },
            Self::Refused(message) => LoginAnswer::Refuse(message.clone()),
        }
    }
}

/// How a connection ends where a fault breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Nothing more is said, and the connection stays.
    Stall,
    Close,
}

impl Break {
    pub(super) fn step(self) -> Step {
        match self {
            Self::Stall => Step::Stall,
            Self::Close => Step::Close,
        }
    }
}

/// How the answer to a SELECT goes wrong.
#[derive(Clone, Debug)]
pub enum Wrong {
    /// A name in it leads nowhere: nothing of its batch runs.
    Unbound(Message),
    /// An error instead of a result; the batch goes on.
    Error(Message),
    /// The same, and the batch ends with it, as for the victim of a deadlock.
    Abort(Message),
    /// An error with which the server ends the connection.
    Fatal(Message),
    /// An error after the columns and so many rows.
    ErrorAfter { rows: usize, error: Message },
    /// The connection breaks before anything of the result comes.
    Break(Break),
    /// The connection breaks in the middle of the row after so many rows.
    BreakRow { rows: usize, how: Break },
}

/// Something that goes wrong. `database: None` means in whatever database.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A SELECT from the view fails: at once (`None`), or after its columns and so many rows.
    Read {
        view: &'static str,
        database: Option<&'static str>,
        after_rows: Option<usize>,
        error: Message,
    },
    /// The connection breaks in the middle of the row after so many rows of the view.
    BreakRow {
        view: &'static str,
        database: Option<&'static str>,
        after_rows: usize,
        how: Break,
    },
    /// A SELECT whose first column has this name is answered wrongly. So also one that reads no view can fail.
    Answer {
        column: String,
        database: Option<&'static str>,
        wrong: Wrong,
    },
    /// SET of this option fails.
    Set {
        option: &'static str,
        error: Message,
    },
    /// The connection breaks when a session's request of this number (from 0) comes. Sessions are
    /// counted from 1; `None` is each.
    BreakRequest {
        session: Option<usize>,
        request: usize,
        how: Break,
    },
    /// USE of the database fails from its nth time on (from 1, counted over all sessions).
    Use {
        database: &'static str,
        from: usize,
        error: Message,
    },
    /// From a session's request of this number on, each request gets the answer to the one before;
    /// the first of them gets an empty one.
    LateAnswers { from: usize },
    /// From the connection of this number on (from 1) the server says to be another.
    OtherServer { from_session: usize },
    /// From a session's request of this number on (from 0) its login no longer has VIEW ANY DEFINITION.
    RightTaken { from: usize },
    /// The view does not exist, whatever the version (error 208).
    Missing { view: &'static str },
}

/// A fault, and how often it still happens; `None` is always.
struct Scripted {
    fault: Fault,
    left: Option<usize>,
}

/// The faults of one instance.
#[derive(Default)]
pub(super) struct Script(Mutex<Vec<Scripted>>);

impl Script {
    pub fn add(&mut self, fault: Fault, times: Option<usize>) {
        let faults = self.0.get_mut().expect("no panic under the lock");
        faults.push(Scripted { fault, left: times });
    }

    /// The first fault that matches and is not used up; it counts as having happened.
    pub fn strike<T>(&self, matches: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let mut faults = self.0.lock().expect("no panic under the lock");
        faults
            .iter_mut()
            .filter(|s| s.left != Some(0))
            .find_map(|scripted| {
                let struck = matches(&scripted.fault)?;
                scripted.left = scripted.left.map(|left| left - 1);
                Some(struck)
            })
    }

    /// Whether the view is made to be missing.
    pub fn is_missing(&self, name: &str) -> bool {
        let missing = |fault: &Fault| match fault {
            Fault::Missing { view } if *view == name => Some(()),
            _ => None,
        };
        self.strike(missing).is_some()
    }
}
