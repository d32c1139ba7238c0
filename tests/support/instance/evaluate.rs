//! Evaluates a SELECT whose names are bound: sources, equality joins, narrowing, projection.

use super::datum::{Datum, cast, wire_type, wire_value};
use super::functions::{Place, Unanswered, base_type};
use super::tables::Table;
use super::times::Moment;
use crate::support::contract::{
    Argument, ColumnName, Condition, Expr, JoinKind, Literal, NameError, Names, Select, SqlType,
    View, ViewScope,
};
use crate::support::tds_server::answer::{Column, Value};

/// What a SELECT brings.
pub(super) struct ResultSet {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Value>>,
    /// What ended it early, after the rows.
    pub end: Option<Unanswered>,
}

/// A row of each source; `None` where an outer join found nothing.
type Combined<'a> = Vec<Option<&'a [Datum]>>;

/// A SELECT, ready to run.
pub(super) struct Plan<'a> {
    items: Vec<(Compiled, SqlType)>,
    columns: Vec<Column>,
    joins: Vec<(JoinKind, Vec<(Cell, Cell)>)>,
    conditions: Vec<Filter>,
    views: Vec<&'a View>,
    /// Of table-valued functions, by their place in `views`.
    arguments: Vec<Option<Vec<Argument>>>,
    top: usize,
    counts: bool,
}

/// A column of a source, by position.
#[derive(Clone, Copy)]
struct Cell {
    source: usize,
    column: usize,
}

enum Compiled {
    Constant(Datum),
    Cell(Cell),
    Cast {
        value: Box<Compiled>,
        from: SqlType,
        to: SqlType,
        style: Option<i64>,
    },
    Call {
        function: String,
        arguments: Vec<Compiled>,
    },
    Count,
}

/// Keeps rows by one cell.
struct Filter {
    cell: Cell,
    test: Test,
}

enum Test {
    /// It is, or is not, one of the values.
    In { within: bool, values: Vec<Datum> },
    /// It is a time from, or before, this one.
    Bound { at_least: bool, moment: Moment },
}

impl<'a> Plan<'a> {
    /// Binds and types everything, as a server does before it runs anything of a batch.
    pub fn of(select: &Select, names: &Names<'a>, version: u16) -> Result<Self, NameError> {
        let mut items = Vec::new();
        let mut columns = Vec::new();
        let compile = Compile { names, version };
        for item in &select.items {
            let typed = names.type_of(&item.expr)?;
            columns.push(Column {
                name: item.name().unwrap_or_default().to_owned(),
                ty: wire_type(typed.ty),
                nullable: typed.nullable,
            });
            items.push((compile.expr(&item.expr)?, typed.ty));
        }
        let joins = select.joins.iter().map(|join| {
            let pairs = join
                .on
                .iter()
                .map(|(l, r)| Ok((compile.cell(l)?, compile.cell(r)?)));
            Ok((join.kind, pairs.collect::<Result<_, _>>()?))
        });
        let conditions = select
            .conditions
            .iter()
            .map(|condition| compile.filter(condition));
        Ok(Self {
            columns,
            joins: joins.collect::<Result<_, _>>()?,
            conditions: conditions.collect::<Result<_, _>>()?,
            views: names.views().collect(),
            arguments: select.sources.iter().map(|s| s.arguments.clone()).collect(),
            top: select.top.map_or(usize::MAX, |top| top as usize),
            counts: select.items.iter().any(|item| item.expr == Expr::Count),
            items,
        })
    }

    /// The views it reads.
    pub fn views(&self) -> &[&'a View] {
        &self.views
    }

    /// The name of the result's first column.
    pub fn first_column(&self) -> Option<&String> {
        self.columns.first().map(|column| &column.name)
    }

