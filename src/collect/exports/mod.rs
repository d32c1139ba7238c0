//! Events out of files that somebody exported: the same typed rows as from servers, by another carrier, so that nobody needs a
//! right on the server for it; and what its Windows recorded.
//!
//! ```text
//! EVTX ─────────────┐
//! JSON ─▶ text ─────┼─▶ fields ─▶ audit row │ trace row │ host event ─▶ the events of each target
//! CSV  ─▶ text ─────┘
//! ```
//!
//! What cannot be read is told with its place, and the source is then `partial`: a file never gives fewer events in silence.

mod csv;
mod evtx;
mod fields;
mod gathered;
mod host;
mod json;
mod logged_audit;
mod server;
mod text;

use std::collections::BTreeMap;
use std::io::{self, Read};

use jiff::SignedDuration;

use fields::Fields;
use gathered::Gathered;
use host::Told;
use server::ServerRow;

pub use server::minutes;

use super::events::{CollectedEvents, EventWindow, times};
use super::spool::NewScratch;
use crate::ids::InstanceId;
use crate::snapshot::{EventSource, Observed, SourceEvents, SourceState};

/// Most bytes of a file of text. A log of Windows is read a chunk at a time and may be larger.
const LARGEST_TEXT: u64 = 512 << 20;
/// Problems of a file that are told one by one.
const MOST_PROBLEMS: usize = 5;
/// Times of a trace can be an hour off where daylight saving time changed since.
const DAYLIGHT_SAVING: SignedDuration = SignedDuration::from_hours(1);

/// What is wrong with a row, and where.
#[derive(Debug)]
pub struct Problem {
    line: usize,
    why: String,
}

impl Problem {
    fn new(line: usize, why: impl Into<String>) -> Self {
        Self {
            line,
            why: why.into(),
        }
    }
}

/// A row of a file of text with its line.
type Row = Result<(usize, Fields), Problem>;

/// Why a file gives nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Not in an encoding that can be known.
    #[error("line {line}: {why}")]
    Encoding {
        /// Where.
        line: usize,
        /// In words.
        why: &'static str,
    },
    /// Larger than is held in memory.
    #[error("it is larger than {} MiB: export less time at once", LARGEST_TEXT >> 20)]
    TooLarge,
    /// Rows of a table that anybody who is audited could have written.
    #[error(
        "line {line}: {why}, so that a statement with separators and line ends in it is further rows, which nothing tells from \
         real ones: no row of such a file counts. Export with Invoke-Sqlcmd … | Export-Csv (every text in quotes), or as JSON \
         (FOR JSON PATH, also from sqlcmd and SSMS)"
    )]
    Unquoted {
        /// Where.
        line: usize,
        /// In words.
        why: &'static str,
    },
    /// One target's records are those of two servers.
    #[error(
        "its records of target {target} are of server {other:?}, and records before them are of {server:?}: give each \
         server's files a target of their own, or leave --target out"
    )]
    TwoServers {
        /// Whose they would be.
        target: InstanceId,
        /// What the first records say.
        server: String,
        /// What these say.
        other: String,
    },
    /// Neither a server's events nor a Windows log.
    #[error(
        "{0}none of its rows has the columns of sys.fn_get_audit_file (event_time, action_id), of sys.fn_trace_gettable \
         (EventClass, StartTime) or of a Windows event (a number of an event): see `changes --help` for what to export"
    )]
    Unrecognised(String),
    /// No row says of which target it is.
    #[error("nothing in it that can be read says of which server it is: say it with --target{0}")]
    Nobodys(String),
    /// The file or the scratch file fails.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How files are read.
pub struct ExportOptions {
    /// Of what time, and how many from each target.
    pub window: EventWindow,
    /// Of which target they are, whatever they say.
    pub target: Option<InstanceId>,
    /// Offset from UTC of times that do not say theirs.
    pub utc_offset_minutes: Option<i32>,
    /// Where statements lie meanwhile.
    pub scratch: NewScratch,
}

