//! Every rule alone, on recordings made for it: what it finds, what it leaves alone and why, what it
//! cannot know, and where its question does not arise. Then laws that hold for all of them.

mod acting_as_dbo;
mod agent;
mod assemblies;
mod audits;
mod changes;
mod code;
mod code_effects;
mod code_traits;
mod databases;
mod evidence;
mod grants;
mod jobs;
mod laws;
mod links;
mod loading;
mod logins;
mod mutations;
mod names;
mod options;
mod owners;
mod passwords;
mod power;
mod principals;
mod queues;
mod rights;
mod server;
mod services;
mod sight;
mod switches;
mod telemetry;
mod triggers;
mod trust;

use std::collections::{BTreeMap, BTreeSet};

use mssql_posture::graph::{Code, CodeCall, CodeSink};
use mssql_posture::inventory::AuditNeeds;
use mssql_posture::rules::{
    self, Case, Observations, ObservedCall, ObservedJobStep, ObservedModule, ObservedSink, Rule,
    Severity, Subject, Verdict,
};
use mssql_posture::snapshot::{Fact, ModuleTexts, Observed, Snapshot};

use mssql_posture::tsql::How;

use crate::support::privileges;
use crate::support::recording::{Base, Hidden, Recording, hide};

/// One recording and what one rule must say of it, in full.
struct Fixture {
    /// The rule's slug.
    rule: &'static str,
    /// What is special about this recording, and why that decides.
    about: &'static str,
    base: Base,
    change: fn(&mut Recording),
    /// The instance in the language of [`privileges`], instead of a recording.
    lines: Option<&'static str>,
    expected_sysadmins: Option<&'static [&'static str]>,
    /// All verdicts: outcome, severity of a finding, subject.
    verdicts: &'static [&'static str],
    /// Part of a message.
    says: Option<&'static str>,
    excludes_most: bool,
    /// A fact that was not seen, of a database where one is named.
    hidden: Option<(Fact, Option<&'static str>)>,
    /// The day as of which is judged.
    as_of: &'static str,
    /// What the inventory wants of audits.
    audit_needs: AuditNeeds,
}

impl Fixture {
    const fn new(
        rule: &'static str,
        about: &'static str,
        base: Base,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Self {
        Self {
            rule,
            about,
            base,
            change,
            lines: None,
            expected_sysadmins: None,
            verdicts,
            says: None,
            excludes_most: false,
            hidden: None,
            as_of: "2026-11-16",
            audit_needs: AuditNeeds {
                retention_days: None,
                mb_per_day: None,
            },
        }
    }

    /// An instance that is described in lines: see `support/privileges`.
    const fn of_lines(
        rule: &'static str,
        about: &'static str,
        lines: &'static str,
        verdicts: &'static [&'static str],
    ) -> Self {
        let mut fixture = Self::new(rule, about, windows(16), |_| {}, verdicts);
        fixture.lines = Some(lines);
        fixture
    }

    /// Every database but msdb is excluded by the inventory.
    const fn excluding_most(mut self) -> Self {
        self.excludes_most = true;
        self
    }

    const fn without(mut self, fact: Fact, database: Option<&'static str>) -> Self {
        self.hidden = Some((fact, database));
        self
    }

    /// The inventory wants records kept for so many days, and says how many MB a day there are.
    const fn keeping(mut self, days: u32, mb_per_day: u32) -> Self {
        self.audit_needs = AuditNeeds {
            retention_days: Some(days),
            mb_per_day: Some(mb_per_day),
        };
        self
    }

