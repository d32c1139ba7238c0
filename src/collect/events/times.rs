//! Times of events: UTC in audit files, the server's local time in traces.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::snapshot::ServerError;

/// Between the server's offset of today and that of the other half of the year.
const DAYLIGHT_SAVING: SignedDuration = SignedDuration::from_hours(1);
/// After every event; both `datetime` and `datetime2` have it.
const END: &str = "9999-12-31T00:00:00";

/// Of what time events are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventWindow {
    /// First moment.
    pub since: Timestamp,
    /// The moment before which; none is without end.
    pub until: Option<Timestamp>,
    /// Most records from one target.
    pub most: u32,
}

/// First and last time as literals of a statement. ISO 8601 with a `T` means the same in every language and date
/// format of a login.
pub struct Literals {
    /// First.
    pub since: String,
    /// Before which.
    pub until: String,
}

impl EventWindow {
    /// For audit files.
    pub fn utc(&self) -> Literals {
        Literals {
            since: literal(self.since),
            until: self.until.map_or_else(|| END.to_owned(), literal),
        }
    }

    /// For a trace, an hour wider at both ends: see [`DAYLIGHT_SAVING`].
    pub fn local(&self, offset_minutes: i32) -> Literals {
        let offset = SignedDuration::from_mins(offset_minutes.into());
        let shifted = |moment: Timestamp, by| {
            let moment = moment.saturating_add(offset + by);
            literal(moment.unwrap_or_default())
        };
        Literals {
            since: shifted(self.since, -DAYLIGHT_SAVING),
            until: self
                .until
                .map_or_else(|| END.to_owned(), |until| shifted(until, DAYLIGHT_SAVING)),
        }
    }
}

fn literal(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// A moment with seven digits of the second, so that texts sort as their moments do.
pub fn written(moment: Timestamp) -> String {
    format!("{moment:.7}")
}

/// A time of an audit record in UTC.
///
/// # Errors
/// Not in the form asked for.
pub fn utc(recorded: &str) -> Result<String, ServerError> {
    utc_of_local(recorded, 0)
}

/// A local time in UTC.
///
/// # Errors
/// Not in the form asked for.
pub fn utc_of_local(recorded: &str, offset_minutes: i32) -> Result<String, ServerError> {
    let parsed = recorded.parse::<DateTime>().ok().and_then(|time| {
        let offset = Offset::from_seconds(offset_minutes.checked_mul(60)?).ok()?;
        offset.to_timestamp(time).ok()
    });
    let strange = || ServerError::local(format!("{recorded:?} came where a time was asked for"));
    parsed.map(written).ok_or_else(strange)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn local_times_become_utc_by_the_offset() {
        let utc = |text, offset| utc_of_local(text, offset).unwrap();
        assert_eq!(
            utc("2026-03-01T00:30:00.003", 120),
            "2026-02-28T22:30:00.0030000Z"
        );
        assert_eq!(
            utc("2026-03-01T00:30:00", -210),
            "2026-03-01T04:00:00.0000000Z"
        );
        for strange in ["", "yesterday", "2026-02-30T00:00:00"] {
            assert!(utc_of_local(strange, 0).is_err(), "{strange}");
        }
    }

    #[test]
    fn a_window_is_asked_for_an_hour_wider_where_times_are_local() {
        let window = EventWindow {
            since: "2026-09-01T00:00:00Z".parse().unwrap(),
            until: Some("2026-09-02T12:30:00Z".parse().unwrap()),
            most: 1,
        };
        let (utc, local) = (window.utc(), window.local(-210));
        assert_eq!(
            (utc.since.as_str(), utc.until.as_str()),
            ("2026-09-01T00:00:00", "2026-09-02T12:30:00")
        );
        assert_eq!(
            (local.since.as_str(), local.until.as_str()),
            ("2026-08-31T19:30:00", "2026-09-02T10:00:00")
        );
        let open = EventWindow {
            until: None,
            ..window
        };
        assert_eq!(open.local(0).until, END);
    }
}
