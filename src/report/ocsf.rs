//! Verdicts for security data lakes: OCSF's Compliance Finding (class 2003) as of version 1.5.0, one event a line. An
//! event's time is the end of its instance's collection, since that is when it was so.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::assessment::{Assessment, Instance, VerdictEntry};
use super::identity::Identities;
use super::judgement::Judgement;
use super::lines::all;
use super::visible::{visible, visible_json};
use crate::rules::{Rule, Severity};

const VERSION: &str = "1.5.0";
const CLASS: u32 = 2003;
/// A finding that is told for the first time; whether it was told before is not known here.
const CREATE: u32 = 1;

/// JSON Lines.
///
/// # Errors
/// None that is known: every value can be written.
pub fn ocsf(judged: &Judgement<'_>) -> serde_json::Result<Vec<u8>> {
    let events = Events::of(judged);
    let mut identities = Identities::default();
    let mut bytes = Vec::new();
    for (instance, verdict) in all(judged.assessment) {
        let uid = identities.next(instance, verdict);
        let event = events.event(instance, verdict, &uid);
        let line = visible_json(&serde_json::to_string(&event)?);
        let _ = writeln!(bytes, "{line}"); // writing to memory cannot fail
    }
    Ok(bytes)
}

/// What all events of a judgement share.
struct Events<'a> {
    judged: &'a Judgement<'a>,
    instances: BTreeMap<&'a str, &'a Instance>,
    /// The end of each instance's collection, in milliseconds.
    ends: BTreeMap<&'a str, i64>,
    /// That of the last of them; the beginning of the day as of which was judged, where nothing was collected.
    end: i64,
    /// Frameworks by id, with name and edition.
    standards: BTreeMap<&'a str, String>,
}

