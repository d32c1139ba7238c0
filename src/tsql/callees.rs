//! What a call by name leads to, as SQL Server looks for it.

use super::names::folded;
use smallvec::SmallVec;
use std::collections::HashMap;

const DEFAULT_SCHEMA: &str = "dbo";
const MASTER: &str = "master";
/// Procedures whose names begin so are looked for in master too.
const SYSTEM_PREFIX: &str = "sp_";

/// The database and the schema that code stands in, as they are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    database: String,
    schema: String,
}

impl Home {
    /// An empty database is one that is not known, as of scripts; without a schema it is `dbo`.
    pub fn new(database: &str, schema: Option<&str>) -> Self {
        Self {
            database: folded(database),
            schema: schema.map_or_else(|| DEFAULT_SCHEMA.to_owned(), folded),
        }
    }
}

/// Mostly one of a name.
type Namesakes<T> = HashMap<String, SmallVec<[T; 1]>>;

/// Whatever can be called, by the database and the schema it stands in and its name.
#[derive(Debug)]
pub struct Callees<T>(HashMap<String, HashMap<String, Namesakes<T>>>);

impl<T> Default for Callees<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Callees<T> {
    /// Adds one more. Several may have a name: there are databases where case counts, and a script may create one again.
    pub fn insert(&mut self, home: &Home, name: &str, callee: T) {
        let schemas = self.0.entry(home.database.clone()).or_default();
        let names = schemas.entry(home.schema.clone()).or_default();
        names.entry(folded(name)).or_default().push(callee);
    }

    /// What a name leads to, in parts without delimiters, that code with this home calls; none where nothing has the name,
    /// or at another server.
    pub fn find(&self, home: &Home, name: &[String]) -> &[T] {
        if self.0.is_empty() {
            return &[];
        }
        let mut parts = name.iter().rev().map(|part| folded(part));
        let name = parts.next().unwrap_or_default();
        let schema = parts.next().unwrap_or_default();
        let database = parts.next().unwrap_or_default();
        if parts.next().is_some_and(|server| !server.is_empty()) {
            return &[];
        }
        let elsewhere = !database.is_empty() && !home.database.is_empty();
        let first = if elsewhere { &database } else { &home.database };
        let is_system = database.is_empty() && name.starts_with(SYSTEM_PREFIX);
        let databases = [Some(first.as_str()), is_system.then_some(MASTER)];
        let schemas = if schema.is_empty() {
            [Some(home.schema.as_str()), Some(DEFAULT_SCHEMA)]
        } else {
            [Some(schema.as_str()), None]
        };
        for database in databases.into_iter().flatten() {
            let Some(known) = self.0.get(database) else {
                continue;
            };
            for schema in schemas.into_iter().flatten() {
                let found = known.get(schema).and_then(|names| names.get(&name));
                if let Some(found) = found {
                    return found;
                }
            }
        }
        &[]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(home: (&str, &str), name: &str) -> Vec<&'static str> {
        let mut callees = Callees::default();
        for (database, schema, name, id) in [
            ("App", "dbo", "p", "App.dbo.p"),
            ("App", "x", "p", "App.x.p"),
            ("App", "dbo", "sp_own", "App.dbo.sp_own"),
            ("master", "dbo", "sp_own", "master.dbo.sp_own"),
            ("master", "dbo", "sp_all", "master.dbo.sp_all"),
            ("master", "dbo", "only", "master.dbo.only"),
            ("", "dbo", "scripted", "scripted"),
        ] {
            callees.insert(&Home::new(database, Some(schema)), name, id);
        }
        let parts: Vec<String> = name.split('.').map(str::to_owned).collect();
        callees
            .find(&Home::new(home.0, Some(home.1)), &parts)
            .to_vec()
    }

    #[test]
    fn names_are_looked_for_where_the_server_looks() {
        for (home, name, expected) in [
            (("app", "X"), "P", &["App.x.p"][..]),
            (("app", "y"), "p", &["App.dbo.p"]),
            (("app", "x"), "dbo.p", &["App.dbo.p"]),
            (("app", "dbo"), "y.p", &[]),
            (("app", "dbo"), "sp_own", &["App.dbo.sp_own"]),
            (("app", "x"), "sp_all", &["master.dbo.sp_all"]),
            (("app", "x"), "dbo.sp_all", &["master.dbo.sp_all"]),
            (("app", "x"), "app.dbo.sp_all", &[]),
            (("app", "dbo"), "only", &[]),
            (("app", "dbo"), "master..only", &["master.dbo.only"]),
            (("master", "dbo"), "app.x.p", &["App.x.p"]),
            (("app", "dbo"), "srv.app.dbo.p", &[]),
            (("app", "dbo"), ".app.dbo.p", &["App.dbo.p"]),
            (("", "dbo"), "anything.dbo.scripted", &["scripted"]),
            (("app", "dbo"), "", &[]),
        ] {
            assert_eq!(find(home, name), expected, "{home:?} calls {name}");
        }
    }
}
