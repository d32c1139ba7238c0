//! The assessment: every verdict on every instance, in its own versioned form. It is written as
//! `assessment.json`, and all other reports are rendered from it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fleet::Fleet;
use super::missing;
use super::provenance::{self, Cited, Reported};
use crate::compliance::FrameworkStatus;
use crate::graph::Route;
use crate::ids::{Criticality, DatabaseName, InstanceId, release};
use crate::rules::telemetry::Telemetry;
use crate::rules::{
    Evidence, Missing, Outcome, Population, Severity, Subject, Verdict, WaiverEntry,
};
use crate::score::{Answer, Asked, Concluded, Exposure, Fix};
use crate::snapshot::{self, Connection, Fact, FactState, QueryRecord, Snapshot, Stage, Trouble};

/// The first field of every assessment of this version.
pub const SCHEMA: &str = "mssql-posture/assessment/v1";

/// What was concluded about an estate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assessment {
    /// `mssql-posture/assessment/v1`.
    pub schema: String,
    /// The day as of which time-dependent judgements hold, YYYY-MM-DD.
    pub as_of: String,
    /// Program and version that judged.
    pub judged_by: String,
    /// Whether principals and hosts stand under pseudonyms (`--redact`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    /// Targets of the inventory that were left out by `--only` or `--exclude`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_selected: Vec<InstanceId>,
    /// One entry per target, in the order of the inventory.
    pub instances: Vec<Instance>,
    /// The estate in numbers.
    pub fleet: Fleet,
    /// Verdicts about the estate as a whole, by rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub estate: Vec<VerdictEntry>,
    /// The inventory's waivers and what became of them, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<WaiverEntry>,
    /// Compliance frameworks, each with its controls.
    pub frameworks: Vec<FrameworkStatus>,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// The target's name.
    pub id: InstanceId,
    /// `host,port` or `host\instance` as asked for.
    pub target: String,
    /// Another target that is the same instance and carries its verdicts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<InstanceId>,
    /// Set for recordings that no real server made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<String>,
    /// `major.minor.build.revision`.
    pub product_version: Option<String>,
    /// Edition text.
    pub edition: Option<String>,
    /// Windows or Linux.
    pub platform: Option<String>,
    /// The server and the auditing session as the server reports them; absent if it was not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<Reported>,
    /// Start and end of the collection, UTC.
    pub collected: [String; 2],
    /// How much depends on it, as the inventory says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criticality: Option<Criticality>,
    /// 0 (closed) to 100.
    pub exposure: Exposure,
    /// Whether running operating-system commands from SQL is disabled, tightly governed, monitored or none of these.
    pub command_execution: Answer,
    /// What was seen.
    pub coverage: Coverage,
    /// Ways to run an operating-system command: every channel, in order.
    pub routes: Vec<Route>,
    /// Changes that close most, one after the other.
    pub fix_first: Vec<Fix>,
    /// Which of the events that AN0511 needs would be recorded here; absent where nothing was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<Telemetry>,
    /// Verdicts, by rule.
    pub verdicts: Vec<VerdictEntry>,
    /// The queries whose rows are evidence of these verdicts and routes, or of chains of the estate: each as it was
    /// sent, by query and database. `server_tls` has none: it was seen on a connection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<QueryRecord>,
}

/// What was seen of an instance, and what was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Whether everything that was to be asked was asked.
    pub finished: bool,
    /// What ended the collection early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// Login that looked.
    pub login: Option<String>,
    /// How the server was reached.
    pub connection: Connection,
    /// Databases in `sys.databases`, as far as visible.
    pub databases: u32,
    /// Of them read whole.
    pub databases_read: u32,
    /// Left out by the inventory.
    pub databases_excluded: Vec<DatabaseName>,
    /// Facts that a rule needs and that are not settled.
    pub missing: Vec<MissingFact>,
    /// Modules whose code executes text that could not be read.
    pub modules_with_unread_dynamic_sql: u32,
}

/// A fact that is not settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissingFact {
    /// The query's name.
    pub fact: String,
    /// Database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// `partial`, `denied`, `failed` or `not_collected`.
    pub state: String,
    /// What would settle it.
    pub needs: Vec<String>,
}

