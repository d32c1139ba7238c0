//! The register that changes are held to: which were approved, for when, where and whom; who usually changes things, from
//! which hosts and at which hours; which assemblies may come. Mutable by nature, so that it is a file of its own.

use std::ops::Range;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::message::{Errors, InventoryErrors, nearest};

/// The first field of a register.
pub const REGISTER_SCHEMA: &str = "mssql-posture/register/v1";

/// Columns of a register's CSV file, in any order; the first three must be there.
const COLUMNS: [&str; 6] = ["ticket", "from", "until", "instance", "object", "identity"];

/// A register as written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRegister {
    /// Always `mssql-posture/register/v1`.
    #[schemars(with = "String")]
    schema: Spanned<String>,
    /// A CSV file of further approved changes, relative to this file: ticket,from,until,instance,object,identity.
    #[schemars(with = "Option<String>")]
    changes: Option<Spanned<String>>,
    /// Logins that may change things, with `*` and `?`. What anybody else changes is remarked on.
    #[serde(default)]
    privileged: Vec<String>,
    /// Logins of services, likewise. What they change is remarked on.
    #[serde(default)]
    service: Vec<String>,
    /// Names or addresses of hosts that changes usually come from, with `*` and `?`; empty: any. What looks like an address
    /// is held to the client's address alone.
    #[serde(default)]
    administration_hosts: Vec<String>,
    /// Executions of a channel by one login in one hour that are usual.
    #[schemars(with = "Option<i64>")]
    invocation_threshold: Option<Spanned<i64>>,
    /// Approved changes.
    #[serde(default)]
    approved: Vec<WrittenApproved>,
    /// Where instances stand, and when people work there.
    #[serde(default)]
    site: Vec<WrittenSite>,
    /// Assemblies that may come.
    #[serde(default)]
    #[schemars(with = "Vec<AllowedAssembly>")]
    assembly: Vec<Spanned<AllowedAssembly>>,
}

/// An approved change as written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenApproved {
    /// The ticket.
    #[schemars(with = "String")]
    ticket: Spanned<String>,
    /// First moment of the window: `2026-11-20T20:00:00Z`, or with another offset.
    #[schemars(with = "String")]
    from: Spanned<String>,
    /// Its last.
    #[schemars(with = "String")]
    until: Spanned<String>,
    /// Targets, with `*` and `?`; absent: any.
    instance: Option<String>,
    /// What is changed, as `diff` names it, with its database in front (`ERP.dbo.usp_*`); absent: anything. `*` stands within
    /// one name, and a name that holds a dot in brackets (`[CORP.LOCAL\\jdoe]`).
    object: Option<String>,
    /// The login that connected; absent: any.
    identity: Option<String>,
}

/// A site as written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenSite {
    /// Its name.
    name: String,
    /// Targets with `*` and `?`, or `tag=value`. The first site that fits a target is its own.
    #[schemars(with = "Vec<String>")]
    targets: Spanned<Vec<String>>,
    /// The servers' time zone: `Europe/Vienna`.
    #[schemars(with = "Option<String>")]
    time_zone: Option<Spanned<String>>,
    /// Or a fixed offset: `+05:30`.
    #[schemars(with = "Option<String>")]
    utc_offset: Option<Spanned<String>>,
    /// Working hours, by the clock of that zone.
    hours: Option<WrittenHours>,
    /// Days on which nobody works, YYYY-MM-DD.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    holidays: Vec<Spanned<String>>,
}

/// Working hours as written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenHours {
    /// `mon`, `tue`, … `sun`.
    #[schemars(with = "Vec<String>")]
    days: Vec<Spanned<String>>,
    /// `07:00`.
    #[schemars(with = "String")]
    from: Spanned<String>,
    /// `19:00`: the first minute that is none any more.
    #[schemars(with = "String")]
    until: Spanned<String>,
}

/// A register.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register {
    /// A CSV file of further approved changes, relative to the register.
    pub changes_file: Option<String>,
    /// Approved changes, in the order written.
    pub approved: Vec<ApprovedChange>,
    /// Patterns of logins that may change things.
    pub privileged: Vec<String>,
    /// Patterns of logins of services.
    pub service: Vec<String>,
    /// Patterns of hosts and addresses.
    pub administration_hosts: Vec<String>,
    /// Executions of a channel by one login in one hour that are usual.
    pub invocation_threshold: Option<u32>,
    /// Sites.
    pub sites: Vec<Site>,
    /// Assemblies that may come.
    pub assemblies: Vec<AllowedAssembly>,
}

/// An approved change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedChange {
    /// The ticket.
    pub ticket: String,
    /// First moment.
    pub from: Timestamp,
    /// Last moment.
    pub until: Timestamp,
    /// Pattern of targets; none: any.
    pub instance: Option<String>,
    /// Pattern of what is changed, name by name; none: anything.
    pub object: Option<String>,
    /// Pattern of the login that connected; none: any.
    pub identity: Option<String>,
}

/// An assembly that may come: what is said of it must be so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowedAssembly {
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// SHA2-512 of its file, in lower-case hex.
    #[serde(default)]
    pub hash: Option<String>,
}

