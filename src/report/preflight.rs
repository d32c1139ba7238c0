//! What a preflight found, for people and for machines.

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Serialize;

use super::table::{Column, Page, free, left};
use super::view::{counted, first_of, quoted, version_name};
use super::visible::{visible, visible_json};
use crate::snapshot::{
    Denial, EntryState, Estimate, Observed, Preflight, PreflightDatabase, PreflightRight,
    RightState, SightState,
};

/// The first field of the JSON.
pub const PREFLIGHT_SCHEMA: &str = "mssql-posture/preflight/v1";

/// How the right begins that lets into databases.
const ENTRY: &str = "CONNECT ";
const NONE: &str = "–";
const MOST_FACTS: usize = 4;
const MOST_NAMES: usize = 4;
const MILLISECONDS: u32 = 1000;

/// What a preflight found at each target, in the order of the inventory.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PreflightReport {
    /// `mssql-posture/preflight/v1`.
    pub schema: &'static str,
    /// Every target can be seen whole.
    pub full_sight: bool,
    /// One entry a target.
    pub targets: Vec<Preflight>,
}

impl PreflightReport {
    /// From what was found.
    pub fn new(targets: Vec<Preflight>) -> Self {
        Self {
            schema: PREFLIGHT_SCHEMA,
            full_sight: targets.iter().all(|t| t.sight == SightState::Full),
            targets,
        }
    }

    /// As JSON, with nothing in it that a terminal obeys. Ends with a line feed.
    ///
    /// # Errors
    /// Never for strings and integers; a serialisation failure is passed on.
    pub fn json(&self) -> serde_json::Result<String> {
        Ok(visible_json(&serde_json::to_string_pretty(self)?) + "\n")
    }

    /// The T-SQL that grants what is missing, one batch a target.
    pub fn fix(&self) -> String {
        let block = |target: &Preflight| match (&target.fix, target.sight) {
            (Some(fix), _) => Some(format!("{fix}GO\n")),
            (None, SightState::Unreached) => Some(format!(
                "-- {}: not reached, so nothing is known of its rights\n",
                visible(target.target.as_str())
            )),
            (None, _) => None,
        };
        let blocks: Vec<String> = self.targets.iter().filter_map(block).collect();
        if blocks.is_empty() {
            return "-- No right is missing.\n".to_owned();
        }
        blocks.join("\n")
    }

    /// As tables for a terminal that is `width` columns wide. Ends with a line feed.
    pub fn table(&self, width: u16) -> String {
        let page = Page::new(width, false);
        let mut sections = vec![self.targets(&page)];
        sections.extend(self.unseen(&page));
        sections.extend(self.notes().iter().map(|note| page.text(note)));
        sections.push(page.text(&self.closing()));
        sections.join("\n\n") + "\n"
    }

    fn targets(&self, page: &Page) -> String {
        let columns = [
            left("Target", 10),
            left("Version", 7),
            left("Login", 13),
            left("TLS", 10),
            left("Databases", 9),
            left("Sight", 7),
            left("Takes", 6),
        ];
        let rows = self.targets.iter().map(|target| row(target, page));
        let rows = rows.collect();
        page.lay_out(&columns, rows)
    }

    fn unseen(&self, page: &Page) -> Option<String> {
        let rows: Vec<Vec<String>> = self.targets.iter().flat_map(unseen_of).collect();
        if rows.is_empty() {
            return None;
        }
        let columns: [Column; 3] = [
            left("Target", 10),
            free("Not seen"),
            free("What would settle it"),
        ];
        Some(page.lay_out(&columns, rows))
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for target in &self.targets {
            let id = visible(target.target.as_str());
            let opened: Vec<String> = target
                .databases
                .iter()
                .filter(|d| d.auto_close && d.state == EntryState::Entered)
                .map(|d| quoted(d.name.as_str()))
                .collect();
            if !opened.is_empty() {
                notes.push(format!(
                    "{id}: AUTO_CLOSE databases are opened by a collection: {}. skip_auto_close = true leaves them unread.",
                    first_of(&opened, MOST_NAMES)
                ));
            }
            let sysadmin = target.login.as_ref().and_then(|login| login.is_sysadmin);
            if sysadmin == Some(true) {
                notes.push(format!(
                    "{id}: the login is sysadmin, which is more than an auditor needs: see `mssql-posture script login`."
                ));
            }
            if let Some(estimate) = target.estimate.as_ref().filter(|e| e.most_ms > e.limit_ms) {
                notes.push(format!(
                    "{id}: a collection may take longer than timeouts.target_seconds, which is {}.",
                    estimate.limit_ms / MILLISECONDS
                ));
            }
        }
        notes
    }

    fn closing(&self) -> String {
        let full = self.targets.iter().filter(|t| t.sight == SightState::Full);
        let mut text = format!(
            "Full sight of {} of {}.",
            full.count(),
            counted(self.targets.len(), "target", "targets")
        );
        if self.targets.iter().any(|t| t.estimate.is_some()) {
            text +=
                " Times are reckoned from this preflight's own requests; module text comes on top.";
        }
        if self.targets.iter().any(|t| t.fix.is_some()) {
            text += " The T-SQL that grants what is missing: --fix.";
        }
        text
    }
}

