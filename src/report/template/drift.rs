//! Drift as a page and as Markdown.

use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason,
};
use serde::Serialize;

use super::{RenderError, Templates, escape_markdown};

const PAGE: &str = "drift.html.hbs";
const MARKDOWN: &str = "drift.md.hbs";

/// One HTML page that loads nothing.
///
/// # Errors
/// See [`RenderError`].
pub fn drift_html(view: &impl Serialize, templates: &Templates) -> Result<String, RenderError> {
    let engine = templates.engine()?;
    Ok(engine.render(PAGE, view)?)
}

/// Markdown.
///
/// # Errors
/// See [`RenderError`].
pub fn drift_markdown(view: &impl Serialize, templates: &Templates) -> Result<String, RenderError> {
    let mut engine = templates.engine()?;
    engine.register_escape_fn(escape_markdown);
    Ok(engine.render(MARKDOWN, view)?)
}

/// Lines of code as one fenced block, in the language that is given (`diff`). The fence is longer than any run of backticks in it, so that nothing can end it.
pub(super) fn fenced_lines(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let missing = || RenderErrorReason::ParamNotFoundForIndex("fenced_lines", 0);
    let lines = helper.param(0).ok_or_else(missing)?.value();
    let lines = lines.as_array().map_or(&[][..], Vec::as_slice);
    let texts: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["text"].as_str())
        .collect();
    let runs = texts.iter().flat_map(|text| text.split(|c| c != '`'));
    let fence = "`".repeat(runs.map(str::len).max().unwrap_or_default().max(2) + 1);
    let language = helper.param(1).and_then(|own| own.value().as_str());
    let language = language.unwrap_or("diff");
    out.write(&format!("{fence}{language}\n{}\n{fence}", texts.join("\n")))?;
    Ok(())
}
