//! Verdicts: every rule that concluded something, and every verdict as a result, those that passed too. A finding
//! points at the line of the inventory that names its instance, since no line of a file is at fault.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Artifact, Component, Described, Driver, Finding, Help, Id, Invocation, Level, Location, Log,
    Logical, Notification, Physical, Region, Relationship, RuleProperties, Run, Suppression,
    Target, Taxon, Taxonomy, Text, Tool, level, plain, text, uri,
};
use crate::compliance::FrameworkStatus;
use crate::report::assessment::{Assessment, Instance, VerdictEntry};
use crate::report::identity::Identities;
use crate::report::judgement::Judgement;
use crate::report::lines::all;
use crate::report::view::{counted, subject};
use crate::report::{visible, visible_json};
use crate::rules::{Rule, WaiverEntry};

/// SARIF 2.1.0 of a judgement: one run.
///
/// # Errors
/// None that is known: every field can be written.
pub fn verdicts_sarif(judged: &Judgement<'_>) -> serde_json::Result<Vec<u8>> {
    let assessment = judged.assessment;
    let rules = Rules::of(judged);
    let waivers = assessment.waivers.iter();
    let results = Results {
        judged,
        places: &rules.places,
        waivers: waivers.map(|own| (own.id.as_str(), own)).collect(),
    };
    let sha256 = judged.files.get("assessment.json");
    let mut driver = Driver::new("mssql-posture audit", rules.described);
    driver.supported_taxonomies = rules.taxonomies.iter().zip(0..).map(component).collect();
    let log = Log::of(Run {
        automation_details: Id {
            id: format!("mssql-posture/audit/{}", assessment.as_of),
        },
        column_kind: "utf16CodeUnits",
        invocations: [invocation(judged)],
        properties: json!({ "asOf": assessment.as_of, "assessmentSha256": sha256 }),
        results: results.all(),
        tool: Tool { driver },
        taxonomies: rules.taxonomies,
    });
    let text = serde_json::to_string_pretty(&log)?;
    let mut bytes = visible_json(&text).into_bytes();
    bytes.push(b'\n');
    Ok(bytes)
}

fn component((taxonomy, index): (&Taxonomy, usize)) -> Component {
    Component {
        name: taxonomy.name.clone(),
        index,
    }
}

/// The rules that concluded something, and what they bear on.
struct Rules<'a> {
    places: BTreeMap<&'a str, usize>,
    described: Vec<Described>,
    taxonomies: Vec<Taxonomy>,
}

impl<'a> Rules<'a> {
    fn of(judged: &Judgement<'a>) -> Self {
        let mut first: BTreeMap<&str, &VerdictEntry> = BTreeMap::new();
        for (_, verdict) in all(judged.assessment) {
            first.entry(&verdict.rule).or_insert(verdict);
        }
        let places = first.keys().copied().zip(0..).collect();
        let described = first.values().map(|one| described(judged, one));
        let mut rules = Self {
            places,
            described: described.collect(),
            taxonomies: Vec::new(),
        };
        for framework in &judged.assessment.frameworks {
            rules.bear_on(framework);
        }
        rules
    }

    /// Enters a framework's controls that rules bear on, here and with the rules.
    fn bear_on(&mut self, framework: &FrameworkStatus) {
        let mut taxa = Vec::new();
        for control in &framework.controls {
            let places = control.verdicts.iter();
            let places = places.filter_map(|rule| self.places.get(rule.as_str()));
            let places: Vec<usize> = places.copied().collect();
            if places.is_empty() {
                continue;
            }
            for place in places {
                let relationship = Relationship {
                    target: Target {
                        id: control.id.clone(),
                        index: taxa.len(),
                        tool_component: Component {
                            name: framework.id.clone(),
                            index: self.taxonomies.len(),
                        },
                    },
                    kinds: ["relevant"],
                };
                if let Some(rule) = self.described.get_mut(place) {
                    rule.relationships.push(relationship);
                }
            }
            taxa.push(Taxon {
                id: control.id.clone(),
                short_description: sentence(&control.title),
            });
        }
        if !taxa.is_empty() {
            self.taxonomies.push(Taxonomy {
                name: framework.id.clone(),
                full_name: framework.name.clone(),
                version: framework.version.clone(),
                organization: framework.publisher.clone(),
                short_description: sentence(&framework.name),
                is_comprehensive: false,
                taxa,
            });
        }
    }
}

