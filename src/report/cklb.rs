//! Checklists for STIG Viewer and STIG Manager: one of each instance, and one of each of its databases. Only instances of
//! the release that a shipped STIG is about get one; a checklist of another release's STIG would be wrong in every id.
//!
//! What was not evaluated wholly is never said to be no finding. Titles are our words; DISA's texts of discussion, check
//! and fix are left empty, since the viewer has them from the STIG itself.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::assessment::{Assessment, Instance, VerdictEntry};
use super::{Judgement, stable, visible, visible_json};
use crate::compliance::{self, Checklist, Control, ControlStatus, FrameworkStatus, Status};
use crate::ids::DatabaseName;
use crate::rules::Severity;

/// What STIG Manager keeps of a text, in characters.
const MOST_CHARS: usize = 32_000;

/// How DISA calls what a framework holds.
struct Benchmark {
    framework: &'static str,
    id: &'static str,
    title: &'static str,
    short: &'static str,
}

const BENCHMARKS: &[Benchmark] = &[
    Benchmark {
        framework: "stig-2022-instance",
        id: "MS_SQL_Server_2022_Instance_STIG",
        title: "Microsoft SQL Server 2022 Instance Security Technical Implementation Guide",
        short: "MS SQL Server 2022 Instance",
    },
    Benchmark {
        framework: "stig-2022-database",
        id: "MS_SQL_Server_2022_Database_STIG",
        title: "Microsoft SQL Server 2022 Database Security Technical Implementation Guide",
        short: "MS SQL Server 2022 Database",
    },
];

/// One checklist as a file; `None` where the judgement does not hold what it is about.
///
/// # Errors
/// None that is known: every field can be written.
pub fn cklb(judged: &Judgement<'_>, list: &Checklist) -> serde_json::Result<Option<Vec<u8>>> {
    let Some(page) = Page::new(judged.assessment, list) else {
        return Ok(None);
    };
    let text = serde_json::to_string_pretty(&page.file())?;
    let mut bytes = visible_json(&text).into_bytes();
    bytes.push(b'\n');
    Ok(Some(bytes))
}

struct Page<'a> {
    assessment: &'a Assessment,
    list: &'a Checklist,
    instance: &'a Instance,
    framework: &'a FrameworkStatus,
    benchmark: &'a Benchmark,
}

impl<'a> Page<'a> {
    fn new(assessment: &'a Assessment, list: &'a Checklist) -> Option<Self> {
        let mut instances = assessment.instances.iter();
        let mut frameworks = assessment.frameworks.iter();
        let mut benchmarks = BENCHMARKS.iter();
        Some(Self {
            assessment,
            list,
            instance: instances.find(|own| own.id == list.instance)?,
            framework: frameworks.find(|own| own.id == list.framework)?,
            benchmark: benchmarks.find(|own| own.framework == list.framework)?,
        })
    }

    /// An id within this checklist.
    fn id(&self, names: &[&str]) -> String {
        let database = self.list.database.as_ref();
        let scope = if database.is_some() {
            "database"
        } else {
            "instance"
        };
        let database = database.map_or("", DatabaseName::as_str);
        let own = [
            self.benchmark.id,
            self.instance.id.as_str(),
            scope,
            database,
        ];
        stable::id(&[&own, names].concat())
    }

    /// The target's name, with the database's behind it.
    fn place(&self) -> String {
        let instance = visible(self.instance.id.as_str());
        let database = self.list.database.as_ref();
        let database = database.map(|name| format!("/{}", visible(name.as_str())));
        instance + &database.unwrap_or_default()
    }

    fn file(&self) -> Value {
        let title = format!("{}: {}", self.benchmark.short, self.place());
        json!({
            "title": title,
            "id": self.id(&["checklist"]),
            "stigs": [self.stig()],
            "active": false,
            "mode": 1,
            "has_path": true,
            "target_data": self.target(),
            "cklb_version": "1.0",
        })
    }

    fn target(&self) -> Value {
        let target = visible(&self.instance.target);
        let reported = self.instance.reported.as_ref();
        let machine = reported.and_then(|reported| reported.machine_name.as_deref());
        let asked_for = target.split([',', '\\']).next().unwrap_or_default();
        let names = [
            machine.unwrap_or_default(),
            asked_for,
            self.instance.id.as_str(),
        ];
        let host = names.into_iter().find(|name| !name.is_empty()).map(visible);
        json!({
            "target_type": "Computing",
            "host_name": host,
            "ip_address": "",
            "mac_address": "",
            "fqdn": "",
            "comments": self.about(),
            "role": "None",
            "is_web_database": true,
            "technology_area": "",
            "web_db_site": target,
            "web_db_instance": self.place(),
            "classification": null,
        })
    }

