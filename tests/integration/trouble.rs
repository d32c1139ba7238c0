//! Bad input and trouble on the way. Each time: a message that names target, stage and remedy, all
//! other targets complete, exit code 3, and nothing that was not seen counts as seen.

use std::time::{Duration, Instant};

use mssql_posture::snapshot::{DatabaseFacts, Fact, Observed, Snapshot};

use crate::support::cli::{Cli, Ran, outcomes};
use crate::support::estate::{Estate, closed_port};
use crate::support::instance::{
    Account, Break, Fault, Instance, PASSWORD, Recording, RunningInstance, USER, error,
};
use crate::support::tds_server::{LogKind, Options, Stage, identity};
use crate::support::truth;

fn recording(name: &str) -> Recording {
    truth::complete(16, name)
}

fn instance(name: &str) -> Instance {
    Instance::new(recording(name))
}

fn healthy(name: &str) -> RunningInstance {
    instance(name).start(Options::default())
}

fn snapshot(ran: &Ran, target: &str) -> Snapshot {
    Snapshot::from_json(&ran.read(&format!("out/snapshots/{target}.snapshot.json"))).unwrap()
}

fn database<'s>(snapshot: &'s Snapshot, name: &str) -> &'s DatabaseFacts {
    snapshot
        .databases
        .iter()
        .find(|d| d.name.as_str() == name)
        .unwrap()
}

/// Audits a troubled server beside a healthy one. The healthy one must be whole.
fn beside_a_healthy_one(lines: &str, troubled: &RunningInstance) -> Ran {
    let good = healthy("GOOD");
    let ran = Estate::with_defaults(lines)
        .with("good", &good)
        .with("troubled", troubled)
        .audit(&[])
        .run();
    assert_whole(&ran, "good", &good);
    ran
}

fn assert_whole(ran: &Ran, target: &str, server: &RunningInstance) {
    truth::assert_whole(&snapshot(ran, target), server);
}

fn assert_nothing_false(ran: &Ran, target: &str, server: &RunningInstance) {
    truth::assert_nothing_false(&snapshot(ran, target), server);
}

#[test]
fn an_unreachable_host() {
    let good = healthy("GOOD");
    let ran = Estate::with_defaults("retries = 1")
        .with("good", &good)
        .at("troubled", closed_port(), "")
        .audit(&[])
        .run()
        .code(3)
        .says("troubled: not reached: connect:")
        .says("check host, port and firewall");
    assert_whole(&ran, "good", &good);
    let exposure = &ran.instance("troubled")["exposure"];
    assert_eq!(
        (&exposure["low"], &exposure["high"]),
        (&0.into(), &100.into())
    );
}

#[cfg(unix)]
#[test]
fn an_answer_to_the_question_before_is_never_taken() {
    for from in 0..4 {
        let late = instance("LATE")
            .fault(Fault::LateAnswers { from })
            .start(Options::default());
        let ran = beside_a_healthy_one("retries = 1\nsessions_per_target = 1", &late).code(3);
        assert_nothing_false(&ran, "troubled", &late);
    }
}

#[test]
fn an_untrusted_certificate_ends_before_any_login() {
    let stranger = Options {
        certificate: Some(identity(&["localhost", "127.0.0.1"])),
        ..Options::default()
    };
    let server = instance("A").start(stranger);
    let good = healthy("GOOD");
    let ran = Estate::new()
        .with("troubled", &server)
        .with("good", &good)
        .audit(&[])
        .run()
        .code(3)
        .says("troubled: not reached: TLS:")
        .says("tls.ca_file");
    assert_whole(&ran, "good", &good);
    assert_eq!(server.logins_attempted(), 0);
}

