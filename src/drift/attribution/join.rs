//! Joins a change to the events that made it.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use super::blind::Between;
use super::deed::{Class, Deed, Verb, deeds};
use super::entry::{Blind, BlindSpot};
use super::moment::{Held, Moment};
use super::told::is_cut;
use super::wanted::{Fit, Sides, Wanted};
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
    /// Why it is not attributed, although events fit.
    pub refuted: Vec<BlindSpot>,
    /// What bears it out.
    pub because: Vec<String>,
    /// The last event's statement is what stands there.
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
    pub fn find(&self, wanted: &Wanted, sides: Sides<'_>, code: Option<&str>) -> Found {
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
                found.is_proven = true;
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

/// What names a thing among events: its database, its name, the other one of a membership.
type Named<'e> = (Class, Option<&'e str>, &'e str, Option<&'e str>);

/// Things that were made and ended and of which nothing is left.
pub fn made_and_ended(
    index: &Index<'_>,
    used: &BTreeSet<usize>,
) -> Vec<(Class, String, Vec<usize>)> {
    let mut things: BTreeMap<Named<'_>, Vec<(usize, Verb)>> = BTreeMap::new();
    for (at, own) in index.all.iter().enumerate() {
        for deed in own.deeds.iter().filter(|deed| deed.doubt.is_none()) {
            let Some(name) = deed.name.as_deref() else {
                continue;
            };
            let database = own.event.on.database.as_deref();
            let key = (deed.class, database, name, deed.other.as_deref());
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
                (None, None) => name.to_owned(),
            };
            let places = did.iter().map(|(at, _)| *at).collect();
            let is_gone = has(Verb::Makes) && has(Verb::Ends) && !is_used;
            is_gone.then_some((class, name, places))
        });
    told.collect()
}
