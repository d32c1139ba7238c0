//! The ways that lead from T-SQL to a command of the operating system.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One way to run a command of the operating system through an instance.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// `xp_cmdshell`.
    XpCmdshell,
    /// An assembly of .NET code.
    Clr,
    /// `sp_OACreate` and its siblings.
    OleAutomation,
    /// `sp_execute_external_script`.
    ExternalScript,
    /// Job step of subsystem CmdExec.
    AgentCmdExec,
    /// Job step of subsystem PowerShell.
    AgentPowerShell,
    /// Job step of subsystem SSIS.
    AgentSsis,
    /// Job step of subsystem ActiveScripting.
    AgentActiveX,
    /// A DLL added as an extended stored procedure.
    ExtendedProcedure,
    /// A linked server, and a channel over there.
    LinkedHop,
    /// A registry value that Windows runs later.
    RegistryAutorun,
    /// A module that uses another channel for whoever may execute it.
    ModuleCommand,
}

/// What is said of one channel.
struct Card {
    channel: Channel,
    word: &'static str,
    title: &'static str,
    meaning: &'static str,
    option: Option<&'static str>,
}

const fn card(
    channel: Channel,
    word: &'static str,
    title: &'static str,
    meaning: &'static str,
    option: Option<&'static str>,
) -> Card {
    Card {
        channel,
        word,
        title,
        meaning,
        option,
    }
}

/// In the order of the variants, which a test holds. Agent channels have no option: a running Agent sets `Agent XPs`
/// itself, and jobs run by the service, whatever the option says.
const CARDS: [Card; 12] = [
    card(
        Channel::XpCmdshell,
        "xp_cmdshell",
        "xp_cmdshell",
        "EXECUTE master.sys.xp_cmdshell starts a command shell as the engine's service account, or as its proxy account for callers outside sysadmin.",
        Some("xp_cmdshell"),
    ),
    card(
        Channel::Clr,
        "clr",
        "CLR assembly",
        "An assembly that is not confined starts processes, or runs any code inside the engine, as the engine's service account.",
        Some("clr enabled"),
    ),
    card(
        Channel::OleAutomation,
        "ole_automation",
        "OLE automation procedures",
        "sp_OACreate creates a COM object such as WScript.Shell, and sp_OAMethod has it run a command as the engine's service account.",
        Some("Ole Automation Procedures"),
    ),
    card(
        Channel::ExternalScript,
        "external_script",
        "External script",
        "sp_execute_external_script runs an R, Python or other script, which can start commands, as a worker account or in a container of its own.",
        Some("external scripts enabled"),
    ),
    card(
        Channel::AgentCmdExec,
        "agent_cmd_exec",
        "Agent job step (CmdExec)",
        "A CmdExec job step is a command line that Agent runs as its service account or as the step's proxy.",
        None,
    ),
    card(
        Channel::AgentPowerShell,
        "agent_power_shell",
        "Agent job step (PowerShell)",
        "A PowerShell job step is a script that Agent runs as its service account or as the step's proxy.",
        None,
    ),
    card(
        Channel::AgentSsis,
        "agent_ssis",
        "Agent job step (SSIS)",
        "An SSIS job step runs a package, and an Execute Process or script task in it starts a command as Agent's service account or as the step's proxy.",
        None,
    ),
    card(
        Channel::AgentActiveX,
        "agent_active_x",
        "Agent job step (ActiveX script)",
        "An ActiveScripting job step is VBScript or JScript that Agent runs as its service account or as the step's proxy.",
        None,
    ),
    card(
        Channel::ExtendedProcedure,
        "extended_procedure",
        "Extended stored procedure",
        "sp_addextendedproc makes a DLL's function a procedure in master, and calling it loads the DLL into the engine's process.",
        None,
    ),
    card(
        Channel::LinkedHop,
        "linked_hop",
        "Linked server",
        "EXECUTE … AT, OPENQUERY or a four-part name runs T-SQL on another server as the mapped login, and a channel over there runs the command.",
        None,
    ),
    card(
        Channel::RegistryAutorun,
        "registry_autorun",
        "Registry autorun",
        "xp_regwrite and xp_instance_regwrite set a value that Windows runs at the next logon or start of a service.",
        None,
    ),
    card(
        Channel::ModuleCommand,
        "module_command",
        "Module that runs commands",
        "A procedure, function or trigger that uses another channel runs the command for everybody who can execute or fire it.",
        None,
    ),
];

impl Channel {
    /// Every channel, in the order of the variants.
    pub const ALL: [Self; 12] = {
        let mut all = [Self::XpCmdshell; 12];
        let mut at = 0;
        while at < all.len() {
            all[at] = CARDS[at].channel;
            at += 1;
        }
        all
    };

    fn card(self) -> &'static Card {
        &CARDS[self as usize]
    }

    /// The channel's word in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        self.card().word
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        self.card().title
    }

    /// How a command is run through it, in one sentence.
    pub fn meaning(self) -> &'static str {
        self.card().meaning
    }

    /// The option of `sys.configurations` that must be on for it.
    pub fn option(self) -> Option<&'static str> {
        self.card().option
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_cards_stand_in_the_order_of_the_variants_and_speak_as_json_does() {
        for (at, channel) in Channel::ALL.into_iter().enumerate() {
            assert_eq!(channel as usize, at);
            assert_eq!(channel.card().channel, channel);
            let json = serde_json::to_string(&channel).unwrap();
            assert_eq!(json, format!("\"{}\"", channel.as_str()));
        }
    }

    #[test]
    fn options_are_written_as_the_server_writes_them() {
        let catalog = include_str!("../../tests/fixtures/configurations.toml");
        for option in Channel::ALL.into_iter().filter_map(Channel::option) {
            assert!(catalog.contains(&format!("\"{option}\"")), "{option}");
        }
    }

    #[test]
    fn every_meaning_is_one_sentence() {
        for channel in Channel::ALL {
            let meaning = channel.meaning();
            assert!(meaning.ends_with('.') && meaning.matches(". ").count() == 0);
        }
    }
}
