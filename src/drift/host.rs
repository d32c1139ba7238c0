//! What happened on the host of an instance, joined in time to what servers recorded, to what changed between two
//! snapshots, and to the ways to a command that were open: "15:02 usp_x altered by CORP\jdoe from WS-114 → 15:04 cmd.exe
//! under sqlservr.exe".
//!
//! Nearness in time links nothing by itself: what names the channel, or is the event of a change, is told apart from
//! what only stands near.

mod link;
mod weigh;

use std::cell::OnceCell;
use std::cmp::Reverse;

use jiff::Timestamp;
use link::Said;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::attribution::{Makers, SideFacts};
use super::diff::InstanceDiff;
use crate::graph::{Channel, Route, State};
use crate::rules::Severity;
use crate::snapshot::{Event, HostEvent, HostEventKind};
use crate::tsql::mask_secrets;

/// Minutes between two events that may belong together, unless somebody says otherwise.
pub const HOST_WINDOW_MINUTES: u32 = 5;
/// Explanations that are kept of one event.
const MOST_EXPLANATIONS: usize = 5;

/// What is joined.
#[derive(Clone, Copy)]
pub struct HostInput<'a> {
    /// What changed of the instance.
    pub diff: &'a InstanceDiff,
    /// Both sides, by which it is told which event made which change; without them none did.
    pub sides: Option<[SideFacts<'a>; 2]>,
    /// Offset from UTC of the server whose trace is among the events.
    pub utc_offset_minutes: Option<i32>,
    /// Ways to a command, before and after; none of a side that is not there.
    pub routes: [&'a [Route]; 2],
    /// What its traces and audits recorded.
    pub events: &'a [Event],
    /// What its Windows recorded.
    pub host: &'a [HostEvent],
    /// What is unseen of both, in words.
    pub unseen: &'a [String],
}

/// What happened on the host, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostTimeline {
    /// Minutes before and after an event in which another may belong to it.
    pub window_minutes: u32,
    /// The events, by time.
    pub entries: Vec<HostEntry>,
    /// What was not seen, and what would show it.
    pub unseen: Vec<String>,
    /// Whether that leaves the timeline incomplete.
    pub incomplete: bool,
}

/// One event of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostEntry {
    /// The event.
    pub event: HostEvent,
    /// How much it matters.
    pub severity: Severity,
    /// What explains it.
    pub standing: HostStanding,
    /// Why it has its severity, in one sentence.
    pub why: String,
    /// Channels that it can have come by, as they stood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<HostChannel>,
    /// Events near in time, those that explain it first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explanations: Vec<Explanation>,
    /// Events near in time that are left out.
    pub further: u32,
}

/// What explains an event of the host.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum HostStanding {
    /// A recorded change that the two snapshots show as well.
    Change,
    /// A recorded execution of a module that the two snapshots show as changed.
    Run,
    /// A recorded event that names the channel or option.
    Event,
    /// Nothing but that the channel was open in a snapshot, so that ordinary use looks like this.
    Route,
    /// Nothing that was seen.
    Nothing,
}

impl HostStanding {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Change => "explained by a change",
            Self::Run => "explained by an execution of what changed",
            Self::Event => "explained by an event",
            Self::Route => "an open channel alone",
            Self::Nothing => "explained by nothing that was seen",
        }
    }
}

/// How a channel stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostChannel {
    /// Its word.
    pub channel: String,
    /// Before; absent where it was not seen.
    pub before: Option<State>,
    /// After.
    pub after: Option<State>,
}

/// An event of a trace or an audit near in time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// Its time, UTC.
    pub moment: String,
    /// Seconds from it to the event of the host; negative where it came later.
    pub seconds_before: i64,
    /// Whether it explains the event, or only stands near it.
    pub explains: bool,
    /// What was done to what.
    pub what: String,
    /// By whom: the login that connected, and the one that it acted as.
    pub who: String,
    /// From which machine and program, as the client said.
    pub from: String,
    /// The change of the snapshots that it made, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// What it executed that the snapshots show as changed, in words; whoever changed that is another event's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<String>,
}

/// The events of the server by time, and what each says for itself, which is read where it stands near something.
struct Recorded<'a> {
    events: Vec<(Timestamp, &'a Event)>,
    said: Vec<OnceCell<Said>>,
    makers: Option<Makers<'a>>,
}

impl<'a> Recorded<'a> {
    fn new(input: &HostInput<'a>) -> Self {
        let mut events: Vec<(Timestamp, &Event)> = input
            .events
            .iter()
            .filter_map(|event| Some((event.moment.parse().ok()?, event)))
            .collect();
        events.sort_by(|(one, a), (other, b)| {
            let place = |e: &Event| {
                (
                    e.source.clone(),
                    e.action.clone(),
                    e.on.clone(),
                    e.who.clone(),
                )
            };
            one.cmp(other).then_with(|| place(a).cmp(&place(b)))
        });
        let offset = input.utc_offset_minutes;
        let sides = input.sides;
        Self {
            said: events.iter().map(|_| OnceCell::new()).collect(),
            events,
            makers: sides.and_then(|sides| Makers::new(&input.diff.changes, sides, offset)),
        }
    }
}

