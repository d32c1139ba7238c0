//! What it checks: an audit runs, and an event that MITRE ATT&CK's AN0511 needs is recorded by no enabled specification of a
//! started audit, or in part alone: in some databases, some of its action groups, only what succeeds. One finding per
//! event, lighter where some of it is recorded, and as heavy where the default trace holds something of it as where nothing
//! does; one per audit that keeps its records for fewer days than the inventory's audit_retention_days; and one per audit
//! whose files end (MAX_FILES), with which its recording does. That no audit runs at all is for no-audit-running, what a
//! predicate drops for audit-narrowed.
//!
//! Why it matters: a change or a call that is not recorded cannot be detected, dated or attributed; the default trace holds
//! no text, and is overwritten within hours on a busy server.
//!
//! How to fix: the report of the instance proposes the statements: ALTER SERVER AUDIT SPECIFICATION … ADD (…) with the groups
//! that are missing. SCHEMA_OBJECT_ACCESS_GROUP, which alone records calls in every database, is large. MAX_ROLLOVER_FILES in
//! place of MAX_FILES makes room instead of an end.
//!
//! When it is fine: where another product records the event; say so in a waiver that names it.
//!
//! References: docs: SQL Server Audit action groups and actions, CREATE SERVER AUDIT (MAX_ROLLOVER_FILES), sys.traces; MITRE
//! ATT&CK AN0511

use super::telemetry::{self, AuditState, Keeps, Recorded, Running, Told};
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "AUDIT-007",
    slug: "telemetry-gap",
    title: "An event that matters would not be noticed",
    severity: Severity::Medium,
    facts: &[
        Fact::Configurations,
        Fact::Host,
        Fact::ServerAudits,
        Fact::ServerFileAudits,
        Fact::AuditStatus,
        Fact::ServerAuditSpecifications,
        Fact::ServerAuditSpecificationDetails,
        Fact::DatabaseAuditSpecifications,
        Fact::DatabaseAuditSpecificationDetails,
    ],
    master_facts: &[Fact::SystemExtendedProcedures],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AU-2",
        "nist-800-53r5:AU-12",
        "iso-27001-2022:A.8.15",
        "soc2:CC7.2",
    ],
    attack: &["AN0511", "DET0181", "AN0512"],
    source: include_str!("telemetry_gap.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let (told, audits) = telemetry::tell(case);
    let may_run = |audit: &AuditState| audit.state != Running::NotRunning;
    if !audits.iter().any(may_run) {
        return judgement.not_applicable("no audit runs, which is a finding of no-audit-running");
    }
    for audit in &audits {
        keeps(case, audit, judgement);
    }
    let mut unclear: Vec<Missing> = Vec::new();
    for told in told {
        judge(case, told, judgement, &mut unclear);
    }
    if !unclear.is_empty() {
        unclear.sort();
        unclear.dedup();
        judgement.unknown(Subject::instance(), unclear);
    }
}

/// Whether an audit keeps its records as long as the inventory asks for.
fn keeps(case: &Case<'_>, audit: &AuditState, judgement: &mut Judgement) {
    let subject = Subject::server("audit", &audit.name);
    match (audit.state, audit.kept.keeps) {
        (Running::NotRunning, _) | (_, Keeps::NotRequired) => {}
        (_, Keeps::Enough) => judgement.pass(),
        (_, Keeps::UntilFull) => {
            let name = named(&audit.name);
            let why = &audit.kept.why;
            let message = format!("audit {name} records until its files are full: {why}");
            judgement.fail(subject, message, rows_of(case, audit));
        }
        (_, Keeps::DaysNotKnown) => {
            let need = format!(
                "for how many days it keeps its records: audit_mb_per_day of this target in the inventory, or audit_retention_days = 0 where something else keeps them ({})",
                audit.kept.why
            );
            let list = &case.snapshot.server.server_file_audits;
            let missing = Missing::of("server_file_audits", None, list, need);
            judgement.unknown(subject, vec![missing]);
        }
        (_, Keeps::TooShort) => {
            let required = case.audit_needs().retention_days.unwrap_or_default();
            let name = named(&audit.name);
            let why = &audit.kept.why;
            let message =
                format!("audit {name} keeps its records for fewer than {required} days: {why}");
            judgement.fail(subject, message, rows_of(case, audit));
        }
    }
}

/// An audit's row, and that of its files.
fn rows_of(case: &Case<'_>, audit: &AuditState) -> Vec<Evidence> {
    let server = &case.snapshot.server;
    let rows = server.server_audits.seen().iter();
    let mut evidence = Vec::new();
    for row in rows.filter(|row| row.name == audit.name) {
        evidence.push(Evidence::row("server_audits", None, row));
        let files = server.server_file_audits.seen().iter();
        let files = files.filter(|files| files.audit_id == row.audit_id);
        evidence.extend(files.map(|row| Evidence::row("server_file_audits", None, row)));
    }
    evidence
}

fn judge(case: &Case<'_>, told: Told, judgement: &mut Judgement, unclear: &mut Vec<Missing>) {
    let severity = told.severity();
    let state = told.state;
    match state.outcome {
        outcome if outcome.is_whole() => judgement.pass_with(told.evidence),
        Recorded::NotApplicable => {
            judgement.not_applicable(state.because.join("; "));
        }
        Recorded::Narrowed => {
            judgement.not_applicable("what a predicate drops is a finding of audit-narrowed");
        }
        Recorded::NotSeen if is_left_out(case, &state.missing) => {
            judgement.not_applicable("the inventory excludes the database where it happens");
        }
        // What of it is not settled is told with the rule's facts.
        Recorded::NotSeen => unclear.extend(told.unclear),
        _ => {
            let how = match state.outcome {
                Recorded::InPart => "is recorded in part",
                Recorded::DefaultTraceOnly => "is held by the default trace alone",
                Recorded::TraceNotSeen => "is recorded by no audit",
                _ => "is not recorded",
            };
            let why = state.because.join("; ");
            let message = format!("{} {how}: {why}", state.title);
            let subject = Subject::server("event", &state.event);
            judgement.fail_at(severity, subject, message, told.evidence);
        }
    }
}

/// Whether all that is missing stands in databases that the inventory leaves out.
fn is_left_out(case: &Case<'_>, missing: &[Missing]) -> bool {
    let is_excluded = |missing: &Missing| {
        let mut databases = case.snapshot.databases.iter();
        databases.any(|facts| facts.excluded && missing.database.as_ref() == Some(&facts.name))
    };
    !missing.is_empty() && missing.iter().all(is_excluded)
}
