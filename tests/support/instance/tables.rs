//! Catalog views with rows. Each view has the columns of the fixture for the instance's version; what
//! a snapshot does not record is NULL, or a plain default where NULL cannot be.

use std::collections::BTreeMap;
use std::sync::Arc;

use mssql_posture::collect::Query;
use mssql_posture::snapshot::Observed;
use serde_json::Value;

use super::datum::{Datum, error, guid_bytes, text_of};
use super::facts::Texts;
use super::recording::bytes_of;
use super::times::Moment;
use crate::support::contract::{Catalog, Column, Expr, SqlType, StatementKind, View, parse};
use crate::support::tds_server::answer::Message;

/// What reading a view gives.
#[derive(Clone, Debug)]
pub(super) enum Table {
    /// Rows in the order of the view's columns in this version.
    Rows(Vec<Vec<Datum>>),
    /// The server refuses; every message, in order.
    Refused(Vec<Message>),
    /// The recording does not hold it, for this reason.
    Unrecorded(String),
}

/// Tables by view name, such as `sys.objects`.
pub(super) type Tables = BTreeMap<&'static str, Table>;

/// A row under construction: values by column name.
pub(super) struct RowOf {
    view: &'static View,
    version: u16,
    values: Vec<(&'static str, Datum)>,
}

impl RowOf {
    pub fn set(mut self, column: &'static str, value: impl Into<Datum>) -> Self {
        self.values.push((column, value.into()));
        self
    }

    pub fn text(self, column: &'static str, text: Option<&str>) -> Self {
        self.set(column, text.map_or(Datum::Null, Datum::from))
    }

    /// Binary, recorded as `0x…`.
    pub fn binary(self, column: &'static str, hex: Option<&str>) -> Self {
        self.set(
            column,
            hex.map_or(Datum::Null, |hex| Datum::Bytes(bytes_of(hex).into())),
        )
    }

    pub fn time(self, column: &'static str, text: Option<&str>) -> Self {
        let ty = self.column(column).ty;
        let moment = text.map(|text| {
            Moment::recorded(text, ty)
                .unwrap_or_else(|why| panic!("{}.{column} of the recording: {why}", self.view.name))
        });
        self.set(column, moment.map_or(Datum::Null, Datum::Time))
    }

    /// A value of a fact, as JSON has it, in a column of this name.
    pub fn json(self, column: &str, value: &Value, texts: &Texts<'_>) -> Self {
        let found = self.view.columns.iter().find(|c| c.name == column);
        let column = found.unwrap_or_else(|| panic!("{} has no column {column}", self.view.name));
        let name = column.name.as_str();
        let ty = column.ty;
        match value {
            Value::Null => self,
            Value::Bool(flag) => self.set(name, *flag),
            Value::Number(number) => {
                self.set(name, Datum::Int(number.as_i64().expect("an integer")))
            }
            Value::String(text) if ty.is_binary() => self.binary(name, Some(text)),
            Value::String(text) if ty.is_time() => self.time(name, Some(text)),
            Value::String(text) if ty == SqlType::UniqueIdentifier => {
                self.set(name, Datum::Bytes(guid_bytes(text).into()))
            }
            Value::String(text) if ty.is_integer() => {
                self.set(name, Datum::Int(text.parse().expect("a number")))
            }
            Value::String(text) => self.text(name, Some(text)),
            // A text is kept apart, and the fact has its hash.
            Value::Object(fact) => {
                let fact = fact.get("value").unwrap_or(value);
                let text = fact["sha256"].as_str().and_then(|sha256| texts.get(sha256));
                self.set(
                    name,
                    text.map_or(Datum::Null, |text| Datum::Text(text.clone())),
                )
            }
            Value::Array(_) => panic!("a list in {name}"),
        }
    }

    fn column(&self, name: &str) -> &Column {
        let column = self.view.columns.iter().find(|c| c.name == name);
        column.unwrap_or_else(|| panic!("{} has no column {name}", self.view.name))
    }

    fn build(self) -> Vec<Datum> {
        for (name, _) in &self.values {
            self.column(name);
        }
        self.view
            .columns_in(self.version)
            .map(|column| {
                let given = self.values.iter().find(|(name, _)| *name == column.name);
                match given.map(|(_, value)| value) {
                    Some(Datum::Text(text)) => text_of(text, column.ty),
                    None | Some(Datum::Null) if !column.nullable => plain_default(column.ty),
                    Some(value) => value.clone(),
                    None => Datum::Null,
                }
            })
            .collect()
    }
}

fn plain_default(ty: SqlType) -> Datum {
    match ty {
        ty if ty.is_wide_text() || ty.is_narrow_text() => text_of("", ty),
        ty if ty.is_binary() => Datum::Bytes(Arc::new([])),
        ty if ty.is_time() => Datum::Time(Moment::unrecorded()),
        SqlType::UniqueIdentifier => Datum::Bytes(Arc::new([0; 16])),
        _ => Datum::Int(0),
    }
}

/// Makes tables for one version.
pub(super) struct Builder {
    pub version: u16,
    pub tables: Tables,
}

impl Builder {
    pub fn new(version: u16) -> Self {
        Self {
            version,
            tables: Tables::new(),
        }
    }

