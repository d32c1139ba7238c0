//! How much an event of a host matters, and why.

use super::{HostChannel, HostStanding};
use crate::drift::attribution::SideFacts;
use crate::graph::{Channel, State};
use crate::rules::Severity;
use crate::snapshot::{HostEvent, HostEventKind, program};
use crate::tsql::{is_option, shut_value};

/// DLLs of the extended procedures that SQL Server ships, with those procedures, in lower case. A name alone proves nothing:
/// it lowers the severity where the place and the procedure are the DLL's own as well.
#[rustfmt::skip] // a DLL after another
const SHIPPED: &[(&str, &[&str])] = &[
    ("odsole70.dll", &[
        "sp_oacreate", "sp_oadestroy", "sp_oageterrorinfo", "sp_oagetproperty", "sp_oamethod", "sp_oasetproperty", "sp_oastop",
    ]),
    ("xplog70.dll", &[
        "xp_cmdshell", "xp_enumgroups", "xp_logevent", "xp_loginconfig", "xp_msver", "xp_sprintf", "xp_sscanf",
    ]),
    ("xprepl.dll", &[
        "xp_createprivatequeue", "xp_createqueue", "xp_decodequeuecmd", "xp_deleteprivatequeue", "xp_deletequeue",
        "xp_displayqueuemesgs", "xp_dsninfo", "xp_mergelineages", "xp_oledbinfo", "xp_readpkfromqueue",
        "xp_readpkfromvarbin", "xp_repl_convert_encrypt_sysadmin_wrapper", "xp_replposteor", "xp_resetqueue",
        "xp_showcolv", "xp_showlineage", "xp_unpackcab",
    ]),
    ("xpsqlbot.dll", &["xp_qv"]),
    ("xpstar.dll", &[
        "xp_availablemedia", "xp_copy_file", "xp_copy_files", "xp_create_subdir", "xp_delete_file", "xp_delete_files",
        "xp_dirtree", "xp_enum_oledb_providers", "xp_enumdsn", "xp_enumerrorlogs", "xp_fileexist", "xp_fixeddrives",
        "xp_get_tape_devices", "xp_getnetname", "xp_instance_regaddmultistring", "xp_instance_regdeletekey",
        "xp_instance_regdeletevalue", "xp_instance_regenumkeys", "xp_instance_regenumvalues", "xp_instance_regread",
        "xp_instance_regremovemultistring", "xp_instance_regwrite", "xp_ntsec_enumdomains", "xp_prop_oledb_provider",
        "xp_readerrorlog", "xp_regaddmultistring", "xp_regdeletekey", "xp_regdeletevalue", "xp_regenumkeys",
        "xp_regenumvalues", "xp_regread", "xp_regremovemultistring", "xp_regwrite", "xp_servicecontrol",
        "xp_sqlagent_enum_jobs", "xp_sqlagent_is_starting", "xp_sqlagent_monitor", "xp_sqlagent_notify",
        "xp_sqlagent_param", "xp_subdirs",
    ]),
];

/// Options besides those that open a command channel which weaken the server: the value that does not, and what the other
/// brings about.
const WEAKENING: &[(&str, &str, Severity, &str)] = &[
    (
        "c2 audit mode",
        "1",
        Severity::High,
        "the trace of C2 auditing records nothing then",
    ),
    (
        "common criteria compliance enabled",
        "1",
        Severity::High,
        "logins leave fewer traces then",
    ),
    (
        "contained database authentication",
        "0",
        Severity::Medium,
        "databases may then let in users of their own",
    ),
    (
        "cross db ownership chaining",
        "0",
        Severity::Medium,
        "owners of a database may then reach into others",
    ),
    (
        "default trace enabled",
        "1",
        Severity::High,
        "the default trace records nothing then",
    ),
    (
        "scan for startup procs",
        "0",
        Severity::Medium,
        "procedures may then start with the server",
    ),
];

