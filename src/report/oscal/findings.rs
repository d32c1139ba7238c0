//! Risks, one of each group of findings; and findings in OSCAL's sense, one of each control that is decided.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::words::{control_token, line, markup, moment, prop, target_token};
use super::{NAMESPACE, Results, origin};
use crate::compliance::{ControlStatus, FrameworkStatus, Status};
use crate::report::stable;

/// Findings of one rule on one instance that stand, or that one waiver accepts.
pub struct Risk {
    uuid: String,
    /// Which of the instances; none: the estate.
    instance: Option<usize>,
    is_accepted: bool,
    /// Which of the entries.
    entries: Vec<usize>,
}

/// What verdicts of one rule come to, by entries and risks.
#[derive(Default)]
pub struct Related {
    passed: Vec<usize>,
    found: Vec<usize>,
    risks: Vec<usize>,
}

impl<'a> Results<'a> {
    /// All groups, by instance, rule and waiver.
    pub fn risks(&self) -> Vec<Risk> {
        let mut groups: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let verdict = entry.verdict;
            if matches!(verdict.outcome.as_str(), "fail" | "accepted") {
                let is_accepted = verdict.outcome == "accepted";
                let waiver = verdict.waiver.as_deref().unwrap_or_default();
                let key = (entry.instance, verdict.rule.as_str(), is_accepted, waiver);
                groups.entry(key).or_default().push(at);
            }
        }
        let groups = groups.into_iter();
        let risks = groups.map(|((instance, rule, is_accepted, waiver), entries)| {
            let component = self.component(instance);
            let word = if is_accepted { "accepted" } else { "fail" };
            Risk {
                uuid: stable::id(&["risk", &component, rule, word, waiver]),
                instance,
                is_accepted,
                entries,
            }
        });
        risks.collect()
    }

    pub fn risk(&self, risk: &Risk) -> Value {
        let entries = || risk.entries.iter().filter_map(|at| self.entries.get(*at));
        let first = entries().next().map(|entry| entry.verdict);
        let title = first.map_or("", |verdict| &verdict.title);
        let rule = first.map_or("", |verdict| &verdict.rule);
        let waiver = first.and_then(|verdict| verdict.waiver.as_deref());
        let waiver = waiver.unwrap_or_default();
        let severity = entries().map(|entry| entry.verdict.severity).max();
        let instance = risk
            .instance
            .and_then(|at| self.assessment.instances.get(at));
        let place = instance.map_or("the estate", |own| own.id.as_str());
        let about = match risk.entries.len() {
            1 => format!("A finding of {rule} on {place}"),
            more => format!("{more} findings of {rule} on {place}"),
        };
        let props = [prop("rule", rule), prop("waiver", waiver)];
        let props: Vec<Value> = props.into_iter().flatten().collect();
        let statement = first.map_or("", |verdict| &verdict.message);
        let facet = severity.map(|severity| json!({ "name": "severity", "system": NAMESPACE, "value": severity.as_str() }));
        let observed = entries().map(|entry| json!({ "observation-uuid": entry.uuid }));
        let mut told = json!({
            "uuid": risk.uuid,
            "title": markup(title),
            "description": markup(&about),
            "statement": markup(statement),
            "props": props,
            "status": if risk.is_accepted { "deviation-approved" } else { "open" },
            "origins": [origin()],
            "characterizations": [{ "origin": origin(), "facets": [facet] }],
            "related-observations": observed.collect::<Vec<_>>(),
        });
        if let Some(deadline) = self.deadline(waiver) {
            told["deadline"] = Value::from(deadline);
        }
        told
    }

    /// The end of a waiver's last day.
    fn deadline(&self, waiver: &str) -> Option<String> {
        let mut waivers = self.assessment.waivers.iter();
        let own = waivers.find(|own| own.id == waiver)?;
        moment(&format!("{}T23:59:59Z", own.expires))
    }

    /// By rule, what there is of it.
    pub fn related(&self, risks: &[Risk]) -> BTreeMap<&'a str, Related> {
        let mut related: BTreeMap<&str, Related> = BTreeMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let of_rule = related.entry(&entry.verdict.rule).or_default();
            match entry.verdict.outcome.as_str() {
                "pass" => of_rule.passed.push(at),
                "fail" | "accepted" => of_rule.found.push(at),
                _ => {}
            }
        }
        for (at, risk) in risks.iter().enumerate() {
            let entry = risk.entries.first().and_then(|at| self.entries.get(*at));
            let of_rule = entry.and_then(|entry| related.get_mut(entry.verdict.rule.as_str()));
            if let Some(of_rule) = of_rule {
                of_rule.risks.push(at);
            }
            debug_assert!(entry.is_some(), "no group is empty");
        }
        related
    }

    /// A finding of each control that verdicts decide.
    pub fn findings<'r>(
        &'r self,
        related: &'r BTreeMap<&'a str, Related>,
        risks: &'r [Risk],
    ) -> impl Iterator<Item = Value> + 'r {
        self.controls().filter_map(move |(framework, control)| {
            let (state, reason, remarks) = state(control.status)?;
            Some(self.finding(framework, control, (state, reason, remarks), related, risks))
        })
    }

    fn finding(
        &self,
        framework: &FrameworkStatus,
        control: &ControlStatus,
        (state, reason, remarks): (&str, &str, &str),
        related: &BTreeMap<&str, Related>,
        risks: &[Risk],
    ) -> Value {
        let about = |instance: Option<usize>| {
            let instance = instance.and_then(|at| self.assessment.instances.get(at));
            instance.is_some_and(|own| framework.is_about(own.release()))
        };
        let rules = || {
            control
                .verdicts
                .iter()
                .filter_map(|rule| related.get(rule.as_str()))
        };
        let passed = rules().flat_map(|of| &of.passed);
        let passed = passed.filter(|_| control.status == Status::Met);
        let found = rules().flat_map(|of| &of.found);
        let observed = passed.chain(found).filter_map(|at| self.entries.get(*at));
        let observed = observed.filter(|entry| about(entry.instance));
        let observed = observed.map(|entry| json!({ "observation-uuid": entry.uuid }));
        let observed: Vec<Value> = observed.collect();
        let risks = rules()
            .flat_map(|of| &of.risks)
            .filter_map(|at| risks.get(*at));
        let risks = risks.filter(|risk| about(risk.instance));
        let risks = risks.map(|risk| json!({ "risk-uuid": risk.uuid }));
        let risks: Vec<Value> = risks.filter(|_| control.status != Status::Met).collect();
        let token = control_token(framework, control);
        let counts = format!(
            "Instances: {} in scope, {} tested, {} failed, {} accepted, {} unknown, {} not applicable",
            control.population,
            control.tested,
            control.failed,
            control.accepted,
            control.unknown,
            control.not_applicable
        );
        let props = [
            prop("framework", &framework.id),
            prop("control", &control.id),
        ];
        let props: Vec<Value> = props.into_iter().flatten().collect();
        let mut finding = json!({
            "uuid": stable::id(&["finding", &framework.id, &control.id]),
            "title": markup(&format!("{token}: {state}")),
            "description": markup(&format!("{}. {counts}", control.title)),
            "props": props,
            "origins": [origin()],
            "target": {
                "type": "objective-id",
                "target-id": target_token(framework, control),
                "title": markup(&control.title),
                "status": { "state": state, "reason": reason, "remarks": line(remarks) },
            },
        });
        for (name, list) in [("related-observations", observed), ("related-risks", risks)] {
            if !list.is_empty() {
                finding[name] = Value::from(list);
            }
        }
        finding
    }
}

/// What is said of a control; nothing where it was not seen whole, or is for people to judge, or does not arise.
fn state(status: Status) -> Option<(&'static str, &'static str, &'static str)> {
    match status {
        Status::Met => Some((
            "satisfied",
            "pass",
            "Every instance in scope was seen and passed",
        )),
        Status::NotMet => Some(("not-satisfied", "fail", "A finding stands against it")),
        Status::Accepted => Some((
            "not-satisfied",
            "other",
            "Each finding against it is accepted",
        )),
        Status::PartlySeen | Status::NotAssessed | Status::Manual | Status::NotApplicable => None,
    }
}
