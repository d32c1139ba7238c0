//! The rules of the query contract. A message for each breach; no message means that the query may
//! be sent to somebody's production server.

use std::collections::BTreeSet;

use mssql_posture::collect::{Query, Scope, Sight};

use super::catalog::{VERSIONS, View, ViewScope};
use super::names::Names;
use super::{Catalog, Condition, Expr, Literal, Select, Setting, SqlType, StatementKind, parse};

/// The permission of the views that a sight may read, and the lesser one from 2022 on.
const SIGHTS: &[(Sight, &str, Option<&str>)] = &[
    (Sight::Public, "public", None),
    (Sight::AnyDatabase, "VIEW ANY DATABASE", None),
    (Sight::ServerDefinition, "VIEW ANY DEFINITION", None),
    (
        Sight::ServerSecurityDefinition,
        "VIEW ANY DEFINITION",
        Some("VIEW ANY SECURITY DEFINITION"),
    ),
    (
        Sight::ServerState,
        "VIEW SERVER STATE",
        Some("VIEW SERVER SECURITY STATE"),
    ),
    (
        Sight::ServerPerformanceState,
        "VIEW SERVER STATE",
        Some("VIEW SERVER PERFORMANCE STATE"),
    ),
    (Sight::Select, "SELECT", None),
    (Sight::AlterTrace, "ALTER TRACE", None),
    (Sight::Control, "CONTROL", None),
    (
        Sight::ServerSecurityAudit,
        "CONTROL SERVER",
        Some("VIEW SERVER SECURITY AUDIT"),
    ),
    (Sight::DatabaseDefinition, "VIEW DEFINITION", None),
    (
        Sight::DatabaseSecurityDefinition,
        "VIEW DEFINITION",
        Some("VIEW SECURITY DEFINITION"),
    ),
];

/// Session options that may be set, and to what.
const SETTINGS: &[(&str, &[&str])] = &[
    ("LOCK_TIMEOUT", &["5000"]),
    ("DEADLOCK_PRIORITY", &["LOW"]),
    ("TEXTSIZE", &["-1"]),
    ("ROWCOUNT", &["0"]),
    ("NOCOUNT", &["ON"]),
];

/// Types that may be shown as text, and the characters that takes.
const LONGEST_TEXTS: &[(SqlType, u16)] = &[(SqlType::UniqueIdentifier, 36), (SqlType::BigInt, 20)];

/// Style of CONVERT that is the same in every language of a login.
const ISO_8601: i64 = 126;
/// Units that ISO 8601 with seven fractional digits and an offset takes.
const LONGEST_TIME: u16 = 27;

/// Every breach of the contract by one query.
pub fn check(query: &Query, catalog: &Catalog) -> Vec<String> {
    check_filled(query, query.text, catalog)
}

/// The same of a query whose text was completed.
pub fn check_filled(query: &Query, text: &str, catalog: &Catalog) -> Vec<String> {
    let mut breaches = header(query);
    let statements = match parse(text) {
        Ok(statements) => statements,
        Err(refused) => {
            breaches.push(format!("does not parse: {refused}"));
            return breaches;
        }
    };
    match statements.as_slice() {
        [one] if one.span == (0..text.len()) => {
            if let StatementKind::Select(select) = &one.kind {
                breaches.extend(check_select(query, select, catalog));
                return breaches;
            }
        }
        _ => {}
    }
    breaches.push("is not one SELECT and nothing else".to_owned());
    breaches
}

/// Every breach by a text of session settings.
pub fn check_setting(batch: &str) -> Vec<String> {
    let statements = match parse(batch) {
        Ok(statements) => statements,
        Err(refused) => return vec![format!("does not parse: {refused}")],
    };
    let allowed = |setting: &Setting| {
        SETTINGS
            .iter()
            .any(|(name, values)| *name == setting.name && values.contains(&setting.value.as_str()))
    };
    statements
        .into_iter()
        .filter_map(|statement| match statement.kind {
            StatementKind::Set(setting) if allowed(&setting) => None,
            other => Some(format!("{other:?} is not a setting of the contract")),
        })
        .collect()
}

/// Every breach by the text that switches to the database of this name.
pub fn check_use(text: &str, database: &str) -> Vec<String> {
    let found = parse(text).map(|statements| {
        let kinds: Vec<_> = statements.into_iter().map(|s| s.kind).collect();
        kinds == [StatementKind::Use(database.to_owned())]
    });
    match found {
        Ok(true) => Vec::new(),
        Ok(false) => vec![format!("{text:?} is not a USE of {database:?}")],
        Err(refused) => vec![format!("{text:?} does not parse: {refused}")],
    }
}

