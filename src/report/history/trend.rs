//! What the first page tells of earlier audits.

use schemars::JsonSchema;
use serde::Serialize;

use super::view::{FindingRow, SeriesView, finding, of_points};
use crate::drift::{Point, Tracked, Trend};
use crate::report::table::{Page, free, left};
use crate::report::view::counted;
use crate::report::visible;

/// A trend, ready to be laid out.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TrendView {
    /// The audit before this one.
    pub since: String,
    /// What changed since, in sentences.
    pub changed: Vec<String>,
    /// The estate: exposure and findings as of each audit.
    pub series: SeriesView,
    /// The worst of what opened, was closed, or is not seen any more.
    pub groups: Vec<TrendGroup>,
    /// What vouches for each earlier audit, a sentence each.
    pub bundles: Vec<String>,
}

/// Findings that one thing happened to.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TrendGroup {
    /// What.
    pub heading: &'static str,
    /// How many there are.
    pub count: u32,
    /// Of them not told here.
    pub more: u32,
    /// Those told.
    pub findings: Vec<FindingRow>,
}

impl TrendView {
    /// Prepares all that is shown; `None` where nothing is earlier.
    pub fn new(trend: &Trend) -> Option<Self> {
        let labels: Vec<String> = trend
            .bundles
            .iter()
            .map(|own| visible(&own.label))
            .collect();
        let [.., since, _] = labels.as_slice() else {
            return None;
        };
        let [.., before, now] = trend.fleet.as_slice() else {
            return None;
        };
        let fleet: Vec<Option<&Point>> = trend.fleet.iter().map(Some).collect();
        let reached = |at: usize| {
            let point = trend.fleet.get(at);
            point.map_or_else(String::new, |own| {
                format!("{} of {} instances", own.reached, own.instances)
            })
        };
        let moves = &now.moves;
        let groups = [
            ("Opened", moves.opened, &trend.opened),
            ("Not seen any more", moves.not_seen, &trend.not_seen),
            ("Closed", moves.closed, &trend.closed),
        ];
        Some(Self {
            changed: changed(since, before, now),
            series: of_points("the estate", &fleet, &labels, &reached),
            groups: groups
                .into_iter()
                .filter_map(|(heading, count, told)| group(heading, count, told))
                .collect(),
            bundles: bundles(trend),
            since: since.clone(),
        })
    }
}

fn changed(since: &str, before: &Point, now: &Point) -> Vec<String> {
    let findings = |count: u32| counted(count as usize, "finding", "findings");
    let moves = &now.moves;
    let mut changed = vec![format!(
        "Since {since}: {} opened, {} closed, {} still open.",
        findings(moves.opened),
        moves.closed,
        moves.still_open
    )];
    let others = [
        (
            moves.not_seen,
            "stood then and could not be seen now: not closed",
        ),
        (moves.not_seen_before, "could not be seen then"),
        (
            moves.opened_by_new_rules,
            "come of rules that nobody asked then",
        ),
    ];
    let others = others.into_iter().filter(|(count, _)| *count > 0);
    changed.extend(others.map(|(count, why)| format!("{} {why}.", findings(count))));
    let exposure = |point: &Point| super::view::interval(point.exposure);
    changed.push(match (exposure(before), exposure(now)) {
        (before, now) if before == now => format!("The largest exposure is {now}, as it was."),
        (before, now) => format!("The largest exposure is {now}; it was {before}."),
    });
    if before.instances != now.instances || before.reached != now.reached {
        changed.push(format!(
            "{} of {} instances were reached; then {} of {}.",
            now.reached, now.instances, before.reached, before.instances
        ));
    }
    changed
}

fn group(heading: &'static str, count: u32, told: &[Tracked]) -> Option<TrendGroup> {
    let findings: Vec<FindingRow> = told.iter().map(finding).collect();
    (count > 0).then(|| TrendGroup {
        heading,
        count,
        more: count.saturating_sub(u32::try_from(findings.len()).unwrap_or(u32::MAX)),
        findings,
    })
}

fn bundles(trend: &Trend) -> Vec<String> {
    let earlier = trend.bundles.iter().filter_map(|own| {
        let mut said = vec![own.seal.as_ref()?.words()];
        said.extend(own.differs.iter().cloned());
        let hash = own.sha256.get(..16).unwrap_or_default();
        let said = format!(
            "{}: {}; assessment.json {hash}…",
            own.label,
            said.join("; ")
        );
        Some(visible(&said))
    });
    let own = trend.bundles.last().filter(|own| !own.differs.is_empty());
    let own = own.map(|own| visible(&format!("this audit: {}", own.differs.join("; "))));
    earlier.chain(own).collect()
}

/// A trend for a terminal, after an audit's own table. Empty where nothing is earlier.
pub fn trend_table(trend: &Trend, width: u16) -> String {
    let Some(view) = TrendView::new(trend) else {
        return String::new();
    };
    let page = Page::new(width, false);
    let mut sections = vec![
        super::table::series(&page, &view.series),
        page.text(&view.changed.join(" ")),
    ];
    let columns = [
        left("Since", 10),
        left("Severity", 8),
        left("Instance", 12),
        left("Rule", 8),
        free("Finding"),
    ];
    let rows = view.groups.iter().flat_map(|group| {
        group.findings.iter().map(|own| {
            vec![
                group.heading.to_owned(),
                own.severity.to_owned(),
                own.instance.clone(),
                own.rule.clone(),
                own.message.clone(),
            ]
        })
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if !rows.is_empty() {
        sections.push(page.lay_out(&columns, rows));
    }
    sections.join("\n\n") + "\n"
}
