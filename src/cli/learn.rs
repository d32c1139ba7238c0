//! `audit --learn`: what is there now, as expectations that a human can sign. Nobody's name is put under them, and
//! without one they are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::ids::InstanceId;
use crate::inventory::ApprovedKind;
use crate::rules::{Outcome, Pins, Verdict};
use crate::snapshot::Snapshot;

/// Its file in the folder.
pub const PROPOSALS: &str = "proposed-expectations.toml";

/// Something that is there: its kind, database, name, and hash or value.
type Thing = (ApprovedKind, Option<String>, String, String);

/// What could be approved, with the instances where it is so.
#[derive(Debug, Default)]
pub struct Proposals {
    things: BTreeMap<Thing, BTreeSet<InstanceId>>,
    sysadmins: BTreeMap<InstanceId, BTreeSet<String>>,
    /// Things without a hash: encrypted, or not seen whole.
    unpinned: BTreeSet<(InstanceId, String)>,
}

impl Proposals {
    /// Notes what an instance's findings are about, those that are accepted already aside.
    pub fn note(&mut self, snapshot: &Snapshot, verdicts: &[Verdict]) {
        let pins = Pins::new(snapshot);
        for verdict in verdicts {
            let Outcome::Fail(_) = &verdict.outcome else {
                continue;
            };
            let subject = &verdict.subject;
            let name = subject.name.clone().unwrap_or_default();
            if verdict.rule.id == "PRIV-001" {
                let own = self.sysadmins.entry(snapshot.target.clone());
                own.or_default().insert(name);
                continue;
            }
            let kinds = [
                (ApprovedKind::Module, "CODE"),
                (ApprovedKind::Assembly, "CLR"),
                (ApprovedKind::Job, "AGENT"),
                (ApprovedKind::Option, ""),
            ];
            let kind = kinds.into_iter().find(|(kind, family)| {
                kind.as_str() == subject.kind
                    && (family.is_empty() || *family == verdict.rule.family())
            });
            let Some((kind, _)) = kind else { continue };
            let hash = match kind {
                ApprovedKind::Option => value(snapshot, &name),
                _ => pins.of(kind, subject),
            };
            let Some(hash) = hash else {
                self.unpinned.insert((snapshot.target.clone(), name));
                continue;
            };
            let database = subject.database.as_ref().map(|d| d.as_str().to_owned());
            let thing = (kind, database, name, hash);
            let instances = self.things.entry(thing).or_default();
            instances.insert(snapshot.target.clone());
        }
    }

    /// The proposals as TOML for the inventory: one expectation for each set of instances.
    pub fn render(&self) -> String {
        let mut text = String::from(
            "# What this audit found, as expectations. Nothing here is approved: take what you answer for into the\n\
             # inventory, and fill in owner, ticket and reason. Without them an inventory with it is refused.\n",
        );
        let mut by_place: BTreeMap<&BTreeSet<InstanceId>, Vec<&Thing>> = BTreeMap::new();
        for (thing, instances) in &self.things {
            by_place.entry(instances).or_default().push(thing);
        }
        // Writing to a String cannot fail.
        for (instances, things) in by_place {
            let names: Vec<String> = instances.iter().map(|i| quoted(i.as_str())).collect();
            let _ = write!(
                text,
                "\n[[expectation]]\ntargets = [{}]\nowner = \"\"\nticket = \"\"\nreason = \"\"\n",
                names.join(", ")
            );
            let options = things
                .iter()
                .filter(|thing| thing.0 == ApprovedKind::Option);
            let options: Vec<String> = options
                .map(|(_, _, name, value)| format!("{} = {value}", quoted(name)))
                .collect();
            if !options.is_empty() {
                let _ = writeln!(text, "option = {{ {} }}", options.join(", "));
            }
            for thing in things
                .iter()
                .filter(|thing| thing.0 != ApprovedKind::Option)
            {
                text.push_str(&table(thing));
            }
        }
        for (instance, names) in &self.sysadmins {
            let target = quoted(instance.as_str());
            let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            let _ = write!(
                text,
                "\n[[expectation]]\ntargets = [{target}]\nsysadmin = [{}]\nowner = \"\"\nticket = \"\"\nreason = \"\"\n",
                names.join(", ")
            );
        }
        for (instance, name) in &self.unpinned {
            let (instance, name) = (quoted(instance.as_str()), quoted(name));
            let _ = write!(
                text,
                "\n# {name} on {instance} has no hash (encrypted, or not seen whole): it takes a waiver.\n"
            );
        }
        text
    }
}

fn value(snapshot: &Snapshot, name: &str) -> Option<String> {
    let mut options = snapshot.server.configurations.seen().iter();
    let option = options.find(|option| option.name == name)?;
    let runs = option
        .value_in_use
        .filter(|_| option.value == option.value_in_use)?;
    Some(runs.to_string())
}

fn table((kind, database, name, hash): &Thing) -> String {
    let mut text = format!("\n[[expectation.{}]]\n", kind.as_str());
    if let Some(database) = database {
        let _ = writeln!(text, "database = {}", quoted(database));
    }
    let _ = writeln!(text, "name = {}\nhash = {}", quoted(name), quoted(hash));
    text
}

/// A basic string of TOML. Names are the server's, therefore hostile.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control()
                || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_stay_names() {
        for name in [
            "plain",
            "a\"b",
            "a\\b",
            "a\nb",
            "\u{202e}x",
            "]] x = 1 #",
            "\u{7f}",
        ] {
            let text = format!("name = {}", quoted(name));
            let read: toml::Table = toml::from_str(&text).unwrap();
            assert_eq!(read["name"].as_str(), Some(name), "{text}");
            assert_eq!(text.lines().count(), 1);
        }
    }
}
