//! Who made the changes: recorded events joined to drift, and held to a register of what was approved.
//!
//! ```text
//! event  ─▶ moment (as far as it can be told), deeds (what it did to what)   ┐
//! change ─▶ wanted (what an event would have to be)                          ├▶ made by, near, refuted
//! files, telemetry of both sides ─▶ blind spots                              ┘        │
//! register ─▶ ticket, window, identity, host ─────────────────────────────────────▶ outcome
//! ```
//!
//! An event attributes a change only if it did this, to that, between the two collections, and the catalog does not say
//! otherwise. What fits in part is told and attributes nothing. Where no event is left, the reason is a blind spot: of
//! ours (nobody read that source, that time), or of the server's (nothing records it).

mod blind;
mod calls;
mod catalog;
mod deed;
mod entry;
mod grants;
mod hold;
mod join;
mod made;
mod moment;
mod passed;
mod rivals;
mod thing;
mod told;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};

pub use entry::{
    Attributed, AttributionSummary, Blind, BlindSpot, ChangeAttribution, InstanceAttribution,
    OutcomeCount, Passed, ToldEvent,
};

pub(super) use deed::{Class, Deed, deeds};
pub(super) use made::Makers;
pub use made::SideFacts;
pub(super) use told::features;

use blind::Between;
use catalog::Catalog;
use hold::{Holding, Said};
use join::{Found, Index, Witnessed};
use thing::Thing;
use wanted::{Sides, Wanted};

use super::diff::{Change, Diff, InstanceDiff, Pairing, Side};
use crate::inventory::{Register, Site, TagValue};
use crate::rules::Severity;
use crate::rules::telemetry::Telemetry;
use crate::snapshot::EventsFile;

/// Events that are told of one change.
const MOST_EVENTS: usize = 10;
/// Events that fit in part and are told.
const MOST_NEAR: usize = 5;

/// What is known besides the two snapshots.
#[derive(Clone, Copy)]
pub struct Witnesses<'a> {
    /// Files of events.
    pub files: &'a [EventsFile],
    /// What was approved; none: nobody says.
    pub register: Option<&'a Register>,
    /// The target's tags.
    pub tags: &'a BTreeMap<String, TagValue>,
    /// Whether events would be recorded, as BEFORE and AFTER have it.
    pub telemetry: [Option<&'a Telemetry>; 2],
}

/// What all changes of an instance are attributed by.
struct Attributing<'a> {
    sides: Sides<'a>,
    catalog: Catalog<'a>,
    index: Index<'a>,
    holding: Option<Holding<'a>>,
    site: Option<&'a Site>,
    telemetry: [Option<&'a Telemetry>; 2],
    /// Of files and sources.
    unseen: BTreeSet<BlindSpot>,
    /// Of audits, specifications and the trace.
    recorders: BTreeSet<BlindSpot>,
}

/// Attributes every change of an instance that was compared.
pub fn attribute(diff: &mut InstanceDiff, before: &Side<'_>, after: &Side<'_>, by: Witnesses<'_>) {
    if diff.pairing != Pairing::Compared {
        return;
    }
    let sides = Sides {
        before: before.snapshot,
        after: after.snapshot,
    };
    let site = by
        .register
        .and_then(|own| hold::site(own, &diff.id, by.tags));
    let parts = blind::parts(by.files, &diff.id);
    let folds = sides.identity();
    let folds = folds.is_some_and(|own| own.collation.is_some() && !own.is_case_sensitive());
    let Some(between) = Between::of(sides) else {
        return nothing_told(diff);
    };
    let events = parts.iter();
    let events = events.map(|(_, own)| (&own.events[..], own.target.utc_offset_minutes));
    let attributing = Attributing {
        sides,
        catalog: Catalog::new(sides, after.texts),
        index: Index::new(events, between, site),
        holding: by
            .register
            .map(|own| Holding::new(own, &diff.id, site, folds)),
        site,
        telemetry: by.telemetry,
        unseen: blind::of_files(&parts, between, sides),
        recorders: blind::of_recorders(sides, by.telemetry),
    };
    let mut used = BTreeSet::new();
    for change in &mut diff.changes {
        let (attribution, own) = attributing.of(change);
        used.extend(own);
        change.attribution = Some(attribution);
    }
    let reaching = passed::reaching(&diff.changes);
    let spots = attributing.unseen.iter().chain(&attributing.recorders);
    let (passed, more_passed) = passed::passed(&attributing, &used, &reaching);
    diff.attribution = Some(InstanceAttribution {
        blind_spots: spots.cloned().collect(),
        passed,
        more_passed,
    });
}

