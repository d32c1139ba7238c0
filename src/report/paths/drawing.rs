//! The places and steps of all ways, each once: what the graph formats draw.

use std::collections::{BTreeMap, BTreeSet};

use super::{InstancePaths, PathsReport};
use crate::graph::{PathStep, Place};
use crate::ids::InstanceId;

/// A place of one instance. In order, so that what is drawn does not depend on who was found first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The instance that it is on.
    pub instance: InstanceId,
    /// The place.
    pub place: Place,
}

impl Spot {
    fn new(instance: &InstancePaths, place: &Place) -> Self {
        let own = place.instance.clone();
        Self {
            instance: own.unwrap_or_else(|| instance.id.clone()),
            place: Place {
                instance: None,
                ..place.clone()
            },
        }
    }
}

/// Everything once.
#[derive(Debug, Default)]
pub struct Drawing<'r> {
    /// Every place.
    pub spots: BTreeSet<Spot>,
    /// Steps by where they begin, their kind and where they lead.
    pub steps: BTreeMap<(Spot, &'r str, Spot), &'r PathStep>,
}

impl<'r> Drawing<'r> {
    /// Of all ways of a report.
    pub fn of(report: &'r PathsReport) -> Self {
        let mut drawing = Self::default();
        for instance in &report.instances {
            for (_, path) in instance.ways() {
                drawing.spots.insert(Spot::new(instance, &path.principal));
                for step in path.steps.iter().chain(&path.arming) {
                    drawing.add(instance, step);
                }
            }
        }
        drawing
    }

    fn add(&mut self, instance: &InstancePaths, step: &'r PathStep) {
        let (from, to) = (
            Spot::new(instance, &step.from),
            Spot::new(instance, &step.to),
        );
        self.spots.extend([from.clone(), to.clone()]);
        let key = (from, step.kind.as_str(), to);
        self.steps.entry(key).or_insert(step);
    }
}
