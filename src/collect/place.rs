//! Puts each query's answer where it belongs in the snapshot. Text that can hold code goes to the module-text file,
//! and its hash to the fact.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::query::{self, Query, Sight};
use super::spool::{Spool, SpooledLine};
use super::value::{RowSet, Value, ValueError};
use crate::ids::DatabaseName;
use crate::snapshot::{
    Answered, AnyFact, DatabaseFacts, Observed, ServerError, ServerFacts, ServerIdentity, Snapshot,
    TextHash,
};

/// Largest assembly file that is hashed here, in bytes (2012 and 2014, whose HASHBYTES cannot).
const HASH_LIMIT: i64 = 16 * 1024 * 1024;

/// Errors by which a server says "not allowed" rather than "broken".
pub const DENIALS: &[u32] = &[229, 230, 262, 297, 300, 371, 8189, 15247];
/// The login cannot enter the database.
const NO_ACCESS: u32 = 916;

/// Texts that were put apart: the lines of the module-text file, and the spool that holds what they say.
pub struct Texts {
    /// In any order.
    pub lines: Vec<SpooledLine>,
    /// The target's.
    pub spool: Arc<Spool>,
}

impl Texts {
    /// None yet.
    pub fn new(spool: &Arc<Spool>) -> Self {
        Self {
            lines: Vec::new(),
            spool: Arc::clone(spool),
        }
    }
}

/// One query's answer, or why there is none.
pub type Result = std::result::Result<RowSet, ServerError>;

/// The state that an error leaves a fact in.
fn refused<T>(query: &str, error: ServerError) -> Observed<T> {
    if error.number == NO_ACCESS {
        let needs = "CONNECT ANY DATABASE, or a user in the database (error 916)";
        Observed::Denied {
            needs: vec![needs.to_owned()],
        }
    } else if DENIALS.contains(&error.number) {
        let permission = query::permission(query);
        Observed::Denied {
            needs: vec![format!("{permission} (error {})", error.number)],
        }
    } else {
        Observed::Failed { error }
    }
}

/// A query with its answer.
struct Answer<'a> {
    query: &'a Query,
    result: Result,
}

impl Answered for Answer<'_> {
    fn list<T: DeserializeOwned + Ord>(self) -> Observed<Vec<T>> {
        let decoded = self.result.and_then(|set| {
            set.decode::<T>()
                .map_err(|e| ServerError::local(e.to_string()))
        });
        match decoded {
            Ok(mut value) => {
                value.sort();
                Observed::Known { value }
            }
            Err(error) => refused(self.query.name, error),
        }
    }

    fn one<T: DeserializeOwned>(self) -> Observed<T> {
        // A view that always has one row and shows none hides it: rows that may not be seen are left out.
        let none = self.result.as_ref().is_ok_and(|set| set.rows.is_empty());
        if none && self.query.sight != Sight::Public {
            return Observed::Denied {
                needs: vec![query::permission(self.query.name)],
            };
        }
        match self.result.and_then(|set| one(self.query.name, set)) {
            Ok(value) => Observed::Known { value },
            Err(error) => refused(self.query.name, error),
        }
    }
}

/// The one row of a query that has exactly one.
///
/// # Errors
/// No row, several rows, or a row of another form.
pub fn one<T: DeserializeOwned>(query: &str, set: RowSet) -> std::result::Result<T, ServerError> {
    let mut rows = set
        .decode::<T>()
        .map_err(|e| ServerError::local(e.to_string()))?;
    match (rows.pop(), rows.is_empty()) {
        (Some(row), true) => Ok(row),
        _ => Err(ServerError::local(format!(
            "query {query} did not answer with one row"
        ))),
    }
}

/// Places an answer at server scope. Session queries are placed by the session's owner.
pub fn server(facts: &mut ServerFacts, query: &Query, result: Result, texts: &mut Texts) {
    let database = match query.scope {
        query::Scope::Msdb => Some("msdb"),
        query::Scope::Master => Some("master"),
        _ => None,
    };
    let result = result.and_then(|set| made(query, set, database, texts));
    facts.place(query.name, Answer { query, result });
}