/// The snapshots do not say when they were made.
fn nothing_told(diff: &mut InstanceDiff) {
    let why = "a snapshot does not say when it was made";
    let spot = BlindSpot::new(Blind::Window, why);
    for change in &mut diff.changes {
        change.attribution = Some(unattributable(vec![spot.clone()]));
    }
    diff.attribution = Some(InstanceAttribution {
        blind_spots: vec![spot],
        passed: Vec::new(),
        more_passed: Vec::new(),
    });
}

fn unattributable(blind_spots: Vec<BlindSpot>) -> ChangeAttribution {
    ChangeAttribution {
        outcome: Attributed::Unattributable,
        ticket: None,
        events: Vec::new(),
        more_events: 0,
        because: Vec::new(),
        blind_spots,
        near: Vec::new(),
        catalog: Vec::new(),
        remarks: Vec::new(),
    }
}

impl Attributing<'_> {
    /// Who made a change, and which events those are.
    fn of(&self, change: &Change) -> (ChangeAttribution, Vec<usize>) {
        let Some(wanted) = Wanted::of(change, &self.catalog) else {
            let why =
                "neither audits nor the default trace are known to record what makes such a change";
            let spot = BlindSpot::new(Blind::NoSuchRecord, why);
            return (unattributable(vec![spot]), Vec::new());
        };
        let mut found = self.find(&wanted);
        let dates = self.catalog.dates(&wanted);
        if let Some(last) = found.made_by.last().and_then(|at| self.index.all.get(*at))
            && !found.is_proven
        {
            found
                .refuted
                .extend(dates.refute(last, self.sides, self.site));
        }
        // Whoever may take events out of a file could take the worse ones.
        let is_torn =
            |own: &&BlindSpot| matches!(own.kind, Blind::EventsMissing | Blind::OtherServer);
        let torn = self.unseen.iter().filter(is_torn);
        found.refuted.extend(torn.cloned());
        let mut told = if found.made_by.is_empty() || !found.refuted.is_empty() {
            unattributable(self.why(&wanted, &found))
        } else {
            self.held(change, &wanted, &found)
        };
        let near = found.near.iter().rev().take(MOST_NEAR);
        told.near = near.filter_map(|(at, why)| self.near(*at, why)).collect();
        told.near.reverse();
        told.catalog = dates.told;
        let made_by = &found.made_by;
        let last = made_by.get(made_by.len().saturating_sub(MOST_EVENTS)..);
        let last = last.unwrap_or_default().iter();
        let last = last.filter_map(|at| self.index.all.get(*at));
        told.events = last.map(|own| told::told(own.event, &own.moment)).collect();
        told.more_events = u32::try_from(made_by.len() - told.events.len()).unwrap_or(u32::MAX);
        (told, found.made_by)
    }

    /// The events that made a change, or what it came or went with.
    fn find(&self, wanted: &Wanted) -> Found {
        let found = self.index.find(wanted, &self.catalog);
        if !found.made_by.is_empty() {
            return found;
        }
        let implied = wanted.implied(&self.catalog).into_iter();
        let implied = implied.filter_map(|(own, doubt)| {
            let mut found = self.index.find(&own, &self.catalog);
            let doubt = doubt.map(|why| BlindSpot::new(Blind::FitsInPart, why));
            found.refuted.extend(doubt);
            let name = crate::ids::named(&own.name);
            let how = if wanted.verb == deed::Verb::Ends {
                "went"
            } else {
                "came"
            };
            found.because.push(format!("it {how} with {name}"));
            (!found.made_by.is_empty()).then_some(found)
        });
        let Some(mut implied) = implied.min_by_key(|own| !own.refuted.is_empty()) else {
            return found;
        };
        // What may have made it by itself is no less near for that.
        implied.near.extend(found.near);
        implied.near.sort_unstable();
        implied.rivals.extend(found.rivals);
        implied
    }

    fn near(&self, at: usize, why: &str) -> Option<String> {
        let own = self.index.all.get(at)?;
        let who =
            hold::identity(own.event).map_or_else(|| "somebody".to_owned(), crate::ids::named);
        let action = own
            .event
            .action
            .name
            .as_deref()
            .unwrap_or(&own.event.action.id);
        Some(format!("{} {action} by {who}: {why}", own.event.moment))
    }

    /// Why a change is not attributed.
    fn why(&self, wanted: &Wanted, found: &Found) -> Vec<BlindSpot> {
        let mut spots: BTreeSet<BlindSpot> = found.refuted.iter().cloned().collect();
        spots.extend(self.unseen.iter().cloned());
        let recording = blind::of_recording(wanted, self.telemetry);
        if !recording.is_empty() || wanted.event.is_none() {
            spots.extend(self.recorders.iter().cloned());
        } else {
            // Recorded at both ends is not recorded all the time.
            let switched = self.recorders.iter();
            spots.extend(
                switched
                    .filter(|own| own.kind == Blind::AuditSwitched)
                    .cloned(),
            );
        }
        spots.extend(recording);
        let is_moment = found.near.iter().any(|(at, _)| {
            let own = self.index.all.get(*at);
            own.is_some_and(|own| own.between == moment::Held::Perhaps)
        });
        if is_moment {
            let why = "when an event that fits happened cannot be told well enough";
            spots.insert(BlindSpot::new(Blind::Moment, why));
        } else if !found.near.is_empty() {
            let why = "events fit in part, which is not enough";
            spots.insert(BlindSpot::new(Blind::FitsInPart, why));
        }
        if spots.is_empty() {
            let why = "it would be recorded, all that was recorded was seen, and no event is it";
            spots.insert(BlindSpot::new(Blind::NothingFits, why));
        }
        spots.into_iter().collect()
    }

    /// Holds the events that made a change to the register.
    fn held(&self, change: &Change, wanted: &Wanted, found: &Found) -> ChangeAttribution {
        let mut told = unattributable(Vec::new());
        told.outcome = Attributed::Attributed;
        told.because.clone_from(&found.because);
        let events = found
            .made_by
            .iter()
            .filter_map(|at| self.index.all.get(*at));
        let events: Vec<&Witnessed<'_>> = events.collect();
        if events.iter().any(|own| told::is_cut(own.event)) {
            let why = "a statement is not recorded whole: what it uses may be more";
            told.remarks.push(why.to_owned());
        }
        let Some(holding) = &self.holding else {
            self.contest(&mut told, found, None);
            return told;
        };
        let things = Thing::of_change(change, wanted);
        let allowed = self.allowed(holding, change, wanted);
        let mut said: Vec<Said> = Vec::new();
        for own in &events {
            said.push(holding.of(own.event, &own.moment, &things));
            told.remarks.extend(holding.remarks(own.event, &own.moment));
        }
        // One event that nobody approved is enough.
        let worst = said.into_iter().max_by_key(|own| own.outcome);
        if let Some(worst) = worst {
            told.outcome = worst.outcome;
            told.ticket = worst.ticket;
            told.because.extend(worst.because);
        }
        let approves = |own: &Witnessed<'_>| {
            holding.of(own.event, &own.moment, &things).outcome == Attributed::Approved
        };
        self.contest(&mut told, found, Some(&approves));
        self.leave_gaps_open(&mut told, found);
        told.remarks.extend(allowed.map(|allowed| {
            let not = if allowed { "" } else { "not " };
            format!("the assembly is {not}in the register's list")
        }));
        told.remarks.sort();
        told.remarks.dedup();
        told
    }

    /// Whether an assembly that changed is in the register's list.
    fn allowed(&self, holding: &Holding<'_>, change: &Change, wanted: &Wanted) -> Option<bool> {
        if wanted.class != deed::Class::Assembly || change.fact != "assemblies" {
            return None;
        }
        let own = Sides::database(self.sides.after, wanted.database.as_deref()?)?;
        let assembly = own
            .assemblies
            .seen()
            .iter()
            .find(|row| row.name == wanted.name)?;
        let files = own.assembly_files.seen().iter();
        let files = files.filter(|file| file.assembly_id == assembly.assembly_id);
        let hashes: Vec<&str> = files
            .filter_map(|file| file.sha2_512.known())
            .map(String::as_str)
            .collect();
        holding.allows_assembly(&wanted.name, &hashes)
    }
}

