//! History for standard output.

use super::view::{FindingRow, HistoryView, PointView, STATUSES, SeriesView};
use crate::drift::History;
use crate::report::table::{Page, free, left, right};

/// So many findings of each state stand in the table.
const MOST_FINDINGS: usize = 15;

/// History for a terminal that is `width` columns wide: the bundles and what vouches for each, the estate and each
/// instance as of each, controls by framework, and findings by what became of them. Ends with a line feed.
pub fn history_table(history: &History, width: u16) -> String {
    let view = HistoryView::new(history);
    let page = Page::new(width, false);
    let mut sections = vec![bundles(&page, &view)];
    sections.extend(view.series.iter().map(|own| series(&page, own)));
    sections.extend(frameworks(&page, &view));
    sections.extend(groups(&page, &view));
    let why = "Closed is what a rule looked for again and did not find; what nobody could see stays open.";
    sections.push(page.text(&format!("{}. {why}", view.span)));
    sections.join("\n\n") + "\n"
}

fn bundles(page: &Page, view: &HistoryView) -> String {
    let columns = [
        left("As of", 10),
        free("Bundle"),
        free("Evidence"),
        free("Judged by"),
        free("Waivers"),
    ];
    let rows = view.bundles.iter().map(|own| {
        let mut seal = vec![own.seal.clone()];
        seal.extend(own.differs.iter().cloned());
        vec![
            own.label.clone(),
            own.path.clone(),
            seal.join("\n"),
            own.judged_by.clone(),
            own.waivers.clone(),
        ]
    });
    page.lay_out(&columns, rows.collect())
}

pub(super) fn series(page: &Page, own: &SeriesView) -> String {
    let points = own.points.iter();
    let (columns, rows) = if page.is_wide() {
        let mut columns = vec![left("As of", 10), right("Exposure", 8)];
        columns.extend(["Critical", "High", "Medium", "Low", "Info"].map(|name| right(name, 4)));
        columns.extend(["Accepted", "Unknown"].map(|name| right(name, 7)));
        columns.push(left("Opened", 6));
        columns.extend(["Closed", "Still open", "Not seen"].map(|name| right(name, 6)));
        columns.push(free("Seen"));
        (columns, points.map(wide).collect())
    } else {
        let columns = vec![
            left("As of", 10),
            right("Exposure", 8),
            right("C/H/M/L/I", 9),
            free("Since before"),
            free("Seen"),
        ];
        (columns, points.map(narrow).collect())
    };
    format!("{}\n{}", page.text(&own.name), page.lay_out(&columns, rows))
}

fn wide(point: &PointView) -> Vec<String> {
    let mut row = vec![point.label.clone(), point.exposure.clone()];
    row.extend(point.counts.iter().cloned());
    let rest = [
        &point.accepted,
        &point.unknown,
        &point.opened,
        &point.closed,
        &point.still_open,
        &point.not_seen,
        &point.coverage,
    ];
    row.extend(rest.map(String::clone));
    row
}

fn narrow(point: &PointView) -> Vec<String> {
    let moves = if point.has_moves {
        format!(
            "{} opened, {} closed, {} still open, {} not seen",
            point.opened, point.closed, point.still_open, point.not_seen
        )
    } else {
        point.opened.clone()
    };
    let seen = if point.is_there {
        format!(
            "{}; {} accepted, {} unknown",
            point.coverage, point.accepted, point.unknown
        )
    } else {
        point.coverage.clone()
    };
    vec![
        point.label.clone(),
        point.exposure.clone(),
        point.counts.join("/"),
        moves,
        seen,
    ]
}

fn frameworks(page: &Page, view: &HistoryView) -> Option<String> {
    let mut columns = if page.is_wide() {
        vec![left("Controls of", 18), left("As of", 10)]
    } else {
        vec![left("Controls of", 18)]
    };
    columns.extend(STATUSES.map(|status| {
        let longest = status.split(' ').map(str::len).max().unwrap_or_default();
        right(status, u16::try_from(longest).unwrap_or_default())
    }));
    let rows = view.frameworks.iter().flat_map(|own| {
        own.points.iter().map(|point| {
            let mut row = vec![own.id.clone(), point.label.clone()];
            if !page.is_wide() {
                row = vec![row.join("\n")];
            }
            row.extend(point.counts.iter().cloned());
            row
        })
    });
    let rows: Vec<_> = rows.collect();
    (!rows.is_empty()).then(|| page.list(&columns, rows))
}

fn groups(page: &Page, view: &HistoryView) -> Vec<String> {
    let columns = [
        left("Severity", 8),
        left("Instance", 8),
        left("Rule", 9),
        free("Finding"),
        left("Since", 10),
    ];
    let groups = view.groups.iter().map(|own| {
        let shown = own.findings.iter().take(MOST_FINDINGS);
        let rows: Vec<_> = shown.map(finding).collect();
        let more = own.count.saturating_sub(rows.len());
        let heading = page.text(&format!("{}: {}. {}", own.heading, own.count, own.lead));
        let mut text = format!("{heading}\n{}", page.lay_out(&columns, rows));
        if more > 0 {
            text.push_str("\n… and ");
            text.push_str(&more.to_string());
            text.push_str(" more; --format json has all");
        }
        text
    });
    groups.collect()
}

fn finding(own: &FindingRow) -> Vec<String> {
    let mut text = vec![own.subject.clone(), own.message.clone()];
    if !own.remark.is_empty() {
        text.push(own.remark.clone());
    }
    vec![
        own.severity.to_owned(),
        own.instance.clone(),
        own.rule.clone(),
        text.join("\n"),
        own.age.clone(),
    ]
}
