//! Joins a change to the events that made it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::blind::Between;
use super::deed::{Class, Deed, Verb, deeds};
use super::entry::{Blind, BlindSpot};
use super::moment::{Held, Moment};
use super::told::is_cut;
use super::wanted::{Fit, Sides, Wanted};
use crate::inventory::Site;
use crate::snapshot::{Event, Module, ModuleTexts};
use crate::tsql::normalised_module;

/// How far apart the moments of an event and of the row that it changed may be: a statement is recorded before it runs.
const APART: SignedDuration = SignedDuration::from_mins(1);
/// What a clock that was put forward or back makes of it.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// An event between the two collections, or perhaps there.
pub struct Witnessed<'e> {
    /// As recorded.
    pub event: &'e Event,
    /// When, as far as that can be told.
    pub moment: Moment,
    /// Whether it lies between the two collections: not [`Held::No`].
    pub between: Held,
    /// What it did.
    pub deeds: Vec<Deed>,
}

/// The events between the two collections, and where each thing stands among them.
pub struct Index<'e> {
    /// In order of time.
    pub all: Vec<Witnessed<'e>>,
    by_thing: BTreeMap<(Class, Option<String>), Vec<(usize, usize)>>,
}

/// What was found of a change.
#[derive(Default)]
pub struct Found {
    /// The events that made it, by their place, in order.
    pub made_by: Vec<usize>,
    /// Those that fit in part, and why.
    pub near: Vec<(usize, &'static str)>,
    /// Why it is not attributed, although events fit.
    pub refuted: Vec<BlindSpot>,
    /// What bears it out.
    pub because: Vec<String>,
}

impl<'e> Index<'e> {
    /// Of events in any order; one that is given twice counts once.
    pub fn new(
        events: impl Iterator<Item = (&'e Event, Option<i32>)>,
        between: Between,
        site: Option<&Site>,
    ) -> Self {
        let mut all: Vec<Witnessed<'e>> = Vec::new();
        for (event, offset) in events {
            let Some(moment) = Moment::of(event, site, offset) else {
                continue;
            };
            let held = moment.is_within(between.from, between.until);
            if held != Held::No {
                all.push(Witnessed {
                    event,
                    moment,
                    between: held,
                    deeds: deeds(event),
                });
            }
        }
        // Sources of one moment in the order of the file.
        all.sort_by(|one, other| one.moment.ends().cmp(&other.moment.ends()));
        let mut kept: Vec<Witnessed<'e>> = Vec::with_capacity(all.len());
        for own in all {
            let alike = kept.iter().rev();
            let mut alike = alike.take_while(|other| other.moment.ends() == own.moment.ends());
            if !alike.any(|other| other.event == own.event) {
                kept.push(own);
            }
        }
        let mut by_thing: BTreeMap<_, Vec<(usize, usize)>> = BTreeMap::new();
        for (at, own) in kept.iter().enumerate() {
            for (place, deed) in own.deeds.iter().enumerate() {
                let name = deed.name.as_deref().map(Sides::key);
                by_thing
                    .entry((deed.class, name))
                    .or_default()
                    .push((at, place));
            }
        }
        Self {
            all: kept,
            by_thing,
        }
    }

    /// The events that made a change, and those that may have.
    pub fn find(&self, wanted: &Wanted, sides: Sides<'_>, code: Option<&str>) -> Found {
        let named = (wanted.class, Some(Sides::key(&wanted.name)));
        let places = [named, (wanted.class, None)];
        let mut places: Vec<(usize, usize)> = places
            .iter()
            .filter_map(|key| self.by_thing.get(key))
            .flatten()
            .copied()
            .collect();
        // The procedure's name may be written with its schema.
        if wanted.class == Class::Startup {
            let all = self
                .by_thing
                .iter()
                .filter(|((class, _), _)| *class == Class::Startup);
            places = all.flat_map(|(_, places)| places).copied().collect();
        }
        places.sort_unstable();
        places.dedup();
        let mut found = Found::default();
        let mut whole: Vec<(usize, &Deed)> = Vec::new();
        for (at, place) in places {
            let Some((own, deed)) = self.deed(at, place) else {
                continue;
            };
            match (wanted.fit(own.event, deed, sides), own.between) {
                (Fit::Not, _) => {}
                (Fit::Part(why), _) => found.near.push((at, why)),
                (Fit::Whole, Held::Yes) => whole.push((at, deed)),
                (Fit::Whole, _) => {
                    found.near.push((
                        at,
                        "it may have happened outside of the time between BEFORE and AFTER",
                    ));
                }
            }
        }
        self.conclude(wanted, &whole, code, &mut found);
        found
    }

    fn deed(&self, at: usize, place: usize) -> Option<(&Witnessed<'e>, &Deed)> {
        let own = self.all.get(at)?;
        Some((own, own.deeds.get(place)?))
    }

    /// Whether what the events did comes to what changed.
    fn conclude(
        &self,
        wanted: &Wanted,
        whole: &[(usize, &Deed)],
        code: Option<&str>,
        found: &mut Found,
    ) {
        let did = |verbs: &[Verb]| whole.iter().any(|(_, deed)| verbs.contains(&deed.verb));
        let is_done = match wanted.verb {
            _ if wanted.is_part => did(&[Verb::Makes, Verb::Changes, Verb::Ends]),
            Verb::Makes => did(&[Verb::Makes]),
            Verb::Changes => did(&[Verb::Makes, Verb::Changes]),
            Verb::Ends => did(&[Verb::Ends]),
        };
        let Some((last, end)) = whole.last().filter(|_| is_done) else {
            let why = match wanted.verb {
                Verb::Makes => "it names it, and does not make it",
                Verb::Changes => "it names it, and does not change it",
                Verb::Ends => "it names it, and does not end it",
            };
            found.near.extend(whole.iter().map(|(at, _)| (*at, why)));
            return;
        };
        let is_there = wanted.verb != Verb::Ends;
        if !wanted.is_part && is_there == (end.verb == Verb::Ends) {
            let what = if is_there {
                "the last event ends it, and it is there"
            } else {
                "the last event leaves it there, and it is not"
            };
            found
                .refuted
                .push(BlindSpot::new(Blind::ChangedLater, what));
        }
        if let (Some(is), Some(set)) = (&wanted.value, &end.value)
            && is != set
        {
            let why = format!("the last event sets {set}, and {is} stands there");
            found.refuted.push(BlindSpot::new(Blind::ChangedLater, why));
        }
        if wanted.value.is_some() && end.value.is_none() {
            let why = "the value that the last event sets is not recorded";
            found.refuted.push(BlindSpot::new(Blind::FitsInPart, why));
        }
        found.made_by = whole.iter().map(|(at, _)| *at).collect();
        found.made_by.dedup();
        if let Some(code) = code
            && let Some(own) = self.all.get(*last)
            && let Some(is) = is_code(own.event, code)
        {
            if is {
                let why = "the statement of the last event is the code that stands there now";
                found.because.push(why.to_owned());
            } else {
                let why = "the statement of the last event is not the code that stands there now";
                found.refuted.push(BlindSpot::new(Blind::ChangedLater, why));
            }
        }
    }
}

/// Whether a statement is this code; `None` where that cannot be told: it is no definition, was cut or masked.
fn is_code(event: &Event, code: &str) -> Option<bool> {
    let statement = event.statement.as_ref()?;
    let is_definition = matches!(event.action.id.as_str(), "CR" | "AL");
    if !is_definition || is_cut(event) || statement.text.contains("***") {
        return None;
    }
    // An event names what it alters in other ways than by its whole text: ALTER TABLE … DISABLE TRIGGER.
    let normal = normalised_module(&statement.text);
    let is_module = crate::tsql::makes_module(&statement.text);
    is_module.then(|| normal == normalised_module(code))
}

/// What the catalog says of a row: when it was last changed, by the server's clock, and by whom where it says so.
#[derive(Default)]
pub struct Catalog {
    /// `modify_date`.
    pub modified: Option<String>,
    /// What is told of it.
    pub told: Vec<String>,
}

impl Catalog {
    /// Of what a change is about, as AFTER has it.
    pub fn of(wanted: &Wanted, sides: Sides<'_>) -> Self {
        let mut own = Self::default();
        let server = &sides.after.server;
        let in_database = wanted.database.as_deref();
        let database = in_database.and_then(|name| Sides::database(sides.after, name));
        let is_own = |name: &str| name == wanted.name;
        let dates = match wanted.class {
            Class::Object | Class::DatabaseTrigger => database.and_then(|own| {
                let objects = own.objects.seen().iter();
                let objects = objects.filter(|row| wanted.ids.contains(&row.object_id));
                let objects = objects.map(|row| row.modify_date.clone());
                let triggers = own.triggers.seen().iter();
                let triggers = triggers.filter(|row| wanted.ids.contains(&row.object_id));
                objects
                    .chain(triggers.map(|row| row.modify_date.clone()))
                    .flatten()
                    .max()
            }),
            Class::Login => {
                let mut rows = server.server_principals.seen().iter();
                rows.find(|row| is_own(&row.name))
                    .and_then(|row| row.modify_date.clone())
            }
            Class::ServerTrigger => {
                let mut rows = server.server_triggers.seen().iter();
                rows.find(|row| is_own(&row.name))
                    .and_then(|row| row.modify_date.clone())
            }
            Class::Audit => {
                let mut rows = server.server_audits.seen().iter();
                rows.find(|row| is_own(&row.name))
                    .and_then(|row| row.modify_date.clone())
            }
            Class::Assembly => database.and_then(|own| {
                let mut rows = own.assemblies.seen().iter();
                rows.find(|row| is_own(&row.name))
                    .and_then(|row| row.modify_date.clone())
            }),
            Class::TrustedAssembly => {
                let rows = server.trusted_assemblies.seen().iter();
                let mut rows =
                    rows.filter(|row| row.hash.as_deref() == Some(wanted.label.as_str()));
                if let Some(row) = rows.next() {
                    let by = row
                        .created_by
                        .as_deref()
                        .map_or("nobody it names".to_owned(), crate::ids::named);
                    let when = row
                        .create_date
                        .as_deref()
                        .unwrap_or("a moment it does not say");
                    own.told.push(format!(
                        "sys.trusted_assemblies says that it was trusted by {by} at {when} (server time)"
                    ));
                }
                None
            }
            _ => None,
        };
        if let Some(date) = &dates {
            own.told
                .push(format!("modify_date is {date} (server time)"));
        }
        own.modified = dates;
        own
    }

