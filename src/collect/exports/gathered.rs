//! What all files together hold of one target.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::Share;
use super::server::ServerRow;
use crate::collect::events::{self, AuditNames, AuditRow, CollectedEvents, Pending, TraceRow};
use crate::collect::spool::{Kept, Scratch, Spool};
use crate::ids::InstanceId;
use crate::snapshot::{HostEvent, Outcome, ServerError, SourceState};

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
    id: InstanceId,
    /// As its records name it.
    pub server_name: Option<String>,
    /// How far each file was seen.
    pub sources: Vec<SourceState>,
    spool: Arc<Spool>,
    audits: BTreeMap<String, Vec<(AuditRow, Option<Kept>)>>,
    trace: Vec<(TraceRow, Option<Kept>, i32)>,
    host: Vec<HostEvent>,
    /// What names a record: exports overlap.
    known: BTreeSet<String>,
    left: u32,
}

impl Gathered {
    pub fn new(id: InstanceId, scratch: Box<dyn Scratch>, most: u32) -> Self {
        Self {
            id,
            server_name: None,
            sources: Vec::new(),
            spool: Arc::new(Spool::new(scratch)),
            audits: BTreeMap::new(),
            trace: Vec::new(),
            host: Vec::new(),
            known: BTreeSet::new(),
            left: most,
        }
    }

    /// Whether a record is to be kept: it is not there yet, and there is room.
    fn admit(&mut self, name: Option<String>, counted: Counted<'_>) -> Option<Room> {
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
            ServerRow::Audit(row) => row.name(),
            ServerRow::Trace(row, _) => row.name(),
        };
        if let Some(room) = self.admit(name, counted) {
            return Ok(room);
        }
        let kept = statement.map(|text| self.spool.keep(text)).transpose()?;
        match row {
            ServerRow::Audit(row) => {
                let audit = row.audit().unwrap_or_else(|| UNNAMED.to_owned());
                self.audits.entry(audit).or_default().push((*row, kept));
            }
            ServerRow::Trace(row, _) => self.trace.push((*row, kept, offset)),
        }
        Ok(Room::Some)
    }

    /// Takes a host's record.
    pub fn take_host(&mut self, event: HostEvent, counted: Counted<'_>) -> Room {
        let name = event.record.as_ref().map(|record| {
            let (machine, channel) = (&event.machine, &event.channel);
            let provider = &event.provider;
            format!(
                "host {machine:?} {channel:?} {provider:?} {record} {} {}",
                event.event_id, event.moment
            )
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
        for (name, rows) in self.audits {
            all.append(
                &mut events::audit_events(&self.id, &name, rows, &AuditNames::default())
                    .map_err(wrong)?,
            );
        }
        for (row, kept, offset) in self.trace {
            all.extend(events::trace_event(&self.id, row, kept, offset).map_err(wrong)?);
        }
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
        collected.target.sources = self.sources;
        Ok(collected.with(all, self.spool, host))
    }
}
