//! Assessments side by side, for a terminal and for people to pass on. What is shown is prepared once, every name from a
//! server made harmless; the renderers lay it out.

mod page;
mod spark;
mod table;
mod trend;
mod view;

pub use page::{history_html, history_markdown};
pub use table::history_table;
pub use trend::{TrendView, trend_table};
pub use view::HistoryView;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::drift::{Assessed, Given, History, Seal, Signature};
    use crate::report::{Templates, visible};

    fn given(day: &str, outcome: &str) -> Given {
        let name = "dbo.\u{202e}<script>|alert(1)";
        let text = json!({
            "schema": "mssql-posture/assessment/v1", "as_of": day, "judged_by": "mssql-posture 0.1.0",
            "instances": [{
                "id": "erp|<b>\u{200b}", "collected": ["2026-01-01T08:00:00Z", "2026-01-01T09:12:00Z"],
                "exposure": { "low": 10, "high": 40 },
                "coverage": { "finished": true, "databases": 3, "databases_read": 2 },
                "verdicts": [
                    {
                        "rule": "CODE-002", "rule_slug": "s", "title": "t", "outcome": outcome,
                        "subject": { "kind": "module", "database": "App", "name": name },
                        "severity": "high", "message": format!("module {name} reaches xp_cmdshell")
                    },
                    {
                        "rule": "SURF-001", "rule_slug": "s", "title": "t", "outcome": "pass",
                        "subject": { "kind": "instance" }, "severity": "high", "message": ""
                    }
                ]
            }],
            "frameworks": [{
                "id": "cis-2022", "name": "CIS", "version": "1.0", "tally": { "met": 3, "not_met": 2 }
            }]
        });
        Given {
            path: format!("out/{day}"),
            seal: Seal::Intact {
                signature: Signature::None,
            },
            sha256: day.to_owned(),
            finished: String::new(),
            rule_set: None,
            assessed: Some(Assessed::from_json(text.to_string().as_bytes()).unwrap()),
        }
    }

    fn sample() -> History {
        let days = ["2026-01-01", "2026-04-01", "2026-07-01"];
        let outcomes = ["fail", "fail", "unknown"];
        let given = days.iter().zip(outcomes).map(|(day, is)| given(day, is));
        History::new(given.collect()).unwrap()
    }

    #[test]
    fn at_80_columns() {
        insta::assert_snapshot!(history_table(&sample(), 80));
    }

    #[test]
    fn at_200_columns() {
        insta::assert_snapshot!(history_table(&sample(), 200));
    }

    #[test]
    fn lines_fit_and_hold_nothing_that_a_terminal_obeys() {
        for width in [80, 100, 200] {
            for line in history_table(&sample(), width).lines() {
                assert!(line.chars().count() <= usize::from(width), "{line}");
                assert_eq!(visible(line), line);
            }
        }
    }

    #[test]
    fn names_stay_names_in_pages() {
        let page = history_html(&sample(), &Templates::default()).unwrap();
        assert!(page.contains("dbo.\\u{202e}&lt;script&gt;|alert(1)"));
        let markdown = history_markdown(&sample(), &Templates::default()).unwrap();
        for text in [&page, &markdown] {
            assert!(!text.contains("<script>") && !text.contains("<b>"));
            assert!(!text.contains('\u{202e}') && !text.contains('\u{200b}'));
        }
        let row = markdown
            .lines()
            .find(|line| line.contains("CODE-002"))
            .unwrap();
        assert_eq!(row.matches(" | ").count(), 6, "{row}");
    }

    #[test]
    fn a_page_says_what_counts_and_what_is_not_seen() {
        let page = history_html(&sample(), &Templates::default()).unwrap();
        for due in [
            "Exposure of the estate, of 100: 10–40, 10–40, 10–40",
            "<h3>Not seen: 1</h3>",
            "2026-01-01, at least 181 days",
            "the rule&#x27;s verdict is unknown there",
            "intact, unsigned",
        ] {
            assert!(page.contains(due), "{due}");
        }
    }
}
