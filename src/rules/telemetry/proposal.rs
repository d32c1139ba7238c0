//! T-SQL that would record what is missing. It is text in a report: nothing is sent to a server, and no line of it is
//! run by this program.

use std::collections::BTreeSet;

use super::events::EVENTS;
use super::reading::Reading;
use super::{EventState, Proposal, Recorded};
use crate::graph::{BY_HAND, bracketed};
use crate::rules::audited::{is_started, status_of};
use crate::snapshot::{AuditSpecification, ServerAudit};

/// It records every use of every object.
const LARGE: &str = "SCHEMA_OBJECT_ACCESS_GROUP";
const OF_CHANGES: &str = "Records changes. Read it before it is run: the specification is off for a moment while it is altered.";
const OF_CALLS: &str = "Records that channels are used and that Agent jobs and trusted assemblies change, with every other use \
    of every object: very large on most servers. Size the audit for it first, or write a predicate that has been read by somebody.";
/// Names of what is proposed where nothing is there to be altered.
const NEW: &str = "mssql_posture";

/// What would record the events that are not recorded whole; nothing where audits were not seen whole.
pub(super) fn proposals(reading: &Reading<'_, '_>, told: &[EventState]) -> Vec<Proposal> {
    let server = &reading.case.snapshot.server;
    let is_seen = server.server_audits.is_settled()
        && server.audit_status.is_settled()
        && server.server_audit_specifications.is_settled()
        && server.server_audit_specification_details.is_settled();
    if !is_seen {
        return Vec::new();
    }
    let lacking = EVENTS.iter().zip(told).filter(|(_, state)| {
        let outcome = state.outcome;
        outcome <= Recorded::InPart
    });
    let wanted: BTreeSet<&str> = lacking
        .flat_map(|(event, _)| event.groups)
        .copied()
        .collect();
    let (large, small): (Vec<&str>, Vec<&str>) = wanted.into_iter().partition(|one| *one == LARGE);
    let place = Place::of(server.server_audits.seen(), reading);
    let mut proposals = Vec::new();
    for (sentence, groups) in [(OF_CHANGES, small), (OF_CALLS, large)] {
        if !groups.is_empty() {
            let first = proposals.is_empty();
            proposals.push(Proposal {
                sentence: sentence.to_owned(),
                statement: place.statement(reading, &groups, first),
            });
        }
    }
    proposals
}

/// Where the groups are to be added.
struct Place<'a> {
    audit: Option<&'a ServerAudit>,
    is_running: bool,
    specification: Option<&'a AuditSpecification>,
}

impl<'a> Place<'a> {
    /// A running audit before one that is not, one that records all before one with a predicate.
    fn of(audits: &'a [ServerAudit], reading: &Reading<'_, 'a>) -> Self {
        let runs = |audit: &ServerAudit| {
            audit.is_state_enabled == Some(true)
                && status_of(reading.case, audit).is_some_and(is_started)
        };
        let is_whole = |audit: &ServerAudit| {
            audit
                .predicate
                .as_deref()
                .unwrap_or_default()
                .trim()
                .is_empty()
        };
        let whole = audits
            .iter()
            .filter(|audit| is_whole(audit) && audit.audit_guid.is_some());
        let audit = whole.max_by_key(|audit| (runs(audit), std::cmp::Reverse(audit.audit_id)));
        let specifications = reading
            .case
            .snapshot
            .server
            .server_audit_specifications
            .seen();
        Self {
            audit,
            is_running: audit.is_some_and(runs),
            specification: audit.and_then(|audit| {
                let mut own = specifications.iter();
                own.find(|row| row.audit_guid == audit.audit_guid)
            }),
        }
    }

    /// `is_first`: what comes before it makes no audit and no specification.
    fn statement(&self, reading: &Reading<'_, '_>, groups: &[&str], is_first: bool) -> String {
        let server = &reading.case.snapshot.server;
        let audits = server.server_audits.seen().iter().map(|row| &row.name);
        let specifications = server.server_audit_specifications.seen().iter();
        let specifications = specifications.map(|row| &row.name);
        let audit = self.audit.map(|audit| audit.name.clone());
        let audit = audit.unwrap_or_else(|| free_name(audits));
        let own = self.specification.map(|row| row.name.clone());
        let own = own.unwrap_or_else(|| free_name(specifications));
        if [&audit, &own]
            .iter()
            .any(|name| name.chars().any(char::is_control))
        {
            return BY_HAND.to_owned();
        }
        let (audit, specification) = (bracketed(&audit), bracketed(&own));
        let mut lines = vec!["USE [master];".to_owned()];
        if self.audit.is_none() && is_first {
            lines.push(
                "-- folder and sizes are yours to set; on a managed instance TO URL".to_owned(),
            );
            lines.push(format!(
                "CREATE SERVER AUDIT {audit} TO FILE (FILEPATH = N'<folder>', MAXSIZE = 256 MB, MAX_ROLLOVER_FILES = 100)\n    \
                 WITH (QUEUE_DELAY = 1000, ON_FAILURE = CONTINUE);"
            ));
        }
        let added: Vec<String> = self
            .lacking(reading, groups)
            .map(|group| format!("    ADD ({group})"))
            .collect();
        let added = added.join(",\n");
        if self.specification.is_none() && is_first {
            lines.push(format!(
                "CREATE SERVER AUDIT SPECIFICATION {specification} FOR SERVER AUDIT {audit}\n{added}\n    WITH (STATE = ON);"
            ));
        } else {
            let alter = format!("ALTER SERVER AUDIT SPECIFICATION {specification}");
            lines.push(format!("{alter} WITH (STATE = OFF);"));
            if !added.is_empty() {
                lines.push(format!("{alter}\n{added};"));
            }
            lines.push(format!("{alter} WITH (STATE = ON);"));
        }
        if !self.is_running {
            if self.audit.is_some() {
                lines.push(format!("ALTER SERVER AUDIT {audit} WITH (STATE = OFF);"));
            }
            lines.push(format!("ALTER SERVER AUDIT {audit} WITH (STATE = ON);"));
        }
        lines.join("\n")
    }

    /// Groups that the specification does not have: to add one twice is an error.
    fn lacking<'g>(
        &self,
        reading: &Reading<'_, '_>,
        groups: &'g [&'g str],
    ) -> impl Iterator<Item = &'g str> {
        let rows = reading
            .case
            .snapshot
            .server
            .server_audit_specification_details
            .seen();
        let own = self.specification.map(|row| row.specification_id);
        let rows = rows.iter().filter(|row| Some(row.specification_id) == own);
        let has: BTreeSet<String> = rows
            .filter_map(|row| row.audit_action_name.clone())
            .collect();
        groups
            .iter()
            .copied()
            .filter(move |group| !has.contains(*group))
    }
}

/// A name that none of these has.
fn free_name<'n>(taken: impl Iterator<Item = &'n String>) -> String {
    let taken: BTreeSet<String> = taken.map(|name| name.to_lowercase()).collect();
    let mut name = NEW.to_owned();
    let mut number = 1;
    while taken.contains(&name) {
        number += 1;
        name = format!("{NEW}_{number}");
    }
    name
}
