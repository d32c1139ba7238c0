//! A page of an instance for who is called at night: what is approved here, what stands open, what to pull first, and
//! what will not be there.

use schemars::JsonSchema;
use serde::Serialize;

use super::accepted;
use crate::graph::State;
use crate::report::assessment::{Assessment, Instance};
use crate::report::view::{AnswerView, subject};
use crate::report::{argument, visible};
use crate::rules::telemetry::{EventState, Recorded, Running, Telemetry};

/// Names that are told of each list.
const MOST_TOLD: usize = 50;

/// What playbook.md.hbs is given.
#[derive(Serialize, JsonSchema)]
pub struct PlaybookView {
    /// The instance.
    pub id: String,
    /// The same as an argument of a command, quoted for any shell; absent where no quotes hold it.
    pub argument: Option<String>,
    /// Where it is, and what it is, a line each.
    pub facts: Vec<String>,
    /// Whether running commands is disabled, tightly governed, monitored or none of these, and on what that rests.
    pub answer: AnswerView,
    /// What is approved.
    pub approved: Vec<Approved>,
    /// How much more of it there is.
    pub more_approved: usize,
    /// Channels that are open or can be opened.
    pub channels: Vec<ChannelLine>,
    /// What is said where there is none: that all are closed, or that nothing is known of them.
    pub without_channels: &'static str,
    /// Findings of high severity and worse.
    pub findings: Vec<String>,
    /// How many more there are.
    pub more_findings: usize,
    /// Where records of each event are.
    pub records: Vec<RecordLine>,
    /// Audits, how they stand and what they keep.
    pub audits: Vec<String>,
    /// The default trace.
    pub trace: String,
    /// Events that nothing on the server holds, and what is missing.
    pub blind: Vec<String>,
    /// What was not seen of the instance, so that this page does not tell it.
    pub unseen: Vec<String>,
    /// Statements that close most, with what takes them back.
    pub contain: Vec<Measure>,
    /// The first moment of the collection, from which on its snapshot says nothing.
    pub collected: String,
    /// The day as of which was judged.
    pub as_of: String,
    /// Program and version.
    pub judged_by: String,
}

/// Something that is approved.
#[derive(Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Approved {
    pub rule: String,
    pub subject: String,
    pub by: String,
    pub message: String,
}

/// A channel.
#[derive(Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct ChannelLine {
    pub title: &'static str,
    pub state: String,
    pub runs_as: String,
    pub reached_by: String,
}

/// Where records of an event are.
#[derive(Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct RecordLine {
    pub event: String,
    pub place: String,
    pub holds: String,
}

/// A statement that closes something.
#[derive(Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Measure {
    pub sentence: String,
    pub statement: Vec<CodeLine>,
    pub undo: Vec<CodeLine>,
}

/// A line of it.
#[derive(Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct CodeLine {
    pub text: String,
}

fn lines(code: &str) -> Vec<CodeLine> {
    let lines = code.lines().map(|line| CodeLine {
        text: visible(line),
    });
    lines.collect()
}

impl PlaybookView {
    /// Prepares an instance's page.
    pub fn new(instance: &Instance, assessment: &Assessment) -> Self {
        let approved: Vec<Approved> = accepted(instance)
            .map(|own| Approved {
                rule: visible(&own.rule),
                subject: subject(&own.subject),
                by: visible(own.waiver.as_deref().unwrap_or_default()),
                message: visible(&own.message),
            })
            .collect();
        let findings: Vec<String> = instance
            .verdicts
            .iter()
            .filter(|own| own.outcome == "fail" && own.severity >= crate::rules::Severity::High)
            .map(|own| {
                visible(&format!(
                    "{} ({}): {}",
                    own.rule,
                    own.severity.as_str(),
                    own.message
                ))
            })
            .collect();
        let telemetry = instance.telemetry.as_ref();
        let events = telemetry.map_or(&[][..], |own| &own.events);
        Self {
            id: visible(instance.id.as_str()),
            argument: argument(instance.id.as_str()),
            facts: facts(instance),
            answer: AnswerView::new(&instance.command_execution),
            more_approved: approved.len().saturating_sub(MOST_TOLD),
            approved: approved.into_iter().take(MOST_TOLD).collect(),
            channels: channels(instance),
            without_channels: if instance.routes.is_empty() {
                "Nothing is known of its channels."
            } else {
                "No channel is open, and nobody was seen who can open one."
            },
            more_findings: findings.len().saturating_sub(MOST_TOLD),
            findings: findings.into_iter().take(MOST_TOLD).collect(),
            records: events.iter().filter_map(record).collect(),
            audits: telemetry.map(audits).unwrap_or_default(),
            trace: telemetry.map(trace).unwrap_or_default(),
            blind: events.iter().filter_map(blind).collect(),
            unseen: unseen(instance),
            contain: instance
                .fix_first
                .iter()
                .map(|own| Measure {
                    sentence: visible(&own.sentence),
                    statement: lines(&own.statement),
                    undo: lines(&own.undo),
                })
                .collect(),
            collected: visible(&instance.collected[0]),
            as_of: visible(&assessment.as_of),
            judged_by: visible(&assessment.judged_by),
        }
    }
}

