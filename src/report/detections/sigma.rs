//! Sigma rules, prepared.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::table::{Allowed, DETECTIONS, Detection, Source};
use super::{accepted, judged};
use crate::ids::InstanceId;
use crate::report::assessment::{Assessment, Instance};
use crate::report::stable::id;
use crate::report::visible;

/// What sigma.yml.hbs is given: one rule. Values stand between single quotes, in which a quote is doubled.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SigmaView {
    /// The name of its file.
    pub slug: &'static str,
    /// The same in every run.
    pub id: String,
    /// For people.
    pub title: &'static str,
    /// What it sees, and why this estate needs it.
    pub description: Vec<String>,
    /// The day as of which was judged.
    pub date: String,
    /// Program and version.
    pub judged_by: String,
    /// `service` or `category`.
    pub source_key: &'static str,
    /// Which.
    pub source: &'static str,
    /// All of them must hold.
    pub selections: Vec<Selection>,
    /// Names of the computers, and the beginning of their full names.
    pub hosts: Vec<Host>,
    /// Command lines that are approved, word for word, by computer.
    pub approved: Vec<ApprovedCommands>,
    /// What else looks like it.
    pub false_positives: &'static str,
    /// How bad.
    pub level: &'static str,
    /// ATT&CK.
    pub tags: &'static [&'static str],
}

/// A field, and values any of which it must have.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Selection {
    pub field: &'static str,
    pub values: Vec<String>,
}

/// A computer.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Host {
    pub name: String,
}

/// What is approved on one computer: on another the same command is not.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct ApprovedCommands {
    pub host: String,
    pub commands: Vec<String>,
}

/// The rules that some instance needs, in the order of the table.
pub(super) fn rules(assessment: &Assessment) -> Vec<SigmaView> {
    let rules = DETECTIONS.iter();
    rules.filter_map(|own| rule(own, assessment)).collect()
}

fn rule(own: &'static Detection, assessment: &Assessment) -> Option<SigmaView> {
    let needing = judged(assessment).filter(|instance| needs(own, instance));
    let (needing, nameless): (Vec<&Instance>, Vec<&Instance>) =
        needing.partition(|instance| hosts(instance).next().is_some());
    let hosts: BTreeSet<Host> = needing.iter().flat_map(|own| hosts(own)).collect();
    if hosts.is_empty() {
        return None;
    }
    let (source_key, source) = match own.source {
        Source::ApplicationLog | Source::AuditRecords => ("service", "application"),
        Source::ProcessCreation => ("category", "process_creation"),
        Source::ImageLoad => ("category", "image_load"),
    };
    let approved = match own.allowed {
        Allowed::Nothing => Vec::new(),
        Allowed::Commands => approved(&needing),
    };
    let selections = own.lines.iter().map(|(field, values)| Selection {
        field,
        values: values.iter().map(|value| literal(value)).collect(),
    });
    Some(SigmaView {
        slug: own.slug,
        id: id(&["sigma", own.slug]),
        title: own.title,
        description: description(own, &needing, &nameless),
        date: visible(&assessment.as_of),
        judged_by: visible(&assessment.judged_by),
        source_key,
        source,
        selections: selections.collect(),
        hosts: hosts.into_iter().collect(),
        approved,
        false_positives: own.false_positives,
        level: own.level,
        tags: own.tags,
    })
}

fn is_on_windows(instance: &Instance) -> bool {
    instance
        .platform
        .as_deref()
        .is_none_or(|own| own == "Windows")
}

/// Instances that some rule is for and none names, since neither their computer's name nor their node's was seen.
pub fn nameless(assessment: &Assessment) -> Vec<&InstanceId> {
    let nameless = judged(assessment).filter(|instance| hosts(instance).next().is_none());
    let needing = nameless.filter(|instance| DETECTIONS.iter().any(|own| needs(own, instance)));
    needing.map(|own| &own.id).collect()
}

/// A rule over audit records is for where an audit has them. Every other is for wherever such an event can happen: what a
/// host logs no audit has, and who stops an audit does not stop it.
fn needs(own: &Detection, instance: &Instance) -> bool {
    let mut states = own.events.iter().map(|event| is_recorded(instance, event));
    is_on_windows(instance)
        && match own.source {
            Source::AuditRecords => states.any(|state| state == Some(true)),
            _ => states.any(|state| state.is_some()),
        }
}

/// Whether some event of a rule happens without a whole record.
fn is_unrecorded(own: &Detection, instance: &Instance) -> bool {
    let mut states = own.events.iter().map(|event| is_recorded(instance, event));
    states.any(|state| state == Some(false))
}

