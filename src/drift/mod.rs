//! Drift: what changed between two assessed snapshots and between assessments of one estate, and what may be there as it
//! is. Pure and synchronous, over facts and verdicts: nothing here opens a path, asks a clock, or knows how it is shown.
//!
//! What was not seen on either side is never *unchanged*: it is *not comparable*, and says what would settle it.

mod attribution;
mod baseline;
mod diff;
mod history;
mod host;
mod unseen;

pub use attribution::{
    Attributed, AttributionSummary, Blind, BlindSpot, ChangeAttribution, InstanceAttribution,
    OutcomeCount, Passed, SideFacts, ToldEvent, Witnesses, attribute,
};
pub use baseline::{Untold, put, take_assembly, take_script};
pub use diff::*;
pub use history::{
    Assessed, AssessedError, Controls, Counts, FrameworkPoint, FrameworkSeries, Given,
    HISTORY_SCHEMA, History, HistoryBundle, HistoryError, InstancePoint, InstanceSeries, Moves,
    Point, RuleSetUsed, Seal, Signature, Standing, TREND_SCHEMA, Tracked, TrackedState, Trend,
    TrendBundle, TrendError,
};
pub use host::{
    Explanation, HOST_WINDOW_MINUTES, HostChannel, HostEntry, HostInput, HostStanding, HostTimeline,
};
