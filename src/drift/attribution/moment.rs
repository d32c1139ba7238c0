//! When an event happened, as far as that can be told: audits have UTC; the default trace has the server's local time,
//! which an offset of another day, or an hour that daylight saving repeats, leaves open.

use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::inventory::Site;
use crate::snapshot::{Event, EventSource};

/// How far the server's offset of another day can be from that of the day of asking.
const DAYLIGHT_SAVING: SignedDuration = SignedDuration::from_hours(1);

/// The moments that an event can have happened at, in order: one, or several of which nobody knows which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    candidates: Vec<Timestamp>,
    /// Why there are several.
    pub doubt: Option<String>,
}

/// Whether something holds of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// Of none that it can be.
    No,
    /// Of some.
    Perhaps,
    /// Of each.
    Yes,
}

impl Moment {
    fn at(moment: Timestamp) -> Self {
        Self {
            candidates: vec![moment],
            doubt: None,
        }
    }

    /// Of an event of a server at a site. `None` where the record has no moment.
    pub fn of(event: &Event, site: Option<&Site>, offset_minutes: Option<i32>) -> Option<Self> {
        let told = Timestamp::from_str(&event.moment).ok()?;
        if event.source != EventSource::DefaultTrace {
            return Some(Self::at(told));
        }
        let offset = SignedDuration::from_mins(i64::from(offset_minutes.unwrap_or_default()));
        if let Some(site) = site
            && let Some(local) = DateTime::from_str(&event.recorded).ok()
        {
            let own = in_zone(local, &site.zone, &site.name);
            let of_zone = own.candidates.iter();
            // The server must have had one of these offsets then: else the site is another's.
            let mut apart = of_zone.map(|moment| moment.duration_since(told).abs());
            if apart.all(|apart| apart <= DAYLIGHT_SAVING) {
                return Some(own);
            }
            let doubt = format!(
                "the time zone of site {} is none that the server's clock agrees with",
                crate::ids::named(&site.name)
            );
            return Some(around(told, doubt));
        }
        let doubt = format!(
            "the default trace has local time, and the server's offset ({}) is that of the day of asking: give its time zone in a [[site]]",
            signed(offset)
        );
        Some(around(told, doubt))
    }

    /// First and last.
    pub fn ends(&self) -> (Timestamp, Timestamp) {
        let first = self.candidates.first().copied().unwrap_or_default();
        (first, self.candidates.last().copied().unwrap_or(first))
    }

    /// Whether something holds of it.
    pub fn is(&self, holds: impl Fn(Timestamp) -> bool) -> Held {
        let held = self
            .candidates
            .iter()
            .filter(|moment| holds(**moment))
            .count();
        match held {
            0 => Held::No,
            all if all == self.candidates.len() => Held::Yes,
            _ => Held::Perhaps,
        }
    }

    /// Whether it lies from the first moment to the last.
    pub fn is_within(&self, first: Timestamp, last: Timestamp) -> Held {
        // Where it starts before and ends after, what lies between may be inside.
        let (own, end) = self.ends();
        match self.is(|moment| (first..=last).contains(&moment)) {
            Held::No if own < first && end > last => Held::Perhaps,
            held => held,
        }
    }
}

fn signed(offset: SignedDuration) -> String {
    let minutes = offset.as_mins();
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

/// Where the offset of another day is not known.
fn around(told: Timestamp, doubt: String) -> Moment {
    let apart = [-DAYLIGHT_SAVING, SignedDuration::ZERO, DAYLIGHT_SAVING];
    let candidates = apart.into_iter().filter_map(|by| told.checked_add(by).ok());
    Moment {
        candidates: candidates.collect(),
        doubt: Some(doubt),
    }
}

fn in_zone(local: DateTime, zone: &TimeZone, site: &str) -> Moment {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let (one, other) = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { offset } => (offset, offset),
        // A clock that was not yet put forward, or was put back: both offsets are possible.
        AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => {
            (before, after)
        }
    };
    let moments = [one, other].into_iter();
    let mut candidates: Vec<Timestamp> = moments
        .filter_map(|offset| offset.to_timestamp(local).ok())
        .collect();
    candidates.sort();
    candidates.dedup();
    let doubt = (candidates.len() > 1).then(|| {
        format!(
            "daylight saving repeats or skips that hour at site {}: which of the two it was is not recorded",
            crate::ids::named(site)
        )
    });
    Moment { candidates, doubt }
}