    /// Who judged, when it was collected, and how many verdicts there are of what the checklist is about.
    fn about(&self) -> String {
        let mut about = format!(
            "{}, as of {}",
            visible(&self.assessment.judged_by),
            visible(&self.assessment.as_of)
        );
        let collected = visible(&self.instance.collected[1]);
        if !collected.is_empty() {
            let _ = write!(about, ", collected {collected}");
        }
        let verdicts = || self.instance.verdicts.iter().filter(|v| self.is_about(v));
        let counts = ["fail", "unknown", "accepted", "pass", "not_applicable"].map(|outcome| {
            let count = verdicts().filter(|v| v.outcome == outcome).count();
            format!("{outcome} {count}")
        });
        let _ = write!(about, "; verdicts: {}", counts.join(", "));
        about
    }

    /// Of an instance every verdict; of a database those whose subject is in it.
    fn is_about(&self, verdict: &VerdictEntry) -> bool {
        let database = self.list.database.as_ref();
        database.is_none() || verdict.subject.database.as_ref() == database
    }

    fn stig(&self) -> Value {
        let (version, release) = edition(self.framework);
        let controls = self.framework.controls.iter().zip(&self.list.statuses);
        let rules: Vec<Value> = controls
            .map(|(control, status)| self.rule(control, *status))
            .collect();
        json!({
            "stig_name": self.benchmark.title,
            "display_name": self.benchmark.short,
            "stig_id": self.benchmark.id,
            "release_info": release,
            "version": version,
            "uuid": self.id(&["stig"]),
            "reference_identifier": "",
            "size": rules.len(),
            "rules": rules,
        })
    }

    fn rule(&self, control: &ControlStatus, status: Status) -> Value {
        let reference = |begins: &str| {
            let mut references = control.references.iter();
            references
                .find(|own| own.starts_with(begins))
                .cloned()
                .unwrap_or_default()
        };
        let ccis = control
            .references
            .iter()
            .filter(|own| own.starts_with("CCI-"));
        let (rule, group) = (reference("SV-"), reference("SRG-"));
        let check = format!("{}.xml", self.benchmark.id);
        json!({
            "group_id_src": control.id,
            "group_tree": [{ "id": control.id, "title": group, "description": "" }],
            "group_id": control.id,
            "severity": control.severity.as_deref().unwrap_or("unknown"),
            "group_title": group,
            "rule_id_src": rule,
            "rule_id": rule.strip_suffix("_rule").unwrap_or(&rule),
            "rule_version": reference("SQL"),
            "rule_title": control.title,
            "fix_text": "",
            "weight": "10.0",
            "check_content": "",
            "check_content_ref": { "href": check, "name": "M" },
            "classification": "Unclassified",
            "discussion": "",
            "false_positives": "",
            "false_negatives": "",
            "documentable": "false",
            "security_override_guidance": "",
            "potential_impacts": "",
            "third_party_tools": "",
            "ia_controls": "",
            "responsibility": "",
            "mitigations": "",
            "mitigation_control": "",
            "legacy_ids": [],
            "ccis": ccis.collect::<Vec<_>>(),
            "reference_identifier": "",
            "uuid": self.id(&["rule", &control.id]),
            "stig_uuid": self.id(&["stig"]),
            "status": word(status),
            "overrides": {},
            "comments": cut(self.comments(control, status)),
            "finding_details": cut(self.details(control)),
            "srg_id": group,
        })
    }

    /// The verdicts on which the status rests.
    fn details(&self, control: &ControlStatus) -> String {
        let framework = compliance::shipped()
            .iter()
            .find(|own| own.id == self.list.framework);
        let written = framework.and_then(|own| own.control(&control.id));
        let of_rules = |v: &&VerdictEntry| control.verdicts.contains(&v.rule);
        let verdicts: Vec<&VerdictEntry> = self.instance.verdicts.iter().filter(of_rules).collect();
        // What lies in no database may be about any.
        let is_told = |v: &&&VerdictEntry| self.is_about(v) || v.subject.database.is_none();
        let told = verdicts.iter().filter(is_told);
        let mut lines: Vec<String> = told.map(|verdict| line(verdict, written)).collect();
        let elsewhere = verdicts.len() - lines.len();
        if elsewhere > 0 {
            lines.push(format!(
                "{elsewhere} more in other databases of the instance"
            ));
        }
        lines.join("\n")
    }

