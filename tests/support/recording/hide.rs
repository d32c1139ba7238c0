//! Taking facts away, one by one, as missing rights and broken queries do.

use mssql_posture::snapshot::{DatabaseFacts, Fact, Snapshot};
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
            Self::Failed => {
                let text = "Lock request time out period exceeded.";
                json!({"state": "failed", "error": {"number": 1222, "text": text}})
            }
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

/// Without the way through JSON, where a fact is gone as a whole.
fn hide_at_once(snapshot: &mut Snapshot, fact: Fact, database: Option<&str>, how: &Hidden) -> bool {
    let name = fact.name();
    let field = match database {
        None => snapshot.server.named_mut(name),
        Some(database) => {
            let mut all = snapshot.databases.iter_mut();
            let facts = all.find(|facts| facts.name.as_str() == database);
            facts.and_then(|facts| facts.named_mut(name))
        }
    };
    match (field, how) {
        (Some(field), Hidden::Denied(needs)) if needs.len() == 1 => field.deny(&needs[0]),
        (Some(field), Hidden::NotCollected) => field.not_collected("not asked"),
        _ => return false,
    }
    true
}

/// Takes a fact away: at server scope, or in one database.
pub fn hide(snapshot: &mut Snapshot, fact: Fact, database: Option<&str>, how: &Hidden) {
    if hide_at_once(snapshot, fact, database, how) {
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
