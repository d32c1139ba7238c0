//! Frameworks as they are written: TOML, one file each.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::ids::named;
use crate::rules::Severity;

/// A framework: a benchmark, a standard, a list of techniques, in one edition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// How rules name it: `cis-2022`, as in `cis-2022:2.9`.
    pub id: String,
    /// Its title.
    pub name: String,
    /// Who publishes it.
    pub publisher: String,
    /// The edition that the ids were read from. Ids move between editions.
    pub version: String,
    /// When that was published, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Where ids and severities come from.
    pub source: String,
    /// Releases that it is about: `2012` … `2025`; none named: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
    /// What was checked, and how sure that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Its controls, in its own order.
    #[serde(rename = "control")]
    pub controls: Vec<Control>,
}

/// A control of a framework.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The framework's own id.
    pub id: String,
    /// What it asks for, in our words.
    pub title: String,
    /// What it is about.
    pub scope: Scope,
    /// Who can say whether it is met.
    pub assessed: Assessed,
    /// The framework's own severity or level, as it prints it. Never mixed with a rule's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Other ids of the same control: SRG, CCI, NIST.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// What a human must look at, where rules do not see all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_at: Option<String>,
    /// Rules that bear on it; in frameworks of one's own only, since rules name the controls of those that are shipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// Rules that also report what the control allows, with the severity of ours from which a finding speaks against it:
    /// what is lighter counts as passed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts_from: BTreeMap<String, Severity>,
}

/// What a control is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One instance.
    Instance,
    /// One database.
    Database,
    /// The whole estate, or the organisation.
    Estate,
}

/// Who can say whether a control is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Assessed {
    /// Rules decide it wholly.
    Rule,
    /// Rules see a part: they can find it unmet, never met.
    Partly,
    /// A human alone.
    Manual,
}

impl Assessed {
    /// The word in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Partly => "partly",
            Self::Manual => "manual",
        }
    }
}

/// Why a framework's file is refused.
#[derive(Debug, thiserror::Error)]
pub enum FrameworkError {
    /// No TOML, or not of this form.
    #[error("{place}: {message}")]
    Form {
        /// `path:line:column`.
        place: String,
        /// What the reader says.
        message: String,
    },
    /// A control that contradicts itself or another.
    #[error("{place}: control {}: {message}", named(control))]
    Control {
        /// `path:line:column` of its id.
        place: String,
        /// The control's id.
        control: String,
        /// What is wrong, and what would be right.
        message: String,
    },
}

impl Framework {
    /// Reads a framework of one's own; `path` is for messages, `id_of` gives the id of a rule by any of its names.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    pub fn parse(
        text: &str,
        path: &str,
        id_of: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, FrameworkError> {
        let mut framework = Self::read(text, path)?;
        if shipped().iter().any(|own| own.id == framework.id) {
            return Err(FrameworkError::Form {
                place: Ids::read(text).place(text, path, |ids| ids.id.as_ref()),
                message: format!(
                    "the id {:?} is that of a framework that is shipped; take another",
                    framework.id
                ),
            });
        }
        for (index, control) in framework.controls.iter_mut().enumerate() {
            control
                .resolve(&id_of)
                .map_err(|message| FrameworkError::Control {
                    place: Ids::read(text).place(text, path, |ids| ids.of_control(index)),
                    control: control.id.clone(),
                    message,
                })?;
        }
        Ok(framework)
    }

    fn read(text: &str, path: &str) -> Result<Self, FrameworkError> {
        let framework: Self = toml::from_str(text).map_err(|error| FrameworkError::Form {
            place: place(text, path, error.span()),
            message: error.message().to_owned(),
        })?;
        let mut seen = BTreeSet::new();
        for (index, control) in framework.controls.iter().enumerate() {
            let refuse = |message: &str| FrameworkError::Control {
                place: Ids::read(text).place(text, path, |ids| ids.of_control(index)),
                control: control.id.clone(),
                message: message.to_owned(),
            };
            if !seen.insert(&control.id) {
                return Err(refuse("stands here twice"));
            }
            if control.assessed != Assessed::Rule && control.look_at.is_none() {
                return Err(refuse(
                    "rules do not see all of it: say in look_at what a human must look at",
                ));
            }
            if control.assessed == Assessed::Manual && !control.rules.is_empty() {
                return Err(refuse("assessed = \"manual\", and yet rules are named"));
            }
        }
        Ok(framework)
    }

    /// The control of this id.
    pub fn control(&self, id: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.id == id)
    }
}

/// Where the ids of a framework stand in its file.
#[derive(Default, Deserialize)]
struct Ids {
    id: Option<Spanned<String>>,
    #[serde(default)]
    control: Vec<ControlId>,
}

#[derive(Deserialize)]
struct ControlId {
    id: Spanned<String>,
}

impl Ids {
    /// Of a file that was read as a framework before.
    fn read(text: &str) -> Self {
        toml::from_str(text).unwrap_or_default()
    }

    fn of_control(&self, index: usize) -> Option<&Spanned<String>> {
        self.control.get(index).map(|control| &control.id)
    }

    fn place(
        &self,
        text: &str,
        path: &str,
        which: impl Fn(&Self) -> Option<&Spanned<String>>,
    ) -> String {
        place(text, path, which(self).map(Spanned::span))
    }
}