    /// Whether it was changed after the last event that is known of it.
    pub fn is_later_than(
        &self,
        last: &Witnessed<'_>,
        sides: Sides<'_>,
        site: Option<&Site>,
    ) -> bool {
        let Some(modified) = self.modified.as_deref() else {
            return false;
        };
        let session = sides.after.server.session.known();
        let offset = session.and_then(|own| own.utc_offset_minutes);
        let Ok(local) = modified.parse::<jiff::civil::DateTime>() else {
            return false;
        };
        let zone = site.map(|site| site.zone.clone());
        let fixed = || {
            let seconds = offset?.checked_mul(60)?;
            let offset = jiff::tz::Offset::from_seconds(seconds).ok()?;
            Some(jiff::tz::TimeZone::fixed(offset))
        };
        let (Some(zone), is_sure) = (zone.clone().or_else(fixed), zone.is_some()) else {
            return false;
        };
        let Ok(modified) = zone.to_timestamp(local) else {
            return false;
        };
        let (_, end) = last.moment.ends();
        let apart = modified.duration_since(end);
        let is_near = apart <= APART || (!is_sure && (apart - HOUR).abs() <= APART);
        !is_near
    }
}

/// The code that a module has after a change.
pub fn code_after<'t>(
    wanted: &Wanted,
    sides: Sides<'_>,
    texts: &'t ModuleTexts,
) -> Option<&'t str> {
    let modules = match wanted.class {
        Class::Object | Class::DatabaseTrigger => {
            let own = Sides::database(sides.after, wanted.database.as_deref()?)?;
            own.modules.seen()
        }
        _ => return None,
    };
    let is_own = |module: &&Module| wanted.ids.contains(&module.object_id);
    let own: Vec<&Module> = modules.iter().filter(is_own).collect();
    let [own] = own[..] else { return None };
    texts.get(&own.definition.known()?.sha256)
}

