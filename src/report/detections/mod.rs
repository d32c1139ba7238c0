//! What a SOC takes from a judged estate: Sigma rules for what hosts log whatever audits do and for what audits record, and
//! a playbook for each instance. Rendered by templates, every value quoted for its format.

mod playbook;
mod sigma;
mod table;

pub use playbook::PlaybookView;
pub use sigma::{SigmaView, nameless};

use super::assessment::{Assessment, Instance, VerdictEntry};
use super::template::{RenderError, Templates};
use crate::ids::file_name;

/// A file for a SOC.
pub struct DetectionFile {
    /// In its folder, with `/` between its parts.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// Every rule that some instance needs, and a playbook of every instance that was read.
///
/// # Errors
/// See [`RenderError`].
pub fn detections(
    assessment: &Assessment,
    templates: &Templates,
) -> Result<Vec<DetectionFile>, RenderError> {
    let mut files = Vec::new();
    for rule in sigma::rules(assessment) {
        files.push(DetectionFile {
            path: format!("sigma/{}.yml", rule.slug),
            text: templates.yaml("sigma.yml.hbs", &rule)?,
        });
    }
    for instance in judged(assessment) {
        files.push(DetectionFile {
            path: format!("playbooks/{}.md", file_name(instance.id.as_str())),
            text: templates
                .markdown("playbook.md.hbs", &PlaybookView::new(instance, assessment))?,
        });
    }
    Ok(files)
}

/// Instances that something was seen of.
fn judged(assessment: &Assessment) -> impl Iterator<Item = &Instance> {
    let instances = assessment.instances.iter();
    instances.filter(|own| own.same_as.is_none() && own.telemetry.is_some())
}

fn accepted(instance: &Instance) -> impl Iterator<Item = &VerdictEntry> {
    instance.verdicts.iter().filter(|v| v.outcome == "accepted")
}

#[cfg(test)]
mod tests;
