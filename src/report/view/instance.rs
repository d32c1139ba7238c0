//! One instance as the reports show it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::finding::{FindingGroup, Folded, folded, groups};
use super::gap::{Gap, gaps};
use super::way::{self, FixView, RouteView, WayView};
use super::wording;
use crate::graph::{self, Route};
use crate::ids::{Criticality, InstanceId};
use crate::report::assessment::{Coverage, Instance};
use crate::report::visible;
use crate::rules::Severity;
use crate::score::Exposure;
use crate::snapshot::{Connection, Encryption, OFFLINE, Stage, Trouble};

const NOT_SEEN: &str = "not seen";

/// One instance.
#[derive(Serialize)]
pub struct InstanceView {
    /// Unique in the report.
    pub anchor: String,
    pub id: String,
    pub target: String,
    pub state: State,
    pub same_as: Option<SameAs>,
    pub synthetic: Option<String>,
    /// Nothing was read, so that a count of 0 would say nothing.
    pub nothing_seen: bool,
    /// Product version in full, and its year; these five are `None` where they were not seen.
    pub version: Option<String>,
    pub version_name: Option<String>,
    pub edition: Option<String>,
    pub edition_name: Option<String>,
    pub platform: Option<String>,
    pub collected: String,
    pub exposure: ExposureView,
    /// How much depends on it, as the inventory says.
    pub criticality: Option<&'static str>,
    /// Findings by severity, worst first.
    pub counts: Vec<Count>,
    /// Findings of all severities.
    pub finding_count: u32,
    pub unknown: usize,
    pub coverage: CoverageView,
    pub trouble: Option<TroubleView>,
    pub connection: ConnectionView,
    /// The nearest and most open chains to a command.
    pub ways: Vec<WayView>,
    pub routes: Vec<RouteView>,
    /// How many channels are not closed, in words; `None` if nothing is known of them.
    pub routes_open: Option<String>,
    /// Changes that close most, one after the other.
    pub fix_first: Vec<FixView>,
    pub findings: Vec<FindingGroup>,
    pub accepted: Vec<FindingGroup>,
    pub gaps: Vec<Gap>,
    pub passed: Vec<Folded>,
    pub not_applicable: Vec<Folded>,
    /// How many passed and how many are not applicable, in words; `None` if there are neither.
    pub folded: Option<String>,
}

/// How much of an instance was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    /// For people.
    pub word: &'static str,
    /// For style.
    pub class: &'static str,
}

impl State {
    const READ: Self = Self {
        word: "read",
        class: "whole",
    };
    const PARTLY: Self = Self {
        word: "partly read",
        class: "partly",
    };
    const NOT_READ: Self = Self {
        word: "not read",
        class: "nothing",
    };
    const NOT_REACHED: Self = Self {
        word: "not reached",
        class: "nothing",
    };
    const SAME: Self = Self {
        word: "same as",
        class: "same",
    };

    fn of(instance: &Instance) -> Self {
        let coverage = &instance.coverage;
        let unknown = instance.verdicts.iter().any(|v| v.outcome == "unknown");
        match &coverage.trouble {
            _ if instance.same_as.is_some() => Self::SAME,
            Some(trouble)
                if instance.product_version.is_none() && trouble.stage <= Stage::Login =>
            {
                Self::NOT_REACHED
            }
            Some(_) if instance.product_version.is_none() => Self::NOT_READ,
            None if coverage.is_complete() && !unknown => Self::READ,
            _ => Self::PARTLY,
        }
    }
}

/// The target that carries the verdicts.
#[derive(Serialize)]
pub struct SameAs {
    pub id: String,
    /// Where it stands in the report, if it does.
    pub anchor: Option<String>,
}

/// An exposure, its bar and its sources.
#[derive(Serialize)]
pub struct ExposureView {
    pub low: u32,
    pub high: u32,
    /// `high` less `low`.
    pub open: u32,
    /// `25` or `25–65`.
    pub text: String,
    pub sources: Vec<Source>,
}

/// A line of an exposure.
#[derive(Serialize)]
pub struct Source {
    pub sentence: String,
    pub points: String,
}

/// How many findings of a severity.
#[derive(Serialize)]
pub struct Count {
    pub severity: &'static str,
    pub count: u32,
}

/// What was seen.
#[derive(Serialize)]
pub struct CoverageView {
    /// `12 of 14`.
    pub databases: String,
    pub excluded: Vec<String>,
    pub login: String,
    /// Modules that execute text that could not be read.
    pub unread_dynamic_sql: u32,
}

/// What ended a collection early.
#[derive(Serialize)]
pub struct TroubleView {
    pub stage: String,
    pub why: String,
    pub remedy: String,
}

/// How the server was reached.
#[derive(Serialize)]
pub struct ConnectionView {
    pub encryption: &'static str,
    pub readable: bool,
    pub trust_server_certificate: bool,
    pub certificate: &'static str,
    /// What is wrong with the connection, in a few words.
    pub flagged: Option<&'static str>,
    pub authentication: String,
    pub user: Option<String>,
}

