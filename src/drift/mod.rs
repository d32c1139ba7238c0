//! Drift: what changed between two assessed snapshots. Pure and synchronous, over facts and verdicts: nothing here opens
//! a path, asks a clock, or knows how it is shown.
//!
//! What was not seen on either side is never *unchanged*: it is *not comparable*, and says what would settle it.

mod diff;

pub use diff::*;
