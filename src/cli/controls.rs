//! From verdicts to controls: which rules bear on which, on the estate, on one instance, on one database.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::Inputs;
use crate::compliance::{self, Attested, Checklist, Framework, FrameworkStatus, Said};
use crate::ids::{DatabaseName, InstanceId};
use crate::report::{self, Assessment, VerdictEntry};
use crate::rules::{self, Rule};

/// Frameworks of which a checklist is handed in for each instance, or for each database. They name the release that they
/// are about: an instance of another release gets none.
const CHECKLISTS: &[&str] = &["stig-2022-instance", "stig-2022-database"];

impl Inputs {
    /// How far the estate meets each framework, shipped or of one's own.
    pub fn compliance(&self, assessment: &Assessment) -> Vec<FrameworkStatus> {
        let naming = controls_named(&self.made);
        let attested = self.attested();
        let of_estate = on_the_estate(assessment);
        let instances = judged(assessment).map(|instance| as_assessed(instance, &of_estate));
        let instances: Vec<compliance::Instance<'_>> = instances.collect();
        let frameworks = compliance::shipped().iter().chain(&self.frameworks);
        frameworks
            .map(|framework| compliance::assess(framework, &instances, &naming, &attested))
            .collect()
    }

    /// Every checklist, by instance in the order of the inventory, then of the databases given with it.
    pub fn checklists(
        &self,
        assessment: &Assessment,
        databases: &BTreeMap<InstanceId, BTreeSet<DatabaseName>>,
    ) -> Vec<Checklist> {
        let naming = controls_named(&self.made);
        let of_estate = on_the_estate(assessment);
        let mut all = Vec::new();
        for instance in judged(assessment) {
            let whole = as_assessed(instance, &of_estate);
            let said: Vec<Said<'_>> = instance.verdicts.iter().map(said).collect();
            let none = BTreeSet::new();
            let databases = databases.get(&instance.id).unwrap_or(&none);
            for framework in compliance::shipped() {
                if !CHECKLISTS.contains(&framework.id.as_str()) {
                    continue;
                }
                let wanted = Wanted {
                    framework,
                    naming: &naming,
                };
                if compliance::is_of_databases(framework) {
                    all.extend(wanted.of_databases(&whole, &said, databases));
                } else {
                    all.extend(wanted.of(&whole, None));
                }
            }
        }
        all
    }

    fn attested(&self) -> BTreeMap<String, Vec<Attested>> {
        let mut attested: BTreeMap<String, Vec<Attested>> = BTreeMap::new();
        for one in &self.inventory.attestations {
            attested
                .entry(one.control.clone())
                .or_default()
                .push(Attested {
                    targets: one.targets.clone(),
                    answer: one.answer.clone(),
                    by: one.by.clone(),
                    on: one.on.clone(),
                    expires: one.expires.clone(),
                    is_expired: one.expires < self.as_of,
                    evidence: one.evidence.clone(),
                    sha256: one.sha256.clone(),
                    comment: one.comment.clone(),
                });
        }
        attested
    }
}

/// A framework of which checklists are made.
struct Wanted<'a> {
    framework: &'a Framework,
    naming: &'a BTreeMap<String, BTreeSet<&'static str>>,
}

impl Wanted<'_> {
    fn of(
        &self,
        instance: &compliance::Instance<'_>,
        database: Option<&DatabaseName>,
    ) -> Option<Checklist> {
        let statuses = compliance::on_one(self.framework, instance, self.naming)?;
        Some(Checklist {
            framework: self.framework.id.clone(),
            instance: instance.id.clone(),
            database: database.cloned(),
            statuses,
        })
    }

    /// Rules that no control of the framework rests on are left aside: there may be many verdicts, and many databases.
    fn of_databases(
        &self,
        instance: &compliance::Instance<'_>,
        said: &[Said<'_>],
        databases: &BTreeSet<DatabaseName>,
    ) -> Vec<Checklist> {
        let own = format!("{}:", self.framework.id);
        let named = self.naming.iter().filter(|(key, _)| key.starts_with(&own));
        let mut bearing: BTreeSet<&str> =
            named.flat_map(|(_, rules)| rules.iter().copied()).collect();
        let controls = self.framework.controls.iter();
        bearing.extend(
            controls
                .flat_map(|control| &control.rules)
                .map(String::as_str),
        );
        let said = said.iter().filter(|said| bearing.contains(said.rule));
        let said: Vec<Said<'_>> = said.copied().collect();
        let lists = databases.iter().filter_map(|database| {
            let one = compliance::Instance {
                id: instance.id,
                release: instance.release,
                rules: compliance::in_database(&said, database),
            };
            self.of(&one, Some(database))
        });
        lists.collect()
    }
}

/// Instances that carry verdicts.
fn judged(assessment: &Assessment) -> impl Iterator<Item = &report::Instance> {
    assessment.instances.iter().filter(|i| i.same_as.is_none())
}

fn said(verdict: &VerdictEntry) -> Said<'_> {
    Said {
        rule: &verdict.rule,
        database: verdict.subject.database.as_ref(),
        judged: compliance::Judged::of(&verdict.outcome),
        severity: verdict.severity,
        population: verdict.population,
    }
}

/// Controls of the frameworks with the rules that name them. Controls are counted by instances, so a rule about the estate
/// as a whole decides none.
fn controls_named(own: &[&'static Rule]) -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut naming: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    let about_instances = rules::ALL.iter().chain(own);
    for rule in about_instances.filter(|rule| !rules::ON_THE_ESTATE.contains(&rule.id)) {
        for control in rule.named_controls() {
            naming.entry(control).or_default().insert(rule.id);
        }
    }
    naming
}

/// What rules about the estate concluded; it holds for each instance. Without waivers there is nothing to say of them.
fn on_the_estate(assessment: &Assessment) -> BTreeMap<&str, compliance::Conclusions> {
    let mut concluded: BTreeMap<&str, compliance::Conclusions> = BTreeMap::new();
    for rule in rules::ON_THE_ESTATE {
        let silent = concluded.entry(rule).or_default();
        silent.enter(compliance::Judged::NotApplicable, rules::Severity::Info);
    }
    for verdict in &assessment.estate {
        enter(&mut concluded, verdict);
    }
    concluded
}

fn enter<'a>(rules: &mut BTreeMap<&'a str, compliance::Conclusions>, verdict: &'a VerdictEntry) {
    let judged = compliance::Judged::of(&verdict.outcome);
    let conclusions = rules.entry(&verdict.rule).or_default();
    conclusions.enter(judged, verdict.severity);
}

/// An instance as controls are assessed on it.
fn as_assessed<'a>(
    instance: &'a report::Instance,
    of_estate: &BTreeMap<&'a str, compliance::Conclusions>,
) -> compliance::Instance<'a> {
    let mut rules = of_estate.clone();
    for verdict in &instance.verdicts {
        enter(&mut rules, verdict);
    }
    compliance::Instance {
        id: &instance.id,
        release: instance.release(),
        rules,
    }
}
