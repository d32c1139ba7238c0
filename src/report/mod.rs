//! Reports. One prepared view, the [`Assessment`], and thin renderers over it.

mod assessment;
#[cfg(test)]
mod sample;
mod table;
mod template;
mod view;
mod visible;

pub use assessment::{
    Assessment, BySeverity, Control, Coverage, Fleet, Framework, Instance, Judged, MissingFact,
    SCHEMA, Tally, VerdictEntry,
};
pub use table::table;
pub use template::{RenderError, html, markdown};
pub use visible::visible;

/// The assessment as `assessment.json`: indented, fields in the order of the types, ending with a
/// line feed.
///
/// # Errors
/// None that an assessment can cause: its maps have text for keys.
pub fn json(assessment: &Assessment) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(assessment)?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn json_is_whole_ends_with_a_line_feed_and_begins_with_its_schema() {
        let assessment = sample::assessment();
        let text = json(&assessment).unwrap();
        assert!(text.starts_with("{\n  \"schema\": \"mssql-posture/assessment/v1\","));
        assert!(text.ends_with("}\n"));
        assert_eq!(
            serde_json::from_str::<Assessment>(&text).unwrap(),
            assessment
        );
    }
}
