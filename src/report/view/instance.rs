//! One instance as the reports show it.

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::AnswerView;
use super::finding::{Budget, FindingGroup, Folded, Sent, folded, groups};
use super::gap::{Gap, gaps};
use super::heat::{Cell, cells};
use super::noticed::{NoticedView, noticed};
use super::way::{self, FixView, RouteView, WayView};
use super::wording;
use crate::graph::{self, Route};
use crate::ids::Criticality;
use crate::report::assessment::{Coverage, Instance};
use crate::report::visible;
use crate::rules::Severity;
use crate::score::Exposure;
use crate::snapshot::{Connection, Encryption, OFFLINE, Stage, Trouble};

const NOT_SEEN: &str = "not seen";

/// One instance.
#[derive(Serialize, JsonSchema)]
pub struct InstanceView {
    /// Unique on its page.
    pub anchor: String,
    /// Where a link from the first page leads: an anchor there, or a page of its own.
    pub href: String,
    /// Its name in the inventory.
    pub id: String,
    /// Where it was to be reached.
    pub target: String,
    /// How much of it was read.
    pub state: State,
    /// The other name that carries its verdicts.
    pub same_as: Option<SameAs>,
    /// What made the recording, where no real server did.
    pub synthetic: Option<String>,
    /// Nothing was read, so that a count of 0 would say nothing.
    pub nothing_seen: bool,
    /// Product version in full; this and the next four are `None` where they were not seen.
    pub version: Option<String>,
    /// Its year.
    pub version_name: Option<String>,
    /// Edition in full.
    pub edition: Option<String>,
    /// Edition in a word.
    pub edition_name: Option<String>,
    /// Windows or Linux.
    pub platform: Option<String>,
    /// The server as it reports itself, and whose eyes saw it: a name and a value each.
    pub reported: Vec<Reported>,
    /// First and last moment of the collection.
    pub collected: String,
    /// How far it is open to command execution.
    pub exposure: ExposureView,
    /// The word of the answer to AN0511; `None` for another's name.
    pub command_execution: Option<&'static str>,
    /// The answer to AN0511; `None` on the first page, which has the answers in one table, and for another's name.
    pub answer: Option<AnswerView>,
    /// Who gets to each channel, in the order of the heat map.
    pub cells: Vec<Cell>,
    /// Whether each event would be noticed, in the order of the matrix; none where nothing was read.
    pub noticed: Vec<Cell>,
    /// The same with its reasons.
    pub telemetry: Option<NoticedView>,
    /// How much depends on it, as the inventory says.
    pub criticality: Option<&'static str>,
    /// Findings by severity, worst first.
    pub counts: Vec<Count>,
    /// Findings of all severities.
    pub finding_count: u32,
    /// Verdicts that are unknown.
    pub unknown: usize,
    /// What was seen.
    pub coverage: CoverageView,
    /// What ended the collection early.
    pub trouble: Option<TroubleView>,
    /// How the server was reached.
    pub connection: ConnectionView,
    /// The nearest and most open chains to a command.
    pub ways: Vec<WayView>,
    /// Every channel.
    pub routes: Vec<RouteView>,
    /// How many channels are not closed, in words; `None` if nothing is known of them.
    pub routes_open: Option<String>,
    /// Changes that close most, one after the other.
    pub fix_first: Vec<FixView>,
    /// Findings that stand, worst first.
    pub findings: Vec<FindingGroup>,
    /// Findings that somebody accepts.
    pub accepted: Vec<FindingGroup>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// Rules that found nothing bad.
    pub passed: Vec<Folded>,
    /// Rules that had nothing to judge.
    pub not_applicable: Vec<Folded>,
    /// How many passed and how many are not applicable, in words; `None` if there are neither.
    pub folded: Option<String>,
}

/// How much of an instance was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Serialize, JsonSchema)]
pub struct SameAs {
    /// Its name.
    pub id: String,
    /// Where it stands in the report, if it does.
    pub href: Option<String>,
}

/// One thing that the server reports.
#[derive(Serialize, JsonSchema)]
pub struct Reported {
    /// What it is.
    pub name: &'static str,
    /// What the server said.
    pub value: String,
}

/// An exposure, its bar and its sources.
#[derive(Serialize, JsonSchema)]
pub struct ExposureView {
    /// With every unseen fact at its best, 0 to 100.
    pub low: u32,
    /// With every unseen fact at its worst.
    pub high: u32,
    /// `high` less `low`.
    pub open: u32,
    /// How wide the seen part is on a gauge that is 500 wide.
    pub gauge_low: u32,
    /// How wide the part is that may hide in what was not seen.
    pub gauge_open: u32,
    /// `25` or `25–65`.
    pub text: String,
    /// What it is made of.
    pub sources: Vec<Source>,
}

/// A line of an exposure.
#[derive(Serialize, JsonSchema)]
pub struct Source {
    /// What it stands for.
    pub sentence: String,
    /// Points, negative for detection.
    pub points: String,
}

/// How many findings of a severity.
#[derive(Serialize, JsonSchema)]
pub struct Count {
    /// `critical`, `high`, `medium`, `low` or `info`.
    pub severity: &'static str,
    /// Findings.
    pub count: u32,
}