    const fn expecting(mut self, sysadmins: &'static [&'static str]) -> Self {
        self.expected_sysadmins = Some(sysadmins);
        self
    }

    const fn saying(mut self, part: &'static str) -> Self {
        self.says = Some(part);
        self
    }

    const fn judged_on(mut self, day: &'static str) -> Self {
        self.as_of = day;
        self
    }

    fn rule(&self) -> &'static Rule {
        Rule::find(self.rule).unwrap_or_else(|| panic!("no rule {}", self.rule))
    }

    fn world(&self) -> World {
        let mut world = self.whole_world();
        world.as_of = self.as_of;
        world.audit_needs = self.audit_needs;
        for facts in &mut world.snapshot.databases {
            facts.excluded |= self.excludes_most && facts.name.as_str() != "msdb";
        }
        if let Some((fact, database)) = self.hidden {
            let needs = vec!["a right".to_owned()];
            hide(&mut world.snapshot, fact, database, &Hidden::Denied(needs));
        }
        world
    }

    fn whole_world(&self) -> World {
        if let Some(lines) = self.lines {
            return World::of_lines(lines);
        }
        let mut recording = Recording::new(self.base.clone());
        (self.change)(&mut recording);
        let recorded = recording.finish();
        World {
            texts: recorded.texts(),
            observations: None,
            snapshot: recorded.snapshot,
            expected_sysadmins: self
                .expected_sysadmins
                .map(|names| names.iter().map(|&name| name.to_owned()).collect()),
            as_of: self.as_of,
            audit_needs: self.audit_needs,
        }
    }
}

/// What there is to judge.
struct World {
    snapshot: Snapshot,
    texts: ModuleTexts,
    observations: Option<Observations>,
    expected_sysadmins: Option<Vec<String>>,
    as_of: &'static str,
    audit_needs: AuditNeeds,
}

impl World {
    fn of_lines(lines: &str) -> Self {
        let built = privileges::estate(lines);
        Self {
            observations: Some(observed(&built.code, &built.snapshot)),
            snapshot: built.snapshot,
            texts: ModuleTexts::default(),
            expected_sysadmins: None,
            as_of: "",
            audit_needs: AuditNeeds::default(),
        }
    }

    fn judge(&self, rule: &'static Rule) -> Vec<Verdict> {
        rule.judge(&self.case(&self.snapshot))
    }

    fn case<'a>(&'a self, snapshot: &'a Snapshot) -> Case<'a> {
        let expected = self.expected_sysadmins.as_deref();
        let observations = self.observations.as_ref();
        let case = Case::new(snapshot, &self.texts, expected).as_of(self.as_of);
        let case = case.with_audit_needs(self.audit_needs);
        case.with_observations(observations)
    }
}

/// What the analyser would have seen in described code: every module and job step was read.
fn observed(code: &Code, snapshot: &Snapshot) -> Observations {
    let own = |database: &mssql_posture::ids::DatabaseName, id: i32| {
        let mut modules = code.modules.iter();
        modules.find(|m| m.database.as_ref() == Some(database) && m.object_id == id)
    };
    let mut modules: Vec<ObservedModule> = Vec::new();
    for facts in &snapshot.databases {
        for row in facts.modules.seen() {
            let Some(hash) = row.definition.known() else {
                continue;
            };
            let code = own(&facts.name, row.object_id);
            modules.push(ObservedModule {
                database: Some(facts.name.clone()),
                object_id: row.object_id,
                number: None,
                sha256: hash.sha256.clone(),
                normal_sha256: None,
                sinks: code.map_or_else(Vec::new, |m| m.sinks.iter().copied().map(sink).collect()),
                calls: code.map_or_else(Vec::new, |m| m.calls.iter().map(call).collect()),
                notes: Vec::new(),
            });
        }
    }
    for row in snapshot.server.server_modules.seen() {
        let mut all = code.modules.iter();
        let code = all.find(|m| m.database.is_none() && m.object_id == row.object_id);
        let calls = code.map_or_else(Vec::new, |m| m.calls.iter().map(call).collect());
        let hash = row.definition.known().map(|hash| hash.sha256.clone());
        modules.push(ObservedModule {
            database: None,
            object_id: row.object_id,
            number: None,
            sha256: hash.unwrap_or_default(),
            normal_sha256: None,
            sinks: Vec::new(),
            calls,
            notes: Vec::new(),
        });
    }
    let steps = code.steps.iter().map(|step| {
        let mut rows = snapshot.server.job_steps.seen().iter();
        let row = rows.find(|r| r.job_id == step.job_id && r.step_id == step.step_id);
        let hash = row.and_then(|row| row.command.as_ref());
        ObservedJobStep {
            job_id: step.job_id.clone(),
            step_id: step.step_id,
            sha256: hash.map(|hash| hash.sha256.clone()).unwrap_or_default(),
            normal_sha256: None,
            sinks: Vec::new(),
            calls: step.calls.iter().map(call).collect(),
            notes: Vec::new(),
        }
    });
    Observations {
        schema: String::new(),
        analyser: String::new(),
        modules,
        job_steps: steps.collect(),
    }
}

