//! One fact at one place: at server scope, or in a database.

use std::collections::BTreeMap;

use serde_json::Value;

use super::code::{self, Budget, Language, Text};
use super::entry::{Change, ChangeKind, ColumnChange, NotComparable};
use super::facts::Compared;
use super::instance::Side;
use super::names::{Names, stated};
use super::owner::{Model, Owner};
use super::record::{Folded, Plan, Row as Held};
use super::rows::{self, Row, RowChange, Rows, TextState};
use super::severity::WITH_ITS_OWNER;
use crate::ids::{DatabaseName, InstanceId};
use crate::rules::Severity;
use crate::snapshot::{Fact, Seen};
use crate::tsql::mask_secrets;

/// Rows that are named of those that cannot be compared.
const MOST_NAMED: usize = 20;

/// How a fact stands on one side.
#[derive(Clone)]
pub struct Stand {
    /// See [`Seen`].
    pub seen: Seen,
    /// The database by its place; `None` at server scope, and where the side has no such database.
    pub database: Option<u32>,
}

/// A place, with what was found there.
pub struct Place<'p, 'a> {
    pub(super) before: &'p Side<'a>,
    pub(super) after: &'p Side<'a>,
    pub(super) names: (Names<'a>, Names<'a>),
    pub(super) database: Option<DatabaseName>,
    pub(super) instance: &'p InstanceId,
    /// What the changes will be held to.
    pub(super) plan: Option<&'p Plan<'p>>,
    /// Whether the database itself came or went.
    pub(super) is_with_database: bool,
    /// What comes with every database.
    pub(super) model: Model<'a>,
    pub(super) changes: Vec<Change>,
    pub(super) with_owner: u32,
    pub(super) folded: Folded,
    /// By states and needs, so that facts with one reason stand together.
    pub(super) unseen: BTreeMap<([String; 2], Vec<String>, bool), Vec<String>>,
    pub(super) hidden: BTreeMap<(String, [String; 2], Vec<String>), Vec<String>>,
}

fn can_be_read(state: &str) -> bool {
    matches!(state, "known" | "partial")
}

impl Place<'_, '_> {
    /// Compares one fact.
    pub fn compare(&mut self, compared: &Compared, stands: (Stand, Stand), budget: &mut Budget) {
        let (before, after) = stands;
        let (old, new) = (before.seen.state, after.seen.state);
        if old == "unsupported" && new == "unsupported" {
            return;
        }
        if old != "known" || new != "known" {
            let mut needs = before.seen.needs.clone();
            needs.extend(after.seen.needs.iter().cloned());
            needs.sort();
            needs.dedup();
            let has_none = |state: &str, other: &str| state == "unsupported" && other == "known";
            let is_settled = has_none(old, new)
                || has_none(new, old)
                || Fact::BEYOND_LEAST.contains(&compared.fact);
            let key = ([old.to_owned(), new.to_owned()], needs, !is_settled);
            self.unseen
                .entry(key)
                .or_default()
                .push(compared.fact.name().to_owned());
        }
        if !can_be_read(old) || !can_be_read(new) {
            return;
        }
        let rows = |stand: &Stand| u32::try_from(stand.seen.rows).unwrap_or(u32::MAX);
        let old_rows = Rows {
            compared,
            snapshot: self.before.snapshot,
            database: before.database,
            count: rows(&before),
        };
        let new_rows = Rows {
            snapshot: self.after.snapshot,
            database: after.database,
            count: rows(&after),
            ..old_rows
        };
        let pairs = rows::pair(&old_rows, &new_rows, (&mut self.names.0, &mut self.names.1));
        for (one, other) in pairs {
            let one = one.and_then(|at| old_rows.row(&mut self.names.0, at));
            let other = other.and_then(|at| new_rows.row(&mut self.names.1, at));
            let is_partial = (old == "partial", new == "partial");
            self.enter(compared, (one.as_ref(), other.as_ref()), is_partial, budget);
        }
    }

