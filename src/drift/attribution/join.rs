//! Joins a change to the events that made it.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use super::blind::Between;
use super::catalog::Catalog;
use super::deed::{Class, Deed, Verb, deeds};
use super::entry::{Blind, BlindSpot};
use super::moment::{Held, Moment};
use super::told::is_cut;
use super::wanted::{COMMAND, Fit, Sides, Wanted};
use crate::inventory::Site;
use crate::snapshot::{Event, sha256_hex};
use crate::tsql::normalised_module;

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
    by_thing: BTreeMap<(Class, Option<String>), Vec<Place>>,
}

/// An event by its place, and what of it that it did.
type Place = (usize, usize);

/// Names an event by its whole record.
fn alike(event: &Event) -> String {
    sha256_hex(&serde_json::to_vec(event).unwrap_or_default())
}

/// What was found of a change.
#[derive(Default)]
pub struct Found {
    /// The events that made it, by their place, in order.
    pub made_by: Vec<usize>,
    /// Those that fit in part, and why.
    pub near: Vec<(usize, &'static str)>,
    /// Those of them that may have made it as well.
    pub rivals: Vec<usize>,
    /// Why it is not attributed, although events fit.
    pub refuted: Vec<BlindSpot>,
    /// What bears it out.
    pub because: Vec<String>,
    /// The last event's statement is the code that stands there, and the change is of that code alone.
    pub is_proven: bool,
}

impl<'e> Index<'e> {
    /// Of events in any order, file by file, each with its server's offset; one that several files have counts once.
    pub fn new(
        files: impl Iterator<Item = (&'e [Event], Option<i32>)>,
        between: Between,
        site: Option<&Site>,
    ) -> Self {
        let mut kept: Vec<Witnessed<'e>> = Vec::new();
        for (events, offset) in files {
            let known: FxHashSet<String> = kept.iter().map(|own| alike(own.event)).collect();
            for event in events {
                let Some(moment) = Moment::of(event, site, offset) else {
                    continue;
                };
                let held = moment.is_within(between.from, between.until);
                if held != Held::No && (known.is_empty() || !known.contains(&alike(event))) {
                    kept.push(Witnessed {
                        event,
                        moment,
                        between: held,
                        deeds: deeds(event),
                    });
                }
            }
        }
        // Those of one moment in the order of the files.
        kept.sort_by_key(|own| own.moment.ends());
        let mut by_thing: BTreeMap<_, Vec<Place>> = BTreeMap::new();
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
    pub fn find(&self, wanted: &Wanted, catalog: &Catalog<'_>) -> Found {
        let mut found = Found::default();
        let mut whole: Vec<(usize, &Deed)> = Vec::new();
        for (at, place) in self.places(wanted) {
            let Some((own, deed)) = self.deed(at, place) else {
                continue;
            };
            let why = match (wanted.fit(own.event, deed, catalog.sides), own.between) {
                (Fit::Not, _) => continue,
                (Fit::Whole, _) if !wanted.may_be_by(deed) => {
                    found
                        .near
                        .push((at, "it names it, and changes something else of it"));
                    continue;
                }
                (Fit::Whole, Held::Yes) => {
                    whole.push((at, deed));
                    continue;
                }
                (Fit::Part(why), _) => why,
                (Fit::Whole, _) => {
                    "it may have happened outside of the time between BEFORE and AFTER"
                }
            };
            found.near.push((at, why));
            if may_make(wanted, deed.verb) && wanted.may_be_by(deed) {
                found.rivals.push(at);
            }
        }
        self.conclude(wanted, &whole, catalog, &mut found);
        found
    }

    /// What names the thing, or nothing, in order of time.
    fn places(&self, wanted: &Wanted) -> Vec<Place> {
        let named = (wanted.class, Some(Sides::key(&wanted.name)));
        let places = [named, (wanted.class, None)];
        let mut places: Vec<Place> = places
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
        places
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
        catalog: &Catalog<'_>,
        found: &mut Found,
    ) {
        let did = |verbs: &[Verb]| whole.iter().any(|(_, deed)| verbs.contains(&deed.verb));
        let is_done = match wanted.verb {
            _ if wanted.is_part => !whole.is_empty(),
            Verb::Makes => did(&[Verb::Makes, Verb::Restores]),
            Verb::Restores => did(&[Verb::Restores]),
            Verb::Changes => did(&[Verb::Makes, Verb::Restores, Verb::Changes]),
            Verb::Ends => did(&[Verb::Ends]),
        };
        let Some((last, end)) = whole.last().filter(|_| is_done) else {
            let why = match wanted.verb {
                Verb::Makes | Verb::Restores => "it names it, and does not make it",
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
        let stands = against_value(wanted, end)
            .into_iter()
            .chain(against_columns(wanted, whole))
            .chain(against_command(wanted, whole, catalog));
        found.refuted.extend(stands);
        found.made_by = whole.iter().map(|(at, _)| *at).collect();
        found.made_by.dedup();
        let code = catalog.code(wanted);
        let is_code = self.all.get(*last).zip(code);
        match is_code.and_then(|(own, code)| is_code_of(own.event, code)) {
            Some(true) => {
                let why = "the statement of the last event is the code that stands there now";
                found.because.push(why.to_owned());
                found.is_proven = wanted.is_code;
            }
            Some(false) => {
                let why = "the statement of the last event is not the code that stands there now";
                found.refuted.push(BlindSpot::new(Blind::ChangedLater, why));
            }
            None => {}
        }
        // What was done before it did not put that code there.
        if found.is_proven {
            found.rivals.retain(|at| at > last);
        }
    }
}

/// Whether an event that does this can have made the change.
fn may_make(wanted: &Wanted, verb: Verb) -> bool {
    wanted.is_part || (wanted.verb == Verb::Ends) == (verb == Verb::Ends)
}

/// What speaks against the last event by the value that it sets.
fn against_value(wanted: &Wanted, end: &Deed) -> Option<BlindSpot> {
    let is = wanted.value.as_ref()?;
    match &end.value {
        Some(set) if set == is => None,
        Some(set) => {
            let why = format!("the last event sets {set}, and {is} stands there");
            Some(BlindSpot::new(Blind::ChangedLater, why))
        }
        None => {
            let why = "the value that the last event sets is not recorded";
            Some(BlindSpot::new(Blind::FitsInPart, why))
        }
    }
}

/// What speaks against the events by the columns that each of them sets.
fn against_columns(wanted: &Wanted, whole: &[(usize, &Deed)]) -> Vec<BlindSpot> {
    let mut against = Vec::new();
    for (column, is) in wanted.columns.iter().filter(|_| wanted.verb != Verb::Ends) {
        let mut setting = whole.iter().rev().map(|(_, deed)| *deed);
        let last = setting.find(|deed| deed.verb != Verb::Changes || deed.may_set(column));
        let Some(last) = last else {
            let why = format!("no event is known to have changed {column}");
            against.push(BlindSpot::new(Blind::FitsInPart, why));
            continue;
        };
        let mut sets = last.sets.iter().flatten();
        let set = sets.find(|(own, _)| own == column);
        let set = set.and_then(|(_, set)| set.as_deref());
        if let (Some(set), Some(is)) = (set, is)
            && is_value(column, is, set) == Some(false)
        {
            let why =
                format!("the last event that sets {column} sets another value than stands there");
            against.push(BlindSpot::new(Blind::ChangedLater, why));
        }
    }
    against
}

/// Whether a value is the one that was written; `None` where that cannot be told: what is written of an id is a name.
fn is_value(column: &str, is: &serde_json::Value, written: &str) -> Option<bool> {
    use serde_json::Value;
    let is_word = |words: &[&str]| words.iter().any(|own| own.eq_ignore_ascii_case(written));
    match is {
        _ if column.ends_with("id") => None,
        Value::String(is) => Some(is.eq_ignore_ascii_case(written)),
        Value::Number(is) => written
            .parse::<i64>()
            .ok()
            .map(|own| is.as_i64() == Some(own)),
        Value::Bool(is) if is_word(&["true", "on", "1"]) => Some(*is),
        Value::Bool(is) if is_word(&["false", "off", "0"]) => Some(!is),
        _ => None,
    }
}

/// What speaks against the last event that sets a step's command.
fn against_command(
    wanted: &Wanted,
    whole: &[(usize, &Deed)],
    catalog: &Catalog<'_>,
) -> Option<BlindSpot> {
    let mut columns = wanted.columns.iter();
    let is_step = wanted.class == Class::JobStep && wanted.verb != Verb::Ends;
    columns.find(|(own, _)| is_step && own == COMMAND)?;
    let mut setting = whole.iter().rev().map(|(_, deed)| *deed);
    let last = setting.find(|deed| deed.verb != Verb::Changes || deed.may_set(COMMAND))?;
    let mut sets = last.sets.iter().flatten();
    let Some((_, Some(set))) = sets.find(|(own, _)| *own == COMMAND) else {
        let why = "the command that the last event sets is not recorded";
        return Some(BlindSpot::new(Blind::FitsInPart, why));
    };
    let stands = catalog.command(wanted);
    let is_hash = stands.is_some_and(|(hash, _)| hash.sha256 == sha256_hex(set.as_bytes()));
    let text = stands.and_then(|(_, text)| text);
    if is_hash || text.is_some_and(|text| crate::tsql::mask_secrets(text) == set.as_str()) {
        return None;
    }
    let why = "the command that the last event sets is not the one that stands there now";
    Some(BlindSpot::new(Blind::ChangedLater, why))
}

/// Whether a statement is this code; `None` where that cannot be told: it is no definition, was cut or masked.
fn is_code_of(event: &Event, code: &str) -> Option<bool> {
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

/// What names a thing among events: its database, its name, the other one of a membership.
type Named = (Class, Option<String>, String, Option<String>);

/// Things that were made and ended and of which nothing is left.
pub fn made_and_ended(
    index: &Index<'_>,
    used: &BTreeSet<usize>,
    sides: Sides<'_>,
) -> Vec<(Class, String, Vec<usize>)> {
    let mut things: BTreeMap<Named, (String, Vec<(usize, Verb)>)> = BTreeMap::new();
    for (at, own) in index.all.iter().enumerate() {
        for deed in own.deeds.iter().filter(|deed| deed.doubt.is_none()) {
            let Some(name) = deed.name.as_deref() else {
                continue;
            };
            // What is the server's is changed from whatever database is the current one.
            let database = own.event.on.database.as_deref();
            let database = database.filter(|_| !deed.class.is_of_server());
            let folded = |of: &str| sides.folded(of);
            let other = deed.other.as_deref();
            let key = (
                deed.class,
                database.map(folded),
                folded(name),
                other.map(folded),
            );
            let label = || match (database, other) {
                (Some(database), None) => format!("{database}.{name}"),
                (_, Some(other)) => format!("{other} in {name}"),
                (None, None) => name.to_owned(),
            };
            let (_, did) = things.entry(key).or_insert_with(|| (label(), Vec::new()));
            did.push((at, deed.verb));
        }
    }
    let told = things.into_iter().filter_map(|((class, ..), (name, did))| {
        let has = |verbs: &[Verb]| did.iter().any(|(_, own)| verbs.contains(own));
        let is_used = did.iter().any(|(at, _)| used.contains(at));
        let places = did.iter().map(|(at, _)| *at).collect();
        let is_gone = has(&[Verb::Makes, Verb::Restores]) && has(&[Verb::Ends]) && !is_used;
        is_gone.then_some((class, name, places))
    });
    told.collect()
}