    /// What people must do or have said.
    fn comments(&self, control: &ControlStatus, status: Status) -> String {
        let mut lines = Vec::new();
        let on_this = |v: &&VerdictEntry| control.verdicts.contains(&v.rule) && self.is_about(v);
        let verdicts = self.instance.verdicts.iter().filter(on_this);
        for waiver in verdicts.filter_map(|v| v.waiver.as_deref()) {
            let line = self.waiver(waiver);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        for one in &control.attestations {
            let targets = match one.targets.join(", ") {
                none if none.is_empty() => String::new(),
                targets => format!(" for {targets}"),
            };
            let expired = if one.is_expired { " (expired)" } else { "" };
            let comment = one.comment.as_ref().map(|comment| format!(": {comment}"));
            lines.push(visible(&format!(
                "Attested {}{targets} by {} on {}, until {}{expired}{}",
                one.answer,
                one.by,
                one.on,
                one.expires,
                comment.unwrap_or_default()
            )));
        }
        let is_open = matches!(
            status,
            Status::Manual | Status::PartlySeen | Status::NotAssessed
        );
        let look_at = control.look_at.as_ref().filter(|_| is_open);
        lines.extend(look_at.map(|text| format!("To be looked at: {}", visible(text))));
        lines.join("\n")
    }

    fn waiver(&self, reference: &str) -> String {
        let mut waivers = self.assessment.waivers.iter();
        let shown = visible(reference);
        match waivers.find(|own| own.id == reference) {
            Some(own) => visible(&format!(
                "Accepted by waiver {shown} of {} until {}: {}",
                own.owner, own.expires, own.reason
            )),
            None => format!("Accepted by the inventory: {shown}"),
        }
    }
}

/// The word of a checklist.
fn word(status: Status) -> &'static str {
    match status {
        Status::NotMet | Status::Accepted => "open",
        Status::Met => "not_a_finding",
        Status::NotApplicable => "not_applicable",
        Status::PartlySeen | Status::NotAssessed | Status::Manual => "not_reviewed",
    }
}

/// One verdict in a line.
fn line(verdict: &VerdictEntry, control: Option<&Control>) -> String {
    let floor = control.and_then(|own| own.counts_from.get(&verdict.rule));
    let is_light = |floor: &&Severity| verdict.outcome == "fail" && verdict.severity < **floor;
    let light = floor.filter(is_light);
    let light = light.map(|floor| format!(" (this item counts it from {})", floor.as_str()));
    let evidence = match verdict.evidence.len() {
        0 => String::new(),
        1 => " [1 row of evidence]".to_owned(),
        rows => format!(" [{rows} rows of evidence]"),
    };
    format!(
        "{} {} ({}): {}{evidence}{}",
        verdict.outcome,
        verdict.rule,
        verdict.severity.as_str(),
        visible(&verdict.message),
        light.unwrap_or_default()
    )
}

/// Whole lines, as many as are kept.
fn cut(text: String) -> String {
    if text.chars().count() <= MOST_CHARS {
        return text;
    }
    let mut room = MOST_CHARS;
    let mut kept: Vec<String> = Vec::new();
    let mut lines = text.lines();
    for line in lines.by_ref() {
        let length = line.chars().count() + 1;
        if length > room {
            let start: String = line.chars().take(room.saturating_sub(1)).collect();
            kept.push(format!("{start}…"));
            break;
        }
        room -= length;
        kept.push(line.to_owned());
    }
    let more = lines.count();
    kept.push(format!(
        "(cut, with {more} more lines: assessment.json has them all)"
    ));
    kept.join("\n")
}

