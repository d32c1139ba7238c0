//! What texts tell: the table on standard output, Markdown, the summary, and Prometheus' metrics.

use super::damage::Files;
use super::tally::{ALL, ESTATE, Tally, add};
use crate::support::markup::prose;

pub const MARKDOWN: &str = "reports/report.md";
pub const SUMMARY: &str = "reports/summary.md";
pub const PROM: &str = "reports/metrics.prom";

const SEVERITIES: [&str; 5] = ["critical", "high", "medium", "low", "info"];

fn number(text: &str) -> usize {
    text.trim()
        .parse()
        .unwrap_or_else(|_| panic!("{text:?} is no number"))
}

/// Rows of instances, by headings of which one is `Instance`.
fn instances(headings: &[&str], rows: &[Vec<&str>]) -> Tally {
    let at = |heading: &str| {
        let is = |own: &&str| own.eq_ignore_ascii_case(heading);
        headings
            .iter()
            .position(is)
            .unwrap_or_else(|| panic!("no {heading} in {headings:?}"))
    };
    let mut tally = Tally::new();
    for row in rows {
        let instance = row[at("Instance")];
        for severity in SEVERITIES {
            add(
                &mut tally,
                [instance, "fail", severity],
                number(row[at(severity)]),
            );
        }
        add(
            &mut tally,
            [instance, "unknown", ALL],
            number(row[at("Unknown")]),
        );
    }
    tally
}

pub fn table_instances(files: &Files) -> Tally {
    let text = files.text("stdout");
    let mut lines = text.lines();
    let cells = |line: &str| -> Vec<String> {
        let cells = line.split("  ").map(str::trim);
        cells
            .filter(|cell| !cell.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let headings = cells(lines.next().unwrap());
    let rows: Vec<Vec<String>> = lines
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(cells)
        .collect();
    instances(
        &texts(&headings),
        &rows.iter().map(|row| texts(row)).collect::<Vec<_>>(),
    )
}

fn texts(cells: &[String]) -> Vec<&str> {
    cells.iter().map(String::as_str).collect()
}

/// `1 critical, 47 high, 42 medium, 51 low, 8 info; 8 accepted; 114 unknown, …`.
fn headline(said: &str) -> Tally {
    let mut tally = Tally::new();
    for part in said.split([',', ';']) {
        let Some((count, word)) = part.trim().split_once(' ') else {
            continue;
        };
        match word {
            "unknown" | "accepted" => add(&mut tally, [ALL, word, ALL], number(count)),
            severity if SEVERITIES.contains(&severity) => {
                add(&mut tally, [ALL, "fail", severity], number(count));
            }
            _ => {}
        }
    }
    tally
}

pub fn table_closing(files: &Files) -> Tally {
    let text = files.text("stdout").replace('\n', " ");
    let (_, said) = text.split_once("Found: ").unwrap();
    headline(said.split_once(". ").unwrap().0)
}

/// The cells of a Markdown table's row.
fn cells(line: &str) -> Vec<&str> {
    let inner = line.trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(str::trim).collect()
}

/// The first table with this heading: its headings and its rows.
fn table<'t>(text: &'t str, begins: &str) -> (Vec<&'t str>, Vec<Vec<&'t str>>) {
    let mut lines = text.lines().skip_while(|line| !line.starts_with(begins));
    let headings = cells(lines.next().unwrap());
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    (headings, rows.map(cells).collect())
}

pub fn markdown_headline(files: &Files) -> Tally {
    let mut lines = files.text(MARKDOWN).lines();
    headline(
        lines
            .find_map(|line| line.strip_prefix("- Findings: "))
            .unwrap(),
    )
}

pub fn markdown_instances(files: &Files) -> Tally {
    let (headings, rows) = table(files.text(MARKDOWN), "| Instance |");
    instances(&headings, &rows)
}

pub fn summary_instances(files: &Files) -> Tally {
    let (headings, rows) = table(files.text(SUMMARY), "| Instance |");
    instances(&headings, &rows)
}

pub fn summary_headline(files: &Files) -> Tally {
    let mut tally = Tally::new();
    let text = files.text(SUMMARY);
    for (begins, is_of_outcomes) in [("| Verdicts |", true), ("| Findings |", false)] {
        let (headings, rows) = table(text, begins);
        for (word, count) in headings.iter().zip(&rows[0]).skip(1) {
            let word = word.replace(' ', "_");
            let key = if is_of_outcomes {
                [ALL, &word, ALL]
            } else {
                [ALL, "fail", &word]
            };
            add(&mut tally, key, number(count));
        }
    }
    tally
}

/// Under which heading lines that begin so are about a verdict of which outcome.
const LISTS: [(&str, &str, &str); 4] = [
    (ESTATE_AS_A_WHOLE, "- **", "fail"),
    ("Findings", "  - ", "fail"),
    ("Accepted", "  - ", "accepted"),
    (FOLDED, "- ", "pass"),
];
const ESTATE_AS_A_WHOLE: &str = "The estate as a whole";
const FOLDED: &str = "Passed and not applicable";

/// What is listed in Markdown under the headings of the estate and of each instance.
pub fn markdown_lists(files: &Files) -> Tally {
    let mut tally = Tally::new();
    let (mut instance, mut under, mut severity) = (None, "", "");
    for line in prose(files.text(MARKDOWN)).unwrap() {
        if let Some(heading) = line.strip_prefix("## ") {
            under = heading;
            instance = heading.strip_prefix("Instance ");
        } else if let Some(heading) = line.strip_prefix("### ") {
            under = heading.split_once(" on ").map_or(heading, |(what, _)| what);
        }
        let word = line.strip_prefix("- **");
        if let Some((word, _)) = word.and_then(|rest| rest.split_once("**")) {
            severity = word;
        }
        let is = |list: &&(&str, &str, &str)| list.0 == under && line.starts_with(list.1);
        let place = instance.or((under == ESTATE_AS_A_WHOLE).then_some(ESTATE));
        let (Some((_, _, outcome)), Some(place)) = (LISTS.iter().find(is), place) else {
            continue;
        };
        let key = match (*outcome, line.contains(": not applicable, ")) {
            ("pass", true) => [place, "not_applicable", ALL],
            ("pass", false) => [place, "pass", ALL],
            (outcome, _) => [place, outcome, severity],
        };
        add(&mut tally, key, 1);
    }
    tally
}

/// The values of a metric, by the value of its label `target` and that of another.
fn metric<'t>(files: &'t Files, name: &str, label: &str) -> Vec<(&'t str, &'t str, usize)> {
    let lines = files.text(PROM).lines();
    let own = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix("{target=\""));
    own.map(|line| {
        let (target, rest) = line.split_once("\",").unwrap();
        let rest = rest
            .strip_prefix(label)
            .and_then(|rest| rest.strip_prefix("=\""))
            .unwrap();
        let (which, value) = rest.split_once("\"} ").unwrap();
        (target, which, number(value))
    })
    .collect()
}

pub fn prom_findings(files: &Files) -> Tally {
    let mut tally = Tally::new();
    for (target, severity, value) in metric(files, "mssql_posture_findings", "severity") {
        add(&mut tally, [target, "fail", severity], value);
    }
    tally
}

pub fn prom_verdicts(files: &Files) -> Tally {
    let mut tally = Tally::new();
    for (target, outcome, value) in metric(files, "mssql_posture_verdicts", "outcome") {
        add(&mut tally, [target, outcome, ALL], value);
    }
    tally
}
