//! What all files together hold of one target.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::Share;
use super::server::ServerRow;
use crate::collect::events::{
    self, AuditNames, AuditRow, CollectedEvents, Pending, RecordName, TraceRow,
};
use crate::collect::spool::{Kept, Scratch, Spool};
use crate::ids::InstanceId;
use crate::snapshot::{
    EventSource, HostEvent, Observed, Outcome, ServerError, SourceEvents, SourceState,
};

/// What stands for the name of an audit whose files nobody names.
const UNNAMED: &str = "(exported)";

/// Whether a record was taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// It was, or is there already.
    Some,
    /// There are more than were asked for.
    None,
}

/// Counts a record that is taken.
pub struct Counted<'t> {
    share: &'t mut Share,
    moment: String,
}

impl Share {
    /// Where a record of this moment is counted.
    pub(super) fn room(&mut self, moment: String) -> Counted<'_> {
        Counted {
            share: self,
            moment,
        }
    }
}

impl Counted<'_> {
    fn count(self) {
        self.share.events = self.share.events.saturating_add(1);
        let earlier = self
            .share
            .first
            .as_ref()
            .is_none_or(|first| self.moment < *first);
        if earlier {
            self.share.first = Some(self.moment);
        }
    }
}

/// One target.
pub struct Gathered {
    pub id: InstanceId,
    /// As its records name it.
    server_name: Option<String>,
    /// As others of its records name it.
    other_name: Option<String>,
    /// How far each file was seen.
    pub sources: Vec<SourceState>,
    /// What files lack of audits, and of the trace; none where no file has the trace.
    audit_needs: Vec<String>,
    trace_needs: Option<Vec<String>>,
    spool: Arc<Spool>,
    audits: BTreeMap<String, Vec<(AuditRow, Option<Kept>)>>,
    trace: Vec<(TraceRow, Option<Kept>, i32)>,
    host: Vec<HostEvent>,
    /// What names a record: exports overlap.
    known: BTreeSet<RecordName>,
    left: u32,
}

impl Gathered {
    pub fn new(id: InstanceId, scratch: Box<dyn Scratch>, most: u32) -> Self {
        Self {
            id,
            server_name: None,
            other_name: None,
            sources: Vec::new(),
            audit_needs: Vec::new(),
            trace_needs: None,
            spool: Arc::new(Spool::new(scratch)),
            audits: BTreeMap::new(),
            trace: Vec::new(),
            host: Vec::new(),
            known: BTreeSet::new(),
            left: most,
        }
    }

    /// Notes the server that a record names. Names that differ in case alone are one.
    pub fn is_of(&mut self, server: &str) {
        match &self.server_name {
            None => self.server_name = Some(server.to_owned()),
            Some(known) if known.to_lowercase() == server.to_lowercase() => {}
            Some(_) => {
                self.other_name.get_or_insert_with(|| server.to_owned());
            }
        }
    }

    /// The servers that its records name, where there are two.
    pub fn mixed(&self) -> Option<(&str, &str)> {
        self.server_name.as_deref().zip(self.other_name.as_deref())
    }

    /// Whether a record is to be kept: it is not there yet, and there is room.
    fn admit(&mut self, name: Option<RecordName>, counted: Counted<'_>) -> Option<Room> {
        if name.is_some_and(|name| !self.known.insert(name)) {
            return Some(Room::Some);
        }
        if self.left == 0 {
            return Some(Room::None);
        }
        self.left -= 1;
        counted.count();
        None
    }

    /// Notes that there is a record of its audit or trace, which counts or not.
    pub fn know(&mut self, row: &ServerRow) {
        match row {
            ServerRow::Audit(row) => {
                self.audits.entry(audit_of(row)).or_default();
            }
            ServerRow::Trace(..) => {
                self.trace_needs.get_or_insert_default();
            }
        }
    }

