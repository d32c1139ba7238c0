//! Each blind spot turns what was planted from attributed to unattributable, and is the reason given.

use mssql_posture::drift::{Attributed, Blind};
use mssql_posture::snapshot::{EventsFile, Observed, Trace};
use serde_json::{Value, json};

use super::{
    File, STATEMENT, assert_blind, attributed, audited, kinds, of, planted, planted_is, the_event,
    traced,
};
use crate::support::recording::{Recording, rows};

#[test]
fn what_is_recorded_and_seen_is_attributed() {
    let own = planted_is(&[File::of(vec![the_event()]).read()], None);
    assert_eq!(own.outcome, Attributed::Attributed, "{own:#?}");
    assert_eq!(own.blind_spots, []);
    let event = own.events.first().unwrap();
    // EXECUTE AS: the login that connected stands beside the one that it ran as.
    assert_eq!(event.identity(), Some("CORP\\jdoe"));
    assert_eq!(event.who.login.as_deref(), Some("sa"));
    assert_eq!(event.from.client_ip.as_deref(), Some("10.0.0.7"));
    assert_eq!(event.features, ["xp_cmdshell"]);
    assert_eq!(event.statement.as_deref(), Some(STATEMENT));
    assert_eq!(
        own.because,
        ["the statement of the last event is the code that stands there now"]
    );
}

/// The default trace, running.
fn default_trace() -> Trace {
    Trace {
        id: 1,
        status: 1,
        path: None,
        is_default: Some(true),
        is_rowset: Some(false),
        max_size: Some("20".to_owned()),
        max_files: Some(5),
        start_time: None,
    }
}

