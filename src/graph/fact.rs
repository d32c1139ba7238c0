//! Facts that a step rests on: a query and one of its rows.

use crate::snapshot::Fact;

/// A row of a fact: small enough to be kept for every step that a search looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactRef {
    /// The fact, which is its query.
    pub fact: Fact,
    /// The database, by its place in the snapshot; `None` at server scope.
    pub database: Option<u32>,
    /// The row's place; 0 of a fact that is one row.
    pub row: u32,
}

impl FactRef {
    /// A row at server scope.
    pub fn server(fact: Fact, row: u32) -> Self {
        Self {
            fact,
            database: None,
            row,
        }
    }

    /// A row of a database.
    pub fn database(fact: Fact, database: u32, row: u32) -> Self {
        Self {
            fact,
            database: Some(database),
            row,
        }
    }
}
