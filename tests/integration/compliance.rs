//! Frameworks, their controls, the rules that name them, and what verdicts make of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mssql_posture::compliance::{
    self, Assessed, Conclusions, Control, ControlStatus, Framework, FrameworkStatus, Judged, Status,
};
use mssql_posture::ids::InstanceId;
use mssql_posture::rules::{self, Rule, Severity};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::cli::Cli;

/// Rules by the controls that they name.
fn naming() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut naming: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for rule in rules::ALL {
        for control in rule.named_controls() {
            naming.entry(control).or_default().insert(rule.id);
        }
    }
    naming
}

fn framework(id: &str) -> &'static Framework {
    let mut all = compliance::shipped().iter();
    all.find(|framework| framework.id == id).unwrap()
}

fn every_control() -> impl Iterator<Item = (String, &'static Control)> {
    compliance::shipped().iter().flat_map(|framework| {
        let key = |control: &Control| format!("{}:{}", framework.id, control.id);
        framework.controls.iter().map(move |c| (key(c), c))
    })
}

#[test]
fn every_control_that_a_rule_names_is_one_that_rules_decide() {
    let controls: BTreeMap<String, &Control> = every_control().collect();
    for (named, rules) in naming() {
        let control = controls.get(&named);
        let control = control.unwrap_or_else(|| panic!("{rules:?} name {named}: no such control"));
        let by_human = control.assessed == Assessed::Manual;
        assert!(!by_human, "{rules:?} name {named}, which is manual");
    }
    for rule in rules::ALL {
        let named: Vec<String> = rule.named_controls().collect();
        let once: BTreeSet<&String> = named.iter().collect();
        assert_eq!(once.len(), named.len(), "{} names one twice", rule.slug);
    }
}

#[test]
fn every_control_is_named_by_a_rule_or_says_what_a_human_looks_at() {
    let naming = naming();
    for (key, control) in every_control() {
        let rules = naming.get(&key).into_iter().flatten();
        // Controls are counted by instances.
        let about_instances = rules.filter(|rule| !rules::ON_THE_ESTATE.contains(rule));
        let is_named = about_instances.count() > 0;
        assert_eq!(
            is_named,
            control.assessed != Assessed::Manual,
            "{key} is {}",
            control.assessed.as_str()
        );
        let looked_at = control.look_at.as_deref().unwrap_or_default();
        let decided = control.assessed == Assessed::Rule;
        assert!(decided || looked_at.len() > 20, "{key}: {looked_at:?}");
    }
}

#[test]
fn every_framework_says_its_edition_date_and_source() {
    for framework in compliance::shipped() {
        let id = &framework.id;
        for said in [&framework.name, &framework.publisher, &framework.version] {
            assert!(!said.trim().is_empty(), "{id}");
        }
        let is_place = framework.source.contains("https://") || framework.source.contains(' ');
        assert!(is_place, "{id}: {}", framework.source);
        let digits = |date: &str| date.chars().all(|c| c.is_ascii_digit() || c == '-');
        let note = framework.note.as_deref().unwrap_or_default();
        match framework.date.as_deref() {
            Some(date) => assert!(date.len() >= 4 && digits(date), "{id}: {date}"),
            None => assert!(
                note.contains("date of publication was not verified"),
                "{id}"
            ),
        }
    }
}

/// A benchmark's own text would be longer, and would have lines.
#[test]
fn wording_is_short() {
    for (key, control) in every_control() {
        let look_at = control.look_at.as_deref().unwrap_or_default();
        assert!(control.title.chars().count() <= 200, "{key}");
        assert!(look_at.chars().count() <= 400, "{key}: {look_at}");
        let lines = [control.title.as_str(), look_at];
        assert!(lines.iter().all(|text| !text.contains('\n')), "{key}");
    }
}

#[test]
fn a_floor_is_of_a_rule_that_names_the_control_and_can_reach_it() {
    let naming = naming();
    let mut floors = 0;
    for (key, control) in every_control() {
        for (rule, floor) in &control.counts_from {
            floors += 1;
            let named = naming.get(&key).is_some_and(|n| n.contains(rule.as_str()));
            assert!(named, "{key} counts {rule}, which does not name it");
            let worst = Rule::find(rule).unwrap().severity;
            let is_in_reach = *floor > Severity::Info && *floor <= worst;
            assert!(is_in_reach, "{key}: {rule} from {floor:?}");
        }
    }
    assert!(floors > 0);
}

fn concluded(judged: Judged, severity: Severity) -> Conclusions {
    let mut conclusions = Conclusions::default();
    conclusions.enter(judged, severity);
    conclusions
}

/// The status of a shipped control on one instance.
fn on_one(key: &str, rules: BTreeMap<&str, Conclusions>) -> Status {
    let (id, control) = key.split_once(':').unwrap();
    let framework = framework(id);
    let release = framework.products.first().map_or("2022", String::as_str);
    let name = InstanceId::new("one");
    let instance = compliance::Instance {
        id: &name,
        release: Some(release),
        rules,
    };
    let status = compliance::assess(framework, &[instance], &naming(), &BTreeMap::new());
    let mut controls = status.controls.into_iter();
    controls.find(|c| c.id == control).unwrap().status
}

