//! Which changes a single event made: by the same deeds, the same names and the same time as changes are attributed by, for
//! those who come from the event.

use std::collections::BTreeMap;

use super::blind::Between;
use super::catalog::Catalog;
use super::deed::{Class, Deed, Verb, deeds};
use super::moment::{Held, Moment};
use super::wanted::{Fit, Sides, Wanted};
use crate::drift::diff::{Change, ChangeKind};
use crate::snapshot::{Event, ModuleTexts, Snapshot};
use crate::tsql::name_parts;

/// One side: its facts and the module text that is there.
pub type SideFacts<'a> = (&'a Snapshot, &'a ModuleTexts);

/// What events would have to be to have made the changes of an instance, by what they name.
pub struct Makers<'a> {
    sides: Sides<'a>,
    between: Between,
    offset_minutes: Option<i32>,
    /// With the change's place among all.
    wanted: BTreeMap<(Class, String), Vec<(usize, Wanted)>>,
    gone: Vec<bool>,
}

impl<'a> Makers<'a> {
    /// Of the changes between two sides. `None` where a side does not say when it was collected: nothing lies between then.
    pub fn new(
        changes: &[Change],
        [before, after]: [SideFacts<'a>; 2],
        offset_minutes: Option<i32>,
    ) -> Option<Self> {
        let sides = Sides {
            before: before.0,
            after: after.0,
        };
        let catalog = Catalog::new(sides, after.1);
        let mut wanted: BTreeMap<_, Vec<(usize, Wanted)>> = BTreeMap::new();
        for (at, change) in changes.iter().enumerate() {
            if let Some(own) = Wanted::of(change, &catalog) {
                let key = (own.class, Sides::key(&own.name));
                wanted.entry(key).or_default().push((at, own));
            }
        }
        Some(Self {
            sides,
            between: Between::of(sides)?,
            offset_minutes,
            wanted,
            gone: changes
                .iter()
                .map(|own| own.kind == ChangeKind::Removed)
                .collect(),
        })
    }

    /// The changes that an event made, by their place: it did this to that, between the two collections.
    pub fn made(&self, event: &Event) -> Vec<usize> {
        let moment = Moment::of(event, None, self.offset_minutes);
        let (from, until) = (self.between.from, self.between.until);
        if moment.is_none_or(|moment| moment.is_within(from, until) != Held::Yes) {
            return Vec::new();
        }
        let mut made = Vec::new();
        for deed in deeds(event) {
            for (at, own) in self.named(&deed) {
                if own.fit(event, &deed, self.sides) == Fit::Whole && did(own, &deed) {
                    made.push(*at);
                }
            }
        }
        made.sort_unstable();
        made.dedup();
        made
    }

    /// The changes of a module that an event executed, by their place.
    pub fn executed(&self, event: &Event) -> Vec<usize> {
        if event.action.id != "EX" || event.succeeded == Some(false) {
            return Vec::new();
        }
        let deed = Deed {
            of: event.on.schema.clone(),
            ..Deed::new(Verb::Changes, Class::Object, event.on.object.clone())
        };
        let fits = |own: &Wanted| own.fit(event, &deed, self.sides) == Fit::Whole;
        let own = self.named(&deed).filter(|(_, own)| fits(own));
        let there = own.filter(|(at, _)| self.gone.get(*at) == Some(&false));
        there.map(|(at, _)| *at).collect()
    }

    fn named(&self, deed: &Deed) -> impl Iterator<Item = &(usize, Wanted)> {
        let name = deed.name.as_deref().unwrap_or_default();
        // The name of a procedure that starts with the server may be written with its schema.
        let last = (deed.class == Class::Startup).then(|| name_parts(name).pop());
        let names = [
            Some(name.to_owned()),
            last.flatten().filter(|own| own != name),
        ];
        let keys = names.into_iter().flatten();
        let found = keys.filter_map(move |name| self.wanted.get(&(deed.class, Sides::key(&name))));
        found.flatten()
    }
}

/// Whether a deed can have had the change for its outcome: it did so, and of an option it set what stands there now.
fn did(wanted: &Wanted, deed: &Deed) -> bool {
    if wanted.value.is_some() && wanted.value != deed.value {
        return false;
    }
    wanted.is_part
        || match wanted.verb {
            Verb::Makes => matches!(deed.verb, Verb::Makes | Verb::Restores),
            Verb::Changes => deed.verb != Verb::Ends,
            Verb::Restores => deed.verb == Verb::Restores,
            Verb::Ends => deed.verb == Verb::Ends,
        }
}
