//! Two snapshots of one instance, side by side.
//!
//! ```text
//! facts (one table) ─▶ rows (ids become names) ─▶ pairs by identity ─▶ changes with a severity
//! texts             ─▶ normal form             ─▶ cosmetic | code, lines, sinks gained and lost
//! verdicts, routes  ─▶ by rule and subject     ─▶ new, resolved, worse, better, unseen, seen
//! ```

mod code;
mod entry;
mod facts;
mod instance;
mod judged;
mod names;
mod owner;
mod pending;
mod place;
mod record;
mod rows;
mod severity;

pub use entry::{
    Change, ChangeKind, ColumnChange, DIFF_SCHEMA, Diff, ExposureChange, InstanceDiff,
    NotComparable, Pairing, Pending, Points, RouteChange, TextChange, VerdictChange, VerdictDrift,
};
pub use facts::{COMPARED, Compared, NOT_COMPARED};
pub use instance::{Side, compare, compare_planned, only_on_one_side};
pub use judged::{Judged, JudgedVerdict, Sight};
pub(super) use names::{Ref, bare_permission, bare_securable};
pub(super) use record::pattern;
pub use record::{
    CHANGE_SCHEMA, ChangeRecord, ChangeRecordError, Folded, Happened, Planned, PlannedOutcome,
    RecordOutcome,
};
