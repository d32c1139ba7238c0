//! The list of approved hashes for standard output.

use super::table::{Page, free, left};
use super::visible;

/// What a file approves: name and version, kind, name and hash of each thing, a line each. Ends with a line feed.
pub fn baselines(things: &[[String; 4]], width: u16) -> String {
    let page = Page::new(width, false);
    if things.is_empty() {
        return page.text("Nothing is approved.") + "\n";
    }
    let columns = [
        left("Baseline", 10),
        left("Kind", 8),
        free("Name"),
        left("Hash", 17),
    ];
    let rows = things.iter().map(|[title, kind, name, hash]| {
        // The beginning is enough to tell two apart by eye; the file has all of it.
        let beginning = hash.get(..16).unwrap_or(hash);
        let mut row: Vec<String> = [title, kind, name].map(|text| visible(text)).to_vec();
        row.push(format!("{}…", visible(beginning)));
        row
    });
    page.list(&columns, rows.collect()) + "\n"
}