/// What a server does that leaves no event, and what is then said.
type Spot = (fn(&mut Recording), Blind, &'static str);

const OF_THE_SERVER: &[Spot] = &[
    (
        |r| {
            rows(&mut r.snapshot.server.server_audit_specifications)[0].is_state_enabled =
                Some(false);
        },
        Blind::SpecificationOff,
        "specification Main is off",
    ),
    (
        |r| rows(&mut r.snapshot.server.audit_status)[0].status = 0,
        Blind::AuditStopped,
        "audit Main does not run",
    ),
    (
        |r| rows(&mut r.snapshot.server.server_audits)[0].is_state_enabled = Some(false),
        Blind::AuditStopped,
        "audit Main does not run",
    ),
    (
        |r| {
            let server = &mut r.snapshot.server;
            rows(&mut server.server_audits).clear();
            rows(&mut server.audit_status).clear();
            rows(&mut server.server_audit_specifications).clear();
            rows(&mut server.server_audit_specification_details).clear();
        },
        Blind::NoAudit,
        "there is no audit",
    ),
    (
        |r| {
            let audits = rows(&mut r.snapshot.server.server_audits);
            audits[0].predicate = Some("([server_principal_name]<>'CORP\\jdoe')".to_owned());
        },
        Blind::Predicate,
        "a predicate records it, or not",
    ),
    (
        |r| {
            let details = rows(&mut r.snapshot.server.server_audit_specification_details);
            details.retain(|row| {
                row.audit_action_name.as_deref() != Some("SCHEMA_OBJECT_CHANGE_GROUP")
            });
            r.snapshot.server.traces = Observed::Known {
                value: vec![default_trace()],
            };
        },
        Blind::InPart,
        "only the default trace holds something of it",
    ),
    (
        |r| {
            let details = rows(&mut r.snapshot.server.server_audit_specification_details);
            details.retain(|row| {
                row.audit_action_name.as_deref() != Some("SCHEMA_OBJECT_CHANGE_GROUP")
            });
        },
        Blind::InPart,
        "no audit records it, and whether the default trace does was not seen",
    ),
    (
        |r| {
            let details = rows(&mut r.snapshot.server.server_audit_specification_details);
            details.retain(|row| {
                row.audit_action_name.as_deref() != Some("SCHEMA_OBJECT_CHANGE_GROUP")
            });
            r.set_option("default trace enabled", 0, 0);
        },
        Blind::TraceOff,
        "the default trace does not run",
    ),
];

#[test]
fn a_server_that_does_not_record_it_makes_it_unattributable() {
    for (spot, kind, says) in OF_THE_SERVER {
        for at_both in [true, false] {
            let (mut before, mut after) = planted();
            spot(&mut after);
            if at_both {
                spot(&mut before);
            }
            let diff = attributed(&(before, after), &[File::of(Vec::new()).read()], None);
            let own = of(&diff, "modules");
            assert_blind(own, *kind, says);
            // The server is blind, not we.
            assert!(!own.is_unseen(), "{says}: {own:#?}");
            let spots = &diff.attribution.as_ref().unwrap().blind_spots;
            let of_change = [Blind::InPart].contains(kind);
            assert!(
                of_change || spots.iter().any(|spot| spot.kind == *kind),
                "{says}: {spots:#?}"
            );
        }
    }
}

fn partial(first: &str) -> Value {
    json!({ "state": "partial", "value": { "events": 0, "first": first }, "needs": ["older ones"] })
}

/// A file without events, otherwise than whole.
fn file(make: impl Fn(&mut File)) -> File {
    let mut own = File::of(Vec::new());
    make(&mut own);
    own
}

/// How far the audit was seen.
fn seen(state: Value) -> File {
    File::of(Vec::new()).source(2, state)
}

fn assert_unseen(file: &File, kind: Blind, says: &str) {
    let own = planted_is(&[file.read()], None);
    assert_blind(&own, kind, says);
    assert!(own.is_unseen(), "{says}");
}

#[test]
fn a_source_that_we_did_not_see_makes_it_unattributable_and_is_incomplete() {
    let denied = json!({ "state": "denied", "needs": ["VIEW SERVER SECURITY AUDIT"] });
    let failed = json!({ "state": "failed", "error": { "number": 33222, "text": "no file" } });
    let log = json!({ "state": "unsupported", "since": 11, "why": "it writes to SECURITY LOG" });
    let (late, early) = (
        partial("2026-11-13T00:00:00.0000000Z"),
        partial("2026-11-01T00:00:00.0000000Z"),
    );
    let bounded = file(|own| {
        own.header["max_events"] = json!(0);
        own.target["sources"][2]["seen"] = early.clone();
    });
    for (file, kind, says) in [
        (seen(denied), Blind::Denied, "VIEW SERVER SECURITY AUDIT"),
        (seen(failed), Blind::SourceFailed, "no file"),
        (seen(log), Blind::SourceFailed, "SECURITY LOG"),
        (seen(late), Blind::Retention, "does not reach back"),
        (seen(early.clone()), Blind::SourcePartial, "older ones"),
        (bounded, Blind::Bounded, "audit Main"),
    ] {
        assert_unseen(&file, kind, says);
    }
}

#[test]
fn a_time_that_we_did_not_see_makes_it_unattributable_and_is_incomplete() {
    let late = file(|own| own.header["since"] = json!("2026-11-13T00:00:00.0000000Z"));
    let early = file(|own| own.header["until"] = json!("2026-11-12T08:00:00.0000000Z"));
    let without_end = file(|own| own.header["until"] = json!(null));
    let unreached = file(|own| {
        own.target["outcome"] =
            json!({ "state": "unreached", "stage": "connect", "why": "refused", "remedy": "look" });
        own.target["sources"] = json!([]);
    });
    for (file, kind, says) in [
        (late, Blind::Window, "2026-11-10 05:00:00 UTC on is not"),
        (early, Blind::Window, "2026-11-12 08:00:00 UTC on is not"),
        (without_end, Blind::Window, "--until"),
        (unreached, Blind::TargetNotRead, "refused"),
    ] {
        assert_unseen(&file, kind, says);
    }
    let own = planted_is(&[], None);
    assert_blind(&own, Blind::NoEvents, "no file of events has this target");
}

#[test]
fn a_file_that_lacks_what_it_says_attributes_nothing() {
    let mut file = File::of(vec![the_event(), the_event()]);
    file.events.pop();
    let own = planted_is(&[file.read()], None);
    assert_blind(
        &own,
        Blind::EventsMissing,
        "says 2 events of audit Main, and holds 1",
    );
}

#[test]
fn two_files_cover_what_neither_does() {
    let mut first = File::of(vec![the_event()]);
    first.header["until"] = json!("2026-11-13T00:00:00.0000000Z");
    let mut second = File::of(Vec::new());
    second.header["since"] = json!("2026-11-13T00:00:00.0000000Z");
    let window = |files: &[EventsFile]| {
        let diff = attributed(&planted(), files, None);
        let spots = diff.attribution.unwrap().blind_spots;
        spots.iter().any(|spot| spot.kind == Blind::Window)
    };
    assert!(window(&[first.read()]) && window(&[second.read()]));
    assert!(!window(&[second.read(), first.read()]));
}

#[test]
fn an_event_that_two_files_have_counts_once() {
    let file = File::of(vec![the_event()]).read();
    let own = planted_is(&[file.clone(), file], None);
    assert_eq!((own.outcome, own.events.len()), (Attributed::Attributed, 1));
    // Two that one file has are two.
    let own = planted_is(&[File::of(vec![the_event(), the_event()]).read()], None);
    assert_eq!(own.events.len(), 2);
}

#[test]
fn a_statement_that_is_cut_proves_nothing_and_is_said_to_be_so() {
    let mut event = the_event();
    let text = "ALTER PROCEDURE dbo.usp_x AS EXEC xp_cmdshell […]";
    event["statement"] = json!({ "text": text, "sha256": null, "missing": ["2"] });
    let own = planted_is(&[File::of(vec![event.clone()]).read()], None);
    assert_eq!(own.outcome, Attributed::Attributed);
    assert!(
        own.events[0].statement_cut && own.because.is_empty(),
        "{own:#?}"
    );
    let due = "a statement is not recorded whole: what it uses may be more";
    assert_eq!(own.remarks, [due]);
    // The same text, whole, is other code than stands there.
    event["statement"]["missing"] = json!([]);
    let own = planted_is(&[File::of(vec![event]).read()], None);
    assert_blind(
        &own,
        Blind::ChangedLater,
        "not the code that stands there now",
    );
}

#[test]
fn an_audit_that_was_switched_in_between_is_no_audit_all_the_time() {
    let (before, mut after) = planted();
    let status = rows(&mut after.snapshot.server.audit_status);
    status[0].status_time = Some("2026-11-12T09:30:00".to_owned());
    let diff = attributed(&(before, after), &[File::of(Vec::new()).read()], None);
    assert_blind(
        of(&diff, "modules"),
        Blind::AuditSwitched,
        "stopped or started between",
    );
}

#[test]
fn what_was_seen_whole_and_holds_no_such_event_is_said_to_be_so() {
    let own = planted_is(&[File::of(Vec::new()).read()], None);
    assert_eq!(kinds(&own), [Blind::NothingFits]);
    assert!(!own.is_unseen());
}

#[test]
fn events_that_fit_in_part_attribute_nothing() {
    let at = "2026-11-12T09:00:00.1000000Z";
    let event = |action: &str, kind: &str, object: &str| audited(at, action, kind, object, None);
    let near = [
        // The right name, and nothing that changes it.
        (event("DR", "P", "usp_x"), true),
        // Another's.
        (event("AL", "P", "usp_y"), false),
        (event("AL", "AS", "usp_x"), false),
        (
            {
                let mut other = event("AL", "P", "usp_x");
                other["on"]["schema"] = json!("hr");
                other
            },
            false,
        ),
        (
            {
                let mut other = event("AL", "P", "usp_x");
                other["on"]["database"] = json!("HR");
                other
            },
            false,
        ),
        // Refused.
        (
            {
                let mut refused = event("AL", "P", "usp_x");
                refused["succeeded"] = json!(false);
                refused
            },
            false,
        ),
        // Before, and after, the two collections.
        (
            {
                let mut early = event("AL", "P", "usp_x");
                early["moment"] = json!("2026-11-09T09:00:00.0000000Z");
                early
            },
            false,
        ),
        // Rolled back.
        (traced("2026-11-12T10:00:00", "164", 2), false),
    ];
    for (event, is_near) in near {
        let own = planted_is(&[File::of(vec![event.clone()]).read()], None);
        assert_eq!(own.outcome, Attributed::Unattributable, "{event}");
        assert_eq!(!own.near.is_empty(), is_near, "{event}: {own:#?}");
        let due = if is_near {
            Blind::FitsInPart
        } else {
            Blind::NothingFits
        };
        assert_eq!(kinds(&own), [due], "{event}");
    }
}

#[test]
fn what_the_catalog_or_the_code_says_otherwise_is_not_attributed() {
    let file = |statement: Option<&str>| {
        let at = "2026-11-12T09:00:00.1000000Z";
        File::of(vec![audited(at, "AL", "P", "usp_x", statement)]).read()
    };
    // Other code was put there.
    let own = planted_is(&[file(Some("ALTER PROCEDURE dbo.usp_x AS SELECT 2"))], None);
    assert_blind(
        &own,
        Blind::ChangedLater,
        "not the code that stands there now",
    );
    // Without a statement the catalog's moment decides: an hour later is another change, unless the clock was changed.
    assert_eq!(
        planted_is(&[file(None)], None).outcome,
        Attributed::Attributed
    );
    let (before, mut after) = planted();
    super::modified(&mut after, "2026-11-13T10:00:00");
    let diff = attributed(&(before, after), &[file(None)], None);
    assert_blind(
        of(&diff, "modules"),
        Blind::ChangedLater,
        "changed again after the last event",
    );
    assert!(of(&diff, "modules").catalog[0].contains("modify_date is 2026-11-13"));
    // The code itself outweighs it.
    let (before, mut after) = planted();
    super::modified(&mut after, "2026-11-13T10:00:00");
    let diff = attributed(&(before, after), &[file(Some(STATEMENT))], None);
    assert_eq!(of(&diff, "modules").outcome, Attributed::Attributed);
}
