//! How long an audit keeps what it records, as far as that follows from its limits.

use super::{Keeps, Kept};
use crate::inventory::{AuditNeeds, days_between};
use crate::rules::Case;
use crate::rules::audited::status_of;
use crate::snapshot::{FileAudit, ServerAudit};

/// `max_rollover_files` of an audit that deletes no file.
const UNLIMITED: i32 = i32::MAX;

/// How long an audit keeps its records, against what the inventory asks for.
pub(super) fn kept(case: &Case<'_>, audit: &ServerAudit, needs: AuditNeeds) -> Kept {
    let seen = seen(case, audit, needs);
    let required = needs.retention_days.filter(|days| *days > 0);
    let keeps = match (required, seen.days, seen.ends) {
        (_, _, Ends::Recording) => Keeps::UntilFull,
        (None, ..) => Keeps::NotRequired,
        (Some(_), _, Ends::Never) => Keeps::Enough,
        (Some(required), Some(days), Ends::After) if days >= u64::from(required) => Keeps::Enough,
        (Some(_), Some(_), Ends::After) => Keeps::TooShort,
        _ => Keeps::DaysNotKnown,
    };
    Kept {
        keeps,
        megabytes: seen.megabytes,
        days: seen
            .days
            .map(|days| u32::try_from(days).unwrap_or(u32::MAX)),
        why: seen.why,
    }
}

/// What makes records go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// The server deletes nothing.
    Never,
    /// So many days are all.
    After,
    /// No record goes, but from some day on none is made.
    Recording,
    /// When they go is not known.
    NotKnown,
}

struct Seen {
    megabytes: Option<u64>,
    days: Option<u64>,
    ends: Ends,
    why: String,
}

impl Seen {
    fn unknown(why: impl Into<String>) -> Self {
        Self {
            megabytes: None,
            days: None,
            ends: Ends::NotKnown,
            why: why.into(),
        }
    }
}

fn seen(case: &Case<'_>, audit: &ServerAudit, needs: AuditNeeds) -> Seen {
    match audit.type_desc.as_deref() {
        Some("FILE") => {}
        Some("SECURITY LOG" | "APPLICATION LOG") => {
            return Seen::unknown(
                "days not known: how long the Windows log keeps records is that log's setting, which no query shows",
            );
        }
        Some("URL") => {
            return Seen::unknown("days not known: retention at a URL is not collected");
        }
        Some(_) => {
            return Seen::unknown("days not known: another service keeps the records");
        }
        None => return Seen::unknown("days not known: its target was not shown"),
    }
    let mut files = case.snapshot.server.server_file_audits.seen().iter();
    let Some(files) = files.find(|file| file.audit_id == audit.audit_id) else {
        return Seen::unknown("days not known: the limits of its files were not seen");
    };
    let size = files.max_file_size.as_deref().map(str::parse::<u64>);
    match (size, files.max_rollover_files, files.max_files) {
        (Some(Ok(size)), rollover, most) => of_files(case, files, size, (rollover, most), needs),
        _ => Seen::unknown("days not known: the size of its files was not shown"),
    }
}

fn of_files(
    case: &Case<'_>,
    files: &FileAudit,
    size: u64,
    (rollover, most): (Option<i32>, Option<i32>),
    needs: AuditNeeds,
) -> Seen {
    if let Some(most) = most.filter(|most| *most > 0) {
        return until_full(u64::from(most.unsigned_abs()), size, needs);
    }
    let Some(rollover) = rollover else {
        return Seen::unknown("days not known: the number of its files was not shown");
    };
    if rollover == UNLIMITED {
        return Seen {
            ends: Ends::Never,
            ..Seen::unknown("the server deletes no file: the disk is the limit")
        };
    }
    let count = u64::from(rollover.unsigned_abs());
    if size == 0 {
        return Seen::unknown(format!(
            "days not known: files grow without limit, and of those before the one in use {count} are kept, one a restart"
        ));
    }
    let megabytes = count.saturating_mul(size);
    let sizes = format!("{count} files of {size} MB are kept besides the one in use");
    if let Some(days) = at_rate(megabytes, needs) {
        let rate = needs.mb_per_day.unwrap_or_default();
        return Seen {
            megabytes: Some(megabytes),
            days: Some(days),
            ends: Ends::After,
            why: format!("{sizes}: {days} days at the {rate} MB a day of the inventory"),
        };
    }
    // An hour of work can fill what an idle month did not: of no other file does the one in use say how long it lasted.
    let begun = begun_days_ago(case, files.audit_id);
    let begun = begun.map(|days| format!("; the one in use was begun {days} days before"));
    Seen {
        megabytes: Some(megabytes),
        ..Seen::unknown(format!(
            "{sizes}: days not known: how much is recorded a day was not seen{}",
            begun.unwrap_or_default()
        ))
    }
}

/// No file is deleted, and when the last one is full, recording ends. How much of them is full already was not seen, so
/// that no number of days to come is proven.
fn until_full(most: u64, size: u64, needs: AuditNeeds) -> Seen {
    if size == 0 {
        return Seen {
            ends: Ends::Never,
            ..Seen::unknown("the server deletes no file: the disk is the limit")
        };
    }
    let megabytes = most.saturating_mul(size);
    let sizes = format!(
        "no file is deleted; after {most} files of {size} MB recording ends, and each restart begins one"
    );
    let rate = at_rate(megabytes, needs).map_or_else(
        || "days not known: how much is recorded a day was not seen".to_owned(),
        |days| {
            format!("at the latest {days} days after its first file, at the rate of the inventory")
        },
    );
    Seen {
        megabytes: Some(megabytes),
        ends: Ends::Recording,
        ..Seen::unknown(format!("{sizes}: {rate}"))
    }
}

fn at_rate(megabytes: u64, needs: AuditNeeds) -> Option<u64> {
    let rate = needs.mb_per_day.filter(|rate| *rate > 0)?;
    Some(megabytes / u64::from(rate))
}

/// Whole days for which the file in use has been written: the name of an audit's file ends by the moment it was made,
/// in units of 100 ns since 1601. One day is taken off, since that clock may be local. A file of today says nothing.
fn begun_days_ago(case: &Case<'_>, audit_id: i32) -> Option<u64> {
    const UNITS_PER_DAY: u64 = 10_000_000 * 86_400;
    let audits = case.snapshot.server.server_audits.seen();
    let audit = audits.iter().find(|audit| audit.audit_id == audit_id)?;
    let path = status_of(case, audit)?.audit_file_path.as_deref()?;
    let (_, moment) = path.strip_suffix(".sqlaudit")?.rsplit_once('_')?;
    let begun = moment.parse::<u64>().ok()? / UNITS_PER_DAY;
    let since_1601 = |day| u64::try_from(days_between("1601-01-01", day)?).ok();
    let seen_on = since_1601(case.snapshot.ended.get(..10)?)?;
    // Audits came with SQL Server 2008: a smaller number is something else.
    let is_moment = begun > since_1601("2008-01-01")?;
    let days = seen_on.checked_sub(begun + 1);
    days.filter(|days| is_moment && *days > 0)
}
