//! Frameworks and waivers, ready to show.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::wording::counted;
use crate::compliance::{Assessed, Attested, ControlStatus, FrameworkStatus, Status};
use crate::report::visible;
use crate::report::waivers::{about, place};
use crate::rules::WaiverEntry;

/// So many instances that fail a control are named.
const MOST_FAILING: usize = 10;

/// A framework with its controls.
#[derive(Serialize, JsonSchema)]
pub struct FrameworkView {
    /// Unique in the report.
    pub anchor: String,
    pub id: String,
    pub name: String,
    /// Publisher, version and date.
    pub edition: String,
    /// Instances in scope, in words.
    pub population: String,
    /// Whether any is.
    pub in_scope: bool,
    pub note: Option<String>,
    pub source: String,
    /// Controls by status, in the order of [`Status::ALL`].
    pub counts: Vec<StatusCount>,
    pub controls: Vec<ControlView>,
}

/// How many controls have a status.
#[derive(Serialize, JsonSchema)]
pub struct StatusCount {
    pub status: &'static str,
    pub class: &'static str,
    pub count: u32,
}

/// A control.
#[derive(Serialize, JsonSchema)]
pub struct ControlView {
    pub id: String,
    pub title: String,
    pub status: &'static str,
    pub class: &'static str,
    /// The framework's own severity.
    pub severity: Option<String>,
    /// Population, tested, failed, unknown, in words; `None` of manual ones.
    pub counts: Option<String>,
    /// Instances that failed.
    pub failing: String,
    pub rules: String,
    pub references: String,
    /// What a human must look at.
    pub look_at: Option<String>,
    pub attestations: Vec<String>,
}

/// A waiver.
#[derive(Serialize, JsonSchema)]
pub struct WaiverView {
    pub id: String,
    pub rule: String,
    pub about: String,
    pub place: String,
    pub owner: String,
    pub approver: String,
    pub reason: String,
    pub ticket: String,
    pub expires: String,
    pub days_left: i64,
    pub accepts: u32,
    pub state: &'static str,
    pub class: &'static str,
}

/// Words and style of a status.
fn words(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Met => ("met", "whole"),
        Status::NotMet => ("not met", "critical"),
        Status::PartlySeen => ("partly seen", "unknown"),
        Status::NotAssessed => ("not assessed", "unknown"),
        Status::Manual => ("manual", "quiet"),
        Status::Accepted => ("accepted", "medium"),
        Status::NotApplicable => ("not applicable", "quiet"),
    }
}

impl FrameworkView {
    /// A framework, the n-th of the report.
    pub fn new(framework: &FrameworkStatus, number: usize) -> Self {
        let date = framework.date.iter().map(|date| format!(" of {date}"));
        let version = format!("{} {}", framework.publisher, framework.version);
        let mut tally = framework.tally;
        let counts = Status::ALL.map(|status| {
            let (word, class) = words(status);
            StatusCount {
                status: word,
                class,
                count: *tally.of(status),
            }
        });
        Self {
            anchor: format!("framework-{number}"),
            id: visible(&framework.id),
            name: visible(&framework.name),
            edition: visible(&date.fold(version, |text, date| text + &date)),
            population: population(framework),
            in_scope: framework.population > 0,
            note: framework.note.as_deref().map(visible),
            source: visible(&framework.source),
            counts: counts.into(),
            controls: framework.controls.iter().map(ControlView::new).collect(),
        }
    }
}

fn population(framework: &FrameworkStatus) -> String {
    let mut text = match framework.population {
        0 => "no instance".to_owned(),
        n => counted(n as usize, "instance", "instances"),
    };
    if !framework.unassigned.is_empty() {
        let names = framework.unassigned.iter().map(|id| visible(id.as_str()));
        let names: Vec<String> = names.collect();
        let _ = write!(text, "; version not seen: {}", names.join(", "));
    }
    text
}

impl ControlView {
    fn new(control: &ControlStatus) -> Self {
        let (status, class) = words(control.status);
        let failing = control.failing.iter().take(MOST_FAILING);
        let failing = failing.map(|id| visible(id.as_str()));
        let failing: Vec<String> = failing.collect();
        let more = control.failed as usize - failing.len();
        let mut failing = failing.join(", ");
        if more > 0 {
            let _ = write!(failing, " and {more} more");
        }
        Self {
            id: visible(&control.id),
            title: visible(&control.title),
            status,
            class,
            severity: control.severity.as_deref().map(visible),
            counts: (control.status != Status::Manual).then(|| sampled(control)),
            failing,
            rules: control.verdicts.join(", "),
            references: visible(&control.references.join(", ")),
            look_at: control
                .look_at
                .as_deref()
                .filter(|_| control.assessed != Assessed::Rule || control.status == Status::Manual)
                .map(visible),
            attestations: control.attestations.iter().map(attested).collect(),
        }
    }
}

/// `8 of 9 tested: 1 failed, 1 accepted; 1 not seen`.
fn sampled(control: &ControlStatus) -> String {
    let mut text = format!("{} of {} tested", control.tested, control.population);
    let found = [(control.failed, "failed"), (control.accepted, "accepted")];
    let found = found.into_iter().filter(|(n, _)| *n > 0);
    let found: Vec<String> = found.map(|(n, word)| format!("{n} {word}")).collect();
    if !found.is_empty() {
        let _ = write!(text, ": {}", found.join(", "));
    }
    for (n, word) in [
        (control.unknown, "not seen"),
        (control.not_applicable, "not applicable"),
    ] {
        if n > 0 {
            let _ = write!(text, "; {n} {word}");
        }
    }
    text
}

fn attested(one: &Attested) -> String {
    let targets = if one.targets.is_empty() {
        String::new()
    } else {
        format!(" for {}", one.targets.join(", "))
    };
    let holds = if one.is_expired {
        "expired on"
    } else {
        "holds until"
    };
    let evidence = match (&one.evidence, &one.sha256) {
        (Some(file), Some(hash)) => format!("; {file}, SHA-256 {hash}"),
        _ => String::new(),
    };
    let comment = one.comment.as_ref();
    let comment = comment.map_or_else(String::new, |comment| format!(" ({comment})"));
    let (answer, by, on) = (one.answer.replace('_', " "), &one.by, &one.on);
    visible(&format!(
        "{answer}{targets}, says {by} on {on}{comment}; {holds} {}{evidence}",
        one.expires
    ))
}

impl WaiverView {
    /// A waiver.
    pub fn new(waiver: &WaiverEntry) -> Self {
        let is_over = waiver.days_left < 0;
        let is_used = waiver.accepts.unwrap_or_default() > 0;
        Self {
            id: visible(&waiver.id),
            rule: waiver.rule.clone(),
            about: about(waiver),
            place: place(waiver),
            owner: visible(&waiver.owner),
            approver: visible(&waiver.approver),
            reason: visible(&waiver.reason),
            ticket: visible(&waiver.ticket),
            expires: waiver.expires.clone(),
            days_left: waiver.days_left,
            accepts: waiver.accepts.unwrap_or_default(),
            state: waiver.state.words(),
            class: match (is_over, is_used) {
                (true, _) => "high",
                (false, true) => "whole",
                (false, false) => "quiet",
            },
        }
    }
}
