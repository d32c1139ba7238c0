//! `--format tree`: under each principal its steps, those that chains share written once.

use std::fmt::Write as _;

use super::super::visible;
use super::chains::{chains, citation, place, sentence};
use super::{InstancePaths, PathsReport, unseen};
use crate::graph::{Path, PathStep, Place};

/// A step, and those that follow it.
#[derive(Default)]
struct Twig {
    text: String,
    /// What tells it from its siblings.
    key: Option<(String, Place, String)>,
    twigs: Vec<Twig>,
}

impl Twig {
    /// The twig of a step below this one, made where it is not there yet; the last of a way says how far it is open.
    fn grow(&mut self, step: &PathStep, state: &str) -> &mut Self {
        let key = Some((step.kind.clone(), step.to.clone(), state.to_owned()));
        let at = self.twigs.iter().position(|twig| twig.key == key);
        let at = at.unwrap_or_else(|| {
            let fact = citation(step);
            let gap = if fact.is_empty() { "" } else { "  " };
            self.twigs.push(Self {
                text: visible(&format!("{state}{}{gap}{fact}", sentence(step))),
                key,
                twigs: Vec::new(),
            });
            self.twigs.len() - 1
        });
        &mut self.twigs[at]
    }

    /// A line of our own.
    fn say(&mut self, text: String) -> &mut Self {
        let at = self.twigs.iter().position(|twig| twig.text == text);
        let at = at.unwrap_or_else(|| {
            self.twigs.push(Self {
                text,
                ..Self::default()
            });
            self.twigs.len() - 1
        });
        &mut self.twigs[at]
    }

    fn draw(&self, indent: &str, text: &mut String) {
        let last = self.twigs.len().saturating_sub(1);
        for (at, twig) in self.twigs.iter().enumerate() {
            let (branch, below) = if at == last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            let _ = writeln!(text, "{indent}{branch}{}", twig.text); // writing to a String cannot fail
            twig.draw(&format!("{indent}{below}"), text);
        }
    }
}

/// See [`PathsReport::tree`].
pub fn tree(report: &PathsReport) -> String {
    let order = chains(report);
    let mut text = String::new();
    for instance in &report.instances {
        let own = order.iter().filter(|c| c.instance.id == instance.id);
        let mut principals: Vec<&Place> = Vec::new();
        for chain in own {
            if !principals.contains(&chain.principal) {
                principals.push(chain.principal);
            }
        }
        let root = grown(instance, &principals);
        let _ = writeln!(text, "{}", visible(instance.id.as_str())); // as above
        root.draw("", &mut text);
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn grown(instance: &InstancePaths, principals: &[&Place]) -> Twig {
    let mut root = Twig::default();
    for principal in principals {
        let twig = root.say(visible(&place(principal)));
        let ways = instance.ways();
        for (_, path) in ways.filter(|(_, path)| path.principal == **principal) {
            add(twig, path);
        }
    }
    if let Some(other) = &instance.same_as {
        root.say(visible(&format!("same as {other}")));
    } else if let Some(unseen) = unseen(instance) {
        root.say(visible(&unseen));
    } else if principals.is_empty() {
        root.say("no way for anybody but administrators by design".to_owned());
    }
    root
}

/// A way's steps, and below the last those that switch the channel on, as far as they are others.
fn add(twig: &mut Twig, path: &Path) {
    let last = path.steps.len().saturating_sub(1);
    let mut at = twig;
    for (number, step) in path.steps.iter().enumerate() {
        let state = if number == last {
            format!("{}: ", path.state.as_str())
        } else {
            String::new()
        };
        at = at.grow(step, &state);
    }
    let steps = path.steps.iter().zip(&path.arming);
    let shared = steps.take_while(|(step, arming)| step == arming).count();
    let arming = path.arming.iter().skip(shared);
    for (number, step) in arming.enumerate() {
        let first = if number == 0 {
            "switched on first: "
        } else {
            ""
        };
        at = at.grow(step, first);
    }
}
