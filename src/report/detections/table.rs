//! What logs can show of the events that AN0511 needs: one Sigma rule each.

/// Where a rule looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Windows' Application log, where the engine writes whatever audits do.
    ApplicationLog,
    /// The same or the Security log, where an audit with that target writes its records (event 33205).
    AuditRecords,
    /// Sysmon 1, Security 4688.
    ProcessCreation,
    /// Sysmon 7.
    ImageLoad,
}

/// What an estate approves, and a rule passes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Nothing.
    Nothing,
    /// Commands, word for word, of modules whose finding is accepted.
    Commands,
}

/// One rule, before an estate is known.
#[derive(Debug)]
pub struct Detection {
    /// Its file's name.
    pub slug: &'static str,
    /// For people.
    pub title: &'static str,
    /// What it sees, in sentences.
    pub about: &'static str,
    /// Where it looks.
    pub source: Source,
    /// The field with its modifiers, and values any of which it must have; all lines must hold.
    pub lines: &'static [(&'static str, &'static [&'static str])],
    /// Events of the matrix that it sees something of.
    pub events: &'static [&'static str],
    /// `informational`, `low`, `medium`, `high` or `critical`.
    pub level: &'static str,
    /// ATT&CK tags.
    pub tags: &'static [&'static str],
    /// What else looks like it.
    pub false_positives: &'static str,
    /// What it passes over.
    pub allowed: Allowed,
}

const SERVER: &[&str] = &["\\sqlservr.exe"];
const PERSISTENCE: &[&str] = &["attack.persistence", "attack.t1505.001"];
const EXECUTION: &[&str] = &["attack.persistence", "attack.execution", "attack.t1505.001"];
const RECORD: (&str, &[&str]) = ("EventID", &["33205"]);
const ENGINE: (&str, &[&str]) = ("Provider_Name|startswith", &["MSSQL"]);

const PRESET: Detection = Detection {
    slug: "",
    title: "",
    about: "",
    source: Source::AuditRecords,
    lines: &[],
    events: &[],
    level: "medium",
    tags: PERSISTENCE,
    false_positives: "changes that a release or an administrator makes",
    allowed: Allowed::Nothing,
};

const CALLED: Detection = Detection {
    tags: EXECUTION,
    false_positives: "modules and jobs that are approved: the playbook of the instance lists them",
    level: "high",
    ..PRESET
};

