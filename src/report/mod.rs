//! Reports. One prepared view, the [`Assessment`], and thin renderers over it.

mod assessment;
mod cklb;
mod events;
mod identity;
mod judgement;
mod junit;
mod lines;
mod missing;
mod oscal;
mod paths;
mod preflight;
mod provenance;
#[cfg(test)]
mod sample;
mod sarif;
mod scan;
mod stable;
mod table;
mod template;
mod view;
mod visible;
mod waivers;
mod xlsx;

pub use assessment::{
    Assessment, BySeverity, Coverage, Fleet, Instance, Judged, MissingFact, Ranked, SCHEMA, Tally,
    VerdictEntry,
};
pub use cklb::cklb;
pub use events::{events_heading, events_table, write_events_line};
pub use judgement::Judgement;
pub use lines::{VERDICT_SCHEMA, VerdictLine, verdict_lines, verdicts_csv};
pub use oscal::oscal;
pub use paths::{InstancePaths, PATHS_SCHEMA, PathsGap, PathsReport, Server};
pub use preflight::{PREFLIGHT_SCHEMA, PreflightReport};
pub use provenance::{Cited, Clock, Reported};
pub use sarif::{sarif, verdicts_sarif};
pub use scan::{ScannedFile, Unread, annotated, jsonl, severity, worst};
pub use table::table;
use template::escape_markdown;
pub use template::{RenderError, html, junit, markdown};
pub use visible::visible;
pub use waivers::waivers;
pub use xlsx::xlsx;
