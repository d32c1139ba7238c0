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
    let page = |assessment: &Assessment| {
        let instance = judged(assessment).next().unwrap();
        let view = PlaybookView::new(instance, assessment);
        Templates::default()
            .markdown("playbook.md.hbs", &view)
            .unwrap()
    };
    for instance in &mut assessment.instances {
        instance.routes.clear();
    }
    let said = page(&assessment);
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

#[test]
fn what_is_recorded_whole_needs_no_rule_on_hosts() {
    use crate::rules::telemetry::Recorded;
    let mut assessment = sample::assessment();
    for instance in &mut assessment.instances {
        for event in instance
            .telemetry
            .iter_mut()
            .flat_map(|own| &mut own.events)
        {
            event.outcome = Recorded::Recorded;
        }
    }
    let names = |assessment| -> Vec<String> {
        let files = detections(assessment, &Templates::default()).unwrap();
        files.into_iter().map(|own| own.path).collect()
    };
    let all = names(&assessment);
    assert!(
        !all.contains(&"sigma/process-under-the-engine.yml".to_owned()),
        "{all:?}"
    );
    assert!(
        all.contains(&"sigma/assembly-changed.yml".to_owned()),
        "{all:?}"
    );
    let before = names(&sample::assessment());
    assert!(
        before.contains(&"sigma/process-under-the-engine.yml".to_owned()),
        "{before:?}"
    );
}
