//! Who made the changes: recorded events joined to drift, held to a register; and what turns that into "nobody can tell".

mod blind;
mod closed;
mod commands;
mod held;
mod joins;
mod laws;
mod outcomes;
mod permissions;

use std::collections::BTreeMap;

use mssql_posture::drift::{
    Attributed, Blind, Change, ChangeAttribution, InstanceDiff, Side, Witnesses, attribute, compare,
};
use mssql_posture::ids::InstanceId;
use mssql_posture::inventory::Register;
use mssql_posture::rules::Case;
use mssql_posture::rules::telemetry::Telemetry;
use mssql_posture::snapshot::EventsFile;
use serde_json::{Value, json};

use crate::support::recording::{Base, Recording, rows};

/// What an audit needs so that all that the tests plant is recorded.
const GROUPS: &[&str] = &[
    "SCHEMA_OBJECT_CHANGE_GROUP",
    "DATABASE_OBJECT_CHANGE_GROUP",
    "SERVER_OBJECT_CHANGE_GROUP",
    "SERVER_OPERATION_GROUP",
    "SERVER_PRINCIPAL_CHANGE_GROUP",
    "SERVER_ROLE_MEMBER_CHANGE_GROUP",
    "SERVER_PERMISSION_CHANGE_GROUP",
    "SERVER_OBJECT_PERMISSION_CHANGE_GROUP",
    "SCHEMA_OBJECT_ACCESS_GROUP",
    "AUDIT_CHANGE_GROUP",
];

const AUDIT: &str = "Main";
const CODE: &str = "CREATE PROCEDURE dbo.usp_x AS EXEC xp_cmdshell 'dir'";
const STATEMENT: &str = "ALTER PROCEDURE dbo.usp_x AS\n  EXEC xp_cmdshell 'dir' -- again";

/// An instance that records what it should, before and after somebody planted a call in a procedure.
fn planted() -> (Recording, Recording) {
    let mut before = Recording::new(Base::windows("erp-prod", 16));
    before.add_login("CORP\\jdoe", "U");
    before.add_database("ERP", "sa");
    before.add_audit(AUDIT, GROUPS);
    before.add_module(
        "ERP",
        "dbo.usp_x",
        "P",
        "CREATE PROCEDURE dbo.usp_x AS SELECT 1",
    );
    collected(&mut before, "2026-11-10T05:00:00Z");
    let mut after = before.clone();
    collected(&mut after, "2026-11-16T05:00:00Z");
    let id = after.object_id("ERP", "dbo.usp_x");
    after.set_text("ERP", id, CODE);
    // Vienna's winter time: 09:00 UTC.
    modified(&mut after, "2026-11-12T10:00:00.500");
    (before, after)
}

fn collected(recording: &mut Recording, at: &str) {
    at.clone_into(&mut recording.snapshot.started);
    at.clone_into(&mut recording.snapshot.ended);
}

fn modified(recording: &mut Recording, local: &str) {
    for object in rows(&mut recording.database("ERP").objects) {
        if object.name == "usp_x" {
            object.modify_date = Some(local.to_owned());
        }
    }
}

/// An audit's record.
fn audited(moment: &str, action: &str, kind: &str, object: &str, statement: Option<&str>) -> Value {
    json!({
        "line": "event", "target": "erp-prod", "moment": moment, "recorded": moment.trim_end_matches('Z'),
        "source": { "kind": "audit", "name": AUDIT },
        "action": { "id": action, "name": null, "subclass": null, "subclass_name": null },
        "succeeded": true,
        "who": { "login": "sa", "session_login": "CORP\\jdoe", "database_user": "dbo" },
        "from": { "host": "WS-114", "application": "SSMS", "client_ip": "10.0.0.7" },
        "on": { "database": "ERP", "schema": "dbo", "owner": null, "object": object, "object_id": null,
            "kind": kind, "kind_name": null, "login": null, "user": null, "role": null },
        "session_id": 77, "error": null,
        "statement": statement.map(|text| json!({ "text": text, "sha256": "0" })),
    })
}

/// A record of the default trace, which has the server's local time: an hour before UTC.
fn traced(local: &str, class: &str, subclass: i32) -> Value {
    let utc: jiff::civil::DateTime = local.parse().unwrap();
    let utc = utc.checked_sub(jiff::Span::new().hours(1)).unwrap();
    let mut event = audited(&format!("{utc}.0000000Z"), class, "8272", "usp_x", None);
    event["recorded"] = json!(local);
    event["source"] = json!({ "kind": "default_trace" });
    event["action"]["subclass"] = json!(subclass);
    event["succeeded"] = Value::Null;
    event["on"]["schema"] = Value::Null;
    event["from"]["client_ip"] = Value::Null;
    event
}