/// A rule by its own documentation; by the title alone where the judgement was made by another version's rules.
fn described(judged: &Judgement<'_>, verdict: &VerdictEntry) -> Described {
    let rule = judged.rule(&verdict.rule);
    let parts = rule.map(Rule::documentation).unwrap_or_default();
    let parts = parts.split("\n\n").filter(|part| !part.trim().is_empty());
    let parts: Vec<String> = parts.map(|part| part.trim().replace('\n', " ")).collect();
    let checks = parts.first().and_then(|part| part.split_once(": "));
    let markdown = parts.iter().map(|part| match part.split_once(": ") {
        Some((head, body)) => format!("**{head}:** {body}"),
        None => part.clone(),
    });
    let markdown: Vec<String> = markdown.collect();
    let severity = rule.map_or(verdict.severity, |rule| rule.severity);
    let attack = rule.map(|rule| rule.attack).unwrap_or_default();
    let attack = attack
        .iter()
        .map(|id| format!("external/mitre-attack/{id}"));
    let tags = std::iter::once("security".to_owned()).chain(attack);
    let title = sentence(&verdict.title);
    Described {
        id: verdict.rule.clone(),
        name: pascal(&verdict.rule_slug),
        full_description: checks
            .map_or_else(|| sentence(&verdict.title), |(_, said)| sentence(said)),
        help: Help {
            text: if parts.is_empty() {
                title.text.clone()
            } else {
                parts.join("\n\n")
            },
            markdown: (!markdown.is_empty()).then(|| markdown.join("\n\n")),
        },
        short_description: title,
        default_configuration: Level {
            level: level(severity),
        },
        relationships: Vec::new(),
        properties: RuleProperties::new(severity, tags.collect()),
    }
}

/// `XpCmdshellEnabled` for `xp-cmdshell-enabled`.
fn pascal(slug: &str) -> String {
    slug.split('-').fold(String::new(), |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name + letters.as_str()
    })
}

/// A text of one line that ends as a sentence does and holds no link.
fn sentence(said: &str) -> Text {
    let said = plain(&visible(said));
    let end = if said.ends_with('.') { "" } else { "." };
    text(said + end)
}

struct Results<'a> {
    judged: &'a Judgement<'a>,
    places: &'a BTreeMap<&'a str, usize>,
    waivers: BTreeMap<&'a str, &'a WaiverEntry>,
}

impl Results<'_> {
    fn all(&self) -> Vec<Finding> {
        let mut identities = Identities::default();
        let verdicts = all(self.judged.assessment);
        verdicts
            .map(|(instance, verdict)| {
                let identity = identities.next(instance, verdict);
                self.result(instance, verdict, identity)
            })
            .collect()
    }

    fn result(&self, instance: Option<&str>, verdict: &VerdictEntry, identity: String) -> Finding {
        let outcome = verdict.outcome.as_str();
        let (kind, level) = match outcome {
            "fail" | "accepted" => ("fail", level(verdict.severity)),
            "pass" => ("pass", "none"),
            "not_applicable" => ("notApplicable", "none"),
            _ => ("open", "none"),
        };
        let place = instance.unwrap_or("the estate");
        let about = subject(&verdict.subject);
        // GitHub tells alerts apart by this one alone; it would make it from the line, which all of an instance share.
        let line = format!("{}:1", identity.get(..16).unwrap_or_default());
        Finding {
            rule_id: verdict.rule.clone(),
            rule_index: self.places.get(&*verdict.rule).copied().unwrap_or_default(),
            kind,
            level,
            message: sentence(&format!("{place}: {about}: {}", verdict.message)),
            locations: [location(self.judged, instance, logical(instance, verdict))],
            partial_fingerprints: BTreeMap::from([
                ("primaryLocationLineHash", line),
                ("verdict/v1", identity),
            ]),
            suppressions: Some(self.suppression(verdict).into_iter().collect()),
            properties: json!({
                "outcome": outcome,
                "severity": verdict.severity.as_str(),
                "instance": instance,
            }),
        }
    }

    fn suppression(&self, verdict: &VerdictEntry) -> Option<Suppression> {
        if verdict.outcome != "accepted" {
            return None;
        }
        let by = verdict.waiver.as_deref().unwrap_or_default();
        let justification = match self.waivers.get(by) {
            Some(waiver) => format!(
                "{by}: {} (owner {}, approver {}, {}, until {})",
                waiver.reason, waiver.owner, waiver.approver, waiver.ticket, waiver.expires
            ),
            None => by.to_owned(),
        };
        Some(Suppression {
            kind: "external",
            status: "accepted",
            justification: visible(&justification),
        })
    }
}

/// `finance-2019/Sales/module/dbo.Purge`.
fn logical(instance: Option<&str>, verdict: &VerdictEntry) -> String {
    let subject = &verdict.subject;
    let database = subject.database.as_ref().map(AsRef::as_ref);
    let parts = [
        Some(instance.unwrap_or("estate")),
        database,
        Some(&*subject.kind),
        subject.name.as_deref(),
    ];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    visible(&parts.join("/"))
}

