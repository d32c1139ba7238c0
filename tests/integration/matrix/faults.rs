//! What can go wrong with one statement, and what a fact must say of it afterwards.

use mssql_posture::collect::Sight;

use super::rows::{Row, Statement};
use crate::support::instance::{Break, Fault, Wrong, error};

/// One way in which a statement fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The server does not allow it, with this error.
    Denied(u32),
    /// A view is not there: nothing of the batch runs.
    NoObject,
    /// The same of a column.
    NoColumn,
    /// An error after rows.
    AfterRows,
    /// The auditor's session is the victim of a deadlock: the batch ends.
    Deadlock,
    LockTimeout,
    /// A number that SQL Server does not have, as other servers that speak TDS send.
    Foreign,
    /// The connection ends in the middle of a row.
    Cut,
    /// The same, but once only, and a retry is left.
    CutOnce,
    /// Nothing comes.
    Hang,
    /// Severity 20: the server says why, and ends the connection.
    Fatal,
}

/// How the collection must take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The fact is `Denied`.
    Denied,
    /// The fact is `Failed` with the server's number.
    Failed,
    /// The connection is given up, and with it what was asked on it.
    Lost,
    /// Nothing is missing in the end.
    None,
}

/// Faults that every statement can have.
const OF_ALL: [Kind; 10] = [
    Kind::NoObject,
    Kind::NoColumn,
    Kind::AfterRows,
    Kind::Deadlock,
    Kind::LockTimeout,
    Kind::Foreign,
    Kind::Cut,
    Kind::CutOnce,
    Kind::Hang,
    Kind::Fatal,
];

/// Entering a database that the login may not enter.
pub const NO_ACCESS: u32 = 916;

/// The errors by which SQL Server refuses what this sight covers. A new sight says here which are its own.
pub fn refusals(sight: Sight) -> &'static [u32] {
    match sight {
        // SELECT on the view, which was taken from public: what may not be seen in it is left out without a word.
        Sight::Public
        | Sight::AnyDatabase
        | Sight::ServerDefinition
        | Sight::ServerSecurityDefinition
        | Sight::DatabaseDefinition
        | Sight::DatabaseSecurityDefinition => &[229],
        // Both come for one view, 300 first; 371 where SELECT on a view of the server was denied.
        Sight::ServerState | Sight::ServerPerformanceState => &[300, 297, 371],
        Sight::Select => &[229, 230],
        Sight::AlterTrace => &[8189],
        Sight::Control => &[229, 262],
        // Of `changes`, whose own tests refuse it.
        Sight::ServerSecurityAudit => &[],
    }
}

impl Kind {
    /// Every fault of a row.
    pub fn of(row: &Row) -> Vec<Self> {
        let refusals = match row.statement {
            Statement::Use => &[NO_ACCESS],
            _ => refusals(row.query.sight),
        };
        let denied = refusals.iter().map(|number| Self::Denied(*number));
        let others = OF_ALL.into_iter().filter(|kind| match row.statement {
            Statement::Query => true,
            // They bring no rows and read no names.
            Statement::Use | Statement::Set(_) => matches!(
                kind,
                Self::Deadlock | Self::LockTimeout | Self::Foreign | Self::NoObject
            ),
        });
        denied.chain(others).collect()
    }

    pub fn effect(self) -> Effect {
        match self {
            Self::Denied(_) => Effect::Denied,
            Self::NoObject
            | Self::NoColumn
            | Self::AfterRows
            | Self::Deadlock
            | Self::LockTimeout
            | Self::Foreign => Effect::Failed,
            Self::Cut | Self::Hang | Self::Fatal => Effect::Lost,
            Self::CutOnce => Effect::None,
        }
    }

    /// The server's number; `None` if it does not say one.
    pub fn number(self) -> Option<u32> {
        Some(match self {
            Self::Denied(number) => number,
            Self::NoObject => 208,
            Self::NoColumn => 207,
            Self::AfterRows => 8115,
            Self::Deadlock => 1205,
            Self::LockTimeout => 1222,
            Self::Foreign => 33_557_097,
            Self::Fatal => 3624,
            Self::Cut | Self::CutOnce | Self::Hang => return None,
        })
    }

    /// What must stand wherever something is missing because of it.
    pub fn says(self) -> String {
        match (self, self.number()) {
            (Self::Hang, _) => "no complete answer".to_owned(),
            (_, Some(number)) => number.to_string(),
            (_, None) => "the connection was lost".to_owned(),
        }
    }

    fn wrong(self) -> Wrong {
        let class = match self {
            Self::Fatal => 20,
            Self::Deadlock => 13,
            Self::Denied(_) => 14,
            _ => 16,
        };
        let number = i32::try_from(self.number().unwrap_or_default()).unwrap();
        let message = error(number, class, format!("scripted: {self:?}"));
        match self {
            Self::Denied(_) | Self::LockTimeout | Self::Foreign => Wrong::Error(message),
            Self::NoObject | Self::NoColumn => Wrong::Unbound(message),
            Self::AfterRows => Wrong::ErrorAfter {
                rows: 1,
                error: message,
            },
            Self::Deadlock => Wrong::Abort(message),
            Self::Fatal => Wrong::Fatal(message),
            Self::Hang => Wrong::Break(Break::Stall),
            Self::Cut | Self::CutOnce => Wrong::BreakRow {
                rows: 0,
                how: Break::Close,
            },
        }
    }

    /// The script for a row, and how often it happens.
    pub fn fault(self, row: &Row) -> (Fault, Option<usize>) {
        let times = (self == Self::CutOnce).then_some(1);
        let message = || match self.wrong() {
            Wrong::Error(message) | Wrong::Abort(message) | Wrong::Unbound(message) => message,
            other => panic!("{other:?} of a statement without rows"),
        };
        let fault = match row.statement {
            Statement::Set(option) => Fault::Set {
                option,
                error: message(),
            },
            Statement::Use => Fault::Use {
                database: row.database.unwrap(),
                from: 1,
                error: message(),
            },
            Statement::Query => Fault::Answer {
                column: format!("q_{}", row.query.name),
                database: row.database,
                wrong: self.wrong(),
            },
        };
        (fault, times)
    }
}
