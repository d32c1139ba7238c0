//! Events whose statements still lie in the spool, and how they are put together again.

use std::cmp::Ordering;
use std::io;

use sha2::{Digest, Sha256};

use crate::collect::spool::{Kept, Spool, hex};
use crate::snapshot::{Event, EventSource, EventStatement};

/// UTF-16 units of a statement that fill an audit record: a full last record may have had a successor.
pub const FULL_RECORD: u32 = 4000;
/// Most bytes of one statement that are kept.
const LONGEST_STATEMENT: usize = 4 << 20;
/// Stands where something is missing.
const GAP: &str = "[…]";

/// An event without its statement.
pub struct Pending {
    event: Event,
    /// Orders events of one moment.
    sequence: i64,
    /// Records of the statement with their numbers from 1, rising.
    pieces: Vec<(i32, Kept)>,
    /// The statement may go on after a record that is full.
    in_records: bool,
    /// There are further records, and which are of this statement is not known.
    is_torn: bool,
}

impl Pending {
    /// An event whose statement came in one.
    pub fn new(event: Event, sequence: i64, pieces: Vec<(i32, Kept)>) -> Self {
        Self {
            event,
            sequence,
            pieces,
            in_records: false,
            is_torn: false,
        }
    }

    /// An event whose statement came in records of an audit.
    pub fn in_records(event: Event, sequence: i64, pieces: Vec<(i32, Kept)>) -> Self {
        Self {
            in_records: true,
            ..Self::new(event, sequence, pieces)
        }
    }

    /// The same, where it is not known which further records are of its statement.
    pub fn without_neighbours(self) -> Self {
        Self {
            is_torn: true,
            ..self
        }
    }

    /// When, UTC.
    pub fn moment(&self) -> &str {
        &self.event.moment
    }

    /// By everything, so that one set of events has one order.
    fn order(&self, other: &Self) -> Ordering {
        fn first(pending: &Pending) -> (&str, &EventSource, i64) {
            let event = &pending.event;
            (&event.moment, &event.source, pending.sequence)
        }
        fn rest(pending: &Pending) -> impl Ord + use<'_> {
            let event = &pending.event;
            let pieces = pending.pieces.iter();
            let texts: Vec<String> = pieces.map(|(_, kept)| kept.hash().sha256).collect();
            (
                (&event.action, &event.who, &event.from, &event.on),
                (event.session_id, event.error, event.succeeded),
                texts,
            )
        }
        first(self)
            .cmp(&first(other))
            .then_with(|| rest(self).cmp(&rest(other)))
    }

    /// The event with its statement, in which nothing is masked yet.
    ///
    /// # Errors
    /// The scratch file cannot be read.
    pub fn with_statement(&self, spool: &Spool) -> io::Result<Event> {
        let mut event = self.event.clone();
        if !self.pieces.is_empty() {
            event.statement = Some(self.statement(spool)?);
        }
        Ok(event)
    }

    fn statement(&self, spool: &Spool) -> io::Result<EventStatement> {
        let mut hash = Sha256::new();
        let mut statement = EventStatement {
            text: String::new(),
            sha256: None,
            missing: Vec::new(),
            cut: false,
        };
        let mut due = 1_i64;
        for (number, kept) in &self.pieces {
            let number = i64::from(*number);
            if number > due {
                statement.missing.push(range(due, number - 1));
                statement.text.push_str(GAP);
            }
            due = number + 1;
            let piece = spool.text(kept)?;
            hash.update(piece.as_bytes());
            if !statement.cut {
                statement.cut = statement.text.len() + piece.len() > LONGEST_STATEMENT;
                let room = LONGEST_STATEMENT.saturating_sub(statement.text.len());
                statement.text.push_str(head(&piece, room));
            }
        }
        let last = self.pieces.last().map(|(_, kept)| kept.hash().utf16_units);
        let may_go_on = |units| self.is_torn || units >= FULL_RECORD;
        if self.in_records && last.is_some_and(may_go_on) {
            statement.missing.push(range(due, due));
        }
        if statement.cut {
            statement.text.push_str(GAP);
        }
        if statement.missing.is_empty() {
            statement.sha256 = Some(hex(&hash.finalize()));
        }
        Ok(statement)
    }
}

/// Puts events in their order: by moment, source and what is in them.
pub fn sort(events: &mut [Pending]) {
    events.sort_by(Pending::order);
}

fn range(first: i64, last: i64) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}

/// So many bytes of the text, or fewer where they would split a character.
fn head(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