/// Where the inventory names an instance; else what was recorded of it.
fn location(judged: &Judgement<'_>, instance: Option<&str>, logical: String) -> Location {
    let id = instance.map(crate::ids::InstanceId::new);
    let line = id.as_ref().and_then(|id| judged.lines.get(id));
    let snapshot = id.as_ref().and_then(|id| judged.snapshots.get(id));
    let (path, line) = match (&judged.inventory, line, snapshot) {
        (Some(file), Some(line), _) => (file.as_str(), *line),
        (_, _, Some(snapshot)) => (snapshot.as_str(), 1),
        (Some(file), None, None) => (file.as_str(), 1),
        (None, _, None) => ("assessment.json", 1),
    };
    Location {
        physical_location: Physical {
            artifact_location: Artifact { uri: uri(path) },
            region: Region {
                start_line: line,
                start_column: None,
            },
        },
        logical_locations: [Logical {
            fully_qualified_name: logical,
            kind: "resource",
        }],
    }
}

fn invocation(judged: &Judgement<'_>) -> Invocation {
    let assessment = judged.assessment;
    let instances = || assessment.instances.iter();
    let moments = || {
        let moments = instances().flat_map(|own| &own.collected);
        moments.filter(|moment| !moment.is_empty())
    };
    // UTC, with or without a fraction: without the Z, their order is that of their text.
    let order = |moment: &&String| moment.trim_end_matches('Z').to_owned();
    let notifications = instances().filter_map(|own| notification(judged, own));
    let mut notifications: Vec<Notification> = notifications.collect();
    notifications.extend(not_selected(assessment));
    Invocation {
        execution_successful: instances().all(|own| own.same_as.is_some() || own.coverage.finished),
        start_time_utc: moments().min_by_key(order).cloned(),
        end_time_utc: moments().max_by_key(order).cloned(),
        tool_execution_notifications: notifications,
    }
}

/// What was not seen of an instance.
fn notification(judged: &Judgement<'_>, instance: &Instance) -> Option<Notification> {
    let coverage = &instance.coverage;
    let missing = counted(coverage.missing.len(), "fact", "facts");
    let (id, level, said) = match (&instance.same_as, &coverage.trouble) {
        (Some(other), _) => (
            "same-instance",
            "note",
            format!("it is the same instance as {other}, which carries its verdicts"),
        ),
        (None, Some(trouble)) => ("not-finished", "error", trouble.to_string()),
        (None, None) if !coverage.finished => (
            "not-finished",
            "error",
            "the collection was not finished".to_owned(),
        ),
        (None, None) if !coverage.missing.is_empty() => (
            "not-seen-whole",
            "warning",
            format!("{missing} that rules need were not seen whole"),
        ),
        (None, None) => return None,
    };
    let name = instance.id.as_str();
    Some(Notification {
        descriptor: Some(Id { id: id.to_owned() }),
        level,
        message: sentence(&format!("{name}: {said}")),
        locations: vec![location(judged, Some(name), visible(name))],
    })
}