/// What was seen.
#[derive(Serialize, JsonSchema)]
pub struct CoverageView {
    /// `12 of 14`.
    pub databases: String,
    /// Databases that the inventory leaves out.
    pub excluded: Vec<String>,
    /// The login that looked.
    pub login: String,
    /// Modules that execute text that could not be read.
    pub unread_dynamic_sql: u32,
}

/// What ended a collection early.
#[derive(Serialize, JsonSchema)]
pub struct TroubleView {
    /// Where in the collection.
    pub stage: String,
    /// What happened.
    pub why: String,
    /// What to do.
    pub remedy: String,
}

/// How the server was reached.
#[derive(Serialize, JsonSchema)]
pub struct ConnectionView {
    /// The encryption that was asked for, in words.
    pub encryption: &'static str,
    /// Whether facts travelled readable.
    pub readable: bool,
    /// Whether any certificate was accepted.
    pub trust_server_certificate: bool,
    /// What was asked of the server's certificate, in words.
    pub certificate: &'static str,
    /// What is wrong with the connection, in a few words.
    pub flagged: Option<&'static str>,
    /// How the login authenticated.
    pub authentication: String,
    /// The user that was given.
    pub user: Option<String>,
}

impl InstanceView {
    /// An instance, where it stands in the report, and where its other name does.
    pub fn new(
        instance: &Instance,
        anchor: String,
        href: String,
        other_href: Option<String>,
        mut budget: Budget,
    ) -> Self {
        let sent = Sent::of(&instance.queries);
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
        let answer = instance.same_as.is_none();
        let answer = answer.then(|| AnswerView::new(&instance.command_execution));
        Self {
            findings: groups(&instance.verdicts, "fail", &anchor, &sent, &mut budget),
            accepted: groups(&instance.verdicts, "accepted", &anchor, &sent, &mut budget),
            anchor,
            href,
            command_execution: answer.as_ref().map(|answer| answer.word),
            answer,
            cells: cells(instance),
            noticed: noticed(instance),
            telemetry: instance.telemetry.as_ref().map(NoticedView::new),
            reported: reported(instance),
            id: visible(instance.id.as_str()),
            target: visible(&instance.target),
            state,
            nothing_seen: state.class == "nothing",
            same_as: instance.same_as.as_ref().map(|other| SameAs {
                id: visible(other.as_str()),
                href: other_href,
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

impl InstanceView {
    /// Where a part of the instance stands, for a link from the first page; the part's anchor, or what follows the
    /// instance's own in it.
    pub fn href_of(&self, part: &str) -> String {
        let page = self.href.split('#').next().unwrap_or_default();
        if part.starts_with(&self.anchor) {
            format!("{page}#{part}")
        } else {
            format!("{page}#{}-{part}", self.anchor)
        }
    }

    /// Lets go what its own page shows and the first page does not.
    pub fn let_go(&mut self) {
        self.reported = Vec::new();
        self.ways = Vec::new();
        self.routes = Vec::new();
        self.fix_first = Vec::new();
        self.telemetry = None;
        self.findings = Vec::new();
        self.accepted = Vec::new();
        self.gaps = Vec::new();
        self.passed = Vec::new();
        self.not_applicable = Vec::new();
        self.exposure.sources = Vec::new();
    }
}

fn reported(instance: &Instance) -> Vec<Reported> {
    let Some(own) = &instance.reported else {
        return Vec::new();
    };
    let roles = (!own.availability_roles.is_empty()).then(|| own.availability_roles.join(", "));
    let clock = own.clock.as_ref().map(|clock| {
        let (least, most) = (clock.skew_least_ms, clock.skew_most_ms);
        format!(
            "{}, between {least} and {most} ms ahead of the collector's",
            clock.server
        )
    });
    let all = [
        ("Server name", own.server_name.clone()),
        ("Computer", own.machine_name.clone()),
        ("Instance", own.instance_name.clone()),
        ("Node that answered", own.physical_name.clone()),
        ("Started", own.started.clone()),
        ("Availability role", roles),
        ("Login that authenticated", own.login.clone()),
        ("By", own.auth_scheme.clone()),
        ("Transport", own.net_transport.clone()),
        ("Server's clock", clock),
    ];
    let known = all
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    known
        .map(|(name, value)| Reported {
            name,
            value: visible(&value),
        })
        .collect()
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
    /// An interval without sources.
    pub fn between(low: u32, high: u32) -> Self {
        Self {
            low,
            high,
            open: high.saturating_sub(low),
            gauge_low: low * 5,
            gauge_open: high.saturating_sub(low) * 5,
            text: wording::interval(low, high),
            sources: Vec::new(),
        }
    }

    /// An exposure with its sources.
    pub fn new(exposure: &Exposure) -> Self {
        let sources = exposure.breakdown.iter().map(|points| Source {
            sentence: visible(&points.sentence),
            points: wording::signed(points.low, points.high),
        });
        Self {
            sources: sources.collect(),
            ..Self::between(exposure.low, exposure.high)
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