/// One verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictEntry {
    /// The rule's id.
    pub rule: String,
    /// The rule's slug.
    pub rule_slug: String,
    /// The rule's title.
    pub title: String,
    /// What it is about.
    pub subject: Subject,
    /// `pass`, `fail`, `not_applicable`, `unknown` or `accepted`.
    pub outcome: String,
    /// Of the finding; the rule's own where there is none.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// What is missing, for `unknown`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// How many subjects a folded verdict speaks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<Population>,
    /// Controls, `framework:control`.
    pub controls: Vec<String>,
    /// The waiver that accepts it, the ticket of the expectation that does, or name and version of the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<String>,
}

/// One instance's verdicts, ready to be entered.
pub struct Judged<'a> {
    /// The facts.
    pub snapshot: &'a Snapshot,
    /// How much depends on it, as the inventory says.
    pub criticality: Option<Criticality>,
    /// All rules' verdicts.
    pub verdicts: Vec<Verdict>,
    /// The exposure that follows.
    pub exposure: Exposure,
    /// The routes that it is made of.
    pub routes: Vec<Route>,
    /// The changes that close most of them.
    pub fix_first: Vec<Fix>,
    /// Which events would be recorded; `None` where nothing was read.
    pub telemetry: Option<Telemetry>,
    /// Facts that a rule needs and that are not settled.
    pub missing: BTreeSet<FactState>,
    /// Modules whose code executes text that could not be read.
    pub modules_with_unread_dynamic_sql: u32,
}

impl Assessment {
    /// An assessment without instances.
    pub fn new(as_of: String) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            as_of,
            judged_by: concat!("mssql-posture ", env!("CARGO_PKG_VERSION")).to_owned(),
            redacted: false,
            not_selected: Vec::new(),
            instances: Vec::new(),
            fleet: Fleet::default(),
            estate: Vec::new(),
            waivers: Vec::new(),
            frameworks: Vec::new(),
        }
    }

    /// Enters one instance.
    pub fn enter(&mut self, judged: Judged<'_>) {
        self.instances.push(Instance::new(judged));
    }

    /// Adds verdicts that took all instances, where their rule stands among an instance's own. Of the snapshot only its
    /// name and the records of their queries are read.
    pub fn add(&mut self, of: &Snapshot, verdicts: Vec<Verdict>) {
        let mut instances = self.instances.iter_mut();
        let Some(instance) = instances.find(|own| own.id == of.target) else {
            return;
        };
        let entries: Vec<_> = verdicts.into_iter().map(VerdictEntry::new).collect();
        instance.cite(&of.queries, &provenance::cited(&entries, &[]));
        for entry in entries {
            let mut own = instance.verdicts.iter();
            let after = own.position(|v| v.rule > entry.rule);
            let place = after.unwrap_or(instance.verdicts.len());
            instance.verdicts.insert(place, entry);
        }
    }

    /// Instances that chains of the estate cite by queries of which nothing is told yet.
    pub fn uncited(&self) -> BTreeMap<InstanceId, Cited> {
        let mut cited = provenance::cited_by_chains(&self.fleet.paths);
        for instance in &self.instances {
            if let Some(of_instance) = cited.get_mut(&instance.id) {
                of_instance.retain(|query| !instance.tells(query));
            }
        }
        cited.retain(|_, queries| !queries.is_empty());
        cited
    }

    /// Tells of these queries of an instance.
    pub fn cite(&mut self, snapshot: &Snapshot, cited: &Cited) {
        let mut instances = self.instances.iter_mut();
        if let Some(instance) = instances.find(|own| own.id == snapshot.target) {
            instance.cite(&snapshot.queries, cited);
        }
    }

    /// Counts everything that was entered. An instance that is said to be judged under another name, and
    /// is not, was not judged at all.
    #[must_use]
    pub fn close(mut self) -> Self {
        let judged: BTreeSet<InstanceId> = self
            .instances
            .iter()
            .filter(|i| i.same_as.is_none())
            .map(|i| i.id.clone())
            .collect();
        self.fleet = Fleet {
            paths: std::mem::take(&mut self.fleet.paths),
            ..Fleet::default()
        };
        for instance in &mut self.instances {
            match &instance.same_as {
                Some(other) if judged.contains(other) => {
                    instance.verdicts.clear();
                    instance.queries.clear();
                    instance.coverage.missing.clear();
                }
                Some(other) => {
                    instance.coverage.trouble = Some(same_as_nobody(other));
                    instance.same_as = None;
                }
                None => {}
            }
            instance.command_execution = answer(
                &instance.routes,
                &instance.exposure,
                &instance.verdicts,
                instance.coverage.databases_excluded.len(),
            );
            self.fleet.count(instance);
        }
        for verdict in &self.estate {
            self.fleet.count_verdict(verdict);
        }
        let ranking = &mut self.fleet.ranking;
        ranking.sort_by_key(|ranked| std::cmp::Reverse(ranked.rank));
        self
    }

    /// Whether anything in scope was not seen.
    pub fn is_incomplete(&self) -> bool {
        let unknown = |i: &Instance| i.verdicts.iter().any(|v| v.outcome == "unknown");
        self.instances
            .iter()
            .any(|i| i.same_as.is_none() && (!i.coverage.is_complete() || unknown(i)))
    }

    /// Whether there is a finding at or over a severity.
    pub fn has_findings(&self, at_or_over: Severity) -> bool {
        let failed = |v: &VerdictEntry| v.outcome == "fail" && v.severity >= at_or_over;
        let on_instances = self.instances.iter().flat_map(|i| &i.verdicts);
        on_instances.chain(&self.estate).any(failed)
    }
}

