//! Instances as estates have them: collations that tell letters apart otherwise, databases that come and go, replicas
//! that refuse, contained users.

use mssql_posture::ids::DatabaseName;
use mssql_posture::snapshot::{DatabaseFacts, DatabaseRow, Object, Observed, Outcome, Snapshot};

use crate::support::estate::Estate;
use crate::support::in_process::{collected, plan};
use crate::support::instance::{Fault, Instance, Recording, error};
use crate::support::tds_server::Options;
use crate::support::truth;

fn with_collation(collation: &str) -> Recording {
    let mut recording = truth::complete(16, "SRV");
    if let Observed::Known { value } = &mut recording.snapshot.server.server_identity {
        value.collation = Some(collation.to_owned());
    }
    recording
}

/// Adds a database like `model` under another name.
fn add(recording: &mut Recording, name: &str, change: impl FnOnce(&mut DatabaseRow)) {
    let Observed::Known { value: rows } = &mut recording.snapshot.server.databases else {
        panic!("the sample lists its databases");
    };
    let id = rows.iter().map(|row| row.database_id).max().unwrap() + 1;
    let mut row = rows.iter().find(|row| row.name == "model").unwrap().clone();
    row.database_id = id;
    name.clone_into(&mut row.name);
    change(&mut row);
    rows.push(row);
    let databases = &mut recording.snapshot.databases;
    let model = databases.iter().find(|d| d.name.as_str() == "model");
    let mut facts = model.unwrap().clone();
    facts.database_id = id;
    facts.name = DatabaseName::new(name);
    databases.push(facts);
}

fn collect(recording: Recording) -> Snapshot {
    let server = Instance::new(recording).start(Options::default());
    let snapshot = collected(plan(&server)).snapshot;
    server.assert_clean();
    truth::assert_whole(&snapshot, &server);
    snapshot
}

fn database<'s>(snapshot: &'s Snapshot, name: &str) -> &'s DatabaseFacts {
    let mut databases = snapshot.databases.iter();
    databases.find(|d| d.name.as_str() == name).unwrap()
}

/// Names in a statement are written as the catalog has them, so that no collation takes them for others.
#[test]
fn every_collation_is_read_whole() {
    for collation in [
        "Turkish_CI_AS",
        "Turkish_100_CS_AS_KS_WS",
        "Latin1_General_BIN2",
        "Latin1_General_100_CI_AS_SC_UTF8",
        "Japanese_XJIS_140_CS_AS_KS_WS",
    ] {
        let mut recording = with_collation(collation);
        for name in ["İstanbul", "ISTANBUL_ırmak", "stra\u{df}e"] {
            add(&mut recording, name, |row| {
                row.collation = Some(collation.to_owned());
            });
        }
        collect(recording);
    }
}

#[test]
fn names_that_differ_by_case_alone_are_two_databases() {
    let mut recording = with_collation("Latin1_General_BIN2");
    for name in ["Sales", "SALES", "sales"] {
        add(&mut recording, name, |_| {});
    }
    let twin = recording.snapshot.databases.iter_mut();
    for facts in twin.filter(|d| d.name.as_str() == "SALES") {
        facts.schemas.limit("to tell the twins apart");
        facts.schemas = Observed::Known {
            value: facts.schemas.seen()[..1].to_vec(),
        };
    }
    let snapshot = collect(recording);
    let schemas = |name: &str| database(&snapshot, name).schemas.seen().len();
    assert_eq!(
        (schemas("Sales"), schemas("SALES"), schemas("sales")),
        (2, 1, 2)
    );
}

#[test]
fn an_exclusion_names_one_of_two_databases_that_differ_by_case() {
    let mut recording = with_collation("Latin1_General_BIN2");
    for name in ["Sales", "SALES"] {
        add(&mut recording, name, |_| {});
    }
    let server = Instance::new(recording).start(Options::default());
    let mut plan = plan(&server);
    plan.exclude_databases = vec!["SALES".to_owned()];
    let snapshot = collected(plan).snapshot;
    assert!(database(&snapshot, "SALES").excluded);
    assert_eq!(database(&snapshot, "Sales").objects.state(), "known");
}