fn header(query: &Query) -> Vec<String> {
    let mut breaches = Vec::new();
    let lines = [
        ("name", query.name),
        ("purpose", query.purpose),
        ("permission", query.permission),
        ("views", query.views),
        ("columns", query.columns),
        ("narrowing", query.narrowing),
    ];
    for (key, value) in lines {
        if value.trim().is_empty() {
            breaches.push(format!("its header has no {key}"));
        }
    }
    let claimed = claimed(query);
    if claimed.is_empty() || query.versions.start() < VERSIONS.start() {
        breaches.push(format!("claims versions {:?}", query.versions));
    }
    breaches
}

/// The versions that a query claims and the catalog knows.
fn claimed(query: &Query) -> Vec<u16> {
    VERSIONS.filter(|v| query.versions.contains(v)).collect()
}

fn check_select(query: &Query, select: &Select, catalog: &Catalog) -> Vec<String> {
    let mut breaches = Vec::new();
    breaches.extend(tag(query, select));
    breaches.extend(columns(query, select));
    breaches.extend(views(query, select, catalog));
    breaches.extend(narrowing(query, select));
    breaches.extend(counts(select));
    for version in claimed(query) {
        let bound = Names::of(select, catalog, version, true);
        let found = match bound {
            Ok(names) => bodies(select, &names, catalog),
            Err(error) => vec![error.text],
        };
        if !found.is_empty() {
            breaches.extend(
                found
                    .into_iter()
                    .map(|text| format!("version {version}: {text}")),
            );
            break;
        }
    }
    breaches
}

fn tag(query: &Query, select: &Select) -> Option<String> {
    let first = &select.items[0];
    let due = format!("q_{}", query.name);
    let literal = matches!(first.expr, Expr::Literal(Literal::Int(_)));
    (!literal || first.alias.as_ref() != Some(&due))
        .then(|| format!("its first column is not a number named {due}"))
}

fn columns(query: &Query, select: &Select) -> Vec<String> {
    let mut breaches = Vec::new();
    let named: Vec<&str> = select
        .items
        .iter()
        .skip(1)
        .map(|item| item.name().unwrap_or("(unnamed)"))
        .collect();
    let declared: Vec<&str> = query.columns.split(", ").collect();
    if named != declared {
        breaches.push(format!(
            "returns columns {}, its header says {}",
            named.join(", "),
            query.columns
        ));
    }
    let distinct: BTreeSet<_> = named.iter().collect();
    if distinct.len() != named.len() {
        breaches.push("names a column twice".to_owned());
    }
    breaches
}

fn views(query: &Query, select: &Select, catalog: &Catalog) -> Vec<String> {
    let mut breaches = Vec::new();
    let read: BTreeSet<&str> = select.sources.iter().map(|s| s.view.as_str()).collect();
    let declared: BTreeSet<&str> = query.views.split(", ").filter(|v| *v != "none").collect();
    if read != declared {
        breaches.push(format!("reads {read:?}, its header says {}", query.views));
    }
    let known: Vec<&View> = read.iter().filter_map(|name| catalog.view(name)).collect();
    for view in &known {
        breaches.extend(scope(query, view));
        breaches.extend(sight(query, view));
    }
    if read.is_empty() && (query.sight != Sight::Public || query.permission != "none") {
        breaches.push("asks for a permission and reads no view".to_owned());
    }
    breaches
}

fn scope(query: &Query, view: &View) -> Option<String> {
    let due = match query.scope {
        Scope::Server | Scope::Events => Some(ViewScope::Server),
        Scope::Master | Scope::Msdb | Scope::Database => Some(ViewScope::Database),
        Scope::Session | Scope::Context => None,
    };
    (due != Some(view.scope)).then(|| {
        format!(
            "{} is of {:?} scope, the query of {:?} scope",
            view.name, view.scope, query.scope
        )
    })
}

fn sight(query: &Query, view: &View) -> Option<String> {
    let (_, all, lesser) = SIGHTS.iter().find(|(sight, ..)| *sight == query.sight)?;
    if *all != view.permission || *lesser != view.permission_16.as_deref() {
        return Some(format!(
            "its sight {:?} means {all}, but all rows of {} need {}",
            query.sight, view.name, view.permission
        ));
    }
    let said = if *all == "public" {
        query.permission.starts_with("none")
    } else {
        query.permission.starts_with(all)
            && lesser.is_none_or(|lesser| query.permission.contains(lesser))
    };
    (!said).then(|| format!("its permission {:?} does not say {all}", query.permission))
}

