//! Points in time: as recorded (ISO 8601), as stored, and as CONVERT with style 126 writes them.

use jiff::civil::{DateTime, date};

use crate::support::contract::SqlType;
use crate::support::tds_server::answer::Value;

const UNITS_PER_SECOND: i64 = 10_000_000;
const UNITS_PER_DAY: i64 = 86_400 * UNITS_PER_SECOND;
const DAYS_TO_1900: i64 = 693_595;

/// 100-nanosecond units since 0001-01-01, in the server's local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub units: i64,
}

impl Moment {
    /// A recorded time, if a column of this type can hold it and the server would write it so.
    pub fn recorded(text: &str, ty: SqlType) -> Result<Self, String> {
        let moment =
            Self::parse(text).ok_or_else(|| format!("{text:?} is not a time in ISO 8601"))?;
        let written = moment.iso_8601(ty);
        if written == text {
            Ok(moment)
        } else {
            Err(format!(
                "a server would write {text:?} in a {ty:?} as {written:?}"
            ))
        }
    }

    /// 1900-01-01, where a recording has no time and the column no NULL.
    pub fn unrecorded() -> Self {
        Self {
            units: DAYS_TO_1900 * UNITS_PER_DAY,
        }
    }

    /// So many seconds later.
    pub fn later(self, seconds: i64) -> Self {
        Self {
            units: self.units + seconds * UNITS_PER_SECOND,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let parsed: DateTime = text.parse().ok()?;
        let days = parsed.date().since(date(1, 1, 1)).ok()?.get_days();
        let time = parsed.time();
        let seconds = i64::from(time.hour()) * 3600
            + i64::from(time.minute()) * 60
            + i64::from(time.second());
        let fraction = i64::from(time.subsec_nanosecond()) / 100;
        Some(Self {
            units: i64::from(days) * UNITS_PER_DAY + seconds * UNITS_PER_SECOND + fraction,
        })
    }

    /// Days since 1900 and 1/300 seconds since midnight, rounded.
    fn ticks(self) -> (i64, i64) {
        let days = self.units.div_euclid(UNITS_PER_DAY);
        let rest = self.units.rem_euclid(UNITS_PER_DAY);
        let ticks = (rest * 300 + UNITS_PER_SECOND / 2) / UNITS_PER_SECOND;
        (days - DAYS_TO_1900, ticks)
    }

    pub fn as_datetime(self) -> Value {
        let (days, ticks) = self.ticks();
        Value::DateTime {
            days: i32::try_from(days).unwrap_or_default(),
            ticks: u32::try_from(ticks).unwrap_or_default(),
        }
    }

    /// `2024-05-06T07:08:09`, with a fraction if it is not zero: three digits for `datetime`, which
    /// knows only 1/300 seconds, seven for `datetime2(7)`.
    pub fn iso_8601(self, ty: SqlType) -> String {
        let (units, digits) = if ty == SqlType::DateTime {
            let (days, ticks) = self.ticks();
            let milliseconds = (ticks * 1000 + 150) / 300;
            let units = (days + DAYS_TO_1900) * UNITS_PER_DAY + milliseconds * 10_000;
            (units, 3)
        } else {
            (self.units, 7)
        };
        let days = i32::try_from(units.div_euclid(UNITS_PER_DAY)).unwrap_or_default();
        let day = date(1, 1, 1).saturating_add(jiff::Span::new().days(days));
        let time = units.rem_euclid(UNITS_PER_DAY);
        let seconds = time / UNITS_PER_SECOND;
        let whole = format!(
            "{day}T{:02}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        );
        match time % UNITS_PER_SECOND {
            0 => whole,
            fraction => format!("{whole}.{}", &format!("{fraction:07}")[..digits]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_server_writes_them() {
        for text in [
            "2024-02-29T23:59:59.997",
            "2003-04-08T09:13:36.390",
            "1900-01-01T00:00:00",
            "2012-11-30T05:06:07.003",
        ] {
            assert_eq!(
                Moment::recorded(text, SqlType::DateTime)
                    .unwrap()
                    .iso_8601(SqlType::DateTime),
                text
            );
        }
        assert!(Moment::recorded("2024-02-29T23:59:59.998", SqlType::DateTime).is_err());
        assert!(Moment::recorded("2024-02-29 23:59:59", SqlType::DateTime).is_err());
        assert!(Moment::recorded("2023-02-29T00:00:00", SqlType::DateTime).is_err());
        let long = "2024-02-29T23:59:59.1234567";
        assert!(Moment::recorded(long, SqlType::DateTime2(7)).is_ok());
        assert!(Moment::recorded("2024-02-29T23:59:59.12", SqlType::DateTime2(7)).is_err());
    }

    #[test]
    fn a_datetime_counts_days_from_1900() {
        let moment = Moment::recorded("1900-01-02T00:00:01", SqlType::DateTime).unwrap();
        assert_eq!(
            moment.as_datetime(),
            Value::DateTime {
                days: 1,
                ticks: 300
            }
        );
    }
}
