//! Whether a change of what routes are made of would be recorded.

use super::build::Graph;

/// `status` of a running audit in `sys.dm_server_audit_status`.
const STARTED: i32 = 1;

/// Action groups any of which records a change of what exposure is made of (docs: SQL Server Audit action groups).
const RECORDING: &[&str] = &[
    "SERVER_OPERATION_GROUP",
    "SERVER_PERMISSION_CHANGE_GROUP",
    "SERVER_ROLE_MEMBER_CHANGE_GROUP",
    "SERVER_PRINCIPAL_CHANGE_GROUP",
    "AUDIT_CHANGE_GROUP",
];

impl Graph<'_> {
    /// Whether a running audit with an enabled specification records such a change; `None` where that was not seen.
    pub fn records_changes(&self) -> Option<bool> {
        let server = &self.index.snapshot.server;
        let running = |guid: &Option<String>| {
            let mut audits = server.server_audits.seen().iter();
            let audit = audits.find(|a| a.audit_guid.is_some() && a.audit_guid == *guid);
            audit.is_some_and(|audit| {
                let mut status = server.audit_status.seen().iter();
                status.any(|s| s.audit_id == audit.audit_id && s.status == STARTED)
            })
        };
        let records = |id: i32| {
            let mut details = server.server_audit_specification_details.seen().iter();
            details.any(|d| {
                let name = d.audit_action_name.as_deref().unwrap_or_default();
                d.specification_id == id && RECORDING.contains(&name)
            })
        };
        let mut specifications = server.server_audit_specifications.seen().iter();
        let found = specifications.any(|s| {
            s.is_state_enabled == Some(true)
                && running(&s.audit_guid)
                && records(s.specification_id)
        });
        let settled = server.server_audits.is_settled()
            && server.audit_status.is_settled()
            && server.server_audit_specifications.is_settled()
            && server.server_audit_specification_details.is_settled();
        if found || settled { Some(found) } else { None }
    }
}