    /// The table of a view from the fact that records it.
    pub fn put<T>(
        &mut self,
        view: &'static str,
        fact: &Observed<Vec<T>>,
        fill: impl Fn(RowOf, &T) -> RowOf,
    ) {
        let table = match fact {
            Observed::Known { value } | Observed::Partial { value, .. } => {
                self.rows(view, value, fill)
            }
            Observed::Denied { needs } => Table::Refused(denial(needs)),
            Observed::Failed { error: e } => match i32::try_from(e.number) {
                Ok(number) if number != 0 => {
                    Table::Refused(vec![error(number, 16, e.text.as_str())])
                }
                _ => Table::Unrecorded(e.text.clone()),
            },
            // The view is there, and there is nothing in it.
            Observed::Unsupported { why: Some(_), .. } => Table::Rows(Vec::new()),
            Observed::Unsupported { since, .. } => {
                Table::Unrecorded(format!("since version {since}"))
            }
            Observed::NotCollected { why } => Table::Unrecorded(why.clone()),
        };
        self.tables.insert(view, table);
    }

    /// The table that a query reads, from the fact that it makes: a result column that is a view's column, cast or
    /// not, gives that column back.
    pub fn put_answer(&mut self, query: &Query, facts: &Value, texts: &Texts<'_>) {
        let statements = parse(query.text).expect("a query that parses");
        let StatementKind::Select(select) = &statements[0].kind else {
            panic!("{} is no SELECT", query.name);
        };
        let [source] = select.sources.as_slice() else {
            return;
        };
        let catalog = Catalog::get()
            .view(&source.view)
            .expect("a view of the fixture");
        if self.tables.contains_key(catalog.name.as_str()) {
            return;
        }
        let columns: Vec<(&str, &str)> = select
            .items
            .iter()
            .skip(1)
            .filter_map(|item| Some((item.name()?, column_of(&item.expr)?)))
            .collect();
        let fact: Observed<Value> =
            serde_json::from_value(facts[query.name].clone()).expect("a fact of that name");
        let fact = fact.map(|value| match value {
            Value::Array(rows) => rows,
            row => vec![row],
        });
        self.put(&catalog.name, &fact, |row, value| {
            columns.iter().fold(row, |row, (alias, column)| {
                row.json(column, &value[*alias], texts)
            })
        });
    }

    /// A table of these rows.
    pub fn rows<'t, T: 't>(
        &self,
        view: &'static str,
        rows: impl IntoIterator<Item = &'t T>,
        fill: impl Fn(RowOf, &T) -> RowOf,
    ) -> Table {
        let catalog = Catalog::get().view(view).expect("a view of the fixture");
        let row = |row: &T| {
            let empty = RowOf {
                view: catalog,
                version: self.version,
                values: Vec::new(),
            };
            fill(empty, row).build()
        };
        Table::Rows(rows.into_iter().map(row).collect())
    }

    /// Appends rows to a table that has rows, before those it has.
    pub fn prepend(&mut self, view: &'static str, table: Table) {
        if let (Some(Table::Rows(there)), Table::Rows(mut rows)) =
            (self.tables.get_mut(view), table)
        {
            rows.append(there);
            *there = rows;
        }
    }
}

/// The column that an item shows, if it shows one.
fn column_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(name) => Some(&name.column),
        Expr::Cast { value, .. } => column_of(value),
        _ => None,
    }
}

/// The errors of a denial. The collector writes the number behind the right that is missing.
fn denial(needs: &[String]) -> Vec<Message> {
    let need = needs.first().map_or("", String::as_str);
    let number = need
        .rsplit_once("(error ")
        .and_then(|(_, rest)| rest.strip_suffix(')')?.parse().ok());
    let server_state = need.contains("VIEW SERVER");
    match number.unwrap_or(if server_state { 300 } else { 229 }) {
        300 => vec![
            error(
                300,
                14,
                "VIEW SERVER STATE permission was denied on object 'server', database 'master'.",
            ),
            error(
                297,
                16,
                "The user does not have permission to perform this action.",
            ),
        ],
        229 => vec![error(
            229,
            14,
            "The SELECT permission was denied on the object, database 'mssqlsystemresource', schema 'sys'.",
        )],
        number => vec![error(number, 14, format!("Permission denied: {need}"))],
    }
}
