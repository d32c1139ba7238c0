//! Reports. One prepared view, the [`Assessment`], and thin renderers over it.

mod assessment;
mod events;
mod missing;
mod paths;
mod preflight;
#[cfg(test)]
mod sample;
mod scan;
mod table;
mod template;
mod view;
mod visible;

pub use assessment::{
    Assessment, BySeverity, Control, Coverage, Fleet, Framework, Instance, Judged, MissingFact,
    SCHEMA, Tally, VerdictEntry,
};
pub use events::{events_heading, events_table, write_events_line};
pub use paths::{InstancePaths, PATHS_SCHEMA, PathsGap, PathsReport, Server};
pub use preflight::{PREFLIGHT_SCHEMA, PreflightReport};
pub use scan::{ScannedFile, Unread, annotated, jsonl, sarif, severity, worst};
pub use table::table;
pub use template::{RenderError, html, markdown};
pub use visible::visible;
