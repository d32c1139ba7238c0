//! Options by sp_configure. RECONFIGURE activates everything that is staged, so that what somebody else staged is set to
//! its running value first and staged again at the end (docs: RECONFIGURE, show advanced options).

use super::write::literal;
use crate::snapshot::{Configuration, Observed, Snapshot};

const SHOW: &str = "show advanced options";
/// The server raises it by itself: it runs with 8 or 16 where 0 is configured, and nothing is staged by that (docs: server
/// memory configuration options).
const RAISED_BY_SERVER: &str = "min server memory (MB)";

/// What an option is set to: configured, and running.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Values {
    pub configured: i32,
    pub running: i32,
}

impl Values {
    pub const OFF: Self = Self {
        configured: 0,
        running: 0,
    };

    fn of(row: &Configuration) -> Option<Self> {
        Some(Self {
            configured: row.value?,
            running: row.value_in_use?,
        })
    }

    fn is_staged(self) -> bool {
        self.configured != self.running
    }
}

/// The option as it stands in the snapshot.
pub fn values_of(snapshot: &Snapshot, name: &str) -> Option<Values> {
    Values::of(row_of(snapshot, name)?)
}

fn row_of<'s>(snapshot: &'s Snapshot, name: &str) -> Option<&'s Configuration> {
    let mut rows = snapshot.server.configurations.seen().iter();
    rows.find(|row| row.name.eq_ignore_ascii_case(name))
}

/// The lines that bring one option from one pair of values to another, and leave every other as it is.
///
/// # Errors
/// Why that cannot be done without activating something else; one sentence.
pub fn set(
    snapshot: &Snapshot,
    name: &str,
    from: Values,
    to: Values,
) -> Result<Vec<String>, String> {
    let unseen = || "not every option's values were seen".to_owned();
    if !matches!(snapshot.server.configurations, Observed::Known { .. }) {
        return Err(unseen());
    }
    let row = row_of(snapshot, name).ok_or_else(unseen)?;
    let show = values_of(snapshot, SHOW).ok_or_else(unseen)?;
    let staged = staged(snapshot, name).ok_or_else(unseen)?;
    let is_hidden = show.running == 0;
    let shows_first = is_hidden && row.is_advanced;
    refuse(&staged, row, (from, to), is_hidden)?;
    let mut lines = Vec::new();
    for (other, values) in &staged {
        lines.push(configure(&other.name, values.running));
    }
    if show.is_staged() && !shows_first {
        lines.push(configure(SHOW, show.running));
    }
    if shows_first {
        lines.push(configure(SHOW, 1) + " RECONFIGURE;");
    }
    lines.push(configure(&row.name, to.running) + " RECONFIGURE;");
    if shows_first {
        lines.push(configure(SHOW, 0) + " RECONFIGURE;");
    }
    if to.is_staged() {
        lines.push(configure(&row.name, to.configured));
    }
    for (other, values) in &staged {
        lines.push(configure(&other.name, values.configured));
    }
    if show.is_staged() {
        lines.push(configure(SHOW, show.configured));
    }
    Ok(lines)
}

/// What is hidden cannot be set back before a RECONFIGURE shows it, nor staged again after one hides it.
fn refuse(
    staged: &[(&Configuration, Values)],
    row: &Configuration,
    (from, to): (Values, Values),
    is_hidden: bool,
) -> Result<(), String> {
    let hidden = staged
        .iter()
        .find(|(other, _)| is_hidden && other.is_advanced);
    if let Some((other, _)) = hidden {
        return Err(format!(
            "RECONFIGURE would also activate {}, which is staged and cannot be set back while {SHOW} is 0",
            other.name
        ));
    }
    let is_hidden = is_hidden && row.is_advanced;
    if is_hidden && from.is_staged() && from.configured != to.running {
        return Err(format!(
            "RECONFIGURE would first activate {} itself, which is staged and cannot be set back while {SHOW} is 0",
            row.name
        ));
    }
    if is_hidden && to.is_staged() {
        return Err(format!(
            "{} was staged, and cannot be staged again while {SHOW} is 0",
            row.name
        ));
    }
    Ok(())
}

/// Every other option that a RECONFIGURE would activate; `None` where that was not seen.
fn staged<'s>(snapshot: &'s Snapshot, name: &str) -> Option<Vec<(&'s Configuration, Values)>> {
    let mut found = Vec::new();
    for row in snapshot.server.configurations.seen() {
        let is_own = [name, SHOW]
            .iter()
            .any(|n| row.name.eq_ignore_ascii_case(n));
        if is_own || !row.is_dynamic {
            continue;
        }
        let values = Values::of(row)?;
        let is_raised = row.name == RAISED_BY_SERVER && values.configured == 0;
        if values.is_staged() && !is_raised {
            found.push((row, values));
        }
    }
    Some(found)
}

fn configure(name: &str, value: i32) -> String {
    format!("EXEC sp_configure {}, {value};", literal(name))
}
