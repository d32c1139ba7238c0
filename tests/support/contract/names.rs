//! Binds the names of a SELECT to the catalog of one version, and finds the types that follow. What
//! cannot be bound fails as it does on a server: by number and text.

use super::catalog::View;
use super::{
    Catalog, Column, ColumnName, Expr, Function, JoinKind, Literal, Select, Source, SqlType,
};

/// The server's own word for a name that leads nowhere. It fails the whole batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    pub number: i32,
    pub text: String,
}

impl NameError {
    fn new(number: i32, text: String) -> Self {
        Self { number, text }
    }
}

/// A type, and whether NULL is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typed {
    pub ty: SqlType,
    pub nullable: bool,
}

/// Where a column is: the source's place in FROM, and the column itself.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    pub source: usize,
    pub column: &'a Column,
}

/// Whether a table-valued function gets as many arguments as it has, and a view none.
fn called(source: &Source, view: &View) -> Result<(), NameError> {
    let (given, due) = (source.arguments.as_deref(), view.arguments.len());
    let text = |what: &str| format!("{what} {}.", source.view);
    match given {
        None if due == 0 => Ok(()),
        None => Err(NameError::new(
            216,
            text("Parameters were not supplied for the function"),
        )),
        Some(_) if due == 0 => Err(NameError::new(
            215,
            text("Parameters supplied for object which is not a function:"),
        )),
        Some(given) if given.len() < due => Err(NameError::new(
            313,
            text("An insufficient number of arguments were supplied for the procedure or function"),
        )),
        Some(given) if given.len() > due => Err(NameError::new(
            8144,
            text("Procedure or function has too many arguments specified:"),
        )),
        Some(_) => Ok(()),
    }
}

/// The sources of one SELECT, bound.
pub struct Names<'a> {
    catalog: &'a Catalog,
    version: u16,
    case_sensitive: bool,
    sources: Vec<(String, &'a View)>,
    /// Sources whose columns may all be NULL: the right sides of outer joins.
    outer: Vec<bool>,
}

impl<'a> Names<'a> {
    /// Binds FROM.
    pub fn of(
        select: &Select,
        catalog: &'a Catalog,
        version: u16,
        case_sensitive: bool,
    ) -> Result<Self, NameError> {
        let mut names = Self {
            catalog,
            version,
            case_sensitive,
            sources: Vec::new(),
            outer: std::iter::once(false)
                .chain(select.joins.iter().map(|join| join.kind == JoinKind::Left))
                .collect(),
        };
        for source in &select.sources {
            let known = catalog
                .views
                .iter()
                .find(|v| names.same(&v.name, &source.view) && v.since <= version);
            let view = known.ok_or_else(|| {
                NameError::new(208, format!("Invalid object name '{}'.", source.view))
            })?;
            called(source, view)?;
            let name = source
                .alias
                .clone()
                .unwrap_or_else(|| view.name.rsplit('.').next().unwrap_or_default().to_owned());
            if names
                .sources
                .iter()
                .any(|(other, _)| names.same(other, &name))
            {
                let text = format!("The correlation name '{name}' is specified multiple times.");
                return Err(NameError::new(1011, text));
            }
            names.sources.push((name, view));
        }
        Ok(names)
    }

    fn same(&self, left: &str, right: &str) -> bool {
        if self.case_sensitive {
            left == right
        } else {
            left.eq_ignore_ascii_case(right)
        }
    }

    /// The views in order of FROM.
    pub fn views(&self) -> impl Iterator<Item = &'a View> {
        self.sources.iter().map(|(_, view)| *view)
    }

    pub fn column(&self, name: &ColumnName) -> Result<Bound<'a>, NameError> {
        let mut found = None;
        let mut source_known = false;
        for (index, (source, view)) in self.sources.iter().enumerate() {
            if name
                .source
                .as_ref()
                .is_some_and(|wanted| !self.same(wanted, source))
            {
                continue;
            }
            source_known = true;
            let column = view
                .columns_in(self.version)
                .find(|c| self.same(&c.name, &name.column));
            if let Some(column) = column {
                if found.is_some() {
                    let text = format!("Ambiguous column name '{}'.", name.column);
                    return Err(NameError::new(209, text));
                }
                found = Some(Bound {
                    source: index,
                    column,
                });
            }
        }
        found.ok_or_else(|| match &name.source {
            Some(source) if !source_known => NameError::new(
                4104,
                format!(
                    "The multi-part identifier \"{source}.{}\" could not be bound.",
                    name.column
                ),
            ),
            _ => NameError::new(207, format!("Invalid column name '{}'.", name.column)),
        })
    }

    /// A function that is called with so many arguments.
    pub fn function(&self, name: &str, arguments: usize) -> Result<&'a Function, NameError> {
        let function = self.catalog.function(name).ok_or_else(|| {
            NameError::new(
                195,
                format!("'{name}' is not a recognized built-in function name."),
            )
        })?;
        if function.arguments.contains(&arguments) {
            return Ok(function);
        }
        let text = format!(
            "The {name} function requires {} to {} arguments.",
            function.arguments.start(),
            function.arguments.end()
        );
        Err(NameError::new(189, text))
    }

    /// The type of an expression. CAST makes any value nullable, as it does in COLMETADATA.
    pub fn type_of(&self, expr: &Expr) -> Result<Typed, NameError> {
        let typed = |ty, nullable| Typed { ty, nullable };
        Ok(match expr {
            Expr::Literal(Literal::Null) => typed(SqlType::Int, true),
            Expr::Literal(Literal::Int(n)) if i32::try_from(*n).is_ok() => {
                typed(SqlType::Int, false)
            }
            Expr::Literal(Literal::Int(_)) => typed(SqlType::BigInt, false),
            Expr::Literal(Literal::Text(text)) => {
                let units = u16::try_from(text.encode_utf16().count()).unwrap_or(4000);
                typed(SqlType::NVarChar(units.clamp(1, 4000)), false)
            }
            Expr::Column(name) => {
                let Bound { source, column } = self.column(name)?;
                typed(column.ty, column.nullable || self.outer[source])
            }
            Expr::Cast { value, to, .. } => {
                self.type_of(value)?;
                typed(*to, true)
            }
            Expr::OffsetMinutes(value) => {
                self.type_of(value)?;
                typed(SqlType::Int, true)
            }
            Expr::Count => typed(SqlType::Int, false),
            Expr::Call {
                function: name,
                arguments,
            } => {
                let function = self.function(name, arguments.len())?;
                let arguments = arguments
                    .iter()
                    .map(|argument| self.type_of(argument))
                    .collect::<Result<Vec<_>, _>>()?;
                let first = arguments.first().map(|a| a.ty);
                let ty = match (name.as_str(), first) {
                    ("DATALENGTH", Some(SqlType::VarBinaryMax | SqlType::NVarCharMax)) => {
                        SqlType::BigInt
                    }
                    ("SUBSTRING", Some(first)) => first,
                    _ => function.returns,
                };
                typed(ty, function.nullable)
            }
        })
    }
}
