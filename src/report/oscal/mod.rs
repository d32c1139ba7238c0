//! OSCAL assessment results. Every verdict is an observation with the evidence that it rests on; what fails or is accepted
//! is a risk; and a control that verdicts decide is a finding. A control that was not seen whole, or that only people can
//! judge, is neither satisfied nor not: of it there are observations alone.
//!
//! Ids are made from names, so that they stay from one audit to the next; moments are those of the collection.

mod findings;
mod observations;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

use serde::ser::{Serialize, Serializer};
use serde_json::{Value, json};

use super::assessment::{Assessment, Instance, VerdictEntry};
use super::identity::Identities;
use super::{Judgement, stable};
use crate::compliance::{ControlStatus, FrameworkStatus};
use words::{control_token, line, markup, moment, prop};

/// Of properties that OSCAL does not name.
const NAMESPACE: &str = "https://mssql-posture.invalid/ns/oscal";
/// The release whose schema is written by.
const VERSION: &str = "1.2.1";
/// The file that says what was to be judged, by what.
const PLAN: &str = "inputs/judgement.json";
const ASSESSMENT: &str = "assessment.json";

/// The whole file.
///
/// # Errors
/// None that is known: every field can be written.
pub fn oscal(judged: &Judgement<'_>) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(&Document {
        results: &Results::new(judged),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A verdict and what it is about.
struct Entry<'a> {
    /// Of its observation.
    uuid: String,
    /// Which of the instances; none: the estate.
    instance: Option<usize>,
    verdict: &'a VerdictEntry,
}

/// What is to be written, with its ids.
struct Results<'a> {
    judged: &'a Judgement<'a>,
    assessment: &'a Assessment,
    /// Ids of the instances' components, in their order.
    components: Vec<String>,
    entries: Vec<Entry<'a>>,
    /// Start and end of all collections.
    collected: [String; 2],
}

impl<'a> Results<'a> {
    fn new(judged: &'a Judgement<'a>) -> Self {
        let assessment = judged.assessment;
        let mut times: BTreeMap<&str, u32> = BTreeMap::new();
        let component = |instance: &'a Instance| {
            let before = times.entry(instance.id.as_str()).or_default();
            *before += 1;
            stable::id(&["instance", instance.id.as_str(), &before.to_string()])
        };
        let components = assessment.instances.iter().map(component).collect();
        let mut identities = Identities::default();
        let mut entries = Vec::new();
        let estate = std::iter::once((None, None, &assessment.estate));
        let instances = assessment.instances.iter().enumerate();
        let instances = instances.map(|(at, own)| (Some(at), Some(own.id.as_str()), &own.verdicts));
        for (instance, name, verdicts) in estate.chain(instances) {
            entries.extend(verdicts.iter().map(|verdict| Entry {
                uuid: stable::id(&["observation", &identities.next(name, verdict)]),
                instance,
                verdict,
            }));
        }
        Self {
            judged,
            assessment,
            components,
            entries,
            collected: collected(assessment),
        }
    }

    fn instance(&self, entry: &Entry<'_>) -> Option<&'a Instance> {
        self.assessment.instances.get(entry.instance?)
    }

    /// The component that an entry is about.
    fn component(&self, instance: Option<usize>) -> String {
        let of_instance = instance.and_then(|at| self.components.get(at)).cloned();
        of_instance.unwrap_or_else(estate)
    }

    /// Of this judgement alone: another one of the same estate is another document.
    fn id(&self, what: &str) -> String {
        let hash = self.judged.files.get(ASSESSMENT);
        stable::id(&[what, hash.unwrap_or(&self.assessment.as_of)])
    }

    fn metadata(&self) -> Value {
        json!({
            "title": "SQL Server posture",
            "last-modified": self.collected[1],
            "version": line(&self.assessment.as_of),
            "oscal-version": VERSION,
        })
    }

    /// The tool, the estate and each instance.
    fn components(&self) -> Vec<Value> {
        let component = |uuid: &str, kind: &str, title: &str, about: &str, state: &str| {
            json!({
                "uuid": uuid,
                "type": kind,
                "title": markup(title),
                "description": markup(about),
                "status": { "state": state },
            })
        };
        let program = &self.assessment.judged_by;
        let about_tool = "The program that collected and judged";
        let about_estate = "All SQL Server instances of the inventory";
        let mut all = vec![
            component(&tool(), "software", program, about_tool, "operational"),
            component(&estate(), "system", "Estate", about_estate, "operational"),
        ];
        let instances = self.assessment.instances.iter().zip(&self.components);
        all.extend(instances.map(|(instance, uuid)| {
            let (about, state) = match (&instance.same_as, instance.coverage.finished) {
                (Some(other), _) => (format!("The same instance as {other}"), "other"),
                (None, true) => (about(instance), "operational"),
                (None, false) => (format!("{}, not read to the end", about(instance)), "other"),
            };
            component(uuid, "software", instance.id.as_str(), &about, state)
        }));
        all
    }

    /// Controls that rules bear on.
    fn reviewed(&self) -> Value {
        let frameworks = self.assessment.frameworks.iter().filter_map(|framework| {
            let controls = framework
                .controls
                .iter()
                .filter(|own| !own.verdicts.is_empty());
            let ids = controls.map(|own| json!({ "control-id": control_token(framework, own) }));
            let ids: Vec<Value> = ids.collect();
            let name = format!("{}, {}", framework.name, framework.version);
            let about = markup(&name);
            (!ids.is_empty()).then(|| json!({ "description": about, "include-controls": ids }))
        });
        let selections: Vec<Value> = frameworks.collect();
        if selections.is_empty() {
            return json!({ "control-selections": [{ "include-all": {} }] });
        }
        json!({ "control-selections": selections })
    }

    /// The files of the folder, from where this one stands.
    fn resources(&self) -> Vec<Value> {
        let rlink = |path: &str, sha256: &str| {
            let kind = match path.rsplit_once('.') {
                Some((_, "json")) => "application/json",
                Some((_, "jsonl")) => "application/jsonl",
                Some((_, "sql")) => "application/sql",
                _ => "application/octet-stream",
            };
            json!({
                "href": format!("../{}", words::encoded(path)),
                "media-type": kind,
                "hashes": [{ "algorithm": "SHA-256", "value": sha256 }],
            })
        };
        let files = self.judged.files.iter();
        let mut all: Vec<Value> = files
            .map(|(path, sha256)| {
                json!({
                    "uuid": resource(path),
                    "title": markup(path),
                    "props": [{ "name": "type", "value": "evidence" }],
                    "rlinks": [rlink(path, sha256)],
                })
            })
            .collect();
        let mut plan = json!({
            "uuid": plan(),
            "title": "Assessment plan",
            "description": "There is no plan in OSCAL's form: the inventory and the rules of this version are the plan.",
        });
        if let Some(sha256) = self.judged.files.get(PLAN) {
            plan["rlinks"] = json!([rlink(PLAN, sha256)]);
        }
        all.push(plan);
        all
    }

    /// Controls with the framework that they are of.
    fn controls(&self) -> impl Iterator<Item = (&'a FrameworkStatus, &'a ControlStatus)> {
        let frameworks = self.assessment.frameworks.iter();
        frameworks.flat_map(|of| of.controls.iter().map(move |control| (of, control)))
    }
}

