//! The events that AN0511 needs, each with what records it and the source that says so. A table, so that it can be
//! read and tested as one.

use crate::rules::{Case, Severity};

/// Where an event happens, and with it which specifications can record it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// On the server: a server specification alone.
    Server,
    /// In any database: a server specification, or one in every database that is there and will be.
    EveryDatabase,
    /// In one of the server's own databases: a server specification, or one there.
    Only(&'static str),
}

/// Actions of a database specification that do the same as the groups in its database: all of them, by everyone.
#[derive(Debug)]
pub struct Actions {
    /// Their names.
    pub names: &'static [&'static str],
    /// The schema that has all the objects in question, by its fixed id.
    pub schema_id: Option<i32>,
    /// Extended procedures that are all of these objects, if they are.
    pub procedures: &'static [&'static str],
}

/// One event.
#[derive(Debug)]
pub struct Event {
    /// Its word in JSON.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// How bad it is that it goes unrecorded.
    pub severity: Severity,
    /// Where it happens.
    pub scope: Scope,
    /// Action groups that record it: all of them. None if no group is documented to.
    pub groups: &'static [&'static str],
    /// Database actions that do the same.
    pub actions: Option<&'static Actions>,
    /// Groups any of which records some of it, and what.
    pub lesser: &'static [(&'static str, &'static str)],
    /// What the default trace holds of it.
    pub trace: Option<&'static str>,
    /// What a record holds.
    pub holds: &'static str,
    /// Who says so.
    pub source: &'static str,
    /// Why it cannot happen here.
    pub unless: fn(&Case<'_>) -> Option<&'static str>,
}

/// The documentation of the groups; what the default trace has is by public lists and samples of its rows.
const GROUPS: &str = "docs: SQL Server Audit action groups and actions";
const TRACED: &str = "docs: SQL Server Audit action groups and actions; sp_trace_setevent; default trace events by public lists";
const TEXT: &str = "the whole statement, in rows of 4000 characters";
const OBJECTS: &str = "who, when, from which host and program, and the object's name (Object:Created, Altered, Deleted); not the text";
const CALL: &str =
    "the statement that calls, as written: variables by name, in rows of 4000 characters";

/// Batches are recorded as text from 2019 on.
const BATCHES: &[(&str, &str)] = &[
    (
        "BATCH_COMPLETED_GROUP",
        "the text of batches, not what procedures or text made in them run",
    ),
    (
        "BATCH_STARTED_GROUP",
        "the text of batches, not what procedures or text made in them run",
    ),
];

const SYS: i32 = 4;
const DBO: i32 = 1;

const ANY_CALL: Actions = Actions {
    names: &["EXECUTE"],
    schema_id: None,
    procedures: &[],
};
const XP_CMDSHELL: Actions = Actions {
    schema_id: Some(SYS),
    procedures: &["xp_cmdshell"],
    ..ANY_CALL
};
const SYS_CALL: Actions = Actions {
    schema_id: Some(SYS),
    ..ANY_CALL
};
/// Who may write msdb's tables needs no procedure.
const JOBS: Actions = Actions {
    names: &["DELETE", "EXECUTE", "INSERT", "UPDATE"],
    schema_id: Some(DBO),
    procedures: &[],
};

const PRESET: Event = Event {
    id: "",
    title: "",
    severity: Severity::Medium,
    scope: Scope::EveryDatabase,
    groups: &["SCHEMA_OBJECT_CHANGE_GROUP"],
    actions: None,
    lesser: &[],
    trace: Some(OBJECTS),
    holds: TEXT,
    source: TRACED,
    unless: |_| None,
};

const CALLED: Event = Event {
    groups: &["SCHEMA_OBJECT_ACCESS_GROUP"],
    actions: Some(&SYS_CALL),
    lesser: BATCHES,
    trace: None,
    holds: CALL,
    source: GROUPS,
    ..PRESET
};