fn same_as_nobody(other: &InstanceId) -> Trouble {
    Trouble {
        stage: Stage::Recording,
        why: format!("recorded as the same instance as {other}, which is not among those judged"),
        remedy: "judge the two together".to_owned(),
    }
}

impl Coverage {
    /// Whether nothing that a rule needs is missing.
    pub fn is_complete(&self) -> bool {
        self.finished && self.missing.is_empty()
    }
}

impl Instance {
    /// Its release as frameworks name it; `None` where its version was not seen. What is no box product is in scope of no
    /// release's benchmark.
    pub fn release(&self) -> Option<&'static str> {
        if self.edition.as_deref() == Some("SQL Azure") {
            return Some("managed");
        }
        self.product_version.as_deref().and_then(release)
    }

    fn new(judged: Judged<'_>) -> Self {
        let coverage = coverage(&judged);
        let Judged {
            snapshot,
            criticality,
            verdicts,
            exposure,
            routes,
            fix_first,
            telemetry,
            ..
        } = judged;
        let identity = snapshot.server.server_identity.known();
        let verdicts: Vec<_> = verdicts.into_iter().map(VerdictEntry::new).collect();
        let cited = provenance::cited(&verdicts, &routes);
        Self {
            id: snapshot.target.clone(),
            target: snapshot.connection.endpoint.clone(),
            same_as: match &snapshot.outcome {
                snapshot::Outcome::SameAs { target } => Some(target.clone()),
                _ => None,
            },
            synthetic: snapshot.synthetic.clone(),
            product_version: identity.map(|i| i.product_version.clone()),
            edition: identity.and_then(|i| i.edition.clone()),
            platform: platform(snapshot),
            reported: Reported::of(snapshot),
            collected: [snapshot.started.clone(), snapshot.ended.clone()],
            criticality,
            command_execution: answer(&routes, &exposure, &[], 0),
            exposure,
            coverage,
            routes,
            fix_first,
            telemetry,
            verdicts,
            queries: provenance::records(&snapshot.queries, &cited),
        }
    }

    fn tells(&self, query: &(String, Option<DatabaseName>)) -> bool {
        let mut told = self.queries.iter();
        told.any(|record| record.query == query.0 && record.database == query.1)
    }

    fn cite(&mut self, records: &[QueryRecord], cited: &Cited) {
        for record in provenance::records(records, cited) {
            let key = (&record.query, &record.database);
            let place = self
                .queries
                .binary_search_by_key(&key, |own| (&own.query, &own.database));
            if let Err(place) = place {
                self.queries.insert(place, record);
            }
        }
    }
}