    fn enter(
        &mut self,
        compared: &Compared,
        (one, other): (Option<&Row>, Option<&Row>),
        (was_partial, is_partial): (bool, bool),
        budget: &mut Budget,
    ) {
        let (kind, by_default) = match (one, other) {
            (None, Some(_)) if was_partial => (ChangeKind::NewOrNewlySeen, compared.severity[0]),
            (None, Some(_)) => (ChangeKind::Added, compared.severity[0]),
            (Some(_), None) if is_partial => (ChangeKind::NotSeenAfter, Severity::Info),
            (Some(_), None) => (ChangeKind::Removed, compared.severity[1]),
            _ => (ChangeKind::Changed, compared.severity[2]),
        };
        let row = RowChange {
            before: one,
            after: other,
        };
        let Some(named) = other.or(one) else { return };
        let name = mask_secrets(&name(compared, named)).into_owned();
        let columns = columns(compared, &row);
        let (text, by_text) = self.text(compared, &row, &name, budget);
        if kind == ChangeKind::Changed && text.is_none() && columns.is_empty() {
            return;
        }
        let judged = compared.judge.and_then(|judge| judge(&row));
        let by_columns = if columns.is_empty() {
            None
        } else {
            Some(judged.unwrap_or(by_default))
        };
        let severity = match kind {
            ChangeKind::NotSeenAfter => Severity::Info,
            // A text that changed its looks alone is no change of the row.
            ChangeKind::Changed => by_columns.max(by_text).unwrap_or(by_default),
            _ => judged
                .unwrap_or(by_default)
                .max(by_text.unwrap_or(Severity::Info)),
        };
        if severity <= WITH_ITS_OWNER
            && kind != ChangeKind::Changed
            && self.is_folded(compared, &row, &name, kind)
        {
            return;
        }
        self.changes.push(Change {
            fact: compared.fact.name().to_owned(),
            noun: compared.noun.to_owned(),
            database: self.database.clone(),
            name,
            kind,
            severity,
            planned: None,
            columns,
            text,
            attribution: None,
            identity: identity(compared, named),
        });
    }

    /// Whether a row is only counted, since it came or went with what it belongs to; it is held to the record all the same.
    fn is_folded(
        &mut self,
        compared: &Compared,
        row: &RowChange<'_>,
        name: &str,
        kind: ChangeKind,
    ) -> bool {
        let Some(owner) = self.owner(compared, row) else {
            return false;
        };
        let follows = !(owner == Owner::Database && self.model.tells(compared, row));
        if !follows && self.model.has_room(compared.fact) {
            return false;
        }
        self.with_owner += 1;
        let held = Held {
            instance: self.instance,
            fact: compared.fact.name(),
            database: self.database.as_ref(),
            name,
            kind,
        };
        self.folded.enter(self.plan, held, follows);
        true
    }

    /// What the row belongs to, if that came or went too.
    fn owner(&mut self, compared: &Compared, row: &RowChange<'_>) -> Option<Owner> {
        if self.is_with_database {
            return Some(Owner::Database);
        }
        let column = compared.owner?;
        let (_, of) = compared.references.iter().find(|(own, _)| *own == column)?;
        let owner = row.text(column)?;
        let other_side = if row.is_added() {
            &mut self.names.0
        } else {
            &mut self.names.1
        };
        (!other_side.has(*of, owner)).then_some(Owner::Other)
    }

    /// What became of the row's text; texts that were not seen are noted.
    fn text(
        &mut self,
        compared: &Compared,
        row: &RowChange<'_>,
        name: &str,
        budget: &mut Budget,
    ) -> (Option<super::TextChange>, Option<Severity>) {
        if compared.text.is_none() {
            return (None, None);
        }
        // A hash that is no text's: a file's.
        let is_code = compared.fact != Fact::AssemblyFiles;
        let language = |row: &Row| language(compared.fact, row);
        let text = |row: &Row, texts| Text {
            state: TextState::of(compared, row),
            texts,
            language: language(row),
        };
        let old = row.before.map(|row| text(row, self.before.texts));
        let new = row.after.map(|row| text(row, self.after.texts));
        match (old, new) {
            (Some(old), Some(new)) => {
                self.note_hidden(compared, name, (&old.state, &new.state));
                match code::compare(&old, &new, budget) {
                    Some((change, severity)) => {
                        let severity = if is_code {
                            severity
                        } else {
                            compared.severity[2]
                        };
                        (is_code.then_some(change), Some(severity))
                    }
                    None => (None, None),
                }
            }
            (Some(_), None) | (None, Some(_)) if !is_code => (None, None),
            (Some(one), None) => split(code::of_one_side(&one, false, budget)),
            (None, Some(one)) => split(code::of_one_side(&one, true, budget)),
            (None, None) => (None, None),
        }
    }

    fn note_hidden(&mut self, compared: &Compared, name: &str, states: (&TextState, &TextState)) {
        let word = |state: &TextState| match state {
            TextState::Hidden(state, _) => state.clone(),
            _ => "known".to_owned(),
        };
        let mut needs = Vec::new();
        for state in [states.0, states.1] {
            if let TextState::Hidden(_, more) = state {
                needs.extend(more.iter().cloned());
            }
        }
        if matches!(
            states,
            (TextState::Hidden(..), _) | (_, TextState::Hidden(..))
        ) {
            needs.sort();
            needs.dedup();
            let key = (
                compared.fact.name().to_owned(),
                [word(states.0), word(states.1)],
                needs,
            );
            self.hidden.entry(key).or_default().push(name.to_owned());
        }
    }