/// Exported files, read one after another.
pub struct Exports {
    options: ExportOptions,
    /// By name in lower case: Windows does not tell names apart by case.
    targets: BTreeMap<String, Gathered>,
}

/// What one file gave.
#[derive(Default)]
struct Tally {
    rows: usize,
    recognised: usize,
    by_target: BTreeMap<String, Share>,
    problems: Vec<String>,
    further_problems: usize,
    without_offset: usize,
    without_parent: usize,
    unrecognised: usize,
}

/// What one file gave of one target.
#[derive(Default)]
struct Share {
    events: u32,
    first: Option<String>,
    is_cut: bool,
    /// Rows of these, whether they count or not.
    has_audits: bool,
    has_trace: bool,
}

impl Tally {
    fn problem(&mut self, place: &str, why: &str) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(format!("{place}: {why}"));
        } else {
            self.further_problems += 1;
        }
    }

    /// What is unseen in the file, whosever it is.
    fn needs(&self) -> Vec<String> {
        let mut needs = self.problems.clone();
        let mut counted = |count: usize, what: &str| {
            if count > 0 {
                needs.push(format!("{count} {what}"));
            }
        };
        counted(self.further_problems, "further places that cannot be read");
        counted(
            self.without_offset,
            "trace events whose times are the server's, and unknown in UTC: give its offset with --utc-offset",
        );
        counted(
            self.without_parent,
            "created processes without the name of what started them (Windows writes it from Server 2016 on): which of them \
             SQL Server started is not known",
        );
        counted(
            self.unrecognised,
            "records with the number of an event that is looked for (4688, 15457, …) and a source that is not known: what \
             they are was not told",
        );
        needs
    }
}

/// Whether a record, or a row with these columns, is one that counts.
fn is_known(fields: &Fields) -> bool {
    server::is_audit(fields) || server::is_trace(fields) || host::is_host(fields)
}

impl From<csv::Unquoted> for ExportError {
    fn from(csv::Unquoted { line, why }: csv::Unquoted) -> Self {
        Self::Unquoted { line, why }
    }
}

impl Exports {
    /// Reads nothing yet.
    pub fn new(options: ExportOptions) -> Self {
        Self {
            options,
            targets: BTreeMap::new(),
        }
    }