/// Whether an audit records all of an event; `None` where it cannot happen. What was not seen is not recorded.
fn is_recorded(instance: &Instance, event: &str) -> Option<bool> {
    use crate::rules::telemetry::Recorded;
    let mut events = instance.telemetry.iter().flat_map(|own| &own.events);
    let state = events.find(|own| own.event == event)?;
    (state.outcome != Recorded::NotApplicable).then(|| state.outcome.is_whole())
}

/// The node that answered and the name that clients know, which differ on a cluster.
fn hosts(instance: &Instance) -> impl Iterator<Item = Host> {
    let reported = instance.reported.as_ref();
    let names = reported
        .into_iter()
        .flat_map(|own| [&own.machine_name, &own.physical_name]);
    let names = names.flatten().filter(|name| !name.trim().is_empty());
    names.map(|name| Host {
        name: literal(name),
    })
}

fn approved(needing: &[&Instance]) -> Vec<ApprovedCommands> {
    let mut by_host: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for instance in needing {
        let commands: BTreeSet<String> = commands(instance).collect();
        for host in hosts(instance).filter(|_| !commands.is_empty()) {
            by_host
                .entry(host.name)
                .or_default()
                .extend(commands.clone());
        }
    }
    let approved = by_host
        .into_iter()
        .map(|(host, commands)| ApprovedCommands {
            host,
            commands: commands.into_iter().collect(),
        });
    approved.collect()
}

/// Command lines as xp_cmdshell makes them, of modules whose finding is accepted: only those that are known to the last
/// character, and into which nothing flows.
fn commands(instance: &Instance) -> impl Iterator<Item = String> {
    let evidence = accepted(instance).flat_map(|own| &own.evidence);
    let places = evidence.filter_map(|own| own.place.as_ref());
    let known = places.filter(|own| {
        own.sink.as_deref() == Some("xp_cmdshell") && own.command_tainted == Some(false)
    });
    let commands = known.filter_map(|own| own.command.as_deref());
    let whole = commands.filter(|own| !own.contains(['…', '\n', '\r']) && !own.contains("***"));
    whole.map(|own| literal(&format!("\"C:\\Windows\\system32\\cmd.exe\" /c {own}")))
}

/// Instances by name, those alone whose computers the rule has: on the others it cannot fire.
fn description(own: &Detection, needing: &[&Instance], nameless: &[&Instance]) -> Vec<String> {
    let names = |all: &[&Instance]| {
        let all = all.iter().map(|own| own.id.as_str());
        visible(&all.collect::<Vec<_>>().join(", "))
    };
    let mut lines = vec![own.about.to_owned()];
    if own.source == Source::AuditRecords {
        lines.push(format!("An audit records it on {}.", names(needing)));
    } else {
        lines.push(format!("For {}.", names(needing)));
        let unrecorded = needing
            .iter()
            .filter(|instance| is_unrecorded(own, instance));
        let unrecorded: Vec<&Instance> = unrecorded.copied().collect();
        if !unrecorded.is_empty() {
            lines.push(format!(
                "No audit records all of it on {}.",
                names(&unrecorded)
            ));
        }
    }
    if !nameless.is_empty() {
        lines.push(format!(
            "It cannot fire on {}: neither the name of the computer nor that of the node was seen.",
            names(nameless)
        ));
    }
    if own.source == Source::AuditRecords {
        lines.push(
            "The records are in the Application log only where the audit's target is APPLICATION_LOG, and in the Security log \
             where it is SECURITY_LOG; of files they have to be shipped, and the service adapted."
                .to_owned(),
        );
    }
    lines
}

/// A value that means itself: in Sigma `*` and `?` stand for others, and a backslash before them or itself takes that away.
fn literal(text: &str) -> String {
    let text = visible(text);
    let mut own = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_before_wildcard = matches!(characters.peek(), Some('*' | '?' | '\\') | None);
        if matches!(character, '*' | '?') || (character == '\\' && is_before_wildcard) {
            own.push('\\');
        }
        own.push(character);
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_means_itself() {
        for (text, due) in [
            ("SQL01", "SQL01"),
            ("\\sqlservr.exe", "\\sqlservr.exe"),
            ("a*b?", "a\\*b\\?"),
            ("a\\*", "a\\\\\\*"),
            ("\\\\host\\x", "\\\\\\host\\x"),
            ("end\\", "end\\\\"),
        ] {
            assert_eq!(literal(text), due, "{text}");
        }
    }
}
