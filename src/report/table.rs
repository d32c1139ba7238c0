//! The summary for standard output.

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width,
};

use super::assessment::Assessment;
use super::redact::PSEUDONYMS;
use super::view::{InstanceView, View, first_of, first_of_all};
use crate::rules::Severity;

/// Under this, columns would have no room for their headings.
const NARROWEST: u16 = 80;
/// From here on there is room for a column per severity and one per subject.
const WIDE: u16 = 120;
const MOST_FINDINGS: usize = 25;
const MOST_GAPS: usize = 15;
const MOST_NEEDS: usize = 3;
const MOST_SUBJECTS: usize = 3;
const NONE: &str = "–";

/// Columns between columns.
const GUTTER: u16 = 2;
/// One rule under the headings and white elsewhere: names of 128 characters wrap, and need the room
/// that frames would take.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));
/// The same with an empty line between rows, for rows of several lines.
const SPACED: TableStyle = STYLE.row_separator(LineStyle::none().fill(' '));

/// An assessment as a summary for a terminal that is `width` columns wide: every instance, the
/// findings at high and critical, those about the estate as a whole, what was not seen, each framework's controls by
/// status, and the estate in one line. Long texts wrap;
/// long lists end by saying how much they leave out. Ends with a line feed.
pub fn table(assessment: &Assessment, width: u16, color: bool) -> String {
    let view = View::new(assessment);
    let page = Page::new(width, color);
    let mut sections = vec![page.instances(&view)];
    sections.extend(page.answers(&view));
    sections.extend(view.noticed.sentence.as_deref().map(|said| page.text(said)));
    if let Some(synthetic) = &view.synthetic {
        sections.push(page.text(synthetic));
    }
    if view.redacted {
        sections.push(page.text(PSEUDONYMS));
    }
    sections.extend(page.findings(&view));
    sections.extend(page.estate(&view));
    sections.extend(page.gaps(&view));
    sections.extend(page.frameworks(&view));
    sections.push(page.text(&closing(&view)));
    sections.join("\n\n") + "\n"
}

/// Longest text of a cell, in characters: the whole of it stands in the other reports, and wrapping a text of
/// megabytes would take for ever.
const LONGEST_CELL: usize = 1_000;

fn cell(text: String) -> String {
    match text.char_indices().nth(LONGEST_CELL) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
        None => text,
    }
}

pub(super) struct Page {
    width: u16,
    color: bool,
}

