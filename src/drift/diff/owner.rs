//! What comes with something else: which rows of a new database go without saying, and which are told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::facts::{COMPARED, Compared};
use super::names::Names;
use super::rows::{Row, RowChange, Rows};
use crate::snapshot::{Fact, Snapshot};

/// What a row belongs to, where that came or went with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A database.
    Database,
    /// A module, a job, or another thing that is told by itself.
    Other,
}

/// So many rows of a fact are told of one new database.
const MOST_TOLD: u32 = 1_000;

/// Code, and who may do what with it: nothing of it comes with a database but what its model has.
const TOLD: &[Fact] = &[
    Fact::DatabasePrincipals,
    Fact::DatabaseRoleMembers,
    Fact::DatabasePermissions,
    Fact::Modules,
    Fact::NumberedProcedures,
    Fact::Synonyms,
    Fact::ServiceQueues,
    Fact::AssemblyModules,
];

/// Objects that are code or lead to it. They are told where the list of modules was not seen.
const CODE: &[&str] = &[
    "P", "FN", "TF", "IF", "V", "TR", "RF", "PC", "FS", "FT", "TA", "AF", "X", "SN", "SQ",
];

/// The columns besides the identity by which a row is like another.
const LIKE: &[&str] = &["state", "definition", "execute_as_principal_id"];

/// The database that every new one is a copy of, on the side that has the new one.
pub struct Model<'a> {
    snapshot: &'a Snapshot,
    /// Whether the new database's modules were not all seen.
    lacks_modules: bool,
    known: BTreeMap<&'static str, BTreeSet<String>>,
    told: BTreeMap<&'static str, u32>,
}

impl<'a> Model<'a> {
    /// Of the side of AFTER.
    pub fn new(snapshot: &'a Snapshot, lacks_modules: bool) -> Self {
        Self {
            snapshot,
            lacks_modules,
            known: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// Whether a row is told though it came with its database.
    pub fn tells(&mut self, compared: &Compared, row: &RowChange<'_>) -> bool {
        let Some(own) = row.after.filter(|_| row.is_added()) else {
            return false;
        };
        let is_code = || {
            let of = row.text("type").unwrap_or_default();
            self.lacks_modules && CODE.contains(&of.trim_end())
        };
        let is_told =
            TOLD.contains(&compared.fact) || (compared.fact == Fact::Objects && is_code());
        is_told && !self.has(compared, own)
    }

    /// Whether there is room for one more of a fact.
    pub fn has_room(&mut self, fact: Fact) -> bool {
        let told = self.told.entry(fact.name()).or_default();
        *told += 1;
        *told <= MOST_TOLD
    }

    fn has(&mut self, compared: &Compared, row: &Row) -> bool {
        let snapshot = self.snapshot;
        let known = self.known.entry(compared.fact.name());
        let known = known.or_insert_with(|| likenesses(compared.fact, snapshot));
        known.contains(&likeness(compared, row))
    }
}

fn likeness(compared: &Compared, row: &Row) -> String {
    let columns = compared.identity.iter().chain(LIKE);
    let values: Vec<&Value> = columns
        .map(|column| row.get(*column).unwrap_or(&Value::Null))
        .collect();
    serde_json::to_string(&values).unwrap_or_default()
}

/// What the model has of a fact.
fn likenesses(fact: Fact, snapshot: &Snapshot) -> BTreeSet<String> {
    let mut databases = snapshot.databases.iter().zip(0_u32..);
    let model = databases.find(|(own, _)| own.name.as_str() == "model" && !own.excluded);
    let compared = COMPARED.iter().find(|own| own.fact == fact);
    let (Some((model, at)), Some(compared)) = (model, compared) else {
        return BTreeSet::new();
    };
    let seen = fact.seen(snapshot, Some(at)).map_or(0, |seen| seen.rows);
    let rows = Rows {
        compared,
        snapshot,
        database: Some(at),
        count: u32::try_from(seen).unwrap_or(u32::MAX),
    };
    let mut names = Names::new(snapshot, Some(model));
    (0..rows.count)
        .filter_map(|at| rows.row(&mut names, at))
        .map(|row| likeness(compared, &row))
        .collect()
}