fn row(target: &Preflight, page: &Page) -> Vec<String> {
    let version = target.server.as_ref().map_or_else(
        || NONE.to_owned(),
        |server| {
            let (name, build) = (
                version_name(&server.product_version),
                visible(&server.product_version),
            );
            if page.is_wide() {
                format!("{name} ({build})")
            } else {
                name
            }
        },
    );
    let login = target.login.as_ref().map_or_else(
        || NONE.to_owned(),
        |login| {
            let name = login.original_login.as_deref().unwrap_or("?");
            let scheme = login.auth_scheme.as_deref().unwrap_or("?");
            format!("{} ({})", quoted(name), visible(scheme))
        },
    );
    let entered = target.databases.iter();
    let entered = entered.filter(|d| d.state == EntryState::Entered).count();
    let due = target.databases.iter();
    let due = due.filter(|d| d.state != EntryState::Excluded).count();
    let reached = target.server.is_some();
    vec![
        visible(target.target.as_str()),
        version,
        login,
        if reached {
            tls(target)
        } else {
            NONE.to_owned()
        },
        if reached {
            format!("{entered} of {due}")
        } else {
            NONE.to_owned()
        },
        match target.sight {
            SightState::Full => "full".to_owned(),
            SightState::Limited => "limited".to_owned(),
            SightState::Unreached => "not reached".to_owned(),
        },
        target
            .estimate
            .as_ref()
            .map_or_else(|| NONE.to_owned(), takes),
    ]
}

fn tls(target: &Preflight) -> String {
    let Observed::Known { value } = &target.tls else {
        return "unknown".to_owned();
    };
    let Some(session) = &value.session else {
        return "none".to_owned();
    };
    let day = session.certificate.not_after.split('T').next();
    let day = visible(day.unwrap_or_default());
    let protocol = visible(&session.protocol);
    match &session.not_trusted_because {
        None => format!("{protocol}, trusted to {day}"),
        Some(why) => format!("{protocol}, not trusted: {}", visible(why)),
    }
}

/// `1–4 s`; never less than a second is promised.
fn takes(estimate: &Estimate) -> String {
    let seconds = |ms: u32| ms.div_ceil(MILLISECONDS).max(1);
    match (seconds(estimate.least_ms), seconds(estimate.most_ms)) {
        (least, most) if least == most => format!("about {least} s"),
        (least, most) => format!("{least}–{most} s"),
    }
}

/// One line for each thing that would stay unseen.
fn unseen_of(target: &Preflight) -> Vec<Vec<String>> {
    let mut lines: Vec<(String, String)> = Vec::new();
    if let Some(trouble) = &target.trouble {
        let seen = format!("{}: {}", trouble.stage, visible(&trouble.why));
        lines.push((seen, visible(&trouble.remedy)));
    }
    // The databases that it lets into are named below.
    let entry = |right: &&PreflightRight| right.right.starts_with(ENTRY);
    for right in target.rights.iter().filter(|right| !entry(right)) {
        let shows: Vec<String> = right.shows.iter().map(ToString::to_string).collect();
        let shows = first_of(&shows, MOST_FACTS);
        let why = right.why.as_deref().map(visible);
        match right.state {
            RightState::Held | RightState::NotNeeded => {}
            RightState::Missing => lines.push((shows, right.right.clone())),
            RightState::Unknown => lines.push((
                shows,
                format!("{} (not known: {})", right.right, why.unwrap_or_default()),
            )),
        }
    }
    lines.extend(closed(target));
    lines.extend(target.denials.iter().map(denied));
    for gap in &target.gaps {
        let facts: Vec<String> = gap.facts.iter().map(ToString::to_string).collect();
        let facts = first_of(&facts, MOST_FACTS);
        let place = gap.database.as_ref().map(|name| quoted(name.as_str()));
        let seen = place.map_or_else(|| facts.clone(), |name| format!("{name}: {facts}"));
        lines.push((seen, visible(&gap.need)));
    }
    let id = visible(target.target.as_str());
    let cells = |(seen, need)| vec![id.clone(), seen, need];
    lines.into_iter().map(cells).collect()
}

/// Databases that are not entered, those with one reason together.
fn closed(target: &Preflight) -> Vec<(String, String)> {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for database in &target.databases {
        if matches!(database.state, EntryState::Entered | EntryState::Excluded) {
            continue;
        }
        let why = reason(database, target);
        let name = quoted(database.name.as_str());
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, names)) => names.push(name),
            None => reasons.push((why, vec![name])),
        }
    }
    let line = |(why, names): (String, Vec<String>)| {
        let count = counted(names.len(), "database", "databases");
        (format!("{count}: {}", first_of(&names, MOST_NAMES)), why)
    };
    reasons.into_iter().map(line).collect()
}

fn reason(database: &PreflightDatabase, target: &Preflight) -> String {
    let mut rights = target.rights.iter();
    let missing =
        rights.find(|right| right.right.starts_with(ENTRY) && right.state == RightState::Missing);
    match (database.state, missing) {
        (EntryState::NoAccess, Some(right)) => right.right.clone(),
        (EntryState::NoAccess, None) => {
            "removal of what keeps the login out, DENY CONNECT perhaps (error 916)".to_owned()
        }
        _ => visible(database.why.as_deref().unwrap_or("not known")),
    }
}

fn denied(denial: &Denial) -> (String, String) {
    let place = denial
        .database
        .as_ref()
        .map_or_else(|| "the server".to_owned(), |name| quoted(name.as_str()));
    let principal = denial
        .principal
        .as_ref()
        .map_or_else(|| denial.principal_id.to_string(), |name| quoted(name));
    (
        format!("{place}: what DENY {} hides", visible(&denial.permission)),
        format!(
            "removal of that DENY (class {}, id {}) from {principal}",
            denial.class, denial.major_id
        ),
    )
}