fn sink(sink: CodeSink) -> ObservedSink {
    ObservedSink {
        name: sink.sink,
        how: How::Direct,
        dynamic: sink.is_dynamic,
        line: 1,
        column: 1,
        option: None,
        command: None,
        command_tainted: sink.is_tainted,
        via: Vec::new(),
        reason: None,
        excerpt: None,
    }
}

fn call(call: &CodeCall) -> ObservedCall {
    ObservedCall {
        database: call.database.clone(),
        object_id: call.object_id,
        dynamic: call.is_dynamic,
        line: 1,
    }
}

/// What every fixture is built on: between them they have rows of nearly every fact.
pub fn fixture_snapshots() -> Vec<Snapshot> {
    let fixtures = fixtures().into_iter();
    fixtures.map(|fixture| fixture.world().snapshot).collect()
}

fn fixtures() -> Vec<&'static Fixture> {
    let mut all = audits::fixtures();
    all.extend(telemetry::fixtures());
    all.extend(changes::fixtures());
    all.extend(options::fixtures());
    all.extend(code::fixtures());
    all.extend(assemblies::fixtures());
    all.extend(databases::fixtures());
    all.extend(sight::fixtures());
    all.extend(principals::fixtures());
    all.extend(grants::fixtures());
    all.extend(acting_as_dbo::fixtures());
    all.extend(rights::fixtures());
    all.extend(services::fixtures());
    all.extend(switches::fixtures());
    all.extend(power::fixtures());
    all.extend(trust::fixtures());
    all.extend(links::fixtures());
    all.extend(jobs::fixtures());
    all.extend(loading::fixtures());
    all.extend(triggers::fixtures());
    all.extend(logins::fixtures());
    all.extend(owners::fixtures());
    all.extend(passwords::fixtures());
    all.extend(server::fixtures());
    all.extend(agent::fixtures());
    all.extend(code_traits::fixtures());
    all.extend(code_effects::fixtures());
    all.extend(queues::fixtures());
    all
}

/// The function `one` for a table of cases of one rule, on an instance of 2022.
macro_rules! of {
    ($rule:literal) => {
        const fn one(
            about: &'static str,
            change: fn(&mut Recording),
            verdicts: &'static [&'static str],
        ) -> Fixture {
            Fixture::new($rule, about, windows(16), change, verdicts)
        }
    };
}
use of;

const fn windows(version: u16) -> Base {
    Base::windows("fixture", version)
}

const fn linux(version: u16) -> Base {
    Base::linux("fixture", version)
}

const fn managed_instance() -> Base {
    Base {
        edition: "SQL Azure",
        engine_edition: 8,
        ..windows(12)
    }
}

/// Takes the claim back that a list is whole; what was seen stays.
fn partly<T>(fact: &mut Observed<T>) {
    fact.limit("a right");
}

fn denied<T>(fact: &mut Observed<T>) {
    let needs = vec!["a right".to_owned()];
    *fact = Observed::Denied { needs };
}

