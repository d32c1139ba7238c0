//! Drift, for people and as JSON: one prepared view, and its renderers.

mod attribution;
mod glance;
mod host;
mod table;
mod view;

pub use glance::DriftGlance;
pub use view::{DRIFT_VIEW_SCHEMA, DriftView};

use std::io::{self, Write};

use super::template::{RenderError, Templates, drift_html, drift_markdown};
use crate::drift::Diff;

/// As JSON, with nothing in it that a terminal obeys. Ends with a line feed.
///
/// # Errors
/// Never for strings and integers; a serialisation failure is passed on.
pub fn diff_json(diff: &Diff) -> serde_json::Result<String> {
    Ok(super::visible::visible_json(&serde_json::to_string_pretty(diff)?) + "\n")
}

/// The same into a file.
///
/// # Errors
/// `to` cannot be written.
pub fn write_diff_json(diff: &Diff, to: &mut dyn Write) -> io::Result<()> {
    to.write_all(diff_json(diff)?.as_bytes())
}

/// As tables for a terminal that is `width` columns wide.
pub fn diff_table(diff: &Diff, width: u16) -> String {
    table::table(&DriftView::new(diff, view::Most::OF_A_TABLE), width)
}

/// In short, after an audit's own table: a line for each instance.
pub fn diff_summary(diff: &Diff, width: u16) -> String {
    table::summary(&DriftView::new(diff, view::Most::OF_A_TABLE), width)
}

/// As one HTML page that loads nothing.
///
/// # Errors
/// See [`RenderError`].
pub fn diff_html(diff: &Diff, templates: &Templates) -> Result<String, RenderError> {
    drift_html(&DriftView::new(diff, view::Most::OF_A_PAGE), templates)
}

/// As Markdown (GitHub's dialect).
///
/// # Errors
/// See [`RenderError`].
pub fn diff_markdown(diff: &Diff, templates: &Templates) -> Result<String, RenderError> {
    drift_markdown(&DriftView::new(diff, view::Most::OF_A_PAGE), templates)
}
