//! A change record, written before a change: what is planned, where, and when. Afterwards everything planned must have
//! happened, and nothing else.

use std::str::FromStr;

use glob::{MatchOptions, Pattern};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::entry::{Change, ChangeKind, Diff, InstanceDiff, Pairing};
use crate::ids::DatabaseName;
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
    /// What becomes of it; absent: anything.
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
    /// Changes that nobody planned: they carry `planned: false`.
    pub unplanned: u32,
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
    /// None is, and not everything was seen where it could be.
    NotSeen,
}

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
        if record.schema != CHANGE_SCHEMA {
            return Err(ChangeRecordError::Schema(record.schema));
        }
        let moment = |field, value: &str| {
            Timestamp::from_str(value).map_err(|_| ChangeRecordError::Moment {
                field,
                value: value.to_owned(),
            })
        };
        if moment("until", &record.until)? < moment("from", &record.from)? {
            return Err(ChangeRecordError::Window);
        }
        if record.planned.is_empty() {
            return Err(ChangeRecordError::Empty);
        }
        record.patterns()?;
        Ok(record)
    }

    fn patterns(&self) -> Result<Vec<Patterns<'_>>, ChangeRecordError> {
        let each = self.planned.iter().map(|planned| {
            if Fact::named(&planned.fact).is_none() {
                return Err(ChangeRecordError::Fact(planned.fact.clone()));
            }
            Ok(Patterns {
                planned,
                instance: planned.instance.as_deref().map(pattern).transpose()?,
                database: planned.database.as_deref().map(pattern).transpose()?,
                name: pattern(&planned.name)?,
            })
        });
        each.collect()
    }
}

fn fits(pattern: Option<&Pattern>, text: Option<&str>) -> bool {
    pattern.is_none_or(|pattern| pattern.matches_with(text.unwrap_or_default(), AS_WRITTEN))
}

impl Patterns<'_> {
    fn is(&self, instance: &InstanceDiff, change: &Change) -> bool {
        let database = change.database.as_ref().map(DatabaseName::as_str);
        self.planned.fact == change.fact
            && fits(self.instance.as_ref(), Some(instance.id.as_str()))
            && fits(self.database.as_ref(), database)
            && self.name.matches_with(&change.name, AS_WRITTEN)
            && self.planned.change.is_none_or(|kind| kind == change.kind)
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
        let patterns = record.patterns()?;
        let mut counts = vec![0_u32; patterns.len()];
        let mut unplanned = 0;
        for instance in &mut self.instances {
            let mut changes = std::mem::take(&mut instance.changes);
            for change in &mut changes {
                let mut is_planned = false;
                for (pattern, count) in patterns.iter().zip(&mut counts) {
                    if pattern.is(instance, change) {
                        (is_planned, *count) = (true, count.saturating_add(1));
                    }
                }
                change.planned = Some(is_planned);
                unplanned += u32::from(!is_planned);
            }
            instance.changes = changes;
        }
        let planned = patterns
            .iter()
            .zip(counts)
            .map(|(pattern, changes)| PlannedOutcome {
                planned: pattern.words(),
                outcome: match changes {
                    0 if self.instances.iter().any(|one| pattern.could_hide(one)) => {
                        Happened::NotSeen
                    }
                    0 => Happened::NotHappened,
                    _ => Happened::Happened,
                },
                changes,
            });
        let planned = planned.collect();
        let remarks = self
            .instances
            .iter()
            .filter_map(|one| around(record, one))
            .collect();
        self.record = Some(RecordOutcome {
            id: record.id.clone(),
            window: [record.from.clone(), record.until.clone()],
            planned,
            unplanned,
            remarks,
        });
        Ok(())
    }
}

/// Where the sides of an instance do not stand around the window.
fn around(record: &ChangeRecord, instance: &InstanceDiff) -> Option<String> {
    let moment = |text: &str| Timestamp::from_str(text).ok();
    let [before, after] = &instance.collected;
    let (from, until) = (moment(&record.from)?, moment(&record.until)?);
    let early = moment(after).is_some_and(|after| after < until);
    let late = moment(before).is_some_and(|before| before > from);
    let what = match (late, early) {
        (true, true) => format!(
            "BEFORE ({before}) is later than the window's begin, and AFTER ({after}) earlier than its end"
        ),
        (true, false) => format!(
            "BEFORE ({before}) is later than the window's begin: what changed earlier in it is not told"
        ),
        (false, true) => format!(
            "AFTER ({after}) is earlier than the window's end: what changes later in it is not told"
        ),
        (false, false) => return None,
    };
    Some(format!("{}: {what}", instance.id))
}

impl RecordOutcome {
    /// Whether everything planned happened, and nothing else.
    pub fn is_kept(&self) -> bool {
        self.unplanned == 0
            && self
                .planned
                .iter()
                .all(|one| one.outcome == Happened::Happened)
    }

    /// Whether it cannot be told of something planned.
    pub fn is_incomplete(&self) -> bool {
        self.planned
            .iter()
            .any(|one| one.outcome == Happened::NotSeen)
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
                "from = \"yesterday\" is no moment",
            ),
            ("T23:00", "T19:00", "ends before it begins"),
            ("\"modules\"", "\"modulse\"", "no fact \"modulse\""),
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
