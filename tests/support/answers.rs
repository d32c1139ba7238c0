//! Facts put together from rows as JSON has them, and rows invented for queries: what holds for every query needs no
//! line for each.

use mssql_posture::collect::{Query, Scope, queries};
use mssql_posture::snapshot::{
    Answered, AnyFact, DatabaseFacts, ModuleLine, Observed, ServerFacts, sha256_hex,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::contract::{Catalog, Expr, Names, SqlType, StatementKind, parse};

/// An answer of these rows.
pub struct Rows(pub Value);

impl Answered for Rows {
    fn list<T: DeserializeOwned + Ord>(self) -> Observed<Vec<T>> {
        let mut value: Vec<T> = serde_json::from_value(self.0).expect("rows of the fact's form");
        value.sort();
        Observed::Known { value }
    }

    fn one<T: DeserializeOwned>(self) -> Observed<T> {
        let row = self.0.get(0).cloned().unwrap_or(self.0);
        Observed::Known {
            value: serde_json::from_value(row).expect("a row of the fact's form"),
        }
    }
}

/// Makes something of every fact of the instance that nobody made yet: unsupported in this version, withheld from an
/// auditor who has no CONTROL SERVER, or what `rows` gives.
pub fn complete_server(
    facts: &mut ServerFacts,
    version: u16,
    control: bool,
    rows: &mut dyn FnMut(&'static Query) -> Value,
) {
    for query in open(
        &[Scope::Server, Scope::Master, Scope::Msdb],
        &mut |name| match facts.named_mut(name) {
            Some(fact) => is_open(fact, name, version, control),
            None => false,
        },
        version,
    ) {
        facts.place(query.name, Rows(rows(query)));
    }
}

/// The same for one database.
pub fn complete_database(
    facts: &mut DatabaseFacts,
    version: u16,
    control: bool,
    rows: &mut dyn FnMut(&'static Query) -> Value,
) {
    for query in open(
        &[Scope::Database],
        &mut |name| match facts.named_mut(name) {
            Some(fact) => is_open(fact, name, version, control),
            None => false,
        },
        version,
    ) {
        facts.place(query.name, Rows(rows(query)));
    }
}

fn open(
    scopes: &[Scope],
    is_open: &mut dyn FnMut(&'static str) -> bool,
    version: u16,
) -> Vec<&'static Query> {
    let mut names: Vec<&'static str> = queries()
        .iter()
        .filter(|q| scopes.contains(&q.scope))
        .map(|q| q.name)
        .collect();
    names.dedup();
    let opened = names.into_iter().filter(|name| is_open(name));
    opened
        .filter_map(|name| {
            let mut forms = queries().iter();
            forms.find(|q| q.name == name && q.versions.contains(&version))
        })
        .collect()
}

/// Whether rows are still due. What this version does not have, and what is withheld, is said here.
fn is_open(fact: &mut dyn AnyFact, name: &str, version: u16, control: bool) -> bool {
    let forms = || queries().iter().filter(|q| q.name == name);
    let since = forms().map(|q| *q.versions.start()).min().expect("a query");
    if !fact.is_untouched() {
        return false;
    }
    let withheld = forms().find(|q| q.sight.is_beyond_least() && !control);
    if version < since {
        fact.unsupported(since, None);
    } else if let Some(query) = withheld {
        fact.not_collected(query.permission);
    } else {
        return true;
    }
    false
}

/// msdb's own tables, as far as they are asked.
pub fn tables_of_msdb() -> impl Iterator<Item = &'static str> {
    let asked = queries().iter().filter(|q| q.scope == Scope::Msdb);
    asked.filter_map(|q| q.views.strip_prefix("dbo."))
}

/// Rows that any list may have; single rows have no values.
pub fn nothing(query: &'static Query) -> Value {
    match query.name {
        "server_properties" => json!({}),
        "resource_governor" => json!({"classifier_function_id": 0, "is_enabled": false}),
        _ => json!([]),
    }
}

/// Id of a module that the sample's busy database has.
const OF_A_MODULE: i32 = 50_001;

/// One row in which every column has a value that its type can have. Texts that are kept apart go to `modules`.
pub fn invented(
    query: &'static Query,
    database: Option<&str>,
    modules: &mut Vec<ModuleLine>,
) -> Value {
    let statements = parse(query.text).expect("a query that parses");
    let StatementKind::Select(select) = &statements[0].kind else {
        panic!("{} is no SELECT", query.name);
    };
    let version = *query.versions.end().min(&17);
    let names = Names::of(select, Catalog::get(), version, true).expect("names that bind");
    let mut row = serde_json::Map::new();
    for item in select.items.iter().skip(1) {
        let alias = item.name().expect("a named column");
        if alias == "is_encrypted" {
            continue;
        }
        let of = |expr| names.type_of(expr).expect("a type").ty;
        let ty = match of(&innermost(&item.expr)) {
            SqlType::Variant => of(&item.expr),
            ty => ty,
        };
        let value = match alias {
            "definition" | "command" | "expression" => text_apart(query, database, modules),
            // What is named is there: an id that nothing carries says that something is hidden.
            "object_id" | "major_id" | "referencing_id" => json!(OF_A_MODULE),
            "activation_procedure" => json!("[dbo].[nightly]"),
            _ if alias.starts_with("is_") || alias.starts_with("uses_") => json!(true),
            _ => value_of(ty, alias),
        };
        row.insert(alias.to_owned(), value);
    }
    json!([row])
}

fn innermost(expr: &Expr) -> Expr {
    match expr {
        Expr::Cast { value, .. } => innermost(value),
        other => other.clone(),
    }
}

fn value_of(ty: SqlType, alias: &str) -> Value {
    match ty {
        SqlType::BigInt => json!("1"),
        ty if ty.is_integer() => json!(1),
        ty if ty.is_binary() => json!("0x0102030405060708"),
        SqlType::DateTime => json!("2024-02-29T23:59:59.997"),
        SqlType::DateTime2(_) => json!("2023-03-04T05:06:07.1234567"),
        SqlType::UniqueIdentifier => json!("6F9619FF-8B86-D011-B42D-00C04FC964FF"),
        SqlType::Char(2) => json!("PW"),
        SqlType::Char(_) => json!("SPVC"),
        SqlType::NVarChar(length) | SqlType::VarChar(length) if length < 30 => json!("PUBLIC"),
        _ => json!(format!("a {}", alias.replace('_', " "))),
    }
}

fn text_apart(query: &Query, database: Option<&str>, modules: &mut Vec<ModuleLine>) -> Value {
    let text = format!("EXEC dbo.something -- {} of {database:?}", query.name);
    let (object_id, part) = match query.name {
        "numbered_procedures" => (OF_A_MODULE, "1".to_owned()),
        "job_steps" => (
            0,
            "job 6F9619FF-8B86-D011-B42D-00C04FC964FF step 1".to_owned(),
        ),
        _ => (0, "policy condition 1".to_owned()),
    };
    let sha256 = sha256_hex(text.as_bytes());
    let hash = json!({"sha256": sha256, "utf16_units": text.len()});
    modules.push(ModuleLine {
        database: database.map(str::to_owned),
        object_id,
        part: Some(part),
        sha256,
        definition: text,
    });
    match query.name {
        "numbered_procedures" => json!({"state": "known", "value": hash}),
        _ => hash,
    }
}
