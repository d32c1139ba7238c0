//! What would be noticed on the sample's instances: every outcome, and names as an attacker would choose them.

use super::*;
use crate::rules::telemetry::{
    AuditState, EVENTS, EventState, Keeps, Kept, Proposal, Recorded, RecordedBy, Running, SCHEMA,
    Telemetry, TraceState,
};

/// Every event recorded.
pub fn all_recorded() -> Telemetry {
    telemetry(|_| Recorded::Recorded)
}

/// One after the other of all outcomes that were seen.
pub fn of_all_kinds() -> Telemetry {
    let seen = Recorded::ALL
        .into_iter()
        .filter(|one| *one != Recorded::NotSeen);
    let seen: Vec<Recorded> = seen.collect();
    let mut own = telemetry(|at| seen[at % seen.len()]);
    own.audits.push(AuditState {
        name: HOSTILE_LOGIN.to_owned(),
        state: Running::NotRunning,
        predicate: Some("[server_principal_name]<>'<script>alert(4)</script>'".to_owned()),
        ..own.audits[0].clone()
    });
    own.proposals = vec![Proposal {
        sentence: "Records changes.".to_owned(),
        statement: format!(
            "USE [master];\nALTER SERVER AUDIT SPECIFICATION [{HOSTILE_ASSEMBLY}]\n    ADD (TRACE_CHANGE_GROUP);"
        ),
    }];
    own
}

/// Nothing seen well enough.
pub fn not_seen() -> Telemetry {
    let mut own = telemetry(|_| Recorded::NotSeen);
    own.audits = Vec::new();
    for event in &mut own.events {
        event.by = Vec::new();
        event.holds = None;
        event.because = Vec::new();
        event.missing = vec![Missing {
            fact: "server_audits".to_owned(),
            database: None,
            needs: vec![DEFINITION[0].to_owned()],
        }];
    }
    own
}

fn telemetry(outcome: impl Fn(usize) -> Recorded) -> Telemetry {
    let events = EVENTS.iter().enumerate().map(|(at, event)| EventState {
        event: event.id.to_owned(),
        title: event.title.to_owned(),
        outcome: outcome(at),
        because: vec![format!("a sentence about {HOSTILE_MODULE}")],
        by: vec![RecordedBy {
            audit: "Sentinel".to_owned(),
            specification: HOSTILE_ASSEMBLY.to_owned(),
            database: None,
            action: "A_GROUP".to_owned(),
        }],
        databases_covered: vec![DatabaseName::new(HOSTILE_DATABASE)],
        databases_in_part: Vec::new(),
        databases_not_covered: Vec::new(),
        databases_not_seen: Vec::new(),
        holds: Some(event.holds.to_owned()),
        missing: Vec::new(),
        source: event.source.to_owned(),
    });
    Telemetry {
        schema: SCHEMA.to_owned(),
        required_days: Some(90),
        audits: vec![AuditState {
            name: "Sentinel".to_owned(),
            state: Running::Running,
            target_desc: Some("FILE".to_owned()),
            on_failure_desc: Some("CONTINUE".to_owned()),
            queue_delay: Some(1000),
            predicate: None,
            kept: Kept {
                keeps: Keeps::Enough,
                megabytes: Some(1000),
                days: Some(100),
                why: "10 files of 100 MB are kept besides the one in use: 100 days".to_owned(),
            },
        }],
        default_trace: TraceState {
            state: Running::Running,
            why: "5 files of 20 MB".to_owned(),
        },
        events: events.collect(),
        proposals: Vec::new(),
    }
}
