//! Rows of one fact as they are compared: ids replaced by names, what says nothing left out, paired by what names them.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::facts::Compared;
use super::names::Names;
use crate::snapshot::{Fact, Snapshot};

/// A row with names in place of ids.
pub type Row = Map<String, Value>;

/// A row on both sides, or on one.
pub struct RowChange<'a> {
    /// Before.
    pub before: Option<&'a Row>,
    /// After.
    pub after: Option<&'a Row>,
}

impl<'a> RowChange<'a> {
    pub(super) fn is_added(&self) -> bool {
        self.before.is_none()
    }

    pub(super) fn is_removed(&self) -> bool {
        self.after.is_none()
    }

    pub(super) fn is_changed(&self) -> bool {
        self.before.is_some() && self.after.is_some()
    }

    pub(super) fn was(&self, column: &str) -> Option<&'a str> {
        self.before?.get(column)?.as_str()
    }

    pub(super) fn is(&self, column: &str) -> Option<&'a str> {
        self.after?.get(column)?.as_str()
    }

    /// After, or before of a row that is gone.
    pub(super) fn text(&self, column: &str) -> Option<&'a str> {
        self.after.or(self.before)?.get(column)?.as_str()
    }

    pub(super) fn was_number(&self, column: &str) -> Option<i64> {
        self.before?.get(column)?.as_i64()
    }

    pub(super) fn is_number(&self, column: &str) -> Option<i64> {
        self.after?.get(column)?.as_i64()
    }

    pub(super) fn is_flag(&self, column: &str) -> Option<bool> {
        self.after?.get(column)?.as_bool()
    }

    pub(super) fn became_true(&self, column: &str) -> bool {
        let was = self.before.and_then(|row| row.get(column)?.as_bool());
        self.is_flag(column) == Some(true) && was != Some(true)
    }

    pub(super) fn became_false(&self, column: &str) -> bool {
        let was = self.before.and_then(|row| row.get(column)?.as_bool());
        self.is_flag(column) == Some(false) && was == Some(true)
    }

    pub(super) fn differs(&self, column: &str) -> bool {
        let of = |row: Option<&'a Row>| row.and_then(|row| row.get(column)).unwrap_or(&Value::Null);
        of(self.before) != of(self.after)
    }
}

/// What a row says of a text that is kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextState {
    /// There is none.
    None,
    /// Its hash.
    Hash(String),
    /// Not seen: the state, and what would settle it.
    Hidden(String, Vec<String>),
}

impl TextState {
    /// Of the column of a row.
    pub fn of(compared: &Compared, row: &Row) -> Self {
        let Some(value) = compared.text.and_then(|column| row.get(column)) else {
            return Self::None;
        };
        let inner = match value.get("state").and_then(Value::as_str) {
            Some("known") => value.get("value").unwrap_or(&Value::Null),
            Some(state) => return Self::Hidden(state.to_owned(), needs(value)),
            None => value,
        };
        match inner {
            Value::String(hash) => Self::Hash(hash.clone()),
            Value::Object(hash) => match hash.get("sha256").and_then(Value::as_str) {
                Some(hash) => Self::Hash(hash.to_owned()),
                None => Self::None,
            },
            _ => Self::None,
        }
    }
}

fn needs(observed: &Value) -> Vec<String> {
    let list = observed.get("needs").and_then(Value::as_array);
    let why = observed
        .get("why")
        .or_else(|| observed.pointer("/error/text"));
    let texts = list.into_iter().flatten().chain(why);
    texts
        .filter_map(|text| Some(text.as_str()?.to_owned()))
        .collect()
}

/// The rows of a fact at one place of one side.
pub struct Rows<'a> {
    /// How they are compared.
    pub compared: &'a Compared,
    /// The side.
    pub snapshot: &'a Snapshot,
    /// The database by its place in the snapshot.
    pub database: Option<u32>,
    /// How many there are.
    pub count: u32,
}

/// A row as it is paired.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// What names it.
    key: Box<str>,
    /// The rest of it.
    content: [u8; 32],
    /// What cannot be told to be unchanged by its content.
    is_hidden: bool,
    /// An id that names nothing that was seen is in the key.
    is_nameless: bool,
    row: u32,
}

