//! Reports. One prepared view, the [`Assessment`], and thin renderers over it.

mod assessment;
mod events;
mod evidence;
mod judgement;
mod lines;
mod missing;
mod paths;
mod preflight;
mod provenance;
mod redact;
mod run;
#[cfg(test)]
mod sample;
mod scan;
mod table;
mod template;
mod view;
mod visible;
mod waivers;

pub use assessment::{
    Assessment, BySeverity, Coverage, Fleet, Instance, Judged, MissingFact, Ranked, SCHEMA, Tally,
    VerdictEntry,
};
pub use events::{events_heading, events_table, write_events_line};
pub use evidence::{
    EVIDENCE_SCHEMA, EvidenceBasis, FileHash, STATEMENTS, StatementText, TargetEvidence,
    statement_path,
};
pub use judgement::Judgement;
pub use lines::{VERDICT_SCHEMA, VerdictLine, verdict_lines, verdicts_csv};
pub use paths::{InstancePaths, PATHS_SCHEMA, PathsGap, PathsReport, Server};
pub use preflight::{PREFLIGHT_SCHEMA, PreflightReport};
pub use provenance::{Cited, Clock, Reported};
pub use redact::{Names, RedactError, redacted};
pub use run::{FrameworkVersion, RUN_SCHEMA, RuleSet, RunCompleteness, RunRecord, RunTarget, Tool};
pub use scan::{ScannedFile, Unread, annotated, jsonl, sarif, severity, worst};
pub use table::table;
pub use template::{RenderError, html, markdown};
pub use visible::visible;
pub use waivers::waivers;
