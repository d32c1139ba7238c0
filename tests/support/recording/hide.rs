//! Taking facts away, one by one, as missing rights and broken queries do.

use mssql_posture::snapshot::{Answered, DatabaseFacts, Fact, Observed, Snapshot};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How a fact is taken away.
#[derive(Clone, Debug)]
pub enum Hidden {
    /// Only the rows whose turn is `true` are seen; the pattern repeats. A single value stays.
    Partial(Vec<bool>),
    /// With what would show it.
    Denied(Vec<String>),
    Failed,
    NotCollected,
}

fn failed() -> Value {
    let text = "Lock request time out period exceeded.";
    json!({"state": "failed", "error": {"number": 1222, "text": text}})
}

impl Hidden {
    /// The fact, as JSON has it, with this taken from it.
    fn of(&self, fact: &mut Value) {
        *fact = match self {
            Self::Partial(pattern) => {
                if !matches!(fact["state"].as_str(), Some("known" | "partial")) {
                    return;
                }
                let mut value = fact["value"].take();
                if let Value::Array(rows) = &mut value
                    && !pattern.is_empty()
                {
                    let mut turns = pattern.iter().cycle();
                    rows.retain(|_| turns.next() == Some(&true));
                }
                let mut needs = fact["needs"].as_array().cloned().unwrap_or_default();
                needs.push(json!("a right"));
                json!({"state": "partial", "value": value, "needs": needs})
            }
            Self::Denied(needs) => json!({"state": "denied", "needs": needs}),
            Self::Failed => failed(),
            Self::NotCollected => json!({"state": "not_collected", "why": "not asked"}),
        };
    }

    /// Takes the fact of this name from `facts`; whether there is one.
    fn from<F: Serialize + DeserializeOwned>(&self, facts: &mut F, name: &str) -> bool {
        let mut json = serde_json::to_value(&*facts).expect("facts are JSON");
        let Some(fact) = json.get_mut(name).filter(|fact| fact["state"].is_string()) else {
            return false;
        };
        self.of(fact);
        *facts = serde_json::from_value(json).expect("the same facts");
        true
    }
}

/// What is left of a fact.
enum Left<'a> {
    /// Of these rows.
    Some(Vec<Value>, &'a [bool]),
    Failed,
}

impl Left<'_> {
    fn observed<T: DeserializeOwned>(value: Option<T>) -> Observed<T> {
        match value {
            Some(value) => Observed::Partial {
                value,
                needs: vec!["a right".to_owned()],
            },
            None => serde_json::from_value(failed()).expect("a fact that failed"),
        }
    }
}

impl Answered for Left<'_> {
    fn list<T: DeserializeOwned + Ord>(self) -> Observed<Vec<T>> {
        Self::observed(match self {
            Self::Some(rows, pattern) => {
                let turns = pattern.iter().cycle();
                let left = rows.into_iter().zip(turns).filter(|(_, turn)| **turn);
                let left = left.map(|(row, _)| serde_json::from_value(row).expect("the same row"));
                Some(left.collect())
            }
            Self::Failed => None,
        })
    }

    fn one<T: DeserializeOwned>(self) -> Observed<T> {
        Self::observed(match self {
            Self::Some(mut rows, _) => {
                Some(serde_json::from_value(rows.remove(0)).expect("the same row"))
            }
            Self::Failed => None,
        })
    }
}

/// What was seen of a fact, at server scope or in the database at a place, as JSON has it.
pub fn rows_of(snapshot: &Snapshot, fact: Fact, place: Option<usize>) -> Vec<Value> {
    let database = place.map(|place| u32::try_from(place).expect("few databases"));
    let row = |row| fact.row(snapshot, database, row);
    // A single row is there however it is numbered.
    let single = row(u32::MAX);
    if single.is_null() {
        (0..u32::MAX)
            .map(row)
            .take_while(|row| !row.is_null())
            .collect()
    } else {
        vec![single]
    }
}

/// Without the way of all facts through JSON, which laws that take away thousands would wait for; whether it was done.
fn hide_alone(snapshot: &mut Snapshot, fact: Fact, database: Option<&str>, how: &Hidden) -> bool {
    // What the collector has before it asks for facts is not placed.
    if matches!(fact, Fact::ServerIdentity | Fact::Session | Fact::ServerTls) {
        return false;
    }
    let name = fact.name();
    let place = database.map(|database| {
        let mut all = snapshot.databases.iter();
        let place = all.position(|facts| facts.name.as_str() == database);
        place.expect("a database of the instance")
    });
    let state = match place {
        None => snapshot.server.named_mut(name),
        Some(place) => snapshot.databases[place].named_mut(name),
    };
    let Some(state) = state else { return false };
    let left = match how {
        Hidden::Denied(needs) if needs.len() == 1 => {
            state.deny(&needs[0]);
            return true;
        }
        Hidden::NotCollected => {
            state.not_collected("not asked");
            return true;
        }
        Hidden::Partial(pattern) if state.state() == "known" && !pattern.is_empty() => {
            Left::Some(rows_of(snapshot, fact, place), pattern)
        }
        Hidden::Failed => Left::Failed,
        _ => return false,
    };
    match place {
        None => snapshot.server.place(name, left),
        Some(place) => snapshot.databases[place].place(name, left),
    }
    true
}

/// Takes a fact away: at server scope, or in one database.
pub fn hide(snapshot: &mut Snapshot, fact: Fact, database: Option<&str>, how: &Hidden) {
    if hide_alone(snapshot, fact, database, how) {
        return;
    }
    let done = match database {
        None => how.from(&mut snapshot.server, fact.name()),
        Some(name) => snapshot
            .databases
            .iter_mut()
            .filter(|facts| facts.name.as_str() == name)
            .any(|facts| how.from(facts, fact.name())),
    };
    assert!(done, "{} is not to be found in {database:?}", fact.name());
}

/// What comes of a snapshot without a fact, which it gets back; nothing where hiding changes nothing: what a server does
/// not have cannot be seen in part.
pub fn without<T>(
    snapshot: &mut Snapshot,
    (fact, database, how): (Fact, Option<&str>, &Hidden),
    then: impl FnOnce(&Snapshot) -> T,
) -> Option<T> {
    let Some(name) = database else {
        let whole = snapshot.server.clone();
        hide(snapshot, fact, None, how);
        let result = (snapshot.server != whole).then(|| then(snapshot));
        snapshot.server = whole;
        return result;
    };
    let mut all = snapshot.databases.iter();
    let place = all.position(|facts| facts.name.as_str() == name)?;
    let whole = snapshot.databases[place].clone();
    hide(snapshot, fact, database, how);
    let result = (snapshot.databases[place] != whole).then(|| then(snapshot));
    snapshot.databases[place] = whole;
    result
}

/// Whether a fact is one of a database's.
pub fn is_of_database(fact: Fact) -> bool {
    Fact::OF_DATABASE.contains(&fact)
}

/// The server refused this query in a database.
pub(super) fn refuse(facts: &mut DatabaseFacts, fact: &str, needs: Vec<String>) {
    assert!(
        Hidden::Denied(needs).from(facts, fact),
        "{fact} is no fact of a database"
    );
}

/// The same at server scope.
pub(super) fn refuse_server(snapshot: &mut Snapshot, fact: &str, needs: Vec<String>) {
    let done = Hidden::Denied(needs).from(&mut snapshot.server, fact);
    assert!(done, "{fact} is no fact of a server");
}
