//! What the catalogs of both sides say of what changed: which objects have a name, when a row was last changed, which code
//! stands there. Looked up for each change, so that it is indexed once.

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use rustc_hash::FxHashMap;

use super::deed::Class;
use super::join::Witnessed;
use super::wanted::{Sides, Wanted};
use crate::ids::named;
use crate::inventory::Site;
use crate::snapshot::{DatabaseFacts, Module, ModuleTexts, Snapshot};

/// How far apart the moments of an event and of the row that it changed may be: a statement is recorded before it runs.
const APART: SignedDuration = SignedDuration::from_mins(1);
/// What a clock that was put forward or back makes of it.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

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
        if !matches!(wanted.class, Class::Object | Class::DatabaseTrigger) {
            return None;
        }
        let database = wanted.database.as_deref()?;
        let mut own = wanted.ids.iter();
        let own = own.find_map(|id| self.modules.get(&(database, *id)))?;
        self.texts.get(&own.definition.known()?.sha256)
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

impl Dates {
    /// Whether it was changed after the last event that is known of it.
    pub fn is_later_than(
        &self,
        last: &Witnessed<'_>,
        sides: Sides<'_>,
        site: Option<&Site>,
    ) -> bool {
        let local = self.modified.as_deref().map(str::parse::<DateTime>);
        let Some(Ok(local)) = local else {
            return false;
        };
        let session = sides.after.server.session.known();
        let fixed = || {
            let minutes = session?.utc_offset_minutes?;
            let offset = Offset::from_seconds(minutes.checked_mul(60)?).ok()?;
            Some(TimeZone::fixed(offset))
        };
        let zone = site.map(|site| site.zone.clone());
        let is_sure = zone.is_some();
        let modified = zone
            .or_else(fixed)
            .and_then(|zone| zone.to_timestamp(local).ok());
        let Some(modified) = modified else {
            return false;
        };
        let (_, end) = last.moment.ends();
        let apart = modified.duration_since(end);
        // Without a zone the offset of another day may have been an hour off.
        let is_shifted = !is_sure && (apart - HOUR).abs() <= APART;
        apart > APART && !is_shifted
    }
}