fn narrowing(query: &Query, select: &Select) -> Option<String> {
    let declared = query.narrowing != "none";
    let called = select.sources.iter().any(|s| s.arguments.is_some());
    let narrows = !select.conditions.is_empty() || select.top.is_some() || called;
    (declared != narrows).then(|| {
        if declared {
            "declares a narrowing and has no WHERE".to_owned()
        } else {
            "has a WHERE, TOP or argument that its header does not declare".to_owned()
        }
    })
}

fn counts(select: &Select) -> Option<String> {
    let counts = select.items.iter().any(|item| item.expr == Expr::Count);
    let mut columns = false;
    for item in &select.items {
        item.expr
            .walk(&mut |expr| columns |= matches!(expr, Expr::Column(_)));
    }
    (counts && columns).then(|| "counts rows beside columns of single rows".to_owned())
}

/// What only the catalog of a version can tell.
fn bodies(select: &Select, names: &Names<'_>, catalog: &Catalog) -> Vec<String> {
    let mut breaches = Vec::new();
    for (left, right) in select.joins.iter().flat_map(|join| &join.on) {
        for column in [left, right] {
            breaches.extend(names.column(column).err().map(|e| e.text));
        }
    }
    for condition in &select.conditions {
        let (Condition::Compare { column, .. }
        | Condition::Bound { column, .. }
        | Condition::In { column, .. }) = condition;
        match names.column(column) {
            Err(error) => breaches.push(error.text),
            Ok(bound) => breaches.extend(bounded(condition, bound.column.ty)),
        }
    }
    for item in &select.items {
        let name = item.name().unwrap_or("(unnamed)");
        match names.type_of(&item.expr) {
            Err(error) => breaches.push(error.text),
            Ok(typed) => {
                let fit = typed.ty.is_integer() || typed.ty.is_wide_text() || typed.ty.is_binary();
                let told_below = typed.ty.is_narrow_text() || typed.ty == SqlType::Variant;
                if !fit && !told_below {
                    breaches.push(format!("column {name} has the type {:?}", typed.ty));
                }
                breaches.extend(expression(&item.expr, names, catalog));
            }
        }
    }
    breaches
}

/// A time is compared with ISO 8601 to the second, which every language and date format of a login reads alike, and
/// nothing else is compared by order.
fn bounded(condition: &Condition, ty: SqlType) -> Option<String> {
    let Condition::Bound { value, .. } = condition else {
        return ty
            .is_time()
            .then(|| "compares a time for equality".to_owned());
    };
    let iso = |text: &str| {
        let pattern = "0000-00-00T00:00:00";
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(c, due)| match due {
                b'0' => c.is_ascii_digit(),
                due => c == due,
            })
    };
    let fits = ty.is_time() && matches!(value, Literal::Text(text) if iso(text));
    (!fits).then(|| format!("compares {ty:?} with {value:?} by order"))
}

/// Casts, functions and their arguments inside one item whose names are bound.
fn expression(expr: &Expr, names: &Names<'_>, catalog: &Catalog) -> Vec<String> {
    let mut breaches = Vec::new();
    uncast(expr, None, names, &mut breaches);
    expr.walk(&mut |inner| match inner {
        Expr::Call {
            function,
            arguments,
        } => breaches.extend(arguments_of(function, arguments, catalog)),
        Expr::Cast { value, to, style } => {
            breaches.extend(lossy(value, *to, *style, names, catalog));
        }
        _ => {}
    });
    breaches
}

/// A sql_variant or narrow text must be the direct operand of the right CAST.
fn uncast(expr: &Expr, cast: Option<SqlType>, names: &Names<'_>, breaches: &mut Vec<String>) {
    let source = match expr {
        Expr::Column(column) => Some(column.column.as_str()),
        Expr::Call { function, .. } => Some(function.as_str()),
        _ => None,
    };
    if let (Some(source), Ok(typed)) = (source, names.type_of(expr)) {
        if typed.ty == SqlType::Variant && cast.is_none_or(|to| to == SqlType::Variant) {
            breaches.push(format!(
                "{source} is a sql_variant and not CAST to its base type"
            ));
        }
        if typed.ty.is_narrow_text() && !cast.is_some_and(SqlType::is_wide_text) {
            breaches.push(format!(
                "{source} is of type {:?} and not CAST to nvarchar",
                typed.ty
            ));
        }
    }
    match expr {
        Expr::Cast { value, to, .. } => uncast(value, Some(*to), names, breaches),
        Expr::OffsetMinutes(value) => uncast(value, None, names, breaches),
        Expr::Call { arguments, .. } => {
            for argument in arguments {
                uncast(argument, None, names, breaches);
            }
        }
        _ => {}
    }
}