fn facts(instance: &Instance) -> Vec<String> {
    let reported = instance.reported.as_ref();
    let named =
        |about: &str, own: Option<&String>| own.map(|own| visible(&format!("{about}: {own}")));
    let lines = [
        named("Asked for as", Some(&instance.target)),
        named(
            "Calls itself",
            reported.and_then(|own| own.server_name.as_ref()),
        ),
        named(
            "Computer",
            reported.and_then(|own| own.machine_name.as_ref()),
        ),
        named("Node", reported.and_then(|own| own.physical_name.as_ref())),
        named("Version", instance.product_version.as_ref()),
        named("Edition", instance.edition.as_ref()),
        named("Platform", instance.platform.as_ref()),
        named("Started", reported.and_then(|own| own.started.as_ref())),
        instance
            .criticality
            .map(|own| format!("Criticality: {}", own.as_str())),
    ];
    let mut facts: Vec<String> = lines.into_iter().flatten().collect();
    let (low, high) = (instance.exposure.low, instance.exposure.high);
    facts.push(format!("Exposure: {low} to {high} of 100"));
    facts
}

fn channels(instance: &Instance) -> Vec<ChannelLine> {
    let routes = instance.routes.iter();
    let usable = routes.filter(|own| own.state != State::Closed);
    let lines = usable.map(|own| {
        let by = &own.reached_by;
        ChannelLine {
            title: own.channel.title(),
            state: visible(&format!("{}: {}", own.state.as_str(), own.why)),
            runs_as: visible(
                own.runs_as
                    .account
                    .as_deref()
                    .unwrap_or("an account that was not seen"),
            ),
            reached_by: format!(
                "{} administrators; others: {} open, {} armable, {} waiting",
                by.administrators, by.open, by.armable, by.waiting
            ),
        }
    });
    lines.collect()
}

fn record(own: &EventState) -> Option<RecordLine> {
    let place = match own.outcome {
        Recorded::DefaultTraceOnly => "default trace only".to_owned(),
        Recorded::NotRecorded
        | Recorded::TraceNotSeen
        | Recorded::NotSeen
        | Recorded::NotApplicable => return None,
        _ if own.by.is_empty() => "what audits record of themselves, in part".to_owned(),
        _ => {
            let mut audits: Vec<&str> = own.by.iter().map(|by| by.audit.as_str()).collect();
            audits.dedup();
            let part = match own.outcome {
                Recorded::InPart => ", in part",
                Recorded::Narrowed => ", narrowed by a predicate",
                Recorded::UntilFull => ", until its files are full",
                _ => "",
            };
            visible(&format!("audit {}{part}", audits.join(", ")))
        }
    };
    Some(RecordLine {
        event: visible(&own.title),
        place,
        holds: visible(&own.holds.clone().unwrap_or_else(|| own.because.join("; "))),
    })
}

fn audits(telemetry: &Telemetry) -> Vec<String> {
    let audits = telemetry.audits.iter().map(|own| {
        let target = own
            .target_desc
            .as_deref()
            .unwrap_or("a target that was not seen");
        visible(&format!(
            "{}: {}; to {target}; {}",
            own.name,
            running(own.state),
            own.kept.why
        ))
    });
    audits.collect()
}

fn trace(telemetry: &Telemetry) -> String {
    let own = &telemetry.default_trace;
    visible(&format!("{}; {}", running(own.state), own.why))
}

const fn running(state: Running) -> &'static str {
    match state {
        Running::Running => "running",
        Running::NotRunning => "not running",
        Running::NotSeen => "not seen whether it runs",
    }
}

fn blind(own: &EventState) -> Option<String> {
    let is_blind = matches!(
        own.outcome,
        Recorded::NotRecorded | Recorded::TraceNotSeen | Recorded::NotSeen
    );
    is_blind.then(|| {
        let word = match own.outcome {
            Recorded::NotSeen => "not seen whether it is recorded",
            Recorded::TraceNotSeen => {
                "no audit records it; the default trace would hold something, and whether it runs was not seen"
            }
            _ => "not recorded",
        };
        visible(&format!("{}: {word}", own.title))
    })
}

fn unseen(instance: &Instance) -> Vec<String> {
    let missing = instance.coverage.missing.iter();
    let lines = missing.map(|own| {
        let place = own.database.as_ref().map(|own| format!(" in {own}"));
        visible(&format!("{}{}", own.fact, place.unwrap_or_default()))
    });
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines.dedup();
    lines
}
