//! Reports. One prepared view, the [`Assessment`], and thin renderers over it.

mod assessment;

pub use assessment::{
    Assessment, BySeverity, Control, Coverage, Fleet, Framework, Instance, Judged, MissingFact,
    SCHEMA, Tally, VerdictEntry,
};

mod interim;
pub use interim::{html, markdown, table, visible};
