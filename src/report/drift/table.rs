//! Drift for a terminal.

use std::fmt::Write;

use super::host::DriftHost;
use super::view::{DriftInstance, DriftRow, DriftView};
use crate::report::table::{Page, free, left};
use crate::report::view::counted;

/// Textual diffs that are shown of an instance.
const MOST_TEXTS: usize = 5;

/// See [`super::diff_table`].
pub fn table(view: &DriftView, width: u16) -> String {
    let page = Page::new(width, false);
    let mut sections = vec![instances(view, &page)];
    if let Some(record) = &view.record {
        let lines = [&record.headline]
            .into_iter()
            .chain(&record.planned)
            .chain(&record.remarks);
        let rows = lines.map(|text| vec![text.clone()]);
        sections.push(page.list(&[free("")], rows.collect()));
    }
    sections.extend(view.attribution.iter().map(|own| page.text(own)));
    let unplaced = view.unplaced.iter();
    sections.extend(unplaced.map(|own| page.text(&format!("Not placed: {own}"))));
    for instance in view
        .instances
        .iter()
        .filter(|one| !one.quiet || !one.remarks.is_empty())
    {
        sections.extend(details(instance, &page));
    }
    sections.push(page.text(&closing(view)));
    sections.join("\n\n") + "\n"
}

/// See [`super::diff_summary`].
pub fn summary(view: &DriftView, width: u16) -> String {
    let page = Page::new(width, false);
    [
        page.text("Drift against the baseline"),
        instances(view, &page),
        page.text(&closing(view)),
    ]
    .join("\n\n")
        + "\n"
}

fn instances(view: &DriftView, page: &Page) -> String {
    let columns = [
        left("Instance", 12),
        left("Exposure", 10),
        free("Drift"),
        left("Worst", 8),
    ];
    let rows = view.instances.iter().map(|one| {
        vec![
            one.id.clone(),
            one.shown_exposure(),
            one.state.clone(),
            if is_compared(one) {
                worst(one).to_owned()
            } else {
                "–".to_owned()
            },
        ]
    });
    page.lay_out(&columns, rows.collect())
}

/// Whether there is anything to be of a severity.
pub(super) fn is_compared(one: &DriftInstance) -> bool {
    one.changes.len() + one.verdicts.len() + one.routes.len() > 0
}

pub(super) fn worst(one: &DriftInstance) -> &'static str {
    const ORDER: [&str; 5] = ["critical", "high", "medium", "low", "info"];
    let all = one
        .changes
        .iter()
        .map(|c| c.severity)
        .chain(one.verdicts.iter().map(|v| v.severity));
    let all = all
        .chain(one.routes.iter().map(|r| r.severity))
        .chain(one.exposure_severity);
    let places = all.filter_map(|word| ORDER.iter().position(|known| *known == word));
    places
        .min()
        .and_then(|at| ORDER.get(at))
        .copied()
        .unwrap_or("–")
}

fn details(one: &DriftInstance, page: &Page) -> Vec<String> {
    let mut sections = vec![page.text(&format!("{} ({})", one.id, one.collected))];
    sections.extend(
        one.remarks
            .iter()
            .map(|remark| page.text(&format!("Note: {remark}"))),
    );
    if !one.changes.is_empty() {
        sections.push(changes(one, page));
        let told = one.changes.iter().filter(|row| !row.lines.is_empty());
        sections.extend(told.take(MOST_TEXTS).map(lines));
    }
    sections.extend(attributed(one, page));
    if one.with_owner > 0 {
        let rows = counted(one.with_owner as usize, "row", "rows");
        sections.push(page.text(&format!(
            "{rows} of low severity came or went with the database, module or job they belong to."
        )));
    }
    sections.extend(judged(one, page));
    if let Some(host) = &one.host {
        sections.extend(on_the_host(host, page));
    }
    if !one.unseen.is_empty() {
        let rows = one.unseen.iter().map(|text| vec![text.clone()]);
        sections.push(more(
            page.lay_out(&[free("Not comparable")], rows.collect()),
            one.more_unseen,
        ));
    }
    sections
}

