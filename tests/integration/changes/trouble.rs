//! What could not be seen, and what a server or whoever may create an audit could try.

use super::*;
use crate::support::instance::{Fault, error};

fn with_rights(
    version: u16,
    security_audit: bool,
    change: impl Fn(&mut mssql_posture::snapshot::SessionIdentity),
) -> RunningInstance {
    let mut recording = recording(version);
    if let Observed::Known { value } = &mut recording.snapshot.server.session {
        value.control_server = Some(false);
        value.alter_trace = Some(false);
        change(value);
    }
    let mut events = events(version);
    events.security_audit = security_audit;
    Instance::new(recording)
        .events(events)
        .start(Options::default())
}

#[test]
fn without_the_rights_nothing_is_sent_and_the_right_is_named() {
    for (version, right) in [(15, "CONTROL SERVER"), (16, "VIEW SERVER SECURITY AUDIT")] {
        let server = with_rights(version, false, |_| {});
        let ran = changes(&server, &SINCE).run().code(3);
        let lines = lines(&ran);
        assert_eq!(
            seen(&lines, "default_trace"),
            json!({"state": "denied", "needs": ["ALTER TRACE"]})
        );
        assert_eq!(
            seen(&lines, "audits"),
            json!({"state": "denied", "needs": [right]})
        );
        assert!(of_kind(&lines, "event").is_empty());
        let sent = server.statements();
        for view in [
            "sys.traces",
            "sys.fn_",
            "sys.server_audits",
            "sys.server_file_audits",
            "sys.dm_audit",
        ] {
            assert!(!sent.iter().any(|s| s.contains(view)), "{version}: {view}");
        }
        server.assert_clean();
    }
}

#[test]
fn from_2022_on_a_lesser_right_reads_audit_files_and_before_it_does_not() {
    let server = with_rights(16, true, |_| {});
    let ran = changes(&server, &SINCE).run().code(3);
    let lines_16 = lines(&ran);
    assert_eq!(seen(&lines_16, "default_trace")["state"], "denied");
    assert_eq!(seen(&lines_16, "O'Hara\u{202e}")["state"], "known");
    let server = with_rights(15, true, |rights| rights.alter_trace = Some(true));
    let ran = changes(&server, &SINCE).run().code(3);
    let lines_15 = lines(&ran);
    assert_eq!(seen(&lines_15, "default_trace")["state"], "known");
    assert_eq!(seen(&lines_15, "audits")["state"], "denied");
}

#[test]
fn audits_that_may_be_hidden_make_the_list_partial() {
    let server = with_rights(16, true, |rights| {
        rights.view_any_definition = Some(false);
        rights.view_any_security_definition = Some(false);
    });
    let lines = lines(&changes(&server, &SINCE).run().code(3));
    assert_eq!(seen(&lines, "audits")["state"], "partial");
    assert_eq!(
        seen(&lines, "audits")["needs"],
        json!(["VIEW ANY DEFINITION"])
    );
}

#[test]
fn the_bound_is_kept_and_said() {
    let server = server(16);
    let ran = changes(&server, &SINCE)
        .args(&["--max-events", "2"])
        .run()
        .code(3);
    let lines = lines(&ran);
    let trace = seen(&lines, "default_trace");
    assert_eq!(trace["state"], "partial");
    assert!(
        trace["needs"][0].as_str().unwrap().contains("--max-events"),
        "{trace}"
    );
    assert_eq!(seen(&lines, "O'Hara\u{202e}")["state"], "partial");
    assert!(of_kind(&lines, "event").len() <= 2);
}

#[test]
fn until_ends_what_is_asked_for() {
    let args = ["--since", "2026-09-03T08:30", "--until", "2026-09-04"];
    let lines = lines(&changes(&server(16), &args).run().code(0));
    let events = of_kind(&lines, "event");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["action"]["id"], "ALST");
    assert_eq!(lines[0]["until"], "2026-09-04T00:00:00.0000000Z");
}

#[test]
fn files_that_do_not_reach_back_are_partial_and_say_from_when_they_are() {
    let args = ["--since", "2026-07-01"];
    let lines = lines(&changes(&server(16), &args).run().code(3));
    for (source, first) in [
        ("default_trace", "2026-08-01T03:30:00.0000000Z"),
        ("O'Hara\u{202e}", "2026-08-01T00:00:00.0000000Z"),
    ] {
        let seen = seen(&lines, source);
        assert_eq!(seen["state"], "partial", "{seen}");
        assert_eq!(seen["value"]["first"], first);
        assert!(seen["needs"][0].as_str().unwrap().contains(first), "{seen}");
    }
}

#[test]
fn what_is_not_there_is_unsupported_and_nothing_is_missing() {
    let mut recording = recording(16);
    let facts = &mut recording.snapshot.server;
    facts.traces = Observed::Known { value: Vec::new() };
    facts.server_audits = Observed::Known {
        value: vec![audit(1, "to the log", "APPLICATION LOG")],
    };
    facts.server_file_audits = Observed::Known { value: Vec::new() };
    let server = Instance::new(recording).start(Options::default());
    let lines = lines(&changes(&server, &SINCE).run().code(0));
    assert_eq!(seen(&lines, "default_trace")["state"], "unsupported");
    assert_eq!(seen(&lines, "to the log")["state"], "unsupported");
    server.assert_clean();
}

