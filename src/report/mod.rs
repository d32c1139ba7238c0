//! Reports. One prepared view, the [`Assessment`], and thin renderers over it.

mod argument;
mod assessment;
mod baselines;
mod cklb;
mod detections;
mod drift;
mod events;
mod evidence;
mod fleet;
mod history;
mod identity;
mod judgement;
mod junit;
mod lines;
mod missing;
mod ocsf;
mod oscal;
mod paths;
mod preflight;
mod prometheus;
mod provenance;
mod redact;
mod run;
#[cfg(test)]
mod sample;
mod sarif;
mod scan;
mod stable;
mod summary;
mod table;
mod template;
mod view;
mod visible;
mod waivers;
mod xlsx;

pub use argument::argument;
pub use assessment::{Assessment, Coverage, Instance, Judged, MissingFact, SCHEMA, VerdictEntry};
pub use baselines::baselines;
pub use cklb::cklb;
pub use detections::{DetectionFile, PlaybookView, SigmaView, detections, nameless};
use drift::DriftGlance;
pub use drift::{
    DRIFT_VIEW_SCHEMA, DriftView, diff_html, diff_json, diff_markdown, diff_summary, diff_table,
    write_diff_json,
};
pub use events::{events_heading, events_table, write_events_line};
pub use evidence::{
    EVIDENCE_SCHEMA, EvidenceBasis, FileHash, STATEMENTS, StatementText, TargetEvidence,
    statement_path,
};
pub use fleet::{BySeverity, Fleet, Ranked, Tally};
use history::TrendView;
pub use history::{HistoryView, history_html, history_markdown, history_table, trend_table};
pub use judgement::{Earlier, Judgement};
pub use lines::{VERDICT_SCHEMA, VerdictLine, verdict_lines, verdicts_csv};
pub use ocsf::ocsf;
pub use oscal::oscal;
pub use paths::{InstancePaths, PATHS_SCHEMA, PathsGap, PathsReport, Server};
pub use preflight::{PREFLIGHT_SCHEMA, PreflightReport};
pub use prometheus::prometheus;
pub use provenance::{Cited, Clock, Reported};
pub use redact::{Names, PSEUDONYMS, RedactError, redacted};
pub use run::{FrameworkVersion, RUN_SCHEMA, RuleSet, RunCompleteness, RunRecord, RunTarget, Tool};
pub use sarif::{sarif, verdicts_sarif};
pub use scan::{ScannedFile, Unread, annotated, jsonl, severity, worst};
pub use table::table;
use template::escape_markdown;
pub use template::{
    InstancePage, Page, RenderError, TemplateError, Templates, html, junit, markdown, summary,
};
pub use view::{VIEW_SCHEMA, View};
pub use visible::{visible, visible_json};
pub use waivers::waivers;
pub use xlsx::xlsx;
