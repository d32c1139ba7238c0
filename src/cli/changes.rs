//! `changes`: recorded events of a time, from servers or from what was exported there.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

use super::args::{Changes, EventsFormat};
use super::targets::Estate;
use super::{Exit, output, progress, stop};
use crate::collect::{
    self, CollectedEvents, Completion, EventWindow, ExportError, ExportOptions, Exports,
    NewScratch, Scratch,
};
use crate::ids::InstanceId;
use crate::inventory::Reach;
use crate::report::{events_heading, events_table, write_events_line};
use crate::snapshot::{EventsHeader, EventsLine, Observed, Outcome, Stage, Trouble};

/// Longest name of a target, as in an inventory.
const LONGEST_NAME: usize = 128;
/// Where nobody says since when: before all that can be recorded.
const EARLIEST: &str = "1900-01-01";
/// Years that a server's `datetime` holds with an hour to spare, and a person may mean.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=9998;

pub(super) fn changes(args: &Changes) -> anyhow::Result<Exit> {
    let window = window(args)?;
    if !args.from_files.is_empty() {
        return from_files(args, window);
    }
    let estate = Estate::from_args(&args.targets)?;
    stop::listen();
    let plans = estate.plans(args.targets.keep_trying)?;
    let to = open(args.output.as_deref())?;
    Ok(output::incomplete_on_error(|| {
        let (found, completion) = collected(args, &estate, plans, window)?;
        finish(write(args, window, &found, to), args.output.as_deref())?;
        let stopped = completion == Completion::Stopped || stop::asked();
        Ok(exit(&found, stopped))
    }))
}

fn exit(found: &[CollectedEvents], stopped: bool) -> Exit {
    let whole = found.iter().all(|events| events.target.is_whole());
    if whole && !stopped {
        Exit::Clean
    } else {
        Exit::Incomplete
    }
}

/// All files are read before anything is written: what is refused leaves nothing behind.
fn from_files(args: &Changes, window: EventWindow) -> anyhow::Result<Exit> {
    let offset = args.utc_offset.as_deref().map(|text| {
        let minutes = collect::minutes(text);
        minutes
            .with_context(|| format!("--utc-offset {text:?} is no offset: write +02:00 or -03:30"))
    });
    let mut exports = Exports::new(ExportOptions {
        window,
        target: args.target.as_deref().map(target).transpose()?,
        utc_offset_minutes: offset.transpose()?,
        scratch: scratch(),
    });
    for path in &args.from_files {
        let name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy();
        let read = File::open(path).map_err(ExportError::from);
        let read = read.and_then(|file| exports.read(&name, &mut BufReader::new(file)));
        read.with_context(|| format!("cannot read {}", path.display()))?;
    }
    let found = exports.finish().context("cannot put the events together")?;
    let window = reached(args, window, &found);
    let to = open(args.output.as_deref())?;
    Ok(output::incomplete_on_error(|| {
        finish(write(args, window, &found, to), args.output.as_deref())?;
        Ok(exit(&found, stop::asked()))
    }))
}

/// Where nobody asked since when, from the first record on: what was before it is not in the files.
fn reached(args: &Changes, window: EventWindow, found: &[CollectedEvents]) -> EventWindow {
    let sources = found.iter().flat_map(|events| &events.target.sources);
    let first = sources.filter_map(|source| match &source.seen {
        Observed::Known { value } | Observed::Partial { value, .. } => value.first.as_deref(),
        _ => None,
    });
    match first.min().and_then(|first| first.parse().ok()) {
        Some(since) if args.since.is_none() => EventWindow { since, ..window },
        _ => window,
    }
}

