//! What Windows of a database server recorded: processes that SQL Server started, modules that it loaded, and what it
//! wrote to the Application log. Lines of a file of events, beside those of traces and audits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EventStatement;
use crate::ids::InstanceId;

/// Says of a line that it is a host event's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HostLine {
    /// The only value.
    Host,
}

/// What happened on a host.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum HostEventKind {
    /// A program of SQL Server started a process: Security 4688, Sysmon 1.
    ProcessCreated,
    /// sqlservr.exe loaded a module: Sysmon 7.
    ModuleLoaded,
    /// `sp_configure` changed an option: 15457.
    OptionChanged,
    /// A call was refused because its component is switched off: 15281.
    CallBlocked,
    /// A DLL was first used by an extended procedure: 8128.
    ExtendedProcedureUsed,
    /// A DLL is about to be loaded: 33090.
    LibraryLoading,
    /// .NET was started in the engine: 6253, 6254.
    ClrStarted,
}

impl HostEventKind {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::ProcessCreated => "process created",
            Self::ModuleLoaded => "module loaded",
            Self::OptionChanged => "option changed",
            Self::CallBlocked => "call blocked",
            Self::ExtendedProcedureUsed => "DLL used by an extended procedure",
            Self::LibraryLoading => "DLL loading",
            Self::ClrStarted => "CLR started",
        }
    }
}

/// One event of a Windows log. Every text in it is hostile: whoever starts a process chooses its command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostEvent {
    /// `host`.
    pub line: HostLine,
    /// The target that was named for the export; where none was, the machine, with the instance that a provider names.
    pub target: InstanceId,
    /// When, UTC, always with seven digits of the second.
    pub moment: String,
    /// The same as the export gave it.
    pub recorded: String,
    /// The exported file.
    pub export: String,
    /// The machine, as the event names it.
    pub machine: Option<String>,
    /// The log.
    pub channel: Option<String>,
    /// Who wrote the event.
    pub provider: Option<String>,
    /// Its number.
    pub event_id: u32,
    /// Number of its record in the log.
    pub record: Option<String>,
    /// What happened.
    pub kind: HostEventKind,
    /// The new process, or the one that loaded a module.
    pub process: Option<HostProcess>,
    /// What started it.
    pub parent: Option<HostProcess>,
    /// The account that it runs as, or that wrote the event.
    pub user: Option<String>,
    /// What was loaded.
    pub module: Option<HostModule>,
    /// What is put into the text of a message of SQL Server, in its order: the option and its values, the DLL and the
    /// procedure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
}

impl HostEvent {
    /// How Windows names the instance that has no name.
    pub const DEFAULT_INSTANCE: &str = "MSSQLSERVER";

    /// The instance that the event names, by its provider or by a folder of setup's; none where it says only which
    /// machine it is of.
    pub fn instance(&self) -> Option<String> {
        let provider = self.provider.as_deref().unwrap_or_default();
        if provider.eq_ignore_ascii_case(Self::DEFAULT_INSTANCE) {
            return Some(Self::DEFAULT_INSTANCE.to_owned());
        }
        if let Some((first, own)) = provider.split_once('$')
            && first.eq_ignore_ascii_case("MSSQL")
        {
            let own = own.split('$').next().unwrap_or(own);
            return Some(own.to_owned());
        }
        let mut processes = [&self.parent, &self.process].into_iter().flatten();
        processes.find_map(|process| instance_of(process.image.as_deref()?))
    }
}

/// `ERP` of `…\MSSQL15.ERP\MSSQL\Binn\sqlservr.exe`.
fn instance_of(path: &str) -> Option<String> {
    path.split('\\').find_map(|part| {
        let (before, own) = part.split_once('.')?;
        let (first, version) = before.split_at_checked(5)?;
        let is_version = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit());
        (first.eq_ignore_ascii_case("MSSQL") && is_version && !own.is_empty())
            .then(|| own.to_owned())
    })
}