#[test]
fn a_certificate_for_another_name() {
    let other = Options {
        certificate: Some(identity(&["sql.corp.example"])),
        ..Options::default()
    };
    let server = instance("A").start(other);
    let estate = |lines: &str| Estate::new().with_lines("a", &server, lines);
    estate("")
        .audit(&[])
        .run()
        .code(3)
        .says("hostname_in_certificate");
    assert_eq!(server.logins_attempted(), 0);
    let named = "tls = { hostname_in_certificate = \"sql.corp.example\" }";
    estate(named)
        .audit(&["--allow-partial", "--fail-on", "never"])
        .run()
        .code(0);
}

#[test]
fn a_server_that_hangs_at_each_stage() {
    let stages = [
        Stage::Accept,
        Stage::PreLogin,
        Stage::Tls,
        Stage::Login,
        Stage::Request(0),
        Stage::Request(1),
        Stage::Request(2),
    ];
    let hung: Vec<_> = stages
        .iter()
        .map(|stage| {
            let options = Options {
                hang: Some(*stage),
                ..Options::default()
            };
            instance(&format!("{stage:?}")).start(options)
        })
        .collect();
    let good = healthy("GOOD");
    let limits = "retries = 0\nsessions_per_target = 1\ntimeouts = { connect_seconds = 2, login_seconds = 2, query_seconds = 2 }";
    let estate = hung
        .iter()
        .enumerate()
        .fold(Estate::with_defaults(limits), |e, (n, s)| {
            e.with(&format!("hung-{n}"), s)
        })
        .with("good", &good);
    let start = Instant::now();
    let ran = estate.audit(&[]).run().code(3);
    assert!(
        start.elapsed() < Duration::from_secs(60),
        "{:?}",
        start.elapsed()
    );
    assert_whole(&ran, "good", &good);
    for (n, stage) in stages.iter().enumerate() {
        let coverage = ran.instance(&format!("hung-{n}"))["coverage"].clone();
        assert_ne!(coverage["missing"], serde_json::json!([]), "{stage:?}");
        assert_nothing_false(&ran, &format!("hung-{n}"), &hung[n]);
    }
    for stage in ["login", "session start"] {
        assert!(
            ran.stderr.contains(&format!("not reached: {stage}:")),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn the_whole_target_has_a_limit() {
    let options = Options {
        latency: Duration::from_millis(700),
        ..Options::default()
    };
    let slow = instance("SLOW").start(options);
    let limits = "sessions_per_target = 1\ntimeouts = { target_seconds = 2 }";
    let ran = beside_a_healthy_one(limits, &slow)
        .code(3)
        .says("target_seconds");
    assert_nothing_false(&ran, "troubled", &slow);
}

#[test]
fn a_connection_cut_in_the_middle_of_a_row() {
    let cut = |times| {
        let fault = Fault::BreakRow {
            view: "sys.objects",
            database: Some("erp"),
            after_rows: 2,
            how: Break::Close,
        };
        match times {
            Some(times) => instance("CUT").fault_times(times, fault),
            None => instance("CUT").fault(fault),
        }
        .start(Options::default())
    };
    let always = cut(None);
    let ran = beside_a_healthy_one("retries = 1", &always).code(3);
    let read = snapshot(&ran, "troubled");
    for fact in Fact::ALL {
        if let Some(state) = fact.unsettled_in(database(&read, "erp")) {
            assert_eq!(state.state, "not_collected", "{}", state.fact);
        }
    }
    assert_eq!(database(&read, "erp").objects.state(), "not_collected");
    assert_nothing_false(&ran, "troubled", &always);
    assert_eq!(database(&read, "master").objects.state(), "known");

    let once = cut(Some(1));
    let ran = beside_a_healthy_one("retries = 1", &once);
    assert_whole(&ran, "troubled", &once);
    let failed = snapshot(&ran, "troubled")
        .queries
        .iter()
        .filter(|q| q.error.is_some())
        .count();
    assert!(failed > 1, "the broken batch stands in the records");
}

#[test]
fn a_connection_cut_among_the_server_facts_keeps_partial_what_was_partial() {
    let mut recording = recording("CUT");
    if let Observed::Known { value } = &mut recording.snapshot.server.session {
        value.view_any_definition = Some(false);
        value.view_any_security_definition = Some(false);
    }
    let server = Instance::new(recording)
        .fault(Fault::Read {
            view: "sys.configurations",
            database: None,
            after_rows: None,
            error: error(229, 14, "no".to_owned()),
        })
        // Greeting, the batch that fails, then each query alone: the cut comes after the permissions.
        .fault(Fault::BreakRequest {
            session: None,
            request: 9,
            how: Break::Close,
        })
        .start(Options::default());
    let ran = beside_a_healthy_one("retries = 0", &server)
        .code(3)
        .says("server facts");
    let read = snapshot(&ran, "troubled");
    assert_eq!(read.server.server_principals.state(), "partial");
    let passed = |rule| outcomes(&ran.instance("troubled"), rule).contains(&"pass".to_owned());
    assert!(!passed("unexpected-sysadmin"));
}

#[test]
fn an_error_after_rows_have_come_voids_them() {
    for after_rows in [None, Some(1)] {
        let fault = Fault::Read {
            view: "sys.sql_modules",
            database: Some("erp"),
            after_rows,
            error: error(823, 16, "I/O error".to_owned()),
        };
        let server = instance("ERR").fault(fault).start(Options::default());
        let ran = beside_a_healthy_one("", &server).code(3);
        let read = snapshot(&ran, "troubled");
        assert_eq!(database(&read, "erp").modules.state(), "failed");
        assert_nothing_false(&ran, "troubled", &server);
        assert_eq!(database(&read, "erp").objects.state(), "known");
        let outcomes = outcomes(&ran.instance("troubled"), "module-invokes-command-channel");
        assert!(outcomes.contains(&"unknown".to_owned()), "{outcomes:?}");
    }
}

#[test]
fn a_database_that_goes_offline_or_denies_access_midway() {
    for (from, number, state) in [(1, 942, "failed"), (2, 942, "known"), (1, 916, "denied")] {
        let fault = Fault::Use {
            database: "erp",
            from,
            error: error(number, 14, "not now".to_owned()),
        };
        let server = instance("MID").fault(fault).start(Options::default());
        let ran = beside_a_healthy_one("", &server);
        let read = snapshot(&ran, "troubled");
        assert_eq!(
            database(&read, "erp").objects.state(),
            state,
            "{number} from {from}"
        );
        let unseen = ran.unseen();
        assert_eq!(ran.code == 3, state != "known", "{unseen:?}");
        let outcomes = outcomes(&ran.instance("troubled"), "not-all-databases-read");
        assert_eq!(
            outcomes.contains(&"fail".to_owned()),
            state != "known",
            "{outcomes:?}"
        );
    }
}

#[test]
fn a_view_that_this_server_does_not_have() {
    for view in ["sys.synonyms", "sys.server_sql_modules"] {
        let server = instance("OLD")
            .fault(Fault::Missing { view })
            .start(Options::default());
        let ran = beside_a_healthy_one("", &server).code(3);
        let read = snapshot(&ran, "troubled");
        let state = match view {
            "sys.synonyms" => database(&read, "erp").synonyms.state(),
            _ => read.server.server_modules.state(),
        };
        assert_eq!(state, "failed", "{view}");
        assert_nothing_false(&ran, "troubled", &server);
        assert_eq!(database(&read, "erp").modules.state(), "known");
    }
}

#[test]
fn a_configuration_row_that_is_missing_is_unknown_and_never_a_pass() {
    let mut recording = recording("GAP");
    if let Observed::Known { value } = &mut recording.snapshot.server.configurations {
        value.retain(|option| option.name != "xp_cmdshell");
    }
    if let Observed::Known { value } = &mut recording.snapshot.server.host {
        "Windows".clone_into(&mut value.platform); // there it exists
    }
    let server = Instance::new(recording).start(Options::default());
    let ran = beside_a_healthy_one("", &server).code(3);
    for rule in ["xp-cmdshell-enabled", "xp-cmdshell-staged"] {
        assert_eq!(
            outcomes(&ran.instance("troubled"), rule),
            ["unknown"],
            "{rule}"
        );
    }
}

#[test]
fn two_targets_with_one_name_end_before_any_connection() {
    let server = healthy("A");
    let ran = Estate::new()
        .with("a", &server)
        .with("a", &server)
        .audit(&[])
        .run()
        .code(2);
    assert!(ran.stderr.contains("estate.toml:"), "{}", ran.stderr);
    assert!(ran.stderr.contains("stands on line"), "{}", ran.stderr);
    assert_eq!(server.log(), []);
    assert!(!ran.path("out").exists());
}

#[test]
fn a_folder_with_content_is_refused_before_any_connection() {
    let server = healthy("A");
    Estate::new()
        .with("a", &server)
        .audit(&[])
        .file("out/x", "x")
        .run()
        .code(2)
        .says("not empty");
    assert_eq!(server.log(), []);
}

#[test]
fn sessions_that_reach_different_servers_end_the_target() {
    let server = instance("A")
        .fault(Fault::OtherServer { from_session: 2 })
        .start(Options::default());
    beside_a_healthy_one("", &server)
        .code(3)
        .says("two sessions reached different servers");
}

#[test]
fn a_routing_answer_is_followed_only_by_a_listener() {
    let replica = healthy("REPLICA");
    let routed = Account::Routed {
        host: "127.0.0.1".to_owned(),
        port: replica.port(),
    };
    let listener = instance("LISTENER")
        .account(USER, PASSWORD, routed)
        .start(Options::default());
    let estate = |lines| Estate::new().with_lines("a", &listener, lines);
    estate("")
        .audit(&[])
        .run()
        .code(3)
        .says("sends the session on")
        .says("listener = true");
    assert_eq!(replica.log(), []);
    let ran = estate("listener = true")
        .audit(&["--allow-partial", "--fail-on", "never"])
        .run()
        .code(0);
    assert_whole(&ran, "a", &replica);
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_what_is_complete() {
    let options = Options {
        hang: Some(Stage::Request(1)),
        ..Options::default()
    };
    let hung = instance("HUNG").start(options);
    let good = healthy("GOOD");
    let running = Estate::with_defaults("timeouts = { query_seconds = 600 }")
        .with("good", &good)
        .with("hung", &hung)
        .audit(&["--allow-partial"])
        .start();
    let done = running.folder().join("out/snapshots/good.snapshot.json");
    let hanging = || {
        hung.log()
            .iter()
            .filter(|e| matches!(e.kind, LogKind::Batch(_)))
            .count()
            == 2
    };
    let patience = Instant::now();
    while !(done.exists() && hanging()) {
        assert!(patience.elapsed() < Duration::from_secs(30), "nothing came");
        std::thread::sleep(Duration::from_millis(20));
    }
    let sent = std::process::Command::new("kill")
        .args(["-INT", &running.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let ran = running.wait().code(3);
    assert_whole(&ran, "good", &good);
    assert!(ran.stderr.contains("hung: not reached"), "{}", ran.stderr);
    assert!(
        ran.read("out/SHA256SUMS")
            .contains("snapshots/hung.snapshot.json")
    );
}

#[test]
fn an_unknown_target_in_a_selection_is_usage() {
    let server = healthy("A");
    let estate = Estate::new().with("erp", &server);
    estate
        .audit(&["--only", "epr"])
        .run()
        .code(2)
        .says("did you mean erp?");
    assert_eq!(server.log(), []);
    Cli::new(&["audit", "estate.toml"])
        .file("estate.toml", "schema = 1")
        .run()
        .code(2)
        .says("estate.toml:1:");
}

#[test]
fn a_server_that_says_to_be_another_does_not_make_that_one_vanish() {
    for order in [["forger", "victim"], ["victim", "forger"]] {
        let victim = healthy("VICTIM");
        let mut recording = truth::complete(16, "VICTIM");
        recording.snapshot.server.configurations.seen_mut()[0].value = Some(7);
        let forger = Instance::new(recording).start(Options::default());
        let estate = order.iter().fold(Estate::new(), |estate, name| {
            estate.with(name, if *name == "victim" { &victim } else { &forger })
        });
        let ran = estate.audit(&["--fail-on", "never"]).run().code(0);
        for name in order {
            assert!(ran.instance(name)["same_as"].is_null(), "{name}");
        }
        assert_whole(&ran, "victim", &victim);
    }
}

#[test]
fn two_addresses_of_one_instance_are_told_by_what_they_show() {
    let (one, other) = (healthy("ALIKE"), healthy("ALIKE"));
    let ran = Estate::new()
        .with("one", &one)
        .with("other", &other)
        .audit(&["--fail-on", "never"])
        .run()
        .code(0);
    assert_eq!(ran.instance("other")["same_as"], "one");
    assert_eq!(ran.assessment()["fleet"]["instances"], 1);
}

#[test]
fn a_database_with_one_connection_only_is_left_to_its_user() {
    let mut recording = recording("SINGLE");
    for row in recording.snapshot.server.databases.seen_mut() {
        if row.name == "erp" {
            row.user_access = Some(1);
        }
    }
    let server = Instance::new(recording).start(Options::default());
    let ran = beside_a_healthy_one("", &server).code(3);
    assert!(!server.statements().contains(&"USE [erp]".to_owned()));
    let read = snapshot(&ran, "troubled");
    assert!(database(&read, "erp").objects.needs()[0].contains("SINGLE_USER"));
}

#[test]
fn a_long_text_from_a_server_does_not_stop_the_reports() {
    let mut recording = recording("LONG");
    for row in recording.snapshot.server.databases.seen_mut() {
        if row.name == "erp" {
            row.state = Some(6);
            row.state_desc = Some("x".repeat(60));
        }
    }
    let long = "y ".repeat(20_000);
    let server = Instance::new(recording)
        .fault(Fault::Read {
            view: "sys.triggers",
            database: None,
            after_rows: None,
            error: error(823, 16, long),
        })
        .start(Options::default());
    let start = Instant::now();
    let ran = beside_a_healthy_one("", &server).code(3);
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    assert!(ran.read("out/snapshots/troubled.snapshot.json").len() < 2 << 20);
}

#[cfg(unix)]
#[test]
fn a_terminated_run_ends_as_incomplete_also_while_it_waits_for_a_secret() {
    let server = healthy("A");
    let auth =
        "auth = { kind = \"sql\", user = \"u\", password = { command = [\"sleep\", \"20\"] } }";
    let running = Estate::new()
        .with_lines("a", &server, auth)
        .audit(&[])
        .start();
    std::thread::sleep(Duration::from_millis(500));
    for _ in 0..2 {
        let sent = std::process::Command::new("kill")
            .arg(running.id().to_string())
            .status();
        assert!(sent.unwrap().success());
        std::thread::sleep(Duration::from_millis(300));
    }
    let ran = running.wait().code(3);
    assert_eq!(server.logins_attempted(), 0, "{}", ran.stderr);
}

#[test]
fn a_listener_leads_only_to_hosts_that_are_known() {
    let routed = Account::Routed {
        host: "evil.example".to_owned(),
        port: 1433,
    };
    let listener = instance("LISTENER")
        .account(USER, PASSWORD, routed)
        .start(Options::default());
    Estate::new()
        .with_lines("a", &listener, "listener = true")
        .audit(&[])
        .run()
        .code(3)
        .says("neither in the inventory nor in the listener's domain");
}
