//! A change record, written before a change: what is planned, where, and when. Afterwards everything planned must have
//! happened, and nothing else.

use std::str::FromStr;

use glob::{MatchOptions, Pattern};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::entry::{ChangeKind, Diff, InstanceDiff, Pairing};
use super::facts::NOT_COMPARED;
use crate::ids::{DatabaseName, InstanceId};
use crate::snapshot::Fact;

/// The first field of a change record.
pub const CHANGE_SCHEMA: &str = "mssql-posture/change/v1";

/// What is planned.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRecord {
    /// `mssql-posture/change/v1`.
    pub schema: String,
    /// The ticket.
    pub id: String,
    /// First moment of the window, UTC: `2026-11-20T20:00:00Z`.
    pub from: String,
    /// Its last.
    pub until: String,
    /// What is to change.
    pub planned: Vec<Planned>,
}

/// One thing, or several of one kind. `*` stands for anything and `?` for one character.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// Targets; absent: any.
    #[serde(default)]
    pub instance: Option<String>,
    /// The fact, which is its query's name: `modules`, `configurations`, …
    pub fact: String,
    /// Databases; absent: any, or none.
    #[serde(default)]
    pub database: Option<String>,
    /// The names that `diff` shows.
    pub name: String,
    /// What becomes of it: `added`, `changed` or `removed`; absent: anything.
    #[serde(default)]
    pub change: Option<ChangeKind>,
}

/// What is wrong with a change record.
#[derive(Debug, thiserror::Error)]
pub enum ChangeRecordError {
    /// No TOML, or not of this form.
    #[error("not a change record: {0}")]
    Toml(#[from] toml::de::Error),
    /// Another version.
    #[error("the first field must be schema = \"{CHANGE_SCHEMA}\", found \"{0}\"")]
    Schema(String),
    /// No moment.
    #[error("{field} = \"{value}\" is no moment: write it as 2026-11-20T20:00:00Z")]
    Moment {
        /// Which.
        field: &'static str,
        /// What stood there.
        value: String,
    },
    /// The window ends before it begins.
    #[error("the window ends before it begins")]
    Window,
    /// There is no such fact.
    #[error("planned: there is no fact \"{0}\"; `queries` lists them")]
    Fact(String),
    /// A fact of which no change is ever told.
    #[error("planned: \"{fact}\" is not compared: {why}")]
    NotCompared {
        /// The fact.
        fact: String,
        /// Why it is not.
        why: &'static str,
    },
    /// What tells of the eyes that looked, and not of what became of a thing.
    #[error("planned: change = \"{0}\" cannot be planned: write added, changed or removed")]
    Kind(String),
    /// Any of these, in a line of the file.
    #[error("line {line}: {what}")]
    At {
        /// From 1.
        line: usize,
        /// What.
        what: Box<Self>,
    },
    /// No pattern.
    #[error("planned: \"{0}\" is no pattern")]
    Pattern(String),
    /// Nothing is planned.
    #[error("nothing is planned")]
    Empty,
}

/// What became of a change record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordOutcome {
    /// The ticket.
    pub id: String,
    /// First and last moment of the window.
    pub window: [String; 2],
    /// What was planned, in the record's order.
    pub planned: Vec<PlannedOutcome>,
    /// Changes that nobody planned: they carry `planned: false`, but for those that are only counted, since many came with
    /// their database.
    pub unplanned: u32,
    /// Whether the two sides of an instance do not stand around the window, so that what changed in it may not be told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncovered: bool,
    /// Where the two sides do not stand around the window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// What became of something planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedOutcome {
    /// In words.
    pub planned: String,
    /// See [`Happened`].
    pub outcome: Happened,
    /// Changes that are it.
    pub changes: u32,
}

/// Whether something planned happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// At least one change is it.
    Happened,
    /// None is, and it was looked for.
    NotHappened,
    /// None is for certain, and not everything was seen where it could be.
    NotSeen,
}

/// A record made ready to be held against rows: an entry for each thing planned.
pub(super) struct Plan<'r>(Vec<Patterns<'r>>);

struct Patterns<'r> {
    planned: &'r Planned,
    instance: Option<Pattern>,
    database: Option<Pattern>,
    name: Pattern,
}

const AS_WRITTEN: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: false,
    require_literal_leading_dot: false,
};