/// Things that were made and ended and of which nothing is left.
pub fn made_and_ended(
    index: &Index<'_>,
    used: &BTreeSet<usize>,
) -> Vec<(Class, String, Vec<usize>)> {
    let mut things: BTreeMap<(Class, Option<&str>, String, Option<&str>), Vec<(usize, Verb)>> =
        BTreeMap::new();
    for (at, own) in index.all.iter().enumerate() {
        for deed in own.deeds.iter().filter(|deed| deed.doubt.is_none()) {
            let Some(name) = &deed.name else { continue };
            let database = own.event.on.database.as_deref();
            let key = (deed.class, database, name.clone(), deed.other.as_deref());
            things.entry(key).or_default().push((at, deed.verb));
        }
    }
    let told = things
        .into_iter()
        .filter_map(|((class, database, name, other), did)| {
            let has = |verb| did.iter().any(|(_, own)| *own == verb);
            let is_used = did.iter().any(|(at, _)| used.contains(at));
            let name = match (database, other) {
                (Some(database), None) => format!("{database}.{name}"),
                (_, Some(other)) => format!("{other} in {name}"),
                (None, None) => name,
            };
            let places = did.iter().map(|(at, _)| *at).collect();
            (has(Verb::Makes) && has(Verb::Ends) && !is_used).then_some((class, name, places))
        });
    told.collect()
}
