//! What renderers are given: texts, every one of them harmless.

use schemars::JsonSchema;
use serde::Serialize;

use super::spark::Spark;
use crate::drift::{
    Controls, Counts, FrameworkPoint, FrameworkSeries, History, HistoryBundle, InstancePoint,
    InstanceSeries, Moves, Point, Seal, Standing, Tracked, TrackedState,
};
use crate::report::visible;
use crate::rules::Subject;

/// So many findings of each state are told; the JSON has all.
pub(super) const MOST_TOLD: usize = 200;
const NONE: &str = "–";

/// History, ready to be laid out.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HistoryView {
    /// First and last day.
    pub span: String,
    /// Bundles in their order; those that do not count last.
    pub bundles: Vec<BundleView>,
    /// The estate, then every instance by name.
    pub series: Vec<SeriesView>,
    /// Controls by framework.
    pub frameworks: Vec<FrameworkView>,
    /// Findings by what became of them.
    pub groups: Vec<GroupView>,
}

/// One bundle.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BundleView {
    /// How it is told from the others.
    pub label: String,
    /// How it was named.
    pub path: String,
    /// What vouches for it.
    pub seal: String,
    /// Whether it counts.
    pub counts: bool,
    /// Program and version.
    pub judged_by: String,
    /// First start and last end, UTC.
    pub collected: String,
    /// Waivers by how they stand.
    pub waivers: String,
    /// In what it was not judged as the one before, sentences.
    pub differs: Vec<String>,
}

/// The estate or one instance.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SeriesView {
    /// Its name.
    pub name: String,
    /// Exposure, low to high.
    pub exposure: Spark,
    /// Findings that stand.
    pub findings: Spark,
    /// One for each bundle that counts.
    pub points: Vec<PointView>,
}

/// One row: as of one bundle.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PointView {
    /// The bundle.
    pub label: String,
    /// Whether there is anything to say.
    pub is_there: bool,
    /// Whether there is a bundle before, so that something can have changed.
    pub has_moves: bool,
    /// Low–high.
    pub exposure: String,
    /// Critical, high, medium, low, info.
    pub counts: [String; 5],
    /// Accepted.
    pub accepted: String,
    /// Unknown verdicts.
    pub unknown: String,
    /// Opened, those of new rules and those not seen before told apart.
    pub opened: String,
    /// Closed.
    pub closed: String,
    /// Still open.
    pub still_open: String,
    /// Not seen.
    pub not_seen: String,
    /// What was seen.
    pub coverage: String,
}

/// Controls of a framework.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FrameworkView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Controls that are met.
    pub met: Spark,
    /// One for each bundle that counts.
    pub points: Vec<FrameworkRow>,
}

/// Controls as of one bundle.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FrameworkRow {
    /// The bundle.
    pub label: String,
    /// Its version.
    pub version: String,
    /// By status, in the order of [`STATUSES`].
    pub counts: Vec<String>,
}

/// Statuses in the order of columns.
pub(super) const STATUSES: [&str; 7] = [
    "met",
    "not met",
    "partly seen",
    "not assessed",
    "manual",
    "accepted",
    "not applicable",
];

/// Findings of one state.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GroupView {
    /// The state, as a heading.
    pub heading: &'static str,
    /// What it means.
    pub lead: &'static str,
    /// How many there are.
    pub count: usize,
    /// Of them not told here.
    pub more: usize,
    /// Those told.
    pub findings: Vec<FindingRow>,
}

/// One finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FindingRow {
    /// Its severity.
    pub severity: &'static str,
    /// Where.
    pub instance: String,
    /// The rule's id.
    pub rule: String,
    /// What it is about.
    pub subject: String,
    /// One sentence.
    pub message: String,
    /// Since when, and how many days.
    pub age: String,
    /// What else is to be known of it.
    pub remark: String,
}