/// Who made the changes, what else happened, and where nobody looks.
fn attributed(one: &DriftInstance, page: &Page) -> Vec<String> {
    let mut sections = Vec::new();
    let columns = [
        left("Attribution", 11),
        free("Change"),
        free("Who made it"),
        free("Why"),
    ];
    let rows = one.changes.iter().filter_map(|row| {
        let own = row.attribution.as_ref()?;
        let place = row.place.as_ref();
        let place = place.map_or_else(String::new, |db| format!("{db}: "));
        let ticket = own.ticket.as_ref().map(|ticket| format!("ticket {ticket}"));
        let outcome = [own.outcome.to_owned()].into_iter().chain(ticket);
        let mut events = own.events.clone();
        if own.more_events > 0 {
            events.insert(0, format!("… {} before", own.more_events));
        }
        Some(vec![
            outcome.collect::<Vec<_>>().join("\n"),
            format!("{place}{} {} ({})", row.noun, row.name, row.what),
            events.join("\n"),
            own.why.join("\n"),
        ])
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        sections.push(page.lay_out(&columns, rows));
    }
    if !one.passed.is_empty() {
        let columns = [
            left("Severity", 8),
            left("Attribution", 11),
            free("In between, without drift"),
            free("Who, last"),
            free("Note"),
        ];
        let rows = one.passed.iter().map(|own| {
            let (what, last) = (own.what.clone(), own.last.clone());
            let (severity, outcome) = (own.severity.to_owned(), own.outcome.to_owned());
            vec![severity, outcome, what, last, own.why.join("\n")]
        });
        sections.push(more(
            page.lay_out(&columns, rows.collect()),
            one.more_passed,
        ));
    }
    if !one.blind.is_empty() {
        let rows = one.blind.iter().map(|text| vec![text.clone()]);
        sections.push(page.lay_out(&[free("Blind spots")], rows.collect()));
    }
    sections
}

/// Routes, verdicts, and what is staged.
fn judged(one: &DriftInstance, page: &Page) -> Vec<String> {
    let mut sections = Vec::new();
    if !one.routes.is_empty() {
        let columns = [
            left("Severity", 8),
            left("Channel", 14),
            free("Before"),
            free("After"),
        ];
        let rows = one.routes.iter().map(|r| {
            let (title, before, after) = (r.title.clone(), r.before.clone(), r.after.clone());
            vec![r.severity.to_owned(), title, before, after]
        });
        sections.push(page.lay_out(&columns, rows.collect()));
    }
    if !one.verdicts.is_empty() {
        let columns = [
            left("Severity", 8),
            left("Verdict", 12),
            left("Rule", 10),
            free("What"),
        ];
        let rows = one.verdicts.iter().map(|v| {
            let said = format!("{}: {}", v.subject, v.message);
            vec![
                v.severity.to_owned(),
                v.drift.to_owned(),
                v.rule.clone(),
                said,
            ]
        });
        let verdicts = page.lay_out(&columns, rows.collect());
        sections.push(more(verdicts, one.more_verdicts));
    }
    if !one.pending.is_empty() {
        let columns = [
            left("Severity", 8),
            left("Option", 14),
            free("Staged in AFTER"),
        ];
        let rows = one.pending.iter();
        let rows = rows.map(|p| vec![p.severity.to_owned(), p.option.clone(), p.sentence.clone()]);
        sections.push(page.lay_out(&columns, rows.collect()));
    }
    sections
}

fn on_the_host(host: &DriftHost, page: &Page) -> Vec<String> {
    let mut sections = Vec::new();
    if host.rows.is_empty() {
        sections.push(page.text("On the host: no event"));
    } else {
        let columns = [
            left("Severity", 8),
            left("Time (UTC)", 10),
            free("On the host"),
            free("What explains it"),
        ];
        let rows = host.rows.iter().map(|row| {
            let said = [
                vec![format!("{}: {}", row.standing, row.why)],
                row.near.clone(),
            ]
            .concat();
            let what = format!("{}\n{} as {}", row.what, row.machine, row.user);
            let time = row.time.replacen(' ', "\n", 1);
            vec![row.severity.to_owned(), time, what, said.join("\n")]
        });
        sections.push(more(page.lay_out(&columns, rows.collect()), host.more));
        sections.push(page.text(&host.note));
    }
    if !host.unseen.is_empty() {
        let rows = host.unseen.iter().map(|text| vec![text.clone()]);
        sections.push(page.lay_out(&[free("Not seen of the host")], rows.collect()));
    }
    sections
}

fn changes(one: &DriftInstance, page: &Page) -> String {
    let columns = [
        left("Severity", 8),
        left("Change", 10),
        left("Of", 10),
        free("Name"),
        free("What"),
    ];
    let rows = one.changes.iter().map(|row| {
        let place = row
            .place
            .as_ref()
            .map_or_else(String::new, |db| format!("{db}: "));
        let said = row
            .notes
            .iter()
            .chain(&row.columns)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n");
        vec![
            row.severity.to_owned(),
            row.what.clone(),
            row.noun.clone(),
            format!("{place}{}", row.name),
            said,
        ]
    });
    more(page.lay_out(&columns, rows.collect()), one.more_changes)
}

fn more(text: String, left_out: usize) -> String {
    match left_out {
        0 => text,
        n => format!("{text}\n… and {n} more: --format json has all"),
    }
}

/// Lines are not wrapped: a diff that is broken anew cannot be read.
fn lines(row: &DriftRow) -> String {
    let place = row
        .place
        .as_ref()
        .map_or_else(String::new, |db| format!("{db}: "));
    let mut text = format!("{place}{} ({})", row.name, row.what);
    for line in &row.lines {
        text += "\n  ";
        text += &line.text;
    }
    if row.more_lines > 0 {
        let _ = write!(text, "\n  … {} more lines", row.more_lines);
    }
    text
}

pub(super) fn closing(view: &DriftView) -> String {
    let counts = view
        .counts
        .iter()
        .map(|c| format!("{} {}", c.count, c.severity));
    let counts: Vec<_> = counts.collect();
    format!(
        "{} Changes: {}. Both sides judged as of {}.",
        view.headline,
        counts.join(", "),
        view.as_of
    )
}