impl HostTimeline {
    /// Joins everything. Sorted by time; the same input in another order gives the same.
    pub fn new(input: &HostInput<'_>, window_minutes: u32) -> Self {
        let recorded = Recorded::new(input);
        let folders = weigh::folders(input.sides);
        let window = i64::from(window_minutes) * 60;
        let mut entries: Vec<HostEntry> = input
            .host
            .iter()
            .map(|event| entry(input, (&recorded, &folders), event, window))
            .collect();
        entries.sort_by(|one, other| {
            let key = |e: &HostEntry| {
                (
                    e.event.moment.clone(),
                    e.event.event_id,
                    e.event.record.clone(),
                )
            };
            key(one)
                .cmp(&key(other))
                .then_with(|| Reverse(one.severity).cmp(&Reverse(other.severity)))
        });
        Self {
            window_minutes,
            entries,
            unseen: [input.unseen.to_vec(), blind_spots(input)].concat(),
            // That nothing happened is never told by a log that nobody gave, or that somebody emptied.
            incomplete: !input.unseen.is_empty() || input.host.is_empty(),
        }
    }
}

fn entry(
    input: &HostInput<'_>,
    (recorded, folders): (&Recorded<'_>, &[String]),
    event: &HostEvent,
    window: i64,
) -> HostEntry {
    let channels = link::channels(event);
    let stood: Vec<HostChannel> = channels
        .iter()
        .map(|channel| {
            let state = |routes: &[Route]| {
                let route = routes.iter().find(|route| route.channel == *channel);
                route.map(|route| route.state)
            };
            let [before, after] = input.routes.map(state);
            HostChannel {
                channel: channel.as_str().to_owned(),
                before,
                after,
            }
        })
        .collect();
    let mut near = near(input.diff, recorded, event, &channels, window);
    near.sort_by(|one, other| {
        let key = |e: &Explanation| {
            let is_bare = e.change.is_none() && e.ran.is_none();
            (!e.explains, is_bare, e.seconds_before.abs())
        };
        key(one).cmp(&key(other)).then_with(|| one.cmp(other))
    });
    let further = near.len().saturating_sub(MOST_EXPLANATIONS);
    let explaining = near.iter().filter(|e| e.explains);
    let is_open = |stood: &HostChannel| [stood.before, stood.after].contains(&Some(State::Open));
    let standing = if explaining.clone().any(|e| e.change.is_some()) {
        HostStanding::Change
    } else if explaining.clone().any(|e| e.ran.is_some()) {
        HostStanding::Run
    } else if explaining.count() > 0 {
        HostStanding::Event
    } else if stood.iter().any(is_open) {
        HostStanding::Route
    } else {
        HostStanding::Nothing
    };
    near.truncate(MOST_EXPLANATIONS);
    let (severity, why) = weigh::weigh(event, standing, (&channels, &stood), folders);
    HostEntry {
        event: masked(event),
        severity,
        standing,
        why,
        channels: stood,
        explanations: near,
        further: u32::try_from(further).unwrap_or(u32::MAX),
    }
}

/// Events of the window, both ways: clocks differ, and a trace's times can.
fn near(
    diff: &InstanceDiff,
    recorded: &Recorded<'_>,
    event: &HostEvent,
    channels: &[Channel],
    window: i64,
) -> Vec<Explanation> {
    let Ok(moment) = event.moment.parse::<Timestamp>() else {
        return Vec::new();
    };
    let distance = |of: Timestamp| moment.as_second() - of.as_second();
    let events = &recorded.events;
    let first = events.partition_point(|(of, _)| distance(*of) > window);
    let within = events.iter().zip(&recorded.said).skip(first);
    let within = within.take_while(|((of, _), _)| distance(*of) >= -window);
    within
        .map(|((of, near), said)| {
            let said = said.get_or_init(|| Said::of(near, recorded.makers.as_ref()));
            let linked = link::linked(event, channels, said, diff);
            Explanation {
                moment: near.moment.clone(),
                seconds_before: distance(*of),
                explains: linked.explains,
                what: link::what(near),
                who: link::who(near),
                from: link::from(near),
                change: linked.change.map(link::change_words),
                ran: linked.ran.map(link::change_words),
            }
        })
        .collect()
}

/// What `changes` masked already is masked again: a file can come from elsewhere.
fn masked(event: &HostEvent) -> HostEvent {
    let mut event = event.clone();
    let processes = [&mut event.process, &mut event.parent]
        .into_iter()
        .flatten();
    for line in processes.filter_map(|process| process.command_line.as_mut()) {
        line.text = mask_secrets(&line.text).into_owned();
    }
    event
}

/// Kinds of events of which there is none: whether they were recorded at all is then not known.
fn blind_spots(input: &HostInput<'_>) -> Vec<String> {
    let has = |kind| input.host.iter().any(|event| event.kind == kind);
    let mut spots = Vec::new();
    if input.host.is_empty() {
        spots.push(
            "no event of the host is in what was given: what happened there is not known"
                .to_owned(),
        );
    }
    if !has(HostEventKind::ProcessCreated) {
        spots.push("no created process is among the events of the host: whether Windows records them (Security 4688, Sysmon 1) is not known".to_owned());
    }
    if !has(HostEventKind::ModuleLoaded) {
        spots.push("no loaded module is among the events of the host: whether Sysmon records them (7) is not known".to_owned());
    }
    if input.events.is_empty() {
        spots.push("no events of traces or audits: who did what before is not known".to_owned());
    }
    spots
}
