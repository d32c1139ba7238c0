//! How bad a sink is, wherever it is seen: in a file that is scanned, or in a module that changed.

use super::Severity;
use crate::tsql::{Observation, Sink};

/// Base severities; see [`sink_severity`].
const SEVERITIES: &[(Severity, &[Sink])] = &[
    (
        Severity::High,
        &[
            Sink::XpCmdshell,
            Sink::OleAutomation,
            Sink::CreateAssembly,
            Sink::SpConfigureEnable,
            Sink::AgentJob,
            Sink::ExtendedProcAdd,
            Sink::StartupProc,
            Sink::RegistryWrite,
        ],
    ),
    (Severity::Low, &[Sink::OtherXp, Sink::BulkFile]),
];

/// How bad a sink is by itself; see [`sink_severity`].
pub fn base_severity(sink: Sink) -> Severity {
    let listed = SEVERITIES.iter().find(|(_, sinks)| sinks.contains(&sink));
    listed.map_or(Severity::Medium, |(severity, _)| *severity)
}

/// How bad a sink is: high for what runs commands or plants something that does, low for what reaches files,
/// medium for the rest; one step up where a caller or data decides what is run.
pub fn sink_severity(observation: &Observation) -> Severity {
    let base = base_severity(observation.sink);
    match (observation.command_tainted, base) {
        (Some(true), Severity::Low) => Severity::Medium,
        (Some(true), Severity::Medium) => Severity::High,
        (Some(true), Severity::High) => Severity::Critical,
        _ => base,
    }
}
