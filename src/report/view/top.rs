//! The routes that a reader should hear of first, in plain words.

use schemars::JsonSchema;
use serde::Serialize;

use super::instance::InstanceView;
use super::way::WayView;
use super::wording::counted;

/// So many are told.
const MOST_ROUTES: usize = 5;

/// One route.
#[derive(Serialize, JsonSchema)]
pub struct TopRoute {
    /// The instance.
    pub id: String,
    /// Where all of the route stands.
    pub href: String,
    /// `open`, `armable` or `waiting`.
    pub state: &'static str,
    /// Who.
    pub principal: String,
    /// What they can do, and in how many steps.
    pub sentence: String,
    /// The steps, a sentence each.
    pub steps: Vec<String>,
}

/// The widest route of each instance, as they are prepared: the first instances come first.
#[derive(Default)]
pub struct Top(Vec<(usize, TopRoute)>);

/// States from the widest on.
const STATES: [&str; 3] = ["open", "armable", "waiting"];

impl Top {
    /// Enters an instance.
    pub fn enter(&mut self, instance: &InstanceView) {
        let Some(way) = instance.ways.first() else {
            return;
        };
        let place = STATES.iter().position(|state| *state == way.state);
        let route = TopRoute::new(instance, way);
        self.0.push((place.unwrap_or(STATES.len()), route));
        // Stable: what was entered first stays first.
        self.0.sort_by_key(|(place, _)| *place);
        self.0.truncate(MOST_ROUTES);
    }

    /// The widest of all.
    pub fn close(self) -> Vec<TopRoute> {
        self.0.into_iter().map(|(_, route)| route).collect()
    }
}

impl TopRoute {
    fn new(instance: &InstanceView, way: &WayView) -> Self {
        let steps = counted(way.steps.len(), "step", "steps");
        let sentence = match way.state {
            "open" => format!(
                "runs commands of the operating system now: {}, in {steps}",
                way.leads
            ),
            "armable" => format!(
                "may switch on what runs commands of the operating system: {}, in {steps}",
                way.leads
            ),
            _ => format!(
                "leaves what runs commands of the operating system once somebody else runs it: {}, in {steps}",
                way.leads
            ),
        };
        Self {
            id: instance.id.clone(),
            href: instance.href_of("ways"),
            state: way.state,
            principal: way.principal.clone(),
            sentence,
            steps: way.steps.iter().map(|step| step.sentence.clone()).collect(),
        }
    }
}