/// A column: its heading, the least width that keeps its words whole (0 where it takes what is
/// left), and its alignment.
pub(super) struct Column(&'static str, u16, CellAlignment);

pub(super) const fn left(heading: &'static str, least: u16) -> Column {
    Column(heading, least, CellAlignment::Left)
}

pub(super) const fn right(heading: &'static str, least: u16) -> Column {
    Column(heading, least, CellAlignment::Right)
}

pub(super) const fn free(heading: &'static str) -> Column {
    left(heading, 0)
}

impl Page {
    /// A page of that width, or of the narrowest that tables fit.
    pub(super) fn new(width: u16, color: bool) -> Self {
        Self {
            width: width.max(NARROWEST),
            color,
        }
    }

    pub(super) fn is_wide(&self) -> bool {
        self.width >= WIDE
    }

    pub(super) fn lay_out(&self, columns: &[Column], rows: Vec<Vec<String>>) -> String {
        let style = if self.is_wide() { STYLE } else { SPACED };
        self.styled(style, columns, rows)
    }

    /// The same without white between rows at any width, for rows that are lines.
    pub(super) fn list(&self, columns: &[Column], rows: Vec<Vec<String>>) -> String {
        self.styled(STYLE, columns, rows)
    }

    fn styled(&self, style: TableStyle, columns: &[Column], rows: Vec<Vec<String>>) -> String {
        let mut table = Table::new();
        table.load_style(style);
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(self.width);
        if columns.iter().any(|c| !c.0.is_empty()) {
            table.set_header(columns.iter().map(|c| c.0).collect::<Vec<_>>());
        }
        let cells = |row: Vec<String>| row.into_iter().map(cell).collect::<Vec<_>>();
        table.add_rows(rows.into_iter().map(cells));
        for (column, Column(_, least, alignment)) in table.column_iter_mut().zip(columns) {
            column.set_padding((0, GUTTER));
            column.set_cell_alignment(*alignment);
            if *least > 0 {
                let least = Width::Fixed(least + GUTTER);
                column.set_constraint(ColumnConstraint::LowerBoundary(least));
            }
        }
        table.trim_fmt()
    }

    /// Running text, wrapped between words.
    pub(super) fn text(&self, text: &str) -> String {
        self.lay_out(&[free("")], vec![vec![text.to_owned()]])
    }

    fn instances(&self, view: &View) -> String {
        let mut columns = vec![
            left("Instance", 12),
            left("Version", 10),
            right("Exposure", 8),
        ];
        if self.is_wide() {
            columns.push(left("Criticality", 8));
            columns.extend([
                right("Critical", 8),
                right("High", 4),
                right("Medium", 6),
                right("Low", 3),
                right("Info", 4),
            ]);
        } else {
            columns.push(left("Findings", 10));
        }
        columns.extend([right("Unknown", 7), left("Databases", 9), left("State", 8)]);
        let rows = view.instances.iter().map(|i| self.instance(i)).collect();
        self.lay_out(&columns, rows)
    }

    fn instance(&self, instance: &InstanceView) -> Vec<String> {
        let judged = instance.same_as.is_none();
        let shown = |text: String| if judged { text } else { NONE.to_owned() };
        let seen = |text: String| {
            if instance.nothing_seen {
                NONE.to_owned()
            } else {
                shown(text)
            }
        };
        let version = [&instance.version_name, &instance.edition_name];
        let version: Vec<_> = version.into_iter().flatten().cloned().collect();
        let version = match version.as_slice() {
            [] => "not seen".to_owned(),
            parts => parts.join(" "),
        };
        let mut row = vec![
            instance.id.clone(),
            shown(version),
            shown(instance.exposure.text.clone()),
        ];
        let counts = instance.counts.iter();
        if self.is_wide() {
            row.push(shown(instance.criticality.unwrap_or(NONE).to_owned()));
            row.extend(counts.map(|c| seen(c.count.to_string())));
        } else {
            let found = counts
                .filter(|c| c.count > 0)
                .map(|c| format!("{} {}", c.count, c.severity));
            let found: Vec<_> = found.collect();
            let none = if instance.unknown > 0 {
                "none found"
            } else {
                "none"
            };
            row.push(seen(if found.is_empty() {
                none.to_owned()
            } else {
                found.join("\n")
            }));
        }
        row.push(shown(instance.unknown.to_string()));
        row.push(shown(instance.coverage.databases.clone()));
        row.push(match &instance.same_as {
            Some(other) => format!("same as {}", other.id),
            None => instance.state.word.to_owned(),
        });
        row
    }

    /// On how many instances command execution is disabled, governed, monitored.
    fn answers(&self, view: &View) -> Option<String> {
        let counts = view.answer_counts.iter();
        let counts: Vec<_> = counts
            .map(|own| format!("{} on {}", own.word, own.count))
            .collect();
        let said = format!("Command execution (AN0511): {}.", counts.join(", "));
        (!counts.is_empty()).then(|| self.text(&said))
    }

    fn findings(&self, view: &View) -> Option<String> {
        let findings = view.findings_at_or_over(Severity::High);
        if findings.is_empty() {
            return None;
        }
        let rows = findings
            .iter()
            .take(MOST_FINDINGS)
            .map(|(instance, group, finding)| {
                let mut row = vec![
                    group.severity_word.to_owned(),
                    instance.id.clone(),
                    group.rule.clone(),
                ];
                if self.is_wide() {
                    row.extend([finding.subject.text.clone(), finding.message.clone()]);
                } else {
                    row.push(format!("{}\n{}", finding.subject.text, finding.message));
                }
                row
            });
        let mut columns = vec![left("Severity", 8), left("Instance", 8), left("Rule", 9)];
        if self.is_wide() {
            columns.push(free("Subject"));
        }
        columns.push(free("Finding"));
        let mut text = self.paint(&self.lay_out(&columns, rows.collect()));
        text += &and_more(findings.len(), MOST_FINDINGS);
        Some(text)
    }

    /// What is said of no single instance, such as a waiver that has expired.
    fn estate(&self, view: &View) -> Option<String> {
        let findings = view.estate.iter().flat_map(|group| {
            let findings = group.findings.iter();
            findings.map(|finding| {
                vec![
                    group.severity_word.to_owned(),
                    group.rule.clone(),
                    finding.message.clone(),
                ]
            })
        });
        let unknown = view.estate_unknown.iter();
        let unknown =
            unknown.map(|one| vec!["unknown".to_owned(), one.rule.clone(), one.text.clone()]);
        let rows: Vec<_> = findings.chain(unknown).collect();
        if rows.is_empty() {
            return None;
        }
        let columns = [left("Severity", 8), left("Rule", 10), free("The estate")];
        let count = rows.len();
        let shown = rows.into_iter().take(MOST_FINDINGS).collect();
        Some(self.paint(&self.lay_out(&columns, shown)) + &and_more(count, MOST_FINDINGS))
    }

    /// How many controls have which status, of each framework that is about an instance here.
    fn frameworks(&self, view: &View) -> Option<String> {
        let in_scope = view.frameworks.iter().filter(|own| own.in_scope);
        let rows: Vec<Vec<String>> = in_scope
            .map(|own| {
                let counts = own.counts.iter().map(|own| own.count.to_string());
                std::iter::once(own.id.clone()).chain(counts).collect()
            })
            .collect();
        let statuses = view.frameworks.first()?.counts.iter();
        let statuses = statuses.map(|own| {
            let longest = own
                .status
                .split(' ')
                .map(str::len)
                .max()
                .unwrap_or_default();
            right(own.status, u16::try_from(longest).unwrap_or_default())
        });
        let columns: Vec<_> = std::iter::once(left("Controls of", 18))
            .chain(statuses)
            .collect();
        (!rows.is_empty()).then(|| self.list(&columns, rows))
    }

    fn gaps(&self, view: &View) -> Option<String> {
        let gaps: Vec<_> = view
            .instances
            .iter()
            .flat_map(|i| i.gaps.iter().map(move |gap| (i, gap)))
            .collect();
        if gaps.is_empty() {
            return None;
        }
        let rows = gaps.iter().take(MOST_GAPS).map(|(instance, gap)| {
            let places = gap
                .places
                .iter()
                .map(|p| format!("{}: {}", p.place, p.brief));
            let mut unseen: Vec<String> = places.collect();
            if !gap.subjects.is_empty() {
                unseen.push(first_of_all(
                    &gap.subjects,
                    MOST_SUBJECTS,
                    gap.more_subjects,
                ));
            }
            vec![
                instance.id.clone(),
                unseen.join("\n"),
                first_of(&gap.needs, MOST_NEEDS),
            ]
        });
        let columns = [
            left("Instance", 8),
            free("Not seen"),
            free("What would settle it"),
        ];
        Some(self.lay_out(&columns, rows.collect()) + &and_more(gaps.len(), MOST_GAPS))
    }

    /// Colours the severity at the head of a row. No other line can begin with one: the column is
    /// never wrapped, so that continuation lines begin with spaces.
    fn paint(&self, table: &str) -> String {
        if !self.color {
            return table.to_owned();
        }
        let paint = |line: &str| match line.split(' ').next() {
            Some(word @ "critical") => {
                format!("\u{1b}[1;31m{word}\u{1b}[0m{}", &line[word.len()..])
            }
            Some(word @ "high") => format!("\u{1b}[31m{word}\u{1b}[0m{}", &line[word.len()..]),
            _ => line.to_owned(),
        };
        table.lines().map(paint).collect::<Vec<_>>().join("\n")
    }
}

fn and_more(count: usize, shown: usize) -> String {
    match count.saturating_sub(shown) {
        0 => String::new(),
        more => format!("\n… and {more} more in the report"),
    }
}

fn closing(view: &View) -> String {
    let found = view
        .counts
        .iter()
        .filter(|c| c.count > 0)
        .map(|c| format!("{} {}", c.count, c.severity));
    let found: Vec<_> = found.collect();
    let found = if found.is_empty() {
        "no findings".to_owned()
    } else {
        found.join(", ")
    };
    let accepted = match view.accepted {
        0 => String::new(),
        n => format!("; {n} accepted"),
    };
    let unknown = match view.unknown {
        0 => "nothing unknown".to_owned(),
        n => format!("{n} unknown, which is not clean"),
    };
    if view.instances.is_empty() {
        return format!("{}. Judged as of {}.", view.scope, view.as_of);
    }
    format!(
        "{}. Found: {found}{accepted}; {unknown}. Highest exposure {}. Judged as of {}.",
        view.scope, view.exposure.text, view.as_of
    )
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn at_80_columns() {
        insta::assert_snapshot!(table(&sample::assessment(), 80, false));
    }

    #[test]
    fn at_200_columns() {
        insta::assert_snapshot!(table(&sample::assessment(), 200, false));
    }

    #[test]
    fn lines_fit_and_hold_nothing_that_a_terminal_obeys() {
        for width in [80, 100, 120, 200] {
            for line in table(&sample::assessment(), width, false).lines() {
                // The sample's wide characters are two columns each.
                let columns = line
                    .chars()
                    .map(|c| if c == '😀' { 2 } else { 1 })
                    .sum::<usize>();
                assert!(
                    columns <= usize::from(width),
                    "{columns} columns at {width}: {line}"
                );
                assert_eq!(super::super::visible(line), line);
                assert_eq!(line.trim_end(), line);
            }
        }
    }

    #[test]
    fn long_names_wrap_and_are_not_cut() {
        for width in [0, 80, 100] {
            let text = table(&sample::assessment(), width, false);
            let letters: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            let name = format!("dbo.{}", sample::longest_name());
            assert_eq!(
                letters.matches(&name).count(),
                2,
                "as subject and in the message, at {width}"
            );
        }
    }

    #[test]
    fn what_was_not_read_has_no_counts() {
        for width in [80, 200] {
            let text = table(&sample::assessment(), width, false);
            let row = text
                .lines()
                .find(|l| l.starts_with("dmz-01"))
                .unwrap_or_default();
            assert!(
                row.contains('–') && !row.contains("none") && !row.contains(" 0 "),
                "{row}"
            );
        }
    }

    #[test]
    fn colour_is_on_severity_words_only() {
        let plain = table(&sample::assessment(), 80, false);
        let colored = table(&sample::assessment(), 80, true);
        assert!(colored.contains("\u{1b}[1;31mcritical\u{1b}[0m"));
        assert!(colored.contains("\u{1b}[31mhigh\u{1b}[0m"));
        let mut stripped = colored.clone();
        for code in ["\u{1b}[1;31m", "\u{1b}[31m", "\u{1b}[0m"] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, plain);
        let painted = colored.matches("\u{1b}[0m").count();
        assert_eq!(painted, 5, "two critical and three high findings");
    }

    #[test]
    fn long_lists_say_how_much_they_leave_out() {
        let text = table(&sample::crowded(40), 80, false);
        assert!(text.contains("dbo.p024") && !text.contains("dbo.p025"));
        assert!(text.contains("… and 15 more in the report"));
        assert!(!table(&sample::crowded(25), 80, false).contains("more in the report"));
    }

    #[test]
    fn an_empty_estate_is_said_to_be_empty() {
        let text = table(&Assessment::new("2026-09-30".to_owned()), 80, false);
        assert!(text.contains("0 targets. Judged as of 2026-09-30."));
    }
}
