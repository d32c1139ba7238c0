//! What the collector's queries may say: a parser for exactly that part of T-SQL, the catalog they
//! may name, and the rules of the contract. Anything else is refused, with the reason.

mod catalog;
mod lexer;
mod names;
mod parser;
mod rules;
mod sql_type;
mod statement;

pub use catalog::{Catalog, Column, Function, VERSIONS, View, ViewScope};
pub use names::{Bound, NameError, Names, Typed};
pub use parser::parse;
pub use rules::{check, check_filled, check_setting, check_use};
pub use sql_type::SqlType;
pub use statement::{
    Argument, ColumnName, Condition, Expr, Item, Join, JoinKind, Literal, Select, Setting, Source,
    Statement, StatementKind,
};

/// The first position that is not of the contract, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Byte offset in the batch.
    pub at: usize,
    pub why: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at byte {}: {}", self.at, self.why)
    }
}