/// The record of what was planted.
fn the_event() -> Value {
    audited(
        "2026-11-12T09:00:00.1000000Z",
        "AL",
        "P",
        "usp_x",
        Some(STATEMENT),
    )
}

/// A file of events that were all read.
struct File {
    header: Value,
    target: Value,
    events: Vec<Value>,
}

impl File {
    fn of(events: Vec<Value>) -> Self {
        let count = |kind: &str| {
            events
                .iter()
                .filter(|e| e["source"]["kind"] == kind)
                .count()
        };
        let seen = |count: usize, first: Option<&str>| json!({ "state": "known", "value": { "events": count, "first": first } });
        Self {
            header: json!({
                "schema": "mssql-posture/events/v1", "collector": "test",
                "since": "2026-11-09T00:00:00.0000000Z", "until": "2026-11-17T00:00:00.0000000Z", "max_events": 100_000,
            }),
            target: json!({
                "line": "target", "target": "erp-prod", "outcome": { "state": "finished" }, "server_name": "SQL01",
                "utc_offset_minutes": 60,
                "sources": [
                    { "source": { "kind": "default_trace" }, "seen": seen(count("default_trace"), None) },
                    { "source": { "kind": "audits" }, "seen": seen(1, None) },
                    { "source": { "kind": "audit", "name": AUDIT }, "seen": seen(count("audit"), None) },
                ],
            }),
            events,
        }
    }

    /// The state of a source: 0 the trace, 2 the audit.
    fn source(mut self, place: usize, seen: Value) -> Self {
        self.target["sources"][place]["seen"] = seen;
        self
    }

    fn text(&self) -> String {
        let lines = [&self.header, &self.target].into_iter().chain(&self.events);
        let lines: Vec<String> = lines.map(Value::to_string).collect();
        lines.join("\n") + "\n"
    }

    fn read(&self) -> EventsFile {
        EventsFile::read(self.text().as_bytes()).unwrap()
    }
}

fn register(text: &str) -> Register {
    let text = format!("schema = \"mssql-posture/register/v1\"\n{text}");
    Register::parse(&text, "register.toml").unwrap_or_else(|e| panic!("{e}"))
}

/// The drift of two recordings, attributed.
fn attributed(
    (before, after): &(Recording, Recording),
    files: &[EventsFile],
    register: Option<&Register>,
) -> InstanceDiff {
    let (before, after) = (before.finish(), after.finish());
    let texts = (before.texts(), after.texts());
    let sides = (
        Side::new((&before.snapshot, &texts.0), None),
        Side::new((&after.snapshot, &texts.1), None),
    );
    let mut diff = compare(&InstanceId::new("erp-prod"), &sides.0, &sides.1);
    let telemetry = [(&before.snapshot, &texts.0), (&after.snapshot, &texts.1)]
        .map(|(snapshot, texts)| Telemetry::of(&Case::new(snapshot, texts, None)));
    let witnesses = Witnesses {
        files,
        register,
        tags: &BTreeMap::new(),
        telemetry: [Some(&telemetry[0]), Some(&telemetry[1])],
    };
    attribute(&mut diff, &sides.0, &sides.1, witnesses);
    diff
}

fn change<'d>(diff: &'d InstanceDiff, fact: &str) -> &'d Change {
    let mut changes = diff.changes.iter();
    changes
        .find(|change| change.fact == fact)
        .unwrap_or_else(|| panic!("no change of {fact}: {:#?}", diff.changes))
}

fn of<'d>(diff: &'d InstanceDiff, fact: &str) -> &'d ChangeAttribution {
    change(diff, fact)
        .attribution
        .as_ref()
        .expect("it is attributed")
}

/// What becomes of what was planted.
fn planted_is(files: &[EventsFile], register: Option<&Register>) -> ChangeAttribution {
    of(&attributed(&planted(), files, register), "modules").clone()
}

fn kinds(of: &ChangeAttribution) -> Vec<Blind> {
    of.blind_spots.iter().map(|spot| spot.kind).collect()
}

fn assert_blind(of: &ChangeAttribution, kind: Blind, says: &str) {
    assert_eq!(of.outcome, Attributed::Unattributable, "{says}: {of:#?}");
    let mut spots = of.blind_spots.iter();
    let spot = spots.find(|spot| spot.kind == kind && spot.why.contains(says));
    assert!(
        spot.is_some(),
        "no {kind:?} that says {says:?}: {:#?}",
        of.blind_spots
    );
}