    pub fn run(&self, place: Place<'_>) -> Result<ResultSet, Refusal> {
        let mut sources = Vec::new();
        let called: Vec<Option<Table>> = self
            .views
            .iter()
            .zip(&self.arguments)
            .map(|(view, arguments)| Some(place.world.called(view, arguments.as_deref()?)))
            .collect();
        for (view, called) in self.views.iter().zip(&called) {
            let tables = match view.scope {
                ViewScope::Server => &place.world.server,
                ViewScope::Database => &place.database.tables,
            };
            let table = called.as_ref().or_else(|| tables.get(view.name.as_str()));
            match table {
                Some(Table::Rows(rows)) => sources.push(rows.as_slice()),
                Some(Table::Refused(messages)) => return Err(Refusal::Server(messages.clone())),
                Some(Table::Unrecorded(why)) => return Err(unrecorded(view, place, why)),
                None => return Err(unrecorded(view, place, "no fact of a snapshot has it")),
            }
        }
        let mut found = self.combine(&sources);
        found.retain(|row| self.conditions.iter().all(|filter| filter.keeps(row)));
        if self.counts {
            found = vec![vec![None; found.len()]];
        }
        let mut set = ResultSet {
            columns: self.columns.clone(),
            rows: Vec::with_capacity(found.len()),
            end: None,
        };
        // A recording is sorted, a server's answer is not.
        for row in found.iter().rev().take(self.top) {
            let values = self.items.iter().map(|(item, ty)| {
                let value = item.evaluate(row, place)?;
                Ok(wire_value(value, *ty))
            });
            match values.collect() {
                Ok(values) => set.rows.push(values),
                Err(end) => {
                    set.end = Some(end);
                    break;
                }
            }
        }
        Ok(set)
    }

    fn combine<'t>(&self, sources: &[&'t [Vec<Datum>]]) -> Vec<Combined<'t>> {
        let Some((first, rest)) = sources.split_first() else {
            return vec![Vec::new()];
        };
        let mut found: Vec<Combined<'t>> =
            first.iter().map(|row| vec![Some(row.as_slice())]).collect();
        for (source, (kind, on)) in rest.iter().zip(&self.joins) {
            let mut joined = Vec::new();
            for left in found {
                let before = joined.len();
                for row in *source {
                    let mut both = left.clone();
                    both.push(Some(row.as_slice()));
                    if on.iter().all(|(l, r)| equal(at(&both, *l), at(&both, *r))) {
                        joined.push(both);
                    }
                }
                if *kind == JoinKind::Left && joined.len() == before {
                    let mut alone = left;
                    alone.push(None);
                    joined.push(alone);
                }
            }
            found = joined;
        }
        found
    }
}

/// Why a SELECT brings no set at all.
pub(super) enum Refusal {
    Server(Vec<crate::support::tds_server::answer::Message>),
    Unrecorded(String),
}

fn unrecorded(view: &View, place: Place<'_>, why: &str) -> Refusal {
    Refusal::Unrecorded(format!(
        "{} in database {}: {why}",
        view.name, place.database.name
    ))
}

struct Compile<'n, 'a> {
    names: &'n Names<'a>,
    version: u16,
}

impl Compile<'_, '_> {
    fn cell(&self, name: &ColumnName) -> Result<Cell, NameError> {
        let bound = self.names.column(name)?;
        let view = self.names.views().nth(bound.source);
        let column = view
            .and_then(|view| {
                view.columns_in(self.version)
                    .position(|c| c == bound.column)
            })
            .unwrap_or_default();
        Ok(Cell {
            source: bound.source,
            column,
        })
    }

    fn filter(&self, condition: &Condition) -> Result<Filter, NameError> {
        let (column, test) = match condition {
            Condition::Compare {
                column,
                equal,
                value,
            } => (
                column,
                Test::In {
                    within: *equal,
                    values: vec![constant(value)],
                },
            ),
            Condition::In {
                column,
                within,
                values,
            } => (
                column,
                Test::In {
                    within: *within,
                    values: values.iter().map(constant).collect(),
                },
            ),
            Condition::Bound {
                column,
                at_least,
                value,
            } => (
                column,
                Test::Bound {
                    at_least: *at_least,
                    moment: moment(value)?,
                },
            ),
        };
        Ok(Filter {
            cell: self.cell(column)?,
            test,
        })
    }

