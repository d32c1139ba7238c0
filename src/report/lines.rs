//! Every verdict as a line: CSV for spreadsheets, JSON Lines for programs. All of them, in the order of the assessment:
//! first those about the estate, then each instance's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::assessment::{Assessment, VerdictEntry};
use super::{visible, visible_json};

/// The form of a line.
pub const VERDICT_SCHEMA: &str = "mssql-posture/verdict/v1";

/// A line of `verdicts.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct VerdictLine {
    /// `mssql-posture/verdict/v1`.
    pub schema: String,
    /// The day as of which was judged.
    pub as_of: String,
    /// The instance; absent for a verdict about the estate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The verdict, as in `assessment.json`.
    #[serde(flatten)]
    pub verdict: VerdictEntry,
}

/// Every verdict with its instance, in the order of the assessment: those about the estate first.
pub(super) fn all(assessment: &Assessment) -> impl Iterator<Item = (Option<&str>, &VerdictEntry)> {
    let estate = assessment.estate.iter().map(|verdict| (None, verdict));
    let instances = assessment.instances.iter().flat_map(|instance| {
        let own = instance.verdicts.iter();
        own.map(|verdict| (Some(instance.id.as_str()), verdict))
    });
    estate.chain(instances)
}

/// JSON Lines, in which nothing is obeyed or hidden by what shows them.
///
/// # Errors
/// None that is known: every field can be written.
pub fn verdict_lines(assessment: &Assessment) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (instance, verdict) in all(assessment) {
        let line = VerdictLine {
            schema: VERDICT_SCHEMA.to_owned(),
            as_of: assessment.as_of.clone(),
            instance: instance.map(str::to_owned),
            verdict: verdict.clone(),
        };
        let line = visible_json(&serde_json::to_string(&line)?);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
    }
    Ok(bytes)
}

const COLUMNS: [&str; 14] = [
    "as_of",
    "instance",
    "rule",
    "rule_slug",
    "title",
    "outcome",
    "severity",
    "subject_kind",
    "database",
    "subject",
    "message",
    "missing",
    "waiver",
    "controls",
];

/// CSV by RFC 4180, with a line of headings. What a spreadsheet would take for a formula stands behind an apostrophe, and
/// control characters are shown as escapes.
///
/// # Errors
/// None that is known: it is written to memory.
pub fn verdicts_csv(assessment: &Assessment) -> Result<Vec<u8>, csv::Error> {
    let mut form = csv::WriterBuilder::new();
    let mut to = form
        .terminator(csv::Terminator::CRLF)
        // Some spreadsheets split at a semicolon, and none does inside quotes.
        .quote_style(csv::QuoteStyle::Always)
        .from_writer(Vec::new());
    to.write_record(COLUMNS)?;
    for (instance, verdict) in all(assessment) {
        let subject = &verdict.subject;
        let fields: [&str; 14] = [
            &assessment.as_of,
            instance.unwrap_or_default(),
            &verdict.rule,
            &verdict.rule_slug,
            &verdict.title,
            &verdict.outcome,
            verdict.severity.as_str(),
            &subject.kind,
            subject.database.as_ref().map_or("", |name| name.as_str()),
            subject.name.as_deref().unwrap_or_default(),
            &verdict.message,
            &missing(verdict),
            verdict.waiver.as_deref().unwrap_or_default(),
            &verdict.controls.join(" "),
        ];
        to.write_record(fields.map(defused))?;
    }
    to.into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))
}

/// What is missing for a verdict, in a cell.
pub(super) fn missing(verdict: &VerdictEntry) -> String {
    let missing = verdict.missing.iter().map(|one| {
        let database = one.database.as_ref().map_or("", |name| name.as_str());
        let place = if database.is_empty() { "" } else { " of " };
        format!("{}{place}{database}: {}", one.fact, one.needs.join(", "))
    });
    missing.collect::<Vec<_>>().join("; ")
}

/// A text that no spreadsheet takes for a formula, nor for a command to a terminal, whether it splits at commas or at
/// semicolons.
fn defused(text: &str) -> String {
    // Full-width forms are taken for the plain ones by some.
    let begins = ['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠'];
    let shown = visible(text);
    let parts = shown.split(';').map(|part| {
        let is_formula = part
            .trim_start()
            .trim_start_matches('"')
            .starts_with(begins);
        if is_formula {
            format!("'{part}")
        } else {
            part.to_owned()
        }
    });
    parts.collect::<Vec<_>>().join(";")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample;
    use super::*;

    fn verdicts(assessment: &Assessment) -> usize {
        let own = assessment.instances.iter().map(|own| own.verdicts.len());
        assessment.estate.len() + own.sum::<usize>()
    }

    #[test]
    fn both_hold_every_verdict() {
        let assessment = sample::assessment();
        let lines = verdict_lines(&assessment).unwrap();
        let lines: Vec<VerdictLine> = String::from_utf8(lines)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), verdicts(&assessment));
        let csv = verdicts_csv(&assessment).unwrap();
        let mut reader = csv::Reader::from_reader(csv.as_slice());
        assert_eq!(reader.headers().unwrap().len(), COLUMNS.len());
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), lines.len());
        for (row, line) in rows.iter().zip(&lines) {
            assert_eq!(row[5], line.verdict.outcome);
            assert_eq!(&row[1], line.instance.as_deref().unwrap_or_default());
        }
        assert!(csv.windows(2).filter(|pair| *pair == b"\r\n").count() > rows.len());
    }

    #[test]
    fn formulas_are_defused() {
        for text in [
            "=1+1", "+1", "-1", "@a", " =1", "\t=1", "\r@x", "＝1", "|x", "%0A",
        ] {
            let shown = defused(text);
            assert!(
                shown.starts_with('\'') || shown.starts_with('\\'),
                "{shown}"
            );
        }
        assert_eq!(defused("dbo.usp_Run"), "dbo.usp_Run");
        assert_eq!(defused("x;=1;\"+1;y"), "x;'=1;'\"+1;y");
    }

    proptest! {
        #[test]
        fn any_text_is_one_field_that_begins_no_formula(text in "\\PC{0,20}|[=+@\\-\t\r\n,\"';]{0,8}") {
            let shown = defused(&text);
            prop_assert!(!shown.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']));
            prop_assert!(!shown.contains(['\r', '\n', '\0']));
        }
    }
}
