#![allow(clippy::unwrap_used)]

use super::*;
use crate::report::sample;

fn files() -> Vec<DetectionFile> {
    detections(&sample::assessment(), &Templates::default()).unwrap()
}

#[test]
fn sigma_of_the_sample() {
    let rules = files()
        .into_iter()
        .filter(|own| own.path.starts_with("sigma/"));
    let rules: Vec<String> = rules
        .map(|own| format!("{}\n{}", own.path, own.text))
        .collect();
    insta::assert_snapshot!(rules.join("---\n"));
}

#[test]
fn playbooks_of_the_sample() {
    let pages = files()
        .into_iter()
        .filter(|own| own.path.starts_with("playbooks/"));
    let pages: Vec<String> = pages
        .map(|own| format!("{}\n{}", own.path, own.text))
        .collect();
    insta::assert_snapshot!(pages.join("\n"));
}

#[test]
fn channels_that_nobody_saw_are_not_called_closed() {
    let mut assessment = sample::assessment();
    for instance in &mut assessment.instances {
        instance.routes.clear();
    }
    let said = page(&assessment, "erp-prod");
    assert!(said.contains("Nothing is known of its channels"), "{said}");
    assert!(!said.contains("No channel is open"), "{said}");
}

#[test]
fn no_value_ends_its_quotes() {
    for file in files()
        .into_iter()
        .filter(|own| own.path.starts_with("sigma/"))
    {
        let quoted = file.text.lines().filter_map(|line| line.split_once('\''));
        for (_, rest) in quoted {
            let rest = rest.trim_end();
            let inner = rest.strip_suffix('\'').unwrap();
            assert!(!inner.replace("''", "").contains('\''), "{rest}");
        }
        assert_eq!(
            crate::report::visible(&file.text.replace('\n', " ")),
            file.text.replace('\n', " ")
        );
    }
}

fn all_recorded() -> Assessment {
    use crate::rules::telemetry::Recorded;
    let mut assessment = sample::assessment();
    let telemetry = assessment.instances.iter_mut();
    let telemetry = telemetry.filter_map(|own| own.telemetry.as_mut());
    for event in telemetry.flat_map(|own| &mut own.events) {
        event.outcome = Recorded::Recorded;
    }
    assessment
}

fn rule<'f>(files: &'f [DetectionFile], slug: &str) -> &'f str {
    let path = format!("sigma/{slug}.yml");
    let own = files.iter().find(|own| own.path == path);
    own.map_or("", |own| own.text.as_str())
}

#[test]
fn what_is_recorded_whole_has_its_rules_on_hosts_and_on_records() {
    let files = detections(&all_recorded(), &Templates::default()).unwrap();
    for own in table::DETECTIONS {
        let text = rule(&files, own.slug);
        assert!(text.contains("erp-prod"), "{}: {text}", own.slug);
        assert!(!text.contains("No audit records"), "{}: {text}", own.slug);
    }
    let calls = [
        ("option_change", "sp_configure"),
        ("xp_cmdshell_run", "object_name:xp_cmdshell"),
        ("ole_automation_run", "object_name:sp_OACreate"),
        (
            "external_script_run",
            "object_name:sp_execute_external_script",
        ),
        ("clr_run", "class_type:PC"),
    ];
    for (event, says) in calls {
        let by_record = files.iter().any(|own| {
            let rule = own.text.contains("'33205'") && own.text.contains(says);
            rule && table::DETECTIONS.iter().any(|known| {
                own.path.ends_with(&format!("/{}.yml", known.slug)) && known.events.contains(&event)
            })
        });
        assert!(by_record, "{event}");
    }
}

#[test]
fn an_audit_that_records_nothing_has_no_rule_on_records() {
    use crate::rules::telemetry::Recorded;
    let mut assessment = all_recorded();
    let telemetry = assessment.instances.iter_mut();
    let telemetry = telemetry.filter_map(|own| own.telemetry.as_mut());
    for event in telemetry.flat_map(|own| &mut own.events) {
        event.outcome = Recorded::InPart;
    }
    let files = detections(&assessment, &Templates::default()).unwrap();
    let rules = files.iter().filter(|own| own.path.starts_with("sigma/"));
    let rules: Vec<&DetectionFile> = rules.collect();
    assert_eq!(rules.len(), 6);
    for own in rules {
        assert!(!own.text.contains("33205"), "{}", own.path);
        assert!(
            own.text.contains("No audit records all of it"),
            "{}",
            own.path
        );
    }
}

#[test]
fn an_instance_whose_computer_was_not_seen_is_told_to_be_in_no_rule() {
    let mut assessment = sample::assessment();
    let own = assessment
        .instances
        .iter_mut()
        .find(|own| own.id.as_str() == "hr")
        .unwrap();
    let reported = own.reported.as_mut().unwrap();
    reported.machine_name = Some(" ".to_owned());
    reported.physical_name = None;
    assert_eq!(
        nameless(&assessment)
            .iter()
            .map(|id| id.as_str())
            .collect::<Vec<_>>(),
        ["hr"]
    );
    assert!(nameless(&sample::assessment()).is_empty());
    let files = detections(&assessment, &Templates::default()).unwrap();
    let text = rule(&files, "process-under-the-engine");
    assert!(
        text.contains("For erp-prod. It cannot fire on hr: neither the name of the computer"),
        "{text}"
    );
}

fn page(assessment: &Assessment, id: &str) -> String {
    let instance = judged(assessment)
        .find(|own| own.id.as_str() == id)
        .unwrap();
    let view = PlaybookView::new(instance, assessment);
    Templates::default()
        .markdown("playbook.md.hbs", &view)
        .unwrap()
}

#[test]
fn what_audits_record_of_themselves_is_told_as_such() {
    use crate::rules::telemetry::Recorded;
    let mut assessment = sample::assessment();
    let telemetry = assessment.instances.iter_mut();
    let telemetry = telemetry.filter_map(|own| own.telemetry.as_mut());
    for event in telemetry.flat_map(|own| &mut own.events) {
        if event.event == "audit_change" {
            event.outcome = Recorded::InPart;
            event.by.clear();
            event.holds = None;
            event.because = vec!["audit Main records that it is switched".to_owned()];
        }
    }
    let text = page(&assessment, "erp-prod");
    let due =
        "| what audits record of themselves, in part | audit Main records that it is switched |";
    assert!(text.contains(due), "{text}");
    assert!(!text.contains("| audit , in part"), "{text}");
}

#[test]
fn a_name_stands_in_a_command_as_a_shell_takes_it_or_not_at_all() {
    for (id, due) in [
        ("erp-prod", Some("`mssql-posture collect --only erp-prod`")),
        (
            "SQL01\\ERP_1",
            Some("`mssql-posture collect --only \"SQL01\\ERP_1\"`"),
        ),
        ("x`; touch pwned #", None),
        ("$(touch pwned)", None),
    ] {
        let mut assessment = sample::assessment();
        let own = assessment
            .instances
            .iter_mut()
            .find(|own| own.telemetry.is_some());
        own.unwrap().id = crate::ids::InstanceId::new(id);
        let text = page(&assessment, id);
        if let Some(due) = due {
            assert!(text.contains(due), "{text}");
        } else {
            let pull = text.split_once("## What to pull first").unwrap().1;
            assert!(!pull.contains("touch"), "{text}");
            assert!(pull.contains("it holds what some shell obeys"), "{text}");
        }
    }
}