    fn expr(&self, expr: &Expr) -> Result<Compiled, NameError> {
        Ok(match expr {
            Expr::Literal(literal) => Compiled::Constant(constant(literal)),
            Expr::Column(name) => Compiled::Cell(self.cell(name)?),
            Expr::Cast { value, to, style } => Compiled::Cast {
                from: self.names.type_of(value)?.ty,
                value: Box::new(self.expr(value)?),
                to: *to,
                style: *style,
            },
            // The only value with an offset is known by its offset alone.
            Expr::OffsetMinutes(value) => self.expr(value)?,
            Expr::Count => Compiled::Count,
            Expr::Call {
                function,
                arguments,
            } => Compiled::Call {
                function: function.clone(),
                arguments: arguments
                    .iter()
                    .map(|a| self.expr(a))
                    .collect::<Result<_, _>>()?,
            },
        })
    }
}

fn moment(literal: &Literal) -> Result<Moment, NameError> {
    let parsed = match literal {
        Literal::Text(text) => Moment::recorded(text, SqlType::DateTime2(7)).ok(),
        _ => None,
    };
    parsed.ok_or_else(|| NameError {
        number: 241,
        text: "Conversion failed when converting date and/or time from character string."
            .to_owned(),
    })
}

fn constant(literal: &Literal) -> Datum {
    match literal {
        Literal::Null => Datum::Null,
        Literal::Int(number) => Datum::Int(*number),
        Literal::Text(text) => Datum::from(text.as_str()),
    }
}

fn at(row: &Combined<'_>, cell: Cell) -> Datum {
    row.get(cell.source)
        .copied()
        .flatten()
        .map_or(Datum::Null, |values| values[cell.column].clone())
}

impl Compiled {
    fn evaluate(&self, row: &Combined<'_>, place: Place<'_>) -> Result<Datum, Unanswered> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Cell(cell) => Ok(at(row, *cell)),
            Self::Cast {
                value,
                from,
                to,
                style,
            } => {
                let value = value.evaluate(row, place)?;
                let from = if *from == SqlType::Variant {
                    base_type(&value)
                } else {
                    *from
                };
                Ok(cast(value, from, *to, *style)?)
            }
            Self::Call {
                function,
                arguments,
            } => {
                let arguments = arguments
                    .iter()
                    .map(|argument| argument.evaluate(row, place))
                    .collect::<Result<Vec<_>, _>>()?;
                place.call(function, &arguments)
            }
            // A counting SELECT has one row, as wide as there were rows.
            Self::Count => Ok(Datum::Int(i64::try_from(row.len()).unwrap_or(i64::MAX))),
        }
    }
}

impl Filter {
    /// NULL is neither in a list nor out of it.
    fn keeps(&self, row: &Combined<'_>) -> bool {
        let value = at(row, self.cell);
        match (&self.test, value) {
            (_, Datum::Null) => false,
            (Test::In { within, values }, value) => {
                *within
                    == values
                        .iter()
                        .any(|other| equal(value.clone(), other.clone()))
            }
            (Test::Bound { at_least, moment }, Datum::Time(time)) => {
                *at_least == (time.units >= moment.units)
            }
            (Test::Bound { .. }, _) => false,
        }
    }
}

/// Equality as a case-insensitive collation has it: trailing spaces do not count.
fn equal(left: Datum, right: Datum) -> bool {
    match (left, right) {
        (Datum::Null, _) | (_, Datum::Null) => false,
        (Datum::Text(left), Datum::Text(right)) => left
            .trim_end_matches(' ')
            .eq_ignore_ascii_case(right.trim_end_matches(' ')),
        (left, right) => left == right,
    }
}
