//! All findings of the estate, gathered under their rule: where to look for what.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Link;
use super::instance::InstanceView;
use crate::rules::Severity;

/// So many instances are named of each rule; the pages of the instances have all of them.
const MOST_PLACES: usize = 12;

/// A rule with findings of one severity.
#[derive(Serialize, JsonSchema)]
pub struct ListedRule {
    /// Of these findings.
    pub severity: &'static str,
    /// 0 for info to 4 for critical.
    pub rank: usize,
    /// The rule's id.
    pub rule: String,
    /// The rule's slug.
    pub slug: String,
    /// The rule's title.
    pub title: String,
    /// Findings on all instances.
    pub count: usize,
    /// Instances that have some.
    pub instance_count: usize,
    /// Where they stand.
    pub places: Vec<Link>,
    /// How many instances are not named.
    pub more: usize,
}

/// Gathers findings as instances are prepared.
#[derive(Default)]
pub struct Listing(BTreeMap<(Reverse<Severity>, String), ListedRule>);

impl Listing {
    /// Enters the findings of one instance.
    pub fn enter(&mut self, instance: &InstanceView) {
        for group in &instance.findings {
            let key = (Reverse(group.severity), group.rule.clone());
            let listed = self.0.entry(key).or_insert_with(|| ListedRule {
                severity: group.severity_word,
                rank: rank(group.severity),
                rule: group.rule.clone(),
                slug: group.slug.clone(),
                title: group.title.clone(),
                count: 0,
                instance_count: 0,
                places: Vec::new(),
                more: 0,
            });
            listed.count += group.count;
            listed.instance_count += 1;
            if listed.places.len() < MOST_PLACES {
                listed.places.push(Link {
                    id: instance.id.clone(),
                    href: instance.href_of(&group.anchor),
                });
            } else {
                listed.more += 1;
            }
        }
    }

    /// Worst first, then by rule.
    pub fn close(self) -> Vec<ListedRule> {
        self.0.into_values().collect()
    }
}

/// The place of a severity, for sorting.
fn rank(severity: Severity) -> usize {
    let mut worst_first = Severity::ALL.iter();
    let place = worst_first.position(|one| *one == severity);
    Severity::ALL.len() - 1 - place.unwrap_or_default()
}