/// Whether a moment lies in a site's working hours; `None` where the site has none.
pub fn is_working_time(moment: &Moment, site: &Site) -> Option<Held> {
    let hours = site.hours.as_ref()?;
    Some(moment.is(|moment| {
        let local = site.zone.to_datetime(moment);
        hours.days.contains(&local.weekday())
            && (hours.from..hours.until).contains(&local.time())
            && !site.holidays.contains(&local.date())
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::inventory::Register;

    fn site(zone: &str) -> Site {
        let text = format!(
            "schema = \"mssql-posture/register/v1\"\n[[site]]\nname = \"s\"\ntargets = [\"*\"]\ntime_zone = \"{zone}\"\nhours = {{ days = [\"sun\", \"mon\"], from = \"03:00\", until = \"12:00\" }}\nholidays = [\"2026-10-26\"]\n"
        );
        Register::parse(&text, "r").unwrap().sites.remove(0)
    }

    fn traced(local: &str, utc: &str) -> Event {
        let text = format!(
            r#"{{"line":"event","target":"a","moment":"{utc}","recorded":"{local}","source":{{"kind":"default_trace"}},
            "action":{{"id":"46","name":null,"subclass":1,"subclass_name":null}},"succeeded":null,
            "who":{{"login":null,"session_login":null,"database_user":null}},"from":{{"host":null,"application":null,"client_ip":null}},
            "on":{{"database":null,"schema":null,"owner":null,"object":null,"object_id":null,"kind":null,"kind_name":null,"login":null,"user":null,"role":null}},
            "session_id":null,"error":null,"statement":null}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn told(event: &Event, site: Option<&Site>) -> (Vec<String>, bool) {
        let moment = Moment::of(event, site, Some(60)).unwrap();
        let all = moment.candidates.iter().map(ToString::to_string).collect();
        (all, moment.doubt.is_some())
    }

    #[test]
    fn the_hour_that_daylight_saving_repeats_is_never_resolved() {
        // Vienna puts its clocks back at 01:00 UTC on 25 October 2026; the server was asked in winter.
        let vienna = site("Europe/Vienna");
        let one = |text: &str| vec![text.to_owned()];
        for (local, utc, due) in [
            (
                "2026-10-25T01:30:00",
                "2026-10-25T00:30:00.0000000Z",
                one("2026-10-24T23:30:00Z"),
            ),
            (
                "2026-10-25T03:30:00",
                "2026-10-25T02:30:00.0000000Z",
                one("2026-10-25T02:30:00Z"),
            ),
            (
                "2026-07-01T12:00:00",
                "2026-07-01T11:00:00.0000000Z",
                one("2026-07-01T10:00:00Z"),
            ),
        ] {
            assert_eq!(
                told(&traced(local, utc), Some(&vienna)),
                (due, false),
                "{local}"
            );
        }
        let repeated = traced("2026-10-25T02:30:00", "2026-10-25T01:30:00.0000000Z");
        let both = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"].map(str::to_owned);
        assert_eq!(told(&repeated, Some(&vienna)), (both.into(), true));
        let moment = Moment::of(&repeated, Some(&vienna), Some(60)).unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (first, last, due) in [
            ("2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", Held::Yes),
            (
                "2026-10-25T00:00:00Z",
                "2026-10-25T01:00:00Z",
                Held::Perhaps,
            ),
            (
                "2026-10-25T00:45:00Z",
                "2026-10-25T01:00:00Z",
                Held::Perhaps,
            ),
            ("2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z", Held::No),
        ] {
            assert_eq!(moment.is_within(at(first), at(last)), due, "{first} {last}");
        }
    }

    #[test]
    fn without_a_zone_an_hour_more_and_less_is_possible() {
        let event = traced("2026-07-01T12:00:00", "2026-07-01T11:00:00.0000000Z");
        let hours = ["10", "11", "12"].map(|hour| format!("2026-07-01T{hour}:00:00Z"));
        assert_eq!(told(&event, None), (hours.clone().into(), true));
        // A zone that the server cannot be in decides nothing.
        assert_eq!(
            told(&event, Some(&site("Asia/Tokyo"))),
            (hours.into(), true)
        );
        let audited = Event {
            source: EventSource::Audits,
            ..event
        };
        let one = vec!["2026-07-01T11:00:00Z".to_owned()];
        assert_eq!(told(&audited, None), (one, false));
    }

    #[test]
    fn working_hours_are_by_the_clock_of_the_site() {
        let vienna = site("Europe/Vienna");
        for (utc, due) in [
            ("2026-10-25T01:59:59Z", Held::No), // 02:59 in winter time
            ("2026-10-25T02:00:00Z", Held::Yes),
            ("2026-10-25T11:00:00Z", Held::No),
            ("2026-10-26T08:00:00Z", Held::No), // a holiday
            ("2026-10-27T08:00:00Z", Held::No), // a Tuesday
        ] {
            let moment = Moment::at(utc.parse().unwrap());
            assert_eq!(is_working_time(&moment, &vienna), Some(due), "{utc}");
        }
    }
}
