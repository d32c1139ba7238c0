//! What belongs together: events of a host and channels, events of a server and changes.

use crate::drift::attribution::{Class, Deed, Makers, deeds, features};
use crate::drift::diff::{Change, ColumnChange, InstanceDiff};
use crate::graph::Channel;
use crate::snapshot::{Event, HostEvent, HostEventKind, HostParent, program};
use crate::tsql::{Sink, mask_secrets, sink_of_procedure};

/// Characters of a statement that are shown.
const LONGEST_SHOWN: usize = 120;

/// What xp_cmdshell starts.
const SHELL: &str = "cmd.exe";
const UNDER_AGENT: &[Channel] = &[
    Channel::AgentCmdExec,
    Channel::AgentPowerShell,
    Channel::AgentSsis,
    Channel::AgentActiveX,
];
/// Code inside the engine, which can start anything.
const INSIDE: &[Channel] = &[
    Channel::Clr,
    Channel::OleAutomation,
    Channel::ExtendedProcedure,
];

/// Words in the message of a call that was blocked which name a channel, in lower case.
const WORDS: &[(Channel, &[&str])] = &[
    (Channel::XpCmdshell, &["xp_cmdshell"]),
    (
        Channel::Clr,
        &[
            "assembly",
            "external name",
            "clr enabled",
            "clr strict security",
        ],
    ),
    (
        Channel::OleAutomation,
        &["sp_oa", "ole automation procedures"],
    ),
    (
        Channel::ExternalScript,
        &[
            "sp_execute_external_script",
            "external scripts enabled",
            "external library",
            "external language",
        ],
    ),
    (Channel::ExtendedProcedure, &["extendedproc"]),
    (
        Channel::AgentCmdExec,
        &["sp_add_job", "sp_update_job", "sp_start_job", "sysjobsteps"],
    ),
    (
        Channel::AgentPowerShell,
        &["sp_add_job", "sp_update_job", "sp_start_job", "sysjobsteps"],
    ),
    (
        Channel::AgentSsis,
        &["sp_add_job", "sp_update_job", "sp_start_job", "sysjobsteps"],
    ),
    (
        Channel::AgentActiveX,
        &["sp_add_job", "sp_update_job", "sp_start_job", "sysjobsteps"],
    ),
];
/// What a statement uses or a changed module reaches, as `scan` names it, and the channel that it is.
const SINKS: &[(&str, Channel)] = &[
    ("xp_cmdshell", Channel::XpCmdshell),
    ("clr_module", Channel::Clr),
    ("create_assembly", Channel::Clr),
    ("ole_automation", Channel::OleAutomation),
    ("external_script", Channel::ExternalScript),
    ("agent_job", Channel::AgentCmdExec),
    ("extended_proc_add", Channel::ExtendedProcedure),
];
/// Facts whose changes are a channel's.
const FACTS: &[(&str, Channel)] = &[
    ("assemblies", Channel::Clr),
    ("assembly_modules", Channel::Clr),
    ("trusted_assemblies", Channel::Clr),
    ("extended_procedures", Channel::ExtendedProcedure),
    ("jobs", Channel::AgentCmdExec),
    ("job_steps", Channel::AgentCmdExec),
];

/// The channels that an event can have come by.
pub fn channels(event: &HostEvent) -> Vec<Channel> {
    let parameter = |at: usize| event.parameters.get(at).map(|text| text.to_lowercase());
    match event.kind {
        HostEventKind::ProcessCreated => {
            let parent = event
                .parent
                .as_ref()
                .and_then(|parent| parent.image.as_deref());
            let image = event
                .process
                .as_ref()
                .and_then(|process| process.image.as_deref());
            match parent.and_then(HostParent::of) {
                Some(HostParent::Agent) => UNDER_AGENT.to_vec(),
                Some(HostParent::Launchpad) => vec![Channel::ExternalScript],
                Some(HostParent::Engine) if image.is_some_and(|path| program(path) == SHELL) => {
                    vec![Channel::XpCmdshell]
                }
                _ => INSIDE.to_vec(),
            }
        }
        HostEventKind::ModuleLoaded => INSIDE.to_vec(),
        HostEventKind::ExtendedProcedureUsed
            if parameter(2).is_some_and(|name| name == "xp_cmdshell") =>
        {
            vec![Channel::XpCmdshell]
        }
        HostEventKind::ExtendedProcedureUsed | HostEventKind::LibraryLoading => {
            vec![Channel::ExtendedProcedure]
        }
        HostEventKind::OptionChanged => {
            let option = parameter(0);
            let of = |channel: &Channel| {
                let own = channel.option().map(str::to_lowercase);
                own.is_some() && own == option
            };
            Channel::ALL.into_iter().filter(of).collect()
        }
        HostEventKind::CallBlocked => {
            let all = event.parameters.join(" ").to_lowercase();
            named_in(&all).collect()
        }
        HostEventKind::ClrStarted => vec![Channel::Clr],
    }
}

