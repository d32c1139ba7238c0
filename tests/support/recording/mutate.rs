//! Facts as they are not: rows dropped, values turned into others.

use mssql_posture::snapshot::{Answered, Fact, Observed, Snapshot};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Rows to be put in the place of a fact; whether they are of its form is said afterwards.
struct Rows<'a> {
    rows: &'a [Value],
    fits: &'a mut bool,
}

impl Rows<'_> {
    fn known<T>(self, value: serde_json::Result<T>) -> Observed<T> {
        if let Ok(value) = value {
            Observed::Known { value }
        } else {
            *self.fits = false;
            Observed::NotCollected {
                why: "no row of this form".to_owned(),
            }
        }
    }
}

impl Answered for Rows<'_> {
    fn list<T: DeserializeOwned + Ord>(self) -> Observed<Vec<T>> {
        let rows = self.rows.iter().cloned().map(serde_json::from_value);
        let mut rows: serde_json::Result<Vec<T>> = rows.collect();
        if let Ok(rows) = &mut rows {
            rows.sort();
        }
        self.known(rows)
    }

    fn one<T: DeserializeOwned>(self) -> Observed<T> {
        let row = self.rows.first().cloned().unwrap_or_default();
        self.known(serde_json::from_value(row))
    }
}

/// Puts rows in the place of a fact, at server scope or in the database at a place; whether they are of its form.
pub fn put(snapshot: &mut Snapshot, fact: Fact, place: Option<usize>, rows: &[Value]) -> bool {
    let mut fits = true;
    let name = fact.name();
    let given = Rows {
        rows,
        fits: &mut fits,
    };
    match (fact, place) {
        // What the collector has before it asks for facts is not placed.
        (Fact::ServerIdentity | Fact::Session | Fact::ServerTls, _) => {
            let mut facts = serde_json::to_value(&snapshot.server).expect("facts are JSON");
            facts[name]["value"] = rows.first().cloned().unwrap_or_default();
            match serde_json::from_value(facts) {
                Ok(facts) => snapshot.server = facts,
                Err(_) => fits = false,
            }
        }
        (_, None) => snapshot.server.place(name, given),
        (_, Some(place)) => snapshot.databases[place].place(name, given),
    }
    fits
}

/// Everything that one step makes of these rows: all gone, one gone, one value turned into another.
pub fn mutations(rows: &[Value]) -> impl Iterator<Item = Vec<Value>> {
    let none = (!rows.is_empty()).then(Vec::new);
    let dropped = (0..rows.len()).map(|index| {
        let mut left = rows.to_vec();
        left.remove(index);
        left
    });
    let turned = rows.iter().enumerate().flat_map(move |(index, row)| {
        let columns = row.as_object().into_iter().flat_map(Map::iter);
        columns.flat_map(move |(column, value)| {
            others(rows, column, value).map(move |other| {
                let mut turned = rows.to_vec();
                turned[index][column] = other;
                turned
            })
        })
    });
    none.into_iter().chain(dropped).chain(turned)
}

/// What else could stand in a column: what stands there in other rows, and values that mean something somewhere.
fn others(rows: &[Value], column: &str, value: &Value) -> impl Iterator<Item = Value> {
    let mut others: Vec<Value> = match value {
        Value::Bool(is) => vec![json!(!is)],
        Value::Number(_) => [0, 1, 2, 3, 4, 100].map(|n| json!(n)).into(),
        Value::Null => vec![json!(1), json!(true), json!("x"), json!(256)],
        Value::String(_) => vec![json!("x"), json!("G"), json!("D"), json!("")],
        Value::Object(_) | Value::Array(_) => Vec::new(),
    };
    others.push(Value::Null);
    for row in rows {
        let other = row.get(column).cloned().unwrap_or_default();
        if !others.contains(&other) {
            others.push(other);
        }
    }
    let value = value.clone();
    others.into_iter().filter(move |other| *other != value)
}
