//! Ways to a command as the reports show them: each chain a sentence a step and a drawing, and what closes most.

use schemars::JsonSchema;
use serde::Serialize;

use crate::graph::{Path, PathStep, Place, ReachedBy, Route, State};
use crate::report::assessment::Instance;
use crate::report::paths::{
    InstancePaths, PathsReport, chain_citation, chain_place, chain_sentence, chains,
};
use crate::report::visible;
use crate::score::Fix;

/// So many chains are shown of each instance.
const MOST_WAYS: usize = 3;

/// One chain.
#[derive(Serialize, JsonSchema)]
pub struct WayView {
    pub principal: String,
    /// `open`, `armable` or `waiting`.
    pub state: &'static str,
    /// What it opens: `OLE automation procedures and 8 more`.
    pub leads: String,
    pub steps: Vec<WayStep>,
    pub arming: Vec<WayStep>,
    pub drawing: Drawing,
}

/// One step.
#[derive(Serialize, JsonSchema)]
pub struct WayStep {
    pub sentence: String,
    /// `database_principals, database_permissions in CRM`.
    pub facts: String,
    pub waits: bool,
}

/// A chain as boxes one under the other; sizes in pixels.
#[derive(Serialize, JsonSchema)]
pub struct Drawing {
    pub width: usize,
    pub height: usize,
    pub label: String,
    pub boxes: Vec<DrawnBox>,
}

/// A place, and the step that leads on from it.
#[derive(Serialize, JsonSchema)]
pub struct DrawnBox {
    pub top: usize,
    /// Where the text stands.
    pub middle: usize,
    pub text: String,
    /// The kind of the step below; `None` of the last.
    pub step: Option<String>,
    pub step_top: usize,
    pub step_middle: usize,
    pub step_bottom: usize,
    pub waits: bool,
}

/// One channel.
#[derive(Serialize, JsonSchema)]
pub struct RouteView {
    pub channel: String,
    pub state: &'static str,
    pub why: String,
    pub reached: String,
    pub account: String,
    pub source: String,
}

/// One change.
#[derive(Serialize, JsonSchema)]
pub struct FixView {
    pub sentence: String,
    pub statement: String,
    pub undo: String,
    /// How many ways it ends.
    pub ends: String,
    /// Exposure after it and those before it.
    pub after: String,
}

const BOX_HEIGHT: usize = 30;
const STEP_HEIGHT: usize = 34;
const DRAWING_WIDTH: usize = 480;
/// So many characters fit into a box.
const LONGEST: usize = 58;

/// The nearest and most open chains of an instance.
pub fn ways(instance: &Instance) -> Vec<WayView> {
    let mut own = InstancePaths::missing(instance.id.clone(), String::new());
    own.routes.clone_from(&instance.routes);
    let report = PathsReport::new(vec![own]);
    let chains = chains(&report);
    let chains = chains.iter().take(MOST_WAYS);
    chains
        .map(|chain| WayView::new(chain.path, &chain.leads))
        .collect()
}

impl WayView {
    /// A chain and the titles of what it leads to.
    pub fn new(path: &Path, leads: &[String]) -> Self {
        let first = leads.first().map_or_else(String::new, |lead| visible(lead));
        let leads = match leads.len() {
            0 | 1 => first,
            count => format!("{first} and {} more", count - 1),
        };
        let principal = visible(&chain_place(&path.principal));
        let steps = |steps: &[PathStep]| steps.iter().map(WayStep::new).collect();
        Self {
            drawing: Drawing::of(path, &principal, &leads),
            principal,
            state: path.state.as_str(),
            leads,
            steps: steps(&path.steps),
            arming: steps(&path.arming),
        }
    }
}

impl WayStep {
    fn new(step: &PathStep) -> Self {
        Self {
            sentence: visible(&chain_sentence(step)),
            facts: visible(&chain_citation(step)),
            waits: step.waits,
        }
    }
}

impl Drawing {
    fn of(path: &Path, principal: &str, leads: &str) -> Self {
        let mut boxes: Vec<DrawnBox> = Vec::new();
        let places = path.steps.iter().map(|step| (&step.from, Some(step)));
        let last = path.steps.last().map(|step| (&step.to, None));
        for (place, step) in places.chain(last) {
            let top = boxes.len() * (BOX_HEIGHT + STEP_HEIGHT);
            boxes.push(DrawnBox::new(top, place, step));
        }
        Self {
            width: DRAWING_WIDTH,
            height: (boxes.len() * (BOX_HEIGHT + STEP_HEIGHT)).saturating_sub(STEP_HEIGHT),
            label: format!("From {principal} to {leads} in {} steps", path.steps.len()),
            boxes,
        }
    }
}

impl DrawnBox {
    fn new(top: usize, place: &Place, step: Option<&PathStep>) -> Self {
        let text = visible(&chain_place(place));
        let cut: String = text.chars().take(LONGEST).collect();
        let text = if cut.len() < text.len() {
            cut + "…"
        } else {
            text
        };
        let step_top = top + BOX_HEIGHT;
        Self {
            top,
            middle: top + 20,
            text,
            step: step.map(|step| step.kind.replace('_', " ")),
            step_top,
            step_middle: step_top + 21,
            step_bottom: step_top + STEP_HEIGHT,
            waits: step.is_some_and(|step| step.waits),
        }
    }
}

/// Every channel of an instance.
pub fn routes(instance: &Instance) -> Vec<RouteView> {
    instance.routes.iter().map(RouteView::new).collect()
}

impl RouteView {
    fn new(route: &Route) -> Self {
        let is_closed = route.state == State::Closed;
        let account = route.runs_as.account.as_deref();
        Self {
            channel: route.channel.title().to_owned(),
            state: route.state.as_str(),
            why: visible(&route.why),
            reached: if is_closed {
                String::new()
            } else {
                reached(&route.reached_by)
            },
            account: match account {
                _ if is_closed => String::new(),
                Some(account) => visible(account),
                None => "not seen".to_owned(),
            },
            source: visible(&route.source),
        }
    }
}

/// `administrators alone`, `everyone`, `2 others (1 armable, 1 waiting)`.
fn reached(by: &ReachedBy) -> String {
    if by.everyone {
        return "everybody who can log in".to_owned();
    }
    let parts = [
        (by.open, "open"),
        (by.armable, "armable"),
        (by.waiting, "waiting"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() {
        return format!("administrators alone ({})", by.administrators);
    }
    let groups = match by.groups_of_unknown_size.len() {
        0 => String::new(),
        1 => ", one of them a group of unknown size".to_owned(),
        count => format!(", {count} of them groups of unknown size"),
    };
    format!(
        "{} besides {} administrators{groups}",
        parts.join(", "),
        by.administrators
    )
}

/// The changes that close most.
pub fn fixes(instance: &Instance) -> Vec<FixView> {
    instance.fix_first.iter().map(FixView::new).collect()
}

impl FixView {
    fn new(fix: &Fix) -> Self {
        let waiting = match fix.waiting {
            0 => String::new(),
            count => format!(", {count} that wait for somebody"),
        };
        Self {
            sentence: visible(&fix.sentence),
            statement: lines(&fix.statement),
            undo: lines(&fix.undo),
            ends: format!("{}{waiting}", fix.ways),
            after: super::wording::interval(fix.low, fix.high),
        }
    }
}

/// Statements keep their own line breaks; everything else that would be obeyed is made visible.
fn lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(visible).collect();
    lines.join("\n")
}