fn target(name: &str) -> anyhow::Result<InstanceId> {
    let is_name =
        (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.contains(char::is_control);
    if !is_name {
        bail!("--target needs 1 to {LONGEST_NAME} characters, none of them a control character");
    }
    Ok(InstanceId::new(name))
}

fn scratch() -> NewScratch {
    Arc::new(|| Ok(Box::new(tempfile::tempfile()?) as Box<dyn Scratch>))
}

fn window(args: &Changes) -> anyhow::Result<EventWindow> {
    let since = moment("--since", args.since.as_deref().unwrap_or(EARLIEST))?;
    let until = args.until.as_deref();
    let until = until.map(|text| moment("--until", text)).transpose()?;
    if until.is_some_and(|until| until <= since) {
        bail!("--until must be after --since");
    }
    Ok(EventWindow {
        since,
        until,
        most: args.max_events,
    })
}

/// A day or a minute, UTC.
fn moment(argument: &str, text: &str) -> anyhow::Result<Timestamp> {
    let parsed = match text.len() {
        10 => text.parse::<Date>().map(|date| date.at(0, 0, 0, 0)),
        16 if text.as_bytes().get(10) == Some(&b'T') => text.parse::<DateTime>(),
        _ => {
            bail!("{argument} {text:?} is no moment: write YYYY-MM-DD or YYYY-MM-DDTHH:MM, in UTC")
        }
    };
    let parsed = parsed.ok().filter(|time| YEARS.contains(&time.year()));
    let parsed = parsed.and_then(|time| Offset::UTC.to_timestamp(time).ok());
    parsed.with_context(|| format!("{argument} {text:?} is not in the calendar"))
}

/// One for each target, in the order of the inventory.
fn collected(
    args: &Changes,
    estate: &Estate,
    mut plans: Vec<collect::TargetPlan>,
    window: EventWindow,
) -> anyhow::Result<(Vec<CollectedEvents>, Completion)> {
    let scratch = scratch();
    for plan in &mut plans {
        plan.scratch = Arc::clone(&scratch);
    }
    let progress = progress::for_stderr(plans.len(), "read");
    let concurrency = usize::from(args.targets.concurrency);
    let (read, completion) =
        collect::collect_events(&plans, window, concurrency, &progress, stop::flag())
            .context("cannot start the collector")?;
    let mut read = read.into_iter();
    let targets = estate.inventory.targets.iter();
    let found = targets.filter_map(|target| match &target.reach {
        Reach::Server(_) => read.next(),
        Reach::Snapshot(_) => {
            let outcome = Outcome::Unreached(Trouble {
                stage: Stage::Recording,
                why: "a recorded snapshot holds no events".to_owned(),
                remedy: "leave the target out with --exclude, or name its server".to_owned(),
            });
            Some(CollectedEvents::none(&target.name, outcome))
        }
    });
    Ok((found.collect(), completion))
}

/// Opens the result before any server is asked. What clients sent is nobody else's to read.
fn open(path: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    let Some(path) = path else {
        return Ok(Box::new(io::stdout().lock()));
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Box::new(file))
}

fn write(
    args: &Changes,
    window: EventWindow,
    found: &[CollectedEvents],
    to: Box<dyn Write>,
) -> io::Result<()> {
    let mut to = BufWriter::new(to);
    let header = window.header();
    match args.format {
        EventsFormat::Table => write_tables(&header, found, &mut to)?,
        EventsFormat::Jsonl => write_lines(header, found, &mut to)?,
    }
    to.flush()
}

fn write_tables(
    header: &EventsHeader,
    found: &[CollectedEvents],
    to: &mut impl Write,
) -> io::Result<()> {
    let width = output::Terminal::of_stdout().width;
    to.write_all(events_heading(header).as_bytes())?;
    for events in found {
        let table = events_table(&events.target, events.events(), events.host(), width)?;
        to.write_all(b"\n")?;
        to.write_all(table.as_bytes())?;
    }
    Ok(())
}

fn write_lines(
    header: EventsHeader,
    found: &[CollectedEvents],
    to: &mut impl Write,
) -> io::Result<()> {
    write_events_line(to, EventsLine::Header(header))?;
    for events in found {
        write_events_line(to, EventsLine::Target(events.target.clone()))?;
        for event in events.events() {
            write_events_line(to, EventsLine::Event(Box::new(event?)))?;
        }
        for event in events.host() {
            write_events_line(to, EventsLine::Host(Box::new(event.clone())))?;
        }
    }
    Ok(())
}

/// A reader that went away (`| head`) is not an error.
fn finish(written: io::Result<()>, path: Option<&Path>) -> anyhow::Result<()> {
    match (written, path) {
        (Ok(()), Some(path)) => output::note(&format!("written to {}", path.display())),
        (Err(error), Some(path)) => {
            return Err(error).with_context(|| format!("cannot write {}", path.display()));
        }
        (Err(error), None) if error.kind() != io::ErrorKind::BrokenPipe => {
            return Err(error).context("cannot write the events");
        }
        _ => {}
    }
    Ok(())
}
