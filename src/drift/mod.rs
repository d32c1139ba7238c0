//! What changed between assessments of one estate, and what may be there as it is. Pure: whoever opened the files hands
//! in what they hold.

mod baseline;
mod history;

pub use baseline::{Untold, put, take_assembly, take_script};
pub use history::{
    Assessed, AssessedError, Controls, Counts, FrameworkPoint, FrameworkSeries, Given,
    HISTORY_SCHEMA, History, HistoryBundle, HistoryError, InstancePoint, InstanceSeries, Moves,
    Point, RuleSetUsed, Seal, Signature, Standing, Tracked, TrackedState,
};