#[test]
fn files_that_are_not_there_fail_with_the_servers_number() {
    let server = Instance::new(recording(16)).start(Options::default());
    let lines = lines(&changes(&server, &SINCE).run().code(3));
    assert_eq!(seen(&lines, "default_trace")["error"]["number"], 567);
    assert_eq!(seen(&lines, "O'Hara\u{202e}")["error"]["number"], 33222);
}

#[test]
fn a_refusal_in_spite_of_the_right_is_a_denial() {
    let refused = error(
        8189,
        14,
        "You do not have permission to run 'FN_TRACE_GETTABLE'.",
    );
    let server = Instance::new(recording(16))
        .events(events(16))
        .fault(Fault::Read {
            view: "sys.fn_trace_gettable",
            database: None,
            after_rows: None,
            error: refused,
        })
        .start(Options::default());
    let lines = lines(&changes(&server, &SINCE).run().code(3));
    assert_eq!(
        seen(&lines, "default_trace"),
        json!({"state": "denied", "needs": ["ALTER TRACE (error 8189)"]})
    );
    assert_eq!(seen(&lines, "O'Hara\u{202e}")["state"], "known");
}

#[test]
fn an_error_after_some_rows_counts_for_nothing() {
    let broken = error(823, 16, "The operating system returned error 21.");
    let server = Instance::new(recording(16))
        .events(events(16))
        .fault(Fault::Read {
            view: "sys.fn_get_audit_file",
            database: None,
            after_rows: Some(1),
            error: broken,
        })
        .start(Options::default());
    let lines = lines(&changes(&server, &SINCE).run().code(3));
    let seen = seen(&lines, "O'Hara\u{202e}");
    assert_eq!(seen["state"], "failed");
    assert_eq!(seen["error"]["number"], 823);
    let audited = of_kind(&lines, "event")
        .into_iter()
        .filter(|e| e["source"]["kind"] == "audit");
    assert_eq!(audited.count(), 0);
}

#[test]
fn a_lost_connection_interrupts_and_nothing_more_is_sent() {
    use crate::support::instance::Break;
    let server = Instance::new(recording(16))
        .events(events(16))
        .fault(Fault::BreakRow {
            view: "sys.fn_trace_gettable",
            database: None,
            after_rows: 1,
            how: Break::Close,
        })
        .start(Options::default());
    let lines = lines(&changes(&server, &SINCE).run().code(3));
    let target = &of_kind(&lines, "target")[0];
    assert_eq!(target["outcome"]["state"], "interrupted");
    assert_eq!(seen(&lines, "default_trace")["state"], "failed");
    assert_eq!(seen(&lines, "audits")["state"], "failed");
}

/// Whoever may create an audit chooses its folder and name.
#[test]
fn hostile_paths_and_names_stay_what_they_are() {
    let folder = "C:\\a'); EXEC xp_cmdshell N'whoami' --\\";
    let pattern = format!("{folder}x$(since)'']*.sqlaudit");
    let mut hostile = recording(16);
    let facts = &mut hostile.snapshot.server;
    if let Observed::Known { value } = &mut facts.server_file_audits {
        value[0].log_file_path = Some(folder.to_owned());
        value[0].log_file_name = Some("x$(since)'']".to_owned());
    }
    let files = RecordedEvents::default()
        .trace(TRACE_BASE, trace_rows())
        .audit(&pattern, audit_rows(16));
    let server = Instance::new(hostile)
        .events(files)
        .start(Options::default());
    let read = lines(&changes(&server, &SINCE).run().code(0));
    assert_eq!(seen(&read, "O'Hara\u{202e}")["state"], "known");
    server.assert_clean();

    for (path, why) in [
        ("C:\\a\nb\\", "control character"),
        (&*format!("C:\\{}\\", "x".repeat(250)), "longer than"),
    ] {
        let mut hostile = recording(16);
        if let Observed::Known { value } = &mut hostile.snapshot.server.server_file_audits {
            value[0].log_file_path = Some(path.to_owned());
        }
        let server = Instance::new(hostile)
            .events(events(16))
            .start(Options::default());
        let read = lines(&changes(&server, &SINCE).run().code(3));
        let seen = seen(&read, "O'Hara\u{202e}");
        assert_eq!(seen["state"], "failed");
        assert!(
            seen["error"]["text"].as_str().unwrap().contains(why),
            "{seen}"
        );
        assert!(
            !server
                .statements()
                .iter()
                .any(|s| s.contains("fn_get_audit_file"))
        );
        server.assert_clean();
    }
}

#[test]
fn an_unreached_target_a_recording_and_a_second_name_are_said_beside_the_others() {
    let server = server(16);
    let estate = Estate::new()
        .with("a", &server)
        .with("same", &server)
        .at("gone", crate::support::estate::closed_port(), "")
        .raw("[[target]]\nname = \"file\"\nsnapshot = \"file.snapshot.json\"\n");
    let ran = estate
        .command("changes", &["--format", "jsonl"])
        .args(&SINCE)
        .run()
        .code(3);
    let targets = of_kind(&lines(&ran), "target");
    let state = |place: usize| {
        (
            targets[place]["target"].clone(),
            targets[place]["outcome"]["state"].clone(),
        )
    };
    assert_eq!(state(0), (json!("a"), json!("finished")));
    assert_eq!(state(1), (json!("same"), json!("same_as")));
    assert_eq!(state(2), (json!("gone"), json!("unreached")));
    assert_eq!(state(3), (json!("file"), json!("unreached")));
    assert_eq!(of_kind(&lines(&ran), "event").len(), 6);
    let ran = estate
        .command("changes", &["--only", "a", "--only", "same"])
        .args(&SINCE)
        .run();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}