/// Groups in order, each with its heading and what it means.
const GROUPS: [(TrackedState, &str, &str); 4] = [
    (
        TrackedState::NotSeen,
        "Not seen",
        "They stood before, and nobody could see whether they do: they are not closed.",
    ),
    (
        TrackedState::Open,
        "Still open",
        "They stand as of the last bundle.",
    ),
    (
        TrackedState::Accepted,
        "Accepted",
        "They stand, and somebody answers for them.",
    ),
    (
        TrackedState::Closed,
        "Closed",
        "They stood, and the rule that found them looked again and did not.",
    ),
];

impl HistoryView {
    /// Prepares all that is shown.
    pub fn new(history: &History) -> Self {
        let labels: Vec<String> = history.counting().map(|own| visible(&own.label)).collect();
        let days: Vec<&String> = history
            .counting()
            .filter_map(|own| own.as_of.as_ref())
            .collect();
        let span = match days.as_slice() {
            [] => "no bundle counts".to_owned(),
            [one] => visible(one),
            [first, .., last] => format!("{} to {}", visible(first), visible(last)),
        };
        let fleet = history.fleet.iter().map(Some).collect::<Vec<_>>();
        let reached = |at: usize| {
            let point = history.fleet.get(at);
            point.map_or_else(String::new, |own| {
                format!("{} of {} instances", own.reached, own.instances)
            })
        };
        let mut series = vec![of_points("the estate", &fleet, &labels, &reached)];
        series.extend(
            history
                .instances
                .iter()
                .map(|own| of_instance(own, &labels)),
        );
        Self {
            span,
            bundles: history.bundles.iter().map(bundle).collect(),
            series,
            frameworks: history
                .frameworks
                .iter()
                .filter(|own| own.points.iter().flatten().any(is_in_scope))
                .map(|own| framework(own, &labels))
                .collect(),
            groups: GROUPS
                .iter()
                .filter_map(|(state, heading, lead)| group(history, *state, heading, lead))
                .collect(),
        }
    }
}

fn bundle(own: &HistoryBundle) -> BundleView {
    let mut differs: Vec<String> = own.differs.iter().map(|line| visible(line)).collect();
    if !own.new_rules.is_empty() {
        let rules = visible(&own.new_rules.join(", "));
        differs.push(format!(
            "rules that the one before did not ask, which open findings by themselves: {rules}"
        ));
    }
    if !own.dropped_rules.is_empty() {
        let rules = visible(&own.dropped_rules.join(", "));
        differs.push(format!(
            "rules of the one before that it does not ask: {rules}"
        ));
    }
    let is_altered = matches!(own.seal, Seal::Altered { .. });
    let waivers = &own.waivers;
    BundleView {
        label: if is_altered {
            NONE.to_owned()
        } else {
            visible(&own.label)
        },
        path: visible(&own.path),
        seal: visible(&own.seal.words()),
        counts: own.seal.counts(),
        judged_by: own
            .judged_by
            .as_deref()
            .map_or_else(|| NONE.to_owned(), visible),
        collected: match &own.collected {
            Some([start, end]) => format!("{} to {}", visible(start), visible(end)),
            None => NONE.to_owned(),
        },
        waivers: if is_altered {
            NONE.to_owned()
        } else {
            format!(
                "{} in force, {} expired, {} unused, {} not yet",
                waivers.in_force, waivers.expired, waivers.unused, waivers.not_yet
            )
        },
        differs,
    }
}

fn of_instance(own: &InstanceSeries, labels: &[String]) -> SeriesView {
    let points: Vec<Option<&Point>> = own.points.iter().map(InstancePoint::point).collect();
    let remark = |at: usize| match own.points.get(at) {
        Some(InstancePoint::NotReached(_)) => "not reached to the end".to_owned(),
        Some(InstancePoint::SameAs { target }) => {
            format!("the same instance as {}", visible(target.as_str()))
        }
        Some(InstancePoint::Absent) => "not in this bundle".to_owned(),
        _ => String::new(),
    };
    of_points(&visible(own.id.as_str()), &points, labels, &remark)
}

