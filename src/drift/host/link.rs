//! What belongs together: events of a host and channels, events of a server and changes.

use crate::drift::diff::{Change, InstanceDiff};
use crate::graph::Channel;
use crate::snapshot::{Event, HostEvent, HostEventKind, HostParent, program};
use crate::tsql::mask_secrets;

/// Characters of a statement that are shown.
const LONGEST_SHOWN: usize = 120;
/// Message of an option that was changed.
const OPTION_CHANGED: i32 = 15457;

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

/// Words in a statement that name a channel, in lower case.
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
/// What a changed module reaches, as `scan` names it, and the channel that it is.
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

/// The change of the snapshots that an event is of: the same object, in the same database.
pub fn change<'d>(diff: &'d InstanceDiff, event: &Event) -> Option<&'d Change> {
    let object = event.on.object.as_deref()?;
    let with_schema = event
        .on
        .schema
        .as_ref()
        .map(|schema| format!("{schema}.{object}"));
    let is = |change: &&Change| {
        let database = change
            .database
            .as_ref()
            .map(crate::ids::DatabaseName::as_str);
        let in_its_place = database.is_none() || database == event.on.database.as_deref();
        let bare = change.name.rsplit('.').next().unwrap_or(&change.name);
        let is_named = match &with_schema {
            Some(name) => change.name == *name || change.name == object,
            // A trace names no schema.
            None => change.name == object || bare == object,
        };
        in_its_place && is_named
    };
    diff.changes.iter().find(is)
}

/// Whether an event of the server explains one of the host: it, or the change that it is, names the channel.
pub fn explains(
    host: &HostEvent,
    channels: &[Channel],
    event: &Event,
    change: Option<&Change>,
) -> bool {
    let text = event
        .statement
        .as_ref()
        .map(|statement| statement.text.to_lowercase());
    let text = text.unwrap_or_default();
    if host.kind == HostEventKind::OptionChanged {
        let option = host.parameters.first().map(|option| option.to_lowercase());
        let is_setting = event.error == Some(OPTION_CHANGED) || text.contains("sp_configure");
        return is_setting && option.is_some_and(|option| text.contains(&option));
    }
    if named_in(&text).any(|channel| channels.contains(&channel)) {
        return true;
    }
    change.is_some_and(|change| {
        let gained = change.text.iter().flat_map(|text| &text.sinks_gained);
        let by_sink =
            gained.filter_map(|sink| SINKS.iter().find(|(name, _)| sink.starts_with(name)));
        let by_fact = FACTS.iter().filter(|(fact, _)| *fact == change.fact);
        let mut all = by_sink.chain(by_fact).map(|(_, channel)| *channel);
        all.any(|channel| {
            channels.contains(&channel)
                || (channel == Channel::AgentCmdExec && channels == UNDER_AGENT)
        })
    })
}

/// What was done to what.
pub fn what(event: &Event) -> String {
    let action = event.action.name.as_deref().unwrap_or(&event.action.id);
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
    format!("{action}{on}{statement}")
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