/// Folders that the engine's program is in, in lower case, as the services of both sides say.
pub fn folders(sides: Option<[SideFacts<'_>; 2]>) -> Vec<String> {
    let all = sides.iter().flatten();
    let services = all.flat_map(|(snapshot, _)| snapshot.server.services.seen());
    let files = services.filter_map(|own| own.filename.as_deref());
    let folders = files.filter_map(|file| {
        let lower = file.trim_start_matches('"').to_lowercase();
        let (folder, _) = lower.split_once("\\sqlservr.exe")?;
        Some(folder.to_owned())
    });
    folders.collect()
}

/// Whether a path lies in the folder of the engine's programs: in one of those, or where none is known in the one that setup
/// proposes, which only administrators may write to.
fn is_in_binn(path: &str, folders: &[String]) -> bool {
    let lower = path.to_lowercase();
    let Some((folder, _)) = lower.rsplit_once('\\') else {
        return false;
    };
    if !folders.is_empty() {
        return folders.iter().any(|own| own == folder);
    }
    let parts: Vec<&str> = folder.split('\\').collect();
    let [
        drive,
        "program files",
        "microsoft sql server",
        instance,
        "mssql",
        "binn",
    ] = parts.as_slice()
    else {
        return false;
    };
    drive.len() == 2 && drive.ends_with(':') && instance.starts_with("mssql")
}

/// Whose a DLL is that an extended procedure brings.
enum Dll {
    /// SQL Server's: by name, place and procedure.
    Shipped,
    /// By name one of SQL Server's, and else not: why.
    Posing(&'static str),
    /// Another's.
    Other,
}

fn dll(event: &HostEvent, folders: &[String]) -> Dll {
    let module = event.module.as_ref();
    let path = module
        .and_then(|module| module.path.as_deref())
        .unwrap_or_default();
    let name = program(path);
    let mut known = SHIPPED.iter();
    let Some((_, procedures)) = known.find(|(own, _)| *own == name) else {
        return Dll::Other;
    };
    let is_bare = !path.contains(['\\', '/']);
    if !is_bare && !is_in_binn(path, folders) {
        return Dll::Posing("lies elsewhere");
    }
    let is_own = match (event.kind, event.parameters.as_slice()) {
        (HostEventKind::LibraryLoading, [_]) => true,
        (HostEventKind::ExtendedProcedureUsed, [_, _, procedure]) => {
            procedures.contains(&procedure.to_lowercase().as_str())
        }
        _ => false,
    };
    if is_own {
        Dll::Shipped
    } else {
        Dll::Posing("is not known to have that procedure")
    }
}

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
    (channels, states): (&[Channel], &[HostChannel]),
    folders: &[String],
) -> (Severity, String) {
    let titles: Vec<&str> = channels.iter().map(|channel| channel.title()).collect();
    let by = titles.join(", ");
    let stood = stood(states);
    match event.kind {
        HostEventKind::ProcessCreated => command("a process was started", &by, stood, standing),
        HostEventKind::ModuleLoaded if is_signed(event) => (
            Severity::Info,
            "the module is signed, and Windows calls the signature valid".to_owned(),
        ),
        HostEventKind::ModuleLoaded => code(
            "a module that no valid signature vouches for was loaded into the engine",
            &by,
            stood,
        ),
        HostEventKind::ExtendedProcedureUsed | HostEventKind::LibraryLoading => {
            library(event, (channels, &by), (stood, standing), folders)
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
        (_, HostStanding::Run) => (
            Severity::High,
            format!("{what} next to an execution of what changed and reaches {by}"),
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

/// A DLL that an extended procedure brings.
fn library(
    event: &HostEvent,
    (channels, by): (&[Channel], &str),
    (stood, standing): (Stood, HostStanding),
    folders: &[String],
) -> (Severity, String) {
    let is_shell = channels == [Channel::XpCmdshell];
    match dll(event, folders) {
        Dll::Shipped if is_shell => command(
            "xp_cmdshell was used for the first time since the start",
            by,
            stood,
            standing,
        ),
        Dll::Shipped => (
            Severity::Info,
            "the DLL has name and place of one that SQL Server ships".to_owned(),
        ),
        Dll::Posing(why) => (
            Severity::High,
            format!("the DLL has the name of one that SQL Server ships, and {why}"),
        ),
        Dll::Other if is_shell => (
            Severity::High,
            "behind xp_cmdshell stands a DLL that SQL Server does not ship".to_owned(),
        ),
        Dll::Other => code("a DLL that SQL Server does not ship was loaded", by, stood),
    }
}

fn option(event: &HostEvent, by: &str, is_other: bool, stood: Stood) -> (Severity, String) {
    let to = event.parameters.get(2).map(String::as_str);
    if is_other {
        other_option(event.parameters.first().map_or("", String::as_str), to)
    } else if to == Some("0") {
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

/// An option that switches no channel of the graph.
fn other_option(name: &str, to: Option<&str>) -> (Severity, String) {
    let mut weakening = WEAKENING.iter();
    let own = weakening.find(|(own, ..)| own.eq_ignore_ascii_case(name));
    let own = own.map(|(_, strong, severity, why)| (*strong, *severity, *why));
    let by_channel = || {
        let shut = shut_value(name)?;
        Some((shut, Severity::High, "code may then leave the engine"))
    };
    match own.or_else(by_channel) {
        Some((strong, ..)) if to == Some(strong) => (
            Severity::Low,
            "the option was set to the value that protects".to_owned(),
        ),
        Some((_, severity, why)) => (severity, why.to_owned()),
        None if is_option(name) => (
            Severity::Info,
            "the option is none that opens a channel or ends a recording".to_owned(),
        ),
        None => (
            Severity::Medium,
            "which option it is was not understood".to_owned(),
        ),
    }
}

fn is_signed(event: &HostEvent) -> bool {
    event.module.as_ref().is_some_and(|module| {
        let status = module.signature_status.as_deref();
        module.signed == Some(true)
            && status.is_some_and(|status| status.eq_ignore_ascii_case("valid"))
    })
}
