//! The list of waivers for standard output.

use super::table::{Page, left, right};
use super::visible;
use crate::rules::WaiverEntry;

/// Waivers with their days left, those that end first before the others. Ends with a line feed.
pub fn waivers(waivers: &[WaiverEntry], as_of: &str, width: u16) -> String {
    let page = Page::new(width, false);
    let as_of = format!("Judged as of {as_of}.");
    if waivers.is_empty() {
        return page.text(&format!("No waivers. {as_of}")) + "\n";
    }
    let columns = [
        left("Waiver", 8),
        left("Rule", 9),
        left("About", 10),
        left("Where", 8),
        left("Owner", 8),
        left("Expires", 10),
        right("Days left", 5),
        left("State", 8),
    ];
    let mut sorted: Vec<&WaiverEntry> = waivers.iter().collect();
    sorted.sort_by_key(|waiver| (waiver.days_left, &waiver.id));
    let table = page.lay_out(&columns, sorted.into_iter().map(row).collect());
    format!("{table}\n\n{}\n", page.text(&as_of))
}

fn row(waiver: &WaiverEntry) -> Vec<String> {
    vec![
        visible(&waiver.id),
        waiver.rule.clone(),
        about(waiver),
        place(waiver),
        visible(&waiver.owner),
        waiver.expires.clone(),
        waiver.days_left.to_string(),
        waiver.state.words().to_owned(),
    ]
}

/// The subject's pattern, in its database's.
pub(super) fn about(waiver: &WaiverEntry) -> String {
    let subject = waiver.subject.as_deref().unwrap_or("anything");
    let subject = visible(subject);
    match &waiver.database {
        Some(database) => format!("{subject} in {}", visible(database)),
        None => subject,
    }
}

/// The targets.
pub(super) fn place(waiver: &WaiverEntry) -> String {
    match &waiver.targets {
        None => "everywhere".to_owned(),
        Some(targets) => {
            let names: Vec<String> = targets.iter().map(|t| visible(t.as_str())).collect();
            names.join(", ")
        }
    }
}