fn no_xp_cmdshell(case: &Case<'_>) -> Option<&'static str> {
    if case.is_managed_instance() {
        return Some("Azure SQL Managed Instance does not have it");
    }
    not_on_linux(case)
}

fn not_on_linux(case: &Case<'_>) -> Option<&'static str> {
    case.is_on_linux()
        .then_some("SQL Server on Linux does not have it")
}

fn before(case: &Case<'_>, since: u16) -> Option<&'static str> {
    case.predates(since)
        .then_some("this version does not have it")
}

/// Every event, in the order of the matrix.
pub static EVENTS: &[Event] = &[
    Event {
        id: "procedure_change",
        title: "procedure created, altered or dropped",
        ..PRESET
    },
    Event {
        id: "function_change",
        title: "function created, altered or dropped",
        ..PRESET
    },
    Event {
        id: "trigger_change",
        title: "trigger of a table or view created, altered or dropped",
        ..PRESET
    },
    Event {
        id: "database_trigger_change",
        title: "DDL trigger of a database created, altered or dropped",
        groups: &["DATABASE_OBJECT_CHANGE_GROUP"],
        ..PRESET
    },
    Event {
        id: "server_trigger_change",
        title: "server trigger created, altered or dropped",
        scope: Scope::Server,
        groups: &["SERVER_OBJECT_CHANGE_GROUP"],
        ..PRESET
    },
    Event {
        id: "assembly_change",
        title: "assembly created, altered or dropped",
        groups: &["DATABASE_OBJECT_CHANGE_GROUP"],
        trace: None, // object type 21313 is documented, and no sample of such a row is public
        holds: "the statement with the start of the assembly's bytes, in rows of 4000 characters",
        ..PRESET
    },
    Event {
        id: "trusted_assembly_change",
        title: "assembly trusted by its hash",
        groups: &["SCHEMA_OBJECT_ACCESS_GROUP"],
        lesser: BATCHES,
        trace: None,
        holds: "the call of sp_add_trusted_assembly; no group is documented for the change itself",
        source: GROUPS,
        unless: |case| before(case, 14),
        ..PRESET
    },
    Event {
        id: "option_change",
        title: "option of a command channel switched",
        scope: Scope::Server,
        groups: &["SERVER_OPERATION_GROUP"],
        lesser: BATCHES,
        trace: Some(
            "message 15457: the option's name, its old and its new value, who, when, host and program",
        ),
        holds: "the call of sp_configure or RECONFIGURE; the value stands in its text alone",
        ..PRESET
    },
    Event {
        id: "server_role_change",
        title: "member added to or taken from a server role",
        scope: Scope::Server,
        groups: &["SERVER_ROLE_MEMBER_CHANGE_GROUP"],
        trace: Some("role and member, who, when, host and program; not the text"),
        ..PRESET
    },
    Event {
        id: "database_role_change",
        title: "member added to or taken from a database role",
        severity: Severity::Low,
        groups: &["DATABASE_ROLE_MEMBER_CHANGE_GROUP"],
        trace: Some("role and member, who, when, host and program; not the text"),
        ..PRESET
    },
    Event {
        id: "server_permission_change",
        title: "permission on the server or its objects changed",
        scope: Scope::Server,
        groups: &[
            "SERVER_OBJECT_PERMISSION_CHANGE_GROUP",
            "SERVER_PERMISSION_CHANGE_GROUP",
        ],
        trace: None, // events 170 and 171 are not in it
        ..PRESET
    },
    Event {
        id: "database_permission_change",
        title: "permission in a database changed",
        severity: Severity::Low,
        groups: &[
            "DATABASE_OBJECT_PERMISSION_CHANGE_GROUP",
            "DATABASE_PERMISSION_CHANGE_GROUP",
            "SCHEMA_OBJECT_PERMISSION_CHANGE_GROUP",
        ],
        trace: Some(
            "permissions on databases and schema objects, not on assemblies and schemas; who, when, host and program",
        ),
        ..PRESET
    },
    Event {
        id: "server_principal_change",
        title: "login or server role created, altered or dropped",
        scope: Scope::Server,
        groups: &["SERVER_PRINCIPAL_CHANGE_GROUP"],
        trace: Some(
            "logins added, dropped and changed, not server roles; who, when, host and program",
        ),
        ..PRESET
    },
    Event {
        id: "login_impersonation",
        title: "login impersonated",
        severity: Severity::Low,
        scope: Scope::Server,
        groups: &["SERVER_PRINCIPAL_IMPERSONATION_GROUP"],
        trace: None,
        source: GROUPS,
        ..PRESET
    },
    Event {
        id: "user_impersonation",
        title: "user impersonated",
        severity: Severity::Low,
        groups: &["DATABASE_PRINCIPAL_IMPERSONATION_GROUP"],
        trace: None,
        source: GROUPS,
        ..PRESET
    },
    Event {
        id: "xp_cmdshell_run",
        title: "xp_cmdshell run",
        scope: Scope::Only("master"),
        actions: Some(&XP_CMDSHELL),
        unless: no_xp_cmdshell,
        ..CALLED
    },
    Event {
        id: "ole_automation_run",
        title: "OLE automation procedure run",
        unless: not_on_linux,
        ..CALLED
    },
    Event {
        id: "external_script_run",
        title: "external script run",
        unless: |case| before(case, 13),
        ..CALLED
    },
    Event {
        id: "clr_run",
        title: "CLR module run",
        severity: Severity::Low,
        actions: Some(&ANY_CALL),
        ..CALLED
    },
    Event {
        id: "audit_change",
        title: "audit or specification changed, audit stopped",
        scope: Scope::Server,
        groups: &["AUDIT_CHANGE_GROUP"],
        trace: None, // event 117 is about trace based audit
        source: GROUPS,
        ..PRESET
    },
    Event {
        id: "trace_change",
        title: "trace changed or stopped",
        severity: Severity::Low,
        scope: Scope::Server,
        groups: &["TRACE_CHANGE_GROUP"],
        trace: Some("statements that take ALTER TRACE, until the default trace itself is stopped"),
        ..PRESET
    },
    Event {
        id: "agent_job_change",
        title: "Agent job or step created or changed",
        scope: Scope::Only("msdb"),
        actions: Some(&JOBS),
        unless: |case| {
            let identity = case.snapshot.server.server_identity.known();
            let is_express = identity.is_some_and(|own| own.engine_edition == Some(EXPRESS));
            is_express.then_some("the Express edition has no Agent")
        },
        holds: "the call of msdb's procedure with its values, or the statement on its tables, in rows of 4000 characters",
        ..CALLED
    },
    Event {
        id: "linked_server_change",
        title: "linked server created, altered or dropped",
        severity: Severity::Low,
        scope: Scope::Server,
        groups: &["SERVER_OBJECT_CHANGE_GROUP"],
        trace: None,
        source: GROUPS,
        ..PRESET
    },
];

/// `EngineEdition` of Express.
const EXPRESS: i32 = 4;
