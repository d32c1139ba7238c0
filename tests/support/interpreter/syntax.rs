//! The statements that are understood.

use super::value::Value;
use crate::support::contract::SqlType;

#[derive(Clone, Debug)]
pub(super) enum Statement {
    Declare(Vec<(String, SqlType, Option<Expr>)>),
    DeclareCursor {
        name: String,
        select: String,
    },
    /// `SET @v = …`, or `SELECT @v = …, @w = …`.
    Assign(Vec<(String, Expr)>),
    /// `SELECT @v = (SELECT line FROM (query) AS q FOR XML PATH(''))`.
    AssignRows {
        variable: String,
        line: Expr,
        query: String,
    },
    /// SET of a session option, and all that follows its name.
    Option(Vec<String>),
    If(Expr, Box<Statement>, Option<Box<Statement>>),
    While(Expr, Box<Statement>),
    Block(Vec<Statement>),
    Try(Vec<Statement>, Vec<Statement>),
    Execute {
        procedure: Procedure,
        arguments: Vec<(Expr, bool)>,
    },
    Print(Expr),
    Open(String),
    Fetch(String, Vec<String>),
    Break,
    Return,
}

#[derive(Clone, Debug)]
pub(super) enum Procedure {
    Name(Vec<String>),
    Variable(String),
}

#[derive(Clone, Debug)]
pub(super) enum Expr {
    Literal(Value),
    Variable(String),
    /// Of the derived table.
    Column(String),
    Call(String, Vec<Expr>),
    Convert(SqlType, Box<Expr>, Option<i64>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    IsNull(Box<Expr>),
}