/// Every rule, those that need no audit first.
pub const DETECTIONS: &[Detection] = &[
    Detection {
        slug: "process-under-the-engine",
        title: "SQL Server started a process",
        about: "xp_cmdshell, OLE automation, CLR and extended procedures start processes under sqlservr.exe; the engine itself \
            hardly does.",
        source: Source::ProcessCreation,
        lines: &[("ParentImage|endswith", SERVER)],
        events: &["xp_cmdshell_run", "ole_automation_run", "clr_run"],
        level: "high",
        tags: EXECUTION,
        false_positives: "dumps (SqlDumper.exe), full-text search (fdlauncher.exe)",
        allowed: Allowed::Commands,
    },
    Detection {
        slug: "process-under-agent",
        title: "SQL Server Agent started a command interpreter",
        about: "CmdExec and PowerShell steps of Agent jobs start processes under SQLAGENT.EXE.",
        source: Source::ProcessCreation,
        lines: &[
            ("ParentImage|endswith", &["\\SQLAGENT.EXE"]),
            (
                "Image|endswith",
                &[
                    "\\cmd.exe",
                    "\\powershell.exe",
                    "\\sqlps.exe",
                    "\\cscript.exe",
                    "\\wscript.exe",
                ],
            ),
        ],
        events: &["agent_job_change"],
        tags: EXECUTION,
        false_positives: "jobs with steps of the operating system; the playbook of the instance lists those that are approved",
        ..PRESET
    },
    Detection {
        slug: "process-under-launchpad",
        title: "An external script started a command interpreter",
        about: "sp_execute_external_script runs R, Python or another language under Launchpad.exe; a shell below it leaves the \
            script's language.",
        source: Source::ProcessCreation,
        lines: &[
            (
                "ParentImage|endswith",
                &[
                    "\\Launchpad.exe",
                    "\\python.exe",
                    "\\Rterm.exe",
                    "\\BxlServer.exe",
                ],
            ),
            ("Image|endswith", &["\\cmd.exe", "\\powershell.exe"]),
        ],
        events: &["external_script_run"],
        tags: EXECUTION,
        false_positives: "Python or R that runs for other reasons on the same machine",
        ..PRESET
    },
    Detection {
        slug: "library-in-the-engine",
        title: "SQL Server loaded a library whose signature does not hold",
        about: "An extended procedure is a DLL that is loaded into the engine's process.",
        source: Source::ImageLoad,
        lines: &[
            ("Image|endswith", SERVER),
            (
                "SignatureStatus",
                &["Unavailable", "Expired", "Revoked", "Error"],
            ),
        ],
        events: &["xp_cmdshell_run", "clr_run"],
        tags: PERSISTENCE,
        false_positives: "drivers of linked servers, backup agents and monitoring that load into the engine",
        ..PRESET
    },
    Detection {
        slug: "command-channel-switched",
        title: "A command channel of SQL Server was switched on or off",
        about: "The engine writes 15457 for every change of sp_configure, whatever audits record; who did it stands only in the \
            default trace or an audit.",
        source: Source::ApplicationLog,
        lines: &[
            ENGINE,
            ("EventID", &["15457"]),
            (
                "Data|contains",
                &[
                    "xp_cmdshell",
                    "Ole Automation Procedures",
                    "clr enabled",
                    "clr strict security",
                    "external scripts enabled",
                    "Ad Hoc Distributed Queries",
                    "external rest endpoint enabled",
                ],
            ),
        ],
        events: &["option_change"],
        level: "high",
        false_positives: "an administrator who opens a channel for a task and closes it again",
        ..PRESET
    },
    Detection {
        slug: "blocked-channel-called",
        title: "A command channel that is off was called",
        about: "The engine writes 15281 when a call of a channel that is off is blocked: somebody tried.",
        source: Source::ApplicationLog,
        lines: &[ENGINE, ("EventID", &["15281"])],
        events: &[
            "xp_cmdshell_run",
            "ole_automation_run",
            "external_script_run",
            "clr_run",
        ],
        level: "low",
        tags: EXECUTION,
        false_positives: "applications that try a channel and do without",
        ..PRESET
    },
    Detection {
        slug: "module-with-a-channel-changed",
        title: "A module that runs commands was created or altered",
        about: "An audit's record of CREATE or ALTER whose statement names a command channel.",
        lines: &[
            ENGINE,
            RECORD,
            ("Data|contains", &["action_id:CR", "action_id:AL"]),
            (
                "Data|contains",
                &[
                    "xp_cmdshell",
                    "sp_OACreate",
                    "sp_execute_external_script",
                    "EXTERNAL NAME",
                    "sp_configure",
                ],
            ),
        ],
        events: &["procedure_change", "function_change", "trigger_change"],
        level: "high",
        false_positives: "releases of modules that are approved: the playbook of the instance lists them",
        ..PRESET
    },
    Detection {
        slug: "assembly-changed",
        title: "A CLR assembly was created, altered or trusted",
        about: "An audit's record of CREATE or ALTER ASSEMBLY, or of the call that trusts one by its hash.",
        lines: &[
            ENGINE,
            RECORD,
            (
                "Data|contains",
                &[
                    "CREATE ASSEMBLY",
                    "ALTER ASSEMBLY",
                    "sp_add_trusted_assembly",
                ],
            ),
        ],
        events: &["assembly_change", "trusted_assembly_change"],
        level: "high",
        ..PRESET
    },
    Detection {
        slug: "role-gained",
        title: "A member was added to a role",
        about: "An audit's record of a member added to a role of the server or of a database (APRL).",
        lines: &[ENGINE, RECORD, ("Data|contains", &["action_id:APRL"])],
        events: &["server_role_change", "database_role_change"],
        ..PRESET
    },
    Detection {
        slug: "audit-changed",
        title: "An audit was changed or stopped",
        about: "An audit's record of its own change: what follows may be unrecorded.",
        lines: &[
            ENGINE,
            RECORD,
            (
                "Data|contains",
                &[
                    "SERVER AUDIT",
                    "DATABASE AUDIT SPECIFICATION",
                    "action_id:AUSC",
                ],
            ),
        ],
        events: &["audit_change"],
        level: "high",
        tags: &["attack.t1505.001"],
        ..PRESET
    },
    Detection {
        slug: "job-step-changed",
        title: "An Agent job step was created or changed",
        about: "An audit's record of a call of msdb's procedures for job steps.",
        lines: &[
            ENGINE,
            RECORD,
            (
                "Data|contains",
                &[
                    "object_name:sp_add_jobstep",
                    "object_name:sp_update_jobstep",
                ],
            ),
        ],
        events: &["agent_job_change"],
        ..PRESET
    },
    Detection {
        slug: "options-changed-by-record",
        title: "An option of SQL Server was changed, by an audit's record",
        about: "An audit's record of sp_configure or RECONFIGURE: which option, and to what, stands in its statement alone, and \
            not where variables are passed; message 15457 names both.",
        lines: &[
            ENGINE,
            RECORD,
            ("Data|contains", &["sp_configure", "RECONFIGURE"]),
        ],
        events: &["option_change"],
        false_positives: "options that open nothing, and statements that only name these",
        ..PRESET
    },
    Detection {
        slug: "xp-cmdshell-by-record",
        title: "xp_cmdshell was called, by an audit's record",
        about: "An audit's record of a call of xp_cmdshell, with its statement and who called.",
        lines: &[
            ENGINE,
            RECORD,
            ("Data|contains", &["object_name:xp_cmdshell"]),
        ],
        events: &["xp_cmdshell_run"],
        ..CALLED
    },
    Detection {
        slug: "ole-automation-by-record",
        title: "An OLE automation procedure was called, by an audit's record",
        about: "An audit's record of a call that creates an object or calls its methods, with its statement and who called.",
        lines: &[
            ENGINE,
            RECORD,
            (
                "Data|contains",
                &["object_name:sp_OACreate", "object_name:sp_OAMethod"],
            ),
        ],
        events: &["ole_automation_run"],
        ..CALLED
    },
    Detection {
        slug: "external-script-by-record",
        title: "An external script was run, by an audit's record",
        about: "An audit's record of a call of sp_execute_external_script, with its statement and who called.",
        lines: &[
            ENGINE,
            RECORD,
            ("Data|contains", &["object_name:sp_execute_external_script"]),
        ],
        events: &["external_script_run"],
        ..CALLED
    },
    Detection {
        slug: "clr-module-by-record",
        title: "A CLR procedure, function or aggregate was called, by an audit's record",
        about: "An audit's record of a call of an object of an assembly (its class_type is PC, FS, FT or AF). What the object \
            does is not in it.",
        lines: &[
            ENGINE,
            RECORD,
            ("Data|contains", &["action_id:EX", "action_id:SL"]),
            (
                "Data|contains",
                &[
                    "class_type:PC",
                    "class_type:FS",
                    "class_type:FT",
                    "class_type:AF",
                ],
            ),
        ],
        events: &["clr_run"],
        level: "low",
        false_positives: "assemblies that are approved: the playbook of the instance lists them",
        ..CALLED
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::telemetry::EVENTS;

    #[test]
    fn every_rule_sees_events_of_the_matrix_and_has_a_name_of_its_own() {
        let mut slugs: Vec<_> = DETECTIONS.iter().map(|own| own.slug).collect();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), DETECTIONS.len());
        for own in DETECTIONS {
            assert!(
                !own.lines.is_empty() && !own.events.is_empty(),
                "{}",
                own.slug
            );
            for event in own.events {
                assert!(
                    EVENTS.iter().any(|known| known.id == *event),
                    "{}: {event}",
                    own.slug
                );
            }
        }
    }
}
