//! What the catalogs of both sides say of what changed: which objects have a name, when a row was last changed, which code
//! stands there. Looked up for each change, so that it is indexed once.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use rustc_hash::FxHashMap;

use super::deed::Class;
use super::entry::{Blind, BlindSpot};
use super::join::Witnessed;
use super::wanted::{Sides, Wanted};
use crate::ids::named;
use crate::inventory::Site;
use crate::snapshot::{
    DatabaseFacts, DatabaseRow, EventSource, Module, ModuleTexts, Snapshot, TextHash,
};

/// How far apart the moments of an event and of the row that it changed may be: a statement is recorded before it runs.
const APART: SignedDuration = SignedDuration::from_mins(1);

/// An object, or a trigger of the database itself.
pub struct Row<'a> {
    /// Its id.
    pub id: i32,
    /// Its own name.
    pub name: &'a str,
    /// Its schema's; none of a trigger of the database.
    pub schema: Option<&'a str>,
    /// Its type.
    pub kind: &'a str,
    modified: Option<&'a str>,
}

type Rows<'a> = FxHashMap<(&'a str, String), Vec<Row<'a>>>;

/// Both catalogs.
pub struct Catalog<'a> {
    /// Both sides.
    pub sides: Sides<'a>,
    rows: [Rows<'a>; 2],
    modules: FxHashMap<(&'a str, i32), &'a Module>,
    texts: &'a ModuleTexts,
}

/// When a row was last changed, as the catalog has it, and what is told of that.
#[derive(Default)]
pub struct Dates {
    modified: Option<String>,
    /// A sentence each.
    pub told: Vec<String>,
}

fn rows<'a>(own: &'a DatabaseFacts, to: &mut Rows<'a>) {
    let schemas = own.schemas.seen().iter();
    let schemas: FxHashMap<i32, &str> = schemas
        .map(|row| (row.schema_id, row.name.as_str()))
        .collect();
    let objects = own.objects.seen().iter().map(|row| Row {
        id: row.object_id,
        name: &row.name,
        schema: schemas.get(&row.schema_id).copied(),
        kind: &row.r#type,
        modified: row.modify_date.as_deref(),
    });
    let of_database = own.triggers.seen().iter();
    let triggers = of_database
        .filter(|row| row.parent_class == 0)
        .map(|row| Row {
            id: row.object_id,
            name: &row.name,
            schema: None,
            kind: &row.r#type,
            modified: row.modify_date.as_deref(),
        });
    for row in objects.chain(triggers) {
        let key = (own.name.as_str(), Sides::key(row.name));
        to.entry(key).or_default().push(row);
    }
}