/// Only `*` and `?` are special: names have brackets of their own.
pub(in crate::drift) fn pattern(text: &str) -> Result<Pattern, ChangeRecordError> {
    let mut literal = String::new();
    for c in text.chars() {
        match c {
            '[' => literal.push_str("[[]"),
            ']' => literal.push_str("[]]"),
            // Several stars in a row are one.
            '*' if literal.ends_with('*') => {}
            c => literal.push(c),
        }
    }
    Pattern::new(&literal).map_err(|_| ChangeRecordError::Pattern(text.to_owned()))
}

impl ChangeRecord {
    /// Reads a change record.
    ///
    /// # Errors
    /// See [`ChangeRecordError`].
    pub fn parse(text: &str) -> Result<Self, ChangeRecordError> {
        let record: Self = toml::from_str(text)?;
        let places: Places = toml::from_str(text)?;
        let at = |span: std::ops::Range<usize>, what: ChangeRecordError| {
            let before = text.get(..span.start).unwrap_or_default();
            ChangeRecordError::At {
                line: before.matches('\n').count() + 1,
                what: Box::new(what),
            }
        };
        if record.schema != CHANGE_SCHEMA {
            return Err(ChangeRecordError::Schema(record.schema));
        }
        let moment = |field, value: &Spanned<String>| {
            Timestamp::from_str(value.get_ref()).map_err(|_| {
                let value_of = value.get_ref().clone();
                let what = ChangeRecordError::Moment {
                    field,
                    value: value_of,
                };
                at(value.span(), what)
            })
        };
        if moment("until", &places.until)? < moment("from", &places.from)? {
            return Err(at(places.until.span(), ChangeRecordError::Window));
        }
        if record.planned.is_empty() {
            return Err(ChangeRecordError::Empty);
        }
        for (planned, place) in record.planned.iter().zip(&places.planned) {
            Patterns::of(planned).map_err(|what| at(place.fact.span(), what))?;
        }
        Ok(record)
    }

    pub(super) fn plan(&self) -> Result<Plan<'_>, ChangeRecordError> {
        let each = self.planned.iter().map(Patterns::of);
        Ok(Plan(each.collect::<Result<_, _>>()?))
    }
}

/// Where in the file the values stand that may be wrong.
#[derive(Deserialize)]
struct Places {
    from: Spanned<String>,
    until: Spanned<String>,
    planned: Vec<PlannedPlace>,
}

#[derive(Deserialize)]
struct PlannedPlace {
    fact: Spanned<String>,
}

/// A row that is held to a record.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) instance: &'a InstanceId,
    pub(super) fact: &'a str,
    pub(super) database: Option<&'a DatabaseName>,
    pub(super) name: &'a str,
    pub(super) kind: ChangeKind,
}

/// Whether a row is something planned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Not,
    /// Not all was seen: it may have been there before, or be there still.
    Perhaps,
    Whole,
}

/// How many rows are something planned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fitting {
    surely: u32,
    perhaps: u32,
}

/// What was held to a record and is not listed among the changes: rows that came or went with what they belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// For each thing planned, in the record's order.
    planned: Vec<Fitting>,
    /// Rows that nothing planned is, and that do not follow from their database's coming alone.
    unplanned: u32,
}

impl Folded {
    /// Holds a row to the plan, if there is one; `follows` is one that comes with its owner.
    pub(super) fn enter(&mut self, plan: Option<&Plan<'_>>, row: Row<'_>, follows: bool) {
        let is_planned = plan.is_some_and(|plan| plan.count(row, &mut self.planned));
        if !is_planned && !follows {
            self.unplanned = self.unplanned.saturating_add(1);
        }
    }

    pub(super) fn append(&mut self, other: &Self) {
        self.unplanned = self.unplanned.saturating_add(other.unplanned);
        add(&mut self.planned, &other.planned);
    }
}

fn add(all: &mut Vec<Fitting>, more: &[Fitting]) {
    all.resize(all.len().max(more.len()), Fitting::default());
    for (own, more) in all.iter_mut().zip(more) {
        own.surely = own.surely.saturating_add(more.surely);
        own.perhaps = own.perhaps.saturating_add(more.perhaps);
    }
}

impl Plan<'_> {
    /// Counts a row with everything planned that it is; says whether it is any.
    fn count(&self, row: Row<'_>, counts: &mut Vec<Fitting>) -> bool {
        counts.resize(self.0.len(), Fitting::default());
        let mut is_planned = false;
        for (pattern, count) in self.0.iter().zip(counts) {
            let number = match pattern.fit(row) {
                Fit::Not => continue,
                Fit::Perhaps => &mut count.perhaps,
                Fit::Whole => &mut count.surely,
            };
            *number = number.saturating_add(1);
            is_planned = true;
        }
        is_planned
    }
}