/// Places an answer from one database.
pub fn database(facts: &mut DatabaseFacts, query: &Query, result: Result, texts: &mut Texts) {
    let name: DatabaseName = facts.name.clone();
    let result = result.and_then(|set| made(query, set, Some(name.as_str()), texts));
    facts.place(query.name, Answer { query, result });
}

/// Marks the facts that this version does not have.
pub fn unsupported(facts: &mut ServerFacts, version: u16) {
    for (name, fact) in facts.all_mut() {
        let since = query::since(name);
        if version < since {
            fact.unsupported(since, None);
        }
    }
}

/// There is no object of that name.
const NO_OBJECT: u32 = 208;

/// Marks facts that a managed instance does not have although its catalog is that of a newer version: a system view
/// that is not there. msdb's tables are none: their owner could have taken them away.
pub fn not_in_azure(snapshot: &mut Snapshot) {
    let identity = snapshot.server.server_identity.known();
    if !identity.is_some_and(ServerIdentity::is_managed_instance) {
        return;
    }
    let databases = snapshot
        .databases
        .iter_mut()
        .flat_map(DatabaseFacts::all_mut);
    for (name, fact) in snapshot.server.all_mut().into_iter().chain(databases) {
        let system = query::all()
            .iter()
            .any(|query| query.name == name && query.views.starts_with("sys."));
        if system && fact.failed_by() == Some(NO_OBJECT) {
            let why = "Azure SQL Managed Instance has no such view";
            fact.unsupported(query::since(name), Some(why));
        }
    }
}

/// Marks facts that the platform does not have: an empty answer says nothing there.
pub fn not_on_this_platform(facts: &mut ServerFacts) {
    let linux = facts
        .host
        .known()
        .is_some_and(|host| host.platform == "Linux");
    if linux && facts.registry.known().is_some_and(Vec::is_empty) {
        facts.registry.unsupported(
            query::since("registry"),
            Some("SQL Server on Linux has no registry"),
        );
    }
}

/// Marks the facts of a database that this version does not have.
pub fn unsupported_in_database(facts: &mut DatabaseFacts, version: u16) {
    for (name, fact) in facts.all_mut() {
        let since = query::since(name);
        if version < since {
            fact.unsupported(since, None);
        }
    }
}

/// Replaces what a snapshot does not hold as it was sent.
fn made(query: &Query, set: RowSet, database: Option<&str>, texts: &mut Texts) -> Result {
    let database = database.map(Into::into);
    let mut keep = Keep { database, texts };
    match query.name {
        "server_modules" | "modules" | "numbered_procedures" => definitions(set, &mut keep),
        "job_steps" => keep.column(set, "command", |row| {
            format!("job {} step {}", row.text("job_id"), row.int("step_id"))
        }),
        "policy_conditions" => keep.column(set, "expression", |row| {
            format!("policy condition {}", row.int("condition_id"))
        }),
        "assembly_files" => assembly_files(set),
        _ => Ok(set),
    }
}

/// One row by column name.
struct Row<'a> {
    columns: &'a [String],
    cells: &'a mut Vec<Value>,
}

impl Row<'_> {
    fn cell(&mut self, column: &str) -> Option<&mut Value> {
        let place = self.columns.iter().position(|name| name == column)?;
        self.cells.get_mut(place)
    }

    fn take(&mut self, column: &str) -> Value {
        self.cell(column)
            .map_or(Value::Null, |cell| std::mem::replace(cell, Value::Null))
    }

    fn put(
        &mut self,
        column: &str,
        value: &impl Serialize,
    ) -> std::result::Result<(), ServerError> {
        let value = serde_json::to_value(value).map_err(|e| ServerError::local(e.to_string()))?;
        if let Some(cell) = self.cell(column) {
            *cell = Value::Made(Box::new(value));
        }
        Ok(())
    }

    fn int(&mut self, column: &str) -> i64 {
        match self.cell(column) {
            Some(Value::Int(number)) => *number,
            _ => 0,
        }
    }

    fn text(&mut self, column: &str) -> String {
        match self.cell(column) {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        }
    }
}

