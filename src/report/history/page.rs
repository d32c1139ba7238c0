//! History as a page that loads nothing, and as Markdown.

use super::view::HistoryView;
use crate::drift::History;
use crate::report::{RenderError, Templates};

/// A page in the style of the report.
///
/// # Errors
/// See [`RenderError`].
pub fn history_html(history: &History, templates: &Templates) -> Result<String, RenderError> {
    templates.page("history.html.hbs", &HistoryView::new(history))
}

/// Markdown (GitHub's dialect).
///
/// # Errors
/// See [`RenderError`].
pub fn history_markdown(history: &History, templates: &Templates) -> Result<String, RenderError> {
    templates.markdown("history.md.hbs", &HistoryView::new(history))
}