/// Where instances stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// Patterns of targets, and `tag=value`.
    pub targets: Vec<String>,
    /// The servers' time zone.
    pub zone: TimeZone,
    /// When people work.
    pub hours: Option<Hours>,
    /// Days on which nobody works.
    pub holidays: Vec<Date>,
}

/// Working hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// On which days.
    pub days: Vec<Weekday>,
    /// First minute.
    pub from: Time,
    /// First minute that is none any more.
    pub until: Time,
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Register {
    /// Reads a register; `path` is for messages.
    ///
    /// # Errors
    /// Everything that is wrong with the file, each with place and remedy.
    pub fn parse(text: &str, path: &str) -> Result<Self, InventoryErrors> {
        let mut errors = Errors::new(path, text);
        let written: WrittenRegister = match toml::from_str(text) {
            Ok(written) => written,
            Err(error) => {
                errors.push_toml(&error);
                return Err(errors.into_error());
            }
        };
        if written.schema.get_ref() != REGISTER_SCHEMA {
            errors.push(
                &written.schema.span(),
                format!("unknown schema {:?}", written.schema.get_ref()),
                format!("this version reads schema = \"{REGISTER_SCHEMA}\""),
            );
        }
        let approved = written.approved.iter();
        let approved = approved.filter_map(|own| own.meant(&mut errors)).collect();
        let sites = written.site.iter();
        let sites = sites.filter_map(|own| own.meant(&mut errors)).collect();
        let threshold = written.invocation_threshold.as_ref();
        let read = Self {
            changes_file: written.changes.map(Spanned::into_inner),
            approved,
            privileged: written.privileged,
            service: written.service,
            administration_hosts: written.administration_hosts,
            invocation_threshold: threshold.and_then(|own| count(own, &mut errors)),
            sites,
            assemblies: assemblies(written.assembly, &mut errors),
        };
        errors.finish().map(|()| read)
    }

    /// Adds the approved changes of a CSV file; `path` is for messages.
    ///
    /// # Errors
    /// Everything that is wrong with the file, each with its line.
    pub fn add_changes(&mut self, text: &str, path: &str) -> Result<(), InventoryErrors> {
        let mut errors = Errors::new(path, text);
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let header = reader.headers().cloned().unwrap_or_default();
        let place = |name: &str| header.iter().position(|own| own == name);
        for name in header.iter().filter(|name| !COLUMNS.contains(name)) {
            let help = nearest(name, COLUMNS.into_iter());
            let help = help.map_or_else(
                || format!("known here: {}", COLUMNS.join(", ")),
                |near| format!("did you mean {near}?"),
            );
            errors.push(&(0..0), format!("unknown column {name:?}"), help);
        }
        for name in COLUMNS.iter().take(3).filter(|name| place(name).is_none()) {
            let help = format!("the first line names the columns: {}", COLUMNS.join(","));
            errors.push(&(0..0), format!("there is no column {name}"), help);
        }
        let of = |row: &csv::StringRecord, name: &str| {
            let value = place(name).and_then(|at| row.get(at));
            value.unwrap_or_default().to_owned()
        };
        for row in reader.records() {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    let at = error.position().map_or(0, csv::Position::byte);
                    let what = "the line has another number of columns than the first";
                    errors.push(&span(at), what, "put values that hold a comma in quotes");
                    continue;
                }
            };
            let at = span(row.position().map_or(0, csv::Position::byte));
            let some = |text: String| (!text.is_empty()).then_some(text);
            self.approved.extend(approved(
                (&of(&row, "ticket"), &at),
                (&of(&row, "from"), &at),
                (&of(&row, "until"), &at),
                ["instance", "object", "identity"].map(|name| some(of(&row, name))),
                &mut errors,
            ));
        }
        errors.finish()
    }
}

fn span(at: u64) -> Range<usize> {
    let at = usize::try_from(at).unwrap_or_default();
    at..at
}

fn count(written: &Spanned<i64>, errors: &mut Errors<'_>) -> Option<u32> {
    let count = u32::try_from(*written.get_ref()).ok().filter(|n| *n > 0);
    if count.is_none() {
        let what = format!("{} is no number of executions", written.get_ref());
        errors.push(&written.span(), what, "1 or more, or leave it out");
    }
    count
}

fn assemblies(
    written: Vec<Spanned<AllowedAssembly>>,
    errors: &mut Errors<'_>,
) -> Vec<AllowedAssembly> {
    for own in &written {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let hash = own.get_ref().hash.as_deref();
        if hash.is_some_and(|hash| hash.len() != 128 || !hash.bytes().all(is_hex)) {
            let help = "SHA2-512 of the file, 128 digits of lower-case hex";
            errors.push(&own.span(), "the hash is none", help);
        }
        if own.get_ref().name.is_none() && hash.is_none() {
            errors.push(
                &own.span(),
                "any assembly is allowed",
                "give its name, its hash, or both",
            );
        }
    }
    written.into_iter().map(Spanned::into_inner).collect()
}