fn named_in(text: &str) -> impl Iterator<Item = Channel> + use<'_> {
    let named = WORDS
        .iter()
        .filter(move |(_, words)| words.iter().any(|word| text.contains(word)));
    named.map(|(channel, _)| *channel)
}

/// What an event of the server says for itself. Of one that was refused or rolled back: nothing.
#[derive(Default)]
pub struct Said {
    /// Channels that it uses, opens or plants code for, by the statement as T-SQL and by what it is recorded to have done.
    channels: Vec<Channel>,
    /// Options that it set, in lower case, and to what.
    options: Vec<(String, Option<String>)>,
    /// What it executed, in lower case.
    executed: Option<String>,
    /// Changes of the snapshots that it made, and those of modules that it executed, by their place.
    made: Vec<usize>,
    ran: Vec<usize>,
}

impl Said {
    /// Of an event; without what makes changes, of none.
    pub fn of(event: &Event, makers: Option<&Makers<'_>>) -> Self {
        if event.succeeded == Some(false) {
            return Self::default();
        }
        let deeds = deeds(event);
        let options = deeds.iter().filter(|deed| deed.class == Class::Option);
        let options = options.filter_map(|deed| Some((deed.name.as_ref()?, &deed.value)));
        let options: Vec<_> = options
            .map(|(name, value)| (name.to_lowercase(), value.clone()))
            .collect();
        let is_run = event.action.id == "EX";
        let executed = event.on.object.as_deref().filter(|_| is_run);
        let mut channels: Vec<Channel> = used(event)
            .filter_map(|sink| channel_of(SINKS, sink.as_str()))
            .chain(deeds.iter().filter_map(by_deed))
            .chain(options.iter().filter_map(opened))
            .collect();
        if executed.is_some_and(|own| own.eq_ignore_ascii_case(STARTS_JOB)) && is_systems(event) {
            channels.push(Channel::AgentCmdExec);
        }
        Self {
            channels,
            options,
            executed: executed.map(str::to_lowercase),
            made: makers.map(|own| own.made(event)).unwrap_or_default(),
            ran: makers.map(|own| own.executed(event)).unwrap_or_default(),
        }
    }
}

/// What starts a job of Agent.
const STARTS_JOB: &str = "sp_start_job";

/// Whether an event is of a procedure that comes with the server, by where that stands: anybody can have one of this name.
fn is_systems(event: &Event) -> bool {
    let schema = event.on.schema.as_deref();
    let database = event.on.database.as_deref();
    schema.is_none_or(|own| own.eq_ignore_ascii_case("sys"))
        || database.is_some_and(|own| own.eq_ignore_ascii_case("msdb"))
}

/// Ways to the operating system that an event takes; not by a procedure that only has such a one's name.
fn used(event: &Event) -> impl Iterator<Item = Sink> + use<> {
    let named = event.on.object.as_deref().and_then(sink_of_procedure);
    let other = named.filter(|_| event.action.id == "EX" && !is_systems(event));
    let all = features(event).into_iter();
    all.filter(move |sink| Some(*sink) != other)
}

fn channel_of(table: &[(&str, Channel)], name: &str) -> Option<Channel> {
    let mut all = table.iter();
    let own = all.find(|(own, _)| *own == name);
    own.map(|(_, channel)| *channel)
}

fn by_deed(deed: &Deed) -> Option<Channel> {
    Some(match deed.class {
        Class::Assembly | Class::TrustedAssembly => Channel::Clr,
        Class::Job | Class::JobStep | Class::Proxy => Channel::AgentCmdExec,
        _ => return None,
    })
}