fn fits(pattern: Option<&Pattern>, text: Option<&str>) -> bool {
    pattern.is_none_or(|pattern| pattern.matches_with(text.unwrap_or_default(), AS_WRITTEN))
}

impl<'r> Patterns<'r> {
    fn of(planned: &'r Planned) -> Result<Self, ChangeRecordError> {
        let Some(fact) = Fact::named(&planned.fact) else {
            return Err(ChangeRecordError::Fact(planned.fact.clone()));
        };
        if let Some((_, why)) = NOT_COMPARED.iter().find(|(own, _)| *own == fact) {
            let fact = planned.fact.clone();
            return Err(ChangeRecordError::NotCompared { fact, why });
        }
        if let Some(kind) = planned.change.filter(|kind| Self::sure(*kind) != *kind) {
            return Err(ChangeRecordError::Kind(kind.words().replace(' ', "_")));
        }
        Ok(Self {
            planned,
            instance: planned.instance.as_deref().map(pattern).transpose()?,
            database: planned.database.as_deref().map(pattern).transpose()?,
            name: pattern(&planned.name)?,
        })
    }

    /// What became of a row, were all seen.
    fn sure(kind: ChangeKind) -> ChangeKind {
        match kind {
            ChangeKind::NewOrNewlySeen => ChangeKind::Added,
            ChangeKind::NotSeenAfter => ChangeKind::Removed,
            kind => kind,
        }
    }

    fn fit(&self, row: Row<'_>) -> Fit {
        let sure = Self::sure(row.kind);
        let is_it = self.planned.fact == row.fact
            && fits(self.instance.as_ref(), Some(row.instance.as_str()))
            && fits(
                self.database.as_ref(),
                row.database.map(DatabaseName::as_str),
            )
            && self.name.matches_with(row.name, AS_WRITTEN)
            && self.planned.change.is_none_or(|kind| kind == sure);
        match is_it {
            false => Fit::Not,
            true if sure == row.kind => Fit::Whole,
            true => Fit::Perhaps,
        }
    }

    /// Whether it could have happened where nobody saw.
    fn could_hide(&self, instance: &InstanceDiff) -> bool {
        if !fits(self.instance.as_ref(), Some(instance.id.as_str())) {
            return false;
        }
        let unseen = instance.not_comparable.iter().any(|unseen| {
            let database = unseen.database.as_ref().map(DatabaseName::as_str);
            unseen.facts.contains(&self.planned.fact) && fits(self.database.as_ref(), database)
        });
        unseen
            || matches!(
                instance.pairing,
                Pairing::OnlyBefore | Pairing::OnlyAfter | Pairing::NotSelected
            )
    }

    fn words(&self) -> String {
        let Planned {
            instance,
            fact,
            database,
            name,
            change,
        } = self.planned;
        let kind = change.map_or("any change", ChangeKind::words);
        let of = |what, value: &Option<String>| {
            value
                .as_ref()
                .map_or_else(String::new, |v| format!(" {what} {v}"))
        };
        format!(
            "{fact} {name}{}{}: {kind}",
            of("in", database),
            of("on", instance)
        )
    }
}

impl Diff {
    /// Holds what changed to what was planned.
    ///
    /// # Errors
    /// A pattern of the record is none; one that [`ChangeRecord::parse`] read has none of these.
    pub fn hold_to(&mut self, record: &ChangeRecord) -> Result<(), ChangeRecordError> {
        let plan = record.plan()?;
        let mut counts = vec![Fitting::default(); plan.0.len()];
        let mut unplanned: u32 = 0;
        for instance in &mut self.instances {
            for change in &mut instance.changes {
                let row = Row {
                    instance: &instance.id,
                    fact: &change.fact,
                    database: change.database.as_ref(),
                    name: &change.name,
                    kind: change.kind,
                };
                let is_planned = plan.count(row, &mut counts);
                change.planned = Some(is_planned);
                unplanned = unplanned.saturating_add(u32::from(!is_planned));
            }
            add(&mut counts, &instance.folded.planned);
            unplanned = unplanned.saturating_add(instance.folded.unplanned);
        }
        let planned = plan.0.iter().zip(counts).map(|(pattern, count)| {
            let hides = |one: &InstanceDiff| pattern.could_hide(one);
            let outcome = match count {
                Fitting { surely: 1.., .. } => Happened::Happened,
                Fitting { perhaps: 1.., .. } => Happened::NotSeen,
                _ if self.instances.iter().any(hides) => Happened::NotSeen,
                _ => Happened::NotHappened,
            };
            PlannedOutcome {
                planned: pattern.words(),
                outcome,
                changes: count.surely,
            }
        });
        let planned = planned.collect();
        let remarks = self.instances.iter().filter_map(|one| around(record, one));
        let remarks: Vec<String> = remarks.collect();
        self.record = Some(RecordOutcome {
            id: record.id.clone(),
            window: [record.from.clone(), record.until.clone()],
            planned,
            unplanned,
            uncovered: !remarks.is_empty(),
            remarks,
        });
        Ok(())
    }
}