/// `path:line:column`, the column in characters.
fn place(text: &str, path: &str, span: Option<Range<usize>>) -> String {
    let before = span.and_then(|span| text.get(..span.start));
    let Some(before) = before else {
        return path.to_owned();
    };
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    format!("{path}:{line}:{column}")
}

impl Control {
    /// Calls its rules by their ids. What is wrong with them, if anything is.
    fn resolve(&mut self, id_of: impl Fn(&str) -> Option<String>) -> Result<(), String> {
        let known = |name: &str| {
            id_of(name).ok_or_else(|| {
                format!("there is no rule {name:?}; `mssql-posture rules` lists all")
            })
        };
        for rule in &mut self.rules {
            *rule = known(rule)?;
        }
        let floors = std::mem::take(&mut self.counts_from);
        for (rule, floor) in floors {
            let id = known(&rule)?;
            if !self.rules.contains(&id) {
                return Err(format!(
                    "counts_from names {rule:?}, which its rules do not"
                ));
            }
            self.counts_from.insert(id, floor);
        }
        if self.assessed != Assessed::Manual && self.rules.is_empty() {
            let word = self.assessed.as_str();
            return Err(format!(
                "assessed = \"{word}\" without rules; name them: rules = [\"SURF-001\"], or assessed = \"manual\""
            ));
        }
        Ok(())
    }
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("frameworks/", $name, ".toml")))),*]
    };
}

/// The frameworks that come with the program, in the order of reports.
const FILES: &[(&str, &str)] = files![
    "cis-2016",
    "cis-2017",
    "cis-2019",
    "cis-2022",
    "stig-2022-instance",
    "stig-2022-database",
    "nist-800-53r5",
    "pci-4.0.1",
    "iso-27001-2022",
    "soc2",
    "attack-v18.1",
    "ms-va",
];

/// The frameworks that come with the program, in the order of reports.
pub fn shipped() -> &'static [Framework] {
    static SHIPPED: OnceLock<Vec<Framework>> = OnceLock::new();
    SHIPPED.get_or_init(|| {
        let read = FILES.iter().map(|(name, text)| Framework::read(text, name));
        // A test reads each: none is left out.
        read.filter_map(Result::ok).collect()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_shipped_file_is_read_and_named_by_its_id() {
        for (name, text) in FILES {
            let framework = Framework::read(text, name).unwrap();
            assert_eq!(framework.id, *name);
            assert!(!framework.controls.is_empty(), "{name}");
            let own = framework.controls.iter().find(|c| !c.rules.is_empty());
            assert!(own.is_none(), "{name}: rules name controls: {own:?}");
            for control in &framework.controls {
                assert!(control.title.chars().count() <= 70, "{name} {}", control.id);
            }
        }
        assert_eq!(shipped().len(), FILES.len());
    }

    #[test]
    fn every_file_of_the_folder_is_shipped() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/compliance/frameworks");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        files.sort();
        let mut listed: Vec<String> = FILES
            .iter()
            .map(|(name, _)| format!("{name}.toml"))
            .collect();
        listed.sort();
        assert_eq!(files, listed);
    }

    const OWN: &str = r#"
id = "house"
name = "House rules"
publisher = "Us"
version = "1"
source = "intranet"

[[control]]
id = "H1"
title = "No command shell"
scope = "instance"
assessed = "rule"
rules = ["SURF-001"]
"#;

    #[test]
    fn a_framework_of_ones_own_names_its_rules() {
        let id_of = |name: &str| match name {
            "SURF-001" | "xp-cmdshell-enabled" => Some("SURF-001".to_owned()),
            "CLR-002" => Some("CLR-002".to_owned()),
            _ => None,
        };
        let slug = OWN.replace("SURF-001", "xp-cmdshell-enabled");
        for text in [OWN, &slug] {
            let framework = Framework::parse(text, "own.toml", id_of).unwrap();
            assert_eq!(framework.control("H1").unwrap().rules, ["SURF-001"]);
        }
        let refused = |text: &str| {
            Framework::parse(text, "own.toml", id_of)
                .unwrap_err()
                .to_string()
        };
        let unknown = refused(&OWN.replace("SURF-001", "SURF-999"));
        assert!(unknown.contains("no rule \"SURF-999\""), "{unknown}");
        let without = refused(&OWN.replace("rules = [\"SURF-001\"]", ""));
        assert!(without.contains("without rules"), "{without}");
        let manual = refused(&OWN.replace("\"rule\"", "\"manual\""));
        assert!(manual.contains("look_at"), "{manual}");
        let taken = refused(&OWN.replace("\"house\"", "\"cis-2022\""));
        assert!(taken.contains("is shipped"), "{taken}");
        let floor = "assessed = \"rule\"\ncounts_from = { CLR-002 = \"high\" }";
        let floor = refused(&OWN.replace("assessed = \"rule\"", floor));
        assert!(floor.contains("counts_from names \"CLR-002\""), "{floor}");
        let twice = format!("{OWN}{}", &OWN[OWN.find("[[control]]").unwrap()..]);
        assert!(refused(&twice).contains("twice"));
        assert!(refused("id = 1").contains("own.toml:1:6: "));
    }
}
