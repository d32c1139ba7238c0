//! How much a change matters, where that depends on what the row says. `None` leaves it to the table.

use super::rows::RowChange;
use crate::graph::Channel;
use crate::rules::Severity::{self, High, Info, Low, Medium};

/// Options that record or hold back, and matter when they go off.
const GUARDS: &[&str] = &[
    "clr strict security",
    "default trace enabled",
    "common criteria compliance enabled",
    "c2 audit mode",
];
/// Options that open something, though no channel by themselves.
const OPENERS: &[&str] = &[
    "Ad Hoc Distributed Queries",
    "external rest endpoint enabled",
    "external AI runtimes enabled",
    "allow updates",
    "cross db ownership chaining",
    "remote access",
    "remote admin connections",
    "scan for startup procs",
    "Agent XPs",
    "hadoop connectivity",
    "allow polybase export",
];

/// How much it matters that an option runs with another value.
pub(super) fn of_option(name: &str, was: i64, is: i64) -> Severity {
    let named = |known: &&str| known.eq_ignore_ascii_case(name);
    let channel = Channel::ALL.into_iter().filter_map(Channel::option);
    let goes_on = was == 0 && is != 0;
    if channel.into_iter().any(|option| named(&option)) {
        return if goes_on { High } else { Info };
    }
    if GUARDS.iter().any(named) {
        return if is == 0 { High } else { Info };
    }
    match OPENERS.iter().any(named) {
        true if goes_on => Medium,
        true => Info,
        false => Low,
    }
}

pub(super) fn option(row: &RowChange<'_>) -> Option<Severity> {
    let name = row.text("name")?;
    let worst = |column| {
        let was = row.was_number(column).unwrap_or_default();
        let is = row.is_number(column).unwrap_or_default();
        (was != is).then(|| of_option(name, was, is))
    };
    // An option that a newer version has is nothing that anybody switched on, unless it is on.
    let least = if row.is_changed() { None } else { Some(Info) };
    worst("value").max(worst("value_in_use")).max(least)
}

pub(super) fn identity(row: &RowChange<'_>) -> Option<Severity> {
    let another = ["server_name", "machine_name", "instance_name"];
    if another.iter().any(|column| row.differs(column)) {
        return Some(Medium);
    }
    row.became_false("is_integrated_security_only")
        .then_some(Medium)
}

pub(super) fn server_tls(row: &RowChange<'_>) -> Option<Severity> {
    let forced = |side: Option<&str>| matches!(side, Some("on" | "required" | "strict"));
    (forced(row.was("encryption")) && !forced(row.is("encryption"))).then_some(Medium)
}

pub(super) fn database(row: &RowChange<'_>) -> Option<Severity> {
    if row.became_true("is_trustworthy_on") {
        return Some(High);
    }
    let worse = row.became_true("is_db_chaining_on")
        || (row.is_changed() && (row.differs("owner_sid") || row.differs("create_date")))
        || (row.is_changed() && row.differs("state_desc"));
    worse.then_some(Medium)
}

pub(super) fn login(row: &RowChange<'_>) -> Option<Severity> {
    if row.is_added() && row.is_flag("is_fixed_role") == Some(true) {
        return Some(Info); // they come with a version
    }
    let another = row.is_changed() && (row.differs("sid") || row.differs("create_date"));
    (another || (row.is_changed() && row.became_false("is_disabled"))).then_some(Medium)
}

pub(super) fn user(row: &RowChange<'_>) -> Option<Severity> {
    if row.is_added() && row.is_flag("is_fixed_role") == Some(true) {
        return Some(Info);
    }
    (row.is_changed() && row.differs("sid")).then_some(Medium)
}

/// Roles of the server and of databases by what a new member can do.
const ROLES: &[(Severity, &[&str])] = &[
    (High, &["sysadmin", "securityadmin", "db_owner"]),
    (
        Medium,
        &[
            "db_securityadmin",
            "db_ddladmin",
            "db_accessadmin",
            "db_ssisadmin",
            "dc_admin",
            "SQLAgentUserRole",
            "SQLAgentReaderRole",
            "SQLAgentOperatorRole",
        ],
    ),
];

pub(super) fn membership(row: &RowChange<'_>) -> Option<Severity> {
    if !row.is_added() {
        return None;
    }
    let role = row.text("role_principal_id")?;
    let listed = ROLES.iter().find(|(_, roles)| roles.contains(&role));
    listed.map(|(severity, _)| *severity)
}

/// Permissions that are as good as an administrator's, or lead there.
const STRONGEST: &[&str] = &[
    "CONTROL SERVER",
    "CONTROL",
    "IMPERSONATE",
    "IMPERSONATE ANY LOGIN",
    "ALTER ANY LOGIN",
    "ALTER ANY SERVER ROLE",
    "ALTER ANY SERVER AUDIT",
    "ALTER SETTINGS",
    "EXTERNAL ACCESS ASSEMBLY",
    "UNSAFE ASSEMBLY",
    "TAKE OWNERSHIP",
    "EXECUTE EXTERNAL SCRIPTS",
];
/// What hides from an auditor when it is denied.
const SIGHT: &[&str] = &[
    "VIEW DEFINITION",
    "VIEW SECURITY DEFINITION",
    "VIEW ANY DEFINITION",
    "VIEW SERVER STATE",
];