/// Functions that are asked by name, the number of that argument, and what the name may be.
fn arguments_of(function: &str, arguments: &[Expr], catalog: &Catalog) -> Option<String> {
    let text = |at: usize| match arguments.get(at) {
        Some(Expr::Literal(Literal::Text(text))) => Some(text.as_str()),
        _ => None,
    };
    let known = |at: usize| {
        let names = catalog.function(function).map(|f| &f.names);
        text(at).is_some_and(|text| names.is_some_and(|names| names.iter().any(|n| n.name == text)))
    };
    let fits = match function {
        "SERVERPROPERTY" | "CONNECTIONPROPERTY" => known(0),
        "OBJECTPROPERTY" => known(1),
        "HASHBYTES" => matches!(text(0), Some("SHA2_256" | "SHA2_512")),
        "IS_SRVROLEMEMBER" => arguments.len() == 1 && text(0) == Some("sysadmin"),
        "IS_ROLEMEMBER" => arguments.len() == 1 && text(0) == Some("db_owner"),
        "HAS_PERMS_BY_NAME" => has_permission(arguments, catalog),
        _ => true,
    };
    (!fits).then(|| format!("{function} is not asked for something the catalog knows"))
}

/// On the server as a whole, or on the current database.
fn has_permission(arguments: &[Expr], catalog: &Catalog) -> bool {
    let [on, class, Expr::Literal(Literal::Text(permission))] = arguments else {
        return false;
    };
    // Unquoted, a name with a dot or a bracket would be parsed as another.
    let here = Expr::Call {
        function: "QUOTENAME".to_owned(),
        arguments: vec![Expr::Call {
            function: "DB_NAME".to_owned(),
            arguments: Vec::new(),
        }],
    };
    let database = Expr::Literal(Literal::Text("DATABASE".to_owned()));
    let null = Expr::Literal(Literal::Null);
    let class = match (on, class) {
        (on, class) if *on == null && *class == null => "SERVER",
        (on, class) if *on == here && *class == database => "DATABASE",
        _ => return false,
    };
    catalog.permission(class, permission).is_some()
}

/// A CAST that could lose something, fail on a value, or depend on the login's language.
fn lossy(
    value: &Expr,
    to: SqlType,
    style: Option<i64>,
    names: &Names<'_>,
    catalog: &Catalog,
) -> Option<String> {
    let from = base_type(value, names, catalog)?;
    let breach = |what: &str| Some(format!("the CAST of {from:?} to {to:?} {what}"));
    if from.is_time() {
        let whole = matches!(to, SqlType::NVarChar(n) if n >= LONGEST_TIME);
        return if whole && style == Some(ISO_8601) {
            None
        } else {
            breach("is not ISO 8601")
        };
    }
    if style.is_some() {
        return breach("has a style");
    }
    match (units(from), units(to)) {
        (Some(from), Some(to)) if to < from => return breach("cuts off"),
        (Some(_), Some(_)) if to.is_wide_text() => return None,
        _ => {}
    }
    match (width(from), width(to)) {
        (Some(from), Some(to)) if to < from => breach("overflows"),
        (Some(_), Some(_)) => None,
        _ if LONGEST_TEXTS
            .iter()
            .any(|(ty, most)| *ty == from && matches!(to, SqlType::NVarChar(n) if n >= *most)) =>
        {
            None
        }
        _ if from == SqlType::Variant && to != SqlType::Variant => None,
        _ => breach("changes the kind of value"),
    }
}

/// The type that is cast; for a function that is asked by name, the type under the sql_variant.
fn base_type(value: &Expr, names: &Names<'_>, catalog: &Catalog) -> Option<SqlType> {
    if let Expr::Call {
        function,
        arguments,
    } = value
        && let Some(Expr::Literal(Literal::Text(asked))) = arguments.first()
        && let Some(named) = catalog
            .function(function)?
            .names
            .iter()
            .find(|n| n.name == *asked)
    {
        return Some(named.ty);
    }
    names.type_of(value).ok().map(|typed| typed.ty)
}

/// Most characters of a text type.
fn units(ty: SqlType) -> Option<u32> {
    match ty {
        SqlType::Char(n) | SqlType::VarChar(n) | SqlType::NVarChar(n) => Some(u32::from(n)),
        SqlType::VarCharMax | SqlType::NVarCharMax | SqlType::NText => Some(u32::MAX),
        _ => None,
    }
}

/// Bits of an integer type.
fn width(ty: SqlType) -> Option<u32> {
    match ty {
        SqlType::Bit => Some(1),
        SqlType::TinyInt => Some(8),
        SqlType::SmallInt => Some(16),
        SqlType::Int => Some(32),
        SqlType::BigInt => Some(64),
        _ => None,
    }
}