pub(super) fn of_points(
    name: &str,
    points: &[Option<&Point>],
    labels: &[String],
    remark: &dyn Fn(usize) -> String,
) -> SeriesView {
    let exposure: Vec<_> = points
        .iter()
        .map(|own| own.map(|own| own.exposure))
        .collect();
    let findings: Vec<_> = points
        .iter()
        .map(|own| own.map(|own| [own.findings.total(); 2]))
        .collect();
    let most = findings.iter().flatten().map(|[count, _]| *count).max();
    let words = |texts: Vec<String>| texts.join(", ");
    let exposures = points
        .iter()
        .map(|own| own.map_or(NONE.to_owned(), |own| interval(own.exposure)));
    let counts = points
        .iter()
        .map(|own| own.map_or(NONE.to_owned(), |own| own.findings.total().to_string()));
    let rows = labels.iter().enumerate().map(|(at, label)| {
        let point = points.get(at).copied().flatten();
        row(label, point, &remark(at), at == 0)
    });
    SeriesView {
        exposure: Spark::new(
            format!("Exposure of {name}, of 100: {}", words(exposures.collect())),
            &exposure,
            100,
        ),
        findings: Spark::new(
            format!("Findings of {name}: {}", words(counts.collect())),
            &findings,
            most.unwrap_or_default(),
        ),
        points: rows.collect(),
        name: name.to_owned(),
    }
}

pub(super) fn interval([low, high]: [u32; 2]) -> String {
    if low == high {
        low.to_string()
    } else {
        format!("{low}–{high}")
    }
}

fn row(label: &str, point: Option<&Point>, remark: &str, is_first: bool) -> PointView {
    let Some(point) = point else {
        let none = || NONE.to_owned();
        return PointView {
            label: label.to_owned(),
            is_there: false,
            has_moves: false,
            exposure: none(),
            counts: std::array::from_fn(|_| none()),
            accepted: none(),
            unknown: none(),
            opened: none(),
            closed: none(),
            still_open: none(),
            not_seen: none(),
            coverage: remark.to_owned(),
        };
    };
    let Counts {
        critical,
        high,
        medium,
        low,
        info,
    } = point.findings;
    let since = |count: u32| {
        if is_first {
            NONE.to_owned()
        } else {
            count.to_string()
        }
    };
    let moves = &point.moves;
    let mut coverage = vec![format!(
        "{} of {} databases",
        point.databases_read, point.databases
    )];
    if !remark.is_empty() {
        coverage.insert(0, remark.to_owned());
    }
    PointView {
        label: label.to_owned(),
        is_there: true,
        has_moves: !is_first,
        exposure: interval(point.exposure),
        counts: [critical, high, medium, low, info].map(|count| count.to_string()),
        accepted: point.accepted.to_string(),
        unknown: point.unknown.to_string(),
        opened: if is_first {
            NONE.to_owned()
        } else {
            opened(moves)
        },
        closed: since(moves.closed),
        still_open: since(moves.still_open),
        not_seen: since(moves.not_seen),
        coverage: coverage.join(", "),
    }
}

/// A rule that is new opens findings, and so does a first look: neither is a change of the estate.
fn opened(moves: &Moves) -> String {
    let mut text = moves.opened.to_string();
    for (count, why) in [
        (moves.opened_by_new_rules, "by new rules"),
        (moves.not_seen_before, "not seen before"),
    ] {
        if count > 0 {
            text.extend([" +", &count.to_string(), " ", why]);
        }
    }
    text
}

