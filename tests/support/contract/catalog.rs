//! What each version of SQL Server offers, from `tests/fixtures/views.toml`.

use std::ops::RangeInclusive;
use std::sync::OnceLock;

use serde::Deserialize;

use super::SqlType;

/// Major versions that queries may claim.
pub const VERSIONS: RangeInclusive<u16> = 11..=17;

/// Where a view's rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ViewScope {
    Server,
    Database,
}

#[derive(Debug)]
pub struct View {
    pub name: String,
    pub scope: ViewScope,
    pub since: u16,
    /// What shows all rows.
    pub permission: String,
    /// The lesser right that suffices from 2022 on.
    pub permission_16: Option<String>,
    /// Of a table-valued function; none of a view.
    pub arguments: Vec<SqlType>,
    pub columns: Vec<Column>,
}

/// A column of a view, or a value of a function that is asked by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub ty: SqlType,
    pub nullable: bool,
    pub since: u16,
}

#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub returns: SqlType,
    pub nullable: bool,
    pub arguments: RangeInclusive<usize>,
    /// What may be asked for, where the function is asked by name.
    pub names: Vec<Column>,
}

/// A permission that HAS_PERMS_BY_NAME knows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// `SERVER` or `DATABASE`.
    pub class: String,
    pub name: String,
    pub since: u16,
}

#[derive(Debug)]
pub struct Catalog {
    pub views: Vec<View>,
    pub functions: Vec<Function>,
    pub permissions: Vec<Permission>,
}

impl View {
    /// The columns that a version has, in order.
    pub fn columns_in(&self, version: u16) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(move |c| c.since <= version)
    }
}

impl Catalog {
    /// The fixture, read once.
    pub fn get() -> &'static Self {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| {
            Self::parse(include_str!("../../fixtures/views.toml"))
                .expect("tests/fixtures/views.toml")
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
        Ok(Self {
            views: file
                .view
                .into_iter()
                .map(View::try_from)
                .collect::<Result<_, _>>()?,
            functions: file
                .function
                .into_iter()
                .map(Function::try_from)
                .collect::<Result<_, _>>()?,
            permissions: file.permission,
        })
    }

    /// The view of exactly this name, in whatever version.
    pub fn view(&self, name: &str) -> Option<&View> {
        self.views.iter().find(|v| v.name == name)
    }

    /// A function by its name in upper case.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|f| f.name == name)
    }

    /// A permission, by class and name in any case.
    pub fn permission(&self, class: &str, name: &str) -> Option<&Permission> {
        self.permissions
            .iter()
            .find(|p| p.class.eq_ignore_ascii_case(class) && p.name.eq_ignore_ascii_case(name))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    view: Vec<WrittenView>,
    function: Vec<WrittenFunction>,
    permission: Vec<Permission>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenView {
    name: String,
    scope: ViewScope,
    since: Option<u16>,
    permission: String,
    permission_16: Option<String>,
    #[serde(default)]
    arguments: Vec<String>,
    columns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFunction {
    name: String,
    returns: String,
    arguments: [usize; 2],
    #[serde(default)]
    names: Vec<String>,
}

impl TryFrom<WrittenView> for View {
    type Error = String;

    fn try_from(written: WrittenView) -> Result<Self, String> {
        let since = written.since.unwrap_or(*VERSIONS.start());
        Ok(Self {
            columns: columns(&written.columns, since)
                .map_err(|e| format!("{}: {e}", written.name))?,
            arguments: written
                .arguments
                .iter()
                .map(|ty| SqlType::parse(ty).ok_or_else(|| format!("{ty} is no type")))
                .collect::<Result<_, _>>()?,
            name: written.name,
            scope: written.scope,
            since,
            permission: written.permission,
            permission_16: written.permission_16,
        })
    }
}

impl TryFrom<WrittenFunction> for Function {
    type Error = String;

    fn try_from(written: WrittenFunction) -> Result<Self, String> {
        let returns = column(
            &format!("{} {}", written.name, written.returns),
            *VERSIONS.start(),
        )?;
        let [least, most] = written.arguments;
        Ok(Self {
            names: columns(&written.names, *VERSIONS.start())
                .map_err(|e| format!("{}: {e}", written.name))?,
            name: written.name,
            returns: returns.ty,
            nullable: returns.nullable,
            arguments: least..=most,
        })
    }
}

fn columns(written: &[String], since: u16) -> Result<Vec<Column>, String> {
    written.iter().map(|c| column(c, since)).collect()
}

/// `name type [null] [since N]`.
fn column(written: &str, since: u16) -> Result<Column, String> {
    let fault = || format!("{written:?} is not \"name type [null] [since N]\"");
    let mut words = written.split(' ');
    let (Some(name), Some(ty)) = (words.next(), words.next()) else {
        return Err(fault());
    };
    let mut column = Column {
        name: name.to_owned(),
        ty: SqlType::parse(ty).ok_or_else(fault)?,
        nullable: false,
        since,
    };
    let rest: Vec<&str> = words.collect();
    let rest = match rest.as_slice() {
        ["null", rest @ ..] => {
            column.nullable = true;
            rest
        }
        rest => rest,
    };
    match rest {
        [] => {}
        ["since", version] => column.since = version.parse().map_err(|_| fault())?,
        _ => return Err(fault()),
    }
    Ok(column)
}