#[test]
fn what_a_control_allows_does_not_speak_against_it() {
    let assembly = |severity| {
        BTreeMap::from([
            ("CLR-002", concluded(Judged::Failed, severity)),
            ("CLR-006", concluded(Judged::Passed, Severity::Medium)),
        ])
    };
    // SAFE assemblies are ours to report, and allowed by CIS.
    let safe = || assembly(Severity::Low);
    assert_eq!(on_one("cis-2022:6.2", safe()), Status::Met);
    assert_eq!(on_one("ms-va:VA1256", safe()), Status::NotMet);
    let unsafe_one = assembly(Severity::High);
    assert_eq!(on_one("cis-2022:6.2", unsafe_one), Status::NotMet);
    let last_year = BTreeMap::from([("SURF-019", concluded(Judged::Failed, Severity::Low))]);
    assert_eq!(on_one("nist-800-53r5:SA-22", last_year), Status::PartlySeen);
}

#[test]
fn a_control_whose_rules_saw_nothing_is_never_met() {
    let naming = naming();
    for (key, control) in every_control() {
        let rules = naming.get(&key).into_iter().flatten().copied();
        let unknown = || concluded(Judged::Unknown, Severity::High);
        let status = on_one(&key, rules.map(|rule| (rule, unknown())).collect());
        let expected = match control.assessed {
            Assessed::Manual => Status::Manual,
            _ => Status::NotAssessed,
        };
        assert_eq!(status, expected, "{key}");
        assert_eq!(on_one(&key, BTreeMap::new()), expected, "{key}");
    }
}

/// A framework of two controls, on rules A and B: findings of B below high say nothing against the second.
const OWN: &str = r#"
id = "house"
name = "House rules"
publisher = "Us"
version = "1"
source = "our intranet"
control = [
  { id = "1", title = "Both", scope = "instance", assessed = "ASSESSED", look_at = "The rest.", rules = ["A", "B"] },
  { id = "2", title = "B", scope = "instance", assessed = "ASSESSED", look_at = "The rest.", rules = ["B"], counts_from = { B = "high" } },
  { id = "3", title = "Ask", scope = "estate", assessed = "manual", look_at = "Somebody." },
]
"#;

type Drawn = BTreeMap<&'static str, Vec<(Judged, Severity)>>;

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let judged = prop::sample::select(vec![
        Judged::NotApplicable,
        Judged::Passed,
        Judged::Accepted,
        Judged::Unknown,
        Judged::Failed,
    ]);
    let severity = prop::sample::select(Severity::ALL.to_vec());
    let conclusions = prop::collection::vec((judged, severity), 1..4);
    let rule = prop::sample::select(vec!["A", "B"]);
    prop::collection::vec(prop::collection::btree_map(rule, conclusions, 0..3), 0..6)
}

fn assessed(assessed: &str, drawn: &[Drawn]) -> FrameworkStatus {
    let text = OWN.replace("ASSESSED", assessed);
    let framework = Framework::parse(&text, "own.toml", |name| Some(name.to_owned())).unwrap();
    let ids: Vec<InstanceId> = (0..drawn.len())
        .map(|n| InstanceId::new(format!("i{n}")))
        .collect();
    let instances: Vec<compliance::Instance<'_>> = drawn
        .iter()
        .zip(&ids)
        .map(|(rules, id)| compliance::Instance {
            id,
            release: None,
            rules: rules
                .iter()
                .map(|(rule, all)| (*rule, entered(all)))
                .collect(),
        })
        .collect();
    compliance::assess(&framework, &instances, &BTreeMap::new(), &BTreeMap::new())
}

fn entered(all: &[(Judged, Severity)]) -> Conclusions {
    let mut conclusions = Conclusions::default();
    for (judged, severity) in all {
        conclusions.enter(*judged, *severity);
    }
    conclusions
}

fn counts_add_up(control: &ControlStatus) {
    let sum = control.tested + control.unknown + control.not_applicable;
    let is_manual = control.status == Status::Manual;
    assert_eq!(sum, if is_manual { 0 } else { control.population });
    assert!(control.failed + control.accepted <= control.tested);
    assert_eq!(control.failed as usize, control.failing.len());
    assert_eq!(control.failed > 0, control.status == Status::NotMet);
    if matches!(control.status, Status::Met | Status::Accepted) {
        assert_eq!((control.unknown, control.failed), (0, 0));
        assert!(control.tested > 0);
    }
}