impl InstanceView {
    /// An instance, where it stands in the report, and where the others do.
    pub fn new(
        instance: &Instance,
        anchor: String,
        anchors: &BTreeMap<&InstanceId, String>,
    ) -> Self {
        let (version, edition) = (&instance.product_version, &instance.edition);
        let counts = counts(instance);
        let state = State::of(instance);
        let passed = folded(&instance.verdicts, "pass");
        let not_applicable = folded(&instance.verdicts, "not_applicable");
        let outcome = |word| {
            instance
                .verdicts
                .iter()
                .filter(|v| v.outcome == word)
                .count()
        };
        Self {
            anchor,
            id: visible(instance.id.as_str()),
            target: visible(&instance.target),
            state,
            nothing_seen: state.class == "nothing",
            same_as: instance.same_as.as_ref().map(|other| SameAs {
                id: visible(other.as_str()),
                anchor: anchors.get(other).cloned(),
            }),
            synthetic: instance.synthetic.as_deref().map(visible),
            version: version.as_deref().map(visible),
            version_name: version.as_deref().map(wording::version_name),
            edition: edition.as_deref().map(visible),
            edition_name: edition.as_deref().map(wording::edition_name),
            platform: instance.platform.as_deref().map(visible),
            collected: span(&instance.collected[0], &instance.collected[1]),
            exposure: ExposureView::new(&instance.exposure),
            criticality: instance.criticality.map(Criticality::as_str),
            finding_count: counts.iter().map(|c| c.count).sum(),
            counts,
            unknown: outcome("unknown"),
            coverage: CoverageView::new(&instance.coverage),
            trouble: instance.coverage.trouble.as_ref().map(TroubleView::new),
            connection: ConnectionView::new(&instance.coverage.connection),
            ways: way::ways(instance),
            routes_open: open_routes(&instance.routes),
            routes: way::routes(instance),
            fix_first: way::fixes(instance),
            findings: groups(&instance.verdicts, "fail"),
            accepted: groups(&instance.verdicts, "accepted"),
            gaps: if instance.same_as.is_some() {
                Vec::new()
            } else {
                gaps(instance)
            },
            folded: folded_words(passed.len(), not_applicable.len()),
            passed,
            not_applicable,
        }
    }
}

fn open_routes(routes: &[Route]) -> Option<String> {
    let of = |state| routes.iter().filter(|r| r.state == state).count();
    let (open, armable) = (of(graph::State::Open), of(graph::State::Armable));
    (!routes.is_empty()).then(|| format!("{open} open, {armable} armable of {}", routes.len()))
}

fn folded_words(passed: usize, not_applicable: usize) -> Option<String> {
    let words = |count, word| (count > 0).then(|| format!("{count} {word}"));
    let parts = [
        words(passed, "passed"),
        words(not_applicable, "not applicable"),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `a to b`, or one of them where they are the same.
pub fn span(from: &str, to: &str) -> String {
    if from == to {
        visible(from)
    } else {
        format!("{} to {}", visible(from), visible(to))
    }
}

fn counts(instance: &Instance) -> Vec<Count> {
    let of = |severity: Severity| {
        let found = |v: &&_| is_finding(v, severity);
        instance.verdicts.iter().filter(found).count()
    };
    let counts = Severity::ALL.iter().map(|&severity| Count {
        severity: severity.as_str(),
        count: u32::try_from(of(severity)).unwrap_or(u32::MAX),
    });
    counts.collect()
}

fn is_finding(verdict: &crate::report::VerdictEntry, severity: Severity) -> bool {
    verdict.outcome == "fail" && verdict.severity == severity
}

impl ExposureView {
    /// An exposure with its sources.
    pub fn new(exposure: &Exposure) -> Self {
        let sources = exposure.breakdown.iter().map(|points| Source {
            sentence: visible(&points.sentence),
            points: wording::signed(points.low, points.high),
        });
        Self {
            low: exposure.low,
            high: exposure.high,
            open: exposure.high.saturating_sub(exposure.low),
            text: wording::exposure(exposure),
            sources: sources.collect(),
        }
    }
}

impl CoverageView {
    fn new(coverage: &Coverage) -> Self {
        let Coverage {
            databases,
            databases_read,
            ..
        } = coverage;
        let list_is_whole = !coverage.missing.iter().any(|m| m.fact == "databases");
        let read = match databases {
            // Every instance has system databases: none in the list means that there was no list.
            0 => NOT_SEEN.to_owned(),
            _ if list_is_whole => format!("{databases_read} of {databases}"),
            _ => format!("{databases_read} of {databases} or more"),
        };
        let excluded = match coverage.databases_excluded.len() {
            0 => String::new(),
            count => format!(", {count} excluded"),
        };
        Self {
            databases: read + &excluded,
            excluded: coverage
                .databases_excluded
                .iter()
                .map(|d| visible(d.as_str()))
                .collect(),
            login: coverage
                .login
                .as_deref()
                .map_or_else(|| NOT_SEEN.to_owned(), visible),
            unread_dynamic_sql: coverage.modules_with_unread_dynamic_sql,
        }
    }
}

impl TroubleView {
    fn new(trouble: &Trouble) -> Self {
        Self {
            stage: trouble.stage.to_string(),
            why: visible(&trouble.why),
            remedy: visible(&trouble.remedy),
        }
    }
}

impl ConnectionView {
    fn new(connection: &Connection) -> Self {
        // A file's way is nobody's to judge here: no connection is no unencrypted one.
        let (encryption, readable) = if connection.authentication == OFFLINE {
            (
                "no connection: a script collected, and its output was imported",
                false,
            )
        } else {
            wording::encryption(connection.encryption)
        };
        let trusting = connection.trust_server_certificate;
        Self {
            encryption,
            readable,
            trust_server_certificate: trusting,
            certificate: match (connection.encryption, trusting) {
                (Encryption::Off, _) => "not asked for",
                (_, true) => "accepted without verification: another server could have answered",
                (_, false) => "verification required",
            },
            flagged: match (readable, trusting) {
                (true, true) => Some("not encrypted, certificate not verified"),
                (true, false) => Some("not encrypted"),
                (false, true) => Some("certificate not verified"),
                (false, false) => None,
            },
            authentication: visible(&connection.authentication),
            user: connection.user.as_deref().map(visible),
        }
    }
}
