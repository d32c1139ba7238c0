//! What running audits record, for the rules about them.

use super::{Case, Evidence, Judgement, Missing, Subject};
use crate::snapshot::{AuditSpecification, AuditStatus, ServerAudit};

/// `status` of `sys.dm_server_audit_status`.
const STARTED: i32 = 1;
/// `audited_result` of a group that is recorded whole.
pub(super) const BOTH: &str = "SUCCESS AND FAILURE";

/// Whether an audit runs now.
pub(super) fn is_started(status: &AuditStatus) -> bool {
    status.status == STARTED
}

/// How an audit stands now, as far as the server knows.
pub(super) fn status_of<'a>(case: &Case<'a>, audit: &ServerAudit) -> Option<&'a AuditStatus> {
    let mut status = case.snapshot.server.audit_status.seen().iter();
    status.find(|row| row.audit_id == audit.audit_id)
}

/// Judges whether each of these action groups is in an enabled server specification of a started audit; `message`
/// says of the others that they are not.
pub(super) fn must_record(
    case: &Case<'_>,
    judgement: &mut Judgement,
    groups: &[&str],
    message: impl FnOnce(&[&str]) -> String,
) {
    let mut recorded = Recorded::default();
    let server = &case.snapshot.server;
    for specification in server.server_audit_specifications.seen() {
        recorded.enter(case, specification, groups);
    }
    let is_missing = |group: &&str| !recorded.groups.contains(group);
    let missing: Vec<&str> = groups.iter().copied().filter(is_missing).collect();
    if recorded.evidence.is_empty() {
        let absence = Evidence::absence("server_audit_specifications");
        recorded.evidence.push(absence);
    }
    if missing.is_empty() {
        return judgement.pass_with(recorded.evidence);
    }
    let is_seen = server.server_audits.is_settled()
        && server.audit_status.is_settled()
        && server.server_audit_specifications.is_settled()
        && server.server_audit_specification_details.is_settled();
    if !is_seen {
        return; // what is missing here may stand there
    }
    if recorded.unclear.is_empty() {
        judgement.fail(Subject::instance(), message(&missing), recorded.evidence);
    } else {
        judgement.unknown(Subject::instance(), recorded.unclear);
    }
}

/// The groups that are recorded, the rows that show it, and values that were not seen and could add to them.
#[derive(Default)]
struct Recorded<'a> {
    groups: Vec<&'a str>,
    evidence: Vec<Evidence>,
    unclear: Vec<Missing>,
}

impl<'a> Recorded<'a> {
    fn enter(&mut self, case: &Case<'a>, specification: &AuditSpecification, wanted: &[&str]) {
        let row = Evidence::row("server_audit_specifications", None, specification);
        self.evidence.push(row);
        let (Some(is_on), Some(guid)) = (specification.is_state_enabled, &specification.audit_guid)
        else {
            return self.lacks(
                "server_audit_specifications",
                "its audit and whether it is on",
            );
        };
        let mut audits = case.snapshot.server.server_audits.seen().iter();
        let audit = audits.find(|audit| audit.audit_guid.as_ref() == Some(guid));
        let status = audit.and_then(|audit| status_of(case, audit));
        let rows = status.map(|row| Evidence::row("audit_status", None, row));
        self.evidence.extend(rows);
        if is_on && status.is_some_and(is_started) {
            self.details(case, specification, wanted);
        }
    }

    fn details(&mut self, case: &Case<'a>, specification: &AuditSpecification, wanted: &[&str]) {
        const FACT: &str = "server_audit_specification_details";
        let details = case
            .snapshot
            .server
            .server_audit_specification_details
            .seen();
        let id = specification.specification_id;
        for row in details.iter().filter(|row| row.specification_id == id) {
            let (Some(group), Some(result)) = (&row.audit_action_name, &row.audited_result) else {
                self.lacks(FACT, "the action groups and what of them is recorded");
                continue;
            };
            if result == BOTH && wanted.contains(&group.as_str()) {
                self.groups.push(group);
                self.evidence.push(Evidence::row(FACT, None, row));
            }
        }
    }

    fn lacks(&mut self, fact: &str, needs: &str) {
        let missing = Missing::new(fact, None, needs);
        if !self.unclear.contains(&missing) {
            self.unclear.push(missing);
        }
    }
}