fn subject(subject: &Subject) -> String {
    let database = subject.database.as_ref().map(|d| format!(" {d}"));
    let name = subject.name.as_ref().map(|n| format!(" {n}"));
    let (database, name) = (database.unwrap_or_default(), name.unwrap_or_default());
    format!("{}{database}{name}", subject.kind)
}

fn line(verdict: &Verdict) -> String {
    let outcome = verdict.outcome.as_str();
    match &verdict.outcome {
        rules::Outcome::Fail(finding) => {
            let severity = finding.severity.as_str();
            format!("{outcome} {severity} {}", subject(&verdict.subject))
        }
        rules::Outcome::Unknown(_) => format!("{outcome} {}", subject(&verdict.subject)),
        rules::Outcome::NotApplicable(reason) => format!("{outcome}: {reason}"),
        rules::Outcome::Pass | rules::Outcome::Accepted(..) => outcome.to_owned(),
    }
}

fn messages(verdict: &Verdict) -> Vec<String> {
    match &verdict.outcome {
        rules::Outcome::Fail(finding) => vec![finding.message.clone()],
        rules::Outcome::Unknown(missing) => missing.iter().flat_map(|m| m.needs.clone()).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn each_rule_says_what_its_fixtures_expect() {
    let mut wrong = Vec::new();
    for fixture in fixtures() {
        let verdicts = fixture.world().judge(fixture.rule());
        let found: Vec<String> = verdicts.iter().map(line).collect();
        if found != fixture.verdicts {
            wrong.push(format!(
                "{}: {}\n  expected {:?}\n  found    {found:?}",
                fixture.rule, fixture.about, fixture.verdicts
            ));
        }
        let said: Vec<String> = verdicts.iter().flat_map(messages).collect();
        if let Some(part) = fixture.says
            && !said.iter().any(|message| message.contains(part))
        {
            wrong.push(format!(
                "{}: {}\n  expected a message with {part:?}\n  found    {said:?}",
                fixture.rule, fixture.about
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const EVERY_SERVER: &str = "every server has the right and the role";
const EVERY_SA: &str = "every server has the login with the id 1";
const ANY_AUDIT: &str = "every server can have an audit";
const EVERY_VERSION: &str = "every version has the option, on Windows and on Linux";

/// Outcomes that a rule can never have, and why.
const IMPOSSIBLE: &[(&str, &str, &str)] = &[
    (
        "clr-enabled-without-strict-security",
        "not_applicable",
        "every version has clr enabled, on Windows and on Linux",
    ),
    (
        "instance-not-seen-whole",
        "fail",
        "what was not seen is unknown, not wrong",
    ),
    (
        "instance-not-seen-whole",
        "not_applicable",
        "every server has some of the facts",
    ),
    (
        "ad-hoc-distributed-queries",
        "not_applicable",
        EVERY_VERSION,
    ),
    ("allow-updates", "not_applicable", EVERY_VERSION),
    ("audit-misses-changes", "not_applicable", ANY_AUDIT),
    ("audit-misses-logins", "not_applicable", ANY_AUDIT),
    ("clr-enabled", "not_applicable", EVERY_VERSION),
    ("contained-authentication", "not_applicable", EVERY_VERSION),
    ("cross-db-chaining-server", "not_applicable", EVERY_VERSION),
    ("database-mail-enabled", "not_applicable", EVERY_VERSION),
    ("default-trace-off", "not_applicable", EVERY_VERSION),
    ("filestream-access", "not_applicable", EVERY_VERSION),
    ("no-audit-running", "not_applicable", ANY_AUDIT),
    ("remote-access", "not_applicable", EVERY_VERSION),
    ("replication-xps-enabled", "not_applicable", EVERY_VERSION),
    ("risky-option-pending", "not_applicable", EVERY_VERSION),
    ("scan-for-startup-procs", "not_applicable", EVERY_VERSION),
    ("alter-settings-granted", "not_applicable", EVERY_SERVER),
    ("control-server-granted", "not_applicable", EVERY_SERVER),
    (
        "impersonate-privileged-login",
        "not_applicable",
        EVERY_SERVER,
    ),
    (
        "nested-role-reaches-sysadmin",
        "not_applicable",
        EVERY_SERVER,
    ),
    ("securityadmin-member", "not_applicable", EVERY_SERVER),
    ("sa-enabled", "not_applicable", EVERY_SA),
    ("sa-not-renamed", "not_applicable", EVERY_SA),
    (
        "mixed-mode",
        "not_applicable",
        "every server has a mode of authentication",
    ),
    (
        "auditor-is-sysadmin",
        "not_applicable",
        "every snapshot has a login that collected",
    ),
    (
        "signed-module-grants-privilege",
        "pass",
        "each such module is said, by whom it is run",
    ),
    (
        "unsafe-assembly",
        "pass",
        "no permission set is a boundary, so every assembly of a user is reported",
    ),
];

/// Rules that read options and nothing else, but for where the question does not arise.
fn only_compares_options(rule: &Rule) -> bool {
    let aside = [Fact::Configurations, Fact::Host, Fact::ServerIdentity];
    let own = [rule.facts, rule.master_facts, rule.msdb_facts].concat();
    own.contains(&Fact::Configurations) && own.iter().all(|fact| aside.contains(fact))
}

#[test]
fn each_family_has_rules_and_few_only_compare_an_option() {
    let mut families: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in rules::ALL {
        *families.entry(rule.family()).or_default() += 1;
    }
    assert_eq!(families.len(), 10, "{families:?}");
    assert!(families.values().all(|count| *count >= 5), "{families:?}");
    assert!(rules::ALL.len() >= 70);
    let options: Vec<_> = rules::ALL
        .iter()
        .filter(|r| only_compares_options(r))
        .collect();
    assert!(options.len() <= 25, "{}", options.len());
}

#[test]
fn each_rule_has_fixtures_for_all_four_outcomes() {
    let outcomes: BTreeSet<(String, String)> = fixtures()
        .iter()
        .flat_map(|fixture| {
            let words = fixture.verdicts.iter().map(|line| {
                let end = line.find([' ', ':']).unwrap_or(line.len());
                (fixture.rule.to_owned(), line[..end].to_owned())
            });
            words.collect::<Vec<_>>()
        })
        .collect();
    let mut wrong = Vec::new();
    // A rule about the estate has no verdict on one instance; its cases are inventories.
    let of_instances = rules::ALL
        .iter()
        .filter(|rule| !rules::ON_THE_ESTATE.contains(&rule.id));
    for rule in of_instances {
        for outcome in ["fail", "pass", "unknown", "not_applicable"] {
            let there = outcomes.contains(&(rule.slug.to_owned(), outcome.to_owned()));
            let impossible = IMPOSSIBLE
                .iter()
                .any(|(slug, word, _)| (*slug, *word) == (rule.slug, outcome));
            if there == impossible {
                let what = if there {
                    "a fixture and is said to be impossible"
                } else {
                    "no fixture"
                };
                wrong.push(format!("{}: {outcome} has {what}", rule.slug));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_finding_is_never_heavier_than_its_rule_and_never_without_evidence() {
    for fixture in fixtures() {
        let rule = fixture.rule();
        for verdict in fixture.world().judge(rule) {
            if let rules::Outcome::Fail(finding) = &verdict.outcome {
                assert!(
                    finding.severity <= rule.severity,
                    "{}: {}",
                    rule.slug,
                    fixture.about
                );
                // Circumstances make no finding a mere remark; a rule may be one.
                let least = rule.severity.min(Severity::Low);
                assert!(
                    finding.severity >= least,
                    "{}: {}",
                    rule.slug,
                    fixture.about
                );
                assert!(
                    !finding.evidence.is_empty(),
                    "{}: {}",
                    rule.slug,
                    fixture.about
                );
            }
        }
    }
}
