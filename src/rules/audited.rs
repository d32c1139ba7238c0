//! What running audits record, for the rules about them.

use super::{Case, Evidence};

/// `status` of `sys.dm_server_audit_status`.
const STARTED: i32 = 1;

/// Action groups that no running audit records, and the rows that show it.
pub(super) struct MissingGroups {
    pub(super) names: Vec<&'static str>,
    pub(super) evidence: Vec<Evidence>,
}

/// Which of these action groups are in no enabled server specification of a started audit; `None` where that was not
/// seen whole.
pub(super) fn missing_groups(
    case: &Case<'_>,
    groups: &'static [&'static str],
) -> Option<MissingGroups> {
    let server = &case.snapshot.server;
    let settled = server.server_audits.is_settled()
        && server.audit_status.is_settled()
        && server.server_audit_specifications.is_settled()
        && server.server_audit_specification_details.is_settled();
    let mut evidence = Vec::new();
    let mut recorded: Vec<&str> = Vec::new();
    for specification in server.server_audit_specifications.seen() {
        let mut audits = server.server_audits.seen().iter();
        let guid = specification.audit_guid.as_ref();
        let audit = audits.find(|audit| guid.is_some() && audit.audit_guid.as_ref() == guid);
        let status = audit.and_then(|audit| {
            let mut status = server.audit_status.seen().iter();
            status.find(|row| row.audit_id == audit.audit_id)
        });
        let runs = status.is_some_and(|row| row.status == STARTED);
        evidence.push(Evidence::row(
            "server_audit_specifications",
            None,
            specification,
        ));
        evidence.extend(status.map(|row| Evidence::row("audit_status", None, row)));
        if !runs || specification.is_state_enabled != Some(true) {
            continue;
        }
        let details = server.server_audit_specification_details.seen().iter();
        let own = details.filter(|row| row.specification_id == specification.specification_id);
        recorded.extend(own.filter_map(|row| row.audit_action_name.as_deref()));
    }
    if evidence.is_empty() {
        evidence.push(Evidence::absence("server_audit_specifications"));
    }
    let missing = groups
        .iter()
        .copied()
        .filter(|group| !recorded.contains(group));
    let names: Vec<&'static str> = missing.collect();
    (settled || names.is_empty()).then_some(MissingGroups { names, evidence })
}
