//! How much an event of a host matters, and why.

use super::{HostChannel, HostStanding};
use crate::graph::{Channel, State};
use crate::rules::Severity;
use crate::snapshot::{HostEvent, HostEventKind, program};

/// DLLs of the extended procedures that SQL Server ships. A name alone proves nothing: it lowers the severity where nothing
/// else speaks against it.
const SHIPPED: &[&str] = &[
    "xplog70.dll",
    "xpstar.dll",
    "odsole70.dll",
    "xprepl.dll",
    "xpsqlbot.dll",
    "xpqueue.dll",
];

/// How the channels stood, taken together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stood {
    /// One was open in a snapshot.
    Open,
    /// None was open in any.
    NotOpen,
    /// None was open where it was seen, and not all was.
    Unseen,
}

fn stood(channels: &[HostChannel]) -> Stood {
    let all = || channels.iter().flat_map(|c| [c.before, c.after]);
    if all().any(|state| state == Some(State::Open)) {
        Stood::Open
    } else if channels.is_empty() || all().any(|state| state.is_none()) {
        Stood::Unseen
    } else {
        Stood::NotOpen
    }
}

/// Severity and reason.
pub fn weigh(
    event: &HostEvent,
    standing: HostStanding,
    channels: &[Channel],
    states: &[HostChannel],
) -> (Severity, String) {
    let titles: Vec<&str> = channels.iter().map(|channel| channel.title()).collect();
    let by = titles.join(", ");
    let stood = stood(states);
    match event.kind {
        HostEventKind::ProcessCreated => command("a process was started", &by, stood, standing),
        HostEventKind::ExtendedProcedureUsed if channels == [Channel::XpCmdshell] => command(
            "xp_cmdshell was used for the first time since the start",
            &by,
            stood,
            standing,
        ),
        HostEventKind::ModuleLoaded if is_signed(event) => (
            Severity::Info,
            "the module is signed, and Windows calls the signature valid".to_owned(),
        ),
        HostEventKind::ModuleLoaded => code(
            "a module that no valid signature vouches for was loaded into the engine",
            &by,
            stood,
        ),
        HostEventKind::ExtendedProcedureUsed | HostEventKind::LibraryLoading
            if is_shipped(event) =>
        {
            (
                Severity::Info,
                "the DLL has the name of one that SQL Server ships".to_owned(),
            )
        }
        HostEventKind::ExtendedProcedureUsed | HostEventKind::LibraryLoading => {
            code("a DLL that SQL Server does not ship was loaded", &by, stood)
        }
        HostEventKind::OptionChanged => option(event, &by, channels.is_empty(), stood),
        HostEventKind::CallBlocked => (
            Severity::Medium,
            "somebody called what is switched off: find out who tried".to_owned(),
        ),
        HostEventKind::ClrStarted => (
            Severity::Info,
            ".NET was started in the engine, as system assemblies need it too".to_owned(),
        ),
    }
}

fn command(what: &str, by: &str, stood: Stood, standing: HostStanding) -> (Severity, String) {
    match (stood, standing) {
        (Stood::NotOpen, _) => (
            Severity::High,
            format!(
                "{what}, and no channel that does so was open in BEFORE or AFTER ({by}): it was opened and closed between, or there is another way"
            ),
        ),
        (_, HostStanding::Change) => (
            Severity::High,
            format!("{what} next to a change that reaches {by}"),
        ),
        (Stood::Unseen, _) => (
            Severity::Medium,
            format!("{what}, and how its channels stood was not seen on both sides ({by})"),
        ),
        (Stood::Open, HostStanding::Event) => (
            Severity::Medium,
            format!("{what} next to an event that names its channel ({by})"),
        ),
        (Stood::Open, _) => (
            Severity::Low,
            format!(
                "{what} while a channel for it was open ({by}): who used it is not recorded near it"
            ),
        ),
    }
}

fn code(what: &str, by: &str, stood: Stood) -> (Severity, String) {
    match stood {
        Stood::NotOpen => (
            Severity::High,
            format!("{what}, and no channel that does so was open in BEFORE or AFTER ({by})"),
        ),
        Stood::Open | Stood::Unseen => (Severity::Medium, format!("{what} ({by})")),
    }
}

fn option(event: &HostEvent, by: &str, is_other: bool, stood: Stood) -> (Severity, String) {
    let is_off = event.parameters.get(2).is_some_and(|to| to == "0");
    if is_other {
        (Severity::Info, "the option opens no channel".to_owned())
    } else if is_off {
        (Severity::Low, format!("{by} was switched off"))
    } else if stood == Stood::NotOpen {
        (
            Severity::High,
            format!(
                "{by} was switched on, and was open neither in BEFORE nor in AFTER: it was open between"
            ),
        )
    } else {
        (Severity::Medium, format!("{by} was switched on"))
    }
}

fn is_signed(event: &HostEvent) -> bool {
    event.module.as_ref().is_some_and(|module| {
        let status = module.signature_status.as_deref();
        module.signed == Some(true)
            && status.is_some_and(|status| status.eq_ignore_ascii_case("valid"))
    })
}

fn is_shipped(event: &HostEvent) -> bool {
    let path = event
        .module
        .as_ref()
        .and_then(|module| module.path.as_deref());
    path.is_some_and(|path| SHIPPED.contains(&program(path).as_str()))
}