/// The channel that an option opens, unless it was switched off.
fn opened((name, value): &(String, Option<String>)) -> Option<Channel> {
    if value.as_deref() == Some("0") {
        return None;
    }
    let is_its = |channel: &Channel| {
        let own = channel.option();
        own.is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    Channel::ALL.into_iter().find(is_its)
}

/// Whether a channel is among those that an event of the host can have come by; that of a job is any of Agent's.
fn is_among(channel: Channel, channels: &[Channel]) -> bool {
    channels.contains(&channel) || (channel == Channel::AgentCmdExec && channels == UNDER_AGENT)
}

/// Whether a change of the snapshots leads to one of the channels.
fn leads(change: &Change, channels: &[Channel]) -> bool {
    let gained = change.text.iter().flat_map(|text| &text.sinks_gained);
    let by_sink = gained.filter_map(|sink| {
        let mut sinks = SINKS.iter();
        sinks.find(|(name, _)| sink.starts_with(name))
    });
    let by_sink = by_sink.map(|(_, channel)| *channel);
    let by_fact = channel_of(FACTS, &change.fact);
    let is_on = |column: &ColumnChange| {
        let value = column.after.as_ref().and_then(serde_json::Value::as_i64);
        column.column.starts_with("value") && value.is_some_and(|value| value != 0)
    };
    let is_option = change.fact == OPTIONS && change.columns.iter().any(is_on);
    let by_option = is_option.then(|| opened(&(change.name.clone(), None)));
    let mut all = by_sink.chain(by_fact).chain(by_option.flatten());
    all.any(|channel| is_among(channel, channels))
}

/// The fact of the options.
const OPTIONS: &str = "configurations";

/// How an event of the server stands to one of the host.
#[derive(Default)]
pub struct Linked<'d> {
    /// Whether it explains it: it names the channel or the option, made a change that leads to it, or executed such a one.
    pub explains: bool,
    /// The change that it made.
    pub change: Option<&'d Change>,
    /// The change of what it executed.
    pub ran: Option<&'d Change>,
}

/// See [`Linked`].
pub fn linked<'d>(
    host: &HostEvent,
    channels: &[Channel],
    said: &Said,
    diff: &'d InstanceDiff,
) -> Linked<'d> {
    let of = |places: &[usize]| -> Vec<&'d Change> {
        let all = places.iter().filter_map(|at| diff.changes.get(*at));
        all.collect()
    };
    let (made, ran) = (of(&said.made), of(&said.ran));
    if host.kind == HostEventKind::OptionChanged {
        return Linked {
            explains: said.options.iter().any(|own| is_setting(host, own)),
            change: made.first().copied(),
            ran: None,
        };
    }
    let leading = |changes: &[&'d Change]| {
        let mut all = changes.iter().copied();
        all.find(|change| leads(change, channels))
    };
    let by_name = said.channels.iter().any(|own| is_among(*own, channels));
    let by_call = host.kind == HostEventKind::ExtendedProcedureUsed
        && said.executed.is_some()
        && said.executed == host.parameters.get(2).map(|own| own.to_lowercase());
    let (change, module) = (leading(&made), leading(&ran));
    Linked {
        explains: by_name || by_call || change.is_some() || module.is_some(),
        change: change.or(made.first().copied()),
        ran: module,
    }
}

/// Whether an option was set as the host tells it.
fn is_setting(host: &HostEvent, (name, value): &(String, Option<String>)) -> bool {
    let told = |at: usize| host.parameters.get(at);
    let is_it = told(0).is_some_and(|own| own.to_lowercase() == *name);
    let values = (told(2), value.as_ref());
    is_it && !matches!(values, (Some(own), Some(value)) if own != value)
}

/// What was done to what.
pub fn what(event: &Event) -> String {
    let action = event.action.name.as_deref().unwrap_or(&event.action.id);
    let refused = if event.succeeded == Some(false) {
        "refused: "
    } else {
        ""
    };
    let parts = [&event.on.database, &event.on.schema, &event.on.object];
    let named: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    let on = if named.is_empty() {
        String::new()
    } else {
        format!(" {}", named.join("."))
    };
    let statement = event
        .statement
        .as_ref()
        .map_or_else(String::new, |statement| {
            let masked = mask_secrets(&statement.text);
            let mut text: String = masked.chars().take(LONGEST_SHOWN).collect();
            if masked.chars().nth(LONGEST_SHOWN).is_some() {
                text.push('…');
            }
            format!(": {text}")
        });
    format!("{refused}{action}{on}{statement}")
}

/// By whom.
pub fn who(event: &Event) -> String {
    let who = &event.who;
    let name = who
        .login
        .as_deref()
        .or(who.database_user.as_deref())
        .unwrap_or("?");
    match who.session_login.as_deref() {
        Some(session) if Some(session) != who.login.as_deref() => format!("{session} as {name}"),
        _ => name.to_owned(),
    }
}

/// From where.
pub fn from(event: &Event) -> String {
    let from = &event.from;
    let parts = [&from.host, &from.client_ip, &from.application];
    let told: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    told.join(", ")
}

/// A change in words.
pub fn change_words(change: &Change) -> String {
    let place = change
        .database
        .as_ref()
        .map_or_else(String::new, |db| format!(" in {db}"));
    format!(
        "{} {}{place} {}",
        change.noun,
        change.name,
        change.kind.words()
    )
}