    /// Notes what a file lacks of that which it has.
    pub fn miss(&mut self, file: &str, share: &Share, needs: &[String]) {
        let needs = || needs.iter().map(|need| format!("{file}: {need}"));
        if share.has_audits {
            self.audit_needs.extend(needs());
        }
        if share.has_trace {
            self.trace_needs.get_or_insert_default().extend(needs());
        }
    }

    /// Takes a server's record.
    ///
    /// # Errors
    /// The scratch file takes no more.
    pub fn take(
        &mut self,
        row: ServerRow,
        statement: Option<&str>,
        offset: i32,
        counted: Counted<'_>,
    ) -> io::Result<Room> {
        let name = match &row {
            ServerRow::Audit(row) => row.name(statement),
            ServerRow::Trace(row, _) => row.name(statement),
        };
        if let Some(room) = self.admit(name, counted) {
            return Ok(room);
        }
        let kept = statement.map(|text| self.spool.keep(text)).transpose()?;
        match row {
            ServerRow::Audit(row) => {
                let all = self.audits.entry(audit_of(&row)).or_default();
                all.push((*row, kept));
            }
            ServerRow::Trace(row, _) => self.trace.push((*row, kept, offset)),
        }
        Ok(Room::Some)
    }

    /// Takes a host's record.
    pub fn take_host(&mut self, event: HostEvent, counted: Counted<'_>) -> Room {
        let name = event.record.as_ref().map(|record| {
            let place = (&event.machine, &event.channel, &event.provider);
            RecordName::of(&(place, event.event_id, &event.moment), Some(record))
        });
        if let Some(room) = self.admit(name, counted) {
            return room;
        }
        self.host.push(event);
        Room::Some
    }

    /// The events in their order.
    ///
    /// # Errors
    /// A record that was found good and is not.
    pub fn collected(self, offset: Option<i32>) -> io::Result<CollectedEvents> {
        let wrong = |error: ServerError| io::Error::other(error.text);
        let mut all: Vec<Pending> = Vec::new();
        let mut sources = Vec::new();
        if let Some(needs) = self.trace_needs {
            for (row, kept, offset) in self.trace {
                all.extend(events::trace_event(&self.id, row, kept, offset).map_err(wrong)?);
            }
            sources.push(state(EventSource::DefaultTrace, &all, needs));
        }
        for (name, rows) in self.audits {
            let found = events::audit_events(&self.id, &name, rows, &AuditNames::default());
            let mut found = found.map_err(wrong)?;
            let mut needs = self.audit_needs.clone();
            needs.extend(found.needs());
            sources.push(state(EventSource::Audit { name }, &found.events, needs));
            all.append(&mut found.events);
        }
        sources.extend(self.sources);
        let mut host = self.host;
        host.sort_by(|one, other| {
            fn key(event: &HostEvent) -> impl Ord + use<'_> {
                (
                    &event.moment,
                    &event.machine,
                    event.event_id,
                    &event.record,
                    &event.recorded,
                )
            }
            key(one).cmp(&key(other))
        });
        let mut collected = CollectedEvents::none(&self.id, Outcome::Finished);
        collected.target.server_name = self.server_name;
        collected.target.utc_offset_minutes = offset;
        collected.target.sources = sources;
        Ok(collected.with(all, self.spool, host))
    }
}

/// The audit that a record is of.
fn audit_of(row: &AuditRow) -> String {
    row.audit().unwrap_or_else(|| UNNAMED.to_owned())
}

/// What all files hold of a source.
fn state(source: EventSource, events: &[Pending], needs: Vec<String>) -> SourceState {
    let value = SourceEvents {
        events: u32::try_from(events.len()).unwrap_or(u32::MAX),
        first: events.iter().map(Pending::moment).min().map(str::to_owned),
    };
    let seen = if needs.is_empty() {
        Observed::Known { value }
    } else {
        Observed::Partial { value, needs }
    };
    SourceState { source, seen }
}