proptest! {
    #[test]
    fn counts_add_up_whatever_was_concluded(drawn in drawn(), partly: bool) {
        let mut status = assessed(if partly { "partly" } else { "rule" }, &drawn);
        for control in &status.controls {
            counts_add_up(control);
            prop_assert_eq!(control.population as usize, drawn.len());
            if partly {
                prop_assert_ne!(control.status, Status::Met);
            }
        }
        prop_assert_eq!(status.controls[2].status, Status::Manual);
        let tally: u32 = Status::ALL.iter().map(|&of| *status.tally.of(of)).sum();
        prop_assert_eq!(tally as usize, status.controls.len());
    }

    #[test]
    fn what_goes_out_of_sight_never_makes_a_control_met(drawn in drawn(), at: prop::sample::Index) {
        prop_assume!(!drawn.is_empty());
        let mut less = drawn.clone();
        let at = at.index(drawn.len());
        for rule in ["A", "B"] {
            less[at].insert(rule, vec![(Judged::Unknown, Severity::High)]);
        }
        for (before, after) in assessed("rule", &drawn).controls.iter().zip(assessed("rule", &less).controls) {
            let says = matches!(after.status, Status::Met | Status::Accepted | Status::NotApplicable);
            prop_assert!(!says, "{:?} to {:?}", before.status, after.status);
            prop_assert!(after.tested <= before.tested);
            prop_assert!(after.failed <= before.failed);
        }
    }

    #[test]
    fn a_finding_outweighs_all_else(drawn in drawn(), at: prop::sample::Index) {
        prop_assume!(!drawn.is_empty());
        let mut worse = drawn.clone();
        let at = at.index(drawn.len());
        worse[at].entry("B").or_default().push((Judged::Failed, Severity::High));
        let status = assessed("partly", &worse);
        prop_assert_eq!(status.controls[0].status, Status::NotMet);
        prop_assert_eq!(status.controls[1].status, Status::NotMet);
    }
}

/// Which of the demo's instances each control failed on, told from the verdicts as they are written.
#[test]
fn the_demo_counts_what_its_verdicts_say() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventory/demo.toml");
    let ran = Cli::new(&["audit", demo.to_str().unwrap(), "-o", "out"])
        .args(&["--allow-partial", "--fail-on", "never", "--format", "json"])
        .run()
        .code(0);
    let assessment = ran.assessment();
    let of = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let mut statuses = BTreeSet::new();
    for shown in assessment["frameworks"].as_array().unwrap() {
        let framework = framework(&of(shown, "id"));
        for shown in shown["controls"].as_array().unwrap() {
            let control = framework.control(&of(shown, "id")).unwrap();
            let key = format!("{}:{}", framework.id, control.id);
            statuses.insert(of(shown, "status"));
            if !framework.products.is_empty() || control.assessed == Assessed::Manual {
                continue;
            }
            let rules: Vec<String> =
                serde_json::from_value(shown["verdicts"].clone()).unwrap_or_default();
            let is_against = |verdict: &&Value| {
                let rule = of(verdict, "rule");
                let floor = control.counts_from.get(&rule);
                let own: Severity = serde_json::from_value(verdict["severity"].clone()).unwrap();
                rules.contains(&rule)
                    && of(verdict, "outcome") == "fail"
                    && floor.is_none_or(|floor| own >= *floor)
            };
            let instances = assessment["instances"].as_array().unwrap().iter();
            let failed = instances.filter(|instance| {
                let mut verdicts = instance["verdicts"].as_array().unwrap().iter();
                instance["same_as"].is_null() && verdicts.any(|v| is_against(&v))
            });
            let failing: Vec<String> = failed.map(|instance| of(instance, "id")).collect();
            let written: Vec<String> =
                serde_json::from_value(shown["failing"].clone()).unwrap_or_default();
            assert_eq!(written, failing, "{key}");
            assert_eq!(shown["failed"], failing.len(), "{key}");
        }
    }
    for status in ["not_met", "partly_seen", "manual"] {
        assert!(statuses.contains(status), "{statuses:?}");
    }
}

#[test]
fn explain_says_editions_and_keeps_severities_apart() {
    let explained = |rule: &str, form: &str| {
        let run = Cli::new(&["explain", rule, "--format", form]).run();
        run.code(0).stdout
    };
    let text = explained("SURF-001", "text");
    assert!(text.contains("\nSeverity: high\n"), "{text}");
    let item = "stig-2022-instance:V-271302, edition V1R1: xp_cmdshell off (medium there)";
    assert!(text.contains(item), "{text}");
    let markdown = explained("SURF-001", "md");
    let row = "| stig-2022-instance:V-271302 | V1R1 | xp_cmdshell off | medium |";
    assert!(markdown.contains(row), "{markdown}");
    assert!(markdown.contains("Severity: high."), "{markdown}");
    for rule in [&text, &explained("CODE-010", "text")] {
        let mut techniques = rule.lines().filter(|line| line.contains("attack-v18.1:"));
        assert!(techniques.clone().count() > 0, "{rule}");
        assert!(
            techniques.all(|line| line.contains(", edition 18.1: ")),
            "{rule}"
        );
    }
}