impl Rows<'_> {
    /// A row with names; `None` where it is no row.
    pub fn row(&self, names: &mut Names<'_>, at: u32) -> Option<Row> {
        self.named(names, at).map(|(row, _)| row)
    }

    fn raw(&self, at: u32) -> Option<Row> {
        match self.compared.fact.row(self.snapshot, self.database, at) {
            Value::Object(row) => Some(row),
            _ => None,
        }
    }

    fn named(&self, names: &mut Names<'_>, at: u32) -> Option<(Row, bool)> {
        let mut row = self.raw(at)?;
        let mut is_nameless = false;
        for (column, of) in self.compared.references {
            let Some(id) = row.get(*column) else { continue };
            let (name, is_known) = names.resolve(*of, id, &row);
            is_nameless |= !is_known && self.compared.identity.contains(column);
            row.insert((*column).to_owned(), name);
        }
        // Made anew at every start of the server.
        if self.compared.fact == Fact::Databases
            && row.get("name").and_then(Value::as_str) == Some("tempdb")
        {
            row.remove("create_date");
        }
        Some((row, is_nameless))
    }

    fn key(&self, row: &Row) -> Box<str> {
        let values = self
            .compared
            .identity
            .iter()
            .map(|column| row.get(*column).unwrap_or(&Value::Null));
        let values: Vec<&Value> = values.collect();
        serde_json::to_string(&values).unwrap_or_default().into()
    }

    fn entries(&self, names: &mut Names<'_>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = (0..self.count)
            .filter_map(|at| {
                let (mut row, is_nameless) = self.named(names, at)?;
                let key = self.key(&row);
                let is_hidden = matches!(TextState::of(self.compared, &row), TextState::Hidden(..));
                row.retain(|column, _| !self.compared.silent.contains(&column.as_str()));
                let bytes = serde_json::to_vec(&row).unwrap_or_default();
                let content = Sha256::digest(&bytes).into();
                Some(Entry {
                    key,
                    content,
                    is_hidden,
                    is_nameless,
                    row: at,
                })
            })
            .collect();
        entries.sort_unstable();
        entries
    }
}

/// A row of either side, or of both, that is to be looked at. Rows that are the same on both sides are none, unless they
/// hold something that was not seen.
pub type Pair = (Option<u32>, Option<u32>);

/// Pairs rows by what names them. Rows of one name are paired by their content first, then in order of it.
pub fn pair(
    before: &Rows<'_>,
    after: &Rows<'_>,
    (old_names, new_names): (&mut Names<'_>, &mut Names<'_>),
) -> Vec<Pair> {
    let (old, new) = (before.entries(old_names), after.entries(new_names));
    let (mut pairs, mut gone, mut came) = (Vec::new(), Vec::new(), Vec::new());
    let (mut old, mut new) = (
        old.chunk_by(same_key).peekable(),
        new.chunk_by(same_key).peekable(),
    );
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(one), Some(other)) => one
                .first()
                .map(|e| &e.key)
                .cmp(&other.first().map(|e| &e.key)),
        };
        let one = if order.is_le() {
            old.next().unwrap_or_default()
        } else {
            &[]
        };
        let other = if order.is_ge() {
            new.next().unwrap_or_default()
        } else {
            &[]
        };
        within(one, other, &mut pairs, &mut gone, &mut came);
    }
    by_id(before, after, &mut pairs, &mut gone, &mut came);
    pairs.extend(gone.into_iter().map(|entry| (Some(entry.row), None)));
    pairs.extend(came.into_iter().map(|entry| (None, Some(entry.row))));
    pairs
}

fn same_key(one: &Entry, other: &Entry) -> bool {
    one.key == other.key
}

/// Rows of one name.
fn within<'e>(
    old: &'e [Entry],
    new: &'e [Entry],
    pairs: &mut Vec<Pair>,
    gone: &mut Vec<&'e Entry>,
    came: &mut Vec<&'e Entry>,
) {
    let (mut left, mut right): (Vec<&Entry>, Vec<&Entry>) = (Vec::new(), Vec::new());
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    // Both are in order of their content.
    loop {
        match (old.peek(), new.peek()) {
            (Some(one), Some(other)) if one.content == other.content => {
                if one.is_hidden {
                    pairs.push((Some(one.row), Some(other.row)));
                }
                old.next();
                new.next();
            }
            (Some(one), Some(other)) if one.content > other.content => right.extend(new.next()),
            (Some(_), _) => left.extend(old.next()),
            (None, Some(_)) => right.extend(new.next()),
            (None, None) => break,
        }
    }
    let both = left.len().min(right.len());
    pairs.extend(
        left.drain(..both)
            .zip(right.drain(..both))
            .map(|(one, other)| (Some(one.row), Some(other.row))),
    );
    gone.extend(left);
    came.extend(right);
}

/// Rows of which a name was not seen on a side are paired by the ids themselves.
fn by_id(
    before: &Rows<'_>,
    after: &Rows<'_>,
    pairs: &mut Vec<Pair>,
    gone: &mut Vec<&Entry>,
    came: &mut Vec<&Entry>,
) {
    if !gone
        .iter()
        .chain(came.iter())
        .any(|entry| entry.is_nameless)
    {
        return;
    }
    let keyed = |rows: &Rows<'_>, entry: &Entry| rows.raw(entry.row).map(|row| rows.key(&row));
    let mut by_key: std::collections::BTreeMap<Box<str>, usize> = std::collections::BTreeMap::new();
    for (at, entry) in came.iter().enumerate() {
        if let Some(key) = keyed(after, entry) {
            by_key.entry(key).or_insert(at);
        }
    }
    let mut taken = std::collections::BTreeSet::new();
    gone.retain(|entry| {
        let Some(key) = keyed(before, entry) else {
            return true;
        };
        let Some((at, other)) = by_key.get(&key).and_then(|at| Some((*at, came.get(*at)?))) else {
            return true;
        };
        if !entry.is_nameless && !other.is_nameless {
            return true;
        }
        by_key.remove(&key);
        pairs.push((Some(entry.row), Some(other.row)));
        taken.insert(at);
        false
    });
    let mut at = 0;
    came.retain(|_| {
        at += 1;
        !taken.contains(&(at - 1))
    });
}