fn not_selected(assessment: &Assessment) -> Option<Notification> {
    let left_out = assessment.not_selected.len();
    (left_out > 0).then(|| Notification {
        descriptor: Some(Id {
            id: "not-selected".to_owned(),
        }),
        level: "note",
        message: sentence(&format!(
            "{} of the inventory not selected",
            counted(left_out, "target", "targets")
        )),
        locations: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::Value;

    use super::super::super::sample;
    use super::*;
    use crate::ids::InstanceId;

    fn run(judged: &Judgement<'_>) -> Value {
        let bytes = verdicts_sarif(judged).unwrap();
        let mut log: Value = serde_json::from_slice(&bytes).unwrap();
        log["runs"][0].take()
    }

    fn results(run: &Value) -> &Vec<Value> {
        run["results"].as_array().unwrap()
    }

    #[test]
    fn every_verdict_is_a_result_of_its_kind() {
        let assessment = sample::with_estate();
        let run = run(&Judgement::of(&assessment));
        let due = &assessment.fleet.verdicts;
        let of = |kind: &str, suppressed: bool| {
            let is = |result: &&Value| {
                let suppressions = result["suppressions"].as_array().unwrap();
                result["kind"] == kind && suppressions.is_empty() != suppressed
            };
            u32::try_from(results(&run).iter().filter(is).count()).unwrap()
        };
        assert_eq!(of("fail", false), due.fail);
        assert_eq!(of("fail", true), due.accepted);
        assert_eq!(of("pass", false), due.pass);
        assert_eq!(of("notApplicable", false), due.not_applicable);
        assert_eq!(of("open", false), due.unknown);
        for result in results(&run) {
            let bad = result["kind"] == "fail";
            assert_eq!(result["level"] != "none", bad, "{result}");
        }
    }

    #[test]
    fn rules_are_documented_and_referred_to() {
        let assessment = sample::with_estate();
        let run = run(&Judgement::of(&assessment));
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        for result in results(&run) {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
        }
        for rule in rules {
            let help = rule["help"]["text"].as_str().unwrap();
            assert!(help.contains("How to fix: "), "{help}");
            assert_eq!(rule["properties"]["tags"][0], "security");
        }
        assert_eq!(pascal("xp-cmdshell-enabled"), "XpCmdshellEnabled");
    }

    #[test]
    fn no_rule_has_more_tags_than_github_takes() {
        for rule in crate::rules::ALL {
            assert!(rule.attack.len() < 20, "{}", rule.id);
        }
    }

    #[test]
    fn results_point_at_the_inventory_else_at_what_was_recorded() {
        let assessment = sample::with_estate();
        let mut judged = Judgement::of(&assessment);
        judged.inventory = Some("my estates/a.toml".to_owned());
        judged.lines.insert(InstanceId::new("erp-prod"), 7);
        let snapshot = "snapshots/hr.snapshot.json".to_owned();
        judged.snapshots.insert(InstanceId::new("hr"), snapshot);
        let run = run(&judged);
        let places: Vec<(String, String)> = results(&run)
            .iter()
            .map(|result| {
                let place = &result["locations"][0]["physicalLocation"];
                let line = &place["region"]["startLine"];
                let uri = place["artifactLocation"]["uri"].as_str().unwrap();
                let instance = result["properties"]["instance"].as_str();
                (
                    instance.unwrap_or("estate").to_owned(),
                    format!("{uri}:{line}"),
                )
            })
            .collect();
        for (instance, due) in [
            ("erp-prod", "my%20estates/a.toml:7"),
            ("hr", "snapshots/hr.snapshot.json:1"),
            ("estate", "my%20estates/a.toml:1"),
        ] {
            let mut own = places.iter().filter(|(id, _)| id == instance).peekable();
            assert!(own.peek().is_some() && own.all(|(_, place)| place == due));
        }
        let alone = Judgement::of(&assessment);
        let place = location(&alone, Some("hr"), String::new());
        let uri = place.physical_location.artifact_location.uri;
        assert_eq!(uri, "assessment.json");
    }

    #[test]
    fn what_was_not_reached_is_said_and_is_no_success() {
        let assessment = sample::with_estate();
        let run = run(&Judgement::of(&assessment));
        let invocation = &run["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        let said = invocation["toolExecutionNotifications"].to_string();
        for part in [
            "dmz-01: ",
            "Login failed",
            "hr: 8 facts",
            "the same instance as erp-prod",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn names_are_nothing_but_text() {
        let assessment = sample::with_estate();
        let bytes = verdicts_sarif(&Judgement::of(&assessment)).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.lines().all(|line| visible(line) == line));
        let run = run(&Judgement::of(&assessment));
        let mut links = 0;
        for result in results(&run) {
            let message = result["message"]["text"].as_str().unwrap();
            assert!(!message.replace("\\]", "").contains("]("), "{message}");
            links += usize::from(message.contains("\\](http"));
        }
        assert!(links > 0, "a name that poses as a link is there");
    }

    #[test]
    fn accepted_findings_say_by_what() {
        let run = run(&Judgement::of(&sample::with_estate()));
        let suppressions: String = results(&run)
            .iter()
            .map(|result| result["suppressions"].to_string())
            .collect();
        assert!(suppressions.contains("CHG-1042"));
    }

    #[test]
    fn frameworks_are_taxonomies_that_rules_refer_to() {
        let mut assessment = sample::with_estate();
        let naming = BTreeMap::from([(
            "cis-2022:2.6".to_owned(),
            std::collections::BTreeSet::from(["SURF-001"]),
        )]);
        let shipped = crate::compliance::shipped().iter();
        assessment.frameworks = shipped
            .map(|framework| crate::compliance::assess(framework, &[], &naming, &BTreeMap::new()))
            .collect();
        let run = run(&Judgement::of(&assessment));
        let taxonomies = run["taxonomies"].as_array().unwrap();
        assert_eq!(
            taxonomies.len(),
            1,
            "those that no rule bears on are left out"
        );
        assert_eq!(taxonomies[0]["taxa"][0]["id"], "2.6");
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let rule = rules.iter().find(|rule| rule["id"] == "SURF-001").unwrap();
        let target = &rule["relationships"][0]["target"];
        assert_eq!(target["id"], "2.6");
        assert_eq!(target["toolComponent"]["name"], "cis-2022");
    }
}