pub(super) fn answer(
    routes: &[Route],
    exposure: &Exposure,
    verdicts: &[VerdictEntry],
    excluded: usize,
) -> Answer {
    let mut concluded: BTreeMap<&str, BTreeSet<Concluded>> = BTreeMap::new();
    for verdict in verdicts {
        let is_slight = verdict.severity <= Severity::Low;
        let one = match (verdict.outcome.as_str(), is_slight) {
            ("pass", _) => Concluded::Passed,
            ("not_applicable", _) => Concluded::NotApplicable,
            ("accepted", true) => Concluded::SlightAccepted,
            ("accepted", false) => Concluded::Accepted,
            ("fail", true) => Concluded::Slight,
            ("fail", false) => Concluded::Failed,
            _ => Concluded::Unknown,
        };
        concluded.entry(&verdict.rule).or_default().insert(one);
    }
    Answer::of(&Asked {
        routes,
        exposure,
        concluded,
        excluded,
    })
}

/// Before 2017 there is no view that says so, and no other platform than Windows.
fn platform(snapshot: &Snapshot) -> Option<String> {
    match &snapshot.server.host {
        snapshot::Observed::Unsupported { .. } => Some("Windows".to_owned()),
        host => host.known().map(|host| host.platform.clone()),
    }
}

fn coverage(judged: &Judged<'_>) -> Coverage {
    let snapshot = judged.snapshot;
    let trouble = match &snapshot.outcome {
        snapshot::Outcome::Interrupted(trouble) | snapshot::Outcome::Unreached(trouble) => {
            Some(trouble.clone())
        }
        _ => None,
    };
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (excluded, in_scope): (Vec<_>, Vec<_>) =
        snapshot.databases.iter().partition(|d| d.excluded);
    let listed = snapshot.server.databases.seen().len();
    Coverage {
        finished: matches!(snapshot.outcome, snapshot::Outcome::Finished),
        trouble,
        login: snapshot
            .server
            .session
            .known()
            .and_then(|s| s.login.clone()),
        connection: snapshot.connection.clone(),
        databases: count(listed.max(snapshot.databases.len())),
        databases_read: count(in_scope.iter().filter(|d| is_read_whole(d)).count()),
        databases_excluded: excluded.iter().map(|d| d.name.clone()).collect(),
        missing: judged
            .missing
            .iter()
            .map(|state| MissingFact {
                fact: state.fact.to_owned(),
                database: state.database.clone(),
                state: state.state.to_owned(),
                needs: state.needs.clone(),
            })
            .collect(),
        modules_with_unread_dynamic_sql: judged.modules_with_unread_dynamic_sql,
    }
}

/// Whether everything of a database was seen that the least-privileged login can see.
pub(super) fn is_read_whole(facts: &snapshot::DatabaseFacts) -> bool {
    let hidden = |m: &snapshot::Module| matches!(m.definition, snapshot::Observed::Denied { .. });
    let mut asked = Fact::ALL
        .iter()
        .filter(|fact| !Fact::BEYOND_LEAST.contains(fact));
    !asked.any(|fact| fact.unsettled_in(facts).is_some())
        && !facts.modules.seen().iter().any(hidden)
}

impl VerdictEntry {
    /// A verdict as it is written.
    pub fn new(verdict: Verdict) -> Self {
        let rule = verdict.rule;
        let mut waiver = None;
        let outcome = verdict.outcome.as_str().to_owned();
        let (severity, message, evidence, missing) = match verdict.outcome {
            Outcome::Fail(finding) => (
                finding.severity,
                finding.message,
                finding.evidence,
                Vec::new(),
            ),
            Outcome::Accepted(finding, acceptance) => {
                waiver = Some(acceptance.reference);
                (
                    finding.severity,
                    finding.message,
                    finding.evidence,
                    Vec::new(),
                )
            }
            Outcome::Unknown(missing) => (
                rule.severity,
                missing::sentence(&missing),
                Vec::new(),
                missing,
            ),
            Outcome::NotApplicable(reason) => (rule.severity, reason, Vec::new(), Vec::new()),
            Outcome::Pass => {
                let of = verdict.population.unwrap_or_default();
                let message = format!("{} passed, {} not applicable", of.passed, of.not_applicable);
                (rule.severity, message, verdict.evidence, Vec::new())
            }
        };
        Self {
            rule: rule.id.to_owned(),
            rule_slug: rule.slug.to_owned(),
            title: rule.title.to_owned(),
            subject: verdict.subject,
            outcome,
            severity,
            message,
            evidence,
            missing,
            population: verdict.population,
            controls: rule.controls.iter().map(|&c| c.to_owned()).collect(),
            waiver,
        }
    }
}