#[test]
fn a_contained_database_shows_users_without_a_login() {
    let mut recording = truth::complete(15, "SRV");
    add(&mut recording, "contained", |row| row.containment = Some(1));
    let contained = recording.snapshot.databases.last_mut().unwrap();
    if let Observed::Known { value } = &mut contained.database_principals {
        let mut user = value[0].clone();
        user.principal_id = mssql_posture::ids::PrincipalId(7);
        "contained_user".clone_into(&mut user.name);
        "S".clone_into(&mut user.r#type);
        user.authentication_type = Some(2);
        value.push(user);
        value.sort();
    }
    let snapshot = collect(recording);
    let users = database(&snapshot, "contained").database_principals.seen();
    assert!(users.iter().any(|user| user.authentication_type == Some(2)));
}

/// A list that came short looks like a list with nothing in it.
#[test]
fn a_right_that_is_taken_away_meanwhile_ends_the_target() {
    // The greeting, the server's facts, the rights again.
    for (from, finished) in [(2, false), (3, true)] {
        let server = Instance::new(truth::complete(16, "SRV"))
            .fault(Fault::RightTaken { from })
            .start(Options::default());
        let mut plan = plan(&server);
        plan.sessions = 1;
        let snapshot = collected(plan).snapshot;
        assert_eq!(snapshot.outcome == Outcome::Finished, finished, "{from}");
        if !finished {
            let why = snapshot.outcome.why();
            assert!(
                why.contains("rights changed while the server was read"),
                "{why}"
            );
        }
    }
}

/// A view that a managed instance lacks is no failure there, and on a server of one's own it is.
#[test]
fn a_system_view_that_azure_does_not_have_is_not_missed_there() {
    for (edition, registry, jobs) in [(8, "unsupported", "failed"), (3, "failed", "failed")] {
        let mut recording = truth::complete(16, "SRV");
        if let Observed::Known { value } = &mut recording.snapshot.server.server_identity {
            value.engine_edition = Some(edition);
        }
        let server = Instance::new(recording)
            .fault(Fault::Missing {
                view: "sys.dm_server_registry",
            })
            .fault(Fault::Missing {
                view: "dbo.sysjobs",
            })
            .start(Options::default());
        let snapshot = collected(plan(&server)).snapshot;
        assert_eq!(snapshot.server.registry.state(), registry, "{edition}");
        // msdb's owner could have taken its table away.
        assert_eq!(snapshot.server.jobs.state(), jobs, "{edition}");
        assert_eq!(snapshot.server.endpoints.state(), "known");
    }
}

type Plant = fn(&mut Vec<Object>);

/// What msdb's owner can put in the place of one of its tables, and what is said of it.
const PLANTED: &[(&str, Plant, &str)] = &[
    (
        "a view",
        |objects| "V".clone_into(&mut table(objects).r#type),
        "in whose place stands an object of type V",
    ),
    (
        "a view whose name differs by case alone",
        |objects| {
            "SysJobs".clone_into(&mut table(objects).name);
            "V".clone_into(&mut objects.last_mut().unwrap().r#type);
        },
        "which is not there",
    ),
    (
        "a table in another schema",
        |objects| table(objects).schema_id = 4,
        "which is not there",
    ),
    (
        "a copy without some rows",
        |objects| table(objects).is_ms_shipped = Some(false),
        "not marked as shipped, and others are",
    ),
    (
        "a policy that filters rows",
        |objects| {
            let policy = Object {
                object_id: 61_000,
                name: "quiet".to_owned(),
                r#type: "SP".to_owned(),
                ..table(objects).clone()
            };
            objects.push(policy);
        },
        "removal of security policy dbo.quiet from msdb",
    ),
];

fn table(objects: &mut [Object]) -> &mut Object {
    objects.iter_mut().find(|o| o.name == "sysjobs").unwrap()
}

/// Whoever selects from what somebody planted runs his code.
#[test]
fn what_stands_in_the_place_of_a_table_of_msdb_is_not_asked() {
    for (about, plant, says) in PLANTED {
        let mut recording = truth::complete(16, "SRV");
        let databases = recording.snapshot.databases.iter_mut();
        for msdb in databases.filter(|d| d.name.as_str() == "msdb") {
            let Observed::Known { value } = &mut msdb.objects else {
                panic!("the sample is seen whole");
            };
            plant(value);
        }
        let server = Instance::new(recording).start(Options::default());
        let ran = Estate::new().with("a", &server).audit(&[]).run().code(3);
        let text = ran.read("out/snapshots/a.snapshot.json");
        let snapshot = Snapshot::from_json(&text).unwrap();
        assert_eq!(snapshot.server.jobs.state(), "not_collected", "{about}");
        let needs = snapshot.server.jobs.needs().join(" ");
        assert!(needs.contains(says), "{about}: {needs}");
        let mut statements = server.statements().into_iter();
        assert!(
            !statements.any(|s| s.ends_with("FROM dbo.sysjobs")),
            "{about}"
        );
    }
}

/// A database whose name the server would take for several parts.
#[test]
fn rights_are_asked_for_in_databases_of_any_name() {
    let mut recording = truth::complete(16, "SRV");
    for name in ["MyApp.Prod", "[erp]", "a]].[b"] {
        add(&mut recording, name, |_| {});
    }
    let snapshot = collect(recording);
    for name in ["MyApp.Prod", "[erp]", "a]].[b"] {
        assert_eq!(database(&snapshot, name).objects.state(), "known", "{name}");
    }
}

/// What a database's entry is answered with, and the state of its facts.
const REFUSALS: &[(i32, &str, &str)] = &[
    (911, "Database 'erp' does not exist.", "failed"),
    (
        916,
        "The server principal is not able to access the database.",
        "denied",
    ),
    (
        942,
        "Database 'erp' cannot be opened because it is offline.",
        "failed",
    ),
    (
        927,
        "Database 'erp' cannot be opened. It is in the middle of a restore.",
        "failed",
    ),
    (
        924,
        "Database 'erp' is already open and can only have one user at a time.",
        "failed",
    ),
    (
        976,
        "The target database is participating in an availability group and is currently not accessible for queries.",
        "failed",
    ),
    (
        983,
        "Unable to access availability database 'erp' because the database replica is not in the PRIMARY or SECONDARY role.",
        "failed",
    ),
];

#[test]
fn a_database_that_cannot_be_entered_says_why_and_nothing_else_suffers() {
    for (number, text, state) in REFUSALS {
        let server = Instance::new(truth::complete(16, "SRV"))
            .fault(Fault::Use {
                database: "erp",
                from: 1,
                error: error(*number, 14, *text),
            })
            .start(Options::default());
        let snapshot = collected(plan(&server)).snapshot;
        truth::assert_nothing_false(&snapshot, &server);
        let objects = &database(&snapshot, "erp").objects;
        assert_eq!(objects.state(), *state, "{number}");
        let needs = objects.needs().join(" ");
        assert!(needs.contains(&format!("error {number}")), "{needs}");
        assert_eq!(database(&snapshot, "msdb").objects.state(), "known");
        assert_eq!(snapshot.server.jobs.state(), "known");
    }
}

/// A database that restores, recovers or is suspect is not even entered: nothing there can be read.
#[test]
fn a_database_that_is_not_online_is_left_alone() {
    for (state, word) in [
        (1, "RESTORING"),
        (2, "RECOVERING"),
        (3, "RECOVERY_PENDING"),
        (4, "SUSPECT"),
        (5, "EMERGENCY"),
        (6, "OFFLINE"),
        (10, "OFFLINE_SECONDARY"),
    ] {
        let mut recording = truth::complete(16, "SRV");
        let rows = recording.snapshot.server.databases.seen_mut();
        let row = rows.iter_mut().find(|row| row.name == "erp").unwrap();
        (row.state, row.state_desc) = (Some(state), Some(word.to_owned()));
        let server = Instance::new(recording).start(Options::default());
        let ran = Estate::new().with("a", &server).audit(&[]).run().code(3);
        let text = ran.read("out/snapshots/a.snapshot.json");
        let snapshot = Snapshot::from_json(&text).unwrap();
        let why = database(&snapshot, "erp").objects.needs().join(" ");
        assert_eq!(why, format!("the database is {word}"));
        let entered = server.statements().iter().any(|s| s == "USE [erp]");
        assert!(!entered, "{word}");
    }
}
