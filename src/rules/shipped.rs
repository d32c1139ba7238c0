//! Modules of Microsoft's that stand in msdb and do what the rules on code look for. On every instance they would be
//! findings at full weight.
//!
//! A name and the mark `is_ms_shipped` prove nothing, since whoever owns msdb can set the mark and replace the text. So
//! what is listed here weighs less and is still a finding with its place, and what is not listed for a name weighs in full.

use crate::ids::DatabaseName;
use crate::snapshot::DatabaseFacts;
use crate::tsql::Sink;

/// Said of such a finding.
pub(super) const REMARK: &str = "; Microsoft ships a module of this name in msdb that does so: compare its text with that of another instance of this build";

const REGISTRY: &[Sink] = &[Sink::RegistryWrite];
const JOB: &[Sink] = &[Sink::AgentJob];
const DYNAMIC: &[Sink] = &[Sink::DynamicUnresolved];

/// What modules that come with msdb do, by name (texts of 2019 and in part of 2012 and 2022, as published by others).
/// Of later and earlier versions not all were read.
const IN_MSDB: &[(&str, &[Sink])] = &[
    ("dbo.autoadmin_restore_headeronly", DYNAMIC),
    ("dbo.sp_add_jobstep", JOB),
    ("dbo.sp_add_jobstep_internal", JOB),
    ("dbo.sp_addtask", &[Sink::AgentJob, Sink::DynamicUnresolved]),
    ("dbo.sp_agent_add_jobstep", JOB),
    ("dbo.sp_autoadmin_create_notification_job", JOB),
    ("dbo.sp_check_for_owned_jobs", DYNAMIC),
    ("dbo.sp_check_for_owned_jobsteps", DYNAMIC),
    ("dbo.sp_delete_job_references", DYNAMIC),
    ("dbo.sp_delete_operator", DYNAMIC),
    ("dbo.sp_downloaded_row_limiter", REGISTRY),
    ("dbo.sp_get_jobstep_db_username", DYNAMIC),
    ("dbo.sp_help_alert", DYNAMIC),
    ("dbo.sp_help_notification", DYNAMIC),
    ("dbo.sp_jobhistory_row_limiter", REGISTRY),
    (
        "dbo.sp_msx_defect",
        &[Sink::RegistryWrite, Sink::XpCmdshell],
    ),
    ("dbo.sp_msx_enlist", REGISTRY),
    ("dbo.sp_msx_set_account", REGISTRY),
    ("dbo.sp_reassign_proxy", JOB),
    ("dbo.sp_set_local_time", &[Sink::XpCmdshell]),
    ("dbo.sp_set_sqlagent_properties", REGISTRY),
    ("dbo.sp_sqlagent_log_jobhistory", DYNAMIC),
    (
        "dbo.sp_sqlagent_update_agent_xps",
        &[Sink::SpConfigureEnable],
    ),
    ("dbo.sp_syscollector_create_collector_type", DYNAMIC),
    ("dbo.sp_syscollector_create_jobs", JOB),
    ("dbo.sp_syscollector_delete_collector_type", DYNAMIC),
    ("dbo.sp_syscollector_update_collector_type", DYNAMIC),
    ("dbo.sp_syscollector_update_job_proxy", JOB),
    ("dbo.sp_syscollector_upload_instmdw", DYNAMIC),
    ("dbo.sp_syscollector_validate_xml", DYNAMIC),
    ("dbo.sp_sysdac_drop_database", DYNAMIC),
    ("dbo.sp_sysdac_rename_database", DYNAMIC),
    ("dbo.sp_sysdac_setreadonly_database", DYNAMIC),
    ("dbo.sp_syspolicy_create_job", JOB),
    ("dbo.sp_syspolicy_create_purge_job", JOB),
    ("dbo.sp_sysutility_mi_add_ucp_registration", REGISTRY),
    ("dbo.sp_sysutility_mi_configure_proxy_account", DYNAMIC),
    ("dbo.sp_sysutility_mi_create_cache_directory", JOB),
    ("dbo.sp_sysutility_mi_create_job_validate_wmi", JOB),
    ("dbo.sp_sysutility_mi_initialize_collection", JOB),
    ("dbo.sp_sysutility_mi_remove_ucp_registration", REGISTRY),
    (
        "dbo.sp_sysutility_mi_validate_proxy_account",
        &[Sink::AgentJob, Sink::DynamicUnresolved],
    ),
    ("dbo.sp_sysutility_ucp_initialize", REGISTRY),
    ("dbo.sp_sysutility_ucp_initialize_mdw", DYNAMIC),
    ("dbo.sp_sysutility_ucp_provision_proxy_account", DYNAMIC),
    (
        "dbo.sp_sysutility_ucp_provision_utility_object_internal",
        DYNAMIC,
    ),
    ("dbo.sp_sysutility_ucp_recreate_synonym_internal", DYNAMIC),
    (
        "dbo.sp_sysutility_ucp_remove",
        &[Sink::RegistryWrite, Sink::DynamicUnresolved],
    ),
    ("dbo.sp_update_jobstep", JOB),
    ("dbo.sp_update_operator", REGISTRY),
    ("dbo.sysmail_alter_user_credential_sp", DYNAMIC),
    ("dbo.sysmail_create_user_credential_sp", DYNAMIC),
    ("dbo.sysmail_drop_user_credential_sp", DYNAMIC),
    ("managed_backup.sp_create_job", JOB),
    ("managed_backup.sp_do_backup", DYNAMIC),
];

/// Whether Microsoft ships a module of this name that does no less than this.
pub(super) fn does(
    facts: &DatabaseFacts,
    object_id: i32,
    mut sinks: impl Iterator<Item = Sink>,
) -> bool {
    if facts.name != DatabaseName::new("msdb") {
        return false;
    }
    let object = facts.object(object_id);
    if object.is_none_or(|object| object.is_ms_shipped != Some(true)) {
        return false;
    }
    let name = facts.object_name(object_id);
    let listed = IN_MSDB.iter().find(|(known, _)| *known == name);
    listed.is_some_and(|(_, known)| sinks.all(|sink| known.contains(&sink)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_once_and_in_order() {
        assert!(IN_MSDB.is_sorted_by(|one, other| one.0 < other.0));
    }
}