fn framework(own: &FrameworkSeries, labels: &[String]) -> FrameworkView {
    let met: Vec<Option<[u32; 2]>> = own
        .points
        .iter()
        .map(|point| point.as_ref().map(|own| [own.controls.met; 2]))
        .collect();
    let most = own
        .points
        .iter()
        .flatten()
        .map(|own| total(&own.controls))
        .max();
    let words: Vec<String> = met
        .iter()
        .map(|own| own.map_or(NONE.to_owned(), |[met, _]| met.to_string()))
        .collect();
    let rows = own
        .points
        .iter()
        .zip(labels)
        .map(|(point, label)| FrameworkRow {
            label: label.clone(),
            version: point
                .as_ref()
                .map_or(NONE.to_owned(), |own| visible(&own.version)),
            counts: match point {
                Some(own) => by_status(&own.controls)
                    .map(|count| count.to_string())
                    .to_vec(),
                None => vec![NONE.to_owned(); STATUSES.len()],
            },
        });
    let id = visible(&own.id);
    FrameworkView {
        met: Spark::new(
            format!("Controls of {id} that are met: {}", words.join(", ")),
            &met,
            most.unwrap_or_default(),
        ),
        name: visible(&own.name),
        points: rows.collect(),
        id,
    }
}

/// A framework of another release than any instance's has nothing to show.
fn is_in_scope(point: &FrameworkPoint) -> bool {
    let controls = &point.controls;
    controls.met + controls.not_met + controls.partly_seen + controls.accepted > 0
}

fn by_status(controls: &Controls) -> [u32; 7] {
    let Controls {
        met,
        not_met,
        partly_seen,
        not_assessed,
        manual,
        accepted,
        not_applicable,
    } = *controls;
    [
        met,
        not_met,
        partly_seen,
        not_assessed,
        manual,
        accepted,
        not_applicable,
    ]
}

fn total(controls: &Controls) -> u32 {
    by_status(controls).iter().sum()
}

fn group(
    history: &History,
    state: TrackedState,
    heading: &'static str,
    lead: &'static str,
) -> Option<GroupView> {
    let own: Vec<&Tracked> = history
        .findings
        .iter()
        .filter(|own| own.state == state)
        .collect();
    (!own.is_empty()).then(|| GroupView {
        heading,
        lead,
        count: own.len(),
        more: own.len().saturating_sub(MOST_TOLD),
        findings: own.into_iter().take(MOST_TOLD).map(finding).collect(),
    })
}

pub(super) fn finding(own: &Tracked) -> FindingRow {
    let older = if own.may_be_older { "at least " } else { "" };
    let days = if own.age_days == 1 { "day" } else { "days" };
    let mut remarks = Vec::new();
    if own.rule_is_new {
        remarks.push("the rule is new".to_owned());
    }
    if own.reopened > 0 {
        remarks.push(format!("came back {} times", own.reopened));
    }
    if let Some(closed) = &own.closed {
        remarks.push(format!("seen gone as of {}", visible(closed)));
    }
    match own.standings.last() {
        Some(Standing::NotSeen { why }) if own.state == TrackedState::NotSeen => {
            remarks.push(visible(why));
        }
        Some(Standing::NotAsked) if own.state == TrackedState::NotSeen => {
            remarks.push("the rule has no verdict in the last bundle".to_owned());
        }
        _ => {}
    }
    let first = visible(&own.first_seen);
    FindingRow {
        severity: own.severity.as_str(),
        instance: own
            .instance
            .as_ref()
            .map_or_else(|| "the estate".to_owned(), |id| visible(id.as_str())),
        rule: visible(&own.rule),
        subject: subject(&own.subject),
        message: visible(&own.message),
        age: format!("{first}, {older}{} {days}", own.age_days),
        remark: remarks.join("; "),
    }
}

fn subject(subject: &Subject) -> String {
    let kind = subject.kind.replace('_', " ");
    let database = subject.database.as_ref().map(|own| visible(own.as_str()));
    match (&subject.name, database) {
        (Some(name), Some(database)) => format!("{kind} {} in {database}", visible(name)),
        (Some(name), None) => format!("{kind} {}", visible(name)),
        (None, Some(database)) => format!("database {database}"),
        (None, None) => visible(&kind),
    }
}