fn about(instance: &Instance) -> String {
    let version = instance.product_version.as_deref();
    let version = version.map_or("version not seen".to_owned(), |text| {
        format!("version {text}")
    });
    let edition = instance.edition.as_deref().map(|text| format!(", {text}"));
    format!(
        "SQL Server at {}, {version}{}",
        instance.target,
        edition.unwrap_or_default()
    )
}

fn tool() -> String {
    stable::id(&["tool"])
}

fn estate() -> String {
    stable::id(&["estate"])
}

fn plan() -> String {
    stable::id(&["plan"])
}

fn resource(path: &str) -> String {
    stable::id(&["file", path])
}

/// Who says so.
fn origin() -> Value {
    json!({ "actors": [{ "type": "tool", "actor-uuid": tool() }] })
}

/// First and last moment of all collections; where there was none, the day as of which is judged.
fn collected(assessment: &Assessment) -> [String; 2] {
    let moments = |at: usize| {
        let instances = assessment.instances.iter();
        instances.filter_map(move |own| moment(own.collected.get(at)?))
    };
    let order = |moment: &String| moment.trim_end_matches('Z').to_owned();
    let day = || format!("{}T00:00:00Z", assessment.as_of);
    let first = moments(0).min_by_key(order).unwrap_or_else(day);
    let last = moments(1).max_by_key(order);
    [first.clone(), last.unwrap_or(first)]
}

struct Document<'a> {
    results: &'a Results<'a>,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = to.serialize_map(Some(1))?;
        map.serialize_entry("assessment-results", &Body(self.results))?;
        map.end()
    }
}

struct Body<'a>(&'a Results<'a>);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("uuid", &self.0.id("assessment-results"))?;
        map.serialize_entry("metadata", &self.0.metadata())?;
        let plan = format!("#{}", plan());
        map.serialize_entry("import-ap", &json!({ "href": plan }))?;
        map.serialize_entry("results", &[Run(self.0)])?;
        let resources = json!({ "resources": self.0.resources() });
        map.serialize_entry("back-matter", &resources)?;
        map.end()
    }
}

struct Run<'a>(&'a Results<'a>);

impl Serialize for Run<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let results = self.0;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("uuid", &results.id("result"))?;
        map.serialize_entry("title", "Verdicts on the estate")?;
        map.serialize_entry(
            "description",
            "Facts read from each instance, and judged by rules.",
        )?;
        map.serialize_entry("start", &results.collected[0])?;
        map.serialize_entry("end", &results.collected[1])?;
        let as_of = prop("as-of", &results.assessment.as_of);
        map.serialize_entry("props", &as_of.into_iter().collect::<Vec<_>>())?;
        let components = json!({ "components": results.components() });
        map.serialize_entry("local-definitions", &components)?;
        map.serialize_entry("reviewed-controls", &results.reviewed())?;
        // An empty list is against the schema.
        if results.observations().next().is_some() {
            map.serialize_entry("observations", &Each(|| results.observations()))?;
        }
        let risks = results.risks();
        if !risks.is_empty() {
            map.serialize_entry(
                "risks",
                &Each(|| risks.iter().map(|risk| results.risk(risk))),
            )?;
        }
        let related = results.related(&risks);
        if results.findings(&related, &risks).next().is_some() {
            map.serialize_entry("findings", &Each(|| results.findings(&related, &risks)))?;
        }
        map.end()
    }
}

/// A list that is made as it is written: there may be more verdicts than fit into memory as values.
struct Each<F>(F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator<Item = Value>,
{
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq((self.0)())
    }
}