pub(super) fn permission(row: &RowChange<'_>) -> Option<Severity> {
    let name = row.text("permission_name")?;
    let denied = |state: Option<&str>| state == Some("D");
    let (was, is) = (row.was("state"), row.is("state"));
    let is_strong = STRONGEST.contains(&name);
    let leads_on = name.starts_with("ALTER")
        || name.starts_with("ADMINISTER")
        || name.starts_with("CREATE ASSEMBLY");
    match (denied(was), denied(is)) {
        (_, true) if SIGHT.contains(&name) => Some(High),
        (_, true) => Some(Info),
        // A denial that is gone lets in again.
        (true, false) => Some(if is_strong { High } else { Medium }),
        (false, false) if is.is_none() => Some(Info),
        (false, false) if is_strong => Some(High),
        (false, false) if leads_on => Some(Medium),
        (false, false) if name == "EXECUTE" && row.text("major_id") == Some("xp_cmdshell") => {
            Some(High)
        }
        (false, false) => None,
    }
}

pub(super) fn shipped_procedure(row: &RowChange<'_>) -> Option<Severity> {
    // Ids below zero are the resource database's: they come and go with a version, and nobody else can have them.
    (row.is_number("object_id")
        .or_else(|| row.was_number("object_id"))?
        < 0)
    .then_some(Info)
}

pub(super) fn linked_login(row: &RowChange<'_>) -> Option<Severity> {
    let remote = row.is("remote_name")?;
    remote.eq_ignore_ascii_case("sa").then_some(High)
}

pub(super) fn credential(row: &RowChange<'_>) -> Option<Severity> {
    let is_proxy = row.text("name") == Some("##xp_cmdshell_proxy_account##");
    (is_proxy && !row.is_removed()).then_some(High)
}

pub(super) fn password_policy(row: &RowChange<'_>) -> Option<Severity> {
    (row.is_changed() && row.became_false("is_policy_checked")).then_some(Medium)
}

/// Audits and their specifications.
pub(super) fn audit(row: &RowChange<'_>) -> Option<Severity> {
    if !row.is_changed() {
        return None;
    }
    let narrowed = row.became_false("is_state_enabled")
        || row.differs("predicate")
        || row.differs("audit_guid");
    if narrowed {
        return Some(High);
    }
    (row.became_true("is_state_enabled")).then_some(Info)
}

pub(super) fn audit_status(row: &RowChange<'_>) -> Option<Severity> {
    const STARTED: i64 = 1;
    (row.was_number("status") == Some(STARTED) && row.is_number("status") != Some(STARTED))
        .then_some(High)
}

pub(super) fn service(row: &RowChange<'_>) -> Option<Severity> {
    let matters = ["service_account", "filename"];
    let matters = !row.is_changed() || matters.iter().any(|column| row.differs(column));
    (!matters).then_some(Info)
}

pub(super) fn loaded_module(row: &RowChange<'_>) -> Option<Severity> {
    // The company is what the file says of itself, which anybody can write: info, not silence.
    let company = row.is("company").unwrap_or_default();
    (row.is_added() && company.starts_with("Microsoft")).then_some(Info)
}

pub(super) fn job(row: &RowChange<'_>) -> Option<Severity> {
    const SA: &str = "0x01";
    let to_sa = row.is_changed() && row.differs("owner_sid") && row.is("owner_sid") == Some(SA);
    to_sa.then_some(High)
}

pub(super) fn job_step(row: &RowChange<'_>) -> Option<Severity> {
    let subsystem = row.is("subsystem")?;
    // Steps that run outside the engine.
    (!subsystem.eq_ignore_ascii_case("TSQL")).then_some(High)
}

/// Objects of CLR and extended procedures.
const FOREIGN: &[&str] = &["X", "PC", "FS", "FT", "TA", "AF"];

pub(super) fn object(row: &RowChange<'_>) -> Option<Severity> {
    let kind = row.is("type")?;
    FOREIGN.contains(&kind).then_some(Medium)
}

pub(super) fn module(row: &RowChange<'_>) -> Option<Severity> {
    // Run as somebody else than before.
    (row.is_changed() && row.differs("execute_as_principal_id")).then_some(Medium)
}

pub(super) fn assembly(row: &RowChange<'_>) -> Option<Severity> {
    const SAFE: i64 = 1;
    let (was, is) = (
        row.was_number("permission_set"),
        row.is_number("permission_set")?,
    );
    (is > SAFE && was.is_none_or(|was| was < is)).then_some(High)
}

pub(super) fn queue(row: &RowChange<'_>) -> Option<Severity> {
    let starts = row.is_flag("is_activation_enabled") == Some(true)
        && row.is("activation_procedure").is_some();
    starts.then_some(Medium)
}

/// A row that came or went with its owner matters no more than this, or it is told by itself.
pub(super) const WITH_ITS_OWNER: Severity = Low;