/// `V1R1` of 2025-05-27 as a checklist has it: `1`, and `Release: 1 Benchmark Date: 27 May 2025`.
fn edition(framework: &FrameworkStatus) -> (String, String) {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let numbers = framework.version.trim_start_matches('V').split_once('R');
    let (version, release) = numbers.unwrap_or((&framework.version, "0"));
    let date = framework.date.as_deref().unwrap_or_default();
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let month = month.and_then(|month| month.parse::<usize>().ok());
    let month = month.and_then(|month| MONTHS.get(month.wrapping_sub(1)));
    let date = match (year, month, day) {
        (Some(year), Some(month), Some(day)) => format!("{day} {month} {year}"),
        _ => date.to_owned(),
    };
    (
        version.to_owned(),
        format!("Release: {release} Benchmark Date: {date}"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::report::sample::{self, HOSTILE_DATABASE};

    const INSTANCE: &str = "stig-2022-instance";
    const DATABASE: &str = "stig-2022-database";

    /// The sample with both frameworks, their controls resting on the rules that it has verdicts of.
    fn assessment() -> Assessment {
        let mut assessment = sample::assessment();
        let rules = BTreeSet::from(["SURF-001", "CODE-001", "CODE-002"]);
        for id in [INSTANCE, DATABASE] {
            let framework = compliance::shipped()
                .iter()
                .find(|own| own.id == id)
                .unwrap();
            let controls = framework.controls.iter();
            let naming = controls.map(|own| (format!("{id}:{}", own.id), rules.clone()));
            let status = compliance::assess(framework, &[], &naming.collect(), &BTreeMap::new());
            assessment.frameworks.push(status);
        }
        assessment
    }

    fn list(assessment: &Assessment, framework: &str, database: Option<&str>) -> Checklist {
        let mut frameworks = assessment.frameworks.iter();
        let of = frameworks.find(|own| own.id == framework).unwrap();
        let statuses = Status::ALL.iter().cycle().take(of.controls.len());
        Checklist {
            framework: framework.to_owned(),
            instance: crate::ids::InstanceId::new("erp-prod"),
            database: database.map(DatabaseName::new),
            statuses: statuses.copied().collect(),
        }
    }

    fn file(assessment: &Assessment, list: &Checklist) -> Value {
        let bytes = cklb(&Judgement::of(assessment), list).unwrap().unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn only_what_is_met_is_no_finding_and_no_rule_is_left_out() {
        let assessment = assessment();
        let list = list(&assessment, INSTANCE, None);
        let file = file(&assessment, &list);
        let stig = &file["stigs"][0];
        let rules = stig["rules"].as_array().unwrap();
        assert_eq!(rules.len(), 80);
        assert_eq!(stig["size"], 80);
        assert_eq!(
            stig["release_info"],
            "Release: 1 Benchmark Date: 27 May 2025"
        );
        for (rule, status) in rules.iter().zip(&list.statuses) {
            let is_met = *status == Status::Met;
            assert_eq!(rule["status"] == "not_a_finding", is_met, "{rule}");
            let is_bad = matches!(status, Status::NotMet | Status::Accepted);
            assert_eq!(rule["status"] == "open", is_bad, "{rule}");
            assert!(
                rule["rule_id_src"].as_str().unwrap().starts_with("SV-"),
                "{rule}"
            );
            assert!(
                rule["rule_version"].as_str().unwrap().starts_with("SQLI-"),
                "{rule}"
            );
            assert!(
                rule["group_title"].as_str().unwrap().starts_with("SRG-"),
                "{rule}"
            );
        }
        let ids: BTreeSet<&str> = rules
            .iter()
            .map(|rule| rule["uuid"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), rules.len());
    }

    #[test]
    fn a_database_has_the_verdicts_on_it_and_a_count_of_the_others() {
        let assessment = assessment();
        let list = list(&assessment, DATABASE, Some(HOSTILE_DATABASE));
        let file = file(&assessment, &list);
        assert_eq!(file["target_data"]["host_name"], "WEB-EDGE");
        let place = format!("erp-prod/{}", visible(HOSTILE_DATABASE));
        assert_eq!(file["target_data"]["web_db_instance"], place);
        let details = file["stigs"][0]["rules"][0]["finding_details"]
            .as_str()
            .unwrap();
        assert!(details.contains("fail CODE-002 (critical): dbo.p in database master calls"));
        assert!(!details.contains("dbo.warmup"), "is in master: {details}");
        let end = details.lines().last().unwrap();
        assert!(
            end.ends_with("more in other databases of the instance"),
            "{end}"
        );
        assert!(details.lines().all(|line| visible(line) == line));
    }

    #[test]
    fn an_accepted_finding_names_its_waiver() {
        let assessment = assessment();
        let list = list(&assessment, DATABASE, Some("master"));
        let file = file(&assessment, &list);
        let rule = &file["stigs"][0]["rules"][0];
        let comments = rule["comments"].as_str().unwrap();
        assert!(
            comments.contains("Accepted by the inventory: CHG-1042"),
            "{comments}"
        );
        assert!(
            rule["finding_details"]
                .as_str()
                .unwrap()
                .contains("accepted CODE-001")
        );
    }

    #[test]
    fn ids_are_of_one_place_and_the_same_again() {
        let assessment = assessment();
        let id = |database: Option<&str>| {
            let list = list(&assessment, DATABASE, database);
            file(&assessment, &list)["id"].as_str().unwrap().to_owned()
        };
        assert_eq!(id(Some("a")), id(Some("a")));
        assert_ne!(id(Some("a")), id(Some("b")));
        assert_ne!(id(None), id(Some("")));
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let text = format!("{}\n{}\nlast", "a".repeat(20_000), "b".repeat(20_000));
        let kept = cut(text);
        assert!(kept.chars().count() < MOST_CHARS + 100);
        assert!(kept.ends_with("(cut, with 1 more lines: assessment.json has them all)"));
        assert_eq!(cut("a\nb".to_owned()), "a\nb");
    }
}
