//! JUnit's XML for pipelines.

use super::{RenderError, Templates};
use crate::report::assessment::Assessment;
use crate::report::junit::JunitView;

const JUNIT: &str = "junit.xml.hbs";

/// An assessment as JUnit's XML.
///
/// # Errors
/// See [`RenderError`].
pub fn junit(assessment: &Assessment, templates: &Templates) -> Result<String, RenderError> {
    Ok(templates
        .engine()?
        .render(JUNIT, &JunitView::new(assessment))?)
}
