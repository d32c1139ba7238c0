//! What leaves open who made a change though events are known that did: others that fit in part, since whoever hides in a
//! variable what he did is not covered by another's ticket; and others that nobody may have seen.

use jiff::SignedDuration;

use super::Attributing;
use super::entry::{Attributed, Blind, BlindSpot, ChangeAttribution};
use super::hold::identity;
use super::join::{Found, Witnessed};
use super::moment::Held;

/// How far apart two sources may record one statement.
const APART: SignedDuration = SignedDuration::from_mins(1);

impl Attributing<'_> {
    /// Leaves open who made a change that others than those may have made, whom nothing allows it either.
    /// `approves`: whether a ticket would cover an event that made it; none: there is no register.
    pub(super) fn contest(
        &self,
        told: &mut ChangeAttribution,
        found: &Found,
        approves: Option<&dyn Fn(&Witnessed<'_>) -> bool>,
    ) {
        let of = |places: &[usize]| -> Vec<&Witnessed<'_>> {
            let events = places.iter().filter_map(|at| self.index.all.get(*at));
            events.collect()
        };
        let made_by = of(&found.made_by);
        let is_allowed = |rival: &Witnessed<'_>| {
            let mut made_by = made_by.iter();
            approves.map_or_else(
                || made_by.all(|own| identity(own.event) == identity(rival.event)),
                |approves| approves(rival),
            )
        };
        let is_open = of(&found.rivals).into_iter().any(|rival| {
            let is_told = made_by.iter().any(|own| is_one(rival, own));
            !is_told && !is_allowed(rival)
        });
        if !is_open {
            return;
        }
        let why = if approves.is_some() {
            "an event that fits in part may have made it as well, and is not approved"
        } else {
            "an event that fits in part, by somebody else, may have made it as well"
        };
        told.outcome = told.outcome.max(Attributed::Undecided);
        told.because.push(why.to_owned());
        told.blind_spots
            .push(BlindSpot::new(Blind::FitsInPart, why));
    }

    /// Approves nothing where a later event may be missing, but code that the last one's statement is.
    pub(super) fn leave_gaps_open(&self, told: &mut ChangeAttribution, found: &Found) {
        let mut spots = self.unseen.iter().chain(&self.recorders);
        if told.outcome == Attributed::Approved
            && !found.is_proven
            && let Some(gap) = spots.find(|own| own.kind.is_gap())
        {
            told.outcome = Attributed::Undecided;
            let why = format!("another event may have come after these: {}", gap.why);
            told.because.push(why);
        }
    }
}

/// Whether two sources recorded one statement: in one session, by one login, at one moment.
fn is_one(one: &Witnessed<'_>, other: &Witnessed<'_>) -> bool {
    let is_session =
        one.event.session_id.is_some() && one.event.session_id == other.event.session_id;
    let (first, last) = other.moment.ends();
    let is_near = |moment: jiff::Timestamp| {
        let apart = [first, last].map(|own| own.duration_since(moment).abs());
        apart.into_iter().any(|apart| apart <= APART)
    };
    one.event.source != other.event.source
        && is_session
        && identity(one.event) == identity(other.event)
        && one.moment.is(is_near) != Held::No
}