/// A process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostProcess {
    /// Path of its program.
    pub image: Option<String>,
    /// Its number, as recorded.
    pub id: Option<String>,
    /// Its command line, with `***` for every recognised secret. Security 4688 has it only where a policy says so.
    pub command_line: Option<EventStatement>,
}

/// A module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostModule {
    /// Its path, or a name alone in a message of SQL Server.
    pub path: Option<String>,
    /// Its hashes, as `SHA256=…`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hashes: Vec<String>,
    /// Whether it is signed.
    pub signed: Option<bool>,
    /// By whom.
    pub signature: Option<String>,
    /// What Windows said of the signature.
    pub signature_status: Option<String>,
}

/// The last part of a Windows path, in lower case.
pub fn program(path: &str) -> String {
    let name = path.rsplit(['\\', '/']).next().unwrap_or(path);
    name.trim().to_lowercase()
}

/// A program of SQL Server that starts others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostParent {
    /// The engine.
    Engine,
    /// SQL Server Agent.
    Agent,
    /// Launchpad, or what it starts to run a script.
    Launchpad,
}

/// By name of the program. BxlServer hosts R and Python under Launchpad, and the extension host other languages:
/// Microsoft's page "Extensibility architecture in SQL Server Machine Learning Services".
const PARENTS: &[(&str, HostParent)] = &[
    ("sqlservr.exe", HostParent::Engine),
    ("sqlagent.exe", HostParent::Agent),
    ("launchpad.exe", HostParent::Launchpad),
    ("bxlserver.exe", HostParent::Launchpad),
    ("exthost.exe", HostParent::Launchpad),
];
/// The interpreters that come with it, which elsewhere are anybody's.
const INTERPRETERS: &[&str] = &["rterm.exe", "rscript.exe", "python.exe", "java.exe"];
/// Parts of the folders that setup puts them in.
const INTERPRETER_FOLDERS: &[&str] = &["\\r_services\\", "\\python_services\\", "\\extensibility"];

impl HostParent {
    /// Which one a path names.
    pub fn of(path: &str) -> Option<Self> {
        let name = program(path);
        let mut parents = PARENTS.iter();
        if let Some((_, parent)) = parents.find(|(known, _)| *known == name) {
            return Some(*parent);
        }
        let lower = path.to_lowercase();
        let of_setup = INTERPRETER_FOLDERS.iter().any(|f| lower.contains(f));
        (of_setup && INTERPRETERS.contains(&name.as_str())).then_some(Self::Launchpad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_setup_name_the_instance() {
        for (path, due) in [
            ("C:\\X\\MSSQL15.ERP\\MSSQL\\Binn\\sqlservr.exe", Some("ERP")),
            (
                "C:\\X\\MSSQL15.MSSQLSERVER\\MSSQL\\Binn\\sqlservr.exe",
                Some("MSSQLSERVER"),
            ),
            ("C:\\MSSQL.1\\sqlservr.exe", None),
            ("C:\\MSSQLx.ERP\\sqlservr.exe", None),
            ("C:\\é.x\\sqlservr.exe", None),
        ] {
            assert_eq!(instance_of(path).as_deref(), due, "{path}");
        }
    }

    #[test]
    fn parents_are_told_by_the_programs_name_alone() {
        for (path, due) in [
            (
                "C:\\Program Files\\MSSQL\\Binn\\sqlservr.exe",
                Some(HostParent::Engine),
            ),
            ("D:\\X\\SQLAGENT.EXE", Some(HostParent::Agent)),
            (
                "\\Device\\HarddiskVolume2\\Binn\\Launchpad.exe",
                Some(HostParent::Launchpad),
            ),
            (
                "C:\\MSSQL\\R_SERVICES\\bin\\x64\\Rterm.exe",
                Some(HostParent::Launchpad),
            ),
            ("C:\\Python\\python.exe", None),
            ("C:\\sqlservr.exe\\evil.exe", None),
            ("C:\\notsqlservr.exe", None),
            ("", None),
        ] {
            assert_eq!(HostParent::of(path), due, "{path}");
        }
    }
}