    /// What cannot be compared.
    pub fn not_comparable(&mut self) -> Vec<NotComparable> {
        let database = self.database.clone();
        let unseen = std::mem::take(&mut self.unseen).into_iter();
        let facts = unseen.map(|((states, needs, incomplete), facts)| NotComparable {
            database: database.clone(),
            states,
            needs,
            facts,
            rows: Vec::new(),
            row_count: 0,
            incomplete,
        });
        let hidden = std::mem::take(&mut self.hidden).into_iter();
        let rows = hidden.map(|((fact, states, needs), mut rows)| {
            rows.sort();
            let row_count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            rows.truncate(MOST_NAMED);
            NotComparable {
                database: database.clone(),
                states,
                needs,
                facts: vec![fact],
                rows,
                row_count,
                incomplete: true,
            }
        });
        facts.chain(rows).collect()
    }
}

fn split(
    of: Option<(super::TextChange, Option<Severity>)>,
) -> (Option<super::TextChange>, Option<Severity>) {
    of.map_or((None, None), |(change, severity)| (Some(change), severity))
}

fn language(fact: Fact, row: &Row) -> Language {
    match fact {
        Fact::JobSteps => {
            let subsystem = row
                .get("subsystem")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if subsystem.eq_ignore_ascii_case("TSQL") {
                Language::JobStep
            } else {
                Language::Other
            }
        }
        Fact::PolicyConditions | Fact::AssemblyFiles => Language::Other,
        _ => Language::Module(
            row.get("uses_quoted_identifier")
                .and_then(Value::as_bool)
                .unwrap_or(true),
        ),
    }
}

/// What names the row, a permission's own name among it.
fn identity(compared: &Compared, row: &Row) -> BTreeMap<&'static str, String> {
    let permission = row
        .contains_key("permission_name")
        .then_some("permission_name");
    let columns = compared.identity.iter().copied().chain(permission);
    columns
        .map(|column| (column, worded(row, column)))
        .collect()
}

/// A row's name in words.
fn name(compared: &Compared, row: &Row) -> String {
    if compared.words.is_empty() {
        let values = compared.identity.iter().map(|column| worded(row, column));
        return values.collect::<Vec<_>>().join(" ");
    }
    let mut name = String::new();
    let mut rest = compared.words;
    while let Some((before, after)) = rest.split_once('{') {
        let (column, after) = after.split_once('}').unwrap_or((after, ""));
        name += before;
        name += &worded(row, column);
        rest = after;
    }
    name + rest
}

/// A column's value in a name: a permission stands with what its row says of it, being granted aside.
fn worded(row: &Row, column: &str) -> String {
    let own = shown(row.get(column));
    if column == "permission_name" {
        return stated(&own, row.get("state").and_then(Value::as_str));
    }
    own
}

/// A value in a name.
fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "(all)".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(of)) => match (of.get("is").and_then(Value::as_str), of.get("id")) {
            (Some(special), _) => special.to_owned(),
            (None, Some(id)) => format!("#{id}"),
            (None, None) => String::new(),
        },
        Some(other) => other.to_string(),
    }
}

/// The columns that differ, or that hold something, but those that name the row, say nothing, or name a text.
fn columns(compared: &Compared, row: &RowChange<'_>) -> Vec<ColumnChange> {
    let is_text =
        |column: &str| compared.text == Some(column) && compared.fact != Fact::AssemblyFiles;
    let all = row
        .before
        .into_iter()
        .chain(row.after)
        .flat_map(|row| row.keys());
    let all: std::collections::BTreeSet<&String> = all.collect();
    let told = all.into_iter().filter(|column| {
        let column = column.as_str();
        !compared.silent.contains(&column)
            && !compared.identity.contains(&column)
            && !is_text(column)
            && row.differs(column)
    });
    let of =
        |row: Option<&Row>, column: &str| Some(masked(row?.get(column).unwrap_or(&Value::Null)));
    let columns = told.map(|column| ColumnChange {
        before: of(row.before, column),
        after: of(row.after, column),
        column: column.clone(),
    });
    columns.collect()
}

/// A value without the secrets that its text holds.
fn masked(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask_secrets(text).into_owned()),
        other => other.clone(),
    }
}
