//! The completeness statement: what was in scope, what of it was reached and read, and what was not seen.

use std::collections::BTreeMap;

use super::instance::InstanceView;
use super::wording::{counted, first_of};
use crate::report::assessment::{Assessment, Instance};

/// So many instances are named.
const MOST_NAMED: usize = 10;

/// The statement, a sentence each.
pub fn completeness(assessment: &Assessment, instances: &[InstanceView]) -> Vec<String> {
    let fleet = &assessment.fleet;
    let judged = || assessment.instances.iter().filter(|i| i.same_as.is_none());
    let in_state = |words: &[&str]| {
        let found = instances.iter().filter(|i| words.contains(&i.state.word));
        found.map(|i| i.id.clone()).collect::<Vec<_>>()
    };
    let mut said = vec![format!(
        "In scope: {}, which are {}.",
        counted(fleet.targets as usize, "target", "targets"),
        counted(fleet.instances as usize, "instance", "instances")
    )];
    let left = assessment.not_selected.len();
    if left > 0 {
        said.push(format!("Not selected from the inventory: {left}."));
    }
    let unreached = in_state(&["not reached"]);
    let reached = judged().count().saturating_sub(unreached.len());
    said.push(match unreached.len() {
        0 => format!("Reached: all {reached}."),
        n => format!(
            "Reached: {reached}. Not reached: {n} ({}).",
            first_of(&unreached, MOST_NAMED)
        ),
    });
    let partly = in_state(&["partly read", "not read"]);
    let excluded: usize = judged().map(|i| i.coverage.databases_excluded.len()).sum();
    let but = match excluded {
        0 => "",
        _ => {
            ", but for the databases that the inventory excludes: what stands in them was not asked for"
        }
    };
    said.push(match partly.len() {
        0 => format!(
            "Every fact that a rule needs was seen on all {reached} that were reached{but}."
        ),
        n => format!("Not seen whole: {n} ({}).", first_of(&partly, MOST_NAMED)),
    });
    said.push(databases(judged(), excluded));
    said.extend(missing(judged()));
    said
}

fn databases<'a>(judged: impl Iterator<Item = &'a Instance> + Clone, excluded: usize) -> String {
    let listed: u32 = judged.clone().map(|i| i.coverage.databases).sum();
    let read: u32 = judged.map(|i| i.coverage.databases_read).sum();
    format!(
        "Databases listed: {listed}; read whole: {read}; excluded by the inventory: {excluded}."
    )
}

/// Facts by state, in the order of the states' names.
fn missing<'a>(judged: impl Iterator<Item = &'a Instance>) -> Option<String> {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for missing in judged.flat_map(|i| &i.coverage.missing) {
        *states.entry(&missing.state).or_default() += 1;
    }
    if states.is_empty() {
        return None;
    }
    let states = states.into_iter();
    let states: Vec<String> = states
        .map(|(state, count)| format!("{count} {}", super::wording::spaced(state)))
        .collect();
    Some(format!(
        "Facts that a rule needs and that were not seen, each counted per database: {}.",
        states.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use crate::ids::DatabaseName;
    use crate::report::{Assessment, sample, view::View};

    #[test]
    fn a_database_that_is_left_out_is_not_counted_as_seen() {
        let mut assessment = sample::assessment();
        assessment.instances.retain(|i| i.id.as_str() == "web-edge");
        let said = |assessment: &Assessment| View::new(assessment).completeness.join("\n");
        let whole = said(&assessment);
        assert!(
            whole.contains("was seen on all 1 that were reached.\n"),
            "{whole}"
        );
        let coverage = &mut assessment.instances[0].coverage;
        coverage.databases_excluded = vec![DatabaseName::new("tempo")];
        let less = said(&assessment);
        assert!(
            less.contains("reached, but for the databases that the inventory excludes"),
            "{less}"
        );
        assert!(less.contains("excluded by the inventory: 1."), "{less}");
    }
}