impl<'a> Catalog<'a> {
    /// Of both sides; the texts are AFTER's.
    pub fn new(sides: Sides<'a>, texts: &'a ModuleTexts) -> Self {
        let of = |snapshot: &'a Snapshot| {
            let mut found = Rows::default();
            for own in &snapshot.databases {
                rows(own, &mut found);
            }
            found
        };
        let after = sides.after.databases.iter();
        let modules = after.flat_map(|own| {
            let modules = own.modules.seen().iter();
            modules.map(|row| ((own.name.as_str(), row.object_id), row))
        });
        Self {
            sides,
            rows: [of(sides.before), of(sides.after)],
            modules: modules.collect(),
            texts,
        }
    }

    /// What has this name in a database, on either side.
    pub fn named<'s>(
        &'s self,
        database: &'s str,
        name: &'s str,
    ) -> impl Iterator<Item = &'s Row<'a>> {
        let key = (database, Sides::key(name));
        let sides = self.rows.iter();
        let found = sides.filter_map(move |rows| rows.get(&key)).flatten();
        found.filter(|row| self.sides.is_same(row.name, name))
    }

    /// The code that a module has after a change.
    pub fn code(&self, wanted: &Wanted) -> Option<&'a str> {
        let module = match wanted.class {
            Class::Object | Class::DatabaseTrigger => {
                let database = wanted.database.as_deref()?;
                let mut own = wanted.ids.iter();
                own.find_map(|id| self.modules.get(&(database, *id)).copied())?
            }
            Class::ServerTrigger => {
                let server = &self.sides.after.server;
                let mut triggers = server.server_triggers.seen().iter();
                let own = triggers.find(|row| row.name == wanted.name)?;
                let mut modules = server.server_modules.seen().iter();
                modules.find(|row| row.object_id == own.object_id)?
            }
            _ => return None,
        };
        self.texts.get(&module.definition.known()?.sha256)
    }

    /// The command that a job's step has after a change: its hash, and itself where it was kept.
    pub fn command(&self, wanted: &Wanted) -> Option<(&'a TextHash, Option<&'a str>)> {
        let server = &self.sides.after.server;
        let mut jobs = server.jobs.seen().iter();
        let job = jobs.find(|row| wanted.other.as_ref() == Some(&row.name))?;
        let mut steps = server.job_steps.seen().iter();
        let step = steps.find(|row| row.job_id == job.job_id && row.step_name == wanted.name)?;
        let hash = step.command.as_ref()?;
        Some((hash, self.texts.get(&hash.sha256)))
    }

    /// Whether a database that is there now, or was before, is not the same one on the other side, for all that was seen.
    pub fn is_another_database(&self, name: &str) -> bool {
        let [before, after] =
            [self.sides.before, self.sides.after].map(|own| &own.server.databases);
        let row = |of: &'a [DatabaseRow]| of.iter().find(|row| row.name.as_str() == name);
        match (row(before.seen()), row(after.seen())) {
            (None, Some(_)) => before.is_settled(),
            (Some(_), None) => after.is_settled(),
            (Some(was), Some(is)) => {
                let dates = was.create_date.as_ref().zip(is.create_date.as_ref());
                dates.is_some_and(|(was, is)| was != is)
            }
            (None, None) => false,
        }
    }

    /// Whether AFTER says when what changed was last changed.
    pub fn has_date(&self, wanted: &Wanted) -> bool {
        self.modified(wanted).is_some()
    }

    /// When what changed was last changed, as AFTER has it.
    pub fn dates(&self, wanted: &Wanted) -> Dates {
        if wanted.class == Class::TrustedAssembly {
            let told = self.trusted(&wanted.label).into_iter().collect();
            return Dates {
                modified: None,
                told,
            };
        }
        let modified = self.modified(wanted).map(str::to_owned);
        let told = modified.iter();
        let told = told.map(|date| format!("modify_date is {date} (server time)"));
        Dates {
            told: told.collect(),
            modified,
        }
    }

    fn modified(&self, wanted: &Wanted) -> Option<&'a str> {
        let server = &self.sides.after.server;
        let is_own = |name: &str| name == wanted.name;
        let in_database = wanted.database.as_deref();
        match wanted.class {
            Class::Object | Class::DatabaseTrigger => {
                let [_, after] = &self.rows;
                let key = (in_database?, Sides::key(&wanted.name));
                let rows = after.get(&key)?.iter();
                let rows = rows.filter(|row| wanted.ids.contains(&row.id));
                rows.filter_map(|row| row.modified).max()
            }
            Class::Login => {
                let mut rows = server.server_principals.seen().iter();
                rows.find(|row| is_own(&row.name))?.modify_date.as_deref()
            }
            Class::ServerTrigger => {
                let mut rows = server.server_triggers.seen().iter();
                rows.find(|row| is_own(&row.name))?.modify_date.as_deref()
            }
            Class::Audit => {
                let mut rows = server.server_audits.seen().iter();
                rows.find(|row| is_own(&row.name))?.modify_date.as_deref()
            }
            Class::User => {
                let own = Sides::database(self.sides.after, in_database?)?;
                let mut rows = own.database_principals.seen().iter();
                rows.find(|row| is_own(&row.name))?.modify_date.as_deref()
            }
            Class::Assembly => {
                let own = Sides::database(self.sides.after, in_database?)?;
                let mut rows = own.assemblies.seen().iter();
                rows.find(|row| is_own(&row.name))?.modify_date.as_deref()
            }
            _ => None,
        }
    }

    fn trusted(&self, hash: &str) -> Option<String> {
        let mut rows = self.sides.after.server.trusted_assemblies.seen().iter();
        let row = rows.find(|row| row.hash.as_deref() == Some(hash))?;
        let by = row.created_by.as_deref();
        let by = by.map_or_else(|| "nobody that it names".to_owned(), named);
        let when = row.create_date.as_deref();
        let when = when.unwrap_or("a moment that it does not say");
        Some(format!(
            "sys.trusted_assemblies says that it was trusted by {by} at {when} (server time)"
        ))
    }
}

/// A date of the catalog as moments: it has the server's local time, and its offset may be one of several.
fn moments(local: DateTime, sides: Sides<'_>, site: Option<&Site>) -> Vec<Timestamp> {
    let offset = |snapshot: &Snapshot| {
        let minutes = snapshot.server.session.known()?.utc_offset_minutes?;
        let offset = Offset::from_seconds(minutes.checked_mul(60)?).ok()?;
        Some(TimeZone::fixed(offset))
    };
    let zones = match site {
        Some(site) => vec![site.zone.clone()],
        // Daylight saving that began or ended in between shows in the offsets of both sides.
        None => [sides.before, sides.after]
            .into_iter()
            .filter_map(offset)
            .collect(),
    };
    let moments = zones.into_iter();
    moments
        .filter_map(|zone| zone.to_timestamp(local).ok())
        .collect()
}

impl Dates {
    /// Why the last event that is known of it did not make what stands there: it was changed after that, or may have been.
    pub fn refute(
        &self,
        last: &Witnessed<'_>,
        sides: Sides<'_>,
        site: Option<&Site>,
    ) -> Option<BlindSpot> {
        let local: DateTime = self.modified.as_deref()?.parse().ok()?;
        let later = |apart: SignedDuration| apart > APART;
        let is_traced = last.event.source == EventSource::DefaultTrace;
        let later: Vec<bool> = if is_traced && site.is_none() {
            // Both are local times of one server: whatever its offset was, they compare.
            let recorded: DateTime = last.event.recorded.parse().ok()?;
            vec![later(local.duration_since(recorded))]
        } else {
            let (_, end) = last.moment.ends();
            let moments = moments(local, sides, site);
            moments
                .iter()
                .map(|own| later(own.duration_since(end)))
                .collect()
        };
        if !later.is_empty() && later.iter().all(|later| !later) {
            return None;
        }
        Some(if later.iter().all(|later| *later) && !later.is_empty() {
            let why = "the catalog says that it was changed again after the last event";
            BlindSpot::new(Blind::ChangedLater, why)
        } else {
            let why = "whether it was changed again after the last event cannot be told: the catalog has local time, and \
                which offset the server had then is not known: give its time zone in a [[site]]";
            BlindSpot::new(Blind::Moment, why)
        })
    }
}
