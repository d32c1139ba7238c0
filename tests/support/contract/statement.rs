//! The statements of the contract, parsed.

use std::ops::Range;

use super::SqlType;

/// One statement and the part of the batch that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub span: Range<usize>,
    pub kind: StatementKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// USE with the database's name as meant.
    Use(String),
    /// SET of a session option.
    Set(Setting),
    Select(Select),
}

/// `SET name value`, both in upper case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// Most rows.
    pub top: Option<u32>,
    pub items: Vec<Item>,
    /// The first source and those joined to it; empty without FROM.
    pub sources: Vec<Source>,
    /// One for each source after the first.
    pub joins: Vec<Join>,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub expr: Expr,
    pub alias: Option<String>,
}

impl Item {
    /// The result column's name: the alias, or the column's own name.
    pub fn name(&self) -> Option<&str> {
        match (&self.alias, &self.expr) {
            (Some(alias), _) => Some(alias),
            (None, Expr::Column(column)) => Some(&column.column),
            (None, _) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// `schema.name`, of a view or of a table-valued function.
    pub view: String,
    /// Of a function.
    pub arguments: Option<Vec<Argument>>,
    pub alias: Option<String>,
}

/// An argument of a table-valued function: nothing is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    Default,
    Text(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    Left,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    pub kind: JoinKind,
    /// Pairs that must be equal.
    pub on: Vec<(ColumnName, ColumnName)>,
}

/// A column, with the source that it names if it names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName {
    pub source: Option<String>,
    pub column: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    Null,
    Int(i64),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `column = literal` or `<>`.
    Compare {
        column: ColumnName,
        equal: bool,
        value: Literal,
    },
    /// `column >= literal` or `column < literal`.
    Bound {
        column: ColumnName,
        at_least: bool,
        value: Literal,
    },
    /// `column IN (…)` or NOT IN.
    In {
        column: ColumnName,
        within: bool,
        values: Vec<Literal>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    Literal(Literal),
    Column(ColumnName),
    /// `CAST(… AS type)`, or `CONVERT(type, …)` with or without a style.
    Cast {
        value: Box<Expr>,
        to: SqlType,
        style: Option<i64>,
    },
    /// Name in upper case; `@@X` is a call without arguments.
    Call {
        function: String,
        arguments: Vec<Expr>,
    },
    /// `DATEPART(TZOFFSET, …)`, the only part that is asked for.
    OffsetMinutes(Box<Expr>),
    /// `COUNT(*)`.
    Count,
}

impl Expr {
    /// This expression and all inside it.
    pub fn walk(&self, seen: &mut impl FnMut(&Expr)) {
        seen(self);
        match self {
            Self::Cast { value, .. } | Self::OffsetMinutes(value) => value.walk(seen),
            Self::Call { arguments, .. } => arguments.iter().for_each(|a| a.walk(seen)),
            Self::Literal(_) | Self::Column(_) | Self::Count => {}
        }
    }
}