/// Changes each row in place, and drops columns that are used up.
fn each_row(
    mut set: RowSet,
    used_up: &[&str],
    mut change: impl FnMut(&mut Row<'_>) -> std::result::Result<(), ServerError>,
) -> Result {
    let kept: Vec<bool> = set
        .columns
        .iter()
        .map(|name| !used_up.contains(&name.as_str()))
        .collect();
    for cells in &mut set.rows {
        change(&mut Row {
            columns: &set.columns,
            cells,
        })?;
        let mut kept = kept.iter();
        cells.retain(|_| kept.next() == Some(&true));
    }
    let mut kept = kept.iter();
    set.columns.retain(|_| kept.next() == Some(&true));
    Ok(set)
}

/// Where texts are kept.
struct Keep<'a> {
    database: Option<Arc<str>>,
    texts: &'a mut Texts,
}

impl Keep<'_> {
    /// Puts the text of a cell apart, if it has one.
    fn keep(
        &mut self,
        object_id: i32,
        part: Option<String>,
        cell: Value,
    ) -> std::result::Result<Option<TextHash>, ServerError> {
        let kept = match cell {
            Value::Kept(kept) => *kept,
            // What did not come over a connection.
            Value::Text(text) => self
                .texts
                .spool
                .keep(&text)
                .map_err(|e| ServerError::local(ValueError::from(e).to_string()))?,
            _ => return Ok(None),
        };
        let hash = kept.hash();
        self.texts.lines.push(SpooledLine {
            database: self.database.clone(),
            object_id,
            part: part.map(Into::into),
            kept,
        });
        Ok(Some(hash))
    }

    /// Texts that are NULL only where there is none.
    fn column(
        &mut self,
        set: RowSet,
        column: &str,
        part: impl Fn(&mut Row<'_>) -> String,
    ) -> Result {
        each_row(set, &[], |row| {
            let cell = row.take(column);
            let part = part(row);
            match self.keep(0, Some(part), cell)? {
                Some(hash) => row.put(column, &hash),
                None => Ok(()),
            }
        })
    }
}

/// Texts of modules. One that is NULL is encrypted only if the server says so; else it is hidden. Of a server
/// trigger no server says which it is.
fn definitions(set: RowSet, keep: &mut Keep<'_>) -> Result {
    let tells = set.columns.iter().any(|name| name == "is_encrypted");
    each_row(set, &["is_encrypted"], |row| {
        let object_id = i32::try_from(row.int("object_id")).unwrap_or_default();
        let part = match row.int("procedure_number") {
            0 => None,
            number => Some(number.to_string()),
        };
        let cell = row.take("definition");
        let hash = keep.keep(object_id, part, cell)?;
        let definition = match (hash, row.take("is_encrypted")) {
            (Some(value), _) => Observed::Known { value },
            (None, Value::Int(1)) => Observed::NotCollected {
                why: "the module is encrypted".to_owned(),
            },
            _ if tells => Observed::Denied {
                needs: vec!["VIEW DEFINITION on the module".to_owned()],
            },
            _ => Observed::Denied {
                needs: vec!["not readable: encrypted or hidden".to_owned()],
            },
        };
        row.put("definition", &definition)
    })
}

/// Assembly files with the hash from the server, or of the bytes that were hashed on arrival.
fn assembly_files(set: RowSet) -> Result {
    let hash_column = if set.columns.iter().any(|name| name == "to_hash") {
        "to_hash"
    } else {
        "sha2_512"
    };
    let mut set = each_row(set, &[], |row| {
        let size = row.take("size");
        let hash = match (&size, row.take(hash_column)) {
            (_, Value::Text(hash)) if hash_column == "sha2_512" => Observed::Known { value: hash },
            (Value::Int(size), Value::Text(hash)) if *size <= HASH_LIMIT => {
                Observed::Known { value: hash }
            }
            (Value::Int(_), Value::Text(_)) => Observed::NotCollected {
                why: "larger than 16 MiB, and this version cannot hash it in the server".to_owned(),
            },
            _ => Observed::Denied {
                needs: vec!["VIEW DEFINITION on the assembly".to_owned()],
            },
        };
        row.put(hash_column, &hash)?;
        if let Value::Int(bytes) = size {
            row.put("size", &bytes.to_string())?;
        }
        Ok(())
    })?;
    for name in &mut set.columns {
        if name == hash_column {
            "sha2_512".clone_into(name);
        }
    }
    Ok(set)
}