    /// Reads one file of this name.
    ///
    /// # Errors
    /// It gives nothing at all; see [`ExportError`].
    pub fn read(&mut self, name: &str, from: &mut dyn Read) -> Result<(), ExportError> {
        let mut tally = Tally::default();
        let mut start = Vec::new();
        let magic = evtx::MAGIC.len() as u64;
        (&mut *from).take(magic).read_to_end(&mut start)?;
        let is_log = start.as_slice() == evtx::MAGIC.as_slice();
        let mut from = io::Cursor::new(start).chain(from);
        let mut failed = None;
        let mut keep = |this: &mut Self, tally: &mut Tally, place: &str, fields: &Fields| {
            if let Err(error) = this.take(name, tally, place, fields) {
                failed.get_or_insert(error);
            }
        };
        if is_log {
            evtx::read(&mut from, &mut |found| match found {
                evtx::Found::Record(at, fields) => {
                    keep(self, &mut tally, &format!("offset {at}"), &fields);
                }
                evtx::Found::Damage(at, why) => tally.problem(&format!("offset {at}"), &why),
            })?;
        } else {
            let mut bytes = Vec::new();
            from.take(LARGEST_TEXT + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > LARGEST_TEXT {
                return Err(ExportError::TooLarge);
            }
            let text = text::decoded(bytes)?;
            let mut take = |row: Row| match row {
                Ok((line, fields)) => keep(self, &mut tally, &format!("line {line}"), &fields),
                Err(problem) => tally.problem(&format!("line {}", problem.line), &problem.why),
            };
            if json::is_json(&text) {
                json::rows(&text, &mut take);
            } else {
                csv::rows(&text, is_known, &mut take)?;
            }
        }
        match failed {
            Some(error) => Err(error.into()),
            None => self.conclude(name, tally),
        }
    }

    /// Says of every target that the file is of how far it was seen.
    fn conclude(&mut self, name: &str, mut tally: Tally) -> Result<(), ExportError> {
        let first = tally
            .problems
            .first()
            .map_or_else(String::new, |first| format!("{first}; "));
        if tally.recognised == 0 && (tally.rows > 0 || !tally.problems.is_empty()) {
            // A log is recognised by its form, however little of it can be read.
            if tally.rows > 0 || self.options.target.is_none() {
                return Err(ExportError::Unrecognised(first));
            }
        }
        if tally.by_target.is_empty() {
            let Some(target) = self.options.target.clone() else {
                let why = if first.is_empty() {
                    first
                } else {
                    format!(" ({})", first.trim_end_matches("; "))
                };
                return Err(ExportError::Nobodys(why));
            };
            let key = self.target(&target)?;
            tally.by_target.entry(key).or_default();
        }
        let needs = tally.needs();
        let most = self.options.window.most;
        for (key, share) in tally.by_target {
            let Some(gathered) = self.targets.get_mut(&key) else {
                continue;
            };
            let mut needs = needs.clone();
            if share.is_cut {
                needs.push(format!(
                    "there are more records than the {most} that were taken from this target, and which is not known: \
                     ask for less time, or raise --max-events"
                ));
            }
            if let Some((server, other)) = gathered.mixed() {
                return Err(ExportError::TwoServers {
                    target: gathered.id.clone(),
                    server: server.to_owned(),
                    other: other.to_owned(),
                });
            }
            gathered.miss(name, &share, &needs);
            let value = SourceEvents {
                events: share.events,
                first: share.first,
            };
            let seen = if needs.is_empty() {
                Observed::Known { value }
            } else {
                Observed::Partial { value, needs }
            };
            let source = EventSource::Export {
                file: name.to_owned(),
            };
            gathered.sources.push(SourceState { source, seen });
        }
        Ok(())
    }

    /// The key of a target, made known.
    fn target(&mut self, target: &InstanceId) -> io::Result<String> {
        let key = target.as_str().to_lowercase();
        if !self.targets.contains_key(&key) {
            let most = self.options.window.most;
            let gathered = Gathered::new(target.clone(), (self.options.scratch)()?, most);
            self.targets.insert(key.clone(), gathered);
        }
        Ok(key)
    }

    /// Takes one record. An error is the scratch file's; what is wrong with the record is noted.
    fn take(
        &mut self,
        name: &str,
        tally: &mut Tally,
        place: &str,
        fields: &Fields,
    ) -> io::Result<()> {
        tally.rows += 1;
        let is_servers = server::is_audit(fields) || server::is_trace(fields);
        let taken = if host::is_audit(fields) {
            tally.recognised += 1;
            match host::audit(fields) {
                Ok(record) => self.take_row(tally, &record)?,
                Err(why) => Err(why),
            }
        } else if is_servers {
            tally.recognised += 1;
            self.take_row(tally, fields)?
        } else if host::is_host(fields) {
            tally.recognised += 1;
            self.take_host(name, tally, fields)?
        } else {
            Err("none of the columns that rows of audits, traces and Windows logs have".to_owned())
        };
        if let Err(why) = taken {
            tally.problem(place, &why);
        }
        Ok(())
    }

    fn is_asked_for(&self, moment: &str, slack: SignedDuration) -> bool {
        let window = &self.options.window;
        let shifted = |moment: jiff::Timestamp, by: SignedDuration| {
            times::written(moment.saturating_add(by).unwrap_or(moment))
        };
        let is_before = |until: jiff::Timestamp| moment < shifted(until, slack).as_str();
        moment >= shifted(window.since, -slack).as_str() && window.until.is_none_or(is_before)
    }

    fn take_row(&mut self, tally: &mut Tally, fields: &Fields) -> io::Result<Result<(), String>> {
        let row = match server::row(fields) {
            Ok(row) => row,
            Err(why) => return Ok(Err(why)),
        };
        // Whose it is is told of what is left out too, so that it can be said of whom something is missing.
        let key = match self.name(tally, fields)? {
            Ok(key) => key,
            Err(why) => return Ok(Err(why)),
        };
        if let (Some(gathered), Some(share)) =
            (self.targets.get_mut(&key), tally.by_target.get_mut(&key))
        {
            gathered.know(&row);
            match row {
                ServerRow::Audit(_) => share.has_audits = true,
                ServerRow::Trace(..) => share.has_trace = true,
            }
        }
        let (moment, slack, offset) = match &row {
            ServerRow::Audit(row) => (times::utc(row.recorded()), SignedDuration::ZERO, 0),
            ServerRow::Trace(row, _) if !row.is_asked_for() => return Ok(Ok(())),
            ServerRow::Trace(row, own) => {
                let Some(offset) = own.or(self.options.utc_offset_minutes) else {
                    tally.without_offset += 1;
                    return Ok(Ok(()));
                };
                let moment = times::utc_of_local(row.recorded(), offset);
                (moment, DAYLIGHT_SAVING, offset)
            }
        };
        let moment = match moment {
            Ok(moment) => moment,
            Err(error) => return Ok(Err(error.text)),
        };
        if !self.is_asked_for(&moment, slack) {
            return Ok(Ok(()));
        }
        let (Some(gathered), Some(share)) =
            (self.targets.get_mut(&key), tally.by_target.get_mut(&key))
        else {
            return Ok(Ok(()));
        };
        if let Some(own) = server::instance(fields) {
            gathered.is_of(own);
        }
        if gathered.take(row, server::statement(fields), offset, share.room(moment))?
            == gathered::Room::None
        {
            share.is_cut = true;
        }
        Ok(Ok(()))
    }

    /// The target of a server's record.
    fn name(&mut self, tally: &mut Tally, fields: &Fields) -> io::Result<Result<String, String>> {
        let own = server::instance(fields).map(InstanceId::new);
        let Some(target) = self.options.target.clone().or(own) else {
            let why = "it has no server_instance_name (of a trace, ServerName): say with --target whose it is";
            return Ok(Err(why.to_owned()));
        };
        let key = self.target(&target)?;
        tally.by_target.entry(key.clone()).or_default();
        Ok(Ok(key))
    }

    fn take_host(
        &mut self,
        name: &str,
        tally: &mut Tally,
        fields: &Fields,
    ) -> io::Result<Result<(), String>> {
        let reading = host::Reading {
            export: name,
            target: self.options.target.as_ref(),
            offset: self.options.utc_offset_minutes,
        };
        let (event, doubt) = match host::event(fields, reading) {
            Ok(Told::Event(event, doubt)) => (event, doubt),
            Ok(Told::Other) => return Ok(Ok(())),
            Ok(Told::Unrecognised) => {
                tally.unrecognised += 1;
                return Ok(Ok(()));
            }
            Ok(Told::NoParent) => {
                tally.without_parent += 1;
                return Ok(Ok(()));
            }
            Err(why) => return Ok(Err(why)),
        };
        let key = self.target(&event.target)?;
        let share = tally.by_target.entry(key.clone()).or_default();
        if !self.is_asked_for(&event.moment, SignedDuration::ZERO) {
            return Ok(Ok(()));
        }
        if let Some(gathered) = self.targets.get_mut(&key) {
            let moment = event.moment.clone();
            if gathered.take_host(*event, share.room(moment)) == gathered::Room::None {
                share.is_cut = true;
            }
        }
        Ok(doubt.map_or(Ok(()), Err))
    }

    /// The events of each target, by name.
    ///
    /// # Errors
    /// A record that was found good and is not; this is a defect.
    pub fn finish(self) -> io::Result<Vec<CollectedEvents>> {
        let offset = self.options.utc_offset_minutes;
        let targets = self.targets.into_values();
        targets.map(|gathered| gathered.collected(offset)).collect()
    }
}