/// How an outcome is told: the event's status and that of the control.
struct Statuses {
    event: (u32, &'static str),
    control: (u32, &'static str),
}

impl Statuses {
    /// An accepted finding is a failed control whose finding is suppressed; nothing but a pass passes.
    fn of(outcome: &str) -> Self {
        let (event, control) = match outcome {
            "pass" => ((99, "Passed"), (1, "Pass")),
            "fail" => ((1, "New"), (3, "Fail")),
            "accepted" => ((3, "Suppressed"), (3, "Fail")),
            "not_applicable" => ((99, "Not Applicable"), (99, "Not Applicable")),
            _ => ((0, "Unknown"), (0, "Unknown")),
        };
        Self { event, control }
    }
}

/// The severity of a finding; what is unknown has an unknown one.
fn severity(verdict: &VerdictEntry) -> (u32, &'static str) {
    match (verdict.outcome.as_str(), verdict.severity) {
        ("fail" | "accepted", Severity::Critical) => (5, "Critical"),
        ("fail" | "accepted", Severity::High) => (4, "High"),
        ("fail" | "accepted", Severity::Medium) => (3, "Medium"),
        ("fail" | "accepted", Severity::Low) => (2, "Low"),
        ("fail" | "accepted", Severity::Info) | ("pass" | "not_applicable", _) => {
            (1, "Informational")
        }
        _ => (0, "Unknown"),
    }
}

impl<'a> Events<'a> {
    fn of(judged: &'a Judgement<'a>) -> Self {
        let assessment = judged.assessment;
        let instances = assessment.instances.iter();
        let ends =
            instances.filter_map(|own| Some((own.id.as_str(), milliseconds(&own.collected[1])?)));
        let ends: BTreeMap<&str, i64> = ends.collect();
        let frameworks = assessment.frameworks.iter();
        let named = assessment.instances.iter();
        Self {
            judged,
            instances: named.map(|own| (own.id.as_str(), own)).collect(),
            end: ends
                .values()
                .copied()
                .max()
                .unwrap_or_else(|| beginning(assessment)),
            ends,
            standards: frameworks
                .map(|own| {
                    (
                        own.id.as_str(),
                        visible(&format!("{} {}", own.name, own.version)),
                    )
                })
                .collect(),
        }
    }

    fn event(&self, instance: Option<&str>, verdict: &VerdictEntry, uid: &str) -> Value {
        let statuses = Statuses::of(&verdict.outcome);
        let (severity_id, severity) = severity(verdict);
        let end = instance.and_then(|id| self.ends.get(id));
        let rule = self.judged.rule(&verdict.rule);
        let mut event = json!({
            "activity_id": CREATE,
            "activity_name": "Create",
            "category_name": "Findings",
            "category_uid": CLASS / 1000,
            "class_name": "Compliance Finding",
            "class_uid": CLASS,
            "type_name": "Compliance Finding: Create",
            "type_uid": CLASS * 100 + CREATE,
            "time": end.copied().unwrap_or(self.end),
            "severity": severity,
            "severity_id": severity_id,
            "status": statuses.event.1,
            "status_code": verdict.outcome,
            "status_id": statuses.event.0,
            "message": visible(&verdict.message),
            "metadata": metadata(verdict),
            "finding_info": finding(verdict, rule, uid),
            "compliance": self.compliance(verdict, &statuses),
            "resources": self.resources(instance, verdict),
            "unmapped": self.unmapped(verdict),
        });
        if let Some(remediation) = remediation(verdict, rule) {
            event["remediation"] = json!({ "desc": remediation });
        }
        if !verdict.evidence.is_empty() {
            let evidence = verdict.evidence.iter();
            event["evidences"] = evidence.map(|one| json!({ "data": one })).collect();
        }
        event
    }

    fn compliance(&self, verdict: &VerdictEntry, statuses: &Statuses) -> Value {
        let ids = verdict.controls.iter();
        let ids: BTreeSet<&str> = ids
            .filter_map(|control| Some(control.split_once(':')?.0))
            .collect();
        let standards = ids.into_iter().map(|id| {
            let named = self.standards.get(id);
            named.cloned().unwrap_or_else(|| id.to_owned())
        });
        json!({
            "control": format!("{} {}", verdict.rule, verdict.rule_slug),
            "requirements": verdict.controls,
            "standards": standards.collect::<Vec<_>>(),
            "status": statuses.control.1,
            "status_code": verdict.outcome,
            "status_id": statuses.control.0,
        })
    }

    /// What the class has no place for.
    fn unmapped(&self, verdict: &VerdictEntry) -> Value {
        let mut unmapped = json!({
            "as_of": self.judged.assessment.as_of,
            "rule_severity": verdict.severity.as_str(),
        });
        if let Some(waiver) = &verdict.waiver {
            unmapped["waiver"] = visible(waiver).into();
        }
        if !verdict.missing.is_empty() {
            unmapped["missing"] = json!(verdict.missing);
        }
        if let Some(population) = &verdict.population {
            unmapped["population"] = json!(population);
        }
        unmapped
    }

    /// The instance, and what of it the verdict is about.
    fn resources(&self, instance: Option<&str>, verdict: &VerdictEntry) -> Value {
        let place = instance.unwrap_or("estate");
        let own = instance.and_then(|id| self.instances.get(id));
        let mut resources = vec![match own {
            Some(own) => json!({
                "uid": visible(place),
                "name": visible(place),
                "type": "SQL Server instance",
                "hostname": visible(&own.target),
                "data": {
                    "product_version": own.product_version,
                    "edition": own.edition,
                    "synthetic": own.synthetic,
                },
            }),
            None => json!({ "uid": place, "name": place, "type": "SQL Server estate" }),
        }];
        let subject = &verdict.subject;
        let database = subject.database.as_ref().map(AsRef::<str>::as_ref);
        let name = subject.name.as_deref().or(database);
        if let Some(name) = name {
            let parts = [
                Some(place),
                database,
                Some(&*subject.kind),
                subject.name.as_deref(),
            ];
            let parts: Vec<&str> = parts.into_iter().flatten().collect();
            let mut resource = json!({
                "uid": visible(&parts.join("/")),
                "name": visible(name),
                "type": subject.kind,
            });
            if let Some(database) = database {
                resource["namespace"] = visible(database).into();
            }
            resources.push(resource);
        }
        resources.into()
    }
}

fn metadata(verdict: &VerdictEntry) -> Value {
    json!({
        "version": VERSION,
        "event_code": verdict.rule,
        "product": {
            "name": "mssql-posture",
            "vendor_name": "mssql-posture",
            "version": env!("CARGO_PKG_VERSION"),
        },
    })
}

fn finding(verdict: &VerdictEntry, rule: Option<&Rule>, uid: &str) -> Value {
    let mut finding = json!({
        "uid": uid,
        "title": visible(&verdict.title),
        "desc": visible(&verdict.message),
        "types": [verdict.rule.split('-').next()],
    });
    let attack = rule.map(|rule| rule.attack).unwrap_or_default().iter();
    // Analytics are no techniques.
    let techniques = attack.filter(|id| id.starts_with('T'));
    let attacks: Vec<Value> = techniques.map(|id| attack_of(id)).collect();
    if !attacks.is_empty() {
        finding["attacks"] = attacks.into();
    }
    finding
}

fn attack_of(id: &str) -> Value {
    let technique = id.split('.').next();
    let mut attack = json!({ "version": "18.1", "technique": { "uid": technique } });
    if id.contains('.') {
        attack["sub_technique"] = json!({ "uid": id });
    }
    attack
}

/// How to fix a finding, or what would show what is unknown.
fn remediation(verdict: &VerdictEntry, rule: Option<&Rule>) -> Option<String> {
    match verdict.outcome.as_str() {
        "fail" | "accepted" => {
            let documentation = rule?.documentation();
            let mut parts = documentation.split("\n\n");
            let fix = parts.find_map(|part| part.trim().strip_prefix("How to fix: "))?;
            Some(visible(&fix.replace('\n', " ")))
        }
        "pass" | "not_applicable" => None,
        _ => {
            let needs = verdict.missing.iter().flat_map(|one| &one.needs);
            let needs: BTreeSet<&str> = needs.map(String::as_str).collect();
            let needs: Vec<&str> = needs.into_iter().collect();
            (!needs.is_empty()).then(|| visible(&needs.join("; ")))
        }
    }
}

fn milliseconds(moment: &str) -> Option<i64> {
    let moment: Timestamp = moment.parse().ok()?;
    Some(moment.as_millisecond())
}

fn beginning(assessment: &Assessment) -> i64 {
    milliseconds(&format!("{}T00:00:00Z", assessment.as_of)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::sample;
    use super::*;

    fn events(assessment: &Assessment) -> Vec<Value> {
        let bytes = ocsf(&Judgement::of(assessment)).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.lines().all(|line| visible(line) == line));
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn every_verdict_is_an_event_and_nothing_but_a_pass_passes() {
        let assessment = sample::with_estate();
        let events = events(&assessment);
        let count = |is: &dyn Fn(&Value) -> bool| {
            u32::try_from(events.iter().filter(|event| is(event)).count()).unwrap()
        };
        let due = &assessment.fleet.verdicts;
        for (outcome, due, control, status) in [
            ("pass", due.pass, 1, 99),
            ("fail", due.fail, 3, 1),
            ("accepted", due.accepted, 3, 3),
            ("not_applicable", due.not_applicable, 99, 99),
            ("unknown", due.unknown, 0, 0),
        ] {
            assert_eq!(count(&|event| event["status_code"] == outcome), due);
            let is = |event: &Value| {
                event["status_code"] == outcome
                    && event["compliance"]["status_id"] == control
                    && event["status_id"] == status
            };
            assert_eq!(count(&is), due, "{outcome}");
        }
        assert_eq!(
            count(&|event| event["compliance"]["status_id"] == 1),
            due.pass
        );
    }

    #[test]
    fn time_is_that_of_the_collection() {
        let assessment = sample::with_estate();
        let times = |events: Vec<Value>, instance: &str| -> BTreeSet<i64> {
            let own = events.into_iter();
            let own = own.filter(|event| event["resources"][0]["uid"] == instance);
            own.map(|event| event["time"].as_i64().unwrap()).collect()
        };
        let lab = Timestamp::from_second(1_790_720_101).unwrap();
        assert_eq!(lab.to_string(), "2026-09-29T22:15:01Z");
        let due = BTreeSet::from([1_790_720_101_000]);
        assert_eq!(times(events(&assessment), "lab"), due);
        let last = BTreeSet::from([milliseconds("2026-09-30T02:00:09Z").unwrap()]);
        assert_eq!(times(events(&assessment), "estate"), last);
        let mut never = sample::with_estate();
        for instance in &mut never.instances {
            instance.collected = [String::new(), String::new()];
        }
        let day = BTreeSet::from([milliseconds("2026-09-30T00:00:00Z").unwrap()]);
        assert_eq!(times(events(&never), "lab"), day);
    }

    #[test]
    fn a_finding_says_how_to_fix_it_and_what_it_rests_on() {
        let events = events(&sample::with_estate());
        let is = |event: &&Value| {
            event["metadata"]["event_code"] == "SURF-001" && event["status_code"] == "fail"
        };
        let event = events.iter().find(is).unwrap();
        let fix = event["remediation"]["desc"].as_str().unwrap();
        assert!(
            fix.starts_with("EXEC sp_configure 'xp_cmdshell', 0;"),
            "{fix}"
        );
        assert_eq!(event["evidences"][0]["data"]["row"]["value_in_use"], 1);
        let attack = &event["finding_info"]["attacks"][0];
        assert_eq!(attack["technique"]["uid"], "T1505");
        assert_eq!(attack["sub_technique"]["uid"], "T1505.001");
        assert_eq!(event["severity_id"], 4);
    }

    #[test]
    fn what_is_unknown_has_no_severity_and_says_what_would_show_it() {
        let events = events(&sample::with_estate());
        let unknown = events
            .iter()
            .filter(|event| event["status_code"] == "unknown");
        for event in unknown {
            assert_eq!(event["severity_id"], 0);
            assert!(event["remediation"]["desc"].is_string(), "{event}");
        }
    }
}
