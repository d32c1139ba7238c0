//! Until the renderers land.
use super::Assessment;
/// See the renderers.
pub fn visible(text: &str) -> String {
    text.escape_debug().to_string()
}
/// See the renderers.
pub fn table(assessment: &Assessment, _: u16, _: bool) -> String {
    format!("{} targets\n", assessment.fleet.targets)
}
/// See the renderers.
pub fn html(assessment: &Assessment) -> Result<String, std::fmt::Error> {
    Ok(table(assessment, 0, false))
}
/// See the renderers.
pub fn markdown(assessment: &Assessment) -> Result<String, std::fmt::Error> {
    Ok(table(assessment, 0, false))
}