impl Change {
    /// What became of attributing it.
    pub(super) fn attributed(&self) -> Option<Attributed> {
        self.attribution.as_ref().map(|own| own.outcome)
    }
}

impl Diff {
    /// Sums up what became of attribution, once every instance has its own.
    pub fn sum_up_attribution(&mut self, held_to_register: bool) {
        let changes = self.instances.iter().flat_map(|own| &own.changes);
        let all: Vec<Attributed> = changes.filter_map(Change::attributed).collect();
        self.attribution = Some(AttributionSummary {
            held_to_register,
            outcomes: OutcomeCount::of(&all),
        });
    }

    /// Whether something at or over a severity was not approved as it was made, or left no record on a server that does
    /// not keep one.
    pub fn has_unapproved(&self, at_or_over: Severity) -> bool {
        self.instances.iter().any(|own| {
            let changes = own.changes.iter().filter(|own| own.severity >= at_or_over);
            let mut changes = changes.filter_map(|own| own.attribution.as_ref());
            let passed = own.attribution.iter().flat_map(|own| &own.passed);
            let mut passed = passed.filter(|own| own.severity >= at_or_over);
            changes.any(ChangeAttribution::is_finding) || passed.any(|own| own.outcome.is_finding())
        })
    }
}

impl InstanceDiff {
    /// Whether it cannot be told of something who made it, or whether in time, because nobody looked.
    pub(super) fn is_attribution_incomplete(&self) -> bool {
        let changes = self
            .changes
            .iter()
            .filter_map(|own| own.attribution.as_ref());
        let mut changes = changes.map(ChangeAttribution::is_unseen);
        let is_open = |own: &InstanceAttribution| {
            let passed = own.passed.iter().map(|own| own.outcome);
            let more = own.more_passed.iter().map(|own| own.outcome);
            let mut passed = passed.chain(more);
            let mut gaps = own.blind_spots.iter();
            passed.any(|own| own == Attributed::Undecided)
                || gaps.any(|own| own.kind.is_gap() && own.kind.is_unseen())
        };
        changes.any(|unseen| unseen) || self.attribution.as_ref().is_some_and(is_open)
    }
}

impl ChangeAttribution {
    /// Whether somebody has to answer for it.
    fn is_finding(&self) -> bool {
        let is_open = matches!(
            self.outcome,
            Attributed::Undecided | Attributed::Unattributable
        );
        let is_lost = is_open && !self.is_unseen();
        self.outcome.is_finding() || is_lost
    }

    /// Whether another collection could tell what this one cannot.
    pub fn is_unseen(&self) -> bool {
        match self.outcome {
            // An event that may have made it and names nothing will not say more when it is read again.
            Attributed::Undecided => self.blind_spots.iter().all(|own| own.kind.is_unseen()),
            Attributed::Unattributable => self.blind_spots.iter().any(|own| own.kind.is_unseen()),
            _ => false,
        }
    }
}