fn moment((text, span): (&str, &Range<usize>), errors: &mut Errors<'_>) -> Option<Timestamp> {
    let read = Timestamp::from_str(text).ok();
    if read.is_none() {
        let help = "write it with its offset: 2026-11-20T20:00:00Z or 2026-11-20T21:00:00+01:00";
        errors.push(span, format!("{text:?} is no moment"), help);
    }
    read
}

type Written<'w> = (&'w str, &'w Range<usize>);

fn approved(
    ticket: Written<'_>,
    from: Written<'_>,
    until: Written<'_>,
    [instance, object, identity]: [Option<String>; 3],
    errors: &mut Errors<'_>,
) -> Option<ApprovedChange> {
    if ticket.0.trim().is_empty() {
        let help = "name where it was approved";
        errors.push(ticket.1, "an approved change has no ticket", help);
    }
    let (first, last) = (moment(from, errors), moment(until, errors));
    let (first, last) = (first?, last?);
    if last < first {
        let help = "the moment in until comes after that in from";
        errors.push(until.1, "the window ends before it begins", help);
    }
    Some(ApprovedChange {
        ticket: ticket.0.to_owned(),
        from: first,
        until: last,
        instance,
        object,
        identity,
    })
}

impl WrittenApproved {
    fn meant(&self, errors: &mut Errors<'_>) -> Option<ApprovedChange> {
        let patterns = [&self.instance, &self.object, &self.identity].map(Clone::clone);
        approved(
            (self.ticket.get_ref(), &self.ticket.span()),
            (self.from.get_ref(), &self.from.span()),
            (self.until.get_ref(), &self.until.span()),
            patterns,
            errors,
        )
    }
}

impl WrittenSite {
    fn meant(&self, errors: &mut Errors<'_>) -> Option<Site> {
        if self.targets.get_ref().is_empty() {
            let help = "targets = [\"erp-*\", \"site=vienna\"]";
            errors.push(&self.targets.span(), "a site without targets", help);
        }
        let holidays = self.holidays.iter().filter_map(|day| {
            super::resolve::date(day, errors);
            Date::from_str(day.get_ref()).ok()
        });
        let holidays = holidays.collect();
        let hours = self.hours.as_ref().and_then(|own| own.meant(errors));
        Some(Site {
            name: self.name.clone(),
            targets: self.targets.get_ref().clone(),
            zone: self.zone(errors)?,
            hours,
            holidays,
        })
    }

    fn zone(&self, errors: &mut Errors<'_>) -> Option<TimeZone> {
        match (&self.time_zone, &self.utc_offset) {
            (Some(name), None) => {
                // The one that comes with the program: what a machine has differs from the next.
                let zone = TimeZoneDatabase::bundled().get(name.get_ref()).ok();
                if zone.is_none() {
                    let what = format!("{:?} is no time zone", name.get_ref());
                    errors.push(
                        &name.span(),
                        what,
                        "an IANA name: Europe/Vienna, America/New_York",
                    );
                }
                zone
            }
            (None, Some(offset)) => {
                let read = fixed(offset.get_ref());
                if read.is_none() {
                    let what = format!("{:?} is no offset from UTC", offset.get_ref());
                    errors.push(&offset.span(), what, "write it as +01:00 or -03:30");
                }
                read
            }
            _ => {
                let what = "a site has a time_zone, or a utc_offset";
                errors.push(&self.targets.span(), what, "time_zone = \"Europe/Vienna\"");
                None
            }
        }
    }
}

/// `+05:30` as a zone.
fn fixed(text: &str) -> Option<TimeZone> {
    let sign = match text.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let is_clock = (0..=14).contains(&hours) && (0..60).contains(&minutes);
    let seconds = sign * (hours * 60 + minutes) * 60;
    is_clock
        .then(|| Offset::from_seconds(seconds).ok())
        .flatten()
        .map(TimeZone::fixed)
}

impl WrittenHours {
    fn meant(&self, errors: &mut Errors<'_>) -> Option<Hours> {
        let mut days = Vec::new();
        for written in &self.days {
            let day = DAYS.iter().find(|(word, _)| word == written.get_ref());
            if day.is_none() {
                let what = format!("{:?} is no day", written.get_ref());
                errors.push(&written.span(), what, "mon, tue, wed, thu, fri, sat, sun");
            }
            days.extend(day.map(|(_, day)| *day));
        }
        let mut clock = |written: &Spanned<String>| {
            let text = written.get_ref();
            let read = Time::strptime("%H:%M", text)
                .ok()
                .filter(|_| text.len() == 5);
            if read.is_none() {
                let what = format!("{text:?} is no time of day");
                errors.push(&written.span(), what, "write it as 07:30");
            }
            read
        };
        let (from, until) = (clock(&self.from), clock(&self.until));
        let (from, until) = (from?, until?);
        if until <= from {
            let what = "the hours end before they begin";
            errors.push(
                &self.until.span(),
                what,
                "hours end on the day on which they begin",
            );
        }
        Some(Hours { days, from, until })
    }
}

/// The JSON schema of a register.
pub fn register_schema() -> serde_json::Value {
    schemars::schema_for!(WrittenRegister).to_value()
}

#[cfg(test)]
mod tests;