/// Where the sides of an instance do not stand around the window.
fn around(record: &ChangeRecord, instance: &InstanceDiff) -> Option<String> {
    if instance.pairing != Pairing::Compared {
        return None;
    }
    let moment = |text: &str| Timestamp::from_str(text).ok();
    // AFTER saw nothing of what came after its first moment for certain.
    let (before, after) = (&instance.collected[0], &instance.after_began);
    let (from, until) = (moment(&record.from)?, moment(&record.until)?);
    let (Some(was), Some(is)) = (moment(before), moment(after)) else {
        let what = "when BEFORE and AFTER were collected cannot be read, so that they may not stand around the window";
        return Some(format!("{}: {what}", instance.id));
    };
    let what = match (was > from, is < until) {
        (true, true) => format!(
            "BEFORE ({before}) is later than the window's begin, and AFTER ({after}) begins before its end"
        ),
        (true, false) => format!(
            "BEFORE ({before}) is later than the window's begin: what changed earlier in it is not told"
        ),
        (false, true) => format!(
            "AFTER ({after}) begins before the window's end: what changes later in it is not told"
        ),
        (false, false) => return None,
    };
    Some(format!("{}: {what}", instance.id))
}

impl RecordOutcome {
    /// Whether everything planned happened, and nothing else, in all of the window.
    pub fn is_kept(&self) -> bool {
        self.unplanned == 0
            && !self.uncovered
            && self
                .planned
                .iter()
                .all(|one| one.outcome == Happened::Happened)
    }

    /// Whether it is broken, whatever was not seen.
    pub fn is_broken(&self) -> bool {
        let mut planned = self.planned.iter();
        self.unplanned > 0 || planned.any(|one| one.outcome == Happened::NotHappened)
    }

    /// Whether it cannot be told of something planned, or of all of the window.
    pub fn is_incomplete(&self) -> bool {
        let mut planned = self.planned.iter();
        self.uncovered || planned.any(|one| one.outcome == Happened::NotSeen)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const RECORD: &str = "schema = \"mssql-posture/change/v1\"\nid = \"CHG-1\"\nfrom = \"2026-11-20T20:00:00Z\"\nuntil = \"2026-11-20T23:00:00Z\"\n";

    #[test]
    fn mistakes_are_said() {
        let planned = "[[planned]]\nfact = \"modules\"\nname = \"dbo.*\"\n";
        let whole = format!("{RECORD}{planned}");
        assert!(ChangeRecord::parse(&whole).is_ok());
        for (from, to, due) in [
            ("change/v1", "change/v9", "the first field"),
            (
                "2026-11-20T20:00:00Z",
                "yesterday",
                "line 3: from = \"yesterday\" is no moment",
            ),
            ("T23:00", "T19:00", "ends before it begins"),
            (
                "\"modules\"",
                "\"modulse\"",
                "line 6: planned: there is no fact \"modulse\"",
            ),
            (
                "\"modules\"",
                "\"connections\"",
                "line 6: planned: \"connections\" is not compared: connections of one moment",
            ),
            (
                "name =",
                "change = \"not_seen_after\"\nname =",
                "change = \"not_seen_after\" cannot be planned",
            ),
            ("name =", "named =", "unknown field"),
            (planned, "planned = []\n", "nothing is planned"),
        ] {
            let error = ChangeRecord::parse(&whole.replace(from, to))
                .unwrap_err()
                .to_string();
            assert!(error.contains(due), "{error}");
        }
    }

    #[test]
    fn brackets_of_names_are_no_classes() {
        let matches =
            |text: &str, name: &str| pattern(text).unwrap().matches_with(name, AS_WRITTEN);
        assert!(matches("dbo.**", "dbo.p") && !matches("dbo.*", "DBO.p"));
        assert!(matches("[a.b].*", "[a.b].c") && !matches("[a.b].*", "a.c"));
        assert!(matches("dbo.usp_?", "dbo.usp_1") && !matches("dbo.usp_?", "dbo.usp_10"));
    }
}
